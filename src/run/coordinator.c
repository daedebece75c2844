// coordinator.c - rank 0: what it does turn by turn. What it makes of messages is in
// coordinator_messages.c; both stand on coordinator_state.c.
//
//   RUNNING --(all finished)--------------------------------> STOPPING -> OVER
//      |                                                          ^
//      +--(signal, budget, wall time, fault)----> DRAINING ---------+
//
// Invariants:
//   - a trajectory is granted to at most one living worker; when that worker is lost it
//     is pending again, and goes out with the calls that its tape holds;
//   - a result is entered once, whoever sends it;
//   - after DRAINING began nothing is granted;
//   - it is over when every rank has left or is lost, those too that had not said hello
//     when the end began: a latecomer is sent a STOP.
#include "run/coordinator.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "run/coordinator_internal.h"

enum {
    BEAT_MS = 250,
    BEAT_RANKS_A_MS =
        4, // beats of 10,000 ranks every 2.5 s are 4,000 messages a second
    LOST_BEATS = 4,
    TICK_MS = 1000,
    LOOK_MS = 20,       // between two looks for lost ranks
    WAITING_MS = 10000, // for a directory, before it is said
    GAP_MS = 1000,      // between two turns: rank 0 itself was stopped
};

enum cr_status cr_coordinator_create(const struct cr_coordinator_cfg *cfg,
                                     struct cr_coordinator **out, struct cr_err *err) {
    struct cr_coordinator *c = cr_calloc(1, sizeof *c);
    if (c == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the coordinator");
    }
    c->cfg = *cfg;
    c->grants = (struct cr_grants){cfg->ledger, cfg->dir, cfg->progress->launch};
    c->stepped_ms = cr_coordinator_now_ms(c);
    cr_buf_init(&c->out, CR_MESSAGE_BYTES_MAX);
    const int size = cr_cluster_size(cfg->cluster);
    c->beat_ms = BEAT_MS > size / BEAT_RANKS_A_MS ? BEAT_MS : size / BEAT_RANKS_A_MS;
    // One late beat must not cost a rank.
    if (c->cfg.lost_ms < LOST_BEATS * c->beat_ms) {
        c->cfg.lost_ms = LOST_BEATS * c->beat_ms;
    }
    const struct cr_allowance left =
        cr_limits_allowance(&cfg->job->budget, &cfg->progress->before);
    c->limits = cr_limits_create(cfg->job, size - 1, &left, cr_coordinator_now_ms(c));
    enum cr_status status = cr_roster_init(&c->roster, size, cfg->job->models_len,
                                           cr_coordinator_now_ms(c), err);
    if (status == CR_OK) {
        status = cr_server_placement_init(&c->placement, size, err);
    }
    if (status == CR_OK) {
        status = cr_run_health_init(&c->health, cfg->job, size, err);
    }
    if (status == CR_OK && c->limits == NULL) {
        status = cr_err_set(err, CR_E_MEMORY, "out of memory for the limits");
    }
    if (status != CR_OK) {
        cr_coordinator_destroy(c);
        return status;
    }
    *out = c;
    return CR_OK;
}

void cr_coordinator_destroy(struct cr_coordinator *c) {
    if (c == NULL) {
        return;
    }
    cr_roster_fini(&c->roster);
    cr_server_placement_fini(&c->placement);
    cr_limits_destroy(c->limits);
    cr_run_health_fini(&c->health);
    cr_buf_fini(&c->out);
    cr_free(c);
}

static bool is_silent(const struct cr_coordinator *c, int rank) {
    const struct cr_member *member = &c->roster.at[rank];
    return (cr_coordinator_send_reaches(c, rank) ||
            member->state == CR_MEMBER_ABSENT) &&
           cr_coordinator_now_ms(c) - member->last_heard_ms > c->cfg.lost_ms;
}

static void look_for_losses(struct cr_coordinator *c) {
    if (cr_coordinator_now_ms(c) - c->looked_ms < LOOK_MS) {
        return;
    }
    c->looked_ms = cr_coordinator_now_ms(c);
    for (int rank; (rank = cr_cluster_lost(c->cfg.cluster)) >= 0;) {
        if (rank > 0) {
            cr_coordinator_lose(c, rank, "its process ended");
        } else {
            cr_cluster_abandon(c->cfg.cluster, rank); // ourselves: a library's mistake
        }
    }
    for (int rank = 1; rank < c->roster.size && c->has_heard_all; rank++) {
        if (is_silent(c, rank)) {
            cr_coordinator_lose(c, rank, "no heartbeat");
        }
    }
}

