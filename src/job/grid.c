// The grid made into cells: the cross product, the last axis fastest, less what is
// excluded, then the further cells.
#include "job/grid.h"

#include <stdio.h>
#include <string.h>

#include "credence/protocol/protocol.h"

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
static void make_point(struct cr_job_builder *builder, const struct cr_grid *grid,
                       const uint32_t *index) {
    struct cr_cell cell;
    char name[CR_CELL_NAME_MAX] = "";
    memcpy(&cell, &grid->base, sizeof cell);
    for (size_t i = 0; i < grid->axes_len; i++) {
        const struct cr_grid_axis *axis = &grid->axes[i];
        (void)cr_cell_field_set(builder, &axis->spot, axis->values[index[i]], "grid",
                                &cell);
    }
    complete_trader(&cell);
    if (cr_grid_excludes(builder, grid, &cell)) {
        return;
    }
    snprintf(name, sizeof name, "%s",
             builder->check.job->benchmarks[cell.benchmark].name);
    for (size_t i = 0; i < grid->axes_len; i++) {
        const struct cr_grid_axis *axis = &grid->axes[i];
        if (strcmp(axis->spot.path, "benchmark") != 0) {
            cr_grid_name_add(builder, name, axis->spot.path, axis->values[index[i]]);
        }
    }
    add_cell(builder, &cell, name);
}

// Move INDEX to the next point; false after the last.
static bool advance(const struct cr_grid *grid, uint32_t *index) {
    for (size_t i = grid->axes_len; i > 0; i--) {
        if (++index[i - 1] < grid->axes[i - 1].values_len) {
            return true;
        }
        index[i - 1] = 0;
    }
    return false;
}

static void make_extra(struct cr_job_builder *builder, const struct cr_grid *grid,
                       const struct cr_json *object) {
    char name[CR_CELL_NAME_MAX] = "";
    struct cr_cell cell;
    const char *given = cr_json_string(cr_json_get(object, "name"));
    memcpy(&cell, &grid->base, sizeof cell);
    cr_grid_extra_set(builder, object, "cells", &cell);
    complete_trader(&cell);
    snprintf(name, sizeof name, "%s",
             given != NULL ? given
                           : builder->check.job->benchmarks[cell.benchmark].name);
    for (const struct cr_json *c = cr_json_first(object); c != NULL && given == NULL;
         c = cr_json_next(c)) {
        if (strcmp(cr_json_key(c), "benchmark") != 0) {
            cr_grid_name_add(builder, name, cr_json_key(c), c);
        }
    }
    add_cell(builder, &cell, name);
}

static uint64_t product(const struct cr_grid *grid) {
    uint64_t cells = 1;
    for (size_t i = 0; i < grid->axes_len && cells <= CR_CELLS_MAX; i++) {
        cells *= grid->axes[i].values_len;
    }
    return cells;
}

static void keep_axes(struct cr_job_builder *builder, const struct cr_grid *grid) {
    struct cr_job *job = builder->check.job;
    job->axes = cr_job_builder_alloc(builder, grid->axes_len, sizeof *job->axes);
    for (size_t i = 0; job->axes != NULL && i < grid->axes_len; i++) {
        const struct cr_grid_axis *axis = &grid->axes[i];
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

static void make_cells(struct cr_job_builder *builder, const struct cr_grid *grid) {
    struct cr_job *job = builder->check.job;
    uint32_t index[CR_AXES_MAX] = {0};
    size_t extra_len = grid->extra == NULL ? 0 : cr_json_len(grid->extra);
    uint64_t points = product(grid);
    if (points > CR_CELLS_MAX || extra_len > CR_CELLS_MAX) {
        cr_check_mistake(&builder->check, "grid", "makes more than %d cells",
                         CR_CELLS_MAX);
        return;
    }
    job->cells = cr_job_builder_alloc(builder, points + extra_len, sizeof *job->cells);
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
    struct cr_grid *grid = cr_job_builder_alloc(builder, 1, sizeof *grid);
    if (grid == NULL) {
        return;
    }
    cr_grid_read(builder, grid);
    if (builder->check.mistakes_len > 0 || builder->check.is_out_of_memory) {
        return;
    }
    keep_axes(builder, grid);
    make_cells(builder, grid);
    check_protocols(builder);
}
