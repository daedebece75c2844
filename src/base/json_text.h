// json_text.h - what json.c and json_text.c share: walking over JSON as text.
//
// Layer    base (0), private
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_JSON_TEXT_H
#define CREDENCE_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// Line and column from 1 of the byte at OFFSET; columns count characters, not bytes.
void cr_json_place(const char *text, size_t offset, unsigned *line, unsigned *column);

// The bytes of the string literal that begins with the quote at TEXT, both quotes
// included; 0 when it does not end.
size_t cr_json_literal_bytes(const char *text, size_t bytes);

// How much of PATH the member KEY takes: its length when PATH is KEY, or KEY followed
// by
// '.' or '['; else 0. A key may hold dots itself ("stop.threshold").
size_t cr_json_path_match(const char *path, const char *key, size_t key_bytes);

#endif
