// run_groups.c - /propositions and /cells, written once. A column is gathered by a
// small function from each element, so that a factor is one line of a table. Columns
// are written whole and in the order of the schema, as repack.c copies them: the file of
// a run and one that was merged are the same to the byte.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "credence/base/buf.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/prompt/prompt.h"
#include "credence/protocol/protocol.h"
#include "store/h5.h"
#include "store/run_internal.h"

enum { OPTIONS_BYTES_MAX = 16 << 20 };

struct writer {
    struct cr_frame *frame;
    const struct cr_job *job;
    struct cr_err *err;
    union { // [the longer dimension]: one column
        const char **text;
        double *number;
        void *any;
    } column;
    const struct cr_benchmark *benchmark; // of the proposition at hand
    struct cr_arena arena;                // of texts that are made here
};

static enum cr_status write_column(struct writer *w, enum cr_variable_id id) {
    bool is_text = cr_schema[id].kind == CR_KIND_TEXT;
    hid_t type = is_text ? cr_h5_text_type() : H5Tcopy(H5T_NATIVE_DOUBLE);
    struct cr_slab slab = {0, w->frame->shape.size[cr_schema[id].dims[0]]};
    int result =
        type < 0 ? -1 : cr_h5_write_rows(w->frame->var[id], type, slab, w->column.any);
    cr_h5_close(type);
    return result == 0 ? CR_OK
                       : cr_h5_fail(w->err, "cannot write %s", cr_schema[id].path);
}

static double missing_number(enum cr_kind kind) {
    return kind == CR_KIND_F64 ? NAN : -1;
}

// Propositions: each function gives the element's text (NULL: no memory) or number.
typedef const char *(*proposition_text_fn)(struct writer *w,
                                           const struct cr_proposition *p);
typedef double (*proposition_number_fn)(const struct cr_proposition *p);

static const char *prop_id(struct writer *w, const struct cr_proposition *p) {
    (void)w;
    return p->id;
}
static const char *prop_question(struct writer *w, const struct cr_proposition *p) {
    (void)w;
    return p->question_id;
}
static const char *prop_benchmark(struct writer *w, const struct cr_proposition *p) {
    (void)p;
    return w->benchmark->name;
}
static const char *prop_text(struct writer *w, const struct cr_proposition *p) {
    (void)w;
    return p->text;
}
static const char *prop_unit(struct writer *w, const struct cr_proposition *p) {
    (void)w;
    return p->unit == NULL ? "" : p->unit;
}
static const char *prop_options(struct writer *w, const struct cr_proposition *p) {
    if (p->options_len == 0) {
        return "";
    }
    struct cr_buf buf;
    cr_buf_init(&buf, OPTIONS_BYTES_MAX);
    enum cr_status status = cr_buf_add(&buf, "[", 1);
    for (uint32_t i = 0; status == CR_OK && i < p->options_len; i++) {
        status = i == 0 ? CR_OK : cr_buf_add(&buf, ",", 1);
        if (status == CR_OK) {
            status = cr_json_add_quoted(&buf, p->options[i], strlen(p->options[i]));
        }
    }
    if (status == CR_OK) {
        status = cr_buf_add(&buf, "]", 1);
    }
    const char *text = status == CR_OK ? cr_arena_strdup(&w->arena, buf.data) : NULL;
    cr_buf_fini(&buf);
    return text;
}

static double prop_space(const struct cr_proposition *p) {
    return p->space;
}
static double prop_label(const struct cr_proposition *p) {
    return p->space == CR_SPACE_CONTINUOUS ? missing_number(CR_KIND_I32) : p->label;
}
static double prop_outcomes(const struct cr_proposition *p) {
    return cr_proposition_prices(p);
}
static double prop_value(const struct cr_proposition *p) {
    return p->space == CR_SPACE_CONTINUOUS ? p->value : NAN;
}
static double prop_low(const struct cr_proposition *p) {
    return p->space == CR_SPACE_CONTINUOUS ? p->low : NAN;
}
static double prop_high(const struct cr_proposition *p) {
    return p->space == CR_SPACE_CONTINUOUS ? p->high : NAN;
}

