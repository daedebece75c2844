#include "cmocka_all.h"

#include <time.h>

#include "credence/base/clock.h"

static void fake_clock_moves_when_told(void **state) {
    (void)state;
    struct cr_fake_clock fake = {.now_ns = 5000000, .wall_ns = 1700000000000000000};
    struct cr_clock clock = cr_clock_fake(&fake);
    assert_int_equal(cr_clock_now_ms(&clock), 5);
    cr_fake_clock_advance_ms(&fake, 250);
    assert_int_equal(cr_clock_now_ms(&clock), 255);
    assert_int_equal(cr_clock_now_ns(&clock), 255000000);
    assert_int_equal(cr_clock_wall_ms(&clock), 1700000000250);
}

static void machine_clock_never_goes_back(void **state) {
    (void)state;
    const struct cr_clock *clock = cr_clock_monotonic();
    int64_t last = cr_clock_now_ns(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = cr_clock_now_ns(clock);
        assert_true(now >= last);
        last = now;
    }
}

static void wall_clock_is_the_date(void **state) {
    (void)state;
    int64_t before_s = time(NULL);
    int64_t wall_s = cr_clock_wall_ms(cr_clock_monotonic()) / 1000;
    assert_true(wall_s >= before_s - 1 && wall_s <= time(NULL) + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_clock_moves_when_told),
        cmocka_unit_test(machine_clock_never_goes_back),
        cmocka_unit_test(wall_clock_is_the_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
