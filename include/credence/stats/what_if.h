// what_if.h - the same trajectories under other stop rules. Pure.
//
// Layer    stats (2); the rules are those of protocol (stop.h)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_STATS_WHAT_IF_H
#define CREDENCE_STATS_WHAT_IF_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/protocol/stop.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

enum { CR_WHAT_IF_RULES_MAX = 100000 };

struct cr_what_if_row {
    struct cr_stop rule;
    uint64_t done, invalid, failed;
    // The stored trajectory ended before the rule could decide. When there is any, the
    // numbers below are NaN.
    uint64_t unknown;
    uint64_t scored;                   // done and invalid with a truth to score against
    double opening, final, difference; // points, over the scored
    struct cr_interval difference_interval; // linearised, clustered
    double converged, iterations;           // of done
    double brier;                           // of done, at the end
    double calls;                           // mean over done; NaN: not known
    double regret;                          // market.oracle minus final; NaN: none
    struct cr_interval regret_interval;     // likewise
};

struct cr_what_if;
// CR_E_LIMIT past CR_WHAT_IF_RULES_MAX, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_what_if_create(const struct cr_stop *rules, size_t len,
                                               struct cr_what_if **out);
void cr_what_if_destroy(struct cr_what_if *what_if);
// MARKET is the longest stored view of its trajectory. Markets of one question come one
// after another; cr_what_if_question ends it.
CR_MUST_CHECK enum cr_status cr_what_if_add(struct cr_what_if *what_if,
                                            const struct cr_market *market);
void cr_what_if_question(struct cr_what_if *what_if);
// ROW[len], in the order of the rules given.
void cr_what_if_finish(const struct cr_what_if *what_if, double level,
                       struct cr_what_if_row *row);

#endif
