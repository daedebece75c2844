// test_market.c - the market against hand-written transcripts.
#include "cmocka_all.h"

#include "credence/protocol/episode.h"
#include "paper.h"
#include "script.h"

static struct cr_prompt_set *prompts;

static struct cr_episode_cfg setting_of(const struct cr_cell *cell) {
    return (struct cr_episode_cfg){.cell = cell,
                                   .proposition = &script_claim,
                                   .prompts = prompts,
                                   .trajectory = 4,
                                   .trajectory_key = 99,
                                   .job_seed = 1};
}

static struct cr_episode *create(const struct cr_cell *cell) {
    struct cr_episode_cfg setting = setting_of(cell);
    struct cr_episode *episode = script_create(&setting);
    return episode;
}

struct transcript {
    const char *name;
    const char *replies[24];
    double price[12];
    uint32_t prices_len;
    enum cr_episode_status status;
    enum cr_stop_reason ended;
    size_t calls;
};

static const struct transcript transcripts[] = {
    {"converges",
     {"{\"price\":0.9}", "{\"direction\":\"down\",\"argument\":\"a\"}",
      "{\"price\":0.8}", "{\"direction\":\"down\",\"argument\":\"b\"}",
      "{\"price\":0.7}", NULL},
     {0.9, 0.8, 0.7},
     3,
     CR_DONE,
     CR_ENDED_EQUILIBRIUM,
     5},
    {"oscillates to the end",
     {"{\"price\":0}", "a", "{\"price\":1}", "a", "{\"price\":0}", "a",
      "{\"price\":1}", "a", "{\"price\":0}", "a", "{\"price\":1}", "a",
      "{\"price\":0}", "a", "{\"price\":1}", "a", "{\"price\":0}", "a",
      "{\"price\":1}", "a", "{\"price\":0}", NULL},
     {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0},
     11,
     CR_DONE,
     CR_ENDED_MAX_ITERATIONS,
     21},
    {"is repaired",
     {"70", "{\"price\":70}", "{\"price\":\"70%\"}", "", "because", "{\"price\":0.7}",
      "more", "{\"price\":0.7}", NULL},
     {0.7, 0.7, 0.7},
     3,
     CR_DONE,
     CR_ENDED_EQUILIBRIUM,
     8},
    {"never gets a judgment",
     {"x", "y", "z", NULL},
     {0},
     0,
     CR_INVALID,
     CR_ENDED_INVALID,
     3},
    {"becomes invalid later",
     {"{\"price\":0.4}", "a", "x", "y", "z", NULL},
     {0.4},
     1,
     CR_INVALID,
     CR_ENDED_INVALID,
     5},
    {"a trader stays silent",
     {"{\"price\":0.4}", "", " ", "\n", NULL},
     {0.4},
     1,
     CR_INVALID,
     CR_ENDED_INVALID,
     4},
    {"a call fails",
     {"{\"price\":0.4}", "a", "!", NULL},
     {0.4},
     1,
     CR_FAILED,
     CR_ENDED_FAILED,
     3},
    {"a cut judgment with its price whole counts",
     {"~{\"price\":0.4,\"reasoning\":\"beca", "a", "{\"price\":0.4}", "a",
      "{\"price\":0.4}", NULL},
     {0.4, 0.4, 0.4},
     3,
     CR_DONE,
     CR_ENDED_EQUILIBRIUM,
     5},
};

static void transcripts_end_as_written(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    for (size_t i = 0; i < sizeof transcripts / sizeof *transcripts; i++) {
        const struct transcript *t = &transcripts[i];
        struct cr_episode *episode = create(&cell);
        size_t calls = script_run(episode, t->replies);
        const struct cr_trajectory *made = cr_episode_trajectory(episode);
        if (calls != t->calls || !cr_episode_is_done(episode) ||
            made->status != t->status || made->ended != t->ended ||
            made->prices_len != t->prices_len) {
            fail_msg("%s: %zu calls, status %d, reason %d, %u prices", t->name, calls,
                     (int)made->status, (int)made->ended, made->prices_len);
        }
        for (uint32_t p = 0; p < t->prices_len; p++) {
            assert_true(made->price[p] == t->price[p]);
        }
        cr_episode_destroy(episode);
    }
}

