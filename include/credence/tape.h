// tape.h - the append-only record of every finished call: the truth a run is rebuilt
// from.
//
// Layer    store (3)
// Threads  one owner
// MPI      none: each rank has a file of its own
//
// DIR/tape/LAUNCH-RANK.jsonl, one JSON object a line, its last member the checksum of
// what stands before it. Mode 0600, appended with one write a line.
#ifndef CREDENCE_TAPE_H
#define CREDENCE_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "credence/clock.h"
#include "credence/status.h"
#include "credence/trajectory.h"

struct cr_tape;

// Open DIR/tape/LAUNCH-RANK.jsonl for appending. SYNC_MS: how old an unsynced line may
// become; 0 syncs each append.
CR_MUST_CHECK enum cr_status cr_tape_open(const char *dir, uint32_t launch, int rank,
                                          int64_t sync_ms, const struct cr_clock *clock,
                                          struct cr_tape **out, struct cr_err *err);
// CR_E_FULL, CR_E_IO: the line is not on the tape (a part of it was cut off again).
CR_MUST_CHECK enum cr_status cr_tape_append(struct cr_tape *tape,
                                            const struct cr_call_record *record,
                                            struct cr_err *err);
// Sync when a line is older than sync_ms; FORCE: when there is any.
CR_MUST_CHECK enum cr_status cr_tape_sync(struct cr_tape *tape, bool force,
                                          struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_tape_close(struct cr_tape *tape, struct cr_err *err);

// What a scan met besides whole lines.
struct cr_tape_damage {
    uint64_t lines, torn, damaged;
    char first[512]; // "FILE:LINE: checksum does not match"; "" when none
};
typedef enum cr_status (*cr_tape_record_fn)(void *ctx,
                                            const struct cr_call_record *record,
                                            struct cr_err *err);
// Every whole line of one file, in order. A torn last line is counted and ignored, a
// line whose checksum fails is counted and not believed. Memory: one line.
CR_MUST_CHECK enum cr_status cr_tape_scan_file(const char *path, cr_tape_record_fn each,
                                               void *ctx, struct cr_tape_damage *damage,
                                               struct cr_err *err);
// All files of DIR/tape in the order of their names. No tape: CR_OK, nothing called.
CR_MUST_CHECK enum cr_status cr_tape_scan(const char *dir, cr_tape_record_fn each,
                                          void *ctx, struct cr_tape_damage *damage,
                                          struct cr_err *err);
// One more than the highest launch number that DIR/tape shows; 0 for none.
uint32_t cr_tape_next_launch(const char *dir);

#endif
