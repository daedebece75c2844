// side_statistics.c - the rows of what a judge makes of either side's advocate.
#include "analyze/analysis_internal.h"

static bool has_sides(const void *record) {
    return ((const struct cr_group_result *)record)->sides.n > 0;
}

#define AT(member) offsetof(struct cr_group_result, member)
static const struct cr_statistic sides[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_SIDES, 1, .heading = "group"}}},
    {"truth_n", CR_STATISTIC_COUNT, .at = AT(sides.side[CR_SIDE_TRUE].n),
     .shown = {{CR_SHEET_SIDES, 2, .heading = "truth n"}},
     .term = "truth_n, falsehood_n",
     .text =
         "done episodes of consultancy whose consultant argued for what is true, and "
         "for something else, by what its first argument declared"},
    {"truth_opening", CR_STATISTIC_SHARE, .at = AT(sides.side[CR_SIDE_TRUE].opening),
     .shown = {{CR_SHEET_SIDES, 3, .heading = "open%"}}},
    {"truth_final", CR_STATISTIC_SHARE, .at = AT(sides.side[CR_SIDE_TRUE].final),
     .shown = {{CR_SHEET_SIDES, 4, .heading = "final%"}},
     .term = "truth_final, falsehood_final", .text = "points of the judge at the end"},
    {"truth_final_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(sides.side[CR_SIDE_TRUE].interval), .digits = 1,
     .shown = {{CR_SHEET_SIDES, 5, .heading = "95 %", .csv = "truth_final"}}},
    {"falsehood_n", CR_STATISTIC_COUNT, .at = AT(sides.side[CR_SIDE_FALSE].n),
     .shown = {{CR_SHEET_SIDES, 6, .heading = "false n"}}},
    {"falsehood_opening", CR_STATISTIC_SHARE,
     .at = AT(sides.side[CR_SIDE_FALSE].opening),
     .shown = {{CR_SHEET_SIDES, 7, .heading = "open%"}}},
    {"falsehood_final", CR_STATISTIC_SHARE, .at = AT(sides.side[CR_SIDE_FALSE].final),
     .shown = {{CR_SHEET_SIDES, 8, .heading = "final%"}}},
    {"falsehood_final_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(sides.side[CR_SIDE_FALSE].interval), .digits = 1,
     .shown = {{CR_SHEET_SIDES, 9, .heading = "95 %", .csv = "falsehood_final"}}},
    {"gap", CR_STATISTIC_SHARE, .at = AT(sides.gap),
     .shown = {{CR_SHEET_SIDES, 10, .heading = "gap"}},
     .text = "points at the end when the truth was argued, less those when a falsehood "
             "was: large for a judge that follows whoever argues"},
    {"gap_interval", CR_STATISTIC_SHARE_INTERVAL, .at = AT(sides.gap_interval),
     .digits = 1, .shown = {{CR_SHEET_SIDES, 11, .heading = "95 %", .csv = "gap"}}},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_side_statistics[] = {
    {"sides", "consultancy", CR_RECORD_GROUP, .is_known = has_sides, .row = sides},
    {.row = NULL},
};
