// test_cost_function.c - the logarithmic market scoring rule: what trades cost, what the
// maker can lose, and how much a trader should bet.
#include "cmocka_all.h"

#include <math.h>

#include "credence/base/rng.h"
#include "protocol/cost_function.h"

// Expanded in place, so that a failure names its line.
#define assert_close(found, wanted, most)                                              \
    assert_true(fabs((found) - (wanted)) <= (most))

enum { ROUNDS = 200, TRADERS = 5, GRID = 2000 };

static void draw_distribution(struct cr_rng *rng, uint32_t len, double *out) {
    double sum = 0;
    for (uint32_t i = 0; i < len; i++) {
        out[i] = -log(1 - cr_rng_uniform(rng)) + 1e-3;
        sum += out[i];
    }
    for (uint32_t i = 0; i < len; i++) {
        out[i] /= sum;
    }
}

static void open_at_random(struct cr_rng *rng, struct cr_lmsr *market) {
    uint32_t len = 2 + (uint32_t)cr_rng_below(rng, 6);
    double prior[CR_OPTIONS_MAX];
    draw_distribution(rng, len, prior);
    cr_lmsr_open(market, 0.1 + 10 * cr_rng_uniform(rng), len, prior);
}

static double least_of(const double *x, uint32_t len) {
    double least = x[0];
    for (uint32_t i = 1; i < len; i++) {
        least = fmin(least, x[i]);
    }
    return least;
}

static double expected_log(const struct cr_lmsr *market, const double *belief,
                           const double *wealth, const double *shares) {
    double sum = 0, cost = cr_lmsr_cost(market, shares);
    for (uint32_t i = 0; i < market->len; i++) {
        double after = wealth[i] + shares[i] - cost;
        sum += after > 0 ? belief[i] * log(after) : -INFINITY;
    }
    return sum;
}

static void prices_are_those_of_the_textbook(void **state) {
    (void)state;
    struct cr_lmsr market;
    double price[CR_OPTIONS_MAX], wealth[2] = {10, 10};
    cr_lmsr_open(&market, 2, 2, NULL);
    double shares[2] = {3, 1};
    double cost = 2 * log(exp(1.5) + exp(0.5)) - 2 * log(2);
    assert_close(cr_lmsr_cost(&market, shares), cost, 1e-12);
    cr_lmsr_buy(&market, shares, wealth);
    cr_lmsr_price(&market, price);
    assert_close(price[0], exp(1.5) / (exp(1.5) + exp(0.5)), 1e-12);
    assert_close(price[0] + price[1], 1, 1e-12);
    assert_close(wealth[0], 13 - cost, 1e-12);
    assert_close(wealth[1], 11 - cost, 1e-12);
}

// The same shares in one trade or in pieces, in any order: one price, one cost.
static void what_is_paid_does_not_depend_on_the_way(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct cr_lmsr whole, pieces;
        double sum[CR_OPTIONS_MAX] = {0}, part[4][CR_OPTIONS_MAX];
        double a[CR_OPTIONS_MAX] = {0}, b[CR_OPTIONS_MAX] = {0};
        open_at_random(&rng, &whole);
        pieces = whole;
        for (uint32_t i = 0; i < 4 * whole.len; i++) {
            double *piece = part[i / whole.len];
            piece[i % whole.len] = 3 * cr_rng_normal(&rng);
            sum[i % whole.len] += piece[i % whole.len];
        }
        double cost = cr_lmsr_cost(&whole, sum), paid = 0;
        cr_lmsr_buy(&whole, sum, a);
        for (int i = 3; i >= 0; i--) {
            paid += cr_lmsr_cost(&pieces, part[i]);
            cr_lmsr_buy(&pieces, part[i], b);
        }
        assert_close(paid, cost, 1e-9);
        for (uint32_t i = 0; i < whole.len; i++) {
            assert_close(pieces.log_price[i], whole.log_price[i], 1e-9);
            assert_close(a[i], b[i], 1e-9);
        }
    }
}

// Money is neither made nor lost: under each outcome the maker loses what the traders
// win. Whatever was traded, that is at most its bound.
static void the_maker_never_loses_more_than_its_bound(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 2);
    for (int round = 0; round < ROUNDS; round++) {
        struct cr_lmsr market;
        double won[CR_OPTIONS_MAX] = {0};
        open_at_random(&rng, &market);
        if (round % 2 == 0) {
            cr_lmsr_open(&market, market.liquidity, market.len, NULL);
            assert_close(cr_lmsr_loss_max(&market), market.liquidity * log(market.len),
                         1e-9);
        }
        const struct cr_lmsr opening = market;
        for (int trade = 0; trade < 20; trade++) {
            double shares[CR_OPTIONS_MAX];
            for (uint32_t i = 0; i < market.len; i++) {
                shares[i] = 20 * cr_rng_normal(&rng);
            }
            cr_lmsr_buy(&market, shares, won);
        }
        for (uint32_t i = 0; i < market.len; i++) {
            assert_true(won[i] <= cr_lmsr_loss_max(&opening) + 1e-9);
            assert_close(
                won[i], market.liquidity * (market.log_price[i] - opening.log_price[i]),
                1e-9);
        }
    }
}

