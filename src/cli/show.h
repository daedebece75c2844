// show.h - one episode of a run: its prices and what was said.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_SHOW_H
#define CR_CLI_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/store/run_view.h"

struct cr_show {
    const char *file; // run.h5
    const char *dir;  // the run directory, or NULL
    const struct cr_run_view *view;
    bool with_reasoning; // hidden reasoning of the model too
};

// Where an episode is in the plan: episodes are numbered by group of cells, then
// proposition, replicate and cell of the group, and no row need be there to know it.
struct cr_show_place {
    uint64_t trajectory, first_episode; // first of those that share the trajectory
    uint64_t proposition;
    uint32_t cell, replicate;
};
// False when the file's cells and propositions do not make so many episodes.
bool cr_show_place(const struct cr_run_view *view, uint64_t episode,
                   struct cr_show_place *out);

// Mark in EPISODES those of each proposition that is marked in PROPOSITIONS, as the
// plan numbers them: whether they have ended or not.
void cr_show_planned(const struct cr_run_view *view, const bool *propositions,
                     bool *episodes);

// The calls of the trajectory that EPISODE shows, in the order of their ids: from the
// file, else from the tape. None: *out stays empty. Freed by cr_call_records_fini.
CR_MUST_CHECK enum cr_status cr_show_calls(const struct cr_show *show, uint64_t episode,
                                           struct cr_call_records *out,
                                           struct cr_err *err);
// Print EPISODE to standard output.
CR_MUST_CHECK enum cr_status cr_show_episode(const struct cr_show *show,
                                             uint64_t episode, struct cr_err *err);

#endif
