// test_telling.c - who is told what: goals, histories, memory, answer forms.
#include "cmocka_all.h"

#include "credence/protocol/episode.h"
#include "paper.h"
#include "script.h"

static struct cr_prompt_set *prompts;

static struct cr_episode *create(const struct cr_cell *cell,
                                 const struct cr_proposition *proposition,
                                 uint32_t replicate) {
    struct cr_episode_cfg setting = {.cell = cell,
                                     .proposition = proposition,
                                     .prompts = prompts,
                                     .trajectory_key = 5,
                                     .job_seed = 1,
                                     .replicate = replicate};
    return script_create(&setting);
}

static void assert_told(const struct cr_call *call, const char *what) {
    if (strstr(script_question(call), what) == NULL) {
        fail_msg("not told \"%s\": %s", what, script_question(call));
    }
}

static void assert_not_told(const struct cr_call *call, const char *what) {
    for (size_t i = 0; i < call->turns_len; i++) {
        if (strstr(call->turns[i].text, what) != NULL) {
            fail_msg("told \"%s\": %s", what, call->turns[i].text);
        }
    }
}

struct goal {
    enum cr_stance stance;
    const struct cr_proposition *proposition;
    const char *opening; // the maker's reply
    const char *told;
};

#define O(a, b, c) "{\"prices\":{\"oak\":" #a ",\"elm\":" #b ",\"ash\":" #c "}}"
#define Q(a, b, c) "{\"q05\":" #a ",\"q50\":" #b ",\"q95\":" #c "}"

// The simulated models read these words too (prompts/README.md).
static const struct goal goals[] = {
    {CR_STANCE_FREE, &script_claim, "{\"price\":0.4}",
     "in whichever direction you choose"},
    {CR_STANCE_UP, &script_claim, "{\"price\":0.4}", "moves the price up as far"},
    {CR_STANCE_DOWN, &script_claim, "{\"price\":0.4}", "moves the price down as far"},
    {CR_STANCE_CONTRARY, &script_claim, "{\"price\":0.4}", "toward this answer: true"},
    {CR_STANCE_CONTRARY, &script_claim, "{\"price\":0.6}", "toward this answer: false"},
    {CR_STANCE_TRUTHFUL, &script_claim, "{\"price\":0.4}", "known to you: true"},
    {CR_STANCE_ADVERSARIAL, &script_claim, "{\"price\":0.4}", "known to you: true"},
    {CR_STANCE_ADVERSARIAL, &script_claim, "{\"price\":0.4}", "away from it"},
    {CR_STANCE_CONTRARY, &script_choice, O(0.5, 0.2, 0.3), ") ash"},
    {CR_STANCE_CONTRARY, &script_choice, O(0.2, 0.5, 0.3), ") ash"},
    {CR_STANCE_CONTRARY, &script_choice, O(0.3, 0.2, 0.5), ") oak"},
    {CR_STANCE_TRUTHFUL, &script_choice, O(0.3, 0.2, 0.5), ") elm"},
    {CR_STANCE_TRUTHFUL, &script_quantity, Q(1, 50, 90), "known to you: 30 m"},
    {CR_STANCE_UP, &script_quantity, Q(1, 50, 90), "moves the price up as far"},
};

static void a_stance_sets_the_goal(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
        struct cr_cell cell = script_cell("market");
        cell.stance = goals[i].stance;
        assert_int_equal(cr_protocol_check(&cell, goals[i].proposition->space, NULL),
                         CR_OK);
        struct cr_episode *episode = create(&cell, goals[i].proposition, 0);
        script_answer(episode, script_next(episode), goals[i].opening);
        assert_told(script_next(episode), goals[i].told);
        cr_episode_destroy(episode);
    }
}

static void only_stances_that_may_are_told_the_label(void **state) {
    (void)state;
    for (int stance = 0; stance < CR_STANCE_TRUTHFUL; stance++) {
        struct cr_cell cell = script_cell("market");
        cell.stance = (enum cr_stance)stance;
        struct cr_episode *episode = create(&cell, &script_claim, 0);
        script_answer(episode, script_next(episode), "{\"price\":0.4}");
        assert_not_told(script_next(episode), "known to you");
        cr_episode_destroy(episode);
    }
}

