// pool.h - the requests of one client, from slot to slot's end.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CR_MODEL_POOL_H
#define CR_MODEL_POOL_H

#include "credence/model/client.h"
#include "model/inflight.h"
#include "model/loop.h"
#include "model/request.h"
#include "model/upstream.h"

struct cr_pool {
    struct cr_client_cfg cfg;
    struct cr_upstream *upstreams; // by index of the job's models
    uint32_t upstreams_len;
    struct cr_request *slots; // cfg.live_max of them
    struct cr_queue free;
    struct cr_queue done;
    struct cr_heap timers; // backing off, and in flight in simulation
    struct cr_inflight inflight;
    struct cr_notices notices;
    struct cr_loop *loop;
    uint64_t submitted;
    uint32_t live; // slots in use
    bool is_draining;
};

// One turn: land what is over; when that is nothing, start what may start, and sleep at
// most TIMEOUT_MS until something is over.
CR_MUST_CHECK enum cr_status cr_pool_poll(struct cr_pool *pool, int64_t timeout_ms,
                                          struct cr_err *err);
// Start what may start, all replies having been taken.
CR_MUST_CHECK enum cr_status cr_pool_start(struct cr_pool *pool, struct cr_err *err);

// cr_request_move, shown by --log model.
void cr_pool_move(struct cr_pool *pool, struct cr_request *request,
                  enum cr_request_state to);

// Completing a request that is in no list: with request->reply as it is, or as stopped. Followers get the same. CR_E_MEMORY: completed all
// the same, without some texts.
CR_MUST_CHECK enum cr_status cr_pool_finish(struct cr_pool *pool,
                                            struct cr_request *request);
void cr_pool_stop(struct cr_pool *pool, struct cr_request *request);

#endif
