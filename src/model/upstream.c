// upstream.c - making, counting and reporting of one model.
#include "model/upstream.h"

#include <string.h>

#include "credence/base/mem.h"
#include "credence/core/price.h"

#define LATENCY_WEIGHT 0.1 // of the newest, in moving averages
enum { FIRST_TOKENS_OUT = 256 };

static enum cr_status init_remote(struct cr_upstream *upstream, uint32_t live_max,
                                  struct cr_err *err) {
    const struct cr_model *model = upstream->model;
    upstream->wire =
        (struct cr_wire){.model = model,
                         .dialect = cr_dialect_find(model->api, model->dialect),
                         .allows_single_seed = model->temperature == 0};
    enum cr_status status = upstream->backend->prepare(&upstream->wire);
    if (status != CR_OK) {
        return cr_err_set(err, status, "models.%s: %s", model->name,
                          cr_status_text(status));
    }
    status = cr_headers_make(&upstream->headers, model, upstream->wire.dialect, err);
    return status != CR_OK ? status
                           : cr_endpoints_init(&upstream->endpoints, model,
                                               &upstream->learned, live_max, err);
}

enum cr_status cr_upstream_init(struct cr_upstream *upstream,
                                const struct cr_model *model,
                                const struct cr_client_cfg *cfg, struct cr_err *err) {
    uint32_t live_max = cfg->live_max;
    *upstream = (struct cr_upstream){.model = model,
                                     .backend = cr_backend_find(model->api),
                                     .expected_tokens_out = FIRST_TOKENS_OUT,
                                     .log = cfg->rank <= 1 ? cfg->log : NULL};
    upstream->learned = (struct cr_learned){cfg->dir, upstream->log};
    uint32_t concurrency = model->limits.concurrency;
    if (upstream->backend == NULL) {
        return cr_err_set(err, CR_E_JOB, "models.%s.api: unknown", model->name);
    }
    if (!upstream->backend->is_remote && concurrency == 0) {
        concurrency = live_max; // nothing in this process gets overloaded
    }
    upstream->watch.has_answered = !upstream->backend->is_remote;
    cr_throttle_init(&upstream->throttle, concurrency, live_max);
    enum cr_status status = cr_heap_init(&upstream->waiting, live_max, cr_is_older);
    status = status != CR_OK ? cr_err_set(err, status, "out of memory")
                             : upstream->backend->check(model, err);
    if (status == CR_OK && upstream->backend->is_remote && !cfg->is_offline) {
        status = init_remote(upstream, live_max, err);
    }
    if (status != CR_OK) {
        cr_upstream_fini(upstream);
    }
    return status;
}

void cr_upstream_fini(struct cr_upstream *upstream) {
    cr_heap_fini(&upstream->waiting);
    cr_headers_fini(&upstream->headers);
    cr_endpoints_fini(&upstream->endpoints);
    cr_free(upstream->wire.head);
    *upstream = (struct cr_upstream){0};
}

int64_t cr_upstream_reserve(const struct cr_upstream *upstream,
                            const struct cr_call *call) {
    if (upstream->throttle.is_token_free) {
        return 0;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < call->turns_len; i++) {
        bytes += call->turns[i].text_bytes;
    }
    return (int64_t)(bytes / 4) + (int64_t)upstream->expected_tokens_out;
}

static double cost_of(const struct cr_model *model, const struct cr_reply *reply) {
    const struct cr_token_price price = cr_token_price_of_model(model);
    return cr_token_price_cost(&price, reply->tokens_in, reply->tokens_cached,
                               reply->tokens_out);
}

static void average(double *mean, double value, bool is_first) {
    *mean = is_first ? value : *mean + LATENCY_WEIGHT * (value - *mean);
}

void cr_upstream_count(struct cr_upstream *upstream, const struct cr_reply *reply) {
    struct cr_model_metrics *metrics = &upstream->metrics;
    if (reply->reason == CR_REASON_STOPPED) {
        return; // given up before it was over: nothing was made
    }
    if ((int)reply->reason >= CR_REASON_FIRST_FAILURE) {
        metrics->calls_failed++;
        return;
    }
    if (!reply->is_recorded) {
        average(&metrics->latency_s, reply->latency_s, metrics->latency_s == 0);
        average(&upstream->expected_tokens_out, reply->tokens_out, false);
        metrics->tokens_in += reply->tokens_in;
        metrics->tokens_out += reply->tokens_out;
        metrics->tokens_cached += reply->tokens_cached;
        metrics->usd += cost_of(upstream->model, reply);
    }
    if (!reply->is_recorded) {
        metrics->calls_done++;
    } else {
        metrics->calls_recorded++;
    }
}

void cr_upstream_metrics(const struct cr_upstream *upstream, int64_t now_ns,
                         struct cr_model_metrics *out) {
    const struct cr_throttle *throttle = &upstream->throttle;
    *out = upstream->metrics;
    out->waiting = upstream->waiting.len;
    out->in_flight = throttle->in_flight;
    out->concurrency = cr_throttle_limit(throttle);
    out->pause_ms = throttle->pause_until_ns > now_ns
                        ? (throttle->pause_until_ns - now_ns + 999999) / 1000000
                        : 0;
    out->pause_seen_ms = throttle->pause_seen_ms;
    out->requests_wanted = throttle->wanted;
}
