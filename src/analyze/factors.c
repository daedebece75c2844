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
TEXT_FACTOR(prompts_trader)
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
    {"prompts.trader", value_prompts_trader},
    {"elicitation", value_elicitation},
    {"stop.rule", value_stop_rule},
    {"stop.threshold", value_threshold},
    {"stop.window", value_window},
    {"max_iterations", value_max_iterations},
    {"samples", value_samples},
    {"rounds", value_rounds},
};
enum { FACTORS_LEN = sizeof factors / sizeof factors[0], CELL = 0, FILE_FACTOR = 1 };

static enum cr_status add_factor(struct cr_factor_list *list, const char *name,
                                 struct cr_err *err) {
    const char *names[FACTORS_LEN];
    struct cr_factor *one = &list->at[list->len];
    snprintf(one->name, sizeof one->name, "%s", name);
    if (strncmp(name, "item.", 5) == 0 && name[5] != '\0') {
        one->at = -1;
        list->has_items = true;
        list->len++;
        return CR_OK;
    }
    for (int i = 0; i < FACTORS_LEN; i++) {
        names[i] = factors[i].name;
        if (strcmp(factors[i].name, name) == 0) {
            one->at = i;
            list->len++;
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
        char name[CR_FACTOR_NAME_MAX];
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

static void add_default(struct cr_factor_list *list, int factor) {
    struct cr_factor *one = &list->at[list->len++];
    one->at = factor;
    snprintf(one->name, sizeof one->name, "%s", factors[factor].name);
}

static void choose_factors(struct cr_dataset *dataset) {
    if (dataset->factors.len > 0) {
        return;
    }
    bool jobs_differ = false;
    for (size_t v = 1; v < dataset->views; v++) {
        jobs_differ = jobs_differ || !dataset->view[v].is_shard;
    }
    if (jobs_differ) {
        add_default(&dataset->factors, FILE_FACTOR);
    }
    add_default(&dataset->factors, CELL);
}

// Where a group's values come from: a cell, and an item when columns are asked for.
struct source {
    const struct cr_dataset_view *view;
    const struct cr_run_cell *cell;
    const struct cr_item_class *item; // NULL: columns have no value yet
};

static enum cr_status add_value(struct cr_buf *out, const struct cr_dataset *dataset,
                                size_t i, const struct source *from) {
    int factor = dataset->factors.at[i].at;
    if (factor >= 0) {
        return factors[factor].value(out, from->view, from->cell);
    }
    return from->item == NULL
               ? CR_OK
               : cr_buf_add_text(out, cr_dataset_item(dataset, i, from->item->view,
                                                      from->item->proposition));
}

// Fill GROUP's values and label.
static enum cr_status describe(struct cr_dataset *dataset, const struct source *from,
                               struct cr_group *group) {
    struct cr_buf label, value;
    cr_buf_init(&label, 1 << 20);
    cr_buf_init(&value, 1 << 20);
    enum cr_status status = CR_OK;
    *group = (struct cr_group){.cell = from->cell, .view = from->view};
    for (size_t i = 0; i < dataset->factors.len && status == CR_OK; i++) {
        cr_buf_clear(&value);
        status = add_value(&value, dataset, i, from);
        if (status == CR_OK && i > 0) {
            status = cr_buf_add_text(&label, " ");
        }
        if (status == CR_OK) {
            status = cr_buf_add(&label, value.data, value.used_bytes);
        }
        group->value[i] = status == CR_OK
                              ? cr_arena_strdup(&dataset->arena,
                                                value.used_bytes > 0 ? value.data : "")
                              : NULL;
        if (group->value[i] == NULL) {
            status = CR_E_MEMORY;
        }
    }
    group->label =
        status == CR_OK
            ? cr_arena_strdup(&dataset->arena, label.used_bytes > 0 ? label.data : "")
            : NULL;
    cr_buf_fini(&label);
    cr_buf_fini(&value);
    return group->label == NULL ? CR_E_MEMORY : CR_OK;
}

bool cr_dataset_same_items(const struct cr_dataset *dataset, const struct cr_group *a,
                           const struct cr_group *b) {
    for (size_t i = 0; i < dataset->factors.len; i++) {
        if (dataset->factors.at[i].at < 0 && strcmp(a->value[i], b->value[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool is_same(const struct cr_dataset *dataset, const struct cr_group *a,
                    const struct cr_group *b) {
    for (size_t i = 0; i < dataset->factors.len; i++) {
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
            struct source from = {one, &one->view->cell_info[c], NULL};
            enum cr_status status = describe(dataset, &from, &made);
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

// Which group a row is of: by its cell, and by its item when columns are asked for.
struct grouping {
    uint32_t *cell_class; // [cells of all files]
    uint32_t classes;     // of items, at least 1
    uint64_t *count;      // [cell classes][classes] rows, then where the next one goes
    size_t combinations;
};

static size_t combination_of(const struct grouping *grouping,
                             const struct cr_dataset_view *one, uint64_t row) {
    size_t cell = grouping->cell_class[one->first_cell + one->view->cell[row]];
    uint32_t item =
        one->item_class != NULL ? one->item_class[one->view->proposition[row]] : 0;
    return cell * grouping->classes + item;
}

// Count (ORDER is NULL) or place the rows of the job of file V, in the order of the
// plan whichever shard has them, so that shards give the numbers of the whole to the
// last bit.
static void deal(struct cr_dataset *dataset, size_t v, struct grouping *grouping,
                 uint64_t *order) {
    for (uint64_t row = 0; row < dataset->view[v].view->episodes; row++) {
        size_t u = dataset->views > 1 ? shown_file(dataset, v, row) : v;
        const struct cr_dataset_view *one = &dataset->view[u];
        if (one->view->cell[row] >= one->view->cells ||
            one->view->proposition[row] >= one->view->propositions) {
            dataset->unassigned += order == NULL;
            continue;
        }
        if (one->is_excluded != NULL && one->is_excluded[row]) {
            dataset->excluded += order == NULL;
            continue;
        }
        uint64_t *count = &grouping->count[combination_of(grouping, one, row)];
        if (order != NULL) {
            order[*count] = one->first + row;
        }
        (*count)++;
    }
}

static void deal_all(struct cr_dataset *dataset, struct grouping *grouping,
                     uint64_t *order) {
    for (size_t v = 0; v < dataset->views; v++) {
        if (!dataset->view[v].is_shard) {
            deal(dataset, v, grouping, order);
        }
    }
}

// The counted combinations as groups. A cell without rows is shown all the same; one
// without rows of an item is not.
static enum cr_status make_groups(struct cr_dataset *dataset,
                                  struct grouping *grouping) {
    struct cr_group *cells = dataset->group, *made = NULL;
    size_t cap = 0, len = 0;
    uint64_t at = 0;
    enum cr_status status = CR_OK;
    for (size_t k = 0; k < grouping->combinations && status == CR_OK; k++) {
        struct cr_group one = cells[k / grouping->classes];
        uint64_t rows = grouping->count[k];
        grouping->count[k] = at;
        if (rows == 0 && dataset->factors.has_items) {
            continue;
        }
        if (dataset->factors.has_items) {
            struct source from = {one.view, one.cell,
                                  &dataset->item_class[k % grouping->classes]};
            status = describe(dataset, &from, &one);
        }
        if (status == CR_OK) {
            status = cr_array_grow((void **)&made, &cap, len + 1, sizeof *made);
        }
        if (status == CR_OK) {
            one.first = at;
            one.len = rows;
            made[len++] = one;
            at += rows;
        }
    }
    cr_free(cells);
    dataset->group = made;
    dataset->groups = len;
    return status;
}

enum { COMBINATIONS_MAX = 10000000 };

static enum cr_status group_rows(struct cr_dataset *dataset, struct grouping *grouping,
                                 struct cr_err *err) {
    grouping->classes = dataset->factors.has_items ? dataset->item_classes : 1;
    grouping->combinations = dataset->groups * grouping->classes;
    if (grouping->combinations > COMBINATIONS_MAX) {
        return cr_err_set(
            err, CR_E_USAGE,
            "--by: %zu cells times %u values of items are too many groups; "
            "choose a column with fewer values",
            dataset->groups, grouping->classes);
    }
    grouping->count = cr_calloc(grouping->combinations + 1, sizeof *grouping->count);
    dataset->order = cr_malloc((dataset->rows + 1) * sizeof *dataset->order);
    if (grouping->count == NULL || dataset->order == NULL) {
        return CR_E_MEMORY;
    }
    deal_all(dataset, grouping, NULL);
    enum cr_status status = make_groups(dataset, grouping);
    if (status == CR_OK) {
        deal_all(dataset, grouping, dataset->order);
    }
    return status;
}

enum cr_status cr_dataset_group(struct cr_dataset *dataset, struct cr_err *err) {
    size_t cells = 0;
    for (size_t v = 0; v < dataset->views; v++) {
        cells += dataset->view[v].view->cells;
    }
    choose_factors(dataset);
    struct grouping grouping = {
        .cell_class = cr_malloc((cells + 1) * sizeof *grouping.cell_class)};
    enum cr_status status = grouping.cell_class == NULL ? CR_E_MEMORY : CR_OK;
    if (status == CR_OK && dataset->factors.has_items) {
        status = cr_dataset_classify(dataset, err);
    }
    if (status == CR_OK) {
        status = map_cells(dataset, grouping.cell_class);
    }
    if (status == CR_OK) {
        status = group_rows(dataset, &grouping, err);
    }
    cr_free(grouping.cell_class);
    cr_free(grouping.count);
    return status;
}
