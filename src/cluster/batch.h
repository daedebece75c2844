// batch.h - small messages for one rank, side by side, sent as one.
//
// Layer    cluster (3), private
// Threads  one owner
// MPI      none: bytes only
#ifndef CR_CLUSTER_BATCH_H
#define CR_CLUSTER_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/cluster/cluster.h"

enum { CR_BATCH_BYTES = 1 << 15 };

struct cr_batch {
    int rank; // whom it is for
    size_t used_bytes;
    char bytes[CR_BATCH_BYTES];
};

// Whether an empty batch has room for PACKET; whether this one, for its rank, has.
bool cr_batch_can_hold(const struct cr_packet *packet);
bool cr_batch_has_room(const struct cr_batch *batch, const struct cr_packet *packet);
// Copy PACKET behind the others; there is room.
void cr_batch_add(struct cr_batch *batch, const struct cr_packet *packet);

// The next message of the batch in BYTES, from *at (0 at first) on: its
// tag and, borrowed, its bytes. False at the end, and where the rest is none.
bool cr_batch_next(const char *bytes, size_t len, size_t *at, struct cr_packet *out);

#endif
