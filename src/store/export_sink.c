// export_sink.c - cells as CSV (RFC 4180) and as JSON.
#include "store/export_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/json.h"

enum { ROW_BYTES_MAX = 1 << 30 };

const char *cr_export_column_name(enum cr_variable_id id) {
    return strrchr(cr_schema[id].path, '/') + 1;
}

static void fail(struct cr_export_sink *s, enum cr_status status, const char *why) {
    if (s->status == CR_OK) {
        s->status =
            cr_err_set(s->err, status, "cannot write table %s: %s", s->table, why);
    }
}

static void note(struct cr_export_sink *s, enum cr_status status) {
    if (status != CR_OK) {
        fail(s, status, cr_status_text(status));
    }
}

static FILE *make(struct cr_export_sink *s, const char *dir, const char *suffix) {
    char path[PATH_MAX];
    int bytes = snprintf(path, sizeof path, "%s/%s%s", dir, s->table, suffix);
    FILE *file = bytes < (int)sizeof path ? fopen(path, "we") : NULL;
    if (file == NULL) {
        fail(s, cr_status_from_errno(errno), strerror(errno));
    }
    return file;
}

void cr_export_sink_open(struct cr_export_sink *s, const char *dir, const char *table,
                         struct cr_err *err) {
    *s = (struct cr_export_sink){.table = table, .err = err};
    cr_buf_init(&s->csv_row, ROW_BYTES_MAX);
    cr_buf_init(&s->json_row, ROW_BYTES_MAX);
    s->csv = make(s, dir, ".csv");
    s->jsonl = make(s, dir, ".jsonl");
}

static void add(struct cr_export_sink *s, struct cr_buf *row, const char *text) {
    if (s->status == CR_OK) {
        note(s, cr_buf_add_text(row, text));
    }
}

// Text that holds a separator, a quote or the end of a line is quoted; so is an empty
// one, to tell it from a missing one.
static void add_csv_text(struct cr_export_sink *s, const char *text, size_t bytes) {
    bool is_plain = bytes > 0 && text[0] != ' ' && text[bytes - 1] != ' ';
    for (size_t i = 0; is_plain && i < bytes; i++) {
        is_plain = strchr(",\"\r\n", text[i]) == NULL;
    }
    if (s->status == CR_OK && is_plain) {
        note(s, cr_buf_add(&s->csv_row, text, bytes));
        return;
    }
    add(s, &s->csv_row, "\"");
    while (s->status == CR_OK && bytes > 0) {
        const char *quote = memchr(text, '"', bytes);
        size_t part = quote == NULL ? bytes : (size_t)(quote - text) + 1;
        note(s, cr_buf_add(&s->csv_row, text, part));
        if (quote != NULL) {
            add(s, &s->csv_row, "\"");
        }
        text += part;
        bytes -= part;
    }
    add(s, &s->csv_row, "\"");
}

// What stands before a cell in both files.
static void begin_cell(struct cr_export_sink *s, const char *name) {
    add(s, &s->csv_row, s->json_row.used_bytes == 0 ? "" : ",");
    add(s, &s->json_row, s->json_row.used_bytes == 0 ? "{\"" : ",\"");
    add(s, &s->json_row, name); // a variable's name needs no escapes
    add(s, &s->json_row, "\":");
}

// A cell that both files write the same way.
static void add_plain(struct cr_export_sink *s, const char *name, const char *text) {
    begin_cell(s, name);
    add(s, &s->csv_row, text);
    add(s, &s->json_row, text);
}

static void add_missing(struct cr_export_sink *s, const char *name) {
    begin_cell(s, name);
    add(s, &s->json_row, "null");
}

void cr_export_sink_number(struct cr_export_sink *s, const char *name, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    add_plain(s, name, text);
}

void cr_export_sink_text(struct cr_export_sink *s, const char *name, const char *text,
                         size_t bytes) {
    if (text == NULL) {
        add_missing(s, name);
        return;
    }
    begin_cell(s, name);
    add_csv_text(s, text, bytes);
    if (s->status == CR_OK) {
        note(s, cr_json_add_quoted(&s->json_row, text, bytes));
    }
}

