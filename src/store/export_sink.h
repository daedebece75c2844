// export_sink.h - one table on its way into a CSV and a JSONL file.
//
// Layer    store (3), private
// Threads  one owner
// MPI      none
//
// Rows are built cell by cell; the first failure is kept and later calls do nothing.
#ifndef CR_STORE_EXPORT_SINK_H
#define CR_STORE_EXPORT_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "store/schema.h"

struct cr_export_sink {
    FILE *csv, *jsonl; // NULL: not open
    struct cr_buf csv_row, json_row;
    const char *table;
    enum cr_status status;
    struct cr_err *err;
};

// Make DIR/TABLE.csv and DIR/TABLE.jsonl. ERR is borrowed until close.
void cr_export_sink_open(struct cr_export_sink *sink, const char *dir,
                         const char *table, struct cr_err *err);
// A column's name, for the CSV header; then cr_export_sink_end_header.
void cr_export_sink_column(struct cr_export_sink *sink, const char *name);
void cr_export_sink_end_header(struct cr_export_sink *sink);

void cr_export_sink_number(struct cr_export_sink *sink, const char *name,
                           int64_t value);
// BYTES long; NULL: missing.
void cr_export_sink_text(struct cr_export_sink *sink, const char *name,
                         const char *text, size_t bytes);
// The element of variable ID at ELEMENT of an array of its memory type.
void cr_export_sink_element(struct cr_export_sink *sink, enum cr_variable_id id,
                            const void *array, uint64_t element);
void cr_export_sink_end_row(struct cr_export_sink *sink);
CR_MUST_CHECK enum cr_status cr_export_sink_close(struct cr_export_sink *sink);

// The last part of a variable's path, which names its column.
const char *cr_export_column_name(enum cr_variable_id id);

#endif
