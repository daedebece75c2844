// backend_http.c - the HTTP backends against a server that misbehaves by request.
#include "fault_fixture.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"

static struct fault_server server, second;
static struct fault_bench bench;

static int stop(void **state) {
    (void)state;
    fault_stop(&server);
    fault_stop(&second);
    return 0;
}

static struct cr_model model_at(const char *rules) {
    fault_start(&server, rules, NULL);
    struct cr_model model = fixture_remote("m", "openai", server.urls, 1);
    model.limits.timeout_s = 60; // nobody waits for it, so that a slow machine has time
    model.limits.retries = 6;
    model.limits.concurrency = 64;
    return model;
}

static void open_at(const char *rules) {
    struct cr_model model = model_at(rules);
    bench_open(&bench, &model);
}

static unsigned count_failed(unsigned len) {
    unsigned failed = 0;
    for (unsigned i = 0; i < len; i++) {
        failed += bench.replies[i].reason != CR_REASON_NONE;
    }
    return failed;
}

// Every fault that passes, alone: each request meets it once. The first ones cost what
// is waited at the most.
static void a_passing_fault_costs_an_attempt_and_no_call(void **state) {
    static const char *const faults[] = {
        "stall", "never", "endless",   "reset_before", "reset_mid",     "429",
        "500",   "502",   "503",       "504",          "529",           "408",
        "409",   "html",  "truncated", "wrong_types",  "empty_choices", "invalid_utf8"};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char rules[200];
        snprintf(rules, sizeof rules, "{\"rules\":[{\"fault\":\"%s\",\"times\":1}]}",
                 faults[i]);
        print_message("%s\n", faults[i]);
        struct cr_model model = model_at(rules);
        model.limits.timeout_s = i < 3 ? 3 : model.limits.timeout_s;
        bench_open(&bench, &model);
        bench_run(&bench, 0, 4);
        assert_int_equal(count_failed(4), 0);
        for (unsigned c = 0; c < 4; c++) {
            assert_int_equal(bench.replies[c].attempts, 2);
            assert_int_equal(bench.replies[c].http_status, 200);
        }
        bench_close(&bench);
        fault_stop(&server);
    }
}

static void odd_replies_are_read(void **state) {
    static const char *const faults[] = {"drip", "slow",   "fenced",      "think",
                                         "gzip", "length", "null_content"};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char rules[200];
        snprintf(rules, sizeof rules, "{\"rules\":[{\"fault\":\"%s\",\"times\":0}]}",
                 faults[i]);
        print_message("%s\n", faults[i]);
        open_at(rules);
        bench_run(&bench, 0, 4);
        assert_int_equal(count_failed(4), 0);
        assert_int_equal(bench.replies[0].attempts, 1);
        assert_null(strstr(bench.replies[0].text, "<think>"));
        assert_int_equal(bench.replies[0].reasoning != NULL,
                         strcmp(faults[i], "think") == 0);
        bench_close(&bench);
        fault_stop(&server);
    }
}

static void a_refusal_is_final_and_named(void **state) {
    static const char *const statuses[] = {"400", "401", "403", "404", "422", "402"};
    static const enum cr_reason reasons[] = {CR_REASON_BAD_REQUEST, CR_REASON_KEY,
                                             CR_REASON_KEY,         CR_REASON_NOT_FOUND,
                                             CR_REASON_BAD_REQUEST, CR_REASON_QUOTA};
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char rules[200];
        snprintf(rules, sizeof rules, "{\"rules\":[{\"fault\":\"%s\",\"times\":0}]}",
                 statuses[i]);
        open_at(rules);
        bench_run(&bench, 0, 2);
        const struct cr_reply *reply = &bench.replies[0];
        print_message("%s\n", reply->error);
        assert_int_equal(reply->reason, reasons[i]);
        assert_int_equal(reply->attempts, 1);
        assert_int_equal(reply->http_status, atoi(statuses[i]));
        assert_non_null(strstr(reply->error, "model m at http://127.0.0.1:"));
        assert_non_null(strstr(reply->error, statuses[i]));
        assert_int_equal(fault_stat(&server, "requests"), 2);
        bench_close(&bench);
        fault_stop(&server);
    }
}

static void a_wrong_key_is_never_repeated_to_people(void **state) {
    (void)state;
    setenv("CREDENCE_TEST_KEY", "sk-very-wrong-1234", 1);
    struct cr_model model = model_at("{\"key\":\"right\"}");
    model.api_key_env = "CREDENCE_TEST_KEY";
    bench_open(&bench, &model);
    bench_run(&bench, 0, 1);
    assert_int_equal(bench.replies[0].reason, CR_REASON_KEY);
    assert_null(strstr(bench.replies[0].error, "very-wrong"));
    bench_close(&bench);
    setenv("CREDENCE_TEST_KEY", "right", 1);
    bench_open(&bench, &model);
    bench_run(&bench, 0, 1);
    assert_int_equal(bench.replies[0].reason, CR_REASON_NONE);
    bench_close(&bench);
}

