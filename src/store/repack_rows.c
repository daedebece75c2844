// repack_rows.c - block by block, so that memory is a few blocks whatever the job.
//
// A shard's file is as long as the job but nearly empty, and its rows are strewn over
// all of it: to merge 64 such files through the variables would inflate each of them
// whole, 25 GB for a million episodes. So a file with few finished rows keeps a second
// copy of those, side by side and in order, in /sparse, and a merge reads that.
#include "store/repack_rows.h"

#include <string.h>

#include "credence/base/mem.h"
#include "credence/core/trajectory.h"
#include "store/h5.h"
#include "store/row_layout.h"

enum { SPARSE_SHARE = 4, WINDOW_ROWS = 256 };

// The next finished rows of a source that has /sparse.
struct window {
    uint64_t next, len;  // rows of /sparse: the next to read, all
    uint64_t at, filled; // in the arrays below
    int32_t episode[WINDOW_ROWS];
    unsigned char *rows; // [WINDOW_ROWS][packed_bytes]; NULL: no /sparse
};

struct row_packer {
    const struct cr_pack_input *input;
    struct cr_frame *out;
    struct cr_err *err;
    struct cr_row_layout layout;
    struct window *windows; // [sources]
    unsigned char *block, *part;
    bool *is_filled;       // [block_rows]
    struct cr_slab slab;   // the block's rows
    unsigned char *sparse; // [block_rows][packed_bytes] of the result's /sparse
    uint64_t sparse_len;   // rows of it written
};

static enum cr_status no_memory(struct row_packer *p) {
    return cr_err_set(p->err, CR_E_MEMORY, "no memory for rows of episodes");
}

enum cr_status cr_repack_sparse_rows(const struct cr_pack_input *input, uint64_t *rows,
                                     struct cr_err *err) {
    *rows = 0;
    if (input->len > 1) {
        return CR_OK;
    }
    struct cr_frame *source = &input->sources[0];
    uint64_t episodes = source->shape.size[CR_DIM_EPISODE], finished = 0;
    uint8_t *status = cr_malloc(episodes);
    if (status == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for rows of episodes");
    }
    int result = cr_h5_read_rows(source->var[CR_V_STATUS], H5T_NATIVE_UINT8,
                                 (struct cr_slab){0, episodes}, status);
    for (uint64_t e = 0; result == 0 && e < episodes; e++) {
        finished += status[e] != CR_PENDING;
    }
    cr_free(status);
    if (result != 0) {
        return cr_h5_fail(err, "cannot read /status");
    }
    *rows = finished * SPARSE_SHARE < episodes ? finished : 0;
    return CR_OK;
}

static enum cr_status refill(struct row_packer *p, size_t source) {
    struct window *w = &p->windows[source];
    struct cr_frame *frame = &p->input->sources[source];
    uint64_t left = w->len - w->next;
    struct cr_slab slab = {w->next, left < WINDOW_ROWS ? left : WINDOW_ROWS};
    if (cr_h5_read_rows(frame->var[CR_V_SPARSE_EPISODE], H5T_NATIVE_INT32, slab,
                        w->episode) != 0 ||
        cr_h5_read_rows(frame->var[CR_V_SPARSE_ROW], H5T_NATIVE_UINT8, slab, w->rows) !=
            0) {
        return cr_h5_fail(p->err, "cannot read /sparse");
    }
    w->next += slab.rows;
    w->at = 0;
    w->filled = slab.rows;
    return CR_OK;
}

static bool is_ours(const struct row_packer *p, uint64_t episode, size_t source) {
    return p->input->owner == NULL ? source == 0 : p->input->owner[episode] == source;
}

// What SOURCE's /sparse holds of the block.
static enum cr_status take_sparse(struct row_packer *p, size_t source) {
    struct window *w = &p->windows[source];
    uint64_t end = p->slab.first_row + p->slab.rows;
    while (w->rows != NULL) {
        if (w->at == w->filled) {
            enum cr_status status =
                w->next < w->len ? refill(p, source) : CR_E_NOT_FOUND;
            if (status != CR_OK) {
                return status == CR_E_NOT_FOUND ? CR_OK : status;
            }
        }
        uint64_t episode = (uint64_t)w->episode[w->at];
        if (episode >= end) {
            break;
        }
        if (episode >= p->slab.first_row && is_ours(p, episode, source)) {
            uint64_t at = episode - p->slab.first_row;
            cr_row_layout_unpack(&p->layout, p->block, at,
                                 w->rows + w->at * p->layout.packed_bytes);
            p->is_filled[at] = true;
        }
        w->at++;
    }
    return CR_OK;
}

// Rows [first, end) of the block through the variables, where they are still missing.
static enum cr_status take_span(struct row_packer *p, size_t source, uint64_t first,
                                uint64_t end) {
    struct cr_slab span = {p->slab.first_row + first, end - first};
    for (int id = 0; id < CR_V_ROW_END; id++) {
        size_t bytes = p->layout.row_bytes[id];
        hid_t type = cr_kind_memory_type(cr_schema[id].kind);
        if (bytes == 0) {
            continue;
        }
        if (cr_h5_read_rows(p->input->sources[source].var[id], type, span, p->part) !=
            0) {
            return cr_h5_fail(p->err, "cannot read %s", cr_schema[id].path);
        }
        for (uint64_t i = first; i < end; i++) {
            if (!p->is_filled[i] && is_ours(p, p->slab.first_row + i, source)) {
                memcpy(
                    cr_row_layout_at(&p->layout, p->block, (enum cr_variable_id)id, i),
                    p->part + (i - first) * bytes, bytes);
            }
        }
    }
    return CR_OK;
}

