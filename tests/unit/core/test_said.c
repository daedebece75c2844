// The commonest words: alike in all but numbers, whole characters, never pushed out.
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "credence/base/text.h"
#include "credence/core/said.h"

static void nothing_said_is_no_words(void **state) {
    (void)state;
    const struct cr_said said = {0};
    assert_null(cr_said_commonest(&said));
}

static void words_that_differ_in_numbers_are_one(void **state) {
    (void)state;
    struct cr_said said = {0};
    cr_said_add(&said, "no such model");
    cr_said_add(&said, "try again in 6.4s (request 81)");
    cr_said_add(&said, "try again in 12.25s (request 9)");
    assert_int_equal(said.len, 2);
    assert_string_equal(cr_said_commonest(&said), "try again in 6.4s (request 81)");
}

static void many_rare_words_push_out_no_common_one(void **state) {
    (void)state;
    struct cr_said said = {0};
    char rare[32];
    for (int i = 0; i < 300; i++) {
        snprintf(rare, sizeof rare, "trace %c%c%c", 'a' + i % 26, 'a' + i / 26, 'x');
        cr_said_add(&said, rare);
        cr_said_add(&said, "upstream down");
    }
    assert_int_equal(said.len, CR_SAID_TEXTS);
    assert_string_equal(cr_said_commonest(&said), "upstream down");
}

static void words_are_one_line_fit_to_print(void **state) {
    (void)state;
    struct cr_said said = {0};
    char wide[3 * CR_SAID_BYTES + 1] = "";
    for (int i = 0; i < CR_SAID_BYTES; i++) {
        memcpy(wide + 3 * i, "\xe2\x82\xac", 4);
    }
    cr_said_add(&said, wide);
    assert_true(cr_text_is_utf8(said.text[0], strlen(said.text[0])));
    cr_said_add(&said, "\x1b[31mred\nsecond line");
    assert_string_equal(said.text[1], "\\x1b[31mred");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_no_words),
        cmocka_unit_test(words_that_differ_in_numbers_are_one),
        cmocka_unit_test(many_rare_words_push_out_no_common_one),
        cmocka_unit_test(words_are_one_line_fit_to_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
