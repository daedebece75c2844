// coordinator_state.c - what the coordinator is and what it says: words to workers, the way
// to an end, a rank that is lost. coordinator_messages.c and coordinator.c call it.
#include <stdio.h>
#include <string.h>

#include "run/coordinator_internal.h"

enum {
    STOP_MS = 10000, // a worker that was sent a STOP and does not answer is lost
    DRAIN_SLACK_MS = 5000
};

void cr_coordinator_send(struct cr_coordinator *c, int rank, enum cr_tag tag,
                         enum cr_status encoded) {
    struct cr_err err = {0};
    const struct cr_packet packet = {rank, (int)tag, c->out.data, c->out.used_bytes};
    if (cr_log_shows(c->cfg.log, CR_LOG_MESSAGE)) {
        cr_log_trace(c->cfg.log, CR_LOG_MESSAGE, "to rank %d: %s, %zu bytes", rank,
                     cr_tag_name((int)tag), packet.len);
    }
    if (encoded == CR_OK) {
        encoded = cr_cluster_send(c->cfg.cluster, &packet, &err);
    }
    // A failed send to a lost rank is expected. Any other may be what the rank waits for
    // (a welcome, a grant): it would wait, and beat, for ever.
    if (encoded != CR_OK && encoded != CR_E_PEER) {
        if (err.text[0] == '\0') {
            cr_err_set(&err, encoded, "no memory for a message to rank %d", rank);
        }
        cr_coordinator_fault(c, "rank 0", &err);
    }
}

void cr_coordinator_send_number(struct cr_coordinator *c, int rank, enum cr_tag tag,
                                uint64_t number) {
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, tag, cr_message_encode(&c->out, tag, &number));
}

void cr_coordinator_send_nothing(struct cr_coordinator *c, int rank, enum cr_tag tag) {
    cr_buf_clear(&c->out);
    cr_coordinator_send(c, rank, tag, CR_OK);
}

bool cr_coordinator_send_reaches(const struct cr_coordinator *c, int rank) {
    const enum cr_member_state state = c->roster.at[rank].state;
    return state == CR_MEMBER_LIVE || state == CR_MEMBER_LEAVING;
}

void cr_coordinator_set_phase(struct cr_coordinator *c, enum cr_phase phase) {
    static const char *const names[] = {"running", "draining", "stopping", "over"};
    cr_log_trace(c->cfg.log, CR_LOG_RUN, "%s -> %s", names[c->phase], names[phase]);
    c->phase = phase;
}

void cr_coordinator_drain_workers(struct cr_coordinator *c, int64_t grace_ms) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (cr_coordinator_send_reaches(c, rank)) {
            cr_coordinator_send_number(c, rank, CR_TAG_DRAIN, (uint64_t)grace_ms);
            c->roster.at[rank].has_drained = false; // until a beat says otherwise
        }
    }
    c->deadline_ms = cr_coordinator_now_ms(c) + grace_ms + DRAIN_SLACK_MS;
}

// Start nothing more; the first reason is kept.
void cr_coordinator_drain(struct cr_coordinator *c, enum cr_end end, int64_t grace_ms,
                          const char *why) {
    if (c->phase != CR_RUNNING) {
        return;
    }
    cr_coordinator_set_phase(c, CR_DRAINING);
    c->end = end;
    (void)snprintf(c->message, sizeof c->message, "%s", why);
    cr_log_write(c->cfg.log, CR_LOG_WARN, "stopping early: %s", why);
    cr_coordinator_drain_workers(c, grace_ms);
}

void cr_coordinator_fault(struct cr_coordinator *c, const char *where,
                          const struct cr_err *err) {
    char why[CR_FAULT_BYTES];
    cr_fault_line(why, c->cfg.dir, where, err);
    if (c->phase == CR_RUNNING) {
        cr_coordinator_drain(
            c, err->status == CR_E_BLOCKED ? CR_END_BLOCKED : CR_END_FAULT,
            c->cfg.grace_ms, why);
    } else if (!c->has_reported) {
        cr_log_write(c->cfg.log, CR_LOG_ERROR, "%s", why);
    }
    c->has_reported = true; // a full disk would say so at each tick, and at the end
}

void cr_coordinator_check_record(struct cr_coordinator *c, enum cr_status status,
                                 const struct cr_err *err) {
    if (status == CR_OK) {
        return;
    }
    c->cannot_record = true;
    cr_coordinator_fault(c, "run.h5", err);
}

