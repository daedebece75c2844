// test_endpoint.c - affinity, load and breakers of several servers.
#include "model_fixture.h"

#include "model/endpoint.h"

static const int64_t MS = 1000000;
static const char *const urls[] = {"http://127.0.0.1:1", "http://127.0.0.1:2",
                                   "http://127.0.0.1:3"};
static struct cr_model model;

static int make(void **state) {
    static struct cr_endpoints endpoints;
    model = fixture_remote("m", "openai", urls, 3);
    *state = &endpoints;
    return cr_endpoints_init(&endpoints, &model, NULL, 16, NULL) == CR_OK ? 0 : -1;
}

static int unmake(void **state) {
    cr_endpoints_fini(*state);
    return 0;
}

static uint32_t start(struct cr_endpoints *endpoints, uint64_t trajectory,
                      int64_t now_ns) {
    uint32_t index =
        cr_endpoints_choose(endpoints, trajectory, CR_ENDPOINT_NONE, now_ns);
    if (index != CR_ENDPOINT_NONE) {
        cr_endpoints_start(endpoints, index, now_ns);
    }
    return index;
}

// End everything on INDEX badly, N times.
static void break_it(struct cr_endpoints *endpoints, uint32_t index, unsigned n,
                     int64_t now_ns) {
    for (unsigned i = 0; i < n; i++) {
        cr_endpoints_start(endpoints, index, now_ns);
        cr_endpoints_land(endpoints, index, CR_HEALTH_BAD, now_ns);
    }
}

static void new_markets_spread_and_old_ones_stay(void **state) {
    struct cr_endpoints *endpoints = *state;
    uint32_t home[3];
    for (uint64_t t = 0; t < 3; t++) {
        home[t] = start(endpoints, t, 0);
    }
    assert_true(home[0] != home[1] && home[1] != home[2] && home[0] != home[2]);
    for (uint64_t t = 0; t < 3; t++) {
        cr_endpoints_land(endpoints, home[t], CR_HEALTH_GOOD, 0);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(start(endpoints, 1, 0), home[1]); // however loaded
    }
}

static void idle_servers_share_markets_evenly(void **state) {
    struct cr_endpoints *endpoints = *state;
    unsigned homes[3] = {0};
    for (uint64_t t = 0; t < 30; t++) {
        uint32_t index = start(endpoints, t, 0);
        homes[index]++;
        cr_endpoints_land(endpoints, index, CR_HEALTH_GOOD, 0);
    }
    assert_int_equal(homes[0], 10);
    assert_int_equal(homes[1], 10);
}

static void a_dead_server_is_taken_out_and_its_market_moves(void **state) {
    struct cr_endpoints *endpoints = *state;
    uint32_t home = start(endpoints, 9, 0);
    cr_endpoints_land(endpoints, home, CR_HEALTH_BAD, 0);
    break_it(endpoints, home, CR_BREAKER_FAILURES - 1, 0);
    uint32_t moved = start(endpoints, 9, 1);
    assert_int_not_equal(moved, home);
    cr_endpoints_land(endpoints, moved, CR_HEALTH_GOOD, 1);
    assert_int_equal(start(endpoints, 9, 2), moved); // and stays there
}

static void one_probe_decides(void **state) {
    struct cr_endpoints *endpoints = *state;
    int64_t due = CR_BREAKER_FIRST_MS * MS;
    for (uint32_t i = 0; i < 3; i++) {
        break_it(endpoints, i, CR_BREAKER_FAILURES, 0);
    }
    assert_int_equal(start(endpoints, 1, due - 1), CR_ENDPOINT_NONE);
    assert_int_equal(cr_endpoints_wake_ns(endpoints), due);
    uint32_t probe = start(endpoints, 1, due);
    assert_int_not_equal(probe, CR_ENDPOINT_NONE);
    start(endpoints, 2, due);
    start(endpoints, 3, due);
    assert_int_equal(start(endpoints, 4, due),
                     CR_ENDPOINT_NONE); // all are being probed
    cr_endpoints_land(endpoints, probe, CR_HEALTH_BAD, due);
    assert_int_equal(start(endpoints, 5, due + 2 * due - 1), CR_ENDPOINT_NONE);
    assert_int_equal(start(endpoints, 5, due + 2 * due), probe);
    cr_endpoints_land(endpoints, probe, CR_HEALTH_GOOD, 3 * due);
    assert_int_equal(endpoints->at[probe].breaker, CR_BREAKER_CLOSED);
    assert_int_equal(start(endpoints, 6, 3 * due), probe);
    assert_int_equal(start(endpoints, 7, 3 * due), probe);
}

static void a_dropped_probe_leaves_room_for_another(void **state) {
    struct cr_endpoints *endpoints = *state;
    int64_t due = CR_BREAKER_FIRST_MS * MS;
    for (uint32_t i = 0; i < 3; i++) {
        break_it(endpoints, i, CR_BREAKER_FAILURES, 0);
    }
    uint32_t probe = start(endpoints, 1, due);
    cr_endpoints_land(endpoints, probe, CR_HEALTH_UNKNOWN, due);
    assert_int_equal(start(endpoints, 1, due), probe);
}

static void a_sick_server_is_avoided_when_another_will_do(void **state) {
    struct cr_endpoints *endpoints = *state;
    uint32_t home = start(endpoints, 1, 0);
    cr_endpoints_land(endpoints, home, CR_HEALTH_BAD, 0);
    assert_int_not_equal(cr_endpoints_choose(endpoints, 1, home, 0), home);
    assert_int_equal(cr_endpoints_set(endpoints, (home + 1) % 3, NULL, NULL), CR_OK);
    assert_int_equal(cr_endpoints_set(endpoints, (home + 2) % 3, NULL, NULL), CR_OK);
    assert_int_equal(cr_endpoints_choose(endpoints, 1, home, 0), home);
}

static void a_server_that_moves_starts_afresh(void **state) {
    struct cr_endpoints *endpoints = *state;
    break_it(endpoints, 0, CR_BREAKER_FAILURES, 0);
    endpoints->at[0].shape.structured = CR_STRUCTURED_NONE;
    uint64_t before = endpoints->at[0].generation;
    assert_int_equal(cr_endpoints_set(endpoints, 0, "http://127.0.0.1:9", NULL), CR_OK);
    assert_int_equal(endpoints->at[0].breaker, CR_BREAKER_CLOSED);
    assert_int_equal(endpoints->at[0].shape.structured, CR_STRUCTURED_SCHEMA);
    assert_int_not_equal(endpoints->at[0].generation, before);
    assert_int_equal(cr_endpoints_set(endpoints, CR_ENDPOINTS_MAX, "http://x", NULL),
                     CR_E_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_markets_spread_and_old_ones_stay, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(idle_servers_share_markets_evenly, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_dead_server_is_taken_out_and_its_market_moves,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(one_probe_decides, make, unmake),
        cmocka_unit_test_setup_teardown(a_dropped_probe_leaves_room_for_another, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_sick_server_is_avoided_when_another_will_do,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(a_server_that_moves_starts_afresh, make,
                                        unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
