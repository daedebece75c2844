// repack.h - result files rewritten as one: deflated, calls in the order of their
// episodes.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
#ifndef CR_STORE_REPACK_H
#define CR_STORE_REPACK_H

#include "store/h5_layout.h"

enum { CR_PACK_SOURCES_MAX = 65535 };

// What is joined: open files of the same shape and job, and which of them each episode
// is taken from.
struct cr_pack_input {
    struct cr_frame *sources; // [len]
    size_t len;
    const uint16_t *owner; // [episodes] below len; NULL: all from the first
    // A file as cr_frame_create makes it, with the attributes and groups of the first
    // source: it becomes the result, and they are not copied. NULL: none.
    const char *base_path;
    bool is_foreign; // the values of the result are checked before it takes its name
};

// Write OUT_PATH, replacing a file there when it is whole. Attributes and groups are
// those of the first source; COMPLETE replaces its attribute.
CR_MUST_CHECK enum cr_status cr_repack_join(const struct cr_pack_input *input,
                                            const char *out_path, bool complete,
                                            struct cr_err *err);

// Replace PATH by itself packed; BASE_PATH as above.
CR_MUST_CHECK enum cr_status cr_repack(const char *path, const char *base_path,
                                       bool complete, struct cr_err *err);

// Append the calls of every episode, from the source that owns it, to OUT.
CR_MUST_CHECK enum cr_status cr_repack_calls(const struct cr_pack_input *input,
                                             struct cr_frame *out, struct cr_err *err);

#endif
