// queue.c - doubly linked lists of requests, so that any of them can leave at once.
#include <assert.h>

#include "model/request.h"

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
