// group_statistics.c - the rows of a group: accuracy, Brier score, worth, quantities,
// dynamics.
#include <math.h>

#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_group_result, member)

static bool has_vote(const void *record) {
    return !isnan(((const struct cr_group_result *)record)->accuracy.vote);
}

static bool has_quantities(const void *record) {
    return ((const struct cr_group_result *)record)->continuous.n > 0;
}
static const struct cr_statistic accuracy[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_ACCURACY, 1, .heading = "group"},
               {CR_SHEET_VOTE, 1, .heading = "group"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(accuracy.n),
     .shown = {{CR_SHEET_ACCURACY, 2, .heading = "n"}},
     .text = "episodes of the group, whatever became of them"},
    {"done", CR_STATISTIC_COUNT, .at = AT(accuracy.done)},
    {"invalid", CR_STATISTIC_COUNT, .at = AT(accuracy.invalid),
     .shown = {{CR_SHEET_ACCURACY, 4, .heading = "inv"}},
     .text = "episodes whose model never gave a usable judgment, repairs "
             "included; scored as wrong from the judgment that was missing on "
             "(at t = 0 too when there was none)"},
    {"failed", CR_STATISTIC_COUNT, .at = AT(accuracy.failed),
     .shown = {{CR_SHEET_ACCURACY, 5, .heading = "fail"}},
     .text = "episodes lost to transport or server; never scored, neither right "
             "nor wrong"},
    {"pending", CR_STATISTIC_COUNT, .at = AT(accuracy.pending),
     .text = "episodes not finished yet; never scored"},
    {"coverage", CR_STATISTIC_SHARE, .at = AT(accuracy.coverage),
     .shown = {{CR_SHEET_ACCURACY, 3, .heading = "cov%"}},
     .text = "(done + invalid) / n: the share with a final result"},
    {"scored", CR_STATISTIC_COUNT, .at = AT(accuracy.scored),
     .shown = {{CR_SHEET_VOTE, 2, .heading = "n", .csv = "n"}}},
    {"questions", CR_STATISTIC_COUNT, .at = AT(accuracy.questions)},
    {"opening", CR_STATISTIC_SHARE, .at = AT(accuracy.opening),
     .shown = {{CR_SHEET_ACCURACY, 6, .heading = "open%"}},
     .text = "mean points at t = 0: 1 when the price is on the right side of "
             "0.5 (of several options: when the right one has the largest "
             "price), 0 when wrong, a tie shares the point; over done and "
             "invalid episodes. It is also the single-shot baseline"},
    {"opening_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(accuracy.opening_interval), .digits = 1},
    {"final", CR_STATISTIC_SHARE, .at = AT(accuracy.final),
     .shown = {{CR_SHEET_ACCURACY, 7, .heading = "final%"},
               {CR_SHEET_VOTE, 3, .heading = "mean price%"},
               {CR_SHEET_WORTH, 6, .heading = "final%"}},
     .text = "mean points at the last judgment, over the same episodes"},
    {"final_interval", CR_STATISTIC_SHARE_INTERVAL, .at = AT(accuracy.final_interval),
     .digits = 1},
    {"difference", CR_STATISTIC_SHARE, .at = AT(accuracy.difference),
     .shown = {{CR_SHEET_ACCURACY, 8, .heading = "diff"}},
     .text = "final minus opening, paired by episode"},
    {"difference_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(accuracy.difference_interval), .digits = 1,
     .shown = {{CR_SHEET_ACCURACY, 9, .heading = "95 %", .csv = "difference"}},
     .term = "interval",
     .text = "95 %: percentile bootstrap that draws whole questions, its levels "
             "expanded to the width of Student's t. Chosen over BCa because in "
             "simulations with 12 to 120 questions it covers closer to 95 %: "
             "with few questions narrowness costs more than skewness. Shares "
             "that are no difference (converged, invalid) have Wilson "
             "intervals; Brier differences and values by iteration have "
             "linearised clustered t intervals"},
    {"vote", CR_STATISTIC_SHARE, .at = AT(accuracy.vote), .is_known = has_vote,
     .shown = {{CR_SHEET_VOTE, 4, .heading = "vote%"},
               {CR_SHEET_ACCURACY, 14, .heading = "vote%", .is_csv_only = true}},
     .term = "vote, vote_gain",
     .text = "of self_consistency alone: mean points of the majority vote among "
             "the samples, each voting for its side of 0.5 (of several options: "
             "for its largest), tied samples and tied votes sharing; vote minus "
             "final, where final is by the mean price. A sample is got back "
             "from the running means: (t + 1) p_t - t p_(t-1)"},
    {"vote_interval", CR_STATISTIC_SHARE_INTERVAL, .at = AT(accuracy.vote_interval),
     .digits = 1, .is_known = has_vote,
     .shown = {{CR_SHEET_VOTE, 5, .heading = "95 %", .csv = "vote"},
               {CR_SHEET_ACCURACY, 15, .heading = "95 %", .csv = "vote",
                .is_csv_only = true}}},
    {"vote_gain", CR_STATISTIC_SHARE, .at = AT(accuracy.vote_gain),
     .is_known = has_vote, .shown = {{CR_SHEET_VOTE, 6, .heading = "vote - mean"}}},
    {"vote_gain_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(accuracy.vote_gain_interval), .digits = 1, .is_known = has_vote,
     .shown = {{CR_SHEET_VOTE, 7, .heading = "95 %", .csv = "vote_gain"}}},
    {"permutation", CR_STATISTIC_TEST, .at = AT(accuracy.permutation),
     .shown = {{CR_SHEET_ACCURACY, 10, .heading = "p", .csv = "p"}}, .term = "p",
     .text = "two-sided sign-flip permutation test of the difference, flipping "
             "whole questions; exact by counting when all differences are "
             "multiples of 1/2 and few enough, else by --resamples random flips"},
    {"p_holm", CR_STATISTIC_P, .at = AT(p_holm),
     .shown = {{CR_SHEET_ACCURACY, 11, .heading = "Holm"}},
     .text = "p after Holm's step-down correction over the family that --family "
             "names"},
    {"mcnemar", CR_STATISTIC_TEST, .at = AT(accuracy.mcnemar),
     .text = "exact two-sided binomial test on episodes that turned from right "
             "to wrong or back; ties take no part; it ignores that propositions "
             "of a question depend on each other"},
    {"right_to_wrong", CR_STATISTIC_COUNT, .at = AT(accuracy.right_to_wrong)},
    {"wrong_to_right", CR_STATISTIC_COUNT, .at = AT(accuracy.wrong_to_right)},
    {"ties", CR_STATISTIC_COUNT, .at = AT(accuracy.ties)},
    {"converged", CR_STATISTIC_SHARE, .at = AT(accuracy.converged),
     .shown = {{CR_SHEET_ACCURACY, 12, .heading = "conv%"}},
     .text = "share of done episodes whose stop rule fired (rather than "
             "max_iterations)"},
    {"converged_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(accuracy.converged_interval), .digits = 1},
    {"invalid_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(accuracy.invalid_interval), .digits = 1},
    {"iterations", CR_STATISTIC_NUMBER, .at = AT(accuracy.iterations), .digits = 1,
     .shown = {{CR_SHEET_ACCURACY, 13, .heading = "iter"}},
     .text = "mean number of the last iteration t of done episodes"},
    {.name = NULL},
};

static const struct cr_statistic brier[] = {
    {"n", CR_STATISTIC_COUNT, .at = AT(brier.n)},
    {"opening", CR_STATISTIC_NUMBER, .at = AT(brier.opening), .digits = 4},
    {"final", CR_STATISTIC_NUMBER, .at = AT(brier.final), .digits = 4},
    {"difference", CR_STATISTIC_NUMBER, .at = AT(brier.difference), .digits = 4},
    {"difference_interval", CR_STATISTIC_INTERVAL, .at = AT(brier.difference_interval),
     .digits = 4},
    {.name = NULL},
};

static const struct cr_statistic worth[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_WORTH, 1, .heading = "group"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(worth.n)},
    {"tokens", CR_STATISTIC_NUMBER, .at = AT(worth.tokens),
     .shown = {{CR_SHEET_WORTH, 3, .heading = "tokens"}},
     .term = "tokens, calls, latency_s, usd",
     .text = "means per done or invalid episode; tokens in and out, latency "
             "summed over calls. A cell that shares its trajectory is charged "
             "up to its own stop"},
    {"calls", CR_STATISTIC_NUMBER, .at = AT(worth.calls), .digits = 1,
     .shown = {{CR_SHEET_WORTH, 2, .heading = "calls"}}},
    {"latency_s", CR_STATISTIC_NUMBER, .at = AT(worth.latency_s), .digits = 2,
     .shown = {{CR_SHEET_WORTH, 4, .heading = "seconds"}}},
    {"usd", CR_STATISTIC_NUMBER, .at = AT(worth.usd), .digits = 5,
     .shown = {{CR_SHEET_WORTH, 5, .heading = "usd"}}},
    {"accuracy_per_1000_tokens", CR_STATISTIC_NUMBER,
     .at = AT(worth.accuracy_per_1000_tokens), .digits = 3,
     .shown = {{CR_SHEET_WORTH, 7, .heading = "per 1k tok"}},
     .text = "final accuracy / (tokens / 1000)"},
    {"tokens_per_point", CR_STATISTIC_NUMBER, .at = AT(worth.tokens_per_point),
     .shown = {{CR_SHEET_WORTH, 8, .heading = "tok/point"}},
     .term = "tokens_per_point, usd_per_point",
     .text = "cost / (100 x difference): the price of one percentage point "
             "gained over the opening; none when nothing was gained"},
    {"usd_per_point", CR_STATISTIC_NUMBER, .at = AT(worth.usd_per_point), .digits = 5,
     .shown = {{CR_SHEET_WORTH, 9, .heading = "usd/point"}}},
    {"frontier", CR_STATISTIC_BOOL, .at = AT(is_on_frontier),
     .shown = {{CR_SHEET_WORTH, 10, .heading = "frontier"}},
     .text = "no other group is at least as accurate for at most the cost and "
             "better in one (among groups on the same benchmark); by dollars, "
             "by tokens where all cost nothing"},
    {"equal calls", CR_STATISTIC_TERM,
     .text = "each market against the self_consistency and the debate group on "
             "the same benchmark and maker, cut after the judgment by which it "
             "has made, in the mean, most nearly as many calls as the market: "
             "self_consistency then averages fewer samples, a debate has fewer "
             "rounds. Paired by proposition, replicates averaged"},
    {.name = NULL},
};

static const struct cr_statistic continuous[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_CONTINUOUS, 1, .heading = "group"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(continuous.n),
     .shown = {{CR_SHEET_CONTINUOUS, 2, .heading = "n"}}},
    {"opening_error", CR_STATISTIC_NUMBER, .at = AT(continuous.opening_error),
     .digits = 4, .shown = {{CR_SHEET_CONTINUOUS, 3, .heading = "open err"}},
     .term = "absolute error",
     .text = "|median - true value| in shares of the item's range, done markets"},
    {"final_error", CR_STATISTIC_NUMBER, .at = AT(continuous.final_error), .digits = 4,
     .shown = {{CR_SHEET_CONTINUOUS, 4, .heading = "final err"}}},
    {"difference", CR_STATISTIC_NUMBER, .at = AT(continuous.difference), .digits = 4,
     .shown = {{CR_SHEET_CONTINUOUS, 5, .heading = "diff"}}},
    {"difference_interval", CR_STATISTIC_INTERVAL,
     .at = AT(continuous.difference_interval), .digits = 4,
     .shown = {{CR_SHEET_CONTINUOUS, 6, .heading = "95 %", .csv = "difference"}}},
    {"quantile_n", CR_STATISTIC_COUNT, .at = AT(continuous.quantile_n)},
    {"opening_pinball", CR_STATISTIC_NUMBER, .at = AT(continuous.opening_pinball),
     .digits = 4, .shown = {{CR_SHEET_CONTINUOUS, 7, .heading = "open pin"}},
     .term = "pinball",
     .text = "mean pinball loss of the 5, 50 and 95 % quantiles, in shares of "
             "the range"},
    {"final_pinball", CR_STATISTIC_NUMBER, .at = AT(continuous.final_pinball),
     .digits = 4, .shown = {{CR_SHEET_CONTINUOUS, 8, .heading = "final pin"}}},
    {"opening_coverage", CR_STATISTIC_SHARE, .at = AT(continuous.opening_coverage),
     .shown = {{CR_SHEET_CONTINUOUS, 9, .heading = "open cov%"}},
     .term = "interval coverage",
     .text = "share of true values within the 5 to 95 % quantiles; 0.9 is right"},
    {"final_coverage", CR_STATISTIC_SHARE, .at = AT(continuous.final_coverage),
     .shown = {{CR_SHEET_CONTINUOUS, 10, .heading = "final cov%"}}},
    {.name = NULL},
};

