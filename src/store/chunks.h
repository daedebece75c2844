// chunks.h - chunks of one-dimensional datasets as they stand in the file: filtered.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
#ifndef CR_STORE_CHUNKS_H
#define CR_STORE_CHUNKS_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/h5.h"

// Whether a chunk of one dataset means the same in the other: equal length and
// filters. The types are the caller's to know.
bool cr_chunks_are_alike(hid_t left, hid_t right);

// Copy the chunks of the first ROWS rows of FROM into TO, which is as long; both are
// alike. Nothing is inflated.
int cr_chunks_copy(hid_t from, hid_t to, uint64_t rows);

// Chunks whose elements are all equal: one is filtered, each further one with the same
// element stored as the first was. Most columns of /calls are constant for long.
struct cr_chunk_memory {
    uint32_t bytes; // of stored; 0: nothing is remembered
    unsigned char element[8];
    unsigned char stored[512];
};
// Write DATA, exactly the chunk of SLAB.
int cr_chunk_write(hid_t dataset, hid_t type, struct cr_slab slab,
                   const unsigned char *data, struct cr_chunk_memory *memory);

#endif
