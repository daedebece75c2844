// codec.h - numbers and strings as little-endian bytes, and back without trust.
//
// Layer    cluster (3), private
//
// A writer remembers its first failure, a reader its first overrun; both go on
// harmlessly, so that a message is written or read straight through and checked once.
#ifndef CR_CLUSTER_CODEC_H
#define CR_CLUSTER_CODEC_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "credence/base/buf.h"

struct cr_packer {
    struct cr_buf *out;
    enum cr_status status;
};

struct cr_unpacker {
    const char *at, *end;
    bool is_bad;
};

void cr_codec_put_bytes(struct cr_packer *packer, const void *bytes, size_t len);
void cr_codec_put_u8(struct cr_packer *packer, uint8_t value);
void cr_codec_put_u32(struct cr_packer *packer, uint32_t value);
void cr_codec_put_u64(struct cr_packer *packer, uint64_t value);
void cr_codec_put_i64(struct cr_packer *packer, int64_t value);
void cr_codec_put_f64(struct cr_packer *packer, double value);
void cr_codec_put_f64s(struct cr_packer *packer, const double *values, size_t len);
// Numbers of a block that is packed as a whole: each is put at *at, which moves on.
static inline void cr_put_u8(char **at, uint8_t value) {
    *(*at)++ = (char)value;
}
static inline void cr_put_u16(char **at, uint16_t value) {
    value = htole16(value);
    memcpy(*at, &value, sizeof value);
    *at += sizeof value;
}
static inline void cr_put_u32(char **at, uint32_t value) {
    value = htole32(value);
    memcpy(*at, &value, sizeof value);
    *at += sizeof value;
}
static inline void cr_put_u64(char **at, uint64_t value) {
    value = htole64(value);
    memcpy(*at, &value, sizeof value);
    *at += sizeof value;
}
static inline void cr_put_f64(char **at, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    cr_put_u64(at, bits);
}

// NULL and "" are different.
void cr_codec_put_text(struct cr_packer *packer, const char *text);

// Numbers are read in the header: a record of a call is two dozen of them.
// The next LEN bytes, or NULL and bad for ever.
static inline const char *cr_unpack_take(struct cr_unpacker *unpacker, size_t len) {
    if (unpacker->is_bad || (size_t)(unpacker->end - unpacker->at) < len) {
        unpacker->is_bad = true;
        return NULL;
    }
    const char *at = unpacker->at;
    unpacker->at += len;
    return at;
}

static inline uint8_t cr_unpack_u8(struct cr_unpacker *unpacker) {
    const char *at = cr_unpack_take(unpacker, 1);
    return at == NULL ? 0 : (uint8_t)*at;
}

static inline uint16_t cr_unpack_u16(struct cr_unpacker *unpacker) {
    uint16_t value = 0;
    const char *at = cr_unpack_take(unpacker, sizeof value);
    if (at != NULL) {
        memcpy(&value, at, sizeof value);
    }
    return le16toh(value);
}

static inline uint32_t cr_unpack_u32(struct cr_unpacker *unpacker) {
    uint32_t value = 0;
    const char *at = cr_unpack_take(unpacker, sizeof value);
    if (at != NULL) {
        memcpy(&value, at, sizeof value);
    }
    return le32toh(value);
}

static inline uint64_t cr_unpack_u64(struct cr_unpacker *unpacker) {
    uint64_t value = 0;
    const char *at = cr_unpack_take(unpacker, sizeof value);
    if (at != NULL) {
        memcpy(&value, at, sizeof value);
    }
    return le64toh(value);
}

static inline int64_t cr_unpack_i64(struct cr_unpacker *unpacker) {
    return (int64_t)cr_unpack_u64(unpacker);
}

static inline double cr_unpack_f64(struct cr_unpacker *unpacker) {
    const uint64_t bits = cr_unpack_u64(unpacker);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// LEN doubles into OUT (of at least that many); nothing when they are not there.
void cr_unpack_f64s(struct cr_unpacker *unpacker, double *out, size_t len);
// Borrowed from the bytes (NUL-terminated there); NULL when packed so or when bad.
const char *cr_unpack_text(struct cr_unpacker *unpacker);
// Whether COUNT elements of at least ELEMENT_BYTES can still follow; else bad.
bool cr_unpack_fits(struct cr_unpacker *unpacker, uint64_t count, size_t element_bytes);
// CR_E_FORMAT unless everything was read and nothing was bad.
enum cr_status cr_unpack_end(const struct cr_unpacker *unpacker);

#endif
