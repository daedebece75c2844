// upstream.h - one model of the client: its backend, its servers, its throttle, its queue.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CR_MODEL_UPSTREAM_H
#define CR_MODEL_UPSTREAM_H

#include "credence/model/client.h"
#include "model/backend.h"
#include "model/endpoint.h"
#include "model/headers.h"
#include "model/hints.h"
#include "model/learned.h"
#include "model/request.h"
#include "model/throttle.h"
#include "model/watch.h"

struct cr_upstream {
    const struct cr_model *model;
    const struct cr_backend *backend;
    struct cr_wire wire;           // remote
    struct cr_headers headers;     // remote
    struct cr_endpoints endpoints; // remote
    struct cr_learned learned;     // remote: what its servers refuse
    struct cr_log *log;            // for what every rank meets: NULL on ranks above 1
    char wait_source[CR_HINT_SOURCE_MAX]; // of the longest wait that is not over
    int64_t wait_told_until_ns;           // people know of waits up to here
    bool is_reasoning_told, is_files_told;
    struct cr_throttle throttle;
    struct cr_watch watch;
    struct cr_heap waiting;          // the oldest market's first
    double expected_tokens_out;      // moving average, for reservations
    struct cr_model_metrics metrics; // the counters of it
};

CR_MUST_CHECK enum cr_status cr_upstream_init(struct cr_upstream *upstream,
                                              const struct cr_model *model,
                                              const struct cr_client_cfg *cfg,
                                              struct cr_err *err);
void cr_upstream_fini(struct cr_upstream *upstream);

// What starting CALL is expected to use; 0 when tokens are not limited.
int64_t cr_upstream_reserve(const struct cr_upstream *upstream,
                            const struct cr_call *call);
// Count a call that is over.
void cr_upstream_count(struct cr_upstream *upstream, const struct cr_reply *reply);
void cr_upstream_metrics(const struct cr_upstream *upstream, int64_t now_ns,
                         struct cr_model_metrics *out);

#endif
