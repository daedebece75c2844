// buf.c - invariant: data is NULL, or cap_bytes > used_bytes and data[used_bytes] is
// NUL.
#include "credence/base/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"

void cr_buf_init(struct cr_buf *buf, size_t max_bytes) {
    *buf = (struct cr_buf){.max_bytes = max_bytes};
}

void cr_buf_fini(struct cr_buf *buf) {
    if (buf != NULL) {
        cr_free(buf->data);
        cr_buf_init(buf, buf->max_bytes);
    }
}

void cr_buf_clear(struct cr_buf *buf) {
    buf->used_bytes = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

// Whether MORE_BYTES and a NUL fit as it is. A call makes 200 short appends.
static bool has_room(const struct cr_buf *buf, size_t more_bytes) {
    const size_t most =
        buf->cap_bytes <= buf->max_bytes ? buf->cap_bytes - 1 : buf->max_bytes;
    return buf->cap_bytes > 0 && buf->used_bytes <= most &&
           more_bytes <= most - buf->used_bytes;
}

static enum cr_status grow(struct cr_buf *buf, size_t more_bytes) {
    if (buf->used_bytes > buf->max_bytes ||
        more_bytes > buf->max_bytes - buf->used_bytes) {
        return CR_E_LIMIT;
    }
    if (buf->used_bytes + more_bytes == SIZE_MAX) {
        return CR_E_MEMORY;
    }
    void *data = buf->data;
    enum cr_status status =
        cr_array_grow(&data, &buf->cap_bytes, buf->used_bytes + more_bytes + 1, 1);
    if (status != CR_OK) {
        return status;
    }
    buf->data = data;
    buf->data[buf->used_bytes] = '\0';
    return CR_OK;
}

enum cr_status cr_buf_reserve(struct cr_buf *buf, size_t more_bytes) {
    return has_room(buf, more_bytes) ? CR_OK : grow(buf, more_bytes);
}

enum cr_status cr_buf_add(struct cr_buf *buf, const void *bytes, size_t len) {
    enum cr_status status = has_room(buf, len) ? CR_OK : grow(buf, len);
    if (status != CR_OK) {
        return status;
    }
    if (len > 0) {
        memcpy(buf->data + buf->used_bytes, bytes, len);
    }
    buf->used_bytes += len;
    buf->data[buf->used_bytes] = '\0';
    return CR_OK;
}

enum cr_status cr_buf_add_text(struct cr_buf *buf, const char *text) {
    return cr_buf_add(buf, text, strlen(text));
}

// In decimal. Two of these are in each request, and a format takes 20 times as long.
enum cr_status cr_buf_add_count(struct cr_buf *buf, uint64_t count) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + count % 10);
        count /= 10;
    } while (count > 0);
    return cr_buf_add(buf, digits + at, sizeof digits - at);
}

// Print behind the contents if there is room; the bytes the whole text needs, or -1.
static int print_in_place(struct cr_buf *buf, const char *fmt, va_list args) {
    size_t room = buf->data != NULL ? buf->cap_bytes - buf->used_bytes : 0;
    return vsnprintf(room > 0 ? buf->data + buf->used_bytes : NULL, room, fmt, args);
}

enum cr_status cr_buf_vprintf(struct cr_buf *buf, const char *fmt, va_list args) {
    va_list again;
    va_copy(again, args);
    int need = print_in_place(buf, fmt, again);
    va_end(again);
    enum cr_status status = need < 0 ? CR_E_FORMAT : cr_buf_reserve(buf, (size_t)need);
    if (status != CR_OK) {
        if (buf->data != NULL) {
            buf->data[buf->used_bytes] = '\0';
        }
        return status;
    }
    print_in_place(buf, fmt, args);
    buf->used_bytes += (size_t)need;
    return CR_OK;
}

enum cr_status cr_buf_printf(struct cr_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const enum cr_status status = cr_buf_vprintf(buf, fmt, args);
    va_end(args);
    return status;
}

char *cr_buf_take(struct cr_buf *buf) {
    char *text = buf->data != NULL ? buf->data : cr_strdup("");
    cr_buf_init(buf, buf->max_bytes);
    return text;
}
