// tape.c - the writer. The length of what is whole is known (whole_bytes), so whatever
// a failed write leaves behind is cut off again before anything else is written: a line
// is on the tape or it is not. When even cutting fails, the next append tries that
// first.
#include "credence/store/tape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "store/tape_internal.h"

enum { NAME_BYTES_MAX = 32 };

static void name_of(struct cr_tape_file file, char out[NAME_BYTES_MAX]) {
    snprintf(out, NAME_BYTES_MAX, "%04u-%05u.jsonl", file.launch, file.rank);
}

static bool parse_name(const char *name, struct cr_tape_file *out) {
    char again[NAME_BYTES_MAX], *dash = NULL;
    out->launch = (uint32_t)strtoul(name, &dash, 10);
    out->rank = *dash == '-' ? (uint32_t)strtoul(dash + 1, NULL, 10) : 0;
    name_of(*out, again);
    return strcmp(name, again) == 0;
}

static int compare(const void *left, const void *right) {
    const struct cr_tape_file *a = left, *b = right;
    if (a->launch != b->launch) {
        return a->launch < b->launch ? -1 : 1;
    }
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static enum cr_status read_names(DIR *folder, struct cr_tape_file **files,
                                 size_t *len) {
    size_t cap = 0, used = 0;
    struct cr_tape_file file, *list = NULL;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0) {
            const enum cr_status status = cr_status_from_errno(errno);
            cr_free(list);
            return status;
        }
        if (entry == NULL) {
            break;
        }
        if (!parse_name(entry->d_name, &file)) {
            continue;
        }
        if (cr_array_grow((void **)&list, &cap, used + 1, sizeof *list) != CR_OK) {
            cr_free(list);
            return CR_E_MEMORY;
        }
        list[used++] = file;
    }
    if (used > 0) {
        qsort(list, used, sizeof *list, compare);
    }
    *files = list;
    *len = used;
    return CR_OK;
}

enum cr_status cr_tape_dir_list(const char *dir, struct cr_tape_file **files,
                                size_t *len, struct cr_err *err) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/tape", dir) >= (int)sizeof path) {
        return cr_err_set(err, CR_E_LIMIT, "%s/tape: path is too long", dir);
    }
    DIR *folder = opendir(path);
    if (folder == NULL && errno == ENOENT) {
        *files = NULL;
        *len = 0;
        return CR_OK;
    }
    if (folder == NULL) {
        return cr_err_set(err, cr_status_from_errno(errno), "cannot list %s: %s", path,
                          strerror(errno));
    }
    enum cr_status status = read_names(folder, files, len);
    if (status != CR_OK) {
        cr_err_set(err, status, "cannot list %s: %s", path,
                   status == CR_E_MEMORY ? "out of memory" : strerror(errno));
    }
    closedir(folder);
    return status;
}

enum cr_status cr_tape_dir_path(struct cr_buf *out, const char *dir,
                                struct cr_tape_file file) {
    char name[NAME_BYTES_MAX];
    name_of(file, name);
    cr_buf_clear(out);
    return cr_buf_printf(out, "%s/tape/%s", dir, name);
}

uint32_t cr_tape_next_launch(const char *dir) {
    struct cr_tape_file *files = NULL;
    size_t len = 0;
    if (cr_tape_dir_list(dir, &files, &len, NULL) != CR_OK || len == 0) {
        return 0;
    }
    uint32_t next = files[len - 1].launch + 1;
    cr_free(files);
    return next;
}

enum { WRITE_BYTES = 1 << 20 }; // no more is gathered for one write

struct cr_tape {
    int fd;
    struct cr_buf path, lines;
    const struct cr_clock *clock;
    int64_t sync_ms;
    int64_t unsynced_since_ms; // of the oldest line not synced, when is_dirty
    bool is_dirty;
    bool is_torn; // bytes beyond whole_bytes may be in the file
    off_t whole_bytes;
};

static enum cr_status fail_errno(struct cr_tape *tape, const char *what,
                                 struct cr_err *err) {
    int saved = errno;
    return cr_err_set(err, cr_status_from_errno(saved), "cannot %s %s: %s", what,
                      tape->path.data, strerror(saved));
}

