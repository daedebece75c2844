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

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/core/job.h"

size_t cr_bench_count(void);
const char *cr_bench_name(size_t index);    // "truthfulqa"
const char *cr_bench_summary(size_t index); // one line, for help
int cr_bench_find(const char *name);        // -1 when unknown
// Whether FORMAT can be framed so.
bool cr_bench_can_frame(int format, enum cr_framing framing);

// What "columns" may name for FORMAT: the columns it reads, or what a table is mapped to.
// Returns how many.
enum { CR_BENCH_NAMES_MAX = 32, CR_BENCH_COLUMNS_MAX = 80, CR_BENCH_KEEP_MAX = 28 };
size_t cr_bench_columns(int format, const char *out[CR_BENCH_NAMES_MAX]);
// How the answers of a table may be written: "auto", "text", ...
enum { CR_BENCH_ANSWERS = 6 };
extern const char *const cr_bench_answers[CR_BENCH_ANSWERS];

// A mapping ready to copy: the value of a member of "benchmarks", JSON of several lines.
struct cr_bench_shape {
    const char *name, *summary, *json;
};
size_t cr_bench_shapes(const struct cr_bench_shape **out);

// What the file at PATH is, "a CSV file", and the names of its columns (of its first
// object), each with its NUL, appended to COLUMNS. CR_E_IO, CR_E_JOB, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_bench_look(const char *path, const char **container,
                                           struct cr_buf *columns, struct cr_err *err);

// Read TEXT (the bytes of BENCHMARK->path) by its format, framing, pairing, offset and
// limit, and replace BENCHMARK->propositions and bytes_hash. SEED picks distractors and sides.
//
// The file may be gzipped. Items are numbered from 1 or have an id; the whole file is
// checked, also what offset, limit and sample leave out. `where` comes first, then offset
// and limit, then the sample, drawn by the seed. An item that gives a pair makes "ID/true" and
// "ID/false", or the one that the seed picks; a row that carries its own label (ETHICS
// but for utilitarianism, propositions of `jsonl`) is one proposition under either
// pairing. A byte order mark and CRLF change nothing.
//
// CR_E_JOB names path:line, what was found and what was expected; CR_E_MEMORY. The
// propositions are untouched then.
CR_MUST_CHECK enum cr_status cr_bench_read(struct cr_benchmark *benchmark,
                                           const char *text, size_t bytes,
                                           uint64_t seed, struct cr_err *err);
// The same from the file at PATH, in pieces: memory is that of the propositions. CR_E_IO
// too.
CR_MUST_CHECK enum cr_status cr_bench_read_file(struct cr_benchmark *benchmark,
                                                const char *path, uint64_t seed,
                                                struct cr_err *err);

#endif
