// flight.h - requests on their way by their hash, so that an identical one can wait for
// the same answer instead of being sent.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CREDENCE_MODEL_FLIGHT_H
#define CREDENCE_MODEL_FLIGHT_H

#include "model/request.h"

struct cr_flights {
    struct cr_request **buckets;
    uint32_t mask;
};

CR_MUST_CHECK enum cr_status cr_flights_init(struct cr_flights *flights,
                                             uint32_t live_max);
void cr_flights_fini(struct cr_flights *flights);
// The leader with REQUEST's hash and model, or NULL.
struct cr_request *cr_flights_find(const struct cr_flights *flights,
                                   const struct cr_request *request);
void cr_flights_add(struct cr_flights *flights, struct cr_request *leader);
void cr_flights_remove(struct cr_flights *flights, struct cr_request *leader);

#endif
