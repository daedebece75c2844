// test_placebo.c - arguments that argue nothing, what cells with other traders share, and
// samples that are asked one by one.
#include "cmocka_all.h"

#include <math.h>

#include "credence/protocol/episode.h"
#include "credence/protocol/stop.h"
#include "paper.h"
#include "script.h"

static struct cr_prompt_set *prompts;

static struct cr_proposition questions[] = {
    {.id = "a",
     .question_id = "a",
     .text = "Honey never spoils.",
     .label = 1,
     .unit = ""},
    {.id = "a2", .question_id = "a", .text = "Honey spoils.", .unit = ""},
    {.id = "z", .question_id = "z", .text = "Zinc is a gas.", .unit = ""},
};
static const struct cr_propositions benchmark = {.at = questions, .len = 3};
static const struct cr_propositions alone = {.at = questions, .len = 2};

static struct cr_episode_cfg cfg_of(const struct cr_cell *cell, uint64_t key) {
    return (struct cr_episode_cfg){.cell = cell,
                                   .proposition = &questions[0],
                                   .prompts = prompts,
                                   .trajectory_key = key,
                                   .opening_key = 7,
                                   .benchmark = &benchmark,
                                   .job_seed = 1};
}

static void cells_with_other_stances_share_the_opening_call(void **state) {
    (void)state;
    struct cr_cell free = script_cell("market"), placebo = script_cell("market");
    placebo.stance = CR_STANCE_ECHO;
    struct cr_episode_cfg cfgs[] = {cfg_of(&free, 1), cfg_of(&placebo, 2)};
    struct cr_episode *episodes[2];
    struct cr_call *calls[2];
    for (int i = 0; i < 2; i++) {
        episodes[i] = script_create(&cfgs[i]);
        calls[i] = script_next(episodes[i]);
    }
    assert_true(calls[0]->seed == calls[1]->seed);
    assert_string_equal(calls[0]->turns[0].text, calls[1]->turns[0].text);
    assert_string_equal(script_question(calls[0]), script_question(calls[1]));
    script_answer(episodes[0], calls[0], "{\"price\":0.4}");
    script_answer(episodes[1], calls[1], "{\"price\":0.4}");
    script_answer(episodes[0], script_next(episodes[0]), "because");
    assert_true(script_next(episodes[0])->seed != script_next(episodes[1])->seed);
    cr_episode_destroy(episodes[0]);
    cr_episode_destroy(episodes[1]);
}

static void an_unrelated_argument_is_about_another_question(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.stance = CR_STANCE_UNRELATED;
    struct cr_episode_cfg cfg = cfg_of(&cell, 1);
    struct cr_episode *episode = script_create(&cfg);
    script_answer(episode, script_next(episode),
                  "{\"claim\":\"It keeps.\",\"price\":0.4}");
    for (int t = 1; t <= 2; t++) {
        struct cr_call *call = script_next(episode);
        assert_int_equal(call->turns_len, 2); // its own chat, each time
        assert_non_null(strstr(script_question(call), "Zinc is a gas."));
        assert_null(strstr(script_question(call), "Honey"));
        assert_null(strstr(script_question(call), "It keeps."));
        assert_string_equal(call->proposition->id, "z");
        script_answer(episode, call,
                      "{\"direction\":\"up\",\"argument\":\"It boils early.\"}");
        call = script_next(episode);
        assert_non_null(strstr(script_question(call), "It boils early."));
        assert_int_equal(cr_episode_trajectory(episode)->step[t].direction, 0);
        script_answer(episode, call, t == 1 ? "{\"price\":0.9}" : "{\"price\":0.1}");
    }
    cr_episode_destroy(episode);
}

