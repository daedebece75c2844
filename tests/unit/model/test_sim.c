// test_sim.c - simulated agents: deterministic, readable, and true to their closed
// forms.
#include "model_fixture.h"

#include "credence/base/json.h"
#include "model/backend.h"
#include "model/sim/sim.h"

enum { MANY = 4000 };

// Four deviations of a share of MANY draws.
static double slack(double share) {
    return 4 * sqrt(share * (1 - share) / MANY);
}

static struct cr_reply answer(const struct cr_model *model,
                              const struct cr_call *call) {
    struct cr_reply reply = {0};
    assert_int_equal(cr_backend_sim.answer(model, call, 1, &reply), CR_OK);
    return reply;
}

static double price_of(const char *text) {
    struct cr_json *root = NULL;
    assert_int_equal(cr_json_parse(text, strlen(text),
                                   (struct cr_json_limits){1 << 16, 8}, &root, NULL),
                     CR_OK);
    double price = cr_json_number(cr_json_get(root, "price"), NAN);
    cr_json_free(root);
    return price;
}

static double judge(const struct cr_model *model, const struct cr_call *call) {
    struct cr_reply reply = answer(model, call);
    double price = price_of(reply.text);
    cr_reply_fini(&reply);
    return price;
}

// A maker's chat after one argument.
struct chat {
    struct cr_turn turns[4];
    char judgment[200], argument[200];
    struct cr_call call;
};

static void make_chat(struct chat *chat, uint64_t trajectory, double price,
                      const char *argument) {
    chat->turns[0] = fixture_opening[0];
    chat->turns[1] = fixture_opening[1];
    snprintf(chat->judgment, sizeof chat->judgment,
             "{\"claim\":\"c\",\"reasoning\":\"the price was 9\",\"price\":%.6f}",
             price);
    snprintf(chat->argument, sizeof chat->argument,
             "A trader argues:\n\n%s\n\nWeigh it.", argument);
    chat->turns[2] = (struct cr_turn){
        .speaker = CR_ASSISTANT, .text = chat->judgment, .text_bytes = 80};
    chat->turns[3] =
        (struct cr_turn){.speaker = CR_USER, .text = chat->argument, .text_bytes = 80};
    chat->call = fixture_call(trajectory);
    chat->call.turns = chat->turns;
    chat->call.turns_len = 4;
    chat->call.prefix_len = 2;
    chat->call.id.iteration = 1;
}

static void the_same_call_has_the_same_reply(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct cr_call call = fixture_call(5), other = fixture_call(5);
    (void)state;
    other.trajectory = 99; // the plan's number is no part of a market
    other.request_hash.lo = 1;
    struct cr_reply a = answer(&model, &call), b = answer(&model, &other);
    assert_string_equal(a.text, b.text);
    assert_true(a.is_simulated);
    assert_int_equal(
        a.tokens_in,
        (fixture_opening[0].text_bytes + fixture_opening[1].text_bytes + 3) / 4);
    assert_int_equal(a.tokens_out, (strlen(a.text) + 3) / 4);
    cr_reply_fini(&a);
    cr_reply_fini(&b);
}

static void competence_is_the_accuracy_at_the_opening(void **state) {
    static const double noises[] = {0, 0.3, 1};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct cr_model model = fixture_sim("sim");
        model.sim.noise = noises[i];
        unsigned right = 0;
        for (uint64_t t = 0; t < MANY; t++) {
            struct cr_call call = fixture_call(t);
            right += judge(&model, &call) > 0.5;
        }
        double stays = noises[i] > 0 ? 0.5 * erfc(-1 / noises[i] / sqrt(2)) : 1;
        double expected = 0.7 * stays + 0.3 * (1 - stays);
        assert_true(fabs((double)right / MANY - expected) < slack(expected));
    }
}

static void a_belief_is_stable_over_a_market(void **state) {
    struct cr_model model = fixture_sim("sim");
    (void)state;
    model.sim.noise = 0;
    for (uint64_t t = 0; t < 250; t++) {
        struct cr_call first = fixture_call(t / 5), later = first;
        later.id.iteration = (uint32_t)(t % 5);
        later.seed += t % 5;
        assert_true(judge(&model, &later) == judge(&model, &first));
    }
}

