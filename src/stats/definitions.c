// definitions.c - what every number of `analyze` means, in the words readers see.
#include <stddef.h>

#include "credence/stats/definition.h"

const struct cr_definition cr_definitions[] = {
    {"n", "accuracy", "episodes of the group, whatever became of them"},
    {"coverage", "accuracy", "(done + invalid) / n: the share with a final result"},
    {"invalid", "accuracy",
     "episodes whose model never gave a usable judgment, repairs included; scored as "
     "wrong from the judgment that was missing on (at t = 0 too when there was none)"},
    {"failed", "accuracy",
     "episodes lost to transport or server; never scored, neither right nor wrong"},
    {"pending", "accuracy", "episodes not finished yet; never scored"},
    {"opening", "accuracy",
     "mean points at t = 0: 1 when the price is on the right side of 0.5 (of several "
     "options: when the right one has the largest price), 0 when wrong, a tie shares "
     "the "
     "point; over done and invalid episodes. It is also the single-shot baseline"},
    {"final", "accuracy", "mean points at the last judgment, over the same episodes"},
    {"difference", "accuracy", "final minus opening, paired by episode"},
    {"interval", "accuracy",
     "95 %: percentile bootstrap that draws whole questions, its levels expanded to "
     "the "
     "width of Student's t. Chosen over BCa because in simulations with 12 to 120 "
     "questions it covers closer to 95 %: with few questions narrowness costs more "
     "than "
     "skewness. Shares that are no difference (converged, invalid) have Wilson "
     "intervals; Brier differences and values by iteration have linearised clustered t "
     "intervals"},
    {"vote, vote_gain", "accuracy",
     "of self_consistency alone: mean points of the majority vote among the samples, "
     "each "
     "voting for its side of 0.5 (of several options: for its largest), tied samples "
     "and "
     "tied votes sharing; vote minus final, where final is by the mean price. A sample "
     "is "
     "got back from the running means: (t + 1) p_t - t p_(t-1)"},
    {"p", "accuracy",
     "two-sided sign-flip permutation test of the difference, flipping whole "
     "questions; "
     "exact by counting when all differences are multiples of 1/2 and few enough, else "
     "by --resamples random flips"},
    {"p_holm", "accuracy",
     "p after Holm's step-down correction over the family that --family names"},
    {"mcnemar", "accuracy",
     "exact two-sided binomial test on episodes that turned from right to wrong or "
     "back; "
     "ties take no part; it ignores that propositions of a question depend on each "
     "other"},
    {"converged", "accuracy",
     "share of done episodes whose stop rule fired (rather than max_iterations)"},
    {"iterations", "accuracy", "mean number of the last iteration t of done episodes"},
    {"shown price", "calibration",
     "at iteration t every done market shows its price at t, or its last one when it "
     "ended earlier, so all iterations have the same markets"},
    {"brier", "calibration",
     "mean (price - outcome)^2; of several options: the sum over options. Done "
     "markets"},
    {"reliability, resolution, uncertainty, within", "calibration",
     "Murphy's decomposition over equal-width bins: mean (price - outcome)^2 = "
     "reliability - resolution + uncertainty + within, where within is what the spread "
     "of prices inside a bin adds. Of several options: of the largest price against "
     "the points of that choice, as for the ECE"},
    {"log_score", "calibration",
     "mean of -ln of the price on the truth, prices moved 1e-6 away from 0 and 1"},
    {"ece_width, ece_mass", "calibration",
     "expected calibration error: mean |mean price - share true| over bins weighted by "
     "their counts; bins of equal width, or cut at the prices of rank ceil(k n / bins) "
     "with equal prices kept together"},
    {"survival", "dynamics",
     "Kaplan-Meier: share of markets not yet at equilibrium after iteration t; "
     "max_iterations and invalid censor"},
    {"median_iterations, quartiles, restricted_mean", "dynamics",
     "first t at which survival is 1/2 (3/4, 1/4) or less; area under the survival "
     "curve up to "
     "the "
     "last observed iteration"},
    {"followed price", "dynamics",
     "P(true); of several options the price of the one that led at t = 0; of a "
     "quantity "
     "the median in its normalised range"},
    {"mean_move", "dynamics",
     "mean |p_t - p_(t-1)| of the followed price, over markets that made judgment t"},
    {"sign_changes, oscillating", "dynamics",
     "mean number of times a done market's moves change direction (moves of zero are "
     "skipped); share of done markets with two or more"},
    {"contraction", "dynamics",
     "slope through the origin of the next move on the distance from the market's "
     "final "
     "price: 0.3 means 30 % of the way each iteration. Each market's last move is left "
     "out because it always covers all that is left"},
    {"martingale", "dynamics",
     "score test that moves cannot be predicted: the sums over a question of the next "
     "move times (1, the last move, price - 1/2) have mean zero (Hotelling, clustered "
     "on question), from the second move on. A small p says prices are predictable"},
    {"momentum", "dynamics", "slope through the origin of the next move on the last"},
    {"toward_truth", "dynamics",
     "mean move of the price on the truth from t - 1 to t, markets that made judgment "
     "t"},
    {"right_to_wrong, wrong_to_right", "dynamics",
     "episodes that turned from a whole point to none, and back"},
    {"replicate_agreement, replicate_spread", "dynamics",
     "share of pairs of replicates of a proposition that end the same (right, wrong or "
     "tied), and the standard deviation of their final prices, averaged over "
     "propositions"},
    {"moved_with, persuasion", "dynamics",
     "of the moves after an argument that declared a direction: the share that went "
     "that "
     "way, and the mean of direction times move"},
    {"opening_wrong, opening_right", "dynamics",
     "where done markets end whose opening was wrong (right): right, tied or wrong, "
     "and "
     "the mean final price on the truth"},
    {"tokens, calls, latency_s, usd", "worth",
     "means per done or invalid episode; tokens in and out, latency summed over calls. "
     "A cell that shares its trajectory is charged up to its own stop"},
    {"accuracy_per_1000_tokens", "worth", "final accuracy / (tokens / 1000)"},
    {"tokens_per_point, usd_per_point", "worth",
     "cost / (100 x difference): the price of one percentage point gained over the "
     "opening; none when nothing was gained"},
    {"frontier", "worth",
     "no other group is at least as accurate for at most the cost and better in one "
     "(among groups on the same benchmark); by dollars, by tokens where all cost "
     "nothing"},
    {"equal calls", "worth",
     "each market against the self_consistency and the debate group on the same "
     "benchmark and maker, cut after the judgment by which it has made, in the mean, "
     "most nearly as many calls as the market: self_consistency then averages fewer "
     "samples, a debate has fewer rounds. Paired by proposition, replicates averaged"},
    {"comparison", "comparison",
     "final accuracy of one group minus another's, paired by proposition (replicates "
     "averaged), interval, permutation test and McNemar as above; proposition scored "
     "in "
     "both groups only"},
    {"absolute error", "continuous",
     "|median - true value| in shares of the item's range, done markets"},
    {"pinball", "continuous",
     "mean pinball loss of the 5, 50 and 95 % quantiles, in shares of the range"},
    {"interval coverage", "continuous",
     "share of true values within the 5 to 95 % quantiles; 0.9 is right"},
    {"what-if", "what-if",
     "what the same markets would have stored under another stop rule; each trajectory "
     "is taken from its longest stored view. unknown: it ended before the rule could "
     "decide, and with any such nothing is said of the rule (a cell with stop.rule "
     "fixed in the grid stores whole trajectories). Intervals are linearised and "
     "clustered (no resampling)"},
    {NULL, NULL, NULL},
};
