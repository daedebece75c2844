// test_room.c - rooms of traders that bet against the logarithmic market scoring rule.
#include "cmocka_all.h"

#include <math.h>

#include "credence/base/rng.h"
#include "credence/protocol/episode.h"
#include "credence/protocol/room.h"
#include "paper.h"
#include "script.h"

enum { TRADERS = 3, ROUNDS = 2, TRADES = TRADERS * ROUNDS };

static struct cr_prompt_set *prompts;

static struct cr_cell room_of(enum cr_sizing sizing) {
    struct cr_cell cell = script_cell("lmsr");
    cell.traders_len = TRADERS;
    cell.rounds = ROUNDS;
    cell.room = (struct cr_room){.liquidity = 0.5, .sizing = sizing};
    return cell;
}

static struct cr_episode *create(const struct cr_cell *cell,
                                 const struct cr_proposition *about) {
    struct cr_episode_cfg cfg = {.cell = cell,
                                 .proposition = about,
                                 .prompts = prompts,
                                 .trajectory_key = 3,
                                 .job_seed = 1};
    return script_create(&cfg);
}

static void believe(struct cr_episode *episode, struct cr_call *call, double price,
                    double stake) {
    static char text[SCRIPT_ASKED_MAX][160]; // replies live as long as the script
    static int next;
    char *to = text[next++ % SCRIPT_ASKED_MAX];
    snprintf(to, sizeof text[0],
             "{\"claim\":\"c\",\"reasoning\":\"Because of %.3f.\",\"price\":%.17g,"
             "\"stake\":%.17g}",
             price, price, stake);
    script_answer(episode, call, to);
}

static struct cr_room_path path_of(const struct cr_trajectory *t) {
    return (struct cr_room_path){t->price, t->prices_len, t->width};
}

// The private beliefs, all PRICE.
static void open_room(struct cr_episode *episode, double price) {
    struct cr_call *call[TRADERS];
    for (int i = 0; i < TRADERS; i++) {
        call[i] = script_next(episode);
    }
    for (int i = 0; i < TRADERS; i++) {
        believe(episode, call[i], price, 0);
    }
}

static void private_beliefs_come_first_and_are_seen_by_nobody(void **state) {
    (void)state;
    struct cr_cell cell = room_of(CR_SIZING_BELIEF);
    struct cr_episode *episode = create(&cell, &script_claim);
    struct cr_call *call[TRADERS];
    for (uint8_t i = 0; i < TRADERS; i++) { // at once, each in a chat of its own
        call[i] = script_next(episode);
        assert_int_equal(call[i]->id.role, CR_ROLE_TRADER);
        assert_int_equal(call[i]->id.trader, i);
        assert_int_equal(call[i]->id.iteration, 0);
        assert_int_equal(call[i]->turns_len, 2);
        assert_null(strstr(script_question(call[i]), "price: "));
    }
    for (int i = 0; i < TRADERS; i++) {
        believe(episode, call[i], 0.111, 0);
    }
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    assert_int_equal(t->prices_len, 1);
    assert_true(fabs(t->price[0] - 0.5) < 1e-12);
    assert_int_equal(t->step[0].calls, TRADERS);
    struct cr_call *turn = script_next(episode);
    assert_int_equal(turn->id.iteration, 1);
    assert_int_equal(turn->turns_len, 4); // its own belief is in its own chat
    assert_non_null(strstr(script_question(turn), "price: 0.5"));
    believe(episode, turn, 0.8, 0);
    turn = script_next(episode);
    assert_int_equal(turn->id.trader, 1);
    assert_non_null(strstr(script_question(turn), "price: 0.8"));
    assert_non_null(strstr(script_question(turn), "Because of 0.800."));
    assert_null(strstr(script_question(turn), "0.111"));
    assert_int_equal(t->step[1].direction, 1);
    cr_episode_destroy(episode);
}

// Bettors who are indifferent to risk, each adding what one signal says to the price:
// the last price is the posterior of all signals.
static void exact_bettors_end_at_the_posterior(void **state) {
    (void)state;
    static const double ratio[TRADERS] = {3, 0.5, 7};
    struct cr_cell cell = room_of(CR_SIZING_BELIEF);
    struct cr_episode *episode = create(&cell, &script_claim);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    double odds = 1;
    open_room(episode, 0.5);
    for (int k = 0; k < TRADES; k++) {
        double price = t->price[t->prices_len - 1], o = price / (1 - price);
        o *= k < TRADERS ? ratio[k] : 1; // later it is all in the price
        believe(episode, script_next(episode), o / (1 + o), 0);
    }
    for (int k = 0; k < TRADERS; k++) {
        odds *= ratio[k];
    }
    assert_true(cr_episode_is_done(episode));
    assert_int_equal(t->status, CR_DONE);
    assert_int_equal(t->ended, CR_ENDED_COMPLETE);
    assert_int_equal(t->prices_len, TRADES + 1);
    assert_true(fabs(t->price[TRADES] - odds / (1 + odds)) < 1e-9);
    cr_episode_destroy(episode);
}

