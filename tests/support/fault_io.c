// fault_io.c - LD_PRELOAD: one call that reads a file of a folder fails, or one allocation.
//
//   FAULT_DIR    only paths, and descriptors of files, that hold this text
//   FAULT_FN     open, read, stat or readdir; each stands for all of its kind; sync; or malloc:
//                the program's own calls of it, of any folder, in libfault_memory alone
//   FAULT_AT     which of them fails with EIO, from 1; 0: none
//   FAULT_COUNT  a file that the number of such calls is appended to, one line a process
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *wanted, *folder, *count_path;
static long at, calls;

__attribute__((constructor)) static void begin(void) {
    const char *number = getenv("FAULT_AT");
    wanted = getenv("FAULT_FN");
    folder = getenv("FAULT_DIR");
    count_path = getenv("FAULT_COUNT");
    at = number == NULL ? 0 : atol(number);
}

__attribute__((destructor)) static void end(void) {
    FILE *file = count_path == NULL ? NULL : fopen(count_path, "a");
    if (file != NULL) {
        fprintf(file, "%ld\n", calls);
        fclose(file);
    }
}

// Whether this call of FUNCTION on PATH is the one that fails.
static bool fails(const char *function, const char *path) {
    if (wanted == NULL || folder == NULL || path == NULL ||
        strcmp(wanted, function) != 0 || strstr(path, folder) == NULL ||
        (count_path != NULL && strcmp(path, count_path) == 0)) {
        return false;
    }
    const bool does = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == at;
    errno = does ? EIO : errno;
    return does;
}

static bool fails_of(const char *function, int fd) {
    char link[64], path[4096];
    if (wanted == NULL || strcmp(wanted, function) != 0) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof path - 1);
    path[len < 0 ? 0 : len] = '\0';
    return fails(function, path);
}

// The function of that name behind this one.
#define BEHIND(name)                                                                   \
    static __typeof__(&name) behind;                                                   \
    if (behind == NULL) {                                                              \
        *(void **)&behind = dlsym(RTLD_NEXT, #name);                                   \
    }

static mode_t mode_of(int flags, va_list arguments) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        BEHIND(name)                                                                   \
        va_list arguments;                                                             \
        va_start(arguments, flags);                                                    \
        const mode_t mode = mode_of(flags, arguments);                                 \
        va_end(arguments);                                                             \
        return fails("open", path) ? -1 : behind(path, flags, mode);                   \
    }
OPEN(open)
OPEN(open64)

FILE *fopen(const char *path, const char *how) {
    BEHIND(fopen)
    return fails("open", path) ? NULL : behind(path, how);
}

DIR *opendir(const char *path) {
    BEHIND(opendir)
    return fails("open", path) ? NULL : behind(path);
}

ssize_t read(int fd, void *data, size_t bytes) {
    BEHIND(read)
    return fails_of("read", fd) ? -1 : behind(fd, data, bytes);
}

#define PREAD(name, offset_type)                                                       \
    ssize_t name(int fd, void *data, size_t bytes, offset_type offset) {               \
        BEHIND(name)                                                                   \
        return fails_of("read", fd) ? -1 : behind(fd, data, bytes, offset);            \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define STAT(name, type)                                                               \
    int name(const char *path, type *out) {                                            \
        BEHIND(name)                                                                   \
        return fails("stat", path) ? -1 : behind(path, out);                           \
    }
STAT(stat, struct stat)
STAT(lstat, struct stat)
STAT(stat64, struct stat64)
STAT(lstat64, struct stat64)

#define FSTAT(name, type)                                                              \
    int name(int fd, type *out) {                                                      \
        BEHIND(name)                                                                   \
        return fails_of("stat", fd) ? -1 : behind(fd, out);                            \
    }
FSTAT(fstat, struct stat)
FSTAT(fstat64, struct stat64)

int access(const char *path, int how) {
    BEHIND(access)
    return fails("stat", path) ? -1 : behind(path, how);
}

struct dirent *readdir(DIR *stream) {
    BEHIND(readdir)
    return fails_of("readdir", dirfd(stream)) ? NULL : behind(stream);
}

// What a build with _FORTIFY_SOURCE calls in their place.
ssize_t __read_chk(int fd, void *data, size_t bytes, size_t room) {
    return bytes <= room ? read(fd, data, bytes) : -1;
}
ssize_t __pread64_chk(int fd, void *data, size_t bytes, off64_t offset, size_t room) {
    return bytes <= room ? pread64(fd, data, bytes, offset) : -1;
}

int fsync(int fd) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return fails_of("sync", fd) ? -1 : next(fd);
}

int fdatasync(int fd) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return fails_of("sync", fd) ? -1 : next(fd);
}

#ifdef FAULT_MEMORY // a library of its own: nothing may stand before a sanitizer's malloc
// glibc's own, below the name that is stood before.
void *__libc_malloc(size_t bytes);

static uintptr_t program_begin, program_end;

static int find_program(struct dl_phdr_info *info, size_t bytes, void *ctx) {
    (void)bytes;
    (void)ctx;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD &&
            (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
            program_begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            program_end = program_begin + info->dlpi_phdr[i].p_memsz;
        }
    }
    return 1; // the first is the program, the others its libraries
}

// Libraries' own are not counted: several of them end the process without a word.
void *malloc(size_t bytes) {
    const uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (wanted != NULL && strcmp(wanted, "malloc") == 0) {
        if (program_end == 0) {
            (void)dl_iterate_phdr(find_program, NULL);
        }
        if (caller >= program_begin && caller < program_end &&
            __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == at) {
            errno = ENOMEM;
            return NULL;
        }
    }
    return __libc_malloc(bytes);
}
#endif
