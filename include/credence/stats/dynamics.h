// dynamics.h - how the prices of a group move, and where they end. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_STATS_DYNAMICS_H
#define CREDENCE_STATS_DYNAMICS_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/calibration.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

// One iteration over all markets of a group; a market that ended shows its last price.
struct cr_slice_result {
    uint64_t scored;
    double accuracy;
    struct cr_interval accuracy_interval; // linearised, clustered
    uint64_t running;                     // made both this judgment and the one before
    double mean_move;                     // mean |p_t - p_(t-1)| of those
    double toward_truth;                  // their mean move of the price on the truth
    struct cr_interval toward_truth_interval;
    uint64_t right_to_wrong, wrong_to_right;
    double truth_price; // mean price on the truth, done markets
    struct cr_calibration calibration;
};

struct cr_slice;
CR_MUST_CHECK enum cr_status cr_slice_create(uint32_t questions, uint32_t bins,
                                             double level, struct cr_slice **out);
void cr_slice_destroy(struct cr_slice *slice);
void cr_slice_begin(struct cr_slice *slice, uint32_t t);
CR_MUST_CHECK enum cr_status cr_slice_add(struct cr_slice *slice,
                                          const struct cr_market *market);
CR_MUST_CHECK enum cr_status cr_slice_finish(struct cr_slice *slice,
                                             struct cr_slice_result *out);

// Kaplan-Meier: reaching the stop rule is the event, max_iterations censors.
struct cr_survival {
    uint64_t at_risk, events, censored; // at the end of iteration t
    double survival;                    // share not yet at equilibrium after t
};

struct cr_ending { // markets whose opening was wrong, or right
    uint64_t n, right, tied, wrong;
    double truth_price; // mean final price on the truth
    double turned;      // share that ended on the other side
};

struct cr_dynamics {
    uint32_t iterations;
    struct cr_survival *survival;  // [iterations], freed by cr_dynamics_fini
    double quartile_iterations[3]; // first t with survival <= 3/4, 1/2, 1/4; NaN: none
    double restricted_mean;        // area under the curve
    uint64_t done;
    double sign_changes, oscillating;
    uint64_t contraction_moves;
    double contraction;
    struct cr_interval contraction_interval;
    struct cr_test martingale;
    uint64_t martingale_moves;
    double momentum; // slope of the next move on the last, through the origin
    struct cr_interval momentum_interval;
    uint64_t replicate_pairs;
    double replicate_agreement, replicate_spread;
    uint64_t pushed;
    double moved_with; // share of pushed moves that went the declared way
    double persuasion; // mean declared direction times move
    struct cr_interval persuasion_interval;
    struct cr_ending opening_wrong, opening_right;
};
void cr_dynamics_fini(struct cr_dynamics *dynamics);

struct cr_moves; // the accumulator
CR_MUST_CHECK enum cr_status cr_moves_create(uint32_t iterations, uint32_t questions,
                                             uint32_t propositions,
                                             struct cr_moves **out);
void cr_moves_destroy(struct cr_moves *moves);
void cr_moves_add(struct cr_moves *moves, const struct cr_market *market);
CR_MUST_CHECK enum cr_status cr_moves_finish(const struct cr_moves *moves, double level,
                                             struct cr_dynamics *out);

#endif
