// What people hear of a model at once, and when it is hopeless to ask it.
#include "cmocka_all.h"

#include <string.h>

#include "model/watch.h"

static struct cr_watch watch;
static struct cr_notices notices;

static int setup(void **state) {
    (void)state;
    memset(&watch, 0, sizeof watch);
    memset(&notices, 0, sizeof notices);
    return 0;
}

static struct cr_watch_failure failure(enum cr_reason reason) {
    return (struct cr_watch_failure){
        .model = 2, .reason = reason, .attempts = 1, .text = "HTTP 401: no such key"};
}

static void fail_with(enum cr_reason reason, int times) {
    const struct cr_watch_failure f = failure(reason);
    for (int i = 0; i < times; i++) {
        cr_watch_fail(&watch, &f, &notices);
    }
}

static uint32_t count(enum cr_notice_kind kind) {
    struct cr_client_notice notice;
    uint32_t found = 0;
    while (cr_notices_take(&notices, &notice)) {
        assert_int_equal(notice.model, 2);
        found += notice.kind == kind;
    }
    return found;
}

static void a_kind_is_noticed_once_an_endpoint(void **state) {
    (void)state;
    struct cr_client_notice notice;
    struct cr_watch_failure elsewhere = failure(CR_REASON_CONNECTION);
    elsewhere.endpoint = 1;
    fail_with(CR_REASON_CONNECTION, 100);
    cr_watch_fail(&watch, &elsewhere, &notices);
    cr_watch_fail(&watch, &elsewhere, &notices);
    fail_with(CR_REASON_TIMEOUT, 2);
    assert_true(cr_notices_take(&notices, &notice));
    assert_int_equal(notice.kind, CR_NOTICE_FAILURE);
    assert_int_equal(notice.reason, CR_REASON_CONNECTION);
    assert_string_equal(notice.text, "HTTP 401: no such key");
    assert_int_equal(count(CR_NOTICE_FAILURE), 2);
}

static void a_notice_without_room_comes_later(void **state) {
    (void)state;
    struct cr_watch_failure f = failure(CR_REASON_SERVER);
    for (f.endpoint = 0; f.endpoint < CR_NOTICES_MAX + 3; f.endpoint++) {
        cr_watch_fail(&watch, &f, &notices);
    }
    assert_int_equal(count(CR_NOTICE_FAILURE), CR_NOTICES_MAX);
    for (f.endpoint = 0; f.endpoint < CR_NOTICES_MAX + 3; f.endpoint++) {
        cr_watch_fail(&watch, &f, &notices);
    }
    assert_int_equal(count(CR_NOTICE_FAILURE), 3);
}

static void hopeless_first_calls_block_a_model(void **state) {
    (void)state;
    static const enum cr_reason kinds[] = {CR_REASON_KEY, CR_REASON_QUOTA,
                                           CR_REASON_NOT_FOUND};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        setup(NULL);
        assert_true(cr_watch_may_start(&watch, CR_WATCH_FIRST - 1));
        assert_false(cr_watch_may_start(&watch, CR_WATCH_FIRST));
        fail_with(kinds[i], CR_WATCH_HOPELESS - 1);
        assert_true(cr_watch_may_start(&watch, 0));
        fail_with(kinds[i], 1);
        assert_false(cr_watch_may_start(&watch, 0));
        cr_watch_check(&watch, 2, 1, &notices); // one may still be answered
        assert_int_equal(count(CR_NOTICE_BLOCKED), 0);
        cr_watch_check(&watch, 2, 0, &notices);
        cr_watch_check(&watch, 2, 0, &notices);
        assert_int_equal(count(CR_NOTICE_BLOCKED), 1);
    }
}

static void what_time_may_mend_blocks_nothing(void **state) {
    (void)state;
    static const enum cr_reason kinds[] = {CR_REASON_CONNECTION, CR_REASON_TIMEOUT,
                                           CR_REASON_RATE, CR_REASON_SERVER,
                                           CR_REASON_BAD_REQUEST};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fail_with(kinds[i], 20);
    }
    cr_watch_check(&watch, 2, 0, &notices);
    assert_true(cr_watch_may_start(&watch, 0));
    assert_int_equal(count(CR_NOTICE_BLOCKED), 0);
}

