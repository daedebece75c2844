// h5_open.c - a result file that exists, opened. It may come from anywhere, so nothing
// in it is believed: each dataset is held against the schema (its class, its rank, every
// extent against the dimension that it is along, how it is stored) before a byte of it
// is read, and one that does not fit is refused in one line: the file, the variable,
// what was found, what was expected. A question that cannot be answered (a link that
// cannot be looked up because a disk failed) is a failure, never "absent".
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "store/h5.h"
#include "store/h5_layout.h"

#define KEPT_PATH "/propositions/" CR_KEPT_PREFIX

struct opener {
    struct cr_frame *frame;
    const char *path;
    bool is_live; // or its writer died: what grows may be of different lengths
    bool needs_rows;
    struct cr_err *err;
};

static enum cr_status refuse(struct opener *o, const char *what, const char *fmt, ...)
    CR_PRINTF(3, 4);
static enum cr_status refuse(struct opener *o, const char *what, const char *fmt, ...) {
    char why[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    cr_h5_forget();
    return cr_err_set(o->err, CR_E_FORMAT, "%s: %s: %s", o->path, what, why);
}

static enum cr_status fail_read(struct opener *o, const char *what) {
    return cr_h5_fail(o->err, "cannot read %s of %s", what, o->path);
}

// Whether there is a link NAME, and that it leads to an object of this file.
static enum cr_status look_up(struct opener *o, const char *name, bool *is_there) {
    const hid_t file = o->frame->file;
    const htri_t exists = H5Lexists(file, name, H5P_DEFAULT);
    H5L_info_t info;
    if (exists < 0 || (exists > 0 && H5Lget_info(file, name, &info, H5P_DEFAULT) < 0)) {
        return fail_read(o, name);
    }
    if (exists > 0 && info.type != H5L_TYPE_HARD) {
        return refuse(o, name, "found a link to elsewhere, expected the object itself");
    }
    *is_there = exists > 0;
    return CR_OK;
}

static enum cr_status open_object(struct opener *o, const char *path, H5I_type_t kind,
                                  hid_t *out) {
    const hid_t object = H5Oopen(o->frame->file, path, H5P_DEFAULT);
    if (object < 0) {
        return fail_read(o, path);
    }
    if (H5Iget_type(object) != kind) {
        H5Oclose(object);
        return refuse(o, path, "found another kind of object, expected a %s",
                      kind == H5I_GROUP ? "group" : "dataset");
    }
    *out = object;
    return CR_OK;
}

// The dataset PATH, or H5I_INVALID_HID when it or its group is not there.
static enum cr_status find_dataset(struct opener *o, const char *path, hid_t *out) {
    char group[64];
    const char *slash = strrchr(path, '/');
    bool is_there = true;
    enum cr_status status = CR_OK;
    *out = H5I_INVALID_HID;
    if (slash > path) {
        hid_t id = H5I_INVALID_HID;
        (void)snprintf(group, sizeof group, "%.*s", (int)(slash - path), path);
        status = look_up(o, group, &is_there);
        if (status == CR_OK && is_there) {
            status = open_object(o, group, H5I_GROUP, &id);
        }
        cr_h5_close(id);
    }
    if (status == CR_OK && is_there) {
        status = look_up(o, path, &is_there);
    }
    return status == CR_OK && is_there ? open_object(o, path, H5I_DATASET, out)
                                       : status;
}

// Only what credence writes: in this file, plain or deflated. A virtual dataset or an
// external one reads other files, a filter may be anybody's code.
static enum cr_status check_storage(struct opener *o, const char *path, hid_t dataset) {
    const hid_t list = H5Dget_create_plist(dataset);
    const H5D_layout_t layout = list < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(list);
    const int external = list < 0 ? -1 : H5Pget_external_count(list);
    const int filters = list < 0 ? -1 : H5Pget_nfilters(list);
    enum cr_status status = CR_OK;
    if (layout < 0 || external < 0 || filters < 0) {
        status = fail_read(o, path);
    } else if (layout == H5D_VIRTUAL || external > 0) {
        status = refuse(o, path, "found data kept in other files, expected them here");
    }
    for (int i = 0; status == CR_OK && i < filters; i++) {
        unsigned flags, config;
        size_t values = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(list, (unsigned)i, &flags, &values, NULL, 0, NULL, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE) {
            status = refuse(o, path, "found filter %d, expected deflate or shuffle",
                            (int)filter);
        }
    }
    cr_h5_close(list);
    return status;
}

static const char *class_name(hid_t type) {
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        return "integers";
    case H5T_FLOAT:
        return "floating-point numbers";
    case H5T_STRING:
        return "texts";
    default:
        return "something else";
    }
}

