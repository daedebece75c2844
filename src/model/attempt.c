// attempt.c - a finished exchange becomes a reply, or a reason to try again or give up.
#include "model/attempt.h"

#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "model/wire.h"

// A reply that is not valid UTF-8 was most likely damaged on the way; a model that
// writes such bytes would do it again, so from the second time on they are replaced.
enum { BAD_TEXTS_REFUSED = 1 };

static enum cr_reason fail_of(const struct cr_transfer *transfer) {
    if (transfer->is_too_large) {
        return CR_REASON_SERVER;
    }
    return transfer->result == CURLE_OPERATION_TIMEDOUT ? CR_REASON_TIMEOUT
                                                        : CR_REASON_CONNECTION;
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
    if (is_distrust(transfer->result)) {
        out->verdict.retry = CR_RETRY_NEVER;
        out->verdict.is_unhealthy = false; // waiting would not cure it: fail at once
    }
    if (fail == CR_REASON_SERVER) {
        snprintf(out->what, sizeof out->what, "the reply is larger than %d bytes",
                 transfer->header_bytes > CR_HEADER_BYTES_MAX ? CR_HEADER_BYTES_MAX
                                                              : CR_REPLY_BYTES_MAX);
        return;
    }
    snprintf(out->what, sizeof out->what, "%s",
             transfer->error[0] ? transfer->error
                                : curl_easy_strerror(transfer->result));
}

static bool may_be_simpler(const struct cr_upstream *upstream,
                           const struct cr_request *request) {
    return request->call->schema != NULL && upstream->wire.dialect->sends_structured &&
           cr_structured_is_auto(upstream->model->structured) &&
           request->structured < CR_STRUCTURED_NONE;
}

static void judge_status(const struct cr_upstream *upstream,
                         const struct cr_request *request, uint32_t http_status,
                         struct cr_attempt *out) {
    const struct cr_buf *answer = &request->transfer->answer;
    const char *body = answer->data != NULL ? answer->data : "";
    char words[CR_WORDS_MAX + 1];
    out->verdict = cr_retry_by_status(http_status);
    out->was_heard = true;
    if (may_be_simpler(upstream, request) &&
        cr_retry_is_form_refused(http_status, body, answer->used_bytes)) {
        out->verdict.retry = CR_RETRY_SIMPLER;
    }
    cr_error_text(body, answer->used_bytes, upstream->headers.secret, words);
    snprintf(out->what, sizeof out->what, "HTTP %u%s%s", http_status,
             words[0] ? ": " : "", words);
}

static void judge_format(const char *why, struct cr_attempt *out) {
    out->verdict = cr_retry_by_fail(CR_REASON_SERVER);
    out->was_heard = true;
    snprintf(out->what, sizeof out->what, "unusable reply: %s", why);
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

static enum cr_status judge_body(struct cr_upstream *upstream,
                                 struct cr_request *request, struct cr_attempt *out) {
    const struct cr_buf *answer = &request->transfer->answer;
    struct cr_reply *reply = &request->reply;
    struct cr_err why;
    why.text[0] = '\0';
    enum cr_status status = mend(request, &why);
    status = status != CR_OK
                 ? status
                 : upstream->backend->decode(answer->data != NULL ? answer->data : "",
                                             answer->used_bytes, reply, &why);
    uint32_t disguised = reply->http_status;
    if (status != CR_OK) {
        cr_reply_fini(reply);
        *reply = (struct cr_reply){0};
    }
    if (status == CR_E_NET) {
        judge_status(upstream, request, disguised, out);
    } else if (status == CR_E_FORMAT) {
        judge_format(why.text, out);
    } else {
        out->was_heard = true;
        return status;
    }
    return CR_OK;
}

enum cr_status cr_attempt_judge(struct cr_upstream *upstream,
                                struct cr_request *request, struct cr_attempt *out) {
    const struct cr_transfer *transfer = request->transfer;
    uint32_t http_status = transfer->http_status;
    *out = (struct cr_attempt){.retry_after_ms = transfer->hints.retry_after_ms};
    enum cr_status status = CR_OK;
    if (transfer->result != CURLE_OK) {
        judge_link(transfer, out);
    } else if (http_status >= 200 && http_status <= 299) {
        status = judge_body(upstream, request, out);
    } else {
        judge_status(upstream, request, http_status, out);
    }
    request->reply.http_status = http_status;
    request->reply.latency_s = transfer->latency_s;
    return status;
}

void cr_attempt_judge_local(const struct cr_request *request, struct cr_attempt *out) {
    const struct cr_reply *reply = &request->reply;
    *out = (struct cr_attempt){.retry_after_ms = -1, .was_heard = true};
    if (reply->reason) {
        out->verdict = reply->http_status > 0 ? cr_retry_by_status(reply->http_status)
                                              : cr_retry_by_fail(reply->reason);
        snprintf(out->what, sizeof out->what, "%s",
                 reply->error != NULL ? reply->error : "");
    }
}

enum cr_status cr_attempt_give_up(const struct cr_upstream *upstream,
                                  struct cr_request *request, enum cr_reason fail,
                                  const char *what) {
    struct cr_reply *reply = &request->reply;
    uint32_t http_status = reply->http_status;
    bool is_simulated = reply->is_simulated;
    struct cr_buf text;
    cr_buf_init(&text, CR_ERR_TEXT_MAX);
    const char *url = request->endpoint < upstream->endpoints.len
                          ? upstream->endpoints.at[request->endpoint].shown
                          : NULL;
    bool is_retried = request->attempts > 1;
    enum cr_status status =
        cr_buf_printf(&text, "model %s%s%s: %s", upstream->model->name,
                      url != NULL ? " at " : "", url != NULL ? url : "", what);
    if (status == CR_OK && is_retried) {
        status = cr_buf_printf(&text, " (attempt %u)", request->attempts);
    }
    cr_reply_fini(reply);
    *reply = (struct cr_reply){.reason = fail,
                               .http_status = http_status,
                               .attempts = request->attempts,
                               .endpoint = url != NULL ? request->endpoint : 0,
                               .error = cr_buf_take(&text),
                               .is_simulated = is_simulated};
    cr_buf_fini(&text);
    return status != CR_OK ? CR_E_MEMORY : CR_OK;
}
