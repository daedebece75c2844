// Whole runs in one process: whatever happens to ranks, messages, budgets and memory,
// the rows are those of an unbroken run and no recorded call is asked again.
#include "fleet.h"

#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cluster/cluster.h"
#include "credence/cluster/message.h"
#include "run/signals.h"

enum { CLAIMS = 12 };

#define SIM_JOB(dials, limits, varies)                                                 \
    "{ \"name\": \"t\", \"models\": { \"sim\": { \"api\": \"sim\", \"latency_ms\": 40" \
    ", \"malformed\": 0.1" dials limits                                                \
    " } },\n \"benchmarks\": { \"claims\": { \"format\": \"jsonl\", \"path\": "        \
    "\"claims.jsonl\" } },\n \"cell\": { \"benchmark\": \"claims\", \"maker\": "       \
    "\"sim\", \"replicates\": 2 }, \"grid\": { \"stop.threshold\": [0.1, 0.2] "        \
    "}" varies " }"
static const char plain[] = SIM_JOB("", "", "");

// The rows of an unbroken run with one worker.
static struct cr_run_view *unbroken;
static uint64_t unbroken_calls;

static int set_up(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    assert_int_equal(fleet_launch(&fleet, 1), CR_EXIT_COMPLETE);
    unbroken = fleet_view(&fleet);
    unbroken_calls = fleet_read_tape(&fleet).lines;
    assert_true(unbroken->is_complete);
    assert_true(unbroken_calls > 100);
    fleet_close(&fleet);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cr_run_view_close(unbroken);
    return 0;
}

static void expect_unbroken(const struct fleet *fleet) {
    struct cr_run_view *view = fleet_view(fleet);
    fleet_assert_same(unbroken, view);
    cr_run_view_close(view);
    assert_int_equal(fleet_read_tape(fleet).repeated, 0);
    assert_true(fleet_status_says(fleet, "\"state\": \"complete\""));
    assert_true(fleet_status_says(fleet, "\"exit_code\": 0"));
}

static void start(struct fleet *fleet, int workers) {
    if (fleet_start(fleet, workers) != CR_OK) {
        fail_msg("%s %s", fleet->err.text, fleet->f.err.text);
    }
}

static void turn(struct fleet *fleet, int turns) {
    for (int i = 0; i < turns; i++) {
        fleet_turn(fleet, 5);
    }
}

static void any_number_of_workers_makes_the_same_rows(void **state) {
    (void)state;
    static const int workers[] = {2, 5, 7};
    for (size_t i = 0; i < 3; i++) {
        struct fleet fleet;
        fleet_open(&fleet, CLAIMS, plain);
        assert_int_equal(fleet_launch(&fleet, workers[i]), CR_EXIT_COMPLETE);
        expect_unbroken(&fleet);
        assert_int_equal(fleet_read_tape(&fleet).lines, unbroken_calls);
        fleet_close(&fleet);
    }
}

static void a_silent_worker_is_replaced_from_its_tape(void **state) {
    (void)state;
    struct fleet fleet;
    for (int at = 20; at < 200; at += 60) {
        fleet_open(&fleet, CLAIMS, plain);
        start(&fleet, 3);
        turn(&fleet, at);
        fleet.is_frozen[2] = true;
        fleet_run(&fleet);
        assert_int_equal(cr_coordinator_end(fleet.at[0].coordinator), CR_END_COMPLETE);
        assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
        expect_unbroken(&fleet);
        assert_true(fleet_status_says(&fleet, "\"lost_ranks\": 1"));
        fleet_close(&fleet);
    }
}

static const struct cr_cluster_ops *single;

static enum cr_status send_results_twice(struct cr_cluster *cluster,
                                         const struct cr_packet *packet,
                                         struct cr_err *err) {
    enum cr_status status = single->send(cluster, packet, err);
    if (status == CR_OK && packet->tag == CR_TAG_RESULT) {
        status = single->send(cluster, packet, err);
    }
    return status;
}

