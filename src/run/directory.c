// directory.c - see directory.h.
#include "run/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/log.h"
#include "credence/job/bundle.h"
#include "credence/job/job_file.h"

enum { PATH_BYTES_MAX = 1 << 14, STATUS_BYTES_MAX = 1 << 22, ASIDE_MAX = 10000 };
enum { UNSYNCED_S = 5 }; // of calls that a machine which stopped may have lost

static enum cr_status write_in(const char *dir, const char *name, const void *bytes,
                               size_t len, struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, dir, name);
    status = status == CR_OK ? cr_file_write(path.data, bytes, len, 0600, err)
                             : cr_err_set(err, status, "%s/%s: too long", dir, name);
    cr_buf_fini(&path);
    return status;
}

static enum cr_status read_in(const char *dir, const char *name, struct cr_buf *out,
                              struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, dir, name);
    status = status == CR_OK ? cr_file_read(path.data, out, err)
                             : cr_err_set(err, status, "%s/%s: too long", dir, name);
    cr_buf_fini(&path);
    return status;
}

static bool has_in(const char *dir, const char *name) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    const bool is_there =
        cr_path_join(&path, dir, name) == CR_OK && cr_file_exists(path.data);
    cr_buf_fini(&path);
    return is_there;
}

// Whether there is certainly no NAME in DIR: a question that a sick disk does not answer
// is not answered by "no".
static bool lacks(const char *dir, const char *name) {
    struct stat st;
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    const bool is_absent = cr_path_join(&path, dir, name) == CR_OK &&
                           lstat(path.data, &st) != 0 && errno == ENOENT;
    cr_buf_fini(&path);
    return is_absent;
}

// "status.json.tmp.4711": a file of ours under its temporary name (file.c).
static bool is_half_written(const char *name) {
    const char *mark = strstr(name, ".tmp.");
    return mark != NULL && mark[5] != '\0' &&
           strspn(mark + 5, "0123456789") == strlen(mark + 5);
}

// What a launch that ended before it began may leave: a lock, or half a file of ours
// under its temporary name (file.c).
static bool is_leftover(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, "lock") == 0 || strncmp(name, "lock.", 5) == 0 ||
           is_half_written(name);
}

static bool is_empty(const char *dir) {
    DIR *stream = opendir(dir);
    bool is_empty = true;
    if (stream == NULL) {
        return true;
    }
    for (struct dirent *entry; is_empty && (entry = readdir(stream)) != NULL;) {
        is_empty = is_leftover(entry->d_name);
    }
    closedir(stream);
    return is_empty;
}

void cr_directory_remove(const char *dir, const char *name) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    if (cr_path_join(&path, dir, name) == CR_OK) {
        (void)unlink(path.data);
    }
    cr_buf_fini(&path);
}

