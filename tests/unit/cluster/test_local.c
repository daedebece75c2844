// The local cluster: ranks in one process.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "credence/base/mem.h"
#include "credence/cluster/cluster.h"

enum { RANKS = 3 };
static struct cr_cluster *ranks[RANKS];

static int setup(void **state) {
    (void)state;
    return cr_cluster_open_local(RANKS, ranks, NULL) == CR_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    bool must_exit = false;
    for (int i = 0; i < RANKS; i++) {
        cr_cluster_close(ranks[i], &must_exit);
    }
    assert_false(must_exit);
    return 0;
}

static enum cr_status send(int from, int to, int tag, const char *bytes, size_t len) {
    const struct cr_packet packet = {to, tag, bytes, len};
    return cr_cluster_send(ranks[from], &packet, NULL);
}

static void messages_of_one_sender_arrive_in_order(void **state) {
    (void)state;
    struct cr_packet packet;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(send(1, 0, i, (const char *)&i, sizeof i), CR_OK);
    }
    for (int i = 0; i < 5; i++) {
        assert_true(cr_cluster_receive(ranks[0], &packet));
        assert_int_equal(packet.rank, 1);
        assert_int_equal(packet.tag, i);
        assert_memory_equal(packet.bytes, &i, sizeof i);
    }
    assert_false(cr_cluster_receive(ranks[0], &packet));
}

static void an_abandoned_rank_is_neither_heard_nor_written_to(void **state) {
    (void)state;
    struct cr_packet packet;
    assert_int_equal(send(2, 0, 1, "x", 1), CR_OK);
    cr_cluster_abandon(ranks[0], 2);
    assert_false(cr_cluster_receive(ranks[0], &packet));
    assert_int_equal(send(0, 2, 1, "x", 1), CR_E_PEER);
    assert_int_equal(send(0, 7, 1, "x", 1), CR_E_PEER);
}

static void a_broadcast_reaches_every_rank(void **state) {
    (void)state;
    struct cr_buf buf[RANKS];
    for (int i = 0; i < RANKS; i++) {
        cr_buf_init(&buf[i], 1 << 20);
    }
    assert_int_equal(cr_buf_add_text(&buf[0], "job"), CR_OK);
    for (int i = 0; i < RANKS; i++) {
        assert_int_equal(cr_cluster_bcast(ranks[i], &buf[i], NULL), CR_OK);
    }
    for (int i = 0; i < RANKS; i++) {
        assert_string_equal(buf[i].data, "job");
        cr_buf_fini(&buf[i]);
    }
}

static void no_allocation_failure_leaks(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 20; n++) {
        struct cr_cluster *some[RANKS];
        cr_mem_fail_at(n);
        const enum cr_status status = cr_cluster_open_local(RANKS, some, NULL);
        cr_mem_fail_at(0);
        bool must_exit;
        for (int i = 0; status == CR_OK && i < RANKS; i++) {
            cr_cluster_close(some[i], &must_exit);
        }
    }
}

static void one_process_of_a_launcher_needs_no_mpi(void **state) {
    (void)state;
    static const char *const all[] = {
        "OMPI_COMM_WORLD_SIZE", "PMI_SIZE",  "SLURM_STEP_NUM_TASKS",
        "PMIX_NAMESPACE",       "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        unsetenv(all[i]);
    }
    assert_false(cr_cluster_is_launched());
    setenv("PMIX_RANK", "0", 1);
    assert_true(cr_cluster_is_launched()); // of how many it does not say
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    assert_true(cr_cluster_is_launched()); // of a step that holds another launcher
    setenv("PMIX_NAMESPACE", "slurm.pmix.7.0", 1);
    assert_false(cr_cluster_is_launched());
    setenv("SLURM_STEP_NUM_TASKS", "3", 1);
    assert_true(cr_cluster_is_launched());
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    assert_false(cr_cluster_is_launched());
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    assert_true(cr_cluster_is_launched());
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        unsetenv(all[i]);
    }
}

// A launcher that started several while MPI sees one: told once, by the first of them.
static void a_process_that_was_meant_to_be_one_of_many_says_so(void **state) {
    (void)state;
    static const char *const names[][2] = {
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
        {"PMI_SIZE", "PMI_RANK"},
        {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"}};
    struct cr_err err = {0};
    unsetenv("OMPI_COMM_WORLD_SIZE");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv(names[i][0], "1", 1);
        assert_int_equal(cr_cluster_check_alone(&err), CR_OK);
        setenv(names[i][0], "4", 1);
        setenv(names[i][1], "0", 1);
        assert_int_equal(cr_cluster_check_alone(&err), CR_E_USAGE);
        assert_non_null(strstr(err.text, "started 4 "));
        setenv(names[i][1], "3", 1);
        assert_int_equal(cr_cluster_check_alone(&err), CR_E_USAGE);
        assert_string_equal(err.text, "");
        setenv("OMPI_COMM_WORLD_SIZE", "1", 1); // mpirun -n 1 within such a step
        assert_int_equal(cr_cluster_check_alone(&err), CR_OK);
        unsetenv("OMPI_COMM_WORLD_SIZE");
        unsetenv(names[i][0]);
        unsetenv(names[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_of_a_launcher_needs_no_mpi),
        cmocka_unit_test(a_process_that_was_meant_to_be_one_of_many_says_so),
        cmocka_unit_test_setup_teardown(messages_of_one_sender_arrive_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            an_abandoned_rank_is_neither_heard_nor_written_to, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broadcast_reaches_every_rank, setup,
                                        teardown),
        cmocka_unit_test(no_allocation_failure_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
