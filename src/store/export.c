// export.c - the tables, made from the schema: a table is the variables along the same
// dimensions, read some rows at a time. Steps that were never made are left out.
#include "credence/store/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/csv.h"
#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/store/run_view.h"
#include "store/h5.h"
#include "store/h5_layout.h"
#include "store/schema.h"

enum {
    PIECE_ELEMENTS = 1 << 16,
    COLUMNS_MAX = 40,
    TEXT_COLUMNS = 6,
    PATH_BYTES_MAX = 1 << 16,
    ROW_BYTES_MAX = 1 << 30
};

// One table on its way into a CSV (RFC 4180) and a JSONL file. Rows are built cell by
// cell; the first failure is kept and later calls do nothing.
struct table_sink {
    FILE *csv, *jsonl; // NULL: not open
    struct cr_buf csv_row, json_row;
    const char *table;
    enum cr_status status;
    struct cr_err *err;
};

// The last part of a variable's path names its column.
static const char *column_name(enum cr_variable_id id) {
    return strrchr(cr_schema[id].path, '/') + 1;
}

static void fail(struct table_sink *s, enum cr_status status, const char *why) {
    if (s->status == CR_OK) {
        s->status =
            cr_err_set(s->err, status, "cannot write table %s: %s", s->table, why);
    }
}

static void note(struct table_sink *s, enum cr_status status) {
    if (status != CR_OK) {
        fail(s, status, cr_status_text(status));
    }
}

