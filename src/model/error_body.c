// error_body.c - error bodies of all houses, read by one walk: messages are collected
// where they are found, in the order of the keys below; code words, waits and statuses
// are noted on the way. Gateways nest the error of the server behind them, as an object
// or as a string that holds JSON: the walk goes into both.
#include "model/error_body.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "credence/base/buf.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "model/hints.h"

enum {
    PARSE_BYTES_MAX = 256 << 10, // a longer error body is not parsed
    JSON_DEPTH_MAX = 64,
    WALK_DEPTH_MAX = 8,
    LIST_MAX = 4, // of a list of errors
    TITLE_BYTES_MAX = 200
};

struct reader {
    struct cr_error_body *out;
    struct cr_buf words;
    int64_t wall_ms;
};

// Messages, the outermost first.
static const char *const word_keys[] = {
    "message",   "msg",           "error",        "errors",
    "detail",    "title",         "html-message", "error_description",
    "error_msg", "error_message", "status_msg",   "faultstring",
    "fault",     "base_resp",     "innererror",   "metadata",
    "raw",       "cause",         "Message",      "reason_message",
};
static const char *const code_keys[] = {"code",   "type",       "status",
                                        "reason", "error_type", "error_code",
                                        "__type", "status_code"};
static const char *const wait_keys[] = {"retryDelay", "retry_after", "retryAfter",
                                        "retry_after_seconds", "estimated_time"};

static void note_code(struct cr_error_body *out, const char *word) {
    if (out->codes_len == CR_CODES_MAX || !word[0]) {
        return;
    }
    char *to = out->codes[out->codes_len++];
    const char *name = strchr(word, '#'); // "com.amazon.coral.service#Throttling.."
    word = name != NULL ? name + 1 : word;
    size_t len = 0;
    for (; word[len] && len + 1 < CR_CODE_BYTES_MAX; len++) {
        char c = (char)tolower((unsigned char)word[len]);
        to[len] = c == '-' || c == ' ' ? '_' : c;
    }
    to[len] = '\0';
}

static void note_status(struct cr_error_body *out, double number) {
    if (out->status == 0 && number >= 300 && number <= 599) {
        out->status = (uint32_t)number;
    }
}

// Numbers beyond those of HTTP are codes of the house.
static void note_number(struct cr_error_body *out, double number) {
    char word[16];
    note_status(out, number);
    if (number >= 1000 && number < 1e6) {
        snprintf(word, sizeof word, "%.0f", number);
        note_code(out, word);
    }
}

static void note_codes(struct cr_error_body *out, const struct cr_json *object) {
    for (size_t i = 0; i < sizeof code_keys / sizeof code_keys[0]; i++) {
        const struct cr_json *value = cr_json_get(object, code_keys[i]);
        const char *word = cr_json_string(value);
        if (word != NULL) {
            note_code(out, word);
            note_status(out, strspn(word, "0123456789") == 3 && word[3] == '\0'
                                 ? strtod(word, NULL)
                                 : 0);
        }
        note_number(out, cr_json_number(value, 0));
    }
    const char *param = cr_json_string(cr_json_get(object, "param"));
    if (param != NULL && !out->param[0]) {
        snprintf(out->param, sizeof out->param, "%s", param);
    }
}

static void note_wait(struct reader *reader, int64_t wait_ms) {
    if (wait_ms > reader->out->wait_ms) {
        reader->out->wait_ms = wait_ms;
    }
}

