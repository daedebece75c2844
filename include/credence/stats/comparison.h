// comparison.h - two groups paired by proposition. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_STATS_COMPARISON_H
#define CREDENCE_STATS_COMPARISON_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

// Means over replicates of each proposition's final (or cut) score.
struct cr_arm {
    double *score, *n;  // [propositions]
    uint32_t *question; // [propositions]
    uint32_t propositions;
    double calls, tokens, usd, finished;
};
CR_MUST_CHECK enum cr_status cr_arm_init(struct cr_arm *arm, uint32_t propositions);
// Any number of MARKET in place of its score; NaN is not allowed.
void cr_arm_add_value(struct cr_arm *arm, const struct cr_market *market, double value);
void cr_arm_add(struct cr_arm *arm, const struct cr_market *market);
// As if MARKET had been cut after judgment T; its costs are those up to there.
void cr_arm_add_cut(struct cr_arm *arm, const struct cr_market *market, uint32_t t);
void cr_arm_clear(struct cr_arm *arm);
void cr_arm_fini(struct cr_arm *arm);

struct cr_comparison {
    uint64_t pairs, questions;        // propositions that both arms scored
    double first, second, difference; // over the pairs; difference = first - second
    struct cr_interval interval;
    struct cr_test permutation, mcnemar;
    uint64_t first_only, second_only; // pairs right in one arm and wrong in the other
    double first_calls, second_calls; // per finished episode
    double first_tokens, second_tokens, first_usd, second_usd;
};
CR_MUST_CHECK enum cr_status cr_compare(const struct cr_arm *first,
                                        const struct cr_arm *second, uint32_t questions,
                                        const struct cr_bootstrap *how,
                                        struct cr_comparison *out);

#endif
