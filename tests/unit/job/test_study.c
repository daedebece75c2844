// Locked hypotheses: what is written is read, and a text from anywhere is refused or
// harmless.
#include "job_fixture.h"

#include "credence/job/study.h"

#define TWO                                                                            \
    ", \"cells\": [{ \"name\": \"b\", \"protocol\": \"self_refine\" }], "              \
    "\"hypotheses\": [{ \"name\": \"up\", \"contrast\": \"final\", "                   \
    "\"direction\": \"greater\", \"cells\": [\"claims\", \"b\"] }, { \"name\": "       \
    "\"gains\", \"contrast\": \"gain\", \"cells\": \"b\" }]"

static struct cr_study *need(const char *text) {
    struct cr_study *study = NULL;
    assert_int_equal(cr_study_read(text, strlen(text), &study, NULL), CR_OK);
    return study;
}

static void lock(const struct cr_job *job, struct cr_buf *out) {
    const struct cr_study_lock when = {3, 2, 1700000000000};
    cr_buf_init(out, CR_STUDY_BYTES_MAX);
    assert_int_equal(cr_study_write(job, &when, out, NULL), CR_OK);
}

static void what_is_locked_is_read_back(void **state) {
    struct fixture f;
    struct cr_buf text;
    (void)state;
    fixture_open(&f, 4);
    fixture_need(&f, FIXTURE_JOB(TWO));
    lock(f.job, &text);
    struct cr_study *study = need(text.data), *now = NULL;
    assert_int_equal(study->len, 2);
    assert_true(study->is_genuine);
    assert_false(study->has_cache);
    assert_int_equal(study->replies, 3);
    assert_int_equal(study->episodes_done, 2);
    assert_string_equal(study->locked_at, "2023-11-14T22:13:20Z");
    assert_int_equal(study->at[0].direction, CR_EXPECTED_GREATER);
    assert_int_equal(study->at[1].direction, CR_EXPECTED_TWO_SIDED);
    assert_int_equal(study->at[1].cells_len, 1);
    assert_string_equal(study->at[0].cells[1], "b");
    assert_int_equal(cr_study_read_job(f.job->resolved, &now, NULL), CR_OK);
    for (size_t i = 0; i < study->len; i++) {
        assert_true(cr_study_has(study, &f.job->hypotheses[i]));
    }
    cr_study_destroy(now);
    cr_study_destroy(study);
    cr_buf_fini(&text);
    fixture_close(&f);
}

static void hypotheses_are_outside_the_identity(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 4);
    fixture_need(&f, FIXTURE_JOB(TWO));
    const struct cr_hash with = f.job->identity;
    fixture_need(&f, FIXTURE_JOB(", \"cells\": [{ \"name\": \"b\", \"protocol\": "
                                 "\"self_refine\" }]"));
    assert_true(with.hi == f.job->identity.hi && with.lo == f.job->identity.lo);
    fixture_close(&f);
}

static void a_cache_that_comes_later_is_added(void **state) {
    struct fixture f;
    struct cr_buf text, again;
    bool changed = true;
    (void)state;
    fixture_open(&f, 4);
    fixture_need(&f, FIXTURE_JOB(TWO));
    lock(f.job, &text);
    struct cr_study *study = need(text.data);
    cr_buf_init(&again, CR_STUDY_BYTES_MAX);
    assert_int_equal(cr_study_renew(study, f.job, &changed, &again, NULL), CR_OK);
    assert_false(changed);
    assert_string_equal(again.data, text.data);
    fixture_need(&f, FIXTURE_JOB(", \"cache\": \"/nowhere\""));
    cr_buf_clear(&again);
    assert_int_equal(cr_study_renew(study, f.job, &changed, &again, NULL), CR_OK);
    assert_true(changed);
    struct cr_study *later = need(again.data);
    assert_true(later->has_cache && later->is_genuine);
    assert_int_equal(later->len, 2);
    cr_study_destroy(later);
    cr_study_destroy(study);
    cr_buf_fini(&again);
    cr_buf_fini(&text);
    fixture_close(&f);
}

