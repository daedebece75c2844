// run_view.c - run.h5 read at once, for the analysis. Only what a table needs is read:
// the totals of an episode, not the costs of each of its steps.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/store/run_view.h"
#include "store/h5.h"
#include "store/h5_layout.h"

// The view and what it is read from. The first failure is kept; later reads are no-ops.
struct reader {
    struct cr_frame frame;
    struct cr_run_view *view;
    unsigned parts;
    const char *path;
    enum cr_status status;
    struct cr_err *err;
};

static void fail_memory(struct reader *r) {
    r->status = cr_err_set(r->err, CR_E_MEMORY, "no memory to read %s", r->path);
}

// A file may declare more than it holds: what cannot fit is not even asked for.
static uint64_t memory_bytes(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes
                                       : UINT64_MAX;
}

// A whole variable as an array of TYPE; NULL when the file has none and it may.
static void *read_array(struct reader *r, enum cr_variable_id id, hid_t type,
                        bool is_optional) {
    hid_t dataset = r->frame.var[id];
    if (r->status != CR_OK || (dataset < 0 && is_optional)) {
        return NULL;
    }
    const bool is_younger = r->frame.version < cr_schema[id].since;
    if (dataset < 0 && !is_younger) {
        r->status =
            cr_err_set(r->err, CR_E_FORMAT, "%s lacks %s", r->path, cr_schema[id].path);
        return NULL;
    }
    uint64_t rows = r->frame.shape.size[cr_schema[id].dims[0]], bytes;
    if (__builtin_mul_overflow(rows * H5Tget_size(type),
                               cr_shape_row_elements(&r->frame.shape, id), &bytes) ||
        bytes > memory_bytes()) {
        r->status = cr_err_set(r->err, CR_E_MEMORY,
                               "%s of %s is larger than this machine's memory",
                               cr_schema[id].path, r->path);
        return NULL;
    }
    void *array = cr_calloc(1, bytes > 0 ? bytes : 1);
    if (array == NULL) {
        fail_memory(r);
        return NULL;
    }
    if ((!is_younger && cr_h5_rows(dataset) != (int64_t)rows) ||
        cr_frame_read(&r->frame, id, type, (struct cr_slab){0, rows}, array) != 0) {
        r->status =
            cr_h5_fail(r->err, "cannot read %s of %s", cr_schema[id].path, r->path);
        cr_free(array);
        return NULL;
    }
    return array;
}

// The library asks for each string of a variable; all of them end with the view.
static void *text_alloc(size_t bytes, void *arena) {
    return cr_arena_alloc(arena, bytes);
}

static void text_free(void *text, void *arena) {
    (void)text;
    (void)arena;
}

static herr_t read_strings(struct reader *r, hid_t dataset, char **texts) {
    hid_t type = cr_h5_text_type(), how = H5Pcreate(H5P_DATASET_XFER);
    struct cr_arena *arena = &r->view->texts;
    herr_t result = -1;
    if (type >= 0 && how >= 0 &&
        H5Pset_vlen_mem_manager(how, text_alloc, arena, text_free, arena) >= 0) {
        result = H5Dread(dataset, type, H5S_ALL, H5S_ALL, how, texts);
    }
    cr_h5_close(how);
    cr_h5_close(type);
    return result;
}

// ROWS texts of a dataset; they belong to the view's arena, the array to the caller.
static char **read_text_column(struct reader *r, hid_t dataset, const char *what,
                               uint64_t rows) {
    char **texts = cr_calloc(rows + 1, sizeof *texts);
    if (texts == NULL) {
        fail_memory(r);
        return NULL;
    }
    if (cr_h5_rows(dataset) != (int64_t)rows || read_strings(r, dataset, texts) < 0) {
        r->status = cr_h5_fail(r->err, "cannot read %s of %s", what, r->path);
        cr_free(texts);
        return NULL;
    }
    static char empty[1];
    for (uint64_t i = 0; i < rows; i++) {
        texts[i] = texts[i] == NULL ? empty : texts[i];
    }
    return texts;
}

// A whole variable of texts.
static char **read_texts(struct reader *r, enum cr_variable_id id) {
    if (r->status != CR_OK) {
        return NULL;
    }
    if (r->frame.var[id] < 0) {
        r->status =
            cr_err_set(r->err, CR_E_FORMAT, "%s lacks %s", r->path, cr_schema[id].path);
        return NULL;
    }
    return read_text_column(r, r->frame.var[id], cr_schema[id].path,
                            r->frame.shape.size[cr_schema[id].dims[0]]);
}