// More items, as a run that is extended has them, change no market that was there.
static void an_unrelated_question_stays_when_items_are_added(void **state) {
    (void)state;
    enum { ITEMS = 20 };
    struct cr_proposition items[ITEMS];
    char ids[ITEMS][8];
    for (int i = 0; i < ITEMS; i++) {
        items[i] = script_claim;
        snprintf(ids[i], sizeof ids[i], "q%d", i / 2); // two claims a question
        items[i].question_id = ids[i];
    }
    struct cr_cell cell = script_cell("market");
    cell.stance = CR_STANCE_UNRELATED;
    bool differs = false;
    for (int own = 0; own < ITEMS / 2; own++) {
        const struct cr_proposition *found[2];
        for (int is_longer = 0; is_longer < 2; is_longer++) {
            struct cr_propositions few = {.at = items,
                                          .len = is_longer ? ITEMS : ITEMS / 2};
            struct cr_episode_cfg cfg = cfg_of(&cell, (uint64_t)own);
            cfg.proposition = &items[own];
            cfg.benchmark = &few;
            struct cr_episode *episode = script_create(&cfg);
            script_answer(episode, script_next(episode), "{\"price\":0.4}");
            found[is_longer] = script_next(episode)->proposition;
            cr_episode_destroy(episode);
        }
        assert_ptr_equal(found[0], found[1]);
        assert_string_not_equal(found[0]->question_id, items[own].question_id);
        differs = differs || (found[0] != &items[0] && found[0] != &items[2]);
    }
    assert_true(differs);
}

static void without_another_question_there_is_no_argument(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.stance = CR_STANCE_UNRELATED;
    struct cr_episode_cfg cfg = cfg_of(&cell, 1);
    cfg.benchmark = &alone;
    struct cr_episode *episode = script_create(&cfg);
    script_answer(episode, script_next(episode), "{\"price\":0.4}");
    assert_true(cr_episode_is_done(episode));
    assert_int_equal(cr_episode_trajectory(episode)->ended, CR_ENDED_NO_ARGUMENT);
    cr_episode_destroy(episode);
}

static void an_echo_is_the_makers_own_reasoning(void **state) {
    (void)state;
    static const char *const judgments[][2] = {
        {"{\"claim\":\"c\",\"reasoning\":\"Bees seal it.\",\"price\":0.4}",
         "Bees seal it."},
        {"{\"claim\":\"It keeps.\",\"price\":0.4}", "It keeps."},
        {"{\"price\":0.4}", "{\"price\":0.4}"},
    };
    for (int i = 0; i < 3; i++) {
        struct cr_cell cell = script_cell("market");
        cell.stance = CR_STANCE_ECHO;
        struct cr_episode_cfg cfg = cfg_of(&cell, 1);
        struct cr_episode *episode = script_create(&cfg);
        script_answer(episode, script_next(episode), judgments[i][0]);
        struct cr_call *call = script_next(episode);
        assert_int_equal(call->id.role, CR_ROLE_MAKER);
        assert_int_equal(call->id.iteration, 1);
        assert_non_null(strstr(script_question(call), judgments[i][1]));
        assert_null(strstr(script_question(call), "\"claim\""));
        cr_episode_destroy(episode);
    }
}

static void a_filler_is_as_long_as_an_argument_and_drawn_by_the_seed(void **state) {
    (void)state;
    size_t lengths[2], same = 0;
    for (uint64_t key = 0; key < 4; key++) {
        struct cr_cell cell = script_cell("market");
        cell.stance = CR_STANCE_FILLER;
        struct cr_episode_cfg cfg = cfg_of(&cell, key / 2);
        struct cr_episode *episode = script_create(&cfg);
        script_answer(episode, script_next(episode), "{\"price\":0.4}");
        const char *text = script_question(script_next(episode));
        assert_in_range(strlen(text), 200, 700);
        assert_null(strstr(text, "Honey"));
        same += key % 2 == 1 && lengths[0] == strlen(text);
        lengths[key % 2] = strlen(text);
        cr_episode_destroy(episode);
    }
    assert_int_equal(same, 2); // the same key, the same text
}

