// Limits of the job: whatever ranks do, their sum stays within.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run/limits.h"

enum { RANKS_MAX = 8 };

static const struct cr_allowance unlimited = {UINT64_MAX, INFINITY, INFINITY};
static const struct cr_allowance hundred = {100, INFINITY, INFINITY};

struct rank { // a worker that uses whatever it is given
    struct cr_beat_model beat;
    uint32_t concurrency;
    int64_t credits;
};

static struct cr_job job_with(struct cr_model *model) {
    return (struct cr_job){.models = model, .models_len = 1};
}

static void take(struct cr_limits_book *book, struct rank *rank, int i,
                 int64_t now_ms) {
    const struct cr_limits_ask ask = {i, 0, &rank->beat, now_ms};
    struct cr_lease_message lease;
    if (!cr_limits_lease(book, &ask, &lease)) {
        return;
    }
    rank->beat.sequence = lease.sequence;
    rank->concurrency = lease.lease.concurrency;
    if (lease.lease.requests > 0) {
        rank->credits += lease.lease.requests;
    }
}

static uint64_t minute_of_requests(int ranks, double rpm) {
    struct cr_model model = {.limits = {.rpm = rpm}};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, ranks, &unlimited, 0);
    struct rank rank[RANKS_MAX] = {0};
    uint64_t sent = 0;
    for (int64_t now = 0; now < 60000; now += 250) {
        for (int i = 0; i < ranks; i++) {
            rank[i].beat.metrics.waiting = 100;
            take(book, &rank[i], i, now);
            sent += (uint64_t)rank[i].credits;
            rank[i].beat.metrics.attempts += (uint64_t)rank[i].credits;
            rank[i].credits = 0;
        }
    }
    cr_limits_destroy(book);
    return sent;
}

static void requests_a_minute_are_exact_on_two_ranks_and_eight(void **state) {
    (void)state;
    assert_in_range(minute_of_requests(2, 600), 588, 612);
    assert_in_range(minute_of_requests(8, 600), 588, 612);
    assert_in_range(minute_of_requests(1, 30), 28, 31);
}

static uint32_t held(const struct rank *rank, int ranks) {
    uint32_t sum = 0;
    for (int i = 0; i < ranks; i++) {
        sum += rank[i].concurrency > rank[i].beat.metrics.in_flight
                   ? rank[i].concurrency
                   : rank[i].beat.metrics.in_flight;
    }
    return sum;
}

static void
concurrency_moves_to_who_needs_it_and_never_exceeds_the_limit(void **state) {
    (void)state;
    struct cr_model model = {.limits = {.concurrency = 10}};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 3, &unlimited, 0);
    struct rank rank[3] = {0};
    for (int i = 0; i < 3; i++) {
        rank[i].beat.metrics.waiting = 10;
        take(book, &rank[i], i, 0);
    }
    assert_int_equal(held(rank, 3), 10);
    for (int i = 0; i < 3; i++) {
        rank[i].beat.metrics.in_flight = rank[i].concurrency;
    }
    rank[0].beat.metrics.waiting = 0; // rank 0 runs out of work, slowly
    rank[1].beat.metrics.waiting = 0;
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < 3; i++) {
            if (i < 2 && rank[i].beat.metrics.in_flight > 0) {
                rank[i].beat.metrics.in_flight--;
            }
            if (i == 2) {
                rank[i].beat.metrics.in_flight = rank[i].concurrency;
            }
            take(book, &rank[i], i, turn);
            assert_true(held(rank, 3) <= 10);
        }
    }
    assert_int_equal(rank[2].concurrency, 10);
    cr_limits_destroy(book);
}

static void fewer_slots_than_ranks_are_still_all_used(void **state) {
    (void)state;
    struct cr_model model = {.limits = {.concurrency = 2}};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 5, &unlimited, 0);
    struct rank rank[5] = {0};
    for (int i = 0; i < 5; i++) {
        rank[i].beat.metrics.waiting = 4;
        take(book, &rank[i], i, 0);
    }
    assert_int_equal(held(rank, 5), 2);
    cr_limits_destroy(book);
}

static void a_lost_rank_frees_what_it_held(void **state) {
    (void)state;
    struct cr_model model = {.limits = {.concurrency = 4}};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 2, &unlimited, 0);
    struct rank rank[2] = {0};
    for (int i = 0; i < 2; i++) {
        rank[i].beat.metrics.waiting = 9;
        take(book, &rank[i], i, 0);
    }
    assert_int_equal(rank[1].concurrency, 2);
    cr_limits_forget(book, 0);
    take(book, &rank[1], 1, 1);
    assert_int_equal(rank[1].concurrency, 4);
    cr_limits_destroy(book);
}

