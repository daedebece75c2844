// test_error_body.c - what a server says went wrong is found, cleaned and kept.
#include "cmocka_all.h"

#include <string.h>

#include "model/error_body.h"

static const char key[] = "sk-12345/678";

static void a_servers_words_are_found_and_cleaned(void **state) {
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{\"error\":{\"message\":\"no such model\",\"type\":\"x\"}}", "no such model"},
        {"{\"error\":\"plain\"}", "plain"},
        {"{\"object\":\"error\",\"message\":\"vllm\"}", "vllm"},
        {"{\"detail\":\"fastapi\"}", "fastapi"},
        {"{\"detail\":[{\"loc\":[\"body\",\"seed\"],\"msg\":\"not permitted\"}]}",
         "seed: not permitted"},
        {"[{\"error\":{\"message\":\"a list\",\"code\":429}}]", "a list"},
        {"{\"errors\":[{\"message\":\"one\"},{\"message\":\"two\"}]}", "one: two"},
        {"{\"error\":{\"message\":\"Provider returned error\",\"metadata\":{\"raw\":"
         "\"limited upstream\"}}}",
         "Provider returned error: limited upstream"},
        {"{\"error\":{\"message\":\"Provider returned error\",\"metadata\":{\"raw\":"
         "\"{\\\"error\\\":{\\\"message\\\":\\\"inner\\\"}}\"}}}",
         "Provider returned error: inner"},
        {"{\"message\":\"same\",\"error\":{\"message\":\"same\"}}", "same"},
        {"{\"html-message\":\"fetch failed\"}", "fetch failed"},
        {"{\"base_resp\":{\"status_code\":1004,\"status_msg\":\"login fail\"}}",
         "login fail"},
        {"{\"fault\":{\"faultstring\":\"spike\"}}", "spike"},
        {"{\"title\":\"Gone\",\"detail\":\"for good\"}", "for good: Gone"},
        {"{\"unheard\":\"of\"}", "{\"unheard\":\"of\"}"},
        {"<html><head><title>502 Bad Gateway</title></head></html>",
         "a page of HTML: 502 Bad Gateway"},
        {"Bad Gateway\n\n", "Bad Gateway"},
        {"", ""},
        {"bad \xff bytes", "bad \xEF\xBF\xBD bytes"},
        {"{\"error\":{\"message\":\"wrong key sk-12345/678 given\"}}",
         "wrong key *** given"},
        {"{\"error\":{\"message\":\"wrong key sk-12345\\/678 given\"}}",
         "wrong key *** given"},
        {"a\x1b[31mb", "a\\x1b[31mb"},
        {"a\r\n\tb", "a b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_error_body error;
        cr_error_body_read(cases[i].body, strlen(cases[i].body), key, 0, &error);
        assert_string_equal(error.words, cases[i].words);
    }
}

static void a_wait_may_be_a_number_among_the_words(void **state) {
    static const struct {
        const char *body;
        int64_t ms;
    } cases[] = {
        {"{\"message\":\"limited\",\"retry_after\":3}", 3000},
        {"{\"message\":\"limited\",\"retryAfter\":3}", 3000},
        {"{\"error\":\"m is loading\",\"estimated_time\":2.5}", 2500},
        {"{\"error\":{\"message\":\"x\",\"details\":{\"retry_after_ms\":400}}}", 400},
        {"{\"message\":\"limited\"}", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_error_body error;
        cr_error_body_read(cases[i].body, strlen(cases[i].body), NULL, 0, &error);
        print_message("%s\n", cases[i].body);
        assert_int_equal(error.wait_ms, cases[i].ms);
    }
}

static void an_event_stream_is_called_so(void **state) {
    static const char body[] = "data: {\"choices\":[]}\n\ndata: [DONE]\n";
    struct cr_error_body error;
    (void)state;
    cr_error_body_read(body, sizeof body - 1, NULL, 0, &error);
    assert_non_null(strstr(error.words, "an event stream"));
}

static void long_words_are_cut_between_characters(void **state) {
    char body[3000];
    struct cr_error_body error;
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(body, 'x', shift);
        for (size_t i = 0; i < 900; i++) {
            memcpy(body + shift + 3 * i, "\xE2\x82\xAC", 3);
        }
        cr_error_body_read(body, shift + 2700, NULL, 0, &error);
        size_t bytes = strlen(error.words);
        assert_in_range(bytes, CR_WORDS_MAX - 8, CR_WORDS_MAX);
        assert_string_equal(error.words + bytes - 3, "...");
        assert_int_equal((bytes - 3 - shift) % 3, 0);
    }
}

