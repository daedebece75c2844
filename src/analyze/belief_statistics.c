// belief_statistics.c - the rows of rational moves and of independent opinions.
#include "analyze/analysis_internal.h"

static bool has_moves(const void *record) {
    return ((const struct cr_group_result *)record)->beliefs.moves > 0;
}

#define AT(member) offsetof(struct cr_group_result, member)
static const struct cr_statistic beliefs[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_BELIEFS, 1, .heading = "group"}}},
    {"markets", CR_STATISTIC_COUNT, .at = AT(beliefs.markets),
     .shown = {{CR_SHEET_BELIEFS, 2, .heading = "n"}},
     .text = "done markets with a price; quantities are left out, for medians "
             "are no martingale, and so is self_consistency, whose prices are "
             "running means; options follow the one that led at t = 0"},
    {"moves", CR_STATISTIC_COUNT, .at = AT(beliefs.moves)},
    {"movement", CR_STATISTIC_NUMBER, .at = AT(beliefs.movement), .digits = 4,
     .shown = {{CR_SHEET_BELIEFS, 3, .heading = "move"}},
     .text = "mean over markets of the sum of squared moves, (p_t - p_(t-1))^2"},
    {"movement_interval", CR_STATISTIC_INTERVAL, .at = AT(beliefs.movement_interval),
     .digits = 4},
    {"reduction", CR_STATISTIC_NUMBER, .at = AT(beliefs.reduction), .digits = 4,
     .shown = {{CR_SHEET_BELIEFS, 4, .heading = "reduce"}},
     .text = "mean uncertainty that the market lost: p_0 (1 - p_0) - p_T (1 - "
             "p_T)"},
    {"reduction_interval", CR_STATISTIC_INTERVAL, .at = AT(beliefs.reduction_interval),
     .digits = 4},
    {"excess", CR_STATISTIC_NUMBER, .at = AT(beliefs.excess), .digits = 4,
     .shown = {{CR_SHEET_BELIEFS, 5, .heading = "excess"}},
     .text = "movement minus reduction, the sum of (1 - 2 p_t)(p_(t+1) - p_t). "
             "Its mean is 0 for prices that follow evidence, whatever stop rule "
             "ended the market (Augenblick and Rabin, Quarterly Journal of "
             "Economics 136, 2021). Above 0: over-reaction, or openings too "
             "extreme; below 0: under-reaction, or openings too near one half. "
             "A Bayesian with a wrong prior moves too much as well"},
    {"excess_interval", CR_STATISTIC_INTERVAL, .at = AT(beliefs.excess_interval),
     .digits = 4, .shown = {{CR_SHEET_BELIEFS, 6, .heading = "95 %", .csv = "excess"}}},
    {"excess_test", CR_STATISTIC_TEST, .at = AT(beliefs.excess_test),
     .shown = {{CR_SHEET_BELIEFS, 7, .heading = "p", .csv = "p"}},
     .text = "two-sided test that the mean excess is 0, by Hotelling's "
             "statistic over the questions' sums"},
    {"normalised", CR_STATISTIC_NUMBER, .at = AT(beliefs.normalised), .digits = 2,
     .shown = {{CR_SHEET_BELIEFS, 8, .heading = "norm"}},
     .text = "movement / reduction, 1 for prices that follow evidence; only "
             "where the whole interval of the reduction lies above 0"},
    {"normalised_interval", CR_STATISTIC_INTERVAL,
     .at = AT(beliefs.normalised_interval), .digits = 2},
    {"noise_dof", CR_STATISTIC_COUNT, .at = AT(beliefs.noise_dof)},
    {"noise_variance", CR_STATISTIC_NUMBER, .at = AT(beliefs.noise_variance),
     .digits = 4,
     .text = "variance of the opening price between replicates of a "
             "proposition, pooled"},
    {"noise_movement", CR_STATISTIC_NUMBER, .at = AT(beliefs.noise_movement),
     .digits = 4, .shown = {{CR_SHEET_BELIEFS, 9, .heading = "noise"}},
     .text = "2 x noise_variance x the mean number of moves: the movement that "
             "independent noise in single prices adds by itself, if a slip "
             "stays out of the later history. An excess up to this is not "
             "over-reaction"},
    {"slope", CR_STATISTIC_NUMBER, .at = AT(beliefs.slope.slope), .digits = 3,
     .shown = {{CR_SHEET_BELIEFS, 10, .heading = "slope"}},
     .text = "slope of the next move on the present price, with an intercept "
             "(the Martingale Score of arXiv 2512.02914); 0 when moves cannot "
             "be foreseen, below 0 when prices revert to the middle. Noise in "
             "single prices pulls it below 0"},
    {"slope_interval", CR_STATISTIC_INTERVAL, .at = AT(beliefs.slope.interval),
     .digits = 3},
    {"instrumented_n", CR_STATISTIC_COUNT, .at = AT(beliefs.instrumented.n)},
    {"instrumented_slope", CR_STATISTIC_NUMBER, .at = AT(beliefs.instrumented.slope),
     .digits = 3, .shown = {{CR_SHEET_BELIEFS, 11, .heading = "instr"}},
     .text = "the same slope with the mean price of the other replicates at "
             "that iteration as instrument, which such noise does not bias"},
    {"instrumented_slope_interval", CR_STATISTIC_INTERVAL,
     .at = AT(beliefs.instrumented.interval), .digits = 3},
    {"verdict", CR_STATISTIC_TEXT, .at = AT(beliefs.verdict),
     .shown = {{CR_SHEET_VERDICT, 2, .heading = "verdict"}}},
    {"label", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_VERDICT, 1, .heading = "group"}}},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_belief_step_result, member)
