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

// A node, and what its ranks have done in this launch.
struct cr_node {
    char *host;
    int ranks;
    uint64_t calls; // answered, or failed
    uint64_t asleep_ms;
};

struct cr_member {
    size_t node; // 1 + its index among the roster's nodes; 0: no hello yet
    enum cr_member_state state;
    int64_t last_heard_ms;
    int64_t stop_by_ms; // when it is LEAVING: lost if it is still there then
    bool is_aside;      // LEAVING because its calls alone failed
    bool has_drained;   // nothing in flight any more, and it starts nothing
    bool has_asked;     // once: it sees the directory of rank 0
    uint64_t wanting;   // trajectories it has asked for and not been given
    uint64_t *granted;  // what it works on
    size_t granted_len, granted_cap;
    // Its last beat.
    uint32_t live, models_len; // models_len: 0 before the first
    uint64_t taped, asleep_ms;
    struct cr_beat_model *models; // [models of the job]
};

struct cr_roster {
    int size;             // workers are ranks 1 .. size-1
    struct cr_member *at; // [size]; at[0] is unused
    int live, absent, lost;
    struct cr_node *nodes;
    size_t nodes_len, nodes_cap;
    struct cr_beat_model *models; // [size][models_len], what members point into
    uint32_t models_len;
};

// SIZE ranks, of which each reports on MODELS_LEN models.
CR_MUST_CHECK enum cr_status cr_roster_init(struct cr_roster *roster, int size,
                                            uint32_t models_len, int64_t now_ms,
                                            struct cr_err *err);
// RANK is on HOST (up to its first blank). CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_roster_place(struct cr_roster *roster, int rank,
                                             const char *host);
// Sum up what the ranks of each node last said.
void cr_roster_count_nodes(const struct cr_roster *roster);
// What RANK last said of itself.
void cr_roster_beat(struct cr_roster *roster, int rank, const struct cr_beat *beat);
void cr_roster_fini(struct cr_roster *roster);
void cr_roster_set(struct cr_roster *roster, int rank, enum cr_member_state state);
CR_MUST_CHECK enum cr_status cr_member_grant(struct cr_member *member,
                                             uint64_t trajectory);
// It is no longer working on TRAJECTORY.
void cr_member_release(struct cr_member *member, uint64_t trajectory);

#endif
