// A whole run in one process with memory that runs out, at one allocation after
// another.
#include "fleet.h"

static const char job[] = FIXTURE_JOB(", \"grid\": { \"stop.threshold\": [0.1, 0.2] }");

// One launch whose N-th allocation fails, and one that goes on. Whether it had so many.
static bool try_one(uint64_t n) {
    struct fleet fleet;
    bool has_failed = true;
    fleet_open(&fleet, 3, job);
    cr_mem_fail_at(n);
    const enum cr_status status = fleet_start(&fleet, 2);
    if (status == CR_OK) {
        fleet_run(&fleet);
        const enum cr_exit outcome = fleet_end(&fleet);
        has_failed = cr_mem_count() >= n;
        if (outcome != CR_EXIT_COMPLETE) {
            assert_int_equal(outcome, CR_EXIT_STOPPED);
        }
    } else {
        assert_int_equal(status, CR_E_MEMORY);
    }
    cr_mem_fail_at(0);
    if (fleet_launch(&fleet, 2) != CR_EXIT_COMPLETE) {
        fail_msg("allocation %llu", (unsigned long long)n);
    }
    assert_int_equal(fleet_read_tape(&fleet).repeated, 0);
    assert_true(fleet_status_says(&fleet, "\"pending\": 0"));
    fleet_close(&fleet);
    return has_failed;
}

// Each n-th allocation fails once, wherever it is: an error with a text or a drain, and
// the next launch makes the rows of the unbroken run.
static void memory_that_runs_out_once_loses_nothing(void **state) {
    (void)state;
    uint64_t n = 1, tried = 0;
    for (bool has_failed = true; has_failed && tried < 400; tried++) {
        has_failed = try_one(n);
        n += 1 + n / 16;
    }
    assert_in_range(tried, 20, 399);
}

// A worker that gets no welcome or no grant beats and waits: the launch must not.
static void a_message_that_cannot_be_sent_is_not_waited_for(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, 3, job);
    cr_mem_fail_at(0);
    assert_int_equal(fleet_start(&fleet, 2), CR_OK);
    const uint64_t started = cr_mem_count();
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
    fleet_close(&fleet);
    for (uint64_t n = started + 1; n <= started + 60; n++) {
        assert_true(try_one(n));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_runs_out_once_loses_nothing),
        cmocka_unit_test(a_message_that_cannot_be_sent_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
