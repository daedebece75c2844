// attempt.c - a finished exchange becomes a reply, or a reason to try again or give up.
#include "model/attempt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "model/wire.h"

// A reply that is not valid UTF-8 was most likely damaged on the way; a model that
// writes such bytes would do it again, so from the second time on they are replaced.
enum { BAD_TEXTS_REFUSED = 1 };

void cr_attempt_fini(struct cr_attempt *attempt) {
    cr_free(attempt->sample);
    attempt->sample = NULL;
}

// No such host is a mistake in the job; what a name server cannot say now comes again as
// another attempt.
static enum cr_reason fail_of(const struct cr_transfer *transfer) {
    if (transfer->is_too_large) {
        return CR_REASON_SERVER;
    }
    switch (transfer->result) {
    case CURLE_OPERATION_TIMEDOUT:
        return CR_REASON_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return CR_REASON_NOT_FOUND;
    default:
        return CR_REASON_CONNECTION;
    }
}

// A certificate that is not trusted will not be trusted next time either.
static bool is_distrust(CURLcode result) {
    return result == CURLE_PEER_FAILED_VERIFICATION ||
           result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_CERTPROBLEM ||
           result == CURLE_SSL_ISSUER_ERROR;
}

static void judge_link(const struct cr_transfer *transfer, struct cr_attempt *out) {
    enum cr_reason fail = fail_of(transfer);
    out->verdict = cr_retry_by_fail(fail);
    out->was_heard = transfer->http_status > 0;
    out->is_out_of_files = transfer->is_out_of_files;
    out->is_no_host = fail == CR_REASON_NOT_FOUND;
    out->is_absent = transfer->result == CURLE_COULDNT_CONNECT;
    if (out->is_no_host) {
        out->verdict.retry = CR_RETRY_LATER;
        out->verdict.is_unhealthy = true;
    }
    if (is_distrust(transfer->result)) {
        out->verdict.retry = CR_RETRY_NEVER;
        out->verdict.is_unhealthy = false; // waiting would not cure it: fail at once
    }
    if (transfer->is_over_budget) {
        snprintf(out->what, sizeof out->what,
                 "the replies under way are larger than %d bytes together",
                 CR_REPLIES_BYTES_MAX);
    } else if (fail == CR_REASON_SERVER) {
        snprintf(out->what, sizeof out->what, "the reply is larger than %d bytes",
                 transfer->header_bytes > CR_HEADER_BYTES_MAX ? CR_HEADER_BYTES_MAX
                                                              : CR_REPLY_BYTES_MAX);
    } else {
        snprintf(out->what, sizeof out->what, "%s",
                 transfer->error[0] ? transfer->error
                                    : curl_easy_strerror(transfer->result));
    }
}

static bool may_be_simpler(const struct cr_upstream *upstream,
                           const struct cr_request *request) {
    return request->call->schema != NULL && upstream->wire.dialect->sends_structured &&
           !upstream->wire.has_form &&
           cr_structured_is_auto(upstream->model->structured) &&
           request->shape.structured < CR_STRUCTURED_NONE;
}

// Whether REQUEST can be sent again without what the server refuses.
static bool can_adapt(const struct cr_upstream *upstream,
                      const struct cr_request *request, enum cr_setting refused) {
    const struct cr_request_shape *shape = &request->shape;
    switch (refused) {
    case CR_SETTING_MAX_TOKENS:
        return !shape->uses_other_limit && !upstream->wire.has_limit &&
               upstream->backend->takes_other_limit;
    case CR_SETTING_SEED:
        return !shape->omits_seed && upstream->model->send_seed &&
               !upstream->wire.has_seed;
    case CR_SETTING_FORM:
        return may_be_simpler(upstream, request);
    case CR_SETTING_SYSTEM:
    case CR_SETTING_DEVELOPER:
        return upstream->model->system_role == NULL &&
               shape->system_role != CR_SYSTEM_ROLE_USER &&
               request->call->turns_len > 0 &&
               request->call->turns[0].speaker == CR_SYSTEM;
    case CR_SETTING_TEMPERATURE:
    case CR_SETTING_LOGPROBS:
    case CR_SETTING_NONE:
        break;
    }
    return false;
}