static void many_shares_and_little_liquidity_overflow_nothing(void **state) {
    (void)state;
    struct cr_lmsr market;
    double price[2], wealth[2] = {0, 0}, shares[2] = {1e6, 0}, back[2] = {-1e6, 0};
    cr_lmsr_open(&market, 1e-2, 2, NULL);
    assert_close(cr_lmsr_cost(&market, shares), 1e6 - 1e-2 * log(2), 1e-6);
    cr_lmsr_buy(&market, shares, wealth);
    cr_lmsr_price(&market, price);
    assert_close(price[0], 1, 0);
    assert_close(price[1], 0, 0);
    cr_lmsr_buy(&market, back, wealth);
    cr_lmsr_price(&market, price);
    assert_close(price[0], 0.5, 1e-6);
    assert_close(wealth[0], 0, 1e-6);
}

// Two outcomes: the prices that leave the trader something whatever comes true, in
// small steps.
static void kelly_is_the_best_of_all_bets_on_a_grid(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 3);
    for (int round = 0; round < ROUNDS; round++) {
        struct cr_lmsr market;
        double prior[2], belief[2], shares[2];
        draw_distribution(&rng, 2, prior);
        draw_distribution(&rng, 2, belief);
        cr_lmsr_open(&market, 0.2 + 3 * cr_rng_uniform(&rng), 2, prior);
        double wealth[2] = {3 * cr_rng_uniform(&rng) + 0.1,
                            3 * cr_rng_uniform(&rng) + 0.1};
        cr_lmsr_kelly(&market, belief, wealth, shares);
        double best = expected_log(&market, belief, wealth, shares), tried = -INFINITY;
        double low = prior[0] * exp(-wealth[0] / market.liquidity);
        double high = 1 - prior[1] * exp(-wealth[1] / market.liquidity);
        for (int i = 1; i < GRID; i++) {
            double price = low + (high - low) * i / GRID;
            double target[2] = {price, 1 - price}, bet[2];
            cr_lmsr_move(&market, target, bet);
            tried = fmax(tried, expected_log(&market, belief, wealth, bet));
        }
        assert_true(tried <= best + 1e-12);
        assert_true(tried > best - 1e-3);
    }
}

// Several outcomes: no small change of the bundle, in any direction, is better.
static void kelly_is_a_maximum_among_many_outcomes(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 4);
    for (int round = 0; round < ROUNDS; round++) {
        struct cr_lmsr market;
        double belief[CR_OPTIONS_MAX], wealth[CR_OPTIONS_MAX], shares[CR_OPTIONS_MAX];
        open_at_random(&rng, &market);
        draw_distribution(&rng, market.len, belief);
        for (uint32_t i = 0; i < market.len; i++) {
            wealth[i] = 0.01 + 5 * cr_rng_uniform(&rng);
        }
        cr_lmsr_kelly(&market, belief, wealth, shares);
        assert_close(cr_lmsr_cost(&market, shares), 0, 1e-9);
        double best = expected_log(&market, belief, wealth, shares);
        for (int i = 0; i < 50; i++) {
            double other[CR_OPTIONS_MAX];
            double size = pow(10, -4 * cr_rng_uniform(&rng));
            for (uint32_t j = 0; j < market.len; j++) {
                other[j] = shares[j] + size * cr_rng_normal(&rng);
            }
            assert_true(expected_log(&market, belief, wealth, other) <= best + 1e-12);
        }
    }
}

// Against a maker so deep that its prices do not move, Kelly's bet is the textbook's:
// wealth in proportion to belief over price.
static void kelly_in_a_deep_market_is_the_textbooks(void **state) {
    (void)state;
    struct cr_lmsr market;
    const double prior[2] = {0.4, 0.6}, belief[2] = {0.55, 0.45};
    double wealth[2] = {1, 1}, shares[2];
    cr_lmsr_open(&market, 1e6, 2, prior);
    cr_lmsr_kelly(&market, belief, wealth, shares);
    cr_lmsr_buy(&market, shares, wealth);
    assert_close(wealth[0], 0.55 / 0.4, 1e-5);
    assert_close(wealth[1], 0.45 / 0.6, 1e-5);
}

// A trader with boundless wealth does not heed risk: its bet goes to its belief. One who
// believes the price bets nothing.
static void kelly_goes_from_nothing_to_the_belief(void **state) {
    (void)state;
    struct cr_lmsr market;
    double price[3], shares[3], rich[3] = {1e5, 1e5, 1e5}, one[3] = {1, 1, 1};
    const double prior[3] = {0.2, 0.3, 0.5}, belief[3] = {0.6, 0.3, 0.1};
    cr_lmsr_open(&market, 1, 3, prior);
    cr_lmsr_kelly(&market, prior, one, shares);
    for (int i = 0; i < 3; i++) {
        assert_close(shares[i], 0, 1e-12);
    }
    cr_lmsr_kelly(&market, belief, rich, shares);
    cr_lmsr_buy(&market, shares, rich);
    cr_lmsr_price(&market, price);
    for (int i = 0; i < 3; i++) {
        assert_close(price[i], belief[i], 1e-4);
    }
}

