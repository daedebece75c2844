// fitness.c - see fitness.h.
#include "credence/stats/fitness.h"

#include <math.h>
#include <stdlib.h>

#include "credence/base/mem.h"
#include "credence/prompt/answer.h"

#define LEVEL 0.95
#define SAME 1e-9          // prices nearer than this are one price
#define PRICE_LEAST 0.001  // in the arbitrage metric
#define EXAMPLES_APART 0.6 // of the copy test: 0.8 - 0.2

const char *const cr_fitness_verdict_names[3] = {
    [CR_FITNESS_FIT] = "fit",
    [CR_FITNESS_DOUBTFUL] = "doubtful",
    [CR_FITNESS_UNUSABLE] = "unusable",
};

static struct cr_fitness_share share_of(uint64_t count, uint64_t len) {
    return (struct cr_fitness_share){count, len,
                                     cr_wilson((double)count, (double)len, LEVEL)};
}

static double hold(double p) {
    return p < PRICE_LEAST ? PRICE_LEAST : p > 1 - PRICE_LEAST ? 1 - PRICE_LEAST : p;
}

double cr_fitness_arbitrage(double p, double q) {
    p = hold(p);
    q = hold(q);
    const double both = sqrt(p * q) + sqrt((1 - p) * (1 - q));
    return both >= 1 ? 0 : -2 * log(both);
}

// Sums of a mean, as its values come.
struct sums {
    double sum, squares;
    uint64_t len;
};

static void add(struct sums *sums, double value) {
    if (!isnan(value)) {
        sums->sum += value;
        sums->squares += value * value;
        sums->len++;
    }
}

static struct cr_fitness_mean mean_of(const struct sums *sums) {
    const double n = (double)sums->len;
    struct cr_fitness_mean mean = {NAN, sums->len, {NAN, NAN, "fewer than two items"}};
    if (sums->len > 0) {
        mean.mean = sums->sum / n;
    }
    if (sums->len > 1) {
        double variance = (sums->squares - n * mean.mean * mean.mean) / (n - 1);
        variance = variance > 0 ? variance : 0;
        const double half = cr_t_quantile(0.5 + LEVEL / 2, n - 1) * sqrt(variance / n);
        mean.interval = (struct cr_interval){mean.mean - half, mean.mean + half, NULL};
    }
    return mean;
}

static int by_number(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool is_near(double a, double b) {
    return fabs(a - b) < SAME;
}

static void count_replies(const struct cr_fitness_item *items, size_t len,
                          struct cr_fitness *out) {
    uint64_t at_once = 0, repaired = 0, cut = 0, calls = 0;
    for (size_t i = 0; i < len; i++) {
        const bool has_price = !isnan(items[i].price);
        out->answered += has_price || !cr_reason_is_failure(items[i].reason);
        at_once += has_price && items[i].reason == CR_REASON_NONE;
        repaired += has_price && items[i].reason != CR_REASON_NONE;
        cut += items[i].is_cut;
        calls += items[i].calls;
        out->by_reason[items[i].reason]++;
        out->tokens_in += items[i].tokens_in;
        out->tokens_out += items[i].tokens_out;
        out->latency_s += items[i].latency_s;
    }
    out->at_once = share_of(at_once, out->answered);
    out->repaired = share_of(repaired, out->answered);
    out->never = share_of(out->answered - at_once - repaired, out->answered);
    out->cut = share_of(cut, out->answered);
    if (calls > 0) {
        out->tokens_in /= (double)calls;
        out->tokens_out /= (double)calls;
        out->latency_s /= (double)calls;
    }
}

// The least number of tokens that holds 99 % of the replies that were not cut.
static void hold_tokens(const struct cr_fitness_item *items, size_t len,
                        double *scratch, struct cr_fitness *out) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (!items[i].is_cut && items[i].calls > 0) {
            scratch[n++] = (double)items[i].tokens_out / items[i].calls;
        }
    }
    qsort(scratch, n, sizeof *scratch, by_number);
    if (n > 0) {
        const size_t at = (size_t)ceil(0.99 * (double)n) - 1;
        out->tokens_held = (uint32_t)ceil(scratch[at]);
    }
}

// Distinct prices, and the one given most often, of the N sorted PRICES.
static void count_distinct(const double *prices, size_t n, struct cr_fitness *out) {
    uint64_t longest = 0, run = 0;
    for (size_t i = 0; i < n; i++) {
        const bool is_new = i == 0 || !is_near(prices[i], prices[i - 1]);
        out->distinct += is_new;
        run = is_new ? 1 : run + 1;
        if (run > longest) {
            longest = run;
            out->commonest = prices[i];
        }
    }
    out->commonest_share = share_of(longest, n);
}

