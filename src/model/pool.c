// pool.c - the life of a request.
//
// Each request completes exactly once: cr_pool_finish is the only way to the state
// done, the table of legal moves (request.c) lets it be entered once, and only
// cr_client_take leaves it.
//
// A request's way (states in request.h):
//   submit   known from a tape -> done; identical to one under way -> following;
//            else to its upstream's queue, where the oldest market comes first
//   start    when the upstream's throttle allows it and a server is up: encode, send
//   land     judge the attempt; done, or rest, or at once back to the queue
//   wake     a rest is over: back to the queue; a simulated flight is over: land
//
// The loop and its callbacks only say which transfers are over; what that means is
// decided here. A failure of the machine (memory, the HTTP library) is returned by the
// turn, after the request it hit was completed as stopped.
#include "model/pool.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "model/attempt.h"
#include "model/retry.h"
#include "model/url.h"

static const int64_t NS_PER_MS = 1000000;

static struct cr_upstream *upstream_of(struct cr_pool *pool,
                                       const struct cr_request *request) {
    return &pool->upstreams[request->upstream];
}

static int64_t now_of(const struct cr_pool *pool) {
    return cr_clock_now_ns(pool->cfg.clock);
}

void cr_pool_move(struct cr_pool *pool, struct cr_request *request,
                  enum cr_request_state to) {
    if (cr_log_shows(pool->cfg.log, CR_LOG_MODEL)) {
        const struct cr_call *call = request->call;
        cr_log_trace(pool->cfg.log, CR_LOG_MODEL,
                     "trajectory %llu iteration %u %s repair %u: %s -> %s",
                     (unsigned long long)call->trajectory, call->id.iteration,
                     cr_role_names[call->id.role], call->id.repair,
                     cr_request_state_name(request->state), cr_request_state_name(to));
    }
    cr_request_move(request, to);
}

// Copy what answers LEADER to a follower. Nothing was sent for it.
static enum cr_status copy_reply(const struct cr_reply *from, struct cr_reply *to) {
    *to = *from;
    to->is_recorded = true;
    to->text = cr_strdup(from->text);
    to->reasoning = cr_strdup(from->reasoning);
    to->error = cr_strdup(from->error);
    bool has_all = (from->text == NULL) == (to->text == NULL) &&
                   (from->reasoning == NULL) == (to->reasoning == NULL);
    if (!has_all) {
        cr_reply_fini(to);
        *to = (struct cr_reply){.reason = CR_REASON_STOPPED};
    }
    return has_all ? CR_OK : CR_E_MEMORY;
}

static void complete(struct cr_pool *pool, struct cr_request *request) {
    cr_pool_move(pool, request, CR_REQUEST_DONE);
    cr_queue_push(&pool->done, request);
    cr_upstream_count(upstream_of(pool, request), &request->reply);
}

// The reply is in request->reply, and the request is in no list.
enum cr_status cr_pool_finish(struct cr_pool *pool, struct cr_request *request) {
    enum cr_status status = CR_OK;
    if (request->is_leader) {
        cr_inflight_remove(&pool->inflight, request);
    }
    complete(pool, request);
    while (request->followers != NULL) {
        struct cr_request *follower = request->followers;
        request->followers = follower->follower;
        follower->follower = NULL;
        enum cr_status copied = copy_reply(&request->reply, &follower->reply);
        status = status != CR_OK ? status : copied;
        complete(pool, follower);
    }
    return status;
}

void cr_pool_stop(struct cr_pool *pool, struct cr_request *request) {
    cr_reply_fini(&request->reply);
    request->reply =
        (struct cr_reply){.reason = CR_REASON_STOPPED, .attempts = request->attempts};
    // Followers of a stopped request hold no texts: nothing there can fail.
    enum cr_status status = cr_pool_finish(pool, request);
    assert(status == CR_OK);
}

// Complete REQUEST as failed for good.
static enum cr_status fail(struct cr_pool *pool, struct cr_request *request,
                           const struct cr_attempt *attempt) {
    enum cr_status status =
        cr_attempt_give_up(upstream_of(pool, request), request, attempt);
    enum cr_status finished = cr_pool_finish(pool, request);
    return status != CR_OK ? status : finished;
}

