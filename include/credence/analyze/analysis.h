// analysis.h - every number of `analyze`, computed once and rendered in four ways.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_ANALYZE_ANALYSIS_H
#define CREDENCE_ANALYZE_ANALYSIS_H

#include <stdint.h>

#include "credence/analyze/dataset.h"
#include "credence/analyze/rule_grid.h"
#include "credence/base/status.h"
#include "credence/stats/comparison.h"
#include "credence/stats/summary.h"

enum cr_family { CR_FAMILY_GROUPS, CR_FAMILY_COMPARISONS, CR_FAMILY_ALL };

struct cr_analysis_cfg {
    uint32_t resamples;
    uint64_t seed;
    double level;
    uint32_t bins;
    enum cr_family family;
    bool skip_iterations;            // nobody asked for numbers by iteration
    const char *compare;             // label all others are compared with, or NULL
    const struct cr_rule_grid *grid; // of --what-if, or NULL
};

struct cr_group_result {
    const struct cr_group *group;
    struct cr_accuracy accuracy;
    double p_holm;
    struct cr_brier brier;
    struct cr_worth worth;
    bool is_on_frontier;
    struct cr_continuous continuous;
    struct cr_dynamics dynamics;
    struct cr_slice_result *slice; // [slices]: iterations that any market reached
    uint32_t slices;
    uint32_t longest; // judgments of its longest market
};

struct cr_pair_result {
    const struct cr_group_result *first, *second;
    bool is_equal_calls;
    uint32_t cut; // with equal calls: the second's judgment that is compared
    struct cr_comparison comparison;
    double p_holm;
};

struct cr_analysis {
    struct cr_dataset *dataset; // borrowed
    struct cr_analysis_cfg cfg;
    struct cr_group_result *group;
    size_t groups;
    struct cr_pair_result *pair;
    size_t pairs, pairs_cap;
    struct cr_rule_grid_results what_if;
    const char **warning; // what a reader must know before the numbers
    size_t warnings, warnings_cap;
    struct cr_arena arena; // their texts
};

// CR_E_NOT_FOUND when cfg.compare names no group.
CR_MUST_CHECK enum cr_status cr_analysis_make(struct cr_dataset *dataset,
                                              const struct cr_analysis_cfg *cfg,
                                              struct cr_analysis **out,
                                              struct cr_err *err);
void cr_analysis_destroy(struct cr_analysis *analysis);

// The parts of cr_analysis_make.
CR_MUST_CHECK enum cr_status cr_analysis_pairs(struct cr_analysis *analysis,
                                               struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_analysis_warn(struct cr_analysis *analysis);

#endif
