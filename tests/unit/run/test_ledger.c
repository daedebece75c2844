// The ledger: what is granted in which order, and what is remembered of it.
#include "cmocka_all.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "credence/base/clock.h"
#include "credence/store/tape.h"
#include "run/ledger.h"
#include "scratch.h"

// A plan made by hand: one group of PROPOSITIONS binary claims, each once.
enum { PROPOSITIONS = 10 };

struct world {
    struct cr_proposition propositions[PROPOSITIONS];
    char ids[PROPOSITIONS][8];
    struct cr_benchmark benchmark;
    struct cr_model models[2];
    struct cr_cell cells[2];
    uint32_t cell_numbers[2];
    struct cr_job job;
    struct cr_plan_group groups[2];
    uint64_t first_proposition[1];
    struct cr_plan plan;
    struct cr_ledger ledger;
    struct cr_err err;
};

static void make_propositions(struct world *w) {
    *w = (struct world){0};
    for (int i = 0; i < PROPOSITIONS; i++) {
        snprintf(w->ids[i], sizeof w->ids[i], "p%d", i);
        w->propositions[i] = (struct cr_proposition){
            .id = w->ids[i], .text = "x", .key = 1000 + (uint64_t)i, .unit = ""};
    }
    w->benchmark.propositions.at = w->propositions;
    w->benchmark.propositions.len = PROPOSITIONS;
}

static void make_plan(struct world *w, uint32_t shard, uint32_t shards,
                      uint32_t replicates) {
    w->job = (struct cr_job){.benchmarks = &w->benchmark,
                             .benchmarks_len = 1,
                             .models = w->models,
                             .models_len = 1,
                             .cells = w->cells,
                             .cells_len = 1};
    for (uint32_t i = 0; i < 2; i++) {
        w->models[i] = (struct cr_model){.api = "openai", .limits.concurrency = 4};
        w->cells[i].maker = i;
        w->cell_numbers[i] = i;
        w->groups[i] = (struct cr_plan_group){.cells = &w->cell_numbers[i],
                                              .cells_len = 1,
                                              .replicates = replicates,
                                              .prices_max = 3,
                                              .propositions_len = PROPOSITIONS,
                                              .first_trajectory = i * PROPOSITIONS,
                                              .key = 42 + i};
    }
    w->plan = (struct cr_plan){.job = &w->job,
                               .groups = w->groups,
                               .groups_len = 1,
                               .trajectories = (uint64_t)PROPOSITIONS * replicates,
                               .episodes = (uint64_t)PROPOSITIONS * replicates,
                               .first_proposition = w->first_proposition,
                               .shard = shard,
                               .shards = shards};
    assert_int_equal(cr_ledger_init(&w->ledger, &w->plan, &w->err), CR_OK);
}

static void make_world(struct world *w, uint32_t shard, uint32_t shards) {
    make_propositions(w);
    make_plan(w, shard, shards, 1);
}

static void make_world_of(struct world *w, uint32_t replicates) {
    make_propositions(w);
    make_plan(w, 0, 1, replicates);
}

static uint64_t take(struct world *w) {
    uint64_t number = UINT64_MAX;
    return cr_ledger_take(&w->ledger, &number) ? number : UINT64_MAX;
}

static uint64_t key_of(const struct world *w, uint64_t trajectory) {
    struct cr_plan_place place;
    cr_plan_place(&w->plan, trajectory, &place);
    return place.key;
}

static void grants_go_by_number_and_end(void **state) {
    (void)state;
    struct world w;
    make_world(&w, 0, 1);
    for (uint64_t i = 0; i < PROPOSITIONS; i++) {
        assert_int_equal(take(&w), i);
    }
    assert_int_equal(take(&w), UINT64_MAX);
    assert_int_equal(w.ledger.counts[CR_LEDGER_GRANTED], PROPOSITIONS);
    assert_int_equal(cr_ledger_open_count(&w.ledger), PROPOSITIONS);
    cr_ledger_fini(&w.ledger);
}

