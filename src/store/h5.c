// h5.c - the library's errors folded into cr_err, attributes, slabs of rows.
#include "store/h5.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "store/schema.h"

enum { ATTRIBUTE_BYTES_MAX = 1 << 30 };

// Why the first call since the last cr_h5_forget failed. Kept when it happens: every
// later call of the library, a close included, wipes its error stack. State of the
// process, as the library's own is.
static struct cause {
    bool is_set, is_memory;
    int errnum; // as a driver reported it; 0: none
    char text[512];
} first_cause;

static herr_t note_entry(unsigned n, const H5E_error2_t *entry, void *ctx) {
    struct cause *cause = ctx;
    if (n == 0 && entry->desc != NULL) { // the innermost
        snprintf(cause->text, sizeof cause->text, "%s", entry->desc);
    }
    const char *found = entry->desc != NULL ? strstr(entry->desc, "errno = ") : NULL;
    if (found != NULL && cause->errnum == 0) {
        cause->errnum = (int)strtol(found + strlen("errno = "), NULL, 10);
    }
    cause->is_memory |=
        entry->min_num == H5E_NOSPACE || entry->min_num == H5E_CANTALLOC;
    return 0;
}

// Called by the library in place of its printer, whenever one of its functions fails.
static herr_t note_failure(hid_t stack, void *ctx) {
    (void)ctx;
    if (!first_cause.is_set) {
        first_cause.is_set = true;
        H5Ewalk2(stack, H5E_WALK_UPWARD, note_entry, &first_cause);
    }
    return 0;
}

void cr_h5_forget(void) {
    memset(&first_cause, 0, sizeof first_cause);
}

// Whoever opened a file closes it. The library's own closing at exit is switched off:
// it crashes on a file that could not be written (seen with 1.10.8 on a full disk).
static void stay_quiet_at_exit(void) {
    static bool is_said;
    if (!is_said) {
        (void)H5dont_atexit();
    }
    is_said = true;
}

void cr_h5_enter(void) {
    stay_quiet_at_exit();
    H5Eset_auto2(H5E_DEFAULT, note_failure, NULL);
    (void)H5PLset_loading_state(0); // a file must not choose code that we run
    cr_h5_forget();
}

enum cr_status cr_h5_fail(struct cr_err *err, const char *fmt, ...) {
    struct cause cause = first_cause;
    cr_h5_forget();
    if (!cause.is_set) { // not the library: an allocation of our own
        cause = (struct cause){.is_memory = true, .text = "out of memory"};
    }
    char what[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (cause.errnum == EFBIG) { // RLIMIT_FSIZE is as good as full
        cause.errnum = ENOSPC;
    }
    if (cause.errnum != 0) {
        return cr_err_set(err, cr_status_from_errno(cause.errnum), "%s: %s", what,
                          strerror(cause.errnum));
    }
    return cr_err_set(err, cause.is_memory ? CR_E_MEMORY : CR_E_IO, "%s: HDF5: %s",
                      what, cause.text);
}

void cr_h5_close(hid_t id) {
    if (id < 0) {
        return;
    }
    switch (H5Iget_type(id)) {
    case H5I_FILE:
        H5Fclose(id);
        break;
    case H5I_GROUP:
        H5Gclose(id);
        break;
    case H5I_DATATYPE:
        H5Tclose(id);
        break;
    case H5I_DATASPACE:
        H5Sclose(id);
        break;
    case H5I_DATASET:
        H5Dclose(id);
        break;
    case H5I_ATTR:
        H5Aclose(id);
        break;
    default:
        H5Pclose(id);
        break;
    }
}

hid_t cr_h5_access(void) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    // Chunks are written and read whole, once: a cache of a megabyte a dataset would
    // only cost memory, and a merge has a hundred datasets of each of its files open.
    if (access >= 0 &&
        (H5Pset_cache(access, 0, 1, 0, 1.0) < 0 ||
         H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
         H5Pset_file_locking(access, false, true) < 0 ||
         H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0)) {
        cr_h5_close(access);
        return H5I_INVALID_HID;
    }
    return access;
}

