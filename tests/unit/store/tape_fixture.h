// tape_fixture.h - what the tests of tapes share: a folder of its own, a record in
// which every member is set, and what a scan of the folder gave.
#ifndef CREDENCE_TESTS_TAPE_FIXTURE_H
#define CREDENCE_TESTS_TAPE_FIXTURE_H

#include "credence/store/tape.h"

enum { RECORDS_MAX = 8 };

// A folder of its own, and the records that a scan gave.
struct tape_fixture {
    char dir[64];
    struct cr_fake_clock fake;
    struct cr_clock clock;
    struct cr_call_records seen;
    struct cr_tape_key keys[RECORDS_MAX];
    size_t keys_len;
};

int tape_setup(void **state);
int tape_teardown(void **state);
struct cr_call_record tape_plain_record(uint64_t trajectory);
struct cr_tape *tape_open_new(struct tape_fixture *f, uint32_t launch, int rank);
enum cr_status tape_keep(void *ctx, const struct cr_call_record *record,
                         struct cr_err *err);
struct cr_tape_damage tape_scan_all(struct tape_fixture *f);
void tape_path(const struct tape_fixture *f, char out[128]);
void tape_assert_equal(const struct cr_call_record *a, const struct cr_call_record *b);

#endif
