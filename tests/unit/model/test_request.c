// test_request.c - legal moves, queues and timers.
#include "cmocka_all.h"

#include "credence/base/rng.h"
#include "model/request.h"

static void a_call_completes_once(void **state) {
    (void)state;
    for (int from = 0; from < CR_REQUEST_STATE_COUNT; from++) {
        assert_int_equal(
            cr_request_may_move((enum cr_request_state)from, CR_REQUEST_DONE),
            from != CR_REQUEST_DONE);
        assert_int_equal(
            cr_request_may_move(CR_REQUEST_DONE, (enum cr_request_state)from),
            from == CR_REQUEST_FREE);
    }
}

static void an_illegal_move_is_caught(void **state) {
    struct cr_request request = {.state = CR_REQUEST_DONE};
    (void)state;
    assert_false(cr_request_may_move(CR_REQUEST_BACKING_OFF, CR_REQUEST_IN_FLIGHT));
    assert_false(cr_request_may_move(CR_REQUEST_FOLLOWING, CR_REQUEST_WAITING));
    cr_request_move(&request, CR_REQUEST_FREE);
    assert_int_equal(request.state, CR_REQUEST_FREE);
    assert_string_equal(cr_request_state_name(CR_REQUEST_IN_FLIGHT), "in flight");
}

static void a_queue_keeps_order_and_lets_anyone_leave(void **state) {
    struct cr_request r[4] = {0};
    struct cr_queue queue = {0};
    (void)state;
    cr_queue_push(&queue, &r[0]);
    cr_queue_push(&queue, &r[1]);
    cr_queue_push(&queue, &r[2]);
    cr_queue_push_front(&queue, &r[3]);
    cr_queue_remove(&queue, &r[1]);
    assert_int_equal(queue.len, 3);
    assert_ptr_equal(cr_queue_pop(&queue), &r[3]);
    assert_ptr_equal(cr_queue_pop(&queue), &r[0]);
    assert_ptr_equal(cr_queue_pop(&queue), &r[2]);
    assert_null(cr_queue_pop(&queue));
    assert_int_equal(queue.len, 0);
}

enum { MANY = 500 };

static void timers_come_in_order_whoever_left(void **state) {
    static struct cr_request r[MANY];
    struct cr_heap timers;
    struct cr_rng rng;
    (void)state;
    cr_rng_seed(&rng, 5);
    assert_int_equal(cr_heap_init(&timers, MANY, cr_is_due_before), CR_OK);
    for (int i = 0; i < MANY; i++) {
        r[i] = (struct cr_request){.heap_at = CR_NOT_IN_HEAP,
                                   .due_ns = (int64_t)cr_rng_below(&rng, 100)};
        cr_heap_add(&timers, &r[i]);
    }
    for (int i = 0; i < MANY; i += 3) {
        cr_heap_remove(&timers, &r[i]);
        assert_int_equal(r[i].heap_at, CR_NOT_IN_HEAP);
    }
    int64_t before = -1;
    int left = 0;
    struct cr_request *first;
    while ((first = cr_heap_first(&timers)) != NULL) {
        assert_true(first->due_ns >= before);
        before = first->due_ns;
        cr_heap_remove(&timers, first);
        left++;
    }
    assert_int_equal(left, MANY - (MANY + 2) / 3);
    cr_heap_fini(&timers);
}

static void the_oldest_market_comes_first_and_its_calls_in_order(void **state) {
    static const struct {
        uint64_t trajectory, order;
    } samples[] = {{7, 0}, {3, 1}, {7, 2}, {3, 3}, {0, 4}};
    static const uint64_t expected[] = {4, 1, 3, 0, 2};
    struct cr_call calls[5] = {0};
    struct cr_request r[5] = {0};
    struct cr_heap waiting;
    (void)state;
    assert_int_equal(cr_heap_init(&waiting, 5, cr_is_older), CR_OK);
    for (int i = 0; i < 5; i++) {
        calls[i].trajectory = samples[i].trajectory;
        r[i] = (struct cr_request){
            .heap_at = CR_NOT_IN_HEAP, .call = &calls[i], .order = samples[i].order};
        cr_heap_add(&waiting, &r[i]);
    }
    for (int i = 0; i < 5; i++) {
        struct cr_request *first = cr_heap_first(&waiting);
        assert_int_equal(first->order, expected[i]);
        cr_heap_remove(&waiting, first);
    }
    cr_heap_fini(&waiting);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_completes_once),
        cmocka_unit_test(an_illegal_move_is_caught),
        cmocka_unit_test(a_queue_keeps_order_and_lets_anyone_leave),
        cmocka_unit_test(timers_come_in_order_whoever_left),
        cmocka_unit_test(the_oldest_market_comes_first_and_its_calls_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
