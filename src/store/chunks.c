// chunks.c - see chunks.h. Deflating is most of what writing run.h5 costs, so nothing
// is deflated twice.
#include "store/chunks.h"

#include <string.h>

#include "credence/base/mem.h"

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