static const struct cr_statistic belief_step[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_BELIEF_STEPS, 1, .heading = "group"}}},
    {"t", CR_STATISTIC_COUNT32, .at = AT(t),
     .shown = {{CR_SHEET_BELIEF_STEPS, 2, .heading = "t"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(step.n),
     .shown = {{CR_SHEET_BELIEF_STEPS, 3, .heading = "n"}}},
    {"movement", CR_STATISTIC_NUMBER, .at = AT(step.movement), .digits = 4,
     .shown = {{CR_SHEET_BELIEF_STEPS, 4, .heading = "move"}}},
    {"reduction", CR_STATISTIC_NUMBER, .at = AT(step.reduction), .digits = 4,
     .shown = {{CR_SHEET_BELIEF_STEPS, 5, .heading = "reduce"}}},
    {"excess", CR_STATISTIC_NUMBER, .at = AT(step.excess), .digits = 4,
     .shown = {{CR_SHEET_BELIEF_STEPS, 6, .heading = "excess"}}},
    {"excess_interval", CR_STATISTIC_INTERVAL, .at = AT(step.excess_interval),
     .digits = 4,
     .shown = {{CR_SHEET_BELIEF_STEPS, 7, .heading = "95 %", .csv = "excess"}}},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_independence_result, member)
static const struct cr_statistic independence[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label),
     .shown = {{CR_SHEET_INDEPENDENCE, 1, .heading = "group"}},
     .text = "of replicates: their group; of models, traders and wordings: the "
             "first of the groups that differ in that alone, each giving its "
             "first replicate"},
    {"over", CR_STATISTIC_TEXT, .at = AT(over),
     .shown = {{CR_SHEET_INDEPENDENCE, 2, .heading = "over"}}},
    {"judges", CR_STATISTIC_COUNT32, .at = AT(numbers.judges),
     .shown = {{CR_SHEET_INDEPENDENCE, 3, .heading = "N"}}},
    {"propositions", CR_STATISTIC_COUNT, .at = AT(numbers.propositions),
     .shown = {{CR_SHEET_INDEPENDENCE, 4, .heading = "props"}}},
    {"questions", CR_STATISTIC_COUNT, .at = AT(numbers.questions)},
    {"accuracy", CR_STATISTIC_SHARE, .at = AT(numbers.accuracy),
     .shown = {{CR_SHEET_INDEPENDENCE, 5, .heading = "acc%"}}},
    {"rho", CR_STATISTIC_NUMBER, .at = AT(numbers.rho), .digits = 3,
     .shown = {{CR_SHEET_INDEPENDENCE, 6, .heading = "rho"}},
     .text = "mean correlation of the 0/1 errors of two judgments of a "
             "proposition (a tie is half an error). Replicates are independent "
             "at best given the item. Interval: delete-one-question jackknife"},
    {"rho_interval", CR_STATISTIC_INTERVAL, .at = AT(numbers.rho_interval), .digits = 3,
     .shown = {{CR_SHEET_INDEPENDENCE, 7, .heading = "95 %", .csv = "rho"}}},
    {"effective", CR_STATISTIC_NUMBER, .at = AT(numbers.effective), .digits = 2,
     .shown = {{CR_SHEET_INDEPENDENCE, 8, .heading = "N eff"}},
     .text = "N / (1 + (N - 1) rho), at most N: how many independent opinions N "
             "of these are worth (arXiv 2606.26583)"},
    {"effective_interval", CR_STATISTIC_INTERVAL, .at = AT(numbers.effective_interval),
     .digits = 2,
     .shown = {{CR_SHEET_INDEPENDENCE, 9, .heading = "95 %", .csv = "effective"}}},
    {"price_rho", CR_STATISTIC_NUMBER, .at = AT(numbers.price_rho), .digits = 3,
     .shown = {{CR_SHEET_INDEPENDENCE, 12, .heading = "price rho",
                .is_csv_only = true}},
     .text = "the same of prices, within the true and within the false "
             "propositions"},
    {"price_rho_interval", CR_STATISTIC_INTERVAL, .at = AT(numbers.price_rho_interval),
     .digits = 3},
    {"whole", CR_STATISTIC_COUNT, .at = AT(numbers.whole)},
    {"majority", CR_STATISTIC_SHARE, .at = AT(numbers.majority),
     .text = "points of the majority of all N, ties half, over propositions "
             "that have all N"},
    {"majority_gain", CR_STATISTIC_SHARE, .at = AT(numbers.majority_gain),
     .shown = {{CR_SHEET_INDEPENDENCE, 10, .heading = "maj"}},
     .text = "majority minus the mean points of one judgment"},
    {"majority_gain_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(numbers.majority_gain_interval), .digits = 1},
    {"independent_gain", CR_STATISTIC_SHARE, .at = AT(numbers.independent_gain),
     .shown = {{CR_SHEET_INDEPENDENCE, 11, .heading = "indep"}},
     .text = "what the majority of N independent judgments as accurate would "
             "gain (binomial, ties half)"},
    {.name = NULL},
};
#undef AT

static void write_steps(struct cr_json_writer *emit, const void *record) {
    const struct cr_group_result *group = record;
    cr_json_write_open(emit, "steps", '[');
    for (uint32_t t = 1; t < group->beliefs.steps; t++) {
        struct cr_belief_step_result one = {group->label, t, group->beliefs.step[t]};
        if (one.step.n > 0) {
            cr_json_write_open(emit, NULL, '{');
            cr_statistics_write(emit, CR_RECORD_BELIEF_STEP, &one);
            cr_json_write_close(emit, '}');
        }
    }
    cr_json_write_close(emit, ']');
}

const struct cr_statistic_list cr_belief_statistics[] = {
    {"beliefs", "beliefs", CR_RECORD_GROUP, .is_known = has_moves, .row = beliefs,
     .write_arrays = write_steps},
    {NULL, "beliefs", CR_RECORD_BELIEF_STEP, .row = belief_step},
    {NULL, "independence", CR_RECORD_INDEPENDENCE, .row = independence},
    {.row = NULL},
};
