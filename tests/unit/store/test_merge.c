// test_merge.c - shards joined are the file that one run would have made.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/store/merge.h"
#include "sample.h"
#include "scratch.h"

enum { FILES_MAX = 8 };

struct fixture {
    char dir[64];
    char paths[FILES_MAX][96];
    const char *list[FILES_MAX];
    char out[96];
    struct sample sample;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/credence-merge-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    for (int i = 0; i < FILES_MAX; i++) {
        snprintf(f->paths[i], sizeof f->paths[i], "%s/%d.h5", f->dir, i);
        f->list[i] = f->paths[i];
    }
    snprintf(f->out, sizeof f->out, "%s/out.h5", f->dir);
    sample_init(&f->sample);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    int result = scratch_remove(f->dir);
    sample_fini(&f->sample);
    free(f);
    return result;
}

static void check(enum cr_status status, const struct cr_err *err) {
    if (status != CR_OK) {
        fail_msg("%s", err->text);
    }
}

// The episodes E with E % of == part, in SAMPLE's way but for a change made by CHANGE.
typedef void (*change_fn)(struct sample_row *row);

static void write_part(struct fixture *f, const char *path, uint64_t part, uint64_t of,
                       change_fn change) {
    struct cr_run_file *file = NULL;
    struct cr_err err = {0};
    check(cr_run_file_create(path, &f->sample.content, &file, &err), &err);
    for (uint64_t e = part; e < SAMPLE_EPISODES; e += of) {
        struct sample_row row;
        struct sample_calls calls;
        sample_row(&row, e);
        sample_calls(&calls, e);
        if (change != NULL) {
            change(&row);
        }
        check(cr_run_file_put(file, &row.row, &err), &err);
        if (row.row.status != CR_PENDING) { // calls are written with the result
            check(cr_run_file_put_calls(file, e, calls.at, 2, &err), &err);
        }
    }
    check(cr_run_file_finish(file, false, 1700000001000, &err), &err);
}

static char *bytes_of(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 22);
    *len = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    return bytes;
}

static void assert_same_bytes(const char *left, const char *right) {
    size_t left_len, right_len;
    char *a = bytes_of(left, &left_len), *b = bytes_of(right, &right_len);
    assert_int_equal(left_len, right_len);
    assert_memory_equal(a, b, left_len);
    free(a);
    free(b);
}

// With 2 shards the parts are read through the variables, with 6 through /sparse.
static void shards_join_into_the_file_of_one_run(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[7], 0, 1, NULL);
    static const uint64_t counts[] = {1, 2, 6};
    for (size_t c = 0; c < 3; c++) {
        for (uint64_t i = 0; i < counts[c]; i++) {
            write_part(f, f->paths[counts[c] - 1 - i], i, counts[c], NULL);
        }
        struct cr_merge_report report;
        struct cr_err err = {0};
        check(cr_merge(f->list, counts[c], f->out, &report, &err), &err);
        assert_int_equal(report.episodes, SAMPLE_EPISODES);
        assert_int_equal(report.done, SAMPLE_EPISODES - 3);
        assert_int_equal(report.invalid, 1);
        assert_int_equal(report.failed, 1);
        assert_int_equal(report.pending, 1);
        assert_string_equal(report.missing, "23");
        assert_same_bytes(f->out, f->paths[7]);
    }
}

static void no_pending(struct sample_row *row) {
    if (row->row.status == CR_PENDING) {
        row->row.status = CR_DONE;
    }
}

static void what_is_missing_is_named_by_ranges(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[0], 0, 3, no_pending);
    struct cr_merge_report report;
    struct cr_err err = {0};
    check(cr_merge(f->list, 1, f->out, &report, &err), &err);
    assert_int_equal(report.pending, 16);
    assert_string_equal(report.missing,
                        "1-2, 4-5, 7-8, 10-11, 13-14, 16-17, 19-20, 22-23");
    struct cr_run_view *view = NULL;
    check(cr_run_view_open(f->out, &view, &err), &err);
    assert_false(view->is_complete);
    cr_run_view_close(view);
    write_part(f, f->paths[1], 1, 3, no_pending);
    write_part(f, f->paths[2], 2, 3, no_pending);
    check(cr_merge(f->list, 3, f->out, &report, &err), &err);
    assert_string_equal(report.missing, "");
    check(cr_run_view_open(f->out, &view, &err), &err);
    assert_true(view->is_complete);
    cr_run_view_close(view);
}

