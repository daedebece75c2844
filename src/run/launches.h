// launches.h - DIR/launches: one JSON line when a launch starts, one when it ends.
//
// Layer    run (5), rank 0
// Threads  one owner
//
// It is what a directory knows of its own past: when the work first began, who took part,
// and what the tapes do not say of earlier launches. Lines are only ever appended.
#ifndef CR_RUN_LAUNCHES_H
#define CR_RUN_LAUNCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "run/limits.h"

struct cr_launches {
    struct cr_buf json;             // the lines, joined by commas
    int64_t first_start_ms;         // wall time; 0: no launch yet
    uint64_t retries, rate_limited; // of launches that ended
    uint64_t tape_lines;            // when the last of them ended
};
// What DIR/launches holds. A damaged line is passed over. OUT: cr_launches_fini.
CR_MUST_CHECK enum cr_status cr_launches_read(const char *dir, struct cr_launches *out,
                                              struct cr_err *err);
void cr_launches_fini(struct cr_launches *launches);

struct cr_launch_start {
    uint32_t launch;
    int64_t wall_ms;
    const char *host, *version, *revision, *mpi;
    int ranks;
};
// Append to DIR/launches, and to LAUNCHES.
CR_MUST_CHECK enum cr_status cr_launches_begin(const char *dir,
                                               struct cr_launches *launches,
                                               const struct cr_launch_start *start,
                                               struct cr_err *err);
struct cr_launch_end {
    uint32_t launch;
    int64_t wall_ms;
    const char *state;
    int exit_code;
    uint64_t tape_lines;   // of all launches
    struct cr_spent spent; // of this launch
};
CR_MUST_CHECK enum cr_status cr_launches_end(const char *dir,
                                             struct cr_launches *launches,
                                             const struct cr_launch_end *end,
                                             struct cr_err *err);

// *has: whether DIR/launches holds the start of LAUNCH at WALL_MS. A rank that does not
// find what rank 0 wrote there sees another directory; what cannot be read (CR_E_IO,
// CR_E_MEMORY) says nothing of the kind.
CR_MUST_CHECK enum cr_status cr_launches_look(const char *dir, uint32_t launch,
                                              int64_t wall_ms, bool *has,
                                              struct cr_err *err);

#endif
