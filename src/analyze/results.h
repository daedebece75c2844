// results.h - what the rows of the outputs are of: one struct a kind of record.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_RESULTS_H
#define CR_ANALYZE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/confirmatory.h"
#include "analyze/dataset.h"
#include "analyze/statistic.h"
#include "credence/stats/beliefs.h"
#include "credence/stats/comparison.h"
#include "credence/stats/corp.h"
#include "credence/stats/held.h"
#include "credence/stats/independence.h"
#include "credence/stats/instrument.h"
#include "credence/stats/oracle.h"
#include "credence/stats/pools.h"
#include "credence/stats/settling.h"
#include "credence/stats/sides.h"
#include "credence/stats/summary.h"
#include "credence/stats/what_if.h"
#include "credence/stats/wording.h"

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
    struct cr_instrument_result instrument;
    struct cr_held_result held;
    struct cr_settling_result settling;
    struct cr_pools_result room;
    struct cr_sides_result sides;
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

struct cr_instrument_step_result {
    const char *label; // of its group
    uint32_t t;
    struct cr_instrument_numbers numbers;
};

struct cr_held_step_result {
    const char *label; // of its group
    uint32_t t;
    struct cr_held_step step;
};

struct cr_independence_result {
    const char *label; // of its group, or of the first of several
    const char *over;  // "replicates", "models", "traders", "wordings"
    struct cr_independence numbers;
};

struct cr_control_result {
    const char *first_label, *second_label;
    const char *control; // "unrelated", "echo", "filler", "silence", "agent score"
    const struct cr_group_result *first, *second;
    struct cr_comparison comparison; // of points gained, or of agent scores
    double p_holm;
};

struct cr_wording_result {
    const char *label;    // of the first of the groups
    const char *variable; // "opening", "final", "gain"
    struct cr_wording numbers;
};

struct cr_stopping_result {
    const char *label; // of the trajectories
    struct cr_oracle_result oracle;
};

struct cr_frontier_result {
    const char *trajectories, *rule;
    struct cr_what_if_row row;
    bool is_on_frontier, is_paper;
};

struct cr_reason_result {
    const char *label, *what, *reason;
    uint64_t count;
    double share;       // of finished episodes, or of judgments
    const char *words;  // of servers, or NULL
    const char *advice; // or NULL
};

#endif
