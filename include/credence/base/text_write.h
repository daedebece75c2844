// text_write.h - text written straight into a buffer, in many pieces.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
//
// A failure (memory, the buffer's maximum) is kept and reported at the end, so that a
// writer is a list of plain calls. Behind a failure nothing more is written.
#ifndef CREDENCE_BASE_TEXT_WRITE_H
#define CREDENCE_BASE_TEXT_WRITE_H

#include <stddef.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

struct cr_text_writer {
    struct cr_buf *out;
    enum cr_status status; // of the first call that failed
};

void cr_text_write(struct cr_text_writer *writer, const char *text);
void cr_text_writef(struct cr_text_writer *writer, const char *fmt, ...)
    CR_PRINTF(2, 3);
// TEXT, UTF-8, as a JSON string.
void cr_text_write_quoted(struct cr_text_writer *writer, const char *text);
// As JSON has it: every digit, null for NaN.
void cr_text_write_number(struct cr_text_writer *writer, double number);

#endif