static enum cr_status check_type(struct opener *o, const char *path, hid_t dataset,
                                 enum cr_kind kind) {
    const hid_t type = H5Dget_type(dataset);
    enum cr_status status = CR_OK;
    if (type < 0) {
        return fail_read(o, path);
    }
    const bool is_text =
        H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0;
    const hid_t want = cr_kind_file_type(kind);
    if (kind == CR_KIND_TEXT ? !is_text : H5Tequal(type, want) <= 0) {
        status = refuse(o, path, "found %s of %zu bytes, expected %s of %zu",
                        class_name(type), H5Tget_size(type),
                        kind == CR_KIND_TEXT ? "texts of any length, a pointer"
                                             : class_name(want),
                        kind == CR_KIND_TEXT ? sizeof(char *) : cr_kind_bytes(kind));
    }
    cr_h5_close(type);
    return status;
}

static enum cr_status get_extent(struct opener *o, const char *path, hid_t dataset,
                                 int rank, hsize_t *out) {
    const hid_t space = H5Dget_space(dataset);
    const int found = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    enum cr_status status = CR_OK;
    if (found >= 0 &&
        (found != rank || H5Sget_simple_extent_type(space) != H5S_SIMPLE)) {
        status = refuse(o, path, "found %d dimensions, expected %d", found, rank);
    } else if (found < 0 || H5Sget_simple_extent_dims(space, out, NULL) != rank) {
        status = fail_read(o, path);
    }
    cr_h5_close(space);
    return status;
}

// What grows is extended one dataset after the other: of a live file the shortest
// counts, and all of a finished one are as long as their dimension.
static enum cr_status check_extent(struct opener *o, enum cr_variable_id id,
                                   const char *path, hid_t dataset) {
    hsize_t extent[CR_RANK_MAX];
    struct cr_shape *shape = &o->frame->shape;
    enum cr_status status = get_extent(o, path, dataset, cr_variable_rank(id), extent);
    for (int i = 0; status == CR_OK && i < cr_variable_rank(id); i++) {
        const enum cr_dim dim = cr_schema[id].dims[i];
        if (extent[i] == shape->size[dim]) {
            continue;
        }
        if (o->is_live && cr_dim_table[dim].does_grow) {
            shape->size[dim] =
                extent[i] < shape->size[dim] ? extent[i] : shape->size[dim];
        } else {
            status = refuse(o, path, "found %llu along %s, expected %llu",
                            (unsigned long long)extent[i], cr_dim_table[dim].path,
                            (unsigned long long)shape->size[dim]);
        }
    }
    return status;
}

static enum cr_status open_scale(struct opener *o, enum cr_dim dim) {
    const struct cr_dim_info *info = &cr_dim_table[dim];
    hsize_t size = 0;
    hid_t *scale = &o->frame->scale[dim];
    enum cr_status status = find_dataset(o, info->path, scale);
    if (status != CR_OK || *scale < 0) {
        return status;
    }
    status = check_storage(o, info->path, *scale);
    if (status == CR_OK) {
        status = get_extent(o, info->path, *scale, 1, &size);
    }
    if (status == CR_OK && (size < info->least || size > info->most)) {
        status = refuse(o, info->path, "found a length of %llu, expected %llu to %llu",
                        (unsigned long long)size, (unsigned long long)info->least,
                        (unsigned long long)info->most);
    }
    o->frame->shape.size[dim] = size;
    return status;
}

// The one way to a variable: nothing else opens one.
static enum cr_status open_variable(struct opener *o, enum cr_variable_id id) {
    const char *path = cr_variable_path(id, o->frame->version);
    hid_t *dataset = &o->frame->var[id];
    if (path == NULL) {
        return CR_OK;
    }
    enum cr_status status = find_dataset(o, path, dataset);
    if (status == CR_OK && *dataset < 0) {
        const bool is_needed = cr_shape_has(&o->frame->shape, id) &&
                               !cr_schema[id].is_optional &&
                               (o->needs_rows || !cr_variable_is_of_rows(id));
        return is_needed ? refuse(o, path, "it is missing") : CR_OK;
    }
    if (id == CR_V_PRICE_HELD && status == CR_OK) {
        o->frame->shape.has_held = true;
    }
    if (id == CR_V_PRICE_IDLE && status == CR_OK) {
        o->frame->shape.has_idle = true;
    }
    if (status == CR_OK && !cr_shape_has(&o->frame->shape, id)) {
        status = refuse(o, path, "found without its dimensions");
    }
    if (status == CR_OK) {
        status = check_type(o, path, *dataset, cr_schema[id].kind);
    }
    if (status == CR_OK) {
        status = check_extent(o, id, path, *dataset);
    }
    return status == CR_OK ? check_storage(o, path, *dataset) : status;
}

