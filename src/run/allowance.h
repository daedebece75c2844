// allowance.h - what budgets of tokens and dollars still allow, counted in calls.
//
// Layer    run (5), private to rank 0: pure
// Threads  no shared state
//
// What a call costs is known only when it is over, so what is outstanding is reckoned
// at the mean of its model, and no more may start than the rest would pay for. When the
// mean is right the budget is met to the call; whatever it is, no call starts once the
// budget is spent.
#ifndef CR_RUN_ALLOWANCE_H
#define CR_RUN_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/core/job.h"
#include "credence/core/lease.h"
#include "run/progress.h"

// What is left of the budgets when a launch begins.
struct cr_allowance {
    uint64_t calls;     // UINT64_MAX: no budget
    double tokens, usd; // INFINITY: no budget
};
struct cr_allowance cr_allowance_of(const struct cr_budget *budget,
                                    const struct cr_spent *before);
bool cr_allowance_has_any(const struct cr_allowance *left);

// Of one model in this launch: by one worker, or by all.
struct cr_usage {
    uint64_t done;        // calls that were answered, and paid
    uint64_t outstanding; // calls in flight, or with a credit to start
    double tokens, usd;   // spent on those that are done
};
// METRICS of a worker that has UNUSED credits.
struct cr_usage cr_usage_of(const struct cr_model_metrics *metrics, uint64_t unused);
// What was FROM in SUM is TO now.
void cr_usage_move(struct cr_usage *sum, const struct cr_usage *from,
                   const struct cr_usage *to);

// How many further calls of MODEL the budgets of tokens and dollars allow, MODELS
// (LEN of them) being what is known of all; UINT64_MAX: any number.
uint64_t cr_allowance_calls(const struct cr_allowance *left,
                            const struct cr_usage *models, uint32_t len,
                            uint32_t model);

#endif
