// recorder.h - results into run.h5, of this launch and of earlier ones: each cell's view
// of a trajectory becomes a row.
//
// Layer    run (5), private to rank 0
// Threads  one owner
#ifndef CR_RUN_RECORDER_H
#define CR_RUN_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/log.h"
#include "credence/cluster/message.h"
#include "credence/core/said.h"
#include "credence/job/plan.h"
#include "credence/store/lock.h"
#include "credence/store/run_file.h"
#include "credence/store/spool.h"
#include "run/ledger.h"
#include "run/limits.h"

struct cr_tally { // of episodes, for the progress line and status.json
    uint64_t done, invalid, failed;
    uint64_t converged;                  // done by a stop rule before max_iterations
    uint64_t by_reason[CR_REASON_COUNT]; // of those invalid and failed
};

struct cr_recorder {
    const struct cr_plan *plan;
    const char *dir; // of the run
    struct cr_ledger *ledger;
    struct cr_run_file *file;
    struct cr_spool *spool;
    // Long work over many results (reading them back, writing their calls) raises the
    // beat of LOCK (NULL: none), and ends as CR_E_STOPPED after more signals than this.
    struct cr_lock *lock;
    int signals_most;
    struct cr_log *log; // hears of the first failure of each kind
    uint32_t
        told[CR_BEAT_MODELS_MAX]; // bits: kinds of failure that were told of a model
    struct cr_tally tally;
    struct cr_said said[CR_REASON_COUNT]; // of this launch, by why an episode was lost
};

// A worker's RESULT: checked against the plan, written, spooled, entered in the ledger.
// *trajectory is its number. A second result of a finished trajectory is ignored (a
// lost rank that was not dead).
CR_MUST_CHECK enum cr_status cr_recorder_result(struct cr_recorder *recorder,
                                                const char *bytes, size_t len,
                                                uint64_t *trajectory,
                                                struct cr_err *err);
// Fill /calls in the order of the episodes from the spool; what is damaged there, from
// the tapes of DIR.
CR_MUST_CHECK enum cr_status cr_recorder_calls(struct cr_recorder *recorder,
                                               struct cr_err *err);

struct cr_resume {
    const char *dir;
    struct cr_recorder *recorder; // its file is open, its spool is not
    struct cr_ledger *ledger;
    const struct cr_job *job;
    struct cr_log *log;
    bool ignores_spool; // rebuild: from the tape alone
};

// Open the spool and enter what it holds, then look through the tapes: calls of
// trajectories that are not finished go into the ledger, what all calls have cost into
// SPENT; *lines is how many lines there are, damaged ones too. Damage on a tape is reported to the log and those calls are asked again.
CR_MUST_CHECK enum cr_status cr_recorder_resume(const struct cr_resume *resume,
                                                struct cr_spent *spent, uint64_t *lines,
                                                struct cr_err *err);

#endif
