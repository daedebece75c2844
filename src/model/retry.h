// retry.h - what a failed attempt means, and how long to wait before the next.
//
// Layer    model (3), private; pure
// Threads  no shared state
// MPI      none
//
// What a server says in the body counts before the HTTP status: a quota that is used up
// comes as 429, an overload as 400, a wrong key as 500. Code words first (error.code,
// error.type, error.status ..), then a few phrases, then the status.
#ifndef CR_MODEL_RETRY_H
#define CR_MODEL_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/core/call.h"
#include "model/error_body.h"

enum { CR_BACKOFF_MAX_MS = 60000 };

enum cr_retry {
    CR_RETRY_NEVER,
    CR_RETRY_LATER,  // another attempt, after a backoff
    CR_RETRY_SAMPLE, // likewise; the model's sample was bad, the request is fine
    CR_RETRY_ADAPTED // another attempt at once, in the shape that the server takes
};

struct cr_verdict {
    enum cr_reason reason;
    enum cr_retry retry;
    bool is_overload;  // a sign that fewer at once would do better
    bool is_unhealthy; // a sign that the server is down
};

// By the status of a reply (0: an error inside a 2xx) and what its body says.
struct cr_verdict cr_retry_by_error(uint32_t http_status,
                                    const struct cr_error_body *error);
// By the class of a failure below HTTP.
struct cr_verdict cr_retry_by_fail(enum cr_reason fail);

// A setting of the request that a server refuses.
enum cr_setting {
    CR_SETTING_NONE,
    CR_SETTING_MAX_TOKENS, // under the name that was used
    CR_SETTING_TEMPERATURE,
    CR_SETTING_SEED,
    CR_SETTING_FORM,      // response_format, in any spelling
    CR_SETTING_SYSTEM,    // the role of the system prompt
    CR_SETTING_DEVELOPER, // likewise; it wants the role developer
    CR_SETTING_LOGPROBS
};
// Which setting an error with HTTP_STATUS refuses, by its words.
enum cr_setting cr_retry_refused_setting(uint32_t http_status,
                                         const struct cr_error_body *error);

// The wait before attempt ATTEMPTS + 1: base * 2^(attempts - 1), at most
// CR_BACKOFF_MAX_MS, times a factor in [0.5, 1.5) drawn from SEED and ATTEMPTS.
int64_t cr_retry_backoff_ms(int64_t base_ms, uint32_t attempts, uint64_t seed);

#endif
