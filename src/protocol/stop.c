// stop.c - the stop rules: one row a rule, each a function of the judgments so far.
//
// A rule is asked after every judgment, so a trajectory that was made for a strict rule
// can be cut by a loose one afterwards: what a market under the loose rule would have
// stored is the shortest prefix at which it fires.
#include "credence/protocol/stop.h"

#include <assert.h>
#include <math.h>

struct window {
    const double *price; // [len][width], the judgments that the rule looks at
    uint32_t len;
    uint32_t width;
};

typedef bool (*fires_fn)(const struct cr_stop *rule, const struct window *w);

static double price_at(const struct window *w, uint32_t t, uint32_t option) {
    return w->price[(size_t)t * w->width + option];
}

static double range_of(const struct window *w, uint32_t option) {
    double low = price_at(w, 0, option), high = low;
    for (uint32_t t = 1; t < w->len; t++) {
        low = fmin(low, price_at(w, t, option));
        high = fmax(high, price_at(w, t, option));
    }
    return high - low;
}

static bool range_fires(const struct cr_stop *rule, const struct window *w) {
    for (uint32_t k = 0; k < w->width; k++) {
        if (range_of(w, k) > rule->threshold + CR_STOP_EPSILON) {
            return false;
        }
    }
    return true;
}

static bool fixed_fires(const struct cr_stop *rule, const struct window *w) {
    (void)rule;
    (void)w;
    return false;
}

enum { NO_SIDE = -1 };

// Which side judgment T is on: 0 or 1 for one price, else the option that leads alone.
static int side_of(const struct window *w, uint32_t t) {
    if (w->width == 1) {
        double distance = price_at(w, t, 0) - 0.5;
        return fabs(distance) <= CR_STOP_EPSILON ? NO_SIDE : distance > 0;
    }
    uint32_t best = 0;
    for (uint32_t k = 1; k < w->width; k++) {
        if (price_at(w, t, k) > price_at(w, t, best)) {
            best = k;
        }
    }
    for (uint32_t k = 0; k < w->width; k++) {
        if (k != best && price_at(w, t, best) - price_at(w, t, k) <= CR_STOP_EPSILON) {
            return NO_SIDE;
        }
    }
    return (int)best;
}

static bool stable_side_fires(const struct cr_stop *rule, const struct window *w) {
    (void)rule;
    int side = side_of(w, 0);
    for (uint32_t t = 1; t < w->len && side != NO_SIDE; t++) {
        if (side_of(w, t) != side) {
            return false;
        }
    }
    return side != NO_SIDE;
}

// The share of judgments [FROM, FROM + LEN) whose price is at most X.
static double share_up_to(const struct window *w, uint32_t option, uint32_t from,
                          double x) {
    uint32_t half = w->len / 2, below = 0;
    for (uint32_t t = from; t < from + half; t++) {
        below += price_at(w, t, option) <= x + CR_STOP_EPSILON;
    }
    return (double)below / half;
}

// The largest distance between the distributions of the older and the newer half. It is
// attained at one of the prices.
static double ks_of(const struct window *w, uint32_t option) {
    double largest = 0;
    for (uint32_t t = 0; t < w->len; t++) {
        double x = price_at(w, t, option);
        largest = fmax(largest, fabs(share_up_to(w, option, 0, x) -
                                     share_up_to(w, option, w->len / 2, x)));
    }
    return largest;
}

static bool ks_fires(const struct cr_stop *rule, const struct window *w) {
    for (uint32_t k = 0; k < w->width; k++) {
        if (ks_of(w, k) > rule->threshold + CR_STOP_EPSILON) {
            return false;
        }
    }
    return true;
}

// A new extreme of the last rule.window judgments, against all before them.
static bool has_new_extreme(const struct window *w, uint32_t option, uint32_t from) {
    double low = price_at(w, 0, option), high = low;
    for (uint32_t t = 1; t < w->len; t++) {
        double price = price_at(w, t, option);
        if (t >= from &&
            (price > high + CR_STOP_EPSILON || price < low - CR_STOP_EPSILON)) {
            return true;
        }
        low = fmin(low, price);
        high = fmax(high, price);
    }
    return false;
}

static bool patience_fires(const struct cr_stop *rule, const struct window *w) {
    for (uint32_t k = 0; k < w->width; k++) {
        if (has_new_extreme(w, k, w->len - rule->window)) {
            return false;
        }
    }
    return true;
}

static bool confidence_fires(const struct cr_stop *rule, const struct window *w) {
    double top = price_at(w, 0, 0);
    top = w->width == 1 ? fmax(top, 1 - top) : top;
    for (uint32_t k = 1; k < w->width; k++) {
        top = fmax(top, price_at(w, 0, k));
    }
    return top >= rule->threshold - CR_STOP_EPSILON;
}

// The price of option K that sample T gave, out of the running means.
static double sample_at(const struct window *w, uint32_t t, uint32_t k) {
    double before = t > 0 ? t * price_at(w, t - 1, k) : 0;
    return (t + 1) * price_at(w, t, k) - before;
}

