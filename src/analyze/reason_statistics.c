// reason_statistics.c - the rows of why something was not usable.
#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_reason_result, member)
static const struct cr_statistic reasons[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label),
     .shown = {{CR_SHEET_REASONS, 1, .heading = "group"}}},
    {"what", CR_STATISTIC_TEXT, .at = AT(what),
     .shown = {{CR_SHEET_REASONS, 2, .heading = "what"}},
     .text = "what became of it: an episode that is invalid, failed, or ended "
             "without a usable argument; or a judgment that was repaired"},
    {"reason", CR_STATISTIC_TEXT, .at = AT(reason),
     .shown = {{CR_SHEET_REASONS, 3, .heading = "reason"}},
     .text = "why, in the words of run.h5's /reason and /repair_reason; files "
             "of schema 1 did not record it"},
    {"count", CR_STATISTIC_COUNT, .at = AT(count),
     .shown = {{CR_SHEET_REASONS, 4, .heading = "n"}}},
    {"share", CR_STATISTIC_SHARE, .at = AT(share),
     .shown = {{CR_SHEET_REASONS, 5, .heading = "%"}},
     .text = "of finished episodes; of judgments when repaired"},
    {"words", CR_STATISTIC_TEXT, .at = AT(words),
     .shown = {{CR_SHEET_REASONS, 6, .heading = "words", .is_csv_only = true}},
     .text = "what servers said or how replies ended, the commonest among the "
             "calls of the first few such episodes"},
    {"advice", CR_STATISTIC_TEXT, .at = AT(advice),
     .shown = {{CR_SHEET_REASONS, 7, .heading = "advice", .is_csv_only = true}}},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_reason_statistics[] = {
    {NULL, "reasons", CR_RECORD_REASON, .row = reasons},
    {.row = NULL},
};
