// worker_replies.c - replies: first the tape, then the episodes.
//
// The replies that are there go on the tape together, with one write, before any
// episode hears of its own: so nothing that was learnt can be lost, and a thousand
// markets in step cost a write, not a thousand.
#include <assert.h>

#include "run/worker_internal.h"

enum { REPLIES_A_TURN = 4096 };

// The market of a call that has come back.
static struct cr_live_market *landed(struct cr_call *call) {
    struct cr_live_market *market = call->ctx;
    assert(market->out > 0);
    market->out--;
    return market;
}

// A call that was given up has nothing for the tape; its market stops.
static enum cr_status take_dropped(struct cr_worker *worker, struct cr_call *call,
                                   struct cr_err *err) {
    struct cr_live_market *market = landed(call);
    market->is_stopped = true;
    return cr_worker_settle(worker, market, err);
}

// Fill the batch with replies that are to be recorded.
static enum cr_status gather(struct cr_worker *worker, bool *moved,
                             struct cr_err *err) {
    struct cr_batch *batch = worker->batch;
    enum cr_status status = CR_OK;
    batch->len = 0;
    while (batch->len < CR_BATCH_MAX && status == CR_OK) {
        struct cr_reply *reply = &batch->replies[batch->len];
        struct cr_call **call = &batch->calls[batch->len];
        if (!cr_client_take(worker->cfg.client, call, reply)) {
            break;
        }
        *moved = true;
        if (reply->reason == CR_REASON_STOPPED) {
            status = take_dropped(worker, *call, err);
            cr_reply_fini(reply);
            continue;
        }
        batch->records[batch->len++] =
            cr_call_record_make(*call, reply, cr_clock_wall_ms(worker->cfg.clock));
    }
    return status;
}

// Tell the market of reply I, and send what it asks next. One whose reply is not on the
// tape stops: it would know what nobody could rebuild.
static enum cr_status tell(struct cr_worker *worker, uint32_t i, bool is_recorded,
                           struct cr_err *err) {
    struct cr_batch *batch = worker->batch;
    struct cr_live_market *market = landed(batch->calls[i]);
    enum cr_status status = CR_OK;
    market->is_stopped = market->is_stopped || !is_recorded;
    if (!market->is_stopped) {
        status = cr_live_market_answer(market, batch->calls[i], &batch->replies[i],
                                       &batch->records[i], err);
    }
    // A draining episode may ask on: the client answers STOPPED at once.
    if (status == CR_OK && !market->is_stopped) {
        status = cr_live_market_submit_ready(market, worker->cfg.client, err);
    }
    market->is_stopped = market->is_stopped || status != CR_OK;
    return cr_worker_first_of(status, cr_worker_settle(worker, market, err));
}

static enum cr_status take_batch(struct cr_worker *worker, bool *moved,
                                 struct cr_err *err) {
    struct cr_batch *batch = worker->batch;
    size_t kept = 0;
    struct cr_err later;
    enum cr_status status = gather(worker, moved, err);
    if (batch->len > 0) {
        status = cr_worker_first_of(
            status, cr_tape_append_all(worker->tape, batch->records, batch->len, &kept,
                                       status == CR_OK ? err : &later));
    }
    for (uint32_t i = 0; i < batch->len; i++) {
        status = cr_worker_first_of(
            status, tell(worker, i, i < kept, status == CR_OK ? err : &later));
        cr_reply_fini(&batch->replies[i]);
    }
    return status;
}

enum cr_status cr_worker_take_replies(struct cr_worker *worker, bool *moved,
                                      struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (uint32_t taken = 0; taken < REPLIES_A_TURN && status == CR_OK;) {
        status = take_batch(worker, moved, err);
        if (worker->batch->len < CR_BATCH_MAX) {
            break;
        }
        taken += worker->batch->len;
    }
    return status;
}