// What the job can do about a setting that is refused for good.
static const char *advice_on(const struct cr_upstream *upstream,
                             enum cr_setting refused) {
    switch (refused) {
    case CR_SETTING_TEMPERATURE:
        return isnan(upstream->model->temperature)
                   ? ""
                   : "params.temperature is what it refuses: remove it or set 1";
    case CR_SETTING_MAX_TOKENS:
        return "see params.max_tokens and dialect \"openai-reasoning\"";
    case CR_SETTING_FORM:
        return "structured is what it refuses: \"auto\" finds out what it takes";
    case CR_SETTING_SYSTEM:
    case CR_SETTING_DEVELOPER:
        return "system_role is what it refuses: \"user\" suits every server";
    case CR_SETTING_LOGPROBS:
        return "cell.elicitation needs log-probabilities";
    case CR_SETTING_SEED:
    case CR_SETTING_NONE:
        break;
    }
    return "";
}

static void judge_refusal(const struct cr_upstream *upstream,
                          const struct cr_request *request, uint32_t http_status,
                          const struct cr_error_body *error, struct cr_attempt *out) {
    bool may_be = out->verdict.reason == CR_REASON_BAD_REQUEST ||
                  out->verdict.reason == CR_REASON_SERVER ||
                  out->verdict.reason == CR_REASON_NOT_FOUND;
    out->refused =
        may_be ? cr_retry_refused_setting(http_status, error) : CR_SETTING_NONE;
    if (out->refused == CR_SETTING_NONE) {
        return;
    }
    if (can_adapt(upstream, request, out->refused)) {
        out->verdict.retry = CR_RETRY_ADAPTED;
        return;
    }
    // The same words in a 500 may be a server's trouble: it is asked again as before.
    if (out->verdict.retry == CR_RETRY_NEVER) {
        const char *advice = advice_on(upstream, out->refused);
        size_t used = strlen(out->what);
        snprintf(out->what + used, sizeof out->what - used, "%s%s",
                 advice[0] ? "; " : "", advice);
        out->verdict.reason = out->refused == CR_SETTING_LOGPROBS
                                  ? CR_REASON_NO_LOGPROBS
                                  : CR_REASON_BAD_REQUEST;
    }
}

static void note_wait(const struct cr_error_body *error, struct cr_attempt *out) {
    if (error->wait_ms > out->retry_after_ms) {
        out->retry_after_ms = error->wait_ms;
        snprintf(out->wait_source, sizeof out->wait_source, "its message: %.80s",
                 error->words);
    }
}

// The text of CR_RETRY_SAMPLE that some servers show: {"error": {"failed_generation"}}.
static char *sample_of(const struct cr_buf *answer) {
    struct cr_json *root = NULL;
    if (cr_wire_parse(answer->data != NULL ? answer->data : "", answer->used_bytes,
                      &root, NULL) != CR_OK) {
        return NULL;
    }
    const struct cr_json *error = cr_json_get(root, "error");
    const char *text = cr_json_string(cr_json_get(error, "failed_generation"));
    char *copy = text != NULL ? cr_strdup(text) : NULL;
    cr_json_free(root);
    return copy;
}

// HTTP_STATUS 0: ERROR came in a 2xx.
static void judge_error(const struct cr_upstream *upstream,
                        const struct cr_request *request, uint32_t http_status,
                        const struct cr_error_body *error, struct cr_attempt *out) {
    const struct cr_transfer *transfer = request->transfer;
    const char *words = error->words;
    out->verdict = cr_retry_by_error(http_status, error);
    out->was_heard = true;
    if (http_status > 0) {
        snprintf(out->what, sizeof out->what, "HTTP %u%s%s", http_status,
                 words[0] ? ": " : "", words);
    } else {
        snprintf(out->what, sizeof out->what, "an error inside HTTP %u%s%s",
                 transfer->http_status, words[0] ? ": " : "", words);
    }
    if (http_status >= 300 && http_status <= 399 && transfer->location[0]) {
        snprintf(
            out->what, sizeof out->what,
            "HTTP %u: redirected to %s, which is not followed: name that server in "
            "endpoints",
            http_status, transfer->location);
    }
    note_wait(error, out);
    if (out->verdict.retry == CR_RETRY_SAMPLE) {
        out->sample = sample_of(&transfer->answer);
    }
    judge_refusal(upstream, request, http_status > 0 ? http_status : error->status,
                  error, out);
}

