// The grid as the job file gives it: axes, exclusions, further cells, all checked
// before the product is made, so that a mistake is reported once and not once a cell.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/protocol/protocol.h"
#include "job/builder.h"

enum { AXES_MAX = 32, CELLS_MAX = 100000 };
#define WORK_MAX 5e7 // values of exclusions held against points of the grid

// A path into the cell, and the row that describes it.
struct cell_field {
    const char *path;
    const struct cr_key *key;
    size_t offset; // in struct cr_cell
};

struct grid_axis {
    struct cell_field spot;
    const struct cr_json **values;
    uint32_t values_len;
};

struct grid {
    struct cr_cell base; // "cell", its trader still open when none was named
    struct grid_axis axes[AXES_MAX];
    size_t axes_len;
    const struct cr_json *exclude; // NULL when there is none
    const struct cr_json *extra;   // "cells"
};

static bool find_field(struct cr_job_builder *builder, const char *path,
                       const char *where, struct cell_field *out) {
    const char *names[64];
    size_t len = 0;
    *out = (struct cell_field){.path = path};
    out->key = cr_key_find(&cr_keys_cell, path, &out->offset);
    if (out->key != NULL) {
        return true;
    }
    static const char *const inner[] = {"stop.rule", "stop.window", "stop.threshold",
                                        "prompts.maker", "prompts.trader"};
    for (size_t i = 0; i < cr_keys_cell.len && len < 60; i++) {
        names[len++] = cr_keys_cell.keys[i].name;
    }
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        names[len++] = inner[i];
    }
    cr_check_unknown(&builder->check, where, path, (struct cr_names){names, len});
    return false;
}

static bool set_field(struct cr_job_builder *builder, const struct cell_field *spot,
                      const struct cr_json *value, const char *where,
                      struct cr_cell *cell) {
    struct cr_check *check = &builder->check;
    size_t before = check->mistakes_len;
    void *out = (char *)cell + spot->offset;
    if (spot->key->type != CR_KEY_GROUP) {
        return cr_check_value(check, spot->key, value, where, out);
    }
    if (cr_json_type(value) != CR_JSON_OBJECT) {
        cr_check_mistake(check, where, "found %s, expected an object",
                         cr_json_type_name(cr_json_type(value)));
        return false;
    }
    struct cr_check_target target = {.path = where, .out = out, .is_partial = true};
    cr_check_object(check, spot->key->group, value, &target);
    return check->mistakes_len == before;
}

static const char *const sides[] = {"maker", "trader"};

// "prompts.maker" and "prompts.trader" of CELL into the object "prompts", which a name
// stands for.
static void fold_prompts(struct cr_check *check, struct cr_json *cell) {
    for (size_t i = 0; i < 2; i++) {
        char path[CR_PATH_MAX];
        cr_key_path_child(path, "prompts", sides[i]);
        const struct cr_json *value = cr_json_get(cell, path);
        const struct cr_json *whole = cr_json_get(cell, "prompts");
        bool is_name = cr_json_string(whole) != NULL;
        if (value == NULL || cr_json_type(value) == CR_JSON_NULL ||
            (whole != NULL && !is_name && cr_json_type(whole) != CR_JSON_OBJECT)) {
            continue;
        }
        struct cr_json *object = cr_json_type(whole) == CR_JSON_OBJECT
                                     ? cr_json_copy(whole)
                                     : cr_json_new_object();
        for (size_t k = 0; k < 2 && is_name && object != NULL; k++) {
            cr_check_put(check, object, sides[k], cr_json_copy(whole));
        }
        if (object != NULL) {
            cr_check_put(check, object, sides[i], cr_json_copy(value));
        }
        cr_check_put(check, cell, "prompts", object);
        cr_json_remove(cell, path);
    }
}

