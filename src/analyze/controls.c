// controls.c - does the argument move the price, or being asked again? Markets against
// placebo traders and against no trader at all; and what an agent gains by arguing the
// truth.
#include <math.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/mem.h"
#include "credence/stats/calibration.h"

static const char *const placebo_stances[] = {"unrelated", "echo", "filler"};

static bool is_text(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

// The placebo that CELL is: a stance that says nothing of the claim, or no trader at
// all ("silence"). NULL: none.
static const char *placebo_of(const struct cr_run_cell *cell) {
    if (is_text(cell->protocol, "self_refine")) {
        return "silence";
    }
    for (size_t i = 0; i < sizeof placebo_stances / sizeof placebo_stances[0]; i++) {
        if (is_text(cell->stance, placebo_stances[i])) {
            return placebo_stances[i];
        }
    }
    return NULL;
}

// The same but for the trader: what is priced, by whom, how, and for how long.
static bool is_same_setting(const struct cr_run_cell *a, const struct cr_run_cell *b) {
    return is_text(a->benchmark, b->benchmark) && is_text(a->maker, b->maker) &&
           is_text(a->prompts, b->prompts) &&
           is_text(a->prompts_trader, b->prompts_trader) &&
           is_text(a->elicitation, b->elicitation) &&
           is_text(a->stop_rule, b->stop_rule) && a->threshold == b->threshold &&
           a->window == b->window && a->max_iterations == b->max_iterations;
}

double cr_control_value(const struct cr_market *market, enum cr_control_value which) {
    if (which == CR_VALUE_GAIN) {
        return cr_score_final(market) - cr_score_opening(market);
    }
    if (which == CR_VALUE_FINAL) {
        return cr_score_final(market);
    }
    if (market->status != CR_DONE || market->prices_len == 0) {
        return NAN;
    }
    if (which == CR_VALUE_BRIER) {
        return cr_brier_at(market, market->prices_len - 1);
    }
    double q = cr_truth_price(market, market->prices_len - 1);
    q = fmin(fmax(q, CR_LOG_CLIP), 1.0 - CR_LOG_CLIP);
    return which == CR_VALUE_LOG_TRUTH ? log(q) : log1p(-q);
}

static void fill(const struct cr_dataset *dataset, const struct cr_group *group,
                 enum cr_control_value which, struct cr_arm *arm) {
    cr_arm_clear(arm);
    for (uint64_t i = 0; i < group->len; i++) {
        struct cr_market market;
        cr_dataset_market(dataset, dataset->order[group->first + i], &market);
        double value =
            cr_market_is_scored(&market) ? cr_control_value(&market, which) : NAN;
        if (!isnan(value)) {
            cr_arm_add_value(arm, &market, value);
        }
    }
}

struct arms {
    struct cr_arm first, second;
};

static enum cr_status add_control(struct cr_analysis *analysis, struct arms *arms,
                                  struct cr_control_result one) {
    bool is_score = is_text(one.control, "agent score");
    struct cr_bootstrap how = {analysis->cfg.resamples, analysis->cfg.level,
                               analysis->cfg.seed};
    fill(analysis->dataset, one.first->group,
         is_score ? CR_VALUE_LOG_TRUTH : CR_VALUE_GAIN, &arms->first);
    fill(analysis->dataset, one.second->group,
         is_score ? CR_VALUE_LOG_AGAINST : CR_VALUE_GAIN, &arms->second);
    one.first_label = one.first->label;
    one.second_label = one.second->label;
    enum cr_status status =
        cr_compare(&arms->first, &arms->second, analysis->dataset->questions, &how,
                   &one.comparison);
    if (status != CR_OK || one.comparison.pairs == 0) {
        return status;
    }
    status = cr_array_grow((void **)&analysis->control, &analysis->controls_cap,
                           analysis->controls + 1, sizeof *analysis->control);
    if (status == CR_OK) {
        analysis->control[analysis->controls++] = one;
    }
    return status;
}

// Every market with a trader that argues against every placebo of its setting.
static enum cr_status add_placebos(struct cr_analysis *analysis, struct arms *arms) {
    enum cr_status status = CR_OK;
    for (size_t a = 0; a < analysis->groups; a++) {
        const struct cr_run_cell *cell = analysis->group[a].group->cell;
        if (!is_text(cell->protocol, "market") || placebo_of(cell) != NULL) {
            continue;
        }
        for (size_t b = 0; b < analysis->groups && status == CR_OK; b++) {
            const struct cr_run_cell *other = analysis->group[b].group->cell;
            const char *placebo = placebo_of(other);
            if (placebo != NULL && is_same_setting(cell, other) &&
                cr_dataset_same_items(analysis->dataset, analysis->group[a].group,
                                      analysis->group[b].group)) {
                status = add_control(
                    analysis, arms,
                    (struct cr_control_result){.control = placebo,
                                               .first = &analysis->group[a],
                                               .second = &analysis->group[b]});
            }
        }
    }
    return status;
}

// Truthful against adversarial agents in the same setting.
static enum cr_status add_agent_scores(struct cr_analysis *analysis,
                                       struct arms *arms) {
    enum cr_status status = CR_OK;
    for (size_t a = 0; a < analysis->groups; a++) {
        const struct cr_run_cell *cell = analysis->group[a].group->cell;
        for (size_t b = 0; b < analysis->groups && is_text(cell->stance, "truthful") &&
                           status == CR_OK;
             b++) {
            const struct cr_run_cell *other = analysis->group[b].group->cell;
            if (is_text(other->stance, "adversarial") &&
                is_text(cell->protocol, other->protocol) &&
                is_text(cell->trader, other->trader) && is_same_setting(cell, other) &&
                cr_dataset_same_items(analysis->dataset, analysis->group[a].group,
                                      analysis->group[b].group)) {
                status = add_control(
                    analysis, arms,
                    (struct cr_control_result){.control = "agent score",
                                               .first = &analysis->group[a],
                                               .second = &analysis->group[b]});
            }
        }
    }
    return status;
}

// Holm over all of them.
static enum cr_status correct(struct cr_analysis *analysis) {
    double *p = cr_malloc((analysis->controls + 1) * sizeof *p);
    if (p == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < analysis->controls; i++) {
        p[i] = analysis->control[i].comparison.permutation.p;
    }
    enum cr_status status = cr_holm(p, analysis->controls);
    for (size_t i = 0; i < analysis->controls; i++) {
        analysis->control[i].p_holm = p[i];
    }
    cr_free(p);
    return status;
}

enum cr_status cr_analysis_controls(struct cr_analysis *analysis) {
    struct arms arms = {0};
    enum cr_status status = cr_arm_init(&arms.first, analysis->dataset->propositions);
    if (status == CR_OK) {
        status = cr_arm_init(&arms.second, analysis->dataset->propositions);
    }
    if (status == CR_OK && (analysis->cfg.sections & CR_SECTION_PLACEBO) != 0) {
        status = add_placebos(analysis, &arms);
    }
    if (status == CR_OK && (analysis->cfg.sections & CR_SECTION_AGENT_SCORE) != 0) {
        status = add_agent_scores(analysis, &arms);
    }
    if (status == CR_OK) {
        status = correct(analysis);
    }
    cr_arm_fini(&arms.first);
    cr_arm_fini(&arms.second);
    return status;
}
