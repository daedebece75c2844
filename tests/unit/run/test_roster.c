// The workers as the coordinator knows them: who is where, and who has done what.
#include "cmocka_all.h"

#include "run/roster.h"

static void nodes_are_counted_by_their_ranks(void **state) {
    (void)state;
    static const char *const hosts[] = {"", "n1 pid:[1]", "n2 pid:[2]", "n1 pid:[1]",
                                        "n10 pid:[3]"};
    struct cr_roster roster;
    assert_int_equal(cr_roster_init(&roster, 5, 2, 0, NULL), CR_OK);
    for (int rank = 1; rank < 5; rank++) {
        struct cr_beat beat = {.models_len = 2, .asleep_ms = 10u * (unsigned)rank};
        beat.models[0].metrics.calls_done = (uint64_t)rank;
        beat.models[1].metrics.calls_failed = 100;
        assert_int_equal(cr_roster_place(&roster, rank, hosts[rank]), CR_OK);
        if (rank < 4) { // the last has not said anything yet
            cr_roster_beat(&roster, rank, &beat);
        }
    }
    cr_roster_count_nodes(&roster);
    cr_roster_count_nodes(&roster); // not twice
    assert_int_equal(roster.nodes_len, 3);
    assert_string_equal(roster.nodes[0].host, "n1");
    assert_int_equal(roster.nodes[0].ranks, 2);
    assert_int_equal(roster.nodes[0].calls, 1 + 3 + 200);
    assert_int_equal(roster.nodes[0].asleep_ms, 40);
    assert_string_equal(roster.nodes[1].host, "n2");
    assert_int_equal(roster.nodes[1].calls, 102);
    assert_string_equal(roster.nodes[2].host, "n10");
    assert_int_equal(roster.nodes[2].calls, 0);
    cr_roster_fini(&roster);
}

static void a_beat_of_more_models_than_the_job_has_is_cut(void **state) {
    (void)state;
    struct cr_roster roster;
    struct cr_beat beat = {.models_len = 5};
    beat.models[1].metrics.calls_done = 7;
    assert_int_equal(cr_roster_init(&roster, 2, 2, 0, NULL), CR_OK);
    cr_roster_beat(&roster, 1, &beat);
    assert_int_equal(roster.at[1].models_len, 2);
    assert_int_equal(roster.at[1].models[1].metrics.calls_done, 7);
    cr_roster_fini(&roster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_counted_by_their_ranks),
        cmocka_unit_test(a_beat_of_more_models_than_the_job_has_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
