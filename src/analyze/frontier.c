// frontier.c - accuracy against calls for many stop rules over one set of trajectories,
// each against the best fixed iteration.
#include <math.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "analyze/trajectories.h"
#include "credence/base/mem.h"

enum { RULES_MAX = 128 };

// Stopping after a fixed number of iterations, each up to N.
static size_t list_fixed(uint32_t n, struct cr_stop *out, size_t len) {
    for (uint32_t t = 1; t <= n && len < RULES_MAX; t++) {
        out[len++] = (struct cr_stop){CR_STOP_FIXED, 3, 0.0, t};
    }
    return len;
}

// The rules that are tried for the votes of at most N + 1 samples.
static size_t list_vote_rules(uint32_t n, struct cr_stop *out) {
    static const double error[] = {0.2, 0.1, 0.05, 0.02, 0.01};
    size_t len = 0;
    for (size_t i = 0; i < sizeof error / sizeof error[0]; i++) {
        out[len++] = (struct cr_stop){CR_STOP_SPRT, 3, error[i], n};
    }
    return list_fixed(n, out, len);
}

// The rules that are tried for trajectories of at most N iterations: the paper's first.
static size_t list_rules(uint32_t n, struct cr_stop *out) {
    static const double range[] = {0.2, 0.02, 0.05, 0.1, 0.3, 0.5, 0.8};
    static const double confidence[] = {0.8, 0.9, 0.95, 0.99};
    size_t len = 0;
    for (size_t i = 0; i < sizeof range / sizeof range[0]; i++) {
        out[len++] = (struct cr_stop){CR_STOP_RANGE, 3, range[i], n};
    }
    for (uint32_t window = 2; window <= 4; window++) {
        out[len++] = (struct cr_stop){CR_STOP_STABLE_SIDE, window, 0.0, n};
    }
    for (uint32_t window = 1; window <= 3; window++) {
        out[len++] = (struct cr_stop){CR_STOP_PATIENCE, window, 0.0, n};
    }
    for (size_t i = 0; i < sizeof confidence / sizeof confidence[0]; i++) {
        out[len++] = (struct cr_stop){CR_STOP_CONFIDENCE, 3, confidence[i], n};
    }
    out[len++] = (struct cr_stop){CR_STOP_KS, 3, 0.2, n};
    return list_fixed(n, out, len);
}

// Calls of each iteration of the market in row NUMBER, or NULL when they are not known.
static const uint32_t *step_calls(const struct cr_dataset *dataset, uint64_t number) {
    const struct cr_dataset_view *one = cr_dataset_view_of(dataset, number);
    return one->step_calls != NULL
               ? one->step_calls + (size_t)(number - one->first) * one->view->iterations
               : NULL;
}

static enum cr_status find_oracle(const struct cr_trajectories *t, double level,
                                  struct cr_oracle_result *out) {
    struct cr_oracle *oracle = NULL;
    enum cr_status status =
        cr_oracle_create(t->dataset->iterations, t->dataset->questions, &oracle);
    if (status != CR_OK) {
        return status;
    }
    for (uint64_t i = 0; i < t->len; i++) {
        struct cr_market market;
        cr_dataset_prices(t->dataset, t->sorted[i], &market);
        cr_oracle_add(oracle, &market);
        if (i + 1 == t->len || cr_trajectories_question(t, t->sorted[i + 1]) !=
                                   cr_trajectories_question(t, t->sorted[i])) {
            cr_oracle_question(oracle);
        }
    }
    cr_oracle_finish(oracle, level, out);
    cr_oracle_destroy(oracle);
    return CR_OK;
}

// Rules and what they say.
struct rules {
    struct cr_stop rule[RULES_MAX];
    struct cr_what_if_row row[RULES_MAX];
    size_t len;
    bool are_of_votes; // of the samples of self_consistency
};

static enum cr_status try_rules(const struct cr_trajectories *t,
                                const struct cr_oracle_result *oracle, double level,
                                struct rules *rules) {
    struct cr_what_if *what_if = NULL;
    uint32_t question = 0, counted = 0;
    enum cr_status status = cr_what_if_create(rules->rule, rules->len, &what_if);
    for (uint64_t i = 0; i < t->len && status == CR_OK; i++) {
        struct cr_market market;
        cr_dataset_prices(t->dataset, t->sorted[i], &market);
        market.has_samples = rules->are_of_votes;
        market.step_calls = step_calls(t->dataset, t->sorted[i]);
        market.oracle = cr_oracle_points(oracle, question, &market);
        market.has_oracle = !isnan(market.oracle);
        counted += market.has_oracle;
        status = cr_what_if_add(what_if, &market);
        if (i + 1 == t->len ||
            cr_trajectories_question(t, t->sorted[i + 1]) != market.question) {
            cr_what_if_question(what_if);
            question += counted > 0;
            counted = 0;
        }
    }
    if (status == CR_OK) {
        cr_what_if_finish(what_if, level, rules->row);
    }
    cr_what_if_destroy(what_if);
    return status;
}

