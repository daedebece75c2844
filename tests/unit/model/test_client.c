// test_client.c - what holds for any backend, on simulated ones and a clock that moves
// when told.
#include "model_fixture.h"

enum { LIVE = 64 };

struct bench {
    struct cr_fake_clock fake;
    struct cr_clock clock;
    struct cr_model models[2];
    struct cr_job job;
    struct cr_client_cfg cfg;
    struct cr_client *client;
    struct cr_call calls[LIVE];
    struct cr_reply replies[LIVE];
};

static void bench_open(struct bench *bench) {
    bench->fake = (struct cr_fake_clock){.now_ns = 1000000000};
    bench->clock = cr_clock_fake(&bench->fake);
    bench->job.models = bench->models;
    bench->cfg.job = &bench->job;
    bench->cfg.clock = &bench->clock;
    bench->cfg.live_max = bench->cfg.live_max ? bench->cfg.live_max : LIVE;
    bench->client = fixture_client(&bench->cfg);
    for (unsigned i = 0; i < LIVE; i++) {
        bench->calls[i] = fixture_call(i);
    }
}

static void bench_init(struct bench *bench) {
    memset(bench, 0, sizeof *bench);
    bench->models[0] = fixture_sim("sim");
    bench->models[1] = fixture_sim("other");
    bench->job.models_len = 2;
}

static void bench_close(struct bench *bench) {
    for (unsigned i = 0; i < LIVE; i++) {
        cr_reply_fini(&bench->replies[i]);
    }
    cr_client_destroy(bench->client);
}

static void submit(struct bench *bench, unsigned from, unsigned end) {
    for (unsigned i = from; i < end; i++) {
        fixture_submit(bench->client, &bench->calls[i]);
    }
}

// All that ends without time passing. What waits is sent once all replies were taken.
static unsigned take(struct bench *bench) {
    unsigned taken = 0, more;
    do {
        fixture_poll(bench->client, 0);
        more = fixture_take_all(bench->client, bench->calls, bench->replies);
        taken += more;
    } while (more > 0);
    return taken;
}

static struct cr_model_metrics metrics_of(struct bench *bench, uint32_t model) {
    struct cr_model_metrics metrics;
    cr_client_metrics(bench->client, model, &metrics);
    return metrics;
}

static void every_call_completes_once(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench_open(&bench);
    submit(&bench, 0, LIVE);
    assert_int_equal(cr_client_live(bench.client), LIVE);
    assert_int_equal(take(&bench), LIVE);
    assert_int_equal(cr_client_live(bench.client), 0);
    for (unsigned i = 0; i < LIVE; i++) {
        assert_non_null(bench.replies[i].text);
        assert_int_equal(bench.replies[i].attempts, 1);
        assert_true(bench.replies[i].is_simulated);
    }
    assert_int_equal(take(&bench), 0);
    bench_close(&bench);
}

// Who dies now must not lose more calls than may be in flight.
static void nothing_starts_before_what_has_ended_was_taken(void **state) {
    struct bench bench;
    struct cr_call *call;
    struct cr_reply reply;
    (void)state;
    bench_init(&bench);
    bench.models[0].limits.concurrency = 2;
    bench.models[0].sim.latency_ms = 10;
    bench_open(&bench);
    submit(&bench, 0, 4);
    fixture_poll(bench.client, 0);
    assert_int_equal(metrics_of(&bench, 0).in_flight, 2);
    cr_fake_clock_advance_ms(&bench.fake, 1000);
    fixture_poll(bench.client, 0);
    assert_int_equal(metrics_of(&bench, 0).in_flight, 0);
    assert_int_equal(cr_client_start(bench.client, NULL), CR_OK);
    assert_int_equal(metrics_of(&bench, 0).in_flight, 0);
    while (cr_client_take(bench.client, &call, &reply)) {
        cr_reply_fini(&reply);
    }
    assert_int_equal(cr_client_start(bench.client, NULL), CR_OK);
    assert_int_equal(metrics_of(&bench, 0).in_flight, 2);
    bench_close(&bench);
}

