// progress.h - how far a run is: status.json for other programs, a line for people.
//
// Layer    run (5), rank 0
// Threads  one owner
#ifndef CR_RUN_PROGRESS_H
#define CR_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/log.h"
#include "credence/cluster/message.h"
#include "credence/core/job.h"
#include "run/launches.h"
#include "run/limits.h"
#include "run/recorder.h"
#include "run/roster.h"

struct cr_progress {
    const struct cr_job *job;
    const char *dir, *host;
    uint32_t launch;
    int ranks;
    uint64_t episodes; // of this shard
    int64_t started_wall_ms, started_ms, printed_ms;
    uint64_t episodes_before; // finished by earlier launches
    uint64_t tape_lines_before;
    int64_t first_started_wall_ms; // of the first launch
    struct cr_launches launches;   // ours: cr_launches_fini
    struct cr_spent before;        // spent by earlier launches
    bool is_quiet, is_terminal;
};

// The state of a run as status.json and the progress line tell it.
struct cr_snapshot {
    const char *state;   // running, draining, complete, interrupted, blocked, failed
    const char *message; // why it ended, or ""
    int exit_code;       // -1 while it runs
    int lost_ranks;
    struct cr_tally tally;
    const struct cr_said *said; // [CR_REASON_COUNT] borrowed; NULL: nobody was lost
    struct cr_spent spent;      // earlier launches included
    uint32_t in_flight;
    const struct cr_node *nodes; // borrowed from the roster: this launch
    size_t nodes_len;
    int64_t now_ms, wall_ms;
    uint64_t tape_lines; // earlier launches included
    struct cr_snapshot_model {
        struct cr_model_metrics metrics;
        uint64_t replies_cut;
    } models[CR_BEAT_MODELS_MAX]; // summed over ranks, this launch
};

// Sum up what the members last said.
void cr_snapshot_fill(struct cr_snapshot *snapshot, const struct cr_progress *progress,
                      const struct cr_roster *roster);
// What this launch has spent of it.
struct cr_spent cr_progress_spent_here(const struct cr_progress *progress,
                                       const struct cr_snapshot *snapshot);
// Replace DIR/status.json.
CR_MUST_CHECK enum cr_status cr_progress_write(const struct cr_progress *progress,
                                               const struct cr_snapshot *snapshot,
                                               struct cr_err *err);
// The live line on a terminal, a log line every 30 s elsewhere.
void cr_progress_print(struct cr_progress *progress, const struct cr_snapshot *snapshot,
                       struct cr_log *log);
// The line goes away, the last word stays.
void cr_progress_end(struct cr_progress *progress, const struct cr_snapshot *snapshot,
                     struct cr_log *log);

// One line about what the machine refused.
enum { CR_FAULT_BYTES = CR_ERR_TEXT_MAX + 256 };

// Who (PART: "rank 3", or NULL), what, and when a file system refused: where (DIR,
// unless the text names a place in it) and what to do. OUT holds CR_FAULT_BYTES.
void cr_fault_line(char *out, const char *dir, const char *part,
                   const struct cr_err *err);

#endif
