// repack_rows.h - the rows of episodes of several files, each from its owner.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
#ifndef CR_STORE_REPACK_ROWS_H
#define CR_STORE_REPACK_ROWS_H

#include "store/repack.h"

// Finished rows that a file made of INPUT keeps in /sparse; 0: it keeps none there.
CR_MUST_CHECK enum cr_status cr_repack_sparse_rows(const struct cr_pack_input *input,
                                                   uint64_t *rows, struct cr_err *err);

// Write every variable of episodes, and /sparse, of OUT.
CR_MUST_CHECK enum cr_status cr_repack_rows(const struct cr_pack_input *input,
                                            struct cr_frame *out, struct cr_err *err);

#endif
