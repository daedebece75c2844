// csv.h - RFC 4180 records: read from memory (libcsv), and fields written.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_CSV_H
#define CREDENCE_BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

// Append TEXT as a field, quoted where it must be. A text that a spreadsheet would take
// for a formula (it begins with = + - @, tab or carriage return, and is not a number)
// gets an apostrophe in front and quotes, so that it is shown as text. NUL bytes are
// left out.
CR_MUST_CHECK enum cr_status cr_csv_add_field(struct cr_buf *out, const char *text,
                                              size_t bytes);

struct cr_csv_row {
    const char *const *fields; // NUL-terminated, borrowed until the callback returns
    const size_t *fields_bytes;
    size_t fields_len;
    uint64_t line; // of the row's first character, from 1
};

// Return other than CR_OK to stop with that status.
typedef enum cr_status (*cr_csv_row_fn)(void *ctx, const struct cr_csv_row *row,
                                        struct cr_err *err);

// A text that comes in pieces, cut anywhere.
struct cr_csv_cfg {
    const char *name; // of the file, for messages; borrowed until destroy
    char delimiter;   // between fields; 0: a comma
    bool is_lenient;  // a quote inside an unquoted field is a character like others
    cr_csv_row_fn row;
    void *ctx;
};
struct cr_csv;
CR_MUST_CHECK enum cr_status cr_csv_create(const struct cr_csv_cfg *cfg,
                                           struct cr_csv **out, struct cr_err *err);
// Call the row function for each record that ends in TEXT. CR_E_FORMAT names NAME:line for
// a record that cannot be read (a quote that never closes, text after a closing quote).
CR_MUST_CHECK enum cr_status cr_csv_feed(struct cr_csv *csv, const char *text,
                                         size_t bytes, struct cr_err *err);
// The text has ended: the last record, if no line end closed it.
CR_MUST_CHECK enum cr_status cr_csv_finish(struct cr_csv *csv, struct cr_err *err);
void cr_csv_destroy(struct cr_csv *csv);

#endif
