// repack_calls.h - the calls of several files, joined in the order of their episodes.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
#ifndef CR_STORE_REPACK_CALLS_H
#define CR_STORE_REPACK_CALLS_H

#include "store/repack.h"

// Append the calls of every episode, from the source that owns it, to OUT.
CR_MUST_CHECK enum cr_status cr_repack_calls(const struct cr_pack_input *input,
                                             struct cr_frame *out, struct cr_err *err);

#endif
