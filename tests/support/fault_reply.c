// fault_reply.c - the answer's text, bent as a fault says, in an API's envelope.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_answer.h"
#include "fault_mark.h"

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *fmt, ...) {
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0) {
        abort();
    }
    va_end(args);
    return text;
}

// What the model "wrote": the plain answer, or something a client must cope with.
static char *content_of(const struct fault_body *body, enum fault fault,
                        const char *answer) {
    char mark[FAULT_MARK_BYTES];
    fault_mark_write_bad(mark, body->answer, body->turns);
    switch (fault) {
    case FAULT_FENCED:
        return format("Here it is:\n\n```json\n%s\n```\nI hope this helps.", answer);
    case FAULT_THINK:
        return format("<think>Is {\"price\": 0.123} right? No.</think>\n%s", answer);
    case FAULT_LENGTH:
        return format("{\"claim\": \"%s and then the", mark);
    case FAULT_GARBAGE: // prose alone would do for an argument
        return fault_answer_is_argument(body)
                   ? format("{\"note\": \"I would rather not argue %s.\"}", mark)
                   : format("I would rather not put a number on it %s.", mark);
    case FAULT_OUT_OF_RANGE:
        return format("{\"claim\": \"%s\", \"reasoning\": \"none\", \"price\": 7.5}",
                      mark);
    default:
        return strdup(answer);
    }
}

static double tokens(size_t len) {
    return ceil((double)len / 4);
}

static cJSON *chat_usage(const struct fault_body *body, const char *content) {
    cJSON *usage = cJSON_CreateObject();
    double prompt = tokens(body->prompt_bytes);
    double completion = tokens(strlen(content));
    cJSON_AddNumberToObject(usage, "prompt_tokens", prompt);
    cJSON_AddNumberToObject(usage, "completion_tokens", completion);
    cJSON_AddNumberToObject(usage, "total_tokens", prompt + completion);
    cJSON *details = cJSON_AddObjectToObject(usage, "prompt_tokens_details");
    cJSON_AddNumberToObject(details, "cached_tokens", tokens(body->cached_bytes));
    return usage;
}

static void add_logprob(cJSON *list, const char *token, double share) {
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "token", token);
    cJSON_AddNumberToObject(entry, "logprob", log(share));
    cJSON_AddItemToArray(list, entry);
}

static cJSON *chat_logprobs(const struct fault_body *body, const char *content) {
    double share = 0.5 + 0.49 * fault_draw(51, body->answer, 0);
    cJSON *logprobs = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(logprobs, "content");
    cJSON *first = cJSON_CreateObject();
    cJSON_AddStringToObject(first, "token", content);
    cJSON_AddNumberToObject(first, "logprob", log(share));
    cJSON *top = cJSON_AddArrayToObject(first, "top_logprobs");
    add_logprob(top, content, share);
    add_logprob(top, strcmp(content, "Yes") == 0 ? "No" : "Yes", 1 - share);
    cJSON_AddItemToArray(list, first);
    return logprobs;
}

static cJSON *chat_choice(const struct fault_body *body, enum fault fault,
                          const char *content) {
    cJSON *choice = cJSON_CreateObject();
    cJSON_AddNumberToObject(choice, "index", 0);
    cJSON *message = cJSON_AddObjectToObject(choice, "message");
    cJSON_AddStringToObject(message, "role", "assistant");
    if (fault == FAULT_NULL_CONTENT) {
        cJSON_AddNullToObject(message, "content");
    } else {
        cJSON_AddStringToObject(message, "content", content);
    }
    if (fault == FAULT_REASONING) {
        cJSON_AddStringToObject(message, "reasoning_content",
                                "Let me see: {\"price\": 0.321} would be wrong.");
    }
    if (body->wants_logprobs) {
        cJSON_AddItemToObject(choice, "logprobs", chat_logprobs(body, content));
    }
    cJSON_AddStringToObject(choice, "finish_reason",
                            fault == FAULT_LENGTH ? "length" : "stop");
    return choice;
}

static cJSON *chat_reply(const struct fault_body *body, enum fault fault,
                         const char *content) {
    cJSON *reply = cJSON_CreateObject();
    cJSON_AddStringToObject(reply, "id", "chatcmpl-0");
    cJSON_AddStringToObject(reply, "object", "chat.completion");
    cJSON_AddStringToObject(reply, "model", body->model);
    if (fault == FAULT_WRONG_TYPES) {
        cJSON_AddStringToObject(reply, "choices", "none");
        cJSON_AddArrayToObject(reply, "usage");
        return reply;
    }
    cJSON *choices = cJSON_AddArrayToObject(reply, "choices");
    if (fault != FAULT_EMPTY_CHOICES) {
        cJSON_AddItemToArray(choices, chat_choice(body, fault, content));
    }
    cJSON_AddItemToObject(reply, "usage", chat_usage(body, content));
    return reply;
}