// The prompts of CELL as understood: one name where both sides have one set, so that
// every way to write them is the same job.
static void resolve_prompts(struct cr_check *check, const struct cr_cell *cell,
                            struct cr_json *resolved) {
    struct cr_names names = check->names[CR_NAMES_PROMPTS];
    const uint32_t sets[] = {cell->prompts, cell->prompts_trader};
    if (cr_json_type(cr_json_get(resolved, "prompts")) != CR_JSON_OBJECT ||
        sets[0] >= names.len || sets[1] >= names.len) {
        return;
    }
    struct cr_json *value = sets[0] == sets[1] ? cr_json_new_string(names.at[sets[0]])
                                               : cr_json_new_object();
    for (size_t i = 0; i < 2 && value != NULL && sets[0] != sets[1]; i++) {
        cr_check_put(check, value, sides[i], cr_json_new_string(names.at[sets[i]]));
    }
    cr_check_put(check, resolved, "prompts", value);
}

// The cell as written, with the first value of an axis where a required key is missing: then
// the grid gives it.
static struct cr_json *base_object(struct cr_job_builder *builder) {
    static const char *const required[] = {"benchmark", "maker"};
    const struct cr_json *grid = cr_json_get(builder->root, "grid");
    struct cr_json *cell = cr_json_copy(cr_json_get(builder->root, "cell"));
    for (size_t i = 0; cell != NULL && i < 2; i++) {
        const struct cr_json *axis = cr_json_get(grid, required[i]);
        const struct cr_json *first =
            cr_json_type(axis) == CR_JSON_ARRAY ? cr_json_first(axis) : NULL;
        if (cr_json_get(cell, required[i]) == NULL && first != NULL) {
            cr_check_put(&builder->check, cell, required[i], cr_json_copy(first));
        }
    }
    if (cell != NULL) {
        fold_prompts(&builder->check, cell);
    }
    return cell;
}

static void read_base(struct cr_job_builder *builder, struct grid *grid) {
    if (cr_json_type(cr_json_get(builder->root, "cell")) != CR_JSON_OBJECT) {
        return; // reported with the keys of the job
    }
    struct cr_json *object = base_object(builder);
    struct cr_json *resolved = cr_json_new_object();
    struct cr_check_target target = {
        .path = "cell", .out = &grid->base, .resolved = resolved};
    if (object == NULL || resolved == NULL) {
        cr_check_memory(&builder->check);
        cr_json_free(resolved);
    } else {
        cr_check_object(&builder->check, &cr_keys_cell, object, &target);
        if (cr_json_type(cr_json_get(resolved, "trader")) == CR_JSON_NULL &&
            cr_json_get(resolved, "maker") != NULL) {
            cr_check_put(&builder->check, resolved, "trader",
                         cr_json_copy(cr_json_get(resolved, "maker")));
        }
        resolve_prompts(&builder->check, &grid->base, resolved);
        cr_check_put(&builder->check, builder->resolved, "cell", resolved);
    }
    cr_json_free(object);
}

// A value of an axis, to find those that appear twice.
struct axis_value {
    uint64_t hash;
    size_t index;
};

