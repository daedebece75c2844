// clock.h - time as an argument: the machine's, or a test's.
//
// Layer    base (0)
// Threads  the monotonic clock may be shared
// MPI      none
#ifndef CREDENCE_BASE_CLOCK_H
#define CREDENCE_BASE_CLOCK_H

#include <stdint.h>

struct cr_clock {
    int64_t (*now_ns)(void *ctx);  // monotonic
    int64_t (*wall_ns)(void *ctx); // since 1970, for stamps and Retry-After dates
    void *ctx;
    // Let MS pass; NULL: the process sleeps.
    void (*sleep_ms)(void *ctx, int64_t ms);
};

const struct cr_clock *cr_clock_monotonic(void);

// A clock that moves when a test moves it, and when somebody sleeps by it. CTX of the returned
// clock is FAKE.
struct cr_fake_clock {
    int64_t now_ns;
    int64_t wall_ns;
};
struct cr_clock cr_clock_fake(struct cr_fake_clock *fake);
void cr_fake_clock_advance_ms(struct cr_fake_clock *fake, int64_t ms);

static inline int64_t cr_clock_now_ns(const struct cr_clock *clock) {
    return clock->now_ns(clock->ctx);
}
static inline int64_t cr_clock_now_ms(const struct cr_clock *clock) {
    return clock->now_ns(clock->ctx) / 1000000;
}
static inline int64_t cr_clock_wall_ms(const struct cr_clock *clock) {
    return clock->wall_ns(clock->ctx) / 1000000;
}
// Blocks. A signal may end it early.
void cr_clock_sleep_ms(const struct cr_clock *clock, int64_t ms);

#endif
