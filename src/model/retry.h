// retry.h - what a failed attempt means, and how long to wait before the next.
//
// Layer    model (3), private; pure
// Threads  no shared state
// MPI      none
#ifndef CR_MODEL_RETRY_H
#define CR_MODEL_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/core/call.h"

enum {
    CR_BACKOFF_MAX_MS = 60000,
    CR_RETRY_AFTER_MAX_S = 7 * 86400 // a server that asks for longer means "never"
};

enum cr_retry {
    CR_RETRY_NEVER,
    CR_RETRY_LATER,  // another attempt, after a backoff
    CR_RETRY_SIMPLER // another attempt at once, asking for a laxer form of answer
};

struct cr_verdict {
    enum cr_reason reason;
    enum cr_retry retry;
    bool is_overload;  // a sign that fewer at once would do better
    bool is_unhealthy; // a sign that the server is down
};

// By the HTTP status of a reply outside 2xx.
struct cr_verdict cr_retry_by_status(uint32_t http_status);
// By the class of a failure below HTTP.
struct cr_verdict cr_retry_by_fail(enum cr_reason fail);

// Whether a 400 or 422 with these words refuses the form of answer that was asked for.
bool cr_retry_is_form_refused(uint32_t http_status, const char *body, size_t bytes);

// A Retry-After value (LEN bytes, not terminated): seconds, with a fraction or without,
// or an HTTP date. Milliseconds from WALL_MS, rounded up; -1 when it says nothing.
int64_t cr_retry_after_ms(const char *value, size_t len, int64_t wall_ms);
// "350ms", "6m0s", "1h2m3.5s", "2s", bare seconds, or an RFC 3339 time; likewise.
int64_t cr_retry_reset_ms(const char *value, size_t len, int64_t wall_ms);

// The wait before attempt ATTEMPTS + 1: base * 2^(attempts - 1), at most
// CR_BACKOFF_MAX_MS, times a factor in [0.5, 1.5) drawn from SEED and ATTEMPTS.
int64_t cr_retry_backoff_ms(int64_t base_ms, uint32_t attempts, uint64_t seed);

#endif
