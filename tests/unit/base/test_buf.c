#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "credence/base/buf.h"

static void contents_are_always_a_c_string(void **state) {
    (void)state;
    struct cr_buf buf;
    cr_buf_init(&buf, 1000);
    assert_null(buf.data);
    assert_int_equal(cr_buf_add(&buf, "abc", 2), CR_OK);
    assert_string_equal(buf.data, "ab");
    assert_int_equal(cr_buf_printf(&buf, "%d-%s", 42, "x"), CR_OK);
    assert_string_equal(buf.data, "ab42-x");
    cr_buf_clear(&buf);
    assert_string_equal(buf.data, "");
    cr_buf_fini(&buf);
}

static void limit_is_exact_and_failure_changes_nothing(void **state) {
    (void)state;
    struct cr_buf buf;
    cr_buf_init(&buf, 10);
    assert_int_equal(cr_buf_add_text(&buf, "12345678"), CR_OK);
    assert_int_equal(cr_buf_add_text(&buf, "abc"), CR_E_LIMIT);
    assert_string_equal(buf.data, "12345678");
    assert_int_equal(cr_buf_printf(&buf, "%s", "abc"), CR_E_LIMIT);
    assert_string_equal(buf.data, "12345678");
    assert_int_equal(cr_buf_printf(&buf, "%s", "ab"), CR_OK);
    assert_string_equal(buf.data, "12345678ab");
    assert_int_equal(cr_buf_reserve(&buf, 1), CR_E_LIMIT);
    assert_int_equal(cr_buf_reserve(&buf, SIZE_MAX), CR_E_LIMIT);
    cr_buf_fini(&buf);
}

static void zeroed_buffer_takes_nothing(void **state) {
    (void)state;
    struct cr_buf buf = {0};
    assert_int_equal(cr_buf_add_text(&buf, "a"), CR_E_LIMIT);
    assert_int_equal(cr_buf_add_text(&buf, ""), CR_OK);
    cr_buf_fini(&buf);
    cr_buf_fini(NULL);
}

static void long_print_grows(void **state) {
    (void)state;
    struct cr_buf buf;
    cr_buf_init(&buf, 1 << 20);
    assert_int_equal(cr_buf_printf(&buf, "%0*d", 5000, 7), CR_OK);
    assert_int_equal(buf.used_bytes, 5000);
    assert_int_equal(buf.data[4999], '7');
    cr_buf_fini(&buf);
}

static void out_of_memory_changes_nothing(void **state) {
    (void)state;
    struct cr_buf buf;
    cr_buf_init(&buf, SIZE_MAX);
    assert_int_equal(cr_buf_add_text(&buf, "1234567"), CR_OK);
    cr_mem_fail_at(1);
    assert_int_equal(cr_buf_printf(&buf, "%s", "abc"), CR_E_MEMORY);
    cr_mem_fail_at(1);
    assert_int_equal(cr_buf_add_text(&buf, "abc"), CR_E_MEMORY);
    cr_mem_fail_at(0);
    assert_string_equal(buf.data, "1234567");
    assert_int_equal(cr_buf_reserve(&buf, SIZE_MAX - 7), CR_E_MEMORY);
    cr_buf_fini(&buf);
}

static void take_gives_the_contents_away(void **state) {
    (void)state;
    struct cr_buf buf;
    cr_buf_init(&buf, 100);
    char *empty = cr_buf_take(&buf);
    assert_string_equal(empty, "");
    assert_int_equal(cr_buf_add_text(&buf, "given"), CR_OK);
    char *text = cr_buf_take(&buf);
    assert_string_equal(text, "given");
    assert_null(buf.data);
    assert_int_equal(cr_buf_add_text(&buf, "again"), CR_OK);
    cr_buf_fini(&buf);
    cr_free(text);
    cr_free(empty);
}

static void counts_are_written_in_decimal(void **state) {
    (void)state;
    static const uint64_t counts[] = {0, 7, 10, 4294967295u, UINT64_MAX};
    struct cr_buf buf;
    cr_buf_init(&buf, 40);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)counts[i]);
        cr_buf_clear(&buf);
        assert_int_equal(cr_buf_add_count(&buf, counts[i]), CR_OK);
        assert_string_equal(buf.data, expected);
    }
    cr_buf_fini(&buf);
    cr_buf_init(&buf, 2);
    assert_int_equal(cr_buf_add_count(&buf, 100), CR_E_LIMIT);
    cr_buf_fini(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_written_in_decimal),
        cmocka_unit_test(contents_are_always_a_c_string),
        cmocka_unit_test(limit_is_exact_and_failure_changes_nothing),
        cmocka_unit_test(zeroed_buffer_takes_nothing),
        cmocka_unit_test(long_print_grows),
        cmocka_unit_test(out_of_memory_changes_nothing),
        cmocka_unit_test(take_gives_the_contents_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
