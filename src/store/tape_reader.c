// tape_reader.c - reads by large pieces into a buffer that grows to the longest line.
// One byte beyond what was read is kept for a NUL, so that a line always ends.
#include "store/tape_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "credence/store/tape.h"

enum cr_status cr_tape_reader_open(struct cr_tape_reader *reader, const char *path,
                                   uint64_t offset, size_t piece_bytes,
                                   struct cr_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        enum cr_status status =
            errno == ENOENT ? CR_E_NOT_FOUND : cr_status_from_errno(errno);
        return cr_err_set(err, status, "cannot open %s: %s", path, strerror(errno));
    }
    char *data = cr_malloc(piece_bytes + 1);
    if (data == NULL || lseek(fd, (off_t)offset, SEEK_SET) < 0) {
        enum cr_status status = data == NULL ? CR_E_MEMORY : CR_E_IO;
        close(fd);
        cr_free(data);
        return cr_err_set(err, status, "cannot read %s", path);
    }
    *reader = (struct cr_tape_reader){.path = path,
                                      .fd = fd,
                                      .data = data,
                                      .cap_bytes = piece_bytes,
                                      .offset = offset};
    return CR_OK;
}

void cr_tape_reader_close(struct cr_tape_reader *reader) {
    if (reader->data != NULL) {
        close(reader->fd);
        cr_free(reader->data);
        reader->data = NULL;
    }
}

static enum cr_status make_room(struct cr_tape_reader *r, struct cr_err *err) {
    if (r->begin > 0) {
        memmove(r->data, r->data + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    if (r->end < r->cap_bytes) {
        return CR_OK;
    }
    char *grown = cr_realloc(r->data, r->cap_bytes * 2 + 1);
    if (grown == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for a line of %s", r->path);
    }
    r->data = grown;
    r->cap_bytes *= 2;
    return CR_OK;
}

static enum cr_status read_more(struct cr_tape_reader *r, struct cr_err *err) {
    enum cr_status status = make_room(r, err);
    if (status != CR_OK) {
        return status;
    }
    ssize_t bytes;
    do {
        bytes = read(r->fd, r->data + r->end, r->cap_bytes - r->end);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) {
        return cr_err_set(err, cr_status_from_errno(errno), "cannot read %s: %s",
                          r->path, strerror(errno));
    }
    r->is_at_end = bytes == 0;
    r->end += (size_t)bytes;
    r->data[r->end] = '\0';
    return CR_OK;
}

// Step over BYTES of the buffer.
static void consume(struct cr_tape_reader *r, size_t bytes) {
    r->begin += bytes;
    r->offset += bytes;
}

// The rest of a line that is too long to be one of ours.
static enum cr_status skip_line(struct cr_tape_reader *r, struct cr_tape_text *out,
                                struct cr_err *err) {
    out->is_too_long = true;
    for (;;) {
        char *newline = memchr(r->data + r->begin, '\n', r->end - r->begin);
        if (newline != NULL) {
            consume(r, (size_t)(newline - r->data) + 1 - r->begin);
            out->line = r->data;
            out->bytes = 0;
            return CR_OK;
        }
        consume(r, r->end - r->begin);
        if (r->is_at_end) {
            *out = (struct cr_tape_text){.line = r->data, .is_torn = true};
            return CR_OK;
        }
        enum cr_status status = read_more(r, err);
        if (status != CR_OK) {
            return status;
        }
    }
}

enum cr_status cr_tape_reader_next(struct cr_tape_reader *r, struct cr_tape_text *out,
                                   struct cr_err *err) {
    struct cr_tape_text text = {.offset = r->offset};
    size_t searched = 0;
    char *newline = NULL;
    for (;;) {
        size_t have = r->end - r->begin;
        if (have > searched) {
            newline = memchr(r->data + r->begin + searched, '\n', have - searched);
        }
        if (newline != NULL || r->is_at_end) {
            break;
        }
        if (have >= CR_TAPE_LINE_MAX) {
            enum cr_status status = skip_line(r, &text, err);
            *out = status == CR_OK ? text : *out;
            return status;
        }
        searched = have;
        enum cr_status status = read_more(r, err);
        if (status != CR_OK) {
            return status;
        }
    }
    text.bytes =
        newline != NULL ? (size_t)(newline - r->data) - r->begin : r->end - r->begin;
    text.is_torn = newline == NULL;
    text.line = text.is_torn && text.bytes == 0 ? NULL : r->data + r->begin;
    consume(r, text.bytes + (text.is_torn ? 0 : 1));
    *out = text;
    return CR_OK;
}
