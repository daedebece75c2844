// json_write.h - JSON written straight into a buffer, for outputs of fixed shape.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
//
// A failure (memory, the buffer's maximum) is kept and reported at the end, so that a
// writer is a list of plain calls. NaN becomes null.
#ifndef CREDENCE_BASE_JSON_WRITE_H
#define CREDENCE_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

struct cr_json_writer {
    struct cr_buf *out;
    enum cr_status status;
    bool needs_comma;
};

// KEY is NULL inside arrays, and for the outermost value.
// BRACKET is '{' or '['.
void cr_json_write_open(struct cr_json_writer *emit, const char *key, char bracket);
// BRACKET is '}' or ']'.
void cr_json_write_close(struct cr_json_writer *emit, char bracket);
// TEXT that is not UTF-8 is mended (text.h); NULL becomes null.
void cr_json_write_text(struct cr_json_writer *emit, const char *key, const char *text);
void cr_json_write_number(struct cr_json_writer *emit, const char *key, double number);
void cr_json_write_count(struct cr_json_writer *emit, const char *key, uint64_t count);
// JSON text as it is, such as a value that was printed before.
void cr_json_write_json(struct cr_json_writer *emit, const char *key, const char *json);
void cr_json_write_bool(struct cr_json_writer *emit, const char *key, bool truth);

#endif