// While rank 0 stood still (a file system that blocks, a stopped process) it heard
// nobody: that silence is its own.
static void forgive_own_silence(struct cr_coordinator *c) {
    const int64_t gap_ms = cr_coordinator_now_ms(c) - c->stepped_ms;
    c->stepped_ms += gap_ms;
    for (int rank = 1; gap_ms > GAP_MS && rank < c->roster.size; rank++) {
        c->roster.at[rank].last_heard_ms += gap_ms - GAP_MS;
    }
}

static void grant(struct cr_coordinator *c, int rank, bool *moved) {
    const uint64_t share = cr_grants_share(&c->grants, (uint64_t)c->roster.live +
                                                           (uint64_t)c->roster.absent);
    struct cr_err err = {0};
    if (cr_grants_fill(&c->grants, &c->roster.at[rank], share, &c->out, &err) !=
        CR_OK) {
        cr_coordinator_fault(c, "rank 0", &err);
        return;
    }
    if (c->out.used_bytes == 0) {
        return;
    }
    *moved = true;
    cr_coordinator_send(c, rank, CR_TAG_GRANT, CR_OK);
}

// A node that does not show the directory keeps all others waiting: people hear why.
static void tell_waiting(struct cr_coordinator *c, int rank) {
    const int64_t now_ms = cr_coordinator_now_ms(c);
    if (c->waiting_since_ms == 0) {
        c->waiting_since_ms = now_ms;
    }
    if (c->has_told_waiting || now_ms - c->waiting_since_ms < WAITING_MS) {
        return;
    }
    c->has_told_waiting = true;
    const char *host = c->placement.host[rank] == NULL ? "" : c->placement.host[rank];
    cr_log_write(c->cfg.log, CR_LOG_WARN,
                 "rank %d on %.*s does not see yet what rank 0 wrote into %s: no call "
                 "is made before its file system shows it",
                 rank, (int)strcspn(host, " "), host, c->cfg.dir);
}

// Whether every rank sees this directory: one that does not must stop the run before
// anybody has written to two.
static bool all_are_ready(struct cr_coordinator *c) {
    if (c->all_are_ready || c->roster.absent > 0) {
        return c->all_are_ready;
    }
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (c->roster.at[rank].state == CR_MEMBER_LIVE &&
            !c->roster.at[rank].has_asked) {
            tell_waiting(c, rank);
            return false;
        }
    }
    c->all_are_ready = true;
    return true;
}

static void grant_all(struct cr_coordinator *c, bool *moved) {
    for (int rank = 1; rank < c->roster.size && c->phase == CR_RUNNING; rank++) {
        // One whose calls all fail would fail all that there is, at once, while the
        // others wait for their first answer.
        if (c->roster.at[rank].state == CR_MEMBER_LIVE &&
            c->roster.at[rank].wanting > 0 &&
            !cr_run_health_is_blocked(&c->health, rank)) {
            grant(c, rank, moved);
        }
    }
}

static void check_budget(struct cr_coordinator *c, const struct cr_snapshot *snapshot) {
    const char *which = cr_limits_used_up(
        &c->cfg.job->budget, &snapshot->spent,
        cr_coordinator_now_ms(c) - c->cfg.progress->started_ms, c->cfg.grace_ms);
    char why[256];
    // A rebuild asks nobody: a budget that is used up must not keep recorded calls out.
    if (c->cfg.is_offline || which == NULL || cr_coordinator_is_finished(c)) {
        return;
    }
    (void)snprintf(why, sizeof why,
                   "the budget of %s is used up; raise it and run again to go on",
                   which);
    cr_coordinator_drain(c, CR_END_INTERRUPTED, c->cfg.grace_ms, why);
}

// Whether it makes sense to go on. A run that only a person can mend must not spend an hour
// finding out.
static void check_health(struct cr_coordinator *c) {
    char why[CR_HEALTH_TEXT_BYTES + 256];
    const struct cr_tally *tally = &c->cfg.recorder->tally;
    const uint64_t finished =
        tally->done + tally->invalid + tally->failed - c->cfg.progress->episodes_before;
    if (c->phase != CR_RUNNING || c->cfg.is_offline) {
        return;
    }
    if (cr_run_health_is_hopeless(&c->health, &c->roster, why, sizeof why)) {
        cr_coordinator_drain(c, CR_END_BLOCKED, 0, why);
        return;
    }
    const int outcast = cr_run_health_outcast(&c->health, &c->roster);
    if (outcast >= 0) {
        cr_coordinator_put_aside(c, outcast);
    }
    if (cr_run_health_lost_too_many(&c->cfg.max_failed, tally, finished, why,
                                    sizeof why)) {
        cr_coordinator_drain(c, CR_END_BLOCKED, c->cfg.grace_ms, why);
    }
}