// Whatever is bet, the automaton loses at most b ln 2 (or -b ln of the least prior), no
// trader of a wallet falls below nothing, and what they own adds up.
static void nobody_loses_more_than_there_is(void **state) {
    (void)state;
    struct cr_rng rng;
    cr_rng_seed(&rng, 5);
    for (int i = 0; i < 200; i++) {
        struct cr_cell cell = room_of((enum cr_sizing)(i % CR_SIZING_COUNT));
        cell.room.prior = i % 4 == 0 ? 0.2 : 0;
        cell.room.adversary = i % 5 == 0 ? 4 : 0;
        double b = cell.room.liquidity, least = cell.room.prior > 0 ? 0.2 : 0.5;
        struct cr_episode *episode = create(&cell, &script_claim);
        open_room(episode, cr_rng_uniform(&rng));
        for (int k = 0; k < TRADES; k++) {
            believe(episode, script_next(episode), cr_rng_uniform(&rng),
                    cr_rng_uniform(&rng));
        }
        const struct cr_trajectory *t = cr_episode_trajectory(episode);
        double gained[2] = {0, 0}, wealth[2];
        for (uint32_t k = 0; k < TRADERS; k++) {
            cr_room_wealth(&cell, k, path_of(t), wealth);
            for (int outcome = 0; outcome < 2; outcome++) {
                gained[outcome] += wealth[outcome] - cr_room_wallet(&cell, k);
                assert_true(cell.room.sizing == CR_SIZING_BELIEF ||
                            wealth[outcome] > -1e-9);
            }
        }
        double last = t->price[TRADES], first = t->price[0];
        assert_true(fabs(first - (cell.room.prior > 0 ? 0.2 : 0.5)) < 1e-12);
        assert_true(fabs(gained[1] - b * log(last / first)) < 1e-9);
        assert_true(fabs(gained[0] - b * log((1 - last) / (1 - first))) < 1e-9);
        assert_true(fmax(gained[0], gained[1]) <= -b * log(least) + 1e-9);
        cr_episode_destroy(episode);
    }
}

// The stake is the most that is lost in one bet, as a share of what is owned for sure.
static void a_stake_bounds_a_bet(void **state) {
    (void)state;
    struct cr_cell cell = room_of(CR_SIZING_STAKE);
    struct cr_episode *episode = create(&cell, &script_claim);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    open_room(episode, 0.5);
    struct cr_call *call = script_next(episode);
    assert_int_equal(call->id.ask, CR_ASK_BET);
    assert_non_null(strstr(call->schema, "\"stake\""));
    believe(episode, call, 0.99, 0.1);
    double wealth[2];
    cr_room_wealth(&cell, 0, path_of(t), wealth);
    assert_true(fabs(wealth[0] - 0.9) < 1e-9);
    assert_true(t->price[1] > 0.5 && t->price[1] < 0.99);
    believe(episode, script_next(episode), 0.01, 0); // nothing is risked: nothing moves
    assert_true(fabs(t->price[2] - t->price[1]) < 1e-12);
    call = script_next(episode);
    script_answer(episode, call, "{\"claim\":\"c\",\"reasoning\":\"r\",\"price\":0.5}");
    call = script_next(episode); // asked again: there was no stake
    assert_int_equal(call->id.repair, 1);
    assert_non_null(strstr(script_question(call), "\"stake\""));
    believe(episode, call, 0.5, 2);
    call = script_next(episode);
    assert_non_null(strstr(script_question(call), "from 0 to 1"));
    cr_episode_destroy(episode);
}

static void a_trader_who_says_nothing_passes(void **state) {
    (void)state;
    struct cr_cell cell = room_of(CR_SIZING_KELLY);
    cell.repairs = 0;
    struct cr_episode *episode = create(&cell, &script_claim);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    open_room(episode, 0.5);
    believe(episode, script_next(episode), 0.9, 0);
    script_answer(episode, script_next(episode), "I would rather not.");
    assert_int_equal(t->prices_len, 3);
    assert_true(fabs(t->price[2] - t->price[1]) < 1e-12);
    assert_int_equal(t->step[2].calls, 1);
    assert_int_equal(t->step[2].direction, 0);
    struct cr_call *call = script_next(episode);
    assert_int_equal(call->id.trader, 2);
    assert_null(strstr(script_question(call), "rather not"));
    cr_episode_destroy(episode);
}