static int by_hash(const void *a, const void *b) {
    const struct axis_value *x = a, *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static uint64_t hash_value(struct cr_check *check, const struct cr_json *value) {
    struct cr_buf text;
    uint64_t hash = 0;
    cr_buf_init(&text, SIZE_MAX / 2);
    if (cr_json_print(value, false, &text) == CR_OK) {
        hash = cr_hash64(text.data, text.used_bytes, 0);
    } else {
        cr_check_memory(check);
    }
    cr_buf_fini(&text);
    return hash;
}

static void refuse_doubles(struct cr_job_builder *builder, const char *parent,
                           const struct cr_json *list) {
    char path[CR_PATH_MAX];
    size_t len = 0;
    struct axis_value *values =
        cr_check_alloc(&builder->check, cr_json_len(list), sizeof *values);
    for (const struct cr_json *c = cr_json_first(list); c != NULL && values != NULL;
         c = cr_json_next(c)) {
        values[len] = (struct axis_value){hash_value(&builder->check, c), len};
        len++;
    }
    if (values == NULL) {
        return;
    }
    qsort(values, len, sizeof *values, by_hash);
    for (size_t i = 1; i < len; i++) {
        if (values[i - 1].hash == values[i].hash) {
            cr_key_path_element(path, parent, values[i].index);
            cr_check_mistake(&builder->check, path, "appears twice on this axis");
        }
    }
}

static void read_values(struct cr_job_builder *builder, const struct grid *grid,
                        struct grid_axis *axis, const struct cr_json *list) {
    char parent[CR_PATH_MAX], path[CR_PATH_MAX];
    struct cr_cell scratch = grid->base;
    size_t index = 0;
    cr_key_path_child(parent, "grid", axis->spot.path);
    refuse_doubles(builder, parent, list);
    axis->values =
        cr_check_alloc(&builder->check, cr_json_len(list), sizeof *axis->values);
    for (const struct cr_json *c = cr_json_first(list);
         c != NULL && axis->values != NULL; c = cr_json_next(c)) {
        cr_key_path_element(path, parent, index++);
        if (set_field(builder, &axis->spot, c, path, &scratch)) {
            axis->values[axis->values_len++] = c;
        }
    }
}

static void read_axis(struct cr_job_builder *builder, struct grid *grid,
                      const struct cr_json *member) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX];
    struct grid_axis *axis = &grid->axes[grid->axes_len];
    cr_key_path_child(path, "grid", cr_json_key(member));
    if (!find_field(builder, cr_json_key(member), path, &axis->spot)) {
        return;
    }
    if (strcmp(axis->spot.path, "replicates") == 0) {
        cr_check_mistake(
            check, path,
            "cannot be an axis; set it in \"cell\" or in an entry of \"cells\"");
    } else if (cr_json_type(member) != CR_JSON_ARRAY || cr_json_len(member) == 0) {
        cr_check_mistake(check, path, "found %s, expected a list of values, not empty",
                         cr_json_type(member) == CR_JSON_ARRAY
                             ? "an empty list"
                             : cr_json_type_name(cr_json_type(member)));
    } else if (grid->axes_len == AXES_MAX - 1) {
        cr_check_mistake(check, path, "is one axis too many: at most %d are allowed",
                         AXES_MAX - 1);
    } else {
        read_values(builder, grid, axis, member);
        grid->axes_len++;
    }
}

// One member of an exclusion: every value it lists must be one the cell can have.
static void check_exclusion(struct cr_job_builder *builder, const struct grid *grid,
                            const struct cr_json *member, const char *parent) {
    char path[CR_PATH_MAX];
    struct cell_field spot;
    struct cr_cell scratch = grid->base;
    cr_key_path_child(path, parent, cr_json_key(member));
    if (!find_field(builder, cr_json_key(member), path, &spot)) {
        return;
    }
    bool is_list = cr_json_type(member) == CR_JSON_ARRAY;
    const struct cr_json *c = is_list ? cr_json_first(member) : member;
    for (; c != NULL; c = is_list ? cr_json_next(c) : NULL) {
        if (!set_field(builder, &spot, c, path, &scratch)) {
            return;
        }
    }
}

static void check_excludes(struct cr_job_builder *builder, const struct grid *grid) {
    char path[CR_PATH_MAX];
    size_t index = 0;
    for (const struct cr_json *c = cr_json_first(grid->exclude); c != NULL;
         c = cr_json_next(c)) {
        cr_key_path_element(path, "exclude", index++);
        if (cr_json_type(c) != CR_JSON_OBJECT || cr_json_len(c) == 0) {
            cr_check_mistake(&builder->check, path,
                             "expected an object of path: value, not empty");
            continue;
        }
        for (const struct cr_json *m = cr_json_first(c); m != NULL;
             m = cr_json_next(m)) {
            check_exclusion(builder, grid, m, path);
        }
    }
}

// Change CELL by OBJECT, one of "cells", at PATH.
static void set_extra(struct cr_job_builder *builder, const struct cr_json *object,
                      const char *path, struct cr_cell *cell) {
    struct cr_json *own = cr_json_copy(object);
    if (own == NULL) {
        cr_check_memory(&builder->check);
        return;
    }
    cr_json_remove(own, "name");
    struct cr_check_target target = {.path = path, .out = cell, .is_partial = true};
    cr_check_object(&builder->check, &cr_keys_cell, own, &target);
    cr_json_free(own);
}

