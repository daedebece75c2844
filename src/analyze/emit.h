// emit.h - JSON written straight into a buffer, for outputs of fixed shape.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
//
// A failure (memory, the buffer's maximum) is kept and reported at the end, so that a
// writer is a list of plain calls. NaN becomes null.
#ifndef CR_ANALYZE_EMIT_H
#define CR_ANALYZE_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

struct cr_emit {
    struct cr_buf *out;
    enum cr_status status;
    bool needs_comma;
};

// KEY is NULL inside arrays.
void cr_emit_open(struct cr_emit *emit, const char *key, char bracket); // '{' or '['
void cr_emit_close(struct cr_emit *emit, char bracket);                 // '}' or ']'
void cr_emit_text(struct cr_emit *emit, const char *key,
                  const char *text); // NULL: null
void cr_emit_number(struct cr_emit *emit, const char *key, double number);
void cr_emit_count(struct cr_emit *emit, const char *key, uint64_t count);
void cr_emit_bool(struct cr_emit *emit, const char *key, bool truth);

#endif