static int put_attribute(hid_t object, const char *name, hid_t type, const void *data) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute =
        space < 0 ? H5I_INVALID_HID
                  : H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int result = attribute >= 0 && H5Awrite(attribute, type, data) >= 0 ? 0 : -1;
    cr_h5_close(attribute);
    cr_h5_close(space);
    return result;
}

static hid_t chars_type(size_t bytes) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, bytes > 0 ? bytes : 1) < 0 ||
                      H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
                      H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        cr_h5_close(type);
        return H5I_INVALID_HID;
    }
    return type;
}

int cr_h5_put_chars(hid_t object, const char *name, const char *text) {
    hid_t type = chars_type(strlen(text));
    int result = type < 0 ? -1 : put_attribute(object, name, type, text);
    cr_h5_close(type);
    return result;
}

hid_t cr_h5_text_type(void) {
    hid_t type = chars_type(1);
    if (type >= 0 && (H5Tset_size(type, H5T_VARIABLE) < 0 ||
                      H5Tset_strpad(type, H5T_STR_NULLTERM) < 0)) {
        cr_h5_close(type);
        return H5I_INVALID_HID;
    }
    return type;
}

int cr_h5_put_text(hid_t object, const char *name, const char *text) {
    hid_t type = cr_h5_text_type();
    int result = type < 0 ? -1 : put_attribute(object, name, type, &text);
    cr_h5_close(type);
    return result;
}

int cr_h5_put_i32(hid_t object, const char *name, int32_t value) {
    hid_t type = H5Tcopy(H5T_STD_I32LE);
    int result = type < 0 ? -1 : put_attribute(object, name, type, &value);
    cr_h5_close(type);
    return result;
}

int cr_h5_set_chars(hid_t object, const char *name, const char *text) {
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
    size_t bytes = type < 0 ? 0 : H5Tget_size(type);
    char *padded = bytes == 0 ? NULL : cr_calloc(1, bytes);
    int result = -1;
    if (padded != NULL) {
        memcpy(padded, text, strnlen(text, bytes));
        result = H5Awrite(attribute, type, padded) >= 0 ? 0 : -1;
    }
    cr_free(padded);
    cr_h5_close(type);
    cr_h5_close(attribute);
    return result;
}

int cr_h5_set_i32(hid_t object, const char *name, int32_t value) {
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    int result =
        attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_INT32, &value) >= 0 ? 0 : -1;
    cr_h5_close(attribute);
    return result;
}

static char *read_chars(hid_t attribute, hid_t type) {
    const size_t bytes = H5Tget_size(type);
    char *text = bytes > ATTRIBUTE_BYTES_MAX ? NULL : cr_calloc(1, bytes + 1);
    if (text != NULL && H5Aread(attribute, type, text) < 0) {
        cr_free(text);
        return NULL;
    }
    return text;
}

static char *read_chars_of_any_length(hid_t attribute) {
    hid_t type = cr_h5_text_type();
    char *owned = NULL, *text = NULL;
    if (type >= 0 && H5Aread(attribute, type, &owned) >= 0) {
        text = cr_strdup(owned == NULL ? "" : owned);
        H5free_memory(owned);
    }
    cr_h5_close(type);
    return text;
}

// One attribute, of one element, and its type.
struct attribute {
    hid_t id, type;
};

static void attribute_close(struct attribute *a) {
    cr_h5_close(a->type);
    cr_h5_close(a->id);
}

static enum cr_status attribute_open(hid_t object, const char *name, H5T_class_t class,
                                     struct attribute *out, struct cr_err *err) {
    const htri_t exists = H5Aexists(object, name);
    if (exists == 0) {
        return cr_err_set(err, CR_E_NOT_FOUND, "attribute %s is missing", name);
    }
    struct attribute a = {H5I_INVALID_HID, H5I_INVALID_HID};
    a.id = exists < 0 ? H5I_INVALID_HID : H5Aopen(object, name, H5P_DEFAULT);
    a.type = a.id < 0 ? H5I_INVALID_HID : H5Aget_type(a.id);
    hid_t space = a.type < 0 ? H5I_INVALID_HID : H5Aget_space(a.id);
    const hssize_t elements = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    cr_h5_close(space);
    enum cr_status status = CR_OK;
    if (elements < 0) {
        status = cr_h5_fail(err, "cannot read attribute %s", name);
    } else if (elements != 1 || H5Tget_class(a.type) != class) {
        status = cr_err_set(
            err, CR_E_FORMAT, "attribute %s: found %lld %s, expected one %s", name,
            (long long)elements,
            H5Tget_class(a.type) == class ? "of them" : "elements of another type",
            class == H5T_STRING ? "text" : "integer");
    }
    if (status != CR_OK) {
        attribute_close(&a);
        return status;
    }
    *out = a;
    return CR_OK;
}

