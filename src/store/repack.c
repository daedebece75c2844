// repack.c - joins files of one job. Everything is copied through the schema: variables
// that one file has as a whole from the first source, rows of episodes block by block
// from their owners, calls in the order of their episodes, so that the result does not
// depend on who finished first. The old file stays until the new one is whole.
#include "store/repack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/core/trajectory.h"
#include "credence/store/run_view.h"
#include "store/h5.h"
#include "store/run_internal.h"

enum { SPARSE_SHARE = 4, WINDOW_ROWS = 256 };

// The next finished rows of a source that has /sparse.
struct sparse_window {
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
    struct sparse_window *windows; // [sources]
    unsigned char *block, *part;
    bool *is_filled;       // [block_rows]
    struct cr_slab slab;   // the block's rows
    unsigned char *sparse; // [block_rows][packed_bytes] of the result's /sparse
    uint64_t sparse_len;   // rows of it written
};

static enum cr_status no_memory(struct row_packer *p) {
    return cr_err_set(p->err, CR_E_MEMORY, "no memory for rows of episodes");
}

// Finished rows that a file made of INPUT keeps in /sparse; 0: it keeps none there.
static enum cr_status sparse_rows(const struct cr_pack_input *input, uint64_t *rows,
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
    struct sparse_window *w = &p->windows[source];
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
    struct sparse_window *w = &p->windows[source];
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
        if (cr_frame_read(&p->input->sources[source], (enum cr_variable_id)id, type,
                          span, p->part) != 0) {
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

// Write every variable of episodes, and /sparse, of OUT.
static enum cr_status repack_rows(const struct cr_pack_input *input,
                                  struct cr_frame *out, struct cr_err *err) {
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

struct packer {
    const struct cr_pack_input *input;
    struct cr_frame out;
    struct cr_err *err;
};

static enum cr_status fail_read(struct packer *p, enum cr_variable_id id) {
    return cr_h5_fail(p->err, "cannot read %s", cr_schema[id].path);
}

static enum cr_status fail_write(struct packer *p, enum cr_variable_id id) {
    return cr_h5_fail(p->err, "cannot write %s", cr_schema[id].path);
}

// What copies an attribute, and what became of it.
struct attribute_copy {
    hid_t to;
    enum cr_status status;
    struct cr_err *err;
};

static enum cr_status copy_number(hid_t from, const char *name,
                                  struct attribute_copy *copy) {
    int32_t number = 0;
    enum cr_status status = cr_h5_read_i32(from, name, &number, copy->err);
    if (strcmp(name, "schema") == 0) { // what is written is of ours
        number = CR_SCHEMA_VERSION;
    }
    if (status == CR_OK && cr_h5_put_i32(copy->to, name, number) != 0) {
        status = cr_h5_fail(copy->err, "cannot write attribute %s", name);
    }
    return status;
}

static enum cr_status copy_text(hid_t from, const char *name, bool is_fixed,
                                struct attribute_copy *copy) {
    char *text = NULL;
    enum cr_status status = cr_h5_read_text(from, name, &text, copy->err);
    if (status == CR_OK && (is_fixed ? cr_h5_put_chars(copy->to, name, text)
                                     : cr_h5_put_text(copy->to, name, text)) != 0) {
        status = cr_h5_fail(copy->err, "cannot write attribute %s", name);
    }
    cr_free(text);
    return status;
}

static herr_t copy_attribute(hid_t from, const char *name, const H5A_info_t *info,
                             void *ctx) {
    struct attribute_copy *copy = ctx;
    (void)info;
    hid_t attribute = H5Aopen(from, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
    if (type < 0) {
        copy->status = cr_h5_fail(copy->err, "cannot read attribute %s", name);
    } else if (H5Tget_class(type) == H5T_STRING) {
        copy->status = copy_text(from, name, H5Tis_variable_str(type) == 0, copy);
    } else {
        copy->status = copy_number(from, name, copy);
    }
    cr_h5_close(type);
    cr_h5_close(attribute);
    return copy->status == CR_OK ? 0 : -1;
}

// The first source's stamp gives way to an earlier start, a later end. Stamps order as
// text; "" is the end of a run that has none.
static enum cr_status widen_stamp(struct packer *p, const char *name,
                                  bool is_later_better) {
    enum cr_status status = CR_OK;
    for (size_t s = 1; status == CR_OK && s < p->input->len; s++) {
        char *mine = NULL, *theirs = NULL;
        status = cr_h5_read_text(p->out.file, name, &mine, p->err);
        if (status == CR_OK) {
            status = cr_h5_read_text(p->input->sources[s].file, name, &theirs, p->err);
        }
        if (status == CR_OK && (strcmp(theirs, mine) > 0) == is_later_better &&
            cr_h5_set_chars(p->out.file, name, theirs) != 0) {
            status = cr_h5_fail(p->err, "cannot write attribute %s", name);
        }
        cr_free(mine);
        cr_free(theirs);
    }
    return status;
}

// Replies and episodes that any source held when its hypotheses were locked, and what
// answered from tapes in any of them. A source whose hypotheses are others, or none,
// makes the result's hash one that nothing has.
static void join_lock(struct cr_json *mine, const struct cr_json *theirs,
                      enum cr_status *status) {
    static const char *const sums[] = {"replies", "episodes_done"};
    const char *a = cr_json_string(cr_json_get(mine, "hash"));
    const char *b = cr_json_string(cr_json_get(theirs, "hash"));
    if (a == NULL || b == NULL || strcmp(a, b) != 0) {
        *status = cr_json_put(mine, "hash",
                              cr_json_new_string("00000000000000000000000000000000"));
        return;
    }
    for (size_t i = 0; i < sizeof sums / sizeof *sums && *status == CR_OK; i++) {
        double sum = cr_json_number(cr_json_get(mine, sums[i]), 0.0) +
                     cr_json_number(cr_json_get(theirs, sums[i]), 0.0);
        *status = cr_json_put(mine, sums[i], cr_json_new_number(sum));
    }
    const struct cr_json *replayed = cr_json_get(theirs, "replayed");
    bool has_cache = cr_json_bool(cr_json_get(mine, "cache"), true) ||
                     cr_json_bool(cr_json_get(theirs, "cache"), true) ||
                     cr_json_first(replayed) != NULL;
    if (*status == CR_OK) {
        *status = cr_json_put(mine, "cache", cr_json_new_bool(has_cache));
    }
}

// The record of locked hypotheses that FILE has, parsed; NULL: none that can be read.
static struct cr_json *read_lock(struct packer *p, hid_t file, enum cr_status *status) {
    char *text = NULL;
    struct cr_json *root = NULL;
    const struct cr_json_limits limits = {1 << 20, 8};
    enum cr_status found = cr_h5_read_text(file, "hypotheses", &text, NULL);
    if (found == CR_OK) {
        found = cr_json_parse(text, strlen(text), limits, &root, NULL);
    }
    if (found == CR_E_MEMORY) {
        *status = cr_err_set(p->err, found, "no memory for the locked hypotheses");
    }
    cr_free(text);
    return root;
}

static enum cr_status join_locks(struct packer *p) {
    enum cr_status status = CR_OK;
    struct cr_json *mine = read_lock(p, p->out.file, &status);
    struct cr_buf text;
    cr_buf_init(&text, 1 << 22);
    for (size_t s = 1; s < p->input->len && mine != NULL && status == CR_OK; s++) {
        struct cr_json *theirs = read_lock(p, p->input->sources[s].file, &status);
        if (status == CR_OK) {
            join_lock(mine, theirs, &status);
        }
        cr_json_free(theirs);
    }
    if (status == CR_OK && mine != NULL && p->input->len > 1) {
        status = cr_json_print(mine, false, &text);
        if (status == CR_OK &&
            (H5Adelete(p->out.file, "hypotheses") < 0 ||
             cr_h5_put_text(p->out.file, "hypotheses", text.data) != 0)) {
            status = cr_h5_fail(p->err, "cannot write attribute hypotheses");
        }
    }
    cr_buf_fini(&text);
    cr_json_free(mine);
    return status;
}

static enum cr_status copy_attributes(struct packer *p, bool complete) {
    hsize_t at = 0;
    struct attribute_copy copy = {p->out.file, CR_OK, p->err};
    const herr_t walked = H5Aiterate2(p->input->sources[0].file, H5_INDEX_CRT_ORDER,
                                      H5_ITER_INC, &at, copy_attribute, &copy);
    enum cr_status status = copy.status;
    if (status == CR_OK && walked < 0) {
        status = cr_h5_fail(p->err, "cannot read the attributes");
    }
    if (status == CR_OK) {
        status = join_locks(p);
    }
    if (status == CR_OK) {
        status = widen_stamp(p, "start", false);
    }
    if (status == CR_OK) {
        status = widen_stamp(p, "end", true);
    }
    if (status == CR_OK && cr_h5_set_i32(p->out.file, "complete", complete) != 0) {
        status = cr_h5_fail(p->err, "cannot write attribute complete");
    }
    return status;
}

static void free_strings(char **texts, uint64_t len) {
    for (uint64_t i = 0; i < len; i++) {
        H5free_memory(texts[i]);
    }
}

static enum cr_status copy_whole(struct packer *p, enum cr_variable_id id) {
    enum cr_kind kind = cr_schema[id].kind;
    uint64_t rows = p->out.shape.size[cr_schema[id].dims[0]];
    hid_t type =
        kind == CR_KIND_TEXT ? cr_h5_text_type() : H5Tcopy(cr_kind_memory_type(kind));
    void *data = cr_calloc(rows, cr_kind_bytes(kind));
    struct cr_slab slab = {0, rows};
    enum cr_status status = CR_OK;
    if (data == NULL) {
        status =
            cr_err_set(p->err, CR_E_MEMORY, "no memory for %s", cr_schema[id].path);
    } else if (type < 0 ||
               cr_h5_read_rows(p->input->sources[0].var[id], type, slab, data) != 0) {
        status = fail_read(p, id);
    } else if (cr_h5_write_rows(p->out.var[id], type, slab, data) != 0) {
        status = fail_write(p, id);
    }
    if (data != NULL && kind == CR_KIND_TEXT) {
        free_strings(data, rows);
    }
    cr_free(data);
    cr_h5_close(type);
    return status;
}

static enum cr_status copy_kept(struct packer *p, const struct cr_kept *from) {
    const struct cr_slab slab = {0, p->out.shape.size[CR_DIM_PROPOSITION]};
    enum cr_status status = cr_frame_keep(&p->out, from->name, p->err);
    hid_t type = status == CR_OK ? cr_h5_text_type() : H5I_INVALID_HID;
    char **texts = cr_calloc(slab.rows, sizeof *texts);
    if (status == CR_OK && texts == NULL) {
        status = cr_err_set(p->err, CR_E_MEMORY, "no memory for column %s", from->name);
    }
    if (status == CR_OK &&
        (type < 0 || cr_h5_read_rows(from->dataset, type, slab, texts) != 0)) {
        status = cr_h5_fail(p->err, "cannot read column %s of the items", from->name);
    }
    if (status == CR_OK && cr_h5_write_rows(p->out.kept[p->out.kept_len - 1].dataset,
                                            type, slab, texts) != 0) {
        status = cr_h5_fail(p->err, "cannot write column %s of the items", from->name);
    }
    if (texts != NULL) {
        free_strings(texts, slab.rows);
    }
    cr_free(texts);
    cr_h5_close(type);
    return status;
}

static enum cr_status copy_groups(struct packer *p) {
    enum cr_status status = CR_OK;
    for (int id = CR_V_ROW_END; status == CR_OK && id < CR_V_CALL_FIRST; id++) {
        if (p->out.var[id] >= 0 && p->input->sources[0].var[id] >= 0) {
            status = copy_whole(p, (enum cr_variable_id)id);
        }
    }
    const struct cr_frame *from = &p->input->sources[0];
    for (uint32_t i = 0; status == CR_OK && i < from->kept_len; i++) {
        status = copy_kept(p, &from->kept[i]);
    }
    return status;
}

// Of a row in /sparse; 0 when the file has none.
static uint64_t packed_bytes(const struct cr_shape *shape) {
    struct cr_row_layout layout;
    cr_row_layout_make(&layout, shape);
    return shape->size[CR_DIM_SPARSE_ROW] > 0 ? layout.packed_bytes : 0;
}

// Closed in between as a base is, so that the bytes of the result are the same.
static enum cr_status begin_anew(struct packer *p, const char *path,
                                 const struct cr_shape *shape, bool complete) {
    enum cr_status status = cr_frame_create(&p->out, path, shape, p->err);
    if (status == CR_OK) {
        status = copy_attributes(p, complete);
    }
    if (status == CR_OK) {
        status = copy_groups(p);
    }
    if (cr_frame_close(&p->out) != 0 && status == CR_OK) {
        status = cr_h5_fail(p->err, "cannot write %s", path);
    }
    return status == CR_OK ? cr_frame_reopen(&p->out, path, p->err) : status;
}

// The end is all that the base does not know.
static enum cr_status copy_end(struct packer *p, bool complete) {
    char *end = NULL;
    enum cr_status status =
        cr_h5_read_text(p->input->sources[0].file, "end", &end, p->err);
    if (status == CR_OK && (cr_h5_set_chars(p->out.file, "end", end) != 0 ||
                            cr_h5_set_i32(p->out.file, "complete", complete) != 0)) {
        status = cr_h5_fail(p->err, "cannot write the attributes of the end");
    }
    cr_free(end);
    return status;
}

static enum cr_status begin_on_base(struct packer *p, const char *path, bool complete) {
    enum cr_status status = cr_frame_reopen(&p->out, path, p->err);
    return status == CR_OK ? copy_end(p, complete) : status;
}

static enum cr_status fill(struct packer *p, const char *path, bool complete) {
    struct cr_shape shape = p->input->sources[0].shape;
    shape.size[CR_DIM_CALL] = 0;
    shape.size[CR_DIM_BYTE] = 0;
    cr_shape_set_block(&shape);
    enum cr_status status =
        sparse_rows(p->input, &shape.size[CR_DIM_SPARSE_ROW], p->err);
    shape.size[CR_DIM_SPARSE_BYTE] = packed_bytes(&shape);
    if (status == CR_OK) { // a base that was tidied away costs time and nothing else
        const char *base_path = p->input->base_path;
        bool is_on_base = base_path != NULL && rename(base_path, path) == 0;
        status = is_on_base ? begin_on_base(p, path, complete)
                            : begin_anew(p, path, &shape, complete);
    }
    if (status == CR_OK) {
        status = cr_frame_add_rows(&p->out, &shape, CR_PACK_FINAL, p->err);
    }
    if (status == CR_OK) {
        status = repack_rows(p->input, &p->out, p->err);
    }
    if (status == CR_OK) {
        status = cr_repack_calls(p->input, &p->out, p->err);
    }
    if (cr_frame_close(&p->out) != 0 && status == CR_OK) {
        status = cr_h5_fail(p->err, "cannot write %s", path);
    }
    return status;
}

// Before it takes the old file's name: or a crash of the node could leave neither.
static enum cr_status sync_file(const char *path, struct cr_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    enum cr_status status = CR_OK;
    if (result != 0) {
        status = cr_err_set(err, cr_status_from_errno(errno), "cannot sync %s: %s",
                            path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

// What comes from elsewhere is not passed on before it was looked at once as the
// analysis does.
static enum cr_status check_values(const char *path, struct cr_err *err) {
    struct cr_run_view *view = NULL;
    enum cr_status status = cr_run_view_open_parts(path, CR_VIEW_NUMBERS, &view, err);
    if (status == CR_OK) {
        cr_run_view_close(view);
    }
    return status;
}

// Where OUT_PATH leads: a link is written through, what is no file is left alone.
// *target is the caller's (cr_free), NULL without memory or after a refusal.
static enum cr_status find_target(const char *out_path, char **target,
                                  struct cr_err *err) {
    struct stat st;
    *target = NULL;
    if (stat(out_path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return cr_err_set(err, CR_E_USAGE,
                          "%s is not a regular file: a result file cannot be written "
                          "there",
                          out_path);
    }
    char *real = realpath(out_path, NULL);
    *target = cr_strdup(real == NULL ? out_path : real);
    free(real);
    return *target == NULL ? cr_err_set(err, CR_E_MEMORY, "no memory for %s", out_path)
                           : CR_OK;
}

static enum cr_status join(const struct cr_pack_input *input, const char *out_path,
                           bool complete, struct cr_err *err) {
    size_t bytes = strlen(out_path) + sizeof ".packed";
    char *fresh = cr_malloc(bytes);
    if (fresh == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for %s", out_path);
    }
    snprintf(fresh, bytes, "%s.packed", out_path);
    struct packer p = {.input = input, .err = err};
    cr_frame_init(&p.out);
    enum cr_status status = fill(&p, fresh, complete);
    if (status == CR_OK && input->is_foreign) {
        status = check_values(fresh, err);
    }
    if (status == CR_OK) {
        status = sync_file(fresh, err);
    }
    if (status == CR_OK && rename(fresh, out_path) != 0) {
        status = cr_err_set(err, cr_status_from_errno(errno), "cannot replace %s: %s",
                            out_path, strerror(errno));
    }
    if (status != CR_OK) {
        unlink(fresh);
    }
    cr_free(fresh);
    return status;
}

enum cr_status cr_repack_join(const struct cr_pack_input *input, const char *out_path,
                              bool complete, struct cr_err *err) {
    char *target = NULL;
    enum cr_status status = find_target(out_path, &target, err);
    if (status == CR_OK) {
        status = join(input, target, complete, err);
    }
    cr_free(target);
    return status;
}

enum cr_status cr_repack(const char *path, const char *base_path, bool complete,
                         struct cr_err *err) {
    struct cr_frame source;
    enum cr_status status = cr_frame_open(&source, path, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_pack_input input = {.sources = &source, .len = 1, .base_path = base_path};
    status = join(&input, path, complete, err);
    cr_frame_close(&source);
    return status;
}
