// corp_statistics.c - the rows of calibration without bins.
#include "analyze/analysis_internal.h"

static bool has_corp(const void *record) {
    return ((const struct cr_iteration_result *)record)->corp.n > 0;
}

#define AT(member) offsetof(struct cr_iteration_result, member)
static const struct cr_statistic corp[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_CORP, 1, .heading = "group"}}},
    {"t2", CR_STATISTIC_COUNT32, .at = AT(t), .is_table_only = true,
     .shown = {{CR_SHEET_CORP, 2, .heading = "t", .csv = "t"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(corp.n),
     .shown = {{CR_SHEET_CORP, 3, .heading = "n"}}},
    {"score", CR_STATISTIC_NUMBER, .at = AT(corp.brier.score), .digits = 3,
     .object = "brier",
     .shown = {{CR_SHEET_CORP, 4, .heading = "Brier", .csv = "brier_score"}}},
    {"score_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.brier.score_interval),
     .digits = 3, .object = "brier"},
    {"mcb", CR_STATISTIC_NUMBER, .at = AT(corp.brier.mcb), .digits = 3,
     .object = "brier",
     .shown = {{CR_SHEET_CORP, 5, .heading = "MCB", .csv = "brier_mcb"}},
     .text = "miscalibration: the score of the prices minus that of their "
             "isotonic recalibration (CORP, PNAS 118, 2021, e2016191118); 0 is "
             "calibrated. score = mcb - dsc + unc, for the Brier score and for "
             "the log score (prices moved 1e-6 away from 0 and 1). mcb and dsc "
             "are too large in small samples by the same amount, for the "
             "recalibration fits chance too. Of several options: of the largest "
             "price against the points of that choice"},
    {"mcb_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.brier.mcb_interval),
     .digits = 3, .object = "brier",
     .shown = {{CR_SHEET_CORP, 6, .heading = "95 %", .csv = "brier_mcb"}}},
    {"dsc", CR_STATISTIC_NUMBER, .at = AT(corp.brier.dsc), .digits = 3,
     .object = "brier",
     .shown = {{CR_SHEET_CORP, 7, .heading = "DSC", .csv = "brier_dsc"}},
     .text = "discrimination: the score of the base rate minus that of the "
             "recalibrated prices; 0 tells nothing apart"},
    {"dsc_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.brier.dsc_interval),
     .digits = 3, .object = "brier",
     .shown = {{CR_SHEET_CORP, 8, .heading = "95 %", .csv = "brier_dsc"}}},
    {"unc", CR_STATISTIC_NUMBER, .at = AT(corp.brier.unc), .digits = 3,
     .object = "brier",
     .shown = {{CR_SHEET_CORP, 9, .heading = "UNC", .csv = "brier_unc"}},
     .text = "uncertainty: the score of the base rate"},
    {"unc_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.brier.unc_interval),
     .digits = 3, .object = "brier"},
    {"score", CR_STATISTIC_NUMBER, .at = AT(corp.log.score), .digits = 3,
     .object = "log",
     .shown = {{CR_SHEET_CORP, 10, .heading = "log", .csv = "log_score"}}},
    {"score_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.log.score_interval),
     .digits = 3, .object = "log"},
    {"mcb", CR_STATISTIC_NUMBER, .at = AT(corp.log.mcb), .digits = 3, .object = "log",
     .shown = {{CR_SHEET_CORP, 11, .heading = "MCB", .csv = "log_mcb"}}},
    {"mcb_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.log.mcb_interval),
     .digits = 3, .object = "log"},
    {"dsc", CR_STATISTIC_NUMBER, .at = AT(corp.log.dsc), .digits = 3, .object = "log",
     .shown = {{CR_SHEET_CORP, 12, .heading = "DSC", .csv = "log_dsc"}}},
    {"dsc_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.log.dsc_interval),
     .digits = 3, .object = "log"},
    {"unc", CR_STATISTIC_NUMBER, .at = AT(corp.log.unc), .digits = 3, .object = "log",
     .shown = {{CR_SHEET_CORP, 13, .heading = "UNC", .csv = "log_unc",
                .is_csv_only = true}}},
    {"unc_interval", CR_STATISTIC_INTERVAL, .at = AT(corp.log.unc_interval),
     .digits = 3, .object = "log"},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_corp_band_result, member)
static const struct cr_statistic band[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_DIAGRAM, 1, .heading = "group"}}},
    {"when", CR_STATISTIC_TEXT, .at = AT(when), .is_table_only = true,
     .shown = {{CR_SHEET_DIAGRAM, 2, .heading = "when"}}},
    {"price", CR_STATISTIC_NUMBER, .at = AT(band.price), .digits = 2,
     .shown = {{CR_SHEET_DIAGRAM, 3, .heading = "price"}}},
    {"share", CR_STATISTIC_NUMBER, .at = AT(band.share), .digits = 4,
     .shown = {{CR_SHEET_DIAGRAM, 4, .heading = "true"}},
     .text = "the isotonic regression of outcomes on prices, at a price; pools "
             "holds all of it"},
    {"low", CR_STATISTIC_NUMBER, .at = AT(band.low), .digits = 4,
     .shown = {{CR_SHEET_DIAGRAM, 5, .heading = "band low"}}, .term = "band",
     .text = "where that curve would lie for calibrated prices, at each price "
             "with the chance of the level: outcomes drawn from the prices (one "
             "draw a proposition), questions drawn with replacement, at most "
             "200 times"},
    {"high", CR_STATISTIC_NUMBER, .at = AT(band.high), .digits = 4,
     .shown = {{CR_SHEET_DIAGRAM, 6, .heading = "band high"}}},
    {"outside", CR_STATISTIC_BOOL, .at = AT(is_outside),
     .shown = {{CR_SHEET_DIAGRAM, 7, .heading = "outside"}}},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_corp_pool, member)
