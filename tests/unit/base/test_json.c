#include "cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/json.h"

static const struct cr_json_limits limits = {100000, 8};

static struct cr_json *parsed(const char *text) {
    struct cr_json *out = NULL;
    struct cr_err err = {0};
    enum cr_status status = cr_json_parse(text, strlen(text), limits, &out, &err);
    if (status != CR_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return out;
}

static void assert_prints(const struct cr_json *value, const char *expected) {
    struct cr_buf out;
    cr_buf_init(&out, 100000);
    assert_int_equal(cr_json_print(value, false, &out), CR_OK);
    assert_string_equal(out.data, expected);
    cr_buf_fini(&out);
}

static void values_are_read_by_type(void **state) {
    (void)state;
    struct cr_json *root = parsed(
        "{\"s\":\"x\",\"n\":-2.5,\"t\":true,\"z\":null,\"a\":[1,2,3],\"o\":{\"S\":1}}");
    assert_int_equal(cr_json_len(root), 6);
    assert_string_equal(cr_json_string(cr_json_get(root, "s")), "x");
    assert_true(cr_json_number(cr_json_get(root, "n"), 0) == -2.5);
    assert_true(cr_json_bool(cr_json_get(root, "t"), false));
    assert_int_equal(cr_json_type(cr_json_get(root, "z")), CR_JSON_NULL);
    assert_int_equal(cr_json_len(cr_json_get(root, "a")), 3);
    assert_int_equal(cr_json_type(NULL), CR_JSON_NULL);
    assert_null(cr_json_get(root, "S")); // keys are told apart by case
    assert_null(cr_json_get(NULL, "s"));
    assert_null(cr_json_get(cr_json_get(root, "a"), "s"));
    assert_null(cr_json_string(cr_json_get(root, "n")));
    assert_null(cr_json_string(NULL));
    assert_true(cr_json_number(cr_json_get(root, "s"), 7) == 7);
    assert_true(cr_json_number(NULL, 7) == 7);
    assert_true(cr_json_bool(NULL, true));
    const struct cr_json *child = cr_json_first(root);
    assert_string_equal(cr_json_key(child), "s");
    assert_string_equal(cr_json_key(cr_json_next(child)), "n");
    assert_null(cr_json_first(cr_json_get(root, "n")));
    cr_json_free(root);
    cr_json_free(NULL);
}

static void faults_have_line_and_column(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "1:1: unexpected end of the text"},
        {"  \n ", "2:2: unexpected end of the text"},
        {"{\n  \"a\": 1\n  \"b\": 2\n}", "3:3: unexpected '\"'"},
        {"[1,\n2,]", "2:3: unexpected ']'"},
        {"{\"a\": tru}", "1:7: unexpected 't'"},
        {"{\"\xc3\xa9\": ?}", "1:7: unexpected '?'"},
        {"[1] 2", "1:5: unexpected '2'"},
        {"[1]]", "1:4: unexpected ']'"},
        {"1 2", "1:3: unexpected '2'"},
        {"[\"abc]", "1:2: this string has no end"},
        {"{\"a\": [1, 2", "1:12: unexpected end of the text"},
        {"{\"a\"", "1:5: unexpected end of the text"},
        {"}", "1:1: unexpected '}'"},
        {"[\x01]", "1:2: a control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_json *out = NULL;
        struct cr_err err = {0};
        const char *text = cases[i].text;
        assert_int_equal(cr_json_parse(text, strlen(text), limits, &out, &err),
                         CR_E_FORMAT);
        assert_string_equal(err.text, cases[i].message);
        assert_null(out);
    }
}

static void depth_is_checked_before_recursion(void **state) {
    (void)state;
    enum { DEEP = 1000000 };
    char *text = malloc(DEEP);
    memset(text, '[', DEEP);
    struct cr_json *out = NULL;
    struct cr_err err = {0};
    struct cr_json_limits deep = {DEEP, 64};
    assert_int_equal(cr_json_parse(text, DEEP, deep, &out, &err), CR_E_LIMIT);
    assert_string_equal(err.text, "1:65: nested too deeply");
    size_t end;
    assert_int_equal(cr_json_parse_prefix(text, DEEP, deep, &out, &end), CR_E_LIMIT);
    free(text);
    out = parsed("[[[[[[[[\"[[[[\"]]]]]]]]");
    cr_json_free(out);
    const char *nine = "[[[[[[[[[1]]]]]]]]]";
    assert_int_equal(cr_json_parse(nine, strlen(nine), limits, &out, &err), CR_E_LIMIT);
    // Brackets in a row are not depth.
    cr_json_free(parsed("[[],[],[],[],[],[],[],[],[],[],{},{},{}]"));
}

