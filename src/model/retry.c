// retry.c - classification of failures, and backoff. Pure; the words of the houses are
// two tables, each in the order in which they count.
#include "model/retry.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "credence/base/hash.h"
#include "credence/base/rng.h"

enum kind {
    KIND_NONE,
    KIND_FILTER,  // a content filter took it: the service's answer to this item
    KIND_SAMPLE,  // the server checked the model's output and threw it away
    KIND_REQUEST, // the request is at fault
    KIND_QUOTA,
    KIND_KEY,
    KIND_NOT_FOUND,
    KIND_RATE,
    KIND_TIMEOUT,
    KIND_SERVER
};

// Code words, separated by spaces; in the order in which they count.
static const struct {
    enum kind kind;
    const char *words;
} code_table[] = {
    {KIND_FILTER,
     " content_filter content_filtered content_filter_error content_policy_violation"
     " content_policy responsibleaipolicyviolation contentpolicyviolationerror"
     " data_inspection_failed datainspectionfailed moderation moderation_blocked"
     " content_moderation flagged prohibited_content safety sensitive"
     " sensitive_words_detected guardrail_intervened guardrail_blocked"
     " content_blocked blocked_by_content_filter 1301 1026 1027 "},
    {KIND_SAMPLE, " json_validate_failed tool_use_failed output_parse_failed"
                  " invalid_model_output structured_output_validation_failed "},
    {KIND_REQUEST, " context_length_exceeded exceed_context_size_error"
                   " contextwindowexceedederror string_above_max_length"
                   " request_too_large "},
    {KIND_QUOTA,
     " insufficient_quota billing_hard_limit_reached billing_not_active billing_error"
     " insufficient_balance insufficient_credits insufficient_funds payment_required"
     " credit_balance_too_low exceeded_current_quota_error quota_exhausted arrearage"
     " allocationquota.freetieronly spend_limit_exceeded access_terminated"
     " insufficient_user_quota out_of_credits budget_exceeded budgetexceedederror"
     " servicequotaexceededexception credit_limit spending_limit 1113 1008 "},
    {KIND_KEY,
     " invalid_api_key invalid_authentication invalid_authentication_error"
     " authentication_error authenticationerror unauthorized unauthenticated"
     " permission_error permission_denied permissiondeniederror access_denied"
     " accessdenied accessdeniedexception forbidden api_key_invalid invalid_key"
     " incorrect_api_key_error invalid_apikey invalidapikey missing_api_key"
     " account_deactivated unrecognizedclientexception invalid_organization"
     " unsupported_country_region_territory account_suspended"
     " organization_restricted 1004 "},
    {KIND_NOT_FOUND,
     " model_not_found not_found_error not_found notfound notfounderror"
     " deploymentnotfound model_not_exist modelnotfound unknown_model invalid_model"
     " model_decommissioned model_deprecated model_not_supported unknown_url"
     " resourcenotfound resource_not_found_error resourcenotfoundexception"
     " operationnotsupported "},
    {KIND_RATE,
     " rate_limit_exceeded rate_limit_error rate_limited rate_limit ratelimiterror"
     " ratelimitreached too_many_requests toomanyrequests overloaded_error overloaded"
     " engine_overloaded engine_overloaded_error server_overloaded model_overloaded"
     " resource_exhausted unavailable service_unavailable serviceunavailable"
     " serviceunavailableerror unavailable_error capacity_exceeded over_capacity"
     " throttled throttling throttlingexception throttling.ratequota"
     " requests_limit_exceeded tokens_limit_exceeded limit_requests no_capacity"
     " concurrency_limit_exceeded server_busy slow_down modelnotreadyexception "},
    {KIND_TIMEOUT, " timeout timeout_error request_timeout gateway_timeout"
                   " deadline_exceeded modeltimeoutexception "},
    {KIND_SERVER,
     " api_error server_error internal_error internal_server_error internal"
     " internalservererror upstream_error bad_gateway engine_error provider_error"
     " network_error insufficient_system_resource apiconnectionerror"
     " modelerrorexception aborted "},
};