static cJSON *messages_reply(const struct fault_body *body, enum fault fault,
                             const char *content) {
    cJSON *reply = cJSON_CreateObject();
    cJSON_AddStringToObject(reply, "id", "msg_0");
    cJSON_AddStringToObject(reply, "type", "message");
    cJSON_AddStringToObject(reply, "role", "assistant");
    cJSON_AddStringToObject(reply, "model", body->model);
    if (fault == FAULT_WRONG_TYPES || fault == FAULT_NULL_CONTENT) {
        cJSON_AddNullToObject(reply, "content");
        return reply;
    }
    cJSON *parts = cJSON_AddArrayToObject(reply, "content");
    if (fault != FAULT_EMPTY_CHOICES) {
        cJSON *part = cJSON_CreateObject();
        cJSON_AddStringToObject(part, "type", "text");
        cJSON_AddStringToObject(part, "text", content);
        cJSON_AddItemToArray(parts, part);
    }
    cJSON_AddStringToObject(reply, "stop_reason",
                            fault == FAULT_LENGTH ? "max_tokens" : "end_turn");
    cJSON *usage = cJSON_AddObjectToObject(reply, "usage");
    double cached = tokens(body->cached_bytes);
    cJSON_AddNumberToObject(usage, "input_tokens", tokens(body->prompt_bytes) - cached);
    cJSON_AddNumberToObject(usage, "cache_read_input_tokens", cached);
    cJSON_AddNumberToObject(usage, "cache_creation_input_tokens", 0);
    cJSON_AddNumberToObject(usage, "output_tokens", tokens(strlen(content)));
    return reply;
}

// Ill-formed bytes within the first sentence: a lone continuation byte, an overlong
// slash, and a surrogate, in place of six letters that are sure to be there.
static void spoil_utf8(char *text) {
    char *at = strstr(text, "On the");
    if (at != NULL) {
        memcpy(at, "\x80\xc0\xaf\xed\xa0\x80", 6);
    }
}

char *fault_reply_make(const struct fault_body *body, enum fault fault, size_t *len) {
    if (fault == FAULT_HTML) {
        char *page = strdup("<html><head><title>502 Bad Gateway</title></head><body>"
                            "<center>nginx</center></body></html>\n");
        *len = strlen(page);
        return page;
    }
    char *answer = fault_answer_make(body);
    char *content = content_of(body, fault, answer);
    cJSON *reply = body->api == FAULT_API_CHAT ? chat_reply(body, fault, content)
                                               : messages_reply(body, fault, content);
    char *text = cJSON_PrintUnformatted(reply);
    cJSON_Delete(reply);
    free(content);
    free(answer);
    if (fault == FAULT_INVALID_UTF8) {
        spoil_utf8(text);
    }
    *len = strlen(text);
    *len = fault == FAULT_TRUNCATED ? *len * 2 / 3 : *len;
    return text;
}

char *fault_error_make(enum fault_api api, int status, const char *message,
                       size_t *len) {
    const char *type = status == 429   ? "rate_limit_error"
                       : status == 529 ? "overloaded_error"
                       : status == 503 ? "unavailable_error"
                       : status == 401 ? "authentication_error"
                       : status < 500  ? "invalid_request_error"
                                       : "server_error";
    char *text =
        api == FAULT_API_CHAT
            ? format("{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":%d}}",
                     message, type, status)
            : format("{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":"
                     "\"%s\"}}",
                     type, message);
    *len = strlen(text);
    return text;
}

static uint32_t crc32_of(const char *bytes, size_t len) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
        }
    }
    return ~crc;
}

static size_t put_le(char *out, uint32_t value, unsigned width) {
    for (unsigned i = 0; i < width; i++) {
        out[i] = (char)(value >> 8 * i);
    }
    return width;
}

char *fault_gzip_make(const char *bytes, size_t len, size_t *out_len) {
    enum { BLOCK_MAX = 65535 };
    char *out = malloc(len + 5 * (len / BLOCK_MAX + 1) + 18);
    size_t used = 10;
    memcpy(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", used);
    for (size_t at = 0, part; at < len || at == 0; at += part) {
        part = len - at < BLOCK_MAX ? len - at : BLOCK_MAX;
        out[used++] = at + part == len;
        used += put_le(out + used, (uint32_t)part, 2);
        used += put_le(out + used, ~(uint32_t)part, 2);
        memcpy(out + used, bytes + at, part);
        used += part;
        if (part == 0) {
            break;
        }
    }
    used += put_le(out + used, crc32_of(bytes, len), 4);
    used += put_le(out + used, (uint32_t)len, 4);
    *out_len = used;
    return out;
}
