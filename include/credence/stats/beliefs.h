// beliefs.h - does a maker move its price as evidence warrants? Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// A price that follows evidence is a martingale, and then what it moves is what its
// uncertainty loses. For a market p_0 .. p_T (Augenblick and Rabin, Quarterly Journal of
// Economics 136, 2021, 933-985):
//   movement   M = sum of (p_t - p_(t-1))^2
//   reduction  R = p_0 (1 - p_0) - p_T (1 - p_T)
//   excess     M - R = sum of (1 - 2 p_(t-1)) (p_t - p_(t-1)),
// whose mean is 0 for a martingale under any bounded stopping rule, the market's own
// included. The slope of the move on the present price is the Martingale Score of arXiv
// 2512.02914. The price is the followed one (score.h); quantities are left out, for
// medians are no martingale, and so are running means of samples.
//
// Noise in single prices moves them too: errors of variance s^2, independent from step
// to step and left out of the later history, add 2 s^2 to the movement of each step and
// nothing to the mean reduction. s^2 is estimated from replicates at t = 0. The same
// noise biases the slope towards reversion; with the mean price of the proposition's
// other replicates as instrument it does not.
#ifndef CREDENCE_STATS_BELIEFS_H
#define CREDENCE_STATS_BELIEFS_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

// A slope with an intercept, and its clustered t interval.
struct cr_slope {
    uint64_t n;
    double slope;
    struct cr_interval interval;
};

struct cr_belief_step { // the moves into one iteration
    uint64_t n;
    double movement, reduction, excess; // means
    struct cr_interval excess_interval;
};

struct cr_belief_result {
    uint64_t markets, moves;            // done, with a price; their moves
    double movement, reduction, excess; // means over markets
    struct cr_interval movement_interval, reduction_interval, excess_interval;
    struct cr_test excess_test; // that the mean excess is 0, clustered
    // Mean movement / mean reduction: 1 for a martingale. NaN unless the whole interval
    // of the reduction lies above 0.
    double normalised;
    struct cr_interval normalised_interval;
    struct cr_slope slope, instrumented;
    uint64_t noise_dof;    // replicates beyond the first of each proposition, at t = 0
    double noise_variance; // s^2; NaN without replicates
    double noise_movement; // 2 s^2 x the mean number of moves
    const char *verdict;   // a sentence; never NULL
    struct cr_belief_step *step; // [steps], cr_belief_result_fini; [0] is empty
    uint32_t steps;
};
void cr_belief_result_fini(struct cr_belief_result *result);

struct cr_beliefs; // the accumulator
// ITERATIONS: above the largest t of any market; QUESTIONS: how many will be added.
CR_MUST_CHECK enum cr_status cr_beliefs_create(uint32_t iterations, uint32_t questions,
                                               struct cr_beliefs **out);
void cr_beliefs_destroy(struct cr_beliefs *beliefs);
// All markets of one question, those of a proposition next to one another.
void cr_beliefs_add(struct cr_beliefs *beliefs, const struct cr_market *market,
                    size_t len);
CR_MUST_CHECK enum cr_status cr_beliefs_finish(const struct cr_beliefs *beliefs,
                                               double level,
                                               struct cr_belief_result *out);

#endif
