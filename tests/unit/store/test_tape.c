// test_tape.c - what is appended is read back; what is damaged is never believed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/mem.h"
#include "credence/tape.h"
#include "scratch.h"

enum { RECORDS_MAX = 8 };

// A folder of its own, and the records that a scan gave.
struct fixture {
    char dir[64];
    struct cr_fake_clock fake;
    struct cr_clock clock;
    struct cr_call_records seen;
    struct cr_tape_key keys[RECORDS_MAX];
    size_t keys_len;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "%s", "/tmp/credence-tape-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    f->clock = cr_clock_fake(&f->fake);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    int result = scratch_remove(f->dir);
    cr_call_records_fini(&f->seen);
    free(f);
    return result;
}

static struct cr_call_record plain_record(uint64_t trajectory) {
    return (struct cr_call_record){
        .trajectory = trajectory,
        .trajectory_key = 0xfedcba9876543210u + trajectory,
        .seat = {.iteration = 3,
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
    };
}

static struct cr_tape *open_tape(struct fixture *f, uint32_t launch, int rank) {
    struct cr_tape *tape = NULL;
    struct cr_err err = {0};
    struct cr_tape_cfg cfg = {f->dir, launch, rank, 1000, &f->clock};
    enum cr_status status = cr_tape_open(&cfg, &tape, &err);
    if (status != CR_OK) {
        fail_msg("%s", err.text);
    }
    return tape;
}

static void write_tape(struct fixture *f, uint32_t launch, int rank, uint64_t first,
                       uint64_t len) {
    struct cr_tape *tape = open_tape(f, launch, rank);
    for (uint64_t i = 0; i < len; i++) {
        struct cr_call_record record = plain_record(first + i);
        assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    }
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
}

static enum cr_status keep(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    struct fixture *f = ctx;
    enum cr_status status = cr_call_records_add(&f->seen, record);
    return status == CR_OK ? CR_OK : cr_err_set(err, status, "no memory");
}

static enum cr_status keep_key(void *ctx, const struct cr_tape_key *key,
                               struct cr_err *err) {
    (void)err;
    struct fixture *f = ctx;
    assert_true(f->keys_len < RECORDS_MAX);
    f->keys[f->keys_len++] = *key;
    return CR_OK;
}

static struct cr_tape_damage scan(struct fixture *f) {
    struct cr_tape_damage damage = {0};
    cr_call_records_fini(&f->seen);
    f->seen = (struct cr_call_records){0};
    struct cr_err err = {0};
    if (cr_tape_scan(f->dir, keep, f, &damage, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    return damage;
}

static void tape_path(const struct fixture *f, char out[128]) {
    snprintf(out, 128, "%s/tape/0000-00000.jsonl", f->dir);
}

static size_t load(const struct fixture *f, char **bytes) {
    char path[128];
    tape_path(f, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *bytes = malloc(1 << 20);
    size_t len = fread(*bytes, 1, 1 << 20, file);
    fclose(file);
    return len;
}

static void store(const struct fixture *f, const char *bytes, size_t len) {
    char path[128];
    tape_path(f, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void assert_record_equal(const struct cr_call_record *a,
                                const struct cr_call_record *b) {
    assert_true(a->trajectory == b->trajectory);
    assert_true(a->trajectory_key == b->trajectory_key);
    assert_memory_equal(&a->seat, &b->seat, sizeof a->seat);
    assert_memory_equal(&a->request_hash, &b->request_hash, sizeof a->request_hash);
    assert_int_equal(a->model, b->model);
    assert_int_equal(a->fail, b->fail);
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
    assert_true((a->text == NULL) == (b->text == NULL));
    if (a->text != NULL) {
        assert_string_equal(a->text, b->text);
    }
}

static void a_record_comes_back_as_it_was(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 42, 1);
    struct cr_tape_damage damage = scan(f);
    assert_int_equal(damage.lines, 1);
    assert_int_equal(damage.torn + damage.damaged, 0);
    struct cr_call_record want = plain_record(42);
    assert_record_equal(&f->seen.at[0], &want);
    assert_null(f->seen.at[0].error);
    assert_null(f->seen.at[0].reasoning);
}

static void
a_failed_call_has_no_text_but_an_error_even_of_ill_formed_bytes(void **state) {
    struct fixture *f = *state;
    struct cr_tape *tape = open_tape(f, 0, 0);
    struct cr_call_record record = plain_record(1);
    record.text = NULL;
    record.fail = CR_FAIL_SERVER;
    record.error = "500: \xff\xfe oops";
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    scan(f);
    assert_int_equal(f->seen.len, 1);
    assert_null(f->seen.at[0].text);
    assert_int_equal(f->seen.at[0].fail, CR_FAIL_SERVER);
    assert_string_equal(f->seen.at[0].error, "500: \xef\xbf\xbd\xef\xbf\xbd oops");
}

static void logprobs_and_reasoning_are_kept(void **state) {
    struct fixture *f = *state;
    struct cr_logprob logprobs[2] = {{"yes", -0.1}, {"\"no", -INFINITY}};
    struct cr_call_record record = plain_record(1);
    record.reasoning = "because";
    record.logprobs = logprobs;
    record.logprobs_len = 2;
    struct cr_tape *tape = open_tape(f, 0, 0);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    scan(f);
    const struct cr_call_record *seen = &f->seen.at[0];
    assert_string_equal(seen->reasoning, "because");
    assert_int_equal(seen->logprobs_len, 2);
    assert_string_equal(seen->logprobs[1].token, "\"no");
    assert_true(seen->logprobs[0].logprob == -0.1);
    assert_true(isinf(seen->logprobs[1].logprob));
}

static void files_are_read_in_the_order_of_launch_and_rank(void **state) {
    struct fixture *f = *state;
    assert_int_equal(cr_tape_next_launch(f->dir), 0);
    write_tape(f, 10, 0, 4, 1);
    write_tape(f, 2, 11, 3, 1);
    write_tape(f, 2, 3, 1, 2);
    assert_int_equal(cr_tape_next_launch(f->dir), 11);
    char stray[128];
    snprintf(stray, sizeof stray, "%s/tape/9-9.jsonl", f->dir);
    fclose(fopen(stray, "w"));
    scan(f);
    assert_int_equal(f->seen.len, 4);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(f->seen.at[i].trajectory, i + 1);
    }
    assert_int_equal(cr_tape_next_launch(f->dir), 11);
}

static void no_tape_is_an_empty_one(void **state) {
    struct fixture *f = *state;
    struct cr_tape_damage damage = scan(f);
    assert_int_equal(damage.lines + damage.torn + damage.damaged, 0);
}

static void a_launch_never_appends_to_a_file_that_exists(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 1, 1);
    struct cr_tape *tape = NULL;
    struct cr_tape_cfg cfg = {f->dir, 0, 0, 0, &f->clock};
    struct cr_err err = {0};
    assert_int_equal(cr_tape_open(&cfg, &tape, &err), CR_E_BUSY);
    assert_null(tape);
}

static void tape_is_readable_by_its_owner_alone(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 1, 1);
    char path[128];
    tape_path(f, path);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void a_torn_last_line_is_ignored_wherever_it_was_cut(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 1, 2);
    char *bytes;
    size_t len = load(f, &bytes);
    size_t first = (size_t)(strchr(bytes, '\n') - bytes) + 1;
    for (size_t cut = first + 1; cut < len; cut++) {
        store(f, bytes, cut);
        struct cr_tape_damage damage = scan(f);
        assert_int_equal(damage.lines, 1);
        assert_int_equal(damage.torn, 1);
        assert_int_equal(damage.damaged, 0);
    }
    free(bytes);
}

static void no_flipped_byte_is_believed(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 0, 3);
    char *bytes;
    size_t len = load(f, &bytes);
    struct cr_call_record want[3] = {plain_record(0), plain_record(1), plain_record(2)};
    for (size_t at = 0; at < len; at++) {
        char kept = bytes[at];
        bytes[at] = (char)(kept ^ (1 << at % 8));
        store(f, bytes, len);
        struct cr_tape_damage damage = scan(f);
        assert_true(damage.damaged + damage.torn > 0);
        assert_true(f->seen.len >= 1);
        for (size_t i = 0; i < f->seen.len; i++) {
            assert_true(f->seen.at[i].trajectory < 3);
            assert_record_equal(&f->seen.at[i], &want[f->seen.at[i].trajectory]);
        }
        bytes[at] = kept;
    }
    free(bytes);
}

static void damage_is_named_by_file_and_line_and_the_rest_is_used(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 0, 3);
    char *bytes;
    size_t len = load(f, &bytes);
    char *second = strchr(bytes, '\n') + 1;
    second[40] ^= 1;
    store(f, bytes, len);
    free(bytes);
    struct cr_tape_damage damage = scan(f);
    assert_int_equal(damage.lines, 2);
    assert_int_equal(damage.damaged, 1);
    char want[256];
    snprintf(want, sizeof want, "%s/tape/0000-00000.jsonl:2: checksum does not match",
             f->dir);
    assert_string_equal(damage.first, want);
}

