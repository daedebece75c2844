// rule_grid.c - reading --what-if axes, and stored trajectories under their rules.
//
// The episodes of one trajectory stand next to each other in a run file, one for each
// cell that shares it; the longest of them is all of the trajectory that was stored.
#include "analyze/rule_grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/protocol/protocol.h"

static const char *const axis_names[CR_AXES] = {[CR_AXIS_RULE] = "stop.rule",
                                                [CR_AXIS_WINDOW] = "stop.window",
                                                [CR_AXIS_THRESHOLD] = "stop.threshold",
                                                [CR_AXIS_CAP] = "max_iterations"};

static const struct {
    double low, high;
    bool is_whole;
    const char *wants;
} bounds[CR_AXES] = {
    [CR_AXIS_RULE] = {0, CR_STOP_RULE_COUNT - 1, true, "a stop rule"},
    [CR_AXIS_WINDOW] = {2, CR_WINDOW_MAX, true, "a whole number from 2 to 64"},
    [CR_AXIS_THRESHOLD] = {0, 1, false, "a number from 0 to 1"},
    [CR_AXIS_CAP] = {1, CR_ITERATIONS_MAX, true, "a whole number from 1 to 1000"}};

static int find(const char *const *names, size_t len, const char *name) {
    for (size_t i = 0; i < len; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static enum cr_status unknown(struct cr_err *err, const char *what, const char *name,
                              const char *const *names, size_t len) {
    const char *nearest = cr_text_nearest(name, names, len);
    return cr_err_set(err, CR_E_USAGE, "--what-if: no %s '%s'%s%s%s", what, name,
                      nearest != NULL ? "; did you mean '" : "",
                      nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static enum cr_status read_value(enum cr_axis_kind axis, const char *word, double *out,
                                 struct cr_err *err) {
    char *end = NULL;
    if (axis == CR_AXIS_RULE) {
        int rule = find(cr_stop_rule_names, CR_STOP_RULE_COUNT, word);
        *out = rule;
        return rule >= 0 ? CR_OK
                         : unknown(err, "stop rule", word, cr_stop_rule_names,
                                   CR_STOP_RULE_COUNT);
    }
    *out = strtod(word, &end);
    if (end == word || *end != '\0' || !(*out >= bounds[axis].low) ||
        !(*out <= bounds[axis].high) ||
        (bounds[axis].is_whole && *out != floor(*out))) {
        return cr_err_set(err, CR_E_USAGE, "--what-if: %s wants %s, not '%s'",
                          axis_names[axis], bounds[axis].wants, word);
    }
    return CR_OK;
}

enum cr_status cr_rule_grid_parse(struct cr_rule_grid *grid, const char *axis_text,
                                  struct cr_err *err) {
    char word[64];
    size_t len = strcspn(axis_text, "=");
    snprintf(word, sizeof word, "%.*s", (int)len, axis_text);
    int axis = find(axis_names, CR_AXES, word);
    if (axis < 0) {
        return unknown(err, "axis", word, axis_names, CR_AXES);
    }
    if (axis_text[len] == '\0') {
        return cr_err_set(err, CR_E_USAGE, "--what-if: %s=VALUE,.. has no value",
                          axis_names[axis]);
    }
    for (const char *list = axis_text + len;;) {
        list++;
        len = strcspn(list, ",");
        snprintf(word, sizeof word, "%.*s", (int)len, list);
        if (grid->len[axis] == CR_AXIS_VALUES_MAX) {
            return cr_err_set(err, CR_E_USAGE, "--what-if: more than %d values",
                              CR_AXIS_VALUES_MAX);
        }
        double *value = &grid->value[axis][grid->len[axis]];
        enum cr_status status = read_value((enum cr_axis_kind)axis, word, value, err);
        if (status != CR_OK) {
            return status;
        }
        grid->len[axis]++;
        list += len;
        if (*list == '\0') {
            break;
        }
    }
    grid->is_asked = true;
    return CR_OK;
}

// The rules for GROUP: the grid's values, and its own where an axis has none.
static size_t make_rules(const struct cr_rule_grid *grid,
                         const struct cr_run_cell *cell, struct cr_stop *out) {
    struct cr_stop own = {CR_STOP_RANGE, cell->window, cell->threshold,
                          cell->max_iterations};
    size_t count[CR_AXES], len = 0;
    for (int i = 0; i < CR_STOP_RULE_COUNT; i++) {
        if (strcmp(cell->stop_rule, cr_stop_rule_names[i]) == 0) {
            own.rule = (enum cr_stop_rule)i;
        }
    }
    for (int axis = 0; axis < CR_AXES; axis++) {
        count[axis] = grid->len[axis] > 0 ? grid->len[axis] : 1;
    }
    size_t all = count[0] * count[1] * count[2] * count[3];
    for (; out != NULL && len < all; len++) {
        size_t rest = len, at[CR_AXES];
        for (int axis = CR_AXES - 1; axis >= 0; axis--) {
            at[axis] = rest % count[axis];
            rest /= count[axis];
        }
        struct cr_stop rule = own;
        if (grid->len[CR_AXIS_RULE] > 0) {
            rule.rule = (enum cr_stop_rule)grid->value[CR_AXIS_RULE][at[CR_AXIS_RULE]];
        }
        if (grid->len[CR_AXIS_WINDOW] > 0) {
            rule.window = (uint32_t)grid->value[CR_AXIS_WINDOW][at[CR_AXIS_WINDOW]];
        }
        if (grid->len[CR_AXIS_THRESHOLD] > 0) {
            rule.threshold = grid->value[CR_AXIS_THRESHOLD][at[CR_AXIS_THRESHOLD]];
        }
        if (grid->len[CR_AXIS_CAP] > 0) {
            rule.max_iterations = (uint32_t)grid->value[CR_AXIS_CAP][at[CR_AXIS_CAP]];
        }
        out[len] = rule;
    }
    return all;
}

struct work {
    const struct cr_dataset *dataset;
    struct cr_arena *arena; // of labels
    uint32_t *taken;        // [rows]: by which group its trajectory was taken, from 1
    uint64_t *chosen; // [rows]: of the present group, then in the order of questions
    uint64_t *sorted;
    uint64_t *first; // [questions + 1]
    uint64_t chosen_len;
    uint64_t fresh; // trajectories of the group that no earlier group had
};

static void work_fini(struct work *work) {
    cr_free(work->taken);
    cr_free(work->chosen);
    cr_free(work->sorted);
    cr_free(work->first);
}

static enum cr_status work_init(struct work *work, const struct cr_dataset *dataset) {
    size_t rows = (size_t)dataset->rows + 1;
    *work = (struct work){.dataset = dataset};
    work->taken = cr_calloc(rows, sizeof *work->taken);
    work->chosen = cr_malloc(rows * sizeof *work->chosen);
    work->sorted = cr_malloc(rows * sizeof *work->sorted);
    work->first = cr_calloc((size_t)dataset->questions + 2, sizeof *work->first);
    return work->taken != NULL && work->chosen != NULL && work->sorted != NULL &&
                   work->first != NULL
               ? CR_OK
               : CR_E_MEMORY;
}

static bool is_same(const struct cr_run_view *view, uint64_t a, uint64_t b) {
    return view->cell[a] < view->cells && view->cell[b] < view->cells &&
           view->proposition[a] == view->proposition[b] &&
           view->replicate[a] == view->replicate[b] &&
           view->cell_info[view->cell[a]].trajectory ==
               view->cell_info[view->cell[b]].trajectory;
}

// Take the trajectory of row NUMBER for group G (from 1), once.
static void take(struct work *work, uint64_t number, uint32_t g) {
    const struct cr_dataset_view *one = cr_dataset_view_of(work->dataset, number);
    const struct cr_run_view *view = one->view;
    uint64_t row = number - one->first, first = row, best = row;
    while (first > 0 && is_same(view, first - 1, row)) {
        first--;
    }
    uint32_t *taken = &work->taken[one->first + first];
    if (*taken == g) {
        return;
    }
    work->fresh += *taken == 0;
    *taken = g;
    for (uint64_t e = first; e < view->episodes && is_same(view, e, row); e++) {
        if (view->prices_len[e] > view->prices_len[best]) {
            best = e;
        }
    }
    work->chosen[work->chosen_len++] = one->first + best;
}

static uint32_t question_of(const struct work *work, uint64_t number) {
    const struct cr_dataset_view *one = cr_dataset_view_of(work->dataset, number);
    return one->question[one->view->proposition[number - one->first]];
}

// By counting: the chosen rows in the order of their questions.
static void sort_by_question(struct work *work) {
    size_t questions = (size_t)work->dataset->questions;
    memset(work->first, 0, (questions + 2) * sizeof *work->first);
    for (uint64_t i = 0; i < work->chosen_len; i++) {
        work->first[question_of(work, work->chosen[i]) + 1]++;
    }
    for (size_t q = 1; q <= questions; q++) {
        work->first[q] += work->first[q - 1];
    }
    for (uint64_t i = 0; i < work->chosen_len; i++) {
        work->sorted[work->first[question_of(work, work->chosen[i])]++] =
            work->chosen[i];
    }
}

static enum cr_status feed(const struct work *work, struct cr_what_if *what_if) {
    enum cr_status status = CR_OK;
    for (uint64_t i = 0; i < work->chosen_len && status == CR_OK; i++) {
        struct cr_market market;
        cr_dataset_prices(work->dataset, work->sorted[i], &market);
        status = cr_what_if_add(what_if, &market);
        if (i + 1 == work->chosen_len ||
            question_of(work, work->sorted[i + 1]) != market.question) {
            cr_what_if_question(what_if);
        }
    }
    return status;
}

// LABEL without the factors that the grid replaces.
static const char *label_of(struct cr_arena *arena, const char *label) {
    char *kept = cr_arena_strdup(arena, label);
    if (kept == NULL) {
        return NULL;
    }
    char *out = kept;
    for (const char *word = label; *word != '\0';) {
        size_t len = strcspn(word, " ");
        bool is_stop =
            strncmp(word, "stop.", 5) == 0 || strncmp(word, "max_iterations=", 15) == 0;
        if (!is_stop && out != kept) {
            *out++ = ' ';
        }
        if (!is_stop) {
            memmove(out, word, len);
            out += len;
        }
        word += len + strspn(word + len, " ");
    }
    if (out != kept) {
        *out = '\0';
    }
    return kept;
}

// What the rules say of the chosen trajectories, behind the results so far.
static enum cr_status run_rules(struct work *work, const struct cr_stop *rule,
                                size_t rules, double level,
                                struct cr_what_if_row *row) {
    struct cr_what_if *what_if = NULL;
    enum cr_status status = cr_what_if_create(rule, rules, &what_if);
    if (status == CR_OK) {
        sort_by_question(work);
        status = feed(work, what_if);
    }
    if (status == CR_OK) {
        cr_what_if_finish(what_if, level, row);
    }
    cr_what_if_destroy(what_if);
    return status;
}

static enum cr_status keep_results(struct cr_what_if_results *out, const char *label,
                                   const struct cr_what_if_row *row, size_t rows) {
    enum cr_status status =
        cr_array_grow((void **)&out->at, &out->cap, out->len + rows, sizeof *out->at);
    for (size_t i = 0; i < rows && status == CR_OK; i++) {
        out->at[out->len++] = (struct cr_what_if_result){
            label, cr_stop_rule_names[row[i].rule.rule], row[i]};
    }
    return status;
}

static enum cr_status apply_to_group(const struct cr_rule_grid *grid, struct work *work,
                                     const struct cr_group *group, double level,
                                     struct cr_what_if_results *out) {
    size_t rules = make_rules(grid, group->cell, NULL);
    if (rules > CR_WHAT_IF_RULES_MAX) {
        return CR_E_LIMIT;
    }
    struct cr_stop *rule = cr_malloc((rules + 1) * sizeof *rule);
    struct cr_what_if_row *row = cr_calloc(rules + 1, sizeof *row);
    const char *label = label_of(work->arena, group->label);
    enum cr_status status = CR_E_MEMORY;
    if (rule != NULL && row != NULL && label != NULL) {
        make_rules(grid, group->cell, rule);
        status = run_rules(work, rule, rules, level, row);
    }
    if (status == CR_OK) {
        status = keep_results(out, label, row, rules);
    }
    cr_free(rule);
    cr_free(row);
    return status;
}

enum cr_status cr_rule_grid_apply(const struct cr_rule_grid *grid,
                                  const struct cr_dataset *dataset, double level,
                                  struct cr_arena *arena,
                                  struct cr_what_if_results *out) {
    struct work work;
    enum cr_status status = work_init(&work, dataset);
    work.arena = arena;
    for (size_t g = 0; g < dataset->groups && status == CR_OK; g++) {
        const struct cr_group *group = &dataset->group[g];
        int protocol = cr_protocol_find(group->cell->protocol);
        if (protocol >= 0 && !cr_protocol_has_stop_rule((uint32_t)protocol)) {
            continue; // its length is no matter of a rule
        }
        work.chosen_len = work.fresh = 0;
        for (uint64_t i = 0; i < group->len; i++) {
            take(&work, dataset->order[group->first + i], (uint32_t)g + 1);
        }
        if (work.fresh > 0) {
            status = apply_to_group(grid, &work, group, level, out);
        }
    }
    work_fini(&work);
    return status;
}
