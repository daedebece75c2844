// json_block.c - reads JSON into one block of memory: the values, then their texts.
//
// Every reply is JSON whose text is JSON again, so reading was a third of a call's own
// CPU. cJSON allocates each value, name and text by itself, looks at each byte several
// times, and converts each number by way of a text; here a reply costs one allocation
// and a fifth of the instructions. What is made are cJSON's own values, so whatever
// reads a tree reads these too. They are marked as references, which is what cJSON
// calls a value whose contents are not its own to free; only this file makes any.
//
// The reader takes JSON exactly as cJSON would or not at all: a fault of any kind, and
// an escape that is no character, is left to cJSON.
#include "json_block.h"

#include <cJSON.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "json_text.h"

enum {
    DIGITS_EXACT_MAX = 15, // so many decimal digits fit a double, whatever they are
    NUMBER_BYTES_MAX = 63  // as in cJSON: of a longer number it reads so much
};

struct reader {
    const char *at, *end;
    cJSON *value; // the next one that is free
    char *text;   // where the next text goes
};

static bool is_at(const struct reader *r, char c) {
    return r->at < r->end && *r->at == c;
}

// Move behind C if it is next.
static bool take(struct reader *r, char c) {
    const bool is_next = is_at(r, c);
    r->at += is_next;
    return is_next;
}

static void skip_blanks(struct reader *r) {
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) {
        r->at++;
    }
}

// The number of the escape "\uXXXX" at the reader, which moves behind it; 0 for none.
static uint32_t take_unit(struct reader *r) {
    uint32_t unit = 0;
    if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') {
        return 0;
    }
    for (int i = 2; i < 6; i++) {
        const char c = r->at[i];
        const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                               : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                               : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                      : 16;
        if (digit == 16) {
            return 0;
        }
        unit = 16 * unit + digit;
    }
    r->at += 6;
    return unit;
}

// CODE in UTF-8; returns what is behind it.
static char *put_code(char *to, uint32_t code) {
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const int bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = bytes - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    to[0] = (char)(leads[bytes] | code);
    return to + bytes;
}

// The character of an escape by number; NULL for half of a pair, and for NUL.
static char *read_units(struct reader *r, char *to) {
    uint32_t code = take_unit(r);
    if (code >= 0xd800 && code < 0xdc00) {
        const uint32_t low = take_unit(r);
        code = low >= 0xdc00 && low < 0xe000
                   ? 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff))
                   : 0;
    } else if (code >= 0xdc00 && code < 0xe000) {
        code = 0;
    }
    return code != 0 ? put_code(to, code) : NULL;
}

// The character of the escape at the reader to TO; returns what is behind it, NULL when
// there is none.
static char *read_escape(struct reader *r, char *to) {
    static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
    const char name = r->end - r->at > 1 ? r->at[1] : '\0';
    if (name == 'u') {
        return read_units(r, to);
    }
    const char *known = name != '\0' ? strchr(names, name) : NULL;
    if (known == NULL) {
        return NULL;
    }
    r->at += 2;
    *to = chars[known - names];
    return to + 1;
}

// The text of the literal at the reader, which moves behind it; NULL when it is none.
static char *read_text(struct reader *r) {
    char *start = r->text, *to = start;
    if (!take(r, '"')) {
        return NULL;
    }
    while (r->at < r->end && *r->at != '"') {
        const size_t plain = cr_json_plain_bytes(r->at, (size_t)(r->end - r->at));
        memcpy(to, r->at, plain);
        to += plain;
        r->at += plain;
        if (is_at(r, '\\')) {
            to = read_escape(r, to);
            if (to == NULL) {
                return NULL;
            }
        } else if (r->at < r->end && *r->at != '"') {
            *to++ = *r->at++; // a control character stays, as in cJSON
        }
    }
    *to++ = '\0';
    r->text = to;
    return take(r, '"') ? start : NULL;
}

static void set_number(cJSON *out, double number) {
    out->type |= cJSON_Number;
    out->valuedouble = number;
    out->valueint = number >= INT_MAX           ? INT_MAX
                    : number <= (double)INT_MIN ? INT_MIN
                                                : (int)number;
}

static bool is_of_number(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' ||
           c == 'E';
}

// Any number, the way cJSON reads it.
static bool read_long_number(struct reader *r, cJSON *out) {
    char digits[NUMBER_BYTES_MAX + 1], *end;
    size_t len = 0;
    while (len < NUMBER_BYTES_MAX && r->at + len < r->end && is_of_number(r->at[len])) {
        digits[len] = r->at[len];
        len++;
    }
    digits[len] = '\0';
    set_number(out, strtod(digits, &end));
    r->at += end - digits;
    return end > digits;
}

