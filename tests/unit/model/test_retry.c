// test_retry.c - which failures are worth another attempt, and when.
#include "cmocka_all.h"

#include <string.h>

#include "model/retry.h"

static const int64_t WALL_MS = 1767225600000; // 2026-01-01T00:00:00Z

static void statuses_are_told_apart(void **state) {
    static const struct {
        uint32_t status;
        enum cr_reason reason;
        enum cr_retry retry;
        bool is_overload, is_unhealthy;
    } cases[] = {
        {400, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {401, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {403, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {404, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {422, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {302, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {408, CR_REASON_TIMEOUT, CR_RETRY_LATER, true, false},
        {409, CR_REASON_SERVER, CR_RETRY_LATER, false, false},
        {425, CR_REASON_SERVER, CR_RETRY_LATER, false, false},
        {429, CR_REASON_RATE, CR_RETRY_LATER, true, false},
        {500, CR_REASON_SERVER, CR_RETRY_LATER, false, true},
        {501, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {502, CR_REASON_SERVER, CR_RETRY_LATER, false, true},
        {503, CR_REASON_RATE, CR_RETRY_LATER, true, false},
        {504, CR_REASON_TIMEOUT, CR_RETRY_LATER, true, true},
        {529, CR_REASON_RATE, CR_RETRY_LATER, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_verdict verdict = cr_retry_by_status(cases[i].status);
        print_message("%u\n", cases[i].status);
        assert_int_equal(verdict.reason, cases[i].reason);
        assert_int_equal(verdict.retry, cases[i].retry);
        assert_int_equal(verdict.is_overload, cases[i].is_overload);
        assert_int_equal(verdict.is_unhealthy, cases[i].is_unhealthy);
    }
}

static void what_fails_below_http_is_retried(void **state) {
    (void)state;
    assert_int_equal(cr_retry_by_fail(CR_REASON_CONNECTION).retry, CR_RETRY_LATER);
    assert_true(cr_retry_by_fail(CR_REASON_CONNECTION).is_unhealthy);
    assert_int_equal(cr_retry_by_fail(CR_REASON_TIMEOUT).retry, CR_RETRY_LATER);
    assert_true(cr_retry_by_fail(CR_REASON_TIMEOUT).is_overload);
    assert_int_equal(cr_retry_by_fail(CR_REASON_SERVER).retry, CR_RETRY_LATER);
    assert_false(cr_retry_by_fail(CR_REASON_SERVER).is_unhealthy);
    assert_int_equal(cr_retry_by_fail(CR_REASON_REPLAY).retry, CR_RETRY_NEVER);
}

static void a_refused_form_is_recognised(void **state) {
    static const char refusal[] = "{\"error\":\"response_format is not supported\"}";
    static const char other[] = "{\"error\":\"context too long\"}";
    (void)state;
    assert_true(cr_retry_is_form_refused(400, refusal, sizeof refusal));
    assert_true(cr_retry_is_form_refused(422, refusal, sizeof refusal));
    assert_false(cr_retry_is_form_refused(500, refusal, sizeof refusal));
    assert_false(cr_retry_is_form_refused(400, other, sizeof other));
}

static void retry_after_is_seconds_or_a_date(void **state) {
    static const struct {
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
        {"99999999999999", 1000LL * CR_RETRY_AFTER_MAX_S},
        {"-5", -1},
        {"1e9", -1},
        {"nan", -1},
        {"soon", -1},
        {"", -1},
        {"1.2.3", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("\"%s\"\n", cases[i].value);
        assert_int_equal(
            cr_retry_after_ms(cases[i].value, strlen(cases[i].value), WALL_MS),
            cases[i].ms);
    }
}

static void resets_come_in_many_shapes(void **state) {
    static const struct {
        const char *value;
        int64_t ms;
    } cases[] = {
        {"350ms", 350},
        {"1s", 1000},
        {"6m0s", 360000},
        {"1h2m3.5s", 3723500},
        {"1d", 86400000},
        {"12.5", 12500},
        {"2026-01-01T00:00:09Z", 9000},
        {"2025-01-01T00:00:09Z", 0},
        {"5x", -1},
        {"s", -1},
        {"-3s", -1},
        {"later", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("\"%s\"\n", cases[i].value);
        assert_int_equal(
            cr_retry_reset_ms(cases[i].value, strlen(cases[i].value), WALL_MS),
            cases[i].ms);
    }
}

static void backoff_doubles_with_seeded_jitter(void **state) {
    (void)state;
    for (uint32_t attempts = 1; attempts < 40; attempts++) {
        int64_t step = attempts < 8 ? 500LL << (attempts - 1) : CR_BACKOFF_MAX_MS;
        step = step < CR_BACKOFF_MAX_MS ? step : CR_BACKOFF_MAX_MS;
        int64_t wait_ms = cr_retry_backoff_ms(500, attempts, 42);
        assert_true(wait_ms >= step / 2 && wait_ms < step * 3 / 2 + 1);
        assert_int_equal(wait_ms, cr_retry_backoff_ms(500, attempts, 42));
    }
    assert_true(cr_retry_backoff_ms(500, 3, 1) != cr_retry_backoff_ms(500, 3, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_told_apart),
        cmocka_unit_test(what_fails_below_http_is_retried),
        cmocka_unit_test(a_refused_form_is_recognised),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(resets_come_in_many_shapes),
        cmocka_unit_test(backoff_doubles_with_seeded_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