static const struct cr_statistic dynamics[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_DYNAMICS, 1, .heading = "group"}}},
    {"done", CR_STATISTIC_COUNT, .at = AT(dynamics.done)},
    {"lower_quartile_iterations", CR_STATISTIC_NUMBER,
     .at = AT(dynamics.quartile_iterations[0])},
    {"median_iterations", CR_STATISTIC_NUMBER,
     .at = AT(dynamics.quartile_iterations[1]),
     .shown = {{CR_SHEET_DYNAMICS, 2, .heading = "median"}},
     .term = "median_iterations, quartiles, restricted_mean",
     .text = "first t at which survival is 1/2 (3/4, 1/4) or less; area under "
             "the survival curve up to the last observed iteration"},
    {"upper_quartile_iterations", CR_STATISTIC_NUMBER,
     .at = AT(dynamics.quartile_iterations[2])},
    {"restricted_mean", CR_STATISTIC_NUMBER, .at = AT(dynamics.restricted_mean),
     .digits = 2, .shown = {{CR_SHEET_DYNAMICS, 3, .heading = "mean"}}},
    {"followed price", CR_STATISTIC_TERM,
     .text = "P(true); of several options the price of the one that led at t = "
             "0; of a quantity the median in its normalised range"},
    {"sign_changes", CR_STATISTIC_NUMBER, .at = AT(dynamics.sign_changes), .digits = 2,
     .shown = {{CR_SHEET_DYNAMICS, 4, .heading = "turns"}},
     .term = "sign_changes, oscillating",
     .text = "mean number of times a done market's moves change direction "
             "(moves of zero are skipped); share of done markets with two or "
             "more"},
    {"oscillating", CR_STATISTIC_SHARE, .at = AT(dynamics.oscillating),
     .shown = {{CR_SHEET_DYNAMICS, 5, .heading = "osc%"}}},
    {"contraction_moves", CR_STATISTIC_COUNT, .at = AT(dynamics.contraction_moves)},
    {"contraction", CR_STATISTIC_NUMBER, .at = AT(dynamics.contraction), .digits = 3,
     .shown = {{CR_SHEET_DYNAMICS, 6, .heading = "contr"}},
     .text = "slope through the origin of the next move on the distance from "
             "the market's final price: 0.3 means 30 % of the way each "
             "iteration. Each market's last move is left out because it always "
             "covers all that is left"},
    {"contraction_interval", CR_STATISTIC_INTERVAL,
     .at = AT(dynamics.contraction_interval), .digits = 3},
    {"martingale_moves", CR_STATISTIC_COUNT, .at = AT(dynamics.martingale_moves)},
    {"martingale", CR_STATISTIC_TEST, .at = AT(dynamics.martingale),
     .shown = {{CR_SHEET_DYNAMICS, 7, .heading = "mtg p", .csv = "martingale_p"}},
     .text = "score test that moves cannot be predicted: the sums over a "
             "question of the next move times (1, the last move, price - 1/2) "
             "have mean zero (Hotelling, clustered on question), from the "
             "second move on. A small p says prices are predictable"},
    {"momentum", CR_STATISTIC_NUMBER, .at = AT(dynamics.momentum), .digits = 3,
     .shown = {{CR_SHEET_DYNAMICS, 8, .heading = "moment"}},
     .text = "slope through the origin of the next move on the last"},
    {"momentum_interval", CR_STATISTIC_INTERVAL, .at = AT(dynamics.momentum_interval),
     .digits = 3},
    {"replicate_pairs", CR_STATISTIC_COUNT, .at = AT(dynamics.replicate_pairs)},
    {"replicate_agreement", CR_STATISTIC_SHARE, .at = AT(dynamics.replicate_agreement),
     .shown = {{CR_SHEET_DYNAMICS, 9, .heading = "agree%"}},
     .term = "replicate_agreement, replicate_spread",
     .text = "share of pairs of replicates of a proposition that end the same "
             "(right, wrong or tied), and the standard deviation of their final "
             "prices, averaged over propositions"},
    {"replicate_spread", CR_STATISTIC_NUMBER, .at = AT(dynamics.replicate_spread),
     .digits = 3},
    {"pushed", CR_STATISTIC_COUNT, .at = AT(dynamics.pushed)},
    {"moved_with", CR_STATISTIC_SHARE, .at = AT(dynamics.moved_with),
     .shown = {{CR_SHEET_DYNAMICS, 10, .heading = "with%"}},
     .term = "moved_with, persuasion",
     .text = "of the moves after an argument that declared a direction: the "
             "share that went that way, and the mean of direction times move"},
    {"persuasion", CR_STATISTIC_NUMBER, .at = AT(dynamics.persuasion), .digits = 3,
     .shown = {{CR_SHEET_DYNAMICS, 11, .heading = "push"}}},
    {"persuasion_interval", CR_STATISTIC_INTERVAL,
     .at = AT(dynamics.persuasion_interval), .digits = 3},
    {"n", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_wrong.n),
     .object = "opening_wrong", .term = "opening_wrong, opening_right",
     .text = "where done markets end whose opening was wrong (right): right, "
             "tied or wrong, and the mean final price on the truth"},
    {"right", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_wrong.right),
     .object = "opening_wrong"},
    {"tied", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_wrong.tied),
     .object = "opening_wrong"},
    {"wrong", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_wrong.wrong),
     .object = "opening_wrong"},
    {"truth_price", CR_STATISTIC_NUMBER, .at = AT(dynamics.opening_wrong.truth_price),
     .digits = 3, .object = "opening_wrong"},
    {"opening_wrong_ends_right", CR_STATISTIC_SHARE,
     .at = AT(dynamics.opening_wrong.turned), .is_table_only = true,
     .shown = {{CR_SHEET_DYNAMICS, 12, .heading = "W>R%"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_right.n),
     .object = "opening_right"},
    {"right", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_right.right),
     .object = "opening_right"},
    {"tied", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_right.tied),
     .object = "opening_right"},
    {"wrong", CR_STATISTIC_COUNT, .at = AT(dynamics.opening_right.wrong),
     .object = "opening_right"},
    {"truth_price", CR_STATISTIC_NUMBER, .at = AT(dynamics.opening_right.truth_price),
     .digits = 3, .object = "opening_right"},
    {"opening_right_ends_wrong", CR_STATISTIC_SHARE,
     .at = AT(dynamics.opening_right.turned), .is_table_only = true,
     .shown = {{CR_SHEET_DYNAMICS, 13, .heading = "R>W%"}}},
    {.name = NULL},
};

const struct cr_statistic_list cr_group_statistics[] = {
    {"accuracy", "accuracy", CR_RECORD_GROUP, .row = accuracy},
    {"brier", "calibration", CR_RECORD_GROUP, .row = brier},
    {"worth", "worth", CR_RECORD_GROUP, .row = worth},
    {"continuous", "continuous", CR_RECORD_GROUP, .is_known = has_quantities,
     .row = continuous},
    {"dynamics", "dynamics", CR_RECORD_GROUP, .row = dynamics},
    {.row = NULL},
};