static FILE *make(struct table_sink *s, const char *dir, const char *suffix) {
    char path[PATH_MAX];
    int bytes = snprintf(path, sizeof path, "%s/%s%s", dir, s->table, suffix);
    struct stat st;
    errno = ENAMETOOLONG;
    // No link is followed, and no FIFO waited for.
    const int fd =
        bytes < (int)sizeof path
            ? open(path,
                   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                   0666)
            : -1;
    const bool is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    FILE *file = is_file ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        const bool is_other = errno == ELOOP || errno == ENXIO || (fd >= 0 && !is_file);
        fail(s, cr_status_from_errno(errno),
             is_other ? "a file of that name is not a regular one" : strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return file;
}

static void sink_open(struct table_sink *s, const char *dir, const char *table,
                      struct cr_err *err) {
    *s = (struct table_sink){.table = table, .err = err};
    cr_buf_init(&s->csv_row, ROW_BYTES_MAX);
    cr_buf_init(&s->json_row, ROW_BYTES_MAX);
    s->csv = make(s, dir, ".csv");
    s->jsonl = make(s, dir, ".jsonl");
}

static void add(struct table_sink *s, struct cr_buf *row, const char *text) {
    if (s->status == CR_OK) {
        note(s, cr_buf_add_text(row, text));
    }
}

// An empty text is quoted, to tell it from a missing one.
static void add_csv_text(struct table_sink *s, const char *text, size_t bytes) {
    if (bytes == 0) {
        add(s, &s->csv_row, "\"\"");
    } else if (s->status == CR_OK) {
        note(s, cr_csv_add_field(&s->csv_row, text, bytes));
    }
}

// What stands before a cell in both files.
static void begin_cell(struct table_sink *s, const char *name) {
    add(s, &s->csv_row, s->json_row.used_bytes == 0 ? "" : ",");
    add(s, &s->json_row, s->json_row.used_bytes == 0 ? "{" : ",");
    if (s->status == CR_OK) {
        note(s, cr_json_add_quoted(&s->json_row, name, strlen(name)));
    }
    add(s, &s->json_row, ":");
}

// A cell that both files write the same way.
static void add_plain(struct table_sink *s, const char *name, const char *text) {
    begin_cell(s, name);
    add(s, &s->csv_row, text);
    add(s, &s->json_row, text);
}

static void add_missing(struct table_sink *s, const char *name) {
    begin_cell(s, name);
    add(s, &s->json_row, "null");
}

static void sink_number(struct table_sink *s, const char *name, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    add_plain(s, name, text);
}

static void sink_text(struct table_sink *s, const char *name, const char *text,
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
static void add_real(struct table_sink *s, const char *name, double value,
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

static void add_flag(struct table_sink *s, enum cr_variable_id id, int64_t value) {
    const struct cr_variable *v = &cr_schema[id];
    const char *name = column_name(id);
    int64_t at = v->kind == CR_KIND_I8 ? value + 1 : value;
    if (at < 0 || at >= v->flags_len) {
        sink_number(s, name, value);
    } else if (v->flags_len == 2 && strcmp(v->flags[1], "true") == 0) {
        add_plain(s, name, v->flags[at]);
    } else {
        sink_text(s, name, v->flags[at], strlen(v->flags[at]));
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

static void sink_element(struct table_sink *s, enum cr_variable_id id,
                         const void *array, uint64_t element) {
    const struct cr_variable *v = &cr_schema[id];
    const char *name = column_name(id);
    const char *at = (const char *)array + element * cr_kind_bytes(v->kind);
    char hex[24];
    if (v->kind == CR_KIND_TEXT) {
        const char *text = *(char *const *)(const void *)at;
        sink_text(s, name, text, text == NULL ? 0 : strlen(text));
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
        sink_text(s, name, hex, strlen(hex));
    } else if (v->flags != NULL) {
        add_flag(s, id, integer_at(v->kind, at));
    } else {
        sink_number(s, name, integer_at(v->kind, at));
    }
}

static void sink_column(struct table_sink *s, const char *name) {
    add(s, &s->csv_row, s->csv_row.used_bytes == 0 ? "" : ",");
    add(s, &s->csv_row, name);
}

// A column that was kept of the items: item.NAME, its name or (IS_HEADER false) a text.
static void sink_kept(struct table_sink *s, const char *name, const char *text,
                      size_t bytes, bool is_header) {
    struct cr_buf column;
    cr_buf_init(&column, CR_KEPT_PATH_MAX);
    note(s, cr_buf_printf(&column, CR_KEPT_PREFIX "%s", name));
    if (s->status == CR_OK && is_header) {
        add(s, &s->csv_row, s->csv_row.used_bytes == 0 ? "" : ",");
        add_csv_text(s, column.data, column.used_bytes);
    } else if (s->status == CR_OK) {
        sink_text(s, column.data, text, bytes);
    }
    cr_buf_fini(&column);
}

static void write_row(struct table_sink *s, FILE *file, struct cr_buf *row) {
    add(s, row, "\n");
    if (s->status == CR_OK &&
        fwrite(row->data, 1, row->used_bytes, file) != row->used_bytes) {
        fail(s, cr_status_from_errno(errno), strerror(errno));
    }
    cr_buf_clear(row);
}

static void sink_end_header(struct table_sink *s) {
    write_row(s, s->csv, &s->csv_row);
}

static void sink_end_row(struct table_sink *s) {
    write_row(s, s->csv, &s->csv_row);
    add(s, &s->json_row, "}");
    write_row(s, s->jsonl, &s->json_row);
}

static enum cr_status sink_close(struct table_sink *s) {
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

// Variables [first, end) that have RANK dimensions.
struct export_table {
    const char *name;
    enum cr_variable_id first, end;
    int rank;
    const char *index[CR_RANK_MAX]; // columns that count along the dimensions
    enum cr_variable_id made;       // an element missing here was never made
};

static const struct export_table tables[] = {
    {"episodes", CR_V_CELL, CR_V_ROW_END, 1, {"episode"}, CR_V_COUNT},
    {"prices", CR_V_PRICE, CR_V_ROW_END, 2, {"episode", "iteration"}, CR_V_CALLS_MADE},
    {"outcome_prices",
     CR_V_OUTCOME_PRICE,
     CR_V_OUTCOME_PRICE + 1,
     3,
     {"episode", "iteration", "outcome"},
     CR_V_OUTCOME_PRICE},
    {"quantiles",
     CR_V_QUANTILE,
     CR_V_QUANTILE + 1,
     3,
     {"episode", "iteration", "level"},
     CR_V_QUANTILE},
    {"propositions", CR_V_PROP_ID, CR_V_CELL_NAME, 1, {"proposition"}, CR_V_COUNT},
    {"cells", CR_V_CELL_NAME, CR_V_CALL_FIRST, 1, {"cell"}, CR_V_COUNT},
    {"calls", CR_V_CALL_EPISODE, CR_V_CALL_TEXT_OFFSET, 1, {"call"}, CR_V_COUNT},
};

struct exporter {
    struct cr_frame frame;
    struct table_sink sink;
    const struct export_table *table;
    enum cr_variable_id ids[COLUMNS_MAX];
    void *arrays[COLUMNS_MAX]; // of the piece of rows in hand
    int columns;
    struct cr_slab slab;   // that piece
    uint64_t row_elements; // of one row
    uint64_t piece_rows;   // most rows of a piece, for kept
    char **kept; // [frame.kept_len][piece] of propositions: what was kept of the items
    int64_t *places[TEXT_COLUMNS]; // of calls: where the texts of the piece are
    struct cr_text_window window;
    struct cr_err *err;
};

static enum cr_status no_memory(struct exporter *x) {
    return cr_err_set(x->err, CR_E_MEMORY, "no memory for table %s", x->table->name);
}

static bool is_calls(const struct exporter *x) {
    return x->table->first == CR_V_CALL_EPISODE;
}

static bool is_propositions(const struct exporter *x) {
    return x->table->first == CR_V_PROP_ID;
}

static void choose_columns(struct exporter *x) {
    x->columns = 0;
    for (int id = (int)x->table->first; id < (int)x->table->end; id++) {
        if (x->frame.var[id] >= 0 &&
            cr_variable_rank((enum cr_variable_id)id) == x->table->rank) {
            x->ids[x->columns++] = (enum cr_variable_id)id;
        }
    }
}

static void write_header(struct exporter *x) {
    for (int i = 0; i < x->table->rank; i++) {
        sink_column(&x->sink, x->table->index[i]);
    }
    for (int i = 0; i < x->columns; i++) {
        sink_column(&x->sink, column_name(x->ids[i]));
    }
    for (uint32_t i = 0; is_propositions(x) && i < x->frame.kept_len; i++) {
        sink_kept(&x->sink, x->frame.kept[i].name, NULL, 0, true);
    }
    if (is_calls(x)) {
        sink_column(&x->sink, "text");
        sink_column(&x->sink, "reasoning");
        sink_column(&x->sink, "error");
        sink_column(&x->sink, "finish_word");
        sink_column(&x->sink, "request_id");
    }
    sink_end_header(&x->sink);
}

// The library made the strings of a piece; it takes them back.
static void drop_texts(struct exporter *x, int column) {
    char **texts = x->arrays[column];
    for (uint64_t i = 0; i < x->slab.rows; i++) {
        H5free_memory(texts[i]);
        texts[i] = NULL;
    }
}

static enum cr_status read_piece(struct exporter *x) {
    for (int i = 0; i < x->columns; i++) {
        enum cr_kind kind = cr_schema[x->ids[i]].kind;
        hid_t type = kind == CR_KIND_TEXT ? cr_h5_text_type()
                                          : H5Tcopy(cr_kind_memory_type(kind));
        int result =
            type < 0 ? -1
                     : cr_frame_read(&x->frame, x->ids[i], type, x->slab, x->arrays[i]);
        cr_h5_close(type);
        if (result != 0) {
            return cr_h5_fail(x->err, "cannot read %s", cr_schema[x->ids[i]].path);
        }
    }
    return CR_OK;
}

static void write_index(struct exporter *x, uint64_t element) {
    uint64_t row = x->slab.first_row + element / x->row_elements;
    uint64_t within = element % x->row_elements, last = 1;
    if (x->table->rank == 3) {
        last = x->frame.shape.size[cr_schema[x->ids[0]].dims[2]];
    }
    sink_number(&x->sink, x->table->index[0], (int64_t)row);
    if (x->table->rank > 1) {
        sink_number(&x->sink, x->table->index[1], (int64_t)(within / last));
    }
    if (x->table->made == CR_V_QUANTILE) {
        static const char *const levels[CR_QUANTILES] = {"0.05", "0.5", "0.95"};
        const char *level = levels[within % CR_QUANTILES];
        sink_text(&x->sink, x->table->index[2], level, strlen(level));
    } else if (x->table->rank == 3) {
        sink_number(&x->sink, x->table->index[2], (int64_t)(within % last));
    }
}

static bool was_made(const struct exporter *x, uint64_t element) {
    for (int i = 0; i < x->columns; i++) {
        if (x->ids[i] == x->table->made) {
            size_t bytes = cr_kind_bytes(cr_schema[x->ids[i]].kind);
            const char *at = (const char *)x->arrays[i] + element * bytes;
            return cr_schema[x->ids[i]].kind == CR_KIND_F64
                       ? !isnan(*(const double *)(const void *)at)
                       : memcmp(at, cr_kind_missing(cr_schema[x->ids[i]].kind),
                                bytes) != 0;
        }
    }
    return true;
}

// The columns that say where a call's texts are, read beside those that are shown.
static const enum cr_variable_id text_ids[TEXT_COLUMNS] = {
    CR_V_CALL_TEXT_OFFSET,  CR_V_CALL_TEXT_LENGTH, CR_V_CALL_REASONING_LENGTH,
    CR_V_CALL_ERROR_LENGTH, CR_V_CALL_WORD_LENGTH, CR_V_CALL_ID_LENGTH};

static enum cr_status read_places(struct exporter *x) {
    for (int i = 0; i < TEXT_COLUMNS; i++) {
        if (cr_frame_read(&x->frame, text_ids[i], H5T_NATIVE_INT64, x->slab,
                          x->places[i]) != 0) {
            return cr_h5_fail(x->err, "cannot read %s", cr_schema[text_ids[i]].path);
        }
    }
    return CR_OK;
}

static enum cr_status write_call_texts(struct exporter *x, uint64_t element) {
    static const char *const names[TEXT_COLUMNS] = {
        NULL, "text", "reasoning", "error", "finish_word", "request_id"};
    int64_t from = x->places[0][element];
    for (int i = 1; i < TEXT_COLUMNS; i++) {
        int64_t bytes = x->places[i][element];
        const char *text = NULL;
        if (bytes >= 0) {
            enum cr_status status =
                cr_text_window_get(&x->window, from, bytes, &text, x->err);
            if (status != CR_OK) {
                return status;
            }
            from += bytes;
        }
        sink_text(&x->sink, names[i], text, bytes < 0 ? 0 : (size_t)bytes);
    }
    return CR_OK;
}

static char **kept_at(struct exporter *x, uint32_t column) {
    return x->kept + column * x->piece_rows;
}

static enum cr_status read_kept(struct exporter *x) {
    hid_t type = cr_h5_text_type();
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; status == CR_OK && i < x->frame.kept_len; i++) {
        if (type < 0 || cr_h5_read_rows(x->frame.kept[i].dataset, type, x->slab,
                                        kept_at(x, i)) != 0) {
            status = cr_h5_fail(x->err, "cannot read column %s of the items",
                                x->frame.kept[i].name);
        }
    }
    cr_h5_close(type);
    return status;
}

static void drop_kept(struct exporter *x) {
    for (uint64_t i = 0; x->kept != NULL && i < x->frame.kept_len * x->piece_rows;
         i++) {
        H5free_memory(x->kept[i]);
        x->kept[i] = NULL;
    }
}

static void write_kept(struct exporter *x, uint64_t element) {
    for (uint32_t i = 0; i < x->frame.kept_len; i++) {
        const char *text = kept_at(x, i)[element];
        sink_kept(&x->sink, x->frame.kept[i].name, text == NULL ? "" : text,
                  text == NULL ? 0 : strlen(text), false);
    }
}

static enum cr_status write_piece(struct exporter *x) {
    enum cr_status status = CR_OK;
    uint64_t elements = x->slab.rows * x->row_elements;
    for (uint64_t e = 0; status == CR_OK && e < elements; e++) {
        if (!was_made(x, e)) {
            continue;
        }
        write_index(x, e);
        for (int i = 0; i < x->columns; i++) {
            sink_element(&x->sink, x->ids[i], x->arrays[i], e);
        }
        if (is_propositions(x)) {
            write_kept(x, e);
        }
        if (is_calls(x)) {
            status = write_call_texts(x, e);
        }
        sink_end_row(&x->sink);
        status = status == CR_OK ? x->sink.status : status;
    }
    for (int i = 0; i < x->columns; i++) {
        if (cr_schema[x->ids[i]].kind == CR_KIND_TEXT) {
            drop_texts(x, i);
        }
    }
    drop_kept(x);
    return status;
}

static enum cr_status make_room(struct exporter *x, uint64_t piece) {
    for (int i = 0; i < x->columns; i++) {
        x->arrays[i] = cr_calloc(piece * x->row_elements,
                                 cr_kind_bytes(cr_schema[x->ids[i]].kind));
        if (x->arrays[i] == NULL) {
            return no_memory(x);
        }
    }
    for (int i = 0; is_calls(x) && i < TEXT_COLUMNS; i++) {
        x->places[i] = cr_calloc(piece, sizeof *x->places[i]);
        if (x->places[i] == NULL) {
            return no_memory(x);
        }
    }
    if (is_propositions(x) && x->frame.kept_len > 0) {
        x->kept = cr_calloc(x->frame.kept_len * piece, sizeof *x->kept);
        x->piece_rows = piece;
        return x->kept == NULL ? no_memory(x) : CR_OK;
    }
    return CR_OK;
}

static enum cr_status write_rows(struct exporter *x) {
    uint64_t rows = x->frame.shape.size[cr_schema[x->ids[0]].dims[0]];
    uint64_t piece = PIECE_ELEMENTS / x->row_elements;
    piece = piece == 0 ? 1 : piece;
    enum cr_status status = make_room(x, piece);
    for (uint64_t first = 0; status == CR_OK && first < rows; first += piece) {
        uint64_t left = rows - first;
        x->slab = (struct cr_slab){first, left < piece ? left : piece};
        status = read_piece(x);
        if (status == CR_OK && is_calls(x)) {
            status = read_places(x);
        }
        if (status == CR_OK && x->kept != NULL) {
            status = read_kept(x);
        }
        if (status == CR_OK) {
            status = write_piece(x);
        }
    }
    return status;
}

static enum cr_status write_table(struct exporter *x, const char *dir) {
    choose_columns(x);
    if (x->columns == 0) {
        return CR_OK;
    }
    x->row_elements = cr_shape_row_elements(&x->frame.shape, x->ids[0]);
    sink_open(&x->sink, dir, x->table->name, x->err);
    write_header(x);
    enum cr_status status = x->sink.status == CR_OK ? write_rows(x) : CR_OK;
    enum cr_status closed = sink_close(&x->sink);
    for (int i = 0; i < x->columns; i++) {
        cr_free(x->arrays[i]);
        x->arrays[i] = NULL;
    }
    for (int i = 0; i < TEXT_COLUMNS; i++) {
        cr_free(x->places[i]);
        x->places[i] = NULL;
    }
    drop_kept(x);
    cr_free(x->kept);
    x->kept = NULL;
    return status == CR_OK ? closed : status;
}

static enum cr_status write_job(struct exporter *x, const char *dir) {
    char *job = NULL;
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_h5_read_text(x->frame.file, "job", &job, x->err);
    if (status == CR_OK && cr_path_join(&path, dir, "job.json") != CR_OK) {
        status = cr_err_set(x->err, CR_E_MEMORY, "no memory for the job");
    }
    if (status == CR_OK) {
        status = cr_file_write(path.data, job, strlen(job), 0644, x->err);
    }
    cr_buf_fini(&path);
    cr_free(job);
    return status;
}

enum cr_status cr_export(const char *path, const char *dir, struct cr_err *err) {
    struct exporter x = {.err = err};
    struct cr_run_view *view = NULL; // its values are checked as it is read
    cr_h5_enter();
    enum cr_status status = cr_run_view_open_parts(path, CR_VIEW_NUMBERS, &view, err);
    if (status == CR_OK) {
        cr_run_view_close(view);
        status = cr_frame_open(&x.frame, path, err);
    }
    if (status != CR_OK) {
        return status;
    }
    x.window.frame = &x.frame;
    status = cr_dir_make(dir, err);
    if (status == CR_OK) {
        status = write_job(&x, dir);
    }
    for (size_t i = 0; status == CR_OK && i < sizeof tables / sizeof *tables; i++) {
        x.table = &tables[i];
        status = write_table(&x, dir);
    }
    cr_text_window_fini(&x.window);
    cr_frame_close(&x.frame);
    return status;
}
