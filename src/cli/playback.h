// playback.h - an episode played again over the records of its calls: what was asked,
// word for word, and what each reply was worth.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
//
// An episode is pure: fed the same replies it asks the same calls. So nothing that was
// sent has to be stored: it is made again from the job that the run directory holds,
// and the hash of the request, which is on the tape, says whether it is the same.
#ifndef CR_CLI_PLAYBACK_H
#define CR_CLI_PLAYBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/core/trajectory.h"
#include "credence/job/plan.h"

struct cr_playback; // the job of a run directory, ready to be played again

// Read the job of the run directory DIR; WITH_TURNS: keep the messages of every call.
// CR_E_NOT_FOUND: it keeps none. Errors of cr_job_create and cr_client_create.
CR_MUST_CHECK enum cr_status cr_playback_open(const char *dir, bool with_turns,
                                              struct cr_playback **out,
                                              struct cr_err *err);
void cr_playback_close(struct cr_playback *playback);
const struct cr_plan *cr_playback_plan(const struct cr_playback *playback);

// One record, and what playing it told. Texts and arrays belong to the script.
struct cr_playback_call {
    const struct cr_call_record *record;
    bool is_asked;           // the episode asked for it; else nothing more is known
    bool is_same;            // what was asked has the hash that the record holds
    struct cr_call call;     // with its turns, when they were wanted
    const char *schema_name; // NULL: free text
    enum cr_reason reason;   // why it failed or could not be used; NONE: usable
    const char *complaint;   // what the model was told was wrong, or NULL
    const double *price;     // [prices_len] normalised, options in the file's order;
    uint32_t prices_len;     // NULL and 0 when the reply has none
    const uint32_t
        *option_at; // [options] place in which each option was shown, or NULL
    int direction;  // of an argument: +1 up, -1 down, 0 unknown; several
                    // options: 1 + the option in the file's order
};

struct cr_playback_script {
    struct cr_playback_call *at; // in the order of RECORDS
    size_t len;
    enum cr_reason reason; // of the episode as far as it was played
    struct cr_arena arena;
};
// Play TRAJECTORY over RECORDS (borrowed; the script points into them). PLAYBACK may be
// NULL: then nothing was asked. CR_E_MEMORY, CR_E_LIMIT.
CR_MUST_CHECK enum cr_status cr_playback_play(struct cr_playback *playback,
                                              uint64_t trajectory,
                                              const struct cr_call_records *records,
                                              struct cr_playback_script *out,
                                              struct cr_err *err);
void cr_playback_script_fini(struct cr_playback_script *script);

#endif