static void a_room_without_beliefs_is_invalid(void **state) {
    (void)state;
    struct cr_cell cell = room_of(CR_SIZING_KELLY);
    cell.repairs = 0;
    struct cr_episode *episode = create(&cell, &script_claim);
    struct cr_call *call[TRADERS];
    for (int i = 0; i < TRADERS; i++) {
        call[i] = script_next(episode);
    }
    for (int i = 0; i < TRADERS; i++) {
        script_answer(episode, call[i], "?");
    }
    assert_true(cr_episode_is_done(episode));
    assert_int_equal(cr_episode_trajectory(episode)->status, CR_INVALID);
    assert_int_equal(cr_episode_trajectory(episode)->reason, CR_REASON_UNREADABLE);
    cr_episode_destroy(episode);
}

static void the_last_trader_may_be_an_adversary_with_more_to_bet(void **state) {
    (void)state;
    struct cr_cell cell = room_of(CR_SIZING_KELLY);
    cell.room.adversary = 5;
    assert_true(fabs(cr_room_wallet(&cell, 0) - 1) < 1e-12);
    assert_true(fabs(cr_room_wallet(&cell, TRADERS - 1) - 5) < 1e-12);
    struct cr_episode *episode = create(&cell, &script_claim);
    open_room(episode, 0.5);
    for (int i = 0; i < TRADERS; i++) {
        struct cr_call *call = script_next(episode);
        bool is_told = strstr(script_question(call), "known to you: true") != NULL;
        assert_int_equal(is_told, i == TRADERS - 1);
        believe(episode, call, i == TRADERS - 1 ? 0.01 : 0.6, 0);
    }
    cr_episode_destroy(episode);
}

// The path is in the file's order, whatever was shown.
static void options_are_traded_in_their_own_order(void **state) {
    (void)state;
    struct cr_cell cell = room_of(CR_SIZING_BELIEF);
    struct cr_episode *episode = create(&cell, &script_choice);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    struct cr_call *call[TRADERS];
    for (int i = 0; i < TRADERS; i++) {
        call[i] = script_next(episode);
    }
    for (int i = 0; i < TRADERS; i++) {
        script_answer(episode, call[i],
                      "{\"claim\":\"c\",\"prices\":{\"elm\":1,\"oak\":0,\"ash\":0}}");
    }
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(t->price[i] - 1.0 / 3) < 1e-12);
    }
    script_answer(episode, script_next(episode),
                  "{\"claim\":\"c\",\"reasoning\":\"r\",\"prices\":{\"elm\":0.7,"
                  "\"oak\":0.2,\"ash\":0.1}}");
    assert_true(fabs(t->price[3] - 0.2) < 1e-9 && fabs(t->price[4] - 0.7) < 1e-9 &&
                fabs(t->price[5] - 0.1) < 1e-9);
    assert_int_equal(t->step[1].direction, 2);
    cr_episode_destroy(episode);
}

static void what_makes_no_room_is_refused(void **state) {
    (void)state;
    struct cr_err err = {0};
    struct cr_cell cell = room_of(CR_SIZING_KELLY);
    assert_int_equal(cr_protocol_check(&cell, CR_SPACE_BINARY, &err), CR_OK);
    assert_int_equal(cr_protocol_check(&cell, CR_SPACE_CONTINUOUS, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "expected binary or categorical"));
    cell.room.prior = 0.3;
    assert_int_equal(cr_protocol_check(&cell, CR_SPACE_CATEGORICAL, &err), CR_E_JOB);
    cell.room.prior = 0;
    cell.traders_len = 1;
    assert_int_equal(cr_protocol_check(&cell, CR_SPACE_BINARY, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "at least two traders"));
    cell = room_of(CR_SIZING_KELLY);
    cell.stance = CR_STANCE_UP;
    assert_int_equal(cr_protocol_check(&cell, CR_SPACE_BINARY, &err), CR_E_JOB);
    cell = room_of(CR_SIZING_KELLY);
    cell.elicitation = CR_ELICIT_SAMPLED;
    assert_int_equal(cr_protocol_check(&cell, CR_SPACE_BINARY, &err), CR_E_JOB);
    cell = room_of(CR_SIZING_KELLY);
    assert_int_equal(cr_protocol_prices_max(&cell), TRADES + 1);
    assert_int_equal(cr_protocol_calls(&cell).max, TRADERS + TRADES);
}

static int load(void **state) {
    (void)state;
    prompts = paper_load();
    return prompts != NULL ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    cr_prompt_set_destroy(prompts);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_beliefs_come_first_and_are_seen_by_nobody),
        cmocka_unit_test(exact_bettors_end_at_the_posterior),
        cmocka_unit_test(nobody_loses_more_than_there_is),
        cmocka_unit_test(a_stake_bounds_a_bet),
        cmocka_unit_test(a_trader_who_says_nothing_passes),
        cmocka_unit_test(a_room_without_beliefs_is_invalid),
        cmocka_unit_test(the_last_trader_may_be_an_adversary_with_more_to_bet),
        cmocka_unit_test(options_are_traded_in_their_own_order),
        cmocka_unit_test(what_makes_no_room_is_refused),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