static void rest(struct cr_pool *pool, struct cr_request *request, int64_t rest_ms) {
    cr_pool_move(pool, request, CR_REQUEST_BACKING_OFF);
    request->due_ns = now_of(pool) + rest_ms * NS_PER_MS;
    cr_heap_add(&pool->timers, request);
}

static void requeue(struct cr_pool *pool, struct cr_request *request) {
    cr_pool_move(pool, request, CR_REQUEST_WAITING);
    cr_heap_add(&upstream_of(pool, request)->waiting, request);
}

// Remember what the server refuses, unless that is known already.
static void adapt(struct cr_upstream *upstream, const struct cr_request *request,
                  enum cr_setting refused) {
    struct cr_endpoint *endpoint = &upstream->endpoints.at[request->endpoint];
    if (endpoint->generation == request->generation) {
        const struct cr_learned_of of = {upstream->model->name, endpoint->shown,
                                         upstream->endpoints.dialect};
        cr_learned_note(&upstream->learned, &of, refused, &request->shape,
                        &endpoint->shape);
    }
}

// People hear of the first failure of a kind now, not when its retries are over.
static void notice_failure(struct cr_pool *pool, const struct cr_request *request,
                           const struct cr_attempt *attempt, bool is_final) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    const bool has_endpoint = request->endpoint < upstream->endpoints.len;
    const char *url =
        has_endpoint ? upstream->endpoints.at[request->endpoint].shown : NULL;
    char text[CR_NOTICE_BYTES];
    snprintf(text, sizeof text, "model %s%s%s: %s", upstream->model->name,
             url != NULL ? " at " : "", url != NULL ? url : "", attempt->what);
    const struct cr_watch_failure failure = {
        .model = request->upstream,
        .endpoint = has_endpoint ? request->endpoint : 0,
        .reason = attempt->verdict.reason,
        .is_final = is_final,
        .is_no_host = attempt->is_no_host,
        .is_absent = attempt->is_absent,
        .attempts = request->attempts,
        .text = text,
    };
    cr_watch_fail(&upstream->watch, &failure, &pool->notices);
}

// This process has no descriptor left: fewer connections from now on, and nobody is to
// blame. False when not one is open: then it counts like any failure.
static bool needs_fewer_files(struct cr_pool *pool, struct cr_upstream *upstream,
                              const struct cr_attempt *attempt) {
    struct cr_throttle *throttle = &upstream->throttle;
    if (!attempt->is_out_of_files || throttle->in_flight == 0) {
        return false;
    }
    throttle->most = throttle->in_flight;
    if (!upstream->is_files_told) {
        upstream->is_files_told = true;
        cr_log_write(
            pool->cfg.log, CR_LOG_WARN,
            "model %s: no file descriptors left; at most %u calls at once from "
            "now on (ulimit -n raises the limit)",
            upstream->model->name, throttle->most);
    }
    return true;
}

enum { FILES_WAIT_MS = 100 };

// Send REQUEST again, now or later.
static void retry(struct cr_pool *pool, struct cr_request *request,
                  const struct cr_attempt *attempt) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    upstream->metrics.retries++;
    cr_reply_fini(&request->reply);
    request->reply = (struct cr_reply){0};
    if (attempt->verdict.retry == CR_RETRY_ADAPTED) {
        adapt(upstream, request, attempt->refused);
        requeue(pool, request);
        return;
    }
    if (needs_fewer_files(pool, upstream, attempt)) {
        rest(pool, request, FILES_WAIT_MS);
        return;
    }
    request->retries++;
    // A server's hint makes the wait longer, never shorter: "0" must not empty the
    // attempts in a moment.
    int64_t rest_ms = cr_retry_backoff_ms(upstream->backend->backoff_base_ms,
                                          request->retries, request->call->seed);
    rest(pool, request,
         attempt->retry_after_ms > rest_ms ? attempt->retry_after_ms : rest_ms);
}

