// json_block.c - reads JSON into one block of memory: values, and behind them texts.
//
// Every reply is JSON whose text is JSON again, so reading was a third of a call's own
// CPU. cJSON allocates each value, name and text by itself, looks at each byte several
// times, and converts each number by way of a text; here a reply costs one allocation,
// one walk, and a sixth of the instructions. What is made are cJSON's own values, so
// whatever reads a tree reads these too. They are marked as references, which is what
// cJSON calls a value whose contents are not its own to free; only this file makes any.
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

// A tree's first block begins with its root, and has all its texts behind the values.
// A text that has more values than its length lets expect gets further blocks.
struct block {
    struct block *next;
    cJSON values[];
};

enum { BYTES_A_VALUE = 24, VALUES_MIN = 8 }; // chat replies: 27, 29, 31 bytes a value

struct reader {
    const char *at, *end;
    struct block *block;       // that values are taken from
    size_t values, values_cap; // of them are taken, are in it
    char *text;                // where the next text goes
    unsigned depth, max_depth;
    bool is_out_of_memory;
};

static struct block *add_block(struct reader *r, size_t values, size_t text_bytes) {
    struct block *block =
        cr_malloc(sizeof *block + values * sizeof(cJSON) + text_bytes);
    if (block == NULL) {
        r->is_out_of_memory = true;
        return NULL;
    }
    block->next = r->block != NULL ? r->block->next : NULL;
    if (r->block != NULL) {
        r->block->next = block; // the first one stays the first
    }
    r->block = block;
    r->values = 0;
    r->values_cap = values;
    return block;
}

static void free_blocks(struct block *block) {
    while (block != NULL) {
        struct block *next = block->next;
        cr_free(block);
        block = next;
    }
}

// A value of no type yet; NULL when out of memory.
static cJSON *take_value(struct reader *r) {
    if (r->values == r->values_cap && add_block(r, 2 * r->values_cap, 0) == NULL) {
        return NULL;
    }
    cJSON *value = &r->block->values[r->values++];
    *value = (cJSON){.type = cJSON_IsReference};
    return value;
}

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
    static const char chars[UCHAR_MAX + 1] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    const char name = r->end - r->at > 1 ? r->at[1] : '\0';
    if (name == 'u') {
        return read_units(r, to);
    }
    *to = chars[(unsigned char)name];
    r->at += 2;
    return *to != '\0' ? to + 1 : NULL;
}

// The text of the literal at the reader, which moves behind it; NULL when it is none.
// What is written is never longer than what is read, so there is always room.
static char *read_text(struct reader *r) {
    char *start = r->text, *to = start;
    if (!take(r, '"')) {
        return NULL;
    }
    while (r->at < r->end) {
        const size_t plain = cr_json_copy_plain(to, r->at, (size_t)(r->end - r->at));
        to += plain;
        r->at += plain;
        if (take(r, '"')) {
            *to++ = '\0';
            r->text = to;
            return start;
        }
        if (is_at(r, '\\')) {
            to = read_escape(r, to);
        } else if (r->at < r->end && *r->at != '\0') {
            *to++ = *r->at++; // a control character stays, as in cJSON
        } else {
            to = NULL;
        }
        if (to == NULL) {
            return NULL;
        }
    }
    return NULL;
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
        cJSON *child = take_value(r);
        if (child == NULL) {
            return false;
        }
        child->prev = last;
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

static bool read_container(struct reader *r, cJSON *out, bool is_object) {
    if (r->depth == r->max_depth) {
        return false;
    }
    out->type |= is_object ? cJSON_Object : cJSON_Array;
    r->depth++;
    const bool is_read = read_children(r, out, is_object ? '}' : ']');
    r->depth--;
    return is_read;
}

static bool read_value(struct reader *r, cJSON *out) {
    const char c = r->at < r->end ? *r->at : '\0';
    if (c == '"') {
        out->type |= cJSON_String;
        out->valuestring = read_text(r);
        return out->valuestring != NULL;
    }
    if (c == '{' || c == '[') {
        return read_container(r, out, c == '{');
    }
    return c == '-' || (c >= '0' && c <= '9') ? read_number(r, out) : read_word(r, out);
}

enum cr_status cr_json_block_read(const char *text, size_t bytes, unsigned max_depth,
                                  struct cr_json **out) {
    struct reader r = {.at = text, .end = text + bytes, .max_depth = max_depth};
    struct block *first = add_block(&r, bytes / BYTES_A_VALUE + VALUES_MIN, bytes);
    if (first == NULL) {
        return CR_E_MEMORY;
    }
    r.text = (char *)&first->values[r.values_cap];
    cJSON *root = take_value(&r);
    skip_blanks(&r);
    const bool is_read = read_value(&r, root);
    skip_blanks(&r);
    if (!is_read || r.at < r.end) {
        free_blocks(first);
        return r.is_out_of_memory ? CR_E_MEMORY : CR_E_FORMAT;
    }
    *out = (struct cr_json *)root;
    return CR_OK;
}

bool cr_json_is_in_block(const struct cr_json *value) {
    return value != NULL && (((const cJSON *)value)->type & cJSON_IsReference) != 0;
}

void cr_json_block_free(struct cr_json *root) {
    free_blocks(
        (struct block *)(void *)((char *)root - offsetof(struct block, values)));
}
