// test_summary.c - what a group's table row says of hand-made markets.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/stats/summary.h"

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-12)) {
        fail_msg("got %.17g, want %.17g", got, want);
    }
}

static const struct cr_summary_cfg cfg = {.iterations = 11,
                                          .questions = 8,
                                          .propositions = 16,
                                          .resamples = 200,
                                          .seed = 1,
                                          .level = 0.95};

static struct cr_market binary(const double *price, uint32_t len, int label,
                               uint32_t question) {
    return (struct cr_market){.space = CR_SPACE_BINARY,
                              .status = CR_DONE,
                              .ended = CR_ENDED_EQUILIBRIUM,
                              .prices_len = len,
                              .price = price,
                              .label = label,
                              .question = question,
                              .proposition = question};
}

static struct cr_summary *make(void) {
    struct cr_summary *summary = NULL;
    assert_int_equal(cr_summary_create(&cfg, &summary), CR_OK);
    return summary;
}

static void add(struct cr_summary *summary, struct cr_market market) {
    assert_int_equal(cr_summary_add(summary, &market), CR_OK);
}

static void failed_is_never_scored_and_invalid_is_wrong(void **state) {
    (void)state;
    const double right[] = {0.4, 0.6, 0.9}, tie[] = {0.5};
    struct cr_summary *summary = make();
    add(summary, binary(right, 3, 1, 0));
    add(summary, binary(tie, 1, 0, 1));
    struct cr_market market = binary(right, 3, 1, 2);
    market.status = CR_FAILED;
    add(summary, market);
    market.status = CR_PENDING;
    add(summary, market);
    market = binary(right + 2, 1, 1, 3); // right at t = 0, then no usable judgment
    market.status = CR_INVALID;
    add(summary, market);
    market = binary(NULL, 0, 1, 4);
    market.status = CR_INVALID;
    add(summary, market);
    struct cr_accuracy a;
    assert_int_equal(cr_summary_accuracy(summary, &a), CR_OK);
    assert_int_equal(a.n, 6);
    assert_int_equal(a.scored, 4);
    assert_int_equal(a.failed, 1);
    assert_int_equal(a.pending, 1);
    assert_int_equal(a.invalid, 2);
    near(a.coverage, 4.0 / 6.0);
    near(a.opening, (0.0 + 0.5 + 1.0 + 0.0) / 4);
    near(a.final, (1.0 + 0.5 + 0.0 + 0.0) / 4);
    near(a.difference, 0.0);
    assert_int_equal(a.right_to_wrong, 1);
    assert_int_equal(a.wrong_to_right, 1);
    assert_int_equal(a.ties, 1);
    near(a.iterations, 1.0);
    near(a.converged, 1.0);
    cr_summary_destroy(summary);
}

static void an_empty_group_has_reasons_not_numbers(void **state) {
    (void)state;
    struct cr_summary *summary = make();
    struct cr_accuracy a;
    struct cr_dynamics d;
    assert_int_equal(cr_summary_accuracy(summary, &a), CR_OK);
    assert_true(isnan(a.final) && isnan(a.difference));
    assert_string_equal(a.difference_interval.reason, "no data");
    assert_string_equal(a.permutation.reason, "no data");
    assert_int_equal(cr_summary_dynamics(summary, &d), CR_OK);
    assert_string_equal(d.martingale.reason, "prices never moved");
    assert_true(isnan(d.quartile_iterations[1]) && isnan(d.restricted_mean));
    cr_dynamics_fini(&d);
    cr_summary_destroy(summary);
}

static void survival_is_kaplan_meier(void **state) {
    (void)state;
    const double price[11] = {0};
    struct cr_summary *summary = make();
    static const struct {
        uint32_t last;
        bool is_event;
    } ends[] = {{2, true}, {2, true}, {3, false}, {4, true}, {10, false}, {10, false}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct cr_market market = binary(price, ends[i].last + 1, 0, 0);
        market.ended =
            ends[i].is_event ? CR_ENDED_EQUILIBRIUM : CR_ENDED_MAX_ITERATIONS;
        add(summary, market);
    }
    struct cr_dynamics d;
    assert_int_equal(cr_summary_dynamics(summary, &d), CR_OK);
    near(d.survival[1].survival, 1.0);
    near(d.survival[2].survival, 4.0 / 6.0);
    near(d.survival[3].survival, 4.0 / 6.0);
    near(d.survival[4].survival, 4.0 / 6.0 * 2.0 / 3.0);
    near(d.quartile_iterations[0], 2.0);
    near(d.quartile_iterations[1], 4.0);
    assert_true(isnan(d.quartile_iterations[2]));
    near(d.restricted_mean, 2 + 2 * (4.0 / 6.0) + 6 * (4.0 / 9.0));
    cr_dynamics_fini(&d);
    cr_summary_destroy(summary);
}