static enum cr_status decide_failed(struct cr_pool *pool, struct cr_request *request,
                                    const struct cr_attempt *attempt) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    enum cr_retry again = attempt->verdict.retry;
    bool is_counted = again == CR_RETRY_LATER || again == CR_RETRY_SAMPLE;
    bool is_last = again == CR_RETRY_NEVER ||
                   (is_counted && request->retries >= upstream->model->limits.retries);
    cr_throttle_refund(&upstream->throttle, request->reserved_tokens,
                       0); // no answer, no tokens
    if (again != CR_RETRY_ADAPTED && !attempt->is_out_of_files) {
        notice_failure(pool, request, attempt, is_last);
    }
    if (pool->is_draining && again != CR_RETRY_NEVER) {
        cr_pool_stop(pool, request); // another attempt might have worked: not final
        return CR_OK;
    }
    if (is_last) {
        return fail(pool, request, attempt);
    }
    cr_log_trace(pool->cfg.log, CR_LOG_MODEL, "model %s: attempt %u: %s",
                 upstream->model->name, request->attempts, attempt->what);
    retry(pool, request, attempt);
    return CR_OK;
}

static enum cr_status decide(struct cr_pool *pool, struct cr_request *request,
                             const struct cr_attempt *attempt) {
    if (attempt->verdict.reason) {
        return decide_failed(pool, request, attempt);
    }
    struct cr_upstream *upstream = upstream_of(pool, request);
    struct cr_reply *reply = &request->reply;
    cr_watch_answer(&upstream->watch, reply);
    reply->attempts = request->attempts;
    reply->endpoint = upstream->backend->is_remote ? request->endpoint : 0;
    cr_throttle_refund(&upstream->throttle, request->reserved_tokens,
                       (int64_t)reply->tokens_in + reply->tokens_out);
    return cr_pool_finish(pool, request);
}

static void land_on_endpoint(struct cr_upstream *upstream,
                             const struct cr_request *request,
                             const struct cr_attempt *attempt, int64_t now_ns) {
    enum cr_health health = attempt->verdict.is_unhealthy ? CR_HEALTH_BAD
                            : attempt->was_heard          ? CR_HEALTH_GOOD
                                                          : CR_HEALTH_UNKNOWN;
    if (upstream->endpoints.at[request->endpoint].generation != request->generation ||
        attempt->is_out_of_files) {
        health = CR_HEALTH_UNKNOWN;
    }
    cr_endpoints_land(&upstream->endpoints, request->endpoint, health, now_ns);
}

static void land_on_throttle(struct cr_upstream *upstream,
                             const struct cr_request *request,
                             const struct cr_attempt *attempt, int64_t now_ns) {
    bool is_rate = attempt->verdict.reason == CR_REASON_RATE;
    enum cr_landing landing = !attempt->verdict.reason       ? CR_LANDED_WELL
                              : attempt->verdict.is_overload ? CR_LANDED_OVERLOADED
                                                             : CR_LANDED_ELSE;
    cr_throttle_land(&upstream->throttle, landing, request->sent_ns, now_ns);
    upstream->metrics.rate_limited += is_rate;
}

// No start on this model for PAUSE_MS, here and (through the metrics) on every rank. A
// long one is worth a line: SOURCE is where it was read.
static void pause_upstream(struct cr_pool *pool, const struct cr_request *request,
                           int64_t pause_ms, const char *source) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    int64_t now_ns = now_of(pool);
    int64_t until_ns = now_ns + pause_ms * NS_PER_MS;
    if (until_ns > upstream->throttle.pause_until_ns) {
        snprintf(upstream->wait_source, sizeof upstream->wait_source, "%s", source);
    }
    cr_throttle_pause_seen(&upstream->throttle, now_ns, pause_ms);
    if (pause_ms <= CR_WAIT_LONG_MS || until_ns <= upstream->wait_told_until_ns) {
        return;
    }
    // Hints of the next replies that mean the same time of day are no further news.
    upstream->wait_told_until_ns = until_ns + CR_WAIT_LONG_MS * NS_PER_MS;
    cr_log_write(upstream->log, CR_LOG_WARN,
                 "model %s at %s asks for a wait of %.1f hours (%s); its calls wait",
                 upstream->model->name, upstream->endpoints.at[request->endpoint].shown,
                 (double)pause_ms / 3.6e6, source);
}