static const struct {
    enum cr_variable_id id;
    proposition_text_fn text;
    proposition_number_fn number;
} proposition_columns[] = {
    {CR_V_PROP_ID, prop_id, NULL},
    {CR_V_PROP_QUESTION, prop_question, NULL},
    {CR_V_PROP_BENCHMARK, prop_benchmark, NULL},
    {CR_V_PROP_SPACE, NULL, prop_space},
    {CR_V_PROP_LABEL, NULL, prop_label},
    {CR_V_PROP_OUTCOMES, NULL, prop_outcomes},
    {CR_V_PROP_VALUE, NULL, prop_value},
    {CR_V_PROP_LOW, NULL, prop_low},
    {CR_V_PROP_HIGH, NULL, prop_high},
    {CR_V_PROP_UNIT, prop_unit, NULL},
    {CR_V_PROP_TEXT, prop_text, NULL},
    {CR_V_PROP_OPTIONS, prop_options, NULL},
};
enum { PROPOSITION_COLUMNS = sizeof proposition_columns / sizeof *proposition_columns };

// One column of the propositions of w->benchmark, rows from FIRST of /propositions on.
static enum cr_status gather_propositions(struct writer *w, int column,
                                          uint64_t first) {
    const struct cr_propositions *list = &w->benchmark->propositions;
    for (size_t i = 0; i < list->len; i++) {
        const struct cr_proposition *p = &list->at[i];
        if (proposition_columns[column].number != NULL) {
            w->column.number[first + i] = proposition_columns[column].number(p);
            continue;
        }
        const char *text = proposition_columns[column].text(w, p);
        if (text == NULL) {
            return cr_err_set(w->err, CR_E_MEMORY, "no memory for /propositions");
        }
        w->column.text[first + i] = text;
    }
    return CR_OK;
}

static bool is_used(const struct cr_job *job, uint32_t benchmark) {
    for (uint32_t i = 0; i < job->cells_len; i++) {
        if (job->cells[i].benchmark == benchmark) {
            return true;
        }
    }
    return false;
}

static enum cr_status write_propositions(struct writer *w, int column,
                                         const uint64_t *first_proposition) {
    enum cr_status status = CR_OK;
    for (uint32_t b = 0; status == CR_OK && b < w->job->benchmarks_len; b++) {
        w->benchmark = &w->job->benchmarks[b];
        if (is_used(w->job, b)) {
            status = gather_propositions(w, column, first_proposition[b]);
        }
    }
    return status == CR_OK ? write_column(w, proposition_columns[column].id) : status;
}

typedef const char *(*cell_text_fn)(struct writer *w, const struct cr_cell *cell);
typedef double (*cell_number_fn)(const struct cr_cell *cell);

static const char *cell_name(struct writer *w, const struct cr_cell *cell) {
    (void)w;
    return cell->name;
}
static const char *cell_protocol(struct writer *w, const struct cr_cell *cell) {
    (void)w;
    return cr_protocol_name(cell->protocol);
}
static const char *cell_benchmark(struct writer *w, const struct cr_cell *cell) {
    return w->job->benchmarks[cell->benchmark].name;
}
static const char *cell_maker(struct writer *w, const struct cr_cell *cell) {
    return w->job->models[cell->maker].name;
}
static const char *cell_trader(struct writer *w, const struct cr_cell *cell) {
    if (cell->traders_len == 0) {
        return "";
    }
    struct cr_buf buf;
    cr_buf_init(&buf, 1 << 20);
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; status == CR_OK && i < cell->traders_len; i++) {
        status = cr_buf_printf(&buf, "%s%s", i == 0 ? "" : "+",
                               w->job->models[cell->traders[i]].name);
    }
    const char *text = status == CR_OK ? cr_arena_strdup(&w->arena, buf.data) : NULL;
    cr_buf_fini(&buf);
    return text;
}
static const char *cell_stance(struct writer *w, const struct cr_cell *cell) {
    (void)w;
    return cr_stance_names[cell->stance];
}
static const char *cell_elicitation(struct writer *w, const struct cr_cell *cell) {
    (void)w;
    return cr_elicitation_names[cell->elicitation];
}
static const char *cell_order(struct writer *w, const struct cr_cell *cell) {
    (void)w;
    return cr_order_names[cell->order];
}
static const char *cell_prompts(struct writer *w, const struct cr_cell *cell) {
    return cr_prompt_set_name(w->job->prompts[cell->prompts]);
}
static const char *cell_prompts_trader(struct writer *w, const struct cr_cell *cell) {
    return cr_prompt_set_name(w->job->prompts[cell->prompts_trader]);
}
static const char *cell_stop_rule(struct writer *w, const struct cr_cell *cell) {
    (void)w;
    return cr_stop_rule_names[cell->stop.rule];
}

