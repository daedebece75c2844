// test_hints.c - how long a server asks to be left alone.
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "model/hints.h"

static const int64_t WALL_MS = 1767225600000; // 2026-01-01T00:00:00Z
static const int64_t MOST_MS = 1000LL * CR_WAIT_MAX_S;

static void a_time_comes_in_many_shapes(void **state) {
    const struct {
        const char *value;
        int64_t ms;
    } cases[] = {
        {"5", 5000},
        {" 5 \r\n", 5000},
        {"0", 0},
        {"0.25", 250},
        {"0.0001", 1},
        {"Thu, 01 Jan 2026 00:00:07 GMT", 7000},
        {"Thursday, 01-Jan-26 00:00:07 GMT", 7000},
        {"Thu, 01 Jan 2020 00:00:07 GMT", 0},
        {"1767225602", 2000}, // seconds since 1970
        {"1767225602.5", 2500},
        {"1767225603000", 3000},       // milliseconds
        {"1767225604000000", 4000},    // microseconds
        {"1767225605000000000", 5000}, // nanoseconds
        {"1600000000", 0},             // past
        {"99999999999999", MOST_MS},
        {"999999999999999999999999999999", MOST_MS},
        {"315360000", MOST_MS},
        {"350ms", 350},
        {"1s", 1000},
        {"6m0s", 360000},
        {"1h2m3.5s", 3723500},
        {"1d", 86400000},
        {"6.4 seconds", 6400},
        {"2026-01-01T00:00:09Z", 9000},
        {"2026-01-01T00:00:09.250Z", 9250},
        {"2026-01-01T02:00:09+02:00", 9000},
        {"2025-12-31T19:00:09-05:00", 9000},
        {"2025-01-01T00:00:09Z", 0},
        {"PT1M30S", 90000},
        {"3, 3", 3000},
        {"-5", -1},
        {"1e9", -1},
        {"nan", -1},
        {"soon", -1},
        {"", -1},
        {"1.2.3", -1},
        {"5x", -1},
        {"s", -1},
        {"-3s", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("\"%s\"\n", cases[i].value);
        assert_int_equal(
            cr_wait_of_value(cases[i].value, strlen(cases[i].value), WALL_MS),
            cases[i].ms);
    }
}

static void a_sentence_says_when_to_come_back(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"Rate limit reached for m. Please try again in 6.4s.", 6400},
        {"Please try again in 250ms. Visit us.", 250},
        {"Please retry in 1m2.5s.", 62500},
        {"Requests have exceeded the limit. Please retry after 20 seconds.", 20000},
        {"Try again in about 2 minutes and 3 seconds", 123000},
        {"please wait at least 5 minutes", 300000},
        {"Your quota resets in 36 hours", 129600000},
        {"retry after 7", 7000},
        {"Please wait for 3 seconds before retrying.", 3000},
        {"You must wait for 2m.", 120000},
        {"Please try again in a moment.", -1},
        {"Please try again later.", -1},
        {"You waited 5 seconds.", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("\"%s\"\n", cases[i].text);
        assert_int_equal(cr_wait_in_text(cases[i].text), cases[i].ms);
    }
}

static void note(struct cr_hints *hints, const char *line) {
    cr_hints_note(hints, line, strlen(line), WALL_MS);
}

static void the_finer_header_counts_whichever_comes_last(void **state) {
    struct cr_hints hints;
    (void)state;
    cr_hints_clear(&hints);
    assert_int_equal(hints.retry_after_ms, -1);
    note(&hints, "Retry-After: 3\r\n");
    assert_int_equal(hints.retry_after_ms, 3000);
    note(&hints, "retry-after-ms: 300\r\n");
    assert_int_equal(hints.retry_after_ms, 300);
    assert_string_equal(hints.source, "retry-after-ms: 300");
    cr_hints_clear(&hints);
    note(&hints, "x-ms-retry-after-ms: 400\r\n");
    note(&hints, "retry-after: 3\r\n");
    assert_int_equal(hints.retry_after_ms, 400);
    cr_hints_clear(&hints);
    note(&hints, "retry-after-ms: 1e14\r\n"); // no number of digits
    note(&hints, "retry-after-ms: -5\r\n");
    note(&hints, "retry-after\r\n");
    note(&hints, "retry-after: \r\n");
    assert_int_equal(hints.retry_after_ms, -1);
    note(&hints, "retry-after-ms: 99999999999999999999\r\n");
    assert_int_equal(hints.retry_after_ms, MOST_MS);
}

