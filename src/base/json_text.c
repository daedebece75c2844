// json_text.c - JSON as text: what is looked at before the parser sees it (depth, where
// the first value ends, escapes that no C string can hold), and what a tree does not
// keep (comments, the place of a value, a key that appears twice). Texts need not be
// valid: each walk ends at the end of the text at the latest, and none goes deeper than
// WALK_DEPTH_MAX.
#include "json_text.h"

#include <ctype.h>
#include <endian.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "credence/base/hash.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"

enum { WALK_DEPTH_MAX = 256 };

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

static bool is_plain(unsigned char c) {
    return c >= 0x20 && c != '"' && c != '\\';
}

// Strings are most of what is read and written: a block of bytes is looked at at once,
// and the first that is not plain is found by its bit, for texts that are JSON
// themselves have an escape every ten bytes. Byte by byte this took a fifth of a call's
// own instructions.
#ifdef __SSE2__
typedef __m128i block;

// A bit for each byte that is not plain.
static uint64_t special(block b) {
    const block below_blank = _mm_cmpeq_epi8(_mm_min_epu8(b, _mm_set1_epi8(0x1f)), b);
    const block quotes = _mm_cmpeq_epi8(b, _mm_set1_epi8('"'));
    const block escapes = _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'));
    return (uint64_t)(unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_or_si128(below_blank, quotes), escapes));
}

static size_t first_special(uint64_t bits) {
    return (size_t)__builtin_ctzll(bits);
}
#else
typedef uint64_t block;

// Every byte of a word is C.
#define EACH(c) (UINT64_C(0x0101010101010101) * (c))

// High bits: the lowest that is set is that of the first byte of WORD below LIMIT (at
// most 0x80); higher ones may be wrong.
static uint64_t below(uint64_t word, unsigned char limit) {
    return (word - EACH(limit)) & ~word & EACH(0x80);
}

// A bit for the first byte of B that is not plain; 0 when all are.
static uint64_t special(block b) {
    const uint64_t word = le64toh(b);
    return below(word, 0x20) | below(word ^ EACH('"'), 1) | below(word ^ EACH('\\'), 1);
}

static size_t first_special(uint64_t bits) {
    return (size_t)__builtin_ctzll(bits) / 8;
}
#endif

// How many bytes of TEXT, from its start, stand in a literal as they are: no quote, no
// backslash, no control character.
static size_t json_plain_bytes(const char *text, size_t bytes) {
    size_t i = 0;
    for (block b; i + sizeof b <= bytes; i += sizeof b) {
        memcpy(&b, text + i, sizeof b);
        const uint64_t bits = special(b);
        if (bits != 0) {
            return i + first_special(bits);
        }
    }
    while (i < bytes && is_plain((unsigned char)text[i])) {
        i++;
    }
    return i;
}

// A block is copied before it is known how much of it is plain: what is too much is
// written over by what follows.
size_t cr_json_copy_plain(char *to, const char *text, size_t bytes) {
    size_t i = 0;
    for (block b; i + sizeof b <= bytes; i += sizeof b) {
        memcpy(&b, text + i, sizeof b);
        memcpy(to + i, &b, sizeof b);
        const uint64_t bits = special(b);
        if (bits != 0) {
            return i + first_special(bits);
        }
    }
    while (i < bytes && is_plain((unsigned char)text[i])) {
        to[i] = text[i];
        i++;
    }
    return i;
}

