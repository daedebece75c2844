// coordinator_inbox.c - what workers say, one function a message.
#include <stdio.h>
#include <unistd.h>

#include "run/coordinator_internal.h"

enum { MESSAGES_A_TURN = 1024 };

static void send_lease(struct cr_coordinator *c, int rank, uint32_t model,
                       const struct cr_beat_model *beat) {
    const struct cr_limits_ask ask = {rank - 1, model, beat, cr_coordinator_now_ms(c)};
    struct cr_lease_message lease;
    if (!cr_limits_lease(c->limits, &ask, &lease)) {
        return;
    }
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, CR_TAG_LEASE, cr_lease_encode(&c->out, &lease));
}

// Leases go out before the first grant: no call may start without its share.
static void first_leases(struct cr_coordinator *c, int rank) {
    for (uint32_t i = 0; i < c->cfg.job->models_len; i++) {
        const struct cr_beat_model beat = {
            .metrics = {.waiting = c->cfg.job->models[i].limits.concurrency}};
        send_lease(c, rank, i, &beat);
    }
}

static void tell_endpoint(struct cr_coordinator *c, int starter,
                          const struct cr_endpoint_message *endpoint) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (cr_coordinator_send_reaches(c, rank) &&
            cr_hosts_concerns(&c->hosts, rank, starter, endpoint)) {
            cr_buf_clear(&c->out);
            cr_coordinator_send(c, rank, CR_TAG_ENDPOINT,
                                cr_endpoint_encode(&c->out, endpoint));
        }
    }
}

// The servers of a lost rank died with it: nobody is to call them, and another rank of
// the node starts them anew.
static void replace_servers(struct cr_coordinator *c, int rank) {
    int heir = -1;
    uint32_t starts = 0;
    for (size_t i = 0; i < c->hosts.places_len; i++) {
        struct cr_endpoint_message gone = c->hosts.places[i].endpoint;
        gone.url = "";
        if (c->hosts.places[i].rank == rank) {
            tell_endpoint(c, rank, &gone);
        }
    }
    cr_hosts_remove(&c->hosts, rank, &heir, &starts);
    if (heir > 0 && cr_coordinator_send_reaches(c, heir)) {
        cr_coordinator_send_number(c, heir, CR_TAG_APPOINT, starts);
    }
}

void cr_inbox_lose(struct cr_coordinator *c, int rank, const char *why) {
    struct cr_member *member = &c->roster.at[rank];
    struct cr_err err = {0};
    if (member->state == CR_MEMBER_LOST || member->state == CR_MEMBER_GONE) {
        return;
    }
    cr_log_write(c->cfg.log, CR_LOG_WARN,
                 "rank %d is lost (%s); its %zu markets go on elsewhere", rank, why,
                 member->granted_len);
    cr_cluster_abandon(c->cfg.cluster, rank);
    cr_roster_set(&c->roster, rank, CR_MEMBER_LOST);
    c->last_lost = rank;
    replace_servers(c, rank);
    cr_limits_forget(c->limits, rank - 1);
    if (cr_grants_give_back(&c->deal, member, rank, &err) != CR_OK) {
        cr_phase_trouble(c, "rank 0", &err);
    }
}

static bool is_our_run(const struct cr_coordinator *c, const struct cr_packet *packet,
                       struct cr_hello *hello) {
    const struct cr_hash job = c->cfg.job->identity;
    return cr_hello_decode(packet->bytes, packet->len, hello) == CR_OK &&
           hello->version == CR_MESSAGE_VERSION && hello->job.hi == job.hi &&
           hello->job.lo == job.lo;
}

// What others have started before RANK came.
static void tell_known_endpoints(struct cr_coordinator *c, int rank) {
    for (size_t i = 0; i < c->hosts.places_len; i++) {
        const struct cr_place_of_server *place = &c->hosts.places[i];
        if (!cr_hosts_concerns(&c->hosts, rank, place->rank, &place->endpoint)) {
            continue;
        }
        cr_buf_clear(&c->out);
        cr_coordinator_send(c, rank, CR_TAG_ENDPOINT,
                            cr_endpoint_encode(&c->out, &place->endpoint));
    }
}

static void welcome(struct cr_coordinator *c, int rank, const char *host) {
    struct cr_err err = {0};
    uint32_t starts = 0;
    if (cr_hosts_add(&c->hosts, rank, host, &starts, &err) != CR_OK) {
        cr_phase_trouble(c, "rank 0", &err);
    }
    const struct cr_welcome message = {.pid = getpid(),
                                       .host = cr_cluster_host(c->cfg.cluster),
                                       .launch = c->cfg.progress->launch,
                                       .starts = c->cfg.is_offline ? 0 : starts,
                                       .beat_ms = c->beat_ms,
                                       .lost_ms = c->cfg.lost_ms};
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, CR_TAG_WELCOME, cr_welcome_encode(&c->out, &message));
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
        cr_phase_stop_member(c, packet->rank);
        cr_inbox_lose(c, packet->rank,
                      "it runs another version of credence, or another job");
        return;
    }
    cr_cluster_watch(c->cfg.cluster, packet->rank, hello.pid, hello.host);
    cr_roster_set(&c->roster, packet->rank, CR_MEMBER_LIVE);
    if (c->phase == CR_STOPPING || c->phase == CR_OVER) {
        cr_phase_stop_member(c, packet->rank);
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
    cr_member_settle(&c->roster.at[packet->rank], trajectory);
    cr_phase_check_record(c, status, &err);
}

