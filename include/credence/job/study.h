// study.h - hypotheses as they were locked before the replies came.
//
// Layer    job (4)
// Threads  no shared state
// MPI      none
//
// A job's "hypotheses" are locked at its first launch: a JSON text of them, of their
// hash and of what was known by then (replies recorded, episodes done) is kept in the
// run directory (hypotheses.json) and in run.h5. It is never written again, but for
// what was answered by other runs' tapes. The text may come from anywhere: all of it is
// checked.
#ifndef CREDENCE_JOB_STUDY_H
#define CREDENCE_JOB_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/status.h"
#include "credence/core/hypothesis.h"
#include "credence/core/job.h"

enum { CR_STUDY_BYTES_MAX = 1 << 20 };

struct cr_study {
    struct cr_hypothesis at[CR_HYPOTHESES_MAX];
    size_t len;
    char hash[CR_HASH_HEX_BYTES];    // as the text says it
    bool is_genuine;                 // it is the hash of these hypotheses
    uint64_t replies, episodes_done; // recorded, finished when they were locked
    const char *locked_at;           // RFC 3339, UTC; "" when it does not say
    bool has_cache;                  // a launch could answer from other runs' tapes
    const char *const *replayed;     // [replayed_len] models that replayed a tape
    size_t replayed_len;
    struct cr_arena arena;
};

// Read what was locked. CR_E_FORMAT says what of TEXT is not as it should be.
CR_MUST_CHECK enum cr_status cr_study_read(const char *text, size_t bytes,
                                           struct cr_study **out, struct cr_err *err);
void cr_study_destroy(struct cr_study *study);
// Whether a model of this name replayed a tape in any launch.
bool cr_study_has_replayed(const struct cr_study *study, const char *model);
// The hypotheses of the job that JOB_JSON describes (cr_job.resolved), which nothing
// locked: is_genuine is false and hash empty. None, or a text that cannot be read: len 0.
// CR_E_MEMORY.
CR_MUST_CHECK enum cr_status
cr_study_read_job(const char *job_json, struct cr_study **out, struct cr_err *err);
bool cr_study_has(const struct cr_study *study, const struct cr_hypothesis *one);

struct cr_study_lock { // what is known when hypotheses are locked
    uint64_t replies, episodes_done;
    int64_t wall_ms;
};
// Append the text that locks JOB's hypotheses. Nothing when it has none.
CR_MUST_CHECK enum cr_status cr_study_write(const struct cr_job *job,
                                            const struct cr_study_lock *lock,
                                            struct cr_buf *out, struct cr_err *err);
// Append STUDY as it is, with JOB's caches and replay models added. *changed: whether
// that differs from what STUDY says.
CR_MUST_CHECK enum cr_status cr_study_renew(const struct cr_study *study,
                                            const struct cr_job *job, bool *changed,
                                            struct cr_buf *out, struct cr_err *err);

#endif
