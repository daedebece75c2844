// h5_layout.c - makes the file that schema.c describes, as netCDF-4 wants it: each
// dimension is a dataset marked as a scale, numbered, and attached to the variables
// along it.
//
// A deflated block that is written again moves, and in SWMR mode its old bytes are
// never freed: a slow run that flushes each second would grow without end. So a live
// file's rows are plain, and the finished file is packed once (repack.c). /calls only
// grows by whole chunks and is deflated from the start.
#include "store/h5_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "store/h5.h"

enum {
    BYTE_CHUNK = 256 << 10,
    GROUP_CHUNK = 4096,
    SPARSE_CHUNK = 256,
    DEFLATE_LEVEL = 1, // level 4 is 2 % smaller and takes twice as long
};

static const char *const group_paths[] = {"/propositions", "/cells", "/calls",
                                          "/sparse", "/traders"};

void cr_frame_init(struct cr_frame *frame) {
    memset(frame, 0, sizeof *frame);
    frame->version = CR_SCHEMA_VERSION;
    frame->file = H5I_INVALID_HID;
    for (int i = 0; i < CR_V_COUNT; i++) {
        frame->var[i] = H5I_INVALID_HID;
    }
    for (int i = 0; i < CR_DIM_COUNT; i++) {
        frame->scale[i] = H5I_INVALID_HID;
    }
}

int cr_frame_close(struct cr_frame *frame) {
    for (int i = 0; i < CR_V_COUNT; i++) {
        cr_h5_close(frame->var[i]);
    }
    for (int i = 0; i < CR_DIM_COUNT; i++) {
        cr_h5_close(frame->scale[i]);
    }
    for (uint32_t i = 0; i < frame->kept_len; i++) {
        cr_h5_close(frame->kept[i].dataset);
        cr_free(frame->kept[i].name);
    }
    cr_free(frame->kept);
    int result = frame->file >= 0 && H5Fclose(frame->file) < 0 ? -1 : 0;
    cr_frame_init(frame);
    return result;
}

static hid_t tracked(hid_t class) {
    hid_t list = H5Pcreate(class);
    unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    if (list >= 0 && class != H5P_DATASET_CREATE &&
        H5Pset_link_creation_order(list, order) < 0) {
        cr_h5_close(list);
        return H5I_INVALID_HID;
    }
    // No times of creation: the same results make the same bytes.
    if (list >= 0 && (H5Pset_attr_creation_order(list, order) < 0 ||
                      H5Pset_obj_track_times(list, false) < 0)) {
        cr_h5_close(list);
        return H5I_INVALID_HID;
    }
    return list;
}

static enum cr_status create_file(struct cr_frame *frame, const char *path,
                                  struct cr_err *err) {
    // Made here, so that no link is followed and the mode is ours; the library only
    // cuts what it finds.
    (void)unlink(path);
    const int fd = cr_file_open_own(path, O_WRONLY | O_CREAT | O_EXCL);
    if (fd < 0 || close(fd) != 0) {
        return cr_err_set(err, cr_status_from_errno(errno), "cannot create %s: %s",
                          path, strerror(errno));
    }
    hid_t access = cr_h5_access(), creation = tracked(H5P_FILE_CREATE);
    if (access >= 0 && creation >= 0) {
        frame->file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    }
    cr_h5_close(creation);
    cr_h5_close(access);
    return frame->file < 0 ? cr_h5_fail(err, "cannot create %s", path) : CR_OK;
}

static int create_groups(struct cr_frame *frame) {
    hid_t creation = tracked(H5P_GROUP_CREATE);
    int result = creation < 0 ? -1 : 0;
    size_t len = sizeof group_paths / sizeof *group_paths;
    len -= frame->shape.size[CR_DIM_TRADER] == 0; // the last is for rooms alone
    for (size_t i = 0; result == 0 && i < len; i++) {
        hid_t group =
            H5Gcreate2(frame->file, group_paths[i], H5P_DEFAULT, creation, H5P_DEFAULT);
        result = group < 0 ? -1 : 0;
        cr_h5_close(group);
    }
    cr_h5_close(creation);
    return result;
}

