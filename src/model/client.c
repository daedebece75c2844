// client.c - both ends of a request's way (submit and take), stopping what is between,
// and the controls of each model. What happens on the way is pool.c.
#include "credence/model/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/core/trajectory.h"
#include "model/pool.h"

const char *cr_client_version(void) {
    return curl_version_info(CURLVERSION_NOW)->version;
}

struct cr_client {
    struct cr_pool pool;
};

static void add_unknown_api(const struct cr_model *model, struct cr_err *err) {
    const char *names[8];
    size_t len = cr_backend_count() < 8 ? cr_backend_count() : 8;
    for (size_t i = 0; i < len; i++) {
        names[i] = cr_backend_name(i);
    }
    const char *near = cr_text_nearest(model->api, names, len);
    cr_err_add_line(err, "models.%s.api: \"%s\" is not a backend%s%s%s", model->name,
                    model->api, near != NULL ? "; did you mean \"" : "",
                    near != NULL ? near : "", near != NULL ? "\"?" : "");
}

// The maker of a cell that reads log-probabilities must be able to give them.
static void check_logprobs(const struct cr_job *job, uint32_t model,
                           const struct cr_backend *backend, struct cr_err *found) {
    for (uint32_t i = 0; i < job->cells_len && !backend->has_logprobs; i++) {
        const struct cr_cell *cell = &job->cells[i];
        bool is_held = cell->held != CR_HELD_NONE;
        if (cell->maker == model &&
            (is_held || cell->elicitation == CR_ELICIT_LOGPROB)) {
            cr_err_add_line(
                found,
                "models.%s.api: \"%s\" has no logprobs, which cell '%s' reads "
                "by %s; expected another maker or no such reading",
                job->models[model].name, backend->name, cell->name,
                is_held ? "\"held\"" : "\"elicitation\"");
            return;
        }
    }
}

enum cr_status cr_client_check(const struct cr_job *job, struct cr_err *err) {
    struct cr_err found = {0};
    for (uint32_t i = 0; i < job->models_len; i++) {
        const struct cr_model *model = &job->models[i];
        const struct cr_backend *backend = cr_backend_find(model->api);
        struct cr_err one = {0};
        if (backend == NULL) {
            add_unknown_api(model, &found);
        } else if (backend->check(model, &one) != CR_OK) {
            cr_err_add_line(&found, "%s", one.text);
        } else {
            check_logprobs(job, i, backend, &found);
        }
    }
    return found.text[0] ? cr_err_set(err, CR_E_JOB, "%s", found.text) : CR_OK;
}

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

static enum cr_status init_upstreams(struct cr_pool *pool, struct cr_err *err) {
    const struct cr_job *job = pool->cfg.job;
    pool->upstreams = cr_calloc(job->models_len, sizeof *pool->upstreams);
    enum cr_status status =
        pool->upstreams != NULL ? CR_OK : cr_err_set(err, CR_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < job->models_len && status == CR_OK; i++) {
        status =
            cr_upstream_init(&pool->upstreams[i], &job->models[i], &pool->cfg, err);
        pool->upstreams_len += status == CR_OK;
    }
    return status;
}