// The same world with a second group, another maker's.
static void make_two_makers(struct world *w, uint32_t first, uint32_t second) {
    make_world(w, 0, 1);
    cr_ledger_fini(&w->ledger);
    w->models[0].limits.concurrency = first;
    w->models[1].limits.concurrency = second;
    w->job.models_len = w->job.cells_len = w->plan.groups_len = 2;
    w->plan.trajectories = w->plan.episodes = 2 * (uint64_t)PROPOSITIONS;
    assert_int_equal(cr_ledger_init(&w->ledger, &w->plan, &w->err), CR_OK);
}

static void no_maker_waits_for_another(void **state) {
    (void)state;
    struct world w;
    make_two_makers(&w, 4, 4);
    for (uint64_t i = 0; i < PROPOSITIONS; i++) {
        assert_int_equal(take(&w), i);
        assert_int_equal(take(&w), PROPOSITIONS + i);
    }
    assert_int_equal(take(&w), UINT64_MAX);
    assert_true(cr_ledger_was_granted(&w.ledger));
    cr_ledger_fini(&w.ledger);
}

static void a_fast_maker_goes_on_beside_a_slow_one(void **state) {
    (void)state;
    struct world w;
    make_two_makers(&w, 4, 4);
    for (int i = 0; i < 6; i++) {
        (void)take(&w);
    }
    cr_ledger_set(&w.ledger, PROPOSITIONS, CR_LEDGER_DONE);
    cr_ledger_set(&w.ledger, PROPOSITIONS + 1, CR_LEDGER_DONE);
    assert_int_equal(take(&w), PROPOSITIONS + 3);
    assert_int_equal(take(&w), PROPOSITIONS + 4);
    assert_false(cr_ledger_was_granted(&w.ledger));
    cr_ledger_fini(&w.ledger);
}

static void a_larger_server_gets_more_markets(void **state) {
    (void)state;
    struct world w;
    make_two_makers(&w, 3, 12); // 4 and 16 markets keep them busy
    uint64_t of_second = 0;
    for (int i = 0; i < 10; i++) {
        of_second += take(&w) >= PROPOSITIONS;
    }
    assert_int_equal(of_second, 8);
    cr_ledger_fini(&w.ledger);
}

static void what_was_given_back_goes_first(void **state) {
    (void)state;
    struct world w;
    make_world(&w, 0, 1);
    for (int i = 0; i < 4; i++) {
        (void)take(&w);
    }
    assert_int_equal(cr_ledger_return(&w.ledger, 1, &w.err), CR_OK);
    assert_int_equal(cr_ledger_return(&w.ledger, 3, &w.err), CR_OK);
    const uint64_t first = take(&w), second = take(&w);
    assert_int_equal(first + second, 4);
    assert_int_not_equal(first, second);
    assert_int_equal(take(&w), 4);
    cr_ledger_fini(&w.ledger);
}

static void what_was_finished_meanwhile_is_not_granted_again(void **state) {
    (void)state;
    struct world w;
    make_world(&w, 0, 1);
    for (int i = 0; i < 3; i++) {
        (void)take(&w);
    }
    assert_int_equal(cr_ledger_return(&w.ledger, 1, &w.err), CR_OK);
    cr_ledger_set(&w.ledger, 1, CR_LEDGER_DONE);
    cr_ledger_set(&w.ledger, 4, CR_LEDGER_INVALID); // by a resume, never granted
    assert_int_equal(take(&w), 3);
    assert_int_equal(take(&w), 5);
    assert_int_equal(cr_ledger_return(&w.ledger, 1, &w.err),
                     CR_OK); // no longer granted
    assert_int_equal(take(&w), 6);
    assert_int_equal(cr_ledger_open_count(&w.ledger), PROPOSITIONS - 2);
    cr_ledger_fini(&w.ledger);
}

static void two_returns_of_one_make_one_grant(void **state) {
    (void)state;
    struct world w;
    make_world(&w, 0, 1);
    (void)take(&w);
    (void)take(&w);
    assert_int_equal(cr_ledger_return(&w.ledger, 0, &w.err), CR_OK);
    assert_int_equal(cr_ledger_return(&w.ledger, 0, &w.err), CR_OK);
    assert_int_equal(take(&w), 0);
    assert_int_equal(take(&w), 2);
    cr_ledger_fini(&w.ledger);
}

