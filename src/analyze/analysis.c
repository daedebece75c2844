// analysis.c - one group after another: whole markets first, then iteration by
// iteration.
#include <math.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "analyze/prompt_numbers.h"
#include "credence/base/mem.h"

const char *const cr_section_names[CR_SECTION_COUNT] = {
    "accuracy",     "calibration",  "dynamics",    "worth",       "comparison",
    "continuous",   "iterations",   "what-if",     "reliability", "beliefs",
    "independence", "reasons",      "corp",        "diagram",     "murphy",
    "stopping",     "placebo",      "agent-score", "instrument",  "wording",
    "held",         "confirmatory", "settling",    "room",        "consultancy"};
const char *const cr_family_names[3] = {"groups", "comparisons", "all"};

// The sections that show numbers by iteration.
enum {
    SLICES = CR_SECTION_CALIBRATION | CR_SECTION_ITERATIONS | CR_SECTION_RELIABILITY,
    BY_ITERATION = SLICES | CR_SECTION_CORP | CR_SECTION_DIAGRAM,
    CONTROLS = CR_SECTION_PLACEBO | CR_SECTION_AGENT_SCORE,
    CORP = CR_SECTION_CORP | CR_SECTION_DIAGRAM,
    BY_QUESTION = CR_SECTION_BELIEFS | CR_SECTION_INDEPENDENCE | CR_SECTION_MURPHY |
                  CR_SECTION_INSTRUMENT | CR_SECTION_HELD | CR_SECTION_SETTLING |
                  CR_SECTION_ROOM | CR_SECTION_CONSULTANCY
};

// Numbers of questions and propositions that are dense within the present group.
struct local {
    uint32_t *question, *proposition; // whole number -> number here, 0: not seen
    uint32_t *seen_question, *seen_proposition;
    uint32_t questions, propositions;
    uint32_t *question_of, *proposition_of; // of each row of the group
};

static void local_fini(struct local *local) {
    cr_free(local->question);
    cr_free(local->proposition);
    cr_free(local->seen_question);
    cr_free(local->seen_proposition);
    cr_free(local->question_of);
    cr_free(local->proposition_of);
}

static enum cr_status local_init(struct local *local,
                                 const struct cr_dataset *dataset) {
    memset(local, 0, sizeof *local);
    size_t questions = (size_t)dataset->questions + 1;
    size_t propositions = (size_t)dataset->propositions + 1;
    local->question = cr_calloc(questions, sizeof(uint32_t));
    local->seen_question = cr_calloc(questions, sizeof(uint32_t));
    local->proposition = cr_calloc(propositions, sizeof(uint32_t));
    local->seen_proposition = cr_calloc(propositions, sizeof(uint32_t));
    uint64_t most = 0;
    for (size_t g = 0; g < dataset->groups; g++) {
        most = dataset->group[g].len > most ? dataset->group[g].len : most;
    }
    local->question_of = cr_malloc((most + 1) * sizeof(uint32_t));
    local->proposition_of = cr_malloc((most + 1) * sizeof(uint32_t));
    bool is_made = local->question != NULL && local->proposition != NULL &&
                   local->seen_question != NULL && local->seen_proposition != NULL &&
                   local->question_of != NULL && local->proposition_of != NULL;
    return is_made ? CR_OK : CR_E_MEMORY;
}

static void local_clear(struct local *local) {
    for (uint32_t i = 0; i < local->questions; i++) {
        local->question[local->seen_question[i]] = 0;
    }
    for (uint32_t i = 0; i < local->propositions; i++) {
        local->proposition[local->seen_proposition[i]] = 0;
    }
    local->questions = local->propositions = 0;
}

static void localise(struct local *local, const struct cr_market *market, uint64_t i) {
    uint32_t *question = &local->question[market->question];
    if (*question == 0) {
        local->seen_question[local->questions] = market->question;
        *question = ++local->questions;
    }
    uint32_t *proposition = &local->proposition[market->proposition];
    if (*proposition == 0) {
        local->seen_proposition[local->propositions] = market->proposition;
        *proposition = ++local->propositions;
    }
    local->question_of[i] = *question - 1;
    local->proposition_of[i] = *proposition - 1;
}

struct work {
    struct cr_analysis *analysis;
    const struct cr_dataset *dataset;
    const struct cr_analysis_cfg *cfg;
    struct local local;
};

// Market I of GROUP, its question and proposition numbered within the group.
static void market_of(struct work *work, const struct cr_group *group, uint64_t i,
                      struct cr_market *out) {
    cr_dataset_market(work->dataset, work->dataset->order[group->first + i], out);
    out->question = work->local.question_of[i];
    out->proposition = work->local.proposition_of[i];
}

