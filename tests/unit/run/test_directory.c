// A run directory: what it takes in, what it refuses, and that nothing is ever deleted.
#include "cmocka_all.h"

#include <sys/stat.h>

#include "job_fixture.h"
#include "run/directory.h"

static struct cr_log quiet = {.file = NULL};

struct place {
    struct fixture f;
    char run[128];
    struct cr_err err;
};

static void open_place(struct place *p, const char *job) {
    *p = (struct place){0};
    fixture_open(&p->f, 2);
    fixture_need(&p->f, job);
    snprintf(p->run, sizeof p->run, "%s/run", p->f.dir);
}

static void close_place(struct place *p) {
    fixture_close(&p->f);
}

static enum cr_status make(struct place *p, bool fresh) {
    return cr_directory_make(p->run, fresh, &quiet, &p->err);
}

static enum cr_status claim(struct place *p, bool *is_unchanged) {
    return cr_directory_claim(p->run, p->f.job, &p->f.bundle, is_unchanged, &p->err);
}

static void put(struct place *p, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", p->run, name);
    assert_int_equal(cr_file_write(path, text, strlen(text), 0600, NULL), CR_OK);
}

static bool has(const struct place *p, const char *suffix) {
    char path[256];
    snprintf(path, sizeof path, "%s%s", p->run, suffix);
    return cr_file_exists(path);
}

