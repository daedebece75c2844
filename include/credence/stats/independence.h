// independence.h - how many independent opinions are several judgments worth? Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// N judgments of one proposition, each wrong with the same chance and every two of
// them with correlation rho of their 0/1 errors, vary in their mean like
//   N_eff = N / (1 + (N - 1) rho)
// independent ones (Kish's design effect; rooms of agents: arXiv 2606.26583). Judges
// are the replicates of one group, or several groups: models, traders, wordings.
// Replicates are independent at best given the item.
//
//   e = 1 - points (a tie is half an error), mu_a the mean error of judge a,
//   rho = mean over pairs a < b of cov(e_a, e_b) / sqrt(var e_a var e_b),
// the covariance over propositions that both judged. For replicates all share one mu
// and one variance (the intraclass correlation). Prices are correlated within a label:
// p - y of two models that always say 0.5 would correlate almost perfectly.
// Intervals: delete-one-question jackknife with Student's t.
#ifndef CREDENCE_STATS_INDEPENDENCE_H
#define CREDENCE_STATS_INDEPENDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/inference.h"

enum { CR_JUDGES_MAX = 12 };

struct cr_independence {
    uint32_t judges;       // N: the most judgments of a proposition
    uint64_t propositions; // judged at least twice
    uint64_t questions;
    double accuracy; // mean points of one judgment
    double rho;
    struct cr_interval rho_interval;
    double effective; // N_eff, at most N
    struct cr_interval effective_interval;
    double price_rho; // correlation of prices within a label
    struct cr_interval price_rho_interval;
    // Of propositions with all N judgments: the majority's points (ties half), and what
    // N independent judges as accurate would have: each minus the accuracy of one.
    uint64_t whole;
    double majority, majority_gain;
    struct cr_interval majority_gain_interval; // linearised, clustered
    double independent_gain;
};

// One judgment: points 1, 1/2 or 0, and the price on "true" (NaN: none).
struct cr_judgment_score {
    double points, price;
};

struct cr_judges; // the accumulator
// JUDGES: 0 for replicates, which are exchangeable; else how many judges there are, at
// most CR_JUDGES_MAX. QUESTIONS: how many will be added.
CR_MUST_CHECK enum cr_status cr_judges_create(uint32_t judges, uint32_t questions,
                                              struct cr_judges **out);
void cr_judges_destroy(struct cr_judges *judges);
// The judgments of one proposition, of a binary LABEL (0 or 1) or -1. Replicates: LEN
// of them. Judges: LEN = judges; points are NaN where one gave none.
void cr_judges_add(struct cr_judges *judges, const struct cr_judgment_score *judgment,
                   size_t len, int label);
void cr_judges_question(struct cr_judges *judges); // the question ends here
CR_MUST_CHECK enum cr_status cr_judges_finish(struct cr_judges *judges, double level,
                                              struct cr_independence *out);

// P(more than half of independent judges right) + P(exactly half) / 2, for the
// accuracies P[LEN], LEN at most CR_MAJORITY_MAX.
enum { CR_MAJORITY_MAX = 1000 };
double cr_majority_of_independent(const double *p, size_t len);

#endif
