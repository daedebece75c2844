// rule_grid.h - the stop rules that --what-if asks for, and what they would have done.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_RULE_GRID_H
#define CR_ANALYZE_RULE_GRID_H

#include "analyze/dataset.h"
#include "credence/base/status.h"
#include "credence/stats/what_if.h"

enum { CR_AXIS_VALUES_MAX = 1000 };

enum cr_axis_kind {
    CR_AXIS_RULE,
    CR_AXIS_WINDOW,
    CR_AXIS_THRESHOLD,
    CR_AXIS_CAP,
    CR_AXES
};

struct cr_rule_grid { // an axis without values keeps each group's own
    double value[CR_AXES][CR_AXIS_VALUES_MAX];
    size_t len[CR_AXES];
    bool is_asked;
};

// Read "stop.threshold=0.1,0.2". CR_E_USAGE says what is wrong.
CR_MUST_CHECK enum cr_status cr_rule_grid_parse(struct cr_rule_grid *grid,
                                                const char *axis, struct cr_err *err);

struct cr_what_if_result {
    const char *trajectories; // label of their group; lives in the arena given
    const char *rule;         // name of row.rule.rule
    struct cr_what_if_row row;
};

struct cr_what_if_results {
    struct cr_what_if_result *at;
    size_t len, cap;
};

// All groups that have trajectories of their own: groups that differ only in their stop
// rule share one set of results. OUT is zeroed; out->at is given (cr_free), on failure
// too; labels are kept in ARENA.
CR_MUST_CHECK enum cr_status cr_rule_grid_apply(const struct cr_rule_grid *grid,
                                                const struct cr_dataset *dataset,
                                                double level, struct cr_arena *arena,
                                                struct cr_what_if_results *out);

#endif
