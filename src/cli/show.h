// show.h - episodes of a run: their prices and what was said.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_SHOW_H
#define CR_CLI_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/playback.h"
#include "cli/screen.h"
#include "credence/base/json_write.h"
#include "credence/base/status.h"
#include "credence/store/run_view.h"

struct cr_show {
    const char *file; // run.h5
    const char *dir;  // the run directory, or NULL
    const struct cr_run_view *view;
    struct cr_playback *playback; // NULL: the directory keeps no job
    struct cr_show_tape *tape;    // read when first needed; cr_show_tape_close
    struct cr_screen screen;
    bool with_reasoning; // the model's hidden reasoning too
    bool with_prompts;   // every message as it was sent
};
void cr_show_tape_close(struct cr_show_tape *tape);

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
// tape, else from the file. None: *out stays empty. Freed by cr_call_records_fini.
CR_MUST_CHECK enum cr_status cr_show_calls(struct cr_show *show, uint64_t episode,
                                           struct cr_call_records *out,
                                           struct cr_err *err);

// An episode, its calls, and what playing them again told.
struct cr_show_episode {
    const struct cr_show *show;
    uint64_t episode;
    struct cr_show_place place;
    bool is_pending; // its prices are in the replies, not in the file
    struct cr_call_records records;
    struct cr_playback_script script;
    const struct cr_proposition *proposition; // NULL without the job
};
CR_MUST_CHECK enum cr_status cr_show_episode_read(struct cr_show *show,
                                                  uint64_t episode,
                                                  struct cr_show_episode *out,
                                                  struct cr_err *err);
void cr_show_episode_fini(struct cr_show_episode *shown);
// Whether record INDEX belongs to the view that this episode's cell takes: a trajectory
// may go on for cells with a stricter stop rule.
bool cr_show_episode_has(const struct cr_show_episode *shown, size_t index);
// The name of the model that made CALL; "" when it is not known.
const char *cr_show_episode_model(const struct cr_show_episode *shown,
                                  const struct cr_playback_call *call);

// What was asked beside a judgment ("held" in the job): the belief with what was argued,
// and, their placebos, the belief and the judgment without. NULL: CALL is no reading.
const char *cr_show_reading_name(const struct cr_show_episode *shown,
                                 const struct cr_playback_call *call);

// The price of that reading as the file keeps it: what a reply says is known by playing
// the market again, which a file alone does not allow. NaN: missing.
double cr_show_reading_price(const struct cr_show_episode *shown,
                             const struct cr_playback_call *call);

CR_MUST_CHECK enum cr_status cr_show_episode_print(const struct cr_show_episode *shown);
// The object that the explorer and other readers of messages rely on: documented in
// show_json.c.
void cr_show_episode_json(const struct cr_show_episode *shown,
                          struct cr_json_writer *emit);

#endif
