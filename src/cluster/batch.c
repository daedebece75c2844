// batch.c - see batch.h.
#include "cluster/batch.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "credence/base/little_endian.h"

enum { PIECE_BYTES = 8 }; // in front of a message: its tag, then its bytes

bool cr_batch_can_hold(const struct cr_packet *packet) {
    return packet->len <= CR_BATCH_BYTES - PIECE_BYTES;
}

bool cr_batch_has_room(const struct cr_batch *batch, const struct cr_packet *packet) {
    return (batch->used_bytes == 0 || batch->rank == packet->rank) &&
           cr_batch_can_hold(packet) &&
           PIECE_BYTES + packet->len <= CR_BATCH_BYTES - batch->used_bytes;
}

void cr_batch_add(struct cr_batch *batch, const struct cr_packet *packet) {
    assert(cr_batch_has_room(batch, packet));
    char *at = batch->bytes + batch->used_bytes;
    cr_little_endian_put(at, (uint32_t)packet->tag, 4);
    cr_little_endian_put(at + 4, packet->len, 4);
    if (packet->len > 0) {
        memcpy(at + PIECE_BYTES, packet->bytes, packet->len);
    }
    batch->rank = packet->rank;
    batch->used_bytes += PIECE_BYTES + packet->len;
}

bool cr_batch_next(const char *bytes, size_t len, size_t *at, struct cr_packet *out) {
    const size_t left = len - *at;
    if (left < PIECE_BYTES) {
        return false;
    }
    const char *piece = bytes + *at;
    const size_t piece_bytes = (size_t)cr_little_endian_get(piece + 4, 4);
    if (piece_bytes > left - PIECE_BYTES) {
        return false;
    }
    out->tag = (int)cr_little_endian_get(piece, 4);
    out->bytes = piece + PIECE_BYTES;
    out->len = piece_bytes;
    *at += PIECE_BYTES + piece_bytes;
    return true;
}