static void a_refused_form_is_dropped_and_that_is_remembered(void **state) {
    (void)state;
    open_at("{\"rules\":[{\"fault\":\"refuse_format\",\"times\":0}]}");
    bench_run(&bench, 0, 1);
    assert_int_equal(bench.replies[0].reason, CR_REASON_NONE);
    assert_int_equal(bench.replies[0].attempts, 3); // schema, object, none
    bench_run(&bench, 1, 20);
    assert_int_equal(count_failed(20), 0);
    for (unsigned i = 1; i < 20; i++) {
        assert_int_equal(bench.replies[i].attempts, 1);
    }
    bench_close(&bench);
}

static void a_form_that_was_asked_for_by_name_is_not_dropped(void **state) {
    (void)state;
    struct cr_model model =
        model_at("{\"rules\":[{\"fault\":\"refuse_format\",\"times\":0}]}");
    model.structured = "json_schema";
    bench_open(&bench, &model);
    bench_run(&bench, 0, 1);
    assert_int_equal(bench.replies[0].reason, CR_REASON_BAD_REQUEST);
    bench_close(&bench);
}

static void nobody_comes_before_retry_after(void **state) {
    static const char *const shapes[] = {
        "{\"rules\":[{\"fault\":\"429\",\"share\":0.3,\"retry_after\":2}]}",
        "{\"rules\":[{\"fault\":\"503\",\"share\":0.3,\"retry_after\":2,"
        "\"retry_as\":\"date\"}]}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        open_at(shapes[i]);
        bench_run(&bench, 0, 100);
        assert_int_equal(count_failed(100), 0);
        assert_true(fault_stat(&server, "requests") > 110);
        assert_int_equal(fault_stat(&server, "retry_early"), 0);
        assert_int_equal(fault_stat(&server, "pause_early"), 0);
        bench_close(&bench);
        fault_stop(&server);
    }
}

static void concurrency_adapts_to_what_the_server_bears(void **state) {
    (void)state;
    struct cr_model model = model_at("{\"latency_ms\":50,\"rules\":[{\"fault\":\"429\","
                                     "\"over_in_flight\":20}]}");
    struct cr_model_metrics metrics;
    model.limits.concurrency = 0;
    model.limits.retries = 30;
    bench_open(&bench, &model);
    bench_run(&bench, 0, 500);
    assert_int_equal(count_failed(500), 0);
    cr_client_metrics(bench.client, 0, &metrics);
    assert_in_range(metrics.concurrency, 2, 60);
    assert_true(metrics.rate_limited > 0);
    bench_close(&bench);
}

static void a_dead_server_loses_nothing(void **state) {
    const char *urls[2];
    (void)state;
    fault_start(&server, "{\"latency_ms\":20}", NULL);
    fault_start(&second, "{\"latency_ms\":20}", NULL);
    urls[0] = server.url;
    urls[1] = second.url;
    struct cr_model model = fixture_remote("m", "openai", urls, 2);
    model.limits.concurrency = 32;
    model.limits.retries = 5;
    bench_open(&bench, &model);
    for (unsigned i = 0; i < 300; i++) {
        fixture_submit(bench.client, &bench.calls[i]);
    }
    unsigned done = 0;
    while (done < 100) {
        fixture_poll(bench.client, 1000);
        done += fixture_take_all(bench.client, bench.calls, bench.replies);
    }
    assert_true(fault_stat(&second, "requests") > 30); // both were at work
    fault_stop(&second);
    bench_run(&bench, 0, 0);
    assert_int_equal(count_failed(300), 0);
    bench_close(&bench);
}

static void a_server_that_is_gone_is_named(void **state) {
    (void)state;
    struct cr_model model = model_at("{}");
    model.limits.retries = 1;
    bench_open(&bench, &model);
    fault_stop(&server);
    bench_run(&bench, 0, 1);
    assert_int_equal(bench.replies[0].reason, CR_REASON_CONNECTION);
    assert_non_null(strstr(bench.replies[0].error, server.url));
    bench_close(&bench);
}

