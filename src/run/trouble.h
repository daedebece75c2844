// trouble.h - the one line about what the machine refused.
//
// Layer    run (4)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_RUN_TROUBLE_H
#define CREDENCE_RUN_TROUBLE_H

#include <stddef.h>

#include "credence/status.h"

enum { CR_TROUBLE_BYTES = CR_ERR_TEXT_MAX + 256 };

// Who (PART: "rank 3", or NULL), what, and when a file system refused: where (DIR,
// unless the text names a place in it) and what to do. OUT holds CR_TROUBLE_BYTES.
void cr_trouble_line(char *out, const char *dir, const char *part,
                     const struct cr_err *err);

#endif
