// analysis_print.h - an analysis as text: JSON, or tables in three dresses.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_ANALYZE_ANALYSIS_PRINT_H
#define CREDENCE_ANALYZE_ANALYSIS_PRINT_H

#include "credence/analyze/analysis.h"
#include "credence/base/buf.h"

enum cr_dress { CR_DRESS_TABLE, CR_DRESS_CSV, CR_DRESS_MD };

// Which tables, as a set of bits.
enum cr_section {
    CR_SECTION_ACCURACY = 1,
    CR_SECTION_CALIBRATION = 2,
    CR_SECTION_DYNAMICS = 4,
    CR_SECTION_WORTH = 8,
    CR_SECTION_COMPARISON = 16,
    CR_SECTION_CONTINUOUS = 32,
    CR_SECTION_ITERATIONS = 64,
    CR_SECTION_WHAT_IF = 128,
    CR_SECTION_RELIABILITY = 256,
    CR_SECTION_ALL = 511
};

// VERSION is credence's own, for the reader of the JSON.
CR_MUST_CHECK enum cr_status cr_analysis_json(const struct cr_analysis *analysis,
                                              const char *version, struct cr_buf *out);
CR_MUST_CHECK enum cr_status cr_analysis_tables(const struct cr_analysis *analysis,
                                                unsigned sections, enum cr_dress dress,
                                                struct cr_buf *out);

#endif