// As json_literal_bytes; *has_units becomes true at an escape "\u".
static size_t scan_literal(const char *text, size_t bytes, bool *has_units) {
    for (size_t i = 1; i < bytes; i++) {
        i += json_plain_bytes(text + i, bytes - i);
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

// The bytes of the string literal that begins with the quote at TEXT, both quotes
// included; 0 when it does not end.
static size_t json_literal_bytes(const char *text, size_t bytes) {
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

size_t cr_json_path_match(const char *path, const char *key, size_t key_bytes) {
    if (strncmp(path, key, key_bytes) != 0) {
        return 0;
    }
    char next = path[key_bytes];
    return next == '\0' || next == '.' || next == '[' ? key_bytes : 0;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The bytes of the comment at TEXT; 0 when there is none or it does not end, so that
// the parser finds and names the place.
static size_t comment_bytes(const char *text, size_t bytes) {
    if (bytes < 2 || text[0] != '/') {
        return 0;
    }
    if (text[1] == '/') {
        const char *end = memchr(text, '\n', bytes);
        return end != NULL ? (size_t)(end - text) : bytes;
    }
    for (size_t i = 2; text[1] == '*' && i + 1 < bytes; i++) {
        if (text[i] == '*' && text[i + 1] == '/') {
            return i + 2;
        }
    }
    return 0;
}

static void blank(char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (!is_space(text[i])) {
            text[i] = ' ';
        }
    }
}

void cr_json_strip(char *text, size_t bytes) {
    char last = '[';    // the last character that was neither space nor comment
    char *comma = NULL; // it, when it is a comma behind a value
    for (size_t i = 0; i < bytes;) {
        size_t skipped = comment_bytes(text + i, bytes - i);
        blank(text + i, skipped);
        if (skipped > 0 || is_space(text[i])) {
            i += skipped > 0 ? skipped : 1;
            continue;
        }
        if (comma != NULL && (text[i] == ']' || text[i] == '}')) {
            *comma = ' ';
        }
        comma = text[i] == ',' && strchr("[{,:", last) == NULL ? text + i : NULL;
        last = text[i];
        size_t literal = last == '"' ? json_literal_bytes(text + i, bytes - i) : 1;
        i = literal > 0 ? i + literal : bytes;
    }
}

// A walk over the text of values.
struct walk {
    const char *text;
    size_t bytes;
    size_t at;
};

static char peek(struct walk *walk) {
    while (walk->at < walk->bytes && is_space(walk->text[walk->at])) {
        walk->at++;
    }
    return walk->at < walk->bytes ? walk->text[walk->at] : '\0';
}

static bool take(struct walk *walk, char c) {
    if (peek(walk) != c) {
        return false;
    }
    walk->at++;
    return true;
}

// The name of the member at the walk, decoded, then its colon. False when there is
// none.
static bool take_key(struct walk *walk, struct cr_buf *key, size_t *key_at) {
    if (peek(walk) != '"') {
        return false;
    }
    *key_at = walk->at;
    const char *literal = walk->text + walk->at;
    size_t bytes = json_literal_bytes(literal, walk->bytes - walk->at);
    if (bytes == 0) {
        return false;
    }
    walk->at += bytes;
    cr_buf_clear(key);
    if (memchr(literal, '\\', bytes) == NULL) {
        return cr_buf_add(key, literal + 1, bytes - 2) == CR_OK && take(walk, ':');
    }
    struct cr_json *decoded = NULL;
    struct cr_json_limits limits = {bytes, 1};
    bool is_read = cr_json_parse(literal, bytes, limits, &decoded, NULL) == CR_OK &&
                   cr_buf_add_text(key, cr_json_string(decoded)) == CR_OK;
    cr_json_free(decoded);
    return is_read && take(walk, ':');
}

// Pass a string, number or word.
static bool skip_scalar(struct walk *walk) {
    if (peek(walk) == '"') {
        size_t bytes =
            json_literal_bytes(walk->text + walk->at, walk->bytes - walk->at);
        walk->at += bytes;
        return bytes > 0;
    }
    size_t from = walk->at;
    while (walk->at < walk->bytes && !is_space(walk->text[walk->at]) &&
           strchr(",:[]{}\"", walk->text[walk->at]) == NULL) {
        walk->at++;
    }
    return walk->at > from;
}

// Pass a whole value, however deep.
static bool skip_value(struct walk *walk) {
    size_t depth = 0;
    do {
        char c = peek(walk);
        if (c == '{' || c == '[') {
            depth++;
            walk->at++;
        } else if (depth > 0 && (c == '}' || c == ']')) {
            depth--;
            walk->at++;
        } else if (depth > 0 && (c == ',' || c == ':')) {
            walk->at++;
        } else if (!skip_scalar(walk)) {
            return false;
        }
    } while (depth > 0);
    return true;
}

struct find {
    struct walk walk;
    const char *path;
    size_t best_bytes; // of the path, found so far
    size_t best_at;
    struct cr_buf key;
};

static void note(struct find *find, const char *rest, size_t at) {
    size_t found = (size_t)(rest - find->path);
    if (found > find->best_bytes) {
        find->best_bytes = found;
        find->best_at = at;
    }
}

static bool find_in(struct find *find, const char *path, unsigned depth);

static bool find_in_object(struct find *find, const char *path, unsigned depth) {
    find->walk.at++;
    do {
        size_t key_at;
        if (!take_key(&find->walk, &find->key, &key_at)) {
            break;
        }
        const char *wanted = *path == '.' ? path + 1 : path;
        size_t match = cr_json_path_match(wanted, find->key.data, find->key.used_bytes);
        bool may_go_on;
        if (match > 0) {
            note(find, wanted + match, key_at);
            may_go_on = find_in(find, wanted + match, depth + 1);
        } else {
            may_go_on = skip_value(&find->walk);
        }
        if (!may_go_on) {
            return false;
        }
    } while (take(&find->walk, ','));
    return take(&find->walk, '}');
}

// The index "[n]" at PATH, and in *rest what follows it; -1 when there is none.
static long path_index(const char *path, const char **rest) {
    long index = 0;
    if (*path++ != '[' || *path < '0' || *path > '9') {
        return -1;
    }
    while (*path >= '0' && *path <= '9' && index < 100000000) {
        index = index * 10 + (*path++ - '0');
    }
    *rest = path + 1;
    return *path == ']' ? index : -1;
}

static bool find_in_array(struct find *find, const char *path, unsigned depth) {
    const char *rest = path;
    long wanted = path_index(path, &rest);
    find->walk.at++;
    if (take(&find->walk, ']')) {
        return true;
    }
    long index = 0;
    do {
        bool is_wanted = index++ == wanted;
        peek(&find->walk);
        if (is_wanted) {
            note(find, rest, find->walk.at);
        }
        if (is_wanted ? !find_in(find, rest, depth + 1) : !skip_value(&find->walk)) {
            return false;
        }
    } while (take(&find->walk, ','));
    return take(&find->walk, ']');
}

// Look for PATH in the value at the walk and pass it; false ends the search.
static bool find_in(struct find *find, const char *path, unsigned depth) {
    char c = peek(&find->walk);
    if (depth < WALK_DEPTH_MAX && c == '{') {
        return find_in_object(find, path, depth);
    }
    if (depth < WALK_DEPTH_MAX && c == '[') {
        return find_in_array(find, path, depth);
    }
    return skip_value(&find->walk);
}

bool cr_json_locate(const char *text, size_t bytes, const char *path, unsigned *line,
                    unsigned *column) {
    struct find find = {.walk = {text, bytes, value_at(text, bytes)}, .path = path};
    cr_buf_init(&find.key, bytes);
    peek(&find.walk);
    find.best_at = find.walk.at < bytes ? find.walk.at : 0;
    find_in(&find, path, 0);
    cr_buf_fini(&find.key);
    cr_json_place(text, find.best_at, line, column);
    return path[find.best_bytes] == '\0';
}

struct doubles {
    struct walk walk;
    struct cr_buf *path;
    struct cr_hash *seen; // the keys of all open objects, each behind its parent's
    size_t seen_len;
    size_t seen_cap;
    bool is_found;
};

static bool doubles_in(struct doubles *doubles, unsigned depth);

static bool remember(struct doubles *doubles, const struct cr_buf *key) {
    void *seen = doubles->seen;
    if (cr_array_grow(&seen, &doubles->seen_cap, doubles->seen_len + 1,
                      sizeof *doubles->seen) != CR_OK) {
        return false;
    }
    doubles->seen = seen;
    doubles->seen[doubles->seen_len++] = cr_hash128(key->data, key->used_bytes, 0);
    return true;
}

static int compare_hashes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct cr_hash));
}