// Google's retryDelay, and plain numbers of seconds; headers that a gateway passes on.
static void note_waits(struct reader *reader, const struct cr_json *object) {
    for (size_t i = 0; i < sizeof wait_keys / sizeof wait_keys[0]; i++) {
        const struct cr_json *value = cr_json_get(object, wait_keys[i]);
        const char *text = cr_json_string(value);
        char number[32] = "";
        double seconds =
            cr_json_number(value, cr_json_number(cr_json_get(value, "seconds"), NAN));
        if (seconds >= 0 && seconds < 1e15) {
            snprintf(number, sizeof number, "%.6f", seconds);
        }
        text = text != NULL ? text : number;
        note_wait(reader, cr_wait_of_value(text, strlen(text), reader->wall_ms));
    }
    double ms = cr_json_number(cr_json_get(object, "retry_after_ms"), -1);
    note_wait(reader, ms >= 0 && ms < 1e12 ? (int64_t)ms : -1);
    struct cr_hints hints;
    cr_hints_clear(&hints);
    for (const struct cr_json *c = cr_json_first(cr_json_get(object, "headers"));
         c != NULL; c = cr_json_next(c)) {
        char line[2 * CR_CODE_BYTES_MAX];
        const char *value = cr_json_string(c), *name = cr_json_key(c);
        if (value != NULL && name != NULL) {
            int used = snprintf(line, sizeof line, "%s: %s", name, value);
            cr_hints_note(&hints, line,
                          used < (int)sizeof line ? (size_t)used : sizeof line - 1,
                          reader->wall_ms);
        }
    }
    const struct cr_quota *spent = cr_hints_spent(&hints);
    note_wait(reader, hints.retry_after_ms);
    note_wait(reader, spent != NULL ? spent->reset_ms : -1);
}

// A message once, however often a gateway repeats it. What memory cannot hold is left
// out.
static void add_words(struct reader *reader, const char *text) {
    struct cr_buf *words = &reader->words;
    note_wait(reader, cr_wait_in_text(text));
    if (!text[0] || (words->used_bytes > 0 && strstr(words->data, text) != NULL)) {
        return;
    }
    if (words->used_bytes > 0) {
        cr_status_ignore(cr_buf_add(words, ": ", 2));
    }
    cr_status_ignore(cr_text_add_utf8(words, text, strlen(text)));
}

static void walk(struct reader *reader, const struct cr_json *value, unsigned depth);

static void walk_text(struct reader *reader, const char *text, unsigned depth) {
    static const struct cr_json_limits limits = {PARSE_BYTES_MAX, JSON_DEPTH_MAX};
    const char *start = text + strspn(text, " \t\r\n");
    struct cr_json *inner = NULL;
    bool may_be_json = *start == '{' || *start == '[';
    if (may_be_json &&
        cr_json_read(start, strlen(start), limits, &inner, NULL) == CR_OK) {
        walk(reader, inner, depth);
        cr_json_free(inner);
        return;
    }
    add_words(reader, start);
}

// FastAPI's {"loc": ["body", "seed"], "msg": ..}: the place is part of the message.
static void add_place(struct reader *reader, const struct cr_json *object) {
    for (const struct cr_json *c = cr_json_first(cr_json_get(object, "loc")); c != NULL;
         c = cr_json_next(c)) {
        const char *part = cr_json_string(c);
        if (part != NULL && strcmp(part, "body") != 0) {
            add_words(reader, part);
        }
    }
}

static void walk_object(struct reader *reader, const struct cr_json *object,
                        unsigned depth) {
    note_codes(reader->out, object);
    note_waits(reader, object);
    add_place(reader, object);
    for (size_t i = 0; i < sizeof word_keys / sizeof word_keys[0]; i++) {
        const struct cr_json *value = cr_json_get(object, word_keys[i]);
        if (value != NULL) {
            walk(reader, value, depth + 1);
        }
    }
    // Google's list of typed details holds codes and waits; its texts are for programs.
    const struct cr_json *details = cr_json_get(object, "details");
    if (cr_json_string(details) != NULL) {
        walk(reader, details, depth + 1);
    }
    if (cr_json_type(details) == CR_JSON_OBJECT) {
        note_codes(reader->out, details);
        note_waits(reader, details);
    }
    unsigned seen = 0;
    for (const struct cr_json *c = cr_json_first(details); c != NULL && seen < LIST_MAX;
         c = cr_json_next(c), seen++) {
        note_codes(reader->out, c);
        note_waits(reader, c);
    }
}

static void walk(struct reader *reader, const struct cr_json *value, unsigned depth) {
    if (value == NULL || depth > WALK_DEPTH_MAX) {
        return;
    }
    const char *text = cr_json_string(value);
    unsigned seen = 0;
    if (text != NULL) {
        walk_text(reader, text, depth + 1);
    } else if (cr_json_type(value) == CR_JSON_OBJECT) {
        walk_object(reader, value, depth);
    } else if (cr_json_type(value) == CR_JSON_ARRAY) {
        for (const struct cr_json *c = cr_json_first(value);
             c != NULL && seen < LIST_MAX; c = cr_json_next(c), seen++) {
            walk(reader, c, depth + 1);
        }
    } else { // {"error": 429}
        note_number(reader->out, cr_json_number(value, 0));
    }
}