// One row of the widest variable fits in memory, whoever reads it.
static enum cr_status check_row(struct opener *o) {
    enum { ROW_ELEMENTS_MAX = 1 << 24 };
    const uint64_t *size = o->frame->shape.size;
    return size[CR_DIM_OUTCOME] <= ROW_ELEMENTS_MAX / size[CR_DIM_ITERATION]
               ? CR_OK
               : refuse(o, cr_dim_table[CR_DIM_OUTCOME].path,
                        "found %llu options in %llu iterations, expected at most %d in "
                        "all",
                        (unsigned long long)size[CR_DIM_OUTCOME],
                        (unsigned long long)size[CR_DIM_ITERATION], ROW_ELEMENTS_MAX);
}

static enum cr_status add_kept(struct opener *o, const char *path, hid_t dataset) {
    struct cr_frame *frame = o->frame;
    struct cr_kept *grown =
        cr_realloc(frame->kept, (frame->kept_len + 1) * sizeof *grown);
    char *name = grown == NULL ? NULL : cr_strdup(path + sizeof KEPT_PATH - 1);
    frame->kept = grown == NULL ? frame->kept : grown;
    if (name == NULL) {
        return cr_err_set(o->err, CR_E_MEMORY, "no memory for %s", path);
    }
    frame->kept[frame->kept_len++] = (struct cr_kept){name, dataset};
    return CR_OK;
}

// Held against the schema as a text of each proposition.
static enum cr_status open_kept(struct opener *o, const char *path) {
    hid_t dataset = H5I_INVALID_HID;
    enum cr_status status = find_dataset(o, path, &dataset);
    if (status == CR_OK) {
        status = check_type(o, path, dataset, CR_KIND_TEXT);
    }
    if (status == CR_OK) {
        status = check_extent(o, CR_V_PROP_TEXT, path, dataset);
    }
    if (status == CR_OK) {
        status = check_storage(o, path, dataset);
    }
    if (status == CR_OK) {
        status = add_kept(o, path, dataset);
    }
    if (status != CR_OK) {
        cr_h5_close(dataset);
    }
    return status;
}

struct kept_walk {
    struct opener *opener;
    enum cr_status status;
};

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info,
                         void *ctx) {
    struct kept_walk *walk = ctx;
    char path[CR_KEPT_PATH_MAX];
    (void)group;
    (void)info;
    if (strncmp(name, CR_KEPT_PREFIX, sizeof CR_KEPT_PREFIX - 1) != 0) {
        return 0;
    }
    const int len = snprintf(path, sizeof path, "/propositions/%s", name);
    walk->status = len < (int)sizeof path
                       ? open_kept(walk->opener, path)
                       : refuse(walk->opener, "/propositions", "a name is too long");
    return walk->status == CR_OK ? 0 : -1;
}

static enum cr_status open_all_kept(struct opener *o) {
    struct kept_walk walk = {o, CR_OK};
    hid_t group = H5I_INVALID_HID;
    enum cr_status status = open_object(o, "/propositions", H5I_GROUP, &group);
    if (status != CR_OK) {
        return status;
    }
    hsize_t at = 0;
    // By name where another program left out the order of creation.
    herr_t walked =
        H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, &at, visit_link, &walk);
    if (walked < 0 && walk.status == CR_OK && at == 0) {
        cr_h5_forget();
        walked = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, visit_link, &walk);
    }
    cr_h5_close(group);
    return walk.status == CR_OK && walked < 0 ? fail_read(o, "/propositions")
                                              : walk.status;
}