static void chats_only_grow_and_say_what_is_cached(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    struct cr_call *call = script_next(episode);
    assert_int_equal(call->turns_len, 2);
    assert_int_equal(call->prefix_len, 0);
    assert_int_equal(call->turns[0].speaker, CR_SYSTEM);
    assert_non_null(strstr(call->turns[1].text, "Honey never spoils."));
    struct cr_call *none;
    assert_int_equal(cr_episode_next(episode, &none, NULL), CR_OK);
    assert_null(none);
    script_answer(episode, call, "<think>hm</think>```json\n{\"price\":0.9}\n```");

    call = script_next(episode);
    assert_int_equal(call->id.role, CR_ROLE_TRADER);
    assert_int_equal(call->id.iteration, 1);
    assert_int_equal(call->model, 1);
    assert_int_equal(call->prefix_len, 0);
    assert_non_null(strstr(call->turns[1].text, "Current price: 0.9"));
    assert_non_null(strstr(call->turns[1].text, "{\"price\":0.9}"));
    script_answer(episode, call,
                  "{\"direction\":\"down\",\"argument\":\"It \\\"crystallises\\\".\"}");

    call = script_next(episode);
    assert_int_equal(call->turns_len, 4);
    assert_int_equal(call->prefix_len, 2);
    assert_int_equal(call->turns[2].speaker, CR_ASSISTANT);
    assert_string_equal(call->turns[2].text, "```json\n{\"price\":0.9}\n```");
    assert_string_equal(call->turns[2].quoted,
                        "\"```json\\n{\\\"price\\\":0.9}\\n```\"");
    assert_non_null(strstr(call->turns[3].text, "It \"crystallises\"."));
    script_answer(episode, call, "{\"price\":0.1}");

    call = script_next(episode);
    assert_int_equal(call->turns_len, 4);
    assert_int_equal(call->prefix_len, 2);
    assert_null(strstr(call->turns[3].text, "crystallises"));
    cr_episode_destroy(episode);
}

static void a_repair_sees_the_bad_reply_and_is_then_forgotten(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    struct cr_call *call = script_next(episode);
    uint64_t seed = call->seed;
    script_answer(episode, call, "{\"price\":70}");
    call = script_next(episode);
    assert_int_equal(call->id.repair, 1);
    assert_true(call->seed != seed);
    assert_int_equal(call->turns_len, 4);
    assert_int_equal(call->prefix_len, 2);
    assert_string_equal(call->turns[2].text, "{\"price\":70}");
    assert_non_null(strstr(call->turns[3].text, "\"price\" is 70, outside 0 to 1"));
    script_answer(episode, call, "{\"price\":0.7}");
    script_answer(episode, script_next(episode), "a");
    call = script_next(episode);
    assert_int_equal(call->turns_len, 4);
    assert_string_equal(call->turns[2].text, "{\"price\":0.7}");
    assert_int_equal(call->id.repair, 0);
    cr_episode_destroy(episode);
}

static void costs_land_in_their_iteration(void **state) {
    (void)state;
    static const char *const replies[] = {
        "bad", "{\"price\":0.9}", "arg", "{\"price\":0.9}", "!", NULL};
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    script_run(episode, replies);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    assert_int_equal(t->prices_len, 2);
    assert_int_equal(t->steps_len, 3);
    assert_int_equal(t->step[0].calls, 2);
    assert_int_equal(t->step[0].repairs, 1);
    assert_int_equal(t->step[0].judgment_tokens_in, 20);
    assert_int_equal(t->step[0].judgment_tokens_out, 3 + 13);
    assert_int_equal(t->step[1].argument_tokens_out, 3);
    assert_int_equal(t->step[1].calls, 2);
    assert_int_equal(t->step[1].cached_tokens, 2);
    assert_true(t->step[1].latency_s == 0.5f);
    assert_int_equal(t->step[2].calls, 1);
    cr_episode_destroy(episode);
}

static void a_shared_trajectory_runs_until_its_last_rule_fires(void **state) {
    (void)state;
    static const char *const replies[] = {
        "{\"price\":0.9}",  "a", "{\"price\":0.8}",  "a", "{\"price\":0.7}", "a",
        "{\"price\":0.72}", "a", "{\"price\":0.71}", NULL};
    struct cr_stop stops[] = {{CR_STOP_RANGE, 3, 0.2, 10},
                              {CR_STOP_RANGE, 3, 0.05, 10}};
    struct cr_cell cell = script_cell("market");
    struct cr_episode_cfg setting = setting_of(&cell);
    setting.stops = stops;
    setting.stops_len = 2;
    struct cr_episode *episode = script_create(&setting);
    script_run(episode, replies);
    assert_true(cr_episode_is_done(episode));
    assert_int_equal(cr_episode_trajectory(episode)->prices_len, 5);
    assert_int_equal(cr_episode_trajectory(episode)->ended, CR_ENDED_EQUILIBRIUM);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transcripts_end_as_written),
        cmocka_unit_test(chats_only_grow_and_say_what_is_cached),
        cmocka_unit_test(a_repair_sees_the_bad_reply_and_is_then_forgotten),
        cmocka_unit_test(costs_land_in_their_iteration),
        cmocka_unit_test(a_shared_trajectory_runs_until_its_last_rule_fires),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