static void samples_one_by_one_are_those_asked_at_once(void **state) {
    (void)state;
    static const char *const replies[] = {"{\"price\":0.7}",  "{\"price\":0.1}",
                                          "{\"price\":0.31}", "{\"price\":0.17}",
                                          "{\"price\":0.23}", "{\"price\":0.29}"};
    struct cr_stop test = {CR_STOP_SPRT, 3, 0.1, 10};
    uint64_t seeds[2][6];
    struct cr_trajectory kept[2];
    struct cr_episode *episodes[2];
    for (int i = 0; i < 2; i++) {
        struct cr_cell cell = script_cell("self_consistency");
        cell.samples = 6;
        cell.stop = test;
        cell.stop_early = i == 1;
        struct cr_episode_cfg cfg = cfg_of(&cell, 1);
        struct cr_call *calls[6];
        size_t asked = 0;
        episodes[i] = script_create(&cfg);
        for (size_t n = 0; n < 6 && !cr_episode_is_done(episodes[i]); n++) {
            while (asked < 6) {
                struct cr_call *call = NULL;
                assert_int_equal(cr_episode_next(episodes[i], &call, NULL), CR_OK);
                if (call == NULL) {
                    break;
                }
                seeds[i][asked] = call->seed;
                calls[asked++] = call;
            }
            assert_true(seeds[i][n] == seeds[0][n]);
            script_answer(episodes[i], calls[n], replies[n]);
        }
        kept[i] = *cr_episode_trajectory(episodes[i]);
    }
    // 0.7 against 0.1: a lead of three, after five samples: four below, one above.
    assert_int_equal(cr_stop_sprt_lead(0.1), 3);
    assert_int_equal(kept[0].prices_len, 6);
    assert_int_equal(kept[0].ended, CR_ENDED_COMPLETE);
    assert_int_equal(kept[1].prices_len, 5);
    assert_int_equal(kept[1].ended, CR_ENDED_SPRT);
    assert_memory_equal(kept[0].price, kept[1].price, 5 * sizeof(double));
    struct cr_view view = cr_stop_view(&test, &kept[0]);
    assert_int_equal(view.prices_len, 5);
    assert_int_equal(view.ended, CR_ENDED_SPRT);
    cr_episode_destroy(episodes[0]);
    cr_episode_destroy(episodes[1]);
}

