// seen.h - ids and the line each was first met on.
//
// Layer    bench (3), internal to the folder
// Threads  one owner
// MPI      none
#ifndef CR_BENCH_SEEN_H
#define CR_BENCH_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/hash.h"
#include "credence/base/status.h"

struct cr_seen {
    struct cr_seen_slot *slots;
    size_t cap; // a power of two, or 0
    size_t len;
};

// Note that ID stands on LINE. *first is the line it was already noted for, or 0.
CR_MUST_CHECK enum cr_status cr_seen_add(struct cr_seen *seen, const char *id,
                                         uint64_t line, uint64_t *first);
void cr_seen_fini(struct cr_seen *seen);

#endif
