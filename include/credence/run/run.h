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
    bool accepts_loss;      // go on although recorded calls are missing from the tapes
    bool is_quiet;
    int64_t sync_ms, grace_ms, lost_ms;
    // Episodes that may fail before the run stops (CR_EXIT_BLOCKED): more than a share of
    // those finished in this launch, 100 at least (1: any), or, when not 0, a number.
    double max_failed_share;
    uint64_t max_failed;
    uint32_t live; // markets at once on a rank; 0: by the models' limits
    const char *version, *revision; // for run.h5
    unsigned log_modules; // what --log and CREDENCE_LOG ask for (cr_log.modules)
};

struct cr_run_outcome {
    enum cr_exit code;
    char *dir; // that this process brought to its end, or NULL; the caller's (cr_free)
    bool must_exit; // a rank was lost, MPI cannot be finalised; leave by _exit
};

// Run, or go on with, the job. Messages for people go to LOG and are complete.
struct cr_run_outcome cr_run_execute(const struct cr_run_options *options,
                                     struct cr_log *log);

#endif
