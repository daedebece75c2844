// test_throttle.c - leases, pauses and the adaptive limit.
#include "cmocka_all.h"

#include "model/throttle.h"

static const int64_t MS = 1000000;

static void fly(struct cr_throttle *throttle, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        assert_true(cr_throttle_may_start(throttle, 0, 1));
        cr_throttle_start(throttle, 0);
    }
}

static void land(struct cr_throttle *throttle, uint32_t n, enum cr_landing landing,
                 int64_t sent_ns, int64_t now_ns) {
    for (uint32_t i = 0; i < n; i++) {
        cr_throttle_land(throttle, landing, sent_ns, now_ns);
    }
}

static void a_given_number_is_not_adapted(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 10, 1000);
    fly(&throttle, 10);
    assert_false(cr_throttle_may_start(&throttle, 0, 1));
    land(&throttle, 10, CR_LANDED_OVERLOADED, 0, 1);
    assert_int_equal(cr_throttle_limit(&throttle), 10);
}

static void the_limit_doubles_a_round_until_the_first_overload(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 0, 1000);
    assert_int_equal(cr_throttle_limit(&throttle), CR_THROTTLE_START);
    fly(&throttle, CR_THROTTLE_START);
    for (uint32_t i = 0; i < CR_THROTTLE_START; i++) {
        cr_throttle_land(&throttle, CR_LANDED_WELL, 0, 1);
        while (cr_throttle_may_start(&throttle, 0, 1)) {
            cr_throttle_start(&throttle, 0);
        }
    }
    assert_int_equal(cr_throttle_limit(&throttle), 2 * CR_THROTTLE_START);
}

static void one_overload_cuts_once_for_all_that_were_under_way(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 0, 1000);
    fly(&throttle, CR_THROTTLE_START);
    land(&throttle, CR_THROTTLE_START, CR_LANDED_OVERLOADED, 100, 200);
    assert_int_equal(cr_throttle_limit(&throttle),
                     (uint32_t)(CR_THROTTLE_START * CR_THROTTLE_CUT));
    fly(&throttle, 1);
    cr_throttle_land(&throttle, CR_LANDED_OVERLOADED, 300, 400);
    assert_int_equal(cr_throttle_limit(&throttle),
                     (uint32_t)(CR_THROTTLE_START * CR_THROTTLE_CUT * CR_THROTTLE_CUT));
}

static void after_a_cut_it_grows_by_one_a_round(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 0, 1000);
    fly(&throttle, CR_THROTTLE_START);
    land(&throttle, CR_THROTTLE_START, CR_LANDED_OVERLOADED, 100, 200);
    uint32_t cut = cr_throttle_limit(&throttle);
    fly(&throttle, cut);
    for (uint32_t i = 0; i <= cut; i++) {
        cr_throttle_land(&throttle, CR_LANDED_WELL, 300, 400);
        cr_throttle_start(&throttle, 0);
    }
    assert_int_equal(cr_throttle_limit(&throttle), cut + 1);
}

static void the_limit_never_falls_below_one(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 0, 1000);
    for (int64_t t = 1; t < 100; t++) {
        cr_throttle_start(&throttle, 0);
        cr_throttle_land(&throttle, CR_LANDED_OVERLOADED, 2 * t, 2 * t + 1);
    }
    assert_int_equal(cr_throttle_limit(&throttle), 1);
}

static void a_limit_that_is_not_in_use_does_not_grow(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 0, 1000);
    for (int i = 0; i < 1000; i++) {
        cr_throttle_start(&throttle, 0);
        cr_throttle_land(&throttle, CR_LANDED_WELL, 0, 1);
    }
    assert_int_equal(cr_throttle_limit(&throttle), CR_THROTTLE_START);
}

static void leases_add_up_and_bound_the_adaptive_limit(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 0, 1000);
    cr_throttle_lease(&throttle, &(struct cr_lease){3, 2, -1});
    cr_throttle_lease(&throttle, &(struct cr_lease){3, 1, -1});
    assert_int_equal(cr_throttle_limit(&throttle), 3);
    fly(&throttle, 3);
    land(&throttle, 3, CR_LANDED_WELL, 0, 1);
    assert_false(cr_throttle_may_start(&throttle, 0, 7));
    assert_int_equal(throttle.wanted, 7);
    cr_throttle_lease(&throttle, &(struct cr_lease){3, -1, -1});
    fly(&throttle, 3);
}

static void a_debt_of_tokens_is_paid_by_the_next_lease(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 10, 10);
    cr_throttle_lease(&throttle, &(struct cr_lease){10, -1, 100});
    cr_throttle_start(&throttle, 80);
    assert_true(cr_throttle_may_start(&throttle, 0, 1));
    cr_throttle_refund(&throttle, 80, 150); // longer than was thought
    assert_false(cr_throttle_may_start(&throttle, 0, 1));
    cr_throttle_lease(&throttle, &(struct cr_lease){10, -1, 50});
    assert_false(cr_throttle_may_start(&throttle, 0, 1));
    cr_throttle_lease(&throttle, &(struct cr_lease){10, -1, 1});
    assert_true(cr_throttle_may_start(&throttle, 0, 1));
}

static void a_pause_ends_to_the_nanosecond_and_is_never_shortened(void **state) {
    struct cr_throttle throttle;
    (void)state;
    cr_throttle_init(&throttle, 10, 10);
    cr_throttle_pause_seen(&throttle, 0, 50);
    cr_throttle_pause(&throttle, 0, 20);
    assert_false(cr_throttle_may_start(&throttle, 50 * MS - 1, 1));
    assert_int_equal(cr_throttle_wake_ns(&throttle, 0), 50 * MS);
    assert_true(cr_throttle_may_start(&throttle, 50 * MS, 1));
    assert_int_equal(throttle.pause_seen_ms, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_given_number_is_not_adapted),
        cmocka_unit_test(the_limit_doubles_a_round_until_the_first_overload),
        cmocka_unit_test(one_overload_cuts_once_for_all_that_were_under_way),
        cmocka_unit_test(after_a_cut_it_grows_by_one_a_round),
        cmocka_unit_test(the_limit_never_falls_below_one),
        cmocka_unit_test(a_limit_that_is_not_in_use_does_not_grow),
        cmocka_unit_test(leases_add_up_and_bound_the_adaptive_limit),
        cmocka_unit_test(a_debt_of_tokens_is_paid_by_the_next_lease),
        cmocka_unit_test(a_pause_ends_to_the_nanosecond_and_is_never_shortened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