// What a log of MODULES shows of a call whose attempts fail at first.
static void read_trace(unsigned modules, char text[4096]) {
    struct cr_log log = {.file = tmpfile(), .rank = -1, .modules = modules};
    struct bench bench;
    assert_non_null(log.file);
    bench_init(&bench);
    bench.models[0].sim.failures = 0.9;
    bench.models[0].limits.retries = 40;
    bench.cfg.log = &log;
    bench_open(&bench);
    submit(&bench, 3, 4);
    for (unsigned turn = 0; turn < 100 && take(&bench) == 0; turn++) {
        cr_fake_clock_advance_ms(&bench.fake, 100000);
    }
    bench_close(&bench);
    rewind(log.file);
    text[fread(text, 1, 4095, log.file)] = '\0';
    fclose(log.file);
}

static void a_trace_names_each_move_and_the_cause_of_each_retry(void **state) {
    char text[4096];
    (void)state;
    read_trace(CR_LOG_MODEL, text);
    assert_non_null(strstr(text, "trajectory 3 iteration 0 maker repair 0: free -> "));
    assert_non_null(strstr(text, "in flight -> backing off"));
    assert_non_null(strstr(text, "model sim: attempt 1: "));
    read_trace(CR_LOG_SERVER, text);
    assert_string_equal(text, "");
}

static void one_call_too_many_is_refused(void **state) {
    struct bench bench;
    struct cr_err err;
    (void)state;
    bench_init(&bench);
    bench.cfg.live_max = 2;
    bench_open(&bench);
    submit(&bench, 0, 2);
    assert_int_equal(cr_client_submit(bench.client, &bench.calls[2], &err), CR_E_LIMIT);
    assert_int_equal(take(&bench), 2);
    submit(&bench, 2, 3);
    assert_int_equal(take(&bench), 1);
    bench_close(&bench);
}

static void simulated_latency_is_waited_for_and_recorded(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].sim.latency_ms = 200;
    bench_open(&bench);
    submit(&bench, 0, 1);
    assert_int_equal(take(&bench), 0);
    unsigned waited_ms = 0;
    while (take(&bench) == 0) {
        cr_fake_clock_advance_ms(&bench.fake, 1);
        waited_ms++;
        assert_true(waited_ms < 10000);
    }
    assert_true(fabs(bench.replies[0].latency_s * 1000 - waited_ms) <= 1.0);
    bench_close(&bench);
}

static void failures_are_retried_after_a_backoff(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].sim.failures = 0.5;
    bench.models[0].limits.retries = 40;
    bench_open(&bench);
    submit(&bench, 0, LIVE);
    unsigned taken = take(&bench);
    assert_in_range(taken, 1, LIVE - 1);
    assert_int_equal(take(&bench), 0); // the clock stands: nobody's rest is over
    for (unsigned turn = 0; turn < 10000 && taken < LIVE; turn++) {
        cr_fake_clock_advance_ms(&bench.fake, 1000);
        taken += take(&bench);
    }
    assert_int_equal(taken, LIVE);
    struct cr_model_metrics metrics = metrics_of(&bench, 0);
    assert_int_equal(metrics.calls_done, LIVE);
    assert_int_equal(metrics.attempts, LIVE + metrics.retries);
    bench_close(&bench);
}

static void what_fails_for_good_says_who_and_why(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].sim.failures = 1;
    bench.models[0].limits.retries = 2;
    bench_open(&bench);
    submit(&bench, 0, 1);
    while (take(&bench) == 0) {
        cr_fake_clock_advance_ms(&bench.fake, 1000);
    }
    const struct cr_reply *reply = &bench.replies[0];
    assert_int_equal(reply->reason, CR_REASON_RATE);
    assert_int_equal(reply->attempts, 3);
    assert_int_equal(reply->http_status, 503);
    assert_null(reply->text);
    assert_string_equal(reply->error,
                        "model sim: HTTP 503: a simulated failure (attempt 3)");
    bench_close(&bench);
}

