// export.c - the tables, made from the schema: a table is the variables along the same
// dimensions, read some rows at a time. Steps that were never made are left out.
#include "credence/store/export.h"

#include <math.h>
#include <string.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "store/export_sink.h"
#include "store/h5.h"
#include "store/h5_layout.h"
#include "store/text_window.h"

enum {
    PIECE_ELEMENTS = 1 << 16,
    COLUMNS_MAX = 32,
    TEXT_COLUMNS = 4,
    PATH_BYTES_MAX = 1 << 16
};

// Variables [first, end) that have RANK dimensions.
struct table {
    const char *name;
    enum cr_variable_id first, end;
    int rank;
    const char *index[CR_RANK_MAX]; // columns that count along the dimensions
    enum cr_variable_id made;       // an element missing here was never made
};

static const struct table tables[] = {
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
    struct cr_export_sink sink;
    const struct table *table;
    enum cr_variable_id ids[COLUMNS_MAX];
    void *arrays[COLUMNS_MAX]; // of the piece of rows in hand
    int columns;
    struct cr_slab slab;           // that piece
    uint64_t row_elements;         // of one row
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
        cr_export_sink_column(&x->sink, x->table->index[i]);
    }
    for (int i = 0; i < x->columns; i++) {
        cr_export_sink_column(&x->sink, cr_export_column_name(x->ids[i]));
    }
    if (is_calls(x)) {
        cr_export_sink_column(&x->sink, "text");
        cr_export_sink_column(&x->sink, "reasoning");
        cr_export_sink_column(&x->sink, "error");
    }
    cr_export_sink_end_header(&x->sink);
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
        int result = type < 0 ? -1
                              : cr_h5_read_rows(x->frame.var[x->ids[i]], type, x->slab,
                                                x->arrays[i]);
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
    cr_export_sink_number(&x->sink, x->table->index[0], (int64_t)row);
    if (x->table->rank > 1) {
        cr_export_sink_number(&x->sink, x->table->index[1], (int64_t)(within / last));
    }
    if (x->table->made == CR_V_QUANTILE) {
        static const char *const levels[CR_QUANTILES] = {"0.05", "0.5", "0.95"};
        const char *level = levels[within % CR_QUANTILES];
        cr_export_sink_text(&x->sink, x->table->index[2], level, strlen(level));
    } else if (x->table->rank == 3) {
        cr_export_sink_number(&x->sink, x->table->index[2], (int64_t)(within % last));
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
    CR_V_CALL_TEXT_OFFSET, CR_V_CALL_TEXT_LENGTH, CR_V_CALL_REASONING_LENGTH,
    CR_V_CALL_ERROR_LENGTH};

static enum cr_status read_places(struct exporter *x) {
    for (int i = 0; i < TEXT_COLUMNS; i++) {
        if (cr_h5_read_rows(x->frame.var[text_ids[i]], H5T_NATIVE_INT64, x->slab,
                            x->places[i]) != 0) {
            return cr_h5_fail(x->err, "cannot read %s", cr_schema[text_ids[i]].path);
        }
    }
    return CR_OK;
}

static enum cr_status write_call_texts(struct exporter *x, uint64_t element) {
    static const char *const names[TEXT_COLUMNS] = {NULL, "text", "reasoning", "error"};
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
        cr_export_sink_text(&x->sink, names[i], text, bytes < 0 ? 0 : (size_t)bytes);
    }
    return CR_OK;
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
            cr_export_sink_element(&x->sink, x->ids[i], x->arrays[i], e);
        }
        if (is_calls(x)) {
            status = write_call_texts(x, e);
        }
        cr_export_sink_end_row(&x->sink);
        status = status == CR_OK ? x->sink.status : status;
    }
    for (int i = 0; i < x->columns; i++) {
        if (cr_schema[x->ids[i]].kind == CR_KIND_TEXT) {
            drop_texts(x, i);
        }
    }
    return status;
}

static enum cr_status write_rows(struct exporter *x) {
    uint64_t rows = x->frame.shape.size[cr_schema[x->ids[0]].dims[0]];
    uint64_t piece = PIECE_ELEMENTS / x->row_elements;
    piece = piece == 0 ? 1 : piece;
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
    enum cr_status status = CR_OK;
    for (uint64_t first = 0; status == CR_OK && first < rows; first += piece) {
        uint64_t left = rows - first;
        x->slab = (struct cr_slab){first, left < piece ? left : piece};
        status = read_piece(x);
        if (status == CR_OK && is_calls(x)) {
            status = read_places(x);
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
    cr_export_sink_open(&x->sink, dir, x->table->name, x->err);
    write_header(x);
    enum cr_status status = x->sink.status == CR_OK ? write_rows(x) : CR_OK;
    enum cr_status closed = cr_export_sink_close(&x->sink);
    for (int i = 0; i < x->columns; i++) {
        cr_free(x->arrays[i]);
        x->arrays[i] = NULL;
    }
    for (int i = 0; i < TEXT_COLUMNS; i++) {
        cr_free(x->places[i]);
        x->places[i] = NULL;
    }
    return status == CR_OK ? closed : status;
}

static enum cr_status write_job(struct exporter *x, const char *dir) {
    char *job = cr_h5_get_text(x->frame.file, "job");
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status =
        job == NULL ? CR_E_MEMORY : cr_path_join(&path, dir, "job.json");
    if (status == CR_OK) {
        status = cr_file_write(path.data, job, strlen(job), 0644, x->err);
    } else {
        status = cr_err_set(x->err, status, "no memory for the job");
    }
    cr_buf_fini(&path);
    cr_free(job);
    return status;
}

enum cr_status cr_export(const char *path, const char *dir, struct cr_err *err) {
    struct exporter x = {.err = err};
    enum cr_status status = cr_frame_open(&x.frame, path, err);
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
