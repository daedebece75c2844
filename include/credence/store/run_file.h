// run_file.h - run.h5: written by rank 0 while the run lives, read by the analysis.
//
// Layer    store (3); src/store is the only folder that includes <hdf5.h>
// Threads  not thread-safe
// MPI      none: one writer
#ifndef CREDENCE_STORE_RUN_FILE_H
#define CREDENCE_STORE_RUN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/mem.h"
#include "credence/base/status.h"
#include "credence/core/job.h"
#include "credence/core/trajectory.h"

struct cr_run_file;

// "1.10.8": the HDF5 library in use.
const char *cr_store_version(void);

// Attributes of / that the job does not know.
struct cr_run_facts {
    const char *version, *git_revision, *host, *mpi;
    const char *prompt_hashes; // JSON object: set -> hash
    int64_t start_wall_ms;
};

// One row of every [episode] variable.
struct cr_episode_row {
    uint64_t episode;
    uint32_t cell, replicate;
    uint64_t proposition;
    enum cr_episode_status status;
    enum cr_stop_reason ended;
    uint32_t prices_len, width;
    const double *price;        // [prices_len][width]
    const double *quantile;     // [prices_len][3] or NULL
    const struct cr_step *step; // [steps_len]
    uint32_t steps_len;
};

struct cr_run_layout { // dimensions; see plan.h
    uint64_t episodes, propositions;
    uint32_t iterations, outcomes; // outcomes 1: no /outcome_price
    const uint64_t *first_proposition;
};

struct cr_run_content { // borrowed for the call
    const struct cr_job *job;
    const struct cr_run_layout *layout;
    const struct cr_run_facts *facts;
};

// Create PATH (replacing a file there once the new one is usable) with every variable
// at its full size, groups filled from the job, and switch to SWMR. Format bounds 1.10.
// An episode that is never put has no cell, proposition and replicate either: put a
// CR_PENDING row for one that should.
CR_MUST_CHECK enum cr_status cr_run_file_create(const char *path,
                                                const struct cr_run_content *content,
                                                struct cr_run_file **out,
                                                struct cr_err *err);
// Rows may come in any order; they are gathered and written in blocks.
CR_MUST_CHECK enum cr_status cr_run_file_put(struct cr_run_file *file,
                                             const struct cr_episode_row *row,
                                             struct cr_err *err);
// Make what was put visible to SWMR readers.
CR_MUST_CHECK enum cr_status cr_run_file_flush(struct cr_run_file *file,
                                               struct cr_err *err);
// Append to /calls, in this order; EPISODE is the row they belong to.
CR_MUST_CHECK enum cr_status cr_run_file_put_calls(struct cr_run_file *file,
                                                   uint64_t episode,
                                                   const struct cr_call_record *records,
                                                   size_t len, struct cr_err *err);
// Write the end attributes and close. COMPLETE: nothing is pending.
CR_MUST_CHECK enum cr_status cr_run_file_finish(struct cr_run_file *file, bool complete,
                                                int64_t end_wall_ms,
                                                struct cr_err *err);
void cr_run_file_abandon(struct cr_run_file *file); // close without a word

// The parts of a view that take long to read where propositions are many.
enum cr_view_part {
    CR_VIEW_NUMBERS = 0,
    CR_VIEW_IDS = 1,   // proposition_id, question_id and benchmark
    CR_VIEW_TEXTS = 2, // text
    CR_VIEW_ALL = CR_VIEW_IDS | CR_VIEW_TEXTS
};

// Everything the analysis needs, read at once. Arrays belong to the view.
struct cr_run_view {
    uint64_t episodes, propositions;
    uint32_t iterations, outcomes, cells;
    double *price;         // [episodes][iterations]
    double *outcome_price; // [episodes][iterations][outcomes] or NULL
    double *quantile;      // [episodes][iterations][3] or NULL
    uint32_t *cell, *replicate;
    uint64_t *proposition;
    uint32_t *prices_len; // /iterations
    uint8_t *status, *ended;
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
    struct cr_arena texts;                                     // what they point into
    struct cr_run_cell { // one column a factor, as text
        char *name, *protocol, *benchmark, *maker, *trader, *stance, *prompts,
            *elicitation, *stop_rule;
        double threshold;
        uint32_t window, max_iterations, trajectory, samples, rounds, replicates;
    } * cell_info;
    char *job; // attribute: whole JSON
    char *job_hash, *version;
    bool is_simulated, is_complete;
};
CR_MUST_CHECK enum cr_status
cr_run_view_open(const char *path, struct cr_run_view **out, struct cr_err *err);
// The numbers and what PARTS asks for besides; cr_run_view_open reads all.
CR_MUST_CHECK enum cr_status cr_run_view_open_parts(const char *path, unsigned parts,
                                                    struct cr_run_view **out,
                                                    struct cr_err *err);
void cr_run_view_close(struct cr_run_view *view);

// How many calls each iteration made, [episodes][iterations], 0 after the end. Not in
// the view, for few ask for it. *out is given (cr_free).
CR_MUST_CHECK enum cr_status cr_run_file_step_calls(const char *path, uint32_t **out,
                                                    struct cr_err *err);

// The calls of one episode from /calls, texts included when stored. CR_E_NOT_FOUND.
CR_MUST_CHECK enum cr_status cr_run_file_calls(const char *path, uint64_t episode,
                                               struct cr_call_records *out,
                                               struct cr_err *err);

#endif
