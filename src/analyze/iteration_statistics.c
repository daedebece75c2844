// iteration_statistics.c - the rows of one iteration, and of the bins of its prices.
#include "analyze/analysis_internal.h"

#define AT(member) offsetof(struct cr_iteration_result, member)
static const struct cr_statistic iteration[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_CALIBRATION, 1, .heading = "group"},
               {CR_SHEET_ITERATIONS, 1, .heading = "group"}}},
    {"t", CR_STATISTIC_COUNT32, .at = AT(t),
     .shown = {{CR_SHEET_CALIBRATION, 2, .heading = "t"},
               {CR_SHEET_ITERATIONS, 2, .heading = "t"}}},
    {"scored", CR_STATISTIC_COUNT, .at = AT(slice.scored)},
    {"accuracy", CR_STATISTIC_SHARE, .at = AT(slice.accuracy),
     .shown = {{CR_SHEET_CALIBRATION, 4, .heading = "acc%"}}},
    {"accuracy_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(slice.accuracy_interval), .digits = 1},
    {"running", CR_STATISTIC_COUNT, .at = AT(slice.running),
     .shown = {{CR_SHEET_ITERATIONS, 3, .heading = "moved"}}},
    {"mean_move", CR_STATISTIC_NUMBER, .at = AT(slice.mean_move), .digits = 4,
     .shown = {{CR_SHEET_ITERATIONS, 4, .heading = "|dp|"}},
     .text = "mean |p_t - p_(t-1)| of the followed price, over markets that "
             "made judgment t"},
    {"toward_truth", CR_STATISTIC_NUMBER, .at = AT(slice.toward_truth), .digits = 4,
     .shown = {{CR_SHEET_ITERATIONS, 5, .heading = "to truth"}},
     .text = "mean move of the price on the truth from t - 1 to t, markets that "
             "made judgment t"},
    {"toward_truth_interval", CR_STATISTIC_INTERVAL,
     .at = AT(slice.toward_truth_interval), .digits = 4,
     .shown = {{CR_SHEET_ITERATIONS, 6, .heading = "95 %", .csv = "toward_truth"}}},
    {"right_to_wrong", CR_STATISTIC_COUNT, .at = AT(slice.right_to_wrong),
     .shown = {{CR_SHEET_ITERATIONS, 7, .heading = "R>W"}},
     .term = "right_to_wrong, wrong_to_right",
     .text = "episodes that turned from a whole point to none, and back"},
    {"wrong_to_right", CR_STATISTIC_COUNT, .at = AT(slice.wrong_to_right),
     .shown = {{CR_SHEET_ITERATIONS, 8, .heading = "W>R"}}},
    {"truth_price", CR_STATISTIC_NUMBER, .at = AT(slice.truth_price), .digits = 4},
    {"at_risk", CR_STATISTIC_COUNT, .at = AT(survival.at_risk),
     .shown = {{CR_SHEET_ITERATIONS, 9, .heading = "risk"}}},
    {"events", CR_STATISTIC_COUNT, .at = AT(survival.events),
     .shown = {{CR_SHEET_ITERATIONS, 10, .heading = "eq"}}},
    {"censored", CR_STATISTIC_COUNT, .at = AT(survival.censored)},
    {"survival", CR_STATISTIC_SHARE, .at = AT(survival.survival),
     .shown = {{CR_SHEET_ITERATIONS, 11, .heading = "surv%"}},
     .text = "Kaplan-Meier: share of markets not yet at equilibrium after "
             "iteration t; max_iterations and invalid censor"},
    {.name = NULL},
};

