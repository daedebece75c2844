// Whether a run can go on: what is new to people, what nobody can answer, what is lost.
#include "cmocka_all.h"

#include <string.h>

#include "credence/model/client.h"
#include "run/health.h"

enum { RANKS = 4 };

static struct cr_model models[2] = {{.name = "good", .max_tokens = 20},
                                    {.name = "bad"}};
static struct cr_job job = {.models = models, .models_len = 2};
static struct cr_run_health health;
static struct cr_roster roster;
static char why[CR_HEALTH_TEXT_BYTES + 256];

static int setup(void **state) {
    (void)state;
    if (cr_roster_init(&roster, RANKS, 2, 0, NULL) != CR_OK) {
        return -1;
    }
    for (int rank = 1; rank < RANKS; rank++) {
        cr_roster_set(&roster, rank, CR_MEMBER_LIVE);
        roster.at[rank].models_len = 2;
    }
    return cr_run_health_init(&health, &job, RANKS, NULL) == CR_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    cr_run_health_fini(&health);
    cr_roster_fini(&roster);
    return 0;
}

static bool notice(int rank, enum cr_notice_kind kind, uint32_t model,
                   enum cr_reason reason) {
    const struct cr_notice_message message = {.kind = (uint32_t)kind,
                                              .model = model,
                                              .reason = (uint32_t)reason,
                                              .text = "model bad: HTTP 401: no"};
    return cr_run_health_notice(&health, rank, &message);
}

static bool is_hopeless(void) {
    return cr_run_health_is_hopeless(&health, &roster, why, sizeof why);
}

static void a_kind_is_news_once_however_many_ranks_meet_it(void **state) {
    (void)state;
    assert_true(notice(1, CR_NOTICE_FAILURE, 1, CR_REASON_KEY));
    assert_false(notice(1, CR_NOTICE_FAILURE, 1, CR_REASON_KEY));
    assert_false(notice(3, CR_NOTICE_FAILURE, 1, CR_REASON_KEY));
    assert_true(notice(3, CR_NOTICE_FAILURE, 0, CR_REASON_KEY));
    assert_true(notice(2, CR_NOTICE_FAILURE, 1, CR_REASON_TIMEOUT));
}

static void a_model_that_answers_nobody_ends_the_run(void **state) {
    (void)state;
    assert_false(is_hopeless());
    (void)notice(2, CR_NOTICE_FAILURE, 1, CR_REASON_KEY);
    assert_false(is_hopeless());
    (void)notice(2, CR_NOTICE_BLOCKED, 1, CR_REASON_KEY);
    assert_true(is_hopeless());
    assert_non_null(strstr(why, "model bad: HTTP 401: no"));
    assert_int_equal(cr_run_health_outcast(&health, &roster), -1);
}

static void while_another_rank_may_be_answered_nothing_is_decided(void **state) {
    (void)state;
    (void)notice(2, CR_NOTICE_BLOCKED, 1, CR_REASON_NOT_FOUND);
    roster.at[1].models[1].metrics.in_flight = 4;
    assert_false(is_hopeless());
    assert_int_equal(cr_run_health_outcast(&health, &roster), -1);
    cr_roster_set(&roster, 1, CR_MEMBER_LOST);
    assert_true(is_hopeless());
}

static void a_rank_that_has_not_been_heard_of_its_markets_is_waited_for(void **state) {
    (void)state;
    assert_int_equal(cr_member_grant(&roster.at[3], 7), CR_OK);
    (void)notice(2, CR_NOTICE_BLOCKED, 1, CR_REASON_KEY);
    assert_true(cr_run_health_is_blocked(&health, 2));
    assert_false(cr_run_health_is_blocked(&health, 3));
    assert_false(is_hopeless());
    roster.at[3].models[0].metrics.attempts = 1; // it has asked, but another model
    assert_true(is_hopeless());
}

static void a_rank_that_alone_fails_is_an_outcast(void **state) {
    (void)state;
    (void)notice(2, CR_NOTICE_BLOCKED, 1, CR_REASON_CONNECTION);
    roster.at[3].models[1].metrics.calls_done = 1;
    assert_false(is_hopeless());
    assert_int_equal(cr_run_health_outcast(&health, &roster), 2);
    cr_roster_set(&roster, 2, CR_MEMBER_LEAVING);
    assert_int_equal(cr_run_health_outcast(&health, &roster), -1);
}

static void a_share_or_a_number_of_episodes_may_fail(void **state) {
    (void)state;
    static const struct {
        struct cr_failure_limit limit;
        uint64_t failed, finished;
        bool is_over;
    } cases[] = {
        {{0.05, 0}, 99, 99, false}, // too few to tell
        {{0.05, 0}, 5, 100, false},  {{0.05, 0}, 6, 100, true},
        {{1, 0}, 5000, 5000, false}, {{0, 0}, 1, 100, true},
        {{1, 3}, 3, 3, false},       {{1, 3}, 4, 4, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cr_tally tally = {.failed = cases[i].failed};
        tally.by_reason[CR_REASON_TIMEOUT] = cases[i].failed;
        assert_int_equal(cr_run_health_lost_too_many(&cases[i].limit, &tally,
                                                     cases[i].finished, why,
                                                     sizeof why),
                         cases[i].is_over);
        if (cases[i].is_over) {
            assert_non_null(strstr(why, cr_reason_names[CR_REASON_TIMEOUT]));
        }
    }
}

static char advice[CR_HEALTH_TEXT_BYTES];

static bool advise(const uint64_t *cut, const uint64_t *replies, bool is_final) {
    const struct cr_cut_counts counts = {cut, replies, is_final};
    return cr_run_health_cut_advice(&health, &counts, advice, sizeof advice);
}

static void cut_replies_come_with_the_advice_once(void **state) {
    (void)state;
    const uint64_t few[] = {19, 0}, few_of[] = {19, 500};
    const uint64_t many[] = {180, 25}, many_of[] = {200, 500};
    assert_false(advise(few, few_of, false));
    assert_true(advise(many, many_of, false));
    assert_string_equal(advice, "model good: 180 of 200 replies were cut at max_tokens "
                                "20: raise models.good.params.max_tokens");
    assert_false(advise(many, many_of, true));
    teardown(NULL);
    setup(NULL);
    assert_true(advise(few, few_of, true));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kind_is_news_once_however_many_ranks_meet_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_model_that_answers_nobody_ends_the_run, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            while_another_rank_may_be_answered_nothing_is_decided, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_rank_that_has_not_been_heard_of_its_markets_is_waited_for, setup,
            teardown),
        cmocka_unit_test_setup_teardown(a_rank_that_alone_fails_is_an_outcast, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_share_or_a_number_of_episodes_may_fail, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cut_replies_come_with_the_advice_once, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
