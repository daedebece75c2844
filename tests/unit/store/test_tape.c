// test_tape.c - what is appended is read back; what is damaged is never believed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/store/tape.h"
#include "store/tape_internal.h"
#include "tape_fixture.h"

static void write_tape(struct tape_fixture *f, uint32_t launch, int rank,
                       uint64_t first, uint64_t len) {
    struct cr_tape *tape = tape_open_new(f, launch, rank);
    for (uint64_t i = 0; i < len; i++) {
        struct cr_call_record record = tape_plain_record(first + i);
        assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    }
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
}

static enum cr_status keep_key(void *ctx, const struct cr_tape_key *key,
                               struct cr_err *err) {
    (void)err;
    struct tape_fixture *f = ctx;
    assert_true(f->keys_len < RECORDS_MAX);
    f->keys[f->keys_len++] = *key;
    return CR_OK;
}

static size_t load(const struct tape_fixture *f, char **bytes) {
    char path[128];
    tape_path(f, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *bytes = malloc(1 << 20);
    size_t len = fread(*bytes, 1, 1 << 20, file);
    fclose(file);
    return len;
}

static void store(const struct tape_fixture *f, const char *bytes, size_t len) {
    char path[128];
    tape_path(f, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void a_record_comes_back_as_it_was(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 42, 1);
    struct cr_tape_damage damage = tape_scan_all(f);
    assert_int_equal(damage.lines, 1);
    assert_int_equal(damage.torn + damage.damaged, 0);
    struct cr_call_record want = tape_plain_record(42);
    tape_assert_equal(&f->seen.at[0], &want);
    assert_null(f->seen.at[0].error);
    assert_null(f->seen.at[0].reasoning);
}

static void
a_failed_call_has_no_text_but_an_error_even_of_ill_formed_bytes(void **state) {
    struct tape_fixture *f = *state;
    struct cr_tape *tape = tape_open_new(f, 0, 0);
    struct cr_call_record record = tape_plain_record(1);
    record.text = NULL;
    record.reason = CR_REASON_SERVER;
    record.error = "500: \xff\xfe oops";
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    tape_scan_all(f);
    assert_int_equal(f->seen.len, 1);
    assert_null(f->seen.at[0].text);
    assert_int_equal(f->seen.at[0].reason, CR_REASON_SERVER);
    assert_string_equal(f->seen.at[0].error, "500: \xef\xbf\xbd\xef\xbf\xbd oops");
}

static void logprobs_and_reasoning_are_kept(void **state) {
    struct tape_fixture *f = *state;
    struct cr_logprob logprobs[2] = {{"yes", -0.1}, {"\"no", -INFINITY}};
    struct cr_call_record record = tape_plain_record(1);
    record.reasoning = "because";
    record.logprobs = logprobs;
    record.logprobs_len = 2;
    struct cr_tape *tape = tape_open_new(f, 0, 0);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    tape_scan_all(f);
    const struct cr_call_record *seen = &f->seen.at[0];
    assert_string_equal(seen->reasoning, "because");
    assert_int_equal(seen->logprobs_len, 2);
    assert_string_equal(seen->logprobs[1].token, "\"no");
    assert_true(seen->logprobs[0].logprob == -0.1);
    assert_true(isinf(seen->logprobs[1].logprob));
}

// A line as version 1 wrote it, WORD saying why the call failed.
static void store_old_line(const struct tape_fixture *f, const char *word) {
    char line[1024], folder[80];
    int len = snprintf(
        line, sizeof line,
        "{\"v\":1,\"trajectory\":\"000000000000002a\",\"key\":\"fedcba9876543210\","
        "\"iteration\":0,\"role\":\"maker\",\"trader\":0,\"sample\":0,\"repair\":0,"
        "\"ask\":\"judgment\",\"request\":\"00000000000000010000000000000002\","
        "\"model\":1,\"fail\":\"%s\",\"finish\":\"stop\",\"tokens_in\":5,"
        "\"tokens_out\":6,\"tokens_cached\":0,\"tokens_reasoning\":0,"
        "\"latency_s\":0.5,\"attempts\":1,\"endpoint\":0,\"http_status\":200,"
        "\"wall_ms\":7,\"simulated\":0,\"reply\":{\"text\":\"yes\"},",
        word);
    len += snprintf(line + len, sizeof line - (size_t)len, "\"sum\":\"%016llx\"}\n",
                    (unsigned long long)cr_hash64(line, (size_t)len, 0));
    snprintf(folder, sizeof folder, "%s/tape", f->dir);
    if (mkdir(folder, 0700) != 0) {
        assert_int_equal(errno, EEXIST);
    }
    store(f, line, (size_t)len);
}

static void a_tape_of_version_1_is_read_with_its_own_words(void **state) {
    static const struct {
        const char *word;
        enum cr_reason reason;
    } cases[] = {
        {"none", CR_REASON_NONE},       {"transport", CR_REASON_CONNECTION},
        {"timeout", CR_REASON_TIMEOUT}, {"rate", CR_REASON_RATE},
        {"server", CR_REASON_SERVER},   {"refused", CR_REASON_BAD_REQUEST},
        {"protocol", CR_REASON_SERVER}, {"limit", CR_REASON_SERVER},
        {"replay", CR_REASON_REPLAY},   {"stopped", CR_REASON_STOPPED},
    };
    struct tape_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_old_line(f, cases[i].word);
        struct cr_tape_damage damage = tape_scan_all(f);
        assert_int_equal(damage.lines, 1);
        assert_int_equal(damage.torn + damage.damaged, 0);
        assert_int_equal(f->seen.at[0].reason, cases[i].reason);
        assert_int_equal(f->seen.at[0].trajectory, 42);
        assert_string_equal(f->seen.at[0].text, "yes");
        assert_string_equal(f->seen.at[0].finish_word, "");
    }
    store_old_line(f, "unreadable"); // a word of version 2
    assert_int_equal(tape_scan_all(f).damaged, 1);
}

static void files_are_read_in_the_order_of_launch_and_rank(void **state) {
    struct tape_fixture *f = *state;
    assert_int_equal(cr_tape_next_launch(f->dir), 0);
    write_tape(f, 10, 0, 4, 1);
    write_tape(f, 2, 11, 3, 1);
    write_tape(f, 2, 3, 1, 2);
    assert_int_equal(cr_tape_next_launch(f->dir), 11);
    char stray[128];
    snprintf(stray, sizeof stray, "%s/tape/9-9.jsonl", f->dir);
    fclose(fopen(stray, "w"));
    tape_scan_all(f);
    assert_int_equal(f->seen.len, 4);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(f->seen.at[i].trajectory, i + 1);
    }
    assert_int_equal(cr_tape_next_launch(f->dir), 11);
}