// The name that tells netCDF that a scale is a dimension without values of its own.
static int mark_scale(struct cr_frame *frame, enum cr_dim dim) {
    hid_t dataset = frame->scale[dim];
    int32_t number = 0; // of the dimension in this file
    for (int i = 0; i < (int)dim; i++) {
        number += frame->scale[i] >= 0;
    }
    char name[80];
    snprintf(name, sizeof name,
             "This is a netCDF dimension but not a netCDF variable.%10llu",
             (unsigned long long)frame->shape.size[dim]);
    if (dim == CR_DIM_LEVEL) {
        snprintf(name, sizeof name, "level");
    }
    return H5DSset_scale(dataset, name) < 0 ||
                   cr_h5_put_i32(dataset, "_Netcdf4Dimid", number) != 0
               ? -1
               : 0;
}

static int create_scale(struct cr_frame *frame, enum cr_dim dim) {
    const struct cr_dim_info *info = &cr_dim_table[dim];
    hsize_t size = frame->shape.size[dim],
            most = info->does_grow ? H5S_UNLIMITED : size;
    hsize_t chunk = dim == CR_DIM_BYTE ? BYTE_CHUNK : CR_CALL_CHUNK;
    hid_t space = H5Screate_simple(1, &size, &most);
    hid_t creation = tracked(H5P_DATASET_CREATE);
    hid_t type = dim == CR_DIM_LEVEL ? H5T_IEEE_F64LE : H5T_IEEE_F32BE;
    int result = space < 0 || creation < 0 ? -1 : 0;
    if (result == 0 && info->does_grow) {
        result = H5Pset_chunk(creation, 1, &chunk) < 0 ? -1 : 0;
    }
    if (result == 0) {
        frame->scale[dim] = H5Dcreate2(frame->file, info->path, type, space,
                                       H5P_DEFAULT, creation, H5P_DEFAULT);
        result = frame->scale[dim] < 0 ? -1 : mark_scale(frame, dim);
    }
    cr_h5_close(creation);
    cr_h5_close(space);
    return result;
}

static int create_scales(struct cr_frame *frame, enum cr_dim first, enum cr_dim end) {
    int result = 0;
    for (enum cr_dim dim = first; result == 0 && dim < end; dim++) {
        if (frame->shape.size[dim] > 0 || cr_dim_table[dim].does_grow) {
            result = create_scale(frame, dim);
        }
    }
    return result;
}

static hsize_t first_chunk(const struct cr_shape *shape, enum cr_dim dim) {
    hsize_t size = shape->size[dim];
    switch (dim) {
    case CR_DIM_EPISODE:
        return shape->block_rows;
    case CR_DIM_CALL:
        return CR_CALL_CHUNK;
    case CR_DIM_BYTE:
        return BYTE_CHUNK;
    case CR_DIM_SPARSE_ROW:
        return size < SPARSE_CHUNK ? size : SPARSE_CHUNK;
    default:
        return size < GROUP_CHUNK ? size : GROUP_CHUNK;
    }
}

// Numbers that grow or stay small gain by the shuffle. What comes again as a whole does
// not: a price, a missing iteration, the key of a trajectory. Shuffled, the rows of
// 30,000 episodes are a quarter larger, and deflating them takes a fifth longer.
static bool gains_by_shuffle(enum cr_variable_id id) {
    enum cr_kind kind = cr_schema[id].kind;
    return cr_kind_bytes(kind) > 1 && kind != CR_KIND_U64 && cr_variable_rank(id) == 1;
}

static hid_t creation_list(const struct cr_shape *shape, enum cr_variable_id id,
                           bool is_deflated) {
    const struct cr_variable *v = &cr_schema[id];
    hid_t list = tracked(H5P_DATASET_CREATE);
    hsize_t chunk[CR_RANK_MAX];
    int rank = cr_variable_rank(id);
    for (int i = 0; i < rank; i++) {
        chunk[i] = shape->size[v->dims[i]];
    }
    chunk[0] = first_chunk(shape, v->dims[0]);
    int result = list < 0 || H5Pset_chunk(list, rank, chunk) < 0 ? -1 : 0;
    if (result == 0 && v->has_missing &&
        H5Pset_fill_value(list, cr_kind_memory_type(v->kind),
                          cr_kind_missing(v->kind)) < 0) {
        result = -1;
    }
    if (result == 0 && is_deflated && gains_by_shuffle(id)) {
        result = H5Pset_shuffle(list) < 0 ? -1 : 0;
    }
    if (result == 0 && is_deflated) {
        result = H5Pset_deflate(list, DEFLATE_LEVEL) < 0 ? -1 : 0;
    }
    if (result != 0) {
        cr_h5_close(list);
        return H5I_INVALID_HID;
    }
    return list;
}

