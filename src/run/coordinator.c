// coordinator.c - rank 0.
//
//   RUNNING --(all finished)--------------------------------> STOPPING -> OVER
//      |                                                          ^
//      +--(signal, budget, wall time, trouble)--> DRAINING -------+
//
// Invariants:
//   - a trajectory is granted to at most one living worker; when that worker is lost it
//     is pending again, and goes out with the calls that its tape holds;
//   - a result is entered once, whoever sends it;
//   - after DRAINING began nothing is granted;
//   - it is over when every rank has left or is lost, those too that had not said hello
//     when the end began: whoever comes late is told to stop.
#include "run/coordinator.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/mem.h"
#include "credence/message.h"
#include "run/budget.h"
#include "run/deal.h"
#include "run/hosts.h"
#include "run/limits.h"
#include "run/roster.h"

enum {
    MESSAGES_A_TURN = 1024,
    BEAT_MS = 250,
    BEAT_RANKS_A_MS =
        4, // beats of 10,000 ranks every 2.5 s are 4,000 messages a second
    LOST_BEATS = 4,
    TICK_MS = 1000,
    LOOK_MS = 20,    // between two looks for lost ranks
    GAP_MS = 1000,   // between two turns: rank 0 itself stood still
    STOP_MS = 10000, // a worker that was told to stop and says nothing is lost
    DRAIN_SLACK_MS = 5000
};

enum phase { RUNNING, DRAINING, STOPPING, OVER };

struct cr_coordinator {
    struct cr_coordinator_cfg cfg;
    enum phase phase;
    enum cr_end end;
    char message[CR_ERR_TEXT_MAX + 128];
    struct cr_roster roster;
    struct cr_limits_book *limits;
    struct cr_buf out;
    struct cr_deal deal;
    struct cr_hosts hosts;
    int64_t tick_ms, beat_ms, beaten_ms, looked_ms, stepped_ms;
    int64_t deadline_ms; // of a drain; 0: none
    int signal_level, last_lost;
    bool cannot_record;  // run.h5 or the spool failed: the tape goes on alone
    bool has_complained; // of trouble during the drain
    bool has_heard_all;  // no message was left unread at the last turn
};

static int64_t now_ms(const struct cr_coordinator *c) {
    return cr_clock_now_ms(c->cfg.clock);
}

static void tell(struct cr_coordinator *c, int rank, enum cr_tag tag,
                 enum cr_status encoded) {
    struct cr_err err = {0};
    const struct cr_packet packet = {rank, (int)tag, c->out.data, c->out.used_bytes};
    if (encoded == CR_OK)
        encoded = cr_cluster_send(c->cfg.cluster, &packet, &err);
    // A send to a lost rank is no news; any other failure shows as its silence.
    if (encoded != CR_OK && encoded != CR_E_PEER)
        cr_log_write(c->cfg.log, CR_LOG_WARN, "message to rank %d: %s", rank, err.text);
}

static void tell_number(struct cr_coordinator *c, int rank, enum cr_tag tag,
                        uint64_t number) {
    cr_buf_clear(&c->out);
    tell(c, rank, tag, cr_number_encode(&c->out, number));
}

static void tell_nothing(struct cr_coordinator *c, int rank, enum cr_tag tag) {
    cr_buf_clear(&c->out);
    tell(c, rank, tag, CR_OK);
}

static bool is_reachable(const struct cr_coordinator *c, int rank) {
    const enum cr_member_state state = c->roster.at[rank].state;
    return state == CR_MEMBER_LIVE || state == CR_MEMBER_LEAVING;
}

static void drain_workers(struct cr_coordinator *c, int64_t grace_ms) {
    for (int rank = 1; rank < c->roster.size; rank++)
        if (is_reachable(c, rank)) {
            tell_number(c, rank, CR_TAG_DRAIN, (uint64_t)grace_ms);
            c->roster.at[rank].has_drained = false; // until a beat says otherwise
        }
    c->deadline_ms = now_ms(c) + grace_ms + DRAIN_SLACK_MS;
}