static enum cr_status check_sparse(struct opener *o) {
    const uint64_t *size = o->frame->shape.size;
    return size[CR_DIM_SPARSE_ROW] <= size[CR_DIM_EPISODE]
               ? CR_OK
               : refuse(o, cr_dim_table[CR_DIM_SPARSE_ROW].path,
                        "found %llu, expected at most one for each of %llu episodes",
                        (unsigned long long)size[CR_DIM_SPARSE_ROW],
                        (unsigned long long)size[CR_DIM_EPISODE]);
}

static enum cr_status open_variables(struct opener *o) {
    enum cr_status status = CR_OK;
    for (int dim = CR_DIM_NONE + 1; status == CR_OK && dim < CR_DIM_COUNT; dim++) {
        status = open_scale(o, (enum cr_dim)dim);
    }
    static const enum cr_dim needed[] = {CR_DIM_EPISODE, CR_DIM_ITERATION,
                                         CR_DIM_PROPOSITION, CR_DIM_CELL};
    for (size_t i = 0; status == CR_OK && i < sizeof needed / sizeof *needed; i++) {
        if (o->frame->shape.size[needed[i]] == 0) {
            status = refuse(o, cr_dim_table[needed[i]].path, "it is missing");
        }
    }
    if (status == CR_OK) {
        status = check_row(o);
    }
    if (status == CR_OK) {
        status = check_sparse(o);
    }
    for (int id = 0; status == CR_OK && id < CR_V_COUNT; id++) {
        status = open_variable(o, (enum cr_variable_id)id);
    }
    return status == CR_OK ? open_all_kept(o) : status;
}

static enum cr_status check_version(struct opener *o) {
    int32_t version = 0;
    enum cr_status status = cr_h5_read_i32(o->frame->file, "schema", &version, o->err);
    if (status == CR_E_NOT_FOUND) {
        return cr_err_set(o->err, CR_E_FORMAT, "%s is not a credence result file",
                          o->path);
    }
    if (status != CR_OK) {
        return cr_err_while(o->err, status, "reading %s", o->path);
    }
    if (version < CR_SCHEMA_OLDEST || version > CR_SCHEMA_VERSION) {
        return cr_err_set(o->err, CR_E_FORMAT,
                          "%s has schema %d; this credence reads schemas %d to %d",
                          o->path, version, CR_SCHEMA_OLDEST, CR_SCHEMA_VERSION);
    }
    o->frame->version = version;
    return CR_OK;
}

static enum cr_status fail_errno(struct opener *o, int errnum) {
    const enum cr_status status = errnum == ENOENT || errnum == ENOTDIR
                                      ? CR_E_NOT_FOUND
                                      : cr_status_from_errno(errnum);
    return status == CR_E_NOT_FOUND
               ? cr_err_set(o->err, status, "%s does not exist", o->path)
               : cr_err_set(o->err, status, "cannot open %s: %s", o->path,
                            strerror(errnum));
}

// Whether the superblock says that a writer has the file, or had it when it died. Looked
// at without waiting: the name may be a FIFO's.
static enum cr_status find_writer(struct opener *o) {
    enum { VERSION_AT = 8, FLAGS_AT = 11, HEAD_BYTES = 12 };
    unsigned char head[HEAD_BYTES] = {0};
    struct stat st;
    const int fd = open(o->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        const int errnum = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return fail_errno(o, errnum);
    }
    const ssize_t len = S_ISREG(st.st_mode) ? pread(fd, head, HEAD_BYTES, 0) : 0;
    const int errnum = errno;
    (void)close(fd);
    if (!S_ISREG(st.st_mode)) {
        return cr_err_set(o->err, CR_E_FORMAT, "%s is not a regular file", o->path);
    }
    if (len < 0) {
        return fail_errno(o, errnum);
    }
    o->is_live = len == HEAD_BYTES &&
                 memcmp(head, "\211HDF\r\n\032\n", VERSION_AT) == 0 &&
                 head[VERSION_AT] >= 3 && head[FLAGS_AT] != 0;
    return CR_OK;
}

static hid_t open_file(const char *path, unsigned flags) {
    hid_t access = cr_h5_access(), file = H5I_INVALID_HID;
    if (access >= 0) {
        file = H5Fopen(path, flags, access);
    }
    cr_h5_close(access);
    return file;
}

