// test_calls.c - /calls over many chunks: columns that are constant for long, and calls
// that were put in the order of the file and in another.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/mem.h"
#include "sample.h"
#include "scratch.h"

enum {
    CALLS = 2000,    // of every other episode; in all almost six chunks of 4096
    FEW = 2,         // of the episodes between: quick to read back
    CHANGED_AT = 13, // episode
    ODD_AT = 19
};

struct fixture {
    char dir[64], paths[2][96];
    struct sample sample;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/credence-calls-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        snprintf(f->paths[i], sizeof f->paths[i], "%s/%d.h5", f->dir, i);
    }
    sample_init(&f->sample);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    int result = scratch_remove(f->dir);
    sample_fini(&f->sample);
    free(f);
    return result;
}

static void check(enum cr_status status, const struct cr_err *err) {
    if (status != CR_OK) {
        fail_msg("%s", err->text);
    }
}

// Constant for chunks, then otherwise constant, but for one call.
static uint32_t http_status_of(uint64_t episode, uint32_t i) {
    return episode == ODD_AT && i == 1 ? 404 : episode < CHANGED_AT ? 200 : 500;
}

static uint32_t make_calls(struct cr_call_record *records, char (*texts)[32],
                           uint64_t episode) {
    const uint32_t len = episode % 2 == 0 ? CALLS : FEW;
    for (uint32_t i = 0; i < len; i++) {
        const uint64_t mixed = (episode * CALLS + i) * 0x9e3779b97f4a7c15;
        snprintf(texts[i], sizeof texts[i], "%u of %u", i, (unsigned)episode);
        records[i] =
            (struct cr_call_record){.trajectory = episode,
                                    .trajectory_key = episode * 0x9e3779b97f4a7c15,
                                    .id = {.iteration = i, .ask = CR_ASK_JUDGMENT},
                                    .request_hash = {mixed, ~mixed},
                                    .endpoint = 7,
                                    .http_status = http_status_of(episode, i),
                                    .attempts = 1,
                                    .text = texts[i]};
    }
    return len;
}

static void write_file(struct fixture *f, const char *path, bool is_backwards) {
    static struct cr_call_record records[CALLS];
    static char texts[CALLS][32];
    struct cr_run_file *file = NULL;
    struct cr_err err = {0};
    check(cr_run_file_create(path, &f->sample.content, &file, &err), &err);
    for (uint64_t i = 0; i < SAMPLE_EPISODES; i++) {
        const uint64_t episode = is_backwards ? SAMPLE_EPISODES - 1 - i : i;
        const uint32_t len = make_calls(records, texts, episode);
        check(cr_run_file_put_calls(file, episode, records, len, &err), &err);
    }
    check(cr_run_file_finish(file, true, 1700000001000, &err), &err);
}

static void assert_episode(const char *path, uint64_t episode) {
    static struct cr_call_record want[CALLS];
    static char texts[CALLS][32];
    struct cr_call_records list = {0};
    struct cr_err err = {0};
    const uint32_t len = make_calls(want, texts, episode);
    check(cr_run_view_calls(path, episode, &list, &err), &err);
    assert_int_equal(list.len, len);
    for (uint32_t i = 0; i < len; i++) {
        const struct cr_call_record *r = &list.at[i];
        assert_int_equal(r->id.iteration, i);
        assert_int_equal(r->http_status, want[i].http_status);
        assert_int_equal(r->endpoint, 7);
        assert_true(r->trajectory_key == want[i].trajectory_key);
        assert_true(r->request_hash.hi == want[i].request_hash.hi);
        assert_true(r->request_hash.lo == want[i].request_hash.lo);
        assert_string_equal(r->text, want[i].text);
    }
    cr_call_records_fini(&list);
}

static void columns_constant_for_chunks_come_back(void **state) {
    struct fixture *f = *state;
    write_file(f, f->paths[0], false);
    for (uint64_t e = 1; e < SAMPLE_EPISODES; e += 2) {
        assert_episode(f->paths[0], e);
    }
}

static char *bytes_of(const char *path, size_t *len) {
    enum { MOST = 1 << 24 };
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(MOST);
    *len = fread(bytes, 1, MOST, file);
    assert_true(*len < MOST);
    fclose(file);
    return bytes;
}

// The one file's chunks are copied as they are, the other's calls are sorted.
static void chunks_copied_are_those_written_in_order(void **state) {
    struct fixture *f = *state;
    size_t len[2];
    char *bytes[2];
    for (int i = 0; i < 2; i++) {
        write_file(f, f->paths[i], i == 1);
        bytes[i] = bytes_of(f->paths[i], &len[i]);
    }
    assert_int_equal(len[0], len[1]);
    assert_true(memcmp(bytes[0], bytes[1], len[0]) == 0);
    free(bytes[0]);
    free(bytes[1]);
}

static void nothing_stays_beside_a_file(void **state) {
    struct fixture *f = *state;
    char base[128];
    snprintf(base, sizeof base, "%s.base", f->paths[0]);
    for (int is_finished = 0; is_finished < 2; is_finished++) {
        struct cr_run_file *file = NULL;
        struct cr_err err = {0};
        check(cr_run_file_create(f->paths[0], &f->sample.content, &file, &err), &err);
        assert_int_equal(access(base, F_OK), 0);
        if (is_finished) {
            check(cr_run_file_finish(file, true, 0, &err), &err);
        } else {
            cr_run_file_abandon(file);
        }
        assert_int_not_equal(access(base, F_OK), 0);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(columns_constant_for_chunks_come_back),
        CASE(chunks_copied_are_those_written_in_order),
        CASE(nothing_stays_beside_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