static void a_contrary_trader_turns_with_the_price(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.stance = CR_STANCE_CONTRARY;
    struct cr_episode *episode = create(&cell, &script_claim, 0);
    script_answer(episode, script_next(episode), "{\"price\":0.9}");
    struct cr_call *call = script_next(episode);
    assert_told(call, "toward this answer: false");
    script_answer(episode, call, "x");
    script_answer(episode, script_next(episode), "{\"price\":0.1}");
    assert_told(script_next(episode), "toward this answer: true");
    cr_episode_destroy(episode);
}

static void a_trader_is_told_what_others_said_since_its_last_turn(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.traders_len = 2;
    cell.stop.rule = CR_STOP_FIXED;
    struct cr_episode *episode = create(&cell, &script_claim, 0);
    script_answer(episode, script_next(episode), "{\"price\":0.11}");
    script_answer(episode, script_next(episode), "first of one");
    script_answer(episode, script_next(episode), "{\"price\":0.12}");
    struct cr_call *call = script_next(episode);
    assert_int_equal(call->id.trader, 1);
    assert_int_equal(call->model, 2);
    assert_told(call, "first of one");
    assert_told(call, "{\"price\":0.11}");
    assert_told(call, "Current price: 0.12");
    script_answer(episode, call, "first of two");
    script_answer(episode, script_next(episode), "{\"price\":0.13}");
    call = script_next(episode);
    assert_int_equal(call->id.trader, 0);
    assert_int_equal(call->turns_len, 4);
    assert_told(call, "first of two");
    assert_told(call, "{\"price\":0.12}");
    assert_told(call, "{\"price\":0.13}");
    assert_null(strstr(script_question(call), "0.11"));
    assert_null(strstr(script_question(call), "first of one"));
    cr_episode_destroy(episode);
}

static void a_maker_sees_all_arguments_made_at_once(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.traders_len = 2;
    cell.order = CR_ORDER_SIMULTANEOUS;
    struct cr_episode *episode = create(&cell, &script_claim, 0);
    script_answer(episode, script_next(episode), "{\"price\":0.11}");
    struct cr_call *one = script_next(episode), *two = script_next(episode);
    script_answer(episode, two, "said by two");
    script_answer(episode, one, "said by one");
    struct cr_call *call = script_next(episode);
    assert_told(call,
                "Trader 1 argues:\n\nsaid by one\n\nTrader 2 argues:\n\nsaid by two");
    script_answer(episode, call, "{\"price\":0.5}");
    one = script_next(episode);
    assert_told(one, "said by two");
    assert_null(strstr(script_question(one), "said by one"));
    cr_episode_destroy(episode);
}

static void sides_of_a_debate_are_swapped_by_replicate(void **state) {
    (void)state;
    static const char *const positions[] = {"the right answer is true",
                                            "the right answer is false"};
    struct cr_cell cell = script_cell("debate");
    for (uint32_t replicate = 0; replicate < 2; replicate++) {
        struct cr_episode *episode = create(&cell, &script_claim, replicate);
        script_answer(episode, script_next(episode), "{\"price\":0.123}");
        struct cr_call *call = script_next(episode);
        assert_told(call, positions[replicate]);
        assert_not_told(call, "0.123");
        script_answer(episode, call, "first speech");
        call = script_next(episode);
        assert_told(call, positions[1 - replicate]);
        assert_told(call, "Your opponent argued:\n\nfirst speech");
        script_answer(episode, call, "second speech");
        call = script_next(episode);
        assert_told(call, replicate ? "The debater for \"false\":\n\nfirst speech"
                                    : "The debater for \"true\":\n\nfirst speech");
        assert_told(call, "second speech");
        cr_episode_destroy(episode);
    }
}

static void sides_at_once_do_not_hear_the_present_round(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("debate");
    cell.order = CR_ORDER_SIMULTANEOUS;
    struct cr_episode *episode = create(&cell, &script_choice, 0);
    script_answer(episode, script_next(episode), O(0.2, 0.5, 0.3));
    struct cr_call *one = script_next(episode), *two = script_next(episode);
    assert_told(one, ") elm");
    assert_told(two, ") ash");
    assert_not_told(two, "first speech");
    script_answer(episode, one, "first speech");
    script_answer(episode, two, "second speech");
    script_answer(episode, script_next(episode), O(0, 0, 1));
    one = script_next(episode);
    assert_told(one, "second speech");
    assert_told(one, ") elm"); // positions stay as the opening made them
    cr_episode_destroy(episode);
}

