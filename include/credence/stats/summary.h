// summary.h - everything `analyze` says of one group of episodes. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// A group's markets are added one by one. Their order changes no number but the draws
// of the bootstrap and the last bits of sums. What each means, word for word as readers
// see it: the rows of analyze/statistic.h.
#ifndef CREDENCE_STATS_SUMMARY_H
#define CREDENCE_STATS_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/calibration.h"
#include "credence/stats/dynamics.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

// Shares and means are NaN when nothing was counted.
struct cr_accuracy {
    uint64_t n, done, invalid, failed, pending;
    double coverage;    // (done + invalid) / n
    uint64_t scored;    // done + invalid with a truth to score against
    uint64_t questions; // clusters among the scored
    double opening, final, difference;
    struct cr_interval opening_interval, final_interval, difference_interval;
    // Of the majority vote and that minus final, where all that is scored has_samples;
    // else NaN.
    double vote, vote_gain;
    struct cr_interval vote_interval, vote_gain_interval;
    struct cr_test permutation, mcnemar;
    uint64_t right_to_wrong, wrong_to_right,
        ties;         // opening to final, whole points only
    double converged; // share of done whose rule fired
    struct cr_interval converged_interval;
    double iterations; // mean number of the last iteration, done
    struct cr_interval invalid_interval;
};

struct cr_worth { // per finished (done or invalid) episode
    uint64_t n;
    double tokens, calls, latency_s, usd;
    double accuracy_per_1000_tokens;        // final accuracy / thousands of tokens
    double tokens_per_point, usd_per_point; // cost / (100 x difference); NaN: no gain
};

// Brier at the opening and at the end of the same done markets.
struct cr_brier {
    uint64_t n;
    double opening, final, difference;
    struct cr_interval difference_interval;
};

struct cr_continuous {
    uint64_t n;
    double opening_error, final_error; // mean |median - truth|, in shares of the range
    struct cr_interval difference_interval;
    double difference;
    uint64_t quantile_n;
    double opening_pinball, final_pinball, opening_coverage, final_coverage;
};

struct cr_summary_cfg {
    uint32_t iterations;              // the iteration dimension
    uint32_t questions, propositions; // dense numbers of markets are below these
    uint32_t resamples;
    uint64_t seed;
    double level;
};

struct cr_summary;
CR_MUST_CHECK enum cr_status cr_summary_create(const struct cr_summary_cfg *cfg,
                                               struct cr_summary **out);
void cr_summary_destroy(struct cr_summary *summary);
CR_MUST_CHECK enum cr_status cr_summary_add(struct cr_summary *summary,
                                            const struct cr_market *market);

CR_MUST_CHECK enum cr_status cr_summary_accuracy(const struct cr_summary *summary,
                                                 struct cr_accuracy *out);
CR_MUST_CHECK enum cr_status cr_summary_brier(const struct cr_summary *summary,
                                              struct cr_brier *out);
void cr_summary_worth(const struct cr_summary *summary, struct cr_worth *out);
CR_MUST_CHECK enum cr_status cr_summary_continuous(const struct cr_summary *summary,
                                                   struct cr_continuous *out);
CR_MUST_CHECK enum cr_status cr_summary_dynamics(const struct cr_summary *summary,
                                                 struct cr_dynamics *out);

#endif