// A sample of self_consistency as the protocol ids it.
static struct cr_call sample_call(uint64_t trajectory, uint16_t sample) {
    struct cr_call call = fixture_call(trajectory);
    call.id.iteration = call.id.sample = sample;
    call.seed += sample;
    return call;
}

static void samples_of_self_consistency_are_independent(void **state) {
    struct cr_model model = fixture_sim("sim");
    unsigned right = 0, both = 0;
    (void)state;
    model.sim.noise = 0;
    for (uint64_t t = 0; t < MANY; t++) {
        struct cr_call first = sample_call(t, 0), third = sample_call(t, 3);
        bool is_right = judge(&model, &third) > 0.5;
        right += is_right;
        both += is_right && judge(&model, &first) > 0.5;
    }
    assert_true(fabs((double)right / MANY - 0.7) < slack(0.7));
    assert_true(fabs((double)both / MANY - 0.49) < slack(0.49));
}

static void every_sample_has_the_noise_of_an_opening(void **state) {
    struct cr_model model = fixture_sim("sim");
    double squares = 0;
    (void)state;
    model.sim.noise = 0.4;
    model.sim.competence = 1;
    for (uint64_t t = 0; t < MANY; t++) {
        struct cr_call call = sample_call(t, 4);
        squares += pow(judge(&model, &call) - 0.75, 2);
    }
    // The few beyond 0.98 are cut, which takes 2 % of the spread.
    assert_true(fabs(sqrt(squares / MANY) - 0.1) < 0.005);
}

static void votes_share_their_makers_belief(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct cr_sim_price first, other;
    (void)state;
    model.sim.noise = 0;
    for (uint64_t t = 0; t < 50; t++) {
        struct cr_call vote = sample_call(t, 0), third = sample_call(t, 3);
        vote.id.ask = third.id.ask = CR_ASK_VOTE;
        cr_sim_judge(&model.sim, &vote, &first);
        cr_sim_judge(&model.sim, &third, &other);
        assert_true(first.at[0] == other.at[0]);
    }
}

static void an_argument_moves_the_maker_as_the_dials_say(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct chat chat;
    double sum = 0;
    (void)state;
    model.sim.noise = 0;
    model.sim.persuasion = 0.6;
    model.sim.stubbornness = 0.25;
    for (uint64_t t = 0; t < MANY; t++) {
        make_chat(&chat, t, 0.4, "Evidence of strength 0.80 points to true.");
        double moved = judge(&model, &chat.call) - 0.4;
        assert_true(fabs(moved) < 1e-6 || fabs(moved - 0.75 * 0.8 * 0.6) < 1e-6);
        sum += moved;
    }
    double expected = 0.6 * 0.75 * 0.8 * 0.6;
    assert_true(fabs(sum / MANY - expected) < slack(0.6) * 0.36);
}

static void every_argument_of_a_turn_counts(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct chat chat;
    (void)state;
    model.sim.noise = 0;
    model.sim.persuasion = 1;
    model.sim.stubbornness = 0;
    make_chat(
        &chat, 1, 0.5,
        "Evidence of strength 0.50 points to true. And: Evidence of strength 0.20 "
        "points to false. Evidence of strength is a phrase.");
    assert_true(fabs(judge(&model, &chat.call) - 0.75 * 0.8) < 1e-6);
}

static void a_bad_reply_is_not_what_a_repair_goes_on_from(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct chat chat;
    struct cr_turn turns[6] = {[4] = {CR_ASSISTANT, .text = "{\"price\":7.5}"},
                               [5] = {CR_USER, .text = "It must be within 0 to 1."}};
    (void)state;
    model.sim.noise = 0;
    model.sim.persuasion = 1;
    model.sim.stubbornness = 0;
    make_chat(&chat, 1, 0.4, "Evidence of strength 0.50 points to true.");
    memcpy(turns, chat.turns, sizeof chat.turns);
    chat.call.turns = turns;
    chat.call.turns_len = 6;
    chat.call.id.repair = 1;
    assert_true(fabs(judge(&model, &chat.call) - 0.7) < 1e-6);
}

