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
#include "analyze/records.h"
#include "analyze/rule_grid.h"
#include "credence/analyze/analysis.h"
#include "credence/base/status.h"

#define CR_PROMPTED_MAX 0.2 // the share of prices from the prompt that is warned of

// What numbers the rows of a group have: [len] in the order of the group.
struct cr_numbering {
    const uint32_t *question, *proposition;
    uint32_t questions, propositions;
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
    struct cr_wording_result *wording;
    size_t wordings, wordings_cap;
    struct cr_control_result *control;
    size_t controls, controls_cap;
    struct cr_confirmatory_result *confirmatory;
    size_t confirmatories, confirmatories_cap;
    struct cr_stopping_result *stopping;
    size_t stoppings, stoppings_cap;
    struct cr_frontier_result *frontier;
    size_t frontiers, frontiers_cap;
    struct cr_reason_result *reason;
    size_t reasons, reasons_cap;
    const char **warning; // what a reader must know before the numbers
    size_t warnings, warnings_cap;
    struct cr_arena arena; // their texts
    struct cr_err *err;    // of the cr_analysis_make under way; may be NULL
};

// The parts of cr_analysis_make.
CR_MUST_CHECK enum cr_status cr_analysis_pairs(struct cr_analysis *analysis,
                                               struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_analysis_warn(struct cr_analysis *analysis);
// Why episodes and judgments were not usable (reasons.c).
CR_MUST_CHECK enum cr_status cr_analysis_reasons(struct cr_analysis *analysis);
// Markets against placebos, truthful against adversarial agents (controls.c).
CR_MUST_CHECK enum cr_status cr_analysis_controls(struct cr_analysis *analysis);
// Hypotheses that were locked beforehand (confirmatory.c).
CR_MUST_CHECK enum cr_status cr_analysis_confirm(struct cr_analysis *analysis,
                                                 struct cr_err *err);
// What a market is worth to a comparison (controls.c); NaN: it has no such value.
enum cr_control_value {
    CR_VALUE_FINAL,       // points at the end
    CR_VALUE_GAIN,        // points gained from opening to end
    CR_VALUE_BRIER,       // of the last price
    CR_VALUE_LOG_TRUTH,   // ln of the clipped last price on the truth
    CR_VALUE_LOG_AGAINST, // ln of one minus that price
};
double cr_control_value(const struct cr_market *market, enum cr_control_value which);
// Stop rules against the best fixed iteration (frontier.c).
CR_MUST_CHECK enum cr_status cr_analysis_frontier(struct cr_analysis *analysis,
                                                  struct cr_err *err);
// What a family of groups may differ in, being the same in all else.
enum cr_difference {
    CR_DIFFER_MODELS,
    CR_DIFFER_TRADERS,
    CR_DIFFER_WORDINGS,
    CR_DIFFERENCES
};
// The groups, at most CR_JUDGES_MAX, that differ from group G in DIFFERENCE alone, G
// first; how many. 0: there are none, or G is not the first of them.
size_t cr_find_family(const struct cr_analysis *analysis, size_t g,
                      enum cr_difference difference, size_t *member);
// How much of the numbers is the wording (wordings.c).
CR_MUST_CHECK enum cr_status cr_analysis_wordings(struct cr_analysis *analysis);
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
