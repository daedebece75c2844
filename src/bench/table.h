// table.h - the list of benchmark formats.
//
// Layer    bench (3), internal to the folder
// Threads  read-only
// MPI      none
#ifndef CR_BENCH_TABLE_H
#define CR_BENCH_TABLE_H

#include "bench/format.h"

const struct cr_bench_format *cr_bench_format(const char *name); // NULL when unknown

#endif