static void drain_pool(struct cr_pool *pool) {
    pool->is_draining = true;
    for (uint32_t i = 0; i < pool->upstreams_len; i++) {
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

static void drop_pool(struct cr_pool *pool) {
    drain_pool(pool);
    for (uint32_t i = 0; i < pool->cfg.live_max; i++) {
        if (pool->slots[i].state == CR_REQUEST_IN_FLIGHT) {
            drop_in_flight(pool, &pool->slots[i]);
        }
    }
}

static bool take(struct cr_pool *pool, struct cr_call **call, struct cr_reply *reply) {
    struct cr_request *request = cr_queue_pop(&pool->done);
    if (request == NULL) {
        return false;
    }
    *call = request->call;
    cr_reply_move(reply, &request->reply);
    cr_pool_move(pool, request, CR_REQUEST_FREE);
    cr_queue_push_front(&pool->free, request); // the warmest slot first
    pool->live--;
    return true;
}

static void fini_pool(struct cr_pool *pool) {
    if (pool->slots != NULL) {
        drop_pool(pool);
        struct cr_call *call;
        struct cr_reply reply;
        while (take(pool, &call, &reply)) {
            cr_reply_fini(&reply);
        }
        assert(pool->live == 0);
    }
    for (uint32_t i = 0; i < pool->upstreams_len; i++) {
        cr_upstream_fini(&pool->upstreams[i]);
    }
    cr_loop_destroy(pool->loop);
    cr_heap_fini(&pool->timers);
    cr_inflight_fini(&pool->inflight);
    cr_free(pool->upstreams);
    cr_free(pool->slots);
    *pool = (struct cr_pool){0};
}

static enum cr_status init_pool(struct cr_pool *pool, const struct cr_client_cfg *cfg,
                                struct cr_err *err) {
    assert(cfg->live_max > 0);
    *pool = (struct cr_pool){.cfg = *cfg};
    enum cr_status status =
        cr_loop_create(needs_network(cfg) ? cfg->live_max : 0, &pool->loop, err);
    if (status == CR_OK) {
        status = init_slots(pool);
        status = status != CR_OK ? cr_err_set(err, status, "out of memory") : CR_OK;
    }
    status = status != CR_OK ? status : init_upstreams(pool, err);
    if (status != CR_OK) {
        fini_pool(pool);
    }
    return status;
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
        cr_pool_move(pool, request, CR_REQUEST_FOLLOWING);
        request->follower = leader->followers;
        leader->followers = request;
        return CR_OK;
    }
    if (is_repeatable(upstream)) {
        cr_inflight_add(&pool->inflight, request);
    }
    cr_pool_move(pool, request, CR_REQUEST_WAITING);
    cr_heap_add(&upstream->waiting, request);
    return CR_OK;
}

static enum cr_status submit(struct cr_pool *pool, struct cr_call *call,
                             struct cr_err *err) {
    assert(call->model < pool->upstreams_len);
    struct cr_request *request = cr_queue_pop(&pool->free);
    if (request == NULL) {
        return cr_err_set(err, CR_E_LIMIT, "more than %u calls at once",
                          pool->cfg.live_max);
    }
    cr_request_begin(request, call, pool->submitted++);
    pool->live++;
    enum cr_status status = place(pool, request);
    return status != CR_OK ? cr_err_set(err, status, "out of memory") : CR_OK;
}

enum cr_status cr_client_create(const struct cr_client_cfg *cfg, struct cr_client **out,
                                struct cr_err *err) {
    struct cr_client *client = cr_calloc(1, sizeof *client);
    if (client == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    enum cr_status status = init_pool(&client->pool, cfg, err);
    if (status != CR_OK) {
        cr_free(client);
        return status;
    }
    *out = client;
    return CR_OK;
}

void cr_client_destroy(struct cr_client *client) {
    if (client != NULL) {
        fini_pool(&client->pool);
        cr_free(client);
    }
}

// The number of a turn's speaker and its text, so that no two chats read alike.
static void hash_turns(struct cr_hasher *hasher, const struct cr_call *call) {
    for (size_t i = 0; i < call->turns_len; i++) {
        const struct cr_turn *turn = &call->turns[i];
        const unsigned char speaker = (unsigned char)turn->speaker;
        cr_hasher_add(hasher, &speaker, 1);
        cr_hasher_add(hasher, turn->text, turn->text_bytes);
    }
}

void cr_client_hash(const struct cr_client *client, struct cr_call *call) {
    const struct cr_model *model = &client->pool.cfg.job->models[call->model];
    struct cr_hasher hasher;
    if (cr_hasher_init(&hasher) != 0) {
        return; // the zero hash is computed again at submit
    }
    bool is_greedy = model->temperature == 0;
    uint64_t factor = call->tokens_factor > 1 ? call->tokens_factor : 0;
    const uint64_t numbers[] = {call->max_tokens | factor << 32, call->top_logprobs,
                                is_greedy ? 0 : call->seed};
    cr_hasher_add(&hasher, &model->identity, sizeof model->identity);
    cr_hasher_add(&hasher, numbers, sizeof numbers);
    cr_hasher_add(&hasher, call->schema != NULL ? call->schema : "",
                  call->schema != NULL ? strlen(call->schema) : 0);
    hash_turns(&hasher, call);
    call->request_hash = cr_hasher_digest(&hasher);
    cr_hasher_fini(&hasher);
}

static bool has_hash(const struct cr_call *call) {
    return call->request_hash.hi != 0 || call->request_hash.lo != 0;
}

enum cr_status cr_client_submit(struct cr_client *client, struct cr_call *call,
                                struct cr_err *err) {
    if (!has_hash(call)) {
        cr_client_hash(client, call);
    }
    if (!has_hash(call)) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    return submit(&client->pool, call, err);
}

enum cr_status cr_client_poll(struct cr_client *client, int timeout_ms,
                              struct cr_err *err) {
    return cr_pool_poll(&client->pool, timeout_ms, err);
}

enum cr_status cr_client_start(struct cr_client *client, struct cr_err *err) {
    return cr_pool_start(&client->pool, err);
}

bool cr_client_take(struct cr_client *client, struct cr_call **call,
                    struct cr_reply *reply) {
    return take(&client->pool, call, reply);
}

bool cr_client_take_notice(struct cr_client *client, struct cr_client_notice *out) {
    return cr_notices_take(&client->pool.notices, out);
}

static struct cr_upstream *upstream_at(struct cr_client *client, uint32_t model) {
    assert(model < client->pool.upstreams_len);
    return &client->pool.upstreams[model];
}

static int64_t now_of(const struct cr_client *client) {
    return cr_clock_now_ns(client->pool.cfg.clock);
}

void cr_client_lease(struct cr_client *client, uint32_t model,
                     const struct cr_lease *lease) {
    cr_throttle_lease(&upstream_at(client, model)->throttle, lease);
}

void cr_client_return_requests(struct cr_client *client, uint32_t model) {
    struct cr_upstream *upstream = upstream_at(client, model);
    upstream->metrics.requests_returned +=
        cr_throttle_return_requests(&upstream->throttle);
}

void cr_client_pause(struct cr_client *client, uint32_t model, int64_t pause_ms) {
    cr_throttle_pause(&upstream_at(client, model)->throttle, now_of(client), pause_ms);
}

enum cr_status cr_client_endpoint(struct cr_client *client, uint32_t model,
                                  uint32_t endpoint, const char *url) {
    struct cr_upstream *upstream = upstream_at(client, model);
    assert(upstream->backend->is_remote);
    if (client->pool.cfg.is_offline) {
        return CR_OK;
    }
    return cr_endpoints_set(&upstream->endpoints, endpoint,
                            url != NULL && url[0] ? url : NULL, NULL);
}

void cr_client_drain(struct cr_client *client) {
    drain_pool(&client->pool);
}

void cr_client_drop(struct cr_client *client) {
    drop_pool(&client->pool);
}

void cr_client_metrics(const struct cr_client *client, uint32_t model,
                       struct cr_model_metrics *out) {
    assert(model < client->pool.upstreams_len);
    cr_upstream_metrics(&client->pool.upstreams[model], now_of(client), out);
}

void cr_client_forget_peaks(struct cr_client *client, uint32_t model) {
    cr_throttle_forget_peaks(&upstream_at(client, model)->throttle);
}

uint32_t cr_client_live(const struct cr_client *client) {
    return client->pool.live;
}