static void a_maker_with_a_memory_forgets_what_is_older(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.memory = 1;
    cell.stop.rule = CR_STOP_FIXED;
    struct cr_episode *episode = create(&cell, &script_claim, 0);
    script_answer(episode, script_next(episode), "{\"price\":0.11}");
    for (int t = 1; t <= 3; t++) {
        char text[32];
        snprintf(text, sizeof text, "argument %d", t);
        script_answer(episode, script_next(episode), text);
        struct cr_call *call = script_next(episode);
        assert_int_equal(call->turns_len, 4);
        assert_int_equal(call->prefix_len, 2);
        assert_non_null(strstr(call->turns[1].text, "Honey"));
        assert_told(call, text);
        snprintf(text, sizeof text, "{\"price\":0.1%d}", t);
        assert_string_equal(call->turns[2].text, text);
        snprintf(text, sizeof text, "{\"price\":0.1%d}", t + 1);
        script_answer(episode, call, text);
    }
    cr_episode_destroy(episode);
}

static void a_trader_is_told_nothing_of_later_rounds(void **state) {
    (void)state;
    static const char *const words[] = {"round", "iteration", "10", "later",
                                        "equilibrium"};
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell, &script_claim, 0);
    script_answer(episode, script_next(episode), "{\"price\":0.4}");
    struct cr_call *call = script_next(episode);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_not_told(call, words[i]);
    }
    cr_episode_destroy(episode);
}

static void chain_of_thought_is_in_the_form_and_the_schema(void **state) {
    (void)state;
    for (int thinks = 0; thinks < 2; thinks++) {
        struct cr_cell cell = script_cell("single");
        cell.chain_of_thought = thinks;
        struct cr_episode *episode = create(&cell, &script_claim, 0);
        struct cr_call *call = script_next(episode);
        assert_int_equal(strstr(call->schema, "\"reasoning\"") != NULL, thinks);
        assert_int_equal(strstr(call->turns[0].text, "\"reasoning\"") != NULL, thinks);
        cr_episode_destroy(episode);
    }
}

static void elicitation_says_what_is_asked(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("single");
    cell.elicitation = CR_ELICIT_LOGPROB;
    struct cr_episode *episode = create(&cell, &script_choice, 0);
    struct cr_call *call = script_next(episode);
    assert_int_equal(call->id.ask, CR_ASK_LOGPROB);
    assert_null(call->schema);
    assert_int_equal(call->max_tokens, 1);
    assert_int_equal(call->top_logprobs, CR_LOGPROBS_MAX);
    assert_non_null(strstr(call->turns[0].text, "Answer with its letter"));
    cr_episode_destroy(episode);
    cell.elicitation = CR_ELICIT_SAMPLED;
    episode = create(&cell, &script_choice, 0);
    call = script_next(episode);
    assert_int_equal(call->id.ask, CR_ASK_VOTE);
    assert_non_null(strstr(call->schema, "\"enum\":[\"A\",\"B\",\"C\"]"));
    cr_episode_destroy(episode);
}

// Every call of a job has a seed of its own.
static void seeds_differ_by_seat(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("self_consistency");
    cell.samples = 100;
    struct cr_episode *episode = create(&cell, &script_claim, 0);
    uint64_t seeds[100];
    for (int i = 0; i < 100; i++) {
        seeds[i] = script_next(episode)->seed;
        for (int k = 0; k < i; k++) {
            assert_true(seeds[k] != seeds[i]);
        }
    }
    cr_episode_destroy(episode);
}

struct refusal {
    const char *protocol;
    enum cr_space space;
    struct cr_cell change; // stance, elicitation, stop.rule, traders_len, rounds
    const char *said;
};

