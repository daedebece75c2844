// study_lock.c - what was known when hypotheses were locked is counted, not remembered:
// the lines of the tape, and the rows of run.h5.
#include "run/study_lock.h"

#include "credence/base/file.h"
#include "credence/job/study.h"
#include "credence/store/run_view.h"
#include "credence/store/tape.h"

#define LOCK_FILE "hypotheses.json"
enum { PATH_BYTES_MAX = 1 << 14 };

static enum cr_status count_reply(void *ctx, const struct cr_tape_key *key,
                                  struct cr_err *err) {
    uint64_t *replies = ctx;
    (void)key;
    (void)err;
    (*replies)++;
    return CR_OK;
}

// Episodes that run.h5 of DIR holds; 0 without a readable one, for the tape counts too.
static uint64_t count_done(const char *dir) {
    struct cr_run_view *view = NULL;
    struct cr_buf path;
    uint64_t done = 0;
    cr_buf_init(&path, PATH_BYTES_MAX);
    if (cr_path_join(&path, dir, "run.h5") == CR_OK && cr_file_exists(path.data) &&
        cr_run_view_open_parts(path.data, CR_VIEW_NUMBERS, &view, NULL) == CR_OK) {
        for (uint64_t i = 0; i < view->episodes; i++) {
            done += view->status[i] != CR_PENDING;
        }
        cr_run_view_close(view);
    }
    cr_buf_fini(&path);
    return done;
}

static enum cr_status lock_now(const char *dir, const struct cr_job *job,
                               int64_t wall_ms, struct cr_buf *out,
                               struct cr_err *err) {
    struct cr_study_lock lock = {.wall_ms = wall_ms};
    struct cr_tape_damage damage = {0};
    enum cr_status status =
        cr_tape_scan_keys(dir, count_reply, &lock.replies, &damage, err);
    lock.episodes_done = count_done(dir);
    return status == CR_OK ? cr_study_write(job, &lock, out, err) : status;
}

static enum cr_status renew(const struct cr_buf *stored, const struct cr_job *job,
                            bool *changed, struct cr_buf *out, struct cr_err *err) {
    struct cr_study *study = NULL;
    enum cr_status status =
        cr_study_read(stored->data, stored->used_bytes, &study, err);
    if (status == CR_OK) {
        status = cr_study_renew(study, job, changed, out, err);
    }
    cr_study_destroy(study);
    return status;
}

// PATH as it is to be, appended to OUT; nothing when there is nothing to lock.
static enum cr_status make_text(const char *path, const struct cr_job *job,
                                bool *changed, struct cr_buf *out, struct cr_err *err) {
    struct cr_buf stored;
    cr_buf_init(&stored, CR_STUDY_BYTES_MAX);
    enum cr_status status = cr_file_read(path, &stored, err);
    if (status == CR_OK) {
        status = renew(&stored, job, changed, out, err);
        status =
            status == CR_OK ? CR_OK : cr_err_while(err, status, "reading %s", path);
    }
    cr_buf_fini(&stored);
    return status;
}

enum cr_status cr_study_lock_take(const char *dir, const struct cr_job *job,
                                  int64_t wall_ms, struct cr_buf *out,
                                  struct cr_err *err) {
    struct cr_buf path;
    bool changed = false;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, dir, LOCK_FILE);
    if (status == CR_OK) {
        status = make_text(path.data, job, &changed, out, err);
    }
    if (status == CR_E_NOT_FOUND) {
        changed = job->hypotheses_len > 0;
        status = changed ? lock_now(dir, job, wall_ms, out, err) : CR_OK;
    }
    if (status == CR_OK && changed) {
        status = cr_file_write(path.data, out->data, out->used_bytes, 0600, err);
    }
    cr_buf_fini(&path);
    return status;
}

enum cr_status cr_study_lock_keep(const char *dir, const struct cr_job *job,
                                  int64_t wall_ms, struct cr_err *err) {
    struct cr_buf text;
    cr_buf_init(&text, 2 * CR_STUDY_BYTES_MAX);
    enum cr_status status = cr_study_lock_take(dir, job, wall_ms, &text, err);
    cr_buf_fini(&text);
    return status;
}