static void no_tape_is_an_empty_one(void **state) {
    struct tape_fixture *f = *state;
    struct cr_tape_damage damage = tape_scan_all(f);
    assert_int_equal(damage.lines + damage.torn + damage.damaged, 0);
}

static void a_launch_never_appends_to_a_file_that_exists(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 1, 1);
    struct cr_tape *tape = NULL;
    struct cr_tape_cfg cfg = {f->dir, 0, 0, 0, &f->clock};
    struct cr_err err = {0};
    assert_int_equal(cr_tape_open(&cfg, &tape, &err), CR_E_BUSY);
    assert_null(tape);
}

static void tape_is_readable_by_its_owner_alone(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 1, 1);
    char path[128];
    tape_path(f, path);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void a_torn_last_line_is_ignored_wherever_it_was_cut(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 1, 2);
    char *bytes;
    size_t len = load(f, &bytes);
    size_t first = (size_t)(strchr(bytes, '\n') - bytes) + 1;
    for (size_t cut = first + 1; cut < len; cut++) {
        store(f, bytes, cut);
        struct cr_tape_damage damage = tape_scan_all(f);
        assert_int_equal(damage.lines, 1);
        assert_int_equal(damage.torn, 1);
        assert_int_equal(damage.damaged, 0);
    }
    free(bytes);
}

static void no_flipped_byte_is_believed(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 0, 3);
    char *bytes;
    size_t len = load(f, &bytes);
    struct cr_call_record want[3] = {tape_plain_record(0), tape_plain_record(1),
                                     tape_plain_record(2)};
    for (size_t at = 0; at < len; at++) {
        char kept = bytes[at];
        bytes[at] = (char)(kept ^ (1 << at % 8));
        store(f, bytes, len);
        struct cr_tape_damage damage = tape_scan_all(f);
        assert_true(damage.damaged + damage.torn > 0);
        assert_true(f->seen.len >= 1);
        for (size_t i = 0; i < f->seen.len; i++) {
            assert_true(f->seen.at[i].trajectory < 3);
            tape_assert_equal(&f->seen.at[i], &want[f->seen.at[i].trajectory]);
        }
        bytes[at] = kept;
    }
    free(bytes);
}