// Phrases of messages whose codes say nothing ("invalid_request_error"). Only where the
// status leaves it open: 0 (an error inside a 2xx), 400, 403, 404, 409, 412, 413, 422,
// 429, 500, 502 and 503.
static const struct {
    enum kind kind;
    const char *phrase;
} phrase_table[] = {
    {KIND_FILTER, "content management policy"},
    {KIND_FILTER, "content filter"},
    {KIND_FILTER, "filtering policy"},
    {KIND_FILTER, "content exists risk"},
    {KIND_FILTER, "requires moderation"},
    {KIND_FILTER, "input was flagged"},
    {KIND_FILTER, "violates our usage polic"},
    {KIND_FILTER, "contentpolicyviolation"},
    {KIND_FILTER, "content policy"},
    {KIND_FILTER, "new_sensitive"},
    {KIND_SAMPLE, "failed to generate json"},
    {KIND_SAMPLE, "generated json does not match"},
    {KIND_SAMPLE, "failed to parse model output"},
    {KIND_REQUEST, "maximum context length"},
    {KIND_REQUEST, "context size"},
    {KIND_QUOTA, "credit balance is too low"},
    {KIND_QUOTA, "insufficient credits"},
    {KIND_QUOTA, "insufficient balance"},
    {KIND_QUOTA, "insufficient funds"},
    {KIND_QUOTA, "credit limit exceeded"},
    {KIND_QUOTA, "any credits"},
    {KIND_QUOTA, "budget has been exceeded"},
    {KIND_QUOTA, "spending limit"},
    {KIND_QUOTA, "api usage limits"},
    {KIND_KEY, "api key not valid"},
    {KIND_KEY, "incorrect api key"},
    {KIND_KEY, "invalid api key"},
    {KIND_KEY, "api key not found"},
    {KIND_KEY, "account is suspended"},
    {KIND_NOT_FOUND, "is not a valid model"},
    {KIND_NOT_FOUND, "unknown model"},
    {KIND_NOT_FOUND, "invalid model name"},
    {KIND_NOT_FOUND, "model not found"},
    {KIND_NOT_FOUND, "model does not exist"},
    {KIND_RATE, "overloaded"},
    {KIND_RATE, "rate limit"},
    {KIND_RATE, "rate-limit"},
    {KIND_RATE, "rate exceeded"},
    {KIND_RATE, "too many requests"},
    {KIND_RATE, "at capacity"},
    {KIND_RATE, "server is busy"},
    {KIND_RATE, "temporarily unavailable"},
    {KIND_SERVER, "upstream connect error"},
};

static enum kind kind_of_codes(const struct cr_error_body *error) {
    for (size_t i = 0; i < sizeof code_table / sizeof code_table[0]; i++) {
        for (uint32_t k = 0; k < error->codes_len; k++) {
            const char *found = strstr(code_table[i].words, error->codes[k]);
            size_t len = strlen(error->codes[k]);
            while (found != NULL && (found[-1] != ' ' || found[len] != ' ')) {
                found = strstr(found + 1, error->codes[k]);
            }
            if (found != NULL) {
                return code_table[i].kind;
            }
        }
    }
    return KIND_NONE;
}

static bool leaves_it_open(uint32_t status) {
    static const uint32_t open[] = {0,   400, 403, 404, 409, 412,
                                    413, 422, 429, 500, 502, 503};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        if (open[i] == status) {
            return true;
        }
    }
    return false;
}

static enum kind kind_of_words(const char *words) {
    for (size_t i = 0; i < sizeof phrase_table / sizeof phrase_table[0]; i++) {
        if (strcasestr(words, phrase_table[i].phrase) != NULL) {
            return phrase_table[i].kind;
        }
    }
    return KIND_NONE;
}

