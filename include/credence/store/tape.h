// tape.h - the append-only record of every finished call: the truth a run is rebuilt
// from.
//
// Layer    store (3)
// Threads  one owner
// MPI      none: each rank has a file of its own
//
// DIR/tape/LLLL-RRRRR.jsonl (launch, rank), one JSON object a line, its last member the
// checksum of what stands before it. Mode 0600, appended to: whatever is gathered at
// once with one write. A launch makes files of its own, so nothing is ever appended to
// another launch's torn line.
#ifndef CREDENCE_STORE_TAPE_H
#define CREDENCE_STORE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/clock.h"
#include "credence/base/status.h"
#include "credence/core/trajectory.h"

struct cr_tape;

enum { CR_TAPE_LINE_MAX = 64 << 20 }; // bytes of one line, its newline included

struct cr_tape_cfg {
    const char *dir; // of the run
    uint32_t launch;
    int rank;
    int64_t sync_ms; // how old an unsynced line may become; 0 syncs each append
    const struct cr_clock *clock; // borrowed until close
};
// Make DIR/tape/LLLL-RRRRR.jsonl, DIR/tape too when it is missing. CR_E_BUSY: this
// launch and rank have a tape already.
CR_MUST_CHECK enum cr_status cr_tape_open(const struct cr_tape_cfg *cfg,
                                          struct cr_tape **out, struct cr_err *err);
// CR_E_FULL, CR_E_IO: the line is not on the tape (a part of it was cut off again); the
// tape can be appended to when there is room. CR_E_LIMIT: over CR_TAPE_LINE_MAX.
CR_MUST_CHECK enum cr_status cr_tape_append(struct cr_tape *tape,
                                            const struct cr_call_record *record,
                                            struct cr_err *err);
// The same of LEN records in their order, with one write as long as they are not very
// long; *kept of them are on the tape: the first ones, all when CR_OK.
CR_MUST_CHECK enum cr_status cr_tape_append_all(struct cr_tape *tape,
                                                const struct cr_call_record *records,
                                                size_t len, size_t *kept,
                                                struct cr_err *err);
// Sync when an unsynced line is older than sync_ms; FORCE: when there is any. Blocks
// while the file system writes.
CR_MUST_CHECK enum cr_status cr_tape_sync(struct cr_tape *tape, bool force,
                                          struct cr_err *err);
// Sync and close. TAPE is gone on failure too.
CR_MUST_CHECK enum cr_status cr_tape_close(struct cr_tape *tape, struct cr_err *err);

// What a scan met besides whole lines.
struct cr_tape_damage {
    uint64_t lines, torn, damaged;
    char first[512]; // "FILE:LINE: checksum does not match"; "" when none
};
typedef enum cr_status (*cr_tape_record_fn)(void *ctx,
                                            const struct cr_call_record *record,
                                            struct cr_err *err);
// Every whole line of all files of DIR/tape, in the order of their names. A torn last line
// is counted and ignored, a line whose checksum fails is counted and not believed. Memory:
// one line. No tape: CR_OK, nothing called.
CR_MUST_CHECK enum cr_status cr_tape_scan(const char *dir, cr_tape_record_fn each,
                                          void *ctx, struct cr_tape_damage *damage,
                                          struct cr_err *err);

// Where a line stands, and what of it can be had without reading its texts.
struct cr_tape_key {
    uint32_t launch, rank; // of its file
    uint64_t offset;       // in its file
    uint64_t trajectory, trajectory_key;
    struct cr_hash request_hash;
    struct cr_call_id id;
    enum cr_reason reason;
    uint32_t tokens_in, tokens_out, tokens_cached, tokens_reasoning, model;
    bool is_simulated, is_recorded; // as in a record
};
typedef enum cr_status (*cr_tape_key_fn)(void *ctx, const struct cr_tape_key *key,
                                         struct cr_err *err);
// As cr_tape_scan, checksums included, many times faster: a resume looks at every key
// and reads back the few calls it needs.
CR_MUST_CHECK enum cr_status cr_tape_scan_keys(const char *dir, cr_tape_key_fn each,
                                               void *ctx, struct cr_tape_damage *damage,
                                               struct cr_err *err);
// The same of the tape that one rank wrote in one launch; none: nothing is called.
struct cr_tape_source {
    const char *dir;
    uint32_t launch, rank;
};
CR_MUST_CHECK enum cr_status cr_tape_scan_keys_of(const struct cr_tape_source *source,
                                                  cr_tape_key_fn each, void *ctx,
                                                  struct cr_tape_damage *damage,
                                                  struct cr_err *err);
// EACH is given the one record that KEY was made from. CR_E_FORMAT when it is no longer
// there.
CR_MUST_CHECK enum cr_status cr_tape_read_at(const char *dir,
                                             const struct cr_tape_key *key,
                                             cr_tape_record_fn each, void *ctx,
                                             struct cr_err *err);
// The same of many records of one directory: the file that was read last stays open, and
// what was read of it in memory (a page, or its longest line).
struct cr_tape_lookup;
// DIR is borrowed until destroy. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_tape_lookup_create(const char *dir,
                                                   struct cr_tape_lookup **out);
// Of KEY launch, rank and offset are looked at. Errors as cr_tape_read_at.
CR_MUST_CHECK enum cr_status cr_tape_lookup_read(struct cr_tape_lookup *lookup,
                                                 const struct cr_tape_key *key,
                                                 cr_tape_record_fn each, void *ctx,
                                                 struct cr_err *err);
void cr_tape_lookup_destroy(struct cr_tape_lookup *lookup);

// One more than the highest launch number that DIR/tape shows; 0 for none.
uint32_t cr_tape_next_launch(const char *dir);

#endif
