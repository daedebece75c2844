// text.h - UTF-8 and escaping: text from models is never trusted.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_TEXT_H
#define CREDENCE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

bool cr_text_is_utf8(const char *text, size_t bytes);

// Append TEXT with each ill-formed sequence (and each NUL) replaced by U+FFFD.
CR_MUST_CHECK enum cr_status cr_text_add_utf8(struct cr_buf *out, const char *text,
                                              size_t bytes);

// Append TEXT fit for a terminal: control characters other than newline and tab, and
// the C1 range, and bytes that are not UTF-8, become \xNN; characters that turn the
// direction of writing become \uNNNN.
CR_MUST_CHECK enum cr_status cr_text_add_terminal(struct cr_buf *out, const char *text,
                                                  size_t bytes);

// The member of NAMES (LEN of them) nearest to NAME by Levenshtein distance, or NULL
// when none is near enough to be meant (distance > 2 and > a third of the length, or no
// letter kept).
const char *cr_text_nearest(const char *name, const char *const *names, size_t len);

#endif
