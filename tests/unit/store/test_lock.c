// One run in a directory at a time: whom the lock keeps out, and whom it does not
// survive. Time is told by the tests; the only real process is a forked child.
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/store/lock.h"
#include "scratch.h"

static const char here[] = "node1 pid:[1]";

// link(2) as the file system of the test has it.
static enum { LINKS, NO_LINKS, REPLY_LOST } links = LINKS;
int link(const char *from, const char *to) {
    if (links == NO_LINKS) {
        errno = EPERM; // BeeGFS, SMB
        return -1;
    }
    const long made = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (links == REPLY_LOST && made == 0) {
        errno = EEXIST; // NFS: the second request found the work of the first
        return -1;
    }
    return (int)made;
}

struct place {
    char dir[64], path[96];
    struct cr_fake_clock fake;
    struct cr_clock clock;
    struct cr_err err;
};

static void open_place(struct place *place) {
    *place = (struct place){.dir = "/tmp/credence-lock-XXXXXX"};
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof place->path, "%s/lock", place->dir);
    place->clock = cr_clock_fake(&place->fake);
}

static void close_place(struct place *place) {
    assert_int_equal(scratch_remove(place->dir), 0);
}

static void write_lock(const char *path, const char *host, long pid, long started,
                       long beat) {
    char text[256];
    snprintf(text, sizeof text,
             "{\"host\":\"%s\",\"pid\":%ld,\"started\":%ld,\"beat\":%ld}\n", host, pid,
             started, beat);
    assert_int_equal(cr_file_write(path, text, strlen(text), 0600, NULL), CR_OK);
}

static enum cr_status take(struct place *place, struct cr_lock **out) {
    return cr_lock_take(place->dir, here, &place->clock, out, &place->err);
}

static void pass_ms(struct place *place, int64_t ms) {
    cr_fake_clock_advance_ms(&place->fake, ms);
}

static bool lock_says(const struct place *place, const char *what) {
    struct cr_buf text;
    cr_buf_init(&text, 4096);
    const bool does = cr_file_read(place->path, &text, NULL) == CR_OK &&
                      strstr(text.data, what) != NULL;
    cr_buf_fini(&text);
    return does;
}

static void a_free_directory_is_taken_and_given_back(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_true(lock_says(&place, here));
    cr_lock_release(lock);
    assert_false(cr_file_exists(place.path));
    assert_int_equal(take(&place, &lock), CR_OK);
    cr_lock_release(lock);
    assert_int_equal(rmdir(place.dir), 0); // nothing is left behind
}

