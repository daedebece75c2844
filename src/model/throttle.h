// throttle.h - how many requests of one model may start, and when.
//
// Layer    model (3), private; pure, time is an argument
// Threads  one owner
// MPI      none
//
// Three brakes: the lease (of the coordinator, or the job file's number until there is
// one), a pause (a server's Retry-After, here or on another rank), and the adaptive
// limit. The adaptive limit begins at CR_THROTTLE_START, grows by one for each success
// until the first overload (so it doubles in each round trip), by one a round trip
// after; an overload (429, 503, 529, timeout) multiplies it by CR_THROTTLE_CUT, once for
// all requests that were under way when it was cut.
#ifndef CR_MODEL_THROTTLE_H
#define CR_MODEL_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/model/client.h"

enum { CR_THROTTLE_START = 64 };
#define CR_THROTTLE_CUT 0.7

enum cr_landing { CR_LANDED_WELL, CR_LANDED_OVERLOADED, CR_LANDED_ELSE };

struct cr_throttle {
    bool is_adaptive;
    bool was_cut;  // slow start is over
    double limit;  // adaptive
    uint32_t most; // of this client, whatever the limits say
    uint32_t lease_concurrency;
    int64_t requests_left,
        tokens_left; // -1: unlimited (tokens_left: see is_token_free)
    bool is_token_free;
    uint32_t in_flight;
    int64_t pause_until_ns;
    int64_t cut_ns;        // when the limit was last cut
    int64_t pause_seen_ms; // longest that a server asked for, since it was forgotten
    uint32_t wanted;       // most requests held back by the lease; likewise
};

// CONCURRENCY 0: adaptive. MOST: slots of the client.
void cr_throttle_init(struct cr_throttle *throttle, uint32_t concurrency,
                      uint32_t most);
void cr_throttle_lease(struct cr_throttle *throttle, const struct cr_lease *lease);
// How many unused starts there were; now there are none.
uint64_t cr_throttle_return_requests(struct cr_throttle *throttle);
void cr_throttle_pause(struct cr_throttle *throttle, int64_t now_ns, int64_t pause_ms);
// The same because a server asked for it: other ranks must hear of it too.
void cr_throttle_pause_seen(struct cr_throttle *throttle, int64_t now_ns,
                            int64_t pause_ms);

uint32_t
cr_throttle_limit(const struct cr_throttle *throttle); // in flight at most, now
// Whether one may start; WAITING are queued and are noted when the lease holds them.
bool cr_throttle_may_start(struct cr_throttle *throttle, int64_t now_ns,
                           uint32_t waiting);
void cr_throttle_start(struct cr_throttle *throttle, int64_t reserved_tokens);
// One that started at SENT_NS is over.
void cr_throttle_land(struct cr_throttle *throttle, enum cr_landing landing,
                      int64_t sent_ns, int64_t now_ns);
// Settle what the estimate had reserved.
void cr_throttle_refund(struct cr_throttle *throttle, int64_t reserved_tokens,
                        int64_t used_tokens);
void cr_throttle_forget_peaks(struct cr_throttle *throttle); // pause_seen_ms, wanted
// When a pause ends; INT64_MAX when there is none.
int64_t cr_throttle_wake_ns(const struct cr_throttle *throttle, int64_t now_ns);

#endif
