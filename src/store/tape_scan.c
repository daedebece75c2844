// tape_scan.c - the reader. Nothing of a line is believed before its checksum was found
// right; what is not believed is counted, the first of it named, and the scan goes on.
#include <stdio.h>
#include <string.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/store/tape.h"
#include "store/tape_dir.h"
#include "store/tape_line.h"
#include "store/tape_reader.h"

enum { SCAN_PIECE_BYTES = 1 << 20, LINE_PIECE_BYTES = 1 << 14 };

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

static enum cr_status give_key(struct scan *scan, const struct cr_tape_text *text,
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
                                const struct cr_tape_text *text, struct cr_err *err) {
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
    struct cr_tape_reader reader;
    enum cr_status status =
        cr_tape_reader_open(&reader, path, 0, SCAN_PIECE_BYTES, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_tape_text text = {0};
    for (uint64_t line = 1; status == CR_OK; line++) {
        status = cr_tape_reader_next(&reader, &text, err);
        if (status != CR_OK || text.line == NULL) {
            break;
        }
        if (text.is_torn) {
            scan->damage.torn++;
            break;
        }
        status = give_line(scan, path, line, &text, err);
    }
    cr_tape_reader_close(&reader);
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

enum cr_status cr_tape_scan_file(const char *path, cr_tape_record_fn each, void *ctx,
                                 struct cr_tape_damage *damage, struct cr_err *err) {
    struct scan scan = {.each_record = each, .ctx = ctx};
    return finish(&scan, scan_one(&scan, path, err), damage);
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
    } else if (cr_file_exists(path.data)) {
        status = scan_one(&scan, path.data, err);
    }
    cr_buf_fini(&path);
    return finish(&scan, status, damage);
}

static enum cr_status read_line_at(const char *path, uint64_t offset,
                                   cr_tape_record_fn each, void *ctx,
                                   struct cr_err *err) {
    struct cr_tape_reader reader;
    enum cr_status status =
        cr_tape_reader_open(&reader, path, offset, LINE_PIECE_BYTES, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_tape_text text = {0};
    status = cr_tape_reader_next(&reader, &text, err);
    if (status == CR_OK && (text.line == NULL || text.is_torn || text.is_too_long ||
                            cr_tape_line_fault(text.line, text.bytes) != NULL)) {
        status = cr_err_set(err, CR_E_FORMAT, "%s: no whole line at byte %llu", path,
                            (unsigned long long)offset);
    } else if (status == CR_OK) {
        status = cr_tape_line_decode(text.line, text.bytes, each, ctx, err);
    }
    cr_tape_reader_close(&reader);
    return status;
}

enum cr_status cr_tape_read_at(const char *dir, const struct cr_tape_key *key,
                               cr_tape_record_fn each, void *ctx, struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, 1 << 16);
    struct cr_tape_file file = {key->launch, key->rank};
    enum cr_status status = cr_tape_dir_path(&path, dir, file);
    if (status == CR_OK) {
        status = read_line_at(path.data, key->offset, each, ctx, err);
    } else {
        status = cr_err_set(err, status, "no memory to read the tape");
    }
    cr_buf_fini(&path);
    return status;
}
