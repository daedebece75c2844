#include "cmocka_all.h"

#include <string.h>

#include "credence/base/text.h"

struct sample {
    const char *name;
    const char *text;
    size_t bytes;
    const char *mended; // NULL: well-formed
};

#define FFFD "\xef\xbf\xbd"
#define SAMPLE(name, text, mended)                                                     \
    { name, text, sizeof(text) - 1, mended }

static const struct sample samples[] = {
    SAMPLE("empty", "", NULL),
    SAMPLE("ascii", "price", NULL),
    SAMPLE("two to four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", NULL),
    SAMPLE(
        "first and last of each length",
        "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
        NULL),
    SAMPLE("around the surrogates", "\xed\x9f\xbf\xee\x80\x80", NULL),
    SAMPLE("overlong slash, 2", "\xc0\xaf", FFFD FFFD),
    SAMPLE("overlong slash, 3", "\xe0\x80\xaf", FFFD FFFD FFFD),
    SAMPLE("overlong, 4", "\xf0\x82\x82\xac", FFFD FFFD FFFD FFFD),
    SAMPLE("surrogate", "a\xed\xa0\x80z", "a" FFFD FFFD FFFD "z"),
    SAMPLE("surrogate pair", "\xed\xa0\xbd\xed\xb8\x80", FFFD FFFD FFFD FFFD FFFD FFFD),
    SAMPLE("above U+10FFFF", "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD),
    SAMPLE("no lead byte", "\x80\xbf", FFFD FFFD),
    SAMPLE("five bytes", "\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD),
    SAMPLE("cut at the end", "ok\xf0\x9f\x98", "ok" FFFD),
    SAMPLE("cut by another",
           "\xe2\x82"
           "A",
           FFFD "A"),
    SAMPLE("cut by a lead byte", "\xe2\x82\xc3\xa9", FFFD "\xc3\xa9"),
    SAMPLE("latin-1", "caf\xe9", "caf" FFFD),
};

static void ill_formed_utf8_is_found_and_mended(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const struct sample *s = &samples[i];
        print_message("  %s\n", s->name);
        assert_int_equal(cr_text_is_utf8(s->text, s->bytes), !s->mended);
        struct cr_buf out;
        cr_buf_init(&out, 1000);
        assert_int_equal(cr_text_add_utf8(&out, s->text, s->bytes), CR_OK);
        assert_string_equal(out.data, s->mended != NULL ? s->mended : s->text);
        assert_true(cr_text_is_utf8(out.data, out.used_bytes));
        cr_buf_fini(&out);
    }
}

// Text is looked at in words of eight bytes: a fault must be found at each place.
static void a_fault_is_found_wherever_it_stands(void **state) {
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        char text[48] = "........................................";
        text[at] = '\xe9';
        assert_false(cr_text_is_utf8(text, 40));
        assert_true(cr_text_is_utf8(text, at));
        assert_true(cr_text_is_utf8(text + at + 1, 39 - at));
        memcpy(text + at, "\xc3\xa9", 2);
        assert_true(cr_text_is_utf8(text, strlen(text)));
        assert_false(cr_text_is_utf8(text, at + 1));
    }
}

static void nul_is_replaced(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 100);
    assert_int_equal(cr_text_add_utf8(&out, "a\0b", 3), CR_OK);
    assert_string_equal(out.data, "a" FFFD "b");
    cr_buf_fini(&out);
}

// Every two-byte text, and every three-byte one with an interesting lead.
static void mended_text_is_always_well_formed(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 100);
    for (unsigned i = 0; i < 0x10000 * 4; i++) {
        static const unsigned char leads[] = {'x', 0xe0, 0xed, 0xf4};
        char text[3] = {(char)leads[i >> 16], (char)(i >> 8), (char)i};
        cr_buf_clear(&out);
        assert_int_equal(cr_text_add_utf8(&out, text, 3), CR_OK);
        assert_true(cr_text_is_utf8(out.data, out.used_bytes));
        assert_null(memchr(out.data, '\0', out.used_bytes));
    }
    cr_buf_fini(&out);
}

