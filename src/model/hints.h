// hints.h - how long a server asks to be left alone, in headers and in error bodies.
//
// Layer    model (3), private; pure, time is an argument
// Threads  no shared state
// MPI      none
//
// Waits are milliseconds from now, rounded up, within [0, CR_WAIT_MAX_S]; -1 says that
// nothing was said. Times of day (HTTP dates, RFC 3339, seconds or milliseconds since
// 1970) that are past are 0.
#ifndef CR_MODEL_HINTS_H
#define CR_MODEL_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CR_WAIT_MAX_S = 7 * 86400, // a server that asks for longer means "never"
    CR_WAIT_LONG_MS = 3600000, // from here on people are told at once
    CR_QUOTAS_MAX = 8, // counted apart by one reply (requests, tokens, a day ..)
    CR_HINT_SOURCE_MAX = 96
};

// One quota of a reply: what is left of it, and when it is full again.
struct cr_quota {
    uint64_t name; // hash of the headers' common part; 0: unused
    int64_t left, reset_ms;
    char source[CR_HINT_SOURCE_MAX]; // the header of the reset, as it came
};

struct cr_hints {
    int64_t retry_after_ms; // retry-after-ms where there is one, else retry-after
    bool is_fine;           // it is from retry-after-ms
    char source[CR_HINT_SOURCE_MAX]; // "retry-after: 20"
    struct cr_quota quotas[CR_QUOTAS_MAX];
    uint32_t quotas_len;
};

void cr_hints_clear(struct cr_hints *hints);
// Heed the header LINE ("name: value", BYTES of it, not terminated) if it is a hint.
void cr_hints_note(struct cr_hints *hints, const char *line, size_t bytes,
                   int64_t wall_ms);
// The quota that is used up and resets last; NULL when none is.
const struct cr_quota *cr_hints_spent(const struct cr_hints *hints);

// VALUE (LEN bytes, not terminated) of a header that holds a time: seconds, a duration
// ("350ms", "1h2m3.5s"), seconds or finer units since 1970, an HTTP date or RFC 3339.
int64_t cr_wait_of_value(const char *value, size_t len, int64_t wall_ms);
// The wait that a sentence asks for: "Please try again in 6.4s", "retry after 20
// seconds".
int64_t cr_wait_in_text(const char *text);

#endif
