// json_text.h - what the json*.c files share: JSON as text.
//
// Layer    base (0), private
// Threads  no shared state
// MPI      none
#ifndef CR_BASE_JSON_TEXT_H
#define CR_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/base/status.h"

// Line and column from 1 of the byte at OFFSET; columns count characters, not bytes.
void cr_json_place(const char *text, size_t offset, unsigned *line, unsigned *column);

// The same, and copies them to TO, which has room for all BYTES.
size_t cr_json_copy_plain(char *to, const char *text, size_t bytes);

// How much of PATH the member KEY takes: its length when PATH is KEY, or KEY followed
// by '.' or '['; else 0. A key may hold dots itself ("stop.threshold").
size_t cr_json_path_match(const char *path, const char *key, size_t key_bytes);

// What can be said of a text before it is parsed.
struct cr_json_scan {
    size_t end_bytes;      // where its first value ends, if it ends
    enum cr_status status; // CR_E_LIMIT or CR_E_FORMAT when there is a fault
    const char *fault;     // what is wrong, or NULL
    size_t fault_at;
    bool has_units; // an escape "\u" in some string of the value
    bool is_open;   // the text ends before the value
};
struct cr_json_scan cr_json_scan(const char *text, size_t bytes, unsigned max_depth);

// Overwrite escapes that no C string can hold (\u0000) or that are not characters (lone
// surrogates) by that of U+FFFD, and spoil those that are none, so that cJSON refuses
// them.
void cr_json_mend_escapes(char *text, size_t bytes);

#endif
