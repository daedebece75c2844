// fault_exchange.c - an exchange goes: reading -> waiting -> replying -> gone.
//
// Waiting costs no thread: the connection is suspended and a timer resumes it, in the
// reply's body too (drip). An exchange that waits for ever is looked at every 50 ms, so
// that a client that hung up is noticed; one that waits at a gate, every 10 ms.
#include "fault_exchange.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fault_answer.h"

enum { BODY_MAX = 32 << 20, LOOK_US = 50000, GATE_US = 10000 };

struct exchange {
    struct fault_http *http;
    struct MHD_Connection *connection;
    char *body;
    size_t body_len, body_cap;
    struct fault_body request;
    struct fault_rule *rule; // NULL: no fault
    enum fault fault;
    bool is_chat, is_decided, is_waiting_for_ever;
    char *reply;
    size_t reply_len;
    int64_t drip_due_us;
};

static int socket_of(const struct exchange *exchange) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info->connect_fd;
}

// Dissolving the association makes the kernel send RST at once and keeps the descriptor
// for libmicrohttpd to close.
static void reset_peer(const struct exchange *exchange) {
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (connect(socket_of(exchange), &nowhere, sizeof nowhere) != 0) {
        struct linger at_once = {.l_onoff = 1};
        setsockopt(socket_of(exchange), SOL_SOCKET, SO_LINGER, &at_once,
                   sizeof at_once);
    }
}

