// text_window.h - /calls/text read in large pieces while calls are looked at in order.
//
// Layer    store (3), private
// Threads  one owner
// MPI      none
#ifndef CR_STORE_TEXT_WINDOW_H
#define CR_STORE_TEXT_WINDOW_H

#include "store/h5_layout.h"

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