// Calls where they are known, else iterations.
static double cost_of(const struct cr_what_if_row *row) {
    return isnan(row->calls) ? row->iterations : row->calls;
}

static bool is_beaten(const struct cr_what_if_row *row, size_t rules, size_t i) {
    for (size_t k = 0; k < rules; k++) {
        if (k != i && row[k].final >= row[i].final &&
            cost_of(&row[k]) <= cost_of(&row[i]) &&
            (row[k].final > row[i].final || cost_of(&row[k]) < cost_of(&row[i]))) {
            return true;
        }
    }
    return false;
}

static enum cr_status keep(struct cr_analysis *analysis, const char *label,
                           const struct cr_what_if_row *row, size_t rules) {
    enum cr_status status =
        cr_array_grow((void **)&analysis->frontier, &analysis->frontiers_cap,
                      analysis->frontiers + rules, sizeof *analysis->frontier);
    for (size_t i = 0; i < rules && status == CR_OK; i++) {
        const struct cr_stop *rule = &row[i].rule;
        analysis->frontier[analysis->frontiers++] = (struct cr_frontier_result){
            .trajectories = label,
            .rule = cr_stop_rule_names[rule->rule],
            .row = row[i],
            .is_on_frontier = !isnan(row[i].final) && !is_beaten(row, rules, i),
            .is_paper = rule->rule == CR_STOP_RANGE && rule->window == 3 &&
                        rule->threshold == 0.2 && rule->max_iterations == 10};
    }
    return status;
}

static enum cr_status study(struct cr_analysis *analysis,
                            const struct cr_trajectories *trajectories,
                            const struct cr_group_result *group, bool of_votes) {
    struct rules rules = {.are_of_votes = of_votes};
    struct cr_stopping_result one = {
        .label = cr_trajectories_label(&analysis->arena, group->label)};
    if (one.label == NULL) {
        return CR_E_MEMORY;
    }
    double level = analysis->cfg.level;
    uint32_t longest = analysis->dataset->iterations - 1;
    uint32_t cap = of_votes ? group->longest - 1 : group->group->cell->max_iterations;
    cap = cap < longest ? cap : longest;
    rules.len =
        of_votes ? list_vote_rules(cap, rules.rule) : list_rules(cap, rules.rule);
    enum cr_status status = find_oracle(trajectories, level, &one.oracle);
    if (status == CR_OK && one.oracle.n > 0) {
        status = try_rules(trajectories, &one.oracle, level, &rules);
    }
    if (status != CR_OK || one.oracle.n == 0) {
        return status;
    }
    status = cr_array_grow((void **)&analysis->stopping, &analysis->stoppings_cap,
                           analysis->stoppings + 1, sizeof *analysis->stopping);
    if (status == CR_OK) {
        analysis->stopping[analysis->stoppings++] = one;
        status = keep(analysis, one.label, rules.row, rules.len);
    }
    return status;
}

enum cr_status cr_analysis_frontier(struct cr_analysis *analysis, struct cr_err *err) {
    struct cr_trajectories trajectories;
    enum cr_status status = cr_dataset_step_calls(analysis->dataset, err);
    if (status == CR_E_NOT_FOUND) { // then iterations stand for calls
        status = CR_OK;
    }
    if (status != CR_OK || analysis->dataset->iterations < 2) {
        return status;
    }
    status = cr_trajectories_init(&trajectories, analysis->dataset);
    for (size_t g = 0; g < analysis->groups && status == CR_OK; g++) {
        bool of_votes = false;
        if (!cr_trajectories_of(&trajectories, g, CR_STOP_RANGE)) {
            of_votes = analysis->group[g].longest > 1 &&
                       cr_trajectories_of(&trajectories, g, CR_STOP_SPRT);
            if (!of_votes) {
                continue;
            }
        }
        status = study(analysis, &trajectories, &analysis->group[g], of_votes);
    }
    cr_trajectories_fini(&trajectories);
    return status;
}