// What sample T votes for: 0 or 1, or the option that leads alone; NO_SIDE for a tie.
static int vote_of(const struct window *w, uint32_t t) {
    double sample[CR_OPTIONS_MAX];
    for (uint32_t k = 0; k < w->width; k++) {
        sample[k] = sample_at(w, t, k);
    }
    struct window one = {sample, 1, w->width};
    return side_of(&one, 0);
}

// Wald's sequential probability ratio test of whether the leading answer or the
// runner-up is the one that CR_STOP_SPRT_SHARE of votes go to: the log likelihood ratio
// is lead ln(s / (1 - s)), the bound ln((1 - a) / a) for errors of A either way.
static bool sprt_fires(const struct cr_stop *rule, const struct window *w) {
    uint32_t votes[CR_OPTIONS_MAX] = {0}, first = 0, second = 0;
    uint32_t len = w->width == 1 ? 2 : w->width;
    for (uint32_t t = 0; t < w->len; t++) {
        int vote = vote_of(w, t);
        votes[vote != NO_SIDE ? vote : 0] += vote != NO_SIDE;
    }
    for (uint32_t k = 0; k < len; k++) {
        second = votes[k] > first ? first : votes[k] > second ? votes[k] : second;
        first = votes[k] > first ? votes[k] : first;
    }
    return first - second >= cr_stop_sprt_lead(rule->threshold);
}

uint32_t cr_stop_sprt_lead(double error) {
    double step = log(CR_STOP_SPRT_SHARE / (1 - CR_STOP_SPRT_SHARE));
    double lead = ceil(log((1 - error) / error) / step - CR_STOP_EPSILON);
    return lead < 1 ? 1 : lead > CR_SAMPLES_MAX ? CR_SAMPLES_MAX + 1 : (uint32_t)lead;
}

static const struct rule {
    uint32_t windows; // of rule.window judgments that it looks at
    uint32_t more;    // judgments beyond those that there must be
    bool looks_at_all;
    enum cr_stop_reason ended;
    fires_fn fires;
} rule_table[CR_STOP_RULE_COUNT] = {
    [CR_STOP_RANGE] = {1, 0, false, CR_ENDED_EQUILIBRIUM, range_fires},
    [CR_STOP_FIXED] = {0, 0, false, CR_ENDED_MAX_ITERATIONS, fixed_fires},
    [CR_STOP_STABLE_SIDE] = {1, 0, false, CR_ENDED_STABLE_SIDE, stable_side_fires},
    [CR_STOP_KS] = {2, 0, false, CR_ENDED_KS, ks_fires},
    [CR_STOP_PATIENCE] = {1, 1, true, CR_ENDED_PATIENCE, patience_fires},
    [CR_STOP_CONFIDENCE] = {0, 1, false, CR_ENDED_CONFIDENCE, confidence_fires},
    [CR_STOP_SPRT] = {0, 1, true, CR_ENDED_SPRT, sprt_fires},
};

// Judgments without which ROW cannot fire; 0: never.
static uint32_t need_of(const struct rule *row, const struct cr_stop *rule) {
    return row->windows * rule->window + row->more;
}

bool cr_stop_now(const struct cr_stop *rule, const double *price, uint32_t prices_len,
                 uint32_t width, enum cr_stop_reason *reason) {
    assert((unsigned)rule->rule < CR_STOP_RULE_COUNT && width > 0);
    const struct rule *row = &rule_table[rule->rule];
    uint32_t need = need_of(row, rule);
    if (need > 0 && prices_len >= need) {
        uint32_t len = row->looks_at_all ? prices_len : need;
        struct window w = {price + (size_t)(prices_len - len) * width, len, width};
        if (row->fires(rule, &w)) {
            *reason = row->ended;
            return true;
        }
    }
    // The length of a test of votes is the number of samples.
    if (rule->rule != CR_STOP_SPRT && prices_len > rule->max_iterations) {
        *reason = CR_ENDED_MAX_ITERATIONS;
        return true;
    }
    return false;
}

uint32_t cr_stop_iterations_min(const struct cr_stop *rule) {
    if (rule->rule == CR_STOP_SPRT) {
        return cr_stop_sprt_lead(rule->threshold) - 1;
    }
    uint32_t need = need_of(&rule_table[rule->rule], rule);
    if (need == 0 || need - 1 > rule->max_iterations) {
        return rule->max_iterations;
    }
    return need - 1;
}

struct cr_view cr_stop_view(const struct cr_stop *rule,
                            const struct cr_trajectory *trajectory) {
    uint32_t len = trajectory->prices_len;
    struct cr_view view = {trajectory->status, trajectory->ended, len};
    if (trajectory->ended == CR_ENDED_COMPLETE && rule->rule != CR_STOP_SPRT) {
        return view;
    }
    bool is_broken_off = trajectory->ended == CR_ENDED_NO_ARGUMENT ||
                         trajectory->ended == CR_ENDED_COMPLETE;
    for (uint32_t n = 1; n <= len; n++) {
        if (cr_stop_now(rule, trajectory->price, n, trajectory->width, &view.ended)) {
            view.status = CR_DONE;
            view.prices_len = n;
            return view;
        }
    }
    if (view.status == CR_DONE && !is_broken_off) {
        view = (struct cr_view){CR_PENDING, CR_ENDED_NONE, len};
    }
    return view;
}