static void a_shard_grants_its_part_and_no_more(void **state) {
    (void)state;
    uint64_t seen[PROPOSITIONS] = {0};
    for (uint32_t shard = 0; shard < 3; shard++) {
        struct world w;
        make_world(&w, shard, 3);
        uint64_t granted = 0, number;
        while ((number = take(&w)) != UINT64_MAX) {
            assert_true(cr_plan_is_ours(&w.plan, number));
            seen[number]++;
            granted++;
        }
        assert_int_equal(granted + w.ledger.counts[CR_LEDGER_OTHERS], PROPOSITIONS);
        assert_in_range(granted, 3, 4);
        cr_ledger_fini(&w.ledger);
    }
    for (int i = 0; i < PROPOSITIONS; i++) {
        assert_int_equal(seen[i], 1);
    }
}

static void numbers_of_an_older_plan_are_found_by_their_key(void **state) {
    (void)state;
    struct world w;
    make_world(&w, 0, 1);
    for (uint64_t i = 0; i < PROPOSITIONS; i++) {
        uint64_t number = (i + 3) % (PROPOSITIONS + 2); // wrong, or beyond the plan
        bool is_ours = false;
        assert_int_equal(
            cr_ledger_number(&w.ledger, key_of(&w, i), &number, &is_ours, &w.err),
            CR_OK);
        assert_int_equal(number, i);
        assert_true(is_ours);
    }
    uint64_t number = 2;
    bool is_ours = true;
    assert_int_equal(cr_ledger_number(&w.ledger, 12345, &number, &is_ours, &w.err),
                     CR_OK);
    assert_false(is_ours);
    cr_ledger_fini(&w.ledger);
}

// Replicates were added: each trajectory has moved, by as much as its proposition.
static void a_plan_that_grew_finds_each_trajectory_of_the_older_one(void **state) {
    (void)state;
    enum { BEFORE = 30, NOW = 31 };
    struct world w;
    make_world_of(&w, NOW);
    for (int round = 0; round < 2; round++) { // the second is answered from memory
        for (uint64_t i = 0; i < PROPOSITIONS * BEFORE; i++) {
            const uint64_t want = i / BEFORE * NOW + i % BEFORE;
            uint64_t number = i;
            bool is_ours = false;
            assert_int_equal(cr_ledger_number(&w.ledger, key_of(&w, want), &number,
                                              &is_ours, &w.err),
                             CR_OK);
            assert_true(is_ours);
            assert_int_equal(number, want);
        }
    }
    // The same older number for two trajectories: tapes of two older plans.
    for (uint64_t i = 0; i < 6; i++) {
        uint64_t number = 7;
        bool is_ours = false;
        assert_int_equal(cr_ledger_number(&w.ledger, key_of(&w, 100 + i % 2), &number,
                                          &is_ours, &w.err),
                         CR_OK);
        assert_int_equal(number, 100 + i % 2);
    }
    cr_ledger_end_load(&w.ledger);
    cr_ledger_fini(&w.ledger);
}

