// run_file.h - run.h5 as it is written: by rank 0, while the run lives.
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
    const char *hypotheses;    // as they were locked (study.h); NULL: none
    int64_t start_wall_ms;
};

// One row of every [episode] variable.
struct cr_episode_row {
    uint64_t episode;
    uint32_t cell, replicate;
    uint64_t proposition;
    enum cr_episode_status status;
    enum cr_stop_reason ended;
    enum cr_reason reason; // why it is invalid or failed; NONE otherwise
    uint32_t prices_len, width;
    const double *price;        // [prices_len][width]
    const double *quantile;     // [prices_len][3] or NULL
    const struct cr_step *step; // [steps_len]
    uint32_t steps_len;
    uint32_t traders_len; // of a room, else 0 and NULL
    const double *belief; // [traders_len][width]
    const struct cr_trader_end *trader;
};

// What an episode is of: its row of /cells and of /propositions, its replicate. Known of
// every episode before any was run.
struct cr_run_place {
    uint32_t cell, replicate;
    uint64_t proposition;
};
typedef void (*cr_run_place_fn)(const void *ctx, uint64_t episode,
                                struct cr_run_place *out);

struct cr_run_layout { // dimensions; see plan.h
    uint64_t episodes, propositions;
    uint32_t iterations, outcomes; // outcomes 1: no /outcome_price
    const uint64_t *first_proposition;
    cr_run_place_fn place;
    const void *place_ctx; // until the file is closed
};

struct cr_run_content { // borrowed for the call
    const struct cr_job *job;
    const struct cr_run_layout *layout;
    const struct cr_run_facts *facts;
};

// A file at PATH that no reader can open is renamed to PATH.damaged, not written over:
// somebody may want to know what became of it. None there, or a sound one: nothing.
CR_MUST_CHECK enum cr_status cr_run_file_keep_damaged(const char *path,
                                                      struct cr_err *err);

// Create PATH with every variable at its full size, groups filled from the job, and
// switch to SWMR; format bounds 1.10. A file there is replaced once the new one is
// usable; one that no reader could open is kept as PATH.damaged.
// Episodes that are never put are pending; /cell, /proposition and /replicate hold what
// the layout says of them from the start.
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
// Write the end attributes and close. COMPLETE: nothing is pending. FILE is taken: it is
// gone whatever is returned; after a failure PATH is as readable as it was.
CR_MUST_CHECK enum cr_status cr_run_file_finish(struct cr_run_file *file, bool complete,
                                                int64_t end_wall_ms,
                                                struct cr_err *err);
void cr_run_file_abandon(struct cr_run_file *file); // close without a word

#endif
