// roster.h - the workers as the coordinator knows them.
//
// Layer    run (5), private to rank 0
// Threads  one owner
#ifndef CR_RUN_ROSTER_H
#define CR_RUN_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/cluster/message.h"

enum cr_member_state {
    CR_MEMBER_ABSENT, // no hello yet
    CR_MEMBER_LIVE,
    CR_MEMBER_LEAVING, // was sent a STOP
    CR_MEMBER_GONE,    // said goodbye
    CR_MEMBER_LOST
};

struct cr_member {
    enum cr_member_state state;
    int64_t last_heard_ms;
    int64_t stop_by_ms; // when it is LEAVING: lost if it is still there then
    bool is_aside;      // LEAVING because its calls alone failed
    bool has_drained;   // nothing in flight any more, and it starts nothing
    uint64_t wanting;   // trajectories it has asked for and not been given
    uint64_t *granted;  // what it works on
    size_t granted_len, granted_cap;
    struct cr_beat beat; // its last
};

struct cr_roster {
    int size;             // workers are ranks 1 .. size-1
    struct cr_member *at; // [size]; at[0] is unused
    int live, absent, lost;
};

CR_MUST_CHECK enum cr_status cr_roster_init(struct cr_roster *roster, int size,
                                            int64_t now_ms, struct cr_err *err);
void cr_roster_fini(struct cr_roster *roster);
void cr_roster_set(struct cr_roster *roster, int rank, enum cr_member_state state);
CR_MUST_CHECK enum cr_status cr_member_grant(struct cr_member *member,
                                             uint64_t trajectory);
// It is no longer working on TRAJECTORY.
void cr_member_release(struct cr_member *member, uint64_t trajectory);

#endif