static void a_spent_quota_is_found_whatever_its_house_calls_it(void **state) {
    static const struct {
        const char *left, *reset;
        int64_t ms;
    } cases[] = {
        {"x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 1767225602",
         2000},
        {"x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 6m0s", 360000},
        {"anthropic-ratelimit-input-tokens-remaining: 0",
         "anthropic-ratelimit-input-tokens-reset: 2026-01-01T00:00:05Z", 5000},
        {"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1767225603000", 3000},
        {"x-ratelimit-remaining-requests-day: 0", "x-ratelimit-reset-requests-day: 60",
         60000},
        {"ratelimit-remaining: 0", "ratelimit-reset: 4", 4000},
        {"x-ratelimit-remaining: 0", "x-ratelimit-reset-after: 4", 4000},
        {"x-ratelimit-remaining-requests: 5", "x-ratelimit-reset-requests: 60", 0},
        {"x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-tokens: 60", 0},
        {"x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: soon", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_hints hints;
        for (int is_swapped = 0; is_swapped < 2; is_swapped++) {
            cr_hints_clear(&hints);
            note(&hints, is_swapped ? cases[i].reset : cases[i].left);
            note(&hints, is_swapped ? cases[i].left : cases[i].reset);
            const struct cr_quota *spent = cr_hints_spent(&hints);
            print_message("%s\n", cases[i].reset);
            assert_int_equal(spent != NULL ? spent->reset_ms : 0, cases[i].ms);
            if (spent != NULL) {
                assert_string_equal(spent->source, cases[i].reset);
            }
        }
    }
}

static void one_header_may_say_all_of_it(void **state) {
    static const struct {
        const char *line;
        int64_t ms;
    } cases[] = {
        {"RateLimit: limit=10, remaining=0, reset=5", 5000},
        {"RateLimit: \"default\";r=0;t=7", 7000},
        {"RateLimit: \"default\";r=3;t=7", 0},
        {"RateLimit: \"default\";r=0", 0},
        {"RateLimit: reset=5", 0},
        {"RateLimit: ", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_hints hints;
        cr_hints_clear(&hints);
        note(&hints, cases[i].line);
        const struct cr_quota *spent = cr_hints_spent(&hints);
        print_message("%s\n", cases[i].line);
        assert_int_equal(spent != NULL ? spent->reset_ms : 0, cases[i].ms);
    }
}

static void the_quota_that_is_full_last_counts(void **state) {
    struct cr_hints hints;
    (void)state;
    cr_hints_clear(&hints);
    note(&hints, "x-ratelimit-remaining-requests: 0");
    note(&hints, "x-ratelimit-reset-requests: 2");
    note(&hints, "x-ratelimit-remaining-tokens: 0");
    note(&hints, "x-ratelimit-reset-tokens: 9");
    assert_int_equal(cr_hints_spent(&hints)->reset_ms, 9000);
    for (int i = 0; i < 100; i++) { // more than are kept
        char line[64];
        int used = snprintf(line, sizeof line, "x-ratelimit-remaining-%d: 0", i);
        cr_hints_note(&hints, line, (size_t)used, WALL_MS);
    }
    assert_int_equal(cr_hints_spent(&hints)->reset_ms, 9000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_comes_in_many_shapes),
        cmocka_unit_test(a_sentence_says_when_to_come_back),
        cmocka_unit_test(the_finer_header_counts_whichever_comes_last),
        cmocka_unit_test(a_spent_quota_is_found_whatever_its_house_calls_it),
        cmocka_unit_test(one_header_may_say_all_of_it),
        cmocka_unit_test(the_quota_that_is_full_last_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