static void a_lost_rank_gives_back_credits_and_no_call_it_had_begun(void **state) {
    (void)state;
    struct cr_model model = {0};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 2, &hundred, 0);
    struct rank rank[2] = {0};
    rank[0].beat.metrics.waiting = 60;
    take(book, &rank[0], 0, 0);
    assert_int_equal(rank[0].credits, 60);
    rank[0].beat.metrics = (struct cr_model_metrics){
        .waiting = 30, .attempts = 30, .calls_done = 20, .in_flight = 10};
    take(book, &rank[0], 0, 1);
    cr_limits_forget(book, 0);
    rank[1].beat.metrics.waiting = 200;
    take(book, &rank[1], 1, 2);
    assert_int_equal(rank[1].credits, 100 - 30);
    cr_limits_destroy(book);
}

static void a_budget_of_calls_is_never_exceeded(void **state) {
    (void)state;
    struct cr_model model = {0};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 3, &hundred, 0);
    struct rank rank[3] = {0};
    uint64_t sent = 0;
    for (int turn = 0; turn < 50; turn++) {
        for (int i = 0; i < 3; i++) {
            rank[i].beat.metrics.waiting = 7;
            take(book, &rank[i], i, turn);
            sent += (uint64_t)rank[i].credits;
            rank[i].beat.metrics.attempts += (uint64_t)rank[i].credits;
            rank[i].beat.metrics.calls_done += (uint64_t)rank[i].credits;
            rank[i].credits = 0;
        }
    }
    assert_int_equal(sent, 100);
    cr_limits_destroy(book);
}

// A retry uses up a credit but makes no call: the budget must not be lost to it.
static void retries_do_not_eat_the_budget(void **state) {
    (void)state;
    struct cr_model model = {0};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 2, &hundred, 0);
    struct rank rank[2] = {0};
    for (int turn = 0; turn < 2000; turn++) {
        for (int i = 0; i < 2; i++) {
            struct cr_model_metrics *m = &rank[i].beat.metrics;
            m->waiting = 5;
            take(book, &rank[i], i, turn);
            for (; rank[i].credits > 0; rank[i].credits--) {
                m->attempts++;
                m->calls_done += m->attempts % 3 == 0; // two of three attempts fail
            }
            assert_true(rank[0].beat.metrics.calls_done +
                            rank[1].beat.metrics.calls_done <=
                        100);
        }
    }
    assert_int_equal(rank[0].beat.metrics.calls_done + rank[1].beat.metrics.calls_done,
                     100);
    cr_limits_destroy(book);
}

// Ranks whose calls take a turn and cost what COST draws; what was spent in all.
static double spend(const struct cr_allowance *left, int ranks, double (*cost)(int)) {
    struct cr_model model = {0};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, ranks, left, 0);
    struct rank rank[RANKS_MAX] = {0};
    double spent = 0;
    int calls = 0;
    for (int turn = 0; turn < 3000; turn++) {
        for (int i = 0; i < ranks; i++) {
            struct cr_model_metrics *m = &rank[i].beat.metrics;
            for (; m->in_flight > 0; m->in_flight--, m->calls_done++) {
                const double paid = cost(calls++);
                m->tokens_in += (uint64_t)paid;
                m->usd += paid / 1e6;
                spent += paid;
            }
            m->waiting = 40;
            take(book, &rank[i], i, turn);
            const uint32_t more = rank[i].credits < 40 ? (uint32_t)rank[i].credits : 40;
            m->attempts += more;
            m->in_flight = more;
            rank[i].credits -= more;
        }
    }
    cr_limits_destroy(book);
    return spent;
}

static double even(int call) {
    (void)call;
    return 500;
}

static double uneven(int call) { // a long chat costs more and more
    return 100 + 50.0 * (call % 17);
}

static void tokens_and_dollars_are_met_to_the_call(void **state) {
    (void)state;
    const struct cr_allowance tokens = {UINT64_MAX, 200000, INFINITY};
    const struct cr_allowance usd = {UINT64_MAX, INFINITY, 0.2};
    for (int ranks = 1; ranks <= RANKS_MAX; ranks *= 2) {
        assert_true(spend(&tokens, ranks, even) == 200000);
        assert_true(spend(&usd, ranks, even) == 200000);
        const double spent = spend(&tokens, ranks, uneven);
        assert_true(spent >= 200000 && spent < 200000 + 10 * 900);
    }
}

