// what_if.c - many stop rules over one trajectory at the price of few.
//
// A range rule fires at the first t whose range over the last w prices is at most T, so
// for one w a single walk along the ranges serves every T, the loosest first. Rules of
// other kinds are asked one by one (cr_stop_view). What a rule decides is then a number
// t, and its sums take the points that the market had at t.
#include "credence/stats/what_if.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/stats/calibration.h"

enum { NEVER = UINT32_MAX };

struct rule {
    struct cr_stop stop;
    size_t at; // in the caller's order
    // Of the present question, then over questions.
    double num, den, regret_now, regret_n;
    struct cr_ratio_sums sums, regret;
    double calls, called; // of those whose calls are known
    double final, brier, iterations;
    uint64_t done, priced, converged, invalid, failed, unknown;
};

struct cr_what_if {
    struct rule *rule; // range rules first: by window, then threshold downwards
    size_t len;
    double *score, *brier; // [t] of the present market
    double *range;         // [t]
    double *calls;         // [t] calls up to t of the present market
    double *prices;        // [t][width], when the options are not stored tightly
    size_t cap, prices_cap, brier_cap, range_cap, calls_cap;
};

static int by_walk(const void *a, const void *b) {
    const struct rule *x = a, *y = b;
    int x_last = x->stop.rule != CR_STOP_RANGE, y_last = y->stop.rule != CR_STOP_RANGE;
    if (x_last != y_last) {
        return x_last - y_last;
    }
    if (x->stop.window != y->stop.window) {
        return x->stop.window < y->stop.window ? -1 : 1;
    }
    if (x->stop.threshold != y->stop.threshold) {
        return x->stop.threshold > y->stop.threshold ? -1 : 1;
    }
    return x->at < y->at ? -1 : 1;
}

enum cr_status cr_what_if_create(const struct cr_stop *rules, size_t len,
                                 struct cr_what_if **out) {
    if (len > CR_WHAT_IF_RULES_MAX) {
        return CR_E_LIMIT;
    }
    struct cr_what_if *what_if = cr_calloc(1, sizeof *what_if);
    if (what_if == NULL) {
        return CR_E_MEMORY;
    }
    what_if->rule = cr_calloc(len + 1, sizeof *what_if->rule);
    if (what_if->rule == NULL) {
        cr_free(what_if);
        return CR_E_MEMORY;
    }
    what_if->len = len;
    for (size_t i = 0; i < len; i++) {
        what_if->rule[i].stop = rules[i];
        what_if->rule[i].at = i;
    }
    qsort(what_if->rule, len, sizeof *what_if->rule, by_walk);
    *out = what_if;
    return CR_OK;
}

void cr_what_if_destroy(struct cr_what_if *what_if) {
    if (what_if == NULL) {
        return;
    }
    cr_free(what_if->rule);
    cr_free(what_if->score);
    cr_free(what_if->brier);
    cr_free(what_if->range);
    cr_free(what_if->calls);
    cr_free(what_if->prices);
    cr_free(what_if);
}

static enum cr_status reserve(struct cr_what_if *what_if,
                              const struct cr_market *market) {
    size_t need = (size_t)market->prices_len + 1;
    enum cr_status status = cr_array_grow((void **)&what_if->score, &what_if->cap, need,
                                          sizeof *what_if->score);
    if (status == CR_OK) {
        status = cr_array_grow((void **)&what_if->brier, &what_if->brier_cap, need,
                               sizeof *what_if->brier);
    }
    if (status == CR_OK) {
        status = cr_array_grow((void **)&what_if->range, &what_if->range_cap, need,
                               sizeof *what_if->range);
    }
    if (status == CR_OK) {
        status = cr_array_grow((void **)&what_if->calls, &what_if->calls_cap, need,
                               sizeof *what_if->calls);
    }
    if (status == CR_OK && market->options != NULL) {
        status = cr_array_grow((void **)&what_if->prices, &what_if->prices_cap,
                               need * market->options_len, sizeof *what_if->prices);
    }
    return status;
}

// A market with its points, and its prices as the stop rules want them.
struct path {
    const struct cr_market *market;
    const double *price; // [prices_len][width]
    uint32_t width;
};

