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
     CR_DONE,
     CR_ENDED_NO_ARGUMENT,
     4},
    {"a trader falls silent later",
     {"{\"price\":0.4}", "a", "{\"price\":0.9}", "~it is", "Sorry, I can't do that.",
      "", NULL},
     {0.4, 0.9},
     2,
     CR_DONE,
     CR_ENDED_NO_ARGUMENT,
     6},
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

static void why_is_data(void **state) {
    (void)state;
    static const char *const invalid[] = {"{\"price\":3}", "x", "~{\"cl", NULL};
    static const char *const repaired[] = {
        "{\"price\":3}", "x", "{\"price\":0.4}", "~a", "b", NULL};
    static const char *const failed[] = {"x", "!", NULL};
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    script_run(episode, invalid);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    assert_int_equal(t->reason, CR_REASON_CUT);
    assert_int_equal(t->step[0].reason, CR_REASON_OUT_OF_RANGE);
    cr_episode_destroy(episode);
    episode = create(&cell);
    script_run(episode, repaired);
    t = cr_episode_trajectory(episode);
    assert_int_equal(t->reason, CR_REASON_NONE);
    assert_int_equal(t->step[0].reason, CR_REASON_OUT_OF_RANGE);
    assert_int_equal(t->step[1].reason, CR_REASON_CUT);
    cr_episode_destroy(episode);
    episode = create(&cell);
    script_run(episode, failed);
    assert_int_equal(cr_episode_trajectory(episode)->reason, CR_REASON_SERVER);
    cr_episode_destroy(episode);
}

// The reply that CALL gets, read before it is answered.
static enum cr_reason read_first(struct cr_episode *episode, struct cr_call *call,
                                 struct cr_reply reply) {
    enum cr_reason reason = CR_REASON_COUNT;
    assert_int_equal(cr_episode_read(episode, call, &reply, &reason, NULL), CR_OK);
    assert_int_equal(cr_episode_answer(episode, call, &reply, NULL), CR_OK);
    return reason;
}

static void a_reply_can_be_read_before_it_is_recorded(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    assert_int_equal(read_first(episode, script_next(episode), script_reply("x")),
                     CR_REASON_UNREADABLE);
    // One from a tape, where what it was found to be stands, is read all the same.
    struct cr_reply reply = script_reply("{\"price\":0.4}");
    reply.reason = CR_REASON_UNREADABLE;
    assert_int_equal(read_first(episode, script_next(episode), reply), CR_REASON_NONE);
    reply = script_reply("a good argument");
    reply.reason = CR_REASON_REFUSED;
    assert_int_equal(read_first(episode, script_next(episode), reply),
                     CR_REASON_REFUSED);
    reply = script_reply("a good argument");
    reply.finish = CR_FINISH_FILTER;
    assert_int_equal(read_first(episode, script_next(episode), reply),
                     CR_REASON_FILTERED);
    assert_int_equal(read_first(episode, script_next(episode), script_reply("!")),
                     CR_REASON_SERVER);
    assert_true(cr_episode_is_done(episode));
    cr_episode_destroy(episode);
}

static void a_cut_reply_is_asked_for_briefly_with_twice_the_tokens(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    struct cr_call *call = script_next(episode);
    assert_non_null(strstr(call->schema, "reasoning"));
    script_answer(episode, call, "~{\"claim\":\"It");
    call = script_next(episode);
    assert_int_equal(call->tokens_factor, 2);
    assert_null(strstr(call->schema, "reasoning"));
    assert_non_null(strstr(script_question(call), "cut off at the length limit"));
    assert_non_null(strstr(script_question(call), "without reasoning first"));
    script_answer(episode, call, "x");
    call = script_next(episode);
    assert_int_equal(call->tokens_factor, 2); // not four times
    script_answer(episode, call, "{\"claim\":\"c\",\"price\":0.4}");
    call = script_next(episode);
    assert_true(call->tokens_factor < 2);
    cr_episode_destroy(episode);
}

static void a_silent_trader_beside_others_is_asked_anew(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    cell.traders_len = 2;
    cell.order = CR_ORDER_SIMULTANEOUS;
    struct cr_episode *episode = create(&cell);
    script_answer(episode, script_next(episode), "{\"price\":0.4}");
    struct cr_call *silent = script_next(episode);
    script_answer(episode, script_next(episode), "sell now");
    for (int i = 0; i < 3; i++) {
        script_answer(episode, silent, "");
        silent = script_next(episode);
    }
    struct cr_call *call = silent; // what is asked behind the last repair
    assert_int_equal(call->id.role, CR_ROLE_MAKER);
    assert_non_null(strstr(script_question(call), "sell now"));
    script_answer(episode, call, "{\"price\":0.9}");
    call = script_next(episode);
    assert_int_equal(call->id.trader, 0);
    assert_int_equal(call->turns_len, 2); // its first question again, with the newest
    assert_non_null(strstr(script_question(call), "sell now"));
    assert_non_null(strstr(script_question(call), "Current price: 0.9"));
    assert_int_equal(cr_episode_trajectory(episode)->step[1].repairs, 2);
    cr_episode_destroy(episode);
}

static void a_debate_ends_when_one_side_is_silent(void **state) {
    (void)state;
    static const char *const replies[] = {"{\"price\":0.4}", "a", "", "", "", NULL};
    struct cr_cell cell = script_cell("debate");
    struct cr_episode *episode = create(&cell);
    script_run(episode, replies);
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    assert_int_equal(t->status, CR_DONE);
    assert_int_equal(t->ended, CR_ENDED_NO_ARGUMENT);
    assert_int_equal(t->prices_len, 1);
    cr_episode_destroy(episode);
}

static void marks_never_reach_the_other_agent(void **state) {
    (void)state;
    struct cr_cell cell = script_cell("market");
    struct cr_episode *episode = create(&cell);
    script_answer(episode, script_next(episode),
                  "<|channel|>analysis<|message|>secret<|end|><|start|>assistant"
                  "<|channel|>final<|message|>{\"claim\":\"so <|im_end|> it is\","
                  "\"price\":0.4}<|return|>");
    struct cr_call *call = script_next(episode);
    assert_null(strstr(script_question(call), "<|"));
    assert_null(strstr(script_question(call), "secret"));
    script_answer(episode, call, "[THINK]secret[/THINK]Bees <|tool|>seal it.");
    call = script_next(episode);
    assert_null(strstr(script_question(call), "<|"));
    assert_null(strstr(script_question(call), "secret"));
    assert_non_null(strstr(script_question(call), "Bees seal it."));
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
        cmocka_unit_test(why_is_data),
        cmocka_unit_test(a_reply_can_be_read_before_it_is_recorded),
        cmocka_unit_test(a_cut_reply_is_asked_for_briefly_with_twice_the_tokens),
        cmocka_unit_test(a_silent_trader_beside_others_is_asked_anew),
        cmocka_unit_test(a_debate_ends_when_one_side_is_silent),
        cmocka_unit_test(marks_never_reach_the_other_agent),
        cmocka_unit_test(a_shared_trajectory_runs_until_its_last_rule_fires),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
