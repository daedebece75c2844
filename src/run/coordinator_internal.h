// coordinator_internal.h - what the three files of the coordinator share, in one line:
// coordinator_state.c <- coordinator_messages.c <- coordinator.c.
//
// Layer    run (5), private to coordinator*.c
#ifndef CR_RUN_COORDINATOR_INTERNAL_H
#define CR_RUN_COORDINATOR_INTERNAL_H

#include "credence/cluster/message.h"
#include "run/coordinator.h"
#include "run/grants.h"
#include "run/limits.h"
#include "run/roster.h"
#include "run/server_placement.h"

enum cr_phase { CR_RUNNING, CR_DRAINING, CR_STOPPING, CR_OVER };

struct cr_coordinator {
    struct cr_coordinator_cfg cfg;
    enum cr_phase phase;
    enum cr_end end;
    char message[CR_FAULT_BYTES];
    struct cr_roster roster;
    struct cr_beat heard; // the beat that is being read
    struct cr_limits_book *limits;
    struct cr_buf out;
    struct cr_grants grants;
    struct cr_run_health health;
    uint64_t has_long_wait; // a bit for each model: people know of it
    struct cr_server_placement placement;
    int64_t tick_ms, beat_ms, beaten_ms, looked_ms, stepped_ms;
    int64_t deadline_ms;      // of a drain; 0: none
    int64_t waiting_since_ms; // for ranks that do not see the directory; 0: none yet
    int signal_level, last_lost;
    bool cannot_record; // run.h5 or the spool failed: the tape goes on alone
    bool has_reported;  // a fault: once is enough
    bool all_are_ready; // every rank has seen the directory
    bool has_told_waiting;
    bool has_heard_all; // no message was left unread at the last turn
};

static inline int64_t cr_coordinator_now_ms(const struct cr_coordinator *c) {
    return cr_clock_now_ms(c->cfg.clock);
}

// coordinator_state.c. Words to a worker: c->out holds the fields (ENCODED: whether it
// could be filled). One to a lost rank is dropped.
void cr_coordinator_send(struct cr_coordinator *c, int rank, enum cr_tag tag,
                         enum cr_status encoded);
void cr_coordinator_send_number(struct cr_coordinator *c, int rank, enum cr_tag tag,
                                uint64_t number);
void cr_coordinator_send_nothing(struct cr_coordinator *c, int rank, enum cr_tag tag);
bool cr_coordinator_send_reaches(const struct cr_coordinator *c, int rank);
// To all that may use the server at ENDPOINT, which STARTER runs.
void cr_coordinator_tell_endpoint(struct cr_coordinator *c, int starter,
                                  const struct cr_endpoint_message *endpoint);

// The one place that changes the phase.
void cr_coordinator_set_phase(struct cr_coordinator *c, enum cr_phase phase);
// The way to an end. Start nothing more; the first reason is the one that is kept.
void cr_coordinator_drain(struct cr_coordinator *c, enum cr_end end, int64_t grace_ms,
                          const char *why);
void cr_coordinator_drain_workers(struct cr_coordinator *c, int64_t grace_ms);
// The machine failed at WHERE (may be NULL): a drain, unless there is one.
void cr_coordinator_fault(struct cr_coordinator *c, const char *where,
                          const struct cr_err *err);
// The same, when STATUS says that run.h5 or the spool failed.
void cr_coordinator_check_record(struct cr_coordinator *c, enum cr_status status,
                                 const struct cr_err *err);
void cr_coordinator_leave_directory(struct cr_coordinator *c, const struct cr_err *err);
void cr_coordinator_stop_member(struct cr_coordinator *c, int rank);
bool cr_coordinator_is_finished(
    const struct cr_coordinator *c); // nothing is left to do

// RANK is given up: what it held goes to others, and so do the servers it had started.
void cr_coordinator_lose(struct cr_coordinator *c, int rank, const char *why);
// RANK leaves the run, which goes on without it; what it held goes to others.
void cr_coordinator_put_aside(struct cr_coordinator *c, int rank);
void cr_coordinator_replace_servers(struct cr_coordinator *c, int rank);

// coordinator_messages.c: what workers say, a bounded number of messages.
void cr_coordinator_receive(struct cr_coordinator *c, bool *moved);

#endif
