// loop.h - the HTTP transfers of one rank and the one place where it sleeps.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
//
// curl multi handles driven by an epoll descriptor, so that a turn costs what is ready
// and not what is open. Sockets stay registered between the exchanges of a connection.
#ifndef CR_MODEL_LOOP_H
#define CR_MODEL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "model/headers.h"
#include "model/hints.h"
#include "model/request_id.h"

struct cr_loop;
struct cr_endpoint;

enum { CR_LOCATION_MAX = 200 };

// One HTTP exchange at a time, on an easy handle that is kept.
struct cr_transfer {
    CURL *easy;
    CURLU *url; // of the endpoint below, read
    struct cr_transfer *next_free;
    void *owner; // the request that flies
    struct cr_loop *loop;
    uint32_t shard;       // of the loop
    struct cr_buf body;   // of the request
    struct cr_buf answer; // of the reply, decompressed
    size_t counted_bytes; // of it, in the loop's sum
    size_t header_bytes;
    bool is_too_large;    // a limit of ours ended it: of this reply,
    bool is_over_budget;  // or of all that are under way
    bool is_out_of_files; // no descriptor was left for a socket
    struct cr_hints hints;
    struct cr_request_id request_id;
    char location[CR_LOCATION_MAX]; // of a redirect; "" when there was none
    int64_t wall_ms;                // when it started, for dates in headers
    CURLcode result;                // when it is over
    uint32_t http_status;
    double latency_s;
    // What the handle was last set to, so that only changes are set.
    const struct cr_headers *headers;
    const struct cr_endpoint *endpoint;
    uint64_t generation;
    char error[CURL_ERROR_SIZE];
};

// What may change from one exchange to the next.
struct cr_destination {
    const struct cr_endpoint *endpoint;
    const struct cr_headers *headers;
    const char *unix_socket;
    const char *proxy; // "": none; NULL: as the environment says
    double timeout_s, connect_timeout_s;
    int64_t wall_ms;
};

// Aim at TO with the request in transfer->body. CR_E_MEMORY, CR_E_NET.
CR_MUST_CHECK enum cr_status cr_transfer_aim(struct cr_transfer *transfer,
                                             const struct cr_destination *to);

// For at most MOST transfers at once; with 0 it only sleeps, and the HTTP library is
// not even started.
CR_MUST_CHECK enum cr_status cr_loop_create(uint32_t most, struct cr_loop **out,
                                            struct cr_err *err);
void cr_loop_destroy(struct cr_loop *loop); // drops what is under way

// A transfer that is free, its body empty. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_loop_acquire(struct cr_loop *loop,
                                             struct cr_transfer **out);
void cr_loop_release(struct cr_loop *loop, struct cr_transfer *transfer);

CR_MUST_CHECK enum cr_status cr_loop_start(struct cr_loop *loop,
                                           struct cr_transfer *transfer);
void cr_loop_drop(struct cr_loop *loop, struct cr_transfer *transfer); // under way

// Sleep at most TIMEOUT_MS (-1: until something happens), then do what is due.
CR_MUST_CHECK enum cr_status cr_loop_wait(struct cr_loop *loop, int64_t timeout_ms,
                                          struct cr_err *err);
// Send what was started, as far as that goes without waiting.
void cr_loop_flush(struct cr_loop *loop);
// A transfer that is over (its result is noted); NULL when none is left.
struct cr_transfer *cr_loop_finished(struct cr_loop *loop);

#endif
