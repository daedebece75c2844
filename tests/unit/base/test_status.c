#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

static void set_fills_text_and_returns_status(void **state) {
    (void)state;
    struct cr_err err = {0};
    assert_int_equal(cr_err_set(&err, CR_E_IO, "cannot open %s", "x.csv"), CR_E_IO);
    assert_int_equal(err.status, CR_E_IO);
    assert_string_equal(err.text, "cannot open x.csv");
}

static void null_err_is_fine(void **state) {
    (void)state;
    assert_int_equal(cr_err_set(NULL, CR_E_NET, "x"), CR_E_NET);
    assert_int_equal(cr_err_while(NULL, CR_E_NET, "x"), CR_E_NET);
    cr_err_add_line(NULL, "x");
}

static void own_text_may_be_an_argument(void **state) {
    (void)state;
    struct cr_err err = {0};
    cr_err_set(&err, CR_E_IO, "disk is gone");
    cr_err_set(&err, CR_E_IO, "tape: %s (%s)", err.text, err.text);
    assert_string_equal(err.text, "tape: disk is gone (disk is gone)");
}

static void while_extends(void **state) {
    (void)state;
    struct cr_err err = {0};
    cr_err_set(&err, CR_E_IO, "no space");
    assert_int_equal(cr_err_while(&err, CR_E_FULL, "writing %d", 7), CR_E_FULL);
    assert_string_equal(err.text, "no space while writing 7");
    assert_int_equal(err.status, CR_E_FULL);
}

static void lines_are_joined_by_newlines(void **state) {
    (void)state;
    struct cr_err err = {0};
    cr_err_add_line(&err, "one");
    cr_err_add_line(&err, "two");
    assert_string_equal(err.text, "one\ntwo");
}

static void long_text_is_cut_and_says_so(void **state) {
    (void)state;
    struct cr_err err = {0};
    char big[2 * CR_ERR_TEXT_MAX];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    cr_err_set(&err, CR_E_IO, "%s", big);
    assert_int_equal(strlen(err.text), CR_ERR_TEXT_MAX - 1);
    assert_string_equal(err.text + CR_ERR_TEXT_MAX - 4, "...");
    cr_err_add_line(&err, "more");
    cr_err_while(&err, CR_E_IO, "more");
    assert_int_equal(strlen(err.text), CR_ERR_TEXT_MAX - 1);
}

static void full_disk_has_its_own_status(void **state) {
    (void)state;
    assert_int_equal(cr_status_from_errno(ENOSPC), CR_E_FULL);
    assert_int_equal(cr_status_from_errno(EDQUOT), CR_E_FULL);
    assert_int_equal(cr_status_from_errno(EFBIG), CR_E_FULL);
    assert_int_equal(cr_status_from_errno(ENOMEM), CR_E_MEMORY);
    assert_int_equal(cr_status_from_errno(EACCES), CR_E_IO);
}

static void every_status_has_a_text_of_its_own(void **state) {
    (void)state;
    for (int a = CR_OK; a <= CR_E_STOPPED; a++) {
        assert_string_not_equal(cr_status_text((enum cr_status)a), "unknown error");
        for (int b = CR_OK; b < a; b++) {
            assert_string_not_equal(cr_status_text((enum cr_status)a),
                                    cr_status_text((enum cr_status)b));
        }
    }
    assert_string_equal(cr_status_text((enum cr_status)99), "unknown error");
}

static void what_failed_without_words_is_named_by_its_status(void **state) {
    (void)state;
    struct cr_err err = {0};
    cr_err_while(&err, CR_E_MEMORY, "reading %s", "the job");
    assert_string_equal(err.text, "out of memory while reading the job");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_failed_without_words_is_named_by_its_status),
        cmocka_unit_test(set_fills_text_and_returns_status),
        cmocka_unit_test(null_err_is_fine),
        cmocka_unit_test(own_text_may_be_an_argument),
        cmocka_unit_test(while_extends),
        cmocka_unit_test(lines_are_joined_by_newlines),
        cmocka_unit_test(long_text_is_cut_and_says_so),
        cmocka_unit_test(full_disk_has_its_own_status),
        cmocka_unit_test(every_status_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
