// clock.c - the machine's clock and the one that tests move.
#include "credence/base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_ns(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t machine_now_ns(void *ctx) {
    (void)ctx;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t machine_wall_ns(void *ctx) {
    (void)ctx;
    return read_ns(CLOCK_REALTIME);
}

const struct cr_clock *cr_clock_monotonic(void) {
    static const struct cr_clock machine = {machine_now_ns, machine_wall_ns, NULL,
                                            NULL};
    return &machine;
}

static int64_t fake_now_ns(void *ctx) {
    return ((const struct cr_fake_clock *)ctx)->now_ns;
}

static int64_t fake_wall_ns(void *ctx) {
    return ((const struct cr_fake_clock *)ctx)->wall_ns;
}

static void fake_sleep_ms(void *ctx, int64_t ms) {
    cr_fake_clock_advance_ms(ctx, ms);
}

struct cr_clock cr_clock_fake(struct cr_fake_clock *fake) {
    return (struct cr_clock){fake_now_ns, fake_wall_ns, fake, fake_sleep_ms};
}

void cr_fake_clock_advance_ms(struct cr_fake_clock *fake, int64_t ms) {
    fake->now_ns += ms * 1000000;
    fake->wall_ns += ms * 1000000;
}

void cr_clock_sleep_ms(const struct cr_clock *clock, int64_t ms) {
    if (clock->sleep_ms != NULL) {
        clock->sleep_ms(clock->ctx, ms);
        return;
    }
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}