// A hash that two of the keys from FROM on have, into *out. They are sorted by it.
static bool find_double(struct doubles *doubles, size_t from, struct cr_hash *out) {
    size_t len = doubles->seen_len - from;
    if (len < 2) {
        return false;
    }
    struct cr_hash *keys = doubles->seen + from;
    qsort(keys, len, sizeof *keys, compare_hashes);
    for (size_t i = 1; i < len; i++) {
        if (compare_hashes(&keys[i - 1], &keys[i]) == 0) {
            *out = keys[i];
            return true;
        }
    }
    return false;
}

// Append to the path the key of the object at AT that has HASH.
static void name_double(struct doubles *doubles, size_t at, struct cr_hash hash,
                        struct cr_buf *key) {
    struct walk walk = {doubles->walk.text, doubles->walk.bytes, at + 1};
    size_t key_at;
    while (take_key(&walk, key, &key_at)) {
        struct cr_hash own = cr_hash128(key->data, key->used_bytes, 0);
        if (compare_hashes(&own, &hash) == 0) {
            const char *dot = doubles->path->used_bytes > 0 ? "." : "";
            cr_status_ignore(
                cr_buf_add_text(doubles->path, dot)); // a place is all it is
            cr_status_ignore(cr_buf_add(doubles->path, key->data, key->used_bytes));
            return;
        }
        if (!skip_value(&walk) || !take(&walk, ',')) {
            return;
        }
    }
}

