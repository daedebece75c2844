// spool.h - results on their way into run.h5: a disposable file that makes resume
// quick.
//
// Layer    store (3)
// Threads  one owner
// MPI      none: rank 0 alone
//
// DIR/spool holds one entry for each finished trajectory, in the order of completion:
// what the worker sent, head (prices) and body (calls). It lets the last pass write
// /calls in the order of the episodes, and a resume fill run.h5 without reading the
// tapes. It is believed only as far as its checksums hold; the tape is the truth.
#ifndef CREDENCE_STORE_SPOOL_H
#define CREDENCE_STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/hash.h"
#include "credence/base/status.h"

struct cr_spool;

struct cr_spool_entry {
    uint64_t trajectory, trajectory_key;
    uint64_t offset; // of the head, in the file
    size_t head_bytes, body_bytes;
};

// Each whole entry in order; HEAD is borrowed until the callback returns.
typedef enum cr_status (*cr_spool_entry_fn)(void *ctx,
                                            const struct cr_spool_entry *entry,
                                            const char *head, struct cr_err *err);

struct cr_spool_cfg {
    const char *dir;
    struct cr_hash identity; // of the job
    bool is_fresh;           // start empty, whatever is there
    cr_spool_entry_fn each;  // sees what is there; may be NULL
    void *ctx;
};
// Open DIR/spool. A torn or damaged rest is cut off; the spool of another job, or of
// another version of it, is emptied. DIR/spool must be a file, not a link to one.
CR_MUST_CHECK enum cr_status cr_spool_open(const struct cr_spool_cfg *cfg,
                                           struct cr_spool **out, struct cr_err *err);
// Append; *offset is what cr_spool_read wants. Entries are gathered: one may be in memory
// alone until cr_spool_close, or until the next read. CR_E_FULL, CR_E_IO.
CR_MUST_CHECK enum cr_status cr_spool_append(struct cr_spool *spool,
                                             const struct cr_spool_entry *entry,
                                             const char *bytes, uint64_t *offset,
                                             struct cr_err *err);
// The body of the entry whose head stands at OFFSET, into OUT (cleared first).
// CR_E_FORMAT when its checksum does not match.
CR_MUST_CHECK enum cr_status cr_spool_read(struct cr_spool *spool, uint64_t offset,
                                           struct cr_buf *out, struct cr_err *err);
void cr_spool_close(struct cr_spool *spool);
void cr_spool_abandon(struct cr_spool *spool); // close without writing another byte
// Remove DIR/spool: everything is in run.h5.
void cr_spool_remove(const char *dir);

#endif