static void a_lease_is_never_exceeded(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench_open(&bench);
    cr_client_lease(bench.client, 0,
                    &(struct cr_lease){.concurrency = 8, .requests = 5, .tokens = -1});
    submit(&bench, 0, 10);
    assert_int_equal(take(&bench), 5);
    assert_int_equal(take(&bench), 0);
    assert_true(metrics_of(&bench, 0).requests_wanted >= 5);
    assert_true(metrics_of(&bench, 0).requests_wanted >= 5); // reading forgets nothing
    cr_client_forget_peaks(bench.client, 0);
    assert_true(metrics_of(&bench, 0).requests_wanted == 0);
    cr_client_lease(bench.client, 0,
                    &(struct cr_lease){.concurrency = 8, .requests = 3, .tokens = -1});
    assert_int_equal(take(&bench), 3);
    cr_client_lease(bench.client, 0,
                    &(struct cr_lease){.concurrency = 8, .requests = -1, .tokens = -1});
    assert_int_equal(take(&bench), 2);
    bench_close(&bench);
}

static void concurrency_bounds_what_is_in_flight(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].limits.concurrency = 4;
    bench.models[0].sim.latency_ms = 50;
    bench_open(&bench);
    submit(&bench, 0, 20);
    unsigned taken = 0;
    while (taken < 20) {
        taken += take(&bench);
        assert_true(metrics_of(&bench, 0).in_flight <= 4);
        cr_fake_clock_advance_ms(&bench.fake, 5);
    }
    bench_close(&bench);
}

static void a_pause_holds_one_model_alone(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench_open(&bench);
    bench.calls[1].model = 1;
    cr_client_pause(bench.client, 0, 5000);
    submit(&bench, 0, 2);
    assert_int_equal(take(&bench), 1);
    assert_non_null(bench.replies[1].text);
    cr_fake_clock_advance_ms(&bench.fake, 4999);
    assert_int_equal(take(&bench), 0);
    assert_int_equal(metrics_of(&bench, 0).pause_ms, 1);
    cr_fake_clock_advance_ms(&bench.fake, 1);
    assert_int_equal(take(&bench), 1);
    bench_close(&bench);
}

static void a_drain_stops_what_is_not_in_flight(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].limits.concurrency = 2;
    bench.models[0].sim.latency_ms = 50;
    bench_open(&bench);
    submit(&bench, 0, 6);
    assert_int_equal(take(&bench), 0);
    cr_client_drain(bench.client);
    assert_int_equal(take(&bench), 4);
    unsigned stopped = 0;
    for (unsigned i = 0; i < 6; i++) {
        stopped += bench.replies[i].reason == CR_REASON_STOPPED;
    }
    assert_int_equal(stopped, 4);
    submit(&bench, 6, 7);
    assert_int_equal(take(&bench), 1);
    assert_int_equal(bench.replies[6].reason, CR_REASON_STOPPED);
    cr_fake_clock_advance_ms(&bench.fake, 5000);
    assert_int_equal(take(&bench), 2);
    bench_close(&bench);
}

static void a_drop_ends_everything(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].sim.latency_ms = 50;
    bench.models[0].sim.failures = 0.5;
    bench_open(&bench);
    submit(&bench, 0, 20);
    fixture_poll(bench.client, 0);
    cr_client_drop(bench.client);
    assert_int_equal(take(&bench), 20);
    assert_int_equal(cr_client_live(bench.client), 0);
    bench_close(&bench);
}

static void identical_requests_are_sent_once(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[0].sim.latency_ms = 50;
    bench_open(&bench);
    bench.calls[1] = bench.calls[0];
    bench.calls[2] = bench.calls[0];
    bench.calls[2].seed++; // not identical
    submit(&bench, 0, 3);
    fixture_poll(bench.client, 0);
    cr_fake_clock_advance_ms(&bench.fake, 60000);
    assert_int_equal(take(&bench), 3);
    assert_string_equal(bench.replies[0].text, bench.replies[1].text);
    assert_int_equal(bench.replies[0].attempts, 1);
    assert_true(bench.replies[1].is_recorded);
    assert_int_equal(metrics_of(&bench, 0).attempts, 2);
    bench_close(&bench);
}

