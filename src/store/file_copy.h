// file_copy.h - a copy of a file.
//
// Layer    store (3), private
// Threads  no shared state
// MPI      none
#ifndef CR_STORE_FILE_COPY_H
#define CR_STORE_FILE_COPY_H

#include "credence/base/status.h"

// Make TO a copy of FROM, replacing a file there. CR_E_IO, CR_E_FULL, CR_E_MEMORY.
// After a failure TO may hold a part.
CR_MUST_CHECK enum cr_status cr_copy_file(const char *from, const char *to,
                                          struct cr_err *err);

#endif