enum cr_status cr_h5_read_text(hid_t object, const char *name, char **out,
                               struct cr_err *err) {
    struct attribute a;
    enum cr_status status = attribute_open(object, name, H5T_STRING, &a, err);
    if (status != CR_OK) {
        return status;
    }
    char *text = H5Tis_variable_str(a.type) > 0 ? read_chars_of_any_length(a.id)
                                                : read_chars(a.id, a.type);
    if (text == NULL) {
        status = cr_h5_fail(err, "cannot read attribute %s", name);
    } else {
        *out = text;
    }
    attribute_close(&a);
    return status;
}

enum cr_status cr_h5_read_i32(hid_t object, const char *name, int32_t *out,
                              struct cr_err *err) {
    struct attribute a;
    int32_t value = 0;
    enum cr_status status = attribute_open(object, name, H5T_INTEGER, &a, err);
    if (status != CR_OK) {
        return status;
    }
    if (H5Aread(a.id, H5T_NATIVE_INT32, &value) < 0) {
        status = cr_h5_fail(err, "cannot read attribute %s", name);
    } else {
        *out = value;
    }
    attribute_close(&a);
    return status;
}

// The memory and the file space of a run of rows.
static int select_rows(hid_t dataset, struct cr_slab slab, hid_t *memory, hid_t *file) {
    hsize_t start[CR_RANK_MAX] = {0}, count[CR_RANK_MAX];
    *memory = H5I_INVALID_HID;
    *file = H5Dget_space(dataset);
    int rank = *file < 0 ? -1 : H5Sget_simple_extent_ndims(*file);
    if (rank < 1 || rank > CR_RANK_MAX ||
        H5Sget_simple_extent_dims(*file, count, NULL) < 0) {
        return -1;
    }
    start[0] = slab.first_row;
    count[0] = slab.rows;
    if (H5Sselect_hyperslab(*file, H5S_SELECT_SET, start, NULL, count, NULL) < 0) {
        return -1;
    }
    *memory = H5Screate_simple(rank, count, NULL);
    return *memory < 0 ? -1 : 0;
}

int cr_h5_write_rows(hid_t dataset, hid_t type, struct cr_slab slab, const void *data) {
    hid_t memory, file;
    int result = select_rows(dataset, slab, &memory, &file);
    if (result == 0 && H5Dwrite(dataset, type, memory, file, H5P_DEFAULT, data) < 0) {
        result = -1;
    }
    cr_h5_close(memory);
    cr_h5_close(file);
    return result;
}

int cr_h5_read_rows(hid_t dataset, hid_t type, struct cr_slab slab, void *data) {
    hid_t memory, file;
    int result = select_rows(dataset, slab, &memory, &file);
    if (result == 0 && H5Dread(dataset, type, memory, file, H5P_DEFAULT, data) < 0) {
        result = -1;
    }
    cr_h5_close(memory);
    cr_h5_close(file);
    return result;
}

