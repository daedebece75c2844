// cluster.c - what every transport promises: one suite for ranks inside this process
// and, under mpirun with the argument "mpi", for ranks of their own.
//
// A test speaks for the ranks that this process holds: all of them, or one. Nothing
// waits longer than WAIT_MS.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka.h needs the four above first.
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/clock.h"
#include "credence/cluster/cluster.h"
#include "credence/cluster/message.h"

enum {
    SIZE = 3,
    WAIT_MS = 100000,
    MESSAGES = 300,
    LARGE_BYTES = 3 << 20, // far over what any transport sends eagerly
    TAG = 17
};

static struct crew {
    struct cr_cluster *at[SIZE]; // NULL: held by another process
    bool is_mpi;
} crew;

static bool is_late(int64_t since_ms) {
    return cr_clock_now_ms(cr_clock_monotonic()) - since_ms > WAIT_MS;
}

static int64_t now(void) {
    return cr_clock_now_ms(cr_clock_monotonic());
}

static void send_tagged(struct cr_cluster *from, int tag, int to, const void *bytes,
                        size_t len) {
    struct cr_err err = {0};
    const struct cr_packet packet = {to, tag, bytes, len};
    if (cr_cluster_send(from, &packet, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
}

static void send_bytes(struct cr_cluster *from, int to, const void *bytes, size_t len) {
    send_tagged(from, TAG, to, bytes, len);
}

static struct cr_packet wait_for(struct cr_cluster *cluster) {
    const int64_t since = now();
    struct cr_packet packet = {.rank = -1};
    while (!cr_cluster_receive(cluster, &packet)) {
        if (is_late(since)) {
            fail_msg("rank %d waits in vain", cr_cluster_rank(cluster));
        }
        cr_clock_sleep_ms(cr_clock_monotonic(), crew.is_mpi ? 1 : 0);
    }
    return packet;
}

static void each_rank_knows_its_place(void **state) {
    (void)state;
    for (int rank = 0; rank < SIZE; rank++) {
        struct cr_cluster *cluster = crew.at[rank];
        if (cluster == NULL) {
            continue;
        }
        assert_int_equal(cr_cluster_rank(cluster), rank);
        assert_int_equal(cr_cluster_size(cluster), SIZE);
        assert_non_null(strstr(cr_cluster_host(cluster), "pid:["));
        assert_true(cr_cluster_library(cluster)[0] != '\0');
        assert_int_equal(cr_cluster_lost(cluster), -1);
    }
}

static void broadcast(size_t len) {
    for (int rank = 0; rank < SIZE; rank++) {
        struct cr_buf buf;
        if (crew.at[rank] == NULL) {
            continue;
        }
        cr_buf_init(&buf, LARGE_BYTES + 1);
        for (size_t i = 0; i < len && rank == 0; i++) {
            const char byte = (char)(i * 31 + len);
            assert_int_equal(cr_buf_add(&buf, &byte, 1), CR_OK);
        }
        if (rank != 0) { // what stood there before is replaced
            assert_int_equal(cr_buf_add_text(&buf, "old"), CR_OK);
        }
        assert_int_equal(cr_cluster_bcast(crew.at[rank], &buf, NULL), CR_OK);
        assert_int_equal(buf.used_bytes, len);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(buf.data[i], (char)(i * 31 + len));
        }
        cr_buf_fini(&buf);
    }
}

static void a_broadcast_reaches_every_rank_whole(void **state) {
    (void)state;
    broadcast(1);
    broadcast(1000);
    broadcast(LARGE_BYTES);
    broadcast(0);
}

// Sizes that mix what goes at once with what needs a handshake, and with nothing.
static size_t size_of_message(uint32_t i) {
    if (i % 100 == 50) {
        return LARGE_BYTES;
    }
    if (i % 100 == 51) {
        return 0;
    }
    return sizeof(uint32_t) * (1 + i % 7);
}

// Most can wait, so that they go together; large ones and empty ones are among them.
static int tag_of_message(uint32_t i) {
    return i % 10 == 1 ? TAG : CR_TAG_RESULT;
}

static void send_series(struct cr_cluster *from, int to) {
    uint32_t *bytes = calloc(1, LARGE_BYTES);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        const size_t len = size_of_message(i);
        bytes[0] = i;
        if (len > 0) {
            bytes[len / sizeof *bytes - 1] = i;
        }
        send_tagged(from, tag_of_message(i), to, bytes, len);
        memset(bytes, 0xee, len); // a send has copied
    }
    free(bytes);
}