// The child says over a pipe that it holds the lock, and lives until it is killed.
static pid_t start_holder(struct place *place) {
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct cr_lock *lock = NULL;
        alarm(300);
        if (take(place, &lock) != CR_OK || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void end_holder(pid_t child) {
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void a_living_holder_is_named_and_keeps_others_out(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    char pid[32];
    open_place(&place);
    const pid_t child = start_holder(&place);
    snprintf(pid, sizeof pid, "process %d", (int)child);
    assert_int_equal(take(&place, &lock), CR_E_BUSY);
    assert_null(lock);
    assert_non_null(strstr(place.err.text, pid));
    assert_non_null(strstr(place.err.text, here));
    assert_in_range(cr_clock_now_ms(&place.clock), 0, 2200); // it might be dying
    end_holder(child);
    close_place(&place);
}

static void a_dead_process_holds_nothing(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    end_holder(start_holder(&place));
    assert_true(cr_file_exists(place.path));
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_int_equal(cr_clock_now_ms(&place.clock), 0);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_OK);
    cr_lock_release(lock);
    close_place(&place);
}

static void a_dead_process_that_nobody_buried_holds_nothing(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    siginfo_t info;
    open_place(&place);
    const pid_t child = start_holder(&place);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_int_equal(waitpid(child, NULL, 0), child);
    cr_lock_release(lock);
    close_place(&place);
}

static void a_process_number_that_was_used_again_is_no_holder(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    write_lock(place.path, here, (long)getppid(), 1, 5); // lives, but began otherwise
    assert_int_equal(take(&place, &lock), CR_OK);
    cr_lock_release(lock);
    close_place(&place);
}

static void the_same_process_cannot_take_it_twice(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL, *second = NULL;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_int_equal(take(&place, &second), CR_E_BUSY);
    cr_lock_release(lock);
    close_place(&place);
}

static void a_beat_that_stands_still_elsewhere_is_taken_over(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    write_lock(place.path, "node2 pid:[1]", 1, 77, 5);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_in_range(cr_clock_now_ms(&place.clock), CR_LOCK_STALE_MS,
                    CR_LOCK_STALE_MS + 1000);
    assert_true(lock_says(&place, here));
    cr_lock_release(lock);
    assert_int_equal(rmdir(place.dir), 0);
}

// A clock whose sleeper is the other host: it raises its beat after so many sleeps.
struct other_host {
    struct place *place;
    int sleeps, beats_at;
    bool leaves;
};

static int64_t other_now(void *ctx) {
    return ((struct other_host *)ctx)->place->fake.now_ns;
}

static void other_sleep(void *ctx, int64_t ms) {
    struct other_host *other = ctx;
    pass_ms(other->place, ms);
    if (++other->sleeps != other->beats_at) {
        return;
    }
    if (other->leaves) {
        unlink(other->place->path);
    } else {
        write_lock(other->place->path, "node2 pid:[1]", 1, 77, 6);
    }
}

static void a_beat_that_moves_elsewhere_keeps_others_out(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    struct other_host other = {.place = &place, .beats_at = 20};
    const struct cr_clock clock = {other_now, other_now, &other, other_sleep};
    write_lock(place.path, "node2 pid:[1]", 1, 77, 5);
    assert_int_equal(cr_lock_take(place.dir, here, &clock, &lock, &place.err),
                     CR_E_BUSY);
    assert_int_equal(other.sleeps, 20); // refused as soon as it moved
    assert_non_null(strstr(place.err.text, "node2"));
    assert_true(lock_says(&place, "node2"));
    close_place(&place);
}

static void a_lock_released_while_it_is_watched_is_free(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    struct other_host other = {.place = &place, .beats_at = 7, .leaves = true};
    const struct cr_clock clock = {other_now, other_now, &other, other_sleep};
    write_lock(place.path, "node2 pid:[1]", 1, 77, 5);
    assert_int_equal(cr_lock_take(place.dir, here, &clock, &lock, &place.err), CR_OK);
    assert_int_equal(other.sleeps, 7);
    cr_lock_release(lock);
    close_place(&place);
}

static void a_beat_is_raised_when_it_is_due(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    pass_ms(&place, CR_LOCK_BEAT_MS - 1);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_OK);
    assert_true(lock_says(&place, "\"beat\":0}"));
    pass_ms(&place, 1);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_OK);
    assert_true(lock_says(&place, "\"beat\":1}"));
    cr_lock_release(lock);
    close_place(&place);
}

static void a_lock_that_was_taken_over_is_noticed_and_left_alone(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    write_lock(place.path, "node2 pid:[1]", 1, 77, 1);
    pass_ms(&place, CR_LOCK_BEAT_MS);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_E_BUSY);
    assert_true(lock_says(&place, "node2"));
    cr_lock_release(lock);
    assert_true(lock_says(&place, "node2")); // it is not ours to remove
    close_place(&place);
}

static void a_lock_that_vanished_is_made_again(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_int_equal(unlink(place.path), 0);
    pass_ms(&place, CR_LOCK_BEAT_MS);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_OK);
    assert_true(lock_says(&place, here));
    cr_lock_release(lock);
    close_place(&place);
}

static void a_lock_that_cannot_be_read_for_long_is_an_error(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_int_equal(cr_file_write(place.path, "{", 1, 0600, NULL), CR_OK);
    pass_ms(&place, CR_LOCK_BEAT_MS);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_OK);
    pass_ms(&place, CR_LOCK_STALE_MS);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_E_IO);
    cr_lock_release(lock);
    close_place(&place);
}