static void read_episodes(struct reader *r) {
    struct cr_run_view *v = r->view;
    v->price = read_array(r, CR_V_PRICE, H5T_NATIVE_DOUBLE, false);
    v->outcome_price = read_array(r, CR_V_OUTCOME_PRICE, H5T_NATIVE_DOUBLE, true);
    v->quantile = read_array(r, CR_V_QUANTILE, H5T_NATIVE_DOUBLE, true);
    v->price_held = read_array(r, CR_V_PRICE_HELD, H5T_NATIVE_DOUBLE, true);
    v->price_held_idle = read_array(r, CR_V_PRICE_HELD_IDLE, H5T_NATIVE_DOUBLE, true);
    v->price_idle = read_array(r, CR_V_PRICE_IDLE, H5T_NATIVE_DOUBLE, true);
    v->traders = (uint32_t)r->frame.shape.size[CR_DIM_TRADER];
    v->belief = read_array(r, CR_V_TRADER_BELIEF, H5T_NATIVE_DOUBLE, true);
    v->outcome_belief =
        read_array(r, CR_V_TRADER_OUTCOME_BELIEF, H5T_NATIVE_DOUBLE, true);
    v->profit = read_array(r, CR_V_TRADER_PROFIT, H5T_NATIVE_DOUBLE, true);
    v->replicate = read_array(r, CR_V_REPLICATE, H5T_NATIVE_INT32, false);
    v->cell = read_array(r, CR_V_CELL, H5T_NATIVE_INT32, false);
    v->proposition = read_array(r, CR_V_PROPOSITION, H5T_NATIVE_INT64, false);
    v->prices_len = read_array(r, CR_V_ITERATIONS, H5T_NATIVE_INT32, false);
    v->status = read_array(r, CR_V_STATUS, H5T_NATIVE_UINT8, false);
    v->ended = read_array(r, CR_V_STOP_REASON, H5T_NATIVE_UINT8, false);
    v->reason = read_array(r, CR_V_REASON, H5T_NATIVE_UINT8, false);
    v->repair_reason = read_array(r, CR_V_REPAIR_REASON, H5T_NATIVE_UINT8, false);
    v->is_estimated = read_array(r, CR_V_TOKENS_ESTIMATED, H5T_NATIVE_UINT8, false);
    v->tokens = read_array(r, CR_V_TOTAL_TOKENS, H5T_NATIVE_UINT32, false);
    v->calls = read_array(r, CR_V_TOTAL_CALLS, H5T_NATIVE_UINT32, false);
    v->latency_s = read_array(r, CR_V_TOTAL_LATENCY, H5T_NATIVE_FLOAT, false);
    v->usd = read_array(r, CR_V_TOTAL_USD, H5T_NATIVE_DOUBLE, false);
    v->direction = read_array(r, CR_V_PUSH, H5T_NATIVE_INT8, false);
}

// Whether question ids alone do not tell questions apart: propositions of a benchmark
// that no cell is about have no episodes, so with one benchmark among the cells they
// do.
static bool has_benchmarks(const struct reader *r) {
    const struct cr_run_view *v = r->view;
    for (uint32_t c = 1; r->status == CR_OK && c < v->cells; c++) {
        if (strcmp(v->cell_info[c].benchmark, v->cell_info[0].benchmark) != 0) {
            return true;
        }
    }
    return false;
}

static void read_kept(struct reader *r) {
    struct cr_run_view *v = r->view;
    v->kept = cr_calloc(r->frame.kept_len + 1, sizeof *v->kept);
    if (v->kept == NULL) {
        fail_memory(r);
        return;
    }
    for (uint32_t i = 0; r->status == CR_OK && i < r->frame.kept_len; i++) {
        struct cr_kept_column *column = &v->kept[v->kept_len++];
        column->name = cr_arena_strdup(&v->texts, r->frame.kept[i].name);
        if (column->name == NULL) {
            fail_memory(r);
            return;
        }
        column->text = read_text_column(r, r->frame.kept[i].dataset, column->name,
                                        v->propositions);
    }
}

