// row_layout.c - arrays begin at multiples of 8, whatever the variable before them.
#include "store/row_layout.h"

#include <string.h>

void cr_row_layout_make(struct cr_row_layout *layout, const struct cr_shape *shape) {
    *layout = (struct cr_row_layout){.block_bytes = 0};
    for (int id = 0; id < CR_V_ROW_END; id++) {
        if (cr_shape_has(shape, (enum cr_variable_id)id)) {
            layout->row_bytes[id] =
                cr_kind_bytes(cr_schema[id].kind) *
                cr_shape_row_elements(shape, (enum cr_variable_id)id);
        }
        layout->offset[id] = layout->block_bytes;
        layout->block_bytes +=
            (layout->row_bytes[id] * shape->block_rows + 7) & ~(size_t)7;
        layout->packed_bytes += layout->row_bytes[id];
    }
}

void cr_row_layout_pack(const struct cr_row_layout *layout, void *block, uint64_t at,
                        unsigned char *out) {
    for (int id = 0; id < CR_V_ROW_END; id++) {
        memcpy(out, cr_row_layout_at(layout, block, (enum cr_variable_id)id, at),
               layout->row_bytes[id]);
        out += layout->row_bytes[id];
    }
}

void cr_row_layout_unpack(const struct cr_row_layout *layout, void *block, uint64_t at,
                          const unsigned char *in) {
    for (int id = 0; id < CR_V_ROW_END; id++) {
        memcpy(cr_row_layout_at(layout, block, (enum cr_variable_id)id, at), in,
               layout->row_bytes[id]);
        in += layout->row_bytes[id];
    }
}