static hid_t variable_space(const struct cr_shape *shape, enum cr_variable_id id) {
    hsize_t size[CR_RANK_MAX], most[CR_RANK_MAX];
    int rank = cr_variable_rank(id);
    for (int i = 0; i < rank; i++) {
        enum cr_dim dim = cr_schema[id].dims[i];
        size[i] = shape->size[dim];
        most[i] = cr_dim_table[dim].does_grow ? H5S_UNLIMITED : size[i];
    }
    return H5Screate_simple(rank, size, most);
}

static int put_flags(hid_t dataset, const struct cr_variable *v) {
    int8_t values[UINT8_MAX];
    char meanings[512] = "";
    for (uint8_t i = 0; i < v->flags_len; i++) {
        values[i] = (int8_t)(v->kind == CR_KIND_I8 ? i - 1 : i);
        size_t used = strlen(meanings);
        snprintf(meanings + used, sizeof meanings - used, "%s%s", i == 0 ? "" : " ",
                 v->flags[i]);
    }
    hsize_t len = v->flags_len;
    hid_t space = H5Screate_simple(1, &len, NULL);
    hid_t attribute = H5Acreate2(dataset, "flag_values", cr_kind_file_type(v->kind),
                                 space, H5P_DEFAULT, H5P_DEFAULT);
    int result = attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT8, values) >= 0
                     ? cr_h5_put_chars(dataset, "flag_meanings", meanings)
                     : -1;
    cr_h5_close(attribute);
    cr_h5_close(space);
    return result;
}

static int put_missing(hid_t dataset, const struct cr_variable *v) {
    hsize_t one = 1; // netCDF knows no scalar attribute of a number
    hid_t space = H5Screate_simple(1, &one, NULL);
    hid_t attribute = H5Acreate2(dataset, "_FillValue", cr_kind_file_type(v->kind),
                                 space, H5P_DEFAULT, H5P_DEFAULT);
    int result = attribute >= 0 && H5Awrite(attribute, cr_kind_memory_type(v->kind),
                                            cr_kind_missing(v->kind)) >= 0
                     ? 0
                     : -1;
    cr_h5_close(attribute);
    cr_h5_close(space);
    return result;
}

static int put_attributes(hid_t dataset, const struct cr_variable *v) {
    int result = cr_h5_put_chars(dataset, "long_name", v->long_name);
    if (result == 0 && v->units != NULL) {
        result = cr_h5_put_chars(dataset, "units", v->units);
    }
    if (result == 0 && v->flags != NULL) {
        result = put_flags(dataset, v);
    }
    if (result == 0 && v->has_missing) {
        result = put_missing(dataset, v);
    }
    return result;
}

static hid_t scale_of(const struct cr_frame *frame, enum cr_dim dim) {
    return frame->scale[dim] < 0 && dim == CR_DIM_LEVEL ? frame->var[CR_V_LEVEL]
                                                        : frame->scale[dim];
}

static int attach_scales(struct cr_frame *frame, enum cr_variable_id id,
                         hid_t dataset) {
    int result = 0;
    for (int i = 0; result == 0 && i < cr_variable_rank(id); i++) {
        hid_t scale = scale_of(frame, cr_schema[id].dims[i]);
        result = H5DSattach_scale(dataset, scale, (unsigned)i) < 0 ? -1 : 0;
    }
    return result;
}

// The values of the one dimension that has some are its scale itself.
static int use_scale(struct cr_frame *frame, enum cr_variable_id id) {
    frame->var[id] = frame->scale[cr_schema[id].dims[0]];
    frame->scale[cr_schema[id].dims[0]] = H5I_INVALID_HID;
    return put_attributes(frame->var[id], &cr_schema[id]);
}

// Texts lie outside of their dataset, and a hash does not get smaller: deflating those
// of a call took as long as the rest of it.
static bool can_deflate(enum cr_variable_id id) {
    return cr_schema[id].kind != CR_KIND_TEXT && id != CR_V_CALL_REQUEST_HI &&
           id != CR_V_CALL_REQUEST_LO;
}

// A variable of a schema row, or like one: V says how it is called and described.
static int create_dataset(struct cr_frame *frame, enum cr_variable_id id,
                          const struct cr_variable *v, bool is_deflated, hid_t *out) {
    hid_t space = variable_space(&frame->shape, id);
    hid_t creation = creation_list(&frame->shape, id, is_deflated);
    hid_t type = v->kind == CR_KIND_TEXT ? cr_h5_text_type()
                                         : H5Tcopy(cr_kind_file_type(v->kind));
    int result = space < 0 || creation < 0 || type < 0 ? -1 : 0;
    if (result == 0) {
        *out = H5Dcreate2(frame->file, v->path, type, space, H5P_DEFAULT, creation,
                          H5P_DEFAULT);
        result = *out < 0 ? -1 : put_attributes(*out, v);
    }
    if (result == 0) {
        result = attach_scales(frame, id, *out);
    }
    cr_h5_close(type);
    cr_h5_close(creation);
    cr_h5_close(space);
    return result;
}