// Start nothing more; the first reason is the one that is told.
static void begin_drain(struct cr_coordinator *c, enum cr_end end, int64_t grace_ms,
                        const char *why) {
    if (c->phase != RUNNING)
        return;
    c->phase = DRAINING;
    c->end = end;
    (void)snprintf(c->message, sizeof c->message, "%s", why);
    cr_log_write(c->cfg.log, CR_LOG_WARN, "stopping early: %s", why);
    drain_workers(c, grace_ms);
}

static void trouble(struct cr_coordinator *c, const char *where,
                    const struct cr_err *err) {
    char why[CR_ERR_TEXT_MAX + 128];
    (void)snprintf(why, sizeof why, "%.100s: %s", where, err->text);
    if (c->phase == RUNNING)
        begin_drain(c, CR_END_TROUBLE, c->cfg.grace_ms, why);
    else if (!c->has_complained)
        cr_log_write(c->cfg.log, CR_LOG_ERROR, "%s", why);
    c->has_complained = true; // a full disk would say so at each tick
}

static void check_record(struct cr_coordinator *c, enum cr_status status,
                         const struct cr_err *err) {
    if (status == CR_OK)
        return;
    c->cannot_record = true;
    trouble(c, "run.h5", err);
}

// A survivor must know of any loss: then nobody may finalise.
static void stop_member(struct cr_coordinator *c, int rank) {
    cr_roster_set(&c->roster, rank, CR_MEMBER_LEAVING);
    c->roster.at[rank].stop_by_ms = now_ms(c) + STOP_MS;
    tell_number(c, rank, CR_TAG_STOP,
                c->last_lost > 0 ? 1 + (uint64_t)c->last_lost : 0);
}

static void begin_stop(struct cr_coordinator *c) {
    c->phase = STOPPING;
    for (int rank = 1; rank < c->roster.size; rank++)
        if (c->roster.at[rank].state == CR_MEMBER_LIVE)
            stop_member(c, rank);
}

enum cr_status cr_coordinator_create(const struct cr_coordinator_cfg *cfg,
                                     struct cr_coordinator **out, struct cr_err *err) {
    struct cr_coordinator *c = cr_calloc(1, sizeof *c);
    if (c == NULL)
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the coordinator");
    c->cfg = *cfg;
    c->deal = (struct cr_deal){cfg->ledger, cfg->dir, cfg->progress->launch};
    c->stepped_ms = now_ms(c);
    cr_buf_init(&c->out, CR_MESSAGE_BYTES_MAX);
    const int size = cr_cluster_size(cfg->cluster);
    c->beat_ms = BEAT_MS > size / BEAT_RANKS_A_MS ? BEAT_MS : size / BEAT_RANKS_A_MS;
    // One beat that is late is no death.
    if (c->cfg.lost_ms < LOST_BEATS * c->beat_ms)
        c->cfg.lost_ms = LOST_BEATS * c->beat_ms;
    const struct cr_budget *budget = &cfg->job->budget;
    const uint64_t spent = cfg->progress->before.calls;
    const uint64_t calls_left =
        budget->calls == 0 ? UINT64_MAX
                           : (budget->calls > spent ? budget->calls - spent : 0);
    c->limits = cr_limits_create(cfg->job, size - 1, calls_left, now_ms(c));
    enum cr_status status = cr_roster_init(&c->roster, size, now_ms(c), err);
    if (status == CR_OK)
        status = cr_hosts_init(&c->hosts, size, err);
    if (status == CR_OK && c->limits == NULL)
        status = cr_err_set(err, CR_E_MEMORY, "out of memory for the limits");
    if (status != CR_OK) {
        cr_coordinator_destroy(c);
        return status;
    }
    *out = c;
    return CR_OK;
}

void cr_coordinator_destroy(struct cr_coordinator *c) {
    if (c == NULL)
        return;
    cr_roster_fini(&c->roster);
    cr_hosts_fini(&c->hosts);
    cr_limits_destroy(c->limits);
    cr_buf_fini(&c->out);
    cr_free(c);
}

