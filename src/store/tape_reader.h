// tape_reader.h - the lines of one tape file, one at a time.
//
// Layer    store (3), private
// Threads  one owner
// MPI      none
#ifndef CR_STORE_TAPE_READER_H
#define CR_STORE_TAPE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"

struct cr_tape_reader {
    const char *path; // borrowed
    int fd;
    char *data; // [cap_bytes]
    size_t cap_bytes, begin, end;
    uint64_t offset; // in the file, of data[begin]
    bool is_at_end;  // the file has no more bytes than data holds
};

struct cr_tape_text {
    const char *line; // followed by a newline or NUL; NULL at the end of the file
    size_t bytes;     // without the newline
    uint64_t offset;  // in the file
    bool is_torn;     // no newline: the last line of a crash
    bool is_too_long; // over CR_TAPE_LINE_MAX; LINE holds a part
};

// PATH is borrowed until close. PIECE_BYTES: how much is read at a time.
// CR_E_NOT_FOUND, CR_E_IO, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_tape_reader_open(struct cr_tape_reader *reader,
                                                 const char *path, uint64_t offset,
                                                 size_t piece_bytes,
                                                 struct cr_err *err);
// The next line into *out, valid until the next call.
CR_MUST_CHECK enum cr_status cr_tape_reader_next(struct cr_tape_reader *reader,
                                                 struct cr_tape_text *out,
                                                 struct cr_err *err);
void cr_tape_reader_close(struct cr_tape_reader *reader);

#endif
