// h5_layout_open.c - a file of ours that exists, opened: its datasets and its shape.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/h5.h"
#include "store/h5_layout.h"

// Whether the superblock says that a writer has the file, or had it when it died.
static bool has_writer(const char *path) {
    enum { VERSION_AT = 8, FLAGS_AT = 11, HEAD_BYTES = 12 };
    unsigned char head[HEAD_BYTES] = {0};
    FILE *file = fopen(path, "rbe");
    bool is_read = file != NULL && fread(head, 1, HEAD_BYTES, file) == HEAD_BYTES;
    if (file != NULL) {
        fclose(file);
    }
    return is_read && memcmp(head, "\211HDF\r\n\032\n", VERSION_AT) == 0 &&
           head[VERSION_AT] >= 3 && head[FLAGS_AT] != 0;
}

static hid_t open_file(const char *path, unsigned flags) {
    hid_t access = cr_h5_access(), file = H5I_INVALID_HID;
    if (access >= 0) {
        file = H5Fopen(path, flags, access);
    }
    cr_h5_close(access);
    return file;
}

// A live file, or one whose writer crashed, is whole in SWMR mode. Only then: that mode
// does not look for a cut end, and what lies beyond it would read as zeros.
static hid_t open_to_read(const char *path) {
    return open_file(path, H5F_ACC_RDONLY | (has_writer(path) ? H5F_ACC_SWMR_READ : 0));
}

static int open_variables(struct cr_frame *frame) {
    for (int dim = CR_DIM_NONE + 1; dim < CR_DIM_COUNT; dim++) {
        const char *path = cr_dim_table[dim].path;
        if (H5Lexists(frame->file, path, H5P_DEFAULT) > 0) {
            frame->scale[dim] = H5Dopen2(frame->file, path, H5P_DEFAULT);
            int64_t size = cr_h5_rows(frame->scale[dim]);
            if (size < 0) {
                return -1;
            }
            frame->shape.size[dim] = (uint64_t)size;
        }
    }
    for (int id = 0; id < CR_V_COUNT; id++) {
        const char *path = cr_schema[id].path;
        if (path != NULL && H5Lexists(frame->file, path, H5P_DEFAULT) > 0) {
            frame->var[id] = H5Dopen2(frame->file, path, H5P_DEFAULT);
            if (frame->var[id] < 0) {
                return -1;
            }
        }
    }
    return 0;
}

enum cr_status cr_frame_open(struct cr_frame *frame, const char *path,
                             struct cr_err *err) {
    cr_h5_enter();
    cr_frame_init(frame);
    if (access(path, F_OK) != 0) {
        return cr_err_set(err, CR_E_NOT_FOUND, "%s does not exist", path);
    }
    frame->file = open_to_read(path);
    if (frame->file < 0) {
        return cr_h5_fail(err, "cannot open %s", path);
    }
    int32_t version = cr_h5_get_i32(frame->file, "schema", -1);
    enum cr_status status = CR_OK;
    if (version == -1) {
        status = cr_err_set(err, CR_E_FORMAT, "%s is no result file of credence", path);
    } else if (version != CR_SCHEMA_VERSION) {
        status = cr_err_set(err, CR_E_FORMAT,
                            "%s has schema %d; this credence reads schema %d", path,
                            version, CR_SCHEMA_VERSION);
    } else if (open_variables(frame) != 0) {
        status = cr_h5_fail(err, "cannot read %s", path);
    } else if (frame->shape.size[CR_DIM_EPISODE] == 0 ||
               frame->shape.size[CR_DIM_ITERATION] == 0) {
        status = cr_err_set(err, CR_E_FORMAT, "%s has no episodes", path);
    }
    if (status != CR_OK) {
        cr_frame_close(frame);
        return status;
    }
    cr_shape_set_block(&frame->shape);
    return CR_OK;
}

enum cr_status cr_frame_reopen(struct cr_frame *frame, const char *path,
                               struct cr_err *err) {
    cr_h5_enter();
    cr_frame_init(frame);
    frame->file = open_file(path, H5F_ACC_RDWR);
    if (frame->file < 0 || open_variables(frame) != 0) {
        enum cr_status status = cr_h5_fail(err, "cannot open %s", path);
        cr_frame_close(frame);
        return status;
    }
    cr_shape_set_block(&frame->shape);
    return CR_OK;
}