static struct path prepare(struct cr_what_if *what_if, const struct cr_market *market) {
    struct path path = {market, market->price, 1};
    bool is_scored = market->space != CR_SPACE_CONTINUOUS;
    double calls = 0.0;
    for (uint32_t t = 0; t < market->prices_len; t++) {
        calls += market->step_calls != NULL ? (double)market->step_calls[t] : NAN;
        what_if->calls[t] = calls;
        what_if->score[t] = is_scored ? cr_score_at(market, t) : NAN;
        what_if->brier[t] = is_scored ? cr_brier_at(market, t) : 0.0;
    }
    if (market->options == NULL) {
        return path;
    }
    path.width = market->options_len;
    path.price = what_if->prices;
    for (uint32_t t = 0; t < market->prices_len; t++) {
        memcpy(what_if->prices + (size_t)t * path.width,
               market->options + (size_t)t * market->options_stride,
               path.width * sizeof(double));
    }
    return path;
}

// The largest range of any option over judgments [T + 1 - WINDOW, T].
static double range_at(const struct path *path, uint32_t t, uint32_t window) {
    double largest = 0.0;
    for (uint32_t k = 0; k < path->width; k++) {
        const double *price = path->price + (size_t)(t + 1 - window) * path->width + k;
        double low = *price, high = *price;
        for (uint32_t i = 1; i < window; i++) {
            double next = price[(size_t)i * path->width];
            low = next < low ? next : low;
            high = next > high ? next : high;
        }
        largest = high - low > largest ? high - low : largest;
    }
    return largest;
}

// RULE fired first at judgment FIRED (or NEVER): add what the market would have been.
static void settle(struct cr_what_if *what_if, struct rule *rule,
                   const struct cr_market *market, uint32_t fired) {
    bool is_of_votes = rule->stop.rule == CR_STOP_SPRT;
    // The length of a test of votes is the number of samples, as in cr_stop_now.
    uint32_t cap = is_of_votes ? UINT32_MAX - 1 : rule->stop.max_iterations;
    uint32_t len = market->prices_len, t = fired;
    bool is_done = true;
    bool is_late = fired == NEVER || fired > cap;
    // A protocol of a set length is cut by no rule, but for samples, which a rule of
    // votes or a smaller number of them cuts.
    bool is_whole = market->ended == CR_ENDED_COMPLETE && !market->has_samples;
    bool is_out = market->ended == CR_ENDED_NO_ARGUMENT ||
                  (market->ended == CR_ENDED_COMPLETE && is_of_votes);
    if (is_whole || (is_out && is_late && cap >= len)) {
        t = len - 1;
    } else if (is_late) {
        t = cap;
        is_done = cap < len;
    }
    if (!is_done && market->status != CR_INVALID) {
        rule->failed += market->status == CR_FAILED;
        rule->unknown += market->status != CR_FAILED;
        return;
    }
    bool is_scored = market->space != CR_SPACE_CONTINUOUS;
    double opening = len > 0 ? what_if->score[0] : 0.0;
    double final = is_done ? what_if->score[t] : 0.0;
    rule->invalid += !is_done;
    rule->done += is_done;
    if (is_done) {
        rule->converged += fired <= cap && !is_whole;
        rule->iterations += t;
        rule->brier += what_if->brier[t];
        rule->priced += is_scored;
        rule->called += !isnan(what_if->calls[t]);
        rule->calls += isnan(what_if->calls[t]) ? 0.0 : what_if->calls[t];
    }
    if (is_scored) {
        rule->final += final;
        rule->num += final - opening;
        rule->den += 1.0;
        rule->regret_now += market->has_oracle ? market->oracle - final : 0.0;
        rule->regret_n += market->has_oracle;
    }
}

// The range rules of one window, [FROM, END): one walk for all their thresholds.
static void walk(struct cr_what_if *what_if, const struct path *path, size_t from,
                 size_t end) {
    uint32_t window = what_if->rule[from].stop.window;
    size_t next = from;
    for (uint32_t t = window - 1; t < path->market->prices_len && next < end; t++) {
        double range = range_at(path, t, window);
        while (next < end &&
               range <= what_if->rule[next].stop.threshold + CR_STOP_EPSILON) {
            settle(what_if, &what_if->rule[next++], path->market, t);
        }
    }
    while (next < end) {
        settle(what_if, &what_if->rule[next++], path->market, NEVER);
    }
}

