// test_what_if.c - every rule says of every trajectory what a live market would have
// done.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "credence/base/rng.h"
#include "credence/stats/what_if.h"

enum { RULES = 40, MARKETS = 300, PRICES = 11, OPTIONS = 3 };

static struct cr_stop random_rule(struct cr_rng *rng) {
    uint64_t rule = cr_rng_below(rng, CR_STOP_RULE_COUNT - 1);
    rule += rule >= CR_STOP_SPRT; // no market has votes
    return (struct cr_stop){.rule = (enum cr_stop_rule)rule,
                            .window = 2 + (uint32_t)cr_rng_below(rng, 4),
                            .threshold = (double)cr_rng_below(rng, 7) / 20.0,
                            .max_iterations = 1 + (uint32_t)cr_rng_below(rng, 11)};
}

struct fixture {
    double price[PRICES * (OPTIONS + 1)]; // one spare column: rows are not tight
    struct cr_market market;
};

static void random_market(struct cr_rng *rng, bool categorical, bool is_short,
                          struct fixture *out) {
    static const enum cr_episode_status statuses[] = {CR_DONE, CR_DONE, CR_DONE,
                                                      CR_INVALID, CR_FAILED};
    enum cr_episode_status status = statuses[cr_rng_below(rng, 5)];
    bool is_silent = cr_rng_below(rng, 4) == 0;
    out->market = (struct cr_market){
        .space = categorical ? CR_SPACE_CATEGORICAL : CR_SPACE_BINARY,
        .status = status,
        .ended = status == CR_DONE
                     ? (is_silent ? CR_ENDED_NO_ARGUMENT : CR_ENDED_MAX_ITERATIONS)
                 : status == CR_INVALID ? CR_ENDED_INVALID
                                        : CR_ENDED_FAILED,
        .prices_len = (uint32_t)cr_rng_below(rng, PRICES + 1),
        .label = (int32_t)cr_rng_below(rng, 2)};
    if (status == CR_DONE && is_silent) {
        out->market.prices_len = 1 + (uint32_t)cr_rng_below(rng, PRICES);
    } else if (status == CR_DONE) { // mostly long enough for every rule
        out->market.prices_len = is_short ? 3 : PRICES;
    }
    for (size_t i = 0; i < PRICES * (OPTIONS + 1); i++) {
        out->price[i] =
            (double)(6 + cr_rng_below(rng, 9)) / 20.0; // coarse: ties happen
    }
    if (categorical) {
        out->market.options = out->price;
        out->market.options_len = OPTIONS;
        out->market.options_stride = OPTIONS + 1;
    } else {
        out->market.price = out->price;
    }
}

// What cr_stop_view says, one rule and one market at a time.
static void expect(const struct cr_stop *rule, const struct cr_market *market,
                   struct cr_what_if_row *sum) {
    double tight[PRICES * OPTIONS];
    uint32_t width = market->options != NULL ? OPTIONS : 1;
    for (uint32_t t = 0; t < market->prices_len; t++) {
        for (uint32_t k = 0; k < width; k++) {
            tight[t * width + k] = market->options != NULL
                                       ? market->options[t * market->options_stride + k]
                                       : market->price[t];
        }
    }
    struct cr_trajectory trajectory = {.prices_len = market->prices_len,
                                       .width = width,
                                       .price = tight,
                                       .status = market->status,
                                       .ended = market->ended};
    struct cr_view view = cr_stop_view(rule, &trajectory);
    sum->done += view.status == CR_DONE;
    sum->invalid += view.status == CR_INVALID;
    sum->failed += view.status == CR_FAILED;
    sum->unknown += view.status == CR_PENDING;
    if (view.status != CR_DONE && view.status != CR_INVALID) {
        return;
    }
    sum->scored++;
    sum->opening += cr_score_opening(market);
    if (view.status != CR_DONE) {
        return;
    }
    sum->final += cr_score_at(market, view.prices_len - 1);
    sum->iterations += view.prices_len - 1;
    sum->converged += cr_ended_by_rule(view.ended);
}

static void near(double got, double want) {
    if (!(fabs(got - want) <= 1e-9) && !(isnan(got) && isnan(want))) {
        fail_msg("got %.17g, want %.17g", got, want);
    }
}

