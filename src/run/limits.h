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
// reckoned in calls.
#ifndef CR_RUN_LIMITS_H
#define CR_RUN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/cluster/message.h"
#include "credence/core/job.h"

struct cr_limits_book;

// What calls have cost; of earlier launches from the tape, of this one from the beats.
struct cr_spent {
    uint64_t calls, retries, rate_limited;
    uint64_t tokens_in, tokens_out, tokens_cached;
    double usd;
};

// What is left of the budgets when a launch begins.
struct cr_allowance {
    uint64_t calls;     // UINT64_MAX: no budget
    double tokens, usd; // INFINITY: no budget
};
struct cr_allowance cr_limits_allowance(const struct cr_budget *budget,
                                        const struct cr_spent *before);
// Which part of BUDGET is used up, for people; NULL: none. A wall budget ends early by
// GRACE_MS, the time that calls in flight may need, but by no more than a quarter.
const char *cr_limits_used_up(const struct cr_budget *budget,
                              const struct cr_spent *spent, int64_t elapsed_ms,
                              int64_t grace_ms);

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
