// factors.c - rows into groups by the values of factors.
#include <stdio.h>
#include <string.h>

#include "analyze/dataset.h"
#include "credence/base/buf.h"
#include "credence/base/text.h"

typedef enum cr_status (*value_fn)(struct cr_buf *out,
                                   const struct cr_dataset_view *view,
                                   const struct cr_run_cell *cell);

#define TEXT_FACTOR(name)                                                              \
    static enum cr_status value_##name(struct cr_buf *out,                             \
                                       const struct cr_dataset_view *view,             \
                                       const struct cr_run_cell *cell) {               \
        (void)view;                                                                    \
        return cr_buf_add_text(out, cell->name);                                       \
    }
#define NUMBER_FACTOR(name, format)                                                    \
    static enum cr_status value_##name(struct cr_buf *out,                             \
                                       const struct cr_dataset_view *view,             \
                                       const struct cr_run_cell *cell) {               \
        (void)view;                                                                    \
        return cr_buf_printf(out, format, cell->name);                                 \
    }
TEXT_FACTOR(name)
TEXT_FACTOR(protocol)
TEXT_FACTOR(benchmark)
TEXT_FACTOR(maker)
TEXT_FACTOR(trader)
TEXT_FACTOR(stance)
TEXT_FACTOR(prompts)
TEXT_FACTOR(elicitation)
TEXT_FACTOR(stop_rule)
NUMBER_FACTOR(threshold, "%.10g")
NUMBER_FACTOR(window, "%u")
NUMBER_FACTOR(max_iterations, "%u")
NUMBER_FACTOR(samples, "%u")
NUMBER_FACTOR(rounds, "%u")

static enum cr_status value_file(struct cr_buf *out, const struct cr_dataset_view *view,
                                 const struct cr_run_cell *cell) {
    (void)cell;
    return cr_buf_add_text(out, view->path);
}

// Named as in a job file's cell.
static const struct {
    const char *name;
    value_fn value;
} factors[] = {
    {"cell", value_name},
    {"file", value_file},
    {"protocol", value_protocol},
    {"benchmark", value_benchmark},
    {"maker", value_maker},
    {"trader", value_trader},
    {"stance", value_stance},
    {"prompts", value_prompts},
    {"elicitation", value_elicitation},
    {"stop.rule", value_stop_rule},
    {"stop.threshold", value_threshold},
    {"stop.window", value_window},
    {"max_iterations", value_max_iterations},
    {"samples", value_samples},
    {"rounds", value_rounds},
};
enum { FACTORS_LEN = sizeof factors / sizeof factors[0], CELL = 0, FILE_FACTOR = 1 };

const char *cr_factor_name(size_t factor) {
    return factors[factor].name;
}

