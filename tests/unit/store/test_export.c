// test_export.c - the tables say what the file says, in CSV and in JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/store/export.h"
#include "csv_text.h"
#include "sample.h"
#include "scratch.h"

enum { ROWS_MAX = 128, CELLS_MAX = 40 };

struct fixture {
    char dir[64], path[96], tables[96];
    struct sample sample;
    struct cr_buf text;               // of the table that was read last
    char *cells[ROWS_MAX][CELLS_MAX]; // its header and rows
    size_t rows, columns;
};

static void check(enum cr_status status, const struct cr_err *err) {
    if (status != CR_OK) {
        fail_msg("%s", err->text);
    }
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/credence-export-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    snprintf(f->path, sizeof f->path, "%s/run.h5", f->dir);
    snprintf(f->tables, sizeof f->tables, "%s/tables", f->dir);
    cr_buf_init(&f->text, 1 << 24);
    sample_init(&f->sample);
    struct cr_run_file *file = NULL;
    struct cr_err err = {0};
    check(cr_run_file_create(f->path, &f->sample.content, &file, &err), &err);
    for (uint64_t e = 0; e < SAMPLE_EPISODES; e++) {
        struct sample_row row;
        struct sample_calls calls;
        sample_row(&row, e);
        sample_calls(&calls, e);
        check(cr_run_file_put(file, &row.row, &err), &err);
        check(cr_run_file_put_calls(file, e, calls.at, 2, &err), &err);
    }
    check(cr_run_file_finish(file, true, 0, &err), &err);
    *state = f;
    return 0;
}

static void forget_cells(struct fixture *f) {
    for (size_t r = 0; r < ROWS_MAX; r++) {
        for (size_t c = 0; c < CELLS_MAX; c++) {
            free(f->cells[r][c]);
            f->cells[r][c] = NULL;
        }
    }
    f->rows = 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    int result = scratch_remove(f->dir);
    forget_cells(f);
    cr_buf_fini(&f->text);
    sample_fini(&f->sample);
    free(f);
    return result;
}

static void read_file(struct fixture *f, const char *name) {
    char path[160];
    struct cr_err err = {0};
    snprintf(path, sizeof path, "%s/%s", f->tables, name);
    cr_buf_clear(&f->text);
    check(cr_file_read(path, &f->text, &err), &err);
}

static enum cr_status keep_row(void *ctx, const struct cr_csv_row *row,
                               struct cr_err *err) {
    (void)err;
    struct fixture *f = ctx;
    assert_true(f->rows < ROWS_MAX && row->fields_len <= CELLS_MAX);
    f->columns = row->fields_len;
    for (size_t c = 0; c < row->fields_len; c++) {
        f->cells[f->rows][c] = strdup(row->fields[c]);
    }
    f->rows++;
    return CR_OK;
}

static void read_csv(struct fixture *f, const char *table) {
    char name[64];
    struct cr_err err = {0};
    snprintf(name, sizeof name, "%s.csv", table);
    forget_cells(f);
    read_file(f, name);
    const struct cr_csv_cfg cfg = {.name = name, .row = keep_row, .ctx = f};
    check(csv_text_read(&cfg, f->text.data, f->text.used_bytes, &err), &err);
}

// The cell of column NAME in row ROW, from 1; row 0 is the header.
static const char *cell(struct fixture *f, size_t row, const char *name) {
    for (size_t c = 0; c < f->columns; c++) {
        if (strcmp(f->cells[0][c], name) == 0) {
            return f->cells[row][c];
        }
    }
    fail_msg("no column %s", name);
    return NULL;
}

static void export_all(struct fixture *f) {
    struct cr_err err = {0};
    check(cr_export(f->path, f->tables, &err), &err);
}

static void episodes_have_a_row_each_and_flags_have_names(void **state) {
    struct fixture *f = *state;
    export_all(f);
    read_csv(f, "episodes");
    assert_int_equal(f->rows, SAMPLE_EPISODES + 1);
    assert_string_equal(cell(f, 1, "episode"), "0");
    assert_string_equal(cell(f, 6, "status"), "failed");
    assert_string_equal(cell(f, 8, "stop_reason"), "invalid");
    assert_string_equal(cell(f, SAMPLE_EPISODES, "status"), "pending");
    assert_string_equal(cell(f, 2, "replicate"), "0");
    assert_string_equal(cell(f, 1, "total_tokens"), "4400");
    assert_string_equal(cell(f, 1, "total_latency_s"), "0.75");
}