static void read_propositions(struct reader *r) {
    struct cr_run_view *v = r->view;
    v->label = read_array(r, CR_V_PROP_LABEL, H5T_NATIVE_INT32, false);
    v->n_outcomes = read_array(r, CR_V_PROP_OUTCOMES, H5T_NATIVE_UINT32, false);
    v->value = read_array(r, CR_V_PROP_VALUE, H5T_NATIVE_DOUBLE, false);
    v->low = read_array(r, CR_V_PROP_LOW, H5T_NATIVE_DOUBLE, false);
    v->high = read_array(r, CR_V_PROP_HIGH, H5T_NATIVE_DOUBLE, false);
    v->question_id = read_texts(r, CR_V_PROP_QUESTION);
    bool has_ids = (r->parts & CR_VIEW_IDS) != 0;
    if (has_ids) {
        v->proposition_id = read_texts(r, CR_V_PROP_ID);
    }
    if (has_ids || has_benchmarks(r)) {
        v->benchmark = read_texts(r, CR_V_PROP_BENCHMARK);
    }
    if ((r->parts & CR_VIEW_TEXTS) != 0) {
        v->text = read_texts(r, CR_V_PROP_TEXT);
    }
    if (r->status == CR_OK && (r->parts & CR_VIEW_ITEMS) != 0) {
        read_kept(r);
    }
}

// Move a column of texts into one member of every cell.
static void read_cell_texts(struct reader *r, enum cr_variable_id id, size_t member) {
    char **texts = read_texts(r, id);
    for (uint32_t i = 0; texts != NULL && i < r->view->cells; i++) {
        char *cell = (char *)&r->view->cell_info[i];
        memcpy(cell + member, &texts[i], sizeof texts[i]);
    }
    cr_free(texts);
}

static void read_cell_numbers(struct reader *r, enum cr_variable_id id, size_t member) {
    // Not converted, or the library would clip what is negative.
    uint32_t *numbers = read_array(r, id, H5T_NATIVE_INT32, false);
    for (uint32_t i = 0; numbers != NULL && i < r->view->cells; i++) {
        char *cell = (char *)&r->view->cell_info[i];
        memcpy(cell + member, &numbers[i], sizeof numbers[i]);
    }
    cr_free(numbers);
}

#define MEMBER(name) offsetof(struct cr_run_cell, name)

static void read_cells(struct reader *r) {
    struct cr_run_view *v = r->view;
    v->cell_info = cr_calloc(v->cells, sizeof *v->cell_info);
    if (v->cell_info == NULL) {
        fail_memory(r);
        return;
    }
    read_cell_texts(r, CR_V_CELL_NAME, MEMBER(name));
    read_cell_texts(r, CR_V_CELL_PROTOCOL, MEMBER(protocol));
    read_cell_texts(r, CR_V_CELL_BENCHMARK, MEMBER(benchmark));
    read_cell_texts(r, CR_V_CELL_MAKER, MEMBER(maker));
    read_cell_texts(r, CR_V_CELL_TRADER, MEMBER(trader));
    read_cell_texts(r, CR_V_CELL_STANCE, MEMBER(stance));
    read_cell_texts(r, CR_V_CELL_PROMPTS, MEMBER(prompts));
    // A file of before there were two sets has one for both.
    read_cell_texts(r,
                    r->frame.var[CR_V_CELL_PROMPTS_TRADER] < 0
                        ? CR_V_CELL_PROMPTS
                        : CR_V_CELL_PROMPTS_TRADER,
                    MEMBER(prompts_trader));
    read_cell_texts(r, CR_V_CELL_ELICITATION, MEMBER(elicitation));
    read_cell_texts(r, CR_V_CELL_STOP_RULE, MEMBER(stop_rule));
    read_cell_numbers(r, CR_V_CELL_WINDOW, MEMBER(window));
    read_cell_numbers(r, CR_V_CELL_MAX_ITERATIONS, MEMBER(max_iterations));
    read_cell_numbers(r, CR_V_CELL_TRAJECTORY, MEMBER(trajectory));
    read_cell_numbers(r, CR_V_CELL_SAMPLES, MEMBER(samples));
    read_cell_numbers(r, CR_V_CELL_ROUNDS, MEMBER(rounds));
    read_cell_numbers(r, CR_V_CELL_REPLICATES, MEMBER(replicates));
    double *threshold = read_array(r, CR_V_CELL_THRESHOLD, H5T_NATIVE_DOUBLE, false);
    for (uint32_t i = 0; threshold != NULL && i < v->cells; i++) {
        v->cell_info[i].threshold = threshold[i];
    }
    cr_free(threshold);
}

