// mem.h - every allocation of the process, so that tests can make the n-th fail.
//
// Layer    base (0)
// Threads  any for the allocation functions; an arena or array has one user
// MPI      none
#ifndef CREDENCE_BASE_MEM_H
#define CREDENCE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"

void *cr_malloc(size_t bytes);                     // NULL when out of memory
void *cr_calloc(size_t len, size_t element_bytes); // NULL on overflow too
void *cr_realloc(void *block, size_t bytes);       // BLOCK stays valid on NULL
void cr_free(void *block);                         // NULL is fine
char *cr_strdup(const char *text);                 // NULL for NULL
char *cr_strndup(const char *text, size_t bytes);

// Grow ARRAY (elements of ELEMENT_BYTES, *cap of them) to hold at least NEED elements,
// doubling. On CR_E_MEMORY the array and *cap are untouched.
CR_MUST_CHECK enum cr_status cr_array_grow(void **array, size_t *cap, size_t need,
                                           size_t element_bytes);

// Whether any allocation of this process has failed. What is only printed goes on without
// what did not fit; a command that printed does not end as if it had printed all.
bool cr_mem_has_failed(void);

// Make the N-th allocation from now fail (1 = the next); 0 switches it off.
void cr_mem_fail_at(uint64_t n);
// Allocations counted since the last cr_mem_fail_at.
uint64_t cr_mem_count(void);

// A bump allocator: many small things that end together.
struct cr_arena {
    struct cr_arena_block *blocks; // private
    size_t used_bytes;             // in all blocks
};
void *cr_arena_alloc(struct cr_arena *arena, size_t bytes); // 16-byte aligned, or NULL
char *cr_arena_strndup(struct cr_arena *arena, const char *text, size_t bytes);
char *cr_arena_strdup(struct cr_arena *arena, const char *text);
void cr_arena_fini(struct cr_arena *arena);

#endif