static void a_reading_stands_beside_each_judgment(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.held = CR_HELD_LOGPROB;
    struct cr_episode_cfg cfg = cfg_of(&cell, 1);
    struct cr_episode *episode = script_create(&cfg);
    struct cr_call *said = script_next(episode), *held = script_next(episode);
    assert_int_equal(held->id.ask, CR_ASK_LOGPROB);
    assert_int_equal(held->max_tokens, 1);
    assert_ptr_equal(held->turns[0].text, said->turns[0].text);
    assert_non_null(strstr(script_question(held), "Honey never spoils."));
    assert_non_null(strstr(script_question(held), "Yes or No"));
    script_answer(episode, held, "%Yes 0.6 No 0.2");
    script_answer(episode, said, "{\"price\":0.4}");
    script_answer(episode, script_next(episode), "Bees seal it.");
    said = script_next(episode);
    held = script_next(episode);
    struct cr_call *idle = script_next(episode);
    assert_non_null(strstr(script_question(held), "Bees seal it."));
    assert_null(strstr(script_question(idle), "Bees seal it."));
    for (size_t i = 0; i + 1 < held->turns_len; i++) {
        assert_string_equal(held->turns[i].text, said->turns[i].text);
        assert_string_equal(idle->turns[i].text, said->turns[i].text);
    }
    script_answer(episode, said, "{\"price\":0.5}");
    script_answer(episode, held, "%So 0.9 Yes 0.01");
    script_answer(episode, idle, "%Yes 0.2 No 0.6");
    struct cr_call *next = script_next(episode);
    assert_int_equal(next->id.role, CR_ROLE_TRADER);
    script_answer(episode, next, "a");
    next = script_next(episode);
    for (size_t i = 0; i < next->turns_len; i++) {
        assert_null(strstr(next->turns[i].text, "Yes or No"));
    }
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    assert_true(t->step[0].price_held > 0.749 && t->step[0].price_held < 0.751);
    assert_true(isnan(t->step[0].price_held_idle));
    assert_true(isnan(t->step[1].price_held)); // no answer had the mass
    assert_int_equal(t->step[1].repairs, 0);   // and nothing was asked again
    assert_true(t->step[1].price_held_idle > 0.249 &&
                t->step[1].price_held_idle < 0.251);
    assert_int_equal(t->step[1].calls, 4);
    cr_episode_destroy(episode);
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

// The judgment itself after an empty turn: read as a judgment, never repaired, dropped.
static void a_judgment_has_its_placebo(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.held = CR_HELD_BOTH;
    struct cr_episode_cfg cfg = cfg_of(&cell, 1);
    struct cr_episode *episode = script_create(&cfg);
    script_answer(episode, script_next(episode), "{\"price\":0.4}");
    script_answer(episode, script_next(episode), "%Yes 0.6 No 0.2");
    for (int t = 1; t <= 2; t++) {
        script_answer(episode, script_next(episode), "Bees seal it.");
        struct cr_call *said = script_next(episode), *held = script_next(episode);
        struct cr_call *held_idle = script_next(episode), *idle = script_next(episode);
        assert_int_equal(idle->id.ask, CR_ASK_JUDGMENT);
        assert_int_equal(idle->id.sample, 1);
        assert_int_not_equal(idle->seed, said->seed);
        assert_string_equal(idle->schema, said->schema);
        assert_null(strstr(script_question(idle), "Bees seal it."));
        assert_null(strstr(script_question(idle), "Yes or No"));
        script_answer(episode, idle, t == 1 ? "{\"price\":0.45}" : "no number");
        script_answer(episode, held_idle, "%Yes 0.2 No 0.6");
        script_answer(episode, held, "%Yes 0.5 No 0.3");
        script_answer(episode, said, t == 1 ? "{\"price\":0.7}" : "{\"price\":0.8}");
    }
    const struct cr_trajectory *trajectory = cr_episode_trajectory(episode);
    const struct cr_step *step = trajectory->step;
    assert_int_equal(trajectory->prices_len, 3);
    assert_true(isnan(step[0].price_idle));
    assert_true(step[1].price_idle > 0.449 && step[1].price_idle < 0.451);
    assert_true(isnan(step[2].price_idle));
    assert_int_equal(step[2].repairs, 0);
    assert_int_equal(step[2].calls, 5);
    assert_true(trajectory->price[2] > 0.799);
    cr_episode_destroy(episode);
}

// A price that is the mean of several samples has a placebo that is one, too.
static void a_placebo_of_samples_is_their_mean(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.held = CR_HELD_BOTH;
    cell.elicitation = CR_ELICIT_SAMPLED;
    cell.samples = 2;
    assert_int_equal(cr_protocol_calls(&cell).min,
                     2 + 1 +
                         (uint64_t)cr_stop_iterations_min(&cell.stop) * (1 + 2 + 4));
    struct cr_episode_cfg cfg = cfg_of(&cell, 1);
    struct cr_episode *episode = script_create(&cfg);
    script_answer(episode, script_next(episode), "{\"answer\":\"yes\"}");
    script_answer(episode, script_next(episode), "{\"answer\":\"no\"}");
    script_answer(episode, script_next(episode), "%Yes 0.6 No 0.2");
    script_answer(episode, script_next(episode), "Bees seal it.");
    for (int i = 0; i < 6; i++) {
        struct cr_call *call = script_next(episode);
        bool is_reading = call->id.ask == CR_ASK_LOGPROB;
        script_answer(episode, call,
                      is_reading             ? "%Yes 0.5 No 0.3"
                      : call->id.sample == 3 ? "{\"answer\":\"yes\"}"
                                             : "{\"answer\":\"no\"}");
    }
    const struct cr_step *step = cr_episode_trajectory(episode)->step;
    assert_true(step[1].price_idle > 0.499 && step[1].price_idle < 0.501);
    assert_true(cr_episode_trajectory(episode)->price[1] < 0.001);
    cr_episode_destroy(episode);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_with_other_stances_share_the_opening_call),
        cmocka_unit_test(an_unrelated_argument_is_about_another_question),
        cmocka_unit_test(an_unrelated_question_stays_when_items_are_added),
        cmocka_unit_test(without_another_question_there_is_no_argument),
        cmocka_unit_test(an_echo_is_the_makers_own_reasoning),
        cmocka_unit_test(a_filler_is_as_long_as_an_argument_and_drawn_by_the_seed),
        cmocka_unit_test(a_reading_stands_beside_each_judgment),
        cmocka_unit_test(a_judgment_has_its_placebo),
        cmocka_unit_test(a_placebo_of_samples_is_their_mean),
        cmocka_unit_test(samples_one_by_one_are_those_asked_at_once),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