int64_t cr_h5_rows(hid_t dataset) {
    hsize_t dims[CR_RANK_MAX];
    hid_t space = H5Dget_space(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    bool is_ok = rank >= 1 && rank <= CR_RANK_MAX &&
                 H5Sget_simple_extent_dims(space, dims, NULL) >= 0;
    cr_h5_close(space);
    return is_ok ? (int64_t)dims[0] : -1;
}

enum { FILTER_VALUES_MAX = 8 };

struct filter {
    H5Z_filter_t id;
    unsigned flags, values[FILTER_VALUES_MAX];
    size_t values_len;
};

static bool filter_get(hid_t list, unsigned i, struct filter *out) {
    unsigned config;
    *out = (struct filter){.values_len = FILTER_VALUES_MAX};
    out->id = H5Pget_filter2(list, i, &out->flags, &out->values_len, out->values, 0,
                             NULL, &config);
    return out->id >= 0 && out->values_len <= FILTER_VALUES_MAX;
}

static bool filters_are_alike(hid_t left, hid_t right) {
    const int len = H5Pget_nfilters(left);
    bool are_alike = len >= 0 && len == H5Pget_nfilters(right);
    for (int i = 0; i < len && are_alike; i++) {
        struct filter a, b;
        are_alike = filter_get(left, (unsigned)i, &a) &&
                    filter_get(right, (unsigned)i, &b) && a.id == b.id &&
                    a.values_len == b.values_len &&
                    memcmp(a.values, b.values, a.values_len * sizeof *a.values) == 0;
    }
    return are_alike;
}

static hsize_t chunk_rows(hid_t list) {
    hsize_t rows = 0;
    return H5Pget_layout(list) == H5D_CHUNKED && H5Pget_chunk(list, 1, &rows) == 1
               ? rows
               : 0;
}

bool cr_chunks_are_alike(hid_t left, hid_t right) {
    hid_t a = H5Dget_create_plist(left), b = H5Dget_create_plist(right);
    const bool are_alike = a >= 0 && b >= 0 && chunk_rows(a) > 0 &&
                           chunk_rows(a) == chunk_rows(b) && filters_are_alike(a, b);
    cr_h5_close(a);
    cr_h5_close(b);
    return are_alike;
}

struct room {
    void *data;
    size_t cap;
};

static int copy_chunk(hid_t from, hid_t to, hsize_t row, struct room *room) {
    hsize_t bytes = 0;
    uint32_t skipped = 0; // filters
    if (H5Dget_chunk_storage_size(from, &row, &bytes) < 0) {
        return -1;
    }
    if (bytes == 0) { // never written: it reads as the fill value there too
        return 0;
    }
    if (cr_array_grow(&room->data, &room->cap, bytes, 1) != CR_OK ||
        H5Dread_chunk(from, H5P_DEFAULT, &row, &skipped, room->data) < 0 ||
        H5Dwrite_chunk(to, H5P_DEFAULT, skipped, &row, bytes, room->data) < 0) {
        return -1;
    }
    return 0;
}

int cr_chunks_copy(hid_t from, hid_t to, uint64_t rows) {
    struct room room = {0};
    hid_t list = H5Dget_create_plist(from);
    const hsize_t step = list < 0 ? 0 : chunk_rows(list);
    int result = step > 0 ? 0 : -1;
    for (hsize_t row = 0; result == 0 && row < rows; row += step) {
        result = copy_chunk(from, to, row, &room);
    }
    cr_h5_close(list);
    cr_free(room.data);
    return result;
}

static int write_first(hid_t dataset, hid_t type, struct cr_slab slab,
                       const unsigned char *data, struct cr_chunk_memory *memory) {
    hsize_t bytes = 0, row = slab.first_row;
    uint32_t skipped = 0;
    memory->bytes = 0;
    if (cr_h5_write_rows(dataset, type, slab, data) != 0) {
        return -1;
    }
    if (H5Dget_chunk_storage_size(dataset, &row, &bytes) < 0) {
        return -1;
    }
    if (bytes == 0 || bytes > sizeof memory->stored) {
        return 0;
    }
    if (H5Dread_chunk(dataset, H5P_DEFAULT, &row, &skipped, memory->stored) < 0) {
        return -1;
    }
    memory->bytes = skipped == 0 ? (uint32_t)bytes : 0;
    return 0;
}

int cr_chunk_write(hid_t dataset, hid_t type, struct cr_slab slab,
                   const unsigned char *data, struct cr_chunk_memory *memory) {
    const size_t bytes = H5Tget_size(type);
    const hsize_t row = slab.first_row;
    if (memcmp(data, data + bytes, (slab.rows - 1) * bytes) != 0) {
        return cr_h5_write_rows(dataset, type, slab, data);
    }
    if (memory->bytes > 0 && memcmp(memory->element, data, bytes) == 0) {
        return H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &row, memory->bytes,
                              memory->stored) < 0
                   ? -1
                   : 0;
    }
    memcpy(memory->element, data, bytes);
    return write_first(dataset, type, slab, data, memory);
}