// Sure of everything, in turn, one of them many times as rich: nobody ever owes.
static void nobody_spends_more_than_it_has(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 5);
    for (int round = 0; round < ROUNDS; round++) {
        struct cr_lmsr market;
        double wealth[TRADERS][CR_OPTIONS_MAX], belief[CR_OPTIONS_MAX];
        open_at_random(&rng, &market);
        for (uint32_t i = 0; i < TRADERS * market.len; i++) {
            uint32_t trader = i / market.len;
            wealth[trader][i % market.len] = trader == 0 ? 100 : trader == 1 ? 0 : 0.5;
        }
        for (int turn = 0; turn < 4 * TRADERS; turn++) {
            double shares[CR_OPTIONS_MAX], *own = wealth[turn % TRADERS];
            draw_distribution(&rng, market.len, belief);
            if (turn % 3 == 0) { // certain of one outcome
                for (uint32_t i = 0; i < market.len; i++) {
                    belief[i] = i == 1;
                }
            }
            double stake = cr_rng_uniform(&rng), before[CR_OPTIONS_MAX];
            for (uint32_t i = 0; i < market.len; i++) {
                before[i] = own[i];
            }
            bool is_kelly = turn % 2 == 0;
            if (is_kelly) {
                cr_lmsr_kelly(&market, belief, own, shares);
            } else {
                cr_lmsr_bet(&market, belief, stake, own, shares);
            }
            cr_lmsr_buy(&market, shares, own);
            assert_true(least_of(own, market.len) >= 0);
            for (uint32_t i = 0; i < market.len && !is_kelly; i++) {
                assert_true(own[i] >= before[i] - stake - 1e-12);
            }
        }
    }
}

static void a_bet_uses_its_stake_or_reaches_the_belief(void **state) {
    (void)state;
    struct cr_lmsr market;
    const double belief[2] = {0.9, 0.1};
    double wealth[2] = {10, 10}, shares[2], price[2];
    cr_lmsr_open(&market, 1, 2, NULL);
    cr_lmsr_bet(&market, belief, 0.25, wealth, shares);
    assert_close(least_of(shares, 2), -0.25, 1e-12);
    cr_lmsr_bet(&market, belief, 0, wealth, shares);
    assert_close(shares[0], 0, 0);
    cr_lmsr_bet(&market, belief, 5, wealth, shares);
    cr_lmsr_buy(&market, shares, wealth);
    cr_lmsr_price(&market, price);
    assert_close(price[0], 0.9, 1e-12);
}

// Exact bettors: signals independent given the truth; each sees the price, adds its own
// signal and moves the price to what it then believes. The price is the posterior of all
// signals so far after each trade.
static void exact_bettors_leave_the_price_at_the_posterior(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 6);
    for (int round = 0; round < ROUNDS; round++) {
        struct cr_lmsr market;
        double posterior[CR_OPTIONS_MAX], wealth[CR_OPTIONS_MAX] = {0};
        open_at_random(&rng, &market);
        cr_lmsr_price(&market, posterior);
        for (int trader = 0; trader < 10; trader++) {
            double likelihood[CR_OPTIONS_MAX], belief[CR_OPTIONS_MAX], sum = 0, all = 0;
            double shares[CR_OPTIONS_MAX], price[CR_OPTIONS_MAX];
            draw_distribution(&rng, market.len, likelihood);
            cr_lmsr_price(&market, price);
            for (uint32_t i = 0; i < market.len; i++) {
                belief[i] = price[i] * likelihood[i];
                posterior[i] *= likelihood[i];
                sum += belief[i];
                all += posterior[i];
            }
            for (uint32_t i = 0; i < market.len; i++) {
                belief[i] /= sum;
                posterior[i] /= all;
            }
            cr_lmsr_move(&market, belief, shares);
            cr_lmsr_buy(&market, shares, wealth);
            cr_lmsr_price(&market, price);
            for (uint32_t i = 0; i < market.len; i++) {
                assert_close(price[i], posterior[i], 1e-9);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_those_of_the_textbook),
        cmocka_unit_test(what_is_paid_does_not_depend_on_the_way),
        cmocka_unit_test(the_maker_never_loses_more_than_its_bound),
        cmocka_unit_test(many_shares_and_little_liquidity_overflow_nothing),
        cmocka_unit_test(kelly_is_the_best_of_all_bets_on_a_grid),
        cmocka_unit_test(kelly_is_a_maximum_among_many_outcomes),
        cmocka_unit_test(kelly_in_a_deep_market_is_the_textbooks),
        cmocka_unit_test(kelly_goes_from_nothing_to_the_belief),
        cmocka_unit_test(nobody_spends_more_than_it_has),
        cmocka_unit_test(a_bet_uses_its_stake_or_reaches_the_belief),
        cmocka_unit_test(exact_bettors_leave_the_price_at_the_posterior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