static const struct refusal refusals[] = {
    {"single",
     CR_SPACE_BINARY,
     {.stance = CR_STANCE_UP, .traders_len = 1},
     "no trader"},
    {"market", CR_SPACE_BINARY, {.traders_len = 0}, "needs a trader"},
    {"market",
     CR_SPACE_CATEGORICAL,
     {.stance = CR_STANCE_UP, .traders_len = 1},
     "\"up\" has no meaning for categorical"},
    {"market",
     CR_SPACE_CONTINUOUS,
     {.stance = CR_STANCE_CONTRARY, .traders_len = 1},
     "\"contrary\" has no meaning for continuous"},
    {"market",
     CR_SPACE_CONTINUOUS,
     {.elicitation = CR_ELICIT_SAMPLED, .traders_len = 1},
     "elicitation \"sampled\""},
    {"market",
     CR_SPACE_CONTINUOUS,
     {.stop = {.rule = CR_STOP_STABLE_SIDE}, .traders_len = 1},
     "\"stable_side\""},
    {"self_consistency",
     CR_SPACE_BINARY,
     {.elicitation = CR_ELICIT_SAMPLED, .traders_len = 1},
     "must be \"verbal\""},
    {"debate",
     CR_SPACE_BINARY,
     {.stance = CR_STANCE_UP, .traders_len = 1, .rounds = 1},
     "must be \"free\""},
    {"debate", CR_SPACE_BINARY, {.traders_len = 3, .rounds = 1}, "and 3 are given"},
    {"consultancy",
     CR_SPACE_BINARY,
     {.traders_len = 2, .rounds = 1},
     "at most 1 traders, and 2"},
    {"critic",
     CR_SPACE_BINARY,
     {.stance = CR_STANCE_ECHO, .traders_len = 1, .rounds = 1},
     "placebo of the market"},
    {"self_refine",
     CR_SPACE_BINARY,
     {.stop = {.rule = CR_STOP_SPRT}},
     "expected self_consistency"},
    {"market",
     CR_SPACE_BINARY,
     {.stop = {.rule = CR_STOP_CONFIDENCE}, .traders_len = 1},
     "expected above 0.5, found 0.2"},
    {"market",
     CR_SPACE_CONTINUOUS,
     {.stop = {.rule = CR_STOP_CONFIDENCE}, .traders_len = 1},
     "\"confidence\""},
    {"debate", CR_SPACE_BINARY, {.traders_len = 2, .rounds = 0}, "at least one round"},
};

static void a_cell_that_makes_no_sense_is_refused_with_the_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        struct cr_cell cell = script_cell(r->protocol);
        struct cr_err err = {0};
        assert_int_equal(cr_protocol_check(&cell, r->space, &err), CR_OK);
        cell.stance = r->change.stance;
        cell.elicitation = r->change.elicitation;
        cell.stop.rule = r->change.stop.rule;
        cell.traders_len = r->change.traders_len;
        cell.rounds = r->change.rounds;
        assert_int_equal(cr_protocol_check(&cell, r->space, &err), CR_E_JOB);
        if (strstr(err.text, r->said) == NULL) {
            fail_msg("said: %s", err.text);
        }
    }
}

static int load(void **state) {
    (void)state;
    prompts = paper_load();
    return 0;
}

static int unload(void **state) {
    (void)state;
    cr_prompt_set_destroy(prompts);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stance_sets_the_goal),
        cmocka_unit_test(only_stances_that_may_are_told_the_label),
        cmocka_unit_test(a_contrary_trader_turns_with_the_price),
        cmocka_unit_test(a_trader_is_told_what_others_said_since_its_last_turn),
        cmocka_unit_test(a_maker_sees_all_arguments_made_at_once),
        cmocka_unit_test(sides_of_a_debate_are_swapped_by_replicate),
        cmocka_unit_test(sides_at_once_do_not_hear_the_present_round),
        cmocka_unit_test(a_maker_with_a_memory_forgets_what_is_older),
        cmocka_unit_test(a_trader_is_told_nothing_of_later_rounds),
        cmocka_unit_test(chain_of_thought_is_in_the_form_and_the_schema),
        cmocka_unit_test(elicitation_says_what_is_asked),
        cmocka_unit_test(seeds_differ_by_seat),
        cmocka_unit_test(a_cell_that_makes_no_sense_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
