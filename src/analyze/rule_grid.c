// rule_grid.c - reading --what-if axes, and stored trajectories under their rules.
#include "analyze/rule_grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/trajectories.h"
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
    char all[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < len && used < sizeof all; i++) {
        int n = snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "",
                         names[i]);
        used += n < 0 ? 0 : (size_t)n;
    }
    return cr_err_set(err, CR_E_USAGE,
                      "--what-if: no %s '%s', expected one of: %s%s%s%s", what, name,
                      all, nearest != NULL ? "; did you mean '" : "",
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

// "rule", "window" and "threshold" can mean one thing only.
static int find_axis(const char *word) {
    int axis = find(axis_names, CR_AXES, word);
    for (int i = 0; i < CR_AXES && axis < 0; i++) {
        const char *dot = strchr(axis_names[i], '.');
        axis = dot != NULL && strcmp(word, dot + 1) == 0 ? i : -1;
    }
    return axis;
}

enum cr_status cr_rule_grid_parse(struct cr_rule_grid *grid, const char *axis_text,
                                  struct cr_err *err) {
    char word[64];
    size_t len = strcspn(axis_text, "=");
    snprintf(word, sizeof word, "%.*s", (int)len, axis_text);
    const int axis = find_axis(word);
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

// Whether a market of CELL could have been run under RULE: votes are counted by sprt
// alone, for an error that a job may ask for, and the prices of a market never are.
static bool is_rule_of(const struct cr_stop *rule, const struct cr_run_cell *cell) {
    int protocol = cr_protocol_find(cell->protocol);
    bool is_taken =
        protocol < 0 || cr_protocol_takes_rule((uint32_t)protocol, rule->rule);
    return is_taken && (rule->rule != CR_STOP_SPRT ||
                        (rule->threshold > 0 && rule->threshold < 0.5));
}

// The rules for CELL: the grid's values, and its own where an axis has none. Without
// OUT: the most that there can be.
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
    if (out == NULL) {
        return all;
    }
    for (size_t i = 0; i < all; i++) {
        size_t rest = i, at[CR_AXES];
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
        if (is_rule_of(&rule, cell)) {
            out[len++] = rule;
        }
    }
    return len;
}

// OF_VOTES: the prices are the running means of samples.
static enum cr_status feed(const struct cr_trajectories *t, bool of_votes,
                           struct cr_what_if *what_if) {
    enum cr_status status = CR_OK;
    for (uint64_t i = 0; i < t->len && status == CR_OK; i++) {
        struct cr_market market;
        cr_dataset_prices(t->dataset, t->sorted[i], &market);
        market.has_samples = of_votes;
        status = cr_what_if_add(what_if, &market);
        if (i + 1 == t->len ||
            cr_trajectories_question(t, t->sorted[i + 1]) != market.question) {
            cr_what_if_question(what_if);
        }
    }
    return status;
}

// What the rules say of the chosen trajectories, behind the results so far.
static enum cr_status run_rules(const struct cr_trajectories *t,
                                const struct cr_stop *rule, size_t rules, double level,
                                struct cr_what_if_row *row) {
    struct cr_what_if *what_if = NULL;
    enum cr_status status = cr_what_if_create(rule, rules, &what_if);
    if (status == CR_OK) {
        status = feed(t, rules > 0 && rule->rule == CR_STOP_SPRT, what_if);
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

// What each rule says.
struct rows {
    struct cr_what_if_row *row;
    size_t len;
};

static enum cr_status apply_to_group(const struct cr_rule_grid *grid,
                                     const struct cr_trajectories *t,
                                     const struct cr_run_cell *cell, double level,
                                     struct rows *out) {
    size_t rules = make_rules(grid, cell, NULL);
    if (rules > CR_WHAT_IF_RULES_MAX) {
        return CR_E_LIMIT;
    }
    struct cr_stop *rule = cr_malloc((rules + 1) * sizeof *rule);
    out->row = cr_calloc(rules + 1, sizeof *out->row);
    enum cr_status status = CR_E_MEMORY;
    if (rule != NULL && out->row != NULL) {
        out->len = make_rules(grid, cell, rule);
        status = run_rules(t, rule, out->len, level, out->row);
    }
    cr_free(rule);
    return status;
}

enum cr_status cr_rule_grid_apply(const struct cr_rule_grid *grid,
                                  const struct cr_dataset *dataset, double level,
                                  struct cr_arena *arena,
                                  struct cr_what_if_results *out) {
    struct cr_trajectories t;
    enum cr_status status = cr_trajectories_init(&t, dataset);
    for (size_t g = 0; g < dataset->groups && status == CR_OK; g++) {
        struct rows rows = {0};
        if (!cr_trajectories_of(&t, g, CR_STOP_RANGE) &&
            !cr_trajectories_of(&t, g, CR_STOP_SPRT)) {
            continue;
        }
        const char *label = cr_trajectories_label(arena, dataset->group[g].label);
        status = label == NULL
                     ? CR_E_MEMORY
                     : apply_to_group(grid, &t, dataset->group[g].cell, level, &rows);
        if (status == CR_OK) {
            status = keep_results(out, label, rows.row, rows.len);
        }
        cr_free(rows.row);
    }
    cr_trajectories_fini(&t);
    return status;
}