static void judge_format(const struct cr_request *request, const char *why,
                         const struct cr_error_body *page, struct cr_attempt *out) {
    const struct cr_buf *answer = &request->transfer->answer;
    out->verdict = cr_retry_by_fail(CR_REASON_SERVER);
    out->was_heard = true;
    if (answer->used_bytes == 0) {
        why = "it is empty";
    }
    snprintf(out->what, sizeof out->what, "unusable reply in HTTP %u: %s%s%s",
             request->transfer->http_status, why, page->words[0] ? ": " : "",
             page->words);
}

// Replace bytes that are not valid UTF-8. CR_E_FORMAT when they are refused this time.
static enum cr_status mend(struct cr_request *request, struct cr_err *why) {
    struct cr_buf *answer = &request->transfer->answer, mended;
    if (answer->used_bytes == 0 || cr_text_is_utf8(answer->data, answer->used_bytes)) {
        return CR_OK;
    }
    if (request->bad_texts++ < BAD_TEXTS_REFUSED) {
        return cr_err_set(why, CR_E_FORMAT, "the response body is not valid UTF-8");
    }
    cr_buf_init(&mended, 3 * (size_t)CR_REPLY_BYTES_MAX);
    enum cr_status status = cr_text_add_utf8(&mended, answer->data, answer->used_bytes);
    if (status == CR_OK) {
        cr_buf_clear(answer);
        status = cr_buf_add(answer, mended.data, mended.used_bytes);
    }
    cr_buf_fini(&mended);
    return status == CR_E_LIMIT ? cr_err_set(why, CR_E_FORMAT, "too long") : status;
}

// A server that counts nothing: about four bytes make a token (English, and the
// tokenizers in use; docs of several services give the same number).
enum { BYTES_A_TOKEN = 4 };

