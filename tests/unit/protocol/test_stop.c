// test_stop.c - when a market stops, and what a view of its trajectory keeps.
#include "cmocka_all.h"

#include <math.h>

#include "credence/base/rng.h"
#include "credence/protocol/stop.h"

enum { LEN_MAX = 24 };

// How many judgments RULE keeps of PRICE, and why it ended; 0 when it does not.
static uint32_t kept(struct cr_stop rule, const double *price, uint32_t len,
                     uint32_t width, enum cr_stop_reason *reason) {
    for (uint32_t n = 1; n <= len; n++) {
        if (cr_stop_now(&rule, price, n, width, reason)) {
            return n;
        }
    }
    return 0;
}

struct stop_case {
    const char *name;
    struct cr_stop rule;
    double price[LEN_MAX];
    uint32_t len, width, kept;
    enum cr_stop_reason reason;
};

static const struct stop_case cases[] = {
    {"0.9 0.8 0.7 is an equilibrium at 0.2",
     {CR_STOP_RANGE, 3, 0.2, 10},
     {0.9, 0.8, 0.7},
     3,
     1,
     3,
     CR_ENDED_EQUILIBRIUM},
    {"a hair more is none",
     {CR_STOP_RANGE, 3, 0.2, 10},
     {0.9, 0.8, 0.699999},
     3,
     1,
     0,
     CR_ENDED_NONE},
    {"not before the window is full",
     {CR_STOP_RANGE, 3, 0.2, 10},
     {0.5, 0.5},
     2,
     1,
     0,
     CR_ENDED_NONE},
    {"only the last window counts",
     {CR_STOP_RANGE, 3, 0.2, 10},
     {0.1, 0.9, 0.8, 0.85},
     4,
     1,
     4,
     CR_ENDED_EQUILIBRIUM},
    {"a window of one stops at the opening",
     {CR_STOP_RANGE, 1, 0, 10},
     {0.3},
     1,
     1,
     1,
     CR_ENDED_EQUILIBRIUM},
    {"an oscillation ends after N iterations",
     {CR_STOP_RANGE, 3, 0.2, 4},
     {0, 1, 0, 1, 0, 1},
     6,
     1,
     5,
     CR_ENDED_MAX_ITERATIONS},
    {"equilibrium wins when both fire",
     {CR_STOP_RANGE, 3, 0.2, 2},
     {0.5, 0.5, 0.5},
     3,
     1,
     3,
     CR_ENDED_EQUILIBRIUM},
    {"no iteration at all",
     {CR_STOP_RANGE, 3, 0.2, 0},
     {0.5},
     1,
     1,
     1,
     CR_ENDED_MAX_ITERATIONS},
    {"the largest range over the options counts",
     {CR_STOP_RANGE, 2, 0.2, 10},
     {0.5, 0.3, 0.2, 0.5, 0.0, 0.5, 0.5, 0.1, 0.4},
     3,
     3,
     3,
     CR_ENDED_EQUILIBRIUM},
    {"fixed never stops before N",
     {CR_STOP_FIXED, 3, 0.2, 3},
     {0.5, 0.5, 0.5, 0.5},
     4,
     1,
     4,
     CR_ENDED_MAX_ITERATIONS},
    {"the same side three times",
     {CR_STOP_STABLE_SIDE, 3, 0, 10},
     {0.4, 0.51, 0.9, 0.6},
     4,
     1,
     4,
     CR_ENDED_STABLE_SIDE},
    {"a half is on no side",
     {CR_STOP_STABLE_SIDE, 2, 0, 10},
     {0.9, 0.5, 0.5, 0.1},
     4,
     1,
     0,
     CR_ENDED_NONE},
    {"the same option leads",
     {CR_STOP_STABLE_SIDE, 2, 0, 10},
     {0.4, 0.6, 0.2, 0.8},
     2,
     2,
     2,
     CR_ENDED_STABLE_SIDE},
    {"a tied lead is no side",
     {CR_STOP_STABLE_SIDE, 2, 0, 10},
     {0.5, 0.5, 0.5, 0.5},
     2,
     2,
     0,
     CR_ENDED_NONE},
    {"ks: two equal windows",
     {CR_STOP_KS, 2, 0, 10},
     {0.2, 0.4, 0.4, 0.2},
     4,
     1,
     4,
     CR_ENDED_KS},
    {"ks: half of one window is beyond the other",
     {CR_STOP_KS, 2, 0.5, 10},
     {0.2, 0.4, 0.4, 0.6},
     4,
     1,
     4,
     CR_ENDED_KS},
    {"ks: the same, asked for less",
     {CR_STOP_KS, 2, 0.49, 10},
     {0.2, 0.4, 0.4, 0.6},
     4,
     1,
     0,
     CR_ENDED_NONE},
    {"ks: windows apart",
     {CR_STOP_KS, 2, 0.9, 10},
     {0.1, 0.2, 0.3, 0.4},
     4,
     1,
     0,
     CR_ENDED_NONE},
};