static bool look_up(void *ctx, const struct cr_call *call, struct cr_call_record *out) {
    unsigned *asked = ctx;
    (*asked)++;
    *out = (struct cr_call_record){.text = "{\"price\":0.5}", .attempts = 4};
    return call->trajectory == 0;
}

static void a_recorded_reply_saves_the_request(void **state) {
    struct bench bench;
    unsigned asked = 0;
    (void)state;
    bench_init(&bench);
    bench.cfg.lookup = look_up;
    bench.cfg.lookup_ctx = &asked;
    bench_open(&bench);
    submit(&bench, 0, 2);
    assert_int_equal(take(&bench), 2);
    assert_int_equal(asked, 2);
    assert_string_equal(bench.replies[0].text, "{\"price\":0.5}");
    assert_int_equal(bench.replies[0].attempts, 4); // as it was
    assert_true(bench.replies[0].is_recorded);
    assert_int_equal(bench.replies[1].attempts, 1);
    assert_int_equal(metrics_of(&bench, 0).attempts, 1);
    bench_close(&bench);
}

static void a_replay_model_answers_from_tapes_alone(void **state) {
    struct bench bench;
    unsigned asked = 0;
    static const char *const tapes[] = {"elsewhere"};
    (void)state;
    bench_init(&bench);
    bench.models[0].api = "replay";
    bench.models[0].tapes = tapes;
    bench.models[0].tapes_len = 1;
    bench.cfg.lookup = look_up;
    bench.cfg.lookup_ctx = &asked;
    bench_open(&bench);
    submit(&bench, 0, 2);
    assert_int_equal(take(&bench), 2);
    assert_string_equal(bench.replies[0].text, "{\"price\":0.5}");
    assert_int_equal(bench.replies[1].reason, CR_REASON_REPLAY);
    assert_non_null(strstr(bench.replies[1].error, "maker, iteration 0"));
    bench_close(&bench);
}

static void offline_only_records_answer(void **state) {
    static const char *const urls[] = {"http://127.0.0.1:1"};
    struct bench bench;
    unsigned asked = 0;
    (void)state;
    bench_init(&bench);
    bench.models[0] = fixture_remote("m", "openai", urls, 1);
    bench.models[0].api_key_env = "CREDENCE_TEST_NO_SUCH_KEY";
    bench.cfg.is_offline = true;
    bench.cfg.lookup = look_up;
    bench.cfg.lookup_ctx = &asked;
    bench_open(&bench);
    bench.calls[2].model = 1;
    submit(&bench, 0, 3);
    assert_int_equal(take(&bench), 3);
    assert_non_null(bench.replies[0].text);
    assert_int_equal(bench.replies[1].reason, CR_REASON_STOPPED);
    assert_int_equal(bench.replies[2].reason, CR_REASON_STOPPED);
    bench_close(&bench);
}

static void the_seed_is_no_part_of_a_greedy_request(void **state) {
    struct bench bench;
    (void)state;
    bench_init(&bench);
    bench.models[1].temperature = 0;
    bench_open(&bench);
    struct cr_call a = fixture_call(1), b = fixture_call(1);
    b.seed++;
    cr_client_hash(bench.client, &a);
    cr_client_hash(bench.client, &b);
    assert_memory_not_equal(&a.request_hash, &b.request_hash, sizeof a.request_hash);
    a.model = b.model = 1;
    cr_client_hash(bench.client, &a);
    cr_client_hash(bench.client, &b);
    assert_memory_equal(&a.request_hash, &b.request_hash, sizeof a.request_hash);
    bench_close(&bench);
}

static void bad_models_are_all_named_at_once(void **state) {
    struct bench bench;
    struct cr_err err;
    (void)state;
    bench_init(&bench);
    bench.models[0].sim.competence = 1.5;
    bench.models[0].sim.noise = NAN;
    bench.models[1].api = "opnai";
    bench.job.models = bench.models;
    assert_int_equal(cr_client_check(&bench.job, &err), CR_E_JOB);
    assert_string_equal(err.text,
                        "models.sim.competence: 1.5 is not within 0 to 1\n"
                        "models.sim.noise: nan is not within 0 to 1\n"
                        "models.other.api: \"opnai\" is not a backend; did you mean "
                        "\"openai\"?");
}