static void check_in_series(const struct cr_packet *packet, uint32_t wanted) {
    uint32_t first, last;
    assert_int_equal(packet->tag, tag_of_message(wanted));
    assert_int_equal(packet->len, size_of_message(wanted));
    if (packet->len == 0) {
        return;
    }
    memcpy(&first, packet->bytes, sizeof first);
    memcpy(&last, packet->bytes + packet->len - sizeof last, sizeof last);
    assert_int_equal(first, wanted);
    assert_int_equal(last, wanted);
}

static void order_is_kept_between_two_ranks_whatever_the_sizes(void **state) {
    (void)state;
    for (int rank = 0; rank < SIZE; rank++) {
        for (int to = 0; crew.at[rank] != NULL && to < SIZE; to++) {
            if (to != rank) {
                send_series(crew.at[rank], to);
            }
        }
    }
    for (int rank = 0; rank < SIZE; rank++) {
        uint32_t next[SIZE] = {0};
        for (int i = 0; crew.at[rank] != NULL && i < (SIZE - 1) * MESSAGES; i++) {
            const struct cr_packet packet = wait_for(crew.at[rank]);
            assert_in_range(packet.rank, 0, SIZE - 1);
            assert_int_not_equal(packet.rank, rank);
            check_in_series(&packet, next[packet.rank]++);
        }
    }
}

// A large message goes in pieces: who sends it must know not to sleep until it is gone.
// Rank 1 waits for a broadcast first: until then rank 0 may expect others.
static void a_large_message_is_moving_until_it_was_received(void **state) {
    (void)state;
    enum { LARGE = 4 << 20 };
    static char bytes[LARGE];
    broadcast(1);
    if (crew.at[1] != NULL) {
        send_bytes(crew.at[1], 0, bytes, LARGE);
        assert_int_equal(cr_cluster_is_moving(crew.at[1]), crew.is_mpi);
    }
    if (crew.at[0] != NULL) {
        const struct cr_packet packet = wait_for(crew.at[0]);
        assert_int_equal(packet.rank, 1);
        assert_int_equal(packet.len, LARGE);
    }
}

// The last test that hears of messages: what it receives would be lost to another.
static void nothing_is_moving_when_all_was_received(void **state) {
    (void)state;
    struct cr_packet packet;
    for (int rank = 0; rank < SIZE; rank++) {
        const int64_t since = now();
        while (crew.at[rank] != NULL && cr_cluster_is_moving(crew.at[rank])) {
            assert_false(is_late(since));
            assert_false(cr_cluster_receive(crew.at[rank], &packet)); // moves it
            cr_clock_sleep_ms(cr_clock_monotonic(), 1);
        }
    }
}

static void there_is_nobody_beyond_the_last_rank(void **state) {
    (void)state;
    static const int nobody[] = {-1, SIZE, 1 << 20};
    for (int rank = 0; rank < SIZE; rank++) {
        for (size_t i = 0; crew.at[rank] != NULL && i < 3; i++) {
            const struct cr_packet packet = {nobody[i], TAG, "x", 1};
            assert_int_equal(cr_cluster_send(crew.at[rank], &packet, NULL), CR_E_PEER);
            cr_cluster_abandon(crew.at[rank], nobody[i]);
            cr_cluster_watch(crew.at[rank], nobody[i], 1, "x");
        }
    }
}

static pid_t start_child(void) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(250);
        for (;;) {
            pause();
        }
    }
    return child;
}

