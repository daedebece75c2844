// inflight.c - a table of chains; leaders carry the links.
#include "model/inflight.h"

#include <assert.h>

#include "credence/base/mem.h"

enum cr_status cr_inflight_init(struct cr_inflight *inflight, uint32_t live_max) {
    uint32_t cap = 16;
    while (cap < live_max && cap < (1u << 30)) {
        cap *= 2;
    }
    inflight->buckets = cr_calloc(cap, sizeof(struct cr_request *));
    inflight->mask = cap - 1;
    return inflight->buckets != NULL ? CR_OK : CR_E_MEMORY;
}

void cr_inflight_fini(struct cr_inflight *inflight) {
    cr_free(inflight->buckets);
    *inflight = (struct cr_inflight){0};
}

static struct cr_request **bucket_of(const struct cr_inflight *inflight,
                                     const struct cr_request *request) {
    return &inflight->buckets[request->call->request_hash.lo & inflight->mask];
}

struct cr_request *cr_inflight_find(const struct cr_inflight *inflight,
                                    const struct cr_request *request) {
    struct cr_hash hash = request->call->request_hash;
    struct cr_request *at = *bucket_of(inflight, request);
    while (at != NULL && (at->call->request_hash.lo != hash.lo ||
                          at->call->request_hash.hi != hash.hi ||
                          at->upstream != request->upstream)) {
        at = at->bucket_next;
    }
    return at;
}

void cr_inflight_add(struct cr_inflight *inflight, struct cr_request *leader) {
    struct cr_request **bucket = bucket_of(inflight, leader);
    leader->is_leader = true;
    leader->bucket_next = *bucket;
    *bucket = leader;
}

void cr_inflight_remove(struct cr_inflight *inflight, struct cr_request *leader) {
    struct cr_request **link = bucket_of(inflight, leader);
    while (*link != leader) {
        assert(*link != NULL);
        link = &(*link)->bucket_next;
    }
    *link = leader->bucket_next;
    leader->bucket_next = NULL;
    leader->is_leader = false;
}