static size_t heap_bytes(void) {
    const struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

// A million calls of a finished run that is extended are all remembered at once: in
// less than 40 bytes each, where the key of one has 96. (Twice 16, and 4 a trajectory:
// arrays double. Sanitizers keep books of their own, so there only the struct is looked
// at.)
static void a_million_recorded_calls_take_forty_megabytes_at_most(void **state) {
    (void)state;
    enum { REPLICATES = 20000, CALLS = 1000000 };
    struct world w;
    make_world_of(&w, REPLICATES);
    const size_t before = heap_bytes();
    for (uint32_t i = 0; i < CALLS; i++) {
        const struct cr_tape_key key = {.rank = i % 3,
                                        .offset = (uint64_t)i * 500,
                                        .trajectory = i % (PROPOSITIONS * REPLICATES)};
        assert_int_equal(cr_ledger_record(&w.ledger, &key, &w.err), CR_OK);
    }
    assert_true(heap_bytes() - before < 40 * (size_t)CALLS);
    assert_int_equal(w.ledger.recorded_len, CALLS);
    assert_true(w.ledger.recorded_cap * sizeof *w.ledger.recorded < 40 * (size_t)CALLS);
    cr_ledger_fini(&w.ledger);
}

static void what_another_shard_has_is_not_ours(void **state) {
    (void)state;
    struct world w;
    make_world(&w, 1, 3);
    for (uint64_t i = 0; i < PROPOSITIONS; i++) {
        for (uint64_t wrong = 0; wrong < 2; wrong++) {
            uint64_t number = (i + wrong) % PROPOSITIONS;
            bool is_ours = false;
            assert_int_equal(
                cr_ledger_number(&w.ledger, key_of(&w, i), &number, &is_ours, &w.err),
                CR_OK);
            assert_int_equal(number, i);
            assert_int_equal(is_ours, cr_plan_is_ours(&w.plan, i));
        }
    }
    cr_ledger_fini(&w.ledger);
}

static enum cr_status note(void *ctx, const struct cr_tape_key *key,
                           struct cr_err *err) {
    return cr_ledger_record(ctx, key, err);
}

static void write_tape(const char *dir, uint32_t launch, uint64_t trajectory,
                       uint32_t calls) {
    struct cr_tape *tape = NULL;
    const struct cr_tape_cfg cfg = {dir, launch, 1, 1000, cr_clock_monotonic()};
    assert_int_equal(cr_tape_open(&cfg, &tape, NULL), CR_OK);
    for (uint32_t i = 0; i < calls; i++) {
        char text[32];
        snprintf(text, sizeof text, "%u.%u", launch, i);
        const struct cr_call_record record = {
            .trajectory = trajectory, .id = {.iteration = i}, .text = text};
        assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
        const struct cr_call_record other = {.trajectory = trajectory + 1, .text = "?"};
        assert_int_equal(cr_tape_append(tape, &other, NULL), CR_OK);
    }
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
}

static void recorded_calls_come_back_in_the_order_of_the_tapes(void **state) {
    (void)state;
    struct world w;
    struct cr_call_records records = {0};
    char dir[] = "/tmp/credence-ledger-XXXXXX";
    make_world(&w, 0, 1);
    assert_non_null(mkdtemp(dir));
    write_tape(dir, 0, 5, 3);
    write_tape(dir, 1, 5, 2);
    assert_int_equal(cr_tape_scan_keys(dir, note, &w.ledger, NULL, &w.err), CR_OK);
    assert_int_equal(cr_ledger_recorded(&w.ledger, dir, 5, &records, &w.err), CR_OK);
    static const char *const wanted[] = {"0.0", "0.1", "0.2", "1.0", "1.1"};
    assert_int_equal(records.len, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(records.at[i].text, wanted[i]);
    }
    cr_call_records_fini(&records);
    assert_int_equal(cr_ledger_recorded(&w.ledger, dir, 4, &records, &w.err), CR_OK);
    assert_int_equal(records.len, 0);
    assert_int_equal(scratch_remove(dir), 0);
    cr_ledger_fini(&w.ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_go_by_number_and_end),
        cmocka_unit_test(no_maker_waits_for_another),
        cmocka_unit_test(a_fast_maker_goes_on_beside_a_slow_one),
        cmocka_unit_test(a_larger_server_gets_more_markets),
        cmocka_unit_test(what_was_given_back_goes_first),
        cmocka_unit_test(what_was_finished_meanwhile_is_not_granted_again),
        cmocka_unit_test(two_returns_of_one_make_one_grant),
        cmocka_unit_test(a_shard_grants_its_part_and_no_more),
        cmocka_unit_test(numbers_of_an_older_plan_are_found_by_their_key),
        cmocka_unit_test(a_plan_that_grew_finds_each_trajectory_of_the_older_one),
        cmocka_unit_test(a_million_recorded_calls_take_forty_megabytes_at_most),
        cmocka_unit_test(what_another_shard_has_is_not_ours),
        cmocka_unit_test(recorded_calls_come_back_in_the_order_of_the_tapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
