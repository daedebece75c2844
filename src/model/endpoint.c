// endpoint.c - choice and health of the servers of one model.
#include "model/endpoint.h"

#include <assert.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "model/url.h"

static const int64_t NS_PER_MS = 1000000;

static void forget(struct cr_endpoint *endpoint) {
    cr_free(endpoint->base);
    cr_free(endpoint->url);
    cr_free(endpoint->shown);
    endpoint->base = endpoint->url = endpoint->shown = NULL;
}

// As the job says; a role that it does not name is found out.
static struct cr_request_shape first_shape(const struct cr_model *model) {
    struct cr_request_shape shape = {.structured =
                                         cr_structured_first(model->structured)};
    for (int i = 0; model->system_role != NULL && i < CR_SYSTEM_ROLE_COUNT; i++) {
        if (strcmp(model->system_role, cr_system_role_names[i]) == 0) {
            shape.system_role = (enum cr_system_role)i;
        }
    }
    return shape;
}

enum cr_status cr_endpoints_set(struct cr_endpoints *endpoints, uint32_t index,
                                const char *url, struct cr_err *err) {
    struct cr_url made = {0};
    if (index >= CR_ENDPOINTS_MAX) {
        return cr_err_set(err, CR_E_LIMIT, "model %s: more than %d endpoints",
                          endpoints->model->name, CR_ENDPOINTS_MAX);
    }
    enum cr_status status =
        url != NULL ? cr_url_make(&made, endpoints->model, endpoints->dialect, url, err)
                    : CR_OK;
    if (status != CR_OK) {
        return status;
    }
    endpoints->len = index < endpoints->len ? endpoints->len : index + 1;
    struct cr_endpoint *endpoint = &endpoints->at[index];
    forget(endpoint);
    endpoint->base = made.base;
    endpoint->url = made.url;
    endpoint->shown = made.shown;
    endpoint->is_near = made.is_near;
    endpoint->generation++;
    endpoint->breaker = CR_BREAKER_CLOSED;
    endpoint->failures = 0;
    endpoint->open_ms = 0;
    endpoint->shape = first_shape(endpoints->model);
    if (endpoint->url != NULL && endpoints->learned != NULL) {
        const struct cr_learned_of of = {endpoints->model->name, endpoint->shown,
                                         endpoints->dialect};
        cr_learned_recall(endpoints->learned, &of, &endpoint->shape);
    }
    return CR_OK;
}

enum cr_status cr_endpoints_init(struct cr_endpoints *endpoints,
                                 const struct cr_model *model,
                                 const struct cr_learned *learned, uint32_t live_max,
                                 struct cr_err *err) {
    uint32_t cap = 64;
    while (cap < 4 * (uint64_t)live_max && cap < (1u << 20)) {
        cap *= 2;
    }
    *endpoints =
        (struct cr_endpoints){.model = model,
                              .dialect = cr_dialect_find(model->api, model->dialect),
                              .learned = learned};
    endpoints->affinity = cr_calloc(cap, sizeof *endpoints->affinity);
    endpoints->affinity_mask = cap - 1;
    endpoints->at = cr_calloc(CR_ENDPOINTS_MAX, sizeof *endpoints->at);
    if (endpoints->affinity == NULL || endpoints->at == NULL) {
        cr_endpoints_fini(endpoints);
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < model->endpoints_len && status == CR_OK; i++) {
        status = cr_endpoints_set(endpoints, i, model->endpoints[i], err);
    }
    if (status == CR_OK && model->endpoints_len == 0 && model->unix_socket != NULL) {
        status = cr_endpoints_set(endpoints, 0, "http://localhost", err);
    }
    if (status != CR_OK) {
        cr_endpoints_fini(endpoints);
    }
    return status;
}

void cr_endpoints_fini(struct cr_endpoints *endpoints) {
    for (uint32_t i = 0; i < endpoints->len; i++) {
        forget(&endpoints->at[i]);
    }
    cr_free(endpoints->at);
    cr_free(endpoints->affinity);
    *endpoints = (struct cr_endpoints){0};
}

static bool is_usable(const struct cr_endpoint *endpoint, int64_t now_ns) {
    if (endpoint->url == NULL || endpoint->breaker == CR_BREAKER_PROBING) {
        return false;
    }
    return endpoint->breaker == CR_BREAKER_CLOSED || now_ns >= endpoint->open_until_ns;
}

