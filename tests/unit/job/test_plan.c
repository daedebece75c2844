// The plan: which trajectory an episode is a view of, and which shard runs it.
#include "job_fixture.h"

#include <time.h>

#include "credence/job/plan.h"

static struct cr_plan *plan_of(const struct fixture *f) {
    struct cr_plan *plan = NULL;
    assert_int_equal(cr_plan_create(f->job, &plan, NULL), CR_OK);
    return plan;
}

static void stop_axes_share_one_trajectory(void **state) {
    static const char text[] =
        FIXTURE_JOB(", \"grid\": { \"stop.threshold\": [0.05, 0.1, 0.15, 0.2, 0.3], "
                    "\"stop.window\": "
                    "[2, 3, 4], \"max_iterations\": [2, 4, 6, 8, 10, 12] }");
    struct fixture f;
    (void)state;
    fixture_open(&f, 7);
    fixture_need(&f, text);
    struct cr_plan *plan = plan_of(&f);
    assert_int_equal(f.job->cells_len, 90);
    assert_int_equal(plan->groups_len, 1);
    assert_int_equal(plan->trajectories, 7);
    assert_int_equal(plan->episodes, 7 * 90);
    assert_int_equal(plan->groups[0].prices_max, 13);
    assert_int_equal(plan->prices_max, 13);
    cr_plan_destroy(plan);
    fixture_close(&f);
}

static void factors_that_a_protocol_does_not_know_cost_nothing(void **state) {
    // self_consistency knows samples; debate knows rounds and traders; single neither.
    static const char text[] = FIXTURE_JOB(
        ", \"grid\": { \"protocol\": [\"single\", \"self_consistency\", \"debate\"], "
        "\"samples\": [3, 4], \"rounds\": [2, 3], \"trader\": [\"sim\", [\"sim\", "
        "\"sim\"]] }");
    struct fixture f;
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f, text);
    struct cr_plan *plan = plan_of(&f);
    assert_int_equal(f.job->cells_len, 24);
    assert_int_equal(plan->groups_len, 1 + 2 + 4);
    cr_plan_destroy(plan);
    fixture_close(&f);
}

static void running_on_asks_for_the_full_length(void **state) {
    struct fixture f;
    struct cr_episode_cfg setting;
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f,
                 FIXTURE_JOB(", \"grid\": { \"max_iterations\": [5, 9] }, \"cells\": "
                             "[{ \"stop_early\": false, \"max_iterations\": 7 }]"));
    struct cr_plan *plan = plan_of(&f);
    assert_int_equal(plan->groups_len, 1);
    assert_int_equal(plan->groups[0].cells_len, 4);
    cr_plan_episode_cfg(plan, 1, &setting);
    assert_int_equal(setting.stops_len, 4);
    assert_int_equal(setting.stops[3].rule, CR_STOP_FIXED);
    assert_int_equal(setting.stops[3].max_iterations, 9);
    cr_plan_destroy(plan);
    fixture_close(&f);
}

// Three groups of different shapes: 2 cells, 1 cell, 2 cells; 2 replicates each.
static const char mixed[] = FIXTURE_JOB(
    ", \"grid\": { \"stance\": [\"free\", \"up\"], \"stop.threshold\": [0.1, 0.2] }, "
    "\"exclude\": [{ \"stance\": \"up\", \"stop.threshold\": 0.2 }], \"cells\": [{ "
    "\"stance\": \"down\" }, { \"stance\": \"down\", \"stop.window\": 5 }]");

