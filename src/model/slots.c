// slots.c - both ends of a request's way: submit and take; and stopping what is
// between.
#include <assert.h>
#include <curl/curl.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/core/trajectory.h"
#include "model/pool.h"

static bool needs_network(const struct cr_client_cfg *cfg) {
    const struct cr_job *job = cfg->job;
    for (uint32_t i = 0; i < job->models_len && !cfg->is_offline; i++) {
        const struct cr_backend *backend = cr_backend_find(job->models[i].api);
        if (backend != NULL && backend->is_remote) {
            return true;
        }
    }
    return false;
}

static enum cr_status init_slots(struct cr_pool *pool) {
    uint32_t len = pool->cfg.live_max;
    pool->slots = cr_calloc(len, sizeof *pool->slots);
    if (pool->slots == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < len; i++) {
        pool->slots[i].heap_at = CR_NOT_IN_HEAP;
        cr_queue_push(&pool->free, &pool->slots[i]);
    }
    enum cr_status status = cr_heap_init(&pool->timers, len, cr_is_due_before);
    return status != CR_OK ? status : cr_inflight_init(&pool->inflight, len);
}

static enum cr_status init_lanes(struct cr_pool *pool, struct cr_err *err) {
    const struct cr_job *job = pool->cfg.job;
    pool->upstreams = cr_calloc(job->models_len, sizeof *pool->upstreams);
    enum cr_status status =
        pool->upstreams != NULL ? CR_OK : cr_err_set(err, CR_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < job->models_len && status == CR_OK; i++) {
        status =
            cr_upstream_init(&pool->upstreams[i], &job->models[i], &pool->cfg, err);
        pool->lanes_len += status == CR_OK;
    }
    return status;
}

enum cr_status cr_pool_init(struct cr_pool *pool, const struct cr_client_cfg *cfg,
                            struct cr_err *err) {
    assert(cfg->live_max > 0);
    *pool = (struct cr_pool){.cfg = *cfg};
    enum cr_status status =
        cr_loop_create(needs_network(cfg) ? cfg->live_max : 0, &pool->loop, err);
    if (status == CR_OK) {
        status = init_slots(pool);
        status = status != CR_OK ? cr_err_set(err, status, "out of memory") : CR_OK;
    }
    status = status != CR_OK ? status : init_lanes(pool, err);
    if (status != CR_OK) {
        cr_pool_fini(pool);
    }
    return status;
}

void cr_pool_fini(struct cr_pool *pool) {
    if (pool->slots != NULL) {
        cr_pool_drop(pool);
        struct cr_call *call;
        struct cr_reply reply;
        while (cr_pool_take(pool, &call, &reply)) {
            cr_reply_fini(&reply);
        }
        assert(pool->live == 0);
    }
    for (uint32_t i = 0; i < pool->lanes_len; i++) {
        cr_upstream_fini(&pool->upstreams[i]);
    }
    cr_loop_destroy(pool->loop);
    cr_heap_fini(&pool->timers);
    cr_inflight_fini(&pool->inflight);
    cr_free(pool->upstreams);
    cr_free(pool->slots);
    *pool = (struct cr_pool){0};
}

// Whether a reply to CALL on UPSTREAM also answers every call of the same hash.
static bool is_repeatable(const struct cr_upstream *upstream) {
    return upstream->model->temperature == 0 || upstream->model->send_seed ||
           !upstream->backend->is_remote;
}

static bool is_known(struct cr_pool *pool, struct cr_request *request,
                     enum cr_status *status) {
    struct cr_call_record record;
    const struct cr_client_cfg *cfg = &pool->cfg;
    if (cfg->lookup == NULL || !cfg->lookup(cfg->lookup_ctx, request->call, &record)) {
        return false;
    }
    *status = cr_reply_from_record(&record, &request->reply);
    request->reply.is_recorded = true;
    return true;
}

