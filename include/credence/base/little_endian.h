// little_endian.h - numbers as little-endian bytes, the same on every machine.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_LITTLE_ENDIAN_H
#define CREDENCE_BASE_LITTLE_ENDIAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The lowest BYTES (1 to 8) bytes of VALUE, at AT.
static inline void cr_little_endian_put(char *at, uint64_t value, size_t bytes) {
    value = htole64(value);
    memcpy(at, &value, bytes);
}

static inline uint64_t cr_little_endian_get(const char *at, size_t bytes) {
    uint64_t value = 0;
    memcpy(&value, at, bytes);
    return le64toh(value);
}

#endif
