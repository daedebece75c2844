// The grid as the job file gives it: axes, exclusions, further cells, all checked
// before the product is made, so that a mistake is reported once and not once a cell.
#include <string.h>

#include "job/grid.h"

bool cr_cell_field_find(struct cr_job_builder *builder, const char *path,
                        const char *where, struct cr_cell_field *out) {
    const char *names[64];
    size_t len = 0;
    *out = (struct cr_cell_field){.path = path};
    out->key = cr_key_find(&cr_keys_cell, path, &out->offset);
    if (out->key != NULL) {
        return true;
    }
    static const char *const inner[] = {"stop.rule", "stop.window", "stop.threshold"};
    for (size_t i = 0; i < cr_keys_cell.len && len < 60; i++) {
        names[len++] = cr_keys_cell.keys[i].name;
    }
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        names[len++] = inner[i];
    }
    cr_check_unknown(&builder->check, where, path, (struct cr_names){names, len});
    return false;
}

bool cr_cell_field_set(struct cr_job_builder *builder, const struct cr_cell_field *spot,
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

// The cell as written, with the first value of an axis where a required key lacks: then
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
    return cell;
}

static void read_base(struct cr_job_builder *builder, struct cr_grid *grid) {
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
        cr_check_put(&builder->check, builder->resolved, "cell", resolved);
    }
    cr_json_free(object);
}

static bool stands_before(const struct cr_grid_axis *axis,
                          const struct cr_json *value) {
    for (uint32_t i = 0; i < axis->values_len; i++) {
        if (cr_json_equal(axis->values[i], value)) {
            return true;
        }
    }
    return false;
}

static void read_values(struct cr_job_builder *builder, const struct cr_grid *grid,
                        struct cr_grid_axis *axis, const struct cr_json *list) {
    char parent[CR_PATH_MAX], path[CR_PATH_MAX];
    struct cr_cell scratch = grid->base;
    size_t index = 0;
    cr_key_path_child(parent, "grid", axis->spot.path);
    axis->values =
        cr_job_builder_alloc(builder, cr_json_len(list), sizeof *axis->values);
    for (const struct cr_json *c = cr_json_first(list);
         c != NULL && axis->values != NULL; c = cr_json_next(c)) {
        cr_key_path_element(path, parent, index++);
        if (stands_before(axis, c)) {
            cr_check_mistake(&builder->check, path, "stands twice on this axis");
        } else if (cr_cell_field_set(builder, &axis->spot, c, path, &scratch)) {
            axis->values[axis->values_len++] = c;
        }
    }
}

static void read_axis(struct cr_job_builder *builder, struct cr_grid *grid,
                      const struct cr_json *member) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX];
    struct cr_grid_axis *axis = &grid->axes[grid->axes_len];
    cr_key_path_child(path, "grid", cr_json_key(member));
    if (!cr_cell_field_find(builder, cr_json_key(member), path, &axis->spot)) {
        return;
    }
    if (strcmp(axis->spot.path, "replicates") == 0) {
        cr_check_mistake(check, path,
                         "is no factor, expected in cell or in one of cells");
    } else if (cr_json_type(member) != CR_JSON_ARRAY || cr_json_len(member) == 0) {
        cr_check_mistake(check, path, "found %s, expected a list of values, not empty",
                         cr_json_type(member) == CR_JSON_ARRAY
                             ? "an empty list"
                             : cr_json_type_name(cr_json_type(member)));
    } else if (grid->axes_len == CR_AXES_MAX - 1) {
        cr_check_mistake(check, path, "is one axis too many, expected at most %d",
                         CR_AXES_MAX - 1);
    } else {
        read_values(builder, grid, axis, member);
        grid->axes_len++;
    }
}

// One member of an exclusion: every value it lists must be one the cell can have.
static void check_exclusion(struct cr_job_builder *builder, const struct cr_grid *grid,
                            const struct cr_json *member, const char *parent) {
    char path[CR_PATH_MAX];
    struct cr_cell_field spot;
    struct cr_cell scratch = grid->base;
    cr_key_path_child(path, parent, cr_json_key(member));
    if (!cr_cell_field_find(builder, cr_json_key(member), path, &spot)) {
        return;
    }
    bool is_list = cr_json_type(member) == CR_JSON_ARRAY;
    const struct cr_json *c = is_list ? cr_json_first(member) : member;
    for (; c != NULL; c = is_list ? cr_json_next(c) : NULL) {
        if (!cr_cell_field_set(builder, &spot, c, path, &scratch)) {
            return;
        }
    }
}

static void check_excludes(struct cr_job_builder *builder, const struct cr_grid *grid) {
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

// A further cell: what it changes of the cell, and perhaps a name.
static void check_extra(struct cr_job_builder *builder, const struct cr_grid *grid,
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
    cr_grid_extra_set(builder, object, path, &scratch);
}

static void check_extras(struct cr_job_builder *builder, const struct cr_grid *grid) {
    char path[CR_PATH_MAX];
    size_t index = 0;
    for (const struct cr_json *c = cr_json_first(grid->extra); c != NULL;
         c = cr_json_next(c)) {
        cr_key_path_element(path, "cells", index++);
        check_extra(builder, grid, c, path);
    }
}

void cr_grid_extra_set(struct cr_job_builder *builder, const struct cr_json *object,
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

static const struct cr_json *typed(const struct cr_job_builder *builder,
                                   const char *key, enum cr_json_type type) {
    const struct cr_json *value = cr_json_get(builder->root, key);
    return value != NULL && cr_json_type(value) == type ? value : NULL;
}

void cr_grid_read(struct cr_job_builder *builder, struct cr_grid *grid) {
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
    struct cr_cell_field spot = {.path = cr_json_key(member)};
    spot.key = cr_key_find(&cr_keys_cell, spot.path, &spot.offset);
    bool is_list = cr_json_type(member) == CR_JSON_ARRAY;
    const struct cr_json *c = is_list ? cr_json_first(member) : member;
    for (; c != NULL; c = is_list ? cr_json_next(c) : NULL) {
        struct cr_cell changed;
        memcpy(&changed, cell, sizeof changed); // padding too: the bytes are compared
        (void)cr_cell_field_set(builder, &spot, c, "exclude", &changed);
        if (memcmp(&changed, cell, sizeof changed) == 0) {
            return true;
        }
    }
    return false;
}

bool cr_grid_excludes(struct cr_job_builder *builder, const struct cr_grid *grid,
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