static void an_api_without_logprobs_is_refused_where_they_are_read(void **state) {
    struct bench bench;
    struct cr_err err;
    struct cr_cell cells[] = {{.name = "plain"},
                              {.name = "reading", .held = CR_HELD_LOGPROB},
                              {.name = "voting", .elicitation = CR_ELICIT_LOGPROB}};
    (void)state;
    static const char *const endpoints[] = {"https://api.anthropic.com/v1"};
    bench_init(&bench);
    bench.models[0] = fixture_remote("claude", "anthropic", endpoints, 1);
    bench.job.models = bench.models;
    bench.job.models_len = 1;
    bench.job.cells = cells;
    bench.job.cells_len = 1;
    assert_int_equal(cr_client_check(&bench.job, &err), CR_OK);
    bench.job.cells_len = 2;
    assert_int_equal(cr_client_check(&bench.job, &err), CR_E_JOB);
    assert_non_null(strstr(err.text,
                           "models.claude.api: \"anthropic\" has no logprobs, "
                           "which cell 'reading' reads by \"held\""));
    cells[1].held = CR_HELD_NONE;
    bench.job.cells_len = 3;
    assert_int_equal(cr_client_check(&bench.job, &err), CR_E_JOB);
    assert_non_null(strstr(err.text, "'voting' reads by \"elicitation\""));
    bench.models[0].api = "openai";
    assert_int_equal(cr_client_check(&bench.job, &err), CR_OK);
}

static struct cr_job torture_job;

static enum cr_status torture_once(void) {
    struct cr_client_cfg cfg = {
        .job = &torture_job, .clock = cr_clock_monotonic(), .live_max = 4};
    struct cr_client *client = NULL;
    struct cr_call call = fixture_call(0), *taken;
    struct cr_reply reply;
    struct cr_err err;
    enum cr_status status = cr_client_create(&cfg, &client, &err);
    if (status != CR_OK) {
        return status;
    }
    status = cr_client_submit(client, &call, &err);
    status = status != CR_OK ? status : cr_client_poll(client, 0, &err);
    while (cr_client_take(client, &taken, &reply)) {
        assert_ptr_equal(taken, &call);
        cr_reply_fini(&reply);
    }
    assert_int_equal(cr_client_live(client), 0);
    cr_client_destroy(client);
    return status;
}

static void every_allocation_may_fail(void **state) {
    struct cr_model model = fixture_sim("sim");
    (void)state;
    torture_job = (struct cr_job){.models = &model, .models_len = 1};
    torture(torture_once);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_completes_once),
        cmocka_unit_test(nothing_starts_before_what_has_ended_was_taken),
        cmocka_unit_test(a_trace_names_each_move_and_the_cause_of_each_retry),
        cmocka_unit_test(one_call_too_many_is_refused),
        cmocka_unit_test(simulated_latency_is_waited_for_and_recorded),
        cmocka_unit_test(failures_are_retried_after_a_backoff),
        cmocka_unit_test(what_fails_for_good_says_who_and_why),
        cmocka_unit_test(a_lease_is_never_exceeded),
        cmocka_unit_test(concurrency_bounds_what_is_in_flight),
        cmocka_unit_test(a_pause_holds_one_model_alone),
        cmocka_unit_test(a_drain_stops_what_is_not_in_flight),
        cmocka_unit_test(a_drop_ends_everything),
        cmocka_unit_test(identical_requests_are_sent_once),
        cmocka_unit_test(a_recorded_reply_saves_the_request),
        cmocka_unit_test(a_replay_model_answers_from_tapes_alone),
        cmocka_unit_test(offline_only_records_answer),
        cmocka_unit_test(the_seed_is_no_part_of_a_greedy_request),
        cmocka_unit_test(bad_models_are_all_named_at_once),
        cmocka_unit_test(an_api_without_logprobs_is_refused_where_they_are_read),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
