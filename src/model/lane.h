// lane.h - one model of the client: its backend, its servers, its pace, its queue.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CREDENCE_MODEL_LANE_H
#define CREDENCE_MODEL_LANE_H

#include "credence/client.h"
#include "model/backend.h"
#include "model/endpoint.h"
#include "model/key.h"
#include "model/pace.h"
#include "model/request.h"

struct cr_lane {
    const struct cr_model *model;
    const struct cr_backend *backend;
    struct cr_wire wire;           // remote
    struct cr_headers headers;     // remote
    struct cr_endpoints endpoints; // remote
    struct cr_pace pace;
    struct cr_heap waiting;          // the oldest market's first
    double expected_tokens_out;      // moving average, for reservations
    struct cr_model_metrics metrics; // the counters of it
};

CR_MUST_CHECK enum cr_status cr_lane_init(struct cr_lane *lane,
                                          const struct cr_model *model,
                                          const struct cr_client_cfg *cfg,
                                          struct cr_err *err);
void cr_lane_fini(struct cr_lane *lane);

// What starting CALL is expected to use; 0 when tokens are not limited.
int64_t cr_lane_reserve(const struct cr_lane *lane, const struct cr_call *call);
// Count a call that is over.
void cr_lane_count(struct cr_lane *lane, const struct cr_reply *reply);
void cr_lane_metrics(struct cr_lane *lane, int64_t now_ns,
                     struct cr_model_metrics *out);

#endif