// Where a new request goes first.
static enum cr_status place(struct cr_pool *pool, struct cr_request *request) {
    struct cr_upstream *upstream = &pool->upstreams[request->upstream];
    enum cr_status status = CR_OK;
    if (pool->is_draining) {
        cr_pool_stop(pool, request);
        return CR_OK;
    }
    if (is_known(pool, request, &status)) {
        if (status != CR_OK) {
            cr_pool_stop(pool, request);
            return status;
        }
        return cr_pool_finish(pool, request);
    }
    if (pool->cfg.is_offline) {
        cr_pool_stop(pool, request);
        return CR_OK;
    }
    struct cr_request *leader =
        is_repeatable(upstream) ? cr_inflight_find(&pool->inflight, request) : NULL;
    if (leader != NULL) {
        cr_request_move(request, CR_REQUEST_FOLLOWING);
        request->follower = leader->followers;
        leader->followers = request;
        return CR_OK;
    }
    if (is_repeatable(upstream)) {
        cr_inflight_add(&pool->inflight, request);
    }
    cr_request_move(request, CR_REQUEST_WAITING);
    cr_heap_add(&upstream->waiting, request);
    return CR_OK;
}

enum cr_status cr_pool_submit(struct cr_pool *pool, struct cr_call *call,
                              struct cr_err *err) {
    assert(call->model < pool->lanes_len);
    struct cr_request *request = cr_queue_pop(&pool->free);
    if (request == NULL) {
        return cr_err_set(err, CR_E_LIMIT, "more than %u calls at once",
                          pool->cfg.live_max);
    }
    *request = (struct cr_request){.state = CR_REQUEST_FREE,
                                   .call = call,
                                   .upstream = call->model,
                                   .endpoint = CR_ENDPOINT_NONE,
                                   .order = pool->submitted++,
                                   .heap_at = CR_NOT_IN_HEAP};
    pool->live++;
    enum cr_status status = place(pool, request);
    return status != CR_OK ? cr_err_set(err, status, "out of memory") : CR_OK;
}

bool cr_pool_take(struct cr_pool *pool, struct cr_call **call, struct cr_reply *reply) {
    struct cr_request *request = cr_queue_pop(&pool->done);
    if (request == NULL) {
        return false;
    }
    *call = request->call;
    *reply = request->reply;
    cr_request_move(request, CR_REQUEST_FREE);
    cr_queue_push_front(&pool->free, request); // the warmest slot first
    pool->live--;
    return true;
}

void cr_pool_drain(struct cr_pool *pool) {
    pool->is_draining = true;
    for (uint32_t i = 0; i < pool->lanes_len; i++) {
        struct cr_heap *waiting = &pool->upstreams[i].waiting;
        struct cr_request *request;
        while ((request = cr_heap_first(waiting)) != NULL) {
            cr_heap_remove(waiting, request);
            cr_pool_stop(pool, request);
        }
    }
    for (uint32_t i = 0; i < pool->cfg.live_max; i++) {
        struct cr_request *request = &pool->slots[i];
        if (request->state == CR_REQUEST_BACKING_OFF) {
            cr_heap_remove(&pool->timers, request);
            cr_pool_stop(pool, request);
        }
    }
}

static void drop_in_flight(struct cr_pool *pool, struct cr_request *request) {
    struct cr_upstream *upstream = &pool->upstreams[request->upstream];
    int64_t now_ns = cr_clock_now_ns(pool->cfg.clock);
    if (request->transfer != NULL) {
        cr_loop_drop(pool->loop, request->transfer);
        cr_loop_release(pool->loop, request->transfer);
        request->transfer = NULL;
        cr_endpoints_land(&upstream->endpoints, request->endpoint, CR_HEALTH_UNKNOWN,
                          now_ns);
    } else {
        cr_heap_remove(&pool->timers, request);
    }
    cr_throttle_land(&upstream->throttle, CR_LANDED_ELSE, request->sent_ns, now_ns);
    cr_pool_stop(pool, request);
}

void cr_pool_drop(struct cr_pool *pool) {
    cr_pool_drain(pool);
    for (uint32_t i = 0; i < pool->cfg.live_max; i++) {
        if (pool->slots[i].state == CR_REQUEST_IN_FLIGHT) {
            drop_in_flight(pool, &pool->slots[i]);
        }
    }
}
