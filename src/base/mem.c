// mem.c - the one allocator. The counters are atomic because the HTTP library's
// resolver threads allocate through it too.
#include "credence/base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t counted;
static atomic_uint_fast64_t fails_at;
static atomic_bool has_failed;

// True when a test wants this allocation to fail, or when no object can be that large.
// Two threads at once may be counted as one: an addition that cannot be interrupted
// would cost more than the rest, and tests count one thread's.
static bool must_fail(size_t bytes) {
    uint_fast64_t n = atomic_load_explicit(&counted, memory_order_relaxed) + 1;
    atomic_store_explicit(&counted, n, memory_order_relaxed);
    return n == atomic_load_explicit(&fails_at, memory_order_relaxed) ||
           bytes > PTRDIFF_MAX;
}

void cr_mem_fail_at(uint64_t n) {
    atomic_store_explicit(&counted, 0, memory_order_relaxed);
    atomic_store_explicit(&fails_at, n, memory_order_relaxed);
}

uint64_t cr_mem_count(void) {
    return atomic_load_explicit(&counted, memory_order_relaxed);
}

bool cr_mem_has_failed(void) {
    return atomic_load_explicit(&has_failed, memory_order_relaxed);
}

static void *noted(void *block) {
    if (block == NULL) {
        atomic_store_explicit(&has_failed, true, memory_order_relaxed);
    }
    return block;
}

void *cr_malloc(size_t bytes) {
    return noted(must_fail(bytes) ? NULL : malloc(bytes > 0 ? bytes : 1));
}

void *cr_calloc(size_t len, size_t element_bytes) {
    if (element_bytes > 0 && len > SIZE_MAX / element_bytes) {
        return noted(NULL);
    }
    if (must_fail(len * element_bytes)) {
        return noted(NULL);
    }
    return noted(len > 0 && element_bytes > 0 ? calloc(len, element_bytes)
                                              : calloc(1, 1));
}

void *cr_realloc(void *block, size_t bytes) {
    return noted(must_fail(bytes) ? NULL : realloc(block, bytes > 0 ? bytes : 1));
}

void cr_free(void *block) {
    free(block);
}

char *cr_strdup(const char *text) {
    return text != NULL ? cr_strndup(text, strlen(text)) : NULL;
}

char *cr_strndup(const char *text, size_t bytes) {
    if (text == NULL || bytes == SIZE_MAX) {
        return NULL;
    }
    size_t len = strnlen(text, bytes);
    char *copy = cr_malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

enum cr_status cr_array_grow(void **array, size_t *cap, size_t need,
                             size_t element_bytes) {
    if (need <= *cap) {
        return CR_OK;
    }
    size_t larger = *cap < 8 ? 8 : *cap;
    while (larger < need) {
        larger = larger > SIZE_MAX / 2 ? need : larger * 2;
    }
    if (larger > SIZE_MAX / element_bytes) {
        return CR_E_MEMORY;
    }
    void *grown = cr_realloc(*array, larger * element_bytes);
    if (grown == NULL) {
        return CR_E_MEMORY;
    }
    *array = grown;
    *cap = larger;
    return CR_OK;
}

enum { ARENA_ALIGN = 16, ARENA_BLOCK_MIN = 4096, ARENA_BLOCK_MAX = 1 << 20 };

struct cr_arena_block {
    struct cr_arena_block *next;
    size_t cap_bytes;
    size_t used_bytes;
    _Alignas(ARENA_ALIGN) char bytes[];
};

// Each block is as large as all before it, so n bytes cost O(log n) allocations.
static struct cr_arena_block *arena_block_add(struct cr_arena *arena, size_t bytes) {
    size_t cap = arena->used_bytes;
    if (cap < ARENA_BLOCK_MIN) {
        cap = ARENA_BLOCK_MIN;
    }
    if (cap > ARENA_BLOCK_MAX) {
        cap = ARENA_BLOCK_MAX;
    }
    if (cap < bytes) {
        cap = bytes;
    }
    struct cr_arena_block *block = cr_malloc(sizeof *block + cap);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct cr_arena_block){.next = arena->blocks, .cap_bytes = cap};
    arena->blocks = block;
    return block;
}

void *cr_arena_alloc(struct cr_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t padded = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    struct cr_arena_block *block = arena->blocks;
    if (block == NULL || block->cap_bytes - block->used_bytes < padded) {
        block = arena_block_add(arena, padded);
        if (block == NULL) {
            return NULL;
        }
    }
    void *result = block->bytes + block->used_bytes;
    block->used_bytes += padded;
    arena->used_bytes += padded;
    return result;
}

char *cr_arena_strndup(struct cr_arena *arena, const char *text, size_t bytes) {
    if (text == NULL || bytes == SIZE_MAX) {
        return NULL;
    }
    size_t len = strnlen(text, bytes);
    char *copy = cr_arena_alloc(arena, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

char *cr_arena_strdup(struct cr_arena *arena, const char *text) {
    return text != NULL ? cr_arena_strndup(arena, text, strlen(text)) : NULL;
}

void cr_arena_fini(struct cr_arena *arena) {
    if (arena == NULL) {
        return;
    }
    struct cr_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct cr_arena_block *next = block->next;
        cr_free(block);
        block = next;
    }
    *arena = (struct cr_arena){0};
}
