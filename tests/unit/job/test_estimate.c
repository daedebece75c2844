// The estimate: dry runs count what real runs will send.
#include "job_fixture.h"

#include <math.h>

#include "credence/job/estimate.h"
#include "credence/job/plan.h"
#include "credence/job/power.h"
#include "job/dry_run.h"

static const char paid[] =
    "{ \"name\": \"t\", \"models\": { \"m\": { \"api\": \"openai\", \"model\": \"x\", "
    "\"endpoints\": \"http://127.0.0.1:1/v1\", \"params\": { \"max_tokens\": 100 }, "
    "\"cost\": { \"input\": 1, \"output\": 10 } } }, \"benchmarks\": { \"claims\": { "
    "\"format\": \"jsonl\", \"path\": \"claims.jsonl\" } }, \"cell\": { \"benchmark\": "
    "\"claims\", \"maker\": \"m\" } }";

static struct cr_estimate estimate_of(struct fixture *f, const char *text,
                                      const char *set, const struct cr_like *like) {
    struct cr_plan *plan = NULL;
    struct cr_estimate estimate;
    struct cr_bundle_request request = {.sets = &set, .sets_len = set != NULL};
    if (fixture_make(f, text, request) != CR_OK) {
        fail_msg("%s", f->err.text);
    }
    assert_int_equal(cr_plan_create(f->job, &plan, &f->err), CR_OK);
    assert_int_equal(cr_estimate_make(plan, like, &estimate, &f->err), CR_OK);
    cr_plan_destroy(plan);
    return estimate;
}

static void bounds_of_the_papers_market_are_those_of_its_rule(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 10);
    struct cr_estimate e = estimate_of(&f, paid, NULL, NULL);
    assert_true(e.low.calls == 10 * 5);   // p0, p1, p2 and two arguments
    assert_true(e.high.calls == 10 * 21); // eleven prices, ten arguments
    assert_true(e.expected.calls == 10 * 13);
    assert_true(e.high.tokens_out == 10 * 21 * 100);
    assert_true(fabs(e.high.usd - (e.high.tokens_in + 10 * e.high.tokens_out) / 1e6) <
                1e-9);
    assert_int_equal(e.trajectories, 10);
    fixture_close(&f);
}

static void longer_replies_and_longer_markets_make_longer_prompts(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 4);
    struct cr_estimate e = estimate_of(&f, paid, NULL, NULL);
    struct cr_estimate wordy =
        estimate_of(&f, paid, "models.m.params.max_tokens=1000", NULL);
    struct cr_estimate brief = estimate_of(&f, paid, "cell.max_iterations=4", NULL);
    assert_true(wordy.high.tokens_in > 3 * e.high.tokens_in);
    assert_true(wordy.low.tokens_in == e.low.tokens_in);
    assert_true(brief.high.tokens_in < e.high.tokens_in / 2);
    fixture_close(&f);
}

static void prompts_are_linear_in_the_length_of_the_replies(void **state) {
    struct fixture f;
    struct cr_plan *plan = NULL;
    struct cr_episode_cfg setting;
    struct cr_dry_usage usage[3] = {0};
    (void)state;
    fixture_open(&f, 1);
    fixture_need(&f, paid);
    assert_int_equal(cr_plan_create(f.job, &plan, NULL), CR_OK);
    cr_plan_episode_cfg(plan, 0, &setting);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cr_dry_run(f.job, &setting, 400 * (i + 1), true, &usage[i]),
                         CR_OK);
        assert_true(usage[i].calls[CR_ROLE_MAKER] == 11);
        assert_true(usage[i].calls[CR_ROLE_TRADER] == 10);
    }
    for (int role = 0; role < CR_ROLE_COUNT; role++) {
        double first = usage[1].bytes_in[role] - usage[0].bytes_in[role];
        double second = usage[2].bytes_in[role] - usage[1].bytes_in[role];
        assert_true(first > 0);
        assert_true(fabs(first - second) < 0.01 * first);
    }
    cr_plan_destroy(plan);
    fixture_close(&f);
}

static void every_protocol_space_and_elicitation_can_be_played(void **state) {
    static const char *const sets[] = {
        "cell.protocol=single",        "cell.protocol=self_consistency",
        "cell.protocol=self_refine",   "cell.protocol=debate",
        "cell.elicitation=logprob",    "cell.elicitation=sampled",
        "cell.chain_of_thought=false", "cell.memory=2",
        "cell.trader=[\"m\",\"m\"]"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 3);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct cr_estimate e = estimate_of(&f, paid, sets[i], NULL);
        if (!(e.low.tokens_in > 0 && e.low.tokens_in <= e.high.tokens_in)) {
            fail_msg("%s: %g to %g tokens", sets[i], e.low.tokens_in, e.high.tokens_in);
        }
    }
    fixture_close(&f);
}

