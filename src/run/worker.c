// worker.c - one rank's live markets.
//
//   grant -> queue -> live (episode, calls out) -> result
//
// Invariants:
//   - a reply is on the tape before the episode hears of it, so whatever a result says
//     can be rebuilt;
//   - at most one WANT is out, and live + queued never exceeds live_max + ahead;
//   - after a DRAIN nothing starts; after a STOP the tape is synced before BYE.
// A machine error here (a full disk) is told to the coordinator as TROUBLE, which
// drains the whole run; this rank then only waits for its STOP. A market that met it is
// stopped: what it was told is on the tape, and it goes on from there some other time.
#include "run/worker.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "credence/mem.h"
#include "credence/message.h"
#include "credence/result.h"
#include "run/market.h"
#include "run/serving.h"

enum {
    MESSAGES_A_TURN = 64,
    REPLIES_A_TURN = 4096,
    PAUSE_CHECK_MS = 20,
    GAP_MS = 1000,    // between two steps: this rank itself stood still
    URGENT_BEATS = 5, // times as often while calls wait for a lease
    BEAT_DEFAULT_MS = 500,
    LOST_DEFAULT_MS = 600000, // until WELCOME says better: rank 0 may be reading tapes
    MESSAGE_BYTES_MAX = CR_MESSAGE_BYTES_MAX
};

struct cr_worker {
    struct cr_worker_cfg cfg;
    struct cr_serving serving; // local servers, when this rank starts any
    struct cr_tape *tape;      // NULL before WELCOME and after STOP
    struct cr_market *markets; // [markets_len], all there are
    uint32_t markets_len;
    struct cr_market *free;
    struct cr_market *queue, **queue_last;
    uint32_t queued, live;
    uint32_t lease_sequence[CR_BEAT_MODELS_MAX];
    struct cr_buf message;
    int64_t beat_ms, lost_ms;
    int64_t last_beat_ms, last_pause_ms, last_heard_ms;
    int64_t stepped_ms; // when the present step began
    int64_t drop_at_ms; // when a drain gives up on what is in flight; 0: no drain
    bool is_wanting, is_draining, is_stopping, is_over, is_orphaned, has_trouble,
        has_told_drained, is_short_of_credit;
};

static uint32_t ahead(const struct cr_worker *worker) {
    return worker->cfg.live_max / 4 + 1;
}

static int64_t now_ms(const struct cr_worker *worker) {
    return cr_clock_now_ms(worker->cfg.clock);
}

// Calls that are out belong to the markets, so the client lets go of them first.
static void markets_free(struct cr_worker *worker) {
    struct cr_call *call;
    struct cr_reply reply;
    cr_client_drop(worker->cfg.client);
    while (cr_client_take(worker->cfg.client, &call, &reply))
        cr_reply_fini(&reply);
    for (uint32_t i = 0; worker->markets != NULL && i < worker->markets_len; i++)
        cr_market_clear(&worker->markets[i]);
    cr_free(worker->markets);
}

void cr_worker_destroy(struct cr_worker *worker) {
    if (worker == NULL)
        return;
    markets_free(worker);
    cr_serving_stop(&worker->serving);
    (void)!cr_tape_close(worker->tape, NULL);
    cr_buf_fini(&worker->message);
    cr_free(worker);
}

static enum cr_status send_message(struct cr_worker *worker, enum cr_tag tag,
                                   enum cr_status encoded, struct cr_err *err) {
    if (encoded != CR_OK)
        return cr_err_set(err, encoded, "a message to the coordinator does not fit");
    const struct cr_packet packet = {0, (int)tag, worker->message.data,
                                     worker->message.used_bytes};
    const enum cr_status status = cr_cluster_send(worker->cfg.cluster, &packet, err);
    // A coordinator that is gone is noticed as such, not here.
    return status == CR_E_PEER ? CR_OK : status;
}

