// batch.c - see parcel.h.
#include "cluster/batch.h"

#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

struct piece { // in front of the bytes of a message; little-endian
    uint32_t tag, len;
};

bool cr_parcel_can_hold(const struct cr_packet *packet) {
    return packet->len <= CR_PARCEL_BYTES - sizeof(struct piece);
}

bool cr_parcel_has_room(const struct cr_parcel *parcel,
                        const struct cr_packet *packet) {
    return (parcel->used_bytes == 0 || parcel->rank == packet->rank) &&
           cr_parcel_can_hold(packet) &&
           sizeof(struct piece) + packet->len <= CR_PARCEL_BYTES - parcel->used_bytes;
}

void cr_parcel_add(struct cr_parcel *parcel, const struct cr_packet *packet) {
    assert(cr_parcel_has_room(parcel, packet));
    const struct piece piece = {htole32((uint32_t)packet->tag),
                                htole32((uint32_t)packet->len)};
    char *at = parcel->bytes + parcel->used_bytes;
    memcpy(at, &piece, sizeof piece);
    if (packet->len > 0) {
        memcpy(at + sizeof piece, packet->bytes, packet->len);
    }
    parcel->rank = packet->rank;
    parcel->used_bytes += sizeof piece + packet->len;
}

bool cr_parcel_next(const char *bytes, size_t len, size_t *at, struct cr_packet *out) {
    const size_t left = len - *at;
    struct piece piece;
    if (left < sizeof piece) {
        return false;
    }
    memcpy(&piece, bytes + *at, sizeof piece);
    const size_t piece_bytes = le32toh(piece.len);
    if (piece_bytes > left - sizeof piece) {
        return false;
    }
    out->tag = (int)le32toh(piece.tag);
    out->bytes = bytes + *at + sizeof piece;
    out->len = piece_bytes;
    *at += sizeof piece + piece_bytes;
    return true;
}
