#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>

#include "credence/base/rng.h"

static void any_draw_can_be_recomputed(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 7);
    uint64_t third = 0;
    for (int i = 0; i < 3; i++) {
        third = cr_rng_u64(&rng);
    }
    struct cr_rng jumped = {.seed = 7, .counter = 2};
    assert_true(cr_rng_u64(&jumped) == third);
}

// These numbers are in every recorded run: a change here breaks their resume.
static void draws_never_change(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 1);
    assert_true(cr_rng_u64(&rng) == 0x9e51ad6d2f3e695cu);
    assert_true(cr_rng_u64(&rng) == 0x85671091eda75eb5u);
}

static void uniform_is_uniform(void **state) {
    (void)state;
    enum { DRAWS = 100000, BINS = 10 };
    struct cr_rng rng;
    cr_rng_seed(&rng, 3);
    int bins[BINS] = {0};
    for (int i = 0; i < DRAWS; i++) {
        double u = cr_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * BINS)]++;
    }
    double chi2 = 0;
    for (int i = 0; i < BINS; i++) {
        double off = bins[i] - (double)DRAWS / BINS;
        chi2 += off * off / ((double)DRAWS / BINS);
    }
    assert_true(chi2 < 27.9); // 9 degrees of freedom, p = 0.001
}

static void normal_has_its_moments(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    struct cr_rng rng;
    cr_rng_seed(&rng, 4);
    double sum = 0;
    double squares = 0;
    int beyond_2 = 0;
    for (int i = 0; i < DRAWS; i++) {
        double z = cr_rng_normal(&rng);
        assert_true(isfinite(z));
        sum += z;
        squares += z * z;
        beyond_2 += fabs(z) > 2;
    }
    assert_true(fabs(sum / DRAWS) < 0.0125);        // 4 standard errors
    assert_true(fabs(squares / DRAWS - 1) < 0.018); // 4 standard errors
    assert_true(fabs((double)beyond_2 / DRAWS - 0.0455) < 0.0027);
}

static void below_stays_below_and_is_even(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 5);
    assert_int_equal(cr_rng_below(&rng, 1), 0);
    int counts[3] = {0};
    for (int i = 0; i < 30000; i++) {
        counts[cr_rng_below(&rng, 3)]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_true(abs(counts[i] - 10000) < 330);
    }
    // A bound just over 2^63: a plain remainder would hit the lower half twice as
    // often.
    uint64_t bound = (UINT64_C(1) << 63) + 1;
    int low = 0;
    for (int i = 0; i < 10000; i++) {
        low += cr_rng_below(&rng, bound) < bound / 2;
    }
    assert_true(abs(low - 5000) < 200);
}

static void shuffle_reaches_every_order_alike(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 6);
    int counts[27] = {0};
    for (int i = 0; i < 6000; i++) {
        uint32_t array[3] = {0, 1, 2};
        cr_rng_shuffle(&rng, array, 3);
        counts[array[0] * 9 + array[1] * 3 + array[2]]++;
    }
    static const int orders[] = {0 + 3 + 2, 0 + 6 + 1,  9 + 0 + 2,
                                 9 + 6 + 0, 18 + 0 + 1, 18 + 3 + 0};
    for (int i = 0; i < 6; i++) {
        assert_true(abs(counts[orders[i]] - 1000) < 130);
    }
    cr_rng_shuffle(&rng, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_draw_can_be_recomputed),
        cmocka_unit_test(draws_never_change),
        cmocka_unit_test(uniform_is_uniform),
        cmocka_unit_test(normal_has_its_moments),
        cmocka_unit_test(below_stays_below_and_is_even),
        cmocka_unit_test(shuffle_reaches_every_order_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
