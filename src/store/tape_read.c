// tape_read.c - the reader. Nothing of a line is believed before its checksum was found
// right; what is not believed is counted, the first of it named, and the scan goes on.
//
// Reads by large pieces into a buffer that grows to the longest line. One byte beyond
// what was read is kept for a NUL, so that a line always ends.
#include "credence/store/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/base/status.h"
#include "store/tape_internal.h"

enum { SCAN_PIECE_BYTES = 1 << 20, LINE_PIECE_BYTES = 1 << 12 };

struct tape_reader {
    const char *path; // borrowed
    int fd;
    char *data; // [cap_bytes]
    size_t cap_bytes, begin, end;
    uint64_t offset; // in the file, of data[begin]
    bool is_at_end;  // the file has no more bytes than data holds
};

struct tape_text {
    const char *line; // followed by a newline or NUL; NULL at the end of the file
    size_t bytes;     // without the newline
    uint64_t offset;  // in the file
    bool is_torn;     // no newline: the last line of a crash
    bool is_too_long; // over CR_TAPE_LINE_MAX; LINE holds a part
};

static enum cr_status reader_open(struct tape_reader *reader, const char *path,
                                  uint64_t offset, size_t piece_bytes,
                                  struct cr_err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        enum cr_status status =
            errno == ENOENT ? CR_E_NOT_FOUND : cr_status_from_errno(errno);
        cr_err_set(err, status, "cannot open %s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    if (!S_ISREG(st.st_mode)) { // a FIFO would be waited for
        (void)close(fd);
        return cr_err_set(err, CR_E_FORMAT, "%s is not a regular file", path);
    }
    char *data = cr_malloc(piece_bytes + 1);
    if (data == NULL || lseek(fd, (off_t)offset, SEEK_SET) < 0) {
        enum cr_status status = data == NULL ? CR_E_MEMORY : CR_E_IO;
        close(fd);
        cr_free(data);
        return cr_err_set(err, status, "cannot read %s", path);
    }
    *reader = (struct tape_reader){.path = path,
                                   .fd = fd,
                                   .data = data,
                                   .cap_bytes = piece_bytes,
                                   .offset = offset};
    return CR_OK;
}

static void reader_close(struct tape_reader *reader) {
    if (reader->data != NULL) {
        close(reader->fd);
        cr_free(reader->data);
        reader->data = NULL;
    }
}

static enum cr_status make_room(struct tape_reader *r, struct cr_err *err) {
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

static enum cr_status read_more(struct tape_reader *r, struct cr_err *err) {
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
static void consume(struct tape_reader *r, size_t bytes) {
    r->begin += bytes;
    r->offset += bytes;
}

// The rest of a line that is too long to be one of ours.
static enum cr_status skip_line(struct tape_reader *r, struct tape_text *out,
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
            *out = (struct tape_text){.line = r->data, .is_torn = true};
            return CR_OK;
        }
        enum cr_status status = read_more(r, err);
        if (status != CR_OK) {
            return status;
        }
    }
}

