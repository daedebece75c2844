// json_scan.c - JSON text before the parser sees it: how deep it goes, where its first
// value ends, and escapes that no C string can hold.
#include "json_text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

void cr_json_place(const char *text, size_t offset, unsigned *line, unsigned *column) {
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            (*line)++;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            (*column)++;
        }
    }
}

// Every byte of a word is C.
#define EACH(c) (UINT64_C(0x0101010101010101) * (c))

// A high bit for some byte of WORD that is below LIMIT (at most 0x80), 0 when none is.
static uint64_t below(uint64_t word, unsigned char limit) {
    return (word - EACH(limit)) & ~word & EACH(0x80);
}

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c != '"' && c != '\\';
}

// Strings are most of what is read and written, so eight bytes are looked at at once.
size_t cr_json_plain_bytes(const char *text, size_t bytes) {
    size_t i = 0;
    for (uint64_t word = 0; i + sizeof word <= bytes; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (below(word, 0x20) | below(word ^ EACH('"'), 1) |
            below(word ^ EACH('\\'), 1)) {
            break;
        }
    }
    while (i < bytes && is_plain((unsigned char)text[i])) {
        i++;
    }
    return i;
}

// As cr_json_literal_bytes; *has_units becomes true at an escape "\u".
static size_t scan_literal(const char *text, size_t bytes, bool *has_units) {
    for (size_t i = 1; i < bytes; i++) {
        i += cr_json_plain_bytes(text + i, bytes - i);
        if (i < bytes && text[i] == '"') {
            return i + 1;
        }
        if (i < bytes && text[i] == '\\') {
            i++;
            *has_units = *has_units || (i < bytes && text[i] == 'u');
        }
    }
    return 0;
}

size_t cr_json_literal_bytes(const char *text, size_t bytes) {
    bool has_units = false;
    return scan_literal(text, bytes, &has_units);
}

static struct cr_json_scan fault(size_t at, enum cr_status status, const char *what) {
    return (struct cr_json_scan){.fault_at = at, .fault = what, .status = status};
}

// Where the first value begins: behind a byte order mark and spaces.
static size_t value_at(const char *text, size_t bytes) {
    size_t at = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < bytes && text[at] != '\0' && strchr(" \t\r\n", text[at]) != NULL) {
        at++;
    }
    return at;
}

static size_t word_end(const char *text, size_t bytes, size_t at) {
    while (at < bytes && text[at] != '\0' &&
           strchr(" \t\r\n,:[]{}\"", text[at]) == NULL) {
        at++;
    }
    return at;
}

struct cr_json_scan cr_json_scan(const char *text, size_t bytes, unsigned max_depth) {
    struct cr_json_scan scan = {0};
    unsigned depth = 0;
    size_t at = value_at(text, bytes);
    do {
        char c = at < bytes ? text[at] : '\0';
        if (c == '"') {
            size_t literal = scan_literal(text + at, bytes - at, &scan.has_units);
            if (literal == 0) {
                return fault(at, CR_E_FORMAT, "this string has no end");
            }
            at += literal;
        } else if (c == '{' || c == '[') {
            if (++depth > max_depth) {
                return fault(at, CR_E_LIMIT, "nested too deeply");
            }
            at++;
        } else if (depth > 0 && (unsigned char)c < ' ' && strchr("\t\r\n", c) == NULL) {
            return fault(at, CR_E_FORMAT, "a control character"); // a space to cJSON
        } else if (depth > 0) {
            depth -= c == '}' || c == ']';
            at++;
        } else {
            at = word_end(text, bytes, at);
        }
    } while (depth > 0 && at < bytes);
    scan.end_bytes = at < bytes ? at : bytes;
    scan.is_open = depth > 0;
    return scan;
}

// True when a \u escape of a value in [LOW, HIGH] begins at TEXT.
static bool is_unit(const char *text, size_t left, unsigned low, unsigned high) {
    if (left < 6 || text[0] != '\\' || text[1] != 'u') {
        return false;
    }
    unsigned unit = 0;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, tolower((unsigned char)text[i]));
        if (digit == NULL || text[i] == '\0') {
            return false;
        }
        unit = unit * 16 + (unsigned)(digit - digits);
    }
    return unit >= low && unit <= high;
}

void cr_json_mend_escapes(char *text, size_t bytes) {
    for (size_t i = 0; i + 1 < bytes; i++) {
        if (text[i] != '\\') {
            continue;
        }
        bool is_high = is_unit(text + i, bytes - i, 0xd800, 0xdbff);
        if (is_high && is_unit(text + i + 6, bytes - i - 6, 0xdc00, 0xdfff)) {
            i += 11;
        } else if (is_high || is_unit(text + i, bytes - i, 0xdc00, 0xdfff) ||
                   is_unit(text + i, bytes - i, 0, 0)) {
            memcpy(text + i + 2, "fffd", 4);
            i += 5;
        } else {
            if (text[i + 1] == 'u' && !is_unit(text + i, bytes - i, 1, 0xffff)) {
                text[i + 1] = '?'; // cJSON reads \u00g0 as \u0000, but refuses this
            }
            i++;
        }
    }
}
