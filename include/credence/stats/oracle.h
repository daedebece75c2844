// oracle.h - how good the best fixed number of iterations would have been. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// A stop rule is measured against the best fixed iteration t*: the one with the most
// points when all markets are scored at it (a market that ended earlier shows its last
// price). Choosing t* on the markets that it is scored on would flatter it, so it is
// cross-fitted: questions are dealt into folds in the order they come, and each fold is
// scored at the best iteration of the others. The best iteration of every single market
// is a ceiling that no rule can know.
#ifndef CREDENCE_STATS_ORACLE_H
#define CREDENCE_STATS_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

enum { CR_ORACLE_FOLDS = 5 };

struct cr_oracle_result {
    uint64_t n, questions; // scored markets
    double opening;        // points
    uint32_t best; // iteration with the most points over all; the first of equals
    double points; // cross-fitted
    struct cr_interval interval; // linearised, clustered
    double ceiling;
    uint32_t best_of_fold[CR_ORACLE_FOLDS];
};

struct cr_oracle;
CR_MUST_CHECK enum cr_status cr_oracle_create(uint32_t iterations, uint32_t questions,
                                              struct cr_oracle **out);
void cr_oracle_destroy(struct cr_oracle *oracle);
// Markets of one question come one after another; cr_oracle_question ends it.
void cr_oracle_add(struct cr_oracle *oracle, const struct cr_market *market);
void cr_oracle_question(struct cr_oracle *oracle);
void cr_oracle_finish(const struct cr_oracle *oracle, double level,
                      struct cr_oracle_result *out);

// What MARKET scores at the iteration that was chosen without question number
// QUESTION (in the order added).
double cr_oracle_points(const struct cr_oracle_result *oracle, uint32_t question,
                        const struct cr_market *market);

#endif