static void count_prices(const struct cr_fitness_item *items, size_t len,
                         double *scratch, struct cr_fitness *out) {
    uint64_t number = 0, zero = 0, half = 0, one = 0, tenths = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        const double p = items[i].price;
        if (isnan(p) || items[i].label < 0) {
            continue;
        }
        scratch[n++] = p;
        number += items[i].is_prompt_number;
        zero += is_near(p, 0);
        half += is_near(p, 0.5);
        one += is_near(p, 1);
        tenths += is_near(10 * p, round(10 * p));
    }
    qsort(scratch, n, sizeof *scratch, by_number);
    out->priced = n;
    out->prompt_number = share_of(number, n);
    out->zero = share_of(zero, n);
    out->half = share_of(half, n);
    out->one = share_of(one, n);
    out->tenths = share_of(tenths, n);
    count_distinct(scratch, n, out);
}

static void compare_prices(const struct cr_fitness_item *items, size_t len,
                           struct cr_fitness *out) {
    struct sums again = {0}, negation = {0}, paraphrase = {0}, slope = {0};
    struct sums negation_arbitrage = {0}, paraphrase_arbitrage = {0};
    for (size_t i = 0; i < len; i++) {
        const struct cr_fitness_item *item = &items[i];
        add(&again, fabs(item->again - item->price));
        add(&negation, item->price + item->negated - 1);
        add(&paraphrase, fabs(item->paraphrased - item->price));
        add(&slope, (item->high - item->low) / EXAMPLES_APART);
        if (!isnan(item->price + item->negated)) {
            add(&negation_arbitrage,
                cr_fitness_arbitrage(item->price, 1 - item->negated));
        }
        if (!isnan(item->price + item->paraphrased)) {
            add(&paraphrase_arbitrage,
                cr_fitness_arbitrage(item->price, item->paraphrased));
        }
    }
    out->again = mean_of(&again);
    out->negation = mean_of(&negation);
    out->paraphrase = mean_of(&paraphrase);
    out->slope = mean_of(&slope);
    out->negation_arbitrage = mean_of(&negation_arbitrage);
    out->paraphrase_arbitrage = mean_of(&paraphrase_arbitrage);
}

// The area under the curve of said or held prices, and how many of each label had one.
struct area {
    double area, error;
    uint64_t len[2]; // by label
};

// The share of pairs of a true and a false claim of which the true one has the higher
// price, ties half; its standard error by Hanley and McNeil (Radiology 143, 1982).
static struct area area_of(const double *prices, const struct cr_fitness_item *items,
                           size_t len) {
    struct area out = {.area = NAN, .error = NAN};
    double wins = 0;
    for (size_t i = 0; i < len; i++) {
        const bool is_priced = items[i].label >= 0 && !isnan(prices[i]);
        out.len[0] += is_priced && items[i].label == 0;
        out.len[1] += is_priced && items[i].label == 1;
        for (size_t j = 0; is_priced && items[i].label == 1 && j < len; j++) {
            if (items[j].label == 0 && !isnan(prices[j])) {
                wins += is_near(prices[i], prices[j]) ? 0.5 : prices[i] > prices[j];
            }
        }
    }
    const double f = (double)out.len[0], t = (double)out.len[1];
    if (t > 0 && f > 0) {
        const double a = wins / (t * f), q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
        const double squares =
            a * (1 - a) + (t - 1) * (q1 - a * a) + (f - 1) * (q2 - a * a);
        out.area = a;
        out.error = sqrt(fmax(0, squares) / (t * f));
    }
    return out;
}

static bool separates(const struct area *area) {
    return area->len[0] >= CR_FITNESS_LABEL_LEAST &&
           area->len[1] >= CR_FITNESS_LABEL_LEAST &&
           area->area - cr_normal_quantile(0.5 + LEVEL / 2) * area->error > 0.5;
}

static void compare_labels(const struct cr_fitness_item *items, size_t len,
                           double *scratch, struct cr_fitness *out) {
    for (size_t i = 0; i < len; i++) {
        scratch[i] = items[i].price;
    }
    const struct area said = area_of(scratch, items, len);
    for (size_t i = 0; i < len; i++) {
        scratch[i] = items[i].held;
    }
    const struct area held = area_of(scratch, items, len);
    out->auc = said.area;
    out->auc_error = said.error;
    out->held_auc = held.area;
    out->held_auc_error = held.error;
    out->only_held_separates = separates(&held) && !separates(&said);
}

