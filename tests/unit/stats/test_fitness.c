#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "credence/stats/fitness.h"

enum { ITEMS = 24 };

// A good model: right more often than not, prices of its own, coherent.
static void fill(struct cr_fitness_item items[ITEMS]) {
    for (int i = 0; i < ITEMS; i++) {
        const double p = 0.2 + 0.025 * i;
        items[i] = (struct cr_fitness_item){.label = i % 3 > 0,
                                            .calls = 1,
                                            .price = p,
                                            .again = p,
                                            .negated = 1 - p,
                                            .paraphrased = p,
                                            .low = p,
                                            .high = p,
                                            .held = NAN,
                                            .mass = NAN,
                                            .tokens_out = (uint32_t)(10 + i)};
    }
}

static struct cr_fitness summary_of(const struct cr_fitness_item *items) {
    struct cr_fitness summary;
    assert_int_equal(cr_fitness_summarize(items, ITEMS, &summary), CR_OK);
    return summary;
}

static void a_model_that_prices_is_fit(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    const struct cr_fitness s = summary_of(items);
    assert_int_equal(s.verdict, CR_FITNESS_FIT);
    assert_int_equal(s.distinct, ITEMS);
    assert_int_equal(s.at_once.count, ITEMS);
    assert_true(s.negation_arbitrage.mean < 1e-12 && s.slope.mean == 0);
    assert_int_equal(s.tokens_held, 33);
}

static void one_number_always_is_unusable(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) {
        items[i].price = items[i].negated = 0.62;
        items[i].is_prompt_number = true;
    }
    const struct cr_fitness s = summary_of(items);
    assert_int_equal(s.verdict, CR_FITNESS_UNUSABLE);
    assert_int_equal(s.variety, CR_FITNESS_UNUSABLE);
    assert_int_equal(s.numbers, CR_FITNESS_UNUSABLE);
    assert_int_equal(s.usable, CR_FITNESS_FIT);
    assert_int_equal(s.distinct, 1);
    assert_true(s.commonest == 0.62 && s.auc == 0.5);
    assert_true(fabs(s.yes_bias.mean - 0.12) < 1e-12);
}

static void a_parrot_is_unusable(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) {
        items[i].low = 0.2;
        items[i].high = 0.8;
    }
    const struct cr_fitness s = summary_of(items);
    assert_true(fabs(s.slope.mean - 1) < 1e-12);
    assert_int_equal(s.copying, CR_FITNESS_UNUSABLE);
    assert_int_equal(s.verdict, CR_FITNESS_UNUSABLE);
}

static void replies_without_a_price_are_unusable_or_in_doubt(void **state) {
    (void)state;
    static const struct {
        int lost;
        enum cr_fitness_verdict want;
    } cases[] = {{24, CR_FITNESS_UNUSABLE},
                 {18, CR_FITNESS_UNUSABLE},
                 {8, CR_FITNESS_DOUBTFUL},
                 {1, CR_FITNESS_FIT}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct cr_fitness_item items[ITEMS];
        fill(items);
        for (int i = 0; i < cases[c].lost; i++) {
            items[i].price = NAN;
            items[i].reason = CR_REASON_UNREADABLE;
        }
        const struct cr_fitness s = summary_of(items);
        assert_int_equal(s.usable, cases[c].want);
        assert_int_equal(s.never.count, cases[c].lost);
        assert_int_equal(s.by_reason[CR_REASON_UNREADABLE], cases[c].lost);
    }
}

static void a_few_of_many_is_a_doubt_not_a_verdict(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < 5; i++) {
        items[i].is_prompt_number = true;
    }
    const struct cr_fitness s = summary_of(items); // 5 of 24: 9 to 40 %
    assert_true(s.prompt_number.interval.low > 0.09 &&
                s.prompt_number.interval.high < 0.41);
    assert_int_equal(s.numbers, CR_FITNESS_DOUBTFUL);
    assert_int_equal(s.verdict, CR_FITNESS_DOUBTFUL);
}

static void an_outage_says_nothing_of_the_model(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) {
        items[i].price = NAN;
        items[i].reason = CR_REASON_CONNECTION;
    }
    const struct cr_fitness s = summary_of(items);
    assert_int_equal(s.answered, 0);
    assert_int_equal(s.never.count, 0);
    assert_int_equal(s.verdict, CR_FITNESS_DOUBTFUL);
}