static void send_lease(struct cr_coordinator *c, int rank, uint32_t model,
                       const struct cr_beat_model *beat) {
    const struct cr_limits_ask ask = {rank - 1, model, beat, now_ms(c)};
    struct cr_lease_message lease;
    if (!cr_limits_lease(c->limits, &ask, &lease))
        return;
    cr_buf_clear(&c->out);
    tell(c, rank, CR_TAG_LEASE, cr_lease_encode(&c->out, &lease));
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
    for (int rank = 1; rank < c->roster.size; rank++)
        if (is_reachable(c, rank) &&
            cr_hosts_concerns(&c->hosts, rank, starter, endpoint)) {
            cr_buf_clear(&c->out);
            tell(c, rank, CR_TAG_ENDPOINT, cr_endpoint_encode(&c->out, endpoint));
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
        if (c->hosts.places[i].rank == rank)
            tell_endpoint(c, rank, &gone);
    }
    cr_hosts_remove(&c->hosts, rank, &heir, &starts);
    if (heir > 0 && is_reachable(c, heir))
        tell_number(c, heir, CR_TAG_APPOINT, starts);
}

static void lose(struct cr_coordinator *c, int rank, const char *why) {
    struct cr_member *member = &c->roster.at[rank];
    struct cr_err err = {0};
    if (member->state == CR_MEMBER_LOST || member->state == CR_MEMBER_GONE)
        return;
    cr_log_write(c->cfg.log, CR_LOG_WARN,
                 "rank %d is lost (%s); its %zu markets go on elsewhere", rank, why,
                 member->granted_len);
    cr_cluster_abandon(c->cfg.cluster, rank);
    cr_roster_set(&c->roster, rank, CR_MEMBER_LOST);
    c->last_lost = rank;
    replace_servers(c, rank);
    cr_limits_forget(c->limits, rank - 1);
    if (cr_deal_give_back(&c->deal, member, rank, &err) != CR_OK)
        trouble(c, "rank 0", &err);
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
        if (!cr_hosts_concerns(&c->hosts, rank, place->rank, &place->endpoint))
            continue;
        cr_buf_clear(&c->out);
        tell(c, rank, CR_TAG_ENDPOINT, cr_endpoint_encode(&c->out, &place->endpoint));
    }
}

static void welcome(struct cr_coordinator *c, int rank, const char *host) {
    struct cr_err err = {0};
    uint32_t starts = 0;
    if (cr_hosts_add(&c->hosts, rank, host, &starts, &err) != CR_OK)
        trouble(c, "rank 0", &err);
    const struct cr_welcome message = {.pid = getpid(),
                                       .host = cr_cluster_host(c->cfg.cluster),
                                       .launch = c->cfg.progress->launch,
                                       .starts = c->cfg.is_offline ? 0 : starts,
                                       .beat_ms = c->beat_ms,
                                       .lost_ms = c->cfg.lost_ms};
    cr_buf_clear(&c->out);
    tell(c, rank, CR_TAG_WELCOME, cr_welcome_encode(&c->out, &message));
    first_leases(c, rank);
    tell_known_endpoints(c, rank);
    if (c->phase == DRAINING)
        tell_number(c, rank, CR_TAG_DRAIN, 0);
}

static void on_hello(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_hello hello;
    if (c->roster.at[packet->rank].state != CR_MEMBER_ABSENT)
        return;
    if (!is_our_run(c, packet, &hello)) {
        stop_member(c, packet->rank);
        lose(c, packet->rank, "it runs another version of credence, or another job");
        return;
    }
    cr_cluster_watch(c->cfg.cluster, packet->rank, hello.pid, hello.host);
    cr_roster_set(&c->roster, packet->rank, CR_MEMBER_LIVE);
    if (c->phase == STOPPING || c->phase == OVER)
        stop_member(c, packet->rank);
    else
        welcome(c, packet->rank, hello.host);
}

static void on_result(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_err err = {0};
    uint64_t trajectory = UINT64_MAX;
    if (c->cannot_record)
        return;
    const enum cr_status status = cr_recorder_result(c->cfg.recorder, packet->bytes,
                                                     packet->len, &trajectory, &err);
    cr_member_settle(&c->roster.at[packet->rank], trajectory);
    check_record(c, status, &err);
}

