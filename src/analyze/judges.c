// judges.c - groups that judge the same propositions: models, traders, wordings. How
// independent are they? Each group gives its first replicate.
#include <math.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/mem.h"

struct cr_judgment_score cr_judgment_score_of(const struct cr_market *market) {
    if (!cr_market_is_scored(market) || market->space == CR_SPACE_CONTINUOUS) {
        return (struct cr_judgment_score){NAN, NAN};
    }
    bool has_price = market->options == NULL && market->prices_len > 0;
    return (struct cr_judgment_score){cr_score_final(market),
                                      has_price ? market->price[market->prices_len - 1]
                                                : NAN};
}

enum cr_status cr_analysis_add_independence(struct cr_analysis *analysis,
                                            const struct cr_independence_result *one) {
    enum cr_status status =
        cr_array_grow((void **)&analysis->independence, &analysis->independences_cap,
                      analysis->independences + 1, sizeof *analysis->independence);
    if (status == CR_OK) {
        analysis->independence[analysis->independences++] = *one;
    }
    return status;
}

static const char *const difference_names[CR_DIFFERENCES] = {"models", "traders",
                                                             "wordings"};

static bool is_text(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

static bool is_same_rule(const struct cr_run_cell *a, const struct cr_run_cell *b) {
    return is_text(a->stop_rule, b->stop_rule) && a->threshold == b->threshold &&
           a->window == b->window && a->max_iterations == b->max_iterations;
}

// Models differ in the maker, and in the trader where each trades with itself.
static bool is_same_trader(const struct cr_run_cell *a, const struct cr_run_cell *b,
                           enum cr_difference difference) {
    bool both_alone = is_text(a->maker, a->trader) && is_text(b->maker, b->trader);
    return difference == CR_DIFFER_TRADERS || is_text(a->trader, b->trader) ||
           (difference == CR_DIFFER_MODELS && both_alone);
}

static bool is_same_prompts(const struct cr_run_cell *a, const struct cr_run_cell *b) {
    return is_text(a->prompts, b->prompts) &&
           is_text(a->prompts_trader, b->prompts_trader);
}

static bool is_family(const struct cr_run_cell *a, const struct cr_run_cell *b,
                      enum cr_difference difference) {
    return is_text(a->protocol, b->protocol) && is_text(a->benchmark, b->benchmark) &&
           is_text(a->stance, b->stance) && is_text(a->elicitation, b->elicitation) &&
           is_same_rule(a, b) && a->samples == b->samples && a->rounds == b->rounds &&
           (difference == CR_DIFFER_MODELS || is_text(a->maker, b->maker)) &&
           is_same_trader(a, b, difference) &&
           (difference == CR_DIFFER_WORDINGS || is_same_prompts(a, b));
}

static bool is_apart(const struct cr_run_cell *a, const struct cr_run_cell *b,
                     enum cr_difference difference) {
    return difference == CR_DIFFER_MODELS    ? !is_text(a->maker, b->maker)
           : difference == CR_DIFFER_TRADERS ? !is_text(a->trader, b->trader)
                                             : !is_same_prompts(a, b);
}

// The scores of all propositions by each judge.
struct table {
    struct cr_judgment_score *score; // [propositions][judges]
    int32_t *label;                  // [propositions], -1 unless binary
    uint32_t *question;              // [propositions]
    uint32_t *order;                 // propositions sorted by question
    uint32_t propositions, questions;
};

static void table_fini(struct table *table) {
    cr_free(table->score);
    cr_free(table->label);
    cr_free(table->question);
    cr_free(table->order);
}

static enum cr_status table_init(struct table *table, const struct cr_dataset *dataset,
                                 size_t judges) {
    size_t len = (size_t)dataset->propositions + 1;
    *table = (struct table){.propositions = dataset->propositions,
                            .questions = dataset->questions};
    table->score = cr_malloc(len * judges * sizeof *table->score);
    table->label = cr_malloc(len * sizeof *table->label);
    table->question = cr_malloc(len * sizeof *table->question);
    table->order = cr_malloc(len * sizeof *table->order);
    if (table->score == NULL || table->label == NULL || table->question == NULL ||
        table->order == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < len * judges; i++) {
        table->score[i] = (struct cr_judgment_score){NAN, NAN};
    }
    for (size_t i = 0; i < len; i++) {
        table->label[i] = -1;
        table->question[i] = dataset->questions; // of no judged question
    }
    return CR_OK;
}

static void fill_judge(struct table *table, const struct cr_dataset *dataset,
                       const struct cr_group *group, size_t judge, size_t judges) {
    for (uint64_t i = 0; i < group->len; i++) {
        struct cr_market market;
        cr_dataset_prices(dataset, dataset->order[group->first + i], &market);
        struct cr_judgment_score *score =
            &table->score[(size_t)market.proposition * judges + judge];
        table->question[market.proposition] = market.question;
        if (market.options == NULL && market.space == CR_SPACE_BINARY) {
            table->label[market.proposition] = market.label;
        }
        if (isnan(score->points)) {
            *score = cr_judgment_score_of(&market);
        }
    }
}

static enum cr_status sort_by_question(struct table *table) {
    uint32_t *first = cr_calloc((size_t)table->questions + 2, sizeof *first);
    if (first == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t p = 0; p < table->propositions; p++) {
        first[table->question[p] + 1]++;
    }
    for (uint32_t q = 0; q < table->questions; q++) {
        first[q + 1] += first[q];
    }
    for (uint32_t p = 0; p < table->propositions; p++) {
        table->order[first[table->question[p]]++] = p;
    }
    cr_free(first);
    return CR_OK;
}

static void feed(const struct table *table, size_t judges, struct cr_judges *out) {
    for (uint32_t i = 0; i < table->propositions; i++) {
        uint32_t p = table->order[i];
        if (table->question[p] == table->questions) {
            continue;
        }
        cr_judges_add(out, &table->score[(size_t)p * judges], judges, table->label[p]);
        if (i + 1 == table->propositions ||
            table->question[table->order[i + 1]] != table->question[p]) {
            cr_judges_question(out);
        }
    }
}

static enum cr_status compare_family(struct cr_analysis *analysis, const size_t *member,
                                     size_t len, enum cr_difference difference) {
    const struct cr_dataset *dataset = analysis->dataset;
    struct cr_independence_result one = {.label = analysis->group[member[0]].label,
                                         .over = difference_names[difference]};
    struct cr_judges *judges = NULL;
    struct table table;
    enum cr_status status = table_init(&table, dataset, len);
    for (size_t k = 0; k < len && status == CR_OK; k++) {
        fill_judge(&table, dataset, analysis->group[member[k]].group, k, len);
    }
    if (status == CR_OK) {
        status = sort_by_question(&table);
    }
    if (status == CR_OK) {
        status = cr_judges_create((uint32_t)len, dataset->questions, &judges);
    }
    if (status == CR_OK) {
        feed(&table, len, judges);
        status = cr_judges_finish(judges, analysis->cfg.level, &one.numbers);
    }
    if (status == CR_OK && one.numbers.propositions > 0) {
        status = cr_analysis_add_independence(analysis, &one);
    }
    cr_judges_destroy(judges);
    table_fini(&table);
    return status;
}

// A group that differs from no member is one more measurement of the same.
size_t cr_find_family(const struct cr_analysis *analysis, size_t g,
                      enum cr_difference difference, size_t *member) {
    size_t len = 0;
    member[len++] = g;
    for (size_t i = 0; i < analysis->groups; i++) {
        const struct cr_run_cell *cell = analysis->group[i].group->cell;
        bool is_new = i != g &&
                      cr_dataset_same_items(analysis->dataset, analysis->group[g].group,
                                            analysis->group[i].group) &&
                      is_family(analysis->group[g].group->cell, cell, difference);
        for (size_t k = 0; k < len && is_new; k++) {
            is_new = is_apart(analysis->group[member[k]].group->cell, cell, difference);
        }
        if (is_new && i < g) {
            return 0; // found from there
        }
        if (is_new && len < CR_JUDGES_MAX) {
            member[len++] = i;
        }
    }
    return len > 1 ? len : 0;
}

enum cr_status cr_analysis_judges(struct cr_analysis *analysis) {
    enum cr_status status = CR_OK;
    for (int d = 0; d < CR_DIFFERENCES; d++) {
        for (size_t g = 0; g < analysis->groups && status == CR_OK; g++) {
            size_t member[CR_JUDGES_MAX];
            size_t len = cr_find_family(analysis, g, (enum cr_difference)d, member);
            if (len > 0) {
                status = compare_family(analysis, member, len, (enum cr_difference)d);
            }
        }
    }
    return status;
}
