// worker_messages.c - what a worker and the coordinator say to each other. A message that
// cannot be read is an error when a market or the tape depends on it; any other is passed
// over.
#include "run/worker_internal.h"

#include <stdio.h>
#include <string.h>

#include "credence/cluster/result.h"
#include "run/launches.h"

enum { MESSAGES_A_TURN = 64, LOOK_EVERY_MS = 200 };

enum cr_status cr_worker_send(struct cr_worker *worker, enum cr_tag tag,
                              enum cr_status encoded, struct cr_err *err) {
    if (encoded != CR_OK) {
        return cr_err_set(err, encoded, "a message to the coordinator does not fit");
    }
    const struct cr_packet packet = {0, (int)tag, worker->message.data,
                                     worker->message.used_bytes};
    if (cr_log_shows(worker->cfg.log, CR_LOG_MESSAGE)) {
        cr_log_trace(worker->cfg.log, CR_LOG_MESSAGE, "to rank 0: %s, %zu bytes",
                     cr_tag_name((int)tag), packet.len);
    }
    const enum cr_status status = cr_cluster_send(worker->cfg.cluster, &packet, err);
    // A coordinator that is gone is noticed as such, not here.
    return status == CR_E_PEER ? CR_OK : status;
}

enum cr_status cr_worker_send_number(struct cr_worker *worker, enum cr_tag tag,
                                     uint64_t number, struct cr_err *err) {
    cr_buf_clear(&worker->message);
    return cr_worker_send(worker, tag,
                          cr_message_encode(&worker->message, tag, &number), err);
}

void cr_worker_release(struct cr_worker *worker, struct cr_live_market *market) {
    cr_live_market_clear(market);
    market->next = worker->free;
    worker->free = market;
}