// Nothing left of a quota: no start before the server says that it is full again.
static void heed_hints(struct cr_pool *pool, const struct cr_request *request,
                       const struct cr_attempt *attempt) {
    const struct cr_quota *spent = cr_hints_spent(&request->transfer->hints);
    if (spent != NULL) {
        pause_upstream(pool, request, spent->reset_ms, spent->source);
    }
    if (attempt->verdict.reason == CR_REASON_RATE && attempt->retry_after_ms > 0) {
        pause_upstream(pool, request, attempt->retry_after_ms, attempt->wait_source);
    }
}

// Thoughts and no answer: a setting of the model, most likely.
static void tell_reasoning_only(struct cr_pool *pool,
                                const struct cr_request *request) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    const struct cr_reply *reply = &request->reply;
    bool is_empty = reply->text != NULL && !reply->text[0] && reply->reasoning != NULL;
    if (!is_empty || upstream->is_reasoning_told) {
        return;
    }
    upstream->is_reasoning_told = true;
    cr_log_write(upstream->log, CR_LOG_WARN,
                 "model %s: a reply holds reasoning and no answer: raise "
                 "params.max_tokens, or turn the reasoning off",
                 upstream->model->name);
}

static enum cr_status on_complete(struct cr_pool *pool, struct cr_request *request) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    struct cr_transfer *transfer = request->transfer;
    int64_t now_ns = now_of(pool);
    struct cr_attempt attempt;
    enum cr_status status = CR_OK;
    if (transfer != NULL) {
        status = cr_attempt_judge(upstream, request, &attempt);
        land_on_endpoint(upstream, request, &attempt, now_ns);
        heed_hints(pool, request, &attempt);
        tell_reasoning_only(pool, request);
        request->transfer = NULL;
        cr_loop_release(pool->loop, transfer);
    } else {
        cr_attempt_judge_local(request, &attempt);
    }
    land_on_throttle(upstream, request, &attempt, now_ns);
    if (status != CR_OK) {
        cr_pool_stop(pool, request);
    } else {
        status = decide(pool, request, &attempt);
    }
    cr_attempt_fini(&attempt);
    cr_watch_check(&upstream->watch, request->upstream, upstream->throttle.in_flight,
                   &pool->notices);
    return status;
}

static void mark_sent(struct cr_pool *pool, struct cr_request *request,
                      int64_t now_ns) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    cr_heap_remove(&upstream->waiting, request);
    cr_pool_move(pool, request, CR_REQUEST_IN_FLIGHT);
    request->attempts++;
    request->sent_ns = now_ns;
    request->reserved_tokens = cr_upstream_reserve(upstream, request->call);
    upstream->metrics.attempts++;
    cr_throttle_start(&upstream->throttle, request->reserved_tokens);
}

static enum cr_status start_local(struct cr_pool *pool, struct cr_request *request) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    int64_t now_ns = now_of(pool);
    mark_sent(pool, request, now_ns);
    enum cr_status status = upstream->backend->answer(
        upstream->model, request->call, request->attempts, &request->reply);
    if (status == CR_OK && request->reply.latency_s > 0) {
        request->due_ns = now_ns + (int64_t)(request->reply.latency_s * 1e9);
        cr_heap_add(&pool->timers, request);
        return CR_OK;
    }
    if (status != CR_OK) {
        cr_throttle_land(&upstream->throttle, CR_LANDED_ELSE, now_ns, now_ns);
        cr_pool_stop(pool, request);
        return status;
    }
    return on_complete(pool, request);
}