// Wherever the cut falls, no part of the key is shown and nothing is written past it.
static void a_key_at_the_cut_is_not_shown(void **state) {
    char body[CR_WORDS_MAX + 64];
    struct cr_error_body error;
    (void)state;
    for (size_t at = CR_WORDS_MAX - 20; at < CR_WORDS_MAX + 8; at++) {
        memset(body, 'A', sizeof body);
        memcpy(body + at, key, sizeof key - 1);
        cr_error_body_read(body, sizeof body, key, 0, &error);
        assert_null(strstr(error.words, "sk-"));
        assert_in_range(strlen(error.words), CR_WORDS_MAX - 3, CR_WORDS_MAX);
    }
}

static void waits_codes_and_statuses_are_read(void **state) {
    static const struct {
        const char *body;
        int64_t wait_ms;
        uint32_t status;
        const char *code;
    } cases[] = {
        {"[{\"error\":{\"code\":429,\"message\":\"Please retry in 6.1s.\",\"status\":"
         "\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"google.rpc.RetryInfo\","
         "\"retryDelay\":\"6.4s\"}]}}]",
         6400, 429, "resource_exhausted"},
        {"{\"error\":{\"message\":\"try again in 20s\",\"code\":\"rate_limit_exceeded\"}}",
         20000, 0, "rate_limit_exceeded"},
        {"{\"message\":\"slow\",\"retry_after\":1.5}", 1500, 0, NULL},
        {"{\"error\":{\"message\":\"x\",\"code\":503,\"metadata\":{\"headers\":{"
         "\"X-RateLimit-Remaining\":\"0\",\"X-RateLimit-Reset\":\"9000\"}}}}",
         9000000, 503, NULL},
        {"{\"error\":{\"message\":\"x\",\"code\":\"404\"}}", -1, 404, "404"},
        {"{\"error\":{\"message\":\"x\",\"code\":1e300}}", -1, 0, NULL},
        {"{\"error\":{\"type\":\"Rate-Limit Error\"}}", -1, 0, "rate_limit_error"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_error_body error;
        print_message("%s\n", cases[i].body);
        cr_error_body_read(cases[i].body, strlen(cases[i].body), NULL, 0, &error);
        assert_int_equal(error.wait_ms, cases[i].wait_ms);
        assert_int_equal(error.status, cases[i].status);
        assert_true(cases[i].code == NULL ||
                    cr_error_body_has_code(&error, cases[i].code));
    }
}

static void redaction_leaves_the_rest(void **state) {
    char text[] = "sk-12345/678 a sk-12345/67 sk-12345/678sk-12345/678";
    char other[] = "EMPTY is EMPTY";
    (void)state;
    cr_redact(text, key);
    assert_string_equal(text, "*** a sk-12345/67 ******");
    cr_redact(other, "EMPTY"); // a word like any other
    assert_string_equal(other, "EMPTY is EMPTY");
    cr_redact(NULL, key);
    cr_redact(other, NULL);
}

static void mad_bodies_are_survived(void **state) {
    char body[70000];
    struct cr_error_body error;
    (void)state;
    memset(body, '[', sizeof body);
    cr_error_body_read(body, sizeof body, key, 0, &error);
    memset(body, '\0', sizeof body);
    cr_error_body_read(body, sizeof body, key, 0, &error);
    for (size_t i = 0; i + 11 < sizeof body; i += 11) {
        memcpy(body + i, "{\"error\":1,", 11);
    }
    cr_error_body_read(body, sizeof body, key, 0, &error);
    assert_in_range(strlen(error.words), 0, CR_WORDS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_servers_words_are_found_and_cleaned),
        cmocka_unit_test(a_wait_may_be_a_number_among_the_words),
        cmocka_unit_test(an_event_stream_is_called_so),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(a_key_at_the_cut_is_not_shown),
        cmocka_unit_test(waits_codes_and_statuses_are_read),
        cmocka_unit_test(redaction_leaves_the_rest),
        cmocka_unit_test(mad_bodies_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
