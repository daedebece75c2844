// heap.c - a binary heap of requests. Each request knows its place, so that leaving
// early costs no search.
#include <assert.h>

#include "credence/base/mem.h"
#include "model/request.h"

bool cr_is_due_before(const struct cr_request *a, const struct cr_request *b) {
    return a->due_ns < b->due_ns;
}

bool cr_is_older(const struct cr_request *a, const struct cr_request *b) {
    return a->call->trajectory != b->call->trajectory
               ? a->call->trajectory < b->call->trajectory
               : a->order < b->order;
}

enum cr_status cr_heap_init(struct cr_heap *heap, uint32_t cap, cr_before_fn before) {
    struct cr_request **at = cr_calloc(cap, sizeof(struct cr_request *));
    if (at == NULL) {
        return CR_E_MEMORY;
    }
    *heap = (struct cr_heap){.at = at, .cap = cap, .before = before};
    return CR_OK;
}

void cr_heap_fini(struct cr_heap *heap) {
    cr_free(heap->at);
    *heap = (struct cr_heap){0};
}

static void put(struct cr_heap *heap, uint32_t place, struct cr_request *request) {
    heap->at[place] = request;
    request->heap_at = (int)place;
}

static void sift_up(struct cr_heap *heap, uint32_t place, struct cr_request *request) {
    while (place > 0 && heap->before(request, heap->at[(place - 1) / 2])) {
        put(heap, place, heap->at[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(heap, place, request);
}

static void sift_down(struct cr_heap *heap, uint32_t place,
                      struct cr_request *request) {
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < heap->len &&
            heap->before(heap->at[child + 1], heap->at[child])) {
            child++;
        }
        if (child >= heap->len || !heap->before(heap->at[child], request)) {
            break;
        }
        put(heap, place, heap->at[child]);
        place = child;
    }
    put(heap, place, request);
}

void cr_heap_add(struct cr_heap *heap, struct cr_request *request) {
    assert(heap->len < heap->cap && request->heap_at == CR_NOT_IN_HEAP);
    sift_up(heap, heap->len++, request);
}

void cr_heap_remove(struct cr_heap *heap, struct cr_request *request) {
    assert(request->heap_at != CR_NOT_IN_HEAP);
    uint32_t place = (uint32_t)request->heap_at;
    struct cr_request *last = heap->at[--heap->len];
    request->heap_at = CR_NOT_IN_HEAP;
    if (last == request) {
        return;
    }
    if (heap->before(last, request)) {
        sift_up(heap, place, last);
    } else {
        sift_down(heap, place, last);
    }
}

struct cr_request *cr_heap_first(const struct cr_heap *heap) {
    return heap->len > 0 ? heap->at[0] : NULL;
}