static void on_return(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t trajectory = 0;
    struct cr_err err = {0};
    if (cr_number_decode(packet->bytes, packet->len, &trajectory) != CR_OK ||
        trajectory >= c->cfg.plan->trajectories ||
        c->cfg.ledger->state[trajectory] != CR_LEDGER_GRANTED)
        return;
    cr_member_settle(&c->roster.at[packet->rank], trajectory);
    if (c->cfg.is_offline) // nobody can do more for it
        cr_ledger_set(c->cfg.ledger, trajectory, CR_LEDGER_PENDING);
    else if (cr_ledger_return(c->cfg.ledger, trajectory, &err) != CR_OK)
        trouble(c, "rank 0", &err);
}

static void on_beat(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_member *member = &c->roster.at[packet->rank];
    if (cr_beat_decode(packet->bytes, packet->len, &member->beat) != CR_OK)
        return;
    member->has_drained = member->beat.is_draining != 0 && member->beat.live == 0;
    for (uint32_t i = 0; c->phase == RUNNING && member->state == CR_MEMBER_LIVE &&
                         i < member->beat.models_len && i < c->cfg.job->models_len;
         i++)
        send_lease(c, packet->rank, i, &member->beat.models[i]);
}

static void on_pause(struct cr_coordinator *c, const struct cr_packet *packet) {
    for (int rank = 1; rank < c->roster.size; rank++)
        if (rank != packet->rank && is_reachable(c, rank)) {
            cr_buf_clear(&c->out);
            tell(c, rank, CR_TAG_PAUSE,
                 cr_buf_add(&c->out, packet->bytes, packet->len));
        }
}

static void on_endpoint(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_endpoint_message message;
    struct cr_err err = {0};
    if (cr_endpoint_decode(packet->bytes, packet->len, &message) != CR_OK ||
        message.model >= c->cfg.job->models_len)
        return;
    if (cr_hosts_put(&c->hosts, packet->rank, &message, &err) != CR_OK)
        trouble(c, "rank 0", &err);
    tell_endpoint(c, packet->rank, &message);
}

static void on_trouble(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_trouble message;
    struct cr_err err = {0};
    char where[64];
    if (cr_trouble_decode(packet->bytes, packet->len, &message) != CR_OK)
        return;
    (void)snprintf(where, sizeof where, "rank %d", packet->rank);
    cr_err_set(&err, (enum cr_status)message.status, "%s", message.text);
    trouble(c, where, &err);
}

static void on_want(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t wanting = 0;
    if (cr_number_decode(packet->bytes, packet->len, &wanting) == CR_OK)
        c->roster.at[packet->rank].wanting = wanting;
}

static void on_signal(struct cr_coordinator *c, const struct cr_packet *packet) {
    uint64_t level = 0;
    char name[64];
    (void)snprintf(name, sizeof name, "a signal to rank %d", packet->rank);
    if (cr_number_decode(packet->bytes, packet->len, &level) == CR_OK)
        cr_coordinator_signal(c, level > 1 ? 2 : 1, name);
}

// A worker that leaves untold could not begin, and has said why; it holds nothing any
// more.
static void on_bye(struct cr_coordinator *c, const struct cr_packet *packet) {
    struct cr_member *member = &c->roster.at[packet->rank];
    struct cr_err err = {0};
    const bool was_told = member->state == CR_MEMBER_LEAVING;
    cr_roster_set(&c->roster, packet->rank, CR_MEMBER_GONE);
    if (was_told)
        return;
    replace_servers(c, packet->rank);
    cr_limits_forget(c->limits, packet->rank - 1);
    if (cr_deal_give_back(&c->deal, member, packet->rank, &err) != CR_OK)
        trouble(c, "rank 0", &err);
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
    case CR_TAG_TROUBLE:
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

static void receive(struct cr_coordinator *c, bool *moved) {
    struct cr_packet packet;
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        c->has_heard_all = !cr_cluster_receive(c->cfg.cluster, &packet);
        if (c->has_heard_all)
            return;
        if (packet.rank < 1 || packet.rank >= c->roster.size)
            continue;
        c->roster.at[packet.rank].last_heard_ms = now_ms(c);
        *moved = *moved || packet.tag != CR_TAG_BEAT;
        on_packet(c, &packet);
    }
}

