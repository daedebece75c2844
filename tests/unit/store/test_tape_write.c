// test_tape_write.c - what one write puts on the tape, and what a full disk leaves.
#include "cmocka_all.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tape_fixture.h"

static void
a_short_write_leaves_whole_lines_and_goes_on_when_there_is_room(void **state) {
    struct tape_fixture *f = *state;
    struct cr_tape *tape = tape_open_new(f, 0, 0);
    struct cr_call_record record = tape_plain_record(0);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    low = old;
    low.rlim_cur = 600; // within the second line
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    record.trajectory = 1;
    struct cr_err err = {0};
    enum cr_status full = cr_tape_append(tape, &record, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(full, CR_E_FULL);
    struct cr_tape_damage damage = tape_scan_all(f);
    assert_int_equal(damage.lines, 1);
    assert_int_equal(damage.torn + damage.damaged, 0);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    damage = tape_scan_all(f);
    assert_int_equal(damage.lines, 2);
    assert_int_equal(damage.torn + damage.damaged, 0);
}

// The bytes of the tape of launch 0, rank 0.
static size_t tape_bytes(struct tape_fixture *f) {
    struct stat st;
    char path[128];
    tape_path(f, path);
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void of_lines_written_together_those_that_fit_stay(void **state) {
    struct tape_fixture *f = *state;
    struct cr_call_record records[4];
    for (uint64_t i = 0; i < 4; i++) {
        records[i] = tape_plain_record(i);
    }
    struct cr_tape *tape = tape_open_new(f, 0, 0);
    size_t kept = 0;
    assert_int_equal(cr_tape_append_all(tape, records, 1, &kept, NULL), CR_OK);
    assert_int_equal(kept, 1);
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    low = old;
    low.rlim_cur = 3 * tape_bytes(f) + 100; // within the fourth line
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    enum cr_status full = cr_tape_append_all(tape, records + 1, 3, &kept, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(full, CR_E_FULL);
    assert_int_equal(kept, 2);
    assert_int_equal(cr_tape_append_all(tape, records + 3, 1, &kept, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    struct cr_tape_damage damage = tape_scan_all(f);
    assert_int_equal(damage.lines, 4);
    assert_int_equal(damage.torn + damage.damaged, 0);
    for (size_t i = 0; i < 4; i++) {
        tape_assert_equal(&f->seen.at[i], &records[i]);
    }
}

static void seconds_read_back_to_the_same_double(void **state) {
    struct tape_fixture *f = *state;
    static const double seconds[] = {
        0,       0.1,  1e-6,     0.000123, 12.345678,
        1.0 / 3, 1e-7, 86400.5,  7e5,      999999999.999999,
        1e9,     1e20, 4.9e-324, 1.7e308};
    struct cr_tape *tape = tape_open_new(f, 0, 0);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        struct cr_call_record record = tape_plain_record(i);
        record.latency_s = seconds[i];
        assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    }
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    tape_scan_all(f);
    assert_int_equal(f->seen.len, sizeof seconds / sizeof *seconds);
    for (size_t i = 0; i < f->seen.len; i++) {
        assert_true(f->seen.at[i].latency_s == seconds[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, tape_setup, tape_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_short_write_leaves_whole_lines_and_goes_on_when_there_is_room),
        CASE(of_lines_written_together_those_that_fit_stay),
        CASE(seconds_read_back_to_the_same_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