// What writers that were killed left half-written. The caller has the lock, so nobody is
// writing now.
static void sweep(const char *dir) {
    DIR *stream = opendir(dir);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        if (is_half_written(entry->d_name)) {
            cr_directory_remove(dir, entry->d_name);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

// Nothing is ever deleted: what was there is to be found under another name.
static enum cr_status move_aside(const char *dir, struct cr_log *log,
                                 struct cr_err *err) {
    char aside[PATH_BYTES_MAX];
    for (int n = 1; n < ASIDE_MAX; n++) {
        if (snprintf(aside, sizeof aside, "%s.%d", dir, n) >= (int)sizeof aside) {
            break;
        }
        if (cr_dir_exists(aside) || cr_file_exists(aside)) {
            continue;
        }
        if (rename(dir, aside) != 0) {
            return cr_err_set(err, cr_status_from_errno(errno),
                              "%s cannot be moved to %s: %s", dir, aside,
                              strerror(errno));
        }
        cr_directory_remove(aside, "lock"); // the caller's: it was meant for DIR
        cr_log_write(log, CR_LOG_INFO, "the earlier %s is now %s", dir, aside);
        return CR_OK;
    }
    return cr_err_set(err, CR_E_IO, "%s cannot be moved aside: no free name", dir);
}

enum cr_status cr_directory_make(const char *dir, bool fresh, struct cr_log *log,
                                 struct cr_err *err) {
    if (cr_dir_exists(dir)) {
        if (!is_empty(dir) && lacks(dir, "bundle")) {
            return cr_err_set(
                err, CR_E_USAGE,
                "%s exists but is not a run directory (it has no bundle); "
                "choose another",
                dir);
        }
        if (fresh && !is_empty(dir)) {
            const enum cr_status status = move_aside(dir, log, err);
            if (status != CR_OK) {
                return status;
            }
        }
    }
    enum cr_status status = cr_dir_make(dir, err);
    if (status == CR_OK && access(dir, W_OK | X_OK) != 0) {
        status =
            cr_err_set(err, errno == EACCES || errno == EROFS ? CR_E_USAGE : CR_E_IO,
                       "%s cannot be written: %s; run the same command again when it "
                       "can, or choose another",
                       dir, strerror(errno));
    }
    return status;
}

// Whether DIR has calls, but no run has begun in it: a probe made them.
static bool is_probed_only(const char *dir) {
    return has_in(dir, "probe") && lacks(dir, "status.json") && lacks(dir, "run.h5");
}

static enum cr_status check_same(const char *dir, const struct cr_job *job,
                                 const struct cr_buf *stored, struct cr_err *err) {
    struct cr_job *old = NULL;
    struct cr_buf difference;
    enum cr_status status = cr_job_create(stored->data, stored->used_bytes, &old, err);
    if (status != CR_OK) {
        return cr_err_while(err, status, "reading the job that %s belongs to", dir);
    }
    cr_buf_init(&difference, CR_ERR_TEXT_MAX / 2);
    if (old->identity.hi != job->identity.hi || old->identity.lo != job->identity.lo) {
        // A list too long for a message is cut; its beginning says enough.
        cr_status_ignore(
            cr_job_difference(old->identity_json, job->identity_json, &difference));
        status = cr_err_set(err, CR_E_DIFFERS,
                            "%s belongs to another job; choose another directory, or "
                            "--fresh to move it "
                            "aside. What differs:\n%s",
                            dir, difference.data == NULL ? "" : difference.data);
    }
    const uint32_t parts = job->shards == 0 ? 1 : job->shards;
    const uint32_t old_parts = old->shards == 0 ? 1 : old->shards;
    if (status == CR_OK && (old->shard != job->shard || old_parts != parts)) {
        status = cr_err_set(err, CR_E_DIFFERS,
                            "%s was begun as --shard %u/%u, not %u/%u: the parts would "
                            "overlap; give the same, or choose another directory",
                            dir, old->shard + 1, old_parts, job->shard + 1, parts);
    }
    cr_buf_fini(&difference);
    cr_job_destroy(old);
    return status;
}

enum cr_status cr_directory_claim(const char *dir, const struct cr_job *job,
                                  const struct cr_buf *bundle, bool *is_unchanged,
                                  struct cr_err *err) {
    struct cr_buf stored;
    sweep(dir);
    cr_buf_init(&stored, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = CR_OK;
    status = read_in(dir, "bundle", &stored, err);
    const bool is_known = status == CR_OK;
    status = status == CR_E_NOT_FOUND ? CR_OK : status;
    if (status == CR_OK && is_known && !is_probed_only(dir)) {
        status = check_same(dir, job, &stored, err);
    }
    *is_unchanged = is_known && stored.used_bytes == bundle->used_bytes &&
                    memcmp(stored.data, bundle->data, bundle->used_bytes) == 0;
    cr_buf_fini(&stored);
    if (status != CR_OK || *is_unchanged) {
        return status;
    }
    // What status.json says of the old inputs must not be read as said of these.
    cr_directory_remove(dir, "status.json");
    status = write_in(dir, "bundle", bundle->data, bundle->used_bytes, err);
    if (status == CR_OK) {
        status = write_in(dir, "job.json", job->resolved, strlen(job->resolved), err);
    }
    return status;
}

enum cr_status cr_directory_mark_probed(const char *dir, struct cr_err *err) {
    static const char text[] = "Only credence probe has used this directory so far.\n";
    return lacks(dir, "status.json") && lacks(dir, "run.h5")
               ? write_in(dir, "probe", text, sizeof text - 1, err)
               : CR_OK;
}

enum cr_status cr_directory_bundle(const char *dir, struct cr_buf *out,
                                   struct cr_err *err) {
    const enum cr_status status = read_in(dir, "bundle", out, err);
    return status == CR_E_NOT_FOUND
               ? cr_err_set(err, CR_E_USAGE,
                            "%s is not a run directory (it has no bundle)", dir)
               : status;
}

bool cr_directory_is_complete(const char *dir) {
    struct cr_buf text;
    struct cr_json *root = NULL;
    const struct cr_json_limits limits = {STATUS_BYTES_MAX, 16};
    cr_buf_init(&text, STATUS_BYTES_MAX);
    bool is_complete =
        has_in(dir, "status.json") && has_in(dir, "run.h5") &&
        read_in(dir, "status.json", &text, NULL) == CR_OK &&
        cr_json_parse(text.data, text.used_bytes, limits, &root, NULL) == CR_OK;
    if (is_complete) {
        const char *state = cr_json_string(cr_json_get(root, "state"));
        is_complete = state != NULL && strcmp(state, "complete") == 0 &&
                      cr_json_number(cr_json_get(root, "failed"), 1) == 0 &&
                      cr_json_number(cr_json_get(root, "pending"), 1) == 0;
    }
    cr_json_free(root);
    cr_buf_fini(&text);
    return is_complete;
}

uint64_t cr_directory_tape_lines(const char *dir) {
    struct cr_buf text;
    struct cr_json *root = NULL;
    const struct cr_json_limits limits = {STATUS_BYTES_MAX, 16};
    double lines = 0, slack = 0;
    cr_buf_init(&text, STATUS_BYTES_MAX);
    if (has_in(dir, "status.json") &&
        read_in(dir, "status.json", &text, NULL) == CR_OK &&
        cr_json_parse(text.data, text.used_bytes, limits, &root, NULL) == CR_OK) {
        lines = cr_json_number(cr_json_get(root, "tape_lines"), 0);
        const char *state = cr_json_string(cr_json_get(root, "state"));
        const bool was_killed = state != NULL && (strcmp(state, "running") == 0 ||
                                                  strcmp(state, "draining") == 0);
        slack = was_killed
                    ? UNSYNCED_S * cr_json_number(cr_json_get(root, "calls_per_s"), 0)
                    : 0;
    }
    cr_json_free(root);
    cr_buf_fini(&text);
    return lines > slack ? (uint64_t)(lines - slack) : 0;
}

enum cr_status cr_directory_rename(const char *dir, const char *from, const char *to,
                                   struct cr_err *err) {
    struct cr_buf old, new;
    cr_buf_init(&old, PATH_BYTES_MAX);
    cr_buf_init(&new, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&old, dir, from);
    if (status == CR_OK) {
        status = cr_path_join(&new, dir, to);
    }
    if (status == CR_OK && rename(old.data, new.data) != 0 && errno != ENOENT) {
        status = cr_err_set(err, cr_status_from_errno(errno), "%s: %s", old.data,
                            strerror(errno));
    }
    cr_buf_fini(&old);
    cr_buf_fini(&new);
    return status;
}
