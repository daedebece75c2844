// The spool: what comes back of it, whole, torn, damaged, or on a full disk.
#include "cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/store/spool.h"

enum { ENTRIES = 5, SEEN_MAX = 16 };

struct place {
    char dir[64], path[96];
    struct cr_spool *spool;
    uint64_t offset[ENTRIES];
    struct cr_spool_entry seen[SEEN_MAX];
    size_t seen_len;
    enum cr_status refuse_with; // what the callback says
    struct cr_err err;
};

static const struct cr_hash ours = {.hi = 1, .lo = 2}, theirs = {.hi = 1, .lo = 3};

static void open_place(struct place *p) {
    *p = (struct place){.dir = "/tmp/credence-spool-XXXXXX"};
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/spool", p->dir);
}

static void close_place(struct place *p) {
    cr_spool_close(p->spool);
    cr_spool_remove(p->dir);
    assert_int_equal(rmdir(p->dir), 0);
}

static size_t head_of(uint64_t i, char *out, size_t bytes) {
    return (size_t)snprintf(out, bytes, "head %llu", (unsigned long long)i) + 1;
}

static size_t body_of(uint64_t i, char *out, size_t bytes) {
    return (size_t)snprintf(out, bytes, "the body of %llu, longer than its head",
                            (unsigned long long)i);
}

static enum cr_status see(void *ctx, const struct cr_spool_entry *entry,
                          const char *head, struct cr_err *err) {
    struct place *p = ctx;
    char wanted[32];
    (void)err;
    assert_int_equal(entry->head_bytes,
                     head_of(entry->trajectory, wanted, sizeof wanted));
    assert_memory_equal(head, wanted, entry->head_bytes);
    assert_int_equal(entry->trajectory_key, 100 + entry->trajectory);
    assert_true(p->seen_len < SEEN_MAX);
    p->seen[p->seen_len++] = *entry;
    return p->refuse_with;
}

static enum cr_status reopen(struct place *p, struct cr_hash identity, bool is_fresh) {
    const struct cr_spool_cfg cfg = {.dir = p->dir,
                                     .identity = identity,
                                     .is_fresh = is_fresh,
                                     .each = see,
                                     .ctx = p};
    cr_spool_close(p->spool);
    p->spool = NULL;
    p->seen_len = 0;
    return cr_spool_open(&cfg, &p->spool, &p->err);
}

static enum cr_status append(struct place *p, uint64_t i, uint64_t *offset) {
    char bytes[128];
    const size_t head = head_of(i, bytes, sizeof bytes);
    const size_t body = body_of(i, bytes + head, sizeof bytes - head);
    const struct cr_spool_entry entry = {.trajectory = i,
                                         .trajectory_key = 100 + i,
                                         .head_bytes = head,
                                         .body_bytes = body};
    return cr_spool_append(p->spool, &entry, bytes, offset, &p->err);
}

static void fill(struct place *p) {
    assert_int_equal(reopen(p, ours, false), CR_OK);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(append(p, i, &p->offset[i]), CR_OK);
    }
}

static enum cr_status read_body(struct place *p, uint64_t i, uint64_t offset) {
    struct cr_buf body;
    char wanted[128];
    cr_buf_init(&body, 1 << 16);
    const enum cr_status status = cr_spool_read(p->spool, offset, &body, &p->err);
    if (status == CR_OK) {
        assert_int_equal(body.used_bytes, body_of(i, wanted, sizeof wanted));
        assert_memory_equal(body.data, wanted, body.used_bytes);
    }
    cr_buf_fini(&body);
    return status;
}

static off_t size_of(const struct place *p) {
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    return st.st_size;
}

