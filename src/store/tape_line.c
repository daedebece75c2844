// tape_line.c - a line is a JSON object in two parts. The head has a fixed form
// (members in one order, no spaces), so that a scan reads it by stepping over known
// words: 5 times faster than building a tree, and a resume reads millions of lines.
// What comes from a model stands in the member "reply" and is read as any JSON. The
// last member is "sum", the 64-bit XXH3 of every byte of the line before its name.
#include "store/tape_internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/json.h"
#include "credence/base/text.h"
#include "store/schema.h"

// Stands in the head of a line whose reply cost nothing, and only there.
#define RECORDED ",\"recorded\":1"
// The same of a line whose tokens are estimated.
#define ESTIMATED ",\"estimated\":1"

enum { SUM_BYTES = sizeof "\"sum\":\"0123456789abcdef\"}" - 1, TAIL_DEPTH_MAX = 4 };

static char *put(char *at, const char *word, size_t bytes) {
    memcpy(at, word, bytes);
    return at + bytes;
}
#define PUT(at, word) put(at, word, sizeof(word) - 1)

const char *cr_tape_line_fault(const char *line, size_t bytes) {
    if (bytes < SUM_BYTES) {
        return "line is too short";
    }
    size_t covered = bytes - SUM_BYTES;
    char want[SUM_BYTES];
    char *at = PUT(want, "\"sum\":\"");
    at = cr_hash64_put(at, cr_hash64(line, covered, 0));
    (void)PUT(at, "\"}");
    return memcmp(want, line + covered, SUM_BYTES) == 0 ? NULL
                                                        : "checksum does not match";
}

// Steps over a head; once something is not as expected, every further step is a no-op.
struct cursor {
    const char *at, *end;
    bool is_ok;
};

