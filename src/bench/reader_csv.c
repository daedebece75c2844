// CSV files: columns by the header's names, every row as long as the header.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/reader.h"
#include "credence/base/csv.h"

struct csv_ctx {
    struct cr_reader *reader;
    size_t columns_len;        // that the format reads
    size_t at[CR_COLUMNS_MAX]; // where each stands in a row
    size_t row_len;            // that every row must have
    bool is_header_due;        // the next row is, or may be, the header
};

static bool is_named(struct cr_reader *reader, const char *field, const char *name) {
    const char *trimmed = cr_reader_trim(reader, field);
    return trimmed != NULL && strcmp(trimmed, name) == 0;
}

static const char *header_text(struct cr_reader *reader, const struct cr_csv_row *row) {
    const char *text = "";
    for (size_t i = 0; text != NULL && i < row->fields_len; i++) {
        text = cr_reader_text(reader, "%s%s%s", text, i ? ", " : "", row->fields[i]);
    }
    return text != NULL ? text : "";
}

// Where COLUMN stands in the header ROW.
static enum cr_status find_column(struct csv_ctx *csv, const struct cr_csv_row *row,
                                  size_t column) {
    struct cr_reader *reader = csv->reader;
    const char *name = reader->format->columns[column];
    size_t found = 0;
    for (size_t i = 0; i < row->fields_len; i++) {
        if (!is_named(reader, row->fields[i], name)) {
            continue;
        }
        csv->at[column] = i;
        found++;
    }
    if (found == 1) {
        return CR_OK;
    }
    return cr_reader_refuse(reader, "the header is %s, expected %s column \"%s\"",
                            cr_reader_quote(reader, header_text(reader, row)),
                            found ? "only one" : "a", name);
}

static enum cr_status read_header(struct csv_ctx *csv, const struct cr_csv_row *row) {
    csv->row_len = row->fields_len;
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < csv->columns_len; i++) {
        status = find_column(csv, row, i);
    }
    return status;
}

// Whether ROW of a headless file does nothing but name the columns.
static bool is_stray_header(struct csv_ctx *csv, const struct cr_csv_row *row) {
    bool is_header = row->fields_len == csv->columns_len;
    for (size_t i = 0; is_header && i < csv->columns_len; i++) {
        is_header =
            is_named(csv->reader, row->fields[i], csv->reader->format->columns[i]);
    }
    return is_header;
}

static enum cr_status read_fields(struct csv_ctx *csv, const struct cr_csv_row *row,
                                  const char **fields) {
    struct cr_reader *reader = csv->reader;
    if (row->fields_len != csv->row_len) {
        return cr_reader_refuse(reader, "a row of %zu column%s, expected %zu",
                                row->fields_len, row->fields_len == 1 ? "" : "s",
                                csv->row_len);
    }
    for (size_t i = 0; i < csv->columns_len; i++) {
        fields[i] = cr_reader_trim(reader, row->fields[csv->at[i]]);
        if (fields[i] == NULL) {
            return cr_reader_no_memory(reader);
        }
        if (!*fields[i]) {
            return cr_reader_refuse(reader, "nothing in column \"%s\", expected a text",
                                    reader->format->columns[i]);
        }
    }
    return CR_OK;
}

static enum cr_status read_item(struct csv_ctx *csv, const struct cr_csv_row *row) {
    const char *fields[CR_COLUMNS_MAX];
    enum cr_status status = read_fields(csv, row, fields);
    if (status != CR_OK) {
        return status;
    }
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, csv->reader->items + 1);
    return cr_reader_item(csv->reader, &(struct cr_item){.id = id, .fields = fields});
}

static enum cr_status read_row(void *ctx, const struct cr_csv_row *row,
                               struct cr_err *err) {
    (void)err; // the reader's own
    struct csv_ctx *csv = ctx;
    csv->reader->line = row->line;
    if (row->fields_len == 1 && row->fields_bytes[0] == 0) {
        return CR_OK; // a blank line
    }
    enum cr_layout layout = csv->reader->format->layout;
    bool is_first = csv->is_header_due;
    csv->is_header_due = false;
    enum cr_status status = CR_OK;
    if (is_first && layout == CR_LAYOUT_CSV) {
        status = read_header(csv, row);
    } else if (!is_first || !is_stray_header(csv, row)) {
        status = read_item(csv, row);
    }
    cr_arena_fini(&csv->reader->scratch);
    return status;
}

enum cr_status cr_reader_csv(struct cr_reader *reader) {
    struct csv_ctx csv = {.reader = reader, .is_header_due = true};
    while (reader->format->columns[csv.columns_len] != NULL) {
        csv.at[csv.columns_len] = csv.columns_len;
        csv.columns_len++;
    }
    csv.row_len = csv.columns_len;
    struct cr_csv_text text = {reader->benchmark->path, reader->text, reader->bytes};
    enum cr_status status = cr_csv_read(&text, read_row, &csv, reader->err);
    if (status != CR_E_FORMAT) {
        return status;
    }
    if (reader->err != NULL) {
        reader->err->status = CR_E_JOB; // its text names file and line already
    }
    return CR_E_JOB;
}