static void empty_queue(struct cr_worker *worker) {
    while (worker->queue != NULL) {
        struct cr_live_market *market = worker->queue;
        worker->queue = market->next;
        cr_worker_release(worker, market);
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

static enum cr_status on_welcome(struct cr_worker *worker,
                                 const struct cr_packet *packet, struct cr_err *err) {
    struct cr_welcome *welcome = &worker->welcome;
    const enum cr_status status =
        cr_message_decode(CR_TAG_WELCOME, packet->bytes, packet->len, welcome);
    if (status != CR_OK) {
        return cr_err_set(err, status, "a welcome that cannot be read");
    }
    worker->beat_ms = welcome->beat_ms;
    worker->lost_ms = welcome->lost_ms;
    cr_cluster_watch(worker->cfg.cluster, 0, welcome->pid, welcome->host);
    const size_t len = strcspn(welcome->host, " ");
    (void)snprintf(worker->rank_0_host, sizeof worker->rank_0_host, "%.*s", (int)len,
                   welcome->host);
    worker->is_settling = true;
    worker->look_again_ms = worker->welcomed_ms = cr_worker_now_ms(worker);
    return cr_worker_settle_in(worker, err);
}

static void own_host(const struct cr_worker *worker, char *out, size_t bytes) {
    const char *name = cr_cluster_host(worker->cfg.cluster);
    (void)snprintf(out, bytes, "%.*s", (int)strcspn(name, " "), name);
}

static enum cr_status wrong_directory(const struct cr_worker *worker,
                                      struct cr_err *err) {
    char host[256];
    own_host(worker, host, sizeof host);
    return cr_err_set(err, CR_E_BLOCKED,
                      "%s on %s is not the directory that rank 0 has on %s: choose a "
                      "run directory (-o DIR) on a file system that all nodes share",
                      worker->cfg.dir, host, worker->rank_0_host);
}

// How long what rank 0 wrote may stay unseen here: not at all on its own node.
static int64_t patience_ms(const struct cr_worker *worker) {
    char host[256];
    own_host(worker, host, sizeof host);
    return strcmp(host, worker->rank_0_host) == 0 ? 0 : worker->cfg.look_ms;
}

enum cr_status cr_worker_settle_in(struct cr_worker *worker, struct cr_err *err) {
    const int64_t now = cr_worker_now_ms(worker);
    if (!worker->is_settling || now < worker->look_again_ms) {
        return CR_OK;
    }
    worker->look_again_ms = now + LOOK_EVERY_MS;
    bool has = false;
    enum cr_status status =
        cr_launches_look(worker->cfg.dir, worker->welcome.launch,
                         worker->welcome.started_wall_ms, &has, err);
    if (status != CR_OK) {
        worker->is_settling = false;
        return status;
    }
    if (!has) {
        if (now - worker->welcomed_ms < patience_ms(worker)) {
            return CR_OK;
        }
        worker->is_settling = false;
        return wrong_directory(worker, err);
    }
    worker->is_settling = false;
    const struct cr_tape_cfg cfg = {
        .dir = worker->cfg.dir,
        .launch = worker->welcome.launch,
        .rank = cr_cluster_rank(worker->cfg.cluster),
        .sync_ms = worker->cfg.sync_ms,
        .clock = worker->cfg.clock,
    };
    status = cr_tape_open(&cfg, &worker->tape, err);
    if (status == CR_OK) {
        status = cr_local_servers_start(&worker->serving, worker->welcome.starts, err);
    }
    return status;
}

static enum cr_status on_appoint(struct cr_worker *worker,
                                 const struct cr_packet *packet, struct cr_err *err) {
    uint64_t starts = 0;
    if (cr_message_decode(CR_TAG_APPOINT, packet->bytes, packet->len, &starts) !=
        CR_OK) {
        return CR_OK;
    }
    return cr_local_servers_start(&worker->serving, (uint32_t)starts, err);
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
            if (status == CR_OK && !is_there) {
                return CR_OK;
            }
            return cr_err_set(err, status == CR_OK ? CR_E_FORMAT : status,
                              "a grant that cannot be read");
        }
        struct cr_live_market *market = worker->free;
        worker->free = market->next;
        *market =
            (struct cr_live_market){.trajectory = trajectory,
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
    if (cr_message_decode(CR_TAG_LEASE, packet->bytes, packet->len, &lease) != CR_OK ||
        lease.model >= worker->cfg.job->models_len) {
        return;
    }
    worker->lease_sequence[lease.model] = lease.sequence;
    cr_client_lease(worker->cfg.client, lease.model, &lease.lease);
}

static void on_pause(struct cr_worker *worker, const struct cr_packet *packet) {
    struct cr_pause_message pause;
    if (cr_message_decode(CR_TAG_PAUSE, packet->bytes, packet->len, &pause) == CR_OK &&
        pause.model < worker->cfg.job->models_len) {
        cr_client_pause(worker->cfg.client, pause.model, pause.pause_ms);
    }
}

static enum cr_status on_endpoint(struct cr_worker *worker,
                                  const struct cr_packet *packet, struct cr_err *err) {
    struct cr_endpoint_message message;
    if (cr_message_decode(CR_TAG_ENDPOINT, packet->bytes, packet->len, &message) !=
            CR_OK ||
        message.model >= worker->cfg.job->models_len) {
        return CR_OK;
    }
    const enum cr_status status = cr_client_endpoint(worker->cfg.client, message.model,
                                                     message.endpoint, message.url);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "endpoint %s cannot be used", message.url);
}

static void on_drain(struct cr_worker *worker, const struct cr_packet *packet) {
    uint64_t grace_ms = 0;
    cr_status_ignore(
        cr_message_decode(CR_TAG_DRAIN, packet->bytes, packet->len, &grace_ms));
    cr_worker_drain(worker, (int64_t)grace_ms);
}

static void on_stop(struct cr_worker *worker, const struct cr_packet *packet) {
    uint64_t lost = 0;
    worker->is_stopping = true;
    if (cr_message_decode(CR_TAG_STOP, packet->bytes, packet->len, &lost) == CR_OK &&
        lost > 0 && lost <= (uint64_t)cr_cluster_size(worker->cfg.cluster)) {
        cr_cluster_abandon(worker->cfg.cluster, (int)(lost - 1));
    }
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

enum cr_status cr_worker_receive(struct cr_worker *worker, bool *moved,
                                 struct cr_err *err) {
    struct cr_packet packet;
    for (int i = 0; i < MESSAGES_A_TURN && !worker->is_stopping; i++) {
        if (!cr_cluster_receive(worker->cfg.cluster, &packet)) {
            break;
        }
        worker->last_heard_ms = cr_worker_now_ms(worker);
        if (cr_log_shows(worker->cfg.log, CR_LOG_MESSAGE)) {
            cr_log_trace(worker->cfg.log, CR_LOG_MESSAGE, "from rank %d: %s, %zu bytes",
                         packet.rank, cr_tag_name(packet.tag), packet.len);
        }
        *moved = *moved || packet.tag != CR_TAG_BEAT;
        const enum cr_status status = on_packet(worker, &packet, err);
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}