static bool is_silent(const struct cr_coordinator *c, int rank) {
    const struct cr_member *member = &c->roster.at[rank];
    return (is_reachable(c, rank) || member->state == CR_MEMBER_ABSENT) &&
           now_ms(c) - member->last_heard_ms > c->cfg.lost_ms;
}

static void look_for_losses(struct cr_coordinator *c) {
    if (now_ms(c) - c->looked_ms < LOOK_MS)
        return;
    c->looked_ms = now_ms(c);
    for (int rank; (rank = cr_cluster_lost(c->cfg.cluster)) >= 0;)
        if (rank > 0)
            lose(c, rank, "its process ended");
        else
            cr_cluster_abandon(c->cfg.cluster, rank); // ourselves: a library's mistake
    for (int rank = 1; rank < c->roster.size && c->has_heard_all; rank++)
        if (is_silent(c, rank))
            lose(c, rank, "it is silent");
}

// While rank 0 stood still (a file system that blocks, a stopped process) it heard
// nobody: that silence is its own.
static void forgive_own_silence(struct cr_coordinator *c) {
    const int64_t gap_ms = now_ms(c) - c->stepped_ms;
    c->stepped_ms += gap_ms;
    for (int rank = 1; gap_ms > GAP_MS && rank < c->roster.size; rank++)
        c->roster.at[rank].last_heard_ms += gap_ms - GAP_MS;
}

static void grant(struct cr_coordinator *c, int rank, bool *moved) {
    const uint64_t share =
        cr_deal_share(&c->deal, (uint64_t)(c->roster.live + c->roster.absent));
    struct cr_err err = {0};
    if (cr_deal_fill(&c->deal, &c->roster.at[rank], share, &c->out, &err) != CR_OK) {
        trouble(c, "rank 0", &err);
        return;
    }
    if (c->out.used_bytes == 0)
        return;
    *moved = true;
    tell(c, rank, CR_TAG_GRANT, CR_OK);
}

static void grant_all(struct cr_coordinator *c, bool *moved) {
    for (int rank = 1; rank < c->roster.size && c->phase == RUNNING; rank++)
        if (c->roster.at[rank].state == CR_MEMBER_LIVE &&
            c->roster.at[rank].wanting > 0)
            grant(c, rank, moved);
}

static bool is_finished(const struct cr_coordinator *c) {
    const struct cr_ledger *ledger = c->cfg.ledger;
    if (c->cfg.is_offline)
        return ledger->counts[CR_LEDGER_GRANTED] == 0 &&
               ledger->cursor >= c->cfg.plan->trajectories;
    return cr_ledger_open_count(ledger) == 0;
}

// After a drain: nobody has anything in flight any more.
static bool is_drained(const struct cr_coordinator *c) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        const struct cr_member *member = &c->roster.at[rank];
        if (member->state == CR_MEMBER_LIVE && member->granted_len > 0 &&
            !member->has_drained)
            return false;
    }
    return true;
}

static bool all_left(const struct cr_coordinator *c) {
    for (int rank = 1; rank < c->roster.size; rank++)
        if (is_reachable(c, rank) || c->roster.at[rank].state == CR_MEMBER_ABSENT)
            return false;
    return true;
}

static void check_budget(struct cr_coordinator *c, const struct cr_snapshot *snapshot) {
    const char *which =
        cr_budget_used_up(&c->cfg.job->budget, &snapshot->spent,
                          now_ms(c) - c->cfg.progress->started_ms, c->cfg.grace_ms);
    char why[256];
    if (which == NULL || is_finished(c))
        return;
    (void)snprintf(why, sizeof why,
                   "the budget of %s is used up; raise it and run again to go on",
                   which);
    begin_drain(c, CR_END_INTERRUPTED, c->cfg.grace_ms, why);
}

static void beat_workers(struct cr_coordinator *c) {
    if (now_ms(c) - c->beaten_ms < c->beat_ms)
        return;
    c->beaten_ms = now_ms(c);
    for (int rank = 1; rank < c->roster.size; rank++)
        if (is_reachable(c, rank))
            tell_nothing(c, rank, CR_TAG_BEAT);
}