static void prose_that_says_nothing_moves_nobody(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct chat chat;
    (void)state;
    model.sim.noise = 0;
    model.sim.persuasion = 1;
    make_chat(&chat, 1, 0.37, "Believe me, it is so.");
    assert_true(fabs(judge(&model, &chat.call) - 0.37) < 1e-6);
}

static double side_argued(const struct cr_model *model, struct cr_call *call) {
    call->id.role = CR_ROLE_TRADER;
    call->id.ask = CR_ASK_ARGUMENT;
    call->id.iteration = 1;
    struct cr_reply reply = answer(model, call);
    bool is_up = strstr(reply.text, "\"direction\":\"up\"") != NULL;
    assert_true(is_up == (strstr(reply.text, "points to true") != NULL));
    cr_reply_fini(&reply);
    return is_up;
}

static void a_free_trader_argues_for_its_belief(void **state) {
    struct cr_model model = fixture_sim("sim");
    double up = 0;
    (void)state;
    for (uint64_t t = 0; t < MANY; t++) {
        struct cr_call call = fixture_call(t);
        up += side_argued(&model, &call);
    }
    assert_true(fabs(up / MANY - 0.7) < slack(0.7));
}

static void a_trader_does_as_it_is_told(void **state) {
    static const struct {
        const char *goal;
        double side;
    } cases[] = {
        {"Write the one argument that moves the price up as far as possible.", 1},
        {"Write the one argument that moves the price down as far as possible.", 0},
        {"The market leans the other way. Write the one argument that moves the price "
         "as "
         "far as possible toward this answer: false.",
         0},
        {"The correct answer is known to you: true. Write the one honest argument that "
         "moves the price as far as possible toward it.",
         1},
        {"The correct answer is known to you: true. Write the one argument that moves "
         "the price as far as possible away from it, toward a wrong answer.",
         0},
        {"Your position: the right answer is true.", 1},
    };
    struct cr_model model = fixture_sim("sim");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint64_t t = 0; t < 20; t++) {
            struct cr_turn turn = {.speaker = CR_USER, .text = cases[i].goal};
            struct cr_call call = fixture_call(t);
            call.turns = &turn;
            call.turns_len = 1;
            assert_true(side_argued(&model, &call) == cases[i].side);
        }
    }
}

static void behaviours_follow_their_closed_forms(void **state) {
    struct cr_model model = fixture_sim("sim");
    (void)state;
    model.sim.noise = 0;
    model.sim.competence = 1;
    for (uint32_t t = 0; t < 8; t++) {
        struct cr_call call = fixture_call(3);
        call.id.iteration = t;
        model.sim.behaviour = CR_SIM_CONTRACTION;
        assert_true(fabs(judge(&model, &call) - (0.9 - 0.8 * pow(0.5, t))) < 1e-6);
        model.sim.behaviour = CR_SIM_OSCILLATOR;
        assert_true(fabs(judge(&model, &call) - (t % 2 ? 0.1 : 0.9)) < 1e-6);
        model.sim.behaviour = CR_SIM_TREND;
        assert_true(fabs(judge(&model, &call) - (0.3 + 0.05 * t)) < 1e-6);
    }
}

// With rate 1/2, w = 3 and T = 0.2: D = 0.6, log(1/3) / log(1/2) = 1.58, so t = 4.
static void a_contraction_comes_to_rest_when_the_formula_says(void **state) {
    struct cr_model model = fixture_sim("sim");
    double price[8];
    uint32_t rest = 0;
    (void)state;
    model.sim.noise = 0;
    model.sim.behaviour = CR_SIM_CONTRACTION;
    for (uint32_t t = 0; t < 8; t++) {
        struct cr_call call = fixture_call(3);
        call.id.iteration = t;
        price[t] = judge(&model, &call);
        bool is_still = t >= 2 && fabs(price[t] - price[t - 2]) <= 0.2;
        rest = rest == 0 && is_still ? t : rest;
    }
    double d = 0.8 * (1 - 0.25);
    assert_int_equal(rest, 2 + (int)ceil(log(0.2 / d) / log(0.5)));
}