static bool has_hung_up(const struct exchange *exchange) {
    struct pollfd fd = {.fd = socket_of(exchange), .events = POLLRDHUP};
    return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void sleep_until(struct exchange *exchange, int64_t due_us) {
    MHD_suspend_connection(exchange->connection);
    fault_timers_add(&exchange->http->timers, due_us, exchange);
}

static void sleep_for_ever(struct exchange *exchange) {
    exchange->is_waiting_for_ever = true;
    sleep_until(exchange, fault_now_us() + LOOK_US);
}

static bool is_at_gate(const struct exchange *exchange) {
    const char *gate = exchange->rule != NULL ? exchange->rule->gate : NULL;
    return gate != NULL && access(gate, F_OK) != 0;
}

void exchange_wake(void *what) {
    struct exchange *exchange = what;
    bool is_at_a_gate = is_at_gate(exchange);
    if ((exchange->is_waiting_for_ever || is_at_a_gate) && !has_hung_up(exchange)) {
        fault_timers_add(&exchange->http->timers,
                         fault_now_us() + (is_at_a_gate ? GATE_US : LOOK_US), exchange);
        return;
    }
    MHD_resume_connection(exchange->connection);
}

static ssize_t copy(const struct exchange *exchange, uint64_t pos, char *out,
                    size_t max) {
    size_t left = exchange->reply_len - (size_t)pos;
    size_t len = left < max ? left : max;
    memcpy(out, exchange->reply + pos, len);
    return (ssize_t)len;
}

static ssize_t read_drip(struct exchange *exchange, uint64_t pos, char *out,
                         size_t max) {
    const struct fault_rule *rule = exchange->rule;
    int64_t now_us = fault_now_us();
    if (now_us < exchange->drip_due_us) {
        sleep_until(exchange, exchange->drip_due_us);
        return 0;
    }
    exchange->drip_due_us = now_us + rule->drip_ms * 1000;
    return copy(exchange, pos, out, max < rule->drip_bytes ? max : rule->drip_bytes);
}

static ssize_t read_half(struct exchange *exchange, uint64_t pos, char *out,
                         size_t max) {
    size_t half = exchange->reply_len / 2;
    if (pos < half) {
        size_t left = half - (size_t)pos;
        return copy(exchange, pos, out, left < max ? left : max);
    }
    if (exchange->fault == FAULT_RESET_MID) {
        reset_peer(exchange);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (exchange->is_waiting_for_ever) { // woken because the client is gone
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    sleep_for_ever(exchange);
    return 0;
}

static ssize_t read_reply(void *cls, uint64_t pos, char *out, size_t max) {
    struct exchange *exchange = cls;
    switch (exchange->fault) {
    case FAULT_DRIP:
        return read_drip(exchange, pos, out, max);
    case FAULT_STALL:
    case FAULT_RESET_MID:
        return read_half(exchange, pos, out, max);
    case FAULT_ENDLESS:
        if (pos < exchange->reply_len / 2) {
            return copy(exchange, pos, out,
                        exchange->reply_len / 2 - (size_t)pos < max
                            ? exchange->reply_len / 2 - (size_t)pos
                            : max);
        }
        memset(out, 'a', max);
        return (ssize_t)max;
    default:
        return copy(exchange, pos, out, max);
    }
}

static void add_retry_after(struct exchange *exchange, struct MHD_Response *response) {
    const struct fault_rule *rule = exchange->rule;
    char value[64];
    int64_t now_us = fault_now_us();
    double wait_s = rule->retry_after_s;
    if (rule->retry_as_date) {
        // A date has whole seconds: the next one that leaves at least the wait.
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        double now_s = (double)wall.tv_sec + (double)wall.tv_nsec * 1e-9;
        time_t then = (time_t)(now_s + wait_s) + 1;
        struct tm date;
        strftime(value, sizeof value, "%a, %d %b %Y %H:%M:%S GMT",
                 gmtime_r(&then, &date));
        wait_s = (double)then - now_s;
    } else {
        snprintf(value, sizeof value, "%.15g", wait_s);
    }
    MHD_add_response_header(response, "Retry-After", value);
    struct fault_seen *seen =
        fault_table_get(&exchange->http->stats->table, exchange->request.identity);
    fault_stats_pause(exchange->http->stats, exchange->request.model, seen, now_us,
                      now_us + (int64_t)(wait_s * 1e6));
}

static void add_headers(struct exchange *exchange, struct MHD_Response *response) {
    const struct fault_rule *rule = exchange->rule;
    bool is_page = exchange->fault == FAULT_HTML;
    MHD_add_response_header(response, "Content-Type",
                            is_page ? "text/html" : "application/json");
    if (rule == NULL) {
        return;
    }
    const cJSON *header;
    cJSON_ArrayForEach(header, rule->headers) {
        MHD_add_response_header(response, header->string, header->valuestring);
    }
    if (rule->fault == FAULT_STATUS && rule->retry_after_s >= 0) {
        add_retry_after(exchange, response);
    }
    if (exchange->fault == FAULT_GZIP) {
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
}

static enum MHD_Result send_reply(struct exchange *exchange, int status) {
    uint64_t len =
        exchange->fault == FAULT_ENDLESS ? MHD_SIZE_UNKNOWN : exchange->reply_len;
    struct MHD_Response *response =
        MHD_create_response_from_callback(len, 32768, read_reply, exchange, NULL);
    add_headers(exchange, response);
    enum MHD_Result result =
        MHD_queue_response(exchange->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_error(struct exchange *exchange, int status,
                                  const char *message) {
    exchange->reply =
        fault_error_make(exchange->request.api, status, message, &exchange->reply_len);
    return send_reply(exchange, status);
}

static bool accepts_gzip(const struct exchange *exchange) {
    const char *accept = MHD_lookup_connection_value(
        exchange->connection, MHD_HEADER_KIND, "Accept-Encoding");
    return accept != NULL && strstr(accept, "gzip") != NULL;
}

static void zip_reply(struct exchange *exchange) {
    size_t len;
    char *zipped = fault_gzip_make(exchange->reply, exchange->reply_len, &len);
    free(exchange->reply);
    exchange->reply = zipped;
    exchange->reply_len = len;
}

static enum MHD_Result reply(struct exchange *exchange) {
    switch (exchange->fault) {
    case FAULT_RESET_BEFORE:
        reset_peer(exchange);
        return MHD_NO;
    case FAULT_NEVER:
        return MHD_NO; // the client hung up, or it would still be waiting
    case FAULT_STATUS:
        return send_error(exchange, exchange->rule->status, "as the script says");
    case FAULT_REFUSE_FORMAT:
        return send_error(exchange, 400, "response_format is not supported");
    default:
        break;
    }
    if (exchange->fault == FAULT_GZIP && !accepts_gzip(exchange)) {
        exchange->fault = FAULT_NONE;
    }
    exchange->reply =
        fault_reply_make(&exchange->request, exchange->fault, &exchange->reply_len);
    if (exchange->fault == FAULT_GZIP) {
        zip_reply(exchange);
    }
    return send_reply(exchange, MHD_HTTP_OK);
}

static bool may_ask(const struct exchange *exchange) {
    const char *key = exchange->http->script->key;
    static const char *const names[] = {"Authorization", "api-key", "x-api-key"};
    for (unsigned i = 0; key != NULL && i < sizeof names / sizeof *names; i++) {
        const char *value = MHD_lookup_connection_value(exchange->connection,
                                                        MHD_HEADER_KIND, names[i]);
        if (value != NULL && strncmp(value, "Bearer ", 7) == 0) {
            value += 7;
        }
        if (value != NULL && strcmp(value, key) == 0) {
            return true;
        }
    }
    return key == NULL;
}

static void choose(struct exchange *exchange) {
    struct fault_http *http = exchange->http;
    const struct fault_body *body = &exchange->request;
    int64_t now_us = fault_now_us();
    struct fault_seen *seen =
        fault_stats_request(http->stats, body->model, body->identity, now_us);
    struct fault_request request = {
        .identity = body->identity,
        .ordinal = http->stats->requests,
        .attempt = seen->attempts - 1,
        .in_flight = http->stats->in_flight,
        .model = body->model,
        .body = exchange->body,
        .has_format = body->has_format,
    };
    exchange->rule = fault_script_choose(http->script, &request);
    exchange->fault = exchange->rule != NULL ? exchange->rule->fault : FAULT_NONE;
    if (http->stats->log != NULL) {
        fprintf(http->stats->log, "%.6f %016llx %u %u %s %s\n",
                (double)(now_us - http->started_us) * 1e-6,
                (unsigned long long)body->identity, request.attempt, request.in_flight,
                exchange->rule != NULL ? exchange->rule->name : "none", body->model);
        fflush(http->stats->log);
    }
}

// The whole request is here: find its fate, and sleep before it if that is part of it.
static enum MHD_Result decide(struct exchange *exchange, const char *url) {
    const char *why = NULL;
    bool is_messages = strstr(url, "/messages") != NULL;
    exchange->is_decided = true;
    exchange->http->stats->bytes_in += exchange->body_len;
    if (!fault_body_read(&exchange->request,
                         is_messages ? FAULT_API_MESSAGES : FAULT_API_CHAT,
                         exchange->body != NULL ? exchange->body : "", &why)) {
        return send_error(exchange, 400, why);
    }
    if (!may_ask(exchange)) {
        return send_error(exchange, 401, "invalid API key");
    }
    choose(exchange);
    if (exchange->fault == FAULT_NEVER) {
        sleep_for_ever(exchange);
        return MHD_YES;
    }
    long wait_ms = fault_script_latency_ms(exchange->http->script, exchange->rule,
                                           exchange->request.identity);
    if (wait_ms > 0 || is_at_gate(exchange)) {
        sleep_until(exchange, fault_now_us() + wait_ms * 1000);
        return MHD_YES;
    }
    return reply(exchange);
}

static enum MHD_Result send_page(struct exchange *exchange, cJSON *json, int status) {
    exchange->http->stats->others++;
    exchange->reply = cJSON_PrintUnformatted(json);
    exchange->reply_len = strlen(exchange->reply);
    cJSON_Delete(json);
    return send_reply(exchange, status);
}

static enum MHD_Result serve_page(struct exchange *exchange, const char *url) {
    cJSON *json = cJSON_CreateObject();
    if (strcmp(url, "/health") == 0) {
        cJSON_AddStringToObject(json, "status", "ok");
        return send_page(exchange, json, MHD_HTTP_OK);
    }
    if (strcmp(url, "/_stats") == 0) {
        cJSON_Delete(json);
        json = fault_stats_json(exchange->http->stats, exchange->http->script);
        return send_page(exchange, json, MHD_HTTP_OK);
    }
    if (strcmp(url, "/v1/models") == 0) {
        cJSON *model = cJSON_CreateObject();
        cJSON_AddStringToObject(model, "id", "fault");
        cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "data"), model);
        return send_page(exchange, json, MHD_HTTP_OK);
    }
    cJSON_AddStringToObject(json, "error", "no such page");
    return send_page(exchange, json, MHD_HTTP_NOT_FOUND);
}

static enum MHD_Result take_body(struct exchange *exchange, const char *bytes,
                                 size_t len) {
    if (exchange->body_len + len > BODY_MAX) {
        return MHD_NO;
    }
    if (exchange->body_len + len + 1 > exchange->body_cap) {
        exchange->body_cap = 2 * (exchange->body_len + len) + 1;
        exchange->body = realloc(exchange->body, exchange->body_cap);
        if (exchange->body == NULL) {
            abort();
        }
    }
    memcpy(exchange->body + exchange->body_len, bytes, len);
    exchange->body_len += len;
    exchange->body[exchange->body_len] = '\0';
    return MHD_YES;
}

static struct exchange *begin(struct fault_http *http,
                              struct MHD_Connection *connection, const char *method) {
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        abort();
    }
    exchange->http = http;
    exchange->connection = connection;
    exchange->is_chat = strcmp(method, "POST") == 0;
    if (exchange->is_chat) {
        fault_stats_enter(http->stats, fault_now_us());
    }
    return exchange;
}

enum MHD_Result exchange_on_request(void *cls, struct MHD_Connection *connection,
                                    const char *url, const char *method,
                                    const char *version, const char *bytes, size_t *len,
                                    void **slot) {
    (void)version;
    if (*slot == NULL) {
        *slot = begin(cls, connection, method);
        return *slot != NULL ? MHD_YES : MHD_NO;
    }
    struct exchange *exchange = *slot;
    if (*len > 0) {
        enum MHD_Result result = take_body(exchange, bytes, *len);
        *len = 0;
        return result;
    }
    if (!exchange->is_chat) {
        return serve_page(exchange, url);
    }
    return exchange->is_decided ? reply(exchange) : decide(exchange, url);
}

static bool is_usable(const struct exchange *exchange) {
    switch (exchange->fault) {
    case FAULT_NONE:
    case FAULT_SLOW:
    case FAULT_DRIP:
    case FAULT_INVALID_UTF8:
    case FAULT_FENCED:
    case FAULT_THINK:
    case FAULT_REASONING:
    case FAULT_GZIP:
        return true;
    default:
        return false;
    }
}

void exchange_on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                           enum MHD_RequestTerminationCode how) {
    (void)connection;
    struct fault_http *http = cls;
    struct exchange *exchange = *slot;
    if (exchange == NULL) {
        return;
    }
    if (exchange->is_chat) {
        fault_stats_leave(http->stats, fault_now_us());
        if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK &&
            exchange->request.root != NULL && is_usable(exchange)) {
            fault_stats_answered(http->stats, exchange->request.identity);
        }
    }
    fault_body_fini(&exchange->request);
    free(exchange->body);
    free(exchange->reply);
    free(exchange);
    *slot = NULL;
}
