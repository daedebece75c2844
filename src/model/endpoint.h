// endpoint.h - the servers of one model: which one to ask, and which are down.
//
// Layer    model (3), private; pure, time is an argument
// Threads  one owner
// MPI      none
//
// A circuit breaker each: CR_BREAKER_FAILURES failures in a row open it for a second,
// doubled each time up to CR_BREAKER_MAX_MS; then one request is let through as a
// probe, and what becomes of it closes the breaker or opens it again.
//
// A trajectory stays with the endpoint that has its prefix cached while that is
// healthy; a new one goes where the fewest are under way.
#ifndef CR_MODEL_ENDPOINT_H
#define CR_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "model/backend.h"
#include "model/learned.h"

enum {
    CR_ENDPOINTS_MAX = 256, // of one model
    CR_BREAKER_FAILURES = 3,
    CR_BREAKER_FIRST_MS = 1000,
    CR_BREAKER_MAX_MS = 30000
};
#define CR_ENDPOINT_NONE UINT32_MAX

enum cr_breaker { CR_BREAKER_CLOSED, CR_BREAKER_OPEN, CR_BREAKER_PROBING };

struct cr_endpoint {
    char *base;   // as given; NULL: gone
    char *url;    // where requests go
    char *shown;  // the same without credentials, for error texts
    bool is_near; // a Unix socket, or the loopback of this machine
    // Changes with the URL: how a request to the old one ended says nothing about the
    // new (the pool lands it as unknown).
    uint64_t generation;
    enum cr_breaker breaker;
    uint32_t failures; // in a row
    int64_t open_until_ns;
    int64_t open_ms; // how long the breaker was last opened for
    uint32_t in_flight;
    uint32_t trajectories;         // that were sent here
    struct cr_request_shape shape; // of requests that it was not seen to refuse
};

// Where a trajectory was last sent; direct-mapped, so an unlucky one is forgotten.
struct cr_affinity {
    uint64_t trajectory;
    uint32_t endpoint;
    bool is_set;
};

struct cr_endpoints {
    const struct cr_model *model;
    const struct cr_dialect *dialect;
    const struct cr_learned *learned;
    struct cr_endpoint *at; // CR_ENDPOINTS_MAX of them: transfers remember addresses
    uint32_t len;
    struct cr_affinity *affinity;
    uint32_t affinity_mask;
};

CR_MUST_CHECK enum cr_status cr_endpoints_init(struct cr_endpoints *endpoints,
                                               const struct cr_model *model,
                                               const struct cr_learned *learned,
                                               uint32_t live_max, struct cr_err *err);
void cr_endpoints_fini(struct cr_endpoints *endpoints);

// Endpoint INDEX is at URL now; NULL: nowhere. CR_E_LIMIT past CR_ENDPOINTS_MAX.
CR_MUST_CHECK enum cr_status cr_endpoints_set(struct cr_endpoints *endpoints,
                                              uint32_t index, const char *url,
                                              struct cr_err *err);

// The endpoint for a request of TRAJECTORY, AVOID (or CR_ENDPOINT_NONE) if another will
// do; CR_ENDPOINT_NONE when all are down or gone: ask again at cr_endpoints_wake_ns.
uint32_t cr_endpoints_choose(struct cr_endpoints *endpoints, uint64_t trajectory,
                             uint32_t avoid, int64_t now_ns);
void cr_endpoints_start(struct cr_endpoints *endpoints, uint32_t index, int64_t now_ns);
enum cr_health { CR_HEALTH_GOOD, CR_HEALTH_BAD, CR_HEALTH_UNKNOWN };
void cr_endpoints_land(struct cr_endpoints *endpoints, uint32_t index,
                       enum cr_health health, int64_t now_ns);
int64_t cr_endpoints_wake_ns(const struct cr_endpoints *endpoints);

#endif