static const struct cr_statistic pool[] = {
    {"from", CR_STATISTIC_NUMBER, .at = AT(from), .digits = 4},
    {"to", CR_STATISTIC_NUMBER, .at = AT(to), .digits = 4},
    {"share", CR_STATISTIC_NUMBER, .at = AT(share), .digits = 4},
    {"n", CR_STATISTIC_COUNT, .at = AT(n)},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_murphy_result, member)
static const struct cr_statistic murphy[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_MURPHY, 1, .heading = "group"}}},
    {"threshold", CR_STATISTIC_NUMBER, .at = AT(point.threshold), .digits = 2,
     .shown = {{CR_SHEET_MURPHY, 2, .heading = "threshold"}}},
    {"opening", CR_STATISTIC_NUMBER, .at = AT(point.opening), .digits = 4,
     .shown = {{CR_SHEET_MURPHY, 3, .heading = "opening"}}, .term = "murphy",
     .text = "mean elementary score of the opening at a threshold c: c when the "
             "price is above and the claim false, 1 - c when it is not above "
             "and the claim true (Murphy diagram; JRSS B 78, 2016). The prices "
             "that are lower at every threshold are better under every proper "
             "score"},
    {"final", CR_STATISTIC_NUMBER, .at = AT(point.final), .digits = 4,
     .shown = {{CR_SHEET_MURPHY, 4, .heading = "final"}}},
    {"difference", CR_STATISTIC_NUMBER, .at = AT(point.difference), .digits = 4,
     .shown = {{CR_SHEET_MURPHY, 5, .heading = "diff"}}},
    {"difference_interval", CR_STATISTIC_INTERVAL, .at = AT(point.difference_interval),
     .digits = 4,
     .shown = {{CR_SHEET_MURPHY, 6, .heading = "95 %", .csv = "difference"}}},
    {.name = NULL},
};
#undef AT

static void write_curve(struct cr_json_writer *emit, const void *record) {
    const struct cr_iteration_result *one = record;
    if (one->corp.pools == 0) {
        return;
    }
    cr_json_write_open(emit, "pools", '[');
    for (size_t k = 0; k < one->corp.pools; k++) {
        cr_json_write_open(emit, NULL, '{');
        cr_statistics_write(emit, CR_RECORD_CORP_POOL, &one->corp.pool[k]);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
    cr_json_write_open(emit, "band", '[');
    for (uint32_t g = 0; g < one->corp.bands; g++) {
        struct cr_corp_band_result at = cr_corp_band_result_of(one, g);
        cr_json_write_open(emit, NULL, '{');
        cr_statistics_write(emit, CR_RECORD_CORP_BAND, &at);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

const struct cr_statistic_list cr_corp_statistics[] = {
    {"corp", "corp", CR_RECORD_ITERATION, .is_known = has_corp, .row = corp,
     .write_arrays = write_curve},
    {NULL, "diagram", CR_RECORD_CORP_BAND, .row = band},
    {NULL, "diagram", CR_RECORD_CORP_POOL, .row = pool},
    {NULL, "murphy", CR_RECORD_MURPHY, .row = murphy},
    {.row = NULL},
};
