// json.h - JSON, read and written through cJSON; the only door to that library.
//
// Layer    base (0); only src/base/json*.c include <cJSON.h>
// Threads  no shared state
// MPI      none
//
// A tree never leaves the function that parsed it. Every parse is given a depth and a
// size limit. Numbers are doubles, so integers are exact up to 2^53; 64-bit identities
// travel as hexadecimal strings.
#ifndef CREDENCE_BASE_JSON_H
#define CREDENCE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

// "1.7.15": the cJSON in use.
const char *cr_json_version(void);

struct cr_json; // a value; children are borrowed from their root

enum cr_json_type {
    CR_JSON_NULL,
    CR_JSON_BOOL,
    CR_JSON_NUMBER,
    CR_JSON_STRING,
    CR_JSON_ARRAY,
    CR_JSON_OBJECT
};

struct cr_json_limits {
    size_t max_bytes;
    unsigned max_depth;
};

// Parse exactly one value; trailing text is an error. CR_E_FORMAT gives "line:column:
// what" in ERR; CR_E_LIMIT; CR_E_MEMORY. *out is the caller's (cr_json_free).
CR_MUST_CHECK enum cr_status cr_json_parse(const char *text, size_t bytes,
                                           struct cr_json_limits limits,
                                           struct cr_json **out, struct cr_err *err);

// The same for a tree that is only looked at, at a fifth of the cost: nothing can be put
// into it or taken out of it. A copy (cr_json_copy) can be changed.
CR_MUST_CHECK enum cr_status cr_json_read(const char *text, size_t bytes,
                                          struct cr_json_limits limits,
                                          struct cr_json **out, struct cr_err *err);

// Parse the value that begins at TEXT and say in *end_bytes where it ended; what
// follows is not looked at. For values embedded in prose.
CR_MUST_CHECK enum cr_status cr_json_parse_prefix(const char *text, size_t bytes,
                                                  struct cr_json_limits limits,
                                                  struct cr_json **out,
                                                  size_t *end_bytes);
void cr_json_free(struct cr_json *root);

// Blank out // and /* */ comments and trailing commas in place (with spaces, so that
// offsets, lines and columns stay true). Strings are left alone.
void cr_json_strip(char *text, size_t bytes);

// Where the value at PATH ("models.qwen8b.api", "exclude[0].benchmark") begins in TEXT
// (stripped): its key's line and column from 1. False when there is no such path; then
// the longest existing prefix's place is given.
bool cr_json_locate(const char *text, size_t bytes, const char *path, unsigned *line,
                    unsigned *column);

// Refuse what the standard (RFC 8259) refuses and the parser would let through, in TEXT
// that was parsed before: numbers such as 01, 1. or +1, numbers too large for a double,
// control characters and unknown escapes in strings, bytes that are not UTF-8; and the
// escapes that no text can keep: of NUL, and halves of a surrogate pair. CR_E_FORMAT:
// "line:column: what".
CR_MUST_CHECK enum cr_status cr_json_check_strict(const char *text, size_t bytes,
                                                  struct cr_err *err);

// First key that occurs twice in one object of TEXT (stripped), as a path; false if
// none.
bool cr_json_duplicate_key(const char *text, size_t bytes, struct cr_buf *path);

// NULL has the type of null.
enum cr_json_type cr_json_type(const struct cr_json *value);
const char *cr_json_type_name(enum cr_json_type type); // "a number", "an object", ...

// Member KEY of an object; NULL when absent or VALUE is NULL or no object.
const struct cr_json *cr_json_get(const struct cr_json *value, const char *key);
// Children in order, for arrays and objects: for (c = first(v); c; c = next(c)).
const struct cr_json *cr_json_first(const struct cr_json *value);
const struct cr_json *cr_json_next(const struct cr_json *child);
const char *cr_json_key(const struct cr_json *child); // of an object's member
size_t cr_json_len(const struct cr_json *value);      // children

// NULL when VALUE is not of that type (or NULL).
const char *cr_json_string(const struct cr_json *value);
// FALLBACK when VALUE is not a number / bool (or NULL).
double cr_json_number(const struct cr_json *value, double fallback);
bool cr_json_bool(const struct cr_json *value, bool fallback);

// Building. Each returns NULL when out of memory. A child given to an add function is
// taken, on failure too.
struct cr_json *cr_json_new_object(void);
struct cr_json *cr_json_new_array(void);
struct cr_json *cr_json_new_string(const char *text);
struct cr_json *cr_json_new_number(double number);
struct cr_json *cr_json_new_bool(bool truth);
struct cr_json *cr_json_copy(const struct cr_json *value); // deep
CR_MUST_CHECK enum cr_status cr_json_put(struct cr_json *object, const char *key,
                                         struct cr_json *child_taken); // replaces
CR_MUST_CHECK enum cr_status cr_json_push(struct cr_json *array,
                                          struct cr_json *child_taken);
// The same for a key that OBJECT is known not to have: takes no longer however many it has.
CR_MUST_CHECK enum cr_status cr_json_append(struct cr_json *object, const char *key,
                                            struct cr_json *child_taken);
void cr_json_remove(struct cr_json *object, const char *key);
// Set the value at a dotted path, making objects on the way. CR_E_FORMAT when the path
// runs through something that is not an object.
CR_MUST_CHECK enum cr_status cr_json_put_path(struct cr_json *root, const char *path,
                                              struct cr_json *child_taken);
// The value at a dotted path ("models.m.api", "x[0].y"), or NULL.
const struct cr_json *cr_json_get_path(const struct cr_json *root, const char *path);

bool cr_json_equal(const struct cr_json *a, const struct cr_json *b);

// Append VALUE to OUT: compact, or indented by two spaces a level. Numbers are printed
// with as few digits as read back to the same double.
CR_MUST_CHECK enum cr_status cr_json_print(const struct cr_json *value, bool indent,
                                           struct cr_buf *out);
// Append TEXT as a JSON string, quotes included. TEXT should be UTF-8 (text.h).
CR_MUST_CHECK enum cr_status cr_json_add_quoted(struct cr_buf *out, const char *text,
                                                size_t bytes);
// Append NUMBER as JSON; NaN and infinities become null.
CR_MUST_CHECK enum cr_status cr_json_add_number(struct cr_buf *out, double number);

#endif
