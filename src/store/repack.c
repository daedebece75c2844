// repack.c - joins files of one job. Everything is copied through the schema: variables
// that one file has as a whole from the first source, rows of episodes block by block
// from their owners, calls in the order of their episodes, so that the result does not
// depend on who finished first. The old file stays until the new one is whole.
#include "store/repack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "store/h5.h"
#include "store/repack_calls.h"
#include "store/repack_rows.h"
#include "store/row_layout.h"

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

// One attribute, of any type that can be copied as bytes or is one string.
static herr_t copy_attribute(hid_t from, const char *name, const H5A_info_t *info,
                             void *ctx) {
    (void)info;
    hid_t to = *(hid_t *)ctx;
    hid_t attribute = H5Aopen(from, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
    int result = -1;
    if (type >= 0 && H5Tget_class(type) == H5T_STRING) {
        char *text = cr_h5_get_text(from, name);
        result = text == NULL                   ? -1
                 : H5Tis_variable_str(type) > 0 ? cr_h5_put_text(to, name, text)
                                                : cr_h5_put_chars(to, name, text);
        cr_free(text);
    } else if (type >= 0 && H5Tget_class(type) == H5T_INTEGER) {
        result = cr_h5_put_i32(to, name, cr_h5_get_i32(from, name, 0));
    }
    cr_h5_close(type);
    cr_h5_close(attribute);
    return result;
}

// The first source's stamp gives way to an earlier start, a later end. Stamps order as
// text; "" is the end of a run that has none.
static int widen_stamp(struct packer *p, const char *name, bool is_later_better) {
    int result = 0;
    for (size_t s = 1; result == 0 && s < p->input->len; s++) {
        char *mine = cr_h5_get_text(p->out.file, name);
        char *theirs = cr_h5_get_text(p->input->sources[s].file, name);
        result = mine == NULL || theirs == NULL ? -1 : 0;
        if (result == 0 && (strcmp(theirs, mine) > 0) == is_later_better) {
            result = cr_h5_set_chars(p->out.file, name, theirs);
        }
        cr_free(mine);
        cr_free(theirs);
    }
    return result;
}

static enum cr_status copy_attributes(struct packer *p, bool complete) {
    hsize_t at = 0;
    hid_t from = p->input->sources[0].file;
    if (H5Aiterate2(from, H5_INDEX_CRT_ORDER, H5_ITER_INC, &at, copy_attribute,
                    &p->out.file) < 0 ||
        widen_stamp(p, "start", false) != 0 || widen_stamp(p, "end", true) != 0 ||
        cr_h5_set_i32(p->out.file, "complete", complete) != 0) {
        return cr_h5_fail(p->err, "cannot copy the attributes");
    }
    return CR_OK;
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

static enum cr_status copy_groups(struct packer *p) {
    enum cr_status status = CR_OK;
    for (int id = CR_V_ROW_END; status == CR_OK && id < CR_V_CALL_FIRST; id++) {
        if (p->out.var[id] >= 0) {
            status = copy_whole(p, (enum cr_variable_id)id);
        }
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
    char *end = cr_h5_get_text(p->input->sources[0].file, "end");
    enum cr_status status = CR_OK;
    if (end == NULL || cr_h5_set_chars(p->out.file, "end", end) != 0 ||
        cr_h5_set_i32(p->out.file, "complete", complete) != 0) {
        status = cr_h5_fail(p->err, "cannot copy the attributes");
    }
    cr_free(end);
    return status;
}

static enum cr_status begin_on_base(struct packer *p, const char *path, bool complete) {
    const char *base_path = p->input->base_path;
    if (rename(base_path, path) != 0) {
        return cr_err_set(p->err, cr_status_from_errno(errno), "cannot rename %s: %s",
                          base_path, strerror(errno));
    }
    enum cr_status status = cr_frame_reopen(&p->out, path, p->err);
    return status == CR_OK ? copy_end(p, complete) : status;
}

static enum cr_status fill(struct packer *p, const char *path, bool complete) {
    struct cr_shape shape = p->input->sources[0].shape;
    shape.size[CR_DIM_CALL] = 0;
    shape.size[CR_DIM_BYTE] = 0;
    cr_shape_set_block(&shape);
    enum cr_status status =
        cr_repack_sparse_rows(p->input, &shape.size[CR_DIM_SPARSE_ROW], p->err);
    shape.size[CR_DIM_SPARSE_BYTE] = packed_bytes(&shape);
    if (status == CR_OK) {
        status = p->input->base_path != NULL ? begin_on_base(p, path, complete)
                                             : begin_anew(p, path, &shape, complete);
    }
    if (status == CR_OK) {
        status = cr_frame_add_rows(&p->out, &shape, CR_PACK_FINAL, p->err);
    }
    if (status == CR_OK) {
        status = cr_repack_rows(p->input, &p->out, p->err);
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

enum cr_status cr_repack_join(const struct cr_pack_input *input, const char *out_path,
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

enum cr_status cr_repack(const char *path, const char *base_path, bool complete,
                         struct cr_err *err) {
    struct cr_frame source;
    enum cr_status status = cr_frame_open(&source, path, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_pack_input input = {.sources = &source, .len = 1, .base_path = base_path};
    status = cr_repack_join(&input, path, complete, err);
    cr_frame_close(&source);
    return status;
}
