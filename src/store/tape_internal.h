// tape_internal.h - what the writer and the reader of a tape share: the files of DIR/tape,
// and one line: a call record as bytes, and back.
//
// Layer    store (3), private
// Threads  no shared state
// MPI      none
#ifndef CR_STORE_TAPE_INTERNAL_H
#define CR_STORE_TAPE_INTERNAL_H

#include "credence/base/buf.h"
#include "credence/store/tape.h"

struct cr_tape_file {
    uint32_t launch, rank;
};

// The tapes of DIR in the order of their names, into *files (the caller's, cr_free);
// none and no folder: *len = 0. Other names are passed over.
CR_MUST_CHECK enum cr_status cr_tape_dir_list(const char *dir,
                                              struct cr_tape_file **files, size_t *len,
                                              struct cr_err *err);

// DIR/tape/LLLL-RRRRR.jsonl into OUT (cleared first).
CR_MUST_CHECK enum cr_status cr_tape_dir_path(struct cr_buf *out, const char *dir,
                                              struct cr_tape_file file);

// Append RECORD as one line, newline included. CR_E_LIMIT, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_tape_line_encode(struct cr_buf *out,
                                                 const struct cr_call_record *record);

// LINE below is BYTES long without its newline, and a newline or NUL follows it.

// NULL when the line is whole, else what is wrong with it.
const char *cr_tape_line_fault(const char *line, size_t bytes);

// The fixed members of a whole line into *head (texts and logprobs zero) and the JSON
// object of the variable ones into *tail. False when the form is not ours.
bool cr_tape_line_head(const char *line, size_t bytes, struct cr_call_record *head,
                       const char **tail, size_t *tail_bytes);

// Give the record of a whole line to EACH. CR_E_FORMAT when the form is not ours, else
// what EACH returns.
CR_MUST_CHECK enum cr_status cr_tape_line_decode(const char *line, size_t bytes,
                                                 cr_tape_record_fn each, void *ctx,
                                                 struct cr_err *err);

#endif