static void note_attribute(struct reader *r, enum cr_status status, bool is_needed) {
    if (status == CR_E_NOT_FOUND && !is_needed) {
        return;
    }
    if (status != CR_OK) {
        r->status =
            cr_err_while(r->err, status == CR_E_NOT_FOUND ? CR_E_FORMAT : status,
                         "reading %s", r->path);
    }
}

// NULL when absent.
static char *read_attribute(struct reader *r, const char *name, bool is_needed) {
    char *text = NULL;
    if (r->status == CR_OK) {
        note_attribute(r, cr_h5_read_text(r->frame.file, name, &text, r->err),
                       is_needed);
    }
    return text;
}

static bool read_switch(struct reader *r, const char *name) {
    int32_t value = 0;
    if (r->status == CR_OK) {
        note_attribute(r, cr_h5_read_i32(r->frame.file, name, &value, r->err), false);
    }
    return value != 0;
}

static void read_attributes(struct reader *r) {
    struct cr_run_view *v = r->view;
    v->job = read_attribute(r, "job", true);
    v->job_hash = read_attribute(r, "job_hash", true);
    v->version = read_attribute(r, "version", false);
    v->hypotheses = read_attribute(r, "hypotheses", false);
    v->started = read_attribute(r, "start", false);
    v->ended_at = read_attribute(r, "end", false);
    v->is_simulated = read_switch(r, "simulated");
    v->is_complete = read_switch(r, "complete");
}

static const char *benchmark_of(const struct cr_run_view *v, uint32_t row) {
    return v->benchmark != NULL ? v->benchmark[row] : "";
}

// An open hash table of the question ids seen, by row of their first proposition.
static enum cr_status number_questions(struct cr_run_view *v) {
    uint64_t slots = 16;
    while (slots < 2 * v->propositions) {
        slots *= 2;
    }
    uint32_t *table =
        cr_calloc(slots, sizeof *table); // row + 1 of the first with that id
    v->question =
        cr_calloc(v->propositions > 0 ? v->propositions : 1, sizeof *v->question);
    if (table == NULL || v->question == NULL) {
        cr_free(table);
        return CR_E_MEMORY;
    }
    uint32_t next = 0;
    for (uint32_t row = 0; row < v->propositions; row++) {
        // The same id in two benchmarks is two questions.
        const char *id = v->question_id[row], *benchmark = benchmark_of(v, row);
        uint64_t at = cr_hash_mix(cr_hash64(id, strlen(id), 0),
                                  cr_hash64(benchmark, strlen(benchmark), 0)) &
                      (slots - 1);
        while (table[at] != 0 &&
               (strcmp(v->question_id[table[at] - 1], id) != 0 ||
                strcmp(benchmark_of(v, table[at] - 1), benchmark) != 0)) {
            at = (at + 1) & (slots - 1);
        }
        if (table[at] == 0) {
            table[at] = row + 1;
            v->question[row] = next++;
        } else {
            v->question[row] = v->question[table[at] - 1];
        }
    }
    cr_free(table);
    return CR_OK;
}

// Values that index other arrays, or that are computed with, are good before anyone
// follows them. The first that is not is kept in the reader, as its other failures are.
static void refuse_value(struct reader *r, enum cr_variable_id id, uint64_t at,
                         double found, const char *expected) {
    if (r->status == CR_OK) {
        r->status = cr_err_set(
            r->err, CR_E_FORMAT, "%s: %s: found %.17g in row %llu, expected %s",
            r->path, cr_schema[id].path, found, (unsigned long long)at, expected);
    }
}

static void expect_below(struct reader *r, enum cr_variable_id id, uint64_t at,
                         uint64_t found, uint64_t limit) {
    char expected[64];
    if (found >= limit && r->status == CR_OK) {
        (void)snprintf(expected, sizeof expected, "less than %llu",
                       (unsigned long long)limit);
        const bool is_negative = found > INT64_MAX;
        refuse_value(r, id, at, is_negative ? (double)(int64_t)found : (double)found,
                     expected);
    }
}

