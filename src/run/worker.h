// worker.h - one rank's live markets: grants come in, results go out.
//
// Layer    run (5): policy over cluster, client and tape
// Threads  one owner
// MPI      local; talks only to rank 0
#ifndef CR_RUN_WORKER_H
#define CR_RUN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/clock.h"
#include "credence/base/log.h"
#include "credence/cluster/cluster.h"
#include "credence/job/plan.h"
#include "credence/model/client.h"
#include "credence/store/tape.h"

struct cr_worker;

struct cr_worker_cfg { // all borrowed until the worker is destroyed
    const struct cr_job *job;
    const struct cr_plan *plan;
    struct cr_cluster *cluster;
    struct cr_client *client;
    const struct cr_clock *clock;
    struct cr_log *log;
    const char *dir;
    int64_t sync_ms;
    int64_t look_ms;        // for how long rank 0's files may stay unseen on this node
    uint32_t live_max;      // markets at once
    bool believes_failures; // rebuild: a recorded failure is an answer
};

CR_MUST_CHECK enum cr_status cr_worker_create(const struct cr_worker_cfg *cfg,
                                              struct cr_worker **out,
                                              struct cr_err *err);
// Drops live markets without a word; their recorded calls are on the tape.
void cr_worker_destroy(struct cr_worker *worker);

// One turn: messages, new markets, the models (asleep at most WAIT_MS there when
// nothing can move), the tape, the heartbeat. *moved says whether anything happened. A
// status means that this rank cannot go on; the coordinator knows.
CR_MUST_CHECK enum cr_status cr_worker_step(struct cr_worker *worker, int wait_ms,
                                            bool *moved, struct cr_err *err);

// A signal came to this process: passed on to the coordinator, which decides.
void cr_worker_signal(struct cr_worker *worker, int number);
// Assert the invariants that worker.c opens with: after each turn under test, and with
// --log run.
void cr_worker_check(const struct cr_worker *worker);
// Whether the coordinator has said that all is over and the tape is closed.
bool cr_worker_is_over(const struct cr_worker *worker);
// Whether the coordinator is gone: the tape is synced, nobody is there to report to.
bool cr_worker_is_orphaned(const struct cr_worker *worker);

#endif
