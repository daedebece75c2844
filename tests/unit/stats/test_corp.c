// test_corp.c - pooled prices and the parts of a score, the Murphy diagram, correlated
// judges, wordings.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "credence/stats/corp.h"
#include "credence/stats/independence.h"
#include "credence/stats/wording.h"

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-9)) {
        fail_msg("got %.17g, want %.17g", got, want);
    }
}

static void falling_shares_are_pooled(void **state) {
    (void)state;
    // In no order, two prices equal: 0.2 -> 0; 0.4 -> 1 and 0.6 -> 0, 0 are one pool.
    struct cr_corp_forecast forecast[] = {{0.6, 0.0, 2, 2},
                                          {0.2, 0.0, 0, 0},
                                          {0.9, 1.0, 3, 3},
                                          {0.4, 1.0, 1, 1},
                                          {0.6, 0.0, 4, 4}};
    struct cr_corp_cfg cfg = {
        .questions = 5, .propositions = 5, .level = 0.95, .has_pools = true};
    struct cr_corp got;
    assert_int_equal(cr_corp_make(forecast, 5, &cfg, &got), CR_OK);
    assert_int_equal(got.pools, 3);
    near(got.pool[1].from, 0.4);
    near(got.pool[1].to, 0.6);
    near(got.pool[1].share, 1.0 / 3.0);
    assert_int_equal(got.pool[1].n, 3);
    double recalibrated = 3 * (1.0 / 3.0) * (2.0 / 3.0) / 5;
    near(got.brier.score, (0.36 + 0.04 + 0.01 + 0.36 + 0.36) / 5);
    near(got.brier.unc, 0.4 * 0.6);
    near(got.brier.mcb, got.brier.score - recalibrated);
    near(got.brier.dsc, got.brier.unc - recalibrated);
    near(got.log.score, got.log.mcb - got.log.dsc + got.log.unc);
    assert_true(isnan(got.band[0].low)); // no resampling asked for
    cr_corp_fini(&got);
}

static void certain_and_right_costs_nothing(void **state) {
    (void)state;
    struct cr_corp_forecast forecast[] = {{0.0, 0.0, 0, 0}, {1.0, 1.0, 1, 1}};
    struct cr_corp_cfg cfg = {.questions = 2, .propositions = 2, .level = 0.95};
    struct cr_corp got;
    assert_int_equal(cr_corp_make(forecast, 2, &cfg, &got), CR_OK);
    near(got.brier.score, 0.0);
    near(got.log.dsc, log(2.0));
    assert_true(fabs(got.log.mcb) < 2e-6); // the clip of the prices
    cr_corp_fini(&got);
}

static void elementary_scores_add_up_to_brier(void **state) {
    (void)state;
    struct cr_murphy murphy = {0};
    struct cr_murphy_point point[CR_MURPHY_POINTS];
    cr_murphy_add(&murphy, 0.3, 0.72, 1.0);
    cr_murphy_question(&murphy);
    cr_murphy_finish(&murphy, 0.95, point);
    near(point[4].threshold, 0.25);
    near(point[4].opening, 0.0); // above the threshold, and true
    near(point[9].opening, 0.5);
    near(point[9].final, 0.0);
    near(point[9].difference, -0.5);
}

static void majorities_of_independent_judges(void **state) {
    (void)state;
    double p[] = {0.7, 0.7, 0.7};
    near(cr_majority_of_independent(p, 1), 0.7);
    near(cr_majority_of_independent(p, 2), 0.7); // ties half
    near(cr_majority_of_independent(p, 3), 0.343 + 3 * 0.49 * 0.3);
}

static void judges_who_agree_are_one_opinion(void **state) {
    (void)state;
    struct cr_judges *judges = NULL;
    assert_int_equal(cr_judges_create(0, 6, &judges), CR_OK);
    for (int q = 0; q < 6; q++) {
        double points = q % 2;
        struct cr_judgment_score both[2] = {{points, 0.2 + 0.1 * q},
                                            {points, 0.2 + 0.1 * q}};
        cr_judges_add(judges, both, 2, 1);
        cr_judges_question(judges);
    }
    struct cr_independence got;
    assert_int_equal(cr_judges_finish(judges, 0.95, &got), CR_OK);
    near(got.rho, 1.0);
    near(got.effective, 1.0);
    near(got.price_rho, 1.0);
    near(got.majority_gain, 0.0);
    assert_int_equal(got.propositions, 6);
    cr_judges_destroy(judges);
}

static void components_are_those_by_hand(void **state) {
    (void)state;
    // y = item + wording exactly: no interaction, no noise.
    static const double y[] = {0, 0, 1, 1, 2, 2, 3, 3};
    struct cr_wording_design design = {y, 2, 2, 2};
    struct cr_wording got;
    cr_wording_study(&design, 0.95, &got);
    near(got.mean, 1.5);
    near(got.item, 2.0);
    near(got.wording, 0.5);
    near(got.cross, 0.0);
    near(got.mean_difference, 1.0);
    assert_non_null(got.test.reason);
}

static void quantiles_of_f_are_inverse_to_its_tail(void **state) {
    (void)state;
    static const double share[] = {0.025, 0.5, 0.975};
    for (int i = 0; i < 3; i++) {
        double f = cr_f_quantile(share[i], 2, 30);
        near(1.0 - cr_f_tail(f, 2, 30), share[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(falling_shares_are_pooled),
        cmocka_unit_test(certain_and_right_costs_nothing),
        cmocka_unit_test(elementary_scores_add_up_to_brier),
        cmocka_unit_test(majorities_of_independent_judges),
        cmocka_unit_test(judges_who_agree_are_one_opinion),
        cmocka_unit_test(components_are_those_by_hand),
        cmocka_unit_test(quantiles_of_f_are_inverse_to_its_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