static void a_damaged_lock_is_watched_and_then_keeps_nobody_out(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {{"\0\0", 2}, {"", 0}, {"{\"host\":", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct place place;
        struct cr_lock *lock = NULL;
        open_place(&place);
        assert_int_equal(
            cr_file_write(place.path, cases[i].bytes, cases[i].len, 0600, NULL), CR_OK);
        assert_int_equal(take(&place, &lock), CR_OK);
        assert_in_range(cr_clock_now_ms(&place.clock), CR_LOCK_STALE_MS, 20000);
        cr_lock_release(lock);
        assert_int_equal(rmdir(place.dir), 0);
    }
}

// What link() was not asked for or could not do, O_EXCL does.
static void without_hard_links_the_lock_is_made_all_the_same(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL, *other = NULL;
    links = NO_LINKS;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_true(lock_says(&place, here));
    assert_int_equal(take(&place, &other), CR_E_BUSY);
    pass_ms(&place, CR_LOCK_BEAT_MS);
    assert_int_equal(cr_lock_beat(lock, &place.err), CR_OK);
    cr_lock_release(lock);
    assert_int_equal(rmdir(place.dir), 0);
    links = LINKS;
}

static void a_lock_whose_making_was_told_to_have_failed_is_held(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    links = REPLY_LOST;
    open_place(&place);
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_true(lock_says(&place, here));
    cr_lock_release(lock);
    assert_int_equal(rmdir(place.dir), 0);
    links = LINKS;
}

static void without_proc_a_holder_of_this_host_is_known_by_its_beat(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    write_lock(place.path, here, getpid(), 0, 7); // no start time: it saw no /proc
    assert_int_equal(take(&place, &lock), CR_OK);
    assert_in_range(cr_clock_now_ms(&place.clock), CR_LOCK_STALE_MS, 20000);
    cr_lock_release(lock);
    close_place(&place);
}

static void what_is_no_file_is_named_and_not_waited_for(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(mkfifo(place.path, 0600), 0);
    assert_int_equal(take(&place, &lock), CR_E_IO);
    assert_non_null(strstr(place.err.text, place.path));
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(symlink("elsewhere", place.path), 0);
    assert_int_equal(take(&place, &lock), CR_E_IO);
    assert_non_null(strstr(place.err.text, "delete that file"));
    close_place(&place);
}

static void a_directory_that_is_not_there_is_an_error(void **state) {
    (void)state;
    struct place place;
    struct cr_lock *lock = NULL;
    open_place(&place);
    assert_int_equal(rmdir(place.dir), 0);
    assert_int_equal(take(&place, &lock), CR_E_NOT_FOUND);
    assert_null(lock);
    cr_lock_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_directory_is_taken_and_given_back),
        cmocka_unit_test(a_living_holder_is_named_and_keeps_others_out),
        cmocka_unit_test(a_dead_process_holds_nothing),
        cmocka_unit_test(a_dead_process_that_nobody_buried_holds_nothing),
        cmocka_unit_test(a_process_number_that_was_used_again_is_no_holder),
        cmocka_unit_test(the_same_process_cannot_take_it_twice),
        cmocka_unit_test(a_beat_that_stands_still_elsewhere_is_taken_over),
        cmocka_unit_test(a_beat_that_moves_elsewhere_keeps_others_out),
        cmocka_unit_test(a_lock_released_while_it_is_watched_is_free),
        cmocka_unit_test(a_beat_is_raised_when_it_is_due),
        cmocka_unit_test(a_lock_that_was_taken_over_is_noticed_and_left_alone),
        cmocka_unit_test(a_lock_that_vanished_is_made_again),
        cmocka_unit_test(a_lock_that_cannot_be_read_for_long_is_an_error),
        cmocka_unit_test(a_damaged_lock_is_watched_and_then_keeps_nobody_out),
        cmocka_unit_test(without_hard_links_the_lock_is_made_all_the_same),
        cmocka_unit_test(a_lock_whose_making_was_told_to_have_failed_is_held),
        cmocka_unit_test(without_proc_a_holder_of_this_host_is_known_by_its_beat),
        cmocka_unit_test(what_is_no_file_is_named_and_not_waited_for),
        cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
