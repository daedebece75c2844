// wording_statistics.c - the rows of prompts worded differently.
#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_wording_result, member)
static const struct cr_statistic wording[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label),
     .shown = {{CR_SHEET_WORDING, 1, .heading = "group"}},
     .text = "the first of the groups that differ in their prompts alone"},
    {"variable", CR_STATISTIC_TEXT, .at = AT(variable),
     .shown = {{CR_SHEET_WORDING, 2, .heading = "of"}},
     .text = "opening and final: log-odds of the price on the truth (prices "
             "moved 0.001 away from 0 and 1), by proposition; gain: points from "
             "opening to end, by question"},
    {"items", CR_STATISTIC_COUNT, .at = AT(numbers.items),
     .shown = {{CR_SHEET_WORDING, 3, .heading = "items"}}},
    {"wordings", CR_STATISTIC_COUNT32, .at = AT(numbers.wordings),
     .shown = {{CR_SHEET_WORDING, 4, .heading = "W"}}},
    {"replicates", CR_STATISTIC_COUNT32, .at = AT(numbers.replicates),
     .shown = {{CR_SHEET_WORDING, 5, .heading = "R"}}},
    {"mean", CR_STATISTIC_NUMBER, .at = AT(numbers.mean), .digits = 3,
     .shown = {{CR_SHEET_WORDING, 6, .heading = "mean"}}},
    {"mean_interval", CR_STATISTIC_INTERVAL, .at = AT(numbers.mean_interval),
     .digits = 3, .shown = {{CR_SHEET_WORDING, 7, .heading = "95 %", .csv = "mean"}},
     .term = "mean_interval",
     .text = "takes the wording as random too: a gain whose interval holds 0 is "
             "smaller than what the wording may do"},
    {"item", CR_STATISTIC_NUMBER, .at = AT(numbers.item), .digits = 3,
     .term = "item, wording, cross, replicate",
     .text = "variance components of balanced random effects: items, wordings, "
             "items x wordings (cross), replicates; with a single replicate "
             "cross holds both"},
    {"wording", CR_STATISTIC_NUMBER, .at = AT(numbers.wording), .digits = 3},
    {"cross", CR_STATISTIC_NUMBER, .at = AT(numbers.cross), .digits = 3},
    {"replicate", CR_STATISTIC_NUMBER, .at = AT(numbers.replicate), .digits = 3},
    {"wording_share", CR_STATISTIC_SHARE, .at = AT(numbers.wording_share),
     .shown = {{CR_SHEET_WORDING, 8, .heading = "word%"}},
     .text = "(wording + cross) / all four components"},
    {"reliability", CR_STATISTIC_NUMBER, .at = AT(numbers.reliability), .digits = 2,
     .shown = {{CR_SHEET_WORDING, 9, .heading = "rel"}},
     .text = "of the mean of all wordings: item / (item + (cross + replicate / "
             "R) / W)"},
    {"wording_ratio", CR_STATISTIC_NUMBER, .at = AT(numbers.wording_ratio), .digits = 3,
     .text = "wording / (cross + replicate / R), with its exact F interval; few "
             "wordings leave it wide"},
    {"wording_ratio_interval", CR_STATISTIC_INTERVAL,
     .at = AT(numbers.wording_ratio_interval), .digits = 3},
    {"test", CR_STATISTIC_TEST, .at = AT(numbers.test),
     .shown = {{CR_SHEET_WORDING, 10, .heading = "p", .csv = "p"}},
     .text = "F test that the wordings do not differ"},
    {"mean_difference", CR_STATISTIC_NUMBER, .at = AT(numbers.mean_difference),
     .digits = 3, .shown = {{CR_SHEET_WORDING, 11, .heading = "|diff|"}},
     .term = "mean_difference, largest_spread",
     .text = "mean absolute difference between two wordings of an item (arXiv "
             "2410.12405), and the largest spread of any item: of prices, or of "
             "points"},
    {"largest_spread", CR_STATISTIC_NUMBER, .at = AT(numbers.largest_spread),
     .digits = 3, .shown = {{CR_SHEET_WORDING, 12, .heading = "max"}}},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_wording_statistics[] = {
    {NULL, "wording", CR_RECORD_WORDING, .row = wording},
    {.row = NULL},
};