#define HASH "\"hash\": \"00000000000000000000000000000000\""
#define COUNTS                                                                         \
    "\"replies\": 0, \"episodes_done\": 0, \"cache\": false, \"replayed\": []"
#define ONE                                                                            \
    "{ \"name\": \"a\", \"contrast\": \"gain\", \"direction\": \"less\", \"cells\": [\"c\"] }"

static void a_changed_record_is_not_genuine(void **state) {
    (void)state;
    struct cr_study *study =
        need("{ " HASH ", " COUNTS ", \"hypotheses\": [" ONE "] }");
    assert_false(study->is_genuine);
    cr_study_destroy(study);
}

static const char *const hostile[] = {
    "",
    "[",
    "7",
    "[]",
    "{}",
    "{ " HASH " }",
    "{ " HASH ", " COUNTS ", \"hypotheses\": [] }",
    "{ " HASH ", " COUNTS ", \"hypotheses\": {} }",
    "{ " HASH ", " COUNTS ", \"hypotheses\": [1] }",
    "{ " HASH ", " COUNTS ", \"hypotheses\": [{}] }",
    "{ " HASH ", " COUNTS ", \"hypotheses\": [{ \"name\": \"a\", \"contrast\": \"x\", "
    "\"direction\": \"less\", \"cells\": [\"c\"] }] }",
    "{ " HASH ", " COUNTS
    ", \"hypotheses\": [{ \"name\": \"a\", \"contrast\": \"gain\", "
    "\"direction\": \"less\", \"cells\": [] }] }",
    "{ " HASH ", " COUNTS ", \"hypotheses\": [{ \"name\": \"a\", \"contrast\": "
    "\"final\", \"direction\": \"less\", \"cells\": [\"c\"] }] }",
    "{ " HASH ", " COUNTS
    ", \"hypotheses\": [{ \"name\": \"a\", \"contrast\": \"gain\", "
    "\"direction\": \"less\", \"cells\": [\"c\", \"d\", \"e\"] }] }",
    "{ " HASH ", " COUNTS
    ", \"hypotheses\": [{ \"name\": \"a\\u001b[2J\", \"contrast\": "
    "\"gain\", \"direction\": \"less\", \"cells\": [\"c\"] }] }",
    "{ \"hash\": \"xyz\", " COUNTS ", \"hypotheses\": [" ONE "] }",
    "{ " HASH
    ", \"replies\": -1, \"episodes_done\": 0, \"cache\": false, \"replayed\": [],"
    " \"hypotheses\": [" ONE "] }",
    "{ " HASH ", \"replies\": 1e300, \"episodes_done\": 0, \"cache\": false, "
    "\"replayed\": [], \"hypotheses\": [" ONE "] }",
    "{ " HASH ", \"replies\": 0, \"episodes_done\": 0, \"cache\": 0, \"replayed\": [], "
    "\"hypotheses\": [" ONE "] }",
    "{ " HASH ", \"replies\": 0, \"episodes_done\": 0, \"cache\": false, \"replayed\": "
    "[[]], \"hypotheses\": [" ONE "] }",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
};

static void a_hostile_record_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct cr_study *study = NULL;
        struct cr_err err = {0};
        if (cr_study_read(hostile[i], strlen(hostile[i]), &study, &err) !=
            CR_E_FORMAT) {
            fail_msg("taken: %s", hostile[i]);
        }
        assert_non_null(strstr(err.text, "locked hypotheses"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_locked_is_read_back),
        cmocka_unit_test(hypotheses_are_outside_the_identity),
        cmocka_unit_test(a_cache_that_comes_later_is_added),
        cmocka_unit_test(a_changed_record_is_not_genuine),
        cmocka_unit_test(a_hostile_record_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
