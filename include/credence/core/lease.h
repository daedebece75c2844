// lease.h - what a rank may do with a model, and what it has done: what the models of a
// rank and the coordinator tell each other.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_LEASE_H
#define CREDENCE_CORE_LEASE_H

#include <stdint.h>

// What this rank may do with one model. The coordinator leases it (run/limits.c).
struct cr_lease {
    uint32_t concurrency; // in flight at most
    int64_t requests;     // starts granted, added to what is left; -1: unlimited
    int64_t tokens;       // likewise
};

// Of one model on one rank: counters since its client was made, and the present state.
struct cr_model_metrics {
    uint64_t
        calls_recorded; // answered from a tape or by a twin in flight: nothing was sent
    uint64_t requests_returned; // starts that were leased, not used and given back
    uint64_t calls_done, calls_failed, attempts, retries, rate_limited; // 429 and 503
    uint64_t tokens_in, tokens_out, tokens_cached;
    double usd;
    uint32_t waiting, in_flight, concurrency; // the limit now
    int64_t pause_ms;                         // left of a pause
    int64_t
        pause_seen_ms; // longest that a server asked for since it was last forgotten
    double latency_s;  // moving average of successful attempts
    double requests_wanted; // starts refused for want of a lease, likewise
};

#endif
