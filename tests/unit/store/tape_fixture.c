// tape_fixture.c - see tape_fixture.h.
#include "tape_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmocka_all.h"
#include "scratch.h"

int tape_setup(void **state) {
    struct tape_fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "%s", "/tmp/credence-tape-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    f->clock = cr_clock_fake(&f->fake);
    *state = f;
    return 0;
}

int tape_teardown(void **state) {
    struct tape_fixture *f = *state;
    int result = scratch_remove(f->dir);
    cr_call_records_fini(&f->seen);
    free(f);
    return result;
}

struct cr_call_record tape_plain_record(uint64_t trajectory) {
    return (struct cr_call_record){
        .trajectory = trajectory,
        .trajectory_key = 0xfedcba9876543210u + trajectory,
        .id = {.iteration = 3,
               .role = CR_ROLE_TRADER,
               .trader = 2,
               .sample = 65535,
               .repair = 1,
               .ask = CR_ASK_ARGUMENT},
        .request_hash = {0x0123456789abcdefu, 0xffffffffffffffffu},
        .model = 7,
        .finish = CR_FINISH_LENGTH,
        .tokens_in = 4294967295u,
        .tokens_out = 20,
        .tokens_cached = 10,
        .tokens_reasoning = 5,
        .latency_s = 0.1,
        .attempts = 2,
        .endpoint = 1,
        .http_status = 200,
        .wall_ms = 1700000000123,
        .text = "{\"price\": 0.5}\n\"quoted\" \\ \x01 caf\xc3\xa9",
        .is_simulated = 1,
        .is_recorded = 1,
        .is_estimated = 1,
        .finish_word = "MAX_\"TOKENS",
        .request_id = "req_\"1",
    };
}

struct cr_tape *tape_open_new(struct tape_fixture *f, uint32_t launch, int rank) {
    struct cr_tape *tape = NULL;
    struct cr_err err = {0};
    struct cr_tape_cfg cfg = {f->dir, launch, rank, 1000, &f->clock};
    enum cr_status status = cr_tape_open(&cfg, &tape, &err);
    if (status != CR_OK) {
        fail_msg("%s", err.text);
    }
    return tape;
}

enum cr_status tape_keep(void *ctx, const struct cr_call_record *record,
                         struct cr_err *err) {
    struct tape_fixture *f = ctx;
    enum cr_status status = cr_call_records_add(&f->seen, record);
    return status == CR_OK ? CR_OK : cr_err_set(err, status, "no memory");
}

struct cr_tape_damage tape_scan_all(struct tape_fixture *f) {
    struct cr_tape_damage damage = {0};
    cr_call_records_fini(&f->seen);
    f->seen = (struct cr_call_records){0};
    struct cr_err err = {0};
    if (cr_tape_scan(f->dir, tape_keep, f, &damage, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    return damage;
}

void tape_path(const struct tape_fixture *f, char out[128]) {
    snprintf(out, 128, "%s/tape/0000-00000.jsonl", f->dir);
}

void tape_assert_equal(const struct cr_call_record *a, const struct cr_call_record *b) {
    assert_true(a->trajectory == b->trajectory);
    assert_true(a->trajectory_key == b->trajectory_key);
    assert_memory_equal(&a->id, &b->id, sizeof a->id);
    assert_memory_equal(&a->request_hash, &b->request_hash, sizeof a->request_hash);
    assert_int_equal(a->model, b->model);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->finish, b->finish);
    assert_int_equal(a->tokens_in, b->tokens_in);
    assert_int_equal(a->tokens_out, b->tokens_out);
    assert_int_equal(a->tokens_cached, b->tokens_cached);
    assert_int_equal(a->tokens_reasoning, b->tokens_reasoning);
    assert_true(a->latency_s == b->latency_s);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->endpoint, b->endpoint);
    assert_int_equal(a->http_status, b->http_status);
    assert_true(a->wall_ms == b->wall_ms);
    assert_int_equal(a->is_simulated, b->is_simulated);
    assert_int_equal(a->is_recorded, b->is_recorded);
    assert_int_equal(a->is_estimated, b->is_estimated);
    assert_string_equal(a->finish_word, b->finish_word);
    assert_string_equal(a->request_id, b->request_id);
    assert_true((a->text == NULL) == (b->text == NULL));
    if (a->text != NULL) {
        assert_string_equal(a->text, b->text);
    }
}