// A result of a run directory can be had again: say so where it is found to be damaged.
static enum cr_status name_the_cure(struct opener *o, enum cr_status status) {
    const char *slash = strrchr(o->path, '/');
    const char *name = slash == NULL ? o->path : slash + 1;
    const int dir_len = slash == NULL ? 1 : (int)(slash - o->path);
    const char *dir = slash == NULL ? "." : o->path;
    char tape[4096];
    if (o->err == NULL || status == CR_E_NOT_FOUND || status == CR_E_MEMORY ||
        strcmp(name, "run.h5") != 0 ||
        snprintf(tape, sizeof tape, "%.*s/tape", dir_len, dir) >= (int)sizeof tape ||
        access(tape, F_OK) != 0) {
        return status;
    }
    const size_t used = strlen(o->err->text);
    (void)snprintf(o->err->text + used, sizeof o->err->text - used,
                   "; \"credence rebuild %.*s\" makes it again from the tape", dir_len,
                   dir);
    return status;
}

static enum cr_status open_checked(struct opener *o, unsigned flags) {
    cr_frame_init(o->frame);
    enum cr_status status = find_writer(o);
    if (status == CR_OK) {
        // A live file, or one whose writer died, is whole in SWMR mode. Only then: that
        // mode does not look for a cut end, and what is beyond it would read as zeros.
        const bool is_swmr = o->is_live && flags == H5F_ACC_RDONLY;
        o->frame->file = open_file(o->path, flags | (is_swmr ? H5F_ACC_SWMR_READ : 0));
        status = o->frame->file < 0 ? cr_h5_fail(o->err, "cannot open %s", o->path)
                                    : check_version(o);
    }
    if (status == CR_OK) {
        status = open_variables(o);
    }
    if (status != CR_OK) {
        cr_frame_close(o->frame);
        return name_the_cure(o, status);
    }
    cr_shape_set_block(&o->frame->shape);
    return CR_OK;
}

enum cr_status cr_frame_open(struct cr_frame *frame, const char *path,
                             struct cr_err *err) {
    cr_h5_enter(); // before the flags: naming one of them starts the library
    struct opener o = {.frame = frame, .path = path, .needs_rows = true, .err = err};
    return open_checked(&o, H5F_ACC_RDONLY);
}

enum cr_status cr_frame_reopen(struct cr_frame *frame, const char *path,
                               struct cr_err *err) {
    cr_h5_enter();
    struct opener o = {.frame = frame, .path = path, .err = err};
    return open_checked(&o, H5F_ACC_RDWR);
}

// What every element of a variable reads as that the file does not have.
static int fill_missing(const struct cr_frame *frame, enum cr_variable_id id,
                        hid_t type, struct cr_slab slab, unsigned char *data) {
    const struct cr_variable *v = &cr_schema[id];
    const size_t bytes = H5Tget_size(type);
    const uint64_t elements = slab.rows * cr_shape_row_elements(&frame->shape, id);
    unsigned char one[16] = {0};
    if (v->has_missing) {
        memcpy(one, cr_kind_missing(v->kind), cr_kind_bytes(v->kind));
    }
    if (v->kind == CR_KIND_TEXT || bytes > sizeof one ||
        H5Tconvert(cr_kind_memory_type(v->kind), type, 1, one, NULL, H5P_DEFAULT) < 0) {
        return -1;
    }
    for (uint64_t i = 0; i < elements; i++) {
        memcpy(data + i * bytes, one, bytes);
    }
    return 0;
}

static void translate_reasons(hid_t type, uint64_t elements, unsigned char *data) {
    const size_t bytes = H5Tget_size(type);
    for (uint64_t i = 0; i < elements; i++) {
        int64_t value = 0; // of one byte or of eight
        memcpy(&value, data + i * bytes, bytes < sizeof value ? 1 : sizeof value);
        value = value >= 0 && value < CR_OLD_REASONS
                    ? (int64_t)cr_old_reasons[value].reason
                    : CR_REASON_COUNT;
        memcpy(data + i * bytes, &value, bytes < sizeof value ? 1 : sizeof value);
    }
}

int cr_frame_read(const struct cr_frame *frame, enum cr_variable_id id, hid_t type,
                  struct cr_slab slab, void *data) {
    if (frame->var[id] < 0 && frame->version < cr_schema[id].since) {
        return fill_missing(frame, id, type, slab, data);
    }
    if (cr_h5_read_rows(frame->var[id], type, slab, data) != 0) {
        return -1;
    }
    if (id == CR_V_CALL_REASON && frame->version < cr_schema[id].since) {
        translate_reasons(type, slab.rows, data);
    }
    return 0;
}
