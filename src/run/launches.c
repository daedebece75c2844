// launches.c - see launches.h.
#include "run/launches.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/json_write.h"

enum { LAUNCHES_BYTES_MAX = 1 << 20, LINE_BYTES_MAX = 1 << 14, LINE_DEPTH_MAX = 4 };

void cr_launches_fini(struct cr_launches *launches) {
    cr_buf_fini(&launches->json);
}

static enum cr_status path_of(const char *dir, struct cr_buf *path,
                              struct cr_err *err) {
    cr_buf_init(path, 1 << 14);
    const enum cr_status status = cr_path_join(path, dir, "launches");
    return status == CR_OK ? CR_OK
                           : cr_err_set(err, status, "%s/launches: too long", dir);
}

static enum cr_status add_line(struct cr_launches *launches, const char *line,
                               size_t len) {
    enum cr_status status = CR_OK;
    if (launches->json.used_bytes > 0) {
        status = cr_buf_add(&launches->json, ",", 1);
    }
    return status == CR_OK ? cr_buf_add(&launches->json, line, len) : status;
}

static enum cr_status take_line(struct cr_launches *launches, const char *line,
                                size_t len) {
    const struct cr_json_limits limits = {LINE_BYTES_MAX, LINE_DEPTH_MAX};
    struct cr_json *root = NULL;
    if (cr_json_parse(line, len, limits, &root, NULL) != CR_OK) {
        return CR_OK; // torn by a machine that stopped, or written by another hand
    }
    const char *event = cr_json_string(cr_json_get(root, "event"));
    if (event != NULL && strcmp(event, "start") == 0 && launches->first_start_ms == 0) {
        launches->first_start_ms =
            (int64_t)cr_json_number(cr_json_get(root, "wall_ms"), 0);
    } else if (event != NULL && strcmp(event, "end") == 0) {
        launches->retries += (uint64_t)cr_json_number(cr_json_get(root, "retries"), 0);
        launches->tape_lines =
            (uint64_t)cr_json_number(cr_json_get(root, "tape_lines"), 0);
        launches->rate_limited +=
            (uint64_t)cr_json_number(cr_json_get(root, "rate_limited"), 0);
    }
    cr_json_free(root);
    return add_line(launches, line, len);
}

static enum cr_status take_lines(struct cr_launches *launches,
                                 const struct cr_buf *text) {
    enum cr_status status = CR_OK;
    for (size_t at = 0; at < text->used_bytes && status == CR_OK;) {
        const char *line = text->data + at;
        const size_t len = strcspn(line, "\n");
        status = len > 0 ? take_line(launches, line, len) : CR_OK;
        at += len + 1;
    }
    return status;
}

enum cr_status cr_launches_read(const char *dir, struct cr_launches *out,
                                struct cr_err *err) {
    struct cr_buf path, text;
    *out = (struct cr_launches){0};
    cr_buf_init(&out->json, LAUNCHES_BYTES_MAX);
    cr_buf_init(&text, LAUNCHES_BYTES_MAX);
    enum cr_status status = path_of(dir, &path, err);
    if (status == CR_OK && cr_file_exists(path.data)) {
        status = cr_file_read(path.data, &text, err);
        if (status == CR_OK && take_lines(out, &text) != CR_OK) {
            status = cr_err_set(err, CR_E_MEMORY, "out of memory for %s", path.data);
        }
    }
    cr_buf_fini(&path);
    cr_buf_fini(&text);
    return status;
}

static enum cr_status append(const char *path, const struct cr_buf *line,
                             struct cr_err *err) {
    const int fd = cr_file_open_own(path, O_WRONLY | O_CREAT | O_APPEND);
    if (fd < 0) {
        return cr_err_set(err, cr_status_from_errno(errno), "%s: %s", path,
                          strerror(errno));
    }
    enum cr_status status = CR_OK;
    if (!cr_fd_write(fd, line->data, line->used_bytes)) {
        status = cr_err_set(err, cr_status_from_errno(errno), "%s: %s", path,
                            strerror(errno));
    }
    if (close(fd) != 0 && status == CR_OK) {
        status = cr_err_set(err, cr_status_from_errno(errno), "%s: %s", path,
                            strerror(errno));
    }
    return status;
}

// LINE without its newline into LAUNCHES, with it into the file.
static enum cr_status record(const char *dir, struct cr_launches *launches,
                             struct cr_buf *line, enum cr_status written,
                             struct cr_err *err) {
    struct cr_buf path;
    for (size_t i = 0; i < line->used_bytes; i++) {
        line->data[i] = line->data[i] == '\n' ? ' ' : line->data[i];
    }
    if (written == CR_OK) {
        written = add_line(launches, line->data, line->used_bytes);
    }
    if (written == CR_OK) {
        written = cr_buf_add(line, "\n", 1);
    }
    if (written != CR_OK) {
        return cr_err_set(err, written, "%s/launches: a line does not fit", dir);
    }
    enum cr_status status = path_of(dir, &path, err);
    if (status == CR_OK) {
        status = append(path.data, line, err);
    }
    cr_buf_fini(&path);
    return status;
}

