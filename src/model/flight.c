// flight.c - a table of chains; leaders carry the links.
#include "model/flight.h"

#include <assert.h>

#include "credence/mem.h"

enum cr_status cr_flights_init(struct cr_flights *flights, uint32_t live_max) {
    uint32_t cap = 16;
    while (cap < live_max && cap < (1u << 30)) {
        cap *= 2;
    }
    flights->buckets = cr_calloc(cap, sizeof(struct cr_request *));
    flights->mask = cap - 1;
    return flights->buckets ? CR_OK : CR_E_MEMORY;
}

void cr_flights_fini(struct cr_flights *flights) {
    cr_free(flights->buckets);
    *flights = (struct cr_flights){0};
}

static struct cr_request **bucket_of(const struct cr_flights *flights,
                                     const struct cr_request *request) {
    return &flights->buckets[request->call->request_hash.lo & flights->mask];
}

struct cr_request *cr_flights_find(const struct cr_flights *flights,
                                   const struct cr_request *request) {
    struct cr_hash hash = request->call->request_hash;
    struct cr_request *at = *bucket_of(flights, request);
    while (at && (at->call->request_hash.lo != hash.lo ||
                  at->call->request_hash.hi != hash.hi || at->lane != request->lane)) {
        at = at->bucket_next;
    }
    return at;
}

void cr_flights_add(struct cr_flights *flights, struct cr_request *leader) {
    struct cr_request **bucket = bucket_of(flights, leader);
    leader->is_leader = true;
    leader->bucket_next = *bucket;
    *bucket = leader;
}

void cr_flights_remove(struct cr_flights *flights, struct cr_request *leader) {
    struct cr_request **link = bucket_of(flights, leader);
    while (*link != leader) {
        assert(*link);
        link = &(*link)->bucket_next;
    }
    *link = leader->bucket_next;
    leader->bucket_next = NULL;
    leader->is_leader = false;
}