static void episodes_and_trajectories_lead_to_each_other(void **state) {
    static const char *const sets[] = {"cell.replicates=2"};
    struct fixture f;
    struct cr_plan_place place;
    uint32_t cell;
    (void)state;
    fixture_open(&f, 5);
    struct cr_bundle_request request = {.sets = sets, .sets_len = 1};
    assert_int_equal(fixture_make(&f, mixed, request), CR_OK);
    struct cr_plan *plan = plan_of(&f);
    assert_int_equal(plan->groups_len, 3);
    assert_int_equal(plan->trajectories, 3 * 5 * 2);
    assert_int_equal(plan->episodes, 5 * 5 * 2);
    uint64_t episode = 0;
    for (uint64_t t = 0; t < plan->trajectories; t++) {
        cr_plan_place(plan, t, &place);
        assert_int_equal(place.first_episode, episode);
        for (uint32_t i = 0; i < place.group->cells_len; i++) {
            assert_int_equal(cr_plan_trajectory_of(plan, episode++, &cell), t);
            assert_int_equal(cell, place.group->cells[i]);
        }
        assert_int_equal(place.replicate, t % 2);
        assert_int_equal(place.proposition_row, t / 2 % 5);
    }
    assert_int_equal(episode, plan->episodes);
    cr_plan_destroy(plan);
    fixture_close(&f);
}

static int by_number(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static uint64_t *keys_of(const struct cr_plan *plan) {
    uint64_t *keys = cr_calloc(plan->trajectories, sizeof *keys);
    struct cr_plan_place place;
    assert_non_null(keys);
    for (uint64_t t = 0; t < plan->trajectories; t++) {
        cr_plan_place(plan, t, &place);
        keys[t] = place.key;
    }
    qsort(keys, plan->trajectories, sizeof *keys, by_number);
    return keys;
}

static void keys_are_unique_and_survive_a_limit_and_more_replicates(void **state) {
    static const char *const more[] = {"cell.replicates=3"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 20);
    struct cr_bundle_request request = {.limit = 10};
    assert_int_equal(fixture_make(&f, mixed, request), CR_OK);
    struct cr_plan *plan = plan_of(&f);
    uint64_t *few = keys_of(plan), few_len = plan->trajectories;
    cr_plan_destroy(plan);
    request = (struct cr_bundle_request){.sets = more, .sets_len = 1};
    assert_int_equal(fixture_make(&f, mixed, request), CR_OK);
    plan = plan_of(&f);
    uint64_t *many = keys_of(plan), many_len = plan->trajectories;
    assert_int_equal(many_len, 3 * 20 * 3);
    for (uint64_t i = 1; i < many_len; i++) {
        assert_true(many[i - 1] < many[i]);
    }
    for (uint64_t i = 0; i < few_len; i++) {
        assert_non_null(bsearch(&few[i], many, many_len, sizeof *many, by_number));
    }
    cr_plan_destroy(plan);
    cr_free(few);
    cr_free(many);
    fixture_close(&f);
}

static void keys_follow_what_shapes_an_answer_and_nothing_else(void **state) {
    static const char *const same[] = {"cell.stop.threshold=0.1", "budget.usd=3",
                                       "models.sim.latency_ms=9",
                                       "cell.stop_early=false"};
    static const char *const other[] = {"seed=2", "models.sim.noise=0.11",
                                        "cell.stance=up", "cell.repairs=1"};
    struct fixture f;
    struct cr_plan_place place;
    (void)state;
    fixture_open(&f, 2);
    fixture_need(&f, FIXTURE_JOB(""));
    struct cr_plan *plan = plan_of(&f);
    cr_plan_place(plan, 1, &place);
    uint64_t key = place.key;
    cr_plan_destroy(plan);
    for (size_t i = 0; i < 8; i++) {
        const char *const *set = i < 4 ? &same[i] : &other[i - 4];
        struct cr_bundle_request request = {.sets = set, .sets_len = 1};
        assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_OK);
        plan = plan_of(&f);
        cr_plan_place(plan, 1, &place);
        if ((place.key == key) != (i < 4)) {
            fail_msg("%s", *set);
        }
        cr_plan_destroy(plan);
    }
    fixture_close(&f);
}

