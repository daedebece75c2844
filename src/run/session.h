// session.h - everything one rank of a launch holds, made in order and let go in
// reverse.
//
// Layer    run (5), private to run.c
// Threads  one owner
#ifndef CR_RUN_SESSION_H
#define CR_RUN_SESSION_H

#include <stdbool.h>

#include "credence/base/clock.h"
#include "credence/cluster/cluster.h"
#include "credence/model/client.h"
#include "credence/run/run.h"
#include "run/coordinator.h"
#include "run/reply_cache.h"
#include "run/worker.h"

struct cr_session {
    const struct cr_run_options *options;
    struct cr_log *log;
    const struct cr_clock *clock;
    bool is_alone; // coordinator and worker in this process
    struct cr_cluster *cluster, *worker_cluster; // the same unless alone
    struct cr_buf bundle;
    struct cr_job *job;
    struct cr_plan *plan;
    char *dir;
    // What workers have.
    struct cr_reply_cache *reply_cache; // recorded replies of other runs, or NULL
    struct cr_client *client;
    struct cr_worker *worker;
    // What rank 0 has.
    struct cr_lock *lock;
    struct cr_ledger ledger;
    struct cr_recorder recorder;
    struct cr_progress progress;
    struct cr_coordinator *coordinator;
    bool is_complete_already;
    bool is_complete;            // by this launch
    uint64_t tape_lines_counted; // by earlier launches
    struct cr_buf hypotheses;    // as they are locked; empty: none
    enum cr_exit verdict;        // on workers: how rank 0 ended before the run began
};

// Whether this process coordinates, works, or both.
bool cr_session_coordinates(const struct cr_session *session);
bool cr_session_works(const struct cr_session *session);

// The outcome that a status before the directory was ours means.
enum cr_exit cr_session_outcome(enum cr_status status);

// Collective. Cluster, bundle, job and plan on every rank; directory and lock on rank
// 0. On failure every rank fails; rank 0 has the message, the others CR_E_PEER.
CR_MUST_CHECK enum cr_status cr_session_prepare(struct cr_session *session,
                                                struct cr_err *err);
// Local. Coordinator or worker, ready to step.
CR_MUST_CHECK enum cr_status cr_session_begin(struct cr_session *session,
                                              struct cr_err *err);
// Local. Preparing or (HAS_BEGUN) beginning failed: tell the other ranks, the log and
// status.json. A rank that got a verdict logs nothing.
enum cr_exit cr_session_give_up(struct cr_session *session, bool has_begun,
                                const struct cr_err *why);
// Local. Rank 0: finish run.h5 and say in status.json how it ended.
enum cr_exit cr_session_finish(struct cr_session *session);
// Collective unless a rank was lost.
void cr_session_close(struct cr_session *session, bool *must_exit);

#endif