static bool begins_with(const char *text, const char *start) {
    return strncasecmp(text, start, strlen(start)) == 0;
}

// The title of a page of HTML, else its first words.
static void add_page(struct reader *reader, const char *text) {
    char title[TITLE_BYTES_MAX + 1];
    const char *open = strcasestr(text, "<title>");
    const char *from = open != NULL ? open + strlen("<title>") : text;
    const char *end = open != NULL ? strcasestr(from, "</title>") : NULL;
    size_t len = end != NULL ? (size_t)(end - from) : strlen(from);
    len = len < TITLE_BYTES_MAX ? len : TITLE_BYTES_MAX;
    memcpy(title, from, len);
    title[len] = '\0';
    add_words(reader, "a page of HTML");
    add_words(reader, title);
}

static void read_text(struct reader *reader, const char *text) {
    const char *start = text + strspn(text, " \t\r\n");
    if (begins_with(start, "<!doctype html") || begins_with(start, "<html")) {
        add_page(reader, start);
        return;
    }
    if (begins_with(start, "data:") || begins_with(start, "event:") || *start == ':') {
        add_words(reader, "an event stream although none was asked for (is \"stream\" "
                          "set by a gateway or in extra?)");
        const char *data = strstr(start, "data:");
        size_t len = data != NULL ? strcspn(data, "\r\n") : 0;
        char *first = data != NULL ? cr_strndup(data + 5, len - 5) : NULL;
        if (first != NULL && strstr(first, "\"error\"") != NULL) {
            walk_text(reader, first, 0);
        }
        cr_free(first);
        return;
    }
    walk_text(reader, start, 0);
}

// Replace each SECRET in the BYTES of TEXT, in one pass; how many bytes are left.
static size_t redact_bytes(char *text, size_t bytes, const char *secret) {
    size_t len = secret != NULL ? strlen(secret) : 0;
    if (len < CR_SECRET_BYTES_MIN || text == NULL) {
        return bytes;
    }
    const char *from = text, *end = text + bytes;
    char *to = text;
    for (const char *at; (at = memmem(from, (size_t)(end - from), secret, len)) != NULL;
         from = at + len) {
        memmove(to, from, (size_t)(at - from));
        to += at - from;
        memcpy(to, "***", 3);
        to += 3;
    }
    if (to != text) {
        memmove(to, from, (size_t)(end - from));
    }
    return (size_t)(to - text) + (size_t)(end - from);
}

void cr_redact(char *text, const char *secret) {
    if (text != NULL) {
        text[redact_bytes(text, strlen(text), secret)] = '\0';
    }
}

void cr_redact_buf(struct cr_buf *buf, const char *secret) {
    if (buf->data != NULL) {
        buf->used_bytes = redact_bytes(buf->data, buf->used_bytes, secret);
        buf->data[buf->used_bytes] = '\0';
    }
}

// White space of any length is one space.
static void join_lines(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        bool is_space = isspace((unsigned char)*from) != 0;
        if (!is_space || (to > text && to[-1] != ' ')) {
            *to++ = is_space ? ' ' : *from;
        }
    }
    to -= to > text && to[-1] == ' ';
    *to = '\0';
}

// Copy TEXT, cut at the end of a character when it is too long.
static void copy_cut(char out[CR_WORDS_MAX + 1], const char *text) {
    size_t len = strlen(text), keep = len;
    if (len > CR_WORDS_MAX) {
        keep = CR_WORDS_MAX - 3;
        while (keep > 0 && ((unsigned char)text[keep] & 0xC0) == 0x80) {
            keep--;
        }
    }
    memcpy(out, text, keep);
    snprintf(out + keep, CR_WORDS_MAX + 1 - keep, "%s", keep < len ? "..." : "");
}

