// file.c - whole files. A file is replaced through a temporary name beside it and a
// rename, and the directory is synced too: after a power cut it is the old one or the
// new.
#include "credence/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/mem.h"

static enum cr_status refuse(struct cr_err *err, int errnum, const char *verb,
                             const char *path) {
    enum cr_status status = errnum == ENOENT || errnum == ENOTDIR
                                ? CR_E_NOT_FOUND
                                : cr_status_from_errno(errnum);
    return cr_err_set(err, status, "cannot %s %s: %s", verb, path, strerror(errnum));
}

static enum cr_status read_all(int fd, const char *path, struct cr_buf *out,
                               struct cr_err *err) {
    char block[65536];
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refuse(err, errno, "read", path);
        }
        if (got == 0) {
            return CR_OK;
        }
        enum cr_status status = cr_buf_add(out, block, (size_t)got);
        if (status == CR_E_LIMIT) {
            return cr_err_set(err, status, "%s is larger than %zu bytes", path,
                              out->max_bytes);
        }
        if (status != CR_OK) {
            return cr_err_set(err, status, "out of memory while reading %s", path);
        }
    }
}

// What FD holds, closed.
static enum cr_status take(int fd, const char *path, struct cr_buf *out,
                           struct cr_err *err) {
    size_t before = out->used_bytes;
    enum cr_status status = cr_buf_reserve(out, 0); // an empty file is still a C string
    if (status == CR_OK) {
        status = read_all(fd, path, out, err);
    }
    if (status != CR_OK && out->data != NULL) {
        out->used_bytes = before;
        out->data[before] = '\0';
    }
    close(fd);
    return status;
}

int cr_file_open_regular(const char *path) {
    struct stat info;
    // Without waiting: a FIFO would, for a writer; /proc/kmsg calls itself regular and
    // would, for the next line.
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 ||
        (fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))) {
        return fd; // what is read of a directory says that it is one
    }
    close(fd);
    errno = EINVAL;
    return -1;
}

enum cr_status cr_file_read(const char *path, struct cr_buf *out, struct cr_err *err) {
    const int fd = cr_file_open_regular(path);
    if (fd < 0 && errno == EINVAL) {
        return cr_err_set(err, CR_E_IO,
                          "%s is not a regular file but a pipe, a socket or a device",
                          path);
    }
    return fd < 0 ? refuse(err, errno, "open", path) : take(fd, path, out, err);
}

enum cr_status cr_file_read_any(const char *path, struct cr_buf *out,
                                struct cr_err *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? refuse(err, errno, "open", path) : take(fd, path, out, err);
}

bool cr_fd_write(int fd, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put < 0 ? errno : EIO;
            return false;
        }
        at += put;
        len -= (size_t)put;
    }
    return true;
}

static enum cr_status write_all(int fd, const char *path, const void *bytes, size_t len,
                                struct cr_err *err) {
    if (!cr_fd_write(fd, bytes, len)) {
        return refuse(err, errno, "write", path);
    }
    return fsync(fd) ? refuse(err, errno, "sync", path) : CR_OK;
}

static enum cr_status dir_sync(const char *path, struct cr_err *err) {
    struct cr_buf dir;
    cr_buf_init(&dir, SIZE_MAX);
    enum cr_status status = cr_path_dir(&dir, path);
    if (status != CR_OK) {
        cr_buf_fini(&dir);
        return cr_err_set(err, status, "out of memory while syncing %s", path);
    }
    int fd = open(dir.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // Some file systems cannot sync a directory (EINVAL); there the rename has to do.
    if (fd >= 0 && fsync(fd) && errno != EINVAL) {
        status = refuse(err, errno, "sync", dir.data);
    }
    if (fd >= 0) {
        close(fd);
    }
    cr_buf_fini(&dir);
    return status;
}

static bool is_shared_with_group;

void cr_file_share_with_group(bool is_shared) {
    is_shared_with_group = is_shared;
}

unsigned cr_file_mode(unsigned mode) {
    return is_shared_with_group ? mode | (mode & 0700) >> 3 : mode;
}

// The mode that was asked for, not what the umask left of it.
static int set_mode(int fd, unsigned mode) {
    return (mode & 077) == 0 ? fchmod(fd, (mode_t)cr_file_mode(mode)) : 0;
}

int cr_file_open_own(const char *path, int flags) {
    struct stat st;
    // Not to wait for whoever opens the other end of a FIFO.
    const int fd =
        open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, (mode_t)0600);
    if (fd < 0) {
        return -1;
    }
    int failed = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
    if (failed == 0 && st.st_uid == geteuid() && set_mode(fd, 0600) != 0) {
        failed = errno;
    }
    if (failed != 0) {
        (void)close(fd);
        errno = failed;
        return -1;
    }
    return fd;
}

