// log.c - no allocation here: the message that memory ran out must still come out.
#include "credence/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

enum { LINE_BYTES = 8192 };

static size_t prefix(const struct cr_log *log, char *line) {
    int bytes = log->rank < 0
                    ? snprintf(line, LINE_BYTES, "credence: ")
                    : snprintf(line, LINE_BYTES, "credence: [rank %d] ", log->rank);
    return (size_t)bytes;
}

// Put TEXT up to its newline behind USED bytes of LINE, escaped; bytes used then.
static size_t escape(char *line, size_t used, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes && used < LINE_BYTES - 6; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_c1 = c == 0xc2 && i + 1 < bytes && (unsigned char)text[i + 1] < 0xa0;
        if (is_c1) {
            c = (unsigned char)text[++i];
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f || is_c1) {
            used += (size_t)snprintf(line + used, LINE_BYTES - used, "\\x%02x", c);
        } else {
            line[used++] = (char)c;
        }
    }
    line[used++] = '\n';
    return used;
}

void cr_log_write(struct cr_log *log, enum cr_log_level level, const char *fmt, ...) {
    if (log == NULL || log->file == NULL || level > log->level) {
        return;
    }
    char text[CR_ERR_TEXT_MAX + 512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (log->line_is_open) {
        fputs("\r\033[K", log->file);
        log->line_is_open = 0;
    }
    const char *at = text;
    do {
        size_t bytes = strcspn(at, "\n");
        char line[LINE_BYTES];
        size_t used = escape(line, prefix(log, line), at, bytes);
        fwrite(line, 1, used, log->file);
        at += bytes;
    } while (*at++ == '\n' && *at);
    fflush(log->file);
}
