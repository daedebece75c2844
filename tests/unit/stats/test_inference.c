// test_inference.c - distributions, intervals and tests against known values.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/stats/inference.h"

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fmax(1.0, fabs(want)))) {
        fail_msg("got %.17g, want %.17g", got, want);
    }
}

static void distributions_match_reference_values(void **state) {
    (void)state;
    near(cr_normal_quantile(1e-10), -6.361340902404056, 1e-13);
    near(cr_normal_quantile(0.3), -0.5244005127080409, 1e-13);
    near(cr_normal_quantile(0.7), 0.5244005127080409, 1e-13);
    near(cr_t_quantile(0.025, 3), -3.1824463052842638, 1e-11);
    near(cr_t_quantile(0.001, 57), -3.2394780350817243, 1e-11);
    near(cr_f_tail(3.3, 3, 40), 0.0299215377976212, 1e-11);
    near(cr_f_tail(900.0, 2, 7) / 3.618175312968795e-09, 1.0, 1e-9);
    near(cr_binomial_cdf(30, 100, 0.4), 0.02478282311649308, 1e-11);
    near(cr_binomial_cdf(499000, 1000000, 0.5), 0.022804149932694757, 1e-9);
    near(cr_beta_inc(2.5, 700, 0.01), 0.9849248308103844, 1e-12);
    near(cr_beta_inc(1e5, 2e5, 0.3334), 0.5310411686551593, 1e-9);
    near(cr_beta_inc(0.5, 0.5, 0.5), 0.5, 1e-12);
}

static void wilson_stays_inside_the_unit_interval(void **state) {
    (void)state;
    struct cr_interval some = cr_wilson(7, 10, 0.95), none = cr_wilson(0, 10, 0.95);
    near(some.low, 0.39677814746114537, 1e-12);
    near(some.high, 0.8922087325936989, 1e-12);
    near(none.low, 0.0, 1e-12);
    near(none.high, 0.27753279986288926, 1e-12);
    assert_string_equal(cr_wilson(0, 0, 0.95).reason, "no data");
}

static void mcnemar_is_exact(void **state) {
    (void)state;
    near(cr_mcnemar(3, 12).p, 0.03515625, 1e-12);
    near(cr_mcnemar(12, 3).p, 0.03515625, 1e-12);
    near(cr_mcnemar(0, 0).p, 1.0, 0.0);
    near(cr_mcnemar(5, 5).p, 1.0, 0.0);
}

static void holm_keeps_order_and_skips_what_is_no_member(void **state) {
    (void)state;
    double p[] = {0.01, 0.04, NAN, 0.03, 0.005};
    assert_int_equal(cr_holm(p, 5), CR_OK);
    near(p[0], 0.03, 1e-12);
    near(p[1], 0.06, 1e-12);
    assert_true(isnan(p[2]));
    near(p[3], 0.06, 1e-12);
    near(p[4], 0.02, 1e-12);
}

// All 2^n patterns of signs, one by one.
static double by_enumeration(const double *diff, size_t len) {
    double observed = 0.0, as_far = 0.0;
    for (size_t i = 0; i < len; i++) {
        observed += diff[i];
    }
    for (unsigned pattern = 0; pattern < 1u << len; pattern++) {
        double sum = 0.0;
        for (size_t i = 0; i < len; i++) {
            sum += pattern >> i & 1 ? diff[i] : -diff[i];
        }
        as_far += fabs(sum) >= fabs(observed) - 1e-9;
    }
    return as_far / (double)(1u << len);
}

static void permutation_counts_what_enumeration_counts(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 5);
    for (int round = 0; round < 60; round++) {
        double diff[10];
        size_t len = 1 + cr_rng_below(&rng, 10);
        for (size_t i = 0; i < len; i++) {
            diff[i] = 0.5 * ((double)cr_rng_below(&rng, 9) - 4.0);
        }
        struct cr_test test;
        assert_int_equal(cr_permutation(diff, len, 0, 1, &test), CR_OK);
        assert_true(test.is_exact);
        near(test.p, by_enumeration(diff, len), 1e-12);
    }
}

static void permutation_by_flips_agrees_with_enumeration(void **state) {
    (void)state;
    const double diff[] = {1.0 / 3, -0.5, 2, 1.5, 1.0 / 3, 0.25, 1.0 / 3, 0};
    struct cr_test test;
    assert_int_equal(cr_permutation(diff, 8, 20000, 1, &test), CR_OK);
    assert_false(test.is_exact);
    near(test.p, by_enumeration(diff, 8), 0.015);
}

static void permutation_of_nothing_says_so(void **state) {
    (void)state;
    struct cr_test test;
    assert_int_equal(cr_permutation(NULL, 0, 100, 1, &test), CR_OK);
    assert_true(isnan(test.p));
    assert_string_equal(test.reason, "no data");
    assert_int_equal(cr_permutation((double[]){0, 0}, 2, 100, 1, &test), CR_OK);
    near(test.p, 1.0, 0.0);
}

static void mean_zero_is_hotelling(void **state) {
    (void)state;
    const double x[] = {1, 2, .5, -1, 2, .3, -1, 1, .7, .9};
    struct cr_test test = cr_mean_zero(x, 5, 2);
    near(test.statistic, 1.379823741664262, 1e-12);
    near(test.p, 0.3759135903005573, 1e-11);
}

