// analysis_internal.h - every number of `analyze`, as one record a group, an iteration,
// a comparison or a rule.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_ANALYSIS_INTERNAL_H
#define CR_ANALYZE_ANALYSIS_INTERNAL_H

#include <stdint.h>

#include "analyze/dataset.h"
#include "analyze/questions.h"
#include "analyze/rule_grid.h"
#include "analyze/statistic.h"
#include "credence/analyze/analysis.h"
#include "credence/base/status.h"
#include "credence/stats/beliefs.h"
#include "credence/stats/comparison.h"
#include "credence/stats/corp.h"
#include "credence/stats/independence.h"
#include "credence/stats/summary.h"

struct cr_iteration_result {
    const char *label; // of its group
    uint32_t t;
    struct cr_slice_result slice;
    struct cr_survival survival;
    struct cr_corp corp;
    const char *when; // "opening", "final", or "" between
};

struct cr_group_result {
    const char *label;
    const struct cr_group *group;
    struct cr_accuracy accuracy;
    double p_holm;
    struct cr_brier brier;
    struct cr_worth worth;
    bool is_on_frontier;
    struct cr_continuous continuous;
    struct cr_dynamics dynamics;
    struct cr_belief_result beliefs;
    struct cr_murphy_point murphy[CR_MURPHY_POINTS];
    bool has_murphy;
    struct cr_iteration_result *iteration; // [iterations] that any market reached
    uint32_t iterations;
    uint32_t longest; // judgments of its longest market
};

// One bin of equal width and the one of equal mass of the same number.
struct cr_reliability_result {
    const char *label, *when;
    double from; // lower edge of the bin of equal width
    struct cr_bin width, mass;
};

struct cr_pair_result {
    const char *first_label, *second_label, *kind;
    const struct cr_group_result *first, *second;
    bool is_equal_calls;
    uint32_t cut; // with equal calls: the second's judgment that is compared
    struct cr_comparison comparison;
    double p_holm;
};

struct cr_corp_band_result {
    const char *label, *when; // of its group; opening or final
    struct cr_corp_band band;
    bool is_outside; // the share is outside the band
};
struct cr_corp_band_result cr_corp_band_result_of(const struct cr_iteration_result *one,
                                                  uint32_t at);

struct cr_murphy_result {
    const char *label; // of its group
    struct cr_murphy_point point;
};

struct cr_belief_step_result {
    const char *label; // of its group
    uint32_t t;
    struct cr_belief_step step;
};

struct cr_independence_result {
    const char *label; // of its group, or of the first of several
    const char *over;  // "replicates", "models", "traders", "wordings"
    struct cr_independence numbers;
};

struct cr_reason_result {
    const char *label, *what, *reason;
    uint64_t count;
    double share;       // of finished episodes, or of judgments
    const char *words;  // of servers, or NULL
    const char *advice; // or NULL
};

struct cr_analysis {
    struct cr_dataset *dataset;
    struct cr_analysis_cfg cfg;
    struct cr_rule_grid grid; // of --what-if
    struct cr_group_result *group;
    size_t groups;
    struct cr_pair_result *pair;
    size_t pairs, pairs_cap;
    struct cr_what_if_results what_if;
    struct cr_independence_result *independence;
    size_t independences, independences_cap;
    struct cr_reason_result *reason;
    size_t reasons, reasons_cap;
    const char **warning; // what a reader must know before the numbers
    size_t warnings, warnings_cap;
    struct cr_arena arena; // their texts
};

// A walk over all records of a kind, in the order of the tables. What it returns is
// valid until the next call.
struct cr_records {
    const struct cr_analysis *analysis;
    enum cr_record kind;
    size_t group, at;
    struct cr_reliability_result reliability;
    struct cr_belief_step_result belief_step;
    struct cr_corp_band_result band;
    struct cr_murphy_result murphy;
};
const void *cr_records_next(struct cr_records *records); // NULL at the end

// The parts of cr_analysis_make.
CR_MUST_CHECK enum cr_status cr_analysis_pairs(struct cr_analysis *analysis,
                                               struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_analysis_warn(struct cr_analysis *analysis);
// Why episodes and judgments were not usable (reasons.c).
CR_MUST_CHECK enum cr_status cr_analysis_reasons(struct cr_analysis *analysis);
// Models, traders and wordings as judges of the same propositions (judges.c).
CR_MUST_CHECK enum cr_status cr_analysis_judges(struct cr_analysis *analysis);
CR_MUST_CHECK enum cr_status
cr_analysis_add_independence(struct cr_analysis *analysis,
                             const struct cr_independence_result *one);
struct cr_judgment_score cr_judgment_score_of(const struct cr_market *market);
// What is asked of one group question by question (group_science.c).
CR_MUST_CHECK enum cr_status cr_group_science(struct cr_analysis *analysis,
                                              struct cr_group_result *group,
                                              const struct cr_numbering *numbering);

#endif
