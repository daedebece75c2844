#include "cmocka_all.h"

#include <string.h>

#include "credence/core/trajectory.h"

static struct cr_call a_call(void) {
    return (struct cr_call){
        .trajectory = 5,
        .trajectory_key = 0xabc,
        .id = {.iteration = 3,
               .role = CR_ROLE_TRADER,
               .trader = 1,
               .ask = CR_ASK_ARGUMENT},
        .model = 2,
        .request_hash = {1, 2},
    };
}

static struct cr_reply a_reply(void) {
    struct cr_reply reply = {
        .text = (char *)"It will rain.",
        .reasoning = (char *)"clouds",
        .finish = CR_FINISH_LENGTH,
        .finish_word = "MAX_TOKENS",
        .request_id = "req_1",
        .tokens_in = 10,
        .tokens_out = 20,
        .tokens_cached = 5,
        .tokens_reasoning = 7,
        .latency_s = 1.5,
        .attempts = 2,
        .endpoint = 1,
        .http_status = 200,
        .logprobs_len = 2,
        .is_simulated = true,
        .is_recorded = true,
    };
    reply.logprobs[1] = (struct cr_logprob){"yes", -0.25};
    return reply;
}

static void record_and_reply_say_the_same(void **state) {
    (void)state;
    struct cr_call call = a_call();
    struct cr_reply reply = a_reply();
    struct cr_call_record record = cr_call_record_make(&call, &reply, 123456);
    assert_int_equal(record.trajectory, 5);
    assert_int_equal(record.trajectory_key, 0xabc);
    assert_int_equal(record.id.iteration, 3);
    assert_int_equal(record.request_hash.lo, 2);
    assert_int_equal(record.model, 2);
    assert_int_equal(record.wall_ms, 123456);
    assert_ptr_equal(record.text, reply.text);
    assert_ptr_equal(record.logprobs, reply.logprobs);

    struct cr_reply back = {0};
    assert_int_equal(cr_reply_from_record(&record, &back), CR_OK);
    assert_string_equal(back.text, reply.text);
    assert_ptr_not_equal(back.text, reply.text);
    assert_string_equal(back.reasoning, "clouds");
    assert_null(back.error);
    assert_int_equal(back.finish, CR_FINISH_LENGTH);
    assert_string_equal(back.finish_word, "MAX_TOKENS");
    assert_string_equal(back.request_id, "req_1");
    assert_int_equal(back.tokens_in, 10);
    assert_int_equal(back.tokens_out, 20);
    assert_int_equal(back.tokens_cached, 5);
    assert_int_equal(back.tokens_reasoning, 7);
    assert_int_equal(back.attempts, 2);
    assert_int_equal(back.endpoint, 1);
    assert_int_equal(back.http_status, 200);
    assert_true(back.latency_s == 1.5);
    assert_true(back.is_simulated);
    assert_true(back.is_recorded);
    assert_int_equal(back.logprobs_len, 2);
    assert_string_equal(back.logprobs[1].token, "yes");
    cr_reply_fini(&back);
    assert_null(back.text);
    cr_reply_fini(&back);
    cr_reply_fini(NULL);
}

static void a_plain_stop_is_no_word_of_the_server(void **state) {
    (void)state;
    struct cr_call_record record = {.finish = CR_FINISH_STOP, .finish_word = "stop"};
    assert_null(cr_call_record_words(&record));
    record.finish = CR_FINISH_FILTER;
    memcpy(record.finish_word, "SAFETY", sizeof "SAFETY");
    assert_string_equal(cr_call_record_words(&record), "SAFETY");
    record.error = "HTTP 502";
    assert_string_equal(cr_call_record_words(&record), "HTTP 502");
    record.error = "";
    record.finish_word[0] = '\0';
    assert_null(cr_call_record_words(&record));
}

static void too_many_logprobs_are_cut(void **state) {
    (void)state;
    struct cr_logprob many[CR_LOGPROBS_MAX + 5] = {{"a", -1}};
    struct cr_call_record record = {.logprobs = many,
                                    .logprobs_len = CR_LOGPROBS_MAX + 5};
    struct cr_reply back = {0};
    assert_int_equal(cr_reply_from_record(&record, &back), CR_OK);
    assert_int_equal(back.logprobs_len, CR_LOGPROBS_MAX);
    cr_reply_fini(&back);
}

static void a_list_owns_its_texts(void **state) {
    (void)state;
    struct cr_call_records list = {0};
    char text[] = "0";
    struct cr_logprob logprob = {"yes", -0.5};
    for (uint16_t i = 0; i < 10; i++) {
        text[0] = (char)('0' + i);
        struct cr_call_record record = {.id = {.iteration = 1, .sample = i},
                                        .text = text,
                                        .logprobs = &logprob,
                                        .logprobs_len = 1};
        assert_int_equal(cr_call_records_add(&list, &record), CR_OK);
    }
    logprob.logprob = 0;
    assert_int_equal(list.len, 10);
    for (uint16_t i = 0; i < 10; i++) {
        text[0] = (char)('0' + i);
        assert_int_equal(list.at[i].id.sample, i);
        assert_string_equal(list.at[i].text, text);
        assert_true(list.at[i].logprobs[0].logprob == -0.5);
    }
    cr_call_records_fini(&list);
    cr_call_records_fini(NULL);
}

static enum cr_status copy_back_and_forth(void) {
    struct cr_call call = a_call();
    struct cr_reply reply = a_reply();
    reply.error = (char *)"none";
    struct cr_call_record record = cr_call_record_make(&call, &reply, 1);
    struct cr_call_records list = {0};
    struct cr_reply back = {0};
    enum cr_status status = cr_call_records_add(&list, &record);
    if (status == CR_OK) {
        status = cr_reply_from_record(&list.at[0], &back);
    }
    cr_reply_fini(&back);
    cr_call_records_fini(&list);
    return status;
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    torture(copy_back_and_forth);
}

static void trajectory_frees_what_it_holds(void **state) {
    (void)state;
    struct cr_trajectory trajectory = {.price = cr_calloc(4, sizeof(double)),
                                       .quantile = cr_calloc(12, sizeof(double)),
                                       .step = cr_calloc(4, sizeof(struct cr_step)),
                                       .prices_len = 4};
    cr_trajectory_fini(&trajectory);
    assert_null(trajectory.price);
    cr_trajectory_fini(&trajectory);
    cr_trajectory_fini(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_and_reply_say_the_same),
        cmocka_unit_test(a_plain_stop_is_no_word_of_the_server),
        cmocka_unit_test(too_many_logprobs_are_cut),
        cmocka_unit_test(a_list_owns_its_texts),
        cmocka_unit_test(survives_each_failing_allocation),
        cmocka_unit_test(trajectory_frees_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