enum cr_status cr_launches_begin(const char *dir, struct cr_launches *launches,
                                 const struct cr_launch_start *start,
                                 struct cr_err *err) {
    struct cr_buf line;
    cr_buf_init(&line, LINE_BYTES_MAX);
    struct cr_json_writer json = {.out = &line};
    cr_json_write_open(&json, NULL, '{');
    cr_json_write_text(&json, "event", "start");
    cr_json_write_count(&json, "launch", start->launch);
    cr_json_write_number(&json, "wall_ms", (double)start->wall_ms);
    cr_json_write_text(&json, "host", start->host);
    cr_json_write_count(&json, "ranks", (uint64_t)start->ranks);
    cr_json_write_text(&json, "version", start->version);
    cr_json_write_text(&json, "revision", start->revision);
    cr_json_write_text(&json, "mpi", start->mpi);
    cr_json_write_close(&json, '}');
    const enum cr_status status = record(dir, launches, &line, json.status, err);
    if (status == CR_OK && launches->first_start_ms == 0) {
        launches->first_start_ms = start->wall_ms;
    }
    cr_buf_fini(&line);
    return status;
}

enum cr_status cr_launches_end(const char *dir, struct cr_launches *launches,
                               const struct cr_launch_end *end, struct cr_err *err) {
    struct cr_buf line;
    cr_buf_init(&line, LINE_BYTES_MAX);
    struct cr_json_writer json = {.out = &line};
    cr_json_write_open(&json, NULL, '{');
    cr_json_write_text(&json, "event", "end");
    cr_json_write_count(&json, "launch", end->launch);
    cr_json_write_number(&json, "wall_ms", (double)end->wall_ms);
    cr_json_write_text(&json, "state", end->state);
    cr_json_write_number(&json, "exit_code", end->exit_code);
    cr_json_write_count(&json, "tape_lines", end->tape_lines);
    cr_json_write_count(&json, "calls", end->spent.calls);
    cr_json_write_count(&json, "tokens_in", end->spent.tokens_in);
    cr_json_write_count(&json, "tokens_out", end->spent.tokens_out);
    cr_json_write_count(&json, "tokens_cached", end->spent.tokens_cached);
    cr_json_write_number(&json, "usd", end->spent.usd);
    cr_json_write_count(&json, "retries", end->spent.retries);
    cr_json_write_count(&json, "rate_limited", end->spent.rate_limited);
    cr_json_write_close(&json, '}');
    const enum cr_status status = record(dir, launches, &line, json.status, err);
    cr_buf_fini(&line);
    return status;
}

// Whether the line is the start of LAUNCH at WALL_MS; a line that is no JSON is not.
static enum cr_status is_start_of(const char *line, size_t len, uint32_t launch,
                                  int64_t wall_ms, bool *is_it) {
    const struct cr_json_limits limits = {LINE_BYTES_MAX, LINE_DEPTH_MAX};
    struct cr_json *root = NULL;
    enum cr_status status = cr_json_parse(line, len, limits, &root, NULL);
    if (status == CR_OK) {
        const char *event = cr_json_string(cr_json_get(root, "event"));
        *is_it = event != NULL && strcmp(event, "start") == 0 &&
                 cr_json_number(cr_json_get(root, "launch"), -1) == (double)launch &&
                 cr_json_number(cr_json_get(root, "wall_ms"), -1) == (double)wall_ms;
    }
    cr_json_free(root);
    return status == CR_E_MEMORY ? status : CR_OK;
}

static enum cr_status search(const struct cr_buf *text, uint32_t launch,
                             int64_t wall_ms, bool *has) {
    enum cr_status status = CR_OK;
    for (size_t at = 0; at < text->used_bytes && !*has && status == CR_OK;) {
        const size_t len = strcspn(text->data + at, "\n");
        status = is_start_of(text->data + at, len, launch, wall_ms, has);
        at += len + 1;
    }
    return status;
}

enum cr_status cr_launches_look(const char *dir, uint32_t launch, int64_t wall_ms,
                                bool *has, struct cr_err *err) {
    struct cr_buf path, text;
    bool found = false;
    cr_buf_init(&text, LAUNCHES_BYTES_MAX);
    enum cr_status status = path_of(dir, &path, err);
    if (status == CR_OK && access(path.data, F_OK) == 0) {
        status = cr_file_read(path.data, &text, err);
    } else if (status == CR_OK && errno != ENOENT && errno != ENOTDIR) {
        status = cr_err_set(err, CR_E_IO, "cannot look at %s: %s", path.data,
                            strerror(errno));
    }
    if (status == CR_OK) {
        status = search(&text, launch, wall_ms, &found);
        if (status != CR_OK) {
            status =
                cr_err_set(err, status, "out of memory for the launches of %s", dir);
        }
    }
    if (status == CR_OK) {
        *has = found;
    }
    cr_buf_fini(&path);
    cr_buf_fini(&text);
    return status;
}
