// test_calibration.c - Brier and its parts, log score, both binnings.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "credence/base/rng.h"
#include "credence/stats/calibration.h"

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-12)) {
        fail_msg("got %.17g, want %.17g", got, want);
    }
}

static void add_binary(struct cr_forecasts *list, double price, int label) {
    struct cr_market market = {.space = CR_SPACE_BINARY,
                               .status = CR_DONE,
                               .prices_len = 1,
                               .price = &price,
                               .label = label};
    assert_int_equal(cr_forecasts_add(list, &market, 0), CR_OK);
}

static void a_small_example_by_hand(void **state) {
    (void)state;
    struct cr_forecasts list = {0};
    add_binary(&list, 0.2, 0);
    add_binary(&list, 0.2, 1);
    add_binary(&list, 0.8, 1);
    add_binary(&list, 1.0, 1);
    struct cr_calibration c;
    assert_int_equal(cr_calibrate(&list, 5, &c), CR_OK);
    near(c.brier, (0.04 + 0.64 + 0.04 + 0.0) / 4);
    near(c.uncertainty, 0.75 * 0.25);
    near(c.reliability, 0.5 * 0.09 + 0.5 * 0.01); // bins 1 and 4
    near(c.resolution, 0.5 * 0.0625 + 0.5 * 0.0625);
    near(c.brier, c.reliability - c.resolution + c.uncertainty + c.within);
    near(c.ece_width, 0.5 * 0.3 + 0.5 * 0.1);
    near(c.log_score, -(log(0.8) + log(0.2) + log(0.8) + log(1.0 - CR_LOG_CLIP)) / 4);
    assert_int_equal(c.width[4].n, 2);
    assert_true(isnan(c.width[0].price));
    cr_forecasts_fini(&list);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The definition, by sorting.
static double ece_by_sorting(const struct cr_forecasts *list, uint32_t bins) {
    size_t n = list->len;
    double sorted[64], gap[CR_BINS_MAX] = {0}, error = 0.0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = list->price[i];
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < n; i++) {
        uint32_t bin = 0;
        for (uint32_t k = 1; k < bins; k++) {
            bin += sorted[(n * k + bins - 1) / bins - 1] < list->price[i];
        }
        gap[bin] += list->price[i] - list->outcome[i];
    }
    for (uint32_t k = 0; k < bins; k++) {
        error += fabs(gap[k]) / (double)n;
    }
    return error;
}

static void equal_mass_bins_follow_the_definition(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 11);
    for (int round = 0; round < 200; round++) {
        struct cr_forecasts list = {0};
        size_t n = 1 + cr_rng_below(&rng, 64);
        uint64_t steps = 1 + cr_rng_below(&rng, 30);
        for (size_t i = 0; i < n; i++) {
            add_binary(&list, (double)cr_rng_below(&rng, steps + 1) / (double)steps,
                       (int)cr_rng_below(&rng, 2));
        }
        uint32_t bins = 1 + (uint32_t)cr_rng_below(&rng, 12);
        struct cr_calibration c;
        assert_int_equal(cr_calibrate(&list, bins, &c), CR_OK);
        near(c.ece_mass, ece_by_sorting(&list, bins));
        near(c.brier, c.reliability - c.resolution + c.uncertainty + c.within);
        uint64_t total = 0;
        for (uint32_t b = 0; b < bins; b++) {
            total += c.mass[b].n;
        }
        assert_int_equal(total, n);
        cr_forecasts_fini(&list);
    }
}

static void no_forecasts_give_no_numbers(void **state) {
    (void)state;
    struct cr_forecasts list = {0};
    struct cr_calibration c;
    assert_int_equal(cr_calibrate(&list, 10, &c), CR_OK);
    assert_true(isnan(c.brier) && isnan(c.ece_mass) && isnan(c.log_score));
}

static void options_are_scored_over_all_of_them(void **state) {
    (void)state;
    const double options[] = {0.5, 0.3, 0.2, 9.0};
    struct cr_market market = {.space = CR_SPACE_CATEGORICAL,
                               .status = CR_DONE,
                               .prices_len = 1,
                               .options = options,
                               .options_len = 3,
                               .options_stride = 4,
                               .label = 1};
    near(cr_brier_at(&market, 0), 0.25 + 0.49 + 0.04);
    struct cr_forecasts list = {0};
    assert_int_equal(cr_forecasts_add(&list, &market, 0), CR_OK);
    near(list.price[0], 0.5);
    near(list.outcome[0], 0.0);
    struct cr_calibration c;
    assert_int_equal(cr_calibrate(&list, 10, &c), CR_OK);
    near(c.log_score, -log(0.3));
    cr_forecasts_fini(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_example_by_hand),
        cmocka_unit_test(equal_mass_bins_follow_the_definition),
        cmocka_unit_test(no_forecasts_give_no_numbers),
        cmocka_unit_test(options_are_scored_over_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