// Probabilities may be off by what rounding does to their sum.
static bool is_price(double price) {
    const double slack = 1e-6;
    return price >= -slack && price <= 1 + slack;
}

static void check_prices(struct reader *r, uint64_t e, uint32_t width) {
    const struct cr_run_view *v = r->view;
    const size_t first = (size_t)e * v->iterations;
    for (uint32_t t = 0; t < v->prices_len[e] && r->status == CR_OK; t++) {
        const double *price = width == 1 ? &v->price[first + t]
                                         : &v->outcome_price[(first + t) * v->outcomes];
        for (uint32_t k = 0; k < width; k++) {
            if (!is_price(price[k])) {
                refuse_value(r, width == 1 ? CR_V_PRICE : CR_V_OUTCOME_PRICE, e,
                             price[k], "a price from 0 to 1");
            }
        }
    }
}

static void check_episode(struct reader *r, uint64_t e) {
    const struct cr_run_view *v = r->view;
    expect_below(r, CR_V_ITERATIONS, e, (uint64_t)(int32_t)v->prices_len[e],
                 (uint64_t)v->iterations + 1);
    expect_below(r, CR_V_STATUS, e, v->status[e], CR_EPISODE_STATUS_COUNT);
    expect_below(r, CR_V_STOP_REASON, e, v->ended[e], CR_ENDED_COUNT);
    expect_below(r, CR_V_REASON, e, v->reason[e], CR_REASON_COUNT);
    // Of schema 1 a row that was never written says -1, and must be pending.
    if (v->cell[e] == UINT32_MAX && v->status[e] == CR_PENDING) {
        return;
    }
    expect_below(r, CR_V_CELL, e, (uint64_t)(int32_t)v->cell[e], v->cells);
    expect_below(r, CR_V_PROPOSITION, e, v->proposition[e], v->propositions);
    expect_below(r, CR_V_REPLICATE, e, (uint64_t)(int32_t)v->replicate[e], INT32_MAX);
    if (r->status == CR_OK) {
        check_prices(r, e, v->n_outcomes[v->proposition[e]]);
    }
}

static void check_proposition(struct reader *r, uint64_t p) {
    const struct cr_run_view *v = r->view;
    const uint32_t n = v->n_outcomes[p];
    expect_below(r, CR_V_PROP_OUTCOMES, p, (uint64_t)(int32_t)n,
                 (uint64_t)v->outcomes + 1);
    if (n == 0) {
        refuse_value(r, CR_V_PROP_OUTCOMES, p, 0, "at least 1");
    }
    // -1: a quantity has no label. Of one price, the label says true or false.
    expect_below(r, CR_V_PROP_LABEL, p, (uint64_t)((int64_t)v->label[p] + 1),
                 n > 1 ? (uint64_t)n + 1 : 3);
    if (v->label[p] < 0 && (n > 1 || !(v->low[p] < v->high[p]))) {
        refuse_value(r, CR_V_PROP_LABEL, p, v->label[p],
                     "a label, or a quantity with low below high");
    }
}

static void check_cell(struct reader *r, uint32_t c) {
    const struct cr_run_cell *cell = &r->view->cell_info[c];
    expect_below(r, CR_V_CELL_TRAJECTORY, c, cell->trajectory, r->view->cells);
    expect_below(r, CR_V_CELL_WINDOW, c, cell->window, INT32_MAX);
    expect_below(r, CR_V_CELL_MAX_ITERATIONS, c, cell->max_iterations, INT32_MAX);
    if (cell->replicates == 0 || cell->replicates > INT32_MAX) {
        refuse_value(r, CR_V_CELL_REPLICATES, c, cell->replicates, "at least 1");
    }
    if (!isfinite(cell->threshold)) {
        refuse_value(r, CR_V_CELL_THRESHOLD, c, cell->threshold, "a number");
    }
}

static void check_values(struct reader *r) {
    const struct cr_run_view *v = r->view;
    for (uint32_t c = 0; r->status == CR_OK && c < v->cells; c++) {
        check_cell(r, c);
    }
    for (uint64_t p = 0; r->status == CR_OK && p < v->propositions; p++) {
        check_proposition(r, p);
    }
    for (uint64_t e = 0; r->status == CR_OK && e < v->episodes; e++) {
        check_episode(r, e);
    }
}