static void a_new_directory_is_private_and_takes_the_job(void **state) {
    (void)state;
    struct place p;
    struct stat st;
    bool is_unchanged = true;
    open_place(&p, FIXTURE_JOB(""));
    snprintf(p.run, sizeof p.run, "%s/deep/er/run", p.f.dir);
    assert_int_equal(make(&p, false), CR_OK);
    assert_int_equal(stat(p.run, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    assert_false(is_unchanged);
    assert_true(has(&p, "/bundle") && has(&p, "/job.json"));
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    assert_true(is_unchanged);
    struct cr_buf stored;
    cr_buf_init(&stored, CR_BUNDLE_BYTES_MAX);
    assert_int_equal(cr_directory_bundle(p.run, &stored, &p.err), CR_OK);
    assert_int_equal(stored.used_bytes, p.f.bundle.used_bytes);
    assert_memory_equal(stored.data, p.f.bundle.data, stored.used_bytes);
    cr_buf_fini(&stored);
    close_place(&p);
}

static void a_folder_of_somebody_else_is_refused(void **state) {
    (void)state;
    struct place p;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(make(&p, false), CR_OK);
    put(&p, "thesis.tex", "years of work");
    assert_int_equal(make(&p, false), CR_E_USAGE);
    assert_non_null(strstr(p.err.text, "is not a run directory"));
    assert_true(has(&p, "/thesis.tex"));
    close_place(&p);
}

static void what_a_launch_killed_at_its_start_left_is_no_obstacle(void **state) {
    (void)state;
    struct place p;
    bool is_unchanged;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(make(&p, false), CR_OK);
    put(&p, "lock", "{}");
    put(&p, "lock.77.1", "{}");
    put(&p, "bundle.tmp.4711", "half of it");
    assert_int_equal(make(&p, false), CR_OK);
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    close_place(&p);
}

static void fresh_moves_aside_under_the_next_free_name(void **state) {
    (void)state;
    struct place p;
    bool is_unchanged;
    open_place(&p, FIXTURE_JOB(""));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(make(&p, true), CR_OK);
        assert_int_equal(claim(&p, &is_unchanged), CR_OK);
        assert_false(is_unchanged);
        put(&p, "lock", "{}");
        put(&p, i == 0 ? "zero" : i == 1 ? "one" : "two", "");
    }
    assert_true(has(&p, ".1/zero") && has(&p, ".2/one") && has(&p, "/two"));
    assert_true(has(&p, ".1/bundle"));
    assert_false(has(&p, ".1/lock")); // it could be resumed at once
    close_place(&p);
}

static void fresh_moves_nothing_that_is_not_a_run_directory(void **state) {
    (void)state;
    struct place p;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(mkdir(p.run, 0700), 0);
    put(&p, "thesis.tex", "years of work");
    assert_int_equal(make(&p, true), CR_E_USAGE);
    assert_non_null(strstr(p.err.text, "is not a run directory"));
    assert_true(has(&p, "/thesis.tex"));
    assert_false(has(&p, ".1/thesis.tex"));
    close_place(&p);
}

static void an_empty_directory_is_not_moved(void **state) {
    (void)state;
    struct place p;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(make(&p, true), CR_OK);
    put(&p, "lock", "{}");
    assert_int_equal(make(&p, true), CR_OK);
    assert_false(has(&p, ".1/lock"));
    assert_true(has(&p, "/lock"));
    close_place(&p);
}

static void another_job_is_refused_with_what_differs(void **state) {
    (void)state;
    struct place p;
    bool is_unchanged;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(make(&p, false), CR_OK);
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    put(&p, "status.json", "{}");
    fixture_need(&p.f, FIXTURE_JOB(", \"seed\": 5"));
    assert_int_equal(claim(&p, &is_unchanged), CR_E_DIFFERS);
    assert_non_null(strstr(p.err.text, "seed: 1 there, 5 here"));
    assert_true(has(&p, "/status.json")); // nothing was touched
    fixture_need(&p.f, FIXTURE_JOB(""));
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    assert_true(is_unchanged);
    close_place(&p);
}

static void a_raised_budget_goes_on_and_the_old_status_is_forgotten(void **state) {
    (void)state;
    struct place p;
    bool is_unchanged;
    open_place(&p, FIXTURE_JOB(", \"budget\": { \"calls\": 5 }"));
    assert_int_equal(make(&p, false), CR_OK);
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    put(&p, "run.h5", "x");
    put(&p, "status.json", "{\"state\":\"complete\",\"failed\":0,\"pending\":0}");
    assert_true(cr_directory_is_complete(p.run));
    fixture_need(&p.f, FIXTURE_JOB(", \"budget\": { \"calls\": 9 }"));
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    assert_false(is_unchanged);
    // A launch that dies here must not be taken for a complete run by the next one.
    assert_int_equal(claim(&p, &is_unchanged), CR_OK);
    assert_true(is_unchanged);
    assert_false(cr_directory_is_complete(p.run));
    close_place(&p);
}

static void complete_is_what_status_says_and_nothing_less(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_complete;
    } cases[] = {
        {"{\"state\":\"complete\",\"failed\":0,\"pending\":0}", true},
        {"{\"state\":\"complete\",\"failed\":1,\"pending\":0}", false},
        {"{\"state\":\"complete\",\"failed\":0,\"pending\":2}", false},
        {"{\"state\":\"interrupted\",\"failed\":0,\"pending\":0}", false},
        {"{\"state\":\"complete\"}", false},
        {"{\"state\":\"comp", false},
        {"[]", false},
        {"", false},
    };
    struct place p;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(make(&p, false), CR_OK);
    put(&p, "status.json", cases[0].text);
    assert_false(cr_directory_is_complete(p.run)); // no run.h5
    put(&p, "run.h5", "x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(&p, "status.json", cases[i].text);
        if (cr_directory_is_complete(p.run) != cases[i].is_complete) {
            fail_msg("%s", cases[i].text);
        }
    }
    close_place(&p);
}

static void a_damaged_bundle_is_an_error_and_not_another_job(void **state) {
    (void)state;
    struct place p;
    bool is_unchanged;
    open_place(&p, FIXTURE_JOB(""));
    assert_int_equal(make(&p, false), CR_OK);
    put(&p, "bundle", "not a bundle");
    const enum cr_status status = claim(&p, &is_unchanged);
    assert_true(status != CR_OK && status != CR_E_DIFFERS);
    assert_non_null(strstr(p.err.text, p.run));
    close_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_directory_is_private_and_takes_the_job),
        cmocka_unit_test(a_folder_of_somebody_else_is_refused),
        cmocka_unit_test(what_a_launch_killed_at_its_start_left_is_no_obstacle),
        cmocka_unit_test(fresh_moves_aside_under_the_next_free_name),
        cmocka_unit_test(fresh_moves_nothing_that_is_not_a_run_directory),
        cmocka_unit_test(an_empty_directory_is_not_moved),
        cmocka_unit_test(another_job_is_refused_with_what_differs),
        cmocka_unit_test(a_raised_budget_goes_on_and_the_old_status_is_forgotten),
        cmocka_unit_test(complete_is_what_status_says_and_nothing_less),
        cmocka_unit_test(a_damaged_bundle_is_an_error_and_not_another_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