static void advise(struct cr_coordinator *c, const struct cr_snapshot *snapshot,
                   bool at_end) {
    uint64_t cut[CR_BEAT_MODELS_MAX], replies[CR_BEAT_MODELS_MAX];
    char advice[CR_HEALTH_TEXT_BYTES];
    for (uint32_t i = 0; i < c->cfg.job->models_len; i++) {
        cut[i] = snapshot->models[i].replies_cut;
        replies[i] = snapshot->models[i].metrics.calls_done;
    }
    const struct cr_cut_counts counts = {cut, replies, at_end};
    while (cr_run_health_cut_advice(&c->health, &counts, advice, sizeof advice)) {
        cr_log_write(c->cfg.log, CR_LOG_WARN, "%s", advice);
    }
}

static void beat_workers(struct cr_coordinator *c) {
    if (cr_coordinator_now_ms(c) - c->beaten_ms < c->beat_ms) {
        return;
    }
    c->beaten_ms = cr_coordinator_now_ms(c);
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (cr_coordinator_send_reaches(c, rank)) {
            cr_coordinator_send_nothing(c, rank, CR_TAG_BEAT);
        }
    }
}

static void write_directory(struct cr_coordinator *c,
                            const struct cr_snapshot *snapshot) {
    struct cr_err err = {0};
    const enum cr_status status = cr_lock_beat(c->cfg.lock, &err);
    if (status == CR_E_BUSY) {
        cr_coordinator_leave_directory(c, &err);
    } else if (status != CR_OK) {
        cr_coordinator_fault(c, "run directory", &err);
    }
    if (c->end == CR_END_EVICTED) {
        return;
    }
    if (!c->cannot_record) {
        cr_coordinator_check_record(c, cr_run_file_flush(c->cfg.recorder->file, &err),
                                    &err);
    }
    if (cr_progress_write(c->cfg.progress, snapshot, &err) != CR_OK) {
        cr_coordinator_fault(c, "run directory", &err);
    }
}

static void keep_time(struct cr_coordinator *c) {
    struct cr_snapshot snapshot;
    beat_workers(c);
    look_for_losses(c);
    if (cr_coordinator_now_ms(c) - c->tick_ms < TICK_MS) {
        return;
    }
    c->tick_ms = cr_coordinator_now_ms(c);
    cr_coordinator_snapshot(c, &snapshot);
    check_budget(c, &snapshot);
    advise(c, &snapshot, false);
    write_directory(c, &snapshot);
    cr_progress_print(c->cfg.progress, &snapshot, c->cfg.log);
}

// After a drain: nobody has anything in flight any more.
static bool is_drained(const struct cr_coordinator *c) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        const struct cr_member *member = &c->roster.at[rank];
        if (member->state == CR_MEMBER_LIVE && member->granted_len > 0 &&
            !member->has_drained) {
            return false;
        }
    }
    return true;
}

static bool all_left(const struct cr_coordinator *c) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (cr_coordinator_send_reaches(c, rank) ||
            c->roster.at[rank].state == CR_MEMBER_ABSENT) {
            return false;
        }
    }
    return true;
}

static void begin_stop(struct cr_coordinator *c) {
    cr_coordinator_set_phase(c, CR_STOPPING);
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (c->roster.at[rank].state == CR_MEMBER_LIVE) {
            cr_coordinator_stop_member(c, rank);
        }
    }
}

static void move_phase(struct cr_coordinator *c) {
    const bool is_late =
        c->deadline_ms > 0 && cr_coordinator_now_ms(c) >= c->deadline_ms;
    switch (c->phase) {
    case CR_RUNNING:
        if (cr_coordinator_is_finished(c)) {
            c->end = CR_END_COMPLETE;
            begin_stop(c);
        } else if (c->roster.live + c->roster.absent == 0) {
            cr_coordinator_drain(c, CR_END_INTERRUPTED, 0, "every worker is lost");
        }
        return;
    case CR_DRAINING:
        if (!is_drained(c) && !is_late) {
            return;
        }
        if (c->end == CR_END_INTERRUPTED &&
            cr_coordinator_is_finished(c)) { // the last ones landed
            c->end = CR_END_COMPLETE;
            c->message[0] = '\0';
        }
        begin_stop(c);
        return;
    case CR_STOPPING:
        for (int rank = 1; rank < c->roster.size; rank++) {
            if (c->roster.at[rank].state == CR_MEMBER_LEAVING &&
                cr_coordinator_now_ms(c) >= c->roster.at[rank].stop_by_ms) {
                cr_coordinator_lose(c, rank, "it did not stop");
            }
        }
        if (all_left(c)) {
            struct cr_snapshot snapshot;
            cr_coordinator_snapshot(c, &snapshot);
            advise(c, &snapshot, true);
            cr_coordinator_set_phase(c, CR_OVER);
        }
        return;
    case CR_OVER:
        return;
    }
}

