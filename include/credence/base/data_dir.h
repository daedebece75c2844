// data_dir.h - where the shipped data (prompts/, jobs/) is.
//
// Layer    base (0)
// Threads  no shared state; reads the environment
// MPI      none
#ifndef CREDENCE_BASE_DATA_DIR_H
#define CREDENCE_BASE_DATA_DIR_H

#include "credence/base/buf.h"
#include "credence/base/status.h"

// The directory that holds prompts/ into OUT (cleared first). The first of these that
// does:
//   1. $CREDENCE_DATA_DIR, when set (then nothing else is tried)
//   2. ../share/credence beside the running program: an installation may be moved
//   3. the source tree that this program was built from
// CR_E_NOT_FOUND names in ERR what was tried; CR_E_MEMORY, CR_E_LIMIT (out's maximum).
CR_MUST_CHECK enum cr_status cr_data_dir(struct cr_buf *out, struct cr_err *err);

#endif