static void turns_pushes_and_endings_are_counted(void **state) {
    (void)state;
    const double zigzag[] = {0.4, 0.6, 0.6, 0.5, 0.7}; // + . - +
    const int8_t direction[] = {0, 1, 1, 1, -1};
    struct cr_summary *summary = make();
    struct cr_market market = binary(zigzag, 5, 1, 0);
    market.direction = direction;
    add(summary, market);
    struct cr_dynamics d;
    assert_int_equal(cr_summary_dynamics(summary, &d), CR_OK);
    near(d.sign_changes, 2.0);
    near(d.oscillating, 1.0);
    assert_int_equal(d.pushed, 4);
    near(d.moved_with, 0.25);
    near(d.persuasion, (0.2 + 0.0 - 0.1 - 0.2) / 4);
    assert_int_equal(d.opening_wrong.n, 1);
    assert_int_equal(d.opening_wrong.right, 1);
    near(d.opening_wrong.truth_price, 0.7);
    // Distances to 0.7 before the last move: 0.3 0.1 0.1; their moves 0.2 0 -0.1.
    near(d.contraction, (0.2 * 0.3 - 0.1 * 0.1) / (0.09 + 0.01 + 0.01));
    cr_dynamics_fini(&d);
    cr_summary_destroy(summary);
}

static void replicates_agree_pairwise(void **state) {
    (void)state;
    const double price[] = {0.9, 0.8, 0.2};
    struct cr_summary *summary = make();
    for (int i = 0; i < 3; i++) {
        add(summary, binary(&price[i], 1, 1, 0));
    }
    struct cr_dynamics d;
    assert_int_equal(cr_summary_dynamics(summary, &d), CR_OK);
    assert_int_equal(d.replicate_pairs, 3);
    near(d.replicate_agreement, 1.0 / 3.0);
    cr_dynamics_fini(&d);
    cr_summary_destroy(summary);
}

static void a_slice_shows_the_last_price_of_ended_markets(void **state) {
    (void)state;
    const double early[] = {0.3, 0.6}, late[] = {0.7, 0.4, 0.45};
    struct cr_slice *slice = NULL;
    assert_int_equal(cr_slice_create(2, 10, 0.95, &slice), CR_OK);
    struct cr_market markets[] = {binary(early, 2, 1, 0), binary(late, 3, 1, 1)};
    struct cr_slice_result r;
    for (uint32_t t = 0; t < 3; t++) {
        cr_slice_begin(slice, t);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(cr_slice_add(slice, &markets[i]), CR_OK);
        }
        assert_int_equal(cr_slice_finish(slice, &r), CR_OK);
        near(r.accuracy, 0.5);
        if (t == 1) {
            assert_int_equal(r.running, 2);
            near(r.mean_move, 0.3);
            near(r.toward_truth, 0.0);
            assert_int_equal(r.right_to_wrong, 1);
            assert_int_equal(r.wrong_to_right, 1);
        }
    }
    assert_int_equal(r.running, 1);
    near(r.truth_price, 0.525);
    near(r.calibration.brier, (0.16 + 0.55 * 0.55) / 2);
    cr_slice_destroy(slice);
}

static void quantiles_are_judged_by_pinball_and_coverage(void **state) {
    (void)state;
    const double price[] = {0.2, 0.5}, quantile[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.7};
    struct cr_summary *summary = make();
    struct cr_market market = binary(price, 2, 0, 0);
    market.space = CR_SPACE_CONTINUOUS;
    market.quantile = quantile;
    market.truth = 0.6;
    add(summary, market);
    struct cr_continuous c;
    assert_int_equal(cr_summary_continuous(summary, &c), CR_OK);
    near(c.opening_error, 0.4);
    near(c.final_error, 0.1);
    near(c.opening_coverage, 0.0);
    near(c.final_coverage, 1.0);
    near(c.final_pinball, (0.05 * 0.2 + 0.5 * 0.1 + 0.05 * 0.1) / 3);
    struct cr_accuracy a;
    assert_int_equal(cr_summary_accuracy(summary, &a), CR_OK);
    assert_int_equal(a.scored, 0);
    assert_true(isnan(a.final));
    cr_summary_destroy(summary);
}

static void options_share_a_tie(void **state) {
    (void)state;
    const double options[] = {0.4, 0.4, 0.2};
    struct cr_market market = {.space = CR_SPACE_CATEGORICAL,
                               .status = CR_DONE,
                               .prices_len = 1,
                               .options = options,
                               .options_len = 3,
                               .options_stride = 3,
                               .label = 1};
    near(cr_score_final(&market), 0.5);
    market.label = 2;
    near(cr_score_final(&market), 0.0);
    near(cr_truth_price(&market, 0), 0.2);
}

enum { SAMPLES = 9, OPTIONS = 4, SETS = 2000 };

