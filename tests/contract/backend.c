// backend.c - what every backend owes its client, asked of each in turn.
#include "fault_fixture.h"

#include <assert.h>

#include "credence/base/text.h"

enum { CALLS = 100 };

static const char *const tapes[] = {"tape"};
static struct fault_server server;
static struct fault_bench bench;

// Each backend, against something that answers; and against something that fails.
struct backend_case {
    const char *api;
    bool is_remote;
};

static bool recorded(void *ctx, const struct cr_call *call,
                     struct cr_call_record *out) {
    (void)call;
    *out = (struct cr_call_record){.text = "{\"price\":0.25}", .tokens_out = 4};
    return ctx != NULL;
}

static struct cr_model model_of(const struct backend_case *backend, bool fails) {
    struct cr_model model = fixture_sim("m");
    if (backend->is_remote) {
        model = fixture_remote("m", backend->api, server.urls, 1);
        model.model = fails ? "failing" : "tiny";
    }
    model.api = backend->api;
    model.limits.retries = 1;
    model.sim.failures = fails ? 1 : 0;
    model.tapes = tapes;
    model.tapes_len = 1;
    bench.cfg.lookup = strcmp(backend->api, "replay") == 0 ? recorded : NULL;
    bench.cfg.lookup_ctx = fails ? NULL : &bench;
    return model;
}

static void open_case(void **state, bool fails) {
    struct cr_model model = model_of(*state, fails);
    bench_open(&bench, &model);
}

static void every_call_is_answered_once(void **state) {
    open_case(state, false);
    bench_run(&bench, 0, CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        const struct cr_reply *reply = &bench.replies[i];
        assert_int_equal(reply->reason, CR_REASON_NONE);
        assert_non_null(reply->text);
        assert_null(reply->error);
        assert_true(cr_text_is_utf8(reply->text, strlen(reply->text)));
        assert_true(reply->latency_s >= 0);
        assert_int_equal(reply->endpoint, 0);
    }
    struct cr_model_metrics metrics;
    cr_client_metrics(bench.client, 0, &metrics);
    assert_int_equal(metrics.calls_done + metrics.calls_recorded, CALLS);
    assert_int_equal(metrics.in_flight, 0);
    assert_int_equal(metrics.waiting, 0);
    bench_close(&bench);
}

static void the_same_calls_have_the_same_replies(void **state) {
    char *texts[CALLS];
    open_case(state, false);
    bench_run(&bench, 0, CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        texts[i] = cr_strdup(bench.replies[i].text);
    }
    bench_close(&bench);
    open_case(state, false);
    for (unsigned i = CALLS; i > 0; i--) { // in another order
        fixture_submit(bench.client, &bench.calls[i - 1]);
    }
    bench_run(&bench, 0, 0);
    for (unsigned i = 0; i < CALLS; i++) {
        assert_string_equal(bench.replies[i].text, texts[i]);
        cr_free(texts[i]);
    }
    bench_close(&bench);
}

static void a_failed_call_says_why_and_has_no_text(void **state) {
    open_case(state, true);
    bench_run(&bench, 0, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct cr_reply *reply = &bench.replies[i];
        assert_int_not_equal(reply->reason, CR_REASON_NONE);
        assert_null(reply->text);
        assert_non_null(reply->error);
        assert_non_null(strstr(reply->error, "model m"));
    }
    bench_close(&bench);
}

static void no_lease_no_start(void **state) {
    const struct backend_case *backend = *state;
    open_case(state, false);
    cr_client_lease(bench.client, 0, &(struct cr_lease){0, 0, -1});
    fixture_submit(bench.client, &bench.calls[0]);
    fixture_poll(bench.client, 20);
    // What is on a tape costs nothing and needs no lease.
    assert_int_equal(fixture_take_all(bench.client, bench.calls, bench.replies),
                     strcmp(backend->api, "replay") == 0);
    cr_client_lease(bench.client, 0, &(struct cr_lease){4, 4, -1});
    bench_run(&bench, 0, 0);
    assert_non_null(bench.replies[0].text);
    bench_close(&bench);
}

static void a_drop_completes_what_is_under_way(void **state) {
    open_case(state, false);
    for (unsigned i = 0; i < CALLS; i++) {
        fixture_submit(bench.client, &bench.calls[i]);
    }
    fixture_poll(bench.client, 0);
    cr_client_drop(bench.client);
    assert_int_equal(fixture_take_all(bench.client, bench.calls, bench.replies), CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        bool is_stopped = bench.replies[i].reason == CR_REASON_STOPPED;
        assert_true(is_stopped || bench.replies[i].text);
    }
    bench_close(&bench);
}

static void destroying_a_busy_client_is_safe(void **state) {
    open_case(state, false);
    for (unsigned i = 0; i < CALLS; i++) {
        fixture_submit(bench.client, &bench.calls[i]);
    }
    fixture_poll(bench.client, 0);
    bench_close(&bench);
}

static const struct backend_case cases[] = {
    {"sim", false}, {"replay", false}, {"openai", true}, {"anthropic", true}};

#define SUITE(i)                                                                       \
    cmocka_unit_test_prestate(every_call_is_answered_once, (void *)&cases[i]),         \
        cmocka_unit_test_prestate(the_same_calls_have_the_same_replies,                \
                                  (void *)&cases[i]),                                  \
        cmocka_unit_test_prestate(a_failed_call_says_why_and_has_no_text,              \
                                  (void *)&cases[i]),                                  \
        cmocka_unit_test_prestate(no_lease_no_start, (void *)&cases[i]),               \
        cmocka_unit_test_prestate(a_drop_completes_what_is_under_way,                  \
                                  (void *)&cases[i]),                                  \
        cmocka_unit_test_prestate(destroying_a_busy_client_is_safe, (void *)&cases[i])

int main(void) {
    const struct CMUnitTest tests[] = {SUITE(0), SUITE(1), SUITE(2), SUITE(3)};
    assert(sizeof cases / sizeof cases[0] == cr_backend_count());
    fault_start(&server,
                "{\"rules\":[{\"fault\":\"500\",\"model\":\"failing\",\"times\":0}]}",
                NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fault_stop(&server);
    return failed;
}
