// The whole trajectory of a group that runs on: a run file holds views, so a rule that
// is asked later needs one view that nothing has cut.
#include <stdio.h>
#include <string.h>

#include "credence/protocol/protocol.h"
#include "job/grid.h"

struct whole {
    const struct cr_cell *origin; // the group's first cell with "stop_early": false
    uint32_t longest;             // max_iterations
    bool is_there;                // a cell that sees all of it
};

static void look_at_cells(const struct cr_job *job, struct whole *wholes) {
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        struct whole *whole = &wholes[cell->trajectory];
        uint32_t own = cell->stop.max_iterations;
        whole->longest = own > whole->longest ? own : whole->longest;
        if (whole->origin == NULL && !cell->stop_early &&
            cr_protocol_has_stop_rule(cell->protocol)) {
            whole->origin = cell;
        }
    }
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        struct whole *whole = &wholes[cell->trajectory];
        whole->is_there =
            whole->is_there || (cell->stop.rule == CR_STOP_FIXED &&
                                cell->stop.max_iterations == whole->longest);
    }
}

static void make_whole(struct cr_job_builder *builder, const struct whole *whole,
                       struct cr_cell *out) {
    char name[CR_CELL_NAME_MAX + sizeof " to the end"];
    memcpy(out, whole->origin, sizeof *out);
    snprintf(name, sizeof name, "%s to the end", out->name);
    out->name = cr_arena_strdup(&builder->check.job->arena, name);
    if (out->name == NULL) {
        cr_check_memory(&builder->check);
    }
    out->stop.rule = CR_STOP_FIXED;
    out->stop.max_iterations = whole->longest;
    out->is_whole = true;
}

void cr_job_add_whole(struct cr_job_builder *builder, uint32_t groups) {
    struct cr_job *job = builder->check.job;
    struct whole *wholes = cr_job_builder_alloc(builder, groups, sizeof *wholes);
    if (wholes == NULL) {
        return;
    }
    look_at_cells(job, wholes);
    uint32_t len = job->cells_len;
    for (uint32_t i = 0; i < groups; i++) {
        len += wholes[i].origin != NULL && !wholes[i].is_there;
    }
    if (len == job->cells_len) {
        return;
    }
    struct cr_cell *cells = cr_job_builder_alloc(builder, len, sizeof *cells);
    if (cells == NULL) {
        return;
    }
    memcpy(cells, job->cells, job->cells_len * sizeof *cells);
    len = job->cells_len;
    for (uint32_t i = 0; i < groups; i++) {
        if (wholes[i].origin != NULL && !wholes[i].is_there) {
            make_whole(builder, &wholes[i], &cells[len++]);
        }
    }
    job->cells = cells;
    job->cells_len = len;
}
