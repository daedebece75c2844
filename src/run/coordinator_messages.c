// coordinator_messages.c - what workers say, one function a message.
#include <stdio.h>
#include <unistd.h>

#include "run/coordinator_internal.h"

enum { MESSAGES_A_TURN = 1024, LONG_WAIT_MS = 3600000 };

static void send_lease(struct cr_coordinator *c, int rank, uint32_t model,
                       const struct cr_beat_model *beat) {
    const struct cr_limits_ask ask = {rank - 1, model, beat, cr_coordinator_now_ms(c)};
    struct cr_lease_message lease;
    if (!cr_limits_lease(c->limits, &ask, &lease)) {
        return;
    }
    cr_log_trace(
        c->cfg.log, CR_LOG_LIMITS,
        "rank %d, model %s: %u in flight, %lld more requests, %lld more tokens", rank,
        c->cfg.job->models[model].name, lease.lease.concurrency,
        (long long)lease.lease.requests, (long long)lease.lease.tokens);
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, CR_TAG_LEASE,
                        cr_message_encode(&c->out, CR_TAG_LEASE, &lease));
}

// Leases go out before the first grant: no call may start without its share.
static void first_leases(struct cr_coordinator *c, int rank) {
    for (uint32_t i = 0; i < c->cfg.job->models_len; i++) {
        const struct cr_beat_model beat = {
            .metrics = {.waiting = c->cfg.job->models[i].limits.concurrency}};
        send_lease(c, rank, i, &beat);
    }
}

static bool is_our_run(const struct cr_coordinator *c, const struct cr_packet *packet,
                       struct cr_hello *hello) {
    const struct cr_hash job = c->cfg.job->identity;
    return cr_message_decode(CR_TAG_HELLO, packet->bytes, packet->len, hello) ==
               CR_OK &&
           hello->version == CR_MESSAGE_VERSION && hello->job.hi == job.hi &&
           hello->job.lo == job.lo;
}

// What others have started before RANK came.
static void tell_known_endpoints(struct cr_coordinator *c, int rank) {
    for (size_t i = 0; i < c->placement.places_len; i++) {
        const struct cr_server_place *place = &c->placement.places[i];
        if (!cr_server_placement_concerns(&c->placement, rank, place->rank,
                                          &place->endpoint)) {
            continue;
        }
        cr_buf_clear(&c->out);
        cr_coordinator_send(
            c, rank, CR_TAG_ENDPOINT,
            cr_message_encode(&c->out, CR_TAG_ENDPOINT, &place->endpoint));
    }
}

static void welcome(struct cr_coordinator *c, int rank, const char *host) {
    struct cr_err err = {0};
    uint32_t starts = 0;
    if (cr_server_placement_add(&c->placement, rank, host, &starts, &err) != CR_OK) {
        cr_coordinator_fault(c, "rank 0", &err);
    }
    const struct cr_welcome message = {.pid = getpid(),
                                       .host = cr_cluster_host(c->cfg.cluster),
                                       .launch = c->cfg.progress->launch,
                                       .started_wall_ms =
                                           c->cfg.progress->started_wall_ms,
                                       .starts = c->cfg.is_offline ? 0 : starts,
                                       .beat_ms = c->beat_ms,
                                       .lost_ms = c->cfg.lost_ms};
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, CR_TAG_WELCOME,
                        cr_message_encode(&c->out, CR_TAG_WELCOME, &message));
    first_leases(c, rank);
    tell_known_endpoints(c, rank);
    if (c->phase == CR_DRAINING) {
        cr_coordinator_send_number(c, rank, CR_TAG_DRAIN, 0);
    }
}

static void on_hello(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_hello hello;
    if (c->roster.at[packet->rank].state != CR_MEMBER_ABSENT) {
        return;
    }
    if (!is_our_run(c, packet, &hello)) {
        cr_coordinator_stop_member(c, packet->rank);
        cr_coordinator_lose(c, packet->rank,
                            "it runs another version of credence, or another job");
        return;
    }
    cr_cluster_watch(c->cfg.cluster, packet->rank, hello.pid, hello.host);
    cr_roster_set(&c->roster, packet->rank, CR_MEMBER_LIVE);
    struct cr_err err = {0};
    if (cr_roster_place(&c->roster, packet->rank, hello.host) != CR_OK) {
        cr_err_set(&err, CR_E_MEMORY, "out of memory for the name of a node");
        cr_coordinator_fault(c, "rank 0", &err);
    }
    if (c->phase == CR_STOPPING || c->phase == CR_OVER) {
        cr_coordinator_stop_member(c, packet->rank);
    } else {
        welcome(c, packet->rank, hello.host);
    }
}

