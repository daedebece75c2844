// pack.h - numbers and strings as little-endian bytes, and back without trust.
//
// Layer    cluster (3), private
//
// A writer remembers its first failure, a reader its first overrun; both go on
// harmlessly, so that a message is written or read straight through and checked once.
#ifndef CREDENCE_CLUSTER_PACK_H
#define CREDENCE_CLUSTER_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/buf.h"

struct cr_packer {
    struct cr_buf *out;
    enum cr_status status;
};

struct cr_unpacker {
    const char *at, *end;
    bool is_bad;
};

void cr_pack_bytes(struct cr_packer *packer, const void *bytes, size_t len);
void cr_pack_u8(struct cr_packer *packer, uint8_t value);
void cr_pack_u16(struct cr_packer *packer, uint16_t value);
void cr_pack_u32(struct cr_packer *packer, uint32_t value);
void cr_pack_u64(struct cr_packer *packer, uint64_t value);
void cr_pack_i64(struct cr_packer *packer, int64_t value);
void cr_pack_f64(struct cr_packer *packer, double value);
void cr_pack_f64s(struct cr_packer *packer, const double *values, size_t len);
// NULL and "" are different.
void cr_pack_text(struct cr_packer *packer, const char *text);

uint8_t cr_unpack_u8(struct cr_unpacker *unpacker);
uint16_t cr_unpack_u16(struct cr_unpacker *unpacker);
uint32_t cr_unpack_u32(struct cr_unpacker *unpacker);
uint64_t cr_unpack_u64(struct cr_unpacker *unpacker);
int64_t cr_unpack_i64(struct cr_unpacker *unpacker);
double cr_unpack_f64(struct cr_unpacker *unpacker);
// LEN doubles into OUT (of at least that many); nothing when they are not there.
void cr_unpack_f64s(struct cr_unpacker *unpacker, double *out, size_t len);
// Borrowed from the bytes (NUL-terminated there); NULL when packed so or when bad.
const char *cr_unpack_text(struct cr_unpacker *unpacker);
// Whether COUNT elements of at least ELEMENT_BYTES can still follow; else bad.
bool cr_unpack_fits(struct cr_unpacker *unpacker, uint64_t count, size_t element_bytes);
// CR_E_FORMAT unless everything was read and nothing was bad.
enum cr_status cr_unpack_end(const struct cr_unpacker *unpacker);

#endif