static inline void skip_word(struct cursor *c, const char *word, size_t len) {
    if (!c->is_ok || (size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0) {
        c->is_ok = false;
        return;
    }
    c->at += len;
}
#define SKIP(cursor, word) skip_word(cursor, word, sizeof(word) - 1)

// Step over WORD if it is there.
static bool skip_optional(struct cursor *c, const char *word, size_t len) {
    const bool is_there =
        c->is_ok && (size_t)(c->end - c->at) >= len && memcmp(c->at, word, len) == 0;
    c->at += is_there ? len : 0;
    return is_there;
}

static uint64_t read_digits(struct cursor *c, uint64_t max) {
    uint64_t value = 0;
    const char *start = c->at;
    while (c->is_ok && c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        uint64_t digit = (uint64_t)(*c->at - '0');
        c->is_ok = value <= (max - digit) / 10;
        value = value * 10 + digit;
        c->at++;
    }
    c->is_ok = c->is_ok && c->at > start && value <= max;
    return c->is_ok ? value : 0;
}

// Eight characters as a number, the first one its highest byte, whatever the machine.
static uint64_t read_eight(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
           (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
           (uint64_t)at[6] << 8 | (uint64_t)at[7];
}

// The value of eight lower-case hexadecimal digits, all at once in the bytes of one
// number; *faults is not zero when one of them is none. A resume reads 64 digits of each
// of millions of lines: one by one they cost a third of its time.
static uint64_t read_hex_eight(const char *text, uint64_t *faults) {
    const uint64_t each = 0x0101010101010101u;
    const uint64_t digits = read_eight(text);
    const uint64_t is_letter = digits >> 6 & each; // 'a' is 0x61, '0' is 0x30
    uint64_t value = (digits & each * 0x0f) + is_letter * 9;
    // Back to characters: what is not a digit of ours comes back as another one.
    const uint64_t is_over_9 = (value + each * 6) >> 4 & each;
    *faults |= ((value + each * '0' + is_over_9 * ('a' - '0' - 10)) ^ digits) |
               (value & each * 0xf0);
    value = (value >> 4 | value) & 0x00ff00ff00ff00ffu;
    value = (value >> 8 | value) & 0x0000ffff0000ffffu;
    return (value >> 16 | value) & 0xffffffffu;
}

static uint64_t read_hex(struct cursor *c) { // 16 digits
    uint64_t faults = 0;
    if (!c->is_ok || c->end - c->at < 16) {
        c->is_ok = false;
        return 0;
    }
    const uint64_t high = read_hex_eight(c->at, &faults);
    const uint64_t low = read_hex_eight(c->at + 8, &faults);
    c->is_ok = faults == 0;
    c->at += 16;
    return high << 32 | low;
}

static double read_seconds(struct cursor *c) {
    if (!c->is_ok || c->at == c->end) {
        c->is_ok = false;
        return 0;
    }
    // Safe: a newline or NUL stands behind the line.
    char *end;
    double value = strtod(c->at, &end);
    c->is_ok = end > c->at && end < c->end && isfinite(value) && value >= 0;
    c->at = end;
    return value;
}

// The index of the name that ends at the next quote.
static unsigned read_name(struct cursor *c, const char *const *names, unsigned len) {
    const char *quote = c->is_ok ? memchr(c->at, '"', (size_t)(c->end - c->at)) : NULL;
    for (unsigned i = 0; quote != NULL && i < len; i++) {
        size_t bytes = strlen(names[i]);
        if (bytes == (size_t)(quote - c->at) && memcmp(names[i], c->at, bytes) == 0) {
            c->at = quote;
            return i;
        }
    }
    c->is_ok = false;
    return 0;
}

static enum cr_reason read_reason(struct cursor *c, bool is_old) {
    if (!is_old) {
        SKIP(c, ",\"reason\":\"");
        return (enum cr_reason)read_name(c, cr_reason_names, CR_REASON_COUNT);
    }
    const char *words[CR_OLD_REASONS];
    for (unsigned i = 0; i < CR_OLD_REASONS; i++) {
        words[i] = cr_old_reasons[i].word;
    }
    SKIP(c, ",\"fail\":\"");
    return cr_old_reasons[read_name(c, words, CR_OLD_REASONS)].reason;
}

static void read_seat(struct cursor *c, struct cr_call_id *id) {
    SKIP(c, ",\"iteration\":");
    id->iteration = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"role\":\"");
    id->role = (uint8_t)read_name(c, cr_role_names, CR_ROLE_COUNT);
    SKIP(c, "\",\"trader\":");
    id->trader = (uint8_t)read_digits(c, UINT8_MAX);
    SKIP(c, ",\"sample\":");
    id->sample = (uint16_t)read_digits(c, UINT16_MAX);
    SKIP(c, ",\"repair\":");
    id->repair = (uint16_t)read_digits(c, UINT16_MAX);
    SKIP(c, ",\"ask\":\"");
    id->ask = (uint8_t)read_name(c, cr_ask_names, CR_ASK_COUNT);
}

static void read_cost(struct cursor *c, struct cr_call_record *head) {
    SKIP(c, "\",\"tokens_in\":");
    head->tokens_in = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"tokens_out\":");
    head->tokens_out = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"tokens_cached\":");
    head->tokens_cached = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"tokens_reasoning\":");
    head->tokens_reasoning = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"latency_s\":");
    head->latency_s = read_seconds(c);
    SKIP(c, ",\"attempts\":");
    head->attempts = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"endpoint\":");
    head->endpoint = (uint32_t)read_digits(c, UINT32_MAX);
    SKIP(c, ",\"http_status\":");
    head->http_status = (uint32_t)read_digits(c, UINT32_MAX);
}

bool cr_tape_line_head(const char *line, size_t bytes, struct cr_call_record *head,
                       const char **tail, size_t *tail_bytes) {
    if (bytes < SUM_BYTES) {
        return false;
    }
    struct cursor c = {line, line + bytes - SUM_BYTES, true};
    struct cr_call_record r = {0};
    const bool is_old = skip_optional(&c, "{\"v\":1,", sizeof "{\"v\":1," - 1);
    if (!is_old) {
        SKIP(&c, "{\"v\":2,");
    }
    r.is_old = is_old;
    SKIP(&c, "\"trajectory\":\"");
    r.trajectory = read_hex(&c);
    SKIP(&c, "\",\"key\":\"");
    r.trajectory_key = read_hex(&c);
    SKIP(&c, "\"");
    read_seat(&c, &r.id);
    SKIP(&c, "\",\"request\":\"");
    r.request_hash.hi = read_hex(&c);
    r.request_hash.lo = read_hex(&c);
    SKIP(&c, "\",\"model\":");
    r.model = (uint32_t)read_digits(&c, UINT32_MAX);
    r.reason = read_reason(&c, is_old);
    SKIP(&c, "\",\"finish\":\"");
    r.finish = (enum cr_finish)read_name(&c, cr_finish_names, CR_FINISH_OTHER + 1);
    read_cost(&c, &r);
    SKIP(&c, ",\"wall_ms\":");
    r.wall_ms = (int64_t)read_digits(&c, INT64_MAX);
    SKIP(&c, ",\"simulated\":");
    r.is_simulated = (uint8_t)read_digits(&c, 1);
    r.is_recorded = skip_optional(&c, RECORDED, sizeof RECORDED - 1);
    r.is_estimated = skip_optional(&c, ESTIMATED, sizeof ESTIMATED - 1);
    SKIP(&c, ",\"reply\":");
    if (!c.is_ok || c.end - c.at < 3) {
        return false;
    }
    *head = r;
    *tail = c.at;
    *tail_bytes = (size_t)(c.end - c.at) - 1; // without the comma
    return true;
}

