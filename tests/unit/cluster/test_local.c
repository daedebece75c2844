// The local cluster: ranks in one process.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