static bool doubles_in_object(struct doubles *doubles, unsigned depth,
                              struct cr_buf *key) {
    size_t from = doubles->seen_len, begin = doubles->walk.at;
    size_t path_bytes = doubles->path->used_bytes;
    struct cr_hash hash;
    doubles->walk.at++;
    do {
        size_t key_at;
        if (!take_key(&doubles->walk, key, &key_at)) {
            break;
        }
        const char *dot = path_bytes > 0 ? "." : "";
        if (cr_buf_add_text(doubles->path, dot) != CR_OK ||
            cr_buf_add(doubles->path, key->data, key->used_bytes) != CR_OK ||
            !remember(doubles, key) || !doubles_in(doubles, depth + 1)) {
            return false;
        }
        doubles->path->used_bytes = path_bytes;
    } while (take(&doubles->walk, ','));
    doubles->path->data[path_bytes] = '\0';
    if (find_double(doubles, from, &hash)) {
        doubles->is_found = true;
        name_double(doubles, begin, hash, key);
        return false;
    }
    doubles->seen_len = from;
    return take(&doubles->walk, '}');
}

static bool doubles_in_array(struct doubles *doubles, unsigned depth) {
    size_t path_bytes = doubles->path->used_bytes;
    doubles->walk.at++;
    if (take(&doubles->walk, ']')) {
        return true;
    }
    unsigned long index = 0;
    do {
        if (cr_buf_printf(doubles->path, "[%lu]", index++) != CR_OK ||
            !doubles_in(doubles, depth + 1)) {
            return false;
        }
        doubles->path->used_bytes = path_bytes;
    } while (take(&doubles->walk, ','));
    doubles->path->data[path_bytes] = '\0';
    return take(&doubles->walk, ']');
}

// Pass the value at the walk; false ends the search.
static bool doubles_in(struct doubles *doubles, unsigned depth) {
    char c = peek(&doubles->walk);
    if (depth < WALK_DEPTH_MAX && c == '{') {
        struct cr_buf key;
        cr_buf_init(&key, doubles->walk.bytes);
        bool may_go_on = doubles_in_object(doubles, depth, &key);
        cr_buf_fini(&key);
        return may_go_on;
    }
    if (depth < WALK_DEPTH_MAX && c == '[') {
        return doubles_in_array(doubles, depth);
    }
    return skip_value(&doubles->walk);
}

bool cr_json_duplicate_key(const char *text, size_t bytes, struct cr_buf *path) {
    struct doubles doubles = {.walk = {text, bytes, value_at(text, bytes)},
                              .path = path};
    cr_buf_clear(path);
    if (cr_buf_reserve(path, 0) == CR_OK) {
        doubles_in(&doubles, 0);
    }
    cr_free(doubles.seen);
    return doubles.is_found;
}

// Why the escape at TEXT ("\\x") is refused; NULL when it is fine. *used is its length.
static const char *escape_fault(const char *text, size_t left, size_t *used) {
    *used = 2;
    if (left < 2 || strchr("\"\\/bfnrtu", text[1]) == NULL) {
        return "an unknown escape";
    }
    if (text[1] != 'u') {
        return NULL;
    }
    *used = 6;
    if (!is_unit(text, left, 0, 0xffff)) {
        return "\\u without four hexadecimal digits";
    }
    if (is_unit(text, left, 0, 0)) {
        return "\\u0000, which no text can hold";
    }
    if (is_unit(text, left, 0xd800, 0xdbff) &&
        is_unit(text + 6, left - 6, 0xdc00, 0xdfff)) {
        *used = 12;
        return NULL;
    }
    return is_unit(text, left, 0xd800, 0xdfff) ? "half of a surrogate pair" : NULL;
}

