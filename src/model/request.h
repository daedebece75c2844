// request.h - one call on its way: its state, and the lists it is in.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
//
//   free ----> waiting <----> in flight ----> done ----> free
//     |           ^  |          |           ^
//     |           |  +----------|-----------+    stopped, or refused unsent
//     |           |             v           |
//     |           +--------- backing off -------+    backoff; stopped while in it
//     +------> following -------------------+    an identical request is on its way
//     +-------------------------------------+    known from a tape
#ifndef CR_MODEL_REQUEST_H
#define CR_MODEL_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "credence/core/call.h"
#include "model/backend.h"

enum cr_request_state {
    CR_REQUEST_FREE,        // the slot holds no call
    CR_REQUEST_WAITING,     // in its upstream's queue, for pace and a server
    CR_REQUEST_FOLLOWING,   // an identical request answers for it
    CR_REQUEST_IN_FLIGHT,   // a server (or a simulated one) has it
    CR_REQUEST_BACKING_OFF, // between two attempts
    CR_REQUEST_DONE,        // its reply waits to be taken
    CR_REQUEST_STATE_COUNT
};

enum { CR_NOT_IN_HEAP = -1 };

struct cr_transfer;

struct cr_request {
    enum cr_request_state state;
    struct cr_call *call;
    uint32_t upstream; // the call's model
    uint32_t attempts;
    uint32_t retries;              // attempts that count against the model's limit
    uint32_t bad_texts;            // 200s whose bytes were no UTF-8
    uint32_t endpoint;             // of the last attempt
    uint64_t generation;           // of that endpoint then
    bool is_leader;                // is in the table of requests in flight
    struct cr_request_shape shape; // that it was sent in
    int64_t sent_ns;
    int64_t due_ns; // backing off or simulated: when it moves on
    uint64_t order; // of submission
    int heap_at;    // CR_NOT_IN_HEAP
    int64_t reserved_tokens;
    struct cr_transfer *transfer;   // NULL unless in flight over HTTP
    struct cr_request *prev, *next; // in its list
    struct cr_request *followers;   // linked by `follower`
    struct cr_request *follower;
    struct cr_request *bucket_next; // in that table
    struct cr_reply reply;          // last: see cr_reply.logprobs
};

// Make a free REQUEST that of CALL, the ORDER-th that was submitted.
void cr_request_begin(struct cr_request *request, struct cr_call *call, uint64_t order);

// The only way to another state; asserts that the move is legal.
void cr_request_move(struct cr_request *request, enum cr_request_state to);
const char *cr_request_state_name(enum cr_request_state state);
bool cr_request_may_move(enum cr_request_state from, enum cr_request_state to);

// A list of requests; a request is in one at most.
struct cr_queue {
    struct cr_request *head, *tail;
    uint32_t len;
};
void cr_queue_push(struct cr_queue *queue, struct cr_request *request);
void cr_queue_push_front(struct cr_queue *queue, struct cr_request *request);
void cr_queue_remove(struct cr_queue *queue, struct cr_request *request);
struct cr_request *cr_queue_pop(struct cr_queue *queue); // NULL when empty

typedef bool (*cr_before_fn)(const struct cr_request *a, const struct cr_request *b);
// The one that moves on earlier.
bool cr_is_due_before(const struct cr_request *a, const struct cr_request *b);
// The one of the trajectory with the lower number, then the one that was submitted
// first: where few may start, some markets are brought to their end while their
// prefixes are cached, instead of all of them moving a step in turn.
bool cr_is_older(const struct cr_request *a, const struct cr_request *b);

// Requests in the order of `before`; a request is in one heap at most. Storage for
// `cap` of them is made once.
struct cr_heap {
    struct cr_request **at;
    uint32_t len, cap;
    cr_before_fn before;
};
CR_MUST_CHECK enum cr_status cr_heap_init(struct cr_heap *heap, uint32_t cap,
                                          cr_before_fn before);
void cr_heap_fini(struct cr_heap *heap);
void cr_heap_add(struct cr_heap *heap, struct cr_request *request);
void cr_heap_remove(struct cr_heap *heap, struct cr_request *request);
struct cr_request *cr_heap_first(const struct cr_heap *heap); // NULL when empty

#endif
