// status.c - error texts. A message is built aside first, because callers pass
// err->text itself as an argument ("%s: ...", err->text).
#include "credence/base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/text.h"

// A text that does not fit ends in "..." so that nobody takes it for the whole.
static void copy_cut(char *to, size_t room_bytes, const char *text, bool is_cut) {
    static const char mark[] = "...";
    size_t len = strlen(text);
    if (len >= room_bytes || (is_cut && len + sizeof mark > room_bytes)) {
        const size_t kept = room_bytes > sizeof mark ? room_bytes - sizeof mark : 0;
        len = cr_text_cut(text, len, kept);
        is_cut = true;
    }
    memcpy(to, text, len);
    to[len] = '\0';
    if (is_cut && len + sizeof mark <= room_bytes) {
        memcpy(to + len, mark, sizeof mark);
    }
}

// Format and put the result behind the first KEEP bytes of the text.
static void append(struct cr_err *err, size_t keep, const char *before, const char *fmt,
                   va_list args) {
    char text[CR_ERR_TEXT_MAX];
    size_t lead = strlen(before);
    memcpy(text, before, lead);
    int need = vsnprintf(text + lead, sizeof text - lead, fmt, args);
    bool is_cut = need < 0 || (size_t)need >= sizeof text - lead;
    copy_cut(err->text + keep, sizeof err->text - keep, text, is_cut);
}

enum cr_status cr_err_set(struct cr_err *err, enum cr_status status, const char *fmt,
                          ...) {
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        append(err, 0, "", fmt, args);
        va_end(args);
        err->status = status;
    }
    return status;
}

enum cr_status cr_err_while(struct cr_err *err, enum cr_status status, const char *fmt,
                            ...) {
    if (err != NULL) {
        va_list args;
        if (err->text[0] == '\0') { // what failed had no memory left for words
            cr_err_set(err, status, "%s", cr_status_text(status));
        }
        va_start(args, fmt);
        append(err, strnlen(err->text, sizeof err->text - 1), " while ", fmt, args);
        va_end(args);
        err->status = status;
    }
    return status;
}

void cr_err_add_line(struct cr_err *err, const char *fmt, ...) {
    if (err == NULL) {
        return;
    }
    size_t used = strnlen(err->text, sizeof err->text - 1);
    va_list args;
    va_start(args, fmt);
    append(err, used, used > 0 ? "\n" : "", fmt, args);
    va_end(args);
}

enum cr_status cr_status_from_errno(int errnum) {
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: // a limit of the file size, which a batch system may set
        return CR_E_FULL;
    case ENOMEM:
        return CR_E_MEMORY;
    default:
        return CR_E_IO;
    }
}

enum cr_exit cr_status_exit(enum cr_status status) {
    switch (status) {
    case CR_OK:
        return CR_EXIT_COMPLETE;
    case CR_E_USAGE:
    case CR_E_JOB:
    case CR_E_DIFFERS:
        return CR_EXIT_USAGE;
    case CR_E_BLOCKED:
        return CR_EXIT_BLOCKED;
    case CR_E_STOPPED:
    case CR_E_FULL:
        return CR_EXIT_STOPPED;
    default:
        return CR_EXIT_ERROR;
    }
}

const char *cr_status_text(enum cr_status status) {
    static const char *const texts[] = {
        [CR_OK] = "no error",
        [CR_E_USAGE] = "wrong usage",
        [CR_E_JOB] = "the job is wrong",
        [CR_E_MEMORY] = "out of memory",
        [CR_E_IO] = "the file system refused",
        [CR_E_FULL] = "no space left",
        [CR_E_FORMAT] = "not in the expected format",
        [CR_E_LIMIT] = "a limit was reached",
        [CR_E_NOT_FOUND] = "not found",
        [CR_E_BUSY] = "in use by another run",
        [CR_E_DIFFERS] = "belongs to another job",
        [CR_E_UNSUPPORTED] = "not possible here",
        [CR_E_NET] = "the HTTP library failed",
        [CR_E_PEER] = "a rank is lost",
        [CR_E_STOPPED] = "stopped early",
        [CR_E_BLOCKED] = "a person must mend something first",
    };
    size_t at = (size_t)status;
    if (at >= sizeof texts / sizeof *texts || texts[at] == NULL) {
        return "unknown error";
    }
    return texts[at];
}
