// merge.h - the result files of a job's shards, joined into the file one run would have
// made.
//
// Layer    store (3)
// Threads  not thread-safe
// MPI      none: one process
#ifndef CREDENCE_STORE_MERGE_H
#define CREDENCE_STORE_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"

// What the merged file holds.
struct cr_merge_report {
    uint64_t episodes, done, invalid, failed, pending;
    char missing[512]; // "0-17, 40, 52-60, ..." the pending ones; "" when none
};

// Write OUT_PATH (replacing a file there; it may be one of PATHS) from PATHS: each
// episode from the file where it is not pending. Done and invalid go before failed;
// where two files have an episode they must say the same. The file is complete when
// nothing is pending. CR_E_DIFFERS: not of one job, or two files disagree about an
// episode. CR_E_NOT_FOUND, CR_E_FORMAT, CR_E_IO, CR_E_FULL. REPORT may be NULL.
CR_MUST_CHECK enum cr_status cr_merge(const char *const *paths, size_t len,
                                      const char *out_path,
                                      struct cr_merge_report *report,
                                      struct cr_err *err);

#endif
