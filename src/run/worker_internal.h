// worker_internal.h - what the two files of a worker share: its state, and what it says to
// the coordinator and hears. worker.c calls worker_messages.c, never the other way.
//
// Layer    run (5), private to worker*.c
#ifndef CR_RUN_WORKER_INTERNAL_H
#define CR_RUN_WORKER_INTERNAL_H

#include "credence/cluster/message.h"
#include "run/live_market.h"
#include "run/local_servers.h"
#include "run/worker.h"

// Replies on their way to the tape and then to their markets.
enum { CR_WORKER_BATCH_MAX = 64 };
struct cr_worker_batch {
    uint32_t len;
    struct cr_call *calls[CR_WORKER_BATCH_MAX];
    struct cr_reply replies[CR_WORKER_BATCH_MAX];
    struct cr_call_record records[CR_WORKER_BATCH_MAX]; // borrow the replies' texts
};

struct cr_worker {
    struct cr_worker_cfg cfg;
    struct cr_local_servers serving; // local servers, when this rank starts any
    struct cr_tape *tape;            // NULL before WELCOME and after STOP
    struct cr_live_market *markets;  // [markets_len], all there are
    uint32_t markets_len;
    struct cr_live_market *free;
    struct cr_live_market *queue, **queue_last;
    uint32_t queued, live;
    uint32_t lease_sequence[CR_BEAT_MODELS_MAX];
    uint64_t replies_cut[CR_BEAT_MODELS_MAX];
    uint64_t taped;
    int64_t asleep_ns; // in the poll of the models, with nothing to do
    struct cr_worker_batch *batch;
    struct cr_buf message;
    // From WELCOME until the directory was seen to be rank 0's, and the tape is open.
    struct cr_welcome welcome; // host: of a message that is gone
    char rank_0_host[256];
    bool is_settling;
    int64_t welcomed_ms, look_again_ms;
    int64_t beat_ms, lost_ms;
    int64_t last_beat_ms, last_pause_ms, last_heard_ms;
    int64_t stepped_ms; // when the present step began
    int64_t drop_at_ms; // when a drain gives up on what is in flight; 0: no drain
    bool is_wanting, is_draining, is_stopping, is_over, is_orphaned, has_failed,
        has_told_drained, is_short_of_credit;
};

static inline int64_t cr_worker_now_ms(const struct cr_worker *worker) {
    return cr_clock_now_ms(worker->cfg.clock);
}

static inline enum cr_status cr_worker_first_of(enum cr_status first,
                                                enum cr_status second) {
    return first != CR_OK ? first : second;
}

// worker_messages.c. Words to the coordinator: worker->message holds the fields (ENCODED:
// whether it could be filled).
CR_MUST_CHECK enum cr_status cr_worker_send(struct cr_worker *worker, enum cr_tag tag,
                                            enum cr_status encoded, struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_worker_send_number(struct cr_worker *worker,
                                                   enum cr_tag tag, uint64_t number,
                                                   struct cr_err *err);
// Start nothing more; what is in flight has GRACE_MS.
void cr_worker_drain(struct cr_worker *worker, int64_t grace_ms);
// While settling: look whether DIR is the directory of rank 0, and then open the tape.
// CR_E_BLOCKED when it is another.
CR_MUST_CHECK enum cr_status cr_worker_settle_in(struct cr_worker *worker,
                                                 struct cr_err *err);
// MARKET is free for another trajectory.
void cr_worker_release(struct cr_worker *worker, struct cr_live_market *market);
// What has come, a bounded number of messages.
CR_MUST_CHECK enum cr_status cr_worker_receive(struct cr_worker *worker, bool *moved,
                                               struct cr_err *err);

#endif
