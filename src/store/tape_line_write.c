// tape_line_write.c - a call record as a line. One is written for every call there is,
// so the head is put down word by word into room that is reserved once: printf would
// take longer than all the rest of a line.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/json.h"
#include "credence/base/text.h"
#include "store/tape_line.h"

// Words, names and numbers of the longest head; what is written is checked against it.
enum { HEAD_BYTES_MAX = 1024 };

static char *put(char *at, const char *word, size_t bytes) {
    memcpy(at, word, bytes);
    return at + bytes;
}
#define PUT(at, word) put(at, word, sizeof(word) - 1)

static char *put_name(char *at, const char *name) {
    return put(at, name, strlen(name));
}

static char *put_number(char *at, uint64_t number) {
    char digits[20];
    size_t len = 0;
    do {
        digits[sizeof digits - ++len] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(at, digits + sizeof digits - len, len);
}

// Reads back to the same double, so that a rebuilt file equals the live one: whole
// microseconds, which is what the clock gives, as such, all else with 17 digits.
static char *put_seconds(char *at, double seconds) {
    const double most = 1e9;
    seconds = isfinite(seconds) ? fabs(seconds) : 0;
    uint64_t us = seconds < most ? (uint64_t)(seconds * 1e6 + 0.5) : 0;
    if ((double)us / 1e6 != seconds) {
        return at + snprintf(at, 32, "%.17g", seconds);
    }
    at = put_number(at, us / 1000000);
    us %= 1000000;
    if (us > 0) {
        *at++ = '.';
        for (uint64_t unit = 100000; us > 0; us %= unit, unit /= 10) {
            *at++ = (char)('0' + us / unit);
        }
    }
    return at;
}

static char *put_seat(char *at, const struct cr_call_id *id) {
    at = put_number(PUT(at, "\",\"iteration\":"), id->iteration);
    at = put_name(PUT(at, ",\"role\":\""), cr_role_names[id->role]);
    at = put_number(PUT(at, "\",\"trader\":"), id->trader);
    at = put_number(PUT(at, ",\"sample\":"), id->sample);
    at = put_number(PUT(at, ",\"repair\":"), id->repair);
    return put_name(PUT(at, ",\"ask\":\""), cr_tape_ask_names[id->ask]);
}

static char *put_cost(char *at, const struct cr_call_record *r) {
    at = put_number(PUT(at, "\",\"tokens_in\":"), r->tokens_in);
    at = put_number(PUT(at, ",\"tokens_out\":"), r->tokens_out);
    at = put_number(PUT(at, ",\"tokens_cached\":"), r->tokens_cached);
    at = put_number(PUT(at, ",\"tokens_reasoning\":"), r->tokens_reasoning);
    at = put_seconds(PUT(at, ",\"latency_s\":"), r->latency_s);
    at = put_number(PUT(at, ",\"attempts\":"), r->attempts);
    at = put_number(PUT(at, ",\"endpoint\":"), r->endpoint);
    return put_number(PUT(at, ",\"http_status\":"), r->http_status);
}

static char *put_head(char *at, const struct cr_call_record *r) {
    at = cr_hash64_put(PUT(at, "{\"v\":1,\"trajectory\":\""), r->trajectory);
    at = cr_hash64_put(PUT(at, "\",\"key\":\""), r->trajectory_key);
    at = put_seat(at, &r->id);
    at = cr_hash64_put(PUT(at, "\",\"request\":\""), r->request_hash.hi);
    at = cr_hash64_put(at, r->request_hash.lo);
    at = put_number(PUT(at, "\",\"model\":"), r->model);
    at = put_name(PUT(at, ",\"fail\":\""), cr_reason_names[r->reason]);
    at = put_name(PUT(at, "\",\"finish\":\""), cr_finish_names[r->finish]);
    at = put_cost(at, r);
    at =
        put_number(PUT(at, ",\"wall_ms\":"), r->wall_ms > 0 ? (uint64_t)r->wall_ms : 0);
    at = put_number(PUT(at, ",\"simulated\":"), r->is_simulated != 0);
    if (r->is_recorded) {
        at = PUT(at, CR_TAPE_RECORDED);
    }
    return PUT(at, ",\"reply\":{");
}

static enum cr_status encode_head(struct cr_buf *out, const struct cr_call_record *r) {
    enum cr_status status = cr_buf_reserve(out, HEAD_BYTES_MAX);
    if (status == CR_OK) {
        char *start = out->data + out->used_bytes;
        const size_t bytes = (size_t)(put_head(start, r) - start);
        assert(bytes < HEAD_BYTES_MAX);
        out->used_bytes += bytes;
        out->data[out->used_bytes] = '\0';
    }
    return status;
}

// A server's words in an error may be any bytes; a line must be UTF-8.
static enum cr_status add_quoted(struct cr_buf *out, const char *text) {
    size_t bytes = strlen(text);
    if (cr_text_is_utf8(text, bytes)) {
        return cr_json_add_quoted(out, text, bytes);
    }
    struct cr_buf clean;
    cr_buf_init(&clean, CR_TAPE_LINE_MAX);
    enum cr_status status = cr_text_add_utf8(&clean, text, bytes);
    if (status == CR_OK) {
        status = cr_json_add_quoted(out, clean.data, clean.used_bytes);
    }
    cr_buf_fini(&clean);
    return status;
}

static enum cr_status encode_text(struct cr_buf *out, const char *key,
                                  const char *text) {
    if (text == NULL) {
        return CR_OK;
    }
    const char *comma = out->data[out->used_bytes - 1] == '{' ? "" : ",";
    enum cr_status status = cr_buf_add_text(out, comma);
    status = status == CR_OK ? cr_buf_add_text(out, key) : status;
    return status == CR_OK ? add_quoted(out, text) : status;
}

static enum cr_status encode_logprobs(struct cr_buf *out,
                                      const struct cr_call_record *r) {
    if (r->logprobs_len == 0) {
        return CR_OK;
    }
    const char *comma = out->data[out->used_bytes - 1] == '{' ? "" : ",";
    enum cr_status status = cr_buf_printf(out, "%s\"logprobs\":[", comma);
    for (uint32_t i = 0; status == CR_OK && i < r->logprobs_len; i++) {
        status = cr_buf_add_text(out, i == 0 ? "[" : ",[");
        if (status == CR_OK) {
            status = add_quoted(out, r->logprobs[i].token);
        }
        if (status == CR_OK) {
            status = cr_buf_add(out, ",", 1);
        }
        if (status == CR_OK) {
            status = cr_json_add_number(out, r->logprobs[i].logprob);
        }
        if (status == CR_OK) {
            status = cr_buf_add(out, "]", 1);
        }
    }
    return status == CR_OK ? cr_buf_add(out, "]", 1) : status;
}

enum cr_status cr_tape_line_encode(struct cr_buf *out,
                                   const struct cr_call_record *record) {
    size_t start = out->used_bytes;
    enum cr_status status = encode_head(out, record);
    if (status == CR_OK) {
        status = encode_text(out, "\"text\":", record->text);
    }
    if (status == CR_OK) {
        status = encode_text(out, "\"reasoning\":", record->reasoning);
    }
    if (status == CR_OK) {
        status = encode_text(out, "\"error\":", record->error);
    }
    if (status == CR_OK) {
        status = encode_logprobs(out, record);
    }
    if (status == CR_OK) {
        status = cr_buf_add(out, "},", 2);
    }
    if (status != CR_OK) {
        return status;
    }
    uint64_t sum = cr_hash64(out->data + start, out->used_bytes - start, 0);
    char tail[] = "\"sum\":\"0123456789abcdef\"}\n";
    cr_hash64_put(PUT(tail, "\"sum\":\""), sum);
    return cr_buf_add(out, tail, sizeof tail - 1);
}
