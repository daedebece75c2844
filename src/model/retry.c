// retry.c - classification of failures; Retry-After; backoff. Pure.
#include "model/retry.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "credence/base/hash.h"
#include "credence/base/rng.h"

enum { VALUE_MAX = 64 }; // of a header that holds a time

static bool is_rate_status(uint32_t status) {
    return status == 429 || status == 503 || status == 529;
}

// 408, 409 and 425 say "not now"; 501 and 505 say "never".
static bool is_worth_retrying(uint32_t status) {
    if (status == 408 || status == 409 || status == 425 || status == 429) {
        return true;
    }
    return status >= 500 && status != 501 && status != 505;
}

struct cr_verdict cr_retry_by_status(uint32_t status) {
    bool is_retried = is_worth_retrying(status);
    struct cr_verdict verdict = {
        .retry = is_retried ? CR_RETRY_LATER : CR_RETRY_NEVER,
        .is_overload = is_rate_status(status) || status == 408 || status == 504,
        .is_unhealthy = status >= 500 && is_retried && !is_rate_status(status),
    };
    if (is_rate_status(status)) {
        verdict.reason = CR_REASON_RATE;
    } else if (status == 408 || status == 504) {
        verdict.reason = CR_REASON_TIMEOUT;
    } else {
        verdict.reason = is_retried ? CR_REASON_SERVER : CR_REASON_BAD_REQUEST;
    }
    return verdict;
}

struct cr_verdict cr_retry_by_fail(enum cr_reason fail) {
    bool is_link = fail == CR_REASON_CONNECTION || fail == CR_REASON_TIMEOUT;
    bool is_retried = is_link || fail == CR_REASON_SERVER || fail == CR_REASON_SERVER;
    return (struct cr_verdict){.reason = fail,
                               .retry = is_retried ? CR_RETRY_LATER : CR_RETRY_NEVER,
                               .is_overload = fail == CR_REASON_TIMEOUT,
                               .is_unhealthy = is_link};
}

static bool contains(const char *body, size_t bytes, const char *word) {
    return memmem(body, bytes, word, strlen(word)) != NULL;
}

bool cr_retry_is_form_refused(uint32_t status, const char *body, size_t bytes) {
    static const char *const words[] = {"response_format", "json_schema", "json_object",
                                        "schema",          "guided",      "grammar",
                                        "structured"};
    if (status != 400 && status != 422) {
        return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (contains(body, bytes, words[i])) {
            return true;
        }
    }
    return false;
}

static int64_t clamp_ms(double ms) {
    const double max = 1000.0 * CR_RETRY_AFTER_MAX_S;
    const double rounding = 1e-6; // "350ms" is 350.00000000000006
    return ms <= 0 ? 0 : (int64_t)ceil((ms < max ? ms : max) - rounding);
}

// The value as a C string without the white space around it; false when it is empty or
// longer than any time can be.
static bool copy_value(const char *value, size_t len, char out[VALUE_MAX]) {
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++, len--;
    }
    while (len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL) {
        len--;
    }
    if (len == 0 || len >= VALUE_MAX) {
        return false;
    }
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

// "12", "0.25"; NaN for anything else ("1e9", "nan" and signs included).
static double plain_seconds(const char *text) {
    if (strspn(text, "0123456789.") != strlen(text)) {
        return NAN;
    }
    char *end = NULL;
    double seconds = strtod(text, &end);
    return end != text && *end == '\0' ? seconds : NAN;
}

static int64_t until_ms(time_t when, int64_t wall_ms) {
    return clamp_ms((double)when * 1000.0 - (double)wall_ms);
}

int64_t cr_retry_after_ms(const char *value, size_t len, int64_t wall_ms) {
    char text[VALUE_MAX];
    if (!copy_value(value, len, text)) {
        return -1;
    }
    double seconds = plain_seconds(text);
    if (!isnan(seconds)) {
        return clamp_ms(seconds * 1000.0);
    }
    time_t when = curl_getdate(text, NULL);
    return when == -1 ? -1 : until_ms(when, wall_ms);
}

// The sum of "1h2m3.5s" in seconds; NaN when TEXT is not a duration.
static double duration_seconds(const char *text) {
    double sum = 0;
    while (*text) {
        char *unit = NULL;
        double count = strchr("+-", *text) != NULL ? NAN : strtod(text, &unit);
        if (unit == NULL || unit == text || !isfinite(count)) {
            return NAN;
        }
        bool is_ms = strncmp(unit, "ms", 2) == 0;
        const char *known = strchr("smhd", *unit);
        if (!*unit || known == NULL) {
            return NAN;
        }
        static const double factors[] = {1, 60, 3600, 86400};
        sum += count * (is_ms ? 0.001 : factors[known - "smhd"]);
        text = unit + (is_ms ? 2 : 1);
    }
    return sum;
}

// "2026-01-31T12:00:00Z", fractions ignored.
static int64_t rfc3339_ms(const char *text, int64_t wall_ms) {
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    return end != NULL ? until_ms(timegm(&tm), wall_ms) : -1;
}

int64_t cr_retry_reset_ms(const char *value, size_t len, int64_t wall_ms) {
    char text[VALUE_MAX];
    if (!copy_value(value, len, text)) {
        return -1;
    }
    double seconds = plain_seconds(text);
    seconds = isnan(seconds) ? duration_seconds(text) : seconds;
    return isnan(seconds) ? rfc3339_ms(text, wall_ms) : clamp_ms(seconds * 1000.0);
}

int64_t cr_retry_backoff_ms(int64_t base_ms, uint32_t attempts, uint64_t seed) {
    struct cr_rng rng;
    cr_rng_seed(&rng, cr_hash_mix(seed, attempts));
    double wait_ms = ldexp((double)base_ms, attempts > 1 ? (int)(attempts - 1) : 0);
    wait_ms = wait_ms < CR_BACKOFF_MAX_MS ? wait_ms : CR_BACKOFF_MAX_MS;
    return (int64_t)(wait_ms * (0.5 + cr_rng_uniform(&rng)));
}