static void mean_zero_leaves_out_dependent_columns(void **state) {
    (void)state;
    const double one[] = {1, 2, -1, 0.5, 3};
    double three[15];
    for (int i = 0; i < 5; i++) {
        three[3 * i] = one[i];
        three[3 * i + 1] = -2.0 * one[i];
        three[3 * i + 2] = 0.0;
    }
    near(cr_mean_zero(three, 5, 3).p, cr_mean_zero(one, 5, 1).p, 1e-12);
    const double steady[] = {0.5, 0.5, 0.5};
    near(cr_mean_zero(steady, 3, 1).p, 0.0, 0.0);
    const double still[] = {0, 0, 0};
    assert_string_equal(cr_mean_zero(still, 3, 1).reason, "prices never moved");
}

static void binomial_draws_have_the_right_mean_and_spread(void **state) {
    (void)state;
    static const struct {
        uint64_t n;
        double p;
    } cases[] = {{5, 0.5}, {40, 0.1}, {1000, 0.02}, {500000, 0.3}, {300, 0.9}};
    struct cr_rng rng;
    cr_rng_seed(&rng, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double n = (double)cases[i].n, p = cases[i].p, sum = 0, square = 0;
        enum { DRAWS = 20000 };
        for (int k = 0; k < DRAWS; k++) {
            double away = (double)cr_draw_binomial(&rng, cases[i].n, p) - n * p;
            sum += away;
            square += away * away;
        }
        double variance = n * p * (1 - p);
        near(sum / DRAWS / sqrt(variance / DRAWS), 0.0, 4.0);
        near(square / DRAWS / variance, 1.0, 0.06);
    }
}

static void bootstrap_by_kinds_equals_bootstrap_by_clusters(void **state) {
    (void)state;
    enum { LEN = 400 };
    struct cr_ratio_term few[LEN], many[LEN];
    struct cr_rng rng;
    cr_rng_seed(&rng, 9);
    for (int i = 0; i < LEN; i++) {
        few[i] = (struct cr_ratio_term){(double)cr_rng_below(&rng, 3) - 0.6, 2.0};
        many[i] = few[i];
        many[i].num += 1e-7 * i; // too many kinds to gather
    }
    struct cr_bootstrap how = {4000, 0.95, 3};
    struct cr_interval by_kinds, one_by_one;
    assert_int_equal(cr_bootstrap_ratio(few, LEN, &how, &by_kinds), CR_OK);
    assert_int_equal(cr_bootstrap_ratio(many, LEN, &how, &one_by_one), CR_OK);
    struct cr_interval linear = cr_linear_ratio(few, LEN, 0.95);
    near(by_kinds.low, one_by_one.low, 0.004);
    near(by_kinds.high, one_by_one.high, 0.004);
    near(by_kinds.low, linear.low, 0.006);
    near(by_kinds.high, linear.high, 0.006);
}

static void bootstrap_is_a_function_of_its_seed(void **state) {
    (void)state;
    const struct cr_ratio_term cluster[] = {{1, 2}, {0, 2}, {2, 2}, {1, 1}};
    struct cr_interval a, b, c;
    assert_int_equal(
        cr_bootstrap_ratio(cluster, 4, &(struct cr_bootstrap){99, .95, 1}, &a), CR_OK);
    assert_int_equal(
        cr_bootstrap_ratio(cluster, 4, &(struct cr_bootstrap){99, .95, 1}, &b), CR_OK);
    assert_int_equal(
        cr_bootstrap_ratio(cluster, 4, &(struct cr_bootstrap){99, .95, 2}, &c), CR_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.low != c.low || a.high != c.high);
}

static void bootstrap_without_spread_is_a_point(void **state) {
    (void)state;
    const struct cr_ratio_term cluster[] = {{2, 2}, {2, 2}, {1, 1}};
    struct cr_interval interval;
    assert_int_equal(
        cr_bootstrap_ratio(cluster, 3, &(struct cr_bootstrap){50, .95, 1}, &interval),
        CR_OK);
    near(interval.low, 1.0, 1e-15);
    near(interval.high, 1.0, 1e-15);
    assert_int_equal(
        cr_bootstrap_ratio(cluster, 1, &(struct cr_bootstrap){50, .95, 1}, &interval),
        CR_OK);
    assert_true(isnan(interval.low));
    assert_string_equal(interval.reason, "one question only");
}

static void running_out_of_memory_is_reported(void **state) {
    (void)state;
    const struct cr_ratio_term cluster[] = {{1, 2}, {0, 2}};
    struct cr_interval interval = {7, 7, NULL};
    for (uint64_t n = 1; n <= 2; n++) {
        cr_mem_fail_at(n);
        assert_int_equal(cr_bootstrap_ratio(
                             cluster, 2, &(struct cr_bootstrap){50, .95, 1}, &interval),
                         CR_E_MEMORY);
    }
    cr_mem_fail_at(0);
    near(interval.low, 7.0, 0.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_match_reference_values),
        cmocka_unit_test(wilson_stays_inside_the_unit_interval),
        cmocka_unit_test(mcnemar_is_exact),
        cmocka_unit_test(holm_keeps_order_and_skips_what_is_no_member),
        cmocka_unit_test(permutation_counts_what_enumeration_counts),
        cmocka_unit_test(permutation_by_flips_agrees_with_enumeration),
        cmocka_unit_test(permutation_of_nothing_says_so),
        cmocka_unit_test(mean_zero_is_hotelling),
        cmocka_unit_test(mean_zero_leaves_out_dependent_columns),
        cmocka_unit_test(binomial_draws_have_the_right_mean_and_spread),
        cmocka_unit_test(bootstrap_by_kinds_equals_bootstrap_by_clusters),
        cmocka_unit_test(bootstrap_is_a_function_of_its_seed),
        cmocka_unit_test(bootstrap_without_spread_is_a_point),
        cmocka_unit_test(running_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
