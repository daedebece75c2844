// test_request_id.c - what a server calls a request is found in headers of all houses.
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "model/request_id.h"

static void note(struct cr_request_id *id, const char *line) {
    cr_request_id_note(id, line, strlen(line));
}

static void the_services_own_header_goes_first(void **state) {
    (void)state;
    struct cr_request_id id;
    cr_request_id_clear(&id);
    assert_string_equal(id.text, "");
    note(&id, "CF-Ray: 8f1-AMS\r\n");
    assert_string_equal(id.text, "8f1-AMS");
    note(&id, "X-Request-Id:\treq_011 \r\n");
    assert_string_equal(id.text, "req_011");
    note(&id, "cf-ray: other\r\n");
    note(&id, "x-trace-id: other\r\n");
    assert_string_equal(id.text, "req_011");
}

static void every_house_is_heard(void **state) {
    static const char *const lines[] = {
        "request-id: one",       "apim-request-id: one",    "x-amzn-RequestId: one",
        "x-litellm-call-id:one", "x-portkey-trace-id: one", "X-Correlation-Id: one"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct cr_request_id id;
        cr_request_id_clear(&id);
        note(&id, lines[i]);
        assert_string_equal(id.text, "one");
    }
}

static void what_is_no_word_is_left_out(void **state) {
    static const char *const lines[] = {"x-request-id",
                                        "x-request-id:",
                                        "x-request-id: \r\n",
                                        "x-request-id: a b",
                                        "x-request-id: a\x1b[31m",
                                        "x-request-id: \xe2\x82\xac",
                                        "x-request-id-of-us: a",
                                        "date: now",
                                        ": a"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct cr_request_id id;
        cr_request_id_clear(&id);
        note(&id, lines[i]);
        assert_string_equal(id.text, "");
    }
}

static void a_long_one_is_cut(void **state) {
    (void)state;
    char line[400] = "x-request-id: ";
    struct cr_request_id id;
    cr_request_id_clear(&id);
    memset(line + strlen(line), 'z', sizeof line - strlen(line) - 1);
    line[sizeof line - 1] = '\0';
    note(&id, line);
    assert_int_equal(strlen(id.text), CR_REQUEST_ID_MAX - 1);
    cr_request_id_copy(id.text, NULL);
    assert_string_equal(id.text, "");
    cr_request_id_copy(id.text, "chatcmpl-7");
    assert_string_equal(id.text, "chatcmpl-7");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_services_own_header_goes_first),
        cmocka_unit_test(every_house_is_heard),
        cmocka_unit_test(what_is_no_word_is_left_out),
        cmocka_unit_test(a_long_one_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
