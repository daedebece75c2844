// run_view.h - run.h5 as it is read: at once for the analysis, or the calls of one episode.
//
// Layer    store (3)
// Threads  not thread-safe
// MPI      none
//
// A file may be read while it is written, and after its writer was killed.
#ifndef CREDENCE_STORE_RUN_VIEW_H
#define CREDENCE_STORE_RUN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/mem.h"
#include "credence/base/status.h"
#include "credence/core/trajectory.h"

// The parts of a view that take long to read where propositions are many.
enum cr_view_part {
    CR_VIEW_NUMBERS = 0,
    CR_VIEW_IDS = 1,   // proposition_id, question_id and benchmark
    CR_VIEW_TEXTS = 2, // text
    CR_VIEW_ITEMS = 4, // kept
    CR_VIEW_ALL = CR_VIEW_IDS | CR_VIEW_TEXTS | CR_VIEW_ITEMS
};

// Everything the analysis needs, read at once. Arrays belong to the view.
struct cr_run_view {
    uint64_t episodes, propositions;
    uint32_t iterations, outcomes, cells;
    double *price;                        // [episodes][iterations]
    double *outcome_price;                // [episodes][iterations][outcomes] or NULL
    double *quantile;                     // [episodes][iterations][3] or NULL
    double *price_held;                   // [episodes][iterations] or NULL
    double *price_held_idle, *price_idle; // likewise
    uint32_t traders;                     // of a room, at most; 0: there are no rooms
    double *belief;                       // [episodes][traders] or NULL
    double *outcome_belief;               // [episodes][traders][outcomes] or NULL
    double *profit;                       // [episodes][traders] or NULL
    uint32_t *cell, *replicate;
    uint64_t *proposition;
    uint32_t *prices_len; // /iterations
    uint8_t *status, *ended;
    uint8_t *reason;            // [episodes] enum cr_reason; of schema 1: NONE
    uint8_t *repair_reason;     // [episodes][iterations] enum cr_reason; 255: not made
    uint8_t *is_estimated;      // [episodes][iterations] its tokens are; 255: not made
    uint32_t *tokens;           // [episodes] all tokens in and out
    uint32_t *calls;            // [episodes]
    float *latency_s;           // [episodes] sum
    double *usd;                // [episodes] by the models' prices in the stored job
    int8_t *direction;          // [episodes][iterations]
    int32_t *label;             // [propositions]
    double *value, *low, *high; // [propositions]
    uint32_t *n_outcomes;
    uint32_t *question; // [propositions] dense number of question_id
    char **proposition_id, **question_id, **text, **benchmark; // or NULL, by part
    struct cr_kept_column {
        char *name;
        char **text; // [propositions], "" where the item says nothing
    } * kept;        // [kept_len] what was kept of the items, or NULL, by part
    uint32_t kept_len;
    struct cr_arena texts; // what they point into
    struct cr_run_cell {   // one column a factor, as text
        char *name, *protocol, *benchmark, *maker, *trader, *stance, *prompts,
            *prompts_trader, *elicitation, *stop_rule;
        double threshold;
        uint32_t window, max_iterations, trajectory, samples, rounds, replicates;
    } * cell_info;
    char *job; // attribute: whole JSON
    char *job_hash, *version;
    char *hypotheses;         // attribute: JSON of what was locked (study.h), or NULL
    char *started, *ended_at; // attributes start and end: RFC 3339, UTC; "" or NULL
    bool is_simulated, is_complete;
};
// The run file of PATH, which is a run directory or the file itself, into OUT (cleared).
CR_MUST_CHECK enum cr_status cr_run_view_path(const char *path, struct cr_buf *out);
CR_MUST_CHECK enum cr_status
cr_run_view_open(const char *path, struct cr_run_view **out, struct cr_err *err);
// The numbers and what PARTS asks for besides; cr_run_view_open reads all.
CR_MUST_CHECK enum cr_status cr_run_view_open_parts(const char *path, unsigned parts,
                                                    struct cr_run_view **out,
                                                    struct cr_err *err);
void cr_run_view_close(struct cr_run_view *view);

// How many calls each iteration made, [episodes][iterations], 0 after the end. Not in
// the view, for few ask for it. *out is given (cr_free).
CR_MUST_CHECK enum cr_status cr_run_view_step_calls(const char *path, uint32_t **out,
                                                    struct cr_err *err);

// The calls of one episode from /calls, texts included when stored. CR_E_NOT_FOUND.
CR_MUST_CHECK enum cr_status cr_run_view_calls(const char *path, uint64_t episode,
                                               struct cr_call_records *out,
                                               struct cr_err *err);

#endif