// Whole numbers and decimals of few digits are the quotient of two numbers that a
// double holds exactly, so one division rounds them as strtod does (W. D. Clinger, How
// to read floating point numbers accurately, 1990); it takes 20 ns less.
static bool read_number(struct reader *r, cJSON *out) {
    static const double powers[DIGITS_EXACT_MAX + 1] = {
        1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
        1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *at = r->at + is_at(r, '-'), *first = at, *point = NULL;
    int64_t whole = 0;
    for (; at < r->end && at - first <= DIGITS_EXACT_MAX; at++) {
        if (*at == '.' && point == NULL) {
            point = at;
        } else if (*at >= '0' && *at <= '9') {
            whole = 10 * whole + (*at - '0');
        } else {
            break;
        }
    }
    const ptrdiff_t decimals = point != NULL ? at - point - 1 : 0;
    const bool is_plain = at > first && at - first <= DIGITS_EXACT_MAX &&
                          point != first && (point == NULL || decimals > 0) &&
                          (at == r->end || !is_of_number(*at));
    if (!is_plain) {
        return read_long_number(r, out);
    }
    const double number = (double)whole / powers[decimals];
    set_number(out, *r->at == '-' ? -number : number);
    r->at = at;
    return true;
}

static bool read_word(struct reader *r, cJSON *out) {
    static const struct {
        const char *word;
        size_t bytes;
        int type;
    } words[] = {
        {"true", 4, cJSON_True}, {"false", 5, cJSON_False}, {"null", 4, cJSON_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((size_t)(r->end - r->at) >= words[i].bytes &&
            memcmp(r->at, words[i].word, words[i].bytes) == 0) {
            out->type |= words[i].type;
            out->valueint = words[i].type == cJSON_True;
            r->at += words[i].bytes;
            return true;
        }
    }
    return false;
}

static bool read_value(struct reader *r, cJSON *out);

// A member's name and its colon.
static bool read_name(struct reader *r, cJSON *out) {
    out->string = read_text(r);
    skip_blanks(r);
    const bool is_read = out->string != NULL && take(r, ':');
    skip_blanks(r);
    return is_read;
}

// The members or elements behind the bracket at the reader, up to CLOSE.
static bool read_children(struct reader *r, cJSON *out, char close) {
    cJSON *last = NULL;
    r->at++;
    skip_blanks(r);
    if (take(r, close)) {
        return true;
    }
    do {
        cJSON *child = r->value++;
        *child = (cJSON){.type = cJSON_IsReference, .prev = last};
        *(last != NULL ? &last->next : &out->child) = child;
        last = child;
        skip_blanks(r);
        if ((close == '}' && !read_name(r, child)) || !read_value(r, child)) {
            return false;
        }
        skip_blanks(r);
    } while (take(r, ','));
    out->child->prev = last; // cJSON's lists know their ends
    return take(r, close);
}

// As deep as the text is, which was checked against its limit before.
static bool read_value(struct reader *r, cJSON *out) {
    const char c = r->at < r->end ? *r->at : '\0';
    if (c == '"') {
        out->type |= cJSON_String;
        out->valuestring = read_text(r);
        return out->valuestring != NULL;
    }
    if (c == '{' || c == '[') {
        out->type |= c == '{' ? cJSON_Object : cJSON_Array;
        return read_children(r, out, c == '{' ? '}' : ']');
    }
    return c == '-' || (c >= '0' && c <= '9') ? read_number(r, out) : read_word(r, out);
}

enum cr_status cr_json_block_read(const struct cr_json_source *source,
                                  struct cr_json **out, size_t *end_bytes) {
    // A text takes a byte less in the block than its two quotes do here.
    cJSON *root = cr_malloc(source->values * sizeof *root + source->bytes);
    if (root == NULL) {
        return CR_E_MEMORY;
    }
    struct reader r = {.at = source->text,
                       .end = source->text + source->bytes,
                       .value = root + 1,
                       .text = (char *)(root + source->values)};
    *root = (cJSON){.type = cJSON_IsReference};
    skip_blanks(&r);
    if (!read_value(&r, root)) {
        cr_free(root);
        return CR_E_FORMAT;
    }
    *end_bytes = (size_t)(r.at - source->text);
    *out = (struct cr_json *)root;
    return CR_OK;
}

bool cr_json_is_in_block(const struct cr_json *value) {
    return value != NULL && (((const cJSON *)value)->type & cJSON_IsReference) != 0;
}

void cr_json_block_free(struct cr_json *root) {
    cr_free(root);
}
