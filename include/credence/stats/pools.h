// pools.h - the last price of a room beside the pooled private beliefs of its traders.
// Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// The static pools of the beliefs b_k that K traders held before there was a price or an
// argument (those that could be read), for each outcome i:
//   mean      sum_k b_ki / K
//   median    of b_ki over k, then divided by the sum over i
//   log-odds  prod_k b_ki^(1/K), then divided by the sum over i; of two outcomes that is
//             the mean of the log-odds. Beliefs are moved 0.001 away from 0 and 1.
// A pool is scored as a price is: 1 right, 0 wrong, a tie shares. Alone: the mean score
// of single beliefs, one call each. Done rooms with a belief at least; differences are of
// the same room, intervals linearised and clustered on the question.
#ifndef CREDENCE_STATS_POOLS_H
#define CREDENCE_STATS_POOLS_H

#include <stdint.h>

#include "credence/stats/inference.h"
#include "credence/stats/score.h"

enum cr_static_pool {
    CR_POOL_ALONE,
    CR_POOL_MEAN,
    CR_POOL_MEDIAN,
    CR_POOL_LOG_ODDS,
    CR_POOL_COUNT
};

struct cr_pools { // the accumulator; zeroed at first
    uint64_t rooms;
    double final_points, final_price;
    double points[CR_POOL_COUNT], price[CR_POOL_COUNT];
    struct cr_ratio_sums difference[CR_POOL_COUNT];
};
// All markets of one question.
void cr_pools_add(struct cr_pools *pools, const struct cr_market *market, size_t len);

struct cr_pools_result {
    uint64_t rooms;
    double final_points, final_price; // of the last price: score, price on the truth
    struct cr_pool_score {
        double points, price;
        double difference; // final less this, in points
        struct cr_interval interval;
    } pool[CR_POOL_COUNT];
};
void cr_pools_finish(const struct cr_pools *pools, double level,
                     struct cr_pools_result *out);

#endif
