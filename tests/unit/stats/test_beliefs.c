// test_beliefs.c - movement, reduction, excess; stop rules' oracle.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credence/stats/beliefs.h"
#include "credence/stats/oracle.h"

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-12)) {
        fail_msg("got %.17g, want %.17g", got, want);
    }
}

static struct cr_market market_of(const double *price, uint32_t len,
                                  uint32_t question) {
    return (struct cr_market){.space = CR_SPACE_BINARY,
                              .status = CR_DONE,
                              .price = price,
                              .prices_len = len,
                              .label = 1,
                              .question = question,
                              .proposition = question};
}

static void movement_and_excess_are_those_by_hand(void **state) {
    (void)state;
    static const double up[] = {0.5, 0.7, 0.9}, down[] = {0.4, 0.5};
    struct cr_beliefs *beliefs = NULL;
    assert_int_equal(cr_beliefs_create(3, 2, &beliefs), CR_OK);
    struct cr_market first = market_of(up, 3, 0), second = market_of(down, 2, 1);
    cr_beliefs_add(beliefs, &first, 1);
    cr_beliefs_add(beliefs, &second, 1);
    struct cr_belief_result got;
    assert_int_equal(cr_beliefs_finish(beliefs, 0.95, &got), CR_OK);
    assert_int_equal(got.markets, 2);
    assert_int_equal(got.moves, 3);
    near(got.movement, (0.08 + 0.01) / 2);
    near(got.reduction, ((0.25 - 0.09) + (0.24 - 0.25)) / 2);
    near(got.excess, got.movement - got.reduction);
    near(got.step[1].excess, (0.0 * 0.2 + 0.2 * 0.1) / 2);
    near(got.step[2].excess, -0.4 * 0.2);
    assert_true(isnan(got.noise_variance)); // no replicates
    assert_true(isnan(got.normalised));     // two questions: no interval above 0
    assert_non_null(got.verdict);
    cr_belief_result_fini(&got);
    cr_beliefs_destroy(beliefs);
}

static void what_is_no_martingale_is_left_out(void **state) {
    (void)state;
    static const double price[] = {0.5, 0.7};
    struct cr_market market[3] = {market_of(price, 2, 0), market_of(price, 2, 0),
                                  market_of(price, 2, 0)};
    market[0].space = CR_SPACE_CONTINUOUS;
    market[1].has_samples = true;
    market[2].status = CR_INVALID;
    struct cr_beliefs *beliefs = NULL;
    assert_int_equal(cr_beliefs_create(2, 1, &beliefs), CR_OK);
    cr_beliefs_add(beliefs, market, 3);
    struct cr_belief_result got;
    assert_int_equal(cr_beliefs_finish(beliefs, 0.95, &got), CR_OK);
    assert_int_equal(got.markets, 0);
    assert_string_equal(got.verdict, "no moves to judge");
    cr_belief_result_fini(&got);
    cr_beliefs_destroy(beliefs);
}

static void replicates_give_the_noise_and_the_instrument(void **state) {
    (void)state;
    static const double one[] = {0.4, 0.5}, two[] = {0.6, 0.6};
    struct cr_market market[2] = {market_of(one, 2, 0), market_of(two, 2, 0)};
    struct cr_beliefs *beliefs = NULL;
    assert_int_equal(cr_beliefs_create(2, 1, &beliefs), CR_OK);
    cr_beliefs_add(beliefs, market, 2);
    struct cr_belief_result got;
    assert_int_equal(cr_beliefs_finish(beliefs, 0.95, &got), CR_OK);
    near(got.noise_variance, 0.02);
    near(got.noise_movement, 0.04); // one move each
    assert_int_equal(got.instrumented.n, 2);
    // z = (0.6, 0.4), x = (0.4, 0.6), y = (0.1, 0): -cov(z, y) and +cov(x, y).
    near(got.slope.slope, -0.5);
    near(got.instrumented.slope, -0.5);
    cr_belief_result_fini(&got);
    cr_beliefs_destroy(beliefs);
}

// Questions 0 .. 9: right at t = 1 alone; so each fold chooses 1 without its own.
static void the_oracle_is_the_iteration_that_is_best_elsewhere(void **state) {
    (void)state;
    static const double good[] = {0.3, 0.8, 0.2}, bad[] = {0.8, 0.3, 0.2};
    struct cr_oracle *oracle = NULL;
    assert_int_equal(cr_oracle_create(3, 10, &oracle), CR_OK);
    for (uint32_t q = 0; q < 10; q++) {
        struct cr_market market = market_of(q < 8 ? good : bad, 3, q);
        cr_oracle_add(oracle, &market);
        cr_oracle_question(oracle);
    }
    struct cr_oracle_result got;
    cr_oracle_finish(oracle, 0.95, &got);
    assert_int_equal(got.best, 1);
    near(got.points, 0.8);
    near(got.opening, 0.2);
    near(got.ceiling, 1.0);
    struct cr_market late = market_of(good, 1, 0); // ended before: its last price
    near(cr_oracle_points(&got, 0, &late), 0.0);
    cr_oracle_destroy(oracle);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(movement_and_excess_are_those_by_hand),
        cmocka_unit_test(what_is_no_martingale_is_left_out),
        cmocka_unit_test(replicates_give_the_noise_and_the_instrument),
        cmocka_unit_test(the_oracle_is_the_iteration_that_is_best_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
