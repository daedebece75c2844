// benchmark.h - a benchmark of a job: what its file is and which items are wanted.
//
// Layer    core (1); read by job/job.c, its propositions by bench/
// Threads  read-only after it was made
// MPI      every rank builds the same one from the same bytes
#ifndef CREDENCE_CORE_BENCHMARK_H
#define CREDENCE_CORE_BENCHMARK_H

#include <stdint.h>

#include "credence/base/hash.h"
#include "credence/core/proposition.h"

enum cr_framing { CR_FRAMING_BINARY, CR_FRAMING_CATEGORICAL, CR_FRAMING_CONTINUOUS };
enum cr_pairing { CR_PAIRING_BOTH, CR_PAIRING_ONE };

struct cr_binding { // a name and what it means: columns of a file, values of a column
    const char *name;
    const char *const *values;
    uint32_t values_len;
};
struct cr_bindings {
    struct cr_binding *at;
    uint32_t len;
};

struct cr_benchmark {
    const char *name;
    const char *format; // a row of cr_bench_table
    const char *path;   // as in the job file
    enum cr_framing framing;
    enum cr_pairing pairing;
    struct cr_bindings columns; // what the format reads -> the file's column or columns
    struct cr_bindings where;   // column -> values; an item must have one of each
    struct cr_bindings keep;    // name in run.h5 -> column
    const char *answers;        // how table answers are written: "auto", "text", ...
    const char *cluster;        // column that names what questions share; NULL: none
    double low, high;           // range of every quantity; NaN: each item's own
    const char *unit;           // of every quantity; NULL: each item's own
    uint64_t limit;             // items; 0: all
    uint64_t offset;            // items skipped first
    uint64_t sample;            // items drawn by the seed; 0: all
    const char *stratify;       // column whose values keep their shares; NULL: none
    struct cr_hash bytes_hash;
    struct cr_propositions propositions;
};

#endif