static int create_variable(struct cr_frame *frame, enum cr_variable_id id,
                           enum cr_packing packing) {
    if (id == CR_V_LEVEL) {
        return use_scale(frame, id);
    }
    bool is_row = id < CR_V_ROW_END;
    bool is_deflated = can_deflate(id) && (!is_row || packing == CR_PACK_FINAL);
    return create_dataset(frame, id, &cr_schema[id], is_deflated, &frame->var[id]);
}

static int create_variables(struct cr_frame *frame, bool of_rows,
                            enum cr_packing packing) {
    int result = 0;
    for (int id = 0; result == 0 && id < CR_V_COUNT; id++) {
        if (cr_variable_is_of_rows((enum cr_variable_id)id) == of_rows &&
            cr_shape_has(&frame->shape, (enum cr_variable_id)id)) {
            result = create_variable(frame, (enum cr_variable_id)id, packing);
        }
    }
    return result;
}

enum cr_status cr_frame_create(struct cr_frame *frame, const char *path,
                               const struct cr_shape *shape, struct cr_err *err) {
    cr_h5_enter();
    cr_frame_init(frame);
    frame->shape = *shape;
    enum cr_status status = create_file(frame, path, err);
    if (status != CR_OK) {
        cr_frame_close(frame);
        return status;
    }
    if (create_groups(frame) != 0 ||
        create_scales(frame, CR_DIM_NONE + 1, CR_DIM_SPARSE_ROW) != 0 ||
        create_variables(frame, false, CR_PACK_FINAL) != 0) {
        status = cr_h5_fail(err, "cannot create %s", path);
        cr_frame_close(frame);
        return status;
    }
    return CR_OK;
}

enum cr_status cr_frame_add_rows(struct cr_frame *frame, const struct cr_shape *shape,
                                 enum cr_packing packing, struct cr_err *err) {
    frame->shape = *shape;
    return create_scales(frame, CR_DIM_SPARSE_ROW, CR_DIM_COUNT) == 0 &&
                   create_variables(frame, true, packing) == 0
               ? CR_OK
               : cr_h5_fail(err, "cannot create the rows of episodes");
}

enum cr_status cr_frame_keep(struct cr_frame *frame, const char *name,
                             struct cr_err *err) {
    char path[CR_KEPT_PATH_MAX], long_name[CR_KEPT_PATH_MAX];
    struct cr_kept *grown =
        cr_realloc(frame->kept, (frame->kept_len + 1) * sizeof *grown);
    if (grown == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for column %s", name);
    }
    frame->kept = grown;
    struct cr_kept kept = {cr_strdup(name), H5I_INVALID_HID};
    if (kept.name == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for column %s", name);
    }
    for (char *at = kept.name; *at != '\0'; at++) {
        *at = *at == '/' ? '_' : *at; // a slash would make it a path
    }
    (void)snprintf(path, sizeof path, "/propositions/" CR_KEPT_PREFIX "%s", kept.name);
    (void)snprintf(long_name, sizeof long_name, "%s of the item", kept.name);
    const struct cr_variable v = {
        .path = path, .long_name = long_name, .kind = CR_KIND_TEXT};
    // Along the propositions, as their other texts are.
    if (create_dataset(frame, CR_V_PROP_TEXT, &v, false, &kept.dataset) != 0) {
        cr_h5_close(kept.dataset);
        cr_free(kept.name);
        return cr_h5_fail(err, "cannot create %s", path);
    }
    frame->kept[frame->kept_len++] = kept;
    return CR_OK;
}

int cr_frame_grow(struct cr_frame *frame, enum cr_dim dim, uint64_t size) {
    hsize_t extent = size;
    int result = H5Dset_extent(frame->scale[dim], &extent) < 0 ? -1 : 0;
    for (int id = 0; result == 0 && id < CR_V_COUNT; id++) {
        if (frame->var[id] >= 0 && cr_schema[id].dims[0] == dim) {
            result = H5Dset_extent(frame->var[id], &extent) < 0 ? -1 : 0;
        }
    }
    frame->shape.size[dim] = result == 0 ? size : frame->shape.size[dim];
    return result;
}