static enum cr_status replace(const char *path, const char *temporary, int fd,
                              struct cr_err *err) {
    if (close(fd)) {
        return refuse(err, errno, "close", temporary);
    }
    if (rename(temporary, path)) {
        return refuse(err, errno, "replace", path);
    }
    return dir_sync(path, err);
}

enum cr_status cr_file_write(const char *path, const void *bytes, size_t len,
                             unsigned mode, struct cr_err *err) {
    struct cr_buf temporary;
    cr_buf_init(&temporary, SIZE_MAX);
    enum cr_status status =
        cr_buf_printf(&temporary, "%s.tmp.%ld", path, (long)getpid());
    if (status != CR_OK) {
        cr_err_set(err, status, "out of memory while writing %s", path);
        goto out;
    }
    unlink(temporary.data); // left by a killed process that had our number
    int fd =
        open(temporary.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        status = refuse(err, errno, "create", temporary.data);
        goto out;
    }
    status = set_mode(fd, mode) != 0 ? refuse(err, errno, "create", temporary.data)
                                     : write_all(fd, temporary.data, bytes, len, err);
    if (status != CR_OK) {
        close(fd);
    } else {
        status = replace(path, temporary.data, fd, err);
    }
    if (status != CR_OK) {
        unlink(temporary.data);
    }
out:
    cr_buf_fini(&temporary);
    return status;
}

static enum cr_status dir_make_one(const char *path, struct cr_err *err) {
    if (!mkdir(path, 0700)) {
        return chmod(path, (mode_t)cr_file_mode(0700))
                   ? refuse(err, errno, "make the directory", path)
                   : CR_OK;
    }
    int errnum = errno;
    struct stat info;
    if (errnum == EEXIST && stat(path, &info) == 0) {
        return S_ISDIR(info.st_mode)
                   ? CR_OK
                   : cr_err_set(err, CR_E_USAGE, "%s exists but is not a directory",
                                path);
    }
    const enum cr_status status =
        refuse(err, errnum == EEXIST ? errno : errnum, "make the directory", path);
    // No disk mends what may not be written.
    return status == CR_E_IO && (errnum == EACCES || errnum == EROFS || errnum == EPERM)
               ? cr_err_set(err, CR_E_USAGE, "cannot make the directory %s: %s", path,
                            strerror(errnum))
               : status;
}

enum cr_status cr_dir_make(const char *path, struct cr_err *err) {
    char *prefix = cr_strdup(path);
    if (prefix == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory while making %s", path);
    }
    enum cr_status status = CR_OK;
    for (char *at = prefix; *at && status == CR_OK; at++) {
        bool ends_name = *at == '/' && at > prefix && at[-1] != '/';
        if (ends_name) {
            *at = '\0';
            status = dir_make_one(prefix, err);
            *at = '/';
        }
    }
    if (status == CR_OK) {
        status = dir_make_one(prefix, err);
    }
    cr_free(prefix);
    return status;
}

bool cr_file_exists(const char *path) {
    struct stat info;
    return !stat(path, &info) && S_ISREG(info.st_mode);
}

bool cr_dir_exists(const char *path) {
    struct stat info;
    int errnum = errno;
    bool is_there = !stat(path, &info) && S_ISDIR(info.st_mode);
    errno = errnum; // so that dir_make_one can ask between mkdir and its message
    return is_there;
}

enum cr_status cr_path_join(struct cr_buf *out, const char *dir, const char *name) {
    cr_buf_clear(out);
    if (name[0] == '/') {
        return cr_buf_add_text(out, name);
    }
    size_t len = strlen(dir);
    const char *slash = len == 0 || dir[len - 1] == '/' ? "" : "/";
    return cr_buf_printf(out, "%s%s%s", dir, slash, name);
}

enum cr_status cr_path_dir(struct cr_buf *out, const char *path) {
    cr_buf_clear(out);
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return cr_buf_add_text(out, ".");
    }
    return cr_buf_add(out, path, slash == path ? 1 : (size_t)(slash - path));
}