// 424 and 498 are a busy server's in some houses, 529 in others. 404, 405 and a redirect
// say that the path is wrong. 409 and 425 say "not now"; 501 and 505 say "never".
static enum kind kind_of_status(uint32_t status) {
    switch (status) {
    case 401:
    case 403:
    case 407:
        return KIND_KEY;
    case 402:
        return KIND_QUOTA;
    case 404:
    case 405:
    case 410:
        return KIND_NOT_FOUND;
    case 424:
    case 429:
    case 498:
    case 503:
    case 529:
        return KIND_RATE;
    case 408:
    case 504:
    case 524:
        return KIND_TIMEOUT;
    case 0:
    case 409:
    case 425:
    case 499:
        return KIND_SERVER;
    case 501:
    case 505:
        return KIND_REQUEST;
    default:
        break;
    }
    if (status >= 300 && status <= 399) {
        return KIND_NOT_FOUND;
    }
    return status >= 500 ? KIND_SERVER : KIND_REQUEST;
}

static struct cr_verdict verdict_of(enum kind kind, uint32_t status) {
    static const struct {
        enum cr_reason reason;
        enum cr_retry retry;
    } rows[] = {
        [KIND_FILTER] = {CR_REASON_FILTERED, CR_RETRY_NEVER},
        [KIND_SAMPLE] = {CR_REASON_UNREADABLE, CR_RETRY_SAMPLE},
        [KIND_REQUEST] = {CR_REASON_BAD_REQUEST, CR_RETRY_NEVER},
        [KIND_QUOTA] = {CR_REASON_QUOTA, CR_RETRY_NEVER},
        [KIND_KEY] = {CR_REASON_KEY, CR_RETRY_NEVER},
        [KIND_NOT_FOUND] = {CR_REASON_NOT_FOUND, CR_RETRY_NEVER},
        [KIND_RATE] = {CR_REASON_RATE, CR_RETRY_LATER},
        [KIND_TIMEOUT] = {CR_REASON_TIMEOUT, CR_RETRY_LATER},
        [KIND_SERVER] = {CR_REASON_SERVER, CR_RETRY_LATER},
    };
    bool is_down = kind == KIND_SERVER || kind == KIND_TIMEOUT;
    return (struct cr_verdict){.reason = rows[kind].reason,
                               .retry = rows[kind].retry,
                               .is_overload = kind == KIND_RATE || kind == KIND_TIMEOUT,
                               .is_unhealthy = is_down && status >= 500};
}

// Google's refusal of a model that the plan does not hold: a limit, but of nothing.
static bool grants_nothing(const char *words) {
    static const char phrase[] = "limit: 0";
    for (const char *at = words; (at = strcasestr(at, phrase)) != NULL; at++) {
        const char after = at[sizeof phrase - 1];
        if ((after < '0' || after > '9') && after != '.') {
            return true;
        }
    }
    return false;
}

struct cr_verdict cr_retry_by_error(uint32_t status,
                                    const struct cr_error_body *error) {
    // Inside a 2xx the status is what the body names.
    status = status == 0 ? error->status : status;
    enum kind kind = kind_of_codes(error);
    if (kind == KIND_NONE && leaves_it_open(status)) {
        kind = kind_of_words(error->words);
    }
    if (kind == KIND_NONE && status == 0 &&
        cr_error_body_has_code(error, "invalid_request_error")) {
        kind = KIND_REQUEST;
    }
    kind = kind != KIND_NONE ? kind : kind_of_status(status);
    if (kind == KIND_RATE && grants_nothing(error->words)) {
        kind = KIND_QUOTA;
    }
    return verdict_of(kind, status);
}

struct cr_verdict cr_retry_by_fail(enum cr_reason fail) {
    bool is_link = fail == CR_REASON_CONNECTION || fail == CR_REASON_TIMEOUT;
    bool is_retried = is_link || fail == CR_REASON_SERVER;
    return (struct cr_verdict){.reason = fail,
                               .retry = is_retried ? CR_RETRY_LATER : CR_RETRY_NEVER,
                               .is_overload = fail == CR_REASON_TIMEOUT,
                               .is_unhealthy = is_link};
}

