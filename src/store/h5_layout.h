// h5_layout.h - the empty file: groups, dimensions and every variable of the schema.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
#ifndef CR_STORE_H5_LAYOUT_H
#define CR_STORE_H5_LAYOUT_H

#include "credence/base/status.h"
#include "store/h5.h"
#include "store/schema.h"

enum { CR_CALL_CHUNK = 4096 }; // rows of /calls that are filtered together

// How the rows of episodes are stored.
enum cr_packing {
    CR_PACK_LIVE,  // plain: a block that is written again stays in its place
    CR_PACK_FINAL, // shuffled and deflated
};

// A column that was kept of the items: a text for each proposition, in the variable
// /propositions/item.NAME (the dot keeps it apart from ours).
#define CR_KEPT_PREFIX "item."
enum { CR_KEPT_PATH_MAX = 1024 };
struct cr_kept {
    char *name; // without the prefix
    hid_t dataset;
};

// An open file and its datasets; -1 where SHAPE has none.
struct cr_frame {
    hid_t file;
    hid_t var[CR_V_COUNT];
    hid_t scale[CR_DIM_COUNT];
    struct cr_shape shape;
    int32_t version;      // of the schema
    struct cr_kept *kept; // [kept_len]
    uint32_t kept_len;
};
void cr_frame_init(struct cr_frame *frame);

// Make PATH, replacing a file there: all but the rows of episodes. CR_E_IO, CR_E_FULL.
CR_MUST_CHECK enum cr_status cr_frame_create(struct cr_frame *frame, const char *path,
                                             const struct cr_shape *shape,
                                             struct cr_err *err);
// What is missing then, in a frame just created or reopened; SHAPE may have /sparse.
CR_MUST_CHECK enum cr_status cr_frame_add_rows(struct cr_frame *frame,
                                               const struct cr_shape *shape,
                                               enum cr_packing packing,
                                               struct cr_err *err);
// Open PATH, made by cr_frame_create and closed, to write on.
CR_MUST_CHECK enum cr_status cr_frame_reopen(struct cr_frame *frame, const char *path,
                                             struct cr_err *err);
// Open PATH for reading, also while it is written or after its writer crashed, and
// find its shape. CR_E_NOT_FOUND, CR_E_IO, CR_E_FORMAT (no file of ours, or of another
// schema version).
CR_MUST_CHECK enum cr_status cr_frame_open(struct cr_frame *frame, const char *path,
                                           struct cr_err *err);
// Whole rows of a variable into DATA, elements of the memory type TYPE. One that the
// file's schema does not know yet reads as missing (or 0), a reason of schema 1 as ours.
CR_MUST_CHECK int cr_frame_read(const struct cr_frame *frame, enum cr_variable_id id,
                                hid_t type, struct cr_slab slab, void *data);
// Make the variable of a further column; its texts are written through frame->kept.
CR_MUST_CHECK enum cr_status cr_frame_keep(struct cr_frame *frame, const char *name,
                                           struct cr_err *err);
// Set the length of a dimension that grows.
CR_MUST_CHECK int cr_frame_grow(struct cr_frame *frame, enum cr_dim dim, uint64_t size);
// Close everything; -1 when the file could not be written out.
int cr_frame_close(struct cr_frame *frame);

// /calls/text read in large pieces while calls are looked at in order.
struct cr_text_window {           // zero but for `frame`: nothing read yet
    const struct cr_frame *frame; // borrowed
    char *data;
    int64_t first, len, cap; // bytes [first, first + len) of the texts are in data
};

// BYTES texts from FROM on into *out, borrowed until the next call. CR_E_FORMAT when
// the file holds no such bytes.
CR_MUST_CHECK enum cr_status cr_text_window_get(struct cr_text_window *window,
                                                int64_t from, int64_t bytes,
                                                const char **out, struct cr_err *err);
void cr_text_window_fini(struct cr_text_window *window);

#endif
