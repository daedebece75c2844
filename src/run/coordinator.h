// coordinator.h - rank 0: grants trajectories, gathers results, keeps the job's limits.
//
// Layer    run (5): policy over cluster and recorder
// Threads  one owner
// MPI      local; talks to every worker
#ifndef CR_RUN_COORDINATOR_H
#define CR_RUN_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/clock.h"
#include "credence/base/log.h"
#include "credence/cluster/cluster.h"
#include "credence/job/plan.h"
#include "credence/store/lock.h"
#include "run/health.h"
#include "run/ledger.h"
#include "run/progress.h"
#include "run/recorder.h"

struct cr_coordinator;

struct cr_coordinator_cfg { // all borrowed until the coordinator is destroyed
    const struct cr_job *job;
    const struct cr_plan *plan;
    struct cr_cluster *cluster;
    const struct cr_clock *clock;
    struct cr_log *log;
    const char *dir;
    struct cr_lock *lock;
    struct cr_ledger *ledger;
    struct cr_recorder *recorder;
    struct cr_progress *progress; // launch, and what earlier launches spent
    int64_t lost_ms;              // without a heartbeat before a rank is given up
    struct cr_failure_limit max_failed;
    int64_t grace_ms; // for what is in flight when a drain begins
    bool
        is_offline; // rebuild: nothing may be asked, what is not recorded stays pending
};

enum cr_end {
    CR_END_NONE,
    CR_END_COMPLETE,
    CR_END_INTERRUPTED, // a signal, a budget, lost workers: resumable
    CR_END_BLOCKED,     // only a person can mend it: resumable then
    CR_END_FAULT,       // the machine failed somewhere: resumable when mended
    CR_END_EVICTED      // another run took the directory: nothing in it is ours now
};

CR_MUST_CHECK enum cr_status cr_coordinator_create(const struct cr_coordinator_cfg *cfg,
                                                   struct cr_coordinator **out,
                                                   struct cr_err *err);
void cr_coordinator_destroy(struct cr_coordinator *coordinator);

// One turn. *moved becomes true when anything happened, and else stays what it was. An
// error of rank 0's own machine is not returned: it starts a drain, and the end says so.
void cr_coordinator_step(struct cr_coordinator *coordinator, bool *moved);

// A signal came to rank 0: LEVEL 1 drains, 2 drops what is in flight.
void cr_coordinator_signal(struct cr_coordinator *coordinator, int level,
                           const char *name);

// Assert the invariants that coordinator.c opens with: after each turn under test, and
// with --log run. Reads everything that is granted.
void cr_coordinator_check(const struct cr_coordinator *coordinator);

bool cr_coordinator_is_over(const struct cr_coordinator *coordinator);
enum cr_end cr_coordinator_end(const struct cr_coordinator *coordinator);
// Whether a line about what the machine refused has been logged.
bool cr_coordinator_has_reported(const struct cr_coordinator *coordinator);
const char *cr_coordinator_message(const struct cr_coordinator *coordinator);
// The last snapshot, for status.json.
void cr_coordinator_snapshot(const struct cr_coordinator *coordinator,
                             struct cr_snapshot *out);

#endif