static double cell_replicates(const struct cr_cell *c) {
    return c->replicates;
}
static double cell_samples(const struct cr_cell *c) {
    return c->samples;
}
static double cell_rounds(const struct cr_cell *c) {
    return c->rounds;
}
static double cell_memory(const struct cr_cell *c) {
    return c->memory;
}
static double cell_repairs(const struct cr_cell *c) {
    return c->repairs;
}
static double cell_thinks(const struct cr_cell *c) {
    return c->chain_of_thought;
}
static double cell_stop_early(const struct cr_cell *c) {
    return c->stop_early;
}
static double cell_reads_label(const struct cr_cell *c) {
    return c->traders_len > 0 &&
           (c->stance == CR_STANCE_TRUTHFUL || c->stance == CR_STANCE_ADVERSARIAL);
}
static double cell_threshold(const struct cr_cell *c) {
    return c->stop.threshold;
}
static double cell_window(const struct cr_cell *c) {
    return c->stop.window;
}
static double cell_iterations(const struct cr_cell *c) {
    return c->stop.max_iterations;
}
static double cell_trajectory(const struct cr_cell *c) {
    return c->trajectory;
}

static const struct {
    enum cr_variable_id id;
    cell_text_fn text;
    cell_number_fn number;
} cell_columns[] = {
    {CR_V_CELL_NAME, cell_name, NULL},
    {CR_V_CELL_PROTOCOL, cell_protocol, NULL},
    {CR_V_CELL_BENCHMARK, cell_benchmark, NULL},
    {CR_V_CELL_MAKER, cell_maker, NULL},
    {CR_V_CELL_TRADER, cell_trader, NULL},
    {CR_V_CELL_STANCE, cell_stance, NULL},
    {CR_V_CELL_ELICITATION, cell_elicitation, NULL},
    {CR_V_CELL_ORDER, cell_order, NULL},
    {CR_V_CELL_PROMPTS, cell_prompts, NULL},
    {CR_V_CELL_PROMPTS_TRADER, cell_prompts_trader, NULL},
    {CR_V_CELL_STOP_RULE, cell_stop_rule, NULL},
    {CR_V_CELL_REPLICATES, NULL, cell_replicates},
    {CR_V_CELL_SAMPLES, NULL, cell_samples},
    {CR_V_CELL_ROUNDS, NULL, cell_rounds},
    {CR_V_CELL_MEMORY, NULL, cell_memory},
    {CR_V_CELL_REPAIRS, NULL, cell_repairs},
    {CR_V_CELL_CHAIN_OF_THOUGHT, NULL, cell_thinks},
    {CR_V_CELL_STOP_EARLY, NULL, cell_stop_early},
    {CR_V_CELL_READS_LABEL, NULL, cell_reads_label},
    {CR_V_CELL_THRESHOLD, NULL, cell_threshold},
    {CR_V_CELL_WINDOW, NULL, cell_window},
    {CR_V_CELL_MAX_ITERATIONS, NULL, cell_iterations},
    {CR_V_CELL_TRAJECTORY, NULL, cell_trajectory},
};
enum { CELL_COLUMNS = sizeof cell_columns / sizeof *cell_columns };