static void weigh_readings(const struct cr_fitness_item *items, size_t len,
                           struct cr_fitness *out) {
    struct sums mass = {0};
    uint64_t readable = 0;
    for (size_t i = 0; i < len; i++) {
        add(&mass, items[i].mass);
        readable += items[i].mass >= CR_ANSWER_MASS_MIN;
    }
    out->readable = share_of(readable, mass.len);
    out->mass = mean_of(&mass);
}

// The bias to yes, each label weighing half.
static void weigh_labels(const struct cr_fitness_item *items, size_t len,
                         struct cr_fitness *out) {
    struct sums of[2] = {{.len = 0}, {.len = 0}};
    for (size_t i = 0; i < len; i++) {
        if (items[i].label >= 0) {
            add(&of[items[i].label], items[i].price - 0.5);
        }
    }
    const struct cr_fitness_mean yes = mean_of(&of[1]), no = mean_of(&of[0]);
    const double half = sqrt(pow(yes.interval.high - yes.mean, 2) +
                             pow(no.interval.high - no.mean, 2)) /
                        2;
    out->yes_bias.mean = (yes.mean + no.mean) / 2;
    out->yes_bias.len = yes.len + no.len;
    out->yes_bias.interval =
        (struct cr_interval){out->yes_bias.mean - half, out->yes_bias.mean + half,
                             isnan(half) ? "fewer than two items of a label" : NULL};
}

// Where INTERVAL is against the two marks: GOOD is the side that is fine.
static enum cr_fitness_verdict judge(const struct cr_interval *interval, double fit,
                                     double lost) {
    const bool wants_more = fit > lost;
    if (isnan(interval->low)) {
        return CR_FITNESS_DOUBTFUL;
    }
    if (wants_more ? interval->low >= fit : interval->high <= fit) {
        return CR_FITNESS_FIT;
    }
    return (wants_more ? interval->high < lost : interval->low > lost)
               ? CR_FITNESS_UNUSABLE
               : CR_FITNESS_DOUBTFUL;
}

static enum cr_fitness_verdict judge_slope(const struct cr_fitness_mean *slope) {
    const struct cr_interval *interval = &slope->interval;
    const double far = fmax(fabs(interval->low), fabs(interval->high));
    const bool spans_zero = interval->low <= 0 && interval->high >= 0;
    const double near =
        spans_zero ? 0 : fmin(fabs(interval->low), fabs(interval->high));
    if (slope->len < CR_FITNESS_SLOPE_LEAST || isnan(interval->low)) {
        return CR_FITNESS_DOUBTFUL;
    }
    return far <= CR_FITNESS_SLOPE_FIT    ? CR_FITNESS_FIT
           : near > CR_FITNESS_SLOPE_LOST ? CR_FITNESS_UNUSABLE
                                          : CR_FITNESS_DOUBTFUL;
}

static void decide(struct cr_fitness *out) {
    const struct cr_fitness_share usable =
        share_of(out->at_once.count + out->repaired.count, out->answered);
    out->usable =
        judge(&usable.interval, CR_FITNESS_USABLE_FIT, CR_FITNESS_USABLE_LOST);
    out->numbers = judge(&out->prompt_number.interval, CR_FITNESS_NUMBER_FIT,
                         CR_FITNESS_NUMBER_LOST);
    out->variety = judge(&out->commonest_share.interval, CR_FITNESS_COMMONEST_FIT,
                         CR_FITNESS_COMMONEST_LOST);
    out->copying = judge_slope(&out->slope);
    const enum cr_fitness_verdict all[] = {out->usable, out->numbers, out->variety,
                                           out->copying};
    out->verdict = CR_FITNESS_FIT;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        out->verdict = all[i] > out->verdict ? all[i] : out->verdict;
    }
}

enum cr_status cr_fitness_summarize(const struct cr_fitness_item *items, size_t len,
                                    struct cr_fitness *out) {
    double *scratch = cr_calloc(len + 1, sizeof *scratch);
    if (scratch == NULL) {
        return CR_E_MEMORY;
    }
    *out = (struct cr_fitness){.items = len};
    count_replies(items, len, out);
    hold_tokens(items, len, scratch, out);
    count_prices(items, len, scratch, out);
    compare_prices(items, len, out);
    compare_labels(items, len, scratch, out);
    weigh_labels(items, len, out);
    weigh_readings(items, len, out);
    decide(out);
    cr_free(scratch);
    return CR_OK;
}
