// fault.h - the one line about what the machine refused.
//
// Layer    run (5)
// Threads  no shared state
// MPI      none
#ifndef CR_RUN_FAULT_H
#define CR_RUN_FAULT_H

#include <stddef.h>

#include "credence/base/status.h"

enum { CR_TROUBLE_BYTES = CR_ERR_TEXT_MAX + 256 };

// Who (PART: "rank 3", or NULL), what, and when a file system refused: where (DIR,
// unless the text names a place in it) and what to do. OUT holds CR_TROUBLE_BYTES.
void cr_fault_line(char *out, const char *dir, const char *part,
                   const struct cr_err *err);

#endif
