// file_copy.c - see file_copy.h.
#include "store/file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"

enum { PIECE_BYTES = 256 << 10 };

static bool copy_all(int from, int to, char *piece) {
    for (;;) {
        const ssize_t len = read(from, piece, PIECE_BYTES);
        if (len == 0) {
            return true;
        }
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 || !cr_fd_write(to, piece, (size_t)len)) {
            return false;
        }
    }
}

enum cr_status cr_copy_file(const char *from, const char *to, struct cr_err *err) {
    char *piece = cr_malloc(PIECE_BYTES);
    if (piece == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory to copy %s", from);
    }
    const int source = open(from, O_RDONLY | O_CLOEXEC);
    const int target =
        source < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool is_ok = target >= 0 && copy_all(source, target, piece);
    int errnum = is_ok ? 0 : errno;
    if (target >= 0 && close(target) != 0 && is_ok) { // NFS tells of a full disk here
        is_ok = false;
        errnum = errno;
    }
    if (source >= 0) {
        (void)close(source);
    }
    cr_free(piece);
    return is_ok ? CR_OK
                 : cr_err_set(err, cr_status_from_errno(errnum),
                              "cannot copy %s to %s: %s", from, to, strerror(errnum));
}
