// screen.h - what commands print for people: escaped, as wide as the terminal, in
// colour where that helps.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
//
// Nothing that a model, a server or a file said may drive a terminal: all text goes
// through base/text.h, and colours are written here alone. Colour needs a terminal, and
// is off when NO_COLOR is set to anything (https://no-color.org) or TERM is "dumb".
#ifndef CR_CLI_SCREEN_H
#define CR_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

enum { CR_COLUMNS_MIN = 80, CR_COLUMNS_MAX = 200, CR_SHOWN_BYTES = 512 };

enum cr_style {
    CR_STYLE_PLAIN,
    CR_STYLE_STRONG, // heads
    CR_STYLE_FAINT,  // what can be skipped
    CR_STYLE_GOOD,
    CR_STYLE_BAD,
    CR_STYLE_DOUBT // between the two
};

struct cr_screen {
    FILE *file;
    size_t columns; // of the terminal or COLUMNS, within the bounds above; 80 elsewhere
    bool is_terminal, has_colour;
};

struct cr_screen cr_screen_make(FILE *file);
// Print a formatted text, escaped; newlines and tabs are kept. Nothing is printed when
// memory runs out.
void cr_screen_printf(const struct cr_screen *screen, const char *fmt, ...)
    CR_PRINTF(2, 3);
// The same in STYLE, and back to plain.
void cr_screen_styled(const struct cr_screen *screen, enum cr_style style,
                      const char *fmt, ...) CR_PRINTF(3, 4);
// Print TEXT escaped and wrapped at spaces; each line is indented by INDENT columns,
// and its own line breaks are kept. CR_E_MEMORY, CR_E_LIMIT.
CR_MUST_CHECK enum cr_status cr_screen_wrap(const struct cr_screen *screen,
                                            const char *text, size_t bytes,
                                            size_t indent);
// Print LABEL, and TEXT wrapped beside it from column INDENT on; both stay on their
// line otherwise.
CR_MUST_CHECK enum cr_status cr_screen_field(const struct cr_screen *screen,
                                             const char *label, const char *text,
                                             size_t indent);
// Print JSON text so that no string of it drives a terminal; it reads back the same.
CR_MUST_CHECK enum cr_status cr_screen_json(const struct cr_screen *screen,
                                            const struct cr_buf *json);
// Print data as it is, but escaped on a terminal.
CR_MUST_CHECK enum cr_status cr_screen_data(const struct cr_screen *screen,
                                            const struct cr_buf *data);

// The columns that escaped TEXT takes: its characters, combining marks counted too.
size_t cr_screen_columns(const char *text, size_t bytes);
// TEXT as it may stand on one line, into OUT; a text that does not fit ends in "...".
const char *cr_screen_line(const char *text, char out[CR_SHOWN_BYTES]);
#define CR_SHOWN(text) cr_screen_line((text), (char[CR_SHOWN_BYTES]){0})

#endif