static void size_is_checked_first(void **state) {
    (void)state;
    struct cr_json *out = NULL;
    struct cr_err err = {0};
    struct cr_json_limits small = {4, 8};
    assert_int_equal(cr_json_parse("[1,2]", 5, small, &out, &err), CR_E_LIMIT);
    assert_string_equal(err.text, "larger than 4 bytes");
}

static void nul_bytes_are_a_fault(void **state) {
    (void)state;
    struct cr_json *out = NULL;
    struct cr_err err = {0};
    assert_int_equal(cr_json_parse("[\"a\0b\"]", 7, limits, &out, &err), CR_E_FORMAT);
    assert_string_equal(err.text, "1:4: a NUL byte");
    assert_int_equal(cr_json_parse("[1]\0", 4, limits, &out, &err), CR_E_FORMAT);
    assert_int_equal(cr_json_parse("[1\0]", 4, limits, &out, &err), CR_E_FORMAT);
}

static void impossible_escapes_become_fffd(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"\"a\\u0000b\"", "a\xef\xbf\xbd"
                          "b"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx"},
        {"\"\\ude00\"", "\xef\xbf\xbd"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\"\\\\u0000\"", "\\u0000"},
        {"\"\\u00e9\\n\"", "\xc3\xa9\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_json *value = parsed(cases[i][0]);
        assert_string_equal(cr_json_string(value), cases[i][1]);
        cr_json_free(value);
    }
    struct cr_json *out = NULL;
    assert_int_equal(cr_json_parse("\"\\u00g0\"", 8, limits, &out, NULL), CR_E_FORMAT);
    assert_int_equal(cr_json_parse("\"\\x41\"", 6, limits, &out, NULL), CR_E_FORMAT);
}

static void prefix_ends_where_the_value_ends(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t end;
    } cases[] = {
        {"{\"price\": 0.7} I think so \"{[[", 14},
        {"[1, \"]\"]]", 8},
        {"0.25 and \"then", 4},
        {"\"a\\\"b\" c", 6},
        {" true, or", 5},
        {"{}", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_json *out = NULL;
        size_t end = 0;
        const char *text = cases[i].text;
        assert_int_equal(cr_json_parse_prefix(text, strlen(text), limits, &out, &end),
                         CR_OK);
        assert_int_equal(end, cases[i].end);
        cr_json_free(out);
    }
    struct cr_json *out = NULL;
    size_t end = 77;
    assert_int_equal(cr_json_parse_prefix("{\"a\":", 5, limits, &out, &end),
                     CR_E_FORMAT);
    assert_int_equal(end, 77);
    assert_null(out);
}

static void numbers_read_back_to_the_same_double(void **state) {
    (void)state;
    static const double numbers[] = {
        0.1,     0.1 + 0.2, 1.0 / 3, 1e300, 5e-324,
        DBL_MAX, DBL_MIN,   -2.5,    1e22,  123456.789,
        1e15,    0x1p53,    M_PI,    1e-7,  0.30000000000000004};
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = cr_hash_mix(11, i);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (i < sizeof numbers / sizeof *numbers) {
            number = numbers[i];
        }
        if (!isfinite(number)) {
            continue;
        }
        struct cr_buf out;
        cr_buf_init(&out, 100);
        assert_int_equal(cr_json_add_number(&out, number), CR_OK);
        assert_true(strtod(out.data, NULL) == number);
        struct cr_json *back = parsed(out.data);
        assert_true(cr_json_number(back, 0) == number);
        cr_json_free(back);
        cr_buf_fini(&out);
    }
}

