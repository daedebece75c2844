#include "cmocka_all.h"

#include "credence/core/price.h"

static struct cr_model models[] = {
    {.name = "a", .cost_input = 2, .cost_output = 8, .cost_cached = 0.5},
    {.name = "b", .cost_input = 4, .cost_output = 16, .cost_cached = 4},
};

static void cached_tokens_have_their_own_price(void **state) {
    (void)state;
    const struct cr_token_price price = cr_token_price_of_model(&models[0]);
    assert_true(cr_token_price_cost(&price, 1e6, 0, 0) == 2);
    assert_true(cr_token_price_cost(&price, 1e6, 4e5, 0) == 0.6 * 2 + 0.4 * 0.5);
    assert_true(cr_token_price_cost(&price, 0, 0, 5e5) == 4);
}

static void more_cached_than_sent_is_never_a_rebate(void **state) {
    (void)state;
    const struct cr_token_price price = cr_token_price_of_model(&models[0]);
    assert_true(cr_token_price_cost(&price, 10, 1e6, 0) == 0.5);
}

static void several_traders_cost_their_mean(void **state) {
    (void)state;
    const struct cr_job job = {.models = models, .models_len = 2};
    const struct cr_cell cell = {.maker = 1, .traders_len = 2, .traders = {0, 1}};
    const struct cr_token_price maker = cr_token_price_of_role(&job, &cell, 0);
    const struct cr_token_price trader =
        cr_token_price_of_role(&job, &cell, CR_ROLE_TRADER);
    assert_true(maker.input == 4 && maker.output == 16 && maker.cached == 4);
    assert_true(trader.input == 3 && trader.output == 12 && trader.cached == 2.25);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cached_tokens_have_their_own_price),
        cmocka_unit_test(more_cached_than_sent_is_never_a_rebate),
        cmocka_unit_test(several_traders_cost_their_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
