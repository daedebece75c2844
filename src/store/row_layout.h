// row_layout.h - the rows of one block of episodes in memory: one dense array a
// variable.
//
// Layer    store (3), private
// Threads  read-only after it was made
// MPI      none
#ifndef CR_STORE_ROW_LAYOUT_H
#define CR_STORE_ROW_LAYOUT_H

#include "store/schema.h"

struct cr_row_layout {
    size_t row_bytes[CR_V_ROW_END]; // of one row of each variable; 0: not in this file
    size_t offset[CR_V_ROW_END];    // of the variable's array in a block
    size_t block_bytes;
    size_t packed_bytes; // of one row of all variables, side by side
};
void cr_row_layout_make(struct cr_row_layout *layout, const struct cr_shape *shape);

// Where row AT of variable ID stands in BLOCK.
static inline void *cr_row_layout_at(const struct cr_row_layout *layout, void *block,
                                     enum cr_variable_id id, uint64_t at) {
    return (unsigned char *)block + layout->offset[id] + at * layout->row_bytes[id];
}

// Row AT of BLOCK, all variables side by side, into OUT [packed_bytes]; and back.
void cr_row_layout_pack(const struct cr_row_layout *layout, void *block, uint64_t at,
                        unsigned char *out);
void cr_row_layout_unpack(const struct cr_row_layout *layout, void *block, uint64_t at,
                          const unsigned char *in);

#endif