static bool read_logprobs(const struct cr_json *list, struct cr_logprob *out,
                          uint32_t *len) {
    uint32_t n = 0;
    for (const struct cr_json *pair = cr_json_first(list); pair != NULL;
         pair = cr_json_next(pair), n++) {
        const struct cr_json *token = cr_json_first(pair);
        const char *text = cr_json_string(token);
        if (n == CR_LOGPROBS_MAX || text == NULL) {
            return false;
        }
        snprintf(out[n].token, sizeof out[n].token, "%s", text);
        out[n].logprob = cr_json_number(cr_json_next(token), -INFINITY);
    }
    *len = n;
    return true;
}

enum cr_status cr_tape_line_decode(const char *line, size_t bytes,
                                   cr_tape_record_fn each, void *ctx,
                                   struct cr_err *err) {
    struct cr_call_record record;
    const char *tail;
    size_t tail_bytes;
    if (!cr_tape_line_head(line, bytes, &record, &tail, &tail_bytes)) {
        return cr_err_set(err, CR_E_FORMAT, "not a line of this version");
    }
    struct cr_json *reply = NULL;
    struct cr_json_limits limits = {CR_TAPE_LINE_MAX, TAIL_DEPTH_MAX};
    enum cr_status status = cr_json_read(tail, tail_bytes, limits, &reply, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_logprob logprobs[CR_LOGPROBS_MAX];
    if (read_logprobs(cr_json_get(reply, "logprobs"), logprobs, &record.logprobs_len)) {
        record.text = cr_json_string(cr_json_get(reply, "text"));
        record.reasoning = cr_json_string(cr_json_get(reply, "reasoning"));
        record.error = cr_json_string(cr_json_get(reply, "error"));
        const char *word = cr_json_string(cr_json_get(reply, "finish_word"));
        snprintf(record.finish_word, sizeof record.finish_word, "%s",
                 word == NULL ? "" : word);
        const char *id = cr_json_string(cr_json_get(reply, "request_id"));
        snprintf(record.request_id, sizeof record.request_id, "%s",
                 id == NULL ? "" : id);
        record.logprobs = record.logprobs_len > 0 ? logprobs : NULL;
        status = each(ctx, &record, err);
    } else {
        status = cr_err_set(err, CR_E_FORMAT, "not a list of log probabilities");
    }
    cr_json_free(reply);
    return status;
}

// Words, names and numbers of the longest head; what is written is checked against it.
enum { HEAD_BYTES_MAX = 1024 };

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
    return put_name(PUT(at, ",\"ask\":\""), cr_ask_names[id->ask]);
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
    at = cr_hash64_put(PUT(at, "{\"v\":2,\"trajectory\":\""), r->trajectory);
    at = cr_hash64_put(PUT(at, "\",\"key\":\""), r->trajectory_key);
    at = put_seat(at, &r->id);
    at = cr_hash64_put(PUT(at, "\",\"request\":\""), r->request_hash.hi);
    at = cr_hash64_put(at, r->request_hash.lo);
    at = put_number(PUT(at, "\",\"model\":"), r->model);
    at = put_name(PUT(at, ",\"reason\":\""), cr_reason_names[r->reason]);
    at = put_name(PUT(at, "\",\"finish\":\""), cr_finish_names[r->finish]);
    at = put_cost(at, r);
    at =
        put_number(PUT(at, ",\"wall_ms\":"), r->wall_ms > 0 ? (uint64_t)r->wall_ms : 0);
    at = put_number(PUT(at, ",\"simulated\":"), r->is_simulated != 0);
    if (r->is_recorded) {
        at = PUT(at, RECORDED);
    }
    if (r->is_estimated) {
        at = PUT(at, ESTIMATED);
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
    if (status == CR_OK && record->finish_word[0] != '\0') {
        status = encode_text(out, "\"finish_word\":", record->finish_word);
    }
    if (status == CR_OK && record->request_id[0] != '\0') {
        status = encode_text(out, "\"request_id\":", record->request_id);
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