static void rules_stop_where_their_definition_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct stop_case *c = &cases[i];
        enum cr_stop_reason reason = CR_ENDED_NONE;
        uint32_t n = kept(c->rule, c->price, c->len, c->width, &reason);
        if (n != c->kept || reason != c->reason) {
            fail_msg("%s: kept %u, reason %d", c->name, n, (int)reason);
        }
    }
}

// A smaller T, a larger w or a larger N never stops earlier: the grid rests on it.
static void stricter_range_rules_run_at_least_as_long(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 7);
    for (int round = 0; round < 2000; round++) {
        double price[LEN_MAX];
        for (int t = 0; t < LEN_MAX; t++) {
            price[t] =
                round % 2 ? cr_rng_uniform(&rng) : (double)cr_rng_below(&rng, 11) / 10;
        }
        struct cr_stop loose = {CR_STOP_RANGE, 1 + (uint32_t)cr_rng_below(&rng, 5),
                                cr_rng_uniform(&rng),
                                (uint32_t)cr_rng_below(&rng, LEN_MAX - 6)};
        struct cr_stop strict = {
            CR_STOP_RANGE, loose.window + (uint32_t)cr_rng_below(&rng, 3),
            loose.threshold * cr_rng_uniform(&rng),
            loose.max_iterations + (uint32_t)cr_rng_below(&rng, 5)};
        enum cr_stop_reason reason;
        uint32_t n = kept(loose, price, LEN_MAX, 1, &reason);
        assert_in_range(n, cr_stop_iterations_min(&loose) + 1,
                        loose.max_iterations + 1);
        assert_true(n <= kept(strict, price, LEN_MAX, 1, &reason));
    }
}

static struct cr_trajectory trajectory_of(double *price, uint32_t len,
                                          enum cr_episode_status status,
                                          enum cr_stop_reason reason) {
    return (struct cr_trajectory){.prices_len = len,
                                  .width = 1,
                                  .price = price,
                                  .status = status,
                                  .ended = reason};
}

static void a_view_is_cut_where_its_rule_fires(void **state) {
    (void)state;
    double price[] = {0.9, 0.8, 0.7, 0.2};
    struct cr_trajectory t = trajectory_of(price, 4, CR_INVALID, CR_ENDED_INVALID);
    struct cr_stop loose = {CR_STOP_RANGE, 3, 0.2, 10},
                   strict = {CR_STOP_RANGE, 3, 0, 10};
    struct cr_view view = cr_stop_view(&loose, &t);
    assert_int_equal(view.status, CR_DONE);
    assert_int_equal(view.ended, CR_ENDED_EQUILIBRIUM);
    assert_int_equal(view.prices_len, 3);
    view = cr_stop_view(&strict, &t);
    assert_int_equal(view.status, CR_INVALID);
    assert_int_equal(view.ended, CR_ENDED_INVALID);
    assert_int_equal(view.prices_len, 4);
}

static void a_market_without_an_argument_ends_all_its_views(void **state) {
    (void)state;
    double price[] = {0.9, 0.85, 0.8, 0.2};
    struct cr_trajectory t = trajectory_of(price, 4, CR_DONE, CR_ENDED_NO_ARGUMENT);
    struct cr_stop loose = {CR_STOP_RANGE, 3, 0.2, 10},
                   strict = {CR_STOP_RANGE, 3, 0, 10};
    struct cr_view view = cr_stop_view(&loose, &t);
    assert_int_equal(view.ended, CR_ENDED_EQUILIBRIUM);
    assert_int_equal(view.prices_len, 3);
    view = cr_stop_view(&strict, &t);
    assert_int_equal(view.status, CR_DONE);
    assert_int_equal(view.ended, CR_ENDED_NO_ARGUMENT);
    assert_int_equal(view.prices_len, 4);
}

static void a_view_beyond_the_trajectory_is_pending(void **state) {
    (void)state;
    double price[] = {0.9, 0.8, 0.7};
    struct cr_trajectory t = trajectory_of(price, 3, CR_DONE, CR_ENDED_EQUILIBRIUM);
    struct cr_stop strict = {CR_STOP_RANGE, 3, 0.1, 10};
    struct cr_view view = cr_stop_view(&strict, &t);
    assert_int_equal(view.status, CR_PENDING);
    assert_int_equal(view.ended, CR_ENDED_NONE);
    t.ended = CR_ENDED_COMPLETE;
    view = cr_stop_view(&strict, &t);
    assert_int_equal(view.status, CR_DONE);
    assert_int_equal(view.ended, CR_ENDED_COMPLETE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_stop_where_their_definition_says),
        cmocka_unit_test(stricter_range_rules_run_at_least_as_long),
        cmocka_unit_test(a_view_is_cut_where_its_rule_fires),
        cmocka_unit_test(a_market_without_an_argument_ends_all_its_views),
        cmocka_unit_test(a_view_beyond_the_trajectory_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
