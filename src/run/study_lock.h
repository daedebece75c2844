// study_lock.h - hypotheses.json of a run directory: written once, before any reply.
//
// Layer    run (5)
// Threads  one owner, who holds the directory's lock
// MPI      rank 0 alone
#ifndef CR_RUN_STUDY_LOCK_H
#define CR_RUN_STUDY_LOCK_H

#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/core/job.h"

// Append to OUT what locks the hypotheses of DIR (study.h); nothing when JOB has none
// and never had. Those that were locked first stay, whatever JOB says now; without any,
// JOB's are locked, with the replies and the episodes that DIR holds already. What
// answers from other runs' tapes is added. CR_E_FORMAT when hypotheses.json is damaged.
CR_MUST_CHECK enum cr_status cr_study_lock_take(const char *dir,
                                                const struct cr_job *job,
                                                int64_t wall_ms, struct cr_buf *out,
                                                struct cr_err *err);
// The same, without its text.
CR_MUST_CHECK enum cr_status cr_study_lock_keep(const char *dir,
                                                const struct cr_job *job,
                                                int64_t wall_ms, struct cr_err *err);

#endif