static void nothing_starts_on_a_budget_that_is_spent(void **state) {
    (void)state;
    const struct cr_budget budget = {.usd = 1, .tokens = 1000};
    const struct cr_spent before = {.tokens_in = 900, .tokens_out = 100};
    const struct cr_allowance left = cr_limits_allowance(&budget, &before);
    assert_true(left.tokens == 0 && left.usd == 1);
    assert_true(spend(&left, 3, even) == 0);
}

static void free_calls_do_not_use_up_dollars(void **state) {
    (void)state;
    const struct cr_allowance left = {UINT64_MAX, INFINITY, 1};
    struct cr_model model = {0};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 1, &left, 0);
    // Ten calls were made and cost nothing: as many more as it likes.
    const struct cr_beat_model beat = {
        .metrics = {.calls_done = 10, .attempts = 10, .tokens_in = 5000, .waiting = 3}};
    const struct cr_limits_ask ask = {0, 0, &beat, 0};
    struct cr_lease_message lease;
    assert_true(cr_limits_lease(book, &ask, &lease));
    assert_true(lease.lease.requests >= 3);
    cr_limits_destroy(book);
}

static void no_limit_needs_no_lease(void **state) {
    (void)state;
    struct cr_model model = {0};
    const struct cr_job job = job_with(&model);
    struct cr_limits_book *book = cr_limits_create(&job, 2, &unlimited, 0);
    const struct cr_beat_model beat = {.metrics = {.waiting = 5}};
    const struct cr_limits_ask ask = {0, 0, &beat, 0};
    struct cr_lease_message lease;
    assert_false(cr_limits_has_any(book, 0));
    assert_false(cr_limits_lease(book, &ask, &lease));
    cr_limits_destroy(book);
}

static void each_part_ends_a_run_when_it_is_reached(void **state) {
    (void)state;
    static const struct {
        struct cr_budget budget;
        struct cr_spent spent;
        int64_t elapsed_ms;
        const char *used_up;
    } cases[] = {
        {{0}, {.calls = 1000000, .usd = 1e6}, 1000000000, NULL},
        {{.calls = 10}, {.calls = 9}, 0, NULL},
        {{.calls = 10}, {.calls = 10}, 0, "calls"},
        {{.tokens = 10}, {.tokens_in = 4, .tokens_out = 5}, 0, NULL},
        {{.tokens = 10}, {.tokens_in = 4, .tokens_out = 6}, 0, "tokens"},
        {{.usd = 1.5}, {.usd = 1.49}, 0, NULL},
        {{.usd = 1.5}, {.usd = 1.5}, 0, "dollars (usd)"},
        {{.wall_s = 600}, {0}, 569999, NULL},
        {{.wall_s = 600}, {0}, 570000, "wall time (wall_s)"}, // 30 s of grace
        {{.wall_s = 20}, {0}, 14999, NULL}, // shorter than its grace: a quarter
        {{.wall_s = 20}, {0}, 15000, "wall time (wall_s)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = cr_limits_used_up(&cases[i].budget, &cases[i].spent,
                                              cases[i].elapsed_ms, 30000);
        if (cases[i].used_up == NULL) {
            assert_null(found);
        } else {
            assert_string_equal(found, cases[i].used_up);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_a_minute_are_exact_on_two_ranks_and_eight),
        cmocka_unit_test(concurrency_moves_to_who_needs_it_and_never_exceeds_the_limit),
        cmocka_unit_test(fewer_slots_than_ranks_are_still_all_used),
        cmocka_unit_test(a_lost_rank_frees_what_it_held),
        cmocka_unit_test(a_lost_rank_gives_back_credits_and_no_call_it_had_begun),
        cmocka_unit_test(a_budget_of_calls_is_never_exceeded),
        cmocka_unit_test(retries_do_not_eat_the_budget),
        cmocka_unit_test(tokens_and_dollars_are_met_to_the_call),
        cmocka_unit_test(nothing_starts_on_a_budget_that_is_spent),
        cmocka_unit_test(free_calls_do_not_use_up_dollars),
        cmocka_unit_test(no_limit_needs_no_lease),
        cmocka_unit_test(each_part_ends_a_run_when_it_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
