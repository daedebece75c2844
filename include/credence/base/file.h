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

// Append the whole of PATH, a regular file, to OUT; never waits for a writer.
// CR_E_NOT_FOUND, CR_E_IO (also for a pipe, a socket or a device), CR_E_LIMIT (out's
// maximum).
CR_MUST_CHECK enum cr_status cr_file_read(const char *path, struct cr_buf *out,
                                          struct cr_err *err);
// The same of what a person names: /dev/stdin, a pipe of the shell. Waits for a writer.
CR_MUST_CHECK enum cr_status cr_file_read_any(const char *path, struct cr_buf *out,
                                              struct cr_err *err);
// Open PATH to read; of a file that never has an end or a next byte, what is read fails
// instead of waiting. -1: errno says why, EINVAL that it is neither a regular file nor a
// directory.
int cr_file_open_regular(const char *path);

// Replace PATH by BYTES so that a reader sees the old file or the new one, never a
// part: temporary file, fsync, rename. MODE 0644 is narrowed by the umask, 0600
// is as cr_file_mode says.
CR_MUST_CHECK enum cr_status cr_file_write(const char *path, const void *bytes,
                                           size_t len, unsigned mode,
                                           struct cr_err *err);

// All LEN bytes to FD, whatever interrupts; false: errno says why.
bool cr_fd_write(int fd, const void *bytes, size_t len);

// What a run writes is its owner's alone (0600, 0700), whatever the umask, or its
// group's too once this was said: of the process, before it writes anything.
void cr_file_share_with_group(bool is_shared);
// MODE, or with the group's share of it.
unsigned cr_file_mode(unsigned mode);
// Open a file of a run directory to write: PATH itself, a regular file of mode 0600 as
// above, no link followed. FLAGS are those of open(2) besides. -1: errno says why.
int cr_file_open_own(const char *path, int flags);

// Make PATH and its parents (0700 as above); existing ones are fine. CR_E_USAGE when it
// is another kind of file or may not be made, CR_E_IO, CR_E_FULL.
CR_MUST_CHECK enum cr_status cr_dir_make(const char *path, struct cr_err *err);

bool cr_file_exists(const char *path);
bool cr_dir_exists(const char *path);

// DIR "/" NAME into OUT (cleared first); an absolute NAME replaces DIR.
CR_MUST_CHECK enum cr_status cr_path_join(struct cr_buf *out, const char *dir,
                                          const char *name);
// The directory part of PATH into OUT (cleared first); "." when there is none.
CR_MUST_CHECK enum cr_status cr_path_dir(struct cr_buf *out, const char *path);

#endif