static void tape_destroy(struct cr_tape *tape) {
    if (tape->fd >= 0) {
        close(tape->fd);
    }
    cr_buf_fini(&tape->path);
    cr_buf_fini(&tape->lines);
    cr_free(tape);
}

// The new file of the open folder DIR/tape. Nothing in between is followed: who can
// write in the directory must not choose where a run writes. The folder is synced, so
// that a crash of the node cannot lose the file's name.
static enum cr_status make_in(struct cr_tape *tape, int folder,
                              struct cr_tape_file file, struct cr_err *err) {
    char name[NAME_BYTES_MAX];
    name_of(file, name);
    tape->fd =
        openat(folder, name,
               O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (tape->fd < 0 && errno == EEXIST) {
        return cr_err_set(err, CR_E_BUSY, "%s exists: another run uses this directory",
                          tape->path.data);
    }
    if (tape->fd < 0 || fchmod(tape->fd, (mode_t)cr_file_mode(0600)) != 0) {
        return fail_errno(tape, "create", err);
    }
    // Some file systems refuse to sync a folder (EINVAL): theirs is the promise then.
    return fsync(folder) != 0 && errno != EINVAL
               ? fail_errno(tape, "sync the folder of", err)
               : CR_OK;
}

static enum cr_status make_file(struct cr_tape *tape, const char *dir,
                                struct cr_tape_file file, struct cr_err *err) {
    struct cr_buf folder;
    cr_buf_init(&folder, 1 << 16);
    enum cr_status status = cr_path_join(&folder, dir, "tape");
    if (status == CR_OK) {
        status = cr_tape_dir_path(&tape->path, dir, file);
    }
    if (status == CR_OK) {
        status = cr_dir_make(folder.data, err);
    } else {
        status = cr_err_set(err, status, "no memory to open a tape");
    }
    if (status == CR_OK) {
        const int fd =
            open(folder.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        status = fd < 0 ? fail_errno(tape, "open the folder of", err)
                        : make_in(tape, fd, file, err);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    cr_buf_fini(&folder);
    return status;
}

enum cr_status cr_tape_open(const struct cr_tape_cfg *cfg, struct cr_tape **out,
                            struct cr_err *err) {
    struct cr_tape *tape = cr_calloc(1, sizeof *tape);
    if (tape == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory to open a tape");
    }
    tape->fd = -1;
    tape->clock = cfg->clock;
    tape->sync_ms = cfg->sync_ms;
    cr_buf_init(&tape->path, 1 << 16);
    cr_buf_init(&tape->lines, CR_TAPE_LINE_MAX);
    struct cr_tape_file file = {cfg->launch, (uint32_t)cfg->rank};
    enum cr_status status = make_file(tape, cfg->dir, file, err);
    if (status != CR_OK) {
        tape_destroy(tape);
        return status;
    }
    *out = tape;
    return CR_OK;
}

static enum cr_status cut_torn(struct cr_tape *tape, struct cr_err *err) {
    if (tape->is_torn && ftruncate(tape->fd, tape->whole_bytes) != 0) {
        return fail_errno(tape, "cut a partial line off", err);
    }
    tape->is_torn = false;
    return CR_OK;
}

// What a failed write left: the lines that are whole stay, the rest is cut off. The
// number of lines that stay.
static size_t keep_whole_lines(struct cr_tape *tape, size_t written) {
    size_t lines = 0, whole = 0;
    for (size_t i = 0; i < written; i++) {
        if (tape->lines.data[i] == '\n') {
            lines++;
            whole = i + 1;
        }
    }
    tape->whole_bytes += (off_t)whole;
    tape->is_torn = true;
    struct cr_err ignored;
    if (cut_torn(tape, &ignored) != CR_OK) {
        tape->is_torn = true; // tried again by the next append
    }
    return lines;
}

// Append the LEN lines that stand ready with one write; *kept grows by those on tape.
static enum cr_status write_lines(struct cr_tape *tape, size_t len, size_t *kept,
                                  struct cr_err *err) {
    size_t bytes = tape->lines.used_bytes;
    ssize_t written;
    do {
        written = write(tape->fd, tape->lines.data, bytes);
    } while (written < 0 && errno == EINTR);
    if (written == (ssize_t)bytes) {
        tape->whole_bytes += written;
        *kept += len;
        return CR_OK;
    }
    // A short write to a regular file is a full disk, a quota or a size limit: the
    // cause would show at the next write.
    int cause = written < 0 ? errno : ENOSPC;
    *kept += keep_whole_lines(tape, written < 0 ? 0 : (size_t)written);
    errno = cause == EFBIG ? ENOSPC : cause; // RLIMIT_FSIZE is as good as full
    return fail_errno(tape, "append to", err);
}

// Make lines of RECORDS until there is enough for one write; *len of them.
static enum cr_status encode_lines(struct cr_tape *tape,
                                   const struct cr_call_record *records, size_t most,
                                   size_t *len, struct cr_err *err) {
    enum cr_status status = CR_OK;
    cr_buf_clear(&tape->lines);
    for (*len = 0; *len < most && tape->lines.used_bytes < WRITE_BYTES; ++*len) {
        size_t before = tape->lines.used_bytes;
        tape->lines.max_bytes = before + CR_TAPE_LINE_MAX;
        status = cr_tape_line_encode(&tape->lines, &records[*len]);
        if (status != CR_OK) {
            tape->lines.used_bytes = before;
            return cr_err_set(err, status, "a reply does not fit a line of %s: %s",
                              tape->path.data, cr_status_text(status));
        }
    }
    return CR_OK;
}

static void note_unsynced(struct cr_tape *tape) {
    if (!tape->is_dirty) {
        tape->is_dirty = true;
        tape->unsynced_since_ms = cr_clock_now_ms(tape->clock);
    }
}

enum cr_status cr_tape_append_all(struct cr_tape *tape,
                                  const struct cr_call_record *records, size_t len,
                                  size_t *kept, struct cr_err *err) {
    *kept = 0;
    enum cr_status status = cut_torn(tape, err);
    while (status == CR_OK && *kept < len) {
        size_t lines;
        struct cr_err unwritten;
        enum cr_status encoded =
            encode_lines(tape, records + *kept, len - *kept, &lines, err);
        status = write_lines(tape, lines, kept, encoded == CR_OK ? err : &unwritten);
        status = encoded != CR_OK ? encoded : status;
    }
    if (*kept > 0) {
        note_unsynced(tape);
    }
    return status != CR_OK ? status : cr_tape_sync(tape, tape->sync_ms == 0, err);
}

enum cr_status cr_tape_append(struct cr_tape *tape, const struct cr_call_record *record,
                              struct cr_err *err) {
    size_t kept;
    return cr_tape_append_all(tape, record, 1, &kept, err);
}

enum cr_status cr_tape_sync(struct cr_tape *tape, bool force, struct cr_err *err) {
    if (!tape->is_dirty) {
        return CR_OK;
    }
    int64_t age_ms = cr_clock_now_ms(tape->clock) - tape->unsynced_since_ms;
    if (!force && age_ms < tape->sync_ms) {
        return CR_OK;
    }
    int result;
    do {
        result = fdatasync(tape->fd);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return fail_errno(tape, "sync", err);
    }
    tape->is_dirty = false;
    return CR_OK;
}

enum cr_status cr_tape_close(struct cr_tape *tape, struct cr_err *err) {
    if (tape == NULL) {
        return CR_OK;
    }
    enum cr_status status = cut_torn(tape, err);
    enum cr_status synced = cr_tape_sync(tape, true, status == CR_OK ? err : NULL);
    if (close(tape->fd) != 0 && errno != EINTR && status == CR_OK && synced == CR_OK) {
        status = fail_errno(tape, "close", err);
    }
    tape->fd = -1;
    tape_destroy(tape);
    return status == CR_OK ? synced : status;
}