static void prices_have_a_row_for_each_step_made(void **state) {
    struct fixture *f = *state;
    export_all(f);
    read_csv(f, "prices");
    size_t at = 1;
    for (uint64_t e = 0; e < SAMPLE_EPISODES; e++) {
        struct sample_row want;
        sample_row(&want, e);
        for (uint32_t i = 0; i < want.row.steps_len; i++, at++) {
            assert_int_equal(atoi(cell(f, at, "episode")), e);
            assert_int_equal(atoi(cell(f, at, "iteration")), i);
            const char *price = cell(f, at, "price");
            bool has_price = i < want.row.prices_len && want.row.width == 1;
            assert_int_equal(price[0] != '\0', has_price);
            assert_true(!has_price || strtod(price, NULL) == want.price[i]);
        }
    }
    assert_int_equal(f->rows, at);
    read_csv(f, "outcome_prices");
    assert_string_equal(f->cells[0][2], "outcome");
    assert_string_equal(cell(f, 3, "outcome"), "2");
    read_csv(f, "quantiles");
    assert_string_equal(cell(f, 1, "level"), "0.05");
    assert_string_equal(cell(f, 1, "quantile"), "0.1");
}

static void texts_survive_quotes_commas_and_newlines(void **state) {
    struct fixture *f = *state;
    export_all(f);
    read_csv(f, "propositions");
    assert_int_equal(f->rows, SAMPLE_PROPOSITIONS + 1);
    assert_string_equal(cell(f, 2, "text"), "Snow is \"green\",\nthey say.");
    assert_string_equal(cell(f, 3, "options"),
                        "[\"red\",\"gr\xc3\xbcn\",\"\\\"blue\\\"\"]");
    assert_string_equal(cell(f, 4, "label"), "");
    assert_string_equal(cell(f, 4, "value"), "30");
    assert_string_equal(cell(f, 1, "item.category"), "snow");
    assert_string_equal(cell(f, 2, "item.sub_ject"), "'=1+1"); // no formula
    assert_string_equal(cell(f, 4, "item.sub_ject"), "");
    read_csv(f, "cells");
    assert_string_equal(cell(f, 2, "trader"), "small+large");
    assert_string_equal(cell(f, 2, "reads_label"), "true");
}

static void calls_come_with_their_texts(void **state) {
    struct fixture *f = *state;
    export_all(f);
    read_csv(f, "calls");
    assert_int_equal(f->rows, 2 * SAMPLE_EPISODES + 1);
    assert_string_equal(cell(f, 3, "episode"), "1");
    assert_string_equal(cell(f, 3, "text"), "judgment 1 of caf\xc3\xa9");
    assert_string_equal(cell(f, 3, "trajectory_key"), "fffffffffffffffe");
    assert_string_equal(cell(f, 4, "role"), "trader");
    assert_string_equal(cell(f, 4, "error"), "500 at 1");
    assert_string_equal(cell(f, 4, "text"), "");
}

// Every line of every JSONL is an object with the columns of the CSV, in their order.
static void json_lines_have_the_columns_of_the_csv(void **state) {
    struct fixture *f = *state;
    static const char *const tables[] = {"episodes",    "prices", "outcome_prices",
                                         "quantiles",   "cells",  "calls",
                                         "propositions"};
    export_all(f);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        char name[64];
        read_csv(f, tables[t]);
        snprintf(name, sizeof name, "%s.jsonl", tables[t]);
        read_file(f, name);
        size_t lines = 0;
        for (char *line = f->text.data, *end; *line != '\0'; line = end + 1, lines++) {
            end = strchr(line, '\n');
            struct cr_json_limits limits = {1 << 20, 4};
            struct cr_json *row = NULL;
            struct cr_err err = {0};
            check(cr_json_parse(line, (size_t)(end - line), limits, &row, &err), &err);
            const struct cr_json *member = cr_json_first(row);
            for (size_t c = 0; c < f->columns; c++, member = cr_json_next(member)) {
                assert_string_equal(cr_json_key(member), f->cells[0][c]);
            }
            assert_null(member);
            cr_json_free(row);
        }
        assert_int_equal(lines + 1, f->rows);
    }
}

static void each_failed_allocation_is_reported(void **state) {
    struct fixture *f = *state;
    for (uint64_t n = 1;; n += 1 + n / 8) {
        struct cr_err err = {0};
        cr_mem_fail_at(n);
        enum cr_status status = cr_export(f->path, f->tables, &err);
        bool was_reached = cr_mem_count() >= n;
        cr_mem_fail_at(0);
        if (!was_reached) {
            check(status, &err);
            break;
        }
        assert_int_equal(status, CR_E_MEMORY);
    }
}

static void a_file_that_is_not_there_makes_no_folder(void **state) {
    struct fixture *f = *state;
    struct cr_err err = {0};
    assert_int_equal(cr_export("/nowhere/run.h5", f->tables, &err), CR_E_NOT_FOUND);
    assert_false(cr_dir_exists(f->tables));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE(episodes_have_a_row_each_and_flags_have_names),
        CASE(prices_have_a_row_for_each_step_made),
        CASE(texts_survive_quotes_commas_and_newlines),
        CASE(calls_come_with_their_texts),
        CASE(json_lines_have_the_columns_of_the_csv),
        CASE(a_file_that_is_not_there_makes_no_folder),
    };
    // Label contract: run when there is an argument.
    const struct CMUnitTest slow[] = {
        CASE(each_failed_allocation_is_reported),
    };
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests(slow, NULL, NULL)
                    : cmocka_run_group_tests(tests, NULL, NULL);
}