static enum cr_status take_rest(struct row_packer *p, size_t source) {
    uint64_t first = UINT64_MAX, end = 0;
    for (uint64_t i = 0; i < p->slab.rows; i++) {
        if (!p->is_filled[i] && is_ours(p, p->slab.first_row + i, source)) {
            first = first == UINT64_MAX ? i : first;
            end = i + 1;
        }
    }
    return end == 0 ? CR_OK : take_span(p, source, first, end);
}

static enum cr_status gather(struct row_packer *p) {
    memset(p->is_filled, 0, p->slab.rows * sizeof *p->is_filled);
    enum cr_status status = CR_OK;
    for (size_t s = 0; status == CR_OK && s < p->input->len; s++) {
        status = take_sparse(p, s);
    }
    for (size_t s = 0; status == CR_OK && s < p->input->len; s++) {
        status = take_rest(p, s);
    }
    return status;
}

static enum cr_status write_sparse(struct row_packer *p) {
    const uint8_t *status = cr_row_layout_at(&p->layout, p->block, CR_V_STATUS, 0);
    int32_t *episode = (int32_t *)(void *)p->part; // free again by now
    uint64_t len = 0;
    for (uint64_t i = 0; i < p->slab.rows; i++) {
        if (status[i] != CR_PENDING) {
            episode[len] = (int32_t)(p->slab.first_row + i);
            cr_row_layout_pack(&p->layout, p->block, i,
                               p->sparse + len * p->layout.packed_bytes);
            len++;
        }
    }
    struct cr_slab slab = {p->sparse_len, len};
    p->sparse_len += len;
    if (len > 0 && (cr_h5_write_rows(p->out->var[CR_V_SPARSE_EPISODE], H5T_NATIVE_INT32,
                                     slab, episode) != 0 ||
                    cr_h5_write_rows(p->out->var[CR_V_SPARSE_ROW], H5T_NATIVE_UINT8,
                                     slab, p->sparse) != 0)) {
        return cr_h5_fail(p->err, "cannot write /sparse");
    }
    return CR_OK;
}

static enum cr_status write_block(struct row_packer *p) {
    for (int id = 0; id < CR_V_ROW_END; id++) {
        hid_t type = cr_kind_memory_type(cr_schema[id].kind);
        if (p->layout.row_bytes[id] > 0 &&
            cr_h5_write_rows(p->out->var[id], type, p->slab,
                             p->block + p->layout.offset[id]) != 0) {
            return cr_h5_fail(p->err, "cannot write %s", cr_schema[id].path);
        }
    }
    return p->sparse != NULL ? write_sparse(p) : CR_OK;
}

static enum cr_status make_room(struct row_packer *p) {
    const struct cr_shape *shape = &p->out->shape;
    bool is_sparse = p->out->var[CR_V_SPARSE_ROW] >= 0;
    cr_row_layout_make(&p->layout, shape);
    p->block = cr_calloc(1, p->layout.block_bytes);
    p->part = cr_malloc(p->layout.block_bytes);
    p->is_filled = cr_calloc(shape->block_rows, sizeof *p->is_filled);
    p->windows = cr_calloc(p->input->len, sizeof *p->windows);
    if (is_sparse) {
        p->sparse = cr_malloc(shape->block_rows * p->layout.packed_bytes);
    }
    if (p->block == NULL || p->part == NULL || p->is_filled == NULL ||
        p->windows == NULL || (is_sparse && p->sparse == NULL)) {
        return no_memory(p);
    }
    for (size_t s = 0; s < p->input->len; s++) {
        const struct cr_frame *source = &p->input->sources[s];
        if (source->var[CR_V_SPARSE_ROW] < 0 || source->var[CR_V_SPARSE_EPISODE] < 0 ||
            source->shape.size[CR_DIM_SPARSE_BYTE] != p->layout.packed_bytes) {
            continue;
        }
        p->windows[s].len = source->shape.size[CR_DIM_SPARSE_ROW];
        p->windows[s].rows = cr_malloc(WINDOW_ROWS * p->layout.packed_bytes);
        if (p->windows[s].rows == NULL) {
            return no_memory(p);
        }
    }
    return CR_OK;
}

enum cr_status cr_repack_rows(const struct cr_pack_input *input, struct cr_frame *out,
                              struct cr_err *err) {
    struct row_packer p = {.input = input, .out = out, .err = err};
    enum cr_status status = make_room(&p);
    uint64_t episodes = out->shape.size[CR_DIM_EPISODE], rows = out->shape.block_rows;
    for (uint64_t first = 0; status == CR_OK && first < episodes; first += rows) {
        uint64_t left = episodes - first;
        p.slab = (struct cr_slab){first, left < rows ? left : rows};
        status = gather(&p);
        if (status == CR_OK) {
            status = write_block(&p);
        }
    }
    for (size_t s = 0; p.windows != NULL && s < input->len; s++) {
        cr_free(p.windows[s].rows);
    }
    cr_free(p.windows);
    cr_free(p.is_filled);
    cr_free(p.sparse);
    cr_free(p.block);
    cr_free(p.part);
    return status;
}
