// test_retry.c - which failures are worth another attempt, and when.
#include "cmocka_all.h"

#include <string.h>

#include "model/retry.h"

static void statuses_are_told_apart(void **state) {
    static const struct {
        uint32_t status;
        enum cr_reason reason;
        enum cr_retry retry;
        bool is_overload, is_unhealthy;
    } cases[] = {
        {400, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {401, CR_REASON_KEY, CR_RETRY_NEVER, false, false},
        {402, CR_REASON_QUOTA, CR_RETRY_NEVER, false, false},
        {403, CR_REASON_KEY, CR_RETRY_NEVER, false, false},
        {404, CR_REASON_NOT_FOUND, CR_RETRY_NEVER, false, false},
        {422, CR_REASON_BAD_REQUEST, CR_RETRY_NEVER, false, false},
        {302, CR_REASON_NOT_FOUND, CR_RETRY_NEVER, false, false},
        {405, CR_REASON_NOT_FOUND, CR_RETRY_NEVER, false, false},
        {424, CR_REASON_RATE, CR_RETRY_LATER, true, false},
        {498, CR_REASON_RATE, CR_RETRY_LATER, true, false},
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
    const struct cr_error_body silent = {.wait_ms = -1};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_verdict verdict = cr_retry_by_error(cases[i].status, &silent);
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

static struct cr_error_body read_body(const char *body) {
    struct cr_error_body error;
    cr_error_body_read(body, strlen(body), NULL, 0, &error);
    return error;
}

static const struct {
    uint32_t status;
    const char *body;
    enum cr_reason reason;
    enum cr_retry retry;
} said[] = {
    {429,
     "{\"error\":{\"message\":\"check your plan\",\"code\":\"insufficient_quota\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {429, "{\"error\":{\"message\":\"x\",\"type\":\"exceeded_current_quota_error\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {400,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
     "\"Your credit balance is too low to access the API.\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {429,
     "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"Quota "
     "exceeded for metric: requests, limit: 0, model: m. Retry in 31s.\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {429, "{\"error\":{\"message\":\"Quota exceeded, limit: 0\"}}", CR_REASON_QUOTA,
     CR_RETRY_NEVER},
    {429, "{\"error\":{\"message\":\"Rate limit: 0.5 a second\"}}", CR_REASON_RATE,
     CR_RETRY_LATER},
    {429, "{\"error\":{\"message\":\"Quota exceeded, limit: 05\"}}", CR_REASON_RATE,
     CR_RETRY_LATER},
    {0, "{\"error\":429}", CR_REASON_RATE, CR_RETRY_LATER},
    {0, "{\"error\":401}", CR_REASON_KEY, CR_RETRY_NEVER},
    {0, "{\"code\":503}", CR_REASON_RATE, CR_RETRY_LATER},
    {402, "{\"error\":{\"message\":\"Insufficient Balance\"}}", CR_REASON_QUOTA,
     CR_RETRY_NEVER},
    {400, "{\"error\":{\"message\":\"Overloaded, try later\"}}", CR_REASON_RATE,
     CR_RETRY_LATER},
    {500, "{\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}",
     CR_REASON_RATE, CR_RETRY_LATER},
    {400, "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", CR_REASON_RATE,
     CR_RETRY_LATER},
    {529, "", CR_REASON_RATE, CR_RETRY_LATER},
    {500, "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"no\"}}",
     CR_REASON_KEY, CR_RETRY_NEVER},
    {400,
     "{\"error\":{\"status\":\"INVALID_ARGUMENT\",\"message\":\"API key not valid.\","
     "\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}",
     CR_REASON_KEY, CR_RETRY_NEVER},
    {400, "{\"error\":{\"message\":\"x/y is not a valid model ID\",\"code\":400}}",
     CR_REASON_NOT_FOUND, CR_RETRY_NEVER},
    {400, "{\"error\":{\"code\":\"model_decommissioned\",\"message\":\"gone\"}}",
     CR_REASON_NOT_FOUND, CR_RETRY_NEVER},
    {400,
     "{\"error\":{\"code\":\"content_filter\",\"innererror\":{\"code\":"
     "\"ResponsibleAIPolicyViolation\"}}}",
     CR_REASON_FILTERED, CR_RETRY_NEVER},
    {400, "{\"error\":{\"message\":\"Output blocked by content filtering policy\"}}",
     CR_REASON_FILTERED, CR_RETRY_NEVER},
    {403, "{\"error\":{\"message\":\"Your input was flagged\",\"code\":403}}",
     CR_REASON_FILTERED, CR_RETRY_NEVER},
    {400, "{\"error\":{\"code\":\"data_inspection_failed\"}}", CR_REASON_FILTERED,
     CR_RETRY_NEVER},
    {400, "{\"error\":{\"code\":\"json_validate_failed\",\"message\":\"schema\"}}",
     CR_REASON_UNREADABLE, CR_RETRY_SAMPLE},
    {422, "{\"error\":{\"code\":\"tool_use_failed\"}}", CR_REASON_UNREADABLE,
     CR_RETRY_SAMPLE},
    {400,
     "{\"error\":{\"type\":\"exceed_context_size_error\",\"message\":\"too long\"}}",
     CR_REASON_BAD_REQUEST, CR_RETRY_NEVER},
    {0, "{\"error\":{\"code\":502,\"message\":\"lost\"}}", CR_REASON_SERVER,
     CR_RETRY_LATER},
    {0, "{\"error\":{\"code\":\"429\",\"message\":\"x\"}}", CR_REASON_RATE,
     CR_RETRY_LATER},
    {0, "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\"}}",
     CR_REASON_BAD_REQUEST, CR_RETRY_NEVER},
    {0, "{\"error\":\"something\"}", CR_REASON_SERVER, CR_RETRY_LATER},
    {429, "{\"error\":{\"code\":\"1113\",\"message\":\"x\"}}", CR_REASON_QUOTA,
     CR_RETRY_NEVER},
    {0, "{\"base_resp\":{\"status_code\":1008,\"status_msg\":\"x\"}}", CR_REASON_QUOTA,
     CR_RETRY_NEVER},
    {0, "{\"base_resp\":{\"status_code\":1027,\"status_msg\":\"x\"}}",
     CR_REASON_FILTERED, CR_RETRY_NEVER},
    {400, "{\"error\":{\"type\":\"budget_exceeded\",\"code\":\"400\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {400, "{\"__type\":\"com.amazon.coral.service#ThrottlingException\"}",
     CR_REASON_RATE, CR_RETRY_LATER},
    {400, "{\"__type\":\"ServiceQuotaExceededException\",\"message\":\"x\"}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {429, "{\"error\":{\"message\":\"Credit limit exceeded\"}}", CR_REASON_QUOTA,
     CR_RETRY_NEVER},
    {412, "{\"error\":{\"message\":\"at the monthly spending limit\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {403, "{\"error\":\"Your team doesn't have any credits yet\"}", CR_REASON_QUOTA,
     CR_RETRY_NEVER},
    {400, "{\"error\":{\"message\":\"You have reached your API usage limits.\"}}",
     CR_REASON_QUOTA, CR_RETRY_NEVER},
    {400, "{\"error\":{\"message\":\"litellm.ContentPolicyViolationError: x\"}}",
     CR_REASON_FILTERED, CR_RETRY_NEVER},
    {400, "{\"error\":{\"code\":\"organization_restricted\"}}", CR_REASON_KEY,
     CR_RETRY_NEVER},
};

// What decides is what the body says; the status only where it says nothing.
static void the_bodys_code_decides(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        const struct cr_error_body error = read_body(said[i].body);
        struct cr_verdict verdict = cr_retry_by_error(said[i].status, &error);
        print_message("%u %s\n", said[i].status, said[i].body);
        assert_int_equal(verdict.reason, said[i].reason);
        assert_int_equal(verdict.retry, said[i].retry);
    }
}

static const struct {
    uint32_t status;
    const char *body;
    enum cr_setting setting;
} refusals[] = {
    {400, "{\"error\":\"response_format is not supported\"}", CR_SETTING_FORM},
    {422,
     "{\"detail\":[{\"loc\":[\"body\",\"response_format\"],\"msg\":\"Input should "
     "be 'text'\"}]}",
     CR_SETTING_FORM},
    {400, "{\"error\":{\"message\":\"failed to parse grammar\"}}", CR_SETTING_FORM},
    {404,
     "{\"error\":{\"message\":\"no endpoint: structured outputs are not "
     "supported\"}}",
     CR_SETTING_FORM},
    {404, "{\"error\":{\"message\":\"no model json_schema\"}}", CR_SETTING_NONE},
    {400,
     "{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens' is not supported "
     "with this model. Use 'max_completion_tokens' instead.\"}}",
     CR_SETTING_MAX_TOKENS},
    {422,
     "{\"detail\":[{\"loc\":[\"body\",\"max_completion_tokens\"],\"msg\":\"Extra "
     "inputs are not permitted\"}]}",
     CR_SETTING_MAX_TOKENS},
    {400, "{\"error\":{\"message\":\"max_tokens is too large: 99999\"}}",
     CR_SETTING_NONE},
    {400,
     "{\"error\":{\"message\":\"does not support 0.7\",\"param\":\"temperature\","
     "\"code\":\"unsupported_value\"}}",
     CR_SETTING_TEMPERATURE},
    {400, "{\"error\":{\"message\":\"Unrecognized request argument supplied: seed\"}}",
     CR_SETTING_SEED},
    {422,
     "{\"detail\":[{\"loc\":[\"body\",\"seed\"],\"msg\":\"Extra inputs are not "
     "permitted\"}]}",
     CR_SETTING_SEED},
    {400, "{\"error\":{\"message\":\"logprobs are not supported with this model\"}}",
     CR_SETTING_LOGPROBS},
    {400, "{\"object\":\"error\",\"message\":\"System role not supported\"}",
     CR_SETTING_SYSTEM},
    {400,
     "{\"error\":{\"message\":\"Conversation roles must alternate user/assistant\"}}",
     CR_SETTING_SYSTEM},
    {400,
     "{\"error\":{\"message\":\"Developer instruction is not enabled for gemma\"}}",
     CR_SETTING_SYSTEM},
    {400,
     "{\"error\":{\"message\":\"'messages[0].role' does not support 'system'; use "
     "'developer'\",\"param\":\"messages[0].role\"}}",
     CR_SETTING_DEVELOPER},
    {400, "{\"message\":\"invalid params, invalid role: system\"}", CR_SETTING_SYSTEM},
    {404,
     "{\"error\":{\"message\":\"No endpoints found that support the requested "
     "parameters: response_format\"}}",
     CR_SETTING_FORM},
    {404,
     "{\"error\":{\"message\":\"No endpoints found that support the requested "
     "parameters: seed\"}}",
     CR_SETTING_SEED},
    {404,
     "{\"error\":{\"message\":\"No endpoints found that can handle the requested "
     "parameters.\"}}",
     CR_SETTING_FORM},
    {404, "{\"error\":{\"message\":\"No endpoints found for x/y.\"}}", CR_SETTING_NONE},
    {400, "{\"error\":{\"message\":\"context too long\"}}", CR_SETTING_NONE},
    {503, "{\"error\":{\"message\":\"response_format is not supported\"}}",
     CR_SETTING_NONE},
};

static void a_refused_setting_is_recognised(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct cr_error_body error = read_body(refusals[i].body);
        print_message("%s\n", refusals[i].body);
        assert_int_equal(cr_retry_refused_setting(refusals[i].status, &error),
                         refusals[i].setting);
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
        cmocka_unit_test(the_bodys_code_decides),
        cmocka_unit_test(a_refused_setting_is_recognised),
        cmocka_unit_test(backoff_doubles_with_seeded_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
