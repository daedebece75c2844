// pools.c - the last price of a room beside the pooled private beliefs of its traders.
#include "credence/stats/pools.h"

#include <math.h>

enum { TRADERS_MAX = 64 };
static const double CLIP = 0.001;

// The beliefs of one room that could be read, one outcome after the other.
struct beliefs {
    const struct cr_market *market;
    uint32_t outcomes, len;
    uint32_t trader[TRADERS_MAX]; // [len]
};

// Trader K's belief in OUTCOME; NaN: none.
static double belief_in(const struct cr_market *m, uint32_t k, uint32_t outcome) {
    if (m->options != NULL) {
        return m->belief[(size_t)k * m->options_stride + outcome];
    }
    return outcome == 1 ? m->belief[k] : 1.0 - m->belief[k];
}

static struct beliefs beliefs_of(const struct cr_market *market) {
    struct beliefs found = {.market = market,
                            .outcomes =
                                market->options != NULL ? market->options_len : 2};
    for (uint32_t k = 0; k < market->traders && found.len < TRADERS_MAX; k++) {
        if (!isnan(belief_in(market, k, 0))) {
            found.trader[found.len++] = k;
        }
    }
    return found;
}

static double mean_in(const struct beliefs *b, uint32_t outcome) {
    double sum = 0;
    for (uint32_t k = 0; k < b->len; k++) {
        sum += belief_in(b->market, b->trader[k], outcome);
    }
    return sum / b->len;
}

static double median_in(const struct beliefs *b, uint32_t outcome) {
    double sorted[TRADERS_MAX] = {0};
    for (uint32_t k = 0; k < b->len; k++) {
        double belief = belief_in(b->market, b->trader[k], outcome);
        uint32_t at = k;
        for (; at > 0 && sorted[at - 1] > belief; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = belief;
    }
    return (sorted[(b->len - 1) / 2] + sorted[b->len / 2]) / 2;
}

static double log_odds_in(const struct beliefs *b, uint32_t outcome) {
    double sum = 0;
    for (uint32_t k = 0; k < b->len; k++) {
        double belief = belief_in(b->market, b->trader[k], outcome);
        sum += log(fmin(fmax(belief, CLIP), 1 - CLIP));
    }
    return exp(sum / b->len);
}

// Score and price on the truth of VALUE [outcomes], which need not sum to 1.
struct scored {
    double points, price;
};

static struct scored score_of(const double *value, uint32_t outcomes, int32_t label) {
    double sum = 0, most = value[0];
    uint32_t leaders = 0;
    for (uint32_t i = 0; i < outcomes; i++) {
        sum += value[i];
        most = fmax(most, value[i]);
    }
    for (uint32_t i = 0; i < outcomes; i++) {
        leaders += value[i] == most;
    }
    double truth = value[label];
    return (struct scored){truth == most ? 1.0 / leaders : 0.0, truth / sum};
}

static struct scored pooled(const struct beliefs *b, enum cr_static_pool pool) {
    static double (*const pools[CR_POOL_COUNT])(const struct beliefs *, uint32_t) = {
        [CR_POOL_MEAN] = mean_in,
        [CR_POOL_MEDIAN] = median_in,
        [CR_POOL_LOG_ODDS] = log_odds_in};
    double value[CR_OPTIONS_MAX + 2] = {0};
    for (uint32_t i = 0; i < b->outcomes; i++) {
        value[i] = pools[pool](b, i);
    }
    return score_of(value, b->outcomes, b->market->label);
}

// The mean over the traders, each by itself.
static struct scored alone(const struct beliefs *b) {
    struct scored sum = {0, 0};
    for (uint32_t k = 0; k < b->len; k++) {
        struct beliefs one = *b;
        one.trader[0] = b->trader[k];
        one.len = 1;
        struct scored its = pooled(&one, CR_POOL_MEAN);
        sum.points += its.points / b->len;
        sum.price += its.price / b->len;
    }
    return sum;
}

static void add_room(struct cr_pools *pools, const struct beliefs *b, double *differs) {
    double final = cr_score_final(b->market);
    pools->rooms++;
    pools->final_points += final;
    pools->final_price += cr_truth_price(b->market, b->market->prices_len - 1);
    for (int p = 0; p < CR_POOL_COUNT; p++) {
        struct scored its =
            p == CR_POOL_ALONE ? alone(b) : pooled(b, (enum cr_static_pool)p);
        pools->points[p] += its.points;
        pools->price[p] += its.price;
        differs[p] += final - its.points;
    }
}

void cr_pools_add(struct cr_pools *pools, const struct cr_market *market, size_t len) {
    double differs[CR_POOL_COUNT] = {0}, rooms = 0;
    for (size_t i = 0; i < len; i++) {
        const struct cr_market *m = &market[i];
        if (m->belief == NULL || m->status != CR_DONE || m->prices_len == 0) {
            continue;
        }
        struct beliefs b = beliefs_of(m);
        if (b.len > 0) {
            add_room(pools, &b, differs);
            rooms++;
        }
    }
    for (int p = 0; p < CR_POOL_COUNT && rooms > 0; p++) {
        cr_ratio_sums_add(&pools->difference[p], differs[p], rooms);
    }
}

void cr_pools_finish(const struct cr_pools *pools, double level,
                     struct cr_pools_result *out) {
    double n = (double)pools->rooms;
    *out = (struct cr_pools_result){.rooms = pools->rooms,
                                    .final_points = pools->final_points / n,
                                    .final_price = pools->final_price / n};
    for (int p = 0; p < CR_POOL_COUNT; p++) {
        const struct cr_ratio_sums *sums = &pools->difference[p];
        out->pool[p] =
            (struct cr_pool_score){.points = pools->points[p] / n,
                                   .price = pools->price[p] / n,
                                   .difference = sums->num / sums->den,
                                   .interval = cr_linear_ratio_sums(sums, level)};
    }
}