static void five_succeeds(struct sample_row *row) {
    if (row->row.episode == 5) {
        row->row.status = CR_DONE;
        row->row.ended = CR_ENDED_EQUILIBRIUM;
    }
}

static void an_episode_done_goes_before_one_failed(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[0], 0, 1, NULL);
    write_part(f, f->paths[1], 0, 1, five_succeeds);
    const char *lists[2][2] = {{f->paths[0], f->paths[1]}, {f->paths[1], f->paths[0]}};
    for (int i = 0; i < 2; i++) {
        struct cr_merge_report report;
        struct cr_err err = {0};
        check(cr_merge(lists[i], 2, f->out, &report, &err), &err);
        assert_int_equal(report.failed, 0);
        struct cr_run_view *view = NULL;
        check(cr_run_view_open(f->out, &view, &err), &err);
        assert_int_equal(view->status[5], CR_DONE);
        cr_run_view_close(view);
    }
}

static void nine_moves(struct sample_row *row) {
    if (row->row.episode == 9) {
        row->price[0] += 0.01;
    }
}

static void files_that_disagree_are_refused_with_the_episode(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[0], 0, 1, NULL);
    write_part(f, f->paths[1], 1, 2, nine_moves);
    struct cr_err err = {0};
    assert_int_equal(cr_merge(f->list, 2, f->out, NULL, &err), CR_E_DIFFERS);
    assert_non_null(strstr(err.text, "episode 9"));
    assert_non_null(strstr(err.text, f->paths[1]));
}

static void files_of_two_jobs_are_refused(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[0], 0, 2, NULL);
    f->sample.job.identity.lo++;
    write_part(f, f->paths[1], 1, 2, NULL);
    struct cr_err err = {0};
    assert_int_equal(cr_merge(f->list, 2, f->out, NULL, &err), CR_E_DIFFERS);
    assert_non_null(strstr(err.text, "different jobs"));
}

static void the_result_may_replace_one_of_the_files(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[7], 0, 1, NULL);
    write_part(f, f->paths[0], 0, 2, NULL);
    write_part(f, f->paths[1], 1, 2, NULL);
    struct cr_err err = {0};
    check(cr_merge(f->list, 2, f->paths[0], NULL, &err), &err);
    assert_same_bytes(f->paths[0], f->paths[7]);
}

static void each_failed_allocation_leaves_the_old_file(void **state) {
    struct fixture *f = *state;
    write_part(f, f->paths[0], 0, 6, NULL);
    write_part(f, f->paths[1], 1, 6, NULL);
    write_part(f, f->out, 0, 1, NULL);
    write_part(f, f->paths[7], 0, 1, NULL);
    for (uint64_t n = 1;; n += 1 + n / 4) {
        struct cr_err err = {0};
        cr_mem_fail_at(n);
        enum cr_status status = cr_merge(f->list, 2, f->out, NULL, &err);
        bool was_reached = cr_mem_count() >= n;
        cr_mem_fail_at(0);
        if (!was_reached) {
            check(status, &err);
            break;
        }
        assert_int_equal(status, CR_E_MEMORY);
        assert_same_bytes(f->out, f->paths[7]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE(what_is_missing_is_named_by_ranges),
        CASE(an_episode_done_goes_before_one_failed),
        CASE(files_that_disagree_are_refused_with_the_episode),
        CASE(files_of_two_jobs_are_refused),
        CASE(the_result_may_replace_one_of_the_files),
    };
    // Label contract: run when there is an argument.
    const struct CMUnitTest slow[] = {
        CASE(each_failed_allocation_leaves_the_old_file),
        CASE(shards_join_into_the_file_of_one_run),
    };
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests(slow, NULL, NULL)
                    : cmocka_run_group_tests(tests, NULL, NULL);
}
