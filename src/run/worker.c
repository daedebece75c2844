// worker.c - one rank's live markets. What it says and hears is in worker_messages.c.
//
//   grant -> queue -> live (episode, calls out) -> result
//
// Invariants:
//   - a reply is on the tape before the episode hears of it, so
//     whatever a result says can be rebuilt;
//   - at most one WANT is out, and live + queued never exceeds live_max + ahead;
//   - after a DRAIN nothing starts; after a STOP the tape is synced before BYE.
// A machine error here (a full disk) is reported to the coordinator as a FAULT, which
// drains the whole run; this rank then only waits for its STOP. A market that met it is
// stopped: what it learnt is on the tape, and it goes on from there some other time.
#include "run/worker_internal.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "credence/cluster/result.h"

enum {
    BEAT_DEFAULT_MS = 500,
    LOST_DEFAULT_MS = 600000, // until WELCOME says better: rank 0 may be reading tapes
    MESSAGE_BYTES_MAX = CR_MESSAGE_BYTES_MAX,
    REPLIES_A_TURN = 4096,
    PAUSE_CHECK_MS = 20,
    GAP_MS = 1000,   // between two steps: this rank itself stood still
    URGENT_BEATS = 5 // times as often while calls wait for a lease
};

static uint32_t ahead(const struct cr_worker *worker) {
    return worker->cfg.live_max / 4 + 1;
}

// Calls that are out belong to the markets, so the client lets go of them first.
static void markets_free(struct cr_worker *worker) {
    struct cr_call *call;
    struct cr_reply reply;
    cr_client_drop(worker->cfg.client);
    while (cr_client_take(worker->cfg.client, &call, &reply)) {
        cr_reply_fini(&reply);
    }
    for (uint32_t i = 0; worker->markets != NULL && i < worker->markets_len; i++) {
        cr_live_market_clear(&worker->markets[i]);
    }
    cr_free(worker->markets);
}

void cr_worker_destroy(struct cr_worker *worker) {
    if (worker == NULL) {
        return;
    }
    markets_free(worker);
    cr_local_servers_stop(&worker->serving);
    cr_status_ignore(cr_tape_close(worker->tape, NULL));
    cr_buf_fini(&worker->message);
    cr_free(worker->batch);
    cr_free(worker);
}

static enum cr_status say_hello(struct cr_worker *worker, struct cr_err *err) {
    const struct cr_hello hello = {.version = CR_MESSAGE_VERSION,
                                   .pid = getpid(),
                                   .host = cr_cluster_host(worker->cfg.cluster),
                                   .job = worker->cfg.job->identity};
    cr_buf_clear(&worker->message);
    return cr_worker_send(worker, CR_TAG_HELLO,
                          cr_message_encode(&worker->message, CR_TAG_HELLO, &hello),
                          err);
}

enum cr_status cr_worker_create(const struct cr_worker_cfg *cfg, struct cr_worker **out,
                                struct cr_err *err) {
    struct cr_worker *worker = cr_calloc(1, sizeof *worker);
    if (worker == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for a worker");
    }
    worker->cfg = *cfg;
    worker->beat_ms = BEAT_DEFAULT_MS;
    worker->lost_ms = LOST_DEFAULT_MS;
    worker->last_heard_ms = worker->stepped_ms = cr_worker_now_ms(worker);
    worker->queue_last = &worker->queue;
    worker->serving = (struct cr_local_servers){
        .job = cfg->job,
        .clock = cfg->clock,
        .log = cfg->log,
        .dir = cfg->dir,
        .cluster = cfg->cluster,
        .client = cfg->client,
    };
    cr_buf_init(&worker->message, MESSAGE_BYTES_MAX);
    worker->markets_len = cfg->live_max + ahead(worker);
    worker->markets = cr_calloc(worker->markets_len, sizeof *worker->markets);
    worker->batch = cr_calloc(1, sizeof *worker->batch);
    enum cr_status status =
        worker->markets == NULL || worker->batch == NULL
            ? cr_err_set(err, CR_E_MEMORY, "out of memory for %u live markets",
                         cfg->live_max)
            : say_hello(worker, err);
    if (status != CR_OK) {
        cr_worker_destroy(worker);
        return status;
    }
    for (uint32_t i = 0; i < worker->markets_len; i++) {
        worker->markets[i].next = worker->free;
        worker->free = &worker->markets[i];
    }
    *out = worker;
    return CR_OK;
}

