// control_statistics.c - the rows of markets against placebos, and of agents for and
// against the truth.
#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_control_result, member)
static const struct cr_statistic control[] = {
    {"first", CR_STATISTIC_LABEL, .at = AT(first_label),
     .shown = {{CR_SHEET_PLACEBO, 1, .heading = "market"},
               {CR_SHEET_AGENT_SCORE, 1, .heading = "truthful"}}},
    {"second", CR_STATISTIC_LABEL, .at = AT(second_label),
     .shown = {{CR_SHEET_PLACEBO, 2, .heading = "placebo"},
               {CR_SHEET_AGENT_SCORE, 2, .heading = "adversarial"}}},
    {"control", CR_STATISTIC_TEXT, .at = AT(control),
     .shown = {{CR_SHEET_PLACEBO, 3, .heading = "kind"}},
     .text = "what the market is set against, with the same benchmark, maker, "
             "prompts and stop rule: a trader that argues another question "
             "(unrelated), hands back the last reasoning (echo) or says nothing "
             "at length (filler), or no trader at all (silence: self_refine)"},
    {"pairs", CR_STATISTIC_COUNT, .at = AT(comparison.pairs),
     .shown = {{CR_SHEET_PLACEBO, 4, .heading = "pairs"},
               {CR_SHEET_AGENT_SCORE, 3, .heading = "pairs"}}},
    {"questions", CR_STATISTIC_COUNT, .at = AT(comparison.questions)},
    {"first_mean", CR_STATISTIC_NUMBER, .at = AT(comparison.first), .digits = 3,
     .shown = {{CR_SHEET_PLACEBO, 5, .heading = "gain"},
               {CR_SHEET_AGENT_SCORE, 4, .heading = "ln q"}},
     .text = "points gained from opening to end, per proposition, replicates "
             "averaged; of agent-score: ln of the clipped price on the truth "
             "after a truthful agent"},
    {"second_mean", CR_STATISTIC_NUMBER, .at = AT(comparison.second), .digits = 3,
     .shown = {{CR_SHEET_PLACEBO, 6, .heading = "gain"},
               {CR_SHEET_AGENT_SCORE, 5, .heading = "ln(1-q)"}},
     .text = "the same of the placebo; of agent-score: ln of one minus that "
             "price after an adversarial agent"},
    {"difference", CR_STATISTIC_NUMBER, .at = AT(comparison.difference), .digits = 3,
     .shown = {{CR_SHEET_PLACEBO, 7, .heading = "diff"},
               {CR_SHEET_AGENT_SCORE, 6, .heading = "diff"}},
     .text = "market minus placebo, paired by proposition: what the argument "
             "adds to being asked again. Of agent-score: ln q_truthful - ln (1 "
             "- q_adversarial), what an agent gains by arguing the truth (arXiv "
             "2504.03731)"},
    {"interval", CR_STATISTIC_INTERVAL, .at = AT(comparison.interval), .digits = 3,
     .shown = {{CR_SHEET_PLACEBO, 8, .heading = "95 %", .csv = "difference"},
               {CR_SHEET_AGENT_SCORE, 7, .heading = "95 %", .csv = "difference"}}},
    {"permutation", CR_STATISTIC_TEST, .at = AT(comparison.permutation),
     .shown = {{CR_SHEET_PLACEBO, 9, .heading = "p", .csv = "p"},
               {CR_SHEET_AGENT_SCORE, 8, .heading = "p", .csv = "p"}}},
    {"p_holm", CR_STATISTIC_P, .at = AT(p_holm),
     .shown = {{CR_SHEET_PLACEBO, 10, .heading = "Holm"},
               {CR_SHEET_AGENT_SCORE, 9, .heading = "Holm"}}},
    {"first_tokens", CR_STATISTIC_NUMBER, .at = AT(comparison.first_tokens),
     .shown = {{CR_SHEET_PLACEBO, 11, .heading = "tokens"}}},
    {"second_tokens", CR_STATISTIC_NUMBER, .at = AT(comparison.second_tokens),
     .shown = {{CR_SHEET_PLACEBO, 12, .heading = "tokens"}}},
    {"first_calls", CR_STATISTIC_NUMBER, .at = AT(comparison.first_calls), .digits = 1},
    {"second_calls", CR_STATISTIC_NUMBER, .at = AT(comparison.second_calls),
     .digits = 1},
    {.name = NULL},
};
#undef AT

const struct cr_statistic_list cr_control_statistics[] = {
    {NULL, "placebo", CR_RECORD_CONTROL, .row = control},
    {.row = NULL},
};
