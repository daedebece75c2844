// pair_statistics.c - the rows of a comparison, and of a stop rule tried after the fact.
#include "analyze/analysis_internal.h"

static bool is_cut(const void *record) {
    return ((const struct cr_pair_result *)record)->is_equal_calls;
}
#define AT(member) offsetof(struct cr_pair_result, member)
static const struct cr_statistic comparison[] = {
    {"first", CR_STATISTIC_LABEL, .at = AT(first_label),
     .shown = {{CR_SHEET_COMPARISON, 1, .heading = "group"}}, .term = "comparison",
     .text = "final accuracy of one group minus another's, paired by "
             "proposition (replicates averaged), interval, permutation test and "
             "McNemar as above; proposition scored in both groups only"},
    {"second", CR_STATISTIC_LABEL, .at = AT(second_label),
     .shown = {{CR_SHEET_COMPARISON, 2, .heading = "against"}}},
    {"kind", CR_STATISTIC_TEXT, .at = AT(kind), .is_table_only = true,
     .shown = {{CR_SHEET_COMPARISON, 3, .heading = "kind"}}},
    {"equal_calls", CR_STATISTIC_BOOL, .at = AT(is_equal_calls)},
    {"second_cut_at", CR_STATISTIC_COUNT32, .at = AT(cut), .is_known = is_cut},
    {"pairs", CR_STATISTIC_COUNT, .at = AT(comparison.pairs),
     .shown = {{CR_SHEET_COMPARISON, 4, .heading = "pairs"}}},
    {"questions", CR_STATISTIC_COUNT, .at = AT(comparison.questions)},
    {"first_accuracy", CR_STATISTIC_SHARE, .at = AT(comparison.first)},
    {"second_accuracy", CR_STATISTIC_SHARE, .at = AT(comparison.second)},
    {"difference", CR_STATISTIC_SHARE, .at = AT(comparison.difference),
     .shown = {{CR_SHEET_COMPARISON, 7, .heading = "diff"}}},
    {"interval", CR_STATISTIC_SHARE_INTERVAL, .at = AT(comparison.interval),
     .digits = 1,
     .shown = {{CR_SHEET_COMPARISON, 8, .heading = "95 %", .csv = "difference"}}},
    {"permutation", CR_STATISTIC_TEST, .at = AT(comparison.permutation),
     .shown = {{CR_SHEET_COMPARISON, 9, .heading = "p", .csv = "p"}}},
    {"p_holm", CR_STATISTIC_P, .at = AT(p_holm),
     .shown = {{CR_SHEET_COMPARISON, 10, .heading = "Holm"}}},
    {"mcnemar", CR_STATISTIC_TEST, .at = AT(comparison.mcnemar),
     .shown = {{CR_SHEET_COMPARISON, 11, .heading = "McN", .csv = "p_mcnemar"}}},
    {"first_only", CR_STATISTIC_COUNT, .at = AT(comparison.first_only)},
    {"second_only", CR_STATISTIC_COUNT, .at = AT(comparison.second_only)},
    {"first_calls", CR_STATISTIC_NUMBER, .at = AT(comparison.first_calls), .digits = 1,
     .shown = {{CR_SHEET_COMPARISON, 5, .heading = "calls"}}},
    {"second_calls", CR_STATISTIC_NUMBER, .at = AT(comparison.second_calls),
     .digits = 1, .shown = {{CR_SHEET_COMPARISON, 6, .heading = "calls"}}},
    {"first_tokens", CR_STATISTIC_NUMBER, .at = AT(comparison.first_tokens)},
    {"second_tokens", CR_STATISTIC_NUMBER, .at = AT(comparison.second_tokens)},
    {"first_usd", CR_STATISTIC_NUMBER, .at = AT(comparison.first_usd), .digits = 5},
    {"second_usd", CR_STATISTIC_NUMBER, .at = AT(comparison.second_usd), .digits = 5},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_what_if_result, member)
static const struct cr_statistic what_if[] = {
    {"trajectories", CR_STATISTIC_LABEL, .at = AT(trajectories),
     .shown = {{CR_SHEET_WHAT_IF, 1, .heading = "trajectories of"}}, .term = "what-if",
     .text = "what the same markets would have stored under another stop rule; "
             "each trajectory is taken from its longest stored view. unknown: "
             "it ended before the rule could decide, and with any such nothing "
             "is said of the rule (a cell with stop.rule fixed in the grid "
             "stores whole trajectories). Intervals are linearised and "
             "clustered (no resampling)"},
    {"stop.rule", CR_STATISTIC_TEXT, .at = AT(rule),
     .shown = {{CR_SHEET_WHAT_IF, 2, .heading = "rule", .csv = "rule"}}},
    {"stop.window", CR_STATISTIC_COUNT32, .at = AT(row.rule.window),
     .shown = {{CR_SHEET_WHAT_IF, 3, .heading = "w", .csv = "window"}}},
    {"stop.threshold", CR_STATISTIC_NUMBER, .at = AT(row.rule.threshold), .digits = 3,
     .shown = {{CR_SHEET_WHAT_IF, 4, .heading = "T", .csv = "threshold"}}},
    {"max_iterations", CR_STATISTIC_COUNT32, .at = AT(row.rule.max_iterations),
     .shown = {{CR_SHEET_WHAT_IF, 5, .heading = "N"}}},
    {"done", CR_STATISTIC_COUNT, .at = AT(row.done),
     .shown = {{CR_SHEET_WHAT_IF, 6, .heading = "done"}}},
    {"invalid", CR_STATISTIC_COUNT, .at = AT(row.invalid)},
    {"failed", CR_STATISTIC_COUNT, .at = AT(row.failed)},
    {"unknown", CR_STATISTIC_COUNT, .at = AT(row.unknown),
     .shown = {{CR_SHEET_WHAT_IF, 7, .heading = "unk"}}},
    {"scored", CR_STATISTIC_COUNT, .at = AT(row.scored)},
    {"opening", CR_STATISTIC_SHARE, .at = AT(row.opening)},
    {"final", CR_STATISTIC_SHARE, .at = AT(row.final),
     .shown = {{CR_SHEET_WHAT_IF, 8, .heading = "final%"}}},
    {"difference", CR_STATISTIC_SHARE, .at = AT(row.difference),
     .shown = {{CR_SHEET_WHAT_IF, 9, .heading = "diff"}}},
    {"difference_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(row.difference_interval), .digits = 1,
     .shown = {{CR_SHEET_WHAT_IF, 10, .heading = "95 %", .csv = "difference"}}},
    {"converged", CR_STATISTIC_SHARE, .at = AT(row.converged),
     .shown = {{CR_SHEET_WHAT_IF, 12, .heading = "conv%"}}},
    {"iterations", CR_STATISTIC_NUMBER, .at = AT(row.iterations), .digits = 1,
     .shown = {{CR_SHEET_WHAT_IF, 13, .heading = "iter"}}},
    {"brier", CR_STATISTIC_NUMBER, .at = AT(row.brier), .digits = 4,
     .shown = {{CR_SHEET_WHAT_IF, 11, .heading = "Brier"}}},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_pair_statistics[] = {
    {NULL, "comparison", CR_RECORD_PAIR, .row = comparison},
    {NULL, "what-if", CR_RECORD_WHAT_IF, .row = what_if},
    {.row = NULL},
};