static void remove_tapes(const struct fleet *fleet) {
    char pattern[160];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/tape/*.jsonl", fleet->run);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        assert_int_equal(unlink(found.gl_pathv[i]), 0);
    }
    globfree(&found);
}

static bool has_file(const struct fleet *fleet, const char *name) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", fleet->run, name);
    return cr_file_exists(path);
}

// A purge of old files must not make the work be paid for twice without a word.
static void tapes_that_are_gone_are_missed_before_anything_is_asked(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 120);
    cr_coordinator_signal(fleet.at[0].coordinator, 1, "test");
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    const uint64_t lines = fleet_read_tape(&fleet).lines;
    assert_true(lines > 0);
    remove_tapes(&fleet);
    for (int i = 0; i < 2; i++) { // however often it is tried
        assert_int_equal(fleet_start(&fleet, 2), CR_E_BLOCKED);
        assert_non_null(strstr(fleet.err.text, "--accept-loss"));
        assert_true(has_file(&fleet, "run.h5"));
        assert_false(has_file(&fleet, "run.h5.before"));
        assert_true(fleet_status_says(&fleet, "\"exit_code\": 4"));
    }
    fleet.options.accepts_loss = true;
    assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
    assert_true(has_file(&fleet, "run.h5.before-loss"));
    fleet.options.accepts_loss = false;
    assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

// What --log shows of a launch: each phase, message and lease, and nothing unasked.
static void a_launch_can_be_watched(void **state) {
    (void)state;
    struct fleet fleet;
    char *text = NULL;
    size_t bytes = 0;
    fleet_open(&fleet, 2, SIM_JOB("", ", \"limits\": { \"concurrency\": 2 }", ""));
    fleet.log = (struct cr_log){.level = CR_LOG_ERROR,
                                .rank = -1,
                                .modules = CR_LOG_RUN | CR_LOG_MESSAGE | CR_LOG_LIMITS,
                                .file = open_memstream(&text, &bytes)};
    assert_non_null(fleet.log.file);
    assert_int_equal(fleet_launch(&fleet, 1), CR_EXIT_COMPLETE);
    fclose(fleet.log.file);
    assert_non_null(strstr(text, "[run] running -> stopping\n"));
    assert_non_null(strstr(text, "[run] stopping -> over\n"));
    assert_non_null(strstr(text, "[message] from rank 1: hello, "));
    assert_non_null(strstr(text, "[message] to rank 1: grant, "));
    assert_non_null(strstr(text, "[limits] rank 1, model sim: 2 in flight"));
    assert_null(strstr(text, "[model]"));
    free(text);
    fleet_close(&fleet);
}

static void a_result_that_comes_twice_is_entered_once(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    single = fleet.at[1].cluster->ops;
    struct cr_cluster_ops twice = *single;
    twice.send = send_results_twice;
    fleet.at[1].cluster->ops = fleet.at[2].cluster->ops = &twice;
    fleet_run(&fleet);
    fleet.at[1].cluster->ops = fleet.at[2].cluster->ops = single;
    const struct cr_tally *tally = &fleet.at[0].recorder.tally;
    assert_int_equal(tally->done + tally->invalid, unbroken->episodes);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

// It was given up too early: what it still says is not heard, and it leaves by itself.
static void a_worker_that_wakes_up_too_late_changes_nothing(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 40);
    fleet.is_frozen[2] = true;
    turn(&fleet, FLEET_LOST_MS / 5 + 20);
    fleet.is_frozen[2] = false;
    fleet_run(&fleet);
    for (int i = 0; i < FLEET_LOST_MS && !fleet.is_out[2]; i++) {
        turn(&fleet, 1);
    }
    assert_true(fleet.is_out[2]);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
    struct cr_run_view *view = fleet_view(&fleet);
    fleet_assert_same(unbroken, view);
    cr_run_view_close(view);
    fleet_close(&fleet);
}

static void every_worker_silent_ends_the_run_and_a_resume_completes_it(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 60);
    fleet.is_frozen[1] = fleet.is_frozen[2] = true;
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    assert_true(fleet_status_says(&fleet, "every worker is lost"));
    assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void a_coordinator_that_stood_still_blames_nobody(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 30);
    // All stand still, as when one file system hangs for all.
    cr_fake_clock_advance_ms(&fleet.fake, 10 * FLEET_LOST_MS);
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
    assert_true(fleet_status_says(&fleet, "\"lost_ranks\": 0"));
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void workers_leave_when_the_coordinator_is_gone(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 30);
    fleet.is_frozen[0] = true;
    turn(&fleet, FLEET_LOST_MS / 5 + 10);
    assert_true(fleet.is_out[1] && fleet.is_out[2]);
    fleet_kill(&fleet);
    assert_int_equal(fleet_launch(&fleet, 1), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void a_signal_drains_at_any_moment_and_a_resume_goes_on(void **state) {
    (void)state;
    for (int at = 0; at < 260; at += at < 2 ? 1 : 61) {
        struct fleet fleet;
        fleet_open(&fleet, CLAIMS, plain);
        start(&fleet, 3);
        turn(&fleet, at);
        cr_coordinator_signal(fleet.at[0].coordinator, 1, "SIGTERM");
        const int64_t since = cr_clock_now_ms(&fleet.clock);
        fleet_run(&fleet);
        assert_in_range(cr_clock_now_ms(&fleet.clock) - since, 0, 2000);
        const enum cr_exit outcome = fleet_end(&fleet);
        if (outcome == CR_EXIT_STOPPED) {
            assert_true(fleet_status_says(&fleet, "\"state\": \"interrupted\""));
            assert_true(fleet_status_says(&fleet, "\"exit_code\": 75"));
            assert_true(fleet_status_says(&fleet, "SIGTERM"));
            const struct fleet_tape tape = fleet_read_tape(&fleet);
            assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
            assert_int_equal(fleet_read_tape(&fleet).lines, unbroken_calls);
            assert_true(tape.lines <= unbroken_calls);
        } else {
            assert_int_equal(outcome, CR_EXIT_COMPLETE);
        }
        expect_unbroken(&fleet);
        fleet_close(&fleet);
    }
}

static void a_second_signal_drops_what_is_in_flight(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, SIM_JOB("", "", ""));
    fleet.options.grace_ms = 1000000;
    start(&fleet, 2);
    turn(&fleet, 30);
    cr_coordinator_signal(fleet.at[0].coordinator, 1, "SIGTERM");
    fleet_turn(&fleet, 1);
    cr_coordinator_signal(fleet.at[0].coordinator, 2, "SIGTERM");
    const int64_t since = cr_clock_now_ms(&fleet.clock);
    fleet_run(&fleet);
    assert_in_range(cr_clock_now_ms(&fleet.clock) - since, 0, 1000);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void a_signal_to_a_worker_stops_all(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 3);
    turn(&fleet, 30);
    cr_worker_signal(fleet.at[2].worker, 1);
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    assert_true(fleet_status_says(&fleet, "a signal to rank 2"));
    fleet_close(&fleet);
}

static void a_killed_job_loses_no_recorded_call(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    uint64_t lines = 0;
    for (int launch = 0; launch < 6; launch++) {
        start(&fleet, 1 + launch % 3);
        turn(&fleet, 25 + 11 * launch);
        fleet_kill(&fleet);
        const struct fleet_tape tape = fleet_read_tape(&fleet);
        assert_true(tape.lines >= lines);
        lines = tape.lines;
    }
    assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    assert_int_equal(fleet_read_tape(&fleet).lines, unbroken_calls);
    fleet_close(&fleet);
}

static void a_worker_silent_from_the_start_is_replaced(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 3);
    fleet.is_frozen[3] = true; // its hello is there, but nothing after
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void a_rank_that_comes_after_the_end_is_told_to_stop(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    cr_coordinator_signal(fleet.at[0].coordinator, 1, "SIGTERM"); // before any hello
    fleet_run(&fleet);
    turn(&fleet, 3);
    assert_true(cr_worker_is_over(fleet.at[1].worker));
    assert_true(cr_worker_is_over(fleet.at[2].worker));
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    fleet_close(&fleet);
}

static void budget_of(struct fleet *fleet, const char *set) {
    const struct cr_bundle_request request = {.sets = &set, .sets_len = 1};
    if (fixture_make(&fleet->f, plain, request) != CR_OK) {
        fail_msg("%s", fleet->f.err.text);
    }
}

static void a_budget_of_calls_is_kept_exactly_over_launches(void **state) {
    (void)state;
    static const char *const sets[] = {"budget.calls=1", "budget.calls=37",
                                       "budget.calls=38", "budget.calls=150"};
    static const uint64_t calls[] = {1, 37, 38, 150};
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, plain);
    for (size_t i = 0; i < 4; i++) {
        budget_of(&fleet, sets[i]);
        assert_int_equal(fleet_launch(&fleet, 3), CR_EXIT_STOPPED);
        assert_int_equal(fleet_read_tape(&fleet).lines, calls[i]);
        assert_true(fleet_status_says(&fleet, "budget of calls"));
    }
    budget_of(&fleet, "budget.calls=100000");
    assert_int_equal(fleet_launch(&fleet, 3), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void a_budget_that_is_just_enough_completes(void **state) {
    (void)state;
    struct fleet fleet;
    char set[64];
    fleet_open(&fleet, CLAIMS, plain);
    snprintf(set, sizeof set, "budget.calls=%d", (int)unbroken_calls);
    budget_of(&fleet, set);
    assert_int_equal(fleet_launch(&fleet, 5), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void replies_from_another_runs_tape_are_never_spent(void **state) {
    (void)state;
    struct fleet earlier, fleet;
    char cache[160];
    const char *sets[] = {"budget.calls=5", cache};
    const struct cr_bundle_request request = {.sets = sets, .sets_len = 2};
    fleet_open(&earlier, CLAIMS, plain);
    assert_int_equal(fleet_launch(&earlier, 3), CR_EXIT_COMPLETE);
    fleet_open(&fleet, CLAIMS, plain);
    snprintf(cache, sizeof cache, "cache=[\"%s\"]", earlier.run);
    assert_int_equal(fixture_make(&fleet.f, plain, request), CR_OK);
    start(&fleet, 1);
    for (int i = 0; i < 50 && fleet_read_tape(&fleet).lines <= 5; i++) {
        fleet_turn(&fleet, 5);
    }
    fleet_kill(&fleet);
    assert_in_range(fleet_read_tape(&fleet).lines, 6, unbroken_calls - 1);
    assert_int_equal(fleet_launch(&fleet, 3), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    assert_true(fleet_status_says(&fleet, "\"calls\": 0,"));
    fleet_close(&fleet);
    fleet_close(&earlier);
}

static void attempts_that_fail_hang_no_budget(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS,
               SIM_JOB(", \"failures\": 0.4", ", \"limits\": { \"retries\": 9 }",
                       ", \"budget\": { \"calls\": 60 }"));
    assert_int_equal(fleet_launch(&fleet, 3), CR_EXIT_STOPPED);
    assert_in_range(fleet_read_tape(&fleet).lines, 50, 60);
    fleet_close(&fleet);
}

static void leases_keep_the_sum_within_the_limit_at_every_turn(void **state) {
    (void)state;
    struct fleet fleet;
    uint32_t most = 0;
    fleet_open(&fleet, CLAIMS, SIM_JOB("", ", \"limits\": { \"concurrency\": 7 }", ""));
    start(&fleet, 4);
    while (!fleet_is_over(&fleet)) {
        uint32_t in_flight = 0;
        fleet_turn(&fleet, 5);
        assert_true(fleet.turns < FLEET_TURNS_MAX);
        for (int rank = 1; rank < fleet.size; rank++) {
            struct cr_model_metrics metrics;
            cr_client_metrics(fleet.at[rank].client, 0, &metrics);
            in_flight += metrics.in_flight;
        }
        assert_in_range(in_flight, 0, 7);
        most = in_flight > most ? in_flight : most;
    }
    assert_int_equal(most, 7); // and it is used up
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void requests_a_minute_hold_over_all_workers(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS, SIM_JOB("", ", \"limits\": { \"rpm\": 600 }", ""));
    const int64_t since = cr_clock_now_ms(&fleet.clock);
    assert_int_equal(fleet_launch(&fleet, 4), CR_EXIT_COMPLETE);
    const double minutes = (double)(cr_clock_now_ms(&fleet.clock) - since) / 60000;
    const double attempts = (double)fleet_read_tape(&fleet).lines;
    assert_true(attempts <= 600 * minutes + 11);
    assert_true(attempts > 300 * minutes); // and half of it is used at the least
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

static void failures_are_tried_again_by_the_next_launch(void **state) {
    (void)state;
    struct fleet fleet;
    fleet_open(&fleet, CLAIMS,
               SIM_JOB(", \"failures\": 0.1", ", \"limits\": { \"retries\": 0 }", ""));
    enum cr_exit outcome = fleet_launch(&fleet, 2);
    assert_int_equal(outcome, CR_EXIT_FAILED);
    assert_true(fleet_status_says(&fleet, "\"exit_code\": 3"));
    const uint64_t lines = fleet_read_tape(&fleet).lines;
    outcome = fleet_launch(&fleet, 2);
    assert_true(fleet_read_tape(&fleet).lines > lines);
    assert_true(outcome == CR_EXIT_FAILED || outcome == CR_EXIT_COMPLETE);
    fleet_close(&fleet);
}

// Signals are counted for the process, so this test comes last.
static void signals_while_loading_and_in_the_last_pass_are_heeded(void **state) {
    (void)state;
    struct fleet fleet;
    struct cr_err err = {0};
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 120);
    fleet_kill(&fleet);
    assert_int_equal(cr_signals_start(&err), CR_OK);
    start(&fleet, 2); // loaded before the signal
    fleet_run(&fleet);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_COMPLETE);  // one may come too late
    assert_int_equal(fleet_start(&fleet, 2), CR_E_STOPPED); // while the tape is read
    assert_true(fleet_status_says(&fleet, "\"state\": \"interrupted\""));
    assert_true(fleet_status_says(&fleet, "\"exit_code\": 75"));
    assert_true(fleet_status_says(&fleet, "SIGTERM"));
    fleet_close(&fleet);
}

static void a_lost_lock_ends_the_run_without_another_byte(void **state) {
    (void)state;
    struct fleet fleet;
    char path[128];
    static const char theirs[] =
        "{\"host\":\"node2\",\"pid\":1,\"started\":7,\"beat\":1}";
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 30);
    snprintf(path, sizeof path, "%s/lock", fleet.run);
    assert_int_equal(cr_file_write(path, theirs, strlen(theirs), 0600, NULL), CR_OK);
    cr_fake_clock_advance_ms(&fleet.fake, CR_LOCK_BEAT_MS);
    turn(&fleet, 2);
    snprintf(path, sizeof path, "%s/status.json", fleet.run);
    assert_int_equal(cr_file_write(path, "theirs", 6, 0600, NULL), CR_OK);
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    assert_true(fleet_status_says(&fleet, "theirs"));
    snprintf(path, sizeof path, "%s/lock", fleet.run);
    assert_true(cr_file_exists(path));
    fleet_close(&fleet);
}

static void a_damaged_spool_is_made_good_in_the_same_launch(void **state) {
    (void)state;
    struct fleet fleet;
    char path[128];
    fleet_open(&fleet, CLAIMS, plain);
    start(&fleet, 2);
    turn(&fleet, 120);
    cr_coordinator_signal(fleet.at[0].coordinator, 1, "SIGTERM");
    fleet_run(&fleet);
    assert_int_equal(fleet_end(&fleet), CR_EXIT_STOPPED);
    snprintf(path, sizeof path, "%s/spool", fleet.run);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, -2, SEEK_END), 0); // the body of the last entry
    assert_int_equal(fputc(0x55, file), 0x55);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(fleet_launch(&fleet, 2), CR_EXIT_COMPLETE);
    expect_unbroken(&fleet);
    fleet_close(&fleet);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_workers_makes_the_same_rows),
        cmocka_unit_test(a_launch_can_be_watched),
        cmocka_unit_test(tapes_that_are_gone_are_missed_before_anything_is_asked),
        cmocka_unit_test(a_result_that_comes_twice_is_entered_once),
        cmocka_unit_test(a_worker_that_wakes_up_too_late_changes_nothing),
        cmocka_unit_test(a_coordinator_that_stood_still_blames_nobody),
        cmocka_unit_test(a_signal_to_a_worker_stops_all),
        cmocka_unit_test(a_worker_silent_from_the_start_is_replaced),
        cmocka_unit_test(a_rank_that_comes_after_the_end_is_told_to_stop),
        cmocka_unit_test(a_budget_that_is_just_enough_completes),
        cmocka_unit_test(replies_from_another_runs_tape_are_never_spent),
        cmocka_unit_test(attempts_that_fail_hang_no_budget),
        cmocka_unit_test(leases_keep_the_sum_within_the_limit_at_every_turn),
    };
    // Label contract: run when there is an argument.
    const struct CMUnitTest slow[] = {
        cmocka_unit_test(requests_a_minute_hold_over_all_workers),
        cmocka_unit_test(failures_are_tried_again_by_the_next_launch),
        cmocka_unit_test(a_damaged_spool_is_made_good_in_the_same_launch),
        cmocka_unit_test(a_signal_drains_at_any_moment_and_a_resume_goes_on),
        cmocka_unit_test(a_budget_of_calls_is_kept_exactly_over_launches),
        cmocka_unit_test(a_silent_worker_is_replaced_from_its_tape),
        cmocka_unit_test(every_worker_silent_ends_the_run_and_a_resume_completes_it),
        cmocka_unit_test(a_killed_job_loses_no_recorded_call),
        cmocka_unit_test(workers_leave_when_the_coordinator_is_gone),
        cmocka_unit_test(a_second_signal_drops_what_is_in_flight),
        cmocka_unit_test(a_lost_lock_ends_the_run_without_another_byte),
        cmocka_unit_test(signals_while_loading_and_in_the_last_pass_are_heeded),
    };
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests(slow, set_up, tear_down)
                    : cmocka_run_group_tests(tests, set_up, tear_down);
}