static void ask(struct cr_what_if *what_if, const struct path *path,
                struct rule *rule) {
    struct cr_trajectory trajectory = {.prices_len = path->market->prices_len,
                                       .width = path->width,
                                       .price = (double *)(uintptr_t)path->price,
                                       .status = path->market->status,
                                       .ended = path->market->ended};
    struct cr_view view = cr_stop_view(&rule->stop, &trajectory);
    bool fired = view.status == CR_DONE && cr_ended_by_rule(view.ended);
    settle(what_if, rule, path->market, fired ? view.prices_len - 1 : NEVER);
}

enum cr_status cr_what_if_add(struct cr_what_if *what_if,
                              const struct cr_market *market) {
    if (market->status == CR_PENDING) {
        return CR_OK;
    }
    enum cr_status status = reserve(what_if, market);
    if (status != CR_OK) {
        return status;
    }
    struct path path = prepare(what_if, market);
    for (size_t i = 0; i < what_if->len;) {
        size_t end = i + 1;
        if (what_if->rule[i].stop.rule == CR_STOP_FIXED) { // only its cap ends it
            settle(what_if, &what_if->rule[i], market, NEVER);
        } else if (what_if->rule[i].stop.rule != CR_STOP_RANGE) {
            ask(what_if, &path, &what_if->rule[i]);
        } else {
            while (end < what_if->len &&
                   what_if->rule[end].stop.rule == CR_STOP_RANGE &&
                   what_if->rule[end].stop.window == what_if->rule[i].stop.window) {
                end++;
            }
            walk(what_if, &path, i, end);
        }
        i = end;
    }
    return CR_OK;
}

void cr_what_if_question(struct cr_what_if *what_if) {
    for (size_t i = 0; i < what_if->len; i++) {
        struct rule *rule = &what_if->rule[i];
        if (rule->den > 0.0) {
            cr_ratio_sums_add(&rule->sums, rule->num, rule->den);
        }
        if (rule->regret_n > 0.0) {
            cr_ratio_sums_add(&rule->regret, rule->regret_now, rule->regret_n);
        }
        rule->num = rule->den = rule->regret_now = rule->regret_n = 0.0;
    }
}

// Nothing is said of a rule that some trajectories are too short for: those that are
// long enough are no fair sample of all.
static void hide(struct cr_what_if_row *row) {
    row->opening = row->final = row->difference = NAN;
    row->converged = row->iterations = row->brier = NAN;
    row->calls = row->regret = NAN;
    row->regret_interval =
        (struct cr_interval){NAN, NAN, "some stored trajectories are too short"};
    row->difference_interval =
        (struct cr_interval){NAN, NAN, "some stored trajectories are too short"};
}

void cr_what_if_finish(const struct cr_what_if *what_if, double level,
                       struct cr_what_if_row *row) {
    for (size_t i = 0; i < what_if->len; i++) {
        const struct rule *rule = &what_if->rule[i];
        struct cr_what_if_row *out = &row[rule->at];
        double scored = rule->sums.den, done = (double)rule->done;
        *out = (struct cr_what_if_row){
            .rule = rule->stop,
            .done = rule->done,
            .invalid = rule->invalid,
            .failed = rule->failed,
            .unknown = rule->unknown,
            .scored = (uint64_t)scored,
            .opening = (rule->final - rule->sums.num) / scored,
            .final = rule->final / scored,
            .difference = rule->sums.num / scored,
            .difference_interval = cr_linear_ratio_sums(&rule->sums, level),
            .converged = (double)rule->converged / done,
            .iterations = rule->iterations / done,
            .brier = rule->brier / (double)rule->priced,
            .calls = rule->called > 0.0 ? rule->calls / rule->called : NAN,
            .regret = rule->regret.num / rule->regret.den,
            .regret_interval = cr_linear_ratio_sums(&rule->regret, level),
        };
        if (rule->unknown > 0) {
            hide(out);
        }
    }
}