static enum cr_status write_cells(struct writer *w, int column) {
    for (uint32_t i = 0; i < w->job->cells_len; i++) {
        const struct cr_cell *cell = &w->job->cells[i];
        if (cell_columns[column].number != NULL) {
            w->column.number[i] = cell_columns[column].number(cell);
            continue;
        }
        w->column.text[i] = cell_columns[column].text(w, cell);
        if (w->column.text[i] == NULL) {
            return cr_err_set(w->err, CR_E_MEMORY, "no memory for /cells");
        }
    }
    return write_column(w, cell_columns[column].id);
}

static bool is_kept(const struct cr_frame *frame, const char *name) {
    for (uint32_t i = 0; i < frame->kept_len; i++) {
        if (strcmp(frame->kept[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Column NAME of the items of one benchmark; rows of the others say nothing.
static void gather_kept(struct writer *w, const char *name, uint64_t first) {
    const struct cr_propositions *list = &w->benchmark->propositions;
    for (size_t column = 0; column < list->kept_len; column++) {
        for (size_t i = 0; i < list->len && strcmp(list->kept_names[column], name) == 0;
             i++) {
            const struct cr_proposition *p = &list->at[i];
            w->column.text[first + i] = p->kept == NULL ? "" : p->kept[column];
        }
    }
}

static enum cr_status write_kept(struct writer *w, const char *name,
                                 const uint64_t *first_proposition) {
    const uint64_t rows = w->frame->shape.size[CR_DIM_PROPOSITION];
    for (uint64_t i = 0; i < rows; i++) {
        w->column.text[i] = "";
    }
    for (uint32_t b = 0; b < w->job->benchmarks_len; b++) {
        w->benchmark = &w->job->benchmarks[b];
        if (is_used(w->job, b)) {
            gather_kept(w, name, first_proposition[b]);
        }
    }
    enum cr_status status = cr_frame_keep(w->frame, name, w->err);
    if (status != CR_OK) {
        return status;
    }
    hid_t type = cr_h5_text_type();
    const hid_t dataset = w->frame->kept[w->frame->kept_len - 1].dataset;
    const int result =
        type < 0
            ? -1
            : cr_h5_write_rows(dataset, type, (struct cr_slab){0, rows}, w->column.any);
    cr_h5_close(type);
    return result == 0
               ? CR_OK
               : cr_h5_fail(w->err, "cannot write column %s of the items", name);
}

// What the benchmarks keep of their items, each name once.
static enum cr_status write_all_kept(struct writer *w,
                                     const uint64_t *first_proposition) {
    enum cr_status status = CR_OK;
    for (uint32_t b = 0; status == CR_OK && b < w->job->benchmarks_len; b++) {
        const struct cr_propositions *list = &w->job->benchmarks[b].propositions;
        for (size_t i = 0; status == CR_OK && is_used(w->job, b) && i < list->kept_len;
             i++) {
            if (!is_kept(w->frame, list->kept_names[i])) {
                status = write_kept(w, list->kept_names[i], first_proposition);
            }
        }
    }
    return status;
}

static enum cr_status write_levels(struct writer *w) {
    static const double levels[CR_QUANTILES] = {0.05, 0.5, 0.95};
    hid_t dataset = w->frame->var[CR_V_LEVEL];
    return dataset < 0 ||
                   cr_h5_write_rows(dataset, H5T_NATIVE_DOUBLE,
                                    (struct cr_slab){0, CR_QUANTILES}, levels) == 0
               ? CR_OK
               : cr_h5_fail(w->err, "cannot write /level");
}

enum cr_status cr_groups_fill(struct cr_frame *frame, const struct cr_job *job,
                              const uint64_t *first_proposition, struct cr_err *err) {
    struct writer w = {.frame = frame, .job = job, .err = err};
    uint64_t propositions = frame->shape.size[CR_DIM_PROPOSITION];
    uint64_t most = propositions > job->cells_len ? propositions : job->cells_len;
    w.column.any = cr_calloc(most, sizeof *w.column.text);
    enum cr_status status =
        w.column.any == NULL
            ? cr_err_set(err, CR_E_MEMORY, "no memory for /propositions")
            : write_levels(&w);
    for (int c = 0; status == CR_OK && c < PROPOSITION_COLUMNS; c++) {
        status = write_propositions(&w, c, first_proposition);
    }
    for (int c = 0; status == CR_OK && c < CELL_COLUMNS; c++) {
        status = write_cells(&w, c);
    }
    if (status == CR_OK) {
        status = write_all_kept(&w, first_proposition);
    }
    cr_arena_fini(&w.arena);
    cr_free(w.column.any);
    return status;
}

enum { STAMP_BYTES = sizeof "2026-01-31T23:59:59Z", NAMES_BYTES_MAX = 16 << 20 };

static void stamp(int64_t wall_ms, char out[STAMP_BYTES]) {
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, STAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        out[0] = '\0';
    }
}

// The models in the order that /calls/model counts them, as a JSON array.
static enum cr_status add_models(struct cr_buf *out, const struct cr_job *job) {
    enum cr_status status = cr_buf_add(out, "[", 1);
    for (uint32_t i = 0; status == CR_OK && i < job->models_len; i++) {
        const char *name = job->models[i].name;
        status = i == 0 ? CR_OK : cr_buf_add(out, ",", 1);
        if (status == CR_OK) {
            status = cr_json_add_quoted(out, name, strlen(name));
        }
    }
    return status == CR_OK ? cr_buf_add(out, "]", 1) : status;
}

static int put_if(hid_t file, const char *name, const char *text) {
    return text == NULL ? 0 : cr_h5_put_text(file, name, text);
}

static int put_job(hid_t file, const struct cr_job *job, const char *models) {
    char hash[CR_HASH_HEX_BYTES];
    cr_hash_hex(job->identity, hash);
    return cr_h5_put_text(file, "title", job->name) != 0 ||
                   cr_h5_put_text(file, "job", job->resolved) != 0 ||
                   put_if(file, "job_identity", job->identity_json) != 0 ||
                   cr_h5_put_text(file, "job_hash", hash) != 0 ||
                   cr_h5_put_text(file, "models", models) != 0 ||
                   cr_h5_put_i32(file, "simulated", job->is_simulated) != 0
               ? -1
               : 0;
}

static int put_facts(hid_t file, const struct cr_run_facts *facts) {
    char start[STAMP_BYTES];
    stamp(facts->start_wall_ms, start);
    return put_if(file, "version", facts->version) != 0 ||
                   put_if(file, "git_revision", facts->git_revision) != 0 ||
                   put_if(file, "host", facts->host) != 0 ||
                   put_if(file, "mpi", facts->mpi) != 0 ||
                   put_if(file, "prompt_hashes", facts->prompt_hashes) != 0 ||
                   put_if(file, "hypotheses", facts->hypotheses) != 0 ||
                   cr_h5_put_chars(file, "start", start) != 0
               ? -1
               : 0;
}

enum cr_status cr_attributes_put(struct cr_frame *frame, const struct cr_job *job,
                                 const struct cr_run_facts *facts, struct cr_err *err) {
    struct cr_buf models;
    cr_buf_init(&models, NAMES_BYTES_MAX);
    enum cr_status status = add_models(&models, job);
    if (status != CR_OK) {
        status = cr_err_set(err, status, "no memory for the names of models");
    } else if (cr_h5_put_chars(frame->file, "Conventions", "CF-1.10") != 0 ||
               cr_h5_put_i32(frame->file, "schema", CR_SCHEMA_VERSION) != 0 ||
               put_job(frame->file, job, models.data) != 0 ||
               put_facts(frame->file, facts) != 0 ||
               cr_h5_put_chars(frame->file, "end", "0000-00-00T00:00:00Z") != 0 ||
               cr_h5_put_i32(frame->file, "complete", 0) != 0 ||
               cr_h5_set_chars(frame->file, "end", "") != 0) {
        status = cr_h5_fail(err, "cannot write the attributes");
    }
    cr_buf_fini(&models);
    return status;
}

int cr_attributes_finish(struct cr_frame *frame, bool complete, int64_t end_wall_ms) {
    char end[STAMP_BYTES];
    stamp(end_wall_ms, end);
    return cr_h5_set_chars(frame->file, "end", end) != 0 ||
                   cr_h5_set_i32(frame->file, "complete", complete) != 0
               ? -1
               : 0;
}