// Points of LABEL when votes are counted by hand, in sixtieths so that shares are
// whole.
static double counted(double sample[SAMPLES][OPTIONS], uint32_t samples,
                      uint32_t options, uint32_t label) {
    int votes[OPTIONS] = {0}, best = 0, ties = 0;
    for (uint32_t i = 0; i < samples; i++) {
        double most = 0.0;
        int shared = 0;
        for (uint32_t k = 0; k < options; k++) {
            most = fmax(most, sample[i][k]);
        }
        for (uint32_t k = 0; k < options; k++) {
            shared += sample[i][k] == most;
        }
        for (uint32_t k = 0; k < options; k++) {
            votes[k] += sample[i][k] == most ? 60 / shared : 0;
        }
    }
    for (uint32_t k = 0; k < options; k++) {
        best = votes[k] > best ? votes[k] : best;
    }
    for (uint32_t k = 0; k < options; k++) {
        ties += votes[k] == best;
    }
    return votes[label] == best ? 1.0 / ties : 0.0;
}

// Prices in tenths, so that ties are common.
static void draw_sample(struct cr_rng *rng, uint32_t options, double *price) {
    uint32_t left = 10;
    for (uint32_t k = 0; k + 1 < options; k++) {
        uint32_t part = (uint32_t)(cr_rng_u64(rng) % (left + 1));
        price[k] = part / 10.0;
        left -= part;
    }
    price[options - 1] = left / 10.0;
}

static void the_vote_is_that_of_the_samples_behind_the_means(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 5);
    for (uint32_t set = 0; set < SETS; set++) {
        double sample[SAMPLES][OPTIONS], mean[SAMPLES * OPTIONS], sum[OPTIONS] = {0};
        double yes[SAMPLES];
        uint32_t options = 2 + set % 3, samples = 1 + set % SAMPLES;
        for (uint32_t t = 0; t < samples; t++) {
            draw_sample(&rng, options, sample[t]);
            for (uint32_t k = 0; k < options; k++) {
                sum[k] += sample[t][k];
                mean[t * OPTIONS + k] = sum[k] / (t + 1);
            }
            yes[t] = mean[t * OPTIONS];
        }
        struct cr_market market = {.space = CR_SPACE_CATEGORICAL,
                                   .status = CR_DONE,
                                   .prices_len = samples,
                                   .options = mean,
                                   .options_len = options,
                                   .options_stride = OPTIONS,
                                   .label = (int)(set % options)};
        near(cr_score_vote(&market),
             counted(sample, samples, options, (uint32_t)market.label));
        if (options > 2) {
            continue;
        }
        struct cr_market two = binary(yes, samples, market.label == 0, 0);
        near(cr_score_vote(&two),
             counted(sample, samples, 2, market.label == 0 ? 0 : 1));
    }
}

static void a_vote_is_told_of_samples_alone(void **state) {
    (void)state;
    // Samples 0.4, 0.4, 1.0: the mean says true, the vote says false.
    const double means[] = {0.4, 0.4, 0.6};
    struct cr_market market = binary(means, 3, 1, 0);
    market.has_samples = true;
    struct cr_summary *summary = make();
    add(summary, market);
    market.label = 0;
    market.question = 1;
    add(summary, market);
    market.status = CR_INVALID;
    market.question = 2;
    add(summary, market);
    struct cr_accuracy a;
    assert_int_equal(cr_summary_accuracy(summary, &a), CR_OK);
    near(a.final, 1.0 / 3);
    near(a.vote, 1.0 / 3);
    near(a.vote_gain, 0.0);
    assert_null(a.vote_interval.reason);
    add(summary, binary(means, 3, 1, 3)); // a market among them: nothing is said
    assert_int_equal(cr_summary_accuracy(summary, &a), CR_OK);
    assert_true(isnan(a.vote) && isnan(a.vote_gain));
    assert_string_equal(a.vote_interval.reason, "not self_consistency");
    cr_summary_destroy(summary);
}

static void each_failing_allocation_is_reported(void **state) {
    (void)state;
    struct cr_summary *summary = NULL;
    uint64_t n = 1;
    for (; n < 50; n++) {
        cr_mem_fail_at(n);
        enum cr_status status = cr_summary_create(&cfg, &summary);
        if (status == CR_OK) {
            break;
        }
        assert_int_equal(status, CR_E_MEMORY);
        assert_null(summary);
    }
    cr_mem_fail_at(0);
    assert_true(n > 3 && n < 50);
    cr_summary_destroy(summary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_is_never_scored_and_invalid_is_wrong),
        cmocka_unit_test(an_empty_group_has_reasons_not_numbers),
        cmocka_unit_test(survival_is_kaplan_meier),
        cmocka_unit_test(turns_pushes_and_endings_are_counted),
        cmocka_unit_test(replicates_agree_pairwise),
        cmocka_unit_test(a_slice_shows_the_last_price_of_ended_markets),
        cmocka_unit_test(quantiles_are_judged_by_pinball_and_coverage),
        cmocka_unit_test(options_share_a_tie),
        cmocka_unit_test(the_vote_is_that_of_the_samples_behind_the_means),
        cmocka_unit_test(a_vote_is_told_of_samples_alone),
        cmocka_unit_test(each_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