static void read_all(struct reader *r) {
    const uint64_t *size = r->frame.shape.size;
    struct cr_run_view *v = r->view;
    v->episodes = size[CR_DIM_EPISODE];
    v->propositions = size[CR_DIM_PROPOSITION];
    v->iterations = (uint32_t)size[CR_DIM_ITERATION];
    v->outcomes = size[CR_DIM_OUTCOME] == 0 ? 1 : (uint32_t)size[CR_DIM_OUTCOME];
    v->cells = (uint32_t)size[CR_DIM_CELL];
    read_attributes(r);
    read_episodes(r);
    read_cells(r);
    read_propositions(r);
    if (r->status == CR_OK && number_questions(v) != CR_OK) {
        fail_memory(r);
    }
    check_values(r);
}

enum cr_status cr_run_view_path(const char *path, struct cr_buf *out) {
    cr_buf_clear(out);
    return cr_dir_exists(path) ? cr_path_join(out, path, "run.h5")
                               : cr_buf_add_text(out, path);
}

enum cr_status cr_run_view_open(const char *path, struct cr_run_view **out,
                                struct cr_err *err) {
    return cr_run_view_open_parts(path, CR_VIEW_ALL, out, err);
}

enum cr_status cr_run_view_open_parts(const char *path, unsigned parts,
                                      struct cr_run_view **out, struct cr_err *err) {
    struct reader r = {.path = path, .parts = parts, .err = err};
    enum cr_status status = cr_frame_open(&r.frame, path, err);
    if (status != CR_OK) {
        return status;
    }
    r.view = cr_calloc(1, sizeof *r.view);
    if (r.view == NULL) {
        fail_memory(&r);
    } else {
        read_all(&r);
    }
    cr_frame_close(&r.frame);
    if (r.status != CR_OK) {
        cr_run_view_close(r.view);
        return r.status;
    }
    *out = r.view;
    return CR_OK;
}

enum cr_status cr_run_view_step_calls(const char *path, uint32_t **out,
                                      struct cr_err *err) {
    struct reader r = {.path = path, .err = err};
    enum cr_status status = cr_frame_open(&r.frame, path, err);
    if (status != CR_OK) {
        return status;
    }
    int32_t *calls = read_array(&r, CR_V_CALLS_MADE, H5T_NATIVE_INT32, false);
    size_t len = (size_t)(r.frame.shape.size[CR_DIM_EPISODE] *
                          r.frame.shape.size[CR_DIM_ITERATION]);
    for (size_t i = 0; calls != NULL && i < len; i++) {
        calls[i] = calls[i] < 0 ? 0 : calls[i];
    }
    cr_frame_close(&r.frame);
    if (r.status == CR_OK) {
        *out = (uint32_t *)calls;
    }
    return r.status;
}

void cr_run_view_close(struct cr_run_view *v) {
    if (v == NULL) {
        return;
    }
    void *arrays[] = {v->price_held,     v->price_held_idle,
                      v->price_idle,     v->belief,
                      v->outcome_belief, v->profit,
                      v->price,          v->outcome_price,
                      v->quantile,       v->cell,
                      v->replicate,      v->proposition,
                      v->prices_len,     v->status,
                      v->ended,          v->reason,
                      v->repair_reason,  v->is_estimated,
                      v->tokens,         v->calls,
                      v->latency_s,      v->usd,
                      v->direction,      v->label,
                      v->value,          v->low,
                      v->high,           v->n_outcomes,
                      v->question,       v->job,
                      v->job_hash,       v->version,
                      v->started,        v->ended_at,
                      v->hypotheses,     v->proposition_id,
                      v->question_id,    v->text,
                      v->benchmark,      v->cell_info};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        cr_free(arrays[i]);
    }
    for (uint32_t i = 0; i < v->kept_len; i++) {
        cr_free(v->kept[i].text);
    }
    cr_free(v->kept);
    cr_arena_fini(&v->texts);
    cr_free(v);
}

enum { TEXTS_BYTES_MAX = 1 << 30 };

// The columns of the calls [first, first + len), as doubles would lose 64-bit
// identities: every integer is read as 64-bit.
struct columns {
    struct cr_frame *frame;
    uint64_t row; // the one being read
    bool is_ok;
};