// With as few digits as read back to the same number of its width.
static void add_real(struct cr_export_sink *s, const char *name, double value,
                     bool is_single) {
    char text[40];
    for (int digits = is_single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (is_single ? strtof(text, NULL) == (float)value
                      : strtod(text, NULL) == value) {
            break;
        }
    }
    add_plain(s, name, text);
}

static void add_flag(struct cr_export_sink *s, enum cr_variable_id id, int64_t value) {
    const struct cr_variable *v = &cr_schema[id];
    const char *name = cr_export_column_name(id);
    int64_t at = v->kind == CR_KIND_I8 ? value + 1 : value;
    if (at < 0 || at >= v->flags_len) {
        cr_export_sink_number(s, name, value);
    } else if (v->flags_len == 2 && strcmp(v->flags[1], "true") == 0) {
        add_plain(s, name, v->flags[at]);
    } else {
        cr_export_sink_text(s, name, v->flags[at], strlen(v->flags[at]));
    }
}

static int64_t integer_at(enum cr_kind kind, const void *at) {
    switch (kind) {
    case CR_KIND_U8:
        return *(const uint8_t *)at;
    case CR_KIND_I8:
        return *(const int8_t *)at;
    case CR_KIND_I32:
        return *(const int32_t *)at;
    default:
        return *(const int64_t *)at;
    }
}

void cr_export_sink_element(struct cr_export_sink *s, enum cr_variable_id id,
                            const void *array, uint64_t element) {
    const struct cr_variable *v = &cr_schema[id];
    const char *name = cr_export_column_name(id);
    const char *at = (const char *)array + element * cr_kind_bytes(v->kind);
    char hex[24];
    if (v->kind == CR_KIND_TEXT) {
        const char *text = *(char *const *)(const void *)at;
        cr_export_sink_text(s, name, text, text == NULL ? 0 : strlen(text));
    } else if (v->kind == CR_KIND_F64 || v->kind == CR_KIND_F32) {
        bool is_single = v->kind == CR_KIND_F32;
        double value = is_single ? (double)*(const float *)(const void *)at
                                 : *(const double *)(const void *)at;
        if (isfinite(value)) {
            add_real(s, name, value, is_single);
        } else {
            add_missing(s, name);
        }
    } else if (v->has_missing &&
               memcmp(at, cr_kind_missing(v->kind), cr_kind_bytes(v->kind)) == 0) {
        add_missing(s, name);
    } else if (v->kind == CR_KIND_U64) {
        snprintf(hex, sizeof hex, "%016" PRIx64, *(const uint64_t *)(const void *)at);
        cr_export_sink_text(s, name, hex, strlen(hex));
    } else if (v->flags != NULL) {
        add_flag(s, id, integer_at(v->kind, at));
    } else {
        cr_export_sink_number(s, name, integer_at(v->kind, at));
    }
}

void cr_export_sink_column(struct cr_export_sink *s, const char *name) {
    add(s, &s->csv_row, s->csv_row.used_bytes == 0 ? "" : ",");
    add(s, &s->csv_row, name);
}

static void write_row(struct cr_export_sink *s, FILE *file, struct cr_buf *row) {
    add(s, row, "\n");
    if (s->status == CR_OK &&
        fwrite(row->data, 1, row->used_bytes, file) != row->used_bytes) {
        fail(s, cr_status_from_errno(errno), strerror(errno));
    }
    cr_buf_clear(row);
}

void cr_export_sink_end_header(struct cr_export_sink *s) {
    write_row(s, s->csv, &s->csv_row);
}

void cr_export_sink_end_row(struct cr_export_sink *s) {
    write_row(s, s->csv, &s->csv_row);
    add(s, &s->json_row, "}");
    write_row(s, s->jsonl, &s->json_row);
}

enum cr_status cr_export_sink_close(struct cr_export_sink *s) {
    FILE *files[2] = {s->csv, s->jsonl};
    for (int i = 0; i < 2; i++) {
        if (files[i] != NULL && fclose(files[i]) != 0) {
            fail(s, cr_status_from_errno(errno), strerror(errno));
        }
    }
    cr_buf_fini(&s->csv_row);
    cr_buf_fini(&s->json_row);
    return s->status;
}
