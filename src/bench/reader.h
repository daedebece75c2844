// reader.h - what is known while a benchmark file is read.
//
// Layer    bench (3), internal to the folder; formats use format.h alone
// Threads  a reader has one owner
// MPI      none
#ifndef CR_BENCH_READER_H
#define CR_BENCH_READER_H

#include "bench/format.h"
#include "credence/base/buf.h"
#include "credence/base/hash.h"

// Ids and the line each was first met on.
struct cr_seen {
    struct cr_seen_slot *slots;
    size_t cap; // a power of two, or 0
    size_t len;
};

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

#endif
