// transfer.h - one HTTP exchange at a time, on an easy handle that is kept.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CR_MODEL_TRANSFER_H
#define CR_MODEL_TRANSFER_H

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

CR_MUST_CHECK enum cr_status cr_transfer_create(struct cr_loop *loop, uint32_t shard,
                                                struct cr_transfer **out);
void cr_transfer_destroy(struct cr_transfer *transfer);

// Aim at TO with the request in transfer->body. CR_E_MEMORY, CR_E_NET.
CR_MUST_CHECK enum cr_status cr_transfer_aim(struct cr_transfer *transfer,
                                             const struct cr_destination *to);
// Note how it ended.
void cr_transfer_end(struct cr_transfer *transfer, CURLcode result);
// Give back what an unusually long exchange made the buffers grow to.
void cr_transfer_rest(struct cr_transfer *transfer);

#endif