// Another run has the directory now (this process stood still for too long): not a byte
// of it may be touched any more.
static void leave_directory(struct cr_coordinator *c, const struct cr_err *err) {
    if (c->end == CR_END_EVICTED)
        return;
    begin_drain(c, CR_END_EVICTED, 0, err->text);
    c->end = CR_END_EVICTED;
    c->cannot_record = true;
    drain_workers(c, 0);
}

static void write_directory(struct cr_coordinator *c,
                            const struct cr_snapshot *snapshot) {
    struct cr_err err = {0};
    const enum cr_status status = cr_lock_beat(c->cfg.lock, &err);
    if (status == CR_E_BUSY)
        leave_directory(c, &err);
    else if (status != CR_OK)
        trouble(c, "run directory", &err);
    if (c->end == CR_END_EVICTED)
        return;
    if (!c->cannot_record)
        check_record(c, cr_run_file_flush(c->cfg.recorder->file, &err), &err);
    if (cr_progress_write(c->cfg.progress, snapshot, &err) != CR_OK)
        trouble(c, "run directory", &err);
}

static void keep_time(struct cr_coordinator *c) {
    struct cr_snapshot snapshot;
    beat_workers(c);
    look_for_losses(c);
    if (now_ms(c) - c->tick_ms < TICK_MS)
        return;
    c->tick_ms = now_ms(c);
    cr_coordinator_snapshot(c, &snapshot);
    check_budget(c, &snapshot);
    write_directory(c, &snapshot);
    cr_progress_print(c->cfg.progress, &snapshot, c->cfg.log);
}

static void move_phase(struct cr_coordinator *c) {
    const bool is_late = c->deadline_ms > 0 && now_ms(c) >= c->deadline_ms;
    switch (c->phase) {
    case RUNNING:
        if (is_finished(c)) {
            c->end = CR_END_COMPLETE;
            begin_stop(c);
        } else if (c->roster.live + c->roster.absent == 0) {
            begin_drain(c, CR_END_INTERRUPTED, 0, "every worker is lost");
        }
        return;
    case DRAINING:
        if (!is_drained(c) && !is_late)
            return;
        if (c->end == CR_END_INTERRUPTED && is_finished(c)) { // the last ones landed
            c->end = CR_END_COMPLETE;
            c->message[0] = '\0';
        }
        begin_stop(c);
        return;
    case STOPPING:
        for (int rank = 1; rank < c->roster.size; rank++)
            if (c->roster.at[rank].state == CR_MEMBER_LEAVING &&
                now_ms(c) >= c->roster.at[rank].stop_by_ms)
                lose(c, rank, "it did not stop");
        if (all_left(c))
            c->phase = OVER;
        return;
    case OVER:
        return;
    }
}

void cr_coordinator_step(struct cr_coordinator *c, bool *moved) {
    forgive_own_silence(c);
    receive(c, moved);
    if (c->phase == RUNNING)
        grant_all(c, moved);
    keep_time(c);
    move_phase(c);
}

void cr_coordinator_signal(struct cr_coordinator *c, int level, const char *name) {
    char why[128];
    if (level <= c->signal_level)
        return;
    c->signal_level = level;
    (void)snprintf(why, sizeof why, "%s", name);
    if (level == 1)
        begin_drain(c, CR_END_INTERRUPTED, c->cfg.grace_ms, why);
    else {
        begin_drain(c, CR_END_INTERRUPTED, 0, why);
        if (c->phase == DRAINING)
            drain_workers(c, 0);
    }
}

bool cr_coordinator_is_over(const struct cr_coordinator *c) {
    return c->phase == OVER;
}

enum cr_end cr_coordinator_end(const struct cr_coordinator *c) {
    return c->end;
}

const char *cr_coordinator_message(const struct cr_coordinator *c) {
    return c->message;
}

void cr_coordinator_snapshot(const struct cr_coordinator *c, struct cr_snapshot *out) {
    const bool is_early = c->phase != RUNNING && c->end != CR_END_COMPLETE;
    *out = (struct cr_snapshot){.state = is_early ? "draining" : "running",
                                .message = c->message,
                                .exit_code = -1,
                                .tally = c->cfg.recorder->tally,
                                .now_ms = now_ms(c),
                                .wall_ms = cr_clock_wall_ms(c->cfg.clock)};
    cr_snapshot_fill(out, c->cfg.progress, &c->roster);
}