static void numbers_are_printed_short(void **state) {
    (void)state;
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {0.7, "0.7"},
                 {3, "3"},
                 {-17, "-17"},
                 {1e6, "1000000"},
                 {9007199254740991, "9007199254740991"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {NAN, "null"},
                 {INFINITY, "null"},
                 {-INFINITY, "null"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_buf out;
        cr_buf_init(&out, 100);
        assert_int_equal(cr_json_add_number(&out, cases[i].number), CR_OK);
        assert_string_equal(out.data, cases[i].text);
        cr_buf_fini(&out);
    }
}

static void quoting_reads_back(void **state) {
    (void)state;
    char all[256];
    for (int i = 1; i < 128; i++) {
        all[i - 1] = (char)i;
    }
    static const char more[] = "\xc3\xa9\xf0\x9f\x98\x80\"\\/";
    memcpy(all + 127, more, sizeof more);
    struct cr_buf out;
    cr_buf_init(&out, 10000);
    assert_int_equal(cr_json_add_quoted(&out, all, strlen(all)), CR_OK);
    struct cr_json *back = parsed(out.data);
    assert_string_equal(cr_json_string(back), all);
    cr_json_free(back);
    cr_buf_clear(&out);
    assert_int_equal(cr_json_add_quoted(&out, "abc", 2), CR_OK);
    assert_int_equal(cr_json_add_quoted(&out, "", 0), CR_OK);
    assert_int_equal(cr_json_add_quoted(&out, "x\0y", 3), CR_OK);
    assert_string_equal(out.data, "\"ab\"\"\"\"x\xef\xbf\xbdy\"");
    cr_buf_fini(&out);
}

// Strings are looked at in words of eight bytes: what is special must be seen at each
// place, both ways.
static void quoting_reads_back_wherever_the_escape_stands(void **state) {
    (void)state;
    static const char *const specials[] = {"\"",   "\\",   "\n",   "\x01",
                                           "\x1f", "\x7f", "\\\"", "\xc3\xa9"};
    for (size_t s = 0; s < sizeof specials / sizeof *specials; s++) {
        for (size_t at = 0; at < 24; at++) {
            char text[64] = "";
            struct cr_buf out;
            memset(text, 'x', at);
            memcpy(text + at, specials[s], strlen(specials[s]));
            memset(text + strlen(text), '!', 24 - at);
            cr_buf_init(&out, 1000);
            assert_int_equal(cr_json_add_quoted(&out, text, strlen(text)), CR_OK);
            struct cr_json *back = parsed(out.data);
            assert_string_equal(cr_json_string(back), text);
            cr_json_free(back);
            cr_buf_fini(&out);
        }
    }
}

static void quoting_respects_the_limit(void **state) {
    (void)state;
    struct cr_buf out;
    cr_buf_init(&out, 20);
    assert_int_equal(cr_buf_add_text(&out, "ab"), CR_OK);
    assert_int_equal(cr_json_add_quoted(&out, "\x01\x01\x01\x01", 4), CR_E_LIMIT);
    assert_string_equal(out.data, "ab");
    cr_buf_fini(&out);
}

static void trees_are_built_and_printed(void **state) {
    (void)state;
    struct cr_json *root = cr_json_new_object();
    struct cr_json *list = cr_json_new_array();
    assert_int_equal(cr_json_push(list, cr_json_new_number(1)), CR_OK);
    assert_int_equal(cr_json_push(list, cr_json_new_number(2)), CR_OK);
    assert_int_equal(cr_json_put(root, "a", cr_json_new_string("x")), CR_OK);
    assert_int_equal(cr_json_put(root, "b", list), CR_OK);
    assert_int_equal(cr_json_put(root, "a", cr_json_new_number(3)), CR_OK);
    assert_prints(root, "{\"a\":3,\"b\":[1,2]}");
    cr_json_remove(root, "a");
    cr_json_remove(root, "none");
    assert_prints(root, "{\"b\":[1,2]}");
    struct cr_buf out;
    cr_buf_init(&out, 1000);
    assert_int_equal(cr_json_put(root, "c", cr_json_new_object()), CR_OK);
    assert_int_equal(cr_json_print(root, true, &out), CR_OK);
    assert_string_equal(out.data, "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}");
    cr_buf_fini(&out);
    cr_json_free(root);
}

static void missing_memory_passes_through_builders(void **state) {
    (void)state;
    struct cr_json *root = cr_json_new_object();
    assert_int_equal(cr_json_put(root, "a", NULL), CR_E_MEMORY);
    assert_int_equal(cr_json_put(NULL, "a", cr_json_new_number(2)), CR_E_MEMORY);
    assert_int_equal(cr_json_push(NULL, cr_json_new_number(2)), CR_E_MEMORY);
    cr_json_free(root);
}

static void paths_reach_into_the_tree(void **state) {
    (void)state;
    struct cr_json *root = parsed(
        "{\"models\":{\"m\":{\"api\":\"sim\"}},\"grid\":{\"stop.threshold\":[0.1,0.2],"
        "\"stop\":1},\"x\":[{\"y\":[5,6]}]}");
    assert_string_equal(cr_json_string(cr_json_get_path(root, "models.m.api")), "sim");
    assert_true(cr_json_number(cr_json_get_path(root, "grid.stop.threshold[1]"), 0) ==
                0.2);
    assert_true(cr_json_number(cr_json_get_path(root, "x[0].y[1]"), 0) == 6);
    assert_ptr_equal(cr_json_get_path(root, ""), root);
    static const char *const none[] = {"models.n",
                                       "x[1]",
                                       "x[0",
                                       "x[-1]",
                                       "x.y",
                                       "model",
                                       "models.m.api.z",
                                       "x[99999999999999999999]",
                                       "grid[0]"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_null(cr_json_get_path(root, none[i]));
    }
    cr_json_free(root);
}

static void put_path_replaces_and_makes_objects(void **state) {
    (void)state;
    struct cr_json *root = parsed("{\"a\":{\"b\":1},\"l\":[1,2],\"s.t\":0}");
    static const char *const good[] = {"a.b", "a.c.d", "l[1]", "new", "s.t"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(cr_json_put_path(root, good[i], cr_json_new_string("!")),
                         CR_OK);
    }
    const char *after = "{\"a\":{\"b\":\"!\",\"c\":{\"d\":\"!\"}},\"l\":[1,\"!\"],"
                        "\"s.t\":\"!\",\"new\":\"!\"}";
    assert_prints(root, after);
    static const char *const bad[] = {"a.b.c", "l.x", "l[7]", "",
                                      "a..b",  ".a",  "q[0]", "a.b[0]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cr_json_put_path(root, bad[i], cr_json_new_number(2)),
                         CR_E_FORMAT);
        assert_prints(root, after);
    }
    assert_int_equal(cr_json_put_path(root, "a", NULL), CR_E_MEMORY);
    cr_json_free(root);
}