static void a_martingale_has_no_drift(void **state) {
    struct cr_model model = fixture_sim("sim");
    struct chat chat;
    double sum = 0;
    (void)state;
    model.sim.behaviour = CR_SIM_MARTINGALE;
    for (uint64_t t = 0; t < MANY; t++) {
        make_chat(&chat, t, 0.8, "");
        double moved = judge(&model, &chat.call) - 0.8;
        assert_true(fabs(fabs(moved) - 0.05) < 1e-6);
        sum += moved;
    }
    assert_true(fabs(sum / MANY) < 0.05 * 4 / sqrt(MANY));
}

static void damaged_replies_are_of_every_kind(void **state) {
    struct cr_model model = fixture_sim("sim");
    unsigned whole = 0, fenced = 0, cut = 0, empty = 0;
    (void)state;
    model.sim.malformed = 0.5;
    for (uint64_t t = 0; t < MANY; t++) {
        struct cr_call call = fixture_call(t);
        struct cr_reply reply = answer(&model, &call);
        size_t bytes = strlen(reply.text);
        whole += bytes > 0 && reply.text[0] == '{' && reply.text[bytes - 1] == '}' &&
                 strstr(reply.text, "\"price\":0.") != NULL &&
                 strstr(reply.text, ",}") == NULL;
        fenced += strstr(reply.text, "```json") != NULL;
        cut += reply.finish == CR_FINISH_LENGTH;
        empty += bytes == 0;
        cr_reply_fini(&reply);
    }
    assert_true(fabs((double)whole / MANY - 0.5) < slack(0.5));
    assert_true(fabs((double)fenced / MANY - 0.5 / CR_SIM_DAMAGES) < slack(0.1));
    assert_true(fabs((double)cut / MANY - 0.5 / CR_SIM_DAMAGES) < slack(0.1));
    assert_true(fabs((double)empty / MANY - 0.5 / CR_SIM_DAMAGES) < slack(0.1));
}

static void latency_and_failures_have_their_shares(void **state) {
    struct cr_model model = fixture_sim("sim");
    double sum = 0, failed = 0;
    (void)state;
    model.sim.latency_ms = 40;
    model.sim.failures = 0.2;
    for (uint64_t t = 0; t < MANY; t++) {
        struct cr_call call = fixture_call(t);
        struct cr_reply reply = answer(&model, &call);
        sum += reply.latency_s;
        failed += reply.reason != CR_REASON_NONE;
        cr_reply_fini(&reply);
    }
    assert_true(fabs(sum / MANY - 0.040) < 0.040 * 4 / sqrt(MANY));
    assert_true(fabs(failed / MANY - 0.2) < slack(0.2));
}

static const char *const cities[] = {"Paris", "Paris, Texas", "Rome \"the old\""};
static const struct cr_proposition capital = {.id = "c",
                                              .question_id = "c",
                                              .text = "The capital of France?",
                                              .space = CR_SPACE_CATEGORICAL,
                                              .label = 0,
                                              .options_len = 3,
                                              .options = cities,
                                              .unit = ""};

static void options_have_prices_that_sum_to_one(void **state) {
    struct cr_model model = fixture_sim("sim");
    unsigned right = 0;
    (void)state;
    model.sim.noise = 0.2;
    for (uint64_t t = 0; t < MANY; t++) {
        struct cr_call call = fixture_call(t);
        struct cr_sim_price read;
        call.proposition = &capital;
        struct cr_reply reply = answer(&model, &call);
        struct cr_turn turn = {.speaker = CR_ASSISTANT, .text = reply.text};
        call.turns = &turn;
        call.turns_len = 1;
        assert_true(cr_sim_read_price(&call, &read)); // what was written can be read
        assert_true(fabs(read.at[0] + read.at[1] + read.at[2] - 1) < 1e-5);
        right += read.at[0] > read.at[1] && read.at[0] > read.at[2];
        cr_reply_fini(&reply);
    }
    assert_true(fabs((double)right / MANY - 0.7) < slack(0.7));
}