static void keys_name_lines_that_can_be_read_back(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 0, 2);
    write_tape(f, 1, 5, 2, 2);
    struct cr_tape_damage damage;
    assert_int_equal(cr_tape_scan_keys(f->dir, keep_key, f, &damage, NULL), CR_OK);
    assert_int_equal(damage.lines, 4);
    assert_int_equal(f->keys_len, 4);
    for (size_t i = 4; i-- > 0;) {
        struct cr_call_record want = plain_record(i);
        const struct cr_tape_key *key = &f->keys[i];
        assert_int_equal(key->trajectory, i);
        assert_memory_equal(&key->seat, &want.seat, sizeof want.seat);
        assert_int_equal(cr_tape_read_at(f->dir, key, keep, f, NULL), CR_OK);
        assert_record_equal(&f->seen.at[f->seen.len - 1], &want);
    }
    f->keys[0].offset += 1;
    assert_int_equal(cr_tape_read_at(f->dir, &f->keys[0], keep, f, NULL), CR_E_FORMAT);
}

static enum cr_status refuse(void *ctx, const struct cr_call_record *record,
                             struct cr_err *err) {
    (void)ctx;
    (void)record;
    return cr_err_set(err, CR_E_FORMAT, "refused");
}

static void the_callers_own_failure_is_not_taken_for_damage(void **state) {
    struct fixture *f = *state;
    write_tape(f, 0, 0, 0, 1);
    struct cr_tape_damage damage = {0};
    assert_int_equal(cr_tape_scan(f->dir, refuse, NULL, &damage, NULL), CR_E_FORMAT);
}