// Why the string literal of BYTES at TEXT is refused, and where.
static const char *string_fault(const char *text, size_t bytes, size_t *at) {
    for (*at = 1; *at + 1 < bytes;) {
        size_t used = 1;
        const char *why = NULL;
        if (text[*at] == '\\') {
            why = escape_fault(text + *at, bytes - *at, &used);
        } else if ((unsigned char)text[*at] < 0x20) {
            why = "a control character in a string";
        }
        if (why != NULL) {
            return why;
        }
        *at += used;
    }
    return NULL;
}

static size_t digits(const char *text, size_t bytes) {
    size_t len = 0;
    while (len < bytes && text[len] >= '0' && text[len] <= '9') {
        len++;
    }
    return len;
}

// Why the word or number of BYTES at TEXT is refused.
static const char *scalar_fault(const char *text, size_t bytes) {
    char copy[512];
    size_t at = bytes > 0 && text[0] == '-', whole = digits(text + at, bytes - at);
    if (whole == 0) {
        bool is_word = (bytes == 4 && memcmp(text, "true", 4) == 0) ||
                       (bytes == 5 && memcmp(text, "false", 5) == 0) ||
                       (bytes == 4 && memcmp(text, "null", 4) == 0);
        return is_word ? NULL : "not a number, true, false or null";
    }
    bool is_led = whole > 1 && text[at] == '0';
    at += whole;
    bool is_good = !is_led;
    if (at < bytes && text[at] == '.') {
        size_t part = digits(text + at + 1, bytes - at - 1);
        is_good = is_good && part > 0;
        at += 1 + part;
    }
    if (at < bytes && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < bytes && (text[at] == '+' || text[at] == '-');
        size_t part = digits(text + at, bytes - at);
        is_good = is_good && part > 0;
        at += part;
    }
    if (!is_good || at != bytes) {
        return "not a number as JSON writes it";
    }
    if (bytes >= sizeof copy) {
        return "a number of too many digits";
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return isinf(strtod(copy, NULL)) ? "a number too large for a double" : NULL;
}

static enum cr_status refuse_at(struct cr_err *err, const char *text, size_t at,
                                const char *what) {
    unsigned line, column;
    cr_json_place(text, at, &line, &column);
    return cr_err_set(err, CR_E_FORMAT, "%u:%u: %s", line, column, what);
}

static enum cr_status check_utf8(const char *text, size_t bytes, struct cr_err *err) {
    if (cr_text_is_utf8(text, bytes)) {
        return CR_OK;
    }
    size_t at = 0;
    for (size_t end = 1; end <= bytes; end++) { // the longest good beginning
        bool is_start = end == bytes || ((unsigned char)text[end] & 0xC0) != 0x80;
        if (is_start && !cr_text_is_utf8(text + at, end - at)) {
            break;
        }
        at = is_start ? end : at;
    }
    return refuse_at(err, text, at, "bytes that are not UTF-8");
}

enum cr_status cr_json_check_strict(const char *text, size_t bytes,
                                    struct cr_err *err) {
    enum cr_status status = check_utf8(text, bytes, err);
    for (size_t at = value_at(text, bytes); at < bytes && status == CR_OK;) {
        size_t used = 1, inner = 0;
        const char *why = NULL;
        if (text[at] == '"') {
            used = json_literal_bytes(text + at, bytes - at);
            used = used > 0 ? used : bytes - at;
            why = string_fault(text + at, used, &inner);
        } else if (strchr(" \t\r\n,:[]{}", text[at]) == NULL) {
            used = word_end(text, bytes, at) - at;
            used = used > 0 ? used : 1;
            why = scalar_fault(text + at, used);
        }
        if (why != NULL) {
            status = refuse_at(err, text, at + inner, why);
        }
        at += used;
    }
    return status;
}
