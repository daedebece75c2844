// job_file.h - a job from its bundle, checked key by key.
//
// Layer    job (4)
// Threads  no shared state
// MPI      none: every rank makes the same job from the same bytes
#ifndef CREDENCE_JOB_JOB_FILE_H
#define CREDENCE_JOB_JOB_FILE_H

#include <stddef.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/core/job.h"

// Build the job of a bundle. CR_E_JOB lists every mistake, a line each: "FILE:LINE:COL:
// PATH: what was found, what was expected" ("--set PATH=VALUE: ..." when the value came
// from there). CR_E_FORMAT for damaged bytes, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_job_create(const void *bundle, size_t len,
                                           struct cr_job **out, struct cr_err *err);
// Free JOB and all it holds, prompt sets and propositions included; NULL is accepted.
void cr_job_destroy(struct cr_job *job);

// What differs between two identity_json, a line each ("cell.stop.threshold: 0.2 there,
// 0.3 here"), appended to OUT; nothing when they are the same job.
CR_MUST_CHECK enum cr_status cr_job_difference(const char *stored, const char *now,
                                               struct cr_buf *out);

// One key of the job file, for help and the man page.
struct cr_job_key {
    char path[64];        // "models.*.limits.rpm"
    char type[160];       // "a number, 0 or more"
    const char *fallback; // JSON; NULL when the key is required
    const char *summary;
};
// Fill OUT with the first CAP keys in the order of the file; returns how many there
// are.
size_t cr_job_keys(struct cr_job_key *out, size_t cap);

#endif
