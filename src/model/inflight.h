// inflight.h - requests on their way by their hash, so that an identical one can wait for
// the same answer instead of being sent.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CR_MODEL_INFLIGHT_H
#define CR_MODEL_INFLIGHT_H

#include "model/request.h"

struct cr_inflight {
    struct cr_request **buckets;
    uint32_t mask;
};

CR_MUST_CHECK enum cr_status cr_inflight_init(struct cr_inflight *inflight,
                                              uint32_t live_max);
void cr_inflight_fini(struct cr_inflight *inflight);
// The leader with REQUEST's hash and model, or NULL.
struct cr_request *cr_inflight_find(const struct cr_inflight *inflight,
                                    const struct cr_request *request);
void cr_inflight_add(struct cr_inflight *inflight, struct cr_request *leader);
void cr_inflight_remove(struct cr_inflight *inflight, struct cr_request *leader);

#endif