static bool has_any(const char *text, const char *const *words, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (strcasestr(text, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}
#define HAS_ANY(text, words) has_any(text, words, sizeof(words) / sizeof((words)[0]))

// What a server says of a setting that it does not take, and not of a wrong value.
static bool is_refusal(const struct cr_error_body *error) {
    static const char *const words[] = {"not support",
                                        "unsupported",
                                        "n't support",
                                        "unrecognized",
                                        "unrecognised",
                                        "not permitted",
                                        "extra inputs",
                                        "extra fields",
                                        "unexpected",
                                        "not allowed",
                                        "only the default",
                                        "not available",
                                        "not enabled",
                                        "deprecated",
                                        "not implemented",
                                        "unknown",
                                        "must alternate",
                                        "cannot be used",
                                        "incompatible",
                                        "not recognized",
                                        "extra_forbidden",
                                        "invalid role",
                                        "should be 'user'",
                                        "no such field",
                                        "cannot find field",
                                        "roles are supported",
                                        "following roles",
                                        "no endpoints found that support",
                                        "can handle the requested param"};
    static const char *const codes[] = {"unsupported_parameter", "unsupported_value",
                                        "unknown_parameter", "extra_forbidden"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (cr_error_body_has_code(error, codes[i])) {
            return true;
        }
    }
    return HAS_ANY(error->words, words);
}

enum cr_setting cr_retry_refused_setting(uint32_t status,
                                         const struct cr_error_body *error) {
    static const char *const limit[] = {"max_tokens", "max_completion_tokens",
                                        "max tokens"};
    static const char *const form[] = {"response_format",
                                       "response format",
                                       "json_schema",
                                       "json schema",
                                       "json_object",
                                       "json mode",
                                       "structured",
                                       "guided",
                                       "grammar",
                                       "responseschema",
                                       "schema",
                                       "output_format",
                                       "can handle the requested param"};
    static const char *const system[] = {
        "system role",          "system message",        "'system'",
        "\"system\"",           "system prompt",         "system instruction",
        "role system",          "developer instruction", "'developer'",
        "roles must alternate", "assistant roles",       "role: system"};
    bool may_refuse = status == 400 || status == 404 || status == 415 ||
                      status == 422 || status == 500 || status == 501;
    if (!may_refuse) {
        return CR_SETTING_NONE;
    }
    char text[CR_WORDS_MAX + CR_CODE_BYTES_MAX + 2];
    snprintf(text, sizeof text, "%s %s", error->param, error->words);
    bool is_refused = is_refusal(error);
    if (is_refused && HAS_ANY(text, limit)) {
        return CR_SETTING_MAX_TOKENS;
    }
    if (is_refused && strcasestr(text, "logprobs") != NULL) {
        return CR_SETTING_LOGPROBS;
    }
    if (is_refused && strcasestr(text, "temperature") != NULL) {
        return CR_SETTING_TEMPERATURE;
    }
    if (is_refused &&
        (HAS_ANY(text, system) || (strncmp(error->param, "messages", 8) == 0 &&
                                   strcasestr(text, "role") != NULL))) {
        bool wants_developer = strcasestr(text, "developer") != NULL &&
                               strcasestr(text, "developer instruction") == NULL;
        return wants_developer ? CR_SETTING_DEVELOPER : CR_SETTING_SYSTEM;
    }
    // A server that cannot make the form may say so in any words.
    if (status != 404 && status != 500 && HAS_ANY(text, form)) {
        return CR_SETTING_FORM;
    }
    if (is_refused && HAS_ANY(text, form)) {
        return CR_SETTING_FORM;
    }
    return is_refused && strcasestr(text, "seed") != NULL ? CR_SETTING_SEED
                                                          : CR_SETTING_NONE;
}

int64_t cr_retry_backoff_ms(int64_t base_ms, uint32_t attempts, uint64_t seed) {
    struct cr_rng rng;
    cr_rng_seed(&rng, cr_hash_mix(seed, attempts));
    double wait_ms = ldexp((double)base_ms, attempts > 1 ? (int)(attempts - 1) : 0);
    wait_ms = wait_ms < CR_BACKOFF_MAX_MS ? wait_ms : CR_BACKOFF_MAX_MS;
    return (int64_t)(wait_ms * (0.5 + cr_rng_uniform(&rng)));
}