static enum cr_status summarise(struct work *work, const struct cr_group *group,
                                struct cr_summary *summary, uint32_t *longest) {
    enum cr_status status = CR_OK;
    for (uint64_t i = 0; i < group->len && status == CR_OK; i++) {
        struct cr_market market;
        market_of(work, group, i, &market);
        if (cr_market_is_scored(&market) && market.prices_len > *longest) {
            *longest = market.prices_len;
        }
        status = cr_summary_add(summary, &market);
    }
    return status;
}

// The parts of the scores that prices show at T.
static enum cr_status make_corp(struct work *work, const struct cr_group_result *group,
                                uint32_t t, struct cr_corp *out) {
    size_t len = 0;
    struct cr_corp_forecast *forecast =
        cr_malloc(((size_t)group->group->len + 1) * sizeof *forecast);
    if (forecast == NULL) {
        return CR_E_MEMORY;
    }
    for (uint64_t i = 0; i < group->group->len; i++) {
        struct cr_market market;
        cr_dataset_prices(work->dataset, work->dataset->order[group->group->first + i],
                          &market);
        if (market.status == CR_DONE && market.prices_len > 0 &&
            market.space != CR_SPACE_CONTINUOUS) {
            struct cr_corp_forecast *one = &forecast[len++];
            cr_forecast_at(&market, cr_market_shown(&market, t), &one->price,
                           &one->outcome);
            one->question = work->local.question_of[i];
            one->proposition = work->local.proposition_of[i];
        }
    }
    struct cr_corp_cfg cfg = {.questions = work->local.questions,
                              .propositions = work->local.propositions,
                              .level = work->cfg->level,
                              .resamples = work->cfg->resamples,
                              .seed = work->cfg->seed,
                              .has_pools = t == 0 || t + 1 == group->longest};
    enum cr_status status = cr_corp_make(forecast, len, &cfg, out);
    cr_free(forecast);
    return status;
}

// Iteration T of GROUP, from its slice and its survival.
static enum cr_status make_iteration(struct work *work, struct cr_slice *slice,
                                     struct cr_group_result *out, uint32_t t) {
    enum cr_status status = CR_OK;
    const struct cr_group *group = out->group;
    cr_slice_begin(slice, t);
    uint64_t rows = (work->cfg->sections & SLICES) != 0 ? group->len : 0;
    for (uint64_t i = 0; i < rows && status == CR_OK; i++) {
        struct cr_market market;
        cr_dataset_prices(work->dataset, work->dataset->order[group->first + i],
                          &market);
        market.question = work->local.question_of[i];
        status = cr_slice_add(slice, &market);
    }
    struct cr_iteration_result *one = &out->iteration[t];
    *one = (struct cr_iteration_result){
        .label = out->label, .t = t, .survival = out->dynamics.survival[t]};
    one->when = t == 0 ? "opening" : t + 1 == out->longest ? "final" : "";
    if (status == CR_OK) {
        status = cr_slice_finish(slice, &one->slice);
    }
    return status == CR_OK && (work->cfg->sections & CORP) != 0
               ? make_corp(work, out, t, &one->corp)
               : status;
}

static enum cr_status make_iterations(struct work *work, struct cr_group_result *out) {
    struct cr_slice *slice = NULL;
    enum cr_status status = cr_slice_create(work->local.questions, work->cfg->bins,
                                            work->cfg->level, &slice);
    out->iteration = cr_calloc((size_t)out->longest + 1, sizeof *out->iteration);
    if (out->iteration == NULL) {
        status = CR_E_MEMORY;
    }
    for (uint32_t t = 0; t < out->longest && status == CR_OK; t++) {
        status = make_iteration(work, slice, out, t);
        out->iterations = t + 1;
    }
    cr_slice_destroy(slice);
    return status;
}

static enum cr_status finish_summary(const struct cr_summary *summary,
                                     struct cr_group_result *out) {
    enum cr_status status = cr_summary_accuracy(summary, &out->accuracy);
    if (status == CR_OK) {
        status = cr_summary_brier(summary, &out->brier);
    }
    if (status == CR_OK) {
        status = cr_summary_continuous(summary, &out->continuous);
    }
    if (status == CR_OK) {
        status = cr_summary_dynamics(summary, &out->dynamics);
    }
    cr_summary_worth(summary, &out->worth);
    return status;
}

static void count_locals(struct work *work, const struct cr_group *group) {
    local_clear(&work->local);
    for (uint64_t i = 0; i < group->len; i++) {
        struct cr_market market;
        cr_dataset_prices(work->dataset, work->dataset->order[group->first + i],
                          &market);
        localise(&work->local, &market, i);
    }
}

