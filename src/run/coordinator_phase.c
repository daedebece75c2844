// coordinator_phase.c - how a run comes to its end; see coordinator.c for the diagram.
#include <stdio.h>

#include "run/coordinator_internal.h"

enum {
    STOP_MS = 10000, // a worker that was told to stop and says nothing is lost
    DRAIN_SLACK_MS = 5000
};

void cr_coordinator_send(struct cr_coordinator *c, int rank, enum cr_tag tag,
                         enum cr_status encoded) {
    struct cr_err err = {0};
    const struct cr_packet packet = {rank, (int)tag, c->out.data, c->out.used_bytes};
    if (encoded == CR_OK) {
        encoded = cr_cluster_send(c->cfg.cluster, &packet, &err);
    }
    // A send to a lost rank is no news; any other failure shows as its silence.
    if (encoded != CR_OK && encoded != CR_E_PEER) {
        cr_log_write(c->cfg.log, CR_LOG_WARN, "message to rank %d: %s", rank, err.text);
    }
}

void cr_coordinator_send_number(struct cr_coordinator *c, int rank, enum cr_tag tag,
                                uint64_t number) {
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, tag, cr_number_encode(&c->out, number));
}

void cr_coordinator_send_nothing(struct cr_coordinator *c, int rank, enum cr_tag tag) {
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, tag, CR_OK);
}

bool cr_coordinator_send_reaches(const struct cr_coordinator *c, int rank) {
    const enum cr_member_state state = c->roster.at[rank].state;
    return state == CR_MEMBER_LIVE || state == CR_MEMBER_LEAVING;
}

void cr_phase_drain_workers(struct cr_coordinator *c, int64_t grace_ms) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (cr_coordinator_send_reaches(c, rank)) {
            cr_coordinator_send_number(c, rank, CR_TAG_DRAIN, (uint64_t)grace_ms);
            c->roster.at[rank].has_drained = false; // until a beat says otherwise
        }
    }
    c->deadline_ms = cr_coordinator_now_ms(c) + grace_ms + DRAIN_SLACK_MS;
}

// Start nothing more; the first reason is the one that is told.
void cr_phase_drain(struct cr_coordinator *c, enum cr_end end, int64_t grace_ms,
                    const char *why) {
    if (c->phase != CR_RUNNING) {
        return;
    }
    c->phase = CR_DRAINING;
    c->end = end;
    (void)snprintf(c->message, sizeof c->message, "%s", why);
    cr_log_write(c->cfg.log, CR_LOG_WARN, "stopping early: %s", why);
    cr_phase_drain_workers(c, grace_ms);
}

void cr_phase_trouble(struct cr_coordinator *c, const char *where,
                      const struct cr_err *err) {
    char why[CR_TROUBLE_BYTES];
    cr_fault_line(why, c->cfg.dir, where, err);
    if (c->phase == CR_RUNNING) {
        cr_phase_drain(c, CR_END_TROUBLE, c->cfg.grace_ms, why);
    } else if (!c->has_complained) {
        cr_log_write(c->cfg.log, CR_LOG_ERROR, "%s", why);
    }
    c->has_complained = true; // a full disk would say so at each tick, and at the end
}

void cr_phase_check_record(struct cr_coordinator *c, enum cr_status status,
                           const struct cr_err *err) {
    if (status == CR_OK) {
        return;
    }
    c->cannot_record = true;
    cr_phase_trouble(c, "run.h5", err);
}

// A survivor must know of any loss: then nobody may finalise.
void cr_phase_stop_member(struct cr_coordinator *c, int rank) {
    cr_roster_set(&c->roster, rank, CR_MEMBER_LEAVING);
    c->roster.at[rank].stop_by_ms = cr_coordinator_now_ms(c) + STOP_MS;
    cr_coordinator_send_number(c, rank, CR_TAG_STOP,
                               c->last_lost > 0 ? 1 + (uint64_t)c->last_lost : 0);
}

static void begin_stop(struct cr_coordinator *c) {
    c->phase = CR_STOPPING;
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (c->roster.at[rank].state == CR_MEMBER_LIVE) {
            cr_phase_stop_member(c, rank);
        }
    }
}

// Another run has the directory now (this process stood still for too long): not a byte
// of it may be touched any more.
void cr_phase_leave_directory(struct cr_coordinator *c, const struct cr_err *err) {
    if (c->end == CR_END_EVICTED) {
        return;
    }
    cr_phase_drain(c, CR_END_EVICTED, 0, err->text);
    c->end = CR_END_EVICTED;
    c->cannot_record = true;
    cr_phase_drain_workers(c, 0);
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

bool cr_phase_is_finished(const struct cr_coordinator *c) {
    const struct cr_ledger *ledger = c->cfg.ledger;
    if (c->cfg.is_offline) {
        return ledger->counts[CR_LEDGER_GRANTED] == 0 &&
               ledger->cursor >= c->cfg.plan->trajectories;
    }
    return cr_ledger_open_count(ledger) == 0;
}

void cr_phase_move(struct cr_coordinator *c) {
    const bool is_late =
        c->deadline_ms > 0 && cr_coordinator_now_ms(c) >= c->deadline_ms;
    switch (c->phase) {
    case CR_RUNNING:
        if (cr_phase_is_finished(c)) {
            c->end = CR_END_COMPLETE;
            begin_stop(c);
        } else if (c->roster.live + c->roster.absent == 0) {
            cr_phase_drain(c, CR_END_INTERRUPTED, 0, "every worker is lost");
        }
        return;
    case CR_DRAINING:
        if (!is_drained(c) && !is_late) {
            return;
        }
        if (c->end == CR_END_INTERRUPTED &&
            cr_phase_is_finished(c)) { // the last ones landed
            c->end = CR_END_COMPLETE;
            c->message[0] = '\0';
        }
        begin_stop(c);
        return;
    case CR_STOPPING:
        for (int rank = 1; rank < c->roster.size; rank++) {
            if (c->roster.at[rank].state == CR_MEMBER_LEAVING &&
                cr_coordinator_now_ms(c) >= c->roster.at[rank].stop_by_ms) {
                cr_inbox_lose(c, rank, "it did not stop");
            }
        }
        if (all_left(c)) {
            c->phase = CR_OVER;
        }
        return;
    case CR_OVER:
        return;
    }
}
