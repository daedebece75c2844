// request.c - the state of a request, which changes here and nowhere else; and the
// lists that requests are in: queues (doubly linked, so that any of them can leave at
// once) and heaps (each request knows its place, so that leaving costs no search).
#include "model/request.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "credence/base/mem.h"
#include "model/endpoint.h"

static const char *const state_names[CR_REQUEST_STATE_COUNT] = {
    "free", "waiting", "following", "in flight", "backing off", "done"};

#define TO(state) (1u << CR_REQUEST_##state)

// Legal moves, by the state they start from.
static const unsigned moves[CR_REQUEST_STATE_COUNT] = {
    [CR_REQUEST_FREE] = TO(WAITING) | TO(FOLLOWING) | TO(DONE),
    [CR_REQUEST_WAITING] = TO(IN_FLIGHT) | TO(DONE),
    [CR_REQUEST_FOLLOWING] = TO(DONE),
    [CR_REQUEST_IN_FLIGHT] = TO(WAITING) | TO(BACKING_OFF) | TO(DONE),
    [CR_REQUEST_BACKING_OFF] = TO(WAITING) | TO(DONE),
    [CR_REQUEST_DONE] = TO(FREE),
};

const char *cr_request_state_name(enum cr_request_state state) {
    return state_names[state];
}

bool cr_request_may_move(enum cr_request_state from, enum cr_request_state to) {
    return (moves[from] >> to) & 1u;
}

void cr_request_begin(struct cr_request *request, struct cr_call *call,
                      uint64_t order) {
    memset(request, 0, offsetof(struct cr_request, reply.logprobs));
    request->state = CR_REQUEST_FREE;
    request->call = call;
    request->upstream = call->model;
    request->endpoint = CR_ENDPOINT_NONE;
    request->order = order;
    request->heap_at = CR_NOT_IN_HEAP;
}

void cr_request_move(struct cr_request *request, enum cr_request_state to) {
    assert(cr_request_may_move(request->state, to));
    request->state = to;
}

static void insert(struct cr_queue *queue, struct cr_request *request,
                   struct cr_request *prev, struct cr_request *next) {
    assert(!request->prev && !request->next && queue->head != request);
    request->prev = prev;
    request->next = next;
    *(prev != NULL ? &prev->next : &queue->head) = request;
    *(next != NULL ? &next->prev : &queue->tail) = request;
    queue->len++;
}

void cr_queue_push(struct cr_queue *queue, struct cr_request *request) {
    insert(queue, request, queue->tail, NULL);
}

void cr_queue_push_front(struct cr_queue *queue, struct cr_request *request) {
    insert(queue, request, NULL, queue->head);
}

void cr_queue_remove(struct cr_queue *queue, struct cr_request *request) {
    assert(queue->len > 0);
    *(request->prev != NULL ? &request->prev->next : &queue->head) = request->next;
    *(request->next != NULL ? &request->next->prev : &queue->tail) = request->prev;
    request->prev = request->next = NULL;
    queue->len--;
}

struct cr_request *cr_queue_pop(struct cr_queue *queue) {
    struct cr_request *request = queue->head;
    if (request != NULL) {
        cr_queue_remove(queue, request);
    }
    return request;
}

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
