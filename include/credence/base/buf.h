// buf.h - a growing byte buffer with a named maximum.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
//
// After any append the byte behind the contents is NUL, so `data` is a C string unless
// the contents hold a NUL themselves.
#ifndef CREDENCE_BASE_BUF_H
#define CREDENCE_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"

struct cr_buf {
    char *data; // NULL until the first append
    size_t used_bytes;
    size_t cap_bytes;
    size_t max_bytes; // an append past it returns CR_E_LIMIT
};

void cr_buf_init(struct cr_buf *buf, size_t max_bytes);
void cr_buf_fini(struct cr_buf *buf);
void cr_buf_clear(struct cr_buf *buf); // keeps the storage

// CR_E_LIMIT past max_bytes, CR_E_MEMORY; the contents are untouched on failure.
CR_MUST_CHECK enum cr_status cr_buf_add(struct cr_buf *buf, const void *bytes,
                                        size_t len);
CR_MUST_CHECK enum cr_status cr_buf_add_text(struct cr_buf *buf, const char *text);
CR_MUST_CHECK enum cr_status cr_buf_add_count(struct cr_buf *buf, uint64_t count);
CR_MUST_CHECK enum cr_status cr_buf_printf(struct cr_buf *buf, const char *fmt, ...)
    CR_PRINTF(2, 3);
CR_MUST_CHECK enum cr_status cr_buf_vprintf(struct cr_buf *buf, const char *fmt,
                                            va_list args) CR_PRINTF(2, 0);
CR_MUST_CHECK enum cr_status cr_buf_reserve(struct cr_buf *buf, size_t more_bytes);

// The contents as a heap string (given to the caller); the buffer is empty afterwards.
char *cr_buf_take(struct cr_buf *buf);

#endif