static void on_result(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_err err = {0};
    uint64_t trajectory = UINT64_MAX;
    if (c->cannot_record) {
        return;
    }
    const enum cr_status status = cr_recorder_result(c->cfg.recorder, packet->bytes,
                                                     packet->len, &trajectory, &err);
    cr_member_release(&c->roster.at[packet->rank], trajectory);
    cr_coordinator_check_record(c, status, &err);
}

static void on_return(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t trajectory = 0;
    struct cr_err err = {0};
    if (cr_message_decode(CR_TAG_RETURN, packet->bytes, packet->len, &trajectory) !=
            CR_OK ||
        trajectory >= c->cfg.plan->trajectories ||
        c->cfg.ledger->state[trajectory] != CR_LEDGER_GRANTED) {
        return;
    }
    cr_member_release(&c->roster.at[packet->rank], trajectory);
    if (c->cfg.is_offline) { // nobody can do more for it
        cr_ledger_set(c->cfg.ledger, trajectory, CR_LEDGER_PENDING);
    } else if (cr_ledger_return(c->cfg.ledger, trajectory, &err) != CR_OK) {
        cr_coordinator_fault(c, "rank 0", &err);
    }
}

static void on_beat(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_member *member = &c->roster.at[packet->rank];
    if (cr_message_decode(CR_TAG_BEAT, packet->bytes, packet->len, &c->heard) !=
        CR_OK) {
        return;
    }
    cr_roster_beat(&c->roster, packet->rank, &c->heard);
    member->has_drained = c->heard.is_draining != 0 && member->live == 0;
    for (uint32_t i = 0; c->phase == CR_RUNNING && member->state == CR_MEMBER_LIVE &&
                         i < member->models_len;
         i++) {
        send_lease(c, packet->rank, i, &member->models[i]);
    }
}

// A wait that people should know of; one that the wall time has no room for ends the run
// with what it has.
static void note_long_wait(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_pause_message pause;
    const double wall_ms = c->cfg.job->budget.wall_s * 1000;
    if (cr_message_decode(CR_TAG_PAUSE, packet->bytes, packet->len, &pause) != CR_OK ||
        pause.model >= c->cfg.job->models_len || pause.pause_ms <= LONG_WAIT_MS ||
        (c->has_long_wait >> pause.model & 1) != 0) {
        return;
    }
    const char *name = c->cfg.job->models[pause.model].name;
    const int64_t elapsed_ms = cr_coordinator_now_ms(c) - c->cfg.progress->started_ms;
    char why[256];
    c->has_long_wait |= UINT64_C(1) << pause.model;
    (void)snprintf(why, sizeof why,
                   "model %s: its server allows no call for %.1f hours", name,
                   (double)pause.pause_ms / 3600000);
    cr_log_write(c->cfg.log, CR_LOG_WARN, "%s", why);
    if (wall_ms > 0 && (double)(elapsed_ms + pause.pause_ms) > wall_ms) {
        (void)snprintf(
            why, sizeof why,
            "model %s: its server allows no call for %.1f hours, more than is "
            "left of budget.wall_s; the same command goes on later",
            name, (double)pause.pause_ms / 3600000);
        cr_coordinator_drain(c, CR_END_INTERRUPTED, c->cfg.grace_ms, why);
    }
}

static void on_pause(struct cr_coordinator *c, const struct cr_packet *packet) {
    note_long_wait(c, packet);
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (rank != packet->rank && cr_coordinator_send_reaches(c, rank)) {
            cr_buf_clear(&c->out);
            cr_coordinator_send(c, rank, CR_TAG_PAUSE,
                                cr_buf_add(&c->out, packet->bytes, packet->len));
        }
    }
}

static void on_endpoint(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_endpoint_message message;
    struct cr_err err = {0};
    if (cr_message_decode(CR_TAG_ENDPOINT, packet->bytes, packet->len, &message) !=
            CR_OK ||
        message.model >= c->cfg.job->models_len) {
        return;
    }
    if (cr_server_placement_put(&c->placement, packet->rank, &message, &err) != CR_OK) {
        cr_coordinator_fault(c, "rank 0", &err);
    }
    cr_coordinator_tell_endpoint(c, packet->rank, &message);
}

