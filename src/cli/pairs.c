// pairs.c - which groups are set against each other: the one that was named against
// all, and every market against the baselines at equal calls.
#include <math.h>
#include <string.h>

#include "cli/analysis.h"
#include "credence/mem.h"
#include "credence/text.h"

static void fill(const struct cr_dataset *dataset, const struct cr_group *group,
                 struct cr_arm *arm) {
    cr_arm_clear(arm);
    for (uint64_t i = 0; i < group->len; i++) {
        struct cr_market market;
        cr_dataset_market(dataset, dataset->order[group->first + i], &market);
        cr_arm_add(arm, &market);
    }
}

struct pairing {
    struct cr_analysis *analysis;
    struct cr_arm first, second;
};

static enum cr_status add_pair(struct pairing *pairing, size_t a, size_t b,
                               bool is_equal_calls) {
    struct cr_analysis *analysis = pairing->analysis;
    enum cr_status status =
        cr_array_grow((void **)&analysis->pair, &analysis->pairs_cap,
                      analysis->pairs + 1, sizeof *analysis->pair);
    if (status != CR_OK)
        return status;
    struct cr_pair_result *pair = &analysis->pair[analysis->pairs];
    *pair = (struct cr_pair_result){.first = &analysis->group[a],
                                    .second = &analysis->group[b],
                                    .is_equal_calls = is_equal_calls};
    struct cr_bootstrap how = {analysis->cfg.resamples, analysis->cfg.level,
                               analysis->cfg.seed};
    fill(analysis->dataset, pair->first->group, &pairing->first);
    fill(analysis->dataset, pair->second->group, &pairing->second);
    status = cr_compare(&pairing->first, &pairing->second, analysis->dataset->questions,
                        &how, &pair->comparison);
    if (status == CR_OK)
        analysis->pairs++;
    return status;
}

static bool is_protocol(const struct cr_group_result *one, const char *protocol) {
    return strcmp(one->group->cell->protocol, protocol) == 0;
}

static bool is_same_setting(const struct cr_group_result *a,
                            const struct cr_group_result *b) {
    return strcmp(a->group->cell->benchmark, b->group->cell->benchmark) == 0 &&
           strcmp(a->group->cell->maker, b->group->cell->maker) == 0;
}

// The group of PROTOCOL whose mean calls are nearest to those of group A; groups: none.
static size_t nearest_baseline(const struct cr_analysis *analysis, size_t a,
                               const char *protocol) {
    size_t best = analysis->groups;
    double least = INFINITY;
    for (size_t i = 0; i < analysis->groups; i++) {
        const struct cr_group_result *one = &analysis->group[i];
        double away = fabs(one->worth.calls - analysis->group[a].worth.calls);
        if (is_protocol(one, protocol) && is_same_setting(one, &analysis->group[a]) &&
            away < least) {
            least = away;
            best = i;
        }
    }
    return best;
}

static enum cr_status pair_baselines(struct pairing *pairing) {
    static const char *const baselines[] = {"self_consistency", "debate"};
    struct cr_analysis *analysis = pairing->analysis;
    enum cr_status status = CR_OK;
    for (size_t a = 0; a < analysis->groups && status == CR_OK; a++)
        for (size_t b = 0; b < 2 && status == CR_OK; b++) {
            size_t i = nearest_baseline(analysis, a, baselines[b]);
            if (is_protocol(&analysis->group[a], "market") && i < analysis->groups)
                status = add_pair(pairing, a, i, true);
        }
    return status;
}

static enum cr_status unknown_group(const struct cr_analysis *analysis,
                                    struct cr_err *err) {
    const char *nearest = NULL;
    for (size_t i = 0; i < analysis->groups && nearest == NULL; i++)
        nearest =
            cr_text_nearest(analysis->cfg.compare, &analysis->group[i].group->label, 1);
    if (nearest == NULL && analysis->groups > 0)
        nearest = analysis->group[0].group->label;
    return cr_err_set(err, CR_E_USAGE,
                      "--compare: no group is called '%s'; one is '%s'",
                      analysis->cfg.compare, nearest != NULL ? nearest : "");
}

static enum cr_status pair_named(struct pairing *pairing, struct cr_err *err) {
    struct cr_analysis *analysis = pairing->analysis;
    size_t base = 0;
    if (analysis->cfg.compare == NULL)
        return CR_OK;
    while (base < analysis->groups &&
           strcmp(analysis->group[base].group->label, analysis->cfg.compare) != 0)
        base++;
    if (base == analysis->groups)
        return unknown_group(analysis, err);
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < analysis->groups && status == CR_OK; i++)
        if (i != base)
            status = add_pair(pairing, i, base, false);
    return status;
}

enum cr_status cr_analysis_pairs(struct cr_analysis *analysis, struct cr_err *err) {
    struct pairing pairing = {.analysis = analysis};
    enum cr_status status =
        cr_arm_init(&pairing.first, analysis->dataset->propositions);
    if (status == CR_OK)
        status = cr_arm_init(&pairing.second, analysis->dataset->propositions);
    if (status == CR_OK)
        status = pair_named(&pairing, err);
    if (status == CR_OK)
        status = pair_baselines(&pairing);
    cr_arm_fini(&pairing.first);
    cr_arm_fini(&pairing.second);
    return status;
}