static enum cr_status aim_and_start(struct cr_pool *pool, struct cr_request *request,
                                    struct cr_transfer *transfer, uint32_t index) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    struct cr_endpoint *endpoint = &upstream->endpoints.at[index];
    const struct cr_limits *limits = &upstream->model->limits;
    request->shape = endpoint->shape;
    struct cr_encode_args asking = {request->call, endpoint->shape};
    enum cr_status status =
        upstream->backend->encode(&upstream->wire, &asking, &transfer->body);
    if (status != CR_OK) {
        return status;
    }
    struct cr_destination to = {.endpoint = endpoint,
                                .headers = &upstream->headers,
                                .unix_socket = upstream->model->unix_socket,
                                .proxy =
                                    cr_url_proxy(upstream->model, endpoint->is_near),
                                .timeout_s = limits->timeout_s,
                                .connect_timeout_s = limits->connect_timeout_s,
                                .wall_ms = cr_clock_wall_ms(pool->cfg.clock)};
    status = cr_transfer_aim(transfer, &to);
    return status != CR_OK ? status : cr_loop_start(pool->loop, transfer);
}

static enum cr_status fail_too_large(struct cr_pool *pool, struct cr_request *request) {
    const struct cr_attempt attempt = {
        .verdict = {.reason = CR_REASON_BAD_REQUEST},
        .what = "the request is larger than this client sends"};
    return fail(pool, request, &attempt);
}

static enum cr_status start_remote(struct cr_pool *pool, struct cr_request *request,
                                   uint32_t index) {
    struct cr_upstream *upstream = upstream_of(pool, request);
    struct cr_transfer *transfer = NULL;
    enum cr_status status = cr_loop_acquire(pool->loop, &transfer);
    status = status != CR_OK ? status : aim_and_start(pool, request, transfer, index);
    if (status != CR_OK) {
        if (transfer != NULL) {
            cr_loop_release(pool->loop, transfer);
        }
        cr_heap_remove(&upstream->waiting, request);
        if (status == CR_E_LIMIT) {
            return fail_too_large(pool, request);
        }
        cr_pool_stop(pool, request);
        return status;
    }
    int64_t now_ns = now_of(pool);
    mark_sent(pool, request, now_ns);
    request->transfer = transfer;
    request->endpoint = index;
    request->generation = upstream->endpoints.at[index].generation;
    transfer->owner = request;
    cr_endpoints_start(&upstream->endpoints, index, now_ns);
    return CR_OK;
}

// A request whose last attempt met a sick server is better off elsewhere.
static uint32_t choose_endpoint(struct cr_upstream *upstream,
                                const struct cr_request *request, int64_t now_ns) {
    uint32_t avoid = request->retries > 0 ? request->endpoint : CR_ENDPOINT_NONE;
    if (avoid < upstream->endpoints.len &&
        upstream->endpoints.at[avoid].failures == 0) {
        avoid = CR_ENDPOINT_NONE;
    }
    return cr_endpoints_choose(&upstream->endpoints, request->call->trajectory, avoid,
                               now_ns);
}

static enum cr_status start_upstream(struct cr_pool *pool,
                                     struct cr_upstream *upstream) {
    enum cr_status status = CR_OK;
    struct cr_request *request;
    while (status == CR_OK && (request = cr_heap_first(&upstream->waiting)) != NULL) {
        int64_t now_ns = now_of(pool);
        if (!cr_watch_may_start(&upstream->watch, upstream->throttle.in_flight) ||
            !cr_throttle_may_start(&upstream->throttle, now_ns,
                                   upstream->waiting.len)) {
            break;
        }
        if (!upstream->backend->is_remote) {
            status = start_local(pool, request);
            continue;
        }
        uint32_t index = choose_endpoint(upstream, request, now_ns);
        if (index == CR_ENDPOINT_NONE) {
            break;
        }
        status = start_remote(pool, request, index);
    }
    return status;
}

static enum cr_status start_all(struct cr_pool *pool) {
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < pool->upstreams_len && status == CR_OK; i++) {
        status = start_upstream(pool, &pool->upstreams[i]);
    }
    return status;
}

