// run.h - a job executed into one run directory: everything between a job file and
// run.h5.
//
// Layer    run (5)
// Threads  one owner
// MPI      cr_run_execute is collective: every rank of a launch calls it with the same
//          options
#ifndef CREDENCE_RUN_RUN_H
#define CREDENCE_RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/log.h"
#include "credence/base/status.h"

struct cr_run_options {
    const char *job_path;    // NULL: rebuild DIR from its own bundle and tape
    const char *dir;         // NULL: runs/NAME
    const char *const *sets; // "PATH=VALUE"
    size_t sets_len;
    uint64_t limit;         // items of each benchmark; 0: all
    uint32_t shard, shards; // 0 of 1: all
    bool fresh;             // move an existing directory aside first
    bool is_quiet;
    int64_t sync_ms, grace_ms, lost_ms;
    uint32_t live; // markets at once on a rank; 0: by the models' limits
    const char *version, *revision; // for run.h5
};

enum cr_outcome {
    CR_OUTCOME_COMPLETE,
    CR_OUTCOME_SOME_FAILED, // complete, but some episodes failed
    CR_OUTCOME_STOPPED,     // resumable
    CR_OUTCOME_REFUSED,     // bad usage or a bad job: nothing was touched
    CR_OUTCOME_ERROR
};

// Run, or go on with, the job. Messages for people go to LOG and are complete: the
// caller only turns the outcome into an exit code. *must_exit: a rank was lost, MPI
// cannot be finalised; leave by _exit.
enum cr_outcome cr_run_execute(const struct cr_run_options *options, struct cr_log *log,
                               bool *must_exit);

#endif
