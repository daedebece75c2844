// Who starts local servers, and who hears of them.
#include "cmocka_all.h"
#include "credence/model/server.h"
#include "run/server_placement.h"

enum { RANKS = 5 };
static struct cr_server_placement hosts;

static int setup(void **state) {
    (void)state;
    return cr_server_placement_init(&hosts, RANKS, NULL) == CR_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    cr_server_placement_fini(&hosts);
    return 0;
}

static uint32_t add(int rank, const char *host) {
    uint32_t starts = 99;
    assert_int_equal(cr_server_placement_add(&hosts, rank, host, &starts, NULL), CR_OK);
    return starts;
}

static void the_first_rank_of_each_node_starts_its_servers(void **state) {
    (void)state;
    assert_int_equal(add(3, "a"), CR_STARTS_NODE | CR_STARTS_JOB);
    assert_int_equal(add(1, "a"), 0);
    assert_int_equal(add(2, "b"), CR_STARTS_NODE);
    assert_int_equal(add(4, "b"), 0);
}

static void a_lost_starter_is_followed_by_a_rank_of_its_node(void **state) {
    (void)state;
    int heir;
    uint32_t starts;
    add(1, "a");
    add(2, "b");
    add(3, "b");
    cr_server_placement_remove(&hosts, 2, &heir, &starts);
    assert_int_equal(heir, 3);
    assert_int_equal(starts, CR_STARTS_NODE);
    cr_server_placement_remove(&hosts, 1, &heir, &starts); // the last of its node
    assert_int_equal(heir, 3);
    assert_int_equal(starts, CR_STARTS_JOB);
    cr_server_placement_remove(&hosts, 3, &heir, &starts);
    assert_int_equal(heir, -1);
}

static void a_rank_that_starts_nothing_leaves_no_heir(void **state) {
    (void)state;
    int heir;
    uint32_t starts;
    add(1, "a");
    add(2, "a");
    cr_server_placement_remove(&hosts, 2, &heir, &starts);
    assert_int_equal(heir, -1);
}

static void a_server_concerns_the_ranks_that_may_use_it(void **state) {
    (void)state;
    const struct cr_endpoint_message node = {.scope = CR_SERVER_OF_NODE, .url = "u"};
    const struct cr_endpoint_message job = {.scope = CR_SERVER_OF_JOB, .url = "u"};
    add(1, "a");
    add(2, "a");
    add(3, "b");
    assert_false(cr_server_placement_concerns(&hosts, 1, 1, &node)); // it knows
    assert_true(cr_server_placement_concerns(&hosts, 2, 1, &node));
    assert_false(cr_server_placement_concerns(&hosts, 3, 1, &node));
    assert_true(cr_server_placement_concerns(&hosts, 3, 1, &job));
    assert_false(cr_server_placement_concerns(&hosts, 4, 1, &job)); // not heard of yet
}

static void places_are_kept_once_and_forgotten_with_their_rank(void **state) {
    (void)state;
    int heir;
    uint32_t starts;
    struct cr_endpoint_message endpoint = {.model = 1, .endpoint = 2, .url = "old"};
    add(1, "a");
    add(2, "b");
    assert_int_equal(cr_server_placement_put(&hosts, 1, &endpoint, NULL), CR_OK);
    endpoint.url = "new";
    assert_int_equal(cr_server_placement_put(&hosts, 1, &endpoint, NULL), CR_OK);
    assert_int_equal(cr_server_placement_put(&hosts, 2, &endpoint, NULL), CR_OK);
    assert_int_equal(hosts.places_len, 2);
    assert_string_equal(hosts.places[0].endpoint.url, "new");
    cr_server_placement_remove(&hosts, 1, &heir, &starts);
    assert_int_equal(hosts.places_len, 1);
    assert_int_equal(hosts.places[0].rank, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_rank_of_each_node_starts_its_servers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_lost_starter_is_followed_by_a_rank_of_its_node, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rank_that_starts_nothing_leaves_no_heir,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_concerns_the_ranks_that_may_use_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            places_are_kept_once_and_forgotten_with_their_rank, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
