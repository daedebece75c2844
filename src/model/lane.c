// lane.c - making, counting and reporting of one model.
#include "model/lane.h"

#include <string.h>

#include "credence/mem.h"

#define LATENCY_WEIGHT 0.1 // of the newest, in moving averages
enum { FIRST_TOKENS_OUT = 256 };

static enum cr_status init_remote(struct cr_lane *lane, uint32_t live_max,
                                  struct cr_err *err) {
    const struct cr_model *model = lane->model;
    lane->wire =
        (struct cr_wire){.model = model,
                         .dialect = cr_dialect_find(model->api, model->dialect),
                         .allows_single_seed = model->temperature == 0};
    enum cr_status status = lane->backend->prepare(&lane->wire);
    if (status) {
        return cr_err_set(err, status, "models.%s: %s", model->name,
                          cr_status_text(status));
    }
    status = cr_headers_make(&lane->headers, model, lane->wire.dialect, err);
    return status ? status : cr_endpoints_init(&lane->endpoints, model, live_max, err);
}

enum cr_status cr_lane_init(struct cr_lane *lane, const struct cr_model *model,
                            const struct cr_client_cfg *cfg, struct cr_err *err) {
    uint32_t live_max = cfg->live_max;
    *lane = (struct cr_lane){.model = model,
                             .backend = cr_backend_find(model->api),
                             .expected_tokens_out = FIRST_TOKENS_OUT};
    uint32_t concurrency = model->limits.concurrency;
    if (!lane->backend) {
        return cr_err_set(err, CR_E_JOB, "models.%s.api: unknown", model->name);
    }
    if (!lane->backend->is_remote && concurrency == 0) {
        concurrency = live_max; // nothing in this process gets overloaded
    }
    cr_pace_init(&lane->pace, concurrency, live_max);
    enum cr_status status = cr_heap_init(&lane->waiting, live_max, cr_is_older);
    status = status ? cr_err_set(err, status, "out of memory")
                    : lane->backend->check(model, err);
    if (!status && lane->backend->is_remote && !cfg->is_offline) {
        status = init_remote(lane, live_max, err);
    }
    if (status) {
        cr_lane_fini(lane);
    }
    return status;
}

void cr_lane_fini(struct cr_lane *lane) {
    cr_heap_fini(&lane->waiting);
    cr_headers_fini(&lane->headers);
    cr_endpoints_fini(&lane->endpoints);
    cr_free(lane->wire.head);
    *lane = (struct cr_lane){0};
}

int64_t cr_lane_reserve(const struct cr_lane *lane, const struct cr_call *call) {
    if (lane->pace.is_token_free) {
        return 0;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < call->turns_len; i++) {
        bytes += call->turns[i].text_bytes;
    }
    return (int64_t)(bytes / 4) + (int64_t)lane->expected_tokens_out;
}

static double cost_of(const struct cr_model *model, const struct cr_reply *reply) {
    double cached = reply->tokens_cached;
    double fresh = reply->tokens_in > cached ? reply->tokens_in - cached : 0;
    return (fresh * model->cost_input + cached * model->cost_cached +
            reply->tokens_out * model->cost_output) /
           1e6;
}

static void average(double *mean, double value, bool is_first) {
    *mean = is_first ? value : *mean + LATENCY_WEIGHT * (value - *mean);
}

void cr_lane_count(struct cr_lane *lane, const struct cr_reply *reply) {
    struct cr_model_metrics *metrics = &lane->metrics;
    if (reply->fail) {
        metrics->calls_failed++;
        return;
    }
    if (!reply->is_recorded) {
        average(&metrics->latency_s, reply->latency_s, metrics->latency_s == 0);
        average(&lane->expected_tokens_out, reply->tokens_out, false);
        metrics->tokens_in += reply->tokens_in;
        metrics->tokens_out += reply->tokens_out;
        metrics->tokens_cached += reply->tokens_cached;
        metrics->usd += cost_of(lane->model, reply);
    }
    if (!reply->is_recorded) {
        metrics->calls_done++;
    } else {
        metrics->calls_recorded++;
    }
}

void cr_lane_metrics(struct cr_lane *lane, int64_t now_ns,
                     struct cr_model_metrics *out) {
    struct cr_pace *pace = &lane->pace;
    *out = lane->metrics;
    out->waiting = lane->waiting.len;
    out->in_flight = pace->in_flight;
    out->concurrency = cr_pace_limit(pace);
    out->pause_ms = pace->pause_until_ns > now_ns
                        ? (pace->pause_until_ns - now_ns + 999999) / 1000000
                        : 0;
    out->pause_seen_ms = pace->pause_seen_ms;
    out->requests_wanted = pace->wanted;
    pace->pause_seen_ms = 0;
    pace->wanted = 0;
}
