// codec.h - a struct as bytes by the table of its fields, and back without trust.
//
// Layer    cluster (3), private
//
// Numbers are little-endian. A packer remembers its first failure, an unpacker its first
// overrun; both go on harmlessly, so that a message is written or read straight through
// and checked once.
#ifndef CR_CLUSTER_CODEC_H
#define CR_CLUSTER_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"

struct cr_packer {
    struct cr_buf *out;
    enum cr_status status;
};

struct cr_unpacker {
    const char *at, *end;
    bool is_bad;
};

// What a field is in memory, and how many bytes it takes.
enum cr_field_type {
    CR_FIELD_U8,   // 1; `most`: values from it on are bad (0: none are)
    CR_FIELD_ENUM, // an enum in memory, 1; `most` as for U8
    CR_FIELD_U16,  // 2
    CR_FIELD_U32,  // 4
    CR_FIELD_F32,  // 4
    CR_FIELD_U64,  // 8; int64_t too
    CR_FIELD_F64,  // 8
    CR_FIELD_TEXT, // const char *: 4 + its bytes + NUL, borrowed when read; NULL stays so
    CR_FIELD_TEXT_OR_EMPTY, // the same; NULL is read as ""
    CR_FIELD_CHARS,         // char[most], NUL-terminated: 1 + its bytes
    CR_FIELD_LIST // an array in the struct, of at most `most` elements: 4 + each of them
};

struct cr_field {
    const char *name; // NULL ends a table
    enum cr_field_type type;
    size_t offset;
    uint32_t most;
    size_t len_offset; // LIST: where the struct has its length, a uint32_t
    const struct cr_field *element;
    size_t element_bytes;
};
#define CR_FIELD(owner, kind, member)                                                  \
    {                                                                                  \
        .name = #member, .type = CR_FIELD_##kind,                                      \
        .offset = offsetof(struct owner, member)                                       \
    }
#define CR_FIELD_BELOW(owner, kind, member, limit)                                     \
    {                                                                                  \
        .name = #member, .type = CR_FIELD_##kind,                                      \
        .offset = offsetof(struct owner, member), .most = (limit)                      \
    }

void cr_codec_put(struct cr_packer *packer, const struct cr_field *fields,
                  const void *from);
// What is not there, or out of its range, makes UNPACKER bad.
void cr_codec_get(struct cr_unpacker *unpacker, const struct cr_field *fields,
                  void *to);
// The fewest bytes that FIELDS take.
size_t cr_codec_bytes_min(const struct cr_field *fields);

// Beside a table: counts in front of arrays, and arrays of doubles.
void cr_codec_put_u32(struct cr_packer *packer, uint32_t value);
uint32_t cr_codec_get_u32(struct cr_unpacker *unpacker);
void cr_codec_put_f64s(struct cr_packer *packer, const double *values, size_t len);
void cr_codec_get_f64s(struct cr_unpacker *unpacker, double *out, size_t len);

// Whether COUNT elements of at least ELEMENT_BYTES can still follow; else bad.
bool cr_codec_fits(struct cr_unpacker *unpacker, uint64_t count, size_t element_bytes);
// CR_E_FORMAT unless everything was read and nothing was bad.
enum cr_status cr_codec_end(const struct cr_unpacker *unpacker);

#endif