static enum cr_status analyse_group(struct work *work, const struct cr_group *group,
                                    struct cr_group_result *out) {
    count_locals(work, group);
    struct cr_summary_cfg cfg = {.iterations = work->dataset->iterations,
                                 .questions = work->local.questions,
                                 .propositions = work->local.propositions,
                                 .resamples = work->cfg->resamples,
                                 .seed = work->cfg->seed,
                                 .level = work->cfg->level};
    struct cr_summary *summary = NULL;
    out->group = group;
    out->label = group->label;
    enum cr_status status = cr_summary_create(&cfg, &summary);
    if (status == CR_OK) {
        status = summarise(work, group, summary, &out->longest);
    }
    if (status == CR_OK) {
        status = finish_summary(summary, out);
    }
    cr_summary_destroy(summary);
    if (status == CR_OK && (work->cfg->sections & BY_ITERATION) != 0) {
        status = make_iterations(work, out);
    }
    if (status == CR_OK && (work->cfg->sections & BY_QUESTION) != 0) {
        struct cr_numbering numbering = {
            work->local.question_of, work->local.proposition_of, work->local.questions,
            work->local.propositions};
        status = cr_group_science(work->analysis, out, &numbering);
    }
    return status;
}

// A is at least as good as B in both, and better in one.
static bool dominates(const struct cr_group_result *a, const struct cr_group_result *b,
                      bool by_usd) {
    double cost_a = by_usd ? a->worth.usd : a->worth.tokens;
    double cost_b = by_usd ? b->worth.usd : b->worth.tokens;
    return a->accuracy.final >= b->accuracy.final && cost_a <= cost_b &&
           (a->accuracy.final > b->accuracy.final || cost_a < cost_b);
}

static void find_frontier(struct cr_analysis *analysis) {
    bool by_usd = false;
    for (size_t i = 0; i < analysis->groups; i++) {
        by_usd = by_usd || analysis->group[i].worth.usd > 0.0;
    }
    for (size_t i = 0; i < analysis->groups; i++) {
        struct cr_group_result *one = &analysis->group[i];
        one->is_on_frontier = one->accuracy.scored > 0;
        for (size_t k = 0; k < analysis->groups && one->is_on_frontier; k++) {
            if (strcmp(analysis->group[k].group->cell->benchmark,
                       one->group->cell->benchmark) == 0 &&
                cr_dataset_same_items(analysis->dataset, analysis->group[k].group,
                                      one->group) &&
                dominates(&analysis->group[k], one, by_usd)) {
                one->is_on_frontier = false;
            }
        }
    }
}

// Correct the p values of the family that was asked for; the others stay as they are.
static enum cr_status correct(struct cr_analysis *analysis) {
    size_t len = analysis->groups + analysis->pairs;
    double *p = cr_malloc((len + 1) * sizeof *p);
    if (p == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < analysis->groups; i++) {
        p[i] = analysis->group[i].accuracy.permutation.p;
    }
    for (size_t i = 0; i < analysis->pairs; i++) {
        p[analysis->groups + i] = analysis->pair[i].comparison.permutation.p;
    }
    enum cr_family family = analysis->cfg.family;
    size_t first = family == CR_FAMILY_COMPARISONS ? analysis->groups : 0;
    size_t end = family == CR_FAMILY_GROUPS ? analysis->groups : len;
    enum cr_status status = cr_holm(p + first, end - first);
    for (size_t i = 0; i < analysis->groups; i++) {
        analysis->group[i].p_holm = family == CR_FAMILY_COMPARISONS ? NAN : p[i];
    }
    for (size_t i = 0; i < analysis->pairs; i++) {
        analysis->pair[i].p_holm =
            family == CR_FAMILY_GROUPS ? NAN : p[analysis->groups + i];
    }
    cr_free(p);
    return status;
}

static enum cr_status analyse_groups(struct cr_analysis *analysis) {
    const struct cr_dataset *dataset = analysis->dataset;
    struct work work = {
        .analysis = analysis, .dataset = dataset, .cfg = &analysis->cfg};
    enum cr_status status = local_init(&work.local, dataset);
    analysis->group = cr_calloc(dataset->groups + 1, sizeof *analysis->group);
    if (analysis->group == NULL) {
        status = CR_E_MEMORY;
    }
    for (size_t g = 0; g < dataset->groups && status == CR_OK; g++) {
        status = analyse_group(&work, &dataset->group[g], &analysis->group[g]);
        analysis->groups = g + 1;
    }
    local_fini(&work.local);
    return status;
}

