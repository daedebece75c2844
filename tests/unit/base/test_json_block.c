// What cr_json_read says of a text, and what it reads, is what cr_json_parse does.
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/base/rng.h"

static const struct cr_json_limits limits = {100000, 8};

// Every kind of value, escape and number, and some that are not quite one.
static const char *const texts[] = {
    ("{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"content\":"
     "\"{\\\"price\\\":0.62,\\n\\\"claim\\\": \\\"It \\/ holds\\\\.\\\"}\"},"
     "\"finish_reason\":null}],\"usage\":{\"total_tokens\":350}}"),
    " [ true , false,null,[],{}, [[1],[2]] ,\t\"\" ]\r\n",
    "[0,-0,7,007,-12,0.5,-0.25,1.,3e2,1E-3,1e400,123456789012345,1234567890123456]",
    "[0.1234567890123,9007199254740993,12345678.90123456789,1-2]",
    "[0.1,0.2,0.3,2.675,1.005,0.07,1e22,1e23,5e-324,1.7976931348623157e308]",
    "[-,1]",
    "[1,]",
    "[,1]",
    "{\"a\":1,}",
    "{\"a\" :1 , \"b\": 2,\"a\":3}",
    "{\"a\"}",
    "{a:1}",
    "[\"\\b\\f\\n\\r\\t\\\"\\\\\\/\",\"\\x\",\"\\\"]",
    "[\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\",\"\\u0000\",\"\\ud83d\",\"\\udead x\"]",
    "[\"\\u00g0\"]",
    "[\"\\ud83d\\u0041\"]",
    "[\"caf\xc3\xa9 \xf0\x9f\x98\x80 a plain text that is longer than a word\"]",
    "[\"a\nb\x01\"]",
    "\xef\xbb\xbf{\"bom\":1}",
    "nul",
    "nullx",
    "truefalse",
    "[truefalse]",
    "12",
    "-",
    "\"text\" more",
    "\"no end",
    "[[[[[[[[[1]]]]]]]]]",
    "",
    "   ",
};

static void read_both(const char *text, size_t bytes) {
    struct cr_json *parsed = NULL, *read = NULL;
    struct cr_err parse_err = {0}, read_err = {0};
    struct cr_buf parse_text, read_text;
    cr_buf_init(&parse_text, 1 << 20);
    cr_buf_init(&read_text, 1 << 20);
    enum cr_status status = cr_json_parse(text, bytes, limits, &parsed, &parse_err);
    assert_int_equal(cr_json_read(text, bytes, limits, &read, &read_err), status);
    assert_string_equal(read_err.text, parse_err.text);
    if (status == CR_OK) {
        assert_int_equal(cr_json_print(parsed, false, &parse_text), CR_OK);
        assert_int_equal(cr_json_print(read, false, &read_text), CR_OK);
        assert_string_equal(read_text.data, parse_text.data);
    } else {
        assert_null(read);
    }
    cr_buf_fini(&parse_text);
    cr_buf_fini(&read_text);
    cr_json_free(parsed);
    cr_json_free(read);
}

// A block of its own size, so that a sanitizer sees the first byte behind it.
static void read_exactly(const char *text, size_t bytes) {
    char *copy = cr_malloc(bytes > 0 ? bytes : 1);
    memcpy(copy, text, bytes);
    read_both(copy, bytes);
    cr_free(copy);
}

static void each_text_is_read_as_it_is_parsed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        read_exactly(texts[i], strlen(texts[i]));
    }
}

static void each_beginning_of_a_text_is_read_as_it_is_parsed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t bytes = 0; bytes < strlen(texts[i]); bytes++) {
            read_exactly(texts[i], bytes);
        }
    }
}

static void damaged_texts_are_read_as_they_are_parsed(void **state) {
    (void)state;
    static const char bytes[] = "{}[],:\"\\/u0159dDeE+-. \n\x01ntfx\xc3";
    struct cr_rng rng;
    cr_rng_seed(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        char text[512];
        const char *from = texts[cr_rng_below(&rng, sizeof texts / sizeof *texts)];
        size_t len = strlen(from);
        memcpy(text, from, len);
        for (uint64_t i = cr_rng_below(&rng, 3) + 1; i > 0 && len > 0; i--) {
            text[cr_rng_below(&rng, len)] =
                bytes[cr_rng_below(&rng, sizeof bytes)]; // its NUL too
        }
        read_exactly(text, len);
    }
}

// From the published hard cases on: a quotient of two exact numbers is rounded once.
static void decimals_are_the_nearest_doubles(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 11);
    for (int round = 0; round < 20000; round++) {
        char text[64];
        uint64_t digits = cr_rng_below(&rng, 1000000000000000);
        uint64_t cut = cr_rng_below(&rng, 15);
        int len = snprintf(text, sizeof text, "%llu", (unsigned long long)digits);
        if (cut > 0 && cut < (uint64_t)len) {
            memmove(text + len - cut + 1, text + len - cut, cut + 1);
            text[(uint64_t)len - cut] = '.';
        }
        read_exactly(text, strlen(text));
    }
}

static void a_copy_of_what_was_read_can_be_changed(void **state) {
    (void)state;
    const char *text = "{\"a\":{\"b\":[1,\"x\"]}}";
    struct cr_json *read = NULL;
    assert_int_equal(cr_json_read(text, strlen(text), limits, &read, NULL), CR_OK);
    struct cr_json *copy = cr_json_copy(read);
    cr_json_free(read);
    assert_int_equal(cr_json_put(copy, "a", cr_json_new_number(2)), CR_OK);
    assert_int_equal(cr_json_put(copy, "c", cr_json_new_number(2)), CR_OK);
    cr_json_remove(copy, "a");
    struct cr_buf out;
    cr_buf_init(&out, 100);
    assert_int_equal(cr_json_print(copy, false, &out), CR_OK);
    assert_string_equal(out.data, "{\"c\":2}");
    cr_buf_fini(&out);
    cr_json_free(copy);
}

static void a_reply_is_one_allocation(void **state) {
    (void)state;
    struct cr_json *read = NULL;
    cr_mem_fail_at(0);
    assert_int_equal(cr_json_read(texts[0], strlen(texts[0]), limits, &read, NULL),
                     CR_OK);
    assert_int_equal(cr_mem_count(), 1);
    cr_json_free(read);
    cr_mem_fail_at(1);
    assert_int_equal(cr_json_read(texts[0], strlen(texts[0]), limits, &read, NULL),
                     CR_E_MEMORY);
    cr_mem_fail_at(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_is_read_as_it_is_parsed),
        cmocka_unit_test(each_beginning_of_a_text_is_read_as_it_is_parsed),
        cmocka_unit_test(damaged_texts_are_read_as_they_are_parsed),
        cmocka_unit_test(decimals_are_the_nearest_doubles),
        cmocka_unit_test(a_copy_of_what_was_read_can_be_changed),
        cmocka_unit_test(a_reply_is_one_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