static void equality_ignores_order_of_members_only(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_equal;
    } cases[] = {
        {"{\"a\":1,\"b\":[true]}", "{\"b\":[true],\"a\":1}", true},
        {"[1,2]", "[2,1]", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1}", "{\"A\":1}", false},
        {"9007199254740991", "9007199254740990", false},
        {"0.1", "0.10000000000000002", false},
        {"null", "false", false},
        {"\"x\"", "\"x\"", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cr_json *a = parsed(cases[i].a);
        struct cr_json *b = parsed(cases[i].b);
        assert_int_equal(cr_json_equal(a, b), cases[i].is_equal);
        assert_int_equal(cr_json_equal(b, a), cases[i].is_equal);
        struct cr_json *copy = cr_json_copy(a);
        assert_true(cr_json_equal(a, copy));
        cr_json_free(copy);
        cr_json_free(a);
        cr_json_free(b);
    }
}

static enum cr_status parse_build_print(void) {
    const char *text = "{\"a\":[1,\"\\u0000x\"],\"b\":{\"c\":null}}";
    struct cr_json *root = NULL;
    struct cr_json *copy = NULL;
    struct cr_buf out;
    cr_buf_init(&out, 10000);
    enum cr_status status = cr_json_parse(text, strlen(text), limits, &root, NULL);
    if (status == CR_OK) {
        status = cr_json_put_path(root, "x.y.z", cr_json_new_string("deep"));
    }
    if (status == CR_OK) {
        status = cr_json_put(root, "a", cr_json_new_number(2));
    }
    if (status == CR_OK) {
        copy = cr_json_copy(root);
        status = copy != NULL ? cr_json_print(copy, true, &out) : CR_E_MEMORY;
    }
    cr_json_free(copy);
    cr_json_free(root);
    cr_buf_fini(&out);
    return status;
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    torture(parse_build_print);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(faults_have_line_and_column),
        cmocka_unit_test(depth_is_checked_before_recursion),
        cmocka_unit_test(size_is_checked_first),
        cmocka_unit_test(nul_bytes_are_a_fault),
        cmocka_unit_test(impossible_escapes_become_fffd),
        cmocka_unit_test(prefix_ends_where_the_value_ends),
        cmocka_unit_test(numbers_read_back_to_the_same_double),
        cmocka_unit_test(numbers_are_printed_short),
        cmocka_unit_test(quoting_reads_back),
        cmocka_unit_test(quoting_reads_back_wherever_the_escape_stands),
        cmocka_unit_test(quoting_respects_the_limit),
        cmocka_unit_test(trees_are_built_and_printed),
        cmocka_unit_test(missing_memory_passes_through_builders),
        cmocka_unit_test(paths_reach_into_the_tree),
        cmocka_unit_test(put_path_replaces_and_makes_objects),
        cmocka_unit_test(equality_ignores_order_of_members_only),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
