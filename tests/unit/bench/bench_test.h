// bench_test.h - what the tests of this folder share: reading from a string or a file.
#ifndef CREDENCE_BENCH_TEST_H
#define CREDENCE_BENCH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "credence/base/file.h"
#include "credence/bench/bench.h"
#include "credence/core/proposition.h"

enum { TEST_SEED = 7, TEST_FILE_MAX = 64 * 1024 * 1024 };

static inline struct cr_benchmark bench_of(const char *format, enum cr_framing framing,
                                           enum cr_pairing pairing) {
    return (struct cr_benchmark){.name = "test",
                                 .format = format,
                                 .path = "items",
                                 .framing = framing,
                                 .pairing = pairing};
}

static inline enum cr_status read_bytes(struct cr_benchmark *bench, const char *text,
                                        size_t bytes, struct cr_err *err) {
    // A copy of exact size, so that a sanitizer sees a read past the end.
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    enum cr_status status = cr_bench_read(bench, copy, bytes, TEST_SEED, err);
    free(copy);
    return status;
}

// Read TEXT, which must be good.
static inline void read_good(struct cr_benchmark *bench, const char *text) {
    struct cr_err err = {0};
    enum cr_status status = read_bytes(bench, text, strlen(text), &err);
    if (status != CR_OK) {
        fail_msg("%s", err.text);
    }
}

static inline size_t count_label(const struct cr_propositions *list, int32_t label) {
    size_t count = 0;
    for (size_t i = 0; i < list->len; i++) {
        count += list->at[i].label == label;
    }
    return count;
}

#endif
