// Open addressing over 128-bit hashes, at most half full. The ids themselves are not
// kept: two different ids with one hash will not be met.
#include "bench/seen.h"

#include <string.h>

#include "credence/base/mem.h"

struct cr_seen_slot {
    struct cr_hash hash;
    uint64_t line; // 0: empty
};

enum { CAP_FIRST = 1024 };

// The slot that holds HASH, or the empty one where it belongs.
static struct cr_seen_slot *slot_of(struct cr_seen_slot *slots, size_t cap,
                                    struct cr_hash hash) {
    size_t i = (size_t)hash.lo & (cap - 1);
    while (slots[i].line &&
           (slots[i].hash.lo != hash.lo || slots[i].hash.hi != hash.hi)) {
        i = (i + 1) & (cap - 1);
    }
    return &slots[i];
}

static enum cr_status grow(struct cr_seen *seen) {
    size_t cap = seen->cap ? seen->cap * 2 : CAP_FIRST;
    struct cr_seen_slot *slots = cr_calloc(cap, sizeof *slots);
    if (slots == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < seen->cap; i++) {
        if (seen->slots[i].line) {
            *slot_of(slots, cap, seen->slots[i].hash) = seen->slots[i];
        }
    }
    cr_free(seen->slots);
    seen->slots = slots;
    seen->cap = cap;
    return CR_OK;
}

enum cr_status cr_seen_add(struct cr_seen *seen, const char *id, uint64_t line,
                           uint64_t *first) {
    if (seen->len * 2 >= seen->cap && grow(seen) != CR_OK) {
        return CR_E_MEMORY;
    }
    struct cr_hash hash = cr_hash128(id, strlen(id), 0);
    struct cr_seen_slot *slot = slot_of(seen->slots, seen->cap, hash);
    *first = slot->line;
    if (!slot->line) {
        *slot = (struct cr_seen_slot){.hash = hash, .line = line};
        seen->len++;
    }
    return CR_OK;
}

void cr_seen_fini(struct cr_seen *seen) {
    cr_free(seen->slots);
    *seen = (struct cr_seen){0};
}
