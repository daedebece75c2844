// episode.h - a live market: it says which calls to make, and moves when they are
// answered.
//
// Layer    protocol (2): pure, no I/O, no clock
// Threads  one owner
// MPI      none
//
// State: asking -> done, in one direction. An episode asks for calls until none is left
// to ask (NULL); each call must be answered exactly once, in any order; when the last
// is answered the episode has asked again or is done. Feeding the same replies gives
// the same calls, so resume is: create, and answer from the tape for as long as it
// knows.
#ifndef CREDENCE_PROTOCOL_EPISODE_H
#define CREDENCE_PROTOCOL_EPISODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/core/call.h"
#include "credence/core/cell.h"
#include "credence/core/proposition.h"
#include "credence/core/trajectory.h"
#include "credence/prompt/prompt.h"

struct cr_episode;

// Everything an episode depends on. All borrowed until the episode is destroyed.
struct cr_episode_cfg {
    const struct cr_cell *cell; // the group's first cell: everything but the stop rules
    const struct cr_stop
        *stops; // every rule that shares this trajectory; it ends when all have stopped
    uint32_t stops_len;
    const struct cr_proposition *proposition;
    const struct cr_prompt_set *prompts;        // the maker's
    const struct cr_prompt_set *prompts_trader; // of all others; NULL: the maker's
    uint64_t trajectory;                        // number in the plan
    uint64_t trajectory_key;
    uint64_t opening_key; // see cr_call
    // The benchmark that the proposition is of, for stance "unrelated"; may be NULL.
    const struct cr_propositions *benchmark;
    uint64_t job_seed;
    uint32_t replicate;
};

CR_MUST_CHECK enum cr_status cr_episode_create(const struct cr_episode_cfg *cfg,
                                               struct cr_episode **out,
                                               struct cr_err *err);
void cr_episode_destroy(struct cr_episode *episode);

// The next call to make, or NULL in *out when none can be asked before a reply comes.
// The call is the episode's and lives until it was answered. request_hash is not set.
CR_MUST_CHECK enum cr_status cr_episode_next(struct cr_episode *episode,
                                             struct cr_call **out, struct cr_err *err);

// Read REPLY to CALL, which is out: *reason says why it cannot be used (NONE: it can),
// so that the record of the call can say so before it is on the tape. The reading is
// kept for cr_episode_answer, which must be given the same reply next. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_episode_read(struct cr_episode *episode,
                                             struct cr_call *call,
                                             const struct cr_reply *reply,
                                             enum cr_reason *reason,
                                             struct cr_err *err);

// What was read, for people: until the reply is given to cr_episode_answer, whose
// episode owns it all.
struct cr_reply_reading {
    enum cr_reason reason;  // NONE: usable
    const char *complaint;  // what the model is told was wrong; NULL when usable
    const double *price;    // [cr_proposition_prices] as shown; NULL when there is none
    const double *quantile; // [3] or NULL
    int direction;          // of an argument: see answer.h
};
// The reading of CALL, which cr_episode_read has read.
void cr_episode_reading(const struct cr_call *call, struct cr_reply_reading *out);

// Answer CALL. A reply that failed ends the episode as failed once nothing is out; an
// unusable one makes the episode ask a repair turn; when repairs are used up, a maker's
// ends it as invalid, a trader's with the last price (no_argument). CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_episode_answer(struct cr_episode *episode,
                                               struct cr_call *call,
                                               const struct cr_reply *reply,
                                               struct cr_err *err);

bool cr_episode_is_done(const struct cr_episode *episode);
// Judgments so far; final when done.
const struct cr_trajectory *cr_episode_trajectory(const struct cr_episode *episode);

#endif
