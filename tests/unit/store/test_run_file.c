// test_run_file.c - what is put comes back from the file, and only that.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "sample.h"
#include "scratch.h"

struct fixture {
    char dir[64], path[96];
    struct sample sample;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "%s", "/tmp/credence-file-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    snprintf(f->path, sizeof f->path, "%s/run.h5", f->dir);
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

#define assert_ok(call)                                                                \
    do {                                                                               \
        struct cr_err err_ = {0};                                                      \
        struct cr_err *err = &err_;                                                    \
        if ((call) != CR_OK) {                                                         \
            fail_msg("%s: %s", #call, err_.text);                                      \
        }                                                                              \
    } while (0)

static struct cr_run_file *create(struct fixture *f) {
    struct cr_run_file *file = NULL;
    assert_ok(cr_run_file_create(f->path, &f->sample.content, &file, err));
    return file;
}

static void put_episode(struct cr_run_file *file, uint64_t episode) {
    struct sample_row row;
    struct sample_calls calls;
    sample_row(&row, episode);
    sample_calls(&calls, episode);
    assert_ok(cr_run_file_put(file, &row.row, err));
    assert_ok(cr_run_file_put_calls(file, episode, calls.at, 2, err));
}

// All episodes, in an order that STRIDE (coprime to their number) makes.
static void put_all(struct cr_run_file *file, uint64_t stride) {
    for (uint64_t i = 0; i < SAMPLE_EPISODES; i++) {
        put_episode(file, i * stride % SAMPLE_EPISODES);
    }
}

static struct cr_run_view *view_of(const char *path) {
    struct cr_run_view *view = NULL;
    assert_ok(cr_run_view_open(path, &view, err));
    return view;
}

static void assert_prices(const struct cr_run_view *v, const struct sample_row *want) {
    uint64_t e = want->row.episode;
    for (uint32_t i = 0; i < SAMPLE_ITERATIONS; i++) {
        bool is_made = i < want->row.prices_len;
        double price = v->price[e * SAMPLE_ITERATIONS + i];
        assert_true(is_made && want->row.width == 1 ? price == want->price[i]
                                                    : isnan(price));
        for (uint32_t k = 0; k < SAMPLE_OUTCOMES; k++) {
            price = v->outcome_price[(e * SAMPLE_ITERATIONS + i) * SAMPLE_OUTCOMES + k];
            assert_true(is_made && want->row.width == 3
                            ? price == want->price[3 * i + k]
                            : isnan(price));
            price = v->quantile[(e * SAMPLE_ITERATIONS + i) * 3 + k];
            assert_true(is_made && want->row.quantile != NULL
                            ? price == want->quantile[3 * i + k]
                            : isnan(price));
        }
        int8_t direction = v->direction[e * SAMPLE_ITERATIONS + i];
        assert_int_equal(direction,
                         i < want->row.steps_len ? want->step[i].direction : INT8_MIN);
    }
}

static void assert_rows(const struct cr_run_view *v) {
    struct sample_row want;
    for (uint64_t e = 0; e < SAMPLE_EPISODES; e++) {
        sample_row(&want, e);
        assert_int_equal(v->cell[e], want.row.cell);
        assert_int_equal(v->proposition[e], want.row.proposition);
        assert_int_equal(v->replicate[e], want.row.replicate);
        assert_int_equal(v->status[e], want.row.status);
        assert_int_equal(v->ended[e], want.row.ended);
        assert_int_equal(v->prices_len[e], want.row.prices_len);
        assert_prices(v, &want);
    }
}

static void rows_come_back_whatever_their_order(void **state) {
    struct fixture *f = *state;
    static const uint64_t strides[] = {1, 5, 23};
    for (size_t i = 0; i < 3; i++) {
        struct cr_run_file *file = create(f);
        put_all(file, strides[i]);
        assert_ok(cr_run_file_finish(file, i != 1, 1700000001000, err));
        struct cr_run_view *view = view_of(f->path);
        assert_int_equal(view->episodes, SAMPLE_EPISODES);
        assert_int_equal(view->iterations, SAMPLE_ITERATIONS);
        assert_int_equal(view->is_complete, i != 1);
        assert_rows(view);
        cr_run_view_close(view);
    }
}

static void a_row_put_again_replaces_the_first(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    struct sample_row row;
    for (uint64_t e = 0; e < SAMPLE_EPISODES; e++) {
        sample_row(&row, (e + 1) % SAMPLE_EPISODES);
        row.row.episode = e;
        assert_ok(cr_run_file_put(file, &row.row, err));
        assert_ok(cr_run_file_flush(file, err));
    }
    put_all(file, 1);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_run_view *view = view_of(f->path);
    assert_rows(view);
    cr_run_view_close(view);
}

// With rows this wide fewer blocks than the file has fit in memory: the second round of
// puts finds every block written out and must not lose the rows of the first.
static void rows_survive_their_block_giving_way(void **state) {
    enum { BLOCKS = 36, BLOCK_ROWS = 16, WIDE = 8, LONG = 1000 };
    struct fixture *f = *state;
    f->sample.layout.episodes = BLOCKS * BLOCK_ROWS;
    f->sample.layout.iterations = LONG;
    f->sample.layout.outcomes = WIDE;
    struct cr_run_file *file = create(f);
    for (uint64_t i = 0; i < 2 * BLOCKS; i++) {
        double price[2] = {(double)i / 100, 0.5};
        struct cr_step step[2] = {{.calls = 1}, {.calls = 2}};
        struct cr_episode_row row = {.episode = i % BLOCKS * BLOCK_ROWS + i / BLOCKS,
                                     .status = CR_DONE,
                                     .prices_len = 2,
                                     .width = 1,
                                     .price = price,
                                     .step = step,
                                     .steps_len = 2};
        assert_ok(cr_run_file_put(file, &row, err));
    }
    assert_ok(cr_run_file_finish(file, false, 0, err));
    struct cr_run_view *v = view_of(f->path);
    for (uint64_t i = 0; i < 3 * BLOCKS; i++) {
        uint64_t e = i % BLOCKS * BLOCK_ROWS + i / BLOCKS;
        bool is_put = i < 2 * BLOCKS;
        assert_int_equal(v->status[e], is_put ? CR_DONE : CR_PENDING);
        assert_true(is_put ? v->price[e * LONG] == (double)i / 100
                           : isnan(v->price[e * LONG]));
        assert_int_equal(v->calls[e], is_put ? 3 : 0);
    }
    cr_run_view_close(v);
}

static void a_view_of_numbers_has_the_same_questions_and_no_texts(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_all(file, 1);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_run_view *all = view_of(f->path), *some = NULL;
    assert_ok(cr_run_view_open_parts(f->path, CR_VIEW_NUMBERS, &some, err));
    assert_null(some->text);
    assert_null(some->proposition_id);
    assert_int_equal(some->propositions, all->propositions);
    for (uint64_t p = 0; p < all->propositions; p++) {
        assert_int_equal(some->question[p], all->question[p]);
    }
    cr_run_view_close(some);
    assert_ok(cr_run_view_open_parts(f->path, CR_VIEW_IDS, &some, err));
    assert_null(some->text);
    assert_string_equal(some->proposition_id[1], all->proposition_id[1]);
    assert_string_equal(some->benchmark[3], all->benchmark[3]);
    cr_run_view_close(some);
    cr_run_view_close(all);
}

static void groups_and_attributes_say_what_was_run(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_run_view *v = view_of(f->path);
    assert_int_equal(v->propositions, SAMPLE_PROPOSITIONS);
    assert_string_equal(v->proposition_id[1], "q1-false");
    assert_string_equal(v->text[1], "Snow is \"green\",\nthey say.");
    assert_string_equal(v->benchmark[2], "truth");
    assert_string_equal(v->benchmark[3], "lengths");
    assert_int_equal(v->question[0], v->question[1]);
    assert_int_not_equal(v->question[0], v->question[2]);
    assert_int_equal(v->label[2], 2);
    assert_int_equal(v->n_outcomes[2], 3);
    assert_true(v->value[3] == 30 && v->low[3] == 10 && v->high[3] == 50);
    assert_true(isnan(v->value[0]));
    assert_int_equal(v->cells, SAMPLE_CELLS);
    assert_string_equal(v->cell_info[1].name, "lengths T=0.2");
    assert_string_equal(v->cell_info[1].trader, "small+large");
    assert_string_equal(v->cell_info[0].maker, "large");
    assert_string_equal(v->cell_info[1].stance, "adversarial");
    assert_string_equal(v->cell_info[0].prompts, "paper");
    assert_string_equal(v->cell_info[0].prompts_trader, "paper");
    assert_true(v->cell_info[0].threshold == 0.1);
    assert_int_equal(v->cell_info[1].trajectory, 1);
    assert_string_equal(v->job, "{\"name\": \"sample\"}");
    assert_string_equal(v->job_hash, "00000000000000010000000000000002");
    assert_true(v->is_simulated);
    // Nothing was put, and yet no index reads as missing.
    assert_int_equal(v->cell[0], 0);
    assert_int_equal(v->cell[1], 1);
    assert_int_equal(v->replicate[2], 1);
    assert_int_equal(v->proposition[SAMPLE_CELLS * SAMPLE_REPLICATES], 1);
    assert_int_equal(v->status[0], CR_PENDING);
    cr_run_view_close(v);
}

static void totals_are_sums_and_dollars_follow_the_prices_of_tokens(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_episode(file, 0); // cell 0: maker large (2, 8, cached 1), trader small (1, 0)
    assert_ok(cr_run_file_finish(file, false, 0, err));
    struct cr_run_view *v = view_of(f->path);
    assert_int_equal(v->tokens[0], 3 * 1100 + 2 * 550);
    assert_int_equal(v->calls[0], 5);
    assert_true(v->latency_s[0] == 0.75f);
    // Of 300 cached tokens 200 are the maker's (1000 of 1500 prompt tokens).
    double want = (3 * (1000 * 2 + 100 * 8) + 2 * 500 * 1 - 2 * 200 * (2 - 1)) * 1e-6;
    assert_true(fabs(v->usd[0] - want) < 1e-12);
    cr_run_view_close(v);
}

static void what_is_kept_of_the_items_is_read_back(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_all(file, 7);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_run_view *v = view_of(f->path);
    assert_int_equal(v->kept_len, 2);
    assert_string_equal(v->kept[0].name, "category");
    assert_string_equal(v->kept[0].text[0], "snow");
    assert_string_equal(v->kept[0].text[2], "caf\xc3\xa9");
    assert_string_equal(v->kept[0].text[3], "distance"); // of another benchmark
    assert_string_equal(v->kept[1].name, "sub_ject");    // a slash would be a path
    assert_string_equal(v->kept[1].text[0], "weather");
    assert_string_equal(v->kept[1].text[3], "");
    cr_run_view_close(v);
    assert_ok(cr_run_view_open_parts(f->path, CR_VIEW_NUMBERS, &v, err));
    assert_int_equal(v->kept_len, 0);
    cr_run_view_close(v);
}

static void why_is_data(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_all(file, 7);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_run_view *v = view_of(f->path);
    assert_int_equal(v->reason[4], CR_REASON_NONE);
    assert_int_equal(v->reason[5], CR_REASON_TIMEOUT);
    assert_int_equal(v->reason[7], CR_REASON_UNREADABLE);
    const uint8_t *repaired = &v->repair_reason[4 * (size_t)SAMPLE_ITERATIONS];
    const uint8_t *estimated = &v->is_estimated[4 * (size_t)SAMPLE_ITERATIONS];
    assert_int_equal(repaired[0], CR_REASON_NONE);
    assert_int_equal(repaired[1], CR_REASON_CUT);
    assert_int_equal(estimated[0], 0);
    assert_int_equal(estimated[1], 1);
    assert_int_equal(repaired[SAMPLE_ITERATIONS - 1], UINT8_MAX);
    assert_int_equal(estimated[SAMPLE_ITERATIONS - 1], UINT8_MAX);
    cr_run_view_close(v);
}

static void assert_calls(const char *path, uint64_t episode) {
    struct cr_call_records list = {0};
    struct sample_calls want;
    sample_calls(&want, episode);
    assert_ok(cr_run_view_calls(path, episode, &list, err));
    assert_int_equal(list.len, 2);
    assert_true(list.at[0].trajectory_key == UINT64_MAX - episode);
    assert_true(list.at[0].request_hash.lo == UINT64_MAX);
    assert_string_equal(list.at[0].text, want.text);
    assert_true((list.at[0].reasoning != NULL) == (episode % 2 == 1));
    assert_null(list.at[0].error);
    assert_true(list.at[0].latency_s == 0.1);
    assert_null(list.at[1].text);
    assert_string_equal(list.at[1].error, want.error);
    assert_int_equal(list.at[1].reason, CR_REASON_SERVER);
    assert_string_equal(list.at[0].finish_word, "end_turn");
    assert_string_equal(list.at[1].finish_word, "");
    assert_string_equal(list.at[0].request_id, "req_1");
    assert_string_equal(list.at[1].request_id, want.at[1].request_id);
    assert_int_equal(list.at[0].is_estimated, episode % 2 == 0);
    assert_memory_equal(&list.at[1].id, &want.at[1].id, sizeof want.at[1].id);
    cr_call_records_fini(&list);
}

static void calls_of_an_episode_come_back_with_their_texts(void **state) {
    struct fixture *f = *state;
    for (int complete = 0; complete < 2; complete++) {
        struct cr_run_file *file = create(f);
        put_all(file, 7);
        assert_ok(cr_run_file_finish(file, complete, 0, err));
        for (uint64_t e = 0; e < SAMPLE_EPISODES; e++) {
            assert_calls(f->path, e);
        }
        struct cr_call_records none = {0};
        assert_int_equal(cr_run_view_calls(f->path, SAMPLE_EPISODES, &none, NULL),
                         CR_E_NOT_FOUND);
    }
}

static void texts_stay_out_when_the_job_says_so(void **state) {
    struct fixture *f = *state;
    f->sample.job.output_text = false;
    struct cr_run_file *file = create(f);
    put_all(file, 1);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_call_records list = {0};
    assert_ok(cr_run_view_calls(f->path, 3, &list, err));
    assert_int_equal(list.len, 2);
    assert_null(list.at[0].text);
    assert_string_equal(list.at[0].finish_word, "end_turn"); // no text of a model
    cr_call_records_fini(&list);
}

static char *bytes_of(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 22);
    *len = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    return bytes;
}

static void a_finished_file_does_not_depend_on_the_order_of_completion(void **state) {
    struct fixture *f = *state;
    size_t len[2];
    char *bytes[2];
    for (int i = 0; i < 2; i++) {
        struct cr_run_file *file = create(f);
        put_all(file, i == 0 ? 1 : 11);
        assert_ok(cr_run_file_finish(file, true, 1700000001000, err));
        bytes[i] = bytes_of(f->path, &len[i]);
    }
    assert_int_equal(len[0], len[1]);
    assert_memory_equal(bytes[0], bytes[1], len[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void a_live_file_shows_what_was_flushed(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_episode(file, 2);
    assert_ok(cr_run_file_flush(file, err));
    struct cr_run_view *view = view_of(f->path);
    assert_int_equal(view->status[2], CR_DONE);
    assert_int_equal(view->status[3], CR_PENDING);
    assert_false(view->is_complete);
    cr_run_view_close(view);
    put_all(file, 1);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    view = view_of(f->path);
    assert_rows(view);
    cr_run_view_close(view);
}

static void a_file_whose_writer_vanished_is_readable_to_the_last_flush(void **state) {
    struct fixture *f = *state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct cr_run_file *file = create(f);
        put_all(file, 1);
        enum cr_status status = cr_run_file_flush(file, NULL);
        _exit(status == CR_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct cr_run_view *view = view_of(f->path);
    assert_rows(view);
    assert_false(view->is_complete);
    cr_run_view_close(view);
    struct cr_run_file *file = create(f); // replaces it
    cr_run_file_abandon(file);
}

static void a_new_file_takes_the_old_ones_place_only_when_it_is_usable(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_all(file, 1);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    struct cr_run_file *none = NULL;
    cr_mem_fail_at(12);
    enum cr_status status =
        cr_run_file_create(f->path, &f->sample.content, &none, NULL);
    cr_mem_fail_at(0);
    assert_int_equal(status, CR_E_MEMORY);
    struct cr_run_view *view = view_of(f->path);
    assert_rows(view);
    cr_run_view_close(view);
}

static void what_is_no_result_file_is_refused_with_its_name(void **state) {
    struct fixture *f = *state;
    struct cr_run_view *view = NULL;
    struct cr_err err;
    assert_int_equal(cr_run_view_open(f->path, &view, &err), CR_E_NOT_FOUND);
    FILE *file = fopen(f->path, "w");
    fputs("not HDF5 at all\n", file);
    fclose(file);
    assert_int_equal(cr_run_view_open(f->path, &view, &err), CR_E_IO);
    assert_non_null(strstr(err.text, f->path));
    assert_null(view);
}

static void a_file_with_its_end_cut_off_is_refused(void **state) {
    struct fixture *f = *state;
    struct cr_run_file *file = create(f);
    put_all(file, 1);
    assert_ok(cr_run_file_finish(file, true, 0, err));
    size_t len;
    free(bytes_of(f->path, &len));
    for (size_t cut = 1; cut < len; cut += 1 + cut / 2) {
        struct cr_run_view *view = NULL;
        struct cr_err err;
        assert_int_equal(truncate(f->path, (off_t)(len - cut)), 0);
        assert_int_not_equal(cr_run_view_open(f->path, &view, &err), CR_OK);
        assert_non_null(strstr(err.text, f->path));
    }
}

static enum cr_status write_and_read(struct fixture *f) {
    struct cr_run_file *file = NULL;
    struct cr_run_view *view = NULL;
    struct sample_row row;
    struct sample_calls calls;
    sample_row(&row, 0);
    sample_calls(&calls, 0);
    enum cr_status status =
        cr_run_file_create(f->path, &f->sample.content, &file, NULL);
    if (status != CR_OK) {
        return status;
    }
    status = cr_run_file_put(file, &row.row, NULL);
    if (status == CR_OK) {
        status = cr_run_file_put_calls(file, 0, calls.at, 2, NULL);
    }
    if (status != CR_OK) {
        cr_run_file_abandon(file);
        return status;
    }
    status = cr_run_file_finish(file, true, 0, NULL);
    if (status == CR_OK) {
        status = cr_run_view_open(f->path, &view, NULL);
    }
    cr_run_view_close(view);
    return status;
}

static void each_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    struct fixture *f = *state;
    // A file takes 50 ms, so of the later allocations only some are made to fail.
    for (uint64_t n = 1;; n += 1 + n / 4) {
        cr_mem_fail_at(n);
        enum cr_status status = write_and_read(f);
        bool was_reached = cr_mem_count() >= n;
        cr_mem_fail_at(0);
        if (!was_reached) {
            assert_int_equal(status, CR_OK);
            break;
        }
        assert_int_not_equal(status, CR_OK);
        assert_true(n < 1000);
    }
}

static void a_full_disk_is_named_and_what_was_flushed_survives(void **state) {
    struct fixture *f = *state;
    fflush(NULL);
    for (rlim_t limit = 4096; limit < 200 * 1024; limit += 19 * 1024) {
        pid_t child = fork();
        if (child == 0) {
            struct rlimit low = {limit, limit};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &low);
            enum cr_status status = write_and_read(f);
            exit(status == CR_OK       ? 0
                 : status == CR_E_FULL ? 1
                                       : 2); // the library tidies up
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) < 2);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE(rows_come_back_whatever_their_order),
        CASE(a_row_put_again_replaces_the_first),
        CASE(a_view_of_numbers_has_the_same_questions_and_no_texts),
        CASE(groups_and_attributes_say_what_was_run),
        CASE(what_is_kept_of_the_items_is_read_back),
        CASE(why_is_data),
        CASE(totals_are_sums_and_dollars_follow_the_prices_of_tokens),
        CASE(texts_stay_out_when_the_job_says_so),
        CASE(a_finished_file_does_not_depend_on_the_order_of_completion),
        CASE(a_live_file_shows_what_was_flushed),
        CASE(a_file_whose_writer_vanished_is_readable_to_the_last_flush),
        CASE(a_new_file_takes_the_old_ones_place_only_when_it_is_usable),
        CASE(what_is_no_result_file_is_refused_with_its_name),
        CASE(a_file_with_its_end_cut_off_is_refused),
    };
    // Label contract: run when there is an argument.
    const struct CMUnitTest slow[] = {
        CASE(calls_of_an_episode_come_back_with_their_texts),
        CASE(rows_survive_their_block_giving_way),
        CASE(each_failed_allocation_is_reported_and_leaks_nothing),
        CASE(a_full_disk_is_named_and_what_was_flushed_survives),
    };
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests(slow, NULL, NULL)
                    : cmocka_run_group_tests(tests, NULL, NULL);
}
