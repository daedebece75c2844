// timers.c - a binary heap of requests by due_ns. Each request knows its place, so that
// leaving early costs no search.
#include <assert.h>

#include "credence/mem.h"
#include "model/request.h"

enum cr_status cr_timers_init(struct cr_timers *timers, uint32_t cap) {
    struct cr_request **at = cr_calloc(cap, sizeof(struct cr_request *));
    if (!at) {
        return CR_E_MEMORY;
    }
    *timers = (struct cr_timers){.at = at, .cap = cap};
    return CR_OK;
}

void cr_timers_fini(struct cr_timers *timers) {
    cr_free(timers->at);
    *timers = (struct cr_timers){0};
}

static void put(struct cr_timers *timers, uint32_t place, struct cr_request *request) {
    timers->at[place] = request;
    request->heap_at = (int)place;
}

static void sift_up(struct cr_timers *timers, uint32_t place,
                    struct cr_request *request) {
    while (place > 0 && timers->at[(place - 1) / 2]->due_ns > request->due_ns) {
        put(timers, place, timers->at[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(timers, place, request);
}

static void sift_down(struct cr_timers *timers, uint32_t place,
                      struct cr_request *request) {
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < timers->len &&
            timers->at[child + 1]->due_ns < timers->at[child]->due_ns) {
            child++;
        }
        if (child >= timers->len || timers->at[child]->due_ns >= request->due_ns) {
            break;
        }
        put(timers, place, timers->at[child]);
        place = child;
    }
    put(timers, place, request);
}

void cr_timers_add(struct cr_timers *timers, struct cr_request *request) {
    assert(timers->len < timers->cap && request->heap_at == CR_NOT_IN_HEAP);
    sift_up(timers, timers->len++, request);
}

void cr_timers_remove(struct cr_timers *timers, struct cr_request *request) {
    assert(request->heap_at != CR_NOT_IN_HEAP);
    uint32_t place = (uint32_t)request->heap_at;
    struct cr_request *last = timers->at[--timers->len];
    request->heap_at = CR_NOT_IN_HEAP;
    if (last == request) {
        return;
    }
    if (last->due_ns < request->due_ns) {
        sift_up(timers, place, last);
    } else {
        sift_down(timers, place, last);
    }
}

struct cr_request *cr_timers_first(const struct cr_timers *timers) {
    return timers->len > 0 ? timers->at[0] : NULL;
}
