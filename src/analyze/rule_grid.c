// rule_grid.c - reading --what-if axes.
#include "credence/analyze/rule_grid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/text.h"

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
