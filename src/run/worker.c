// worker.c - one rank's live markets.
//
//   grant -> queue -> live (episode, calls out) -> result
//
// Invariants:
//   - a reply is on the tape before the episode hears of it (worker_replies.c), so
//     whatever a result says can be rebuilt;
//   - at most one WANT is out, and live + queued never exceeds live_max + ahead;
//   - after a DRAIN nothing starts; after a STOP the tape is synced before BYE.
// A machine error here (a full disk) is told to the coordinator as TROUBLE, which
// drains the whole run; this rank then only waits for its STOP. A market that met it is
// stopped: what it was told is on the tape, and it goes on from there some other time.
#include "run/worker_internal.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "credence/cluster/result.h"

enum {
    BEAT_DEFAULT_MS = 500,
    LOST_DEFAULT_MS = 600000, // until WELCOME says better: rank 0 may be reading tapes
    MESSAGE_BYTES_MAX = CR_MESSAGE_BYTES_MAX
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
    cr_serving_stop(&worker->serving);
    cr_status_ignore(cr_tape_close(worker->tape, NULL));
    cr_buf_fini(&worker->message);
    cr_free(worker->batch);
    cr_free(worker);
}

enum cr_status cr_worker_send(struct cr_worker *worker, enum cr_tag tag,
                              enum cr_status encoded, struct cr_err *err) {
    if (encoded != CR_OK) {
        return cr_err_set(err, encoded, "a message to the coordinator does not fit");
    }
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
    return cr_worker_send(worker, CR_TAG_HELLO,
                          cr_hello_encode(&worker->message, &hello), err);
}

enum cr_status cr_worker_send_number(struct cr_worker *worker, enum cr_tag tag,
                                     uint64_t number, struct cr_err *err) {
    cr_buf_clear(&worker->message);
    return cr_worker_send(worker, tag, cr_number_encode(&worker->message, number), err);
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

static void release(struct cr_worker *worker, struct cr_live_market *market) {
    cr_live_market_clear(market);
    market->next = worker->free;
    worker->free = market;
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

enum cr_status cr_worker_settle(struct cr_worker *worker, struct cr_live_market *market,
                                struct cr_err *err) {
    if (market->out > 0 ||
        (!market->is_stopped && !cr_episode_is_done(market->episode))) {
        return CR_OK;
    }
    const enum cr_status status =
        market->is_stopped
            ? cr_worker_send_number(worker, CR_TAG_RETURN, market->trajectory, err)
            : send_result(worker, market, err);
    worker->live--;
    release(worker, market);
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
    const enum cr_status settled = cr_worker_settle(worker, market, err);
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

static void empty_queue(struct cr_worker *worker) {
    while (worker->queue != NULL) {
        struct cr_live_market *market = worker->queue;
        worker->queue = market->next;
        release(worker, market);
    }
    worker->queue_last = &worker->queue;
    worker->queued = 0;
}

void cr_worker_drain(struct cr_worker *worker, int64_t grace_ms) {
    worker->is_draining = true;
    worker->drop_at_ms = cr_worker_now_ms(worker) + grace_ms;
    empty_queue(worker);
    cr_client_drain(worker->cfg.client);
}

// The last words: the tape is on disk before the coordinator hears goodbye.
static enum cr_status leave(struct cr_worker *worker, struct cr_err *err) {
    worker->is_over = true;
    enum cr_status status = CR_OK;
    if (worker->tape != NULL) {
        status = cr_tape_close(worker->tape, err);
        worker->tape = NULL;
    }
    enum cr_status sent =
        cr_worker_beat(worker, err); // the final count of what was spent
    cr_buf_clear(&worker->message);
    if (sent == CR_OK) {
        sent = cr_worker_send(worker, CR_TAG_BYE, CR_OK, err);
    }
    return status != CR_OK ? status : sent;
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

static enum cr_status move(struct cr_worker *worker, int wait_ms, bool *moved,
                           struct cr_err *err) {
    enum cr_status status = cr_worker_receive(worker, moved, err);
    if (status == CR_OK && !worker->is_stopping) {
        status = start_queued(worker, moved, err);
    }
    if (status == CR_OK && !worker->is_stopping) {
        status = want(worker, err);
    }
    if (status == CR_OK) {
        status = cr_client_poll(worker->cfg.client, *moved ? 0 : wait_ms, err);
    }
    // Whatever failed: replies that are here go on the tape, and the beat goes on.
    status = cr_worker_first_of(status, cr_worker_take_replies(worker, moved, err));
    if (status == CR_OK) {
        status = cr_client_start(worker->cfg.client, err);
    }
    status = cr_worker_first_of(status, cr_worker_keep_time(worker, err));
    return worker->is_stopping ? cr_worker_first_of(status, leave(worker, err))
                               : status;
}

// The machine fails here: say so and start nothing more; the coordinator drains all.
static void complain(struct cr_worker *worker, const struct cr_err *err) {
    const struct cr_fault trouble = {.status = (uint32_t)err->status,
                                     .text = err->text};
    worker->has_trouble = true;
    cr_worker_drain(worker, 0);
    cr_buf_clear(&worker->message);
    cr_status_ignore(cr_worker_send(worker, CR_TAG_FAULT,
                                    cr_fault_encode(&worker->message, &trouble), NULL));
}

enum cr_status cr_worker_step(struct cr_worker *worker, int wait_ms, bool *moved,
                              struct cr_err *err) {
    struct cr_err own = {0};
    cr_worker_begin_step(worker);
    enum cr_status status = move(worker, wait_ms, moved, &own);
    if (status != CR_OK) {
        if (err != NULL) {
            *err = own;
        }
        if (worker->has_trouble) {
            return status;
        }
        complain(worker, &own);
    }
    if (!worker->is_over && cr_worker_coordinator_is_gone(worker)) {
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
