// reader.h - what is known while a benchmark file is read.
//
// Layer    bench (3), internal to the folder; formats use format.h alone
// Threads  a reader has one owner
// MPI      none
#ifndef CR_BENCH_READER_H
#define CR_BENCH_READER_H

#include "bench/format.h"
#include "bench/seen.h"
#include "credence/base/buf.h"

struct cr_reader {
    const struct cr_bench_format *format;
    const struct cr_benchmark *benchmark;
    const char *text; // UTF-8, no byte order mark, lines end in LF
    size_t bytes;
    uint64_t seed;
    struct cr_err *err;
    struct cr_propositions propositions;
    struct cr_seen seen;                 // ids given out
    uint64_t items;                      // begun so far
    uint64_t line;                       // of the current item's first character
    const char *id;                      // of the current item
    struct cr_arena scratch;             // of the current item
    struct cr_buf scenario, scenario_id; // of the item before: cr_reader_group
};

// Give ITEM, its id set, to the format.
CR_MUST_CHECK enum cr_status cr_reader_item(struct cr_reader *reader,
                                            const struct cr_item *item);
CR_MUST_CHECK enum cr_status cr_reader_csv(struct cr_reader *reader);
CR_MUST_CHECK enum cr_status cr_reader_json_lines(struct cr_reader *reader);

#endif
