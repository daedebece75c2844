// hash.c - XXH3. Integers are hashed as little-endian bytes, so a key is the same on
// every machine.
#include "credence/base/hash.h"

#include <xxhash.h>

#include "credence/base/little_endian.h"
#include "credence/base/mem.h"
#include "credence/base/status.h"

uint64_t cr_hash64(const void *bytes, size_t len, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, len, seed);
}

struct cr_hash cr_hash128(const void *bytes, size_t len, uint64_t seed) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, len, seed);
    return (struct cr_hash){.hi = hash.high64, .lo = hash.low64};
}

uint64_t cr_hash_mix(uint64_t seed, uint64_t value) {
    char bytes[8];
    cr_little_endian_put(bytes, value, sizeof bytes);
    return cr_hash64(bytes, sizeof bytes, seed);
}

char *cr_hash64_put(char *at, uint64_t hash) {
    for (int shift = 60; shift >= 0; shift -= 4) {
        *at++ = "0123456789abcdef"[hash >> shift & 15];
    }
    return at;
}

void cr_hash_hex(struct cr_hash hash, char out[CR_HASH_HEX_BYTES]) {
    *cr_hash64_put(cr_hash64_put(out, hash.hi), hash.lo) = '\0';
}

// A hasher is a chain: the new state is the hash of the old one, the part's length and
// the part's hash. That needs 16 bytes where the library's own stream needs 576.
int cr_hasher_init(struct cr_hasher *hasher) {
    hasher->state = cr_calloc(1, sizeof(struct cr_hash));
    return hasher->state != NULL ? 0 : -1;
}

void cr_hasher_add(struct cr_hasher *hasher, const void *bytes, size_t len) {
    struct cr_hash *state = hasher->state;
    if (state == NULL) {
        return;
    }
    struct cr_hash part = cr_hash128(bytes, len, 0);
    char link[40];
    cr_little_endian_put(link, state->hi, 8);
    cr_little_endian_put(link + 8, state->lo, 8);
    cr_little_endian_put(link + 16, len, 8);
    cr_little_endian_put(link + 24, part.hi, 8);
    cr_little_endian_put(link + 32, part.lo, 8);
    *state = cr_hash128(link, sizeof link, 0);
}

struct cr_hash cr_hasher_digest(const struct cr_hasher *hasher) {
    const struct cr_hash *state = hasher->state;
    return state != NULL ? *state : (struct cr_hash){0, 0};
}

void cr_hasher_fini(struct cr_hasher *hasher) {
    if (hasher != NULL) {
        cr_free(hasher->state);
        hasher->state = NULL;
    }
}

struct cr_hash_stream {
    XXH3_state_t *state;
};

struct cr_hash_stream *cr_hash_stream_begin(void) {
    struct cr_hash_stream *stream = cr_calloc(1, sizeof *stream);
    XXH3_state_t *state = stream != NULL ? XXH3_createState() : NULL;
    if (state == NULL) {
        cr_free(stream);
        return NULL;
    }
    cr_status_ignore((enum cr_status)XXH3_128bits_reset(state)); // it cannot fail
    stream->state = state;
    return stream;
}

void cr_hash_stream_add(struct cr_hash_stream *stream, const void *bytes, size_t len) {
    if (stream != NULL && len > 0) {
        cr_status_ignore(
            (enum cr_status)XXH3_128bits_update(stream->state, bytes, len));
    }
}

struct cr_hash cr_hash_stream_end(struct cr_hash_stream *stream) {
    if (stream == NULL) {
        return (struct cr_hash){0, 0};
    }
    XXH128_hash_t hash = XXH3_128bits_digest(stream->state);
    XXH3_freeState(stream->state);
    cr_free(stream);
    return (struct cr_hash){.hi = hash.high64, .lo = hash.low64};
}