static int64_t number(struct columns *c, enum cr_variable_id id) {
    int64_t value = 0;
    hid_t type =
        cr_schema[id].kind == CR_KIND_U64 ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64;
    if (!c->is_ok ||
        cr_frame_read(c->frame, id, type, (struct cr_slab){c->row, 1}, &value) != 0) {
        c->is_ok = false;
        return 0;
    }
    return value;
}

static void read_call_numbers(struct columns *c, struct cr_call_record *r) {
    r->trajectory = (uint64_t)number(c, CR_V_CALL_TRAJECTORY);
    r->trajectory_key = (uint64_t)number(c, CR_V_CALL_TRAJECTORY_KEY);
    r->id.iteration = (uint32_t)number(c, CR_V_CALL_ITERATION);
    r->id.role = (uint8_t)number(c, CR_V_CALL_ROLE);
    r->id.trader = (uint8_t)number(c, CR_V_CALL_TRADER);
    r->id.sample = (uint16_t)number(c, CR_V_CALL_SAMPLE);
    r->id.repair = (uint16_t)number(c, CR_V_CALL_REPAIR);
    r->id.ask = (uint8_t)number(c, CR_V_CALL_ASK);
    r->request_hash.hi = (uint64_t)number(c, CR_V_CALL_REQUEST_HI);
    r->request_hash.lo = (uint64_t)number(c, CR_V_CALL_REQUEST_LO);
    r->model = (uint32_t)number(c, CR_V_CALL_MODEL);
    r->reason = (enum cr_reason)number(c, CR_V_CALL_REASON);
    r->finish = (enum cr_finish)number(c, CR_V_CALL_FINISH);
    r->tokens_in = (uint32_t)number(c, CR_V_CALL_TOKENS_IN);
    r->tokens_out = (uint32_t)number(c, CR_V_CALL_TOKENS_OUT);
    r->tokens_cached = (uint32_t)number(c, CR_V_CALL_TOKENS_CACHED);
    r->tokens_reasoning = (uint32_t)number(c, CR_V_CALL_TOKENS_REASONING);
    r->is_estimated = (uint8_t)number(c, CR_V_CALL_ESTIMATED);
    r->attempts = (uint32_t)number(c, CR_V_CALL_ATTEMPTS);
    r->endpoint = (uint32_t)number(c, CR_V_CALL_ENDPOINT);
    r->http_status = (uint32_t)number(c, CR_V_CALL_HTTP_STATUS);
    r->is_simulated = (uint8_t)number(c, CR_V_CALL_SIMULATED);
    hid_t latency = c->frame->var[CR_V_CALL_LATENCY];
    c->is_ok = c->is_ok && latency >= 0 &&
               cr_h5_read_rows(latency, H5T_NATIVE_DOUBLE, (struct cr_slab){c->row, 1},
                               &r->latency_s) == 0;
    c->is_ok = c->is_ok && (int32_t)r->id.iteration >= 0 && (int32_t)r->model >= 0 &&
               r->id.role < CR_ROLE_COUNT && r->reason < CR_REASON_COUNT &&
               r->finish <= CR_FINISH_OTHER && r->id.ask < CR_ASK_COUNT;
}

enum { TEXTS = 5 }; // of a call: reply, reasoning, error, finish word, request id

// The texts of the call, each followed by a NUL, in one block (cr_free).
struct call_texts {
    char *block;
    char *at[TEXTS];
};

static char *place(struct columns *c, uint64_t *from, int64_t bytes, char *to) {
    if (bytes < 0) {
        return NULL;
    }
    hid_t dataset = c->frame->var[CR_V_CALL_TEXT];
    struct cr_slab slab = {*from, (uint64_t)bytes};
    if (bytes > 0 && cr_h5_read_rows(dataset, H5T_NATIVE_UINT8, slab, to) != 0) {
        c->is_ok = false;
        return NULL;
    }
    to[bytes] = '\0';
    *from += (uint64_t)bytes;
    return to;
}

