// client.c - the public face of the pool: checks, hashes and per-model controls.
#include "credence/model/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
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
    cr_err_add_line(err, "models.%s.api: \"%s\" is no backend%s%s%s", model->name,
                    model->api, near != NULL ? "; did you mean \"" : "",
                    near != NULL ? near : "", near != NULL ? "\"?" : "");
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
        }
    }
    return found.text[0] ? cr_err_set(err, CR_E_JOB, "%s", found.text) : CR_OK;
}

enum cr_status cr_client_create(const struct cr_client_cfg *cfg, struct cr_client **out,
                                struct cr_err *err) {
    struct cr_client *client = cr_calloc(1, sizeof *client);
    if (client == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    enum cr_status status = cr_pool_init(&client->pool, cfg, err);
    if (status != CR_OK) {
        cr_free(client);
        return status;
    }
    *out = client;
    return CR_OK;
}

void cr_client_destroy(struct cr_client *client) {
    if (client != NULL) {
        cr_pool_fini(&client->pool);
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
    const uint64_t numbers[] = {call->max_tokens, call->top_logprobs,
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
    return cr_pool_submit(&client->pool, call, err);
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
    return cr_pool_take(&client->pool, call, reply);
}

static struct cr_upstream *lane_at(struct cr_client *client, uint32_t model) {
    assert(model < client->pool.lanes_len);
    return &client->pool.upstreams[model];
}

static int64_t now_of(const struct cr_client *client) {
    return cr_clock_now_ns(client->pool.cfg.clock);
}

void cr_client_lease(struct cr_client *client, uint32_t model,
                     const struct cr_lease *lease) {
    cr_throttle_lease(&lane_at(client, model)->throttle, lease);
}

void cr_client_return_requests(struct cr_client *client, uint32_t model) {
    struct cr_upstream *upstream = lane_at(client, model);
    upstream->metrics.requests_returned +=
        cr_throttle_return_requests(&upstream->throttle);
}

void cr_client_pause(struct cr_client *client, uint32_t model, int64_t pause_ms) {
    cr_throttle_pause(&lane_at(client, model)->throttle, now_of(client), pause_ms);
}

enum cr_status cr_client_endpoint(struct cr_client *client, uint32_t model,
                                  uint32_t endpoint, const char *url) {
    struct cr_upstream *upstream = lane_at(client, model);
    assert(upstream->backend->is_remote);
    if (client->pool.cfg.is_offline) {
        return CR_OK;
    }
    return cr_endpoints_set(&upstream->endpoints, endpoint,
                            url != NULL && url[0] ? url : NULL, NULL);
}

void cr_client_drain(struct cr_client *client) {
    cr_pool_drain(&client->pool);
}

void cr_client_drop(struct cr_client *client) {
    cr_pool_drop(&client->pool);
}

void cr_client_metrics(struct cr_client *client, uint32_t model,
                       struct cr_model_metrics *out) {
    cr_upstream_metrics(lane_at(client, model), now_of(client), out);
}

uint32_t cr_client_live(const struct cr_client *client) {
    return client->pool.live;
}