// A transport with processes reports the end of one that it was told to watch, once;
// ranks inside one process have nothing to watch.
static void a_watched_process_that_ends_is_reported_once(void **state) {
    (void)state;
    struct cr_cluster *cluster = crew.at[0];
    if (cluster == NULL) {
        return;
    }
    const pid_t child = start_child();
    cr_cluster_watch(cluster, 1, child,
                     "another host"); // its number means nothing here
    cr_cluster_watch(cluster, 2, child, cr_cluster_host(cluster));
    assert_int_equal(cr_cluster_lost(cluster), -1);
    assert_int_equal(kill(child, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(cr_cluster_lost(cluster), crew.is_mpi ? 2 : -1);
    assert_int_equal(cr_cluster_lost(cluster), -1);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

// Rank 2 is given up by the others; what it says to rank 0 is not heard, and a process
// watched in its name does not outlive it.
static void who_was_abandoned_is_neither_heard_nor_spoken_to(void **state) {
    (void)state;
    pid_t child = -1;
    if (crew.at[0] != NULL) {
        child = start_child();
        cr_cluster_watch(crew.at[0], 2, child, cr_cluster_host(crew.at[0]));
        cr_cluster_abandon(crew.at[0], 2);
    }
    if (crew.at[2] != NULL) {
        send_bytes(crew.at[2], 0, "unheard", 8);
        send_bytes(crew.at[2], 1, "go", 3);
    }
    if (crew.at[1] != NULL) {
        assert_int_equal(wait_for(crew.at[1]).rank, 2);
        cr_cluster_abandon(crew.at[1], 2);
        send_bytes(crew.at[1], 0, "heard", 6);
    }
    if (crew.at[0] != NULL) {
        const struct cr_packet out = {2, TAG, "x", 1};
        assert_string_equal(wait_for(crew.at[0]).bytes, "heard");
        assert_int_equal(cr_cluster_send(crew.at[0], &out, NULL), CR_E_PEER);
        assert_int_equal(cr_cluster_lost(crew.at[0]), -1); // it is known
        if (!crew.is_mpi) {
            assert_int_equal(kill(child, SIGKILL), 0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    if (crew.at[2] != NULL && crew.is_mpi) {
        cr_cluster_abandon(crew.at[2], 0); // so that it does not finalise alone
    }
}

static void open_crew(bool is_mpi) {
    struct cr_cluster *cluster = NULL;
    struct cr_err err = {0};
    crew = (struct crew){.is_mpi = is_mpi};
    enum cr_status status = is_mpi ? cr_cluster_open_mpi(&cluster, &err)
                                   : cr_cluster_open_local(SIZE, crew.at, &err);
    if (status == CR_OK && is_mpi && cr_cluster_size(cluster) == SIZE) {
        crew.at[cr_cluster_rank(cluster)] = cluster;
    } else if (status != CR_OK || is_mpi) {
        fprintf(stderr, "cluster: %s (%d ranks are wanted)\n", err.text, SIZE);
        exit(1);
    }
}

// The last thing that rank 1 does is to send more than goes without its receiver, who
// is busy meanwhile: a file that takes long, or many ranks on few cores.
static void say_something_that_is_heard_late(void) {
    enum { BYTES = 4 << 20, BUSY_MS = 4000 };
    char *bytes = calloc(1, BYTES);
    if (bytes != NULL && crew.at[1] != NULL) {
        send_bytes(crew.at[1], 0, bytes, BYTES);
    }
    if (crew.at[0] != NULL) {
        cr_clock_sleep_ms(cr_clock_monotonic(), BUSY_MS);
        const struct cr_packet packet = wait_for(crew.at[0]);
        assert_int_equal(packet.len, BYTES);
    }
    free(bytes);
}

static bool close_crew(void) {
    bool any_must_exit = false;
    for (int rank = 0; rank < SIZE; rank++) {
        bool must_exit = false;
        cr_cluster_close(crew.at[rank], &must_exit);
        any_must_exit = any_must_exit || must_exit;
    }
    return any_must_exit;
}

static int whole_suite(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rank_knows_its_place),
        cmocka_unit_test(a_broadcast_reaches_every_rank_whole),
        cmocka_unit_test(order_is_kept_between_two_ranks_whatever_the_sizes),
        cmocka_unit_test(a_large_message_is_moving_until_it_was_received),
        cmocka_unit_test(nothing_is_moving_when_all_was_received),
        cmocka_unit_test(there_is_nobody_beyond_the_last_rank),
        cmocka_unit_test(a_watched_process_that_ends_is_reported_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static int loss_suite(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_abandoned_is_neither_heard_nor_spoken_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// cluster [mpi] [loss]
int main(int argc, char **argv) {
    const bool is_mpi = argc > 1 && strcmp(argv[1], "mpi") == 0;
    const bool is_loss = argc > 1 && strcmp(argv[argc - 1], "loss") == 0;
    alarm(250);
    open_crew(is_mpi);
    int failed = is_loss ? loss_suite() : whole_suite();
    if (is_mpi && !is_loss) {
        say_something_that_is_heard_late();
    }
    const bool must_exit = close_crew();
    // After a loss nobody may finalise, and without one everybody must.
    if (must_exit != (is_mpi && is_loss)) {
        fprintf(stderr, "must_exit is %d\n", must_exit);
        failed++;
    }
    if (failed == 0) {
        fprintf(stderr, "a process of the cluster is well\n");
    }
    if (must_exit) {
        _exit(failed);
    }
    return failed;
}
