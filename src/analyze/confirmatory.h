// confirmatory.h - a hypothesis of a study, and what came of it.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_CONFIRMATORY_H
#define CR_ANALYZE_CONFIRMATORY_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/stats/comparison.h"

struct cr_confirmatory_result {
    const char *name, *contrast, *direction;
    const char *first, *second; // names of cells; "": no gain at all
    struct cr_comparison comparison;
    double p, p_holm;
    bool is_confirmatory;
    const char *why_not; // "" when it is
    const char *outcome; // "found", "not found", "interim" or "exploratory"
    const char *locked_at, *hash;
    uint64_t replies, episodes_done; // when they were locked
};

#endif
