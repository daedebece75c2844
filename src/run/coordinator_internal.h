// coordinator_internal.h - what the parts of the coordinator share: its state, its words
// to the workers, its phases, its inbox.
//
// Layer    run (5), private to coordinator*.c
#ifndef CR_RUN_COORDINATOR_INTERNAL_H
#define CR_RUN_COORDINATOR_INTERNAL_H

#include "credence/cluster/message.h"
#include "run/coordinator.h"
#include "run/fault.h"
#include "run/grants.h"
#include "run/limits.h"
#include "run/roster.h"
#include "run/server_placement.h"

enum cr_phase { CR_RUNNING, CR_DRAINING, CR_STOPPING, CR_OVER };

struct cr_coordinator {
    struct cr_coordinator_cfg cfg;
    enum cr_phase phase;
    enum cr_end end;
    char message[CR_TROUBLE_BYTES];
    struct cr_roster roster;
    struct cr_limits_book *limits;
    struct cr_buf out;
    struct cr_grants deal;
    struct cr_hosts hosts;
    int64_t tick_ms, beat_ms, beaten_ms, looked_ms, stepped_ms;
    int64_t deadline_ms; // of a drain; 0: none
    int signal_level, last_lost;
    bool cannot_record;  // run.h5 or the spool failed: the tape goes on alone
    bool has_complained; // of trouble: once is enough
    bool has_heard_all;  // no message was left unread at the last turn
};

static inline int64_t cr_coordinator_now_ms(const struct cr_coordinator *c) {
    return cr_clock_now_ms(c->cfg.clock);
}

// coordinator_phase.c: words to a worker; c->out holds the fields (ENCODED: whether it
// could be filled). One to a lost rank is dropped.
void cr_coordinator_send(struct cr_coordinator *c, int rank, enum cr_tag tag,
                         enum cr_status encoded);
void cr_coordinator_send_number(struct cr_coordinator *c, int rank, enum cr_tag tag,
                                uint64_t number);
void cr_coordinator_send_nothing(struct cr_coordinator *c, int rank, enum cr_tag tag);
bool cr_coordinator_send_reaches(const struct cr_coordinator *c, int rank);

// coordinator_phase.c: from running to over.
// Start nothing more; the first reason is the one that is told.
void cr_phase_drain(struct cr_coordinator *c, enum cr_end end, int64_t grace_ms,
                    const char *why);
void cr_phase_drain_workers(struct cr_coordinator *c, int64_t grace_ms);
// The machine failed at WHERE (may be NULL): a drain, unless there is one.
void cr_phase_trouble(struct cr_coordinator *c, const char *where,
                      const struct cr_err *err);
// The same, when STATUS says that run.h5 or the spool failed.
void cr_phase_check_record(struct cr_coordinator *c, enum cr_status status,
                           const struct cr_err *err);
void cr_phase_leave_directory(struct cr_coordinator *c, const struct cr_err *err);
void cr_phase_stop_member(struct cr_coordinator *c, int rank);
bool cr_phase_is_finished(const struct cr_coordinator *c); // nothing is left to do
void cr_phase_move(struct cr_coordinator *c);

// coordinator_inbox.c: what workers say, and what follows when one is lost.
void cr_inbox_receive(struct cr_coordinator *c, bool *moved);
void cr_inbox_lose(struct cr_coordinator *c, int rank, const char *why);

#endif