// A survivor must know of any loss: then nobody may finalise.
void cr_coordinator_stop_member(struct cr_coordinator *c, int rank) {
    cr_roster_set(&c->roster, rank, CR_MEMBER_LEAVING);
    c->roster.at[rank].stop_by_ms = cr_coordinator_now_ms(c) + STOP_MS;
    cr_coordinator_send_number(c, rank, CR_TAG_STOP,
                               c->last_lost > 0 ? 1 + (uint64_t)c->last_lost : 0);
}

// Another run has the directory now (this process stood still for too long): not a byte
// of it may be touched any more.
void cr_coordinator_leave_directory(struct cr_coordinator *c,
                                    const struct cr_err *err) {
    if (c->end == CR_END_EVICTED) {
        return;
    }
    cr_coordinator_drain(c, CR_END_EVICTED, 0, err->text);
    c->end = CR_END_EVICTED;
    c->cannot_record = true;
    cr_coordinator_drain_workers(c, 0);
}

bool cr_coordinator_is_finished(const struct cr_coordinator *c) {
    const struct cr_ledger *ledger = c->cfg.ledger;
    if (c->cfg.is_offline) {
        return ledger->counts[CR_LEDGER_GRANTED] == 0 && cr_ledger_was_granted(ledger);
    }
    return cr_ledger_open_count(ledger) == 0;
}

void cr_coordinator_tell_endpoint(struct cr_coordinator *c, int starter,
                                  const struct cr_endpoint_message *endpoint) {
    for (int rank = 1; rank < c->roster.size; rank++) {
        if (cr_coordinator_send_reaches(c, rank) &&
            cr_server_placement_concerns(&c->placement, rank, starter, endpoint)) {
            cr_buf_clear(&c->out);
            cr_coordinator_send(c, rank, CR_TAG_ENDPOINT,
                                cr_message_encode(&c->out, CR_TAG_ENDPOINT, endpoint));
        }
    }
}

// The servers of a lost rank died with it: nobody is to call them, and another rank of
// the node starts them anew.
void cr_coordinator_replace_servers(struct cr_coordinator *c, int rank) {
    int heir = -1;
    uint32_t starts = 0;
    for (size_t i = 0; i < c->placement.places_len; i++) {
        struct cr_endpoint_message gone = c->placement.places[i].endpoint;
        gone.url = "";
        if (c->placement.places[i].rank == rank) {
            cr_coordinator_tell_endpoint(c, rank, &gone);
        }
    }
    cr_server_placement_remove(&c->placement, rank, &heir, &starts);
    if (heir > 0 && cr_coordinator_send_reaches(c, heir)) {
        cr_coordinator_send_number(c, heir, CR_TAG_APPOINT, starts);
    }
}

void cr_coordinator_lose(struct cr_coordinator *c, int rank, const char *why) {
    struct cr_member *member = &c->roster.at[rank];
    struct cr_err err = {0};
    if (member->state == CR_MEMBER_LOST || member->state == CR_MEMBER_GONE) {
        return;
    }
    cr_log_write(c->cfg.log, CR_LOG_WARN,
                 "rank %d lost (%s); %zu markets will be reassigned", rank, why,
                 member->granted_len);
    cr_cluster_abandon(c->cfg.cluster, rank);
    cr_roster_set(&c->roster, rank, CR_MEMBER_LOST);
    c->last_lost = rank;
    cr_coordinator_replace_servers(c, rank);
    cr_limits_forget(c->limits, rank - 1);
    if (cr_grants_give_back(&c->grants, member, rank, &err) != CR_OK) {
        cr_coordinator_fault(c, "rank 0", &err);
    }
}

void cr_coordinator_put_aside(struct cr_coordinator *c, int rank) {
    const char *host = c->placement.host[rank] == NULL ? "" : c->placement.host[rank];
    cr_log_write(
        c->cfg.log, CR_LOG_WARN,
        "rank %d on %.*s is put aside: its calls alone fail, those of other ranks "
        "are answered; %zu markets will be reassigned",
        rank, (int)strcspn(host, " "), host, c->roster.at[rank].granted_len);
    c->roster.at[rank].is_aside = true;
    cr_coordinator_stop_member(c, rank);
}