static void
a_short_write_leaves_whole_lines_and_goes_on_when_there_is_room(void **state) {
    struct fixture *f = *state;
    struct cr_tape *tape = open_tape(f, 0, 0);
    struct cr_call_record record = plain_record(0);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    low = old;
    low.rlim_cur = 600; // within the second line
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    record.trajectory = 1;
    struct cr_err err = {0};
    enum cr_status full = cr_tape_append(tape, &record, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(full, CR_E_FULL);
    struct cr_tape_damage damage = scan(f);
    assert_int_equal(damage.lines, 1);
    assert_int_equal(damage.torn + damage.damaged, 0);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    damage = scan(f);
    assert_int_equal(damage.lines, 2);
    assert_int_equal(damage.torn + damage.damaged, 0);
}

static void a_line_longer_than_a_read_is_whole(void **state) {
    struct fixture *f = *state;
    size_t bytes = 3u << 20;
    char *text = malloc(bytes + 1);
    memset(text, 'x', bytes);
    text[bytes] = '\0';
    struct cr_tape *tape = open_tape(f, 0, 0);
    struct cr_call_record record = plain_record(1);
    record.text = text;
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    record = plain_record(2);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    scan(f);
    assert_int_equal(f->seen.len, 2);
    assert_int_equal(strlen(f->seen.at[0].text), bytes);
    free(text);
}

// Opens, appends, closes, removes the file again so that every round does the same.
static enum cr_status every_step(struct fixture *f) {
    struct cr_tape *tape = NULL;
    struct cr_tape_cfg cfg = {f->dir, 0, 0, 0, &f->clock};
    enum cr_status status = cr_tape_open(&cfg, &tape, NULL);
    struct cr_call_record record = plain_record(1);
    if (status == CR_OK) {
        status = cr_tape_append(tape, &record, NULL);
    }
    if (tape != NULL) {
        enum cr_status closed = cr_tape_close(tape, NULL);
        status = status == CR_OK ? closed : status;
    }
    if (status == CR_OK) {
        status = cr_tape_scan(f->dir, keep, f, NULL, NULL);
    }
    char path[128];
    tape_path(f, path);
    unlink(path);
    cr_call_records_fini(&f->seen);
    f->seen = (struct cr_call_records){0};
    return status;
}

static void each_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    struct fixture *f = *state;
    for (uint64_t n = 1;; n++) {
        cr_mem_fail_at(n);
        enum cr_status status = every_step(f);
        bool was_reached = cr_mem_count() >= n;
        cr_mem_fail_at(0);
        if (!was_reached) {
            assert_int_equal(status, CR_OK);
            break;
        }
        assert_int_equal(status, CR_E_MEMORY);
        assert_true(n < 1000);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE(a_record_comes_back_as_it_was),
        CASE(a_failed_call_has_no_text_but_an_error_even_of_ill_formed_bytes),
        CASE(logprobs_and_reasoning_are_kept),
        CASE(files_are_read_in_the_order_of_launch_and_rank),
        CASE(no_tape_is_an_empty_one),
        CASE(a_launch_never_appends_to_a_file_that_exists),
        CASE(tape_is_readable_by_its_owner_alone),
        CASE(damage_is_named_by_file_and_line_and_the_rest_is_used),
        CASE(keys_name_lines_that_can_be_read_back),
        CASE(the_callers_own_failure_is_not_taken_for_damage),
        CASE(a_short_write_leaves_whole_lines_and_goes_on_when_there_is_room),
        CASE(a_line_longer_than_a_read_is_whole),
        CASE(each_failed_allocation_is_reported_and_leaks_nothing),
    };
    // Label contract: run when there is an argument.
    const struct CMUnitTest slow[] = {
        CASE(no_flipped_byte_is_believed),
        CASE(a_torn_last_line_is_ignored_wherever_it_was_cut),
    };
    (void)argv;
    return argc > 1 ? cmocka_run_group_tests(slow, NULL, NULL)
                    : cmocka_run_group_tests(tests, NULL, NULL);
}