static enum cr_status say_hello(struct cr_worker *worker, struct cr_err *err) {
    const struct cr_hello hello = {.version = CR_MESSAGE_VERSION,
                                   .pid = getpid(),
                                   .host = cr_cluster_host(worker->cfg.cluster),
                                   .job = worker->cfg.job->identity};
    cr_buf_clear(&worker->message);
    return send_message(worker, CR_TAG_HELLO, cr_hello_encode(&worker->message, &hello),
                        err);
}

static enum cr_status send_number(struct cr_worker *worker, enum cr_tag tag,
                                  uint64_t number, struct cr_err *err) {
    cr_buf_clear(&worker->message);
    return send_message(worker, tag, cr_number_encode(&worker->message, number), err);
}

enum cr_status cr_worker_create(const struct cr_worker_cfg *cfg, struct cr_worker **out,
                                struct cr_err *err) {
    struct cr_worker *worker = cr_calloc(1, sizeof *worker);
    if (worker == NULL)
        return cr_err_set(err, CR_E_MEMORY, "out of memory for a worker");
    worker->cfg = *cfg;
    worker->beat_ms = BEAT_DEFAULT_MS;
    worker->lost_ms = LOST_DEFAULT_MS;
    worker->last_heard_ms = worker->stepped_ms = now_ms(worker);
    worker->queue_last = &worker->queue;
    worker->serving = (struct cr_serving){
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
    enum cr_status status =
        worker->markets == NULL
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

static void release(struct cr_worker *worker, struct cr_market *market) {
    cr_market_clear(market);
    market->next = worker->free;
    worker->free = market;
}

static enum cr_status send_result(struct cr_worker *worker, struct cr_market *market,
                                  struct cr_err *err) {
    cr_buf_clear(&worker->message);
    return send_message(worker, CR_TAG_RESULT,
                        cr_result_encode(&worker->message,
                                         cr_episode_trajectory(market->episode),
                                         &market->calls, worker->cfg.job->output_text),
                        err);
}

// A market whose episode is over and that waits for nothing leaves the rank.
static enum cr_status settle(struct cr_worker *worker, struct cr_market *market,
                             struct cr_err *err) {
    if (market->out > 0 ||
        (!market->is_stopped && !cr_episode_is_done(market->episode)))
        return CR_OK;
    const enum cr_status status =
        market->is_stopped ? send_number(worker, CR_TAG_RETURN, market->trajectory, err)
                           : send_result(worker, market, err);
    worker->live--;
    release(worker, market);
    return status;
}

static enum cr_status start(struct cr_worker *worker, struct cr_market *market,
                            struct cr_err *err) {
    cr_plan_setting(worker->cfg.plan, market->trajectory, &market->setting);
    worker->live++;
    enum cr_status status = cr_episode_create(&market->setting, &market->episode, err);
    if (status == CR_OK)
        status = cr_market_pump(market, worker->cfg.client, err);
    market->is_stopped = status != CR_OK;
    const enum cr_status settled = settle(worker, market, err);
    return status != CR_OK ? status : settled;
}

static enum cr_status start_queued(struct cr_worker *worker, bool *moved,
                                   struct cr_err *err) {
    while (!worker->is_draining && worker->queue != NULL && worker->tape != NULL &&
           worker->live < worker->cfg.live_max) {
        struct cr_market *market = worker->queue;
        worker->queue = market->next;
        if (worker->queue == NULL)
            worker->queue_last = &worker->queue;
        worker->queued--;
        market->next = NULL;
        *moved = true;
        const enum cr_status status = start(worker, market, err);
        if (status != CR_OK)
            return status;
    }
    return CR_OK;
}

static enum cr_status on_welcome(struct cr_worker *worker,
                                 const struct cr_packet *packet, struct cr_err *err) {
    struct cr_welcome welcome;
    enum cr_status status = cr_welcome_decode(packet->bytes, packet->len, &welcome);
    if (status != CR_OK)
        return cr_err_set(err, status, "a welcome that cannot be read");
    worker->beat_ms = welcome.beat_ms;
    worker->lost_ms = welcome.lost_ms;
    cr_cluster_watch(worker->cfg.cluster, 0, welcome.pid, welcome.host);
    const struct cr_tape_cfg cfg = {
        .dir = worker->cfg.dir,
        .launch = welcome.launch,
        .rank = cr_cluster_rank(worker->cfg.cluster),
        .sync_ms = worker->cfg.sync_ms,
        .clock = worker->cfg.clock,
    };
    status = cr_tape_open(&cfg, &worker->tape, err);
    if (status == CR_OK)
        status = cr_serving_start(&worker->serving, welcome.starts, err);
    return status;
}

static enum cr_status on_appoint(struct cr_worker *worker,
                                 const struct cr_packet *packet, struct cr_err *err) {
    uint64_t starts = 0;
    if (cr_number_decode(packet->bytes, packet->len, &starts) != CR_OK)
        return CR_OK;
    return cr_serving_start(&worker->serving, (uint32_t)starts, err);
}

static enum cr_status on_grant(struct cr_worker *worker, const struct cr_packet *packet,
                               struct cr_err *err) {
    struct cr_grant_reader reader = {.bytes = packet->bytes, .len = packet->len};
    worker->is_wanting = false;
    for (;;) {
        struct cr_call_records recorded = {0};
        uint64_t trajectory = 0;
        bool is_there;
        const enum cr_status status =
            cr_grant_next(&reader, &is_there, &trajectory, &recorded);
        if (status != CR_OK || !is_there || worker->free == NULL ||
            trajectory >= worker->cfg.plan->trajectories) {
            cr_call_records_fini(&recorded);
            if (status == CR_OK && !is_there)
                return CR_OK;
            return cr_err_set(err, status == CR_OK ? CR_E_FORMAT : status,
                              "a grant that cannot be read");
        }
        struct cr_market *market = worker->free;
        worker->free = market->next;
        *market =
            (struct cr_market){.trajectory = trajectory,
                               .recorded = recorded,
                               .keeps_text = worker->cfg.job->output_text,
                               .believes_failures = worker->cfg.believes_failures};
        *worker->queue_last = market;
        worker->queue_last = &market->next;
        worker->queued++;
    }
}

static void on_lease(struct cr_worker *worker, const struct cr_packet *packet) {
    struct cr_lease_message lease;
    if (cr_lease_decode(packet->bytes, packet->len, &lease) != CR_OK ||
        lease.model >= worker->cfg.job->models_len)
        return;
    worker->lease_sequence[lease.model] = lease.sequence;
    cr_client_lease(worker->cfg.client, lease.model, &lease.lease);
}

static void on_pause(struct cr_worker *worker, const struct cr_packet *packet) {
    struct cr_pause_message pause;
    if (cr_pause_decode(packet->bytes, packet->len, &pause) == CR_OK &&
        pause.model < worker->cfg.job->models_len)
        cr_client_pause(worker->cfg.client, pause.model, pause.pause_ms);
}

static enum cr_status on_endpoint(struct cr_worker *worker,
                                  const struct cr_packet *packet, struct cr_err *err) {
    struct cr_endpoint_message message;
    if (cr_endpoint_decode(packet->bytes, packet->len, &message) != CR_OK ||
        message.model >= worker->cfg.job->models_len)
        return CR_OK;
    const enum cr_status status = cr_client_endpoint(worker->cfg.client, message.model,
                                                     message.endpoint, message.url);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "endpoint %s cannot be used", message.url);
}

static void empty_queue(struct cr_worker *worker) {
    while (worker->queue != NULL) {
        struct cr_market *market = worker->queue;
        worker->queue = market->next;
        release(worker, market);
    }
    worker->queue_last = &worker->queue;
    worker->queued = 0;
}

static void on_drain(struct cr_worker *worker, const struct cr_packet *packet) {
    uint64_t grace_ms = 0;
    (void)!cr_number_decode(packet->bytes, packet->len, &grace_ms);
    worker->is_draining = true;
    worker->drop_at_ms = now_ms(worker) + (int64_t)grace_ms;
    empty_queue(worker);
    cr_client_drain(worker->cfg.client);
}

// A model that is not in use here keeps no starts from the ranks that wait for them.
static void read_metrics(struct cr_worker *worker, uint32_t model,
                         struct cr_model_metrics *out) {
    cr_client_metrics(worker->cfg.client, model, out);
    if (out->waiting > 0 || out->in_flight > 0)
        return;
    cr_client_return_requests(worker->cfg.client, model);
    cr_client_metrics(worker->cfg.client, model, out);
}

static enum cr_status beat(struct cr_worker *worker, struct cr_err *err) {
    struct cr_beat message = {.live = worker->live,
                              .queued = worker->queued,
                              .is_draining = worker->is_draining,
                              .models_len = worker->cfg.job->models_len};
    for (uint32_t i = 0; i < message.models_len; i++) {
        message.models[i].sequence = worker->lease_sequence[i];
        read_metrics(worker, i, &message.models[i].metrics);
    }
    cr_buf_clear(&worker->message);
    return send_message(worker, CR_TAG_BEAT, cr_beat_encode(&worker->message, &message),
                        err);
}

static void on_stop(struct cr_worker *worker, const struct cr_packet *packet) {
    uint64_t lost = 0;
    worker->is_stopping = true;
    if (cr_number_decode(packet->bytes, packet->len, &lost) == CR_OK && lost > 0 &&
        lost <= (uint64_t)cr_cluster_size(worker->cfg.cluster))
        cr_cluster_abandon(worker->cfg.cluster, (int)(lost - 1));
}

// The last words: the tape is on disk before the coordinator hears goodbye.
static enum cr_status leave(struct cr_worker *worker, struct cr_err *err) {
    worker->is_over = true;
    enum cr_status status = CR_OK;
    if (worker->tape != NULL) {
        status = cr_tape_close(worker->tape, err);
        worker->tape = NULL;
    }
    enum cr_status sent = beat(worker, err); // the final count of what was spent
    cr_buf_clear(&worker->message);
    if (sent == CR_OK)
        sent = send_message(worker, CR_TAG_BYE, CR_OK, err);
    return status != CR_OK ? status : sent;
}

static enum cr_status on_packet(struct cr_worker *worker,
                                const struct cr_packet *packet, struct cr_err *err) {
    switch ((enum cr_tag)packet->tag) {
    case CR_TAG_WELCOME:
        return on_welcome(worker, packet, err);
    case CR_TAG_GRANT:
        return on_grant(worker, packet, err);
    case CR_TAG_LEASE:
        on_lease(worker, packet);
        return CR_OK;
    case CR_TAG_PAUSE:
        on_pause(worker, packet);
        return CR_OK;
    case CR_TAG_ENDPOINT:
        return on_endpoint(worker, packet, err);
    case CR_TAG_APPOINT:
        return on_appoint(worker, packet, err);
    case CR_TAG_DRAIN:
        on_drain(worker, packet);
        return CR_OK;
    case CR_TAG_STOP:
        on_stop(worker, packet);
        return CR_OK;
    default: // a beat, or a message of a later version: it proves life, no more
        return CR_OK;
    }
}

static enum cr_status receive(struct cr_worker *worker, bool *moved,
                              struct cr_err *err) {
    struct cr_packet packet;
    for (int i = 0; i < MESSAGES_A_TURN && !worker->is_stopping; i++) {
        if (!cr_cluster_receive(worker->cfg.cluster, &packet))
            break;
        worker->last_heard_ms = now_ms(worker);
        *moved = *moved || packet.tag != CR_TAG_BEAT;
        const enum cr_status status = on_packet(worker, &packet, err);
        if (status != CR_OK)
            return status;
    }
    return CR_OK;
}

static enum cr_status take_reply(struct cr_worker *worker, struct cr_call *call,
                                 const struct cr_reply *reply, struct cr_err *err) {
    struct cr_market *market = call->ctx;
    assert(market->out > 0);
    market->out--;
    const struct cr_call_record record =
        cr_call_record_make(call, reply, cr_clock_wall_ms(worker->cfg.clock));
    const bool is_dropped = reply->fail == CR_FAIL_STOPPED;
    enum cr_status status = CR_OK;
    if (!is_dropped)
        status = cr_tape_append(worker->tape, &record, err);
    market->is_stopped = market->is_stopped || is_dropped || status != CR_OK;
    if (status == CR_OK && !market->is_stopped)
        status = cr_market_answer(market, call, reply, &record, err);
    // A draining episode may ask on: the client answers STOPPED at once.
    if (status == CR_OK && !market->is_stopped)
        status = cr_market_pump(market, worker->cfg.client, err);
    market->is_stopped = market->is_stopped || status != CR_OK;
    const enum cr_status settled = settle(worker, market, err);
    return status != CR_OK ? status : settled;
}

static enum cr_status take_replies(struct cr_worker *worker, bool *moved,
                                   struct cr_err *err) {
    struct cr_call *call;
    struct cr_reply reply;
    for (int i = 0; i < REPLIES_A_TURN; i++) {
        if (!cr_client_take(worker->cfg.client, &call, &reply))
            break;
        *moved = true;
        const enum cr_status status = take_reply(worker, call, &reply, err);
        cr_reply_fini(&reply);
        if (status != CR_OK)
            return status;
    }
    return CR_OK;
}

// A Retry-After met here must keep every rank quiet, so it does not wait for a beat.
static enum cr_status tell_pauses(struct cr_worker *worker, struct cr_err *err) {
    for (uint32_t i = 0; i < worker->cfg.job->models_len; i++) {
        struct cr_model_metrics metrics;
        cr_client_metrics(worker->cfg.client, i, &metrics);
        worker->is_short_of_credit =
            worker->is_short_of_credit || metrics.requests_wanted > 0;
        if (metrics.pause_seen_ms <= 0)
            continue;
        const struct cr_pause_message pause = {.model = i,
                                               .pause_ms = metrics.pause_seen_ms};
        cr_buf_clear(&worker->message);
        const enum cr_status status = send_message(
            worker, CR_TAG_PAUSE, cr_pause_encode(&worker->message, &pause), err);
        if (status != CR_OK)
            return status;
    }
    return CR_OK;
}

static enum cr_status first_of(enum cr_status first, enum cr_status second) {
    return first != CR_OK ? first : second;
}

// What goes by the clock: pauses, heartbeat, sync, the end of a drain's patience.
static enum cr_status keep_time(struct cr_worker *worker, struct cr_err *err) {
    const int64_t now = now_ms(worker);
    const int64_t every_ms =
        worker->is_short_of_credit ? worker->beat_ms / URGENT_BEATS : worker->beat_ms;
    const bool has_drained =
        worker->is_draining && worker->live == 0 && !worker->has_told_drained;
    const bool is_beat_due = has_drained || now - worker->last_beat_ms >= every_ms;
    enum cr_status status = CR_OK;
    if (worker->is_draining && now >= worker->drop_at_ms)
        cr_client_drop(worker->cfg.client);
    // Before a beat too: reading the metrics for it forgets the pause.
    if (is_beat_due || now - worker->last_pause_ms >= PAUSE_CHECK_MS) {
        worker->last_pause_ms = now;
        status = tell_pauses(worker, err);
    }
    if (is_beat_due) {
        worker->has_told_drained = worker->has_told_drained || has_drained;
        worker->last_beat_ms = now;
        worker->is_short_of_credit = false;
        status = first_of(status, beat(worker, err));
    }
    if (worker->tape != NULL)
        status = first_of(status, cr_tape_sync(worker->tape, false, err));
    if (!worker->is_draining)
        status = first_of(status, cr_serving_poll(&worker->serving, err));
    return status;
}

static enum cr_status want(struct cr_worker *worker, struct cr_err *err) {
    const uint32_t held = worker->live + worker->queued;
    if (worker->is_wanting || worker->is_draining || worker->tape == NULL ||
        held >= worker->cfg.live_max + ahead(worker) / 2)
        return CR_OK;
    worker->is_wanting = true;
    return send_number(worker, CR_TAG_WANT,
                       (uint64_t)(worker->cfg.live_max + ahead(worker)) - held, err);
}

// Rank 0 is dead when the library or the kernel says so, or when it is silent too long.
static bool coordinator_is_gone(struct cr_worker *worker) {
    for (int rank; (rank = cr_cluster_lost(worker->cfg.cluster)) >= 0;) {
        cr_cluster_abandon(worker->cfg.cluster, rank);
        if (rank == 0)
            return true;
    }
    if (worker->stepped_ms - worker->last_heard_ms <= worker->lost_ms)
        return false;
    cr_cluster_abandon(worker->cfg.cluster, 0);
    return true;
}

static enum cr_status move(struct cr_worker *worker, int wait_ms, bool *moved,
                           struct cr_err *err) {
    enum cr_status status = receive(worker, moved, err);
    if (status == CR_OK && !worker->is_stopping)
        status = start_queued(worker, moved, err);
    if (status == CR_OK && !worker->is_stopping)
        status = want(worker, err);
    if (status == CR_OK)
        status = cr_client_poll(worker->cfg.client, *moved ? 0 : wait_ms, err);
    // Whatever failed: replies that are here go on the tape, and the beat goes on.
    status = first_of(status, take_replies(worker, moved, err));
    status = first_of(status, keep_time(worker, err));
    return worker->is_stopping ? first_of(status, leave(worker, err)) : status;
}

// The machine fails here: say so and start nothing more; the coordinator drains all.
static void complain(struct cr_worker *worker, const struct cr_err *err) {
    const struct cr_trouble trouble = {.status = (uint32_t)err->status,
                                       .text = err->text};
    worker->has_trouble = true;
    worker->is_draining = true;
    worker->drop_at_ms = now_ms(worker);
    empty_queue(worker);
    cr_client_drain(worker->cfg.client);
    cr_buf_clear(&worker->message);
    (void)!send_message(worker, CR_TAG_TROUBLE,
                        cr_trouble_encode(&worker->message, &trouble), NULL);
}

// While this rank stood still it could not hear the coordinator.
static void begin_step(struct cr_worker *worker) {
    const int64_t gap_ms = now_ms(worker) - worker->stepped_ms;
    worker->stepped_ms += gap_ms;
    if (gap_ms > GAP_MS)
        worker->last_heard_ms += gap_ms - GAP_MS;
}

enum cr_status cr_worker_step(struct cr_worker *worker, int wait_ms, bool *moved,
                              struct cr_err *err) {
    struct cr_err own = {0};
    begin_step(worker);
    enum cr_status status = move(worker, wait_ms, moved, &own);
    if (status != CR_OK) {
        if (err != NULL)
            *err = own;
        if (worker->has_trouble)
            return status;
        complain(worker, &own);
    }
    if (!worker->is_over && coordinator_is_gone(worker)) {
        worker->is_orphaned = true;
        if (worker->tape != NULL)
            return cr_tape_sync(worker->tape, true, err);
    }
    return CR_OK;
}

void cr_worker_signal(struct cr_worker *worker, int number) {
    (void)!send_number(worker, CR_TAG_SIGNAL, (uint64_t)number, NULL);
}

bool cr_worker_is_over(const struct cr_worker *worker) {
    return worker->is_over;
}

bool cr_worker_is_orphaned(const struct cr_worker *worker) {
    return worker->is_orphaned;
}