static const struct cr_statistic calibration[] = {
    {"shown price", CR_STATISTIC_TERM,
     .text = "at iteration t every done market shows its price at t, or its "
             "last one when it ended earlier, so all iterations have the same "
             "markets"},
    {"n", CR_STATISTIC_COUNT, .at = AT(slice.calibration.n),
     .shown = {{CR_SHEET_CALIBRATION, 3, .heading = "n"}}},
    {"brier", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.brier), .digits = 4,
     .shown = {{CR_SHEET_CALIBRATION, 5, .heading = "Brier"}},
     .text = "mean (price - outcome)^2; of several options: the sum over "
             "options. Done markets"},
    {"reliability", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.reliability),
     .digits = 4, .shown = {{CR_SHEET_CALIBRATION, 6, .heading = "rel"}},
     .term = "reliability, resolution, uncertainty, within",
     .text = "Murphy's decomposition over equal-width bins: mean (price - "
             "outcome)^2 = reliability - resolution + uncertainty + within, "
             "where within is what the spread of prices inside a bin adds. Of "
             "several options: of the largest price against the points of that "
             "choice, as for the ECE"},
    {"resolution", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.resolution),
     .digits = 4, .shown = {{CR_SHEET_CALIBRATION, 7, .heading = "res"}}},
    {"uncertainty", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.uncertainty),
     .digits = 4, .shown = {{CR_SHEET_CALIBRATION, 8, .heading = "unc"}}},
    {"within", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.within), .digits = 4,
     .shown = {{CR_SHEET_CALIBRATION, 9, .heading = "within"}}},
    {"log_score", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.log_score),
     .digits = 4, .shown = {{CR_SHEET_CALIBRATION, 10, .heading = "log"}},
     .text = "mean of -ln of the price on the truth, prices moved 1e-6 away "
             "from 0 and 1"},
    {"ece_width", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.ece_width),
     .digits = 4, .shown = {{CR_SHEET_CALIBRATION, 11, .heading = "ECE"}},
     .term = "ece_width, ece_mass",
     .text = "expected calibration error: mean |mean price - share true| over "
             "bins weighted by their counts; bins of equal width, or cut at the "
             "prices of rank ceil(k n / bins) with equal prices kept together"},
    {"ece_mass", CR_STATISTIC_NUMBER, .at = AT(slice.calibration.ece_mass), .digits = 4,
     .shown = {{CR_SHEET_CALIBRATION, 12, .heading = "ECE-m"}}},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_bin, member)
static const struct cr_statistic bin[] = {
    {"n", CR_STATISTIC_COUNT, .at = AT(n)},
    {"price", CR_STATISTIC_NUMBER, .at = AT(price), .digits = 4},
    {"share", CR_STATISTIC_NUMBER, .at = AT(share), .digits = 4},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_reliability_result, member)
static const struct cr_statistic reliability[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label),
     .shown = {{CR_SHEET_RELIABILITY, 1, .heading = "group"}}},
    {"when", CR_STATISTIC_TEXT, .at = AT(when),
     .shown = {{CR_SHEET_RELIABILITY, 2, .heading = "when"}}},
    {"bin_from", CR_STATISTIC_NUMBER, .at = AT(from), .digits = 2,
     .shown = {{CR_SHEET_RELIABILITY, 3, .heading = "from"}}},
    {"width_n", CR_STATISTIC_COUNT, .at = AT(width.n),
     .shown = {{CR_SHEET_RELIABILITY, 4, .heading = "n"}}},
    {"width_price", CR_STATISTIC_NUMBER, .at = AT(width.price), .digits = 4,
     .shown = {{CR_SHEET_RELIABILITY, 5, .heading = "price"}}},
    {"width_share", CR_STATISTIC_NUMBER, .at = AT(width.share), .digits = 4,
     .shown = {{CR_SHEET_RELIABILITY, 6, .heading = "true"}}},
    {"mass_n", CR_STATISTIC_COUNT, .at = AT(mass.n),
     .shown = {{CR_SHEET_RELIABILITY, 7, .heading = "n (mass)"}}},
    {"mass_price", CR_STATISTIC_NUMBER, .at = AT(mass.price), .digits = 4,
     .shown = {{CR_SHEET_RELIABILITY, 8, .heading = "price"}}},
    {"mass_share", CR_STATISTIC_NUMBER, .at = AT(mass.share), .digits = 4,
     .shown = {{CR_SHEET_RELIABILITY, 9, .heading = "true"}}},
    {.name = NULL},
};
#undef AT

static void write_each_bin(struct cr_json_writer *emit, const char *key,
                           const struct cr_bin *one, uint32_t len) {
    cr_json_write_open(emit, key, '[');
    for (uint32_t b = 0; b < len; b++) {
        cr_json_write_open(emit, NULL, '{');
        cr_statistics_write(emit, CR_RECORD_BIN, &one[b]);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void write_bins(struct cr_json_writer *emit, const void *record) {
    const struct cr_calibration *c =
        &((const struct cr_iteration_result *)record)->slice.calibration;
    write_each_bin(emit, "bins_width", c->width, c->bins);
    write_each_bin(emit, "bins_mass", c->mass, c->bins);
}

const struct cr_statistic_list cr_iteration_statistics[] = {
    {NULL, "dynamics", CR_RECORD_ITERATION, .row = iteration},
    {"calibration", "calibration", CR_RECORD_ITERATION, .row = calibration,
     .write_arrays = write_bins},
    {NULL, "reliability", CR_RECORD_BIN, .row = bin},
    {NULL, "reliability", CR_RECORD_RELIABILITY, .row = reliability},
    {.row = NULL},
};