// -2 log(sqrt(pq) + sqrt((1-p)(1-q))): p = 0.6, q = 0.5 by hand.
static void arbitrage_is_what_is_certain(void **state) {
    (void)state;
    const double by_hand = -2 * log(sqrt(0.3) + sqrt(0.2));
    assert_true(fabs(cr_fitness_arbitrage(0.6, 0.5) - by_hand) < 1e-12);
    assert_true(cr_fitness_arbitrage(0.3, 0.3) == 0);
    assert_true(isfinite(cr_fitness_arbitrage(0, 1)) && cr_fitness_arbitrage(0, 1) > 1);
    assert_true(cr_fitness_arbitrage(0.2, 0.7) == cr_fitness_arbitrage(0.7, 0.2));
}

static void other_spaces_count_for_replies_alone(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) {
        items[i].label = -1;
        items[i].again = items[i].negated = items[i].low = items[i].high = NAN;
    }
    const struct cr_fitness s = summary_of(items);
    assert_int_equal(s.priced, 0);
    assert_int_equal(s.usable, CR_FITNESS_FIT);
    assert_true(isnan(s.auc));
    assert_int_equal(s.verdict, CR_FITNESS_DOUBTFUL);
}

static enum cr_status summarize(void) {
    struct cr_fitness_item items[ITEMS];
    struct cr_fitness summary;
    fill(items);
    return cr_fitness_summarize(items, ITEMS, &summary);
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    torture(summarize);
}

static void what_only_the_reading_tells_is_said(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) {
        items[i].price = 0.62;
        items[i].held = items[i].label == 1 ? 0.7 : 0.3;
        items[i].mass = 0.9;
    }
    items[0].held = NAN;
    items[0].mass = 0.2;
    struct cr_fitness s = summary_of(items);
    assert_true(s.only_held_separates && s.held_auc == 1 && s.auc == 0.5);
    assert_int_equal(s.readable.count, ITEMS - 1);
    assert_int_equal(s.readable.len, ITEMS);
    for (int i = 0; i < ITEMS; i++) { // both do
        items[i].price = items[i].label == 1 ? 0.7 : 0.3;
    }
    s = summary_of(items);
    assert_false(s.only_held_separates);
}

static void three_of_a_label_separate_nothing(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) {
        items[i].label = i >= 3;
        items[i].price = 0.62;
        items[i].held = items[i].label == 1 ? 0.7 : 0.3;
        items[i].mass = 0.9;
    }
    const struct cr_fitness s = summary_of(items);
    assert_true(s.held_auc == 1 && !s.only_held_separates);
}

static void few_pairs_of_the_copy_test_are_no_verdict(void **state) {
    (void)state;
    struct cr_fitness_item items[ITEMS];
    fill(items);
    for (int i = 0; i < ITEMS; i++) { // they agree to the digit
        items[i].low = i < CR_FITNESS_SLOPE_LEAST - 1 ? 0.2 : (double)NAN;
        items[i].high = 0.8;
    }
    struct cr_fitness s = summary_of(items);
    assert_int_equal(s.copying, CR_FITNESS_DOUBTFUL);
    items[CR_FITNESS_SLOPE_LEAST - 1].low = 0.2;
    s = summary_of(items);
    assert_int_equal(s.copying, CR_FITNESS_UNUSABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_prices_is_fit),
        cmocka_unit_test(one_number_always_is_unusable),
        cmocka_unit_test(a_parrot_is_unusable),
        cmocka_unit_test(replies_without_a_price_are_unusable_or_in_doubt),
        cmocka_unit_test(a_few_of_many_is_a_doubt_not_a_verdict),
        cmocka_unit_test(an_outage_says_nothing_of_the_model),
        cmocka_unit_test(arbitrage_is_what_is_certain),
        cmocka_unit_test(other_spaces_count_for_replies_alone),
        cmocka_unit_test(survives_each_failing_allocation),
        cmocka_unit_test(what_only_the_reading_tells_is_said),
        cmocka_unit_test(three_of_a_label_separate_nothing),
        cmocka_unit_test(few_pairs_of_the_copy_test_are_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