static void one_answer_unblocks_for_good(void **state) {
    (void)state;
    fail_with(CR_REASON_KEY, CR_WATCH_HOPELESS);
    cr_watch_answer(&watch, &(struct cr_reply){0});
    cr_watch_check(&watch, 2, 0, &notices);
    assert_true(cr_watch_may_start(&watch, 100000));
    fail_with(CR_REASON_KEY, 100);
    cr_watch_check(&watch, 2, 0, &notices);
    assert_true(cr_watch_may_start(&watch, 100000));
    assert_int_equal(count(CR_NOTICE_BLOCKED), 0);
}

static void a_name_server_may_fail_twice(void **state) {
    (void)state;
    struct cr_watch_failure f = failure(CR_REASON_CONNECTION);
    f.is_no_host = true;
    for (f.attempts = 1; f.attempts < CR_WATCH_HOST_ATTEMPTS; f.attempts++) {
        for (int i = 0; i < 10; i++) {
            cr_watch_fail(&watch, &f, &notices);
        }
    }
    assert_true(cr_watch_may_start(&watch, 0));
    for (int i = 0; i < CR_WATCH_HOPELESS; i++) {
        cr_watch_fail(&watch, &f, &notices);
    }
    assert_false(cr_watch_may_start(&watch, 0));
}

static void a_server_may_come_up_while_a_call_has_tries_left(void **state) {
    (void)state;
    struct cr_watch_failure f = failure(CR_REASON_CONNECTION);
    f.is_absent = true;
    for (f.attempts = 1; f.attempts < 9; f.attempts++) {
        cr_watch_fail(&watch, &f, &notices);
    }
    assert_true(cr_watch_may_start(&watch, 0));
    f.is_final = true;
    cr_watch_fail(&watch, &f, &notices);
    assert_false(cr_watch_may_start(&watch, 0));
    cr_watch_check(&watch, 2, 0, &notices);
    assert_int_equal(count(CR_NOTICE_BLOCKED), 1);
}

// Without retries one refused connection says little.
static void one_refused_connection_blocks_nothing(void **state) {
    (void)state;
    struct cr_watch_failure f = failure(CR_REASON_CONNECTION);
    f.is_absent = f.is_final = true;
    f.attempts = 1;
    cr_watch_fail(&watch, &f, &notices);
    cr_watch_fail(&watch, &f, &notices);
    assert_true(cr_watch_may_start(&watch, 0));
    cr_watch_fail(&watch, &f, &notices);
    assert_false(cr_watch_may_start(&watch, 0));
}

static void a_model_that_answers_without_logprobs_is_blocked(void **state) {
    (void)state;
    cr_watch_answer(&watch, &(struct cr_reply){.text = NULL});
    fail_with(CR_REASON_NO_LOGPROBS, CR_WATCH_HOPELESS - 1);
    assert_true(cr_watch_may_start(&watch, 100));
    fail_with(CR_REASON_NO_LOGPROBS, 1);
    assert_false(cr_watch_may_start(&watch, 0));
    cr_watch_check(&watch, 2, 1, &notices);
    assert_int_equal(count(CR_NOTICE_BLOCKED), 0); // one is still out
    cr_watch_check(&watch, 2, 0, &notices);
    assert_int_equal(count(CR_NOTICE_BLOCKED), 1);
    assert_int_equal(watch.reason, CR_REASON_NO_LOGPROBS);
}

static void a_model_that_had_logprobs_once_is_not_blocked(void **state) {
    (void)state;
    cr_watch_answer(&watch, &(struct cr_reply){.logprobs_len = 2});
    fail_with(CR_REASON_NO_LOGPROBS, 2 * CR_WATCH_HOPELESS);
    assert_true(cr_watch_may_start(&watch, 100));
    cr_watch_check(&watch, 2, 0, &notices);
    assert_int_equal(count(CR_NOTICE_BLOCKED), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_kind_is_noticed_once_an_endpoint, setup),
        cmocka_unit_test_setup(a_notice_without_room_comes_later, setup),
        cmocka_unit_test_setup(hopeless_first_calls_block_a_model, setup),
        cmocka_unit_test_setup(what_time_may_mend_blocks_nothing, setup),
        cmocka_unit_test_setup(one_answer_unblocks_for_good, setup),
        cmocka_unit_test_setup(a_name_server_may_fail_twice, setup),
        cmocka_unit_test_setup(a_server_may_come_up_while_a_call_has_tries_left, setup),
        cmocka_unit_test_setup(a_model_that_answers_without_logprobs_is_blocked, setup),
        cmocka_unit_test_setup(a_model_that_had_logprobs_once_is_not_blocked, setup),
        cmocka_unit_test_setup(one_refused_connection_blocks_nothing, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
