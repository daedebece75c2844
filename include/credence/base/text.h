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

// Append TEXT fit for a terminal: the one escaping for all that people are shown. C0
// controls other than newline and tab, and bytes that are not UTF-8, become \xNN; DEL,
// the C1 controls, the line separators U+2028 and U+2029 and whatever turns the
// direction of writing become \uNNNN, which a JSON string reads back.
CR_MUST_CHECK enum cr_status cr_text_add_terminal(struct cr_buf *out, const char *text,
                                                  size_t bytes);
// The same for a text that must stay on its line, such as a name in a table: newline
// and tab are escaped too.
CR_MUST_CHECK enum cr_status cr_text_add_line(struct cr_buf *out, const char *text,
                                              size_t bytes);
// cr_text_add_terminal without an allocation: into OUT (ROOM > 0 bytes), cut between
// characters when it does not fit, and NUL; the bytes before the NUL.
size_t cr_text_put_terminal(char *out, size_t room, const char *text, size_t bytes);

// How many of the first MAX_BYTES of TEXT to keep so that the cut text ends with a whole
// character; all of TEXT when it is no longer than that.
size_t cr_text_cut(const char *text, size_t bytes, size_t max_bytes);

// The member of NAMES (LEN of them) nearest to NAME by Levenshtein distance, or NULL
// when none is near enough to be meant (distance > 2 and > a third of the length, or no
// letter kept).
const char *cr_text_nearest(const char *name, const char *const *names, size_t len);

#endif
