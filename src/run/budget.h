// budget.h - what a job may spend in all, and whether it has.
//
// Layer    run (5): pure
#ifndef CR_RUN_BUDGET_H
#define CR_RUN_BUDGET_H

#include <stdint.h>

#include "credence/core/job.h"
#include "run/progress.h"

// Which part of BUDGET is used up, for people; NULL: none. A wall budget ends early by
// GRACE_MS, the time that calls in flight may need, but by no more than a quarter.
const char *cr_budget_used_up(const struct cr_budget *budget,
                              const struct cr_spent *spent, int64_t elapsed_ms,
                              int64_t grace_ms);

#endif
