// analysis.h - from run files to every number of `analyze`, as JSON or as tables.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_ANALYZE_ANALYSIS_H
#define CREDENCE_ANALYZE_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/stats/definition.h"

// Groups of tables, as a set of bits; cr_section_names[i] is the name of bit i.
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
    CR_SECTION_BELIEFS = 512,
    CR_SECTION_INDEPENDENCE = 1024,
    CR_SECTION_REASONS = 2048,
    CR_SECTION_CORP = 4096,
    CR_SECTION_DIAGRAM = 8192,
    CR_SECTION_MURPHY = 16384,
    CR_SECTION_STOPPING = 32768,
    CR_SECTION_PLACEBO = 65536,
    CR_SECTION_AGENT_SCORE = 131072,
    CR_SECTION_INSTRUMENT = 262144,
    CR_SECTION_WORDING = 524288,
    CR_SECTION_HELD = 1048576,
    CR_SECTION_CONFIRMATORY = 2097152,
    CR_SECTION_SETTLING = 4194304,
    CR_SECTION_ROOM = 8388608,
    CR_SECTION_CONSULTANCY = 16777216,
    CR_SECTION_ALL = 33554431
};
enum { CR_SECTION_COUNT = 25 };
extern const char *const cr_section_names[CR_SECTION_COUNT];

enum cr_family { CR_FAMILY_GROUPS, CR_FAMILY_COMPARISONS, CR_FAMILY_ALL };
extern const char *const cr_family_names[3];

enum cr_dress { CR_DRESS_TABLE, CR_DRESS_CSV, CR_DRESS_MD };

struct cr_analysis_cfg { // all borrowed, and used until cr_analysis_destroy
    const char *by; // "benchmark,maker"; NULL: by cell, and by file when jobs differ
    const char *const *what_if; // [what_ifs] "stop.threshold=0.1,0.2": axes of a grid
    size_t what_ifs;
    const char *compare; // label that all others are compared with, or NULL
    enum cr_family family;
    bool excludes_prompted; // markets whose prices never left the prompt's numbers
    unsigned sections; // what is going to be printed: the rest need not be computed
    uint32_t resamples;
    uint64_t seed;
    double level;
    uint32_t bins;
};

struct cr_analysis;

// Whether CFG can be understood, before any file is read. CR_E_USAGE says what is
// wrong.
CR_MUST_CHECK enum cr_status cr_analysis_check(const struct cr_analysis_cfg *cfg,
                                               struct cr_err *err);
// Read PATHS (run files or run directories) and compute. CR_E_USAGE as above, and when
// cfg.compare names no group.
CR_MUST_CHECK enum cr_status cr_analysis_make(char *const *paths, size_t len,
                                              const struct cr_analysis_cfg *cfg,
                                              struct cr_analysis **out,
                                              struct cr_err *err);
void cr_analysis_destroy(struct cr_analysis *analysis);

// Everything, as one JSON object. VERSION is credence's own, for the reader.
CR_MUST_CHECK enum cr_status cr_analysis_json(const struct cr_analysis *analysis,
                                              const char *version, struct cr_buf *out);
CR_MUST_CHECK enum cr_status cr_analysis_tables(const struct cr_analysis *analysis,
                                                unsigned sections, enum cr_dress dress,
                                                struct cr_buf *out);

// In one sentence, what the prices of the run in DIR measure: the model, or its prompt
// and its round numbers. Nothing is added to OUT without prices. *is_bad: in some cell
// more than a fifth of them are numbers of the prompt.
CR_MUST_CHECK enum cr_status cr_analysis_instrument(char *dir, struct cr_buf *out,
                                                    bool *is_bad, struct cr_err *err);

// What statistic INDEX means, in the order of the outputs. False past the last.
bool cr_analysis_definition(size_t index, struct cr_definition *out);

#endif