static enum cr_status send_result(struct cr_worker *worker,
                                  struct cr_live_market *market, struct cr_err *err) {
    cr_buf_clear(&worker->message);
    return cr_worker_send(
        worker, CR_TAG_RESULT,
        cr_result_encode(&worker->message, cr_episode_trajectory(market->episode),
                         &market->calls, worker->cfg.job->output_text),
        err);
}

static enum cr_status finish_market(struct cr_worker *worker,
                                    struct cr_live_market *market, struct cr_err *err) {
    if (market->out > 0 ||
        (!market->is_stopped && !cr_episode_is_done(market->episode))) {
        return CR_OK;
    }
    const enum cr_status status =
        market->is_stopped
            ? cr_worker_send_number(worker, CR_TAG_RETURN, market->trajectory, err)
            : send_result(worker, market, err);
    worker->live--;
    cr_worker_release(worker, market);
    return status;
}

// Replies: first the tape, then the episodes. The replies that are there go on the tape
// together, with one write, before any episode hears of its own: so nothing that was
// learnt can be lost, and a thousand markets in step cost a write, not a thousand.

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
    return finish_market(worker, market, err);
}

// Fill the batch with replies that are to be recorded.
static enum cr_status gather(struct cr_worker *worker, bool *moved,
                             struct cr_err *err) {
    struct cr_worker_batch *batch = worker->batch;
    enum cr_status status = CR_OK;
    batch->len = 0;
    while (batch->len < CR_WORKER_BATCH_MAX && status == CR_OK) {
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
        struct cr_call_record *record = &batch->records[batch->len++];
        *record =
            cr_call_record_make(*call, reply, cr_clock_wall_ms(worker->cfg.clock));
        // The tape is to say why a reply cannot be used, so it is read before.
        struct cr_live_market *market = (*call)->ctx;
        status = cr_episode_read(market->episode, *call, reply, &record->reason, err);
        market->is_stopped = market->is_stopped || status != CR_OK; // only half read
    }
    return status;
}

// Tell the market of reply I, and send what it asks next. One whose reply is not on the
// tape stops: it would know what nobody could rebuild.
static enum cr_status tell(struct cr_worker *worker, uint32_t i, bool is_recorded,
                           struct cr_err *err) {
    struct cr_worker_batch *batch = worker->batch;
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
    return cr_worker_first_of(status, finish_market(worker, market, err));
}

// A reply that max_tokens ended; one token is all that is asked for of a logprob.
static void count_cut(struct cr_worker *worker, const struct cr_call_record *record) {
    worker->replies_cut[record->model] += record->finish == CR_FINISH_LENGTH &&
                                          record->id.ask != CR_ASK_LOGPROB &&
                                          !record->is_recorded;
}

static enum cr_status take_batch(struct cr_worker *worker, bool *moved,
                                 struct cr_err *err) {
    struct cr_worker_batch *batch = worker->batch;
    size_t kept = 0;
    struct cr_err later;
    enum cr_status status = gather(worker, moved, err);
    if (batch->len > 0) {
        status = cr_worker_first_of(
            status, cr_tape_append_all(worker->tape, batch->records, batch->len, &kept,
                                       status == CR_OK ? err : &later));
    }
    worker->taped += kept;
    for (uint32_t i = 0; i < batch->len; i++) {
        count_cut(worker, &batch->records[i]);
        status = cr_worker_first_of(
            status, tell(worker, i, i < kept, status == CR_OK ? err : &later));
        cr_reply_fini(&batch->replies[i]);
    }
    return status;
}

