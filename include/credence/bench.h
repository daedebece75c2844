// bench.h - benchmark files into propositions.
//
// Layer    bench (3); a format is one file and one line of cr_bench_table
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BENCH_H
#define CREDENCE_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "credence/job.h"
#include "credence/status.h"

size_t cr_bench_count(void);
const char *cr_bench_name(size_t index);    // "truthfulqa"
const char *cr_bench_summary(size_t index); // one line, for help
int cr_bench_find(const char *name);        // -1 when unknown
// Whether FORMAT can be framed so.
bool cr_bench_can_frame(int format, enum cr_framing framing);

// Read TEXT (the bytes of BENCHMARK->path) into BENCHMARK->propositions by its format,
// framing, pairing, offset and limit. SEED picks distractors and sides. CR_E_JOB names
// file:line, what stands there and what was expected; nothing is kept then.
CR_MUST_CHECK enum cr_status cr_bench_read(struct cr_benchmark *benchmark,
                                           const char *text, size_t bytes,
                                           uint64_t seed, struct cr_err *err);

#endif
