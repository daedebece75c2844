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

struct cr_csv {
    struct cr_csv_cfg cfg;
    struct csv_parser parser;
    struct cr_err *err;    // of the call under way
    enum cr_status status; // the first failure; later callbacks do nothing
    struct cr_buf text;    // the fields of the open row, each with its NUL
    size_t *bytes;
    size_t bytes_cap;
    const char **fields;
    size_t fields_cap;
    size_t fields_len;
    uint64_t line;     // being fed
    bool is_mid_line;  // the last piece ended inside a line
    uint64_t row_line; // where the open row began
};

static int is_no_space(unsigned char c) {
    (void)c;
    return 0;
}

static void take_field(void *text, size_t bytes, void *ctx) {
    struct cr_csv *reader = ctx;
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
    struct cr_csv *reader = ctx;
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
    reader->status = reader->cfg.row(reader->cfg.ctx, &row, reader->err);
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

static enum cr_status explain(struct cr_csv *reader, int code) {
    if (code == CSV_ENOMEM || code == CSV_ETOOBIG) {
        return cr_err_set(reader->err, CR_E_MEMORY, "out of memory while reading %s",
                          reader->cfg.name);
    }
    return cr_err_set(
        reader->err, CR_E_FORMAT,
        "%s:%llu: a quote inside a field that is not quoted, or text after "
        "a closing quote, in the record that begins on line %llu",
        reader->cfg.name, (unsigned long long)reader->line,
        (unsigned long long)reader->row_line);
}

enum cr_status cr_csv_create(const struct cr_csv_cfg *cfg, struct cr_csv **out,
                             struct cr_err *err) {
    struct cr_csv *csv = cr_calloc(1, sizeof *csv);
    if (csv == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory while reading %s",
                          cfg->name);
    }
    csv->cfg = *cfg;
    cr_buf_init(&csv->text, SIZE_MAX);
    unsigned char strict = cfg->is_lenient ? 0 : CSV_STRICT;
    csv_init(&csv->parser, (unsigned char)(strict | CSV_STRICT_FINI));
    csv_set_realloc_func(&csv->parser, cr_realloc);
    csv_set_free_func(&csv->parser, cr_free);
    csv_set_space_func(&csv->parser, is_no_space);
    if (cfg->delimiter != '\0') {
        csv_set_delim(&csv->parser, (unsigned char)cfg->delimiter);
    }
    *out = csv;
    return CR_OK;
}

void cr_csv_destroy(struct cr_csv *csv) {
    if (csv == NULL) {
        return;
    }
    csv_free(&csv->parser);
    cr_buf_fini(&csv->text);
    cr_free(csv->bytes);
    cr_free(csv->fields);
    cr_free(csv);
}

// What the callbacks left: memory that ran out has no message of its own.
static enum cr_status outcome(struct cr_csv *reader) {
    return reader->status != CR_E_MEMORY
               ? reader->status
               : cr_err_set(reader->err, CR_E_MEMORY, "out of memory while reading %s",
                            reader->cfg.name);
}

enum cr_status cr_csv_feed(struct cr_csv *csv, const char *text, size_t bytes,
                           struct cr_err *err) {
    csv->err = err;
    for (size_t at = 0; at < bytes && csv->status == CR_OK;) {
        size_t line = line_bytes(text + at, bytes - at);
        bool is_empty = text[at] == '\n' || text[at] == '\r';
        csv->line += !csv->is_mid_line;
        if (csv->row_line == 0 && !is_empty) {
            csv->row_line = csv->line;
        }
        if (csv_parse(&csv->parser, text + at, line, take_field, take_row, csv) !=
            line) {
            return explain(csv, csv_error(&csv->parser));
        }
        at += line;
        csv->is_mid_line = text[at - 1] != '\n' && text[at - 1] != '\r';
    }
    return outcome(csv);
}

enum cr_status cr_csv_finish(struct cr_csv *csv, struct cr_err *err) {
    csv->err = err;
    if (csv_fini(&csv->parser, take_field, take_row, csv)) {
        return cr_err_set(err, CR_E_FORMAT,
                          "%s:%llu: a quote of this record never closes", csv->cfg.name,
                          (unsigned long long)csv->row_line);
    }
    return outcome(csv);
}