static void check(bool categorical, bool is_short) {
    struct cr_rng rng;
    cr_rng_seed(&rng, categorical ? 4 : 3);
    struct cr_stop rule[RULES];
    struct cr_what_if_row want[RULES] = {{.done = 0}}, got[RULES];
    for (int i = 0; i < RULES; i++) {
        rule[i] = random_rule(&rng);
    }
    struct cr_what_if *what_if = NULL;
    assert_int_equal(cr_what_if_create(rule, RULES, &what_if), CR_OK);
    for (int m = 0; m < MARKETS; m++) {
        struct fixture fixture;
        random_market(&rng, categorical, is_short, &fixture);
        assert_int_equal(cr_what_if_add(what_if, &fixture.market), CR_OK);
        cr_what_if_question(what_if);
        for (int i = 0; i < RULES; i++) {
            expect(&rule[i], &fixture.market, &want[i]);
        }
    }
    cr_what_if_finish(what_if, 0.95, got);
    int decided = 0;
    for (int i = 0; i < RULES; i++) {
        double scored = (double)want[i].scored, done = (double)want[i].done;
        assert_int_equal(got[i].done, want[i].done);
        assert_int_equal(got[i].invalid, want[i].invalid);
        assert_int_equal(got[i].failed, want[i].failed);
        assert_int_equal(got[i].unknown, want[i].unknown);
        if (want[i].unknown > 0) {
            assert_true(isnan(got[i].final) && isnan(got[i].iterations));
            continue;
        }
        decided++;
        near(got[i].opening, want[i].opening / scored);
        near(got[i].final, want[i].final / scored);
        near(got[i].iterations, want[i].iterations / done);
        near(got[i].converged, want[i].converged / done);
    }
    assert_true(is_short ? decided < RULES : decided >= 5);
    cr_what_if_destroy(what_if);
}

static void binary_trajectories_end_as_under_the_rule(void **state) {
    (void)state;
    check(false, false);
    check(false, true);
}

static void option_vectors_end_as_under_the_rule(void **state) {
    (void)state;
    check(true, false);
    check(true, true);
}

static void a_difference_of_exactly_the_threshold_is_an_equilibrium(void **state) {
    (void)state;
    const double price[] = {0.9, 0.8, 0.7};
    struct cr_stop rule = {CR_STOP_RANGE, 3, 0.2, 10};
    struct cr_market market = {.status = CR_DONE,
                               .ended = CR_ENDED_EQUILIBRIUM,
                               .prices_len = 3,
                               .price = price,
                               .label = 1};
    struct cr_what_if *what_if = NULL;
    struct cr_what_if_row row;
    assert_int_equal(cr_what_if_create(&rule, 1, &what_if), CR_OK);
    assert_int_equal(cr_what_if_add(what_if, &market), CR_OK);
    cr_what_if_question(what_if);
    cr_what_if_finish(what_if, 0.95, &row);
    assert_int_equal(row.done, 1);
    near(row.iterations, 2.0);
    near(row.converged, 1.0);
    cr_what_if_destroy(what_if);
}

static void protocols_without_a_rule_keep_their_end(void **state) {
    (void)state;
    const double price[] = {0.2, 0.9};
    struct cr_stop rule = {CR_STOP_RANGE, 3, 0.2, 10};
    struct cr_market market = {.status = CR_DONE,
                               .ended = CR_ENDED_COMPLETE,
                               .prices_len = 2,
                               .price = price,
                               .label = 1};
    struct cr_what_if *what_if = NULL;
    struct cr_what_if_row row;
    assert_int_equal(cr_what_if_create(&rule, 1, &what_if), CR_OK);
    assert_int_equal(cr_what_if_add(what_if, &market), CR_OK);
    cr_what_if_question(what_if);
    cr_what_if_finish(what_if, 0.95, &row);
    assert_int_equal(row.done, 1);
    near(row.final, 1.0);
    near(row.converged, 0.0);
    cr_what_if_destroy(what_if);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_trajectories_end_as_under_the_rule),
        cmocka_unit_test(option_vectors_end_as_under_the_rule),
        cmocka_unit_test(a_difference_of_exactly_the_threshold_is_an_equilibrium),
        cmocka_unit_test(protocols_without_a_rule_keep_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
