// text_window.c - calls of an episode stand near each other, so a window of a few
// chunks is read few times, whatever the order within it.
#include "store/text_window.h"

#include "credence/base/mem.h"
#include "store/h5.h"

enum { WINDOW_BYTES = 2 << 20 };

static enum cr_status move(struct cr_text_window *w, int64_t from, int64_t bytes,
                           struct cr_err *err) {
    int64_t stored = (int64_t)w->frame->shape.size[CR_DIM_BYTE];
    if (from < 0 || bytes < 0 || bytes > stored - from) {
        return cr_err_set(err, CR_E_FORMAT, "/calls/text is damaged or still written");
    }
    int64_t len = bytes > WINDOW_BYTES ? bytes : WINDOW_BYTES;
    len = len > stored - from ? stored - from : len;
    if (len > w->cap) {
        char *grown = cr_realloc(w->data, (size_t)len);
        if (grown == NULL) {
            return cr_err_set(err, CR_E_MEMORY, "no memory for /calls/text");
        }
        w->data = grown;
        w->cap = len;
    }
    w->len = 0;
    struct cr_slab slab = {(uint64_t)from, (uint64_t)len};
    if (cr_h5_read_rows(w->frame->var[CR_V_CALL_TEXT], H5T_NATIVE_UINT8, slab,
                        w->data) != 0) {
        return cr_h5_fail(err, "cannot read /calls/text");
    }
    w->first = from;
    w->len = len;
    return CR_OK;
}

enum cr_status cr_text_window_get(struct cr_text_window *window, int64_t from,
                                  int64_t bytes, const char **out, struct cr_err *err) {
    if (bytes == 0) {
        *out = "";
        return CR_OK;
    }
    if (from < window->first || from + bytes > window->first + window->len) {
        enum cr_status status = move(window, from, bytes, err);
        if (status != CR_OK) {
            return status;
        }
    }
    *out = window->data + (from - window->first);
    return CR_OK;
}

void cr_text_window_fini(struct cr_text_window *window) {
    cr_free(window->data);
    window->data = NULL;
}