static void damage_is_named_by_file_and_line_and_the_rest_is_used(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 0, 3);
    char *bytes;
    size_t len = load(f, &bytes);
    char *second = strchr(bytes, '\n') + 1;
    second[40] ^= 1;
    store(f, bytes, len);
    free(bytes);
    struct cr_tape_damage damage = tape_scan_all(f);
    assert_int_equal(damage.lines, 2);
    assert_int_equal(damage.damaged, 1);
    char want[256];
    snprintf(want, sizeof want, "%s/tape/0000-00000.jsonl:2: checksum does not match",
             f->dir);
    assert_string_equal(damage.first, want);
}

static void keys_name_lines_that_can_be_read_back(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 0, 2);
    write_tape(f, 1, 5, 2, 2);
    struct cr_tape_damage damage;
    assert_int_equal(cr_tape_scan_keys(f->dir, keep_key, f, &damage, NULL), CR_OK);
    assert_int_equal(damage.lines, 4);
    assert_int_equal(f->keys_len, 4);
    for (size_t i = 4; i-- > 0;) {
        struct cr_call_record want = tape_plain_record(i);
        const struct cr_tape_key *key = &f->keys[i];
        assert_int_equal(key->trajectory, i);
        assert_memory_equal(&key->id, &want.id, sizeof want.id);
        assert_int_equal(cr_tape_read_at(f->dir, key, tape_keep, f, NULL), CR_OK);
        tape_assert_equal(&f->seen.at[f->seen.len - 1], &want);
    }
    f->keys[0].offset += 1;
    assert_int_equal(cr_tape_read_at(f->dir, &f->keys[0], tape_keep, f, NULL),
                     CR_E_FORMAT);
}