void cr_coordinator_step(struct cr_coordinator *c, bool *moved) {
    forgive_own_silence(c);
    cr_coordinator_receive(c, moved);
    if (c->phase == CR_RUNNING && all_are_ready(c)) {
        grant_all(c, moved);
    }
    check_health(c);
    keep_time(c);
    move_phase(c);
}

void cr_coordinator_signal(struct cr_coordinator *c, int level, const char *name) {
    char why[128];
    if (level <= c->signal_level) {
        return;
    }
    c->signal_level = level;
    (void)snprintf(why, sizeof why, "%s", name);
    if (level == 1) {
        cr_coordinator_drain(c, CR_END_INTERRUPTED, c->cfg.grace_ms, why);
    } else {
        cr_coordinator_drain(c, CR_END_INTERRUPTED, 0, why);
        if (c->phase == CR_DRAINING) {
            cr_coordinator_drain_workers(c, 0);
        }
    }
}

bool cr_coordinator_is_over(const struct cr_coordinator *c) {
    return c->phase == CR_OVER;
}

enum cr_end cr_coordinator_end(const struct cr_coordinator *c) {
    return c->end;
}

bool cr_coordinator_has_reported(const struct cr_coordinator *c) {
    return c->has_reported;
}

const char *cr_coordinator_message(const struct cr_coordinator *c) {
    return c->message;
}

void cr_coordinator_snapshot(const struct cr_coordinator *c, struct cr_snapshot *out) {
    const bool is_early = c->phase != CR_RUNNING && c->end != CR_END_COMPLETE;
    *out = (struct cr_snapshot){.state = is_early ? "draining" : "running",
                                .message = c->message,
                                .exit_code = -1,
                                .tally = c->cfg.recorder->tally,
                                .said = c->cfg.recorder->said,
                                .now_ms = cr_coordinator_now_ms(c),
                                .wall_ms = cr_clock_wall_ms(c->cfg.clock)};
    cr_snapshot_fill(out, c->cfg.progress, &c->roster);
}

static void check_member(const struct cr_coordinator *c,
                         const struct cr_member *member) {
    for (size_t i = 0; i < member->granted_len; i++) {
        assert(c->cfg.ledger->state[member->granted[i]] == CR_LEDGER_GRANTED);
        for (size_t j = 0; j < i; j++) {
            assert(member->granted[i] != member->granted[j]);
        }
    }
}

void cr_coordinator_check(const struct cr_coordinator *c) {
    const struct cr_ledger *ledger = c->cfg.ledger;
    const struct cr_tally *tally = &c->cfg.recorder->tally;
    int members[CR_MEMBER_LOST + 1] = {0};
    uint64_t granted = 0, entered = 0;
    for (int rank = 1; rank < c->roster.size; rank++) {
        const struct cr_member *member = &c->roster.at[rank];
        members[member->state]++;
        granted += member->granted_len;
        assert(member->state != CR_MEMBER_LOST || member->granted_len == 0);
        check_member(c, member);
    }
    for (int state = 0; state < CR_LEDGER_STATE_COUNT; state++) {
        entered += ledger->counts[state];
    }
    // Each granted trajectory has one holder; one that memory failed for has none.
    assert(granted <= ledger->counts[CR_LEDGER_GRANTED]);
    assert(entered == ledger->plan->trajectories);
    assert(members[CR_MEMBER_ABSENT] == c->roster.absent);
    assert(members[CR_MEMBER_LIVE] == c->roster.live);
    assert(members[CR_MEMBER_LOST] == c->roster.lost);
    assert(tally->done + tally->invalid + tally->failed <= c->cfg.progress->episodes);
    assert(c->phase == CR_RUNNING || c->end != CR_END_NONE);
    assert(c->phase != CR_OVER || c->roster.absent + c->roster.live == 0);
}