static void terminal_text_has_no_controls(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 1000);
    const char text[] = "a\tb\n\033]0;x\a\r\x7f\xc2\x85\xc2\xa0\xe2\x80\xae!\xff\0.";
    assert_int_equal(cr_text_add_terminal(&out, text, sizeof text - 1), CR_OK);
    assert_string_equal(out.data,
                        "a\tb\n\\x1b]0;x\\x07\\x0d\\u007f\\u0085\xc2\xa0\\u202e!"
                        "\\xff\\x00.");
    cr_buf_fini(&out);
}

static void a_name_stays_on_its_line(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 1000);
    const char text[] = "a\tb\nc\xe2\x80\xa8"
                        "d\xe2\x81\xa6"
                        "e\xd8\x9c"
                        "f\xef\xbf\xb9";
    assert_int_equal(cr_text_add_line(&out, text, sizeof text - 1), CR_OK);
    assert_string_equal(out.data, "a\\x09b\\x0ac\\u2028d\\u2066e\\u061cf\\ufff9");
    cr_buf_fini(&out);
}

static void without_an_allocation_the_same_is_cut_between_characters(void **state) {
    (void)state;
    char out[16];
    const char text[] = "ab\033c\xc3\xa9\xe2\x82\xac.";
    assert_int_equal(cr_text_put_terminal(out, sizeof out, text, sizeof text - 1), 13);
    assert_string_equal(out, "ab\\x1bc\xc3\xa9\xe2\x82\xac.");
    static const size_t whole[] = {0, 1, 2, 2, 2, 2, 6, 7, 7, 9, 9, 9, 12, 13};
    for (size_t room = 1; room <= 14; room++) {
        assert_int_equal(cr_text_put_terminal(out, room, text, sizeof text - 1),
                         whole[room - 1]);
        assert_int_equal(out[whole[room - 1]], '\0');
    }
}

static void a_cut_ends_with_a_whole_character(void **state) {
    (void)state;
    const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < 13; max++) {
        assert_int_equal(cr_text_cut(text, sizeof text - 1, max), kept[max]);
    }
    assert_int_equal(cr_text_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

static void over_the_limit_nothing_is_added(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 6);
    assert_int_equal(cr_buf_add_text(&out, "abc"), CR_OK);
    assert_int_equal(cr_text_add_utf8(&out, "x\xffy", 3), CR_E_LIMIT);
    assert_string_equal(out.data, "abc");
    assert_int_equal(cr_text_add_terminal(&out, "x\x01", 2), CR_E_LIMIT);
    assert_string_equal(out.data, "abc");
    cr_buf_fini(&out);
}

static enum cr_status mend_and_show(void) {
    struct cr_buf out;
    cr_buf_init(&out, 10000);
    enum cr_status status = cr_text_add_utf8(&out, "\xff\xff\xff\xff\xff\xff", 6);
    if (status == CR_OK) {
        status = cr_text_add_terminal(&out, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    }
    cr_buf_fini(&out);
    return status;
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    torture(mend_and_show);
}

static void nearest_name_is_what_was_meant(void **state) {
    (void)state;
    static const char *const names[] = {"threshold", "window", "max_iterations", "rule",
                                        "up"};
    struct {
        const char *name;
        const char *nearest;
    } cases[] = {
        {"treshold", "threshold"},
        {"windows", "window"},
        {"max_iteration", "max_iterations"},
        {"maxiterations", "max_iterations"},
        {"max-iters", NULL},
        {"roul", "rule"},
        {"zebra", NULL},
        {"", NULL},
        {"xy", NULL},
        {"threshold", "threshold"},
        {"a_name_so_long_that_no_row_of_the_distance_table_could_ever_hold_it_all",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = cr_text_nearest(cases[i].name, names, 5);
        if (cases[i].nearest != NULL) {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        } else {
            assert_null(nearest);
        }
    }
    assert_null(cr_text_nearest("x", NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ill_formed_utf8_is_found_and_mended),
        cmocka_unit_test(a_fault_is_found_wherever_it_stands),
        cmocka_unit_test(nul_is_replaced),
        cmocka_unit_test(mended_text_is_always_well_formed),
        cmocka_unit_test(terminal_text_has_no_controls),
        cmocka_unit_test(a_name_stays_on_its_line),
        cmocka_unit_test(without_an_allocation_the_same_is_cut_between_characters),
        cmocka_unit_test(a_cut_ends_with_a_whole_character),
        cmocka_unit_test(over_the_limit_nothing_is_added),
        cmocka_unit_test(survives_each_failing_allocation),
        cmocka_unit_test(nearest_name_is_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
