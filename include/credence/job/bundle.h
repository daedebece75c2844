// bundle.h - everything a job reads from disk, as one run of bytes.
//
// Layer    job (4)
// Threads  no shared state
// MPI      none: rank 0 reads, the caller broadcasts the bytes, every rank builds its
//          job from them alone; the same bytes are kept in the run directory
//
// Little-endian: magic, version, number of sections, then each section as the length of
// its name, the length of its bytes, the name, the bytes; at the end the XXH3 of all
// that. A file that could not be read is a section too ("problem/..."), so that the
// check of the job reports it together with every other mistake; one that is read in
// place is named in a section "file/...".
#ifndef CREDENCE_JOB_BUNDLE_H
#define CREDENCE_JOB_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

// Benchmarks are tens of megabytes at most; a buffer for a bundle is made with this.
#define CR_BUNDLE_BYTES_MAX ((size_t)1 << 30)
enum { CR_JOB_BYTES_MAX = 16 << 20, CR_JOB_DEPTH_MAX = 32 }; // of the job file

struct cr_bundle_request {
    const char *job_path;
    const char *const *sets; // "PATH=VALUE", in the order of the command line
    size_t sets_len;
    uint64_t limit;  // items of each benchmark at most; 0: as the job says
    uint32_t shard;  // this launch's part ...
    uint32_t shards; // ... of so many; 0 is taken as 1
    // Large benchmark files are named, not copied: for a job that this process makes at
    // once and that nobody else is to read.
    bool is_in_place;
};

// Append the bundle of REQUEST to OUT (empty, made with CR_BUNDLE_BYTES_MAX).
// CR_E_NOT_FOUND, CR_E_IO   the job file itself cannot be read
// CR_E_JOB                  it is not JSON (file:line:column), or a key appears twice
// CR_E_USAGE                a --set that cannot be applied, a shard out of range
CR_MUST_CHECK enum cr_status cr_bundle_read(const struct cr_bundle_request *request,
                                            struct cr_buf *out, struct cr_err *err);

// CR_E_FORMAT unless BYTES are a whole bundle of our version.
CR_MUST_CHECK enum cr_status cr_bundle_check(const void *bytes, size_t len,
                                             struct cr_err *err);

struct cr_bundle_section { // borrowed from the bundle; neither text is NUL-terminated
    const char *name;
    size_t name_len;
    const char *bytes;
    size_t len;
};
// Walk the sections of a checked bundle: *at starts at 0. False at the end.
bool cr_bundle_next(const void *bytes, size_t len, size_t *at,
                    struct cr_bundle_section *out);
// The section called NAME of a checked bundle.
bool cr_bundle_find(const void *bytes, size_t len, const char *name,
                    struct cr_bundle_section *out);

#endif