static void flip(const struct place *p, off_t at) {
    char byte;
    const int fd = open(p->path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x20;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void what_was_appended_comes_back_in_order(void **state) {
    (void)state;
    struct place p;
    struct stat st;
    open_place(&p);
    fill(&p);
    for (uint64_t i = 0; i < ENTRIES; i++) { // gathered or written, it can be read
        assert_int_equal(read_body(&p, i, p.offset[i]), CR_OK);
    }
    assert_int_equal(reopen(&p, ours, false), CR_OK);
    assert_int_equal(p.seen_len, ENTRIES);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        assert_int_equal(p.seen[i].trajectory, i);
        assert_int_equal(p.seen[i].offset, p.offset[i]);
        assert_int_equal(read_body(&p, i, p.offset[i]), CR_OK);
    }
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close_place(&p);
}

static void a_torn_end_is_cut_off_and_appended_after(void **state) {
    (void)state;
    struct place p;
    open_place(&p);
    fill(&p);
    assert_int_equal(reopen(&p, ours, false), CR_OK);
    const off_t whole = size_of(&p);
    const off_t last = (off_t)p.offset[ENTRIES - 1];
    for (off_t cut = whole - 1; cut > last - 10; cut -= 7) {
        assert_int_equal(truncate(p.path, cut), 0);
        assert_int_equal(reopen(&p, ours, false), CR_OK);
        assert_int_equal(p.seen_len, ENTRIES - 1);
        assert_int_equal(append(&p, ENTRIES - 1, &p.offset[ENTRIES - 1]), CR_OK);
        assert_int_equal(reopen(&p, ours, false), CR_OK);
        assert_int_equal(p.seen_len, ENTRIES);
        assert_int_equal(size_of(&p), whole);
    }
    close_place(&p);
}

// A body is looked at when it is read, all else when the spool is opened: whichever
// byte is damaged, no wrong byte is believed.
static void every_byte_flipped_in_turn_is_noticed(void **state) {
    (void)state;
    struct place p;
    open_place(&p);
    fill(&p);
    assert_int_equal(reopen(&p, ours, false), CR_OK);
    const off_t whole = size_of(&p);
    for (off_t at = 0; at < whole; at++) {
        flip(&p, at);
        assert_int_equal(reopen(&p, ours, false), CR_OK);
        size_t bad = 0;
        for (size_t i = 0; i < p.seen_len; i++) {
            bad += read_body(&p, p.seen[i].trajectory, p.seen[i].offset) != CR_OK;
        }
        if (p.seen_len - bad >= ENTRIES) {
            fail_msg("byte %lld was not missed", (long long)at);
        }
        if (p.seen_len == ENTRIES) { // the body's: the rest stands
            assert_int_equal(bad, 1);
            flip(&p, at);
        } else {
            assert_int_equal(reopen(&p, ours, true), CR_OK);
            fill(&p);
            assert_int_equal(reopen(&p, ours, false), CR_OK);
        }
    }
    close_place(&p);
}

static void the_spool_of_another_job_is_emptied(void **state) {
    (void)state;
    struct place p;
    open_place(&p);
    fill(&p);
    assert_int_equal(reopen(&p, theirs, false), CR_OK);
    assert_int_equal(p.seen_len, 0);
    assert_int_equal(append(&p, 7, &p.offset[0]), CR_OK);
    assert_int_equal(reopen(&p, theirs, false), CR_OK);
    assert_int_equal(p.seen_len, 1);
    assert_int_equal(reopen(&p, theirs, true), CR_OK); // fresh: although it is ours
    assert_int_equal(p.seen_len, 0);
    close_place(&p);
}

static void an_error_of_the_callback_ends_the_opening(void **state) {
    (void)state;
    struct place p;
    open_place(&p);
    fill(&p);
    p.refuse_with = CR_E_MEMORY;
    assert_int_equal(reopen(&p, ours, false), CR_E_MEMORY);
    assert_null(p.spool);
    p.refuse_with = CR_OK;
    assert_int_equal(reopen(&p, ours, false), CR_OK);
    assert_int_equal(p.seen_len, ENTRIES); // nothing was cut off
    close_place(&p);
}

static void limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_told_and_leaves_no_half_entry(void **state) {
    (void)state;
    struct place p;
    uint64_t offset;
    open_place(&p);
    fill(&p);
    assert_int_equal(read_body(&p, 0, p.offset[0]), CR_OK); // everything is written
    const off_t whole = size_of(&p);
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size((rlim_t)whole + 20);
    assert_int_equal(append(&p, 9, &offset), CR_OK); // gathered
    assert_int_not_equal(read_body(&p, 9, offset), CR_OK);
    assert_non_null(strstr(p.err.text, "spool"));
    assert_int_equal(size_of(&p), whole);
    limit_file_size(RLIM_INFINITY); // room was made: the same launch may go on
    assert_int_equal(read_body(&p, 9, offset), CR_OK);
    assert_int_equal(reopen(&p, ours, false), CR_OK);
    assert_int_equal(p.seen_len, ENTRIES + 1);
    close_place(&p);
}

static void what_stands_nowhere_cannot_be_read(void **state) {
    (void)state;
    struct place p;
    open_place(&p);
    fill(&p);
    assert_int_equal(read_body(&p, 0, p.offset[0] + 1), CR_E_FORMAT);
    assert_int_equal(read_body(&p, 0, 1 << 20), CR_E_FORMAT);
    close_place(&p);
}

static void each_failing_allocation_is_an_error_or_harmless(void **state) {
    (void)state;
    struct place p;
    open_place(&p);
    for (uint64_t n = 1;; n++) {
        cr_spool_remove(p.dir);
        cr_mem_fail_at(n);
        enum cr_status status = reopen(&p, ours, false);
        for (uint64_t i = 0; i < ENTRIES && status == CR_OK; i++) {
            status = append(&p, i, &p.offset[i]);
        }
        const bool has_failed = cr_mem_count() >= n;
        cr_mem_fail_at(0);
        assert_true(status == CR_OK || status == CR_E_MEMORY);
        if (!has_failed) {
            break;
        }
    }
    assert_int_equal(reopen(&p, ours, false), CR_OK);
    assert_int_equal(p.seen_len, ENTRIES);
    close_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_comes_back_in_order),
        cmocka_unit_test(a_torn_end_is_cut_off_and_appended_after),
        cmocka_unit_test(every_byte_flipped_in_turn_is_noticed),
        cmocka_unit_test(the_spool_of_another_job_is_emptied),
        cmocka_unit_test(an_error_of_the_callback_ends_the_opening),
        cmocka_unit_test(a_full_disk_is_told_and_leaves_no_half_entry),
        cmocka_unit_test(what_stands_nowhere_cannot_be_read),
        cmocka_unit_test(each_failing_allocation_is_an_error_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
