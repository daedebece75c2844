// The bundle: bytes that carry a whole job, and are believed only when whole.
#include "job_fixture.h"

static void a_bundle_holds_every_input_once(void **state) {
    static const char *const names[] = {"file", "dir",    "shard",
                                        "job",  "source", "benchmark/claims"};
    struct fixture f;
    struct cr_bundle_section section;
    (void)state;
    fixture_open(&f, 3);
    fixture_need(&f, FIXTURE_JOB(""));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(
            cr_bundle_find(f.bundle.data, f.bundle.used_bytes, names[i], &section));
        assert_true(section.len > 0);
    }
    assert_false(cr_bundle_find(f.bundle.data, f.bundle.used_bytes, "job ", &section));
    size_t at = 0, prompts = 0;
    while (cr_bundle_next(f.bundle.data, f.bundle.used_bytes, &at, &section)) {
        prompts += section.name_len > 14 && !memcmp(section.name, "prompts/paper/", 14);
    }
    assert_true(prompts > 0);
    fixture_close(&f);
}

static void the_job_needs_nothing_but_the_bundle(void **state) {
    struct fixture f;
    char path[128];
    struct cr_job *job = NULL;
    (void)state;
    fixture_open(&f, 3);
    fixture_need(&f, FIXTURE_JOB(""));
    snprintf(path, sizeof path, "%s/claims.jsonl", f.dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(cr_job_create(f.bundle.data, f.bundle.used_bytes, &job, &f.err),
                     CR_OK);
    assert_int_equal(job->benchmarks[0].propositions.len, 3);
    assert_int_equal(job->identity.hi, f.job->identity.hi);
    cr_job_destroy(job);
    fixture_close(&f);
}

static void a_damaged_bundle_is_refused_whichever_byte_is_hit(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f, FIXTURE_JOB(""));
    size_t step = f.bundle.used_bytes / 97 + 1;
    for (size_t i = 0; i < f.bundle.used_bytes; i += step) {
        f.bundle.data[i] ^= 1;
        assert_int_equal(cr_bundle_check(f.bundle.data, f.bundle.used_bytes, &f.err),
                         CR_E_FORMAT);
        f.bundle.data[i] ^= 1;
        assert_int_equal(cr_bundle_check(f.bundle.data, i, &f.err), CR_E_FORMAT);
    }
    assert_int_equal(cr_bundle_check(f.bundle.data, f.bundle.used_bytes, &f.err),
                     CR_OK);
    fixture_close(&f);
}

static void sections_that_point_outside_end_the_walk(void **state) {
    // Header, then a section whose name would be longer than the whole.
    static const unsigned char bytes[40] = {'C', 'R', 'B',  'U',  'N',  'D', 'L',
                                            'E', 1,   0,    0,    0,    1,   0,
                                            0,   0,   0xff, 0xff, 0xff, 0x7f};
    struct cr_bundle_section section;
    size_t at = 0;
    (void)state;
    assert_false(cr_bundle_next(bytes, sizeof bytes, &at, &section));
    at = 39;
    assert_false(cr_bundle_next(bytes, sizeof bytes, &at, &section));
    at = 0;
    assert_false(cr_bundle_next(bytes, 3, &at, &section));
}

static void a_set_that_cannot_be_applied_is_bad_usage(void **state) {
    static const char *const sets[] = {"cell.maker", "=3", "name.first=x",
                                       "cells.stance=up"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct cr_bundle_request request = {.sets = &sets[i], .sets_len = 1};
        enum cr_status status =
            fixture_make(&f, FIXTURE_JOB(", \"cells\": []"), request);
        if (status != CR_E_USAGE || strstr(f.err.text, sets[i]) == NULL) {
            fail_msg("%s: status %d, %s", sets[i], (int)status, f.err.text);
        }
    }
    struct cr_bundle_request request = {.shard = 4, .shards = 4};
    assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_E_USAGE);
    fixture_close(&f);
}

static void a_job_file_that_is_not_there_is_named(void **state) {
    struct cr_buf buf;
    struct cr_err err = {0};
    struct cr_bundle_request request = {.job_path = "/nowhere/at/all.json"};
    (void)state;
    cr_buf_init(&buf, CR_BUNDLE_BYTES_MAX);
    assert_int_equal(cr_bundle_read(&request, &buf, &err), CR_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/at/all.json"));
    cr_buf_fini(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_holds_every_input_once),
        cmocka_unit_test(the_job_needs_nothing_but_the_bundle),
        cmocka_unit_test(a_damaged_bundle_is_refused_whichever_byte_is_hit),
        cmocka_unit_test(sections_that_point_outside_end_the_walk),
        cmocka_unit_test(a_set_that_cannot_be_applied_is_bad_usage),
        cmocka_unit_test(a_job_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
