// settling_statistics.c - the rows of how markets come to rest: by agreement, or by noise.
#include <string.h>

#include "analyze/analysis_internal.h"

static bool has_settling(const void *record) {
    return ((const struct cr_group_result *)record)->settling.markets > 0;
}

#define AT(member) offsetof(struct cr_group_result, member)
static const struct cr_statistic settling[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_SETTLING, 1, .heading = "group"}}},
    {"markets", CR_STATISTIC_COUNT, .at = AT(settling.markets),
     .shown = {{CR_SHEET_SETTLING, 2, .heading = "n"}},
     .text = "done binary markets; formulas by their numbers in "
             "src/protocol/EQUILIBRIUM.md"},
    {"moves", CR_STATISTIC_COUNT, .at = AT(settling.moves),
     .shown = {{CR_SHEET_SETTLING, 3, .heading = "moves"}},
     .text = "moves whose argument declared a direction"},
    {"share", CR_STATISTIC_NUMBER, .at = AT(settling.share), .digits = 3,
     .shown = {{CR_SHEET_SETTLING, 4, .heading = "k"}}, .term = "share (k)",
     .text = "of the way to the side of an argument that the price goes: minus the "
             "slope through 0 of the move of the distance on the distance; how often "
             "the maker listens is in it. Slips that do not stay make it too large"},
    {"share_interval", CR_STATISTIC_INTERVAL, .at = AT(settling.share_interval),
     .digits = 3, .shown = {{CR_SHEET_SETTLING, 5, .heading = "95 %", .csv = "share"}}},
    {"noise", CR_STATISTIC_NUMBER, .at = AT(settling.noise), .digits = 3,
     .shown = {{CR_SHEET_SETTLING, 6, .heading = "noise"}},
     .text = "standard deviation of the openings of a proposition over its replicates; "
             "without replicates, of what k leaves of the moves"},
    {"noise_from", CR_STATISTIC_TEXT, .at = AT(settling.noise_from),
     .shown = {{CR_SHEET_SETTLING, 7, .heading = "from"}}},
    {"observed", CR_STATISTIC_SHARE, .at = AT(settling.observed),
     .shown = {{CR_SHEET_SETTLING, 8, .heading = "first%"}},
     .text = "share of markets that the range rule stopped the first time it may, at "
             "t = w - 1"},
    {"observed_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(settling.observed_interval), .digits = 1,
     .shown = {{CR_SHEET_SETTLING, 9, .heading = "95 %", .csv = "observed"}}},
    {"predicted_stays", CR_STATISTIC_SHARE, .at = AT(settling.predicted_stays),
     .shown = {{CR_SHEET_SETTLING, 10, .heading = "noise%"}},
     .term = "predicted_stays, predicted_passes",
     .text = "share that this noise alone would stop there, with nothing argued: where "
             "a slip stays in the price (5), for w up to 3, and where it does not (6). "
             "What is observed beyond them is what the rule owes to agreement"},
    {"predicted_passes", CR_STATISTIC_SHARE, .at = AT(settling.predicted_passes),
     .shown = {{CR_SHEET_SETTLING, 11, .heading = "or%"}}},
    {"bound", CR_STATISTIC_NUMBER, .at = AT(settling.bound), .digits = 2,
     .shown = {{CR_SHEET_SETTLING, 12, .heading = "off by"}},
     .text = "how far from where it was going a price can be when the rule stops it "
             "after waiting, without noise (3); 1 is no bound"},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_settling_statistics[] = {
    {"settling", "settling", CR_RECORD_GROUP, .is_known = has_settling,
     .row = settling},
    {.row = NULL},
};
