// pairs.c - which groups are set against each other: the one that was named against
// all, and every market against the baselines at equal calls.
#include <math.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"

enum { WHOLE = UINT32_MAX };

// All markets of GROUP, as they ended (CUT is WHOLE) or after judgment CUT.
static void fill(const struct cr_dataset *dataset, const struct cr_group *group,
                 uint32_t cut, struct cr_arm *arm) {
    cr_arm_clear(arm);
    for (uint64_t i = 0; i < group->len; i++) {
        uint64_t number = dataset->order[group->first + i];
        struct cr_market market;
        cr_dataset_market(dataset, number, &market);
        if (cut == WHOLE) {
            cr_arm_add(arm, &market);
            continue;
        }
        market.calls = (double)cr_dataset_calls_until(dataset, number, cut);
        market.tokens = market.usd = NAN; // not known by iteration
        cr_arm_add_cut(arm, &market, cut);
    }
}

struct pairing {
    struct cr_analysis *analysis;
    struct cr_arm first, second;
};

// PAIR's groups and cut are set; the comparison is not.
static enum cr_status add_pair(struct pairing *pairing, struct cr_pair_result pair) {
    struct cr_analysis *analysis = pairing->analysis;
    enum cr_status status =
        cr_array_grow((void **)&analysis->pair, &analysis->pairs_cap,
                      analysis->pairs + 1, sizeof *analysis->pair);
    if (status != CR_OK) {
        return status;
    }
    struct cr_bootstrap how = {analysis->cfg.resamples, analysis->cfg.level,
                               analysis->cfg.seed};
    fill(analysis->dataset, pair.first->group, WHOLE, &pairing->first);
    fill(analysis->dataset, pair.second->group, pair.is_equal_calls ? pair.cut : WHOLE,
         &pairing->second);
    status = cr_compare(&pairing->first, &pairing->second, analysis->dataset->questions,
                        &how, &pair.comparison);
    pair.first_label = pair.first->label;
    pair.second_label = pair.second->label;
    pair.kind = pair.is_equal_calls ? "calls" : "named";
    if (status == CR_OK) {
        analysis->pair[analysis->pairs++] = pair;
    }
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

// Mean calls of GROUP's finished episodes up to judgment T.
static double mean_calls(const struct cr_dataset *dataset, const struct cr_group *group,
                         uint32_t t) {
    double sum = 0.0, n = 0.0;
    for (uint64_t i = 0; i < group->len; i++) {
        uint64_t number = dataset->order[group->first + i];
        struct cr_market market;
        cr_dataset_prices(dataset, number, &market);
        if (!cr_market_is_scored(&market)) {
            continue;
        }
        sum += (double)cr_dataset_calls_until(dataset, number, t);
        n += 1.0;
    }
    return n > 0.0 ? sum / n : INFINITY;
}

// The group of PROTOCOL and its judgment that have made, in the mean, nearly as many
// calls as the first of PAIR; the first's own trader wins a tie. False: there is none.
static bool find_baseline(const struct cr_analysis *analysis, const char *protocol,
                          struct cr_pair_result *pair) {
    double least = INFINITY, calls = pair->first->worth.calls;
    for (size_t i = 0; i < analysis->groups; i++) {
        const struct cr_group_result *one = &analysis->group[i];
        if (!is_protocol(one, protocol) || !is_same_setting(one, pair->first) ||
            !cr_dataset_same_items(analysis->dataset, one->group, pair->first->group)) {
            continue;
        }
        bool same =
            strcmp(one->group->cell->trader, pair->first->group->cell->trader) == 0;
        for (uint32_t t = 0; t < one->longest; t++) {
            double away = fabs(mean_calls(analysis->dataset, one->group, t) - calls) +
                          (same ? 0.0 : 1e-6);
            if (away < least) {
                least = away;
                pair->second = one;
                pair->cut = t;
            }
        }
    }
    return least < INFINITY;
}

static enum cr_status pair_baselines(struct pairing *pairing, struct cr_err *err) {
    static const char *const baselines[] = {"self_consistency", "debate"};
    struct cr_analysis *analysis = pairing->analysis;
    bool has_any = false;
    for (size_t i = 0; i < analysis->groups; i++) {
        has_any = has_any || is_protocol(&analysis->group[i], baselines[0]) ||
                  is_protocol(&analysis->group[i], baselines[1]);
    }
    if (!has_any) {
        return CR_OK;
    }
    enum cr_status status = cr_dataset_step_calls(analysis->dataset, err);
    for (size_t a = 0; a < analysis->groups && status == CR_OK; a++) {
        for (size_t b = 0; b < 2 && status == CR_OK; b++) {
            struct cr_pair_result pair = {.first = &analysis->group[a],
                                          .is_equal_calls = true};
            if (is_protocol(pair.first, "market") &&
                find_baseline(analysis, baselines[b], &pair)) {
                status = add_pair(pairing, pair);
            }
        }
    }
    return status;
}

static enum cr_status unknown_group(const struct cr_analysis *analysis,
                                    struct cr_err *err) {
    const char *nearest = NULL;
    for (size_t i = 0; i < analysis->groups && nearest == NULL; i++) {
        nearest = cr_text_nearest(analysis->cfg.compare, &analysis->group[i].label, 1);
    }
    if (nearest == NULL && analysis->groups > 0) {
        nearest = analysis->group[0].label;
    }
    return cr_err_set(err, CR_E_USAGE,
                      "--compare: no group is called '%s'; one is '%s'",
                      analysis->cfg.compare, nearest != NULL ? nearest : "");
}

static enum cr_status pair_named(struct pairing *pairing, struct cr_err *err) {
    struct cr_analysis *analysis = pairing->analysis;
    size_t base = 0;
    if (analysis->cfg.compare == NULL) {
        return CR_OK;
    }
    while (base < analysis->groups &&
           strcmp(analysis->group[base].label, analysis->cfg.compare) != 0) {
        base++;
    }
    if (base == analysis->groups) {
        return unknown_group(analysis, err);
    }
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < analysis->groups && status == CR_OK; i++) {
        if (i != base) {
            status = add_pair(
                pairing, (struct cr_pair_result){.first = &analysis->group[i],
                                                 .second = &analysis->group[base]});
        }
    }
    return status;
}

enum cr_status cr_analysis_pairs(struct cr_analysis *analysis, struct cr_err *err) {
    struct pairing pairing = {.analysis = analysis};
    enum cr_status status =
        cr_arm_init(&pairing.first, analysis->dataset->propositions);
    if (status == CR_OK) {
        status = cr_arm_init(&pairing.second, analysis->dataset->propositions);
    }
    if (status == CR_OK) {
        status = pair_named(&pairing, err);
    }
    if (status == CR_OK) {
        status = pair_baselines(&pairing, err);
    }
    cr_arm_fini(&pairing.first);
    cr_arm_fini(&pairing.second);
    return status;
}
