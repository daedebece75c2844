// test_keeping.c - what a trajectory keeps of an episode, and in which order.
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

#define P(p) "{\"price\":" #p "}"
#define O(a, b, c) "{\"prices\":{\"oak\":" #a ",\"elm\":" #b ",\"ash\":" #c "}}"
#define Q(a, b, c) "{\"q05\":" #a ",\"q50\":" #b ",\"q95\":" #c "}"

static void pushes_are_kept_in_the_order_of_the_file(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell, &script_choice, 0);
    script_answer(episode, script_next(episode), O(0.5, 0.3, 0.2));
    script_answer(episode, script_next(episode),
                  "{\"toward\":\"ash\",\"argument\":\"x\"}");
    script_answer(episode, script_next(episode), O(0.5, 0.3, 0.2));
    assert_int_equal(cr_episode_trajectory(episode)->step[1].direction, 3);
    cr_episode_destroy(episode);
}

static void two_at_once(struct cr_cell *cell) {
    cell->traders_len = 2;
    cell->order = CR_ORDER_SIMULTANEOUS;
    cell->stop.max_iterations = 1;
}

static void traders_at_once_push_one_way_or_none(void **state) {
    (void)state;
    static const char *const words[][2] = {{"up", "up"}, {"up", "down"}, {"up", "so"}};
    static const int expected[] = {1, 0, 0};
    struct cr_cell cell = script_cell("market");
    two_at_once(&cell);
    for (int i = 0; i < 3; i++) {
        struct cr_episode *episode = create(&cell, &script_claim, 0);
        script_answer(episode, script_next(episode), P(0.5));
        for (int k = 0; k < 2; k++) {
            char text[128];
            snprintf(text, sizeof text, "{\"direction\":\"%s\",\"argument\":\"x\"}",
                     words[i][k]);
            // The second is asked before the first is answered in a real run as well.
            script_answer(episode, script_next(episode), text);
        }
        script_answer(episode, script_next(episode), P(0.5));
        assert_int_equal(cr_episode_trajectory(episode)->step[1].direction,
                         expected[i]);
        cr_episode_destroy(episode);
    }
}

static void quantiles_are_kept_with_every_judgment(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("single");
    struct cr_episode *episode = create(&cell, &script_quantity, 0);
    script_answer(episode, script_next(episode), Q(10, 20, 80));
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    assert_true(t->quantile[0] == 0.1 && t->quantile[1] == 0.2 &&
                t->quantile[2] == 0.8);
    cr_episode_destroy(episode);
}

// Letters are dealt by the seed; over some trajectories every option comes first.
static void options_are_shuffled_by_the_seed(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("single");
    unsigned first[3] = {0};
    for (uint64_t key = 0; key < 60; key++) {
        struct cr_episode_cfg setting = {.cell = &cell,
                                         .proposition = &script_choice,
                                         .prompts = prompts,
                                         .trajectory_key = key,
                                         .opening_key = key,
                                         .job_seed = 1};
        struct cr_episode *episode = script_create(&setting);
        struct cr_call *call = script_next(episode);
        uint32_t shown = call->options_shown[0];
        char line[32];
        snprintf(line, sizeof line, "A) %s\n", script_options[shown]);
        assert_non_null(strstr(script_question(call), line));
        first[shown]++;
        script_answer(episode, call, "{\"prices\":{\"A\":1,\"B\":0,\"C\":0}}");
        assert_true(cr_episode_trajectory(episode)->price[shown] == 1);
        cr_episode_destroy(episode);
    }
    assert_true(first[0] > 8 && first[1] > 8 && first[2] > 8);
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
        cmocka_unit_test(pushes_are_kept_in_the_order_of_the_file),
        cmocka_unit_test(traders_at_once_push_one_way_or_none),
        cmocka_unit_test(quantiles_are_kept_with_every_judgment),
        cmocka_unit_test(options_are_shuffled_by_the_seed),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