static enum cr_status wake_due(struct cr_pool *pool) {
    enum cr_status status = CR_OK;
    int64_t now_ns = now_of(pool);
    struct cr_request *request;
    while (status == CR_OK && (request = cr_heap_first(&pool->timers)) != NULL &&
           request->due_ns <= now_ns) {
        cr_heap_remove(&pool->timers, request);
        if (request->state == CR_REQUEST_BACKING_OFF) {
            requeue(pool, request);
        } else {
            status = on_complete(pool, request);
        }
    }
    return status;
}

// When something moves by the clock alone; INT64_MAX: never.
static int64_t wake_ns(const struct cr_pool *pool, int64_t now_ns) {
    const struct cr_request *first = cr_heap_first(&pool->timers);
    int64_t wake = first != NULL ? first->due_ns : INT64_MAX;
    for (uint32_t i = 0; i < pool->upstreams_len; i++) {
        const struct cr_upstream *upstream = &pool->upstreams[i];
        if (upstream->waiting.len == 0) {
            continue;
        }
        int64_t paused = cr_throttle_wake_ns(&upstream->throttle, now_ns);
        int64_t broken = cr_endpoints_wake_ns(&upstream->endpoints);
        // A breaker that is due already holds nobody back.
        broken = broken > now_ns ? broken : INT64_MAX;
        int64_t upstream_wake = paused < broken ? paused : broken;
        wake = upstream_wake < wake ? upstream_wake : wake;
    }
    return wake;
}

static int64_t sleep_ms(const struct cr_pool *pool, int64_t timeout_ms) {
    if (pool->done.head != NULL) {
        return 0;
    }
    int64_t now_ns = now_of(pool);
    int64_t wake = wake_ns(pool, now_ns);
    if (wake == INT64_MAX) {
        return timeout_ms;
    }
    int64_t left_ms = wake > now_ns ? (wake - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    return timeout_ms < 0 || left_ms < timeout_ms ? left_ms : timeout_ms;
}

static enum cr_status complete_finished(struct cr_pool *pool) {
    enum cr_status status = CR_OK;
    struct cr_transfer *transfer;
    while (status == CR_OK && (transfer = cr_loop_finished(pool->loop)) != NULL) {
        status = on_complete(pool, transfer->owner);
    }
    return status;
}

// A reply that nobody has taken may be lost with this process, and would be asked again
// like one that was under way: so it holds on to its place among those in flight, and
// nothing starts before it was taken.
static enum cr_status start_what_may(struct cr_pool *pool) {
    if (pool->done.head != NULL) {
        return CR_OK;
    }
    enum cr_status status = start_all(pool);
    cr_loop_flush(pool->loop);
    return status;
}

static enum cr_status wrap_error(enum cr_status status, struct cr_err *err) {
    return status != CR_OK
               ? cr_err_set(err, status, "model requests: %s", cr_status_text(status))
               : CR_OK;
}

enum cr_status cr_pool_start(struct cr_pool *pool, struct cr_err *err) {
    return wrap_error(start_what_may(pool), err);
}

static enum cr_status poll_transfers(struct cr_pool *pool, int64_t timeout_ms,
                                     struct cr_err *err) {
    enum cr_status status = cr_loop_wait(pool->loop, timeout_ms, err);
    return status != CR_OK ? status : wrap_error(complete_finished(pool), err);
}

// What has arrived is heard before anything is sent: a reply that says "wait" holds
// back all that was not on the wire when it came.
enum cr_status cr_pool_poll(struct cr_pool *pool, int64_t timeout_ms,
                            struct cr_err *err) {
    enum cr_status status = wrap_error(wake_due(pool), err);
    status = status != CR_OK ? status : poll_transfers(pool, 0, err);
    if (status != CR_OK || pool->done.head != NULL) {
        return status;
    }
    status = cr_pool_start(pool, err);
    status = status != CR_OK ? status
                             : poll_transfers(pool, sleep_ms(pool, timeout_ms), err);
    return status != CR_OK ? status : wrap_error(wake_due(pool), err);
}
