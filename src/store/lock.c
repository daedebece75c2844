// lock.c - see lock.h. The lock file is one JSON object, so that a person can read it:
// {"host":"node1 pid:[4026531836]","pid":4711,"started":123456,"beat":17}
#include "credence/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"

enum { LOCK_BYTES_MAX = 4096, WATCH_MS = 200, DYING_MS = 2000, ATTEMPTS_MAX = 4 };

struct cr_lock {
    char *path, *host;
    const struct cr_clock *clock;
    uint64_t started, beat;
    int64_t beaten_ms, seen_ms; // seen: when the file was last read and was ours
};

struct holder {
    char host[512];
    int64_t pid;
    uint64_t started, beat;
};

// When process PID began, in clock ticks since boot: with its number, a process's name.
// 0 when it is gone, or dead and only not yet buried by its parent.
static uint64_t started_of(int64_t pid) {
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    if (len <= 0) {
        return 0;
    }
    text[len] = '\0';
    const char *at = strrchr(text, ')'); // the name may hold anything
    if (at != NULL && (at[2] == 'Z' || at[2] == 'X')) {
        return 0;
    }
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

static enum cr_status print(const struct cr_lock *lock, struct cr_buf *out) {
    enum cr_status status = cr_buf_add_text(out, "{\"host\":");
    if (status == CR_OK) {
        status = cr_json_add_quoted(out, lock->host, strlen(lock->host));
    }
    if (status == CR_OK) {
        status = cr_buf_printf(
            out, ",\"pid\":%d,\"started\":%" PRIu64 ",\"beat\":%" PRIu64 "}\n",
            (int)getpid(), lock->started, lock->beat);
    }
    return status;
}

// What a look at the lock says.
enum lock_sight {
    LOCK_ABSENT,
    LOCK_HELD,      // by the holder it names
    LOCK_DAMAGED,   // it names nobody: half written, or not ours
    LOCK_UNREADABLE // errno says why; nothing is known of it
};

// Its text, without waiting: the name may be a FIFO's. False: errno says why.
static bool read_text(const char *path, struct cr_buf *text) {
    struct stat st;
    char piece[LOCK_BYTES_MAX];
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = fstat(fd, &st);
    if (len == 0 && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        len = -1;
    }
    while (len >= 0 && (len = read(fd, piece, sizeof piece)) > 0) {
        const enum cr_status status = cr_buf_add(text, piece, (size_t)len);
        if (status == CR_E_MEMORY) { // nothing is known of it: not "damaged"
            errno = ENOMEM;
            len = -1;
        } else if (status != CR_OK) {
            break; // longer than ours: damaged
        }
    }
    const int errnum = errno;
    (void)close(fd);
    errno = errnum;
    return len >= 0;
}

static enum lock_sight look(const char *path, struct holder *out) {
    struct cr_buf text;
    struct cr_json *root = NULL;
    const struct cr_json_limits limits = {LOCK_BYTES_MAX, 4};
    cr_buf_init(&text, LOCK_BYTES_MAX);
    *out = (struct holder){.host = ""};
    enum lock_sight sight = LOCK_HELD;
    enum cr_status parsed = CR_E_FORMAT; // an empty one, too
    if (!read_text(path, &text)) {
        sight = errno == ENOENT ? LOCK_ABSENT : LOCK_UNREADABLE;
    } else if (text.used_bytes > 0) {
        parsed = cr_json_parse(text.data, text.used_bytes, limits, &root, NULL);
    }
    if (sight == LOCK_HELD && parsed == CR_E_MEMORY) {
        errno = ENOMEM;
        sight = LOCK_UNREADABLE;
    } else if (sight == LOCK_HELD && parsed != CR_OK) {
        sight = LOCK_DAMAGED;
    } else if (sight == LOCK_HELD) {
        const char *host = cr_json_string(cr_json_get(root, "host"));
        (void)snprintf(out->host, sizeof out->host, "%s", host == NULL ? "" : host);
        out->pid = (int64_t)cr_json_number(cr_json_get(root, "pid"), 0);
        out->started = (uint64_t)cr_json_number(cr_json_get(root, "started"), 0);
        out->beat = (uint64_t)cr_json_number(cr_json_get(root, "beat"), 0);
    }
    const int errnum = errno;
    cr_json_free(root);
    cr_buf_fini(&text);
    errno = errnum;
    return sight;
}

// Make PATH itself, for file systems without link(): BeeGFS, SMB, gcsfuse. Others may
// see it empty for a moment; they watch it then.
static int make_exclusive(const char *path, const struct cr_buf *text) {
    const int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int failed =
        cr_fd_write(fd, text->data, text->used_bytes) && fsync(fd) == 0 ? 0 : errno;
    if (close(fd) != 0 && failed == 0) {
        failed = errno;
    }
    if (failed != 0) {
        (void)unlink(path);
    }
    return failed;
}

// 0, or errno. The reply to a link() over NFS may be lost and the request sent again,
// which then finds its own work: two names of OWN say that it was done.
static int make_link(const char *own, const char *path) {
    struct stat st;
    if (link(own, path) == 0) {
        return 0;
    }
    const int errnum = errno;
    return stat(own, &st) == 0 && st.st_nlink == 2 ? 0 : errnum;
}

static bool has_no_links(int errnum) {
    return errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS ||
           errnum == EMLINK || errnum == EACCES;
}

// Make the lock unless there is one. CR_E_BUSY: there is.
static enum cr_status make(struct cr_lock *lock, struct cr_err *err) {
    char own[4200];
    struct cr_buf text;
    (void)snprintf(own, sizeof own, "%s.%d.%" PRIu64, lock->path, (int)getpid(),
                   lock->started);
    cr_buf_init(&text, LOCK_BYTES_MAX);
    enum cr_status status = print(lock, &text);
    if (status == CR_OK) {
        status = cr_file_write(own, text.data, text.used_bytes, 0600, err);
    }
    if (status == CR_OK) {
        int failed = make_link(own, lock->path);
        (void)unlink(own);
        if (has_no_links(failed)) {
            failed = make_exclusive(lock->path, &text);
        }
        status = failed == 0        ? CR_OK
                 : failed == EEXIST ? CR_E_BUSY
                                    : cr_err_set(err, cr_status_from_errno(failed),
                                                 "cannot make the lock %s: %s",
                                                 lock->path, strerror(failed));
    }
    cr_buf_fini(&text);
    return status;
}

static bool is_same(const struct holder *a, const struct holder *b) {
    return a->pid == b->pid && a->started == b->started && a->beat == b->beat &&
           strcmp(a->host, b->host) == 0;
}

// A process of this host that was just killed, or whose launcher was, takes a moment.
static bool is_dying(const struct cr_lock *lock, const struct holder *holder,
                     int64_t since_ms) {
    while (started_of(holder->pid) == holder->started) {
        if (holder->pid == getpid() ||
            cr_clock_now_ms(lock->clock) - since_ms >= DYING_MS) {
            return false;
        }
        cr_clock_sleep_ms(lock->clock, WATCH_MS);
    }
    return true;
}

// Whether nobody touches the lock for as long as no holder would leave it alone. SIGHT
// and HOLDER are what was seen first.
static bool stands_still(const struct cr_lock *lock, enum lock_sight sight,
                         const struct holder *holder) {
    const int64_t since_ms = cr_clock_now_ms(lock->clock);
    while (cr_clock_now_ms(lock->clock) - since_ms < CR_LOCK_STALE_MS) {
        struct holder seen;
        cr_clock_sleep_ms(lock->clock, WATCH_MS);
        if (look(lock->path, &seen) != sight || !is_same(&seen, holder)) {
            return false;
        }
    }
    return true;
}

// Whether the holder is gone: not running here, or no beat for long. Without /proc its
// beat is all that is known of a process of this host too.
static bool is_stale(const struct cr_lock *lock, enum lock_sight sight,
                     const struct holder *holder) {
    const bool is_here = sight == LOCK_HELD && holder->started != 0 &&
                         lock->started != 0 && strcmp(holder->host, lock->host) == 0;
    return is_here ? is_dying(lock, holder, cr_clock_now_ms(lock->clock))
                   : stands_still(lock, sight, holder);
}

// Take a stale lock out of the way. Two contenders cannot both: rename takes the file
// there is, and what was taken is looked at before it is thrown away.
static void clear_away(struct cr_lock *lock, const struct holder *stale) {
    char away[4200];
    struct holder taken;
    (void)snprintf(away, sizeof away, "%s.stale.%d.%" PRIu64, lock->path, (int)getpid(),
                   lock->started);
    if (rename(lock->path, away) != 0) {
        return;
    }
    // Somebody was quicker and this is his new lock: give it back.
    if (look(away, &taken) == LOCK_HELD && !is_same(&taken, stale) &&
        link(away, lock->path) != 0 && has_no_links(errno)) {
        (void)rename(away, lock->path);
        return;
    }
    (void)unlink(away);
}

static void lock_free(struct cr_lock *lock) {
    cr_free(lock->path);
    cr_free(lock->host);
    cr_free(lock);
}

static struct cr_lock *lock_create(const char *dir, const char *host,
                                   const struct cr_clock *clock) {
    struct cr_lock *lock = cr_calloc(1, sizeof *lock);
    struct cr_buf path;
    cr_buf_init(&path, LOCK_BYTES_MAX);
    if (lock == NULL || cr_path_join(&path, dir, "lock") != CR_OK) {
        cr_buf_fini(&path);
        cr_free(lock);
        return NULL;
    }
    lock->path = cr_buf_take(&path);
    lock->host = cr_strdup(host);
    lock->clock = clock;
    lock->started = started_of(getpid());
    lock->beaten_ms = lock->seen_ms = cr_clock_now_ms(clock);
    if (lock->path == NULL || lock->host == NULL) {
        lock_free(lock);
        return NULL;
    }
    return lock;
}

static enum cr_status refuse(const struct cr_lock *lock, const struct holder *holder,
                             struct cr_err *err) {
    const int dir_len = (int)(strlen(lock->path) - strlen("/lock"));
    return cr_err_set(
        err, CR_E_BUSY,
        "%.*s is in use by process %" PRId64
        " on %s: wait for it, or stop it, or choose another directory (if "
        "it is gone for certain: delete %s)",
        dir_len, lock->path, holder->pid, holder->host, lock->path);
}

// There is a lock: wait for what it says, and make our own if its holder is gone.
// CR_E_BUSY: its holder lives (*is_refused), or somebody was quicker.
static enum cr_status contend(struct cr_lock *lock, bool *is_refused,
                              struct cr_err *err) {
    struct holder holder;
    const enum lock_sight sight = look(lock->path, &holder);
    const int errnum = errno;
    if (sight == LOCK_ABSENT) {
        return make(lock, err);
    }
    if (sight == LOCK_UNREADABLE) { // which is not to say that nobody holds it
        return cr_err_set(
            err, errnum == EINVAL ? CR_E_IO : cr_status_from_errno(errnum),
            "cannot read the lock %s: %s; if no run uses the directory, "
            "delete that file",
            lock->path, errnum == EINVAL ? "not a regular file" : strerror(errnum));
    }
    if (!is_stale(lock, sight, &holder)) {
        struct holder now;
        const enum lock_sight left = look(lock->path, &now);
        *is_refused = left == LOCK_HELD;
        return *is_refused ? refuse(lock, &now, err) : make(lock, err);
    }
    clear_away(lock, &holder);
    return make(lock, err);
}

enum cr_status cr_lock_take(const char *dir, const char *host,
                            const struct cr_clock *clock, struct cr_lock **out,
                            struct cr_err *err) {
    struct cr_lock *lock = lock_create(dir, host, clock);
    if (lock == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the lock");
    }
    enum cr_status status = make(lock, err);
    bool is_refused = false;
    for (int i = 0; status == CR_E_BUSY && !is_refused && i < ATTEMPTS_MAX; i++) {
        status = contend(lock, &is_refused, err);
    }
    if (status == CR_E_BUSY && !is_refused) {
        cr_err_set(err, status, "%s: other runs keep taking the lock", lock->path);
    }
    if (status != CR_OK) {
        lock_free(lock);
        return status;
    }
    *out = lock;
    return CR_OK;
}

static bool is_ours(const struct cr_lock *lock, const struct holder *holder) {
    return holder->pid == getpid() && holder->started == lock->started &&
           strcmp(holder->host, lock->host) == 0;
}

static enum cr_status raise_beat(struct cr_lock *lock, struct cr_err *err) {
    struct cr_buf text;
    cr_buf_init(&text, LOCK_BYTES_MAX);
    lock->beat++;
    enum cr_status status = print(lock, &text);
    if (status == CR_OK) {
        status = cr_file_write(lock->path, text.data, text.used_bytes, 0600, err);
    }
    cr_buf_fini(&text);
    return status;
}

// The lock cannot be read. When it is not there it is made again, which only one can
// do; else a shared file system may be about to give it back.
static enum cr_status regain(struct cr_lock *lock, struct cr_err *err) {
    const enum cr_status status = make(lock, err);
    if (status != CR_E_BUSY) {
        return status;
    }
    if (lock->beaten_ms - lock->seen_ms < CR_LOCK_STALE_MS) {
        return CR_OK;
    }
    return cr_err_set(err, CR_E_IO, "the lock %s cannot be read", lock->path);
}

enum cr_status cr_lock_beat(struct cr_lock *lock, struct cr_err *err) {
    struct holder holder;
    const int64_t now = cr_clock_now_ms(lock->clock);
    if (now - lock->beaten_ms < CR_LOCK_BEAT_MS) {
        return CR_OK;
    }
    lock->beaten_ms = now;
    if (look(lock->path, &holder) != LOCK_HELD) {
        return regain(lock, err);
    }
    if (!is_ours(lock, &holder)) {
        return cr_err_set(err, CR_E_BUSY, "another run took the lock %s", lock->path);
    }
    lock->seen_ms = now;
    return raise_beat(lock, err);
}

void cr_lock_release(struct cr_lock *lock) {
    struct holder holder;
    if (lock == NULL) {
        return;
    }
    enum lock_sight sight = look(lock->path, &holder);
    if (sight == LOCK_UNREADABLE) { // once more: one that is left is others' to judge
        sight = look(lock->path, &holder);
    }
    if (sight == LOCK_HELD && is_ours(lock, &holder)) {
        (void)unlink(lock->path);
    }
    lock_free(lock);
}