// Read back in an order that nobody writes in, with a line of many pages between, and of
// a file that grew after a part of it was read.
static void one_lookup_reads_records_of_all_files_in_any_order(void **state) {
    struct tape_fixture *f = *state;
    struct cr_tape_lookup *lookup = NULL;
    char *text = malloc(40000);
    memset(text, 'x', 39999);
    text[39999] = '\0';
    write_tape(f, 0, 3, 0, 2);
    struct cr_tape *tape = tape_open_new(f, 1, 0);
    struct cr_call_record records[4];
    for (uint64_t i = 0; i < 4; i++) {
        records[i] = tape_plain_record(2 + i);
        records[i].text = i == 1 ? text : records[i].text;
    }
    assert_int_equal(cr_tape_append_all(tape, records, 3, &(size_t){0}, NULL), CR_OK);
    assert_int_equal(cr_tape_lookup_create(f->dir, &lookup), CR_OK);
    assert_int_equal(cr_tape_scan_keys(f->dir, keep_key, f, NULL, NULL), CR_OK);
    assert_int_equal(f->keys_len, 5);
    static const size_t order[] = {4, 0, 3, 2, 3, 1, 4};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const size_t n = order[i];
        assert_int_equal(cr_tape_lookup_read(lookup, &f->keys[n], tape_keep, f, NULL),
                         CR_OK);
        const struct cr_call_record want =
            n < 2 ? tape_plain_record(n) : records[n - 2];
        tape_assert_equal(&f->seen.at[f->seen.len - 1], &want);
    }
    assert_int_equal(cr_tape_append(tape, &records[3], NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    f->keys_len = 0;
    assert_int_equal(cr_tape_scan_keys(f->dir, keep_key, f, NULL, NULL), CR_OK);
    assert_int_equal(cr_tape_lookup_read(lookup, &f->keys[5], tape_keep, f, NULL),
                     CR_OK);
    tape_assert_equal(&f->seen.at[f->seen.len - 1], &records[3]);
    struct cr_tape_key missing = f->keys[0];
    missing.rank = 77;
    assert_int_equal(cr_tape_lookup_read(lookup, &missing, tape_keep, f, NULL),
                     CR_E_NOT_FOUND);
    assert_int_equal(cr_tape_lookup_read(lookup, &f->keys[0], tape_keep, f, NULL),
                     CR_OK);
    cr_tape_lookup_destroy(lookup);
    free(text);
}

// Digits are read eight at a time: every character in every place is looked at.
static void of_all_characters_only_hexadecimal_digits_are_read_as_such(void **state) {
    (void)state;
    struct cr_buf line;
    struct cr_call_record head;
    const struct cr_call_record record = tape_plain_record(0xa5);
    const char *tail;
    size_t tail_bytes;
    cr_buf_init(&line, 1 << 16);
    assert_int_equal(cr_tape_line_encode(&line, &record), CR_OK);
    char *digits = strstr(line.data, "\"trajectory\":\"");
    assert_non_null(digits);
    digits += sizeof "\"trajectory\":\"" - 1;
    for (int at = 0; at < 16; at++) {
        const char kept = digits[at];
        for (int c = 1; c < 256; c++) {
            const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            digits[at] = (char)c;
            assert_int_equal(cr_tape_line_head(line.data, line.used_bytes - 1, &head,
                                               &tail, &tail_bytes),
                             is_digit);
            if (is_digit) {
                const uint64_t value = (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
                assert_int_equal(head.trajectory >> (60 - 4 * at) & 15, value);
            }
        }
        digits[at] = kept;
    }
    cr_buf_fini(&line);
}

static enum cr_status refuse(void *ctx, const struct cr_call_record *record,
                             struct cr_err *err) {
    (void)ctx;
    (void)record;
    return cr_err_set(err, CR_E_FORMAT, "refused");
}

static void the_callers_own_failure_is_not_taken_for_damage(void **state) {
    struct tape_fixture *f = *state;
    write_tape(f, 0, 0, 0, 1);
    struct cr_tape_damage damage = {0};
    assert_int_equal(cr_tape_scan(f->dir, refuse, NULL, &damage, NULL), CR_E_FORMAT);
}

static void a_line_longer_than_a_read_is_whole(void **state) {
    struct tape_fixture *f = *state;
    size_t bytes = 3u << 20;
    char *text = malloc(bytes + 1);
    memset(text, 'x', bytes);
    text[bytes] = '\0';
    struct cr_tape *tape = tape_open_new(f, 0, 0);
    struct cr_call_record record = tape_plain_record(1);
    record.text = text;
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    record = tape_plain_record(2);
    assert_int_equal(cr_tape_append(tape, &record, NULL), CR_OK);
    assert_int_equal(cr_tape_close(tape, NULL), CR_OK);
    tape_scan_all(f);
    assert_int_equal(f->seen.len, 2);
    assert_int_equal(strlen(f->seen.at[0].text), bytes);
    free(text);
}

// Opens, appends, closes, removes the file again so that every round does the same.
static enum cr_status every_step(struct tape_fixture *f) {
    struct cr_tape *tape = NULL;
    struct cr_tape_cfg cfg = {f->dir, 0, 0, 0, &f->clock};
    enum cr_status status = cr_tape_open(&cfg, &tape, NULL);
    struct cr_call_record record = tape_plain_record(1);
    if (status == CR_OK) {
        status = cr_tape_append(tape, &record, NULL);
    }
    if (tape != NULL) {
        enum cr_status closed = cr_tape_close(tape, NULL);
        status = status == CR_OK ? closed : status;
    }
    if (status == CR_OK) {
        status = cr_tape_scan(f->dir, tape_keep, f, NULL, NULL);
    }
    char path[128];
    tape_path(f, path);
    unlink(path);
    cr_call_records_fini(&f->seen);
    f->seen = (struct cr_call_records){0};
    return status;
}

static void each_failed_allocation_is_reported_and_leaks_nothing(void **state) {
    struct tape_fixture *f = *state;
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, tape_setup, tape_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        CASE(a_record_comes_back_as_it_was),
        CASE(a_failed_call_has_no_text_but_an_error_even_of_ill_formed_bytes),
        CASE(logprobs_and_reasoning_are_kept),
        CASE(a_tape_of_version_1_is_read_with_its_own_words),
        CASE(files_are_read_in_the_order_of_launch_and_rank),
        CASE(no_tape_is_an_empty_one),
        CASE(a_launch_never_appends_to_a_file_that_exists),
        CASE(tape_is_readable_by_its_owner_alone),
        CASE(damage_is_named_by_file_and_line_and_the_rest_is_used),
        CASE(keys_name_lines_that_can_be_read_back),
        CASE(one_lookup_reads_records_of_all_files_in_any_order),
        CASE(of_all_characters_only_hexadecimal_digits_are_read_as_such),
        CASE(the_callers_own_failure_is_not_taken_for_damage),
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
