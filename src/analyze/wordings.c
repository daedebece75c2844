// wordings.c - groups that differ in their prompts alone: how much of opening, final and
// gain is the wording?
#include <math.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/mem.h"

// Prices are moved this far away from 0 and 1 before their log-odds are taken.
static const double ODDS_CLIP = 0.001;

enum variable { OPENING, FINAL, GAIN, VARIABLES };
static const char *const variable_names[VARIABLES] = {"opening", "final", "gain"};

// Values of every proposition under every wording; NaN where there are too few.
struct values {
    uint32_t wordings, replicates, propositions;
    double *y;          // [propositions][wordings][replicates]
    uint32_t *count;    // [propositions][wordings]
    uint32_t *question; // [propositions]
};

static void values_fini(struct values *values) {
    cr_free(values->y);
    cr_free(values->count);
    cr_free(values->question);
}

// NaN: the market has no such value.
static double value_of(const struct cr_market *market, enum variable variable) {
    if (!cr_market_is_scored(market) || market->space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    if (variable == GAIN) {
        return cr_score_final(market) - cr_score_opening(market);
    }
    if (market->status != CR_DONE || market->prices_len == 0) {
        return NAN;
    }
    return cr_truth_price(market, variable == OPENING ? 0 : market->prices_len - 1);
}

static double log_odds(double price) {
    double p = fmin(fmax(price, ODDS_CLIP), 1.0 - ODDS_CLIP);
    return log(p / (1.0 - p));
}

// Count the values of GROUP as wording W, and keep the first of each proposition.
static void add_group(struct values *values, const struct cr_dataset *dataset,
                      const struct cr_group *group, enum variable variable,
                      uint32_t w) {
    for (uint64_t i = 0; i < group->len; i++) {
        struct cr_market market;
        cr_dataset_prices(dataset, dataset->order[group->first + i], &market);
        double value = value_of(&market, variable);
        if (isnan(value)) {
            continue;
        }
        size_t cell = (size_t)market.proposition * values->wordings + w;
        uint32_t r = values->count[cell]++;
        if (values->y != NULL && r < values->replicates) {
            values->y[cell * values->replicates + r] = value;
            values->question[market.proposition] = market.question;
        }
    }
}

static enum cr_status fill(struct values *values, const struct cr_analysis *analysis,
                           const size_t *member, enum variable variable) {
    const struct cr_dataset *dataset = analysis->dataset;
    size_t cells = (size_t)dataset->propositions * values->wordings;
    values->propositions = dataset->propositions;
    values->count = cr_calloc(cells + 1, sizeof *values->count);
    values->question = cr_calloc((size_t)dataset->propositions + 1, sizeof(uint32_t));
    if (values->count == NULL || values->question == NULL) {
        return CR_E_MEMORY;
    }
    values->replicates = UINT32_MAX;
    for (uint32_t w = 0; w < values->wordings; w++) { // the fewest of any wording
        uint32_t most = 0;
        add_group(values, dataset, analysis->group[member[w]].group, variable, w);
        for (size_t p = 0; p < dataset->propositions; p++) {
            uint32_t count = values->count[p * values->wordings + w];
            most = count > most ? count : most;
        }
        values->replicates = most < values->replicates ? most : values->replicates;
    }
    values->y = cr_calloc(cells * values->replicates + 1, sizeof *values->y);
    memset(values->count, 0, cells * sizeof *values->count);
    if (values->y == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t w = 0; w < values->wordings; w++) {
        add_group(values, dataset, analysis->group[member[w]].group, variable, w);
    }
    return CR_OK;
}

static bool is_whole(const struct values *values, size_t p) {
    for (uint32_t w = 0; w < values->wordings; w++) {
        if (values->count[p * values->wordings + w] < values->replicates) {
            return false;
        }
    }
    return true;
}

// The propositions with every value, at the front; how many.
static size_t keep_whole(struct values *values) {
    size_t row = (size_t)values->wordings * values->replicates, kept = 0;
    for (size_t p = 0; p < values->propositions; p++) {
        if (is_whole(values, p)) {
            memmove(&values->y[kept * row], &values->y[p * row],
                    row * sizeof *values->y);
            values->question[kept++] = values->question[p];
        }
    }
    return kept;
}

// Rows of propositions to means of their questions; how many.
static enum cr_status merge_questions(struct values *values, uint32_t questions,
                                      size_t *len) {
    size_t row = (size_t)values->wordings * values->replicates, merged = 0;
    double *sum = cr_calloc((size_t)questions * row + 1, sizeof *sum);
    double *n = cr_calloc((size_t)questions + 1, sizeof *n);
    if (sum == NULL || n == NULL) {
        cr_free(sum);
        cr_free(n);
        return CR_E_MEMORY;
    }
    for (size_t p = 0; p < *len; p++) {
        n[values->question[p]] += 1.0;
        for (size_t k = 0; k < row; k++) {
            sum[values->question[p] * row + k] += values->y[p * row + k];
        }
    }
    for (size_t q = 0; q < questions; q++) {
        for (size_t k = 0; k < row && n[q] > 0.0; k++) {
            values->y[merged * row + k] = sum[q * row + k] / n[q];
        }
        merged += n[q] > 0.0;
    }
    cr_free(sum);
    cr_free(n);
    *len = merged;
    return CR_OK;
}

// Prices are studied in log-odds, but the distance between wordings is given in prices.
static void study(struct values *values, size_t items, enum variable variable,
                  double level, struct cr_wording *out) {
    struct cr_wording plain;
    struct cr_wording_design design = {values->y, items, values->wordings,
                                       values->replicates};
    size_t cells = items * values->wordings * values->replicates;
    cr_wording_study(&design, level, &plain);
    if (variable == GAIN) {
        *out = plain;
        return;
    }
    for (size_t k = 0; k < cells; k++) {
        values->y[k] = log_odds(values->y[k]);
    }
    cr_wording_study(&design, level, out);
    out->mean_difference = plain.mean_difference;
    out->largest_spread = plain.largest_spread;
}

static enum cr_status study_family(struct cr_analysis *analysis, const size_t *member,
                                   size_t len, enum variable variable) {
    struct values values = {.wordings = (uint32_t)len};
    struct cr_wording_result one = {.label = analysis->group[member[0]].label,
                                    .variable = variable_names[variable]};
    enum cr_status status = fill(&values, analysis, member, variable);
    size_t items = status == CR_OK && values.replicates > 0 ? keep_whole(&values) : 0;
    if (status == CR_OK && variable == GAIN && items > 0) {
        status = merge_questions(&values, analysis->dataset->questions, &items);
    }
    if (status == CR_OK && items > 1) {
        study(&values, items, variable, analysis->cfg.level, &one.numbers);
        status = cr_array_grow((void **)&analysis->wording, &analysis->wordings_cap,
                               analysis->wordings + 1, sizeof *analysis->wording);
        if (status == CR_OK) {
            analysis->wording[analysis->wordings++] = one;
        }
    }
    values_fini(&values);
    return status;
}

enum cr_status cr_analysis_wordings(struct cr_analysis *analysis) {
    enum cr_status status = CR_OK;
    for (size_t g = 0; g < analysis->groups && status == CR_OK; g++) {
        size_t member[CR_JUDGES_MAX];
        size_t len = cr_find_family(analysis, g, CR_DIFFER_WORDINGS, member);
        for (int v = 0; v < VARIABLES && len > 0 && status == CR_OK; v++) {
            status = study_family(analysis, member, len, (enum variable)v);
        }
    }
    return status;
}