static enum cr_status read_call_texts(struct columns *c, struct call_texts *texts) {
    static const enum cr_variable_id ids[TEXTS] = {
        CR_V_CALL_TEXT_LENGTH, CR_V_CALL_REASONING_LENGTH, CR_V_CALL_ERROR_LENGTH,
        CR_V_CALL_WORD_LENGTH, CR_V_CALL_ID_LENGTH};
    int64_t lengths[TEXTS], all = 0, from = number(c, CR_V_CALL_TEXT_OFFSET);
    for (int i = 0; i < TEXTS; i++) {
        lengths[i] = number(c, ids[i]);
        all += lengths[i] < 0 ? 0 : lengths[i];
    }
    int64_t stored = c->frame->var[CR_V_CALL_TEXT] < 0
                         ? -1
                         : cr_h5_rows(c->frame->var[CR_V_CALL_TEXT]);
    // A live file may hold a call's numbers before its texts.
    c->is_ok = c->is_ok && from >= 0 && all <= TEXTS_BYTES_MAX && from + all <= stored;
    if (!c->is_ok) {
        return CR_OK;
    }
    texts->block = cr_malloc((size_t)all + TEXTS);
    if (texts->block == NULL) {
        return CR_E_MEMORY;
    }
    uint64_t at = (uint64_t)from;
    char *to = texts->block;
    for (int i = 0; i < TEXTS; i++) {
        texts->at[i] = place(c, &at, lengths[i], to);
        to += lengths[i] < 0 ? 0 : lengths[i] + 1;
    }
    return CR_OK;
}

static enum cr_status add_call(struct cr_frame *frame, uint64_t row,
                               struct cr_call_records *list) {
    struct columns c = {frame, row, true};
    struct cr_call_record record = {0};
    struct call_texts texts = {0};
    read_call_numbers(&c, &record);
    enum cr_status status = read_call_texts(&c, &texts);
    if (status == CR_OK && !c.is_ok) {
        status = CR_E_FORMAT;
    }
    if (status == CR_OK) {
        record.text = texts.at[0];
        record.reasoning = texts.at[1];
        record.error = texts.at[2];
        snprintf(record.finish_word, sizeof record.finish_word, "%s",
                 texts.at[3] == NULL ? "" : texts.at[3]);
        snprintf(record.request_id, sizeof record.request_id, "%s",
                 texts.at[4] == NULL ? "" : texts.at[4]);
        status = cr_call_records_add(list, &record);
    }
    cr_free(texts.block);
    return status;
}

static enum cr_status add_calls(struct cr_frame *frame, uint64_t episode,
                                struct cr_call_records *list, struct cr_err *err) {
    int64_t rows = cr_h5_rows(frame->var[CR_V_CALL_EPISODE]);
    int32_t *owners = cr_malloc(rows > 0 ? (size_t)rows * sizeof *owners : 1);
    if (owners == NULL || rows < 0) {
        cr_free(owners);
        return cr_err_set(err, CR_E_MEMORY, "no memory to read /calls");
    }
    enum cr_status status = CR_OK;
    if (rows > 0 && cr_h5_read_rows(frame->var[CR_V_CALL_EPISODE], H5T_NATIVE_INT32,
                                    (struct cr_slab){0, (uint64_t)rows}, owners) != 0) {
        status = cr_h5_fail(err, "cannot read /calls/episode");
    }
    for (int64_t i = 0; status == CR_OK && i < rows; i++) {
        if ((uint64_t)owners[i] != episode) {
            continue;
        }
        status = add_call(frame, (uint64_t)i, list);
        if (status == CR_E_FORMAT) {
            cr_h5_forget();
            cr_err_set(err, status, "call %lld is damaged or not written out yet",
                       (long long)i);
        } else if (status != CR_OK) {
            cr_err_set(err, status, "no memory to read /calls");
        }
    }
    cr_free(owners);
    return status;
}

enum cr_status cr_run_view_calls(const char *path, uint64_t episode,
                                 struct cr_call_records *out, struct cr_err *err) {
    struct cr_frame frame;
    enum cr_status status = cr_frame_open(&frame, path, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_call_records list = {0};
    if (frame.var[CR_V_CALL_EPISODE] >= 0) {
        status = add_calls(&frame, episode, &list, err);
    }
    if (status == CR_OK && list.len == 0) {
        status = cr_err_set(err, CR_E_NOT_FOUND, "%s holds no calls of episode %llu",
                            path, (unsigned long long)episode);
    }
    cr_frame_close(&frame);
    if (status != CR_OK) {
        cr_call_records_fini(&list);
        return status;
    }
    *out = list;
    return CR_OK;
}
