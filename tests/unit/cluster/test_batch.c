// test_batch.c - messages side by side come out as they went in, and no more of them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cluster/batch.h"

static struct cr_batch batch;

static int setup(void **state) {
    (void)state;
    memset(&batch, 0, sizeof batch);
    return 0;
}

static void messages_come_out_in_order_whatever_their_size(void **state) {
    (void)state;
    static const struct cr_packet sent[] = {
        {3, 5, "first", 5}, {3, 7, NULL, 0}, {3, 5, "third one", 9}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(cr_batch_has_room(&batch, &sent[i]));
        cr_batch_add(&batch, &sent[i]);
    }
    assert_int_equal(batch.rank, 3);
    struct cr_packet got = {.rank = 3};
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_true(cr_batch_next(batch.bytes, batch.used_bytes, &at, &got));
        assert_int_equal(got.tag, sent[i].tag);
        assert_int_equal(got.len, sent[i].len);
        if (sent[i].len > 0) {
            assert_memory_equal(got.bytes, sent[i].bytes, sent[i].len);
        }
    }
    assert_false(cr_batch_next(batch.bytes, batch.used_bytes, &at, &got));
}

static void one_for_another_rank_has_no_room(void **state) {
    (void)state;
    const struct cr_packet mine = {1, 5, "x", 1}, other = {2, 5, "x", 1};
    assert_true(cr_batch_has_room(&batch, &other));
    cr_batch_add(&batch, &mine);
    assert_true(cr_batch_has_room(&batch, &mine));
    assert_false(cr_batch_has_room(&batch, &other));
}

static void it_is_full_to_the_last_byte_and_not_beyond(void **state) {
    (void)state;
    static const char bytes[CR_BATCH_BYTES];
    enum { HEAD_BYTES = 8 };
    const struct cr_packet most = {1, 5, bytes, CR_BATCH_BYTES - HEAD_BYTES};
    const struct cr_packet more = {1, 5, bytes, CR_BATCH_BYTES - HEAD_BYTES + 1};
    const struct cr_packet empty = {1, 5, bytes, 0};
    assert_false(cr_batch_can_hold(&more));
    assert_true(cr_batch_can_hold(&most));
    cr_batch_add(&batch, &most);
    assert_int_equal(batch.used_bytes, CR_BATCH_BYTES);
    assert_false(cr_batch_has_room(&batch, &empty));
}

static void a_batch_cut_anywhere_ends_before_the_cut(void **state) {
    (void)state;
    const struct cr_packet sent = {1, 5, "message", 7};
    for (int i = 0; i < 3; i++) {
        cr_batch_add(&batch, &sent);
    }
    const size_t each = batch.used_bytes / 3;
    for (size_t len = 0; len <= batch.used_bytes; len++) {
        struct cr_packet got;
        size_t at = 0, count = 0;
        while (cr_batch_next(batch.bytes, len, &at, &got)) {
            count++;
        }
        assert_int_equal(count, len / each);
        assert_true(at <= len);
    }
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(messages_come_out_in_order_whatever_their_size),
        CASE(one_for_another_rank_has_no_room),
        CASE(it_is_full_to_the_last_byte_and_not_beyond),
        CASE(a_batch_cut_anywhere_ends_before_the_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