static void a_local_server_may_move(void **state) {
    (void)state;
    struct cr_model model = model_at("{}");
    static const char *const command[] = {"server", NULL};
    model.endpoints_len = 0;
    model.serve.command = command;
    bench_open(&bench, &model);
    fixture_submit(bench.client, &bench.calls[0]);
    fixture_poll(bench.client, 20); // nowhere to go yet
    assert_int_equal(cr_client_live(bench.client), 1);
    assert_int_equal(cr_client_endpoint(bench.client, 0, 0, server.url), CR_OK);
    bench_run(&bench, 0, 0);
    assert_non_null(bench.replies[0].text);
    assert_int_equal(cr_client_endpoint(bench.client, 0, 0, NULL), CR_OK);
    fixture_submit(bench.client, &bench.calls[1]);
    fixture_poll(bench.client, 20);
    assert_int_equal(cr_client_live(bench.client), 1);
    assert_int_equal(cr_client_endpoint(bench.client, 0, 0, server.url), CR_OK);
    bench_run(&bench, 0, 0);
    assert_non_null(bench.replies[1].text);
    bench_close(&bench);
}

static void a_unix_socket_is_as_good_as_a_port(void **state) {
    char folder[] = "/tmp/credence-socket-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    fault_start(&server, "{}", path);
    struct cr_model model = fixture_remote("m", "openai", NULL, 0);
    model.unix_socket = path;
    bench_open(&bench, &model);
    bench_run(&bench, 0, 20);
    assert_int_equal(count_failed(20), 0);
    bench_close(&bench);
    fault_stop(&server);
    unlink(path);
    rmdir(folder);
}

static void a_proxy_from_the_environment_is_used(void **state) {
    (void)state;
    struct cr_model model = model_at("{}");
    static const char *const far[] = {"http://model.invalid/v1"};
    model.endpoints = far;
    setenv("http_proxy", server.url, 1);
    bench_open(&bench, &model);
    bench_run(&bench, 0, 2);
    unsetenv("http_proxy");
    assert_int_equal(count_failed(2), 0);
    bench_close(&bench);
}

// Names are looked up by threads of the library, which brings descriptors of its own.
static void a_host_may_be_a_name(void **state) {
    char named[64];
    const char *urls[] = {named};
    (void)state;
    struct cr_model model =
        model_at("{\"rules\":[{\"fault\":\"reset_before\",\"share\":0.3}]}");
    snprintf(named, sizeof named, "http://localhost:%u/v1", server.port);
    model.endpoints = urls;
    bench_open(&bench, &model);
    bench_run(&bench, 0, 100);
    assert_int_equal(count_failed(100), 0);
    bench_close(&bench);
}

// One call with the N-th allocation failing, wherever that is. It completes, or the
// turn says why not; nothing leaks (the sanitizer build looks) and nothing hangs.
static void every_allocation_may_fail_on_the_wire(void **state) {
    uint64_t counted = UINT64_MAX;
    (void)state;
    struct cr_model model = model_at("{}");
    struct cr_job job = {.models = &model, .models_len = 1};
    struct cr_client_cfg cfg = {
        .job = &job, .clock = cr_clock_monotonic(), .live_max = 4};
    model.limits.retries = 0;
    for (uint64_t n = 1; counted >= n - 1; n++) {
        struct cr_client *client = NULL;
        struct cr_call call = fixture_call(0), *taken;
        struct cr_reply reply;
        cr_mem_fail_at(n);
        enum cr_status status = cr_client_create(&cfg, &client, NULL);
        status = status != CR_OK ? status : cr_client_submit(client, &call, NULL);
        for (int turn = 0; turn < 1000 && status == CR_OK && cr_client_live(client) > 0;
             turn++) {
            status = cr_client_poll(client, 100, NULL);
            while (cr_client_take(client, &taken, &reply)) {
                assert_ptr_equal(taken, &call);
                assert_true(reply.text || reply.reason);
                cr_reply_fini(&reply);
            }
        }
        assert_true(status || cr_client_live(client) == 0);
        cr_client_destroy(client);
        counted = cr_mem_count();
        cr_mem_fail_at(0);
    }
    print_message("%u allocations\n", (unsigned)counted);
}

// Some servers answer within the very call that sends the request. An answer that was
// missed would be found when a poll ends, a second later.
static void an_instant_answer_is_not_waited_for(void **state) {
    (void)state;
    struct cr_model model = model_at("{}");
    bench_open(&bench, &model);
    int64_t start_ms = cr_clock_now_ms(cr_clock_monotonic());
    for (unsigned i = 0; i < 200; i++) {
        bench_run(&bench, i, i + 1);
    }
    assert_int_equal(count_failed(200), 0);
    assert_true(cr_clock_now_ms(cr_clock_monotonic()) - start_ms < 60000);
    bench_close(&bench);
}