static void on_fault(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_fault message;
    struct cr_err err = {0};
    char where[64];
    if (cr_message_decode(CR_TAG_FAULT, packet->bytes, packet->len, &message) !=
        CR_OK) {
        return;
    }
    (void)snprintf(where, sizeof where, "rank %d", packet->rank);
    cr_err_set(&err, (enum cr_status)message.status, "%s", message.text);
    // Who runs alone knows of no ranks, and the log shows none.
    cr_coordinator_fault(c, c->cfg.log->rank < 0 ? NULL : where, &err);
    if (c->end == CR_END_COMPLETE) { // its last words: a tape that is not on disk
        c->end = CR_END_FAULT;
        (void)snprintf(c->message, sizeof c->message, "%s", err.text);
    }
}

// The first failure of its kind: the recorder need not tell it again when the call has
// failed for good.
static void tell_news(struct cr_coordinator *c,
                      const struct cr_notice_message *notice) {
    c->cfg.recorder->told[notice->model] |= 1u << notice->reason;
    cr_log_write(c->cfg.log, CR_LOG_WARN, "%s (%s)%s; further ones are only counted",
                 notice->text, cr_reason_names[notice->reason],
                 notice->is_final != 0 ? "" : "; trying again");
}

static void on_notice(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_notice_message notice;
    if (cr_message_decode(CR_TAG_NOTICE, packet->bytes, packet->len, &notice) ==
            CR_OK &&
        notice.model < c->cfg.job->models_len &&
        cr_run_health_notice(&c->health, packet->rank, &notice)) {
        tell_news(c, &notice);
    }
}

static void on_want(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t wanting = 0;
    if (cr_message_decode(CR_TAG_WANT, packet->bytes, packet->len, &wanting) == CR_OK) {
        c->roster.at[packet->rank].wanting = wanting;
        c->roster.at[packet->rank].has_asked = true;
    }
}

static void on_signal(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t level = 0;
    char name[64];
    (void)snprintf(name, sizeof name, "a signal to rank %d", packet->rank);
    if (cr_message_decode(CR_TAG_SIGNAL, packet->bytes, packet->len, &level) == CR_OK) {
        cr_coordinator_signal(c, level > 1 ? 2 : 1, name);
    }
}

// A worker that leaves untold could not begin, and has said why; it holds nothing any
// more.
static void on_bye(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_member *member = &c->roster.at[packet->rank];
    struct cr_err err = {0};
    const bool was_told = member->state == CR_MEMBER_LEAVING && !member->is_aside;
    cr_roster_set(&c->roster, packet->rank, CR_MEMBER_GONE);
    if (was_told) {
        return;
    }
    cr_coordinator_replace_servers(c, packet->rank);
    cr_limits_forget(c->limits, packet->rank - 1);
    if (cr_grants_give_back(&c->grants, member, packet->rank, &err) != CR_OK) {
        cr_coordinator_fault(c, "rank 0", &err);
    }
}

static void on_packet(struct cr_coordinator *c, const struct cr_packet *packet) {
    switch ((enum cr_tag)packet->tag) {
    case CR_TAG_HELLO:
        on_hello(c, packet);
        return;
    case CR_TAG_WANT:
        on_want(c, packet);
        return;
    case CR_TAG_RESULT:
        on_result(c, packet);
        return;
    case CR_TAG_RETURN:
        on_return(c, packet);
        return;
    case CR_TAG_BEAT:
        on_beat(c, packet);
        return;
    case CR_TAG_PAUSE:
        on_pause(c, packet);
        return;
    case CR_TAG_SIGNAL:
        on_signal(c, packet);
        return;
    case CR_TAG_FAULT:
        on_fault(c, packet);
        return;
    case CR_TAG_ENDPOINT:
        on_endpoint(c, packet);
        return;
    case CR_TAG_NOTICE:
        on_notice(c, packet);
        return;
    case CR_TAG_BYE:
        on_bye(c, packet);
        return;
    default: // a message of a later version
        return;
    }
}

void cr_coordinator_receive(struct cr_coordinator *c, bool *moved) {
    struct cr_packet packet;
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        c->has_heard_all = !cr_cluster_receive(c->cfg.cluster, &packet);
        if (c->has_heard_all) {
            return;
        }
        if (packet.rank < 1 || packet.rank >= c->roster.size) {
            continue;
        }
        if (cr_log_shows(c->cfg.log, CR_LOG_MESSAGE)) {
            cr_log_trace(c->cfg.log, CR_LOG_MESSAGE, "from rank %d: %s, %zu bytes",
                         packet.rank, cr_tag_name(packet.tag), packet.len);
        }
        c->roster.at[packet.rank].last_heard_ms = cr_coordinator_now_ms(c);
        *moved = *moved || packet.tag != CR_TAG_BEAT;
        on_packet(c, &packet);
    }
}
