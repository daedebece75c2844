// tape_dir.h - the files of DIR/tape.
//
// Layer    store (3), private
// Threads  no shared state
// MPI      none
#ifndef CR_STORE_TAPE_DIR_H
#define CR_STORE_TAPE_DIR_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

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

#endif