static void categorical_and_continuous_markets_can_be_played(void **state) {
    static const char text[] =
        "{ \"name\": \"t\", \"models\": { \"sim\": { \"api\": \"sim\" } }, "
        "\"benchmarks\": { \"q\": { \"format\": \"jsonl\", \"framing\": "
        "\"categorical\", "
        "\"path\": \"" CR_SOURCE_DIR "/jobs/data/questions_sample.jsonl\" }, \"n\": { "
        "\"format\": \"jsonl\", \"framing\": \"continuous\", \"path\": \"" CR_SOURCE_DIR
        "/jobs/data/quantities_sample.jsonl\" } }, \"cell\": { \"maker\": \"sim\" }, "
        "\"grid\": { \"benchmark\": [\"q\", \"n\"] } }";
    struct fixture f;
    (void)state;
    fixture_open(&f, 1);
    struct cr_estimate e = estimate_of(&f, text, NULL, NULL);
    assert_true(e.low.calls == 5.0 * (double)e.trajectories);
    assert_true(e.low.tokens_in < e.high.tokens_in);
    fixture_close(&f);
}

static void an_earlier_run_makes_the_expectation(void **state) {
    struct cr_like_cell cells[] = {
        {(char *)"other", (char *)"market", (char *)"elsewhere", 20, 9000, 0},
        {(char *)"claims", (char *)"market", (char *)"claims", 7, 3000, 0},
        {(char *)"claims", (char *)"single", (char *)"claims", 1, 100, 0}};
    struct cr_like like = {cells, 3};
    struct fixture f;
    (void)state;
    fixture_open(&f, 10);
    struct cr_estimate e = estimate_of(&f, paid, NULL, &like);
    assert_int_equal(e.groups_like, 1);
    assert_true(e.expected.calls == 70);
    assert_true(fabs(e.expected.tokens_in + e.expected.tokens_out - 30000) < 1e-6);
    e = estimate_of(&f, paid, "cell.protocol=debate", &like);
    assert_int_equal(e.groups_like, 0);
    fixture_close(&f);
}

static void sharing_is_what_the_cells_would_have_cost_alone(void **state) {
    struct fixture f;
    (void)state;
    fixture_open(&f, 5);
    struct cr_estimate e =
        estimate_of(&f, paid, "grid={\"stop.threshold\":[0.1,0.2,0.3]}", NULL);
    assert_true(e.high.calls == 5 * 21);
    assert_int_equal(e.alone.max, 3 * 5 * 21);
    assert_int_equal(e.trajectories, 5);
    assert_int_equal(e.episodes, 15);
    fixture_close(&f);
}

// Against numbers worked out by hand: z(1 - 0.05/4) + z(0.8) = 2.2414027 + 0.8416212.
static void power_is_the_formula_of_the_header(void **state) {
    struct fixture f;
    struct cr_plan *plan = NULL;
    struct cr_power power = {0};
    struct cr_like_cell cell = {.benchmark = (char[]){"claims"}, .sd = 0.25};
    struct cr_like like = {&cell, 1};
    struct cr_power_cfg cfg = {0};
    (void)state;
    fixture_open(&f, 50);
    fixture_need(&f, FIXTURE_JOB(", \"cells\": [{ \"stance\": \"up\" }]"));
    assert_int_equal(cr_plan_create(f.job, &plan, NULL), CR_OK);
    assert_int_equal(cr_power_make(plan, NULL, &cfg, &power, NULL), CR_OK);
    assert_int_equal(power.comparisons, 2);
    assert_int_equal(power.rows_len, 1);
    assert_int_equal(power.rows[0].questions, 50);
    double d = 3.0830239 * sqrt(0.2) / sqrt(50);
    assert_true(fabs(power.rows[0].detectable - d) < 1e-6);
    assert_true(power.rows[0].needed_questions == ceil(50 * (d / 0.05) * (d / 0.05)));
    cr_power_fini(&power);
    assert_int_equal(cr_power_make(plan, &like, &cfg, &power, NULL), CR_OK);
    assert_true(power.rows[0].is_pilot && isnan(power.rows[0].needed_replicates));
    assert_true(fabs(power.rows[0].detectable - 3.0830239 * 0.25 / sqrt(50)) < 1e-6);
    cr_power_fini(&power);
    // A wanted difference of 2 points needs (d / 0.02)^2 times as many questions; a named
    // share that changes sides is taken before a pilot.
    cfg = (struct cr_power_cfg){.difference = 0.02, .flips = 0.1};
    d = 3.0830239 * sqrt(0.1) / sqrt(50);
    assert_int_equal(cr_power_make(plan, &like, &cfg, &power, NULL), CR_OK);
    assert_false(power.rows[0].is_pilot);
    assert_true(fabs(power.rows[0].detectable - d) < 1e-6);
    assert_true(power.rows[0].needed_questions == ceil(50 * (d / 0.02) * (d / 0.02)));
    assert_true(power.rows[0].needed_replicates == ceil((d / 0.02) * (d / 0.02)));
    cr_power_fini(&power);
    cr_plan_destroy(plan);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_is_the_formula_of_the_header),
        cmocka_unit_test(bounds_of_the_papers_market_are_those_of_its_rule),
        cmocka_unit_test(longer_replies_and_longer_markets_make_longer_prompts),
        cmocka_unit_test(prompts_are_linear_in_the_length_of_the_replies),
        cmocka_unit_test(every_protocol_space_and_elicitation_can_be_played),
        cmocka_unit_test(categorical_and_continuous_markets_can_be_played),
        cmocka_unit_test(an_earlier_run_makes_the_expectation),
        cmocka_unit_test(sharing_is_what_the_cells_would_have_cost_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
