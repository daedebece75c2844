// reply_cache.h - replies recorded by other runs: what `cache` and replay models answer
// from.
//
// Layer    run (5)
// Threads  one owner
// MPI      none: each rank opens the tapes itself
//
// An index of request hashes is kept (40 bytes a call), texts stay on the tapes. A call
// is answered only by a reply to the very same request: model identity, parameters,
// turns, schema and, unless the temperature is 0, seed.
#ifndef CR_RUN_REPLY_CACHE_H
#define CR_RUN_REPLY_CACHE_H

#include <stdbool.h>

#include "credence/base/log.h"
#include "credence/core/job.h"
#include "credence/core/trajectory.h"

struct cr_reply_cache;

// Read the keys of every tape that JOB names: its caches and its replay models' tapes.
// *out is NULL when it names none. CR_E_NOT_FOUND for a directory without a tape.
CR_MUST_CHECK enum cr_status cr_reply_cache_open(const struct cr_job *job,
                                                 struct cr_log *log,
                                                 struct cr_reply_cache **out,
                                                 struct cr_err *err);
void cr_reply_cache_close(struct cr_reply_cache *cache);

// Whether any of the replies came from simulated agents: then whatever is made of them
// is simulated too.
bool cr_reply_cache_is_simulated(const struct cr_reply_cache *cache);

// As cr_lookup_fn of client.h; CTX is the cache.
bool cr_reply_cache_lookup(void *ctx, const struct cr_call *call,
                           struct cr_call_record *out);

#endif