static enum cr_status add_factor(struct cr_factor_list *list, const char *name,
                                 struct cr_err *err) {
    const char *names[FACTORS_LEN];
    for (int i = 0; i < FACTORS_LEN; i++) {
        names[i] = factors[i].name;
        if (strcmp(factors[i].name, name) == 0) {
            list->at[list->len++] = i;
            return CR_OK;
        }
    }
    const char *nearest = cr_text_nearest(name, names, FACTORS_LEN);
    return cr_err_set(err, CR_E_USAGE, "--by has no '%s'%s%s%s", name,
                      nearest != NULL ? "; did you mean '" : "",
                      nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

enum cr_status cr_factor_list_parse(struct cr_factor_list *out, const char *list,
                                    struct cr_err *err) {
    struct cr_factor_list made = {.len = 0};
    for (;; list++) {
        char name[64];
        size_t len = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, list);
        if (made.len == CR_FACTORS_MAX) {
            return cr_err_set(err, CR_E_USAGE, "--by takes at most %d factors",
                              CR_FACTORS_MAX);
        }
        enum cr_status status = add_factor(&made, name, err);
        if (status != CR_OK) {
            return status;
        }
        list += len;
        if (*list == '\0') {
            *out = made;
            return CR_OK;
        }
    }
}

static void choose_factors(struct cr_dataset *dataset,
                           const struct cr_factor_list *asked) {
    dataset->factors = 0;
    bool jobs_differ = false;
    for (size_t v = 1; v < dataset->views; v++) {
        jobs_differ = jobs_differ || !dataset->view[v].is_shard;
    }
    if (asked->len == 0 && jobs_differ) {
        dataset->factor[dataset->factors++] = FILE_FACTOR;
    }
    if (asked->len == 0) {
        dataset->factor[dataset->factors++] = CELL;
    }
    for (size_t i = 0; i < asked->len; i++) {
        dataset->factor[dataset->factors++] = asked->at[i];
    }
}

// Fill GROUP's values and label for CELL.
static enum cr_status describe(struct cr_dataset *dataset,
                               const struct cr_dataset_view *view,
                               const struct cr_run_cell *cell, struct cr_group *group) {
    struct cr_buf label, value;
    cr_buf_init(&label, 1 << 20);
    cr_buf_init(&value, 1 << 20);
    enum cr_status status = CR_OK;
    *group = (struct cr_group){.cell = cell};
    for (size_t i = 0; i < dataset->factors && status == CR_OK; i++) {
        cr_buf_clear(&value);
        status = factors[dataset->factor[i]].value(&value, view, cell);
        if (status == CR_OK && i > 0) {
            status = cr_buf_add_text(&label, " ");
        }
        if (status == CR_OK) {
            status = cr_buf_add(&label, value.data, value.used_bytes);
        }
        group->value[i] =
            status == CR_OK
                ? cr_arena_strdup(&dataset->arena, value.data != NULL ? value.data : "")
                : NULL;
        if (group->value[i] == NULL) {
            status = CR_E_MEMORY;
        }
    }
    group->label =
        status == CR_OK ? cr_arena_strdup(&dataset->arena, label.data) : NULL;
    cr_buf_fini(&label);
    cr_buf_fini(&value);
    return group->label == NULL ? CR_E_MEMORY : CR_OK;
}

static bool is_same(const struct cr_dataset *dataset, const struct cr_group *a,
                    const struct cr_group *b) {
    for (size_t i = 0; i < dataset->factors; i++) {
        if (strcmp(a->value[i], b->value[i]) != 0) {
            return false;
        }
    }
    return true;
}

// The group of each cell of each file, in order of appearance.
static enum cr_status map_cells(struct cr_dataset *dataset, uint32_t *group_of) {
    size_t cap = 0, at = 0;
    for (size_t v = 0; v < dataset->views; v++) {
        const struct cr_dataset_view *one = &dataset->view[v];
        for (uint32_t c = 0; c < one->view->cells; c++, at++) {
            struct cr_group made;
            enum cr_status status =
                describe(dataset, one, &one->view->cell_info[c], &made);
            size_t g = 0;
            while (status == CR_OK && g < dataset->groups &&
                   !is_same(dataset, &dataset->group[g], &made)) {
                g++;
            }
            if (status == CR_OK && g == dataset->groups) {
                status = cr_array_grow((void **)&dataset->group, &cap, g + 1,
                                       sizeof *dataset->group);
                if (status == CR_OK) {
                    dataset->group[dataset->groups++] = made;
                }
            }
            if (status != CR_OK) {
                return status;
            }
            group_of[at] = (uint32_t)g;
        }
    }
    return CR_OK;
}

// The file among the shards of file V's job that has ROW finished; V when none has.
static size_t shown_file(const struct cr_dataset *dataset, size_t v, uint64_t row) {
    const struct cr_run_view *view = dataset->view[v].view;
    for (size_t u = v; u < dataset->views; u++) {
        const struct cr_run_view *other = dataset->view[u].view;
        if (other->episodes == view->episodes &&
            strcmp(other->job_hash, view->job_hash) == 0 &&
            other->status[row] != CR_PENDING) {
            return u;
        }
    }
    return v;
}

// Count (NEXT is NULL) or place the rows of the job of file V, in the order of the plan
// whichever shard has them, so that shards give the numbers of the whole to the last
// bit.
static void deal(struct cr_dataset *dataset, size_t v, const uint32_t *group_of,
                 uint64_t *next) {
    for (uint64_t row = 0; row < dataset->view[v].view->episodes; row++) {
        size_t u = dataset->views > 1 ? shown_file(dataset, v, row) : v;
        const struct cr_dataset_view *one = &dataset->view[u];
        uint32_t cell = one->view->cell[row];
        if (cell >= one->view->cells ||
            one->view->proposition[row] >= one->view->propositions) {
            dataset->unassigned += next == NULL;
            continue;
        }
        uint32_t g = group_of[one->first_cell + cell];
        if (next == NULL) {
            dataset->group[g].len++;
        } else {
            dataset->order[next[g]++] = one->first + row;
        }
    }
}

static enum cr_status deal_all(struct cr_dataset *dataset, const uint32_t *group_of) {
    uint64_t *next = cr_calloc(dataset->groups + 1, sizeof *next);
    dataset->order = cr_malloc((dataset->rows + 1) * sizeof *dataset->order);
    if (next == NULL || dataset->order == NULL) {
        cr_free(next);
        return CR_E_MEMORY;
    }
    for (int round = 0; round < 2; round++) { // first count, then place
        for (size_t v = 0; v < dataset->views; v++) {
            if (!dataset->view[v].is_shard) {
                deal(dataset, v, group_of, round == 0 ? NULL : next);
            }
        }
        uint64_t at = 0;
        for (size_t g = 0; round == 0 && g < dataset->groups; g++) {
            dataset->group[g].first = next[g] = at;
            at += dataset->group[g].len;
        }
    }
    cr_free(next);
    return CR_OK;
}

enum cr_status cr_dataset_group(struct cr_dataset *dataset,
                                const struct cr_factor_list *asked) {
    size_t cells = 0;
    for (size_t v = 0; v < dataset->views; v++) {
        cells += dataset->view[v].view->cells;
    }
    choose_factors(dataset, asked);
    uint32_t *group_of = cr_malloc((cells + 1) * sizeof *group_of);
    if (group_of == NULL) {
        return CR_E_MEMORY;
    }
    enum cr_status status = map_cells(dataset, group_of);
    if (status == CR_OK) {
        status = deal_all(dataset, group_of);
    }
    cr_free(group_of);
    return status;
}
