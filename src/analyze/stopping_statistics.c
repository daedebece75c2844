// stopping_statistics.c - the rows of stop rules against the best fixed iteration.
#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_stopping_result, member)
static const struct cr_statistic stopping[] = {
    {"trajectories", CR_STATISTIC_LABEL, .at = AT(label),
     .shown = {{CR_SHEET_STOPPING, 1, .heading = "group"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(oracle.n),
     .shown = {{CR_SHEET_STOPPING, 2, .heading = "n"}}},
    {"questions", CR_STATISTIC_COUNT, .at = AT(oracle.questions)},
    {"opening", CR_STATISTIC_SHARE, .at = AT(oracle.opening),
     .shown = {{CR_SHEET_STOPPING, 3, .heading = "open%"}}},
    {"best_iteration", CR_STATISTIC_COUNT32, .at = AT(oracle.best),
     .shown = {{CR_SHEET_STOPPING, 4, .heading = "best t"}},
     .text = "the iteration with the most points when all markets are scored at "
             "it (one that ended earlier shows its last price)"},
    {"oracle", CR_STATISTIC_SHARE, .at = AT(oracle.points),
     .shown = {{CR_SHEET_STOPPING, 5, .heading = "oracle%"}},
     .text = "points at the best fixed iteration, cross-fitted: questions in "
             "five folds, each scored at the best iteration of the other four"},
    {"oracle_interval", CR_STATISTIC_SHARE_INTERVAL, .at = AT(oracle.interval),
     .digits = 1,
     .shown = {{CR_SHEET_STOPPING, 6, .heading = "95 %", .csv = "oracle"}}},
    {"ceiling", CR_STATISTIC_SHARE, .at = AT(oracle.ceiling),
     .shown = {{CR_SHEET_STOPPING, 7, .heading = "ceiling%"}},
     .text = "points at the best iteration of every single market: what no rule "
             "can know"},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_frontier_result, member)
static const struct cr_statistic frontier[] = {
    {"trajectories", CR_STATISTIC_LABEL, .at = AT(trajectories),
     .shown = {{CR_SHEET_FRONTIER, 1, .heading = "group"}}},
    {"stop.rule", CR_STATISTIC_TEXT, .at = AT(rule),
     .shown = {{CR_SHEET_FRONTIER, 2, .heading = "rule", .csv = "rule"}}},
    {"stop.window", CR_STATISTIC_COUNT32, .at = AT(row.rule.window),
     .shown = {{CR_SHEET_FRONTIER, 3, .heading = "w", .csv = "window"}}},
    {"stop.threshold", CR_STATISTIC_NUMBER, .at = AT(row.rule.threshold), .digits = 2,
     .shown = {{CR_SHEET_FRONTIER, 4, .heading = "T", .csv = "threshold"}}},
    {"max_iterations", CR_STATISTIC_COUNT32, .at = AT(row.rule.max_iterations),
     .shown = {{CR_SHEET_FRONTIER, 5, .heading = "N"}}},
    {"unknown", CR_STATISTIC_COUNT, .at = AT(row.unknown),
     .shown = {{CR_SHEET_FRONTIER, 6, .heading = "unk"}}},
    {"calls", CR_STATISTIC_NUMBER, .at = AT(row.calls), .digits = 1,
     .shown = {{CR_SHEET_FRONTIER, 7, .heading = "calls"}},
     .text = "mean calls until the rule stops a done market"},
    {"iterations", CR_STATISTIC_NUMBER, .at = AT(row.iterations), .digits = 1,
     .shown = {{CR_SHEET_FRONTIER, 8, .heading = "iter"}}},
    {"final", CR_STATISTIC_SHARE, .at = AT(row.final),
     .shown = {{CR_SHEET_FRONTIER, 9, .heading = "final%"}}},
    {"regret", CR_STATISTIC_SHARE, .at = AT(row.regret),
     .shown = {{CR_SHEET_FRONTIER, 10, .heading = "regret"}},
     .text = "oracle minus final, paired by market: what the rule lost against "
             "the best fixed iteration"},
    {"regret_interval", CR_STATISTIC_SHARE_INTERVAL, .at = AT(row.regret_interval),
     .digits = 1,
     .shown = {{CR_SHEET_FRONTIER, 11, .heading = "95 %", .csv = "regret"}}},
    {"on_frontier", CR_STATISTIC_BOOL, .at = AT(is_on_frontier),
     .shown = {{CR_SHEET_FRONTIER, 12, .heading = "best"}},
     .text = "no other rule is at least as accurate for at most the calls and "
             "better in one"},
    {"paper", CR_STATISTIC_BOOL, .at = AT(is_paper),
     .shown = {{CR_SHEET_FRONTIER, 13, .heading = "paper"}},
     .text = "the paper's rule: window 3, threshold 0.2, at most 10 iterations"},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_stopping_statistics[] = {
    {NULL, "stopping", CR_RECORD_STOPPING, .row = stopping},
    {NULL, "stopping", CR_RECORD_FRONTIER, .row = frontier},
    {.row = NULL},
};
