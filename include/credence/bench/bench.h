// bench.h - benchmark files into propositions.
//
// Layer    bench (3); a format is one file and one line of cr_bench_table
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BENCH_BENCH_H
#define CREDENCE_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/core/job.h"

size_t cr_bench_count(void);
const char *cr_bench_name(size_t index);    // "truthfulqa"
const char *cr_bench_summary(size_t index); // one line, for help
int cr_bench_find(const char *name);        // -1 when unknown
// Whether FORMAT can be framed so.
bool cr_bench_can_frame(int format, enum cr_framing framing);

// Read TEXT (the bytes of BENCHMARK->path) by its format, framing, pairing, offset and
// limit, and replace BENCHMARK->propositions. SEED picks distractors and sides.
//
// CSV items are numbered from 1, JSON lines have an id; the whole file is checked, also
// what offset and limit leave out. An item that gives a pair makes "ID/true" and
// "ID/false", or the one that the seed picks; a row that carries its own label (ETHICS
// but for utilitarianism, propositions of `jsonl`) is one proposition under either
// pairing. A byte order mark and CRLF change nothing.
//
// CR_E_JOB names path:line, what was found and what was expected; CR_E_MEMORY. The
// propositions are untouched then.
CR_MUST_CHECK enum cr_status cr_bench_read(struct cr_benchmark *benchmark,
                                           const char *text, size_t bytes,
                                           uint64_t seed, struct cr_err *err);

#endif