static void on_return(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t trajectory = 0;
    struct cr_err err = {0};
    if (cr_number_decode(packet->bytes, packet->len, &trajectory) != CR_OK ||
        trajectory >= c->cfg.plan->trajectories ||
        c->cfg.ledger->state[trajectory] != CR_LEDGER_GRANTED) {
        return;
    }
    cr_member_settle(&c->roster.at[packet->rank], trajectory);
    if (c->cfg.is_offline) { // nobody can do more for it
        cr_ledger_set(c->cfg.ledger, trajectory, CR_LEDGER_PENDING);
    } else if (cr_ledger_return(c->cfg.ledger, trajectory, &err) != CR_OK) {
        cr_phase_trouble(c, "rank 0", &err);
    }
}

static void on_beat(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_member *member = &c->roster.at[packet->rank];
    if (cr_beat_decode(packet->bytes, packet->len, &member->beat) != CR_OK) {
        return;
    }
    member->has_drained = member->beat.is_draining != 0 && member->beat.live == 0;
    for (uint32_t i = 0; c->phase == CR_RUNNING && member->state == CR_MEMBER_LIVE &&
                         i < member->beat.models_len && i < c->cfg.job->models_len;
         i++) {
        send_lease(c, packet->rank, i, &member->beat.models[i]);
    }
}

static void on_pause(struct cr_coordinator *c, const struct cr_packet *packet) {
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
    if (cr_endpoint_decode(packet->bytes, packet->len, &message) != CR_OK ||
        message.model >= c->cfg.job->models_len) {
        return;
    }
    if (cr_hosts_put(&c->hosts, packet->rank, &message, &err) != CR_OK) {
        cr_phase_trouble(c, "rank 0", &err);
    }
    tell_endpoint(c, packet->rank, &message);
}

static void on_trouble(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_fault message;
    struct cr_err err = {0};
    char where[64];
    if (cr_fault_decode(packet->bytes, packet->len, &message) != CR_OK) {
        return;
    }
    (void)snprintf(where, sizeof where, "rank %d", packet->rank);
    cr_err_set(&err, (enum cr_status)message.status, "%s", message.text);
    // Who runs alone knows of no ranks, and the log shows none.
    cr_phase_trouble(c, c->cfg.log->rank < 0 ? NULL : where, &err);
}

static void on_want(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t wanting = 0;
    if (cr_number_decode(packet->bytes, packet->len, &wanting) == CR_OK) {
        c->roster.at[packet->rank].wanting = wanting;
    }
}

static void on_signal(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t level = 0;
    char name[64];
    (void)snprintf(name, sizeof name, "a signal to rank %d", packet->rank);
    if (cr_number_decode(packet->bytes, packet->len, &level) == CR_OK) {
        cr_coordinator_signal(c, level > 1 ? 2 : 1, name);
    }
}

// A worker that leaves untold could not begin, and has said why; it holds nothing any
// more.
static void on_bye(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_member *member = &c->roster.at[packet->rank];
    struct cr_err err = {0};
    const bool was_told = member->state == CR_MEMBER_LEAVING;
    cr_roster_set(&c->roster, packet->rank, CR_MEMBER_GONE);
    if (was_told) {
        return;
    }
    replace_servers(c, packet->rank);
    cr_limits_forget(c->limits, packet->rank - 1);
    if (cr_grants_give_back(&c->deal, member, packet->rank, &err) != CR_OK) {
        cr_phase_trouble(c, "rank 0", &err);
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
        on_trouble(c, packet);
        return;
    case CR_TAG_ENDPOINT:
        on_endpoint(c, packet);
        return;
    case CR_TAG_BYE:
        on_bye(c, packet);
        return;
    default: // a message of a later version
        return;
    }
}

void cr_inbox_receive(struct cr_coordinator *c, bool *moved) {
    struct cr_packet packet;
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        c->has_heard_all = !cr_cluster_receive(c->cfg.cluster, &packet);
        if (c->has_heard_all) {
            return;
        }
        if (packet.rank < 1 || packet.rank >= c->roster.size) {
            continue;
        }
        c->roster.at[packet.rank].last_heard_ms = cr_coordinator_now_ms(c);
        *moved = *moved || packet.tag != CR_TAG_BEAT;
        on_packet(c, &packet);
    }
}