// Healthy before doubtful, then the fewest in flight, then the fewest trajectories.
static bool is_better(const struct cr_endpoint *a, const struct cr_endpoint *b) {
    if (a->breaker != b->breaker) {
        return a->breaker == CR_BREAKER_CLOSED;
    }
    if (a->in_flight != b->in_flight) {
        return a->in_flight < b->in_flight;
    }
    return a->trajectories < b->trajectories;
}

static uint32_t least_loaded(const struct cr_endpoints *endpoints, uint32_t avoid,
                             int64_t now_ns) {
    uint32_t best = CR_ENDPOINT_NONE;
    for (uint32_t i = 0; i < endpoints->len; i++) {
        const struct cr_endpoint *endpoint = &endpoints->at[i];
        // A breaker that is due for its probe is preferred once: its state is worth knowing.
        bool is_due = endpoint->breaker == CR_BREAKER_OPEN;
        if (i == avoid || !is_usable(endpoint, now_ns)) {
            continue;
        }
        if (is_due && endpoint->in_flight == 0) {
            return i;
        }
        if (best == CR_ENDPOINT_NONE || is_better(endpoint, &endpoints->at[best])) {
            best = i;
        }
    }
    return best;
}

uint32_t cr_endpoints_choose(struct cr_endpoints *endpoints, uint64_t trajectory,
                             uint32_t avoid, int64_t now_ns) {
    struct cr_affinity *known =
        &endpoints->affinity[cr_hash_mix(trajectory, 0) & endpoints->affinity_mask];
    if (known->is_set && known->trajectory == trajectory && known->endpoint != avoid &&
        known->endpoint < endpoints->len &&
        is_usable(&endpoints->at[known->endpoint], now_ns)) {
        return known->endpoint;
    }
    uint32_t chosen = least_loaded(endpoints, avoid, now_ns);
    if (chosen == CR_ENDPOINT_NONE && avoid < endpoints->len &&
        is_usable(&endpoints->at[avoid], now_ns)) {
        chosen = avoid;
    }
    if (chosen != CR_ENDPOINT_NONE) {
        *known = (struct cr_affinity){trajectory, chosen, true};
        endpoints->at[chosen].trajectories++;
    }
    return chosen;
}

void cr_endpoints_start(struct cr_endpoints *endpoints, uint32_t index,
                        int64_t now_ns) {
    struct cr_endpoint *endpoint = &endpoints->at[index];
    assert(is_usable(endpoint, now_ns));
    endpoint->in_flight++;
    if (endpoint->breaker == CR_BREAKER_OPEN) {
        endpoint->breaker = CR_BREAKER_PROBING;
    }
}

static void open_breaker(struct cr_endpoint *endpoint, int64_t now_ns) {
    int64_t ms = endpoint->open_ms > 0 ? 2 * endpoint->open_ms : CR_BREAKER_FIRST_MS;
    endpoint->open_ms = ms < CR_BREAKER_MAX_MS ? ms : CR_BREAKER_MAX_MS;
    endpoint->open_until_ns = now_ns + endpoint->open_ms * NS_PER_MS;
    endpoint->breaker = CR_BREAKER_OPEN;
}

void cr_endpoints_land(struct cr_endpoints *endpoints, uint32_t index,
                       enum cr_health health, int64_t now_ns) {
    struct cr_endpoint *endpoint = &endpoints->at[index];
    assert(endpoint->in_flight > 0);
    endpoint->in_flight--;
    if (health == CR_HEALTH_GOOD) {
        endpoint->breaker = CR_BREAKER_CLOSED;
        endpoint->failures = 0;
        endpoint->open_ms = 0;
        return;
    }
    bool was_probe = endpoint->breaker == CR_BREAKER_PROBING;
    if (health == CR_HEALTH_UNKNOWN) {
        // A dropped probe says nothing about the server: the next request is the probe.
        endpoint->breaker = was_probe ? CR_BREAKER_OPEN : endpoint->breaker;
        return;
    }
    endpoint->failures++;
    if (was_probe || (endpoint->breaker == CR_BREAKER_CLOSED &&
                      endpoint->failures >= CR_BREAKER_FAILURES)) {
        open_breaker(endpoint, now_ns);
    }
}

int64_t cr_endpoints_wake_ns(const struct cr_endpoints *endpoints) {
    int64_t wake_ns = INT64_MAX;
    for (uint32_t i = 0; i < endpoints->len; i++) {
        const struct cr_endpoint *endpoint = &endpoints->at[i];
        if (endpoint->url != NULL && endpoint->breaker == CR_BREAKER_OPEN &&
            endpoint->open_until_ns < wake_ns) {
            wake_ns = endpoint->open_until_ns;
        }
    }
    return wake_ns;
}
