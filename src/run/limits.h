// limits.h - the job's limits, leased to ranks by need.
//
// Layer    run (5): pure policy, time is an argument
// Threads  one owner
//
// Concurrency: the sum of what ranks hold never exceeds the limit. A rank holds what it
// was last leased until a beat says that it has the smaller lease and no more than that
// in flight; only then is the difference given to others.
// Requests: a token bucket of one second; credits go to ranks that wait for them.
// A calls budget is a bucket that is never refilled; budgets of tokens and dollars are
// reckoned in calls (allowance.h).
#ifndef CR_RUN_LIMITS_H
#define CR_RUN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/cluster/message.h"
#include "credence/core/job.h"
#include "run/allowance.h"

struct cr_limits_book;

// RANKS workers share the limits of JOB and what is LEFT of its budgets.
struct cr_limits_book *cr_limits_create(const struct cr_job *job, int ranks,
                                        const struct cr_allowance *left,
                                        int64_t now_ms);
void cr_limits_destroy(struct cr_limits_book *book);

// A worker's word that asks for what it may do next.
struct cr_limits_ask {
    int worker; // 0 .. ranks - 1
    uint32_t model;
    const struct cr_beat_model *beat; // its metrics, and the last lease it has seen
    int64_t now_ms;
};
// True when *out must be sent to the worker.
bool cr_limits_lease(struct cr_limits_book *book, const struct cr_limits_ask *ask,
                     struct cr_lease_message *out);
// WORKER is gone, and so is what it held.
void cr_limits_forget(struct cr_limits_book *book, int worker);
// Whether a model has any limit that must be leased before its first call.
bool cr_limits_has_any(const struct cr_limits_book *book, uint32_t model);

#endif