static void finish_words(struct reader *reader, const char *secret) {
    struct cr_buf shown;
    if (reader->words.used_bytes == 0) {
        return;
    }
    cr_buf_init(&shown, 8 * PARSE_BYTES_MAX);
    cr_redact(reader->words.data, secret);
    join_lines(reader->words.data);
    if (cr_text_add_terminal(&shown, reader->words.data, strlen(reader->words.data)) ==
        CR_OK) {
        copy_cut(reader->out->words, shown.data != NULL ? shown.data : "");
    }
    cr_buf_fini(&shown);
}

void cr_error_body_read(const char *body, size_t bytes, const char *secret,
                        int64_t wall_ms, struct cr_error_body *out) {
    struct reader reader = {.out = out, .wall_ms = wall_ms};
    *out = (struct cr_error_body){.wait_ms = -1};
    struct cr_buf clean;
    cr_buf_init(&clean, 4 * PARSE_BYTES_MAX);
    cr_buf_init(&reader.words, PARSE_BYTES_MAX);
    bytes = bytes < PARSE_BYTES_MAX ? bytes : PARSE_BYTES_MAX;
    if (bytes > 0 && cr_text_add_utf8(&clean, body, bytes) == CR_OK) {
        const char *text = clean.data;
        read_text(&reader, strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text);
    }
    // JSON without any message that is known: its text is better than nothing.
    if (reader.words.used_bytes == 0 && clean.used_bytes > 0) {
        add_words(&reader, clean.data + strspn(clean.data, " \t\r\n"));
    }
    finish_words(&reader, secret);
    cr_buf_fini(&clean);
    cr_buf_fini(&reader.words);
}

void cr_error_body_read_json(const struct cr_json *value, const char *secret,
                             int64_t wall_ms, struct cr_error_body *out) {
    struct reader reader = {.out = out, .wall_ms = wall_ms};
    *out = (struct cr_error_body){.wait_ms = -1};
    cr_buf_init(&reader.words, PARSE_BYTES_MAX);
    walk(&reader, value, 0);
    // An error without any message that is known: its text is better than nothing.
    if (reader.words.used_bytes == 0) {
        cr_status_ignore(cr_json_print(value, false, &reader.words));
    }
    finish_words(&reader, secret);
    cr_buf_fini(&reader.words);
}

// A status of HTTP that means a failure.
static bool is_status(const struct cr_json *value) {
    const double number = cr_json_number(value, 0);
    return number >= 400 && number <= 599;
}

static bool is_said(const struct cr_json *value) {
    const char *text = cr_json_string(value);
    enum cr_json_type type = cr_json_type(value);
    return (text != NULL && text[0]) || is_status(value) ||
           (type == CR_JSON_OBJECT && cr_json_len(value) > 0) ||
           (type == CR_JSON_ARRAY && cr_json_len(value) > 0);
}

const struct cr_json *cr_error_body_find(const struct cr_json *root) {
    const char *type = cr_json_string(cr_json_get(root, "type"));
    const char *object = cr_json_string(cr_json_get(root, "object"));
    const struct cr_json *base = cr_json_get(root, "base_resp");
    if (cr_json_type(root) == CR_JSON_ARRAY) {
        const struct cr_json *first = cr_json_first(root);
        return first != NULL && cr_json_type(first) == CR_JSON_OBJECT
                   ? cr_error_body_find(first)
                   : NULL;
    }
    if (is_said(cr_json_get(root, "error")) || is_said(cr_json_get(root, "errors")) ||
        is_said(cr_json_get(root, "detail")) ||
        cr_json_number(cr_json_get(base, "status_code"), 0) != 0 ||
        (type != NULL && strcmp(type, "error") == 0) ||
        (object != NULL && strcmp(object, "error") == 0)) {
        return root;
    }
    return NULL;
}

bool cr_error_body_has_words(const struct cr_json *root) {
    for (size_t i = 0; i < sizeof word_keys / sizeof word_keys[0]; i++) {
        const char *words = cr_json_string(cr_json_get(root, word_keys[i]));
        if (words != NULL && words[0]) {
            return true;
        }
    }
    return is_status(cr_json_get(root, "code")) ||
           is_status(cr_json_get(root, "status")) ||
           is_status(cr_json_get(root, "status_code"));
}

bool cr_error_body_has_code(const struct cr_error_body *error, const char *code) {
    for (uint32_t i = 0; i < error->codes_len; i++) {
        if (strcmp(error->codes[i], code) == 0) {
            return true;
        }
    }
    return false;
}