static uint32_t tokens_of(size_t bytes) {
    size_t tokens = (bytes + BYTES_A_TOKEN - 1) / BYTES_A_TOKEN;
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

static void estimate_usage(const struct cr_call *call, struct cr_reply *reply) {
    size_t bytes_in = 0, bytes_out = 0;
    for (size_t i = 0; i < call->turns_len; i++) {
        bytes_in += call->turns[i].text_bytes;
    }
    bytes_out += reply->text != NULL ? strlen(reply->text) : 0;
    bytes_out += reply->reasoning != NULL ? strlen(reply->reasoning) : 0;
    bool lacks_in = reply->tokens_in == 0 && bytes_in > 0;
    bool lacks_out = reply->tokens_out == 0 && bytes_out > 0;
    reply->is_estimated = lacks_in || lacks_out;
    reply->tokens_in = lacks_in ? tokens_of(bytes_in) : reply->tokens_in;
    reply->tokens_out = lacks_out ? tokens_of(bytes_out) : reply->tokens_out;
    if (lacks_in && lacks_out && reply->tokens_total > 0) { // only the split is a guess
        reply->tokens_in = reply->tokens_in < reply->tokens_total ? reply->tokens_in
                                                                  : reply->tokens_total;
        reply->tokens_out = reply->tokens_total - reply->tokens_in;
    }
}

// Log-probabilities that were asked for and did not come: the server has none. A model
// that declined is not asked for them.
static void judge_logprobs(const struct cr_request *request, struct cr_attempt *out) {
    const struct cr_reply *reply = &request->reply;
    if (request->call->top_logprobs == 0 || reply->logprobs_len > 0 ||
        reply->reason != CR_REASON_NONE) {
        return;
    }
    out->verdict =
        (struct cr_verdict){.reason = CR_REASON_NO_LOGPROBS, .retry = CR_RETRY_NEVER};
    snprintf(out->what, sizeof out->what,
             "no logprobs in the reply, although top_logprobs %u was asked for",
             request->call->top_logprobs);
}

// What a filter took before there was a reply is a reply all the same: the service's
// answer to this item, however it is told.
static enum cr_status make_filtered(struct cr_reply *reply,
                                    const struct cr_attempt *attempt) {
    *reply = (struct cr_reply){.reason = CR_REASON_FILTERED,
                               .finish = CR_FINISH_FILTER,
                               .finish_word = "content_filter",
                               .text = cr_strdup(""),
                               .error = cr_strdup(attempt->what)};
    return reply->text != NULL && reply->error != NULL ? CR_OK : CR_E_MEMORY;
}

static void redact_reply(struct cr_reply *reply, const char *secret) {
    cr_redact(reply->text, secret);
    cr_redact(reply->reasoning, secret);
}

static enum cr_status keep_reply(struct cr_upstream *upstream,
                                 struct cr_request *request, struct cr_attempt *out) {
    out->was_heard = true;
    redact_reply(&request->reply, upstream->headers.secret);
    estimate_usage(request->call, &request->reply);
    judge_logprobs(request, out);
    return CR_OK;
}

// A 2xx that is not JSON: a page, a stream, or the words of something in between.
static void read_page(const struct cr_upstream *upstream,
                      const struct cr_transfer *transfer, struct cr_error_body *out) {
    const char *body = transfer->answer.data != NULL ? transfer->answer.data : "";
    const char *start = body + strspn(body, " \t\r\n");
    out->words[0] = '\0';
    if (*start != '{' && *start != '[' && *start != '\0') {
        cr_error_body_read(body, transfer->answer.used_bytes, upstream->headers.secret,
                           transfer->wall_ms, out);
    }
}

static enum cr_status judge_body(struct cr_upstream *upstream,
                                 struct cr_request *request, struct cr_attempt *out) {
    const struct cr_transfer *transfer = request->transfer;
    struct cr_reply *reply = &request->reply;
    struct cr_error_body error;
    struct cr_err why;
    why.text[0] = '\0';
    enum cr_status status = mend(request, &why);
    if (status == CR_OK) {
        const struct cr_decode_args from = {
            .body = transfer->answer.data != NULL ? transfer->answer.data : "",
            .bytes = transfer->answer.used_bytes,
            .secret = upstream->headers.secret,
            .wall_ms = transfer->wall_ms};
        status = upstream->backend->decode(&from, reply, &error, &why);
    }
    if (status == CR_OK) {
        return keep_reply(upstream, request, out);
    }
    cr_reply_fini(reply);
    *reply = (struct cr_reply){0};
    if (status == CR_E_NET) {
        judge_error(upstream, request, 0, &error, out);
    } else if (status == CR_E_FORMAT) {
        read_page(upstream, transfer, &error);
        judge_format(request, why.text, &error, out);
    } else {
        return status;
    }
    return CR_OK;
}

static void judge_status(struct cr_upstream *upstream, struct cr_request *request,
                         struct cr_attempt *out) {
    const struct cr_transfer *transfer = request->transfer;
    const struct cr_buf *answer = &transfer->answer;
    struct cr_error_body error;
    cr_error_body_read(answer->data != NULL ? answer->data : "", answer->used_bytes,
                       upstream->headers.secret, transfer->wall_ms, &error);
    judge_error(upstream, request, transfer->http_status, &error, out);
}

// The header's, else what the body called itself.
static void keep_request_id(const struct cr_upstream *upstream,
                            const struct cr_transfer *transfer,
                            struct cr_reply *reply) {
    if (transfer->request_id.text[0] != '\0') {
        memcpy(reply->request_id, transfer->request_id.text, sizeof reply->request_id);
    }
    cr_redact(reply->request_id, upstream->headers.secret);
}

enum cr_status cr_attempt_judge(struct cr_upstream *upstream,
                                struct cr_request *request, struct cr_attempt *out) {
    struct cr_transfer *transfer = request->transfer;
    uint32_t http_status = transfer->http_status;
    *out = (struct cr_attempt){.retry_after_ms = transfer->hints.retry_after_ms};
    snprintf(out->wait_source, sizeof out->wait_source, "%s", transfer->hints.source);
    enum cr_status status = CR_OK;
    // On receipt, before anything reads it: an echoed key goes no further.
    cr_redact_buf(&transfer->answer, upstream->headers.secret);
    if (transfer->result != CURLE_OK) {
        judge_link(transfer, out);
    } else if (http_status >= 200 && http_status <= 299) {
        status = judge_body(upstream, request, out);
    } else {
        judge_status(upstream, request, out);
    }
    if (status == CR_OK && out->verdict.reason == CR_REASON_FILTERED) {
        status = make_filtered(&request->reply, out);
        estimate_usage(request->call, &request->reply);
        out->verdict = (struct cr_verdict){.reason = CR_REASON_NONE};
    }
    request->reply.http_status = http_status;
    request->reply.latency_s = transfer->latency_s;
    keep_request_id(upstream, transfer, &request->reply);
    return status;
}

void cr_attempt_judge_local(const struct cr_request *request, struct cr_attempt *out) {
    const struct cr_reply *reply = &request->reply;
    *out = (struct cr_attempt){.retry_after_ms = -1, .was_heard = true};
    if (reply->reason) {
        struct cr_error_body none = {.wait_ms = -1};
        out->verdict = reply->http_status > 0
                           ? cr_retry_by_error(reply->http_status, &none)
                           : cr_retry_by_fail(reply->reason);
        snprintf(out->what, sizeof out->what, "%s",
                 reply->error != NULL ? reply->error : "");
    }
}

// A sample that the server threw away is read like any other once there are no attempts
// left: what it is worth is for the reader to say.
static enum cr_status keep_sample(struct cr_request *request,
                                  const struct cr_attempt *attempt,
                                  struct cr_reply *reply) {
    reply->reason = CR_REASON_NONE;
    reply->finish = CR_FINISH_OTHER;
    snprintf(reply->finish_word, sizeof reply->finish_word, "json_validate_failed");
    reply->text = cr_strdup(attempt->sample != NULL ? attempt->sample : "");
    if (reply->text != NULL) {
        estimate_usage(request->call, reply);
    }
    return reply->text != NULL ? CR_OK : CR_E_MEMORY;
}

enum cr_status cr_attempt_give_up(const struct cr_upstream *upstream,
                                  struct cr_request *request,
                                  const struct cr_attempt *attempt) {
    struct cr_reply *reply = &request->reply;
    uint32_t http_status = reply->http_status;
    bool is_simulated = reply->is_simulated;
    char request_id[CR_REQUEST_ID_MAX];
    memcpy(request_id, reply->request_id, sizeof request_id);
    struct cr_buf text;
    cr_buf_init(&text, CR_ERR_TEXT_MAX);
    const char *url = request->endpoint < upstream->endpoints.len
                          ? upstream->endpoints.at[request->endpoint].shown
                          : NULL;
    bool is_retried = request->attempts > 1;
    enum cr_status status =
        cr_buf_printf(&text, "model %s%s%s: %s", upstream->model->name,
                      url != NULL ? " at " : "", url != NULL ? url : "", attempt->what);
    if (status == CR_OK && is_retried) {
        status = cr_buf_printf(&text, " (attempt %u)", request->attempts);
    }
    cr_reply_fini(reply);
    *reply = (struct cr_reply){.reason = attempt->verdict.reason,
                               .http_status = http_status,
                               .attempts = request->attempts,
                               .endpoint = url != NULL ? request->endpoint : 0,
                               .error = cr_buf_take(&text),
                               .is_simulated = is_simulated};
    memcpy(reply->request_id, request_id, sizeof reply->request_id);
    cr_buf_fini(&text);
    if (status == CR_OK && attempt->verdict.retry == CR_RETRY_SAMPLE) {
        status = keep_sample(request, attempt, reply);
    }
    return status != CR_OK ? CR_E_MEMORY : CR_OK;
}
