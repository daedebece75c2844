// file.h - whole files and directories.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_FILE_H
#define CREDENCE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

// Append the whole of PATH to OUT. CR_E_NOT_FOUND, CR_E_IO, CR_E_LIMIT (out's maximum).
CR_MUST_CHECK enum cr_status cr_file_read(const char *path, struct cr_buf *out,
                                          struct cr_err *err);

// Replace PATH by BYTES so that a reader sees the old file or the new one, never a
// part: temporary file, fsync, rename. MODE (0600, 0644) is narrowed by the umask.
CR_MUST_CHECK enum cr_status cr_file_write(const char *path, const void *bytes,
                                           size_t len, unsigned mode,
                                           struct cr_err *err);

// All LEN bytes to FD, whatever interrupts; false: errno says why.
bool cr_fd_write(int fd, const void *bytes, size_t len);

// Make PATH and its parents (0700); existing ones are fine.
CR_MUST_CHECK enum cr_status cr_dir_make(const char *path, struct cr_err *err);

bool cr_file_exists(const char *path);
bool cr_dir_exists(const char *path);

// DIR "/" NAME into OUT (cleared first); an absolute NAME replaces DIR.
CR_MUST_CHECK enum cr_status cr_path_join(struct cr_buf *out, const char *dir,
                                          const char *name);
// The directory part of PATH into OUT (cleared first); "." when there is none.
CR_MUST_CHECK enum cr_status cr_path_dir(struct cr_buf *out, const char *path);

#endif
