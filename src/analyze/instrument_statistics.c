// instrument_statistics.c - the rows of what the prices measure: the model, or its prompt.
#include "analyze/analysis_internal.h"

static bool has_instrument(const void *record) {
    return ((const struct cr_group_result *)record)->instrument.all.n > 0;
}

#define AT(member) offsetof(struct cr_group_result, member)
static const struct cr_statistic instrument[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_INSTRUMENT, 1, .heading = "group"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(instrument.all.n),
     .shown = {{CR_SHEET_INSTRUMENT, 2, .heading = "n"}},
     .text = "judgments of done markets; quantities are left out, and of "
             "options the price of the one that led at t = 0 counts"},
    {"prompt_number", CR_STATISTIC_SHARE, .at = AT(instrument.all.prompt_number),
     .shown = {{CR_SHEET_INSTRUMENT, 3, .heading = "prompt%"}},
     .text = "share of prices that are a number of the instructions (above 0 "
             "and below 1; a percentage counts as its share); items and "
             "histories do not count. Known where the run directory is at hand, "
             "whose bundle holds the texts"},
    {"prompt_number_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(instrument.all.prompt_number_interval), .digits = 1,
     .shown = {{CR_SHEET_INSTRUMENT, 4, .heading = "95 %", .csv = "prompt_number"}}},
    {"heaped", CR_STATISTIC_SHARE, .at = AT(instrument.all.heaped),
     .shown = {{CR_SHEET_INSTRUMENT, 5, .heading = "tenths%"}},
     .text = "share of prices that are a multiple of 0.1"},
    {"half", CR_STATISTIC_SHARE, .at = AT(instrument.all.half),
     .shown = {{CR_SHEET_INSTRUMENT, 6, .heading = "0.5%"}}, .term = "half, ends",
     .text = "share at 0.5, and at 0 or 1"},
    {"ends", CR_STATISTIC_SHARE, .at = AT(instrument.all.ends),
     .shown = {{CR_SHEET_INSTRUMENT, 7, .heading = "0/1%"}}},
    {"yes_bias", CR_STATISTIC_NUMBER, .at = AT(instrument.all.yes_bias), .digits = 3,
     .shown = {{CR_SHEET_INSTRUMENT, 8, .heading = "yes bias"}},
     .text = "(mean price of true claims + mean price of false claims) / 2 - "
             "1/2: 0 for a maker that leans to neither answer"},
    {"yes_bias_interval", CR_STATISTIC_INTERVAL, .at = AT(instrument.yes_bias_interval),
     .digits = 3,
     .shown = {{CR_SHEET_INSTRUMENT, 9, .heading = "95 %", .csv = "yes_bias"}}},
    {"distinct", CR_STATISTIC_COUNT, .at = AT(instrument.distinct),
     .shown = {{CR_SHEET_INSTRUMENT, 10, .heading = "distinct"}},
     .text = "different prices, counted up to 4096"},
    {"markets", CR_STATISTIC_COUNT, .at = AT(instrument.markets)},
    {"never_left", CR_STATISTIC_COUNT, .at = AT(instrument.never_left),
     .shown = {{CR_SHEET_INSTRUMENT, 11, .heading = "stuck"}},
     .text = "done markets all of whose prices are numbers of the instructions: "
             "they may well be counted as converged. --exclude prompt_number "
             "shows every table without them"},
    {"never_left_share", CR_STATISTIC_SHARE, .at = AT(instrument.never_left_share)},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_instrument_step_result, member)
static const struct cr_statistic step[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 1, .heading = "group"}}},
    {"t", CR_STATISTIC_COUNT32, .at = AT(t),
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 2, .heading = "t"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(numbers.n),
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 3, .heading = "n"}}},
    {"prompt_number", CR_STATISTIC_SHARE, .at = AT(numbers.prompt_number),
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 4, .heading = "prompt%"}}},
    {"prompt_number_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(numbers.prompt_number_interval), .digits = 1,
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 5, .heading = "95 %",
                .csv = "prompt_number"}}},
    {"heaped", CR_STATISTIC_SHARE, .at = AT(numbers.heaped),
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 6, .heading = "tenths%"}}},
    {"half", CR_STATISTIC_SHARE, .at = AT(numbers.half),
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 7, .heading = "0.5%"}}},
    {"ends", CR_STATISTIC_SHARE, .at = AT(numbers.ends),
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 8, .heading = "0/1%"}}},
    {"yes_bias", CR_STATISTIC_NUMBER, .at = AT(numbers.yes_bias), .digits = 3,
     .shown = {{CR_SHEET_INSTRUMENT_STEPS, 9, .heading = "yes bias"}}},
    {.name = NULL},
};
#undef AT

static void write_steps(struct cr_json_writer *emit, const void *record) {
    const struct cr_group_result *group = record;
    cr_json_write_open(emit, "steps", '[');
    for (uint32_t t = 0; t < group->instrument.steps; t++) {
        struct cr_instrument_step_result one = {group->label, t,
                                                group->instrument.step[t]};
        if (one.numbers.n > 0) {
            cr_json_write_open(emit, NULL, '{');
            cr_statistics_write(emit, CR_RECORD_INSTRUMENT_STEP, &one);
            cr_json_write_close(emit, '}');
        }
    }
    cr_json_write_close(emit, ']');
}

const struct cr_statistic_list cr_instrument_statistics[] = {
    {"instrument", "instrument", CR_RECORD_GROUP, .is_known = has_instrument,
     .row = instrument, .write_arrays = write_steps},
    {NULL, "instrument", CR_RECORD_INSTRUMENT_STEP, .row = step},
    {.row = NULL},
};