// A further cell: what it changes of the cell, and perhaps a name.
static void check_extra(struct cr_job_builder *builder, const struct grid *grid,
                        const struct cr_json *object, const char *path) {
    struct cr_check *check = &builder->check;
    char name_path[CR_PATH_MAX];
    struct cr_cell scratch = grid->base;
    const struct cr_json *name = cr_json_get(object, "name");
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        cr_check_mistake(check, path,
                         "found %s, expected an object of what it changes "
                         "of cell",
                         cr_json_type_name(cr_json_type(object)));
        return;
    }
    cr_key_path_child(name_path, path, "name");
    if (name != NULL &&
        (cr_json_string(name) == NULL || *cr_json_string(name) == '\0')) {
        cr_check_mistake(check, name_path, "expected a string that is not empty");
    }
    set_extra(builder, object, path, &scratch);
}

static void check_extras(struct cr_job_builder *builder, const struct grid *grid) {
    char path[CR_PATH_MAX];
    size_t index = 0;
    for (const struct cr_json *c = cr_json_first(grid->extra); c != NULL;
         c = cr_json_next(c)) {
        cr_key_path_element(path, "cells", index++);
        check_extra(builder, grid, c, path);
    }
}

static const struct cr_json *typed(const struct cr_job_builder *builder,
                                   const char *key, enum cr_json_type type) {
    const struct cr_json *value = cr_json_get(builder->root, key);
    return value != NULL && cr_json_type(value) == type ? value : NULL;
}

static void read_grid(struct cr_job_builder *builder, struct grid *grid) {
    const struct cr_json *axes = typed(builder, "grid", CR_JSON_OBJECT);
    grid->exclude = typed(builder, "exclude", CR_JSON_ARRAY);
    grid->extra = typed(builder, "cells", CR_JSON_ARRAY);
    read_base(builder, grid);
    for (const struct cr_json *c = axes != NULL ? cr_json_first(axes) : NULL; c != NULL;
         c = cr_json_next(c)) {
        read_axis(builder, grid, c);
    }
    if (grid->exclude != NULL) {
        check_excludes(builder, grid);
    }
    if (grid->extra != NULL) {
        check_extras(builder, grid);
    }
}

