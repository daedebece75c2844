// confirmatory_statistics.c - the rows of hypotheses that were locked beforehand.
#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_confirmatory_result, member)
static const struct cr_statistic confirmatory[] = {
    {"name", CR_STATISTIC_LABEL, .at = AT(name),
     .shown = {{CR_SHEET_CONFIRMATORY, 1, .heading = "hypothesis", .csv = "name"}},
     .term = "confirmatory",
     .text =
         "\"hypotheses\" of the job, tested as they were locked at the first launch "
         "of its directory. Those that were locked after the first reply, added or "
         "changed since, of cells that could be answered from a tape (cache, replay) "
         "or with a record that does not match its hash are exploratory: shown, but "
         "outside Holm's family"},
    {"contrast", CR_STATISTIC_TEXT, .at = AT(contrast),
     .shown = {{CR_SHEET_CONFIRMATORY, 2, .heading = "contrast"}},
     .text = "what is compared, paired by proposition: final, points at the end; gain, "
             "points from opening to end (of one cell: against none); brier, Brier "
             "score of the last price; agent-score, ln q of the first cell less "
             "ln (1 - q) of the second"},
    {"first", CR_STATISTIC_LABEL, .at = AT(first),
     .shown = {{CR_SHEET_CONFIRMATORY, 3, .heading = "first"}}},
    {"second", CR_STATISTIC_LABEL, .at = AT(second),
     .shown = {{CR_SHEET_CONFIRMATORY, 4, .heading = "second"}}},
    {"direction", CR_STATISTIC_TEXT, .at = AT(direction),
     .shown = {{CR_SHEET_CONFIRMATORY, 5, .heading = "expected"}}},
    {"pairs", CR_STATISTIC_COUNT, .at = AT(comparison.pairs),
     .shown = {{CR_SHEET_CONFIRMATORY, 6, .heading = "pairs"}}},
    {"questions", CR_STATISTIC_COUNT, .at = AT(comparison.questions)},
    {"first_mean", CR_STATISTIC_NUMBER, .at = AT(comparison.first), .digits = 3},
    {"second_mean", CR_STATISTIC_NUMBER, .at = AT(comparison.second), .digits = 3},
    {"difference", CR_STATISTIC_NUMBER, .at = AT(comparison.difference), .digits = 3,
     .shown = {{CR_SHEET_CONFIRMATORY, 7, .heading = "diff"}}},
    {"interval", CR_STATISTIC_INTERVAL, .at = AT(comparison.interval), .digits = 3,
     .shown = {{CR_SHEET_CONFIRMATORY, 8, .heading = "95 %", .csv = "difference"}}},
    {"p", CR_STATISTIC_P, .at = AT(p),
     .shown = {{CR_SHEET_CONFIRMATORY, 9, .heading = "p"}},
     .text =
         "sign-flip permutation test over questions; one-sided where a direction is "
         "expected (half the two-sided p, or 1 less that half when the difference "
         "has the other sign)"},
    {"p_holm", CR_STATISTIC_P, .at = AT(p_holm),
     .shown = {{CR_SHEET_CONFIRMATORY, 10, .heading = "Holm"}},
     .text = "over all confirmatory hypotheses, and nothing else"},
    {"outcome", CR_STATISTIC_TEXT, .at = AT(outcome),
     .shown = {{CR_SHEET_CONFIRMATORY, 11, .heading = "outcome"}},
     .text = "found: p after Holm is at most 0.05; not found; interim: the run is not "
             "complete, so this look is not the last; exploratory: not confirmatory"},
    {"confirmatory", CR_STATISTIC_BOOL, .at = AT(is_confirmatory),
     .shown = {{CR_SHEET_CONFIRMATORY, 12, .heading = "conf", .csv = "confirmatory",
                .is_csv_only = true}}},
    {"why_not", CR_STATISTIC_TEXT, .at = AT(why_not),
     .shown = {{CR_SHEET_CONFIRMATORY, 13, .heading = "why", .csv = "why_not",
                .is_csv_only = true}}},
    {"locked_at", CR_STATISTIC_TEXT, .at = AT(locked_at)},
    {"locked_hash", CR_STATISTIC_TEXT, .at = AT(hash)},
    {"locked_replies", CR_STATISTIC_COUNT, .at = AT(replies),
     .text = "replies that the directory held when the hypotheses were locked"},
    {"locked_episodes", CR_STATISTIC_COUNT, .at = AT(episodes_done)},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_confirmatory_statistics[] = {
    {NULL, "confirmatory", CR_RECORD_CONFIRMATORY, .row = confirmatory},
    {.row = NULL},
};