static enum cr_status take_replies(struct cr_worker *worker, bool *moved,
                                   struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (uint32_t taken = 0; taken < REPLIES_A_TURN && status == CR_OK;) {
        status = take_batch(worker, moved, err);
        if (worker->batch->len < CR_WORKER_BATCH_MAX) {
            break;
        }
        taken += worker->batch->len;
    }
    return status;
}

static enum cr_status start(struct cr_worker *worker, struct cr_live_market *market,
                            struct cr_err *err) {
    cr_plan_episode_cfg(worker->cfg.plan, market->trajectory, &market->setting);
    worker->live++;
    enum cr_status status = cr_episode_create(&market->setting, &market->episode, err);
    if (status == CR_OK) {
        status = cr_live_market_submit_ready(market, worker->cfg.client, err);
    }
    market->is_stopped = status != CR_OK;
    const enum cr_status settled = finish_market(worker, market, err);
    return status != CR_OK ? status : settled;
}

static enum cr_status start_queued(struct cr_worker *worker, bool *moved,
                                   struct cr_err *err) {
    while (!worker->is_draining && worker->queue != NULL && worker->tape != NULL &&
           worker->live < worker->cfg.live_max) {
        struct cr_live_market *market = worker->queue;
        worker->queue = market->next;
        if (worker->queue == NULL) {
            worker->queue_last = &worker->queue;
        }
        worker->queued--;
        market->next = NULL;
        *moved = true;
        const enum cr_status status = start(worker, market, err);
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}

// A model that is not in use here keeps no starts from the ranks that wait for them.
static void read_metrics(struct cr_worker *worker, uint32_t model,
                         struct cr_model_metrics *out) {
    cr_client_metrics(worker->cfg.client, model, out);
    if (out->waiting > 0 || out->in_flight > 0) {
        return;
    }
    cr_client_return_requests(worker->cfg.client, model);
    cr_client_metrics(worker->cfg.client, model, out);
}

static enum cr_status beat(struct cr_worker *worker, struct cr_err *err) {
    struct cr_beat message = {.live = worker->live,
                              .queued = worker->queued,
                              .is_draining = worker->is_draining,
                              .taped = worker->taped,
                              .asleep_ms = (uint64_t)worker->asleep_ns / 1000000,
                              .models_len = worker->cfg.job->models_len};
    for (uint32_t i = 0; i < message.models_len; i++) {
        message.models[i].sequence = worker->lease_sequence[i];
        message.models[i].replies_cut = worker->replies_cut[i];
        read_metrics(worker, i, &message.models[i].metrics);
    }
    cr_buf_clear(&worker->message);
    return cr_worker_send(worker, CR_TAG_BEAT,
                          cr_message_encode(&worker->message, CR_TAG_BEAT, &message),
                          err);
}

// A Retry-After met here must keep every rank quiet, so it does not wait for a beat.
static enum cr_status tell_pauses(struct cr_worker *worker, struct cr_err *err) {
    for (uint32_t i = 0; i < worker->cfg.job->models_len; i++) {
        struct cr_model_metrics metrics;
        cr_client_metrics(worker->cfg.client, i, &metrics);
        cr_client_forget_peaks(worker->cfg.client, i);
        worker->is_short_of_credit =
            worker->is_short_of_credit || metrics.requests_wanted > 0;
        if (metrics.pause_seen_ms <= 0) {
            continue;
        }
        const struct cr_pause_message pause = {.model = i,
                                               .pause_ms = metrics.pause_seen_ms};
        cr_buf_clear(&worker->message);
        const enum cr_status status = cr_worker_send(
            worker, CR_TAG_PAUSE,
            cr_message_encode(&worker->message, CR_TAG_PAUSE, &pause), err);
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}

static enum cr_status keep_time(struct cr_worker *worker, struct cr_err *err) {
    const int64_t now = cr_worker_now_ms(worker);
    const int64_t every_ms =
        worker->is_short_of_credit ? worker->beat_ms / URGENT_BEATS : worker->beat_ms;
    const bool has_drained =
        worker->is_draining && worker->live == 0 && !worker->has_told_drained;
    const bool is_beat_due = has_drained || now - worker->last_beat_ms >= every_ms;
    enum cr_status status = CR_OK;
    if (worker->is_draining && now >= worker->drop_at_ms) {
        cr_client_drop(worker->cfg.client);
    }
    if (is_beat_due || now - worker->last_pause_ms >= PAUSE_CHECK_MS) {
        worker->last_pause_ms = now;
        status = tell_pauses(worker, err);
    }
    if (is_beat_due) {
        worker->has_told_drained = worker->has_told_drained || has_drained;
        worker->last_beat_ms = now;
        worker->is_short_of_credit = false;
        status = cr_worker_first_of(status, beat(worker, err));
    }
    if (worker->tape != NULL) {
        status = cr_worker_first_of(status, cr_tape_sync(worker->tape, false, err));
    }
    if (!worker->is_draining) {
        status =
            cr_worker_first_of(status, cr_local_servers_poll(&worker->serving, err));
    }
    return status;
}

static bool coordinator_is_gone(struct cr_worker *worker) {
    for (int rank; (rank = cr_cluster_lost(worker->cfg.cluster)) >= 0;) {
        cr_cluster_abandon(worker->cfg.cluster, rank);
        if (rank == 0) {
            return true;
        }
    }
    if (worker->stepped_ms - worker->last_heard_ms <= worker->lost_ms) {
        return false;
    }
    cr_cluster_abandon(worker->cfg.cluster, 0);
    return true;
}

// While this rank stood still it could not hear the coordinator.
static void begin_step(struct cr_worker *worker) {
    const int64_t gap_ms = cr_worker_now_ms(worker) - worker->stepped_ms;
    worker->stepped_ms += gap_ms;
    if (gap_ms > GAP_MS) {
        worker->last_heard_ms += gap_ms - GAP_MS;
    }
}

// The machine fails here: say so and start nothing more; the coordinator drains all.
static void complain(struct cr_worker *worker, const struct cr_err *err) {
    const struct cr_fault fault = {.status = (uint32_t)err->status, .text = err->text};
    worker->has_failed = true;
    cr_worker_drain(worker, 0);
    cr_buf_clear(&worker->message);
    cr_status_ignore(cr_worker_send(
        worker, CR_TAG_FAULT, cr_message_encode(&worker->message, CR_TAG_FAULT, &fault),
        NULL));
}

// The last words: the tape is on disk before the coordinator hears goodbye, or it hears
// before that why it is not.
static enum cr_status leave(struct cr_worker *worker, struct cr_err *err) {
    worker->is_over = true;
    if (worker->tape != NULL) {
        if (cr_tape_close(worker->tape, err) != CR_OK) {
            complain(worker, err);
        }
        worker->tape = NULL;
    }
    enum cr_status sent = beat(worker, err); // the final count of what was spent
    cr_buf_clear(&worker->message);
    if (sent == CR_OK) {
        sent = cr_worker_send(worker, CR_TAG_BYE, CR_OK, err);
    }
    return sent;
}

static enum cr_status want(struct cr_worker *worker, struct cr_err *err) {
    const uint32_t held = worker->live + worker->queued;
    if (worker->is_wanting || worker->is_draining || worker->tape == NULL ||
        held >= worker->cfg.live_max + ahead(worker) / 2) {
        return CR_OK;
    }
    worker->is_wanting = true;
    return cr_worker_send_number(
        worker, CR_TAG_WANT, (uint64_t)(worker->cfg.live_max + ahead(worker)) - held,
        err);
}

// Before the replies that follow from them, so that the coordinator has heard of a model
// that cannot answer when its episodes fail.
static enum cr_status tell_notices(struct cr_worker *worker, struct cr_err *err) {
    struct cr_client_notice notice;
    enum cr_status status = CR_OK;
    while (status == CR_OK && cr_client_take_notice(worker->cfg.client, &notice)) {
        const struct cr_notice_message message = {.kind = (uint32_t)notice.kind,
                                                  .model = notice.model,
                                                  .endpoint = notice.endpoint,
                                                  .reason = (uint32_t)notice.reason,
                                                  .is_final = notice.is_final,
                                                  .text = notice.text};
        if (notice.kind == CR_NOTICE_BLOCKED) {
            status = beat(worker, err); // what has been answered is judged with it
        }
        cr_buf_clear(&worker->message);
        status = cr_worker_first_of(
            status,
            cr_worker_send(worker, CR_TAG_NOTICE,
                           cr_message_encode(&worker->message, CR_TAG_NOTICE, &message),
                           err));
    }
    return status;
}

static enum cr_status poll_models(struct cr_worker *worker, int wait_ms,
                                  struct cr_err *err) {
    const int64_t before_ns = cr_clock_now_ns(worker->cfg.clock);
    const enum cr_status status = cr_client_poll(worker->cfg.client, wait_ms, err);
    if (wait_ms > 0) {
        worker->asleep_ns += cr_clock_now_ns(worker->cfg.clock) - before_ns;
    }
    return status;
}

static enum cr_status move(struct cr_worker *worker, int wait_ms, bool *moved,
                           struct cr_err *err) {
    enum cr_status status = cr_worker_receive(worker, moved, err);
    if (status == CR_OK && !worker->is_stopping) {
        status = cr_worker_settle_in(worker, err);
    }
    if (status == CR_OK && !worker->is_stopping) {
        status = start_queued(worker, moved, err);
    }
    if (status == CR_OK && !worker->is_stopping) {
        status = want(worker, err);
    }
    if (status == CR_OK) {
        status = poll_models(worker, *moved ? 0 : wait_ms, err);
    }
    if (status == CR_OK) {
        status = tell_notices(worker, err);
    }
    // Whatever failed: replies that are here go on the tape, and the beat goes on.
    status = cr_worker_first_of(status, take_replies(worker, moved, err));
    if (status == CR_OK) {
        status = cr_client_start(worker->cfg.client, err);
    }
    status = cr_worker_first_of(status, keep_time(worker, err));
    return worker->is_stopping ? cr_worker_first_of(status, leave(worker, err))
                               : status;
}

enum cr_status cr_worker_step(struct cr_worker *worker, int wait_ms, bool *moved,
                              struct cr_err *err) {
    struct cr_err own = {0};
    begin_step(worker);
    enum cr_status status = move(worker, wait_ms, moved, &own);
    if (status != CR_OK) {
        if (err != NULL) {
            *err = own;
        }
        if (worker->has_failed) {
            return status;
        }
        complain(worker, &own);
    }
    if (!worker->is_over && coordinator_is_gone(worker)) {
        worker->is_orphaned = true;
        if (worker->tape != NULL) {
            return cr_tape_sync(worker->tape, true, err);
        }
    }
    return CR_OK;
}

void cr_worker_signal(struct cr_worker *worker, int number) {
    cr_status_ignore(
        cr_worker_send_number(worker, CR_TAG_SIGNAL, (uint64_t)number, NULL));
}

bool cr_worker_is_over(const struct cr_worker *worker) {
    return worker->is_over;
}

bool cr_worker_is_orphaned(const struct cr_worker *worker) {
    return worker->is_orphaned;
}

void cr_worker_check(const struct cr_worker *worker) {
    uint32_t queued = 0, unused = 0, out = 0;
    for (const struct cr_live_market *m = worker->queue; m != NULL; m = m->next) {
        assert(m->episode == NULL && m->out == 0);
        queued++;
    }
    for (const struct cr_live_market *m = worker->free; m != NULL; m = m->next) {
        assert(m->episode == NULL && m->out == 0);
        unused++;
    }
    for (uint32_t i = 0; i < worker->markets_len; i++) {
        out += worker->markets[i].out;
    }
    assert(queued == worker->queued);
    assert(worker->live + queued + unused == worker->markets_len);
    assert(worker->live <= worker->cfg.live_max);
    assert(out == cr_client_live(worker->cfg.client));
    assert(!worker->is_draining || queued == 0);
    assert(!worker->is_over || worker->tape == NULL);
}