// Whether setting MEMBER (a value, or any of a list) would leave CELL as it is.
static bool has_value(struct cr_job_builder *builder, const struct cr_cell *cell,
                      const struct cr_json *member) {
    struct cell_field spot = {.path = cr_json_key(member)};
    spot.key = cr_key_find(&cr_keys_cell, spot.path, &spot.offset);
    bool is_list = cr_json_type(member) == CR_JSON_ARRAY;
    const struct cr_json *c = is_list ? cr_json_first(member) : member;
    for (; c != NULL; c = is_list ? cr_json_next(c) : NULL) {
        struct cr_cell changed;
        memcpy(&changed, cell, sizeof changed); // padding too: the bytes are compared
        (void)set_field(builder, &spot, c, "exclude", &changed);
        if (memcmp(&changed, cell, sizeof changed) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_excluded(struct cr_job_builder *builder, const struct grid *grid,
                        const struct cr_cell *cell) {
    const struct cr_json *c =
        grid->exclude != NULL ? cr_json_first(grid->exclude) : NULL;
    for (; c != NULL; c = cr_json_next(c)) {
        bool has_all = true;
        for (const struct cr_json *m = cr_json_first(c); m != NULL && has_all;
             m = cr_json_next(m)) {
            has_all = has_value(builder, cell, m);
        }
        if (has_all) {
            return true;
        }
    }
    return false;
}

// Names of cells: what makes them differ, in words.

static void add_text(char name[CR_CELL_NAME_MAX], const char *text) {
    size_t used = strlen(name);
    snprintf(name + used, CR_CELL_NAME_MAX - used, "%s", text);
}

static void add_value_text(struct cr_job_builder *builder, char name[CR_CELL_NAME_MAX],
                           const struct cr_json *value) {
    struct cr_buf buf;
    if (cr_json_string(value) != NULL) {
        add_text(name, cr_json_string(value));
        return;
    }
    if (cr_json_type(value) == CR_JSON_ARRAY) { // a team of traders
        const char *plus = "";
        for (const struct cr_json *c = cr_json_first(value); c != NULL;
             c = cr_json_next(c)) {
            add_text(name, plus);
            add_value_text(builder, name, c);
            plus = "+";
        }
        return;
    }
    cr_buf_init(&buf, 1 << 20);
    if (cr_json_print(value, false, &buf) == CR_OK) {
        add_text(name, buf.data);
    } else {
        cr_check_memory(&builder->check);
    }
    cr_buf_fini(&buf);
}

static void name_add(struct cr_job_builder *builder, char name[CR_CELL_NAME_MAX],
                     const char *path, const struct cr_json *value) {
    bool is_plain = strcmp(path, "protocol") == 0 || strcmp(path, "benchmark") == 0;
    if (cr_json_type(value) == CR_JSON_OBJECT) { // "stop": each of its members
        char inner[CR_PATH_MAX];
        for (const struct cr_json *c = cr_json_first(value); c != NULL;
             c = cr_json_next(c)) {
            cr_key_path_child(inner, path, cr_json_key(c));
            name_add(builder, name, inner, c);
        }
        return;
    }
    add_text(name, *name == '\0' ? "" : " ");
    if (!is_plain) {
        add_text(name, path);
        add_text(name, "=");
    }
    add_value_text(builder, name, value);
}

// The grid made into cells: the cross product, the last axis fastest, less what is
// excluded, then the further cells.

// Give CELL its name, its trader if none was named, and a place in the job.
static void add_cell(struct cr_job_builder *builder, struct cr_cell *cell,
                     const char *name) {
    struct cr_job *job = builder->check.job;
    cell->name = cr_arena_strdup(&job->arena, name);
    if (cell->name == NULL) {
        cr_check_memory(&builder->check);
        return;
    }
    memcpy(&job->cells[job->cells_len++], cell, sizeof *cell);
}

static void complete_trader(struct cr_cell *cell) {
    if (cell->traders_len == 0) {
        cell->traders[0] = cell->maker;
        cell->traders_len = 1;
    }
}

// The point of the grid at INDEX (one index an axis).
static void make_point(struct cr_job_builder *builder, const struct grid *grid,
                       const uint32_t *index) {
    struct cr_cell cell;
    char name[CR_CELL_NAME_MAX] = "";
    memcpy(&cell, &grid->base, sizeof cell);
    for (size_t i = 0; i < grid->axes_len; i++) {
        const struct grid_axis *axis = &grid->axes[i];
        (void)set_field(builder, &axis->spot, axis->values[index[i]], "grid", &cell);
    }
    complete_trader(&cell);
    if (is_excluded(builder, grid, &cell)) {
        return;
    }
    snprintf(name, sizeof name, "%s",
             builder->check.job->benchmarks[cell.benchmark].name);
    for (size_t i = 0; i < grid->axes_len; i++) {
        const struct grid_axis *axis = &grid->axes[i];
        if (strcmp(axis->spot.path, "benchmark") != 0) {
            name_add(builder, name, axis->spot.path, axis->values[index[i]]);
        }
    }
    add_cell(builder, &cell, name);
}

// Move INDEX to the next point; false after the last.
static bool advance(const struct grid *grid, uint32_t *index) {
    for (size_t i = grid->axes_len; i > 0; i--) {
        if (++index[i - 1] < grid->axes[i - 1].values_len) {
            return true;
        }
        index[i - 1] = 0;
    }
    return false;
}

static void make_extra(struct cr_job_builder *builder, const struct grid *grid,
                       const struct cr_json *object) {
    char name[CR_CELL_NAME_MAX] = "";
    struct cr_cell cell;
    const char *given = cr_json_string(cr_json_get(object, "name"));
    memcpy(&cell, &grid->base, sizeof cell);
    set_extra(builder, object, "cells", &cell);
    complete_trader(&cell);
    snprintf(name, sizeof name, "%s",
             given != NULL ? given
                           : builder->check.job->benchmarks[cell.benchmark].name);
    for (const struct cr_json *c = cr_json_first(object); c != NULL && given == NULL;
         c = cr_json_next(c)) {
        if (strcmp(cr_json_key(c), "benchmark") != 0) {
            name_add(builder, name, cr_json_key(c), c);
        }
    }
    add_cell(builder, &cell, name);
}

static uint64_t product(const struct grid *grid) {
    uint64_t cells = 1;
    for (size_t i = 0; i < grid->axes_len && cells <= CELLS_MAX; i++) {
        cells *= grid->axes[i].values_len;
    }
    return cells;
}

static void keep_axes(struct cr_job_builder *builder, const struct grid *grid) {
    struct cr_job *job = builder->check.job;
    job->axes = cr_check_alloc(&builder->check, grid->axes_len, sizeof *job->axes);
    for (size_t i = 0; job->axes != NULL && i < grid->axes_len; i++) {
        const struct grid_axis *axis = &grid->axes[i];
        job->axes[job->axes_len++] = (struct cr_axis){
            cr_arena_strdup(&job->arena, axis->spot.path), axis->values_len};
    }
}

// What the protocols say of the cells; the same complaint of many cells is made once.
static void check_protocols(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    char last[CR_ERR_TEXT_MAX] = "";
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        struct cr_err inner = {0};
        // Framings and spaces are the same three, in the same order.
        enum cr_space space = (enum cr_space)job->benchmarks[cell->benchmark].framing;
        enum cr_status status = cr_protocol_check(cell, space, &inner);
        if (status == CR_E_MEMORY) {
            cr_check_memory(&builder->check);
        } else if (status != CR_OK && strcmp(last, inner.text) != 0) {
            memcpy(last, inner.text, sizeof last);
            cr_check_mistake(&builder->check, "cell", "cell '%s': %s", cell->name,
                             inner.text);
        }
    }
}

// The values that all exclusions list together.
static size_t count_excluded(const struct grid *grid) {
    size_t len = 0;
    const struct cr_json *c =
        grid->exclude == NULL ? NULL : cr_json_first(grid->exclude);
    for (; c != NULL; c = cr_json_next(c)) {
        for (const struct cr_json *m = cr_json_first(c); m != NULL;
             m = cr_json_next(m)) {
            len += cr_json_type(m) == CR_JSON_ARRAY ? cr_json_len(m) : 1;
        }
    }
    return len;
}

static void make_cells(struct cr_job_builder *builder, const struct grid *grid) {
    struct cr_job *job = builder->check.job;
    uint32_t index[AXES_MAX] = {0};
    size_t extra_len = grid->extra == NULL ? 0 : cr_json_len(grid->extra);
    uint64_t points = product(grid);
    if (points > CELLS_MAX || extra_len > CELLS_MAX) {
        cr_check_mistake(&builder->check, "grid", "makes more than %d cells",
                         CELLS_MAX);
        return;
    }
    if ((double)points * (double)count_excluded(grid) > WORK_MAX) {
        cr_check_mistake(&builder->check, "exclude",
                         "%zu values for %llu points of the grid are too many; leave "
                         "them out of the axes",
                         count_excluded(grid), (unsigned long long)points);
        return;
    }
    job->cells =
        cr_check_alloc(&builder->check, points + extra_len, sizeof *job->cells);
    if (job->cells == NULL) {
        return;
    }
    do {
        make_point(builder, grid, index);
    } while (advance(grid, index));
    const struct cr_json *c = grid->extra == NULL ? NULL : cr_json_first(grid->extra);
    for (; c != NULL; c = cr_json_next(c)) {
        make_extra(builder, grid, c);
    }
    if (job->cells_len == 0) {
        cr_check_mistake(&builder->check, "exclude", "leaves no cell to run");
    }
}

void cr_job_read_cells(struct cr_job_builder *builder) {
    struct grid *grid = cr_check_alloc(&builder->check, 1, sizeof *grid);
    if (grid == NULL) {
        return;
    }
    read_grid(builder, grid);
    if (builder->check.mistakes_len > 0 || builder->check.is_out_of_memory) {
        return;
    }
    keep_axes(builder, grid);
    make_cells(builder, grid);
    check_protocols(builder);
}