// When this process may open no more sockets, fewer calls are under way; no server is to
// blame and no call is lost.
static void few_descriptors_mean_fewer_calls(void **state) {
    struct rlimit before, few;
    struct cr_model_metrics metrics;
    (void)state;
    open_at("{\"latency_ms\":50}");
    bench_run(&bench, 0, 1); // what opens once is open
    const int lowest = dup(STDERR_FILENO);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)lowest + 10, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    bench_run(&bench, 1, 64);
    cr_client_metrics(bench.client, 0, &metrics);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(count_failed(64), 0);
    assert_in_range(metrics.concurrency, 1, 16);
    assert_true(metrics.retries > 0);
    bench_close(&bench);
}

static void an_empty_quota_is_waited_out(void **state) {
    (void)state;
    open_at("{\"rules\":[{\"fault\":\"slow\",\"ordinals\":[1],\"headers\":{"
            "\"x-ratelimit-remaining-requests\":\"0\","
            "\"x-ratelimit-reset-requests\":\"1s\"}}]}");
    int64_t start_ms = cr_clock_now_ms(cr_clock_monotonic());
    bench_run(&bench, 0, 1);
    struct cr_model_metrics metrics;
    cr_client_metrics(bench.client, 0, &metrics);
    assert_in_range(metrics.pause_ms, 0, 1000);
    assert_int_equal(metrics.pause_seen_ms, 1000);
    bench_run(&bench, 1, 5);
    assert_true(cr_clock_now_ms(cr_clock_monotonic()) - start_ms >= 1000);
    assert_int_equal(count_failed(5), 0);
    bench_close(&bench);
}

// None is answered before all of them are there.
static void hundreds_fly_at_once(void **state) {
    char folder[] = "/tmp/credence-gate-XXXXXX", gate[64], rules[200];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(gate, sizeof gate, "%s/gate", folder);
    snprintf(rules, sizeof rules,
             "{\"rules\":[{\"fault\":\"slow\",\"after\":1,\"gate\":\"%s\"}]}", gate);
    struct cr_model model = model_at(rules);
    model.limits.concurrency = FAULT_CALLS_MAX;
    model.limits.timeout_s = 200;
    bench_open(&bench, &model);
    bench_run(&bench, 0, 1); // before a first answer few are out
    for (unsigned i = 1; i < FAULT_CALLS_MAX; i++) {
        fixture_submit(bench.client, &bench.calls[i]);
    }
    const int64_t give_up_ms = cr_clock_now_ms(cr_clock_monotonic()) + 100000;
    while (fault_stat(&server, "in_flight") < FAULT_CALLS_MAX - 1) {
        fixture_poll(bench.client, 10);
        assert_true(cr_clock_now_ms(cr_clock_monotonic()) < give_up_ms);
    }
    assert_int_equal(cr_file_write(gate, "", 0, 0600, NULL), CR_OK);
    bench_run(&bench, 0, 0);
    assert_int_equal(count_failed(FAULT_CALLS_MAX), 0);
    bench_close(&bench);
    unlink(gate);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_passing_fault_costs_an_attempt_and_no_call, stop),
        cmocka_unit_test_teardown(odd_replies_are_read, stop),
        cmocka_unit_test_teardown(a_refusal_is_final_and_named, stop),
        cmocka_unit_test_teardown(a_wrong_key_is_never_repeated_to_people, stop),
        cmocka_unit_test_teardown(a_refused_form_is_dropped_and_that_is_remembered,
                                  stop),
        cmocka_unit_test_teardown(a_form_that_was_asked_for_by_name_is_not_dropped,
                                  stop),
        cmocka_unit_test_teardown(nobody_comes_before_retry_after, stop),
        cmocka_unit_test_teardown(concurrency_adapts_to_what_the_server_bears, stop),
        cmocka_unit_test_teardown(a_dead_server_loses_nothing, stop),
        cmocka_unit_test_teardown(a_server_that_is_gone_is_named, stop),
        cmocka_unit_test_teardown(a_local_server_may_move, stop),
        cmocka_unit_test_teardown(a_unix_socket_is_as_good_as_a_port, stop),
        cmocka_unit_test_teardown(a_proxy_from_the_environment_is_used, stop),
        cmocka_unit_test_teardown(a_host_may_be_a_name, stop),
        cmocka_unit_test_teardown(every_allocation_may_fail_on_the_wire, stop),
        cmocka_unit_test_teardown(an_instant_answer_is_not_waited_for, stop),
        cmocka_unit_test_teardown(few_descriptors_mean_fewer_calls, stop),
        cmocka_unit_test_teardown(an_empty_quota_is_waited_out, stop),
        cmocka_unit_test_teardown(hundreds_fly_at_once, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