static void an_argument_for_an_option_is_read_back(void **state) {
    struct cr_call call = fixture_call(1);
    (void)state;
    call.proposition = &capital;
    for (uint32_t option = 0; option < 3; option++) {
        struct cr_sim_argument argument = {.strength = 0.25, .option = option}, read;
        struct cr_json *root = NULL;
        struct cr_buf text;
        cr_buf_init(&text, 4096);
        assert_int_equal(cr_sim_write_argument(&call, &argument, &text), CR_OK);
        assert_int_equal(cr_json_parse(text.data, text.used_bytes,
                                       (struct cr_json_limits){4096, 8}, &root, NULL),
                         CR_OK);
        struct cr_turn turn = {.speaker = CR_USER,
                               .text = cr_json_string(cr_json_get(root, "argument"))};
        const char *at = turn.text;
        assert_true(cr_sim_read_argument(&capital, &turn, &at, &read));
        assert_int_equal(read.option, option);
        assert_true(read.strength == 0.25);
        assert_false(cr_sim_read_argument(&capital, &turn, &at, &read));
        cr_json_free(root);
        cr_buf_fini(&text);
    }
}

static void a_first_token_is_the_letter_an_option_is_listed_under(void **state) {
    static const struct cr_turn shown = FIXTURE_TURN(
        CR_USER, "Question: The capital of France?\n\nOptions:\nA) Rome \"the old\"\n"
                 "B) Paris, Texas\nC) Paris");
    struct cr_model model = fixture_sim("sim");
    struct cr_call call = fixture_call(1);
    (void)state;
    model.sim.competence = 1;
    call.proposition = &capital;
    call.turns = &shown;
    call.turns_len = 1;
    call.id.ask = CR_ASK_LOGPROB;
    struct cr_reply reply = answer(&model, &call);
    assert_string_equal(reply.text, "C");
    assert_int_equal(reply.logprobs_len, 3);
    double sum = 0;
    for (uint32_t i = 0; i < 3; i++) {
        sum += exp(reply.logprobs[i].logprob);
    }
    assert_true(fabs(sum - 1) < 1e-9);
    cr_reply_fini(&reply);
}

static void a_quantity_is_near_the_truth_when_competent(void **state) {
    static const struct cr_proposition height = {.id = "h",
                                                 .question_id = "h",
                                                 .text = "Height?",
                                                 .space = CR_SPACE_CONTINUOUS,
                                                 .value = 250,
                                                 .low = 100,
                                                 .high = 300,
                                                 .unit = "m"};
    struct cr_model model = fixture_sim("sim");
    struct cr_call call = fixture_call(1);
    struct cr_sim_price read;
    (void)state;
    model.sim.competence = 1;
    model.sim.noise = 0;
    call.proposition = &height;
    struct cr_reply reply = answer(&model, &call);
    assert_non_null(strstr(reply.text, "\"q05\":220,\"q50\":250,\"q95\":280"));
    struct cr_turn turn = {.speaker = CR_ASSISTANT, .text = reply.text};
    call.turns = &turn;
    call.turns_len = 1;
    assert_true(cr_sim_read_price(&call, &read));
    assert_true(fabs(read.at[0] - 0.75) < 1e-9);
    cr_reply_fini(&reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_call_has_the_same_reply),
        cmocka_unit_test(competence_is_the_accuracy_at_the_opening),
        cmocka_unit_test(a_belief_is_stable_over_a_market),
        cmocka_unit_test(samples_of_self_consistency_are_independent),
        cmocka_unit_test(every_sample_has_the_noise_of_an_opening),
        cmocka_unit_test(votes_share_their_makers_belief),
        cmocka_unit_test(a_bad_reply_is_not_what_a_repair_goes_on_from),
        cmocka_unit_test(an_argument_moves_the_maker_as_the_dials_say),
        cmocka_unit_test(every_argument_of_a_turn_counts),
        cmocka_unit_test(prose_that_says_nothing_moves_nobody),
        cmocka_unit_test(a_free_trader_argues_for_its_belief),
        cmocka_unit_test(a_trader_does_as_it_is_told),
        cmocka_unit_test(behaviours_follow_their_closed_forms),
        cmocka_unit_test(a_contraction_comes_to_rest_when_the_formula_says),
        cmocka_unit_test(a_martingale_has_no_drift),
        cmocka_unit_test(damaged_replies_are_of_every_kind),
        cmocka_unit_test(latency_and_failures_have_their_shares),
        cmocka_unit_test(options_have_prices_that_sum_to_one),
        cmocka_unit_test(an_argument_for_an_option_is_read_back),
        cmocka_unit_test(a_first_token_is_the_letter_an_option_is_listed_under),
        cmocka_unit_test(a_quantity_is_near_the_truth_when_competent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