static void shards_part_the_trajectories_evenly_by_cost(void **state) {
    // Groups of one price and of eleven, each a single trajectory: a deal by number
    // alone would give one shard all the long ones.
    static const char text[] = FIXTURE_JOB(", \"grid\": { \"memory\": [0, 1, 2, 3, 4, "
                                           "5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], "
                                           "\"protocol\": [\"single\", \"market\"] }");
    enum { SHARDS = 8 };
    struct fixture f;
    struct cr_plan_place place;
    uint64_t cost[SHARDS] = {0};
    (void)state;
    fixture_open(&f, 1);
    fixture_need(&f, text);
    struct cr_plan *plan = plan_of(&f);
    plan->shards = SHARDS;
    for (uint64_t t = 0; t < plan->trajectories; t++) {
        int owners = 0;
        cr_plan_place(plan, t, &place);
        for (plan->shard = 0; plan->shard < SHARDS; plan->shard++) {
            bool is_ours = cr_plan_is_ours(plan, t);
            owners += is_ours;
            cost[plan->shard] += is_ours ? place.group->prices_max : 0;
        }
        assert_int_equal(owners, 1);
    }
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(cost[i], 2 * 11 + 2 * 1);
    }
    cr_plan_destroy(plan);
    fixture_close(&f);
}

static void two_shards_do_not_part_true_from_false(void **state) {
    struct fixture f;
    struct cr_plan_place place;
    int labels[2][2] = {{0}};
    (void)state;
    fixture_open(&f, 400); // labels alternate
    fixture_need(&f, FIXTURE_JOB(""));
    struct cr_plan *plan = plan_of(&f);
    plan->shards = 2;
    for (uint64_t t = 0; t < plan->trajectories; t++) {
        cr_plan_place(plan, t, &place);
        labels[!cr_plan_is_ours(plan, t)][place.proposition->label]++;
    }
    assert_int_equal(labels[0][0] + labels[0][1], 200);
    for (int i = 0; i < 4; i++) {
        assert_in_range(labels[i / 2][i % 2], 60, 140);
    }
    cr_plan_destroy(plan);
    fixture_close(&f);
}

static void ten_thousand_cells_are_planned_in_seconds(void **state) {
    struct fixture f;
    struct cr_buf text;
    struct timespec start, end;
    (void)state;
    fixture_open(&f, 1000);
    cr_buf_init(&text, 1 << 20);
    assert_int_equal(cr_buf_add_text(&text, "{ \"memory\": [0"), CR_OK);
    for (int i = 1; i < 100; i++) {
        assert_int_equal(cr_buf_printf(&text, ", %d", i), CR_OK);
    }
    assert_int_equal(cr_buf_add_text(&text, "], \"stop.threshold\": [0"), CR_OK);
    for (int i = 1; i < 100; i++) {
        assert_int_equal(cr_buf_printf(&text, ", %.2f", i / 100.0), CR_OK);
    }
    assert_int_equal(cr_buf_add_text(&text, "] }"), CR_OK);
    char set[2048];
    snprintf(set, sizeof set, "grid=%s", text.data);
    const char *sets[] = {set};
    struct cr_bundle_request request = {.sets = sets, .sets_len = 1};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    assert_int_equal(fixture_make(&f, FIXTURE_JOB(""), request), CR_OK);
    struct cr_plan *plan = plan_of(&f);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_int_equal(plan->episodes, 10000000);
    assert_int_equal(plan->trajectories, 100000);
    assert_true(end.tv_sec - start.tv_sec < 5);
    assert_true(f.job->arena.used_bytes < 64 << 20);
    cr_plan_destroy(plan);
    cr_buf_fini(&text);
    fixture_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_axes_share_one_trajectory),
        cmocka_unit_test(factors_that_a_protocol_does_not_know_cost_nothing),
        cmocka_unit_test(running_on_asks_for_the_full_length),
        cmocka_unit_test(episodes_and_trajectories_lead_to_each_other),
        cmocka_unit_test(keys_are_unique_and_survive_a_limit_and_more_replicates),
        cmocka_unit_test(keys_follow_what_shapes_an_answer_and_nothing_else),
        cmocka_unit_test(shards_part_the_trajectories_evenly_by_cost),
        cmocka_unit_test(two_shards_do_not_part_true_from_false),
        cmocka_unit_test(ten_thousand_cells_are_planned_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