static enum cr_status reader_next(struct tape_reader *r, struct tape_text *out,
                                  struct cr_err *err) {
    struct tape_text text = {.offset = r->offset};
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

// One scan: what it does with a whole line, and what it met.
struct scan {
    cr_tape_record_fn each_record; // or
    cr_tape_key_fn each_key;
    void *ctx;
    struct cr_tape_damage damage;
    struct cr_tape_file file; // the one being read
};

static void note_damage(struct scan *scan, const char *path, uint64_t line,
                        const char *what) {
    if (scan->damage.damaged++ == 0) {
        snprintf(scan->damage.first, sizeof scan->damage.first, "%s:%llu: %s", path,
                 (unsigned long long)line, what);
    }
}

static enum cr_status give_key(struct scan *scan, const struct tape_text *text,
                               struct cr_err *err) {
    struct cr_call_record head;
    const char *tail;
    size_t tail_bytes;
    if (!cr_tape_line_head(text->line, text->bytes, &head, &tail, &tail_bytes)) {
        return CR_E_FORMAT;
    }
    struct cr_tape_key key = {
        .launch = scan->file.launch,
        .rank = scan->file.rank,
        .offset = text->offset,
        .trajectory = head.trajectory,
        .trajectory_key = head.trajectory_key,
        .request_hash = head.request_hash,
        .id = head.id,
        .reason = head.reason,
        .tokens_in = head.tokens_in,
        .tokens_out = head.tokens_out,
        .tokens_cached = head.tokens_cached,
        .tokens_reasoning = head.tokens_reasoning,
        .model = head.model,
        .is_simulated = head.is_simulated != 0,
        .is_recorded = head.is_recorded != 0,
    };
    return scan->each_key(scan->ctx, &key, err);
}

// The callback's own failures pass through; a form that is not ours is damage.
struct guarded {
    struct scan *scan;
    bool was_given;
};

static enum cr_status give_guarded(void *ctx, const struct cr_call_record *record,
                                   struct cr_err *err) {
    struct guarded *guarded = ctx;
    guarded->was_given = true;
    return guarded->scan->each_record(guarded->scan->ctx, record, err);
}

static enum cr_status give_line(struct scan *scan, const char *path, uint64_t line,
                                const struct tape_text *text, struct cr_err *err) {
    const char *fault = text->is_too_long ? "line is too long"
                                          : cr_tape_line_fault(text->line, text->bytes);
    if (fault != NULL) {
        note_damage(scan, path, line, fault);
        return CR_OK;
    }
    enum cr_status status;
    struct guarded guarded = {scan, scan->each_key != NULL};
    if (scan->each_key != NULL) {
        status = give_key(scan, text, err);
        guarded.was_given = status != CR_E_FORMAT;
    } else {
        status =
            cr_tape_line_decode(text->line, text->bytes, give_guarded, &guarded, err);
    }
    if (status == CR_E_FORMAT && !guarded.was_given) {
        note_damage(scan, path, line, "not a line of this version");
        return CR_OK;
    }
    scan->damage.lines++;
    return status;
}

static enum cr_status scan_one(struct scan *scan, const char *path,
                               struct cr_err *err) {
    struct tape_reader reader;
    enum cr_status status = reader_open(&reader, path, 0, SCAN_PIECE_BYTES, err);
    if (status != CR_OK) {
        return status;
    }
    struct tape_text text = {0};
    for (uint64_t line = 1; status == CR_OK; line++) {
        status = reader_next(&reader, &text, err);
        if (status != CR_OK || text.line == NULL) {
            break;
        }
        if (text.is_torn) {
            scan->damage.torn++;
            break;
        }
        status = give_line(scan, path, line, &text, err);
    }
    reader_close(&reader);
    return status;
}

static enum cr_status scan_all(struct scan *scan, const char *dir, struct cr_err *err) {
    struct cr_tape_file *files = NULL;
    size_t len = 0;
    enum cr_status status = cr_tape_dir_list(dir, &files, &len, err);
    struct cr_buf path;
    cr_buf_init(&path, 1 << 16);
    for (size_t i = 0; status == CR_OK && i < len; i++) {
        scan->file = files[i];
        status = cr_tape_dir_path(&path, dir, files[i]);
        if (status != CR_OK) {
            cr_err_set(err, status, "no memory to read the tape");
            break;
        }
        status = scan_one(scan, path.data, err);
    }
    cr_buf_fini(&path);
    cr_free(files);
    return status;
}

static enum cr_status finish(const struct scan *scan, enum cr_status status,
                             struct cr_tape_damage *damage) {
    if (status == CR_OK && damage != NULL) {
        *damage = scan->damage;
    }
    return status;
}

enum cr_status cr_tape_scan(const char *dir, cr_tape_record_fn each, void *ctx,
                            struct cr_tape_damage *damage, struct cr_err *err) {
    struct scan scan = {.each_record = each, .ctx = ctx};
    return finish(&scan, scan_all(&scan, dir, err), damage);
}

enum cr_status cr_tape_scan_keys(const char *dir, cr_tape_key_fn each, void *ctx,
                                 struct cr_tape_damage *damage, struct cr_err *err) {
    struct scan scan = {.each_key = each, .ctx = ctx};
    return finish(&scan, scan_all(&scan, dir, err), damage);
}

enum cr_status cr_tape_scan_keys_of(const struct cr_tape_source *source,
                                    cr_tape_key_fn each, void *ctx,
                                    struct cr_tape_damage *damage, struct cr_err *err) {
    struct scan scan = {
        .each_key = each, .ctx = ctx, .file = {source->launch, source->rank}};
    struct cr_buf path;
    cr_buf_init(&path, 1 << 16);
    enum cr_status status = cr_tape_dir_path(&path, source->dir, scan.file);
    if (status != CR_OK) {
        cr_err_set(err, status, "no memory to read the tape");
    } else {
        status = scan_one(&scan, path.data, err);
        status = status == CR_E_NOT_FOUND ? CR_OK : status; // it wrote none
    }
    cr_buf_fini(&path);
    return finish(&scan, status, damage);
}

struct cr_tape_lookup {
    const char *dir; // borrowed
    struct cr_buf path;
    struct cr_tape_file file; // the one that READER reads
    struct tape_reader reader;
};

enum cr_status cr_tape_lookup_create(const char *dir, struct cr_tape_lookup **out) {
    struct cr_tape_lookup *lookup = cr_calloc(1, sizeof *lookup);
    if (lookup == NULL) {
        return CR_E_MEMORY;
    }
    lookup->dir = dir;
    cr_buf_init(&lookup->path, 1 << 16);
    *out = lookup;
    return CR_OK;
}

void cr_tape_lookup_destroy(struct cr_tape_lookup *lookup) {
    if (lookup != NULL) {
        reader_close(&lookup->reader);
        cr_buf_fini(&lookup->path);
        cr_free(lookup);
    }
}

// To OFFSET of the open file: within what is in memory when it is there.
static bool reader_seek(struct tape_reader *r, uint64_t offset) {
    const uint64_t first = r->offset - r->begin;
    r->is_at_end = false; // it may have grown
    if (offset >= first && offset - first < r->end) {
        r->begin = (size_t)(offset - first);
    } else {
        r->begin = r->end = 0;
        if (lseek(r->fd, (off_t)offset, SEEK_SET) < 0) {
            return false;
        }
    }
    r->offset = offset;
    return true;
}

static enum cr_status lookup_seek(struct cr_tape_lookup *lookup,
                                  const struct cr_tape_key *key, struct cr_err *err) {
    const struct cr_tape_file file = {key->launch, key->rank};
    if (lookup->reader.data != NULL && lookup->file.launch == file.launch &&
        lookup->file.rank == file.rank && reader_seek(&lookup->reader, key->offset)) {
        return CR_OK;
    }
    reader_close(&lookup->reader);
    const enum cr_status status = cr_tape_dir_path(&lookup->path, lookup->dir, file);
    if (status != CR_OK) {
        return cr_err_set(err, status, "no memory to read the tape");
    }
    lookup->file = file;
    return reader_open(&lookup->reader, lookup->path.data, key->offset,
                       LINE_PIECE_BYTES, err);
}

enum cr_status cr_tape_lookup_read(struct cr_tape_lookup *lookup,
                                   const struct cr_tape_key *key,
                                   cr_tape_record_fn each, void *ctx,
                                   struct cr_err *err) {
    struct tape_text text = {0};
    enum cr_status status = lookup_seek(lookup, key, err);
    if (status == CR_OK) {
        status = reader_next(&lookup->reader, &text, err);
    }
    if (status != CR_OK) {
        return status;
    }
    if (text.line == NULL || text.is_torn || text.is_too_long ||
        cr_tape_line_fault(text.line, text.bytes) != NULL) {
        return cr_err_set(err, CR_E_FORMAT, "%s: no whole line at byte %llu",
                          lookup->path.data, (unsigned long long)key->offset);
    }
    return cr_tape_line_decode(text.line, text.bytes, each, ctx, err);
}

enum cr_status cr_tape_read_at(const char *dir, const struct cr_tape_key *key,
                               cr_tape_record_fn each, void *ctx, struct cr_err *err) {
    struct cr_tape_lookup *lookup = NULL;
    enum cr_status status = cr_tape_lookup_create(dir, &lookup);
    status = status == CR_OK ? cr_tape_lookup_read(lookup, key, each, ctx, err)
                             : cr_err_set(err, status, "no memory to read the tape");
    cr_tape_lookup_destroy(lookup);
    return status;
}
