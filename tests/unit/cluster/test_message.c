// Messages: what goes in comes out, and no bytes can make a decoder read past its end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "credence/base/rng.h"
#include "credence/cluster/message.h"
#include "credence/cluster/result.h"

static struct cr_buf buf;

static int setup(void **state) {
    (void)state;
    cr_buf_init(&buf, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    cr_buf_fini(&buf);
    return 0;
}

static struct cr_call_records two_records(void) {
    static const struct cr_logprob logprobs[] = {{"yes", -0.25}, {"no", -1.5}};
    struct cr_call_records records = {0};
    const struct cr_call_record first = {
        .trajectory = 7,
        .trajectory_key = 0xfedcba9876543210u,
        .id = {.iteration = 3,
               .role = CR_ROLE_TRADER,
               .trader = 2,
               .sample = 5,
               .repair = 1,
               .ask = CR_ASK_ARGUMENT},
        .request_hash = {1, 2},
        .model = 4,
        .finish = CR_FINISH_LENGTH,
        .tokens_in = 10,
        .tokens_out = 20,
        .tokens_cached = 5,
        .tokens_reasoning = 3,
        .latency_s = 0.125,
        .attempts = 2,
        .endpoint = 1,
        .http_status = 200,
        .wall_ms = 1234567890123,
        .text = "{\"price\": 0.5}",
        .reasoning = "",
        .logprobs = logprobs,
        .logprobs_len = 2,
    };
    const struct cr_call_record second = {.reason = CR_REASON_SERVER, .error = "503"};
    assert_int_equal(cr_call_records_add(&records, &first), CR_OK);
    assert_int_equal(cr_call_records_add(&records, &second), CR_OK);
    return records;
}

static void assert_same_records(const struct cr_call_records *a,
                                const struct cr_call_records *b) {
    assert_int_equal(a->len, b->len);
    assert_memory_equal(&a->at[0].id, &b->at[0].id, sizeof(struct cr_call_id));
    assert_int_equal(a->at[0].trajectory_key, b->at[0].trajectory_key);
    assert_string_equal(a->at[0].text, b->at[0].text);
    assert_string_equal(a->at[0].reasoning, b->at[0].reasoning);
    assert_null(b->at[0].error);
    assert_int_equal(b->at[0].logprobs_len, 2);
    assert_string_equal(b->at[0].logprobs[1].token, "no");
    assert_true(b->at[0].logprobs[1].logprob == -1.5);
    assert_int_equal(b->at[0].wall_ms, 1234567890123);
    assert_int_equal(b->at[1].reason, CR_REASON_SERVER);
    assert_string_equal(b->at[1].error, "503");
    assert_null(b->at[1].text);
}

static void a_grant_brings_the_recorded_calls(void **state) {
    (void)state;
    struct cr_call_records sent = two_records(), got = {0}, none = {0};
    bool is_there = false;
    uint64_t trajectory = 0;
    assert_int_equal(cr_grant_add(&buf, 7, &sent), CR_OK);
    assert_int_equal(cr_grant_add(&buf, 8, NULL), CR_OK);
    struct cr_grant_reader reader = {.bytes = buf.data, .len = buf.used_bytes};
    assert_int_equal(cr_grant_next(&reader, &is_there, &trajectory, &got), CR_OK);
    assert_true(is_there);
    assert_int_equal(trajectory, 7);
    assert_same_records(&sent, &got);
    assert_int_equal(cr_grant_next(&reader, &is_there, &trajectory, &none), CR_OK);
    assert_true(is_there);
    assert_int_equal(trajectory, 8);
    assert_int_equal(none.len, 0);
    assert_int_equal(cr_grant_next(&reader, &is_there, &trajectory, &none), CR_OK);
    assert_false(is_there);
    cr_call_records_fini(&sent);
    cr_call_records_fini(&got);
}

static struct cr_trajectory small_trajectory(double *price, double *quantile,
                                             struct cr_step *step) {
    return (struct cr_trajectory){.number = 9,
                                  .key = 77,
                                  .prices_len = 2,
                                  .width = 2,
                                  .price = price,
                                  .quantile = quantile,
                                  .step = step,
                                  .steps_len = 3,
                                  .status = CR_INVALID,
                                  .ended = CR_ENDED_INVALID};
}

// The calls that stand in BYTES, one at a time, into LIST; whether that went well.
static bool read_one_by_one(const char *bytes, size_t len,
                            struct cr_call_records *list) {
    struct cr_record_reader reader = {.bytes = bytes, .len = len};
    struct cr_call_record record;
    bool is_there = true;
    while (cr_record_next(&reader, &is_there, &record) == CR_OK) {
        if (!is_there) {
            return true;
        } else {
            assert_int_equal(cr_call_records_add(list, &record), CR_OK);
        }
    }
    return false;
}

static void calls_come_one_at_a_time_as_they_come_together(void **state) {
    (void)state;
    double price[4] = {0};
    struct cr_step step[3] = {0};
    const struct cr_trajectory sent = small_trajectory(price, NULL, step);
    struct cr_trajectory got = {0};
    struct cr_call_records calls = two_records(), back = {0};
    size_t used = 0;
    assert_int_equal(cr_result_encode(&buf, &sent, &calls, true), CR_OK);
    assert_int_equal(cr_result_trajectory_decode(buf.data, buf.used_bytes, &got, &used),
                     CR_OK);
    assert_true(read_one_by_one(buf.data + used, buf.used_bytes - used, &back));
    assert_same_records(&calls, &back);
    cr_call_records_fini(&back);
    for (size_t len = 0; len < buf.used_bytes - used; len++) { // cut anywhere
        back = (struct cr_call_records){0};
        assert_false(read_one_by_one(buf.data + used, len, &back));
        cr_call_records_fini(&back);
    }
    cr_trajectory_fini(&got);
    cr_call_records_fini(&calls);
}

static void a_result_without_calls_has_none_to_read(void **state) {
    (void)state;
    double price[4] = {0};
    struct cr_step step[3] = {0};
    const struct cr_trajectory sent = small_trajectory(price, NULL, step);
    struct cr_trajectory got = {0};
    struct cr_call_records back = {0};
    size_t used = 0;
    assert_int_equal(cr_result_encode(&buf, &sent, NULL, true), CR_OK);
    assert_int_equal(cr_result_trajectory_decode(buf.data, buf.used_bytes, &got, &used),
                     CR_OK);
    assert_true(read_one_by_one(buf.data + used, buf.used_bytes - used, &back));
    assert_int_equal(back.len, 0);
    cr_trajectory_fini(&got);
}

static void a_result_splits_into_prices_and_calls(void **state) {
    (void)state;
    double price[4] = {0.25, 0.75, 0.5, 0.5},
           quantile[6] = {0.1, 0.2, 0.3, 0.4, 0.5, 1};
    struct cr_step step[3] = {
        {.judgment_tokens_in = 5, .latency_s = 0.5f, .direction = -1},
        {.calls = 2, .repairs = 1},
        {.argument_tokens_out = 9}};
    const struct cr_trajectory sent = small_trajectory(price, quantile, step);
    struct cr_trajectory got = {0};
    struct cr_call_records calls = two_records(), back = {0};
    size_t used = 0;
    assert_int_equal(cr_result_encode(&buf, &sent, &calls, true), CR_OK);
    assert_int_equal(cr_result_trajectory_decode(buf.data, buf.used_bytes, &got, &used),
                     CR_OK);
    assert_int_equal(got.number, 9);
    assert_int_equal(got.steps_len, 3);
    assert_memory_equal(got.price, price, sizeof price);
    assert_memory_equal(got.quantile, quantile, sizeof quantile);
    assert_memory_equal(got.step, step, sizeof step);
    assert_int_equal(got.ended, CR_ENDED_INVALID);
    assert_int_equal(
        cr_result_records_decode(buf.data + used, buf.used_bytes - used, &back), CR_OK);
    assert_same_records(&calls, &back);
    cr_trajectory_fini(&got);
    cr_call_records_fini(&calls);
    cr_call_records_fini(&back);
}

static void without_text_only_numbers_travel(void **state) {
    (void)state;
    double price[4] = {0};
    struct cr_step step[3] = {0};
    const struct cr_trajectory sent = small_trajectory(price, NULL, step);
    struct cr_trajectory got = {0};
    struct cr_call_records calls = two_records(), back = {0};
    size_t used = 0;
    assert_int_equal(cr_result_encode(&buf, &sent, &calls, false), CR_OK);
    assert_int_equal(cr_result_trajectory_decode(buf.data, buf.used_bytes, &got, &used),
                     CR_OK);
    assert_null(got.quantile);
    assert_int_equal(
        cr_result_records_decode(buf.data + used, buf.used_bytes - used, &back), CR_OK);
    assert_null(back.at[0].text);
    assert_int_equal(back.at[0].tokens_out, 20);
    cr_trajectory_fini(&got);
    cr_call_records_fini(&calls);
    cr_call_records_fini(&back);
}

static void decode_everything(const char *bytes, size_t len) {
    struct cr_trajectory t = {0};
    struct cr_call_records records = {0};
    struct cr_hello hello;
    struct cr_welcome welcome;
    struct cr_beat beat;
    struct cr_lease_message lease;
    struct cr_fault trouble;
    size_t used = 0;
    if (cr_result_trajectory_decode(bytes, len, &t, &used) == CR_OK) {
        struct cr_call_records again = {0};
        const bool is_whole =
            cr_result_records_decode(bytes + used, len - used, &records) == CR_OK;
        assert_int_equal(read_one_by_one(bytes + used, len - used, &again), is_whole);
        cr_call_records_fini(&again);
    }
    cr_status_ignore(cr_message_decode(CR_TAG_HELLO, bytes, len, &hello));
    cr_status_ignore(cr_message_decode(CR_TAG_WELCOME, bytes, len, &welcome));
    cr_status_ignore(cr_message_decode(CR_TAG_BEAT, bytes, len, &beat));
    cr_status_ignore(cr_message_decode(CR_TAG_LEASE, bytes, len, &lease));
    cr_status_ignore(cr_message_decode(CR_TAG_FAULT, bytes, len, &trouble));
    cr_trajectory_fini(&t);
    cr_call_records_fini(&records);
}

static void a_cut_or_changed_result_is_refused_or_harmless(void **state) {
    (void)state;
    double price[4] = {0.25, 0.75, 0.5, 0.5};
    struct cr_step step[3] = {0};
    const struct cr_trajectory sent = small_trajectory(price, NULL, step);
    struct cr_call_records calls = two_records();
    struct cr_rng rng;
    char copy[2048];
    assert_int_equal(cr_result_encode(&buf, &sent, &calls, true), CR_OK);
    assert_true(buf.used_bytes < sizeof copy);
    cr_rng_seed(&rng, 1);
    for (size_t len = 0; len < buf.used_bytes; len++) {
        struct cr_trajectory t = {0};
        struct cr_call_records records = {0};
        size_t used = 0;
        const bool is_whole =
            cr_result_trajectory_decode(buf.data, len, &t, &used) == CR_OK &&
            cr_result_records_decode(buf.data + used, len - used, &records) == CR_OK;
        assert_false(is_whole);
        cr_trajectory_fini(&t);
        cr_call_records_fini(&records);
    }
    for (int i = 0; i < 20000; i++) {
        memcpy(copy, buf.data, buf.used_bytes);
        copy[cr_rng_below(&rng, buf.used_bytes)] = (char)cr_rng_u64(&rng);
        copy[cr_rng_below(&rng, buf.used_bytes)] = (char)cr_rng_u64(&rng);
        decode_everything(copy, buf.used_bytes);
    }
    cr_call_records_fini(&calls);
}

static void a_beat_keeps_its_numbers(void **state) {
    (void)state;
    struct cr_beat sent = {.live = 3, .queued = 4, .models_len = 2}, got;
    sent.models[1].sequence = 9;
    sent.models[1].metrics = (struct cr_model_metrics){
        .calls_done = 1, .tokens_in = 1ULL << 40, .usd = 0.5, .pause_ms = 5000};
    assert_int_equal(cr_message_encode(&buf, CR_TAG_BEAT, &sent), CR_OK);
    assert_int_equal(cr_message_decode(CR_TAG_BEAT, buf.data, buf.used_bytes, &got),
                     CR_OK);
    assert_int_equal(got.models_len, 2);
    assert_int_equal(got.models[1].sequence, 9);
    assert_int_equal(got.models[1].metrics.tokens_in, 1ULL << 40);
    assert_true(got.models[1].metrics.usd == 0.5);
    assert_int_equal(got.models[1].metrics.pause_ms, 5000);
}

static void every_tag_has_a_name(void **state) {
    (void)state;
    for (int tag = 1; tag < CR_TAG_COUNT; tag++) {
        assert_string_not_equal(cr_tag_name(tag), "unknown");
        for (int other = 1; other < tag; other++) {
            assert_string_not_equal(cr_tag_name(tag), cr_tag_name(other));
        }
    }
    assert_string_equal(cr_tag_name(CR_TAG_COUNT), "unknown");
    assert_string_equal(cr_tag_name(-1), "unknown");
}

// The value of a message whose only field is a number, at both ends of its range.
static void a_number_of_any_size_comes_back(void **state) {
    (void)state;
    static const uint64_t numbers[] = {0, 1, 255, 256, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t got = 7;
        cr_buf_clear(&buf);
        assert_int_equal(cr_message_encode(&buf, CR_TAG_WANT, &numbers[i]), CR_OK);
        assert_int_equal(buf.used_bytes, 8);
        assert_int_equal(cr_message_decode(CR_TAG_WANT, buf.data, buf.used_bytes, &got),
                         CR_OK);
        assert_true(got == numbers[i]);
        assert_int_equal(
            cr_message_decode(CR_TAG_WANT, buf.data, buf.used_bytes - 1, &got),
            CR_E_FORMAT);
    }
}

static void why_travels_with_what(void **state) {
    (void)state;
    double price[4] = {0};
    struct cr_step step[3] = {{.reason = CR_REASON_CUT, .is_estimated = 1}};
    struct cr_trajectory sent = small_trajectory(price, NULL, step), got = {0};
    struct cr_call_records calls = {0}, back = {0};
    const struct cr_call_record record = {.reason = CR_REASON_CUT,
                                          .finish = CR_FINISH_LENGTH,
                                          .finish_word = "MAX_TOKENS",
                                          .is_estimated = 1};
    size_t used = 0;
    sent.reason = CR_REASON_OUT_OF_RANGE;
    assert_int_equal(cr_call_records_add(&calls, &record), CR_OK);
    assert_int_equal(cr_result_encode(&buf, &sent, &calls, false), CR_OK);
    assert_int_equal(cr_result_trajectory_decode(buf.data, buf.used_bytes, &got, &used),
                     CR_OK);
    assert_int_equal(got.reason, CR_REASON_OUT_OF_RANGE);
    assert_int_equal(got.step[0].reason, CR_REASON_CUT);
    assert_int_equal(got.step[0].is_estimated, 1);
    assert_int_equal(
        cr_result_records_decode(buf.data + used, buf.used_bytes - used, &back), CR_OK);
    assert_int_equal(back.at[0].reason, CR_REASON_CUT);
    assert_string_equal(back.at[0].finish_word, "MAX_TOKENS");
    assert_int_equal(back.at[0].is_estimated, 1);
    cr_trajectory_fini(&got);
    cr_call_records_fini(&calls);
    cr_call_records_fini(&back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_grant_brings_the_recorded_calls, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_result_splits_into_prices_and_calls, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(calls_come_one_at_a_time_as_they_come_together,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_result_without_calls_has_none_to_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_text_only_numbers_travel, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_cut_or_changed_result_is_refused_or_harmless,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_beat_keeps_its_numbers, setup, teardown),
        cmocka_unit_test(every_tag_has_a_name),
        cmocka_unit_test_setup_teardown(a_number_of_any_size_comes_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(why_travels_with_what, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
