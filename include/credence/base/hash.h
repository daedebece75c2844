// hash.h - identities: 64- and 128-bit XXH3 (xxHash), and seeds derived from them.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_HASH_H
#define CREDENCE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct cr_hash {
    uint64_t hi;
    uint64_t lo;
};

enum { CR_HASH_HEX_BYTES = 33 }; // 32 digits and NUL

uint64_t cr_hash64(const void *bytes, size_t len, uint64_t seed);
struct cr_hash cr_hash128(const void *bytes, size_t len, uint64_t seed);

// Fold VALUE into SEED: an order-dependent chain for composed keys.
uint64_t cr_hash_mix(uint64_t seed, uint64_t value);

// 16 lower-case hexadecimal digits at AT, no NUL; what is behind them.
char *cr_hash64_put(char *at, uint64_t hash);
// 32 of them, and NUL.
void cr_hash_hex(struct cr_hash hash, char out[CR_HASH_HEX_BYTES]);

// A stream of text parts; every part is length-prefixed so that "ab","c" != "a","bc".
struct cr_hasher {
    void *state; // private; NULL after init failed: adding is a no-op, the digest 0
};
int cr_hasher_init(struct cr_hasher *hasher); // 0, or -1 when out of memory
void cr_hasher_add(struct cr_hasher *hasher, const void *bytes, size_t len);
struct cr_hash cr_hasher_digest(const struct cr_hasher *hasher);
void cr_hasher_fini(struct cr_hasher *hasher);

// cr_hash128 (seed 0) of a text that comes in pieces, however it is cut. NULL when out
// of memory; then add does nothing and end gives zeros.
struct cr_hash_stream;
struct cr_hash_stream *cr_hash_stream_begin(void);
void cr_hash_stream_add(struct cr_hash_stream *stream, const void *bytes, size_t len);
struct cr_hash cr_hash_stream_end(struct cr_hash_stream *stream); // frees it

#endif
