// csv.c - libcsv fed one line of text at a time, because it does not say where it is.
// Spaces are kept (RFC 4180; the library would trim them), empty lines are skipped.
// Fields are written here: the library's writer knows nothing of spreadsheets.
#include "credence/base/csv.h"

#include <csv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"

// Whether a spreadsheet would take TEXT for a formula. A number may begin with a sign.
static bool is_formula(const char *text, size_t bytes) {
    if (bytes == 0 || text[0] == '\0' || strchr("=+-@\t\r", text[0]) == NULL) {
        return false;
    }
    char number[64];
    if (bytes >= sizeof number) {
        return true;
    }
    memcpy(number, text, bytes);
    number[bytes] = '\0';
    char *end = number;
    strtod(number, &end);
    return end == number || *end != '\0';
}

static bool needs_quotes(const char *text, size_t bytes) {
    if (bytes > 0 && (text[0] == ' ' || text[bytes - 1] == ' ')) {
        return true; // some readers trim what is not quoted
    }
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n') {
            return true;
        }
    }
    return false;
}

static enum cr_status add_quoted(struct cr_buf *out, const char *text, size_t bytes,
                                 const char *opening) {
    enum cr_status status = cr_buf_add_text(out, opening);
    for (size_t i = 0; i < bytes && status == CR_OK; i++) {
        if (text[i] == '"') {
            status = cr_buf_add_text(out, "\"\"");
        } else if (text[i] != '\0') {
            status = cr_buf_add(out, text + i, 1);
        }
    }
    return status == CR_OK ? cr_buf_add_text(out, "\"") : status;
}

enum cr_status cr_csv_add_field(struct cr_buf *out, const char *text, size_t bytes) {
    const bool is_risky = is_formula(text, bytes);
    if (is_risky || needs_quotes(text, bytes) || memchr(text, '\0', bytes) != NULL) {
        return add_quoted(out, text, bytes, is_risky ? "\"'" : "\"");
    }
    return cr_buf_add(out, text, bytes);
}

struct reader {
    const char *name;
    cr_csv_row_fn row;
    void *ctx;
    struct cr_err *err;
    enum cr_status status; // the first failure; later callbacks do nothing
    struct cr_buf text;    // the fields of the open row, each with its NUL
    size_t *bytes;
    size_t bytes_cap;
    const char **fields;
    size_t fields_cap;
    size_t fields_len;
    uint64_t line;     // being fed
    uint64_t row_line; // where the open row began
};

static int is_no_space(unsigned char c) {
    (void)c;
    return 0;
}

static void take_field(void *text, size_t bytes, void *ctx) {
    struct reader *reader = ctx;
    if (reader->status != CR_OK) {
        return;
    }
    void *array = reader->bytes;
    reader->status = cr_array_grow(&array, &reader->bytes_cap, reader->fields_len + 1,
                                   sizeof *reader->bytes);
    reader->bytes = array;
    if (reader->status == CR_OK) {
        reader->status = cr_buf_add(&reader->text, text, bytes);
    }
    if (reader->status == CR_OK) {
        reader->status = cr_buf_add(&reader->text, "", 1);
    }
    if (reader->status == CR_OK) {
        reader->bytes[reader->fields_len++] = bytes;
    }
}

static void take_row(int terminator, void *ctx) {
    (void)terminator;
    struct reader *reader = ctx;
    if (reader->status != CR_OK) {
        return;
    }
    void *array = reader->fields;
    reader->status = cr_array_grow(&array, &reader->fields_cap, reader->fields_len,
                                   sizeof *reader->fields);
    reader->fields = array;
    if (reader->status != CR_OK) {
        return;
    }
    const char *at = reader->text.data;
    for (size_t i = 0; i < reader->fields_len; i++) {
        reader->fields[i] = at;
        at += reader->bytes[i] + 1;
    }
    struct cr_csv_row row = {reader->fields, reader->bytes, reader->fields_len,
                             reader->row_line};
    reader->status = reader->row(reader->ctx, &row, reader->err);
    reader->fields_len = 0;
    cr_buf_clear(&reader->text);
    reader->row_line = 0;
}

// The bytes of the line at TEXT with its end: LF, CR LF or CR alone.
static size_t line_bytes(const char *text, size_t left) {
    for (size_t i = 0; i < left; i++) {
        if (text[i] == '\n') {
            return i + 1;
        }
        if (text[i] == '\r') {
            return i + 1 < left && text[i + 1] == '\n' ? i + 2 : i + 1;
        }
    }
    return left;
}

static enum cr_status explain(struct reader *reader, int code) {
    if (code == CSV_ENOMEM || code == CSV_ETOOBIG) {
        return cr_err_set(reader->err, CR_E_MEMORY, "out of memory while reading %s",
                          reader->name);
    }
    return cr_err_set(
        reader->err, CR_E_FORMAT,
        "%s:%llu: a quote inside a field that is not quoted, or text after "
        "a closing quote, in the record that begins on line %llu",
        reader->name, (unsigned long long)reader->line,
        (unsigned long long)reader->row_line);
}

static enum cr_status feed(struct reader *reader, struct csv_parser *parser,
                           const char *text, size_t bytes) {
    for (size_t at = 0; at < bytes && reader->status == CR_OK;) {
        size_t line = line_bytes(text + at, bytes - at);
        bool is_empty = text[at] == '\n' || text[at] == '\r';
        reader->line++;
        if (reader->row_line == 0 && !is_empty) {
            reader->row_line = reader->line;
        }
        if (csv_parse(parser, text + at, line, take_field, take_row, reader) != line) {
            return explain(reader, csv_error(parser));
        }
        at += line;
    }
    return reader->status;
}

static enum cr_status finish(struct reader *reader, struct csv_parser *parser) {
    if (csv_fini(parser, take_field, take_row, reader)) {
        return cr_err_set(reader->err, CR_E_FORMAT,
                          "%s:%llu: a quote of this record never closes", reader->name,
                          (unsigned long long)reader->row_line);
    }
    return reader->status;
}

enum cr_status cr_csv_read(const struct cr_csv_text *source, cr_csv_row_fn row,
                           void *ctx, struct cr_err *err) {
    struct reader reader = {.name = source->name, .row = row, .ctx = ctx, .err = err};
    cr_buf_init(&reader.text, SIZE_MAX);
    struct csv_parser parser;
    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_realloc_func(&parser, cr_realloc);
    csv_set_free_func(&parser, cr_free);
    csv_set_space_func(&parser, is_no_space);
    // Spreadsheets begin their files with a byte order mark.
    size_t mark =
        source->bytes >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    enum cr_status status =
        feed(&reader, &parser, source->text + mark, source->bytes - mark);
    if (status == CR_OK) {
        status = finish(&reader, &parser);
    }
    if (status == CR_E_MEMORY) {
        cr_err_set(err, status, "out of memory while reading %s", source->name);
    }
    csv_free(&parser);
    cr_buf_fini(&reader.text);
    cr_free(reader.bytes);
    cr_free(reader.fields);
    return status;
}