static enum cr_status compute(struct cr_analysis *analysis, struct cr_err *err) {
    enum cr_status status = analyse_groups(analysis);
    if (status == CR_OK) {
        find_frontier(analysis);
        status = cr_analysis_pairs(analysis, err);
    }
    if (status == CR_OK && (analysis->cfg.sections & CR_SECTION_INDEPENDENCE) != 0) {
        status = cr_analysis_judges(analysis);
    }
    if (status == CR_OK) {
        status = correct(analysis);
    }
    if (status == CR_OK) {
        status = cr_analysis_reasons(analysis);
    }
    if (status == CR_OK && (analysis->cfg.sections & CR_SECTION_WORDING) != 0) {
        status = cr_analysis_wordings(analysis);
    }
    if (status == CR_OK && (analysis->cfg.sections & CONTROLS) != 0) {
        status = cr_analysis_controls(analysis);
    }
    if (status == CR_OK && (analysis->cfg.sections & CR_SECTION_CONFIRMATORY) != 0) {
        status = cr_analysis_confirm(analysis, err);
    }
    if (status == CR_OK && (analysis->cfg.sections & CR_SECTION_STOPPING) != 0) {
        status = cr_analysis_frontier(analysis, err);
    }
    if (status == CR_OK) {
        status = cr_analysis_warn(analysis);
    }
    if (status == CR_OK && analysis->grid.is_asked) {
        status =
            cr_rule_grid_apply(&analysis->grid, analysis->dataset, analysis->cfg.level,
                               &analysis->arena, &analysis->what_if);
    }
    return status;
}

// What CFG's texts mean: the factors that rows are grouped by, and the rules.
static enum cr_status read_cfg(const struct cr_analysis_cfg *cfg,
                               struct cr_factor_list *factors,
                               struct cr_rule_grid *grid, struct cr_err *err) {
    enum cr_status status =
        cfg->by != NULL ? cr_factor_list_parse(factors, cfg->by, err) : CR_OK;
    for (size_t i = 0; i < cfg->what_ifs && status == CR_OK; i++) {
        status = cr_rule_grid_parse(grid, cfg->what_if[i], err);
    }
    return status;
}

enum cr_status cr_analysis_check(const struct cr_analysis_cfg *cfg,
                                 struct cr_err *err) {
    struct cr_factor_list factors = {0};
    struct cr_rule_grid *grid = cr_calloc(1, sizeof *grid);
    enum cr_status status =
        grid == NULL ? CR_E_MEMORY : read_cfg(cfg, &factors, grid, err);
    cr_free(grid);
    return status;
}

enum cr_status cr_analysis_make(char *const *paths, size_t len,
                                const struct cr_analysis_cfg *cfg,
                                struct cr_analysis **out, struct cr_err *err) {
    struct cr_factor_list factors = {0};
    struct cr_analysis *analysis = cr_calloc(1, sizeof *analysis);
    if (analysis == NULL) {
        return CR_E_MEMORY;
    }
    analysis->cfg = *cfg;
    analysis->err = err;
    enum cr_status status = read_cfg(cfg, &factors, &analysis->grid, err);
    if (status == CR_OK) {
        status = cr_dataset_open(paths, len, &factors, &analysis->dataset, err);
    }
    if (status == CR_OK && cfg->excludes_prompted) {
        status = cr_dataset_exclude_prompted(analysis->dataset, err);
    }
    if (status == CR_OK) {
        status = cr_dataset_group(analysis->dataset, err);
    }
    if (status == CR_OK) {
        status = compute(analysis, err);
    }
    if (status != CR_OK) {
        cr_analysis_destroy(analysis);
        return status;
    }
    analysis->err = NULL;
    *out = analysis;
    return CR_OK;
}

void cr_analysis_destroy(struct cr_analysis *analysis) {
    if (analysis == NULL) {
        return;
    }
    for (size_t g = 0; g < analysis->groups; g++) {
        for (uint32_t t = 0; t < analysis->group[g].iterations; t++) {
            cr_corp_fini(&analysis->group[g].iteration[t].corp);
        }
        cr_free(analysis->group[g].iteration);
        cr_dynamics_fini(&analysis->group[g].dynamics);
        cr_belief_result_fini(&analysis->group[g].beliefs);
        cr_held_result_fini(&analysis->group[g].held);
        cr_instrument_result_fini(&analysis->group[g].instrument);
    }
    cr_free(analysis->group);
    cr_free(analysis->pair);
    cr_free(analysis->what_if.at);
    cr_free(analysis->independence);
    cr_free(analysis->reason);
    cr_free(analysis->stopping);
    cr_free(analysis->control);
    cr_free(analysis->confirmatory);
    cr_free(analysis->wording);
    cr_free(analysis->frontier);
    cr_free(analysis->warning);
    cr_arena_fini(&analysis->arena);
    cr_dataset_close(analysis->dataset);
    cr_free(analysis);
}
