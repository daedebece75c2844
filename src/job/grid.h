// grid.h - the axes of the ablation grid and their values.
//
// Layer    job (4), private to the folder
#ifndef CR_JOB_GRID_H
#define CR_JOB_GRID_H

#include "job/builder.h"

enum { CR_AXES_MAX = 32, CR_CELLS_MAX = 100000, CR_CELL_NAME_MAX = 1024 };

// A path into the cell, and the row that describes it.
struct cr_cell_field {
    const char *path;
    const struct cr_key *key;
    size_t offset; // in struct cr_cell
};
// False, with a mistake reported at WHERE, when the cell has no such path.
bool cr_cell_field_find(struct cr_job_builder *builder, const char *path,
                        const char *where, struct cr_cell_field *out);
// Set what SPOT says in CELL; false with a mistake reported at WHERE.
bool cr_cell_field_set(struct cr_job_builder *builder, const struct cr_cell_field *spot,
                       const struct cr_json *value, const char *where,
                       struct cr_cell *cell);

struct cr_grid_axis {
    struct cr_cell_field spot;
    const struct cr_json **values;
    uint32_t values_len;
};

struct cr_grid {
    struct cr_cell base; // "cell", its trader still open when none was named
    struct cr_grid_axis axes[CR_AXES_MAX];
    size_t axes_len;
    const struct cr_json *exclude; // NULL when there is none
    const struct cr_json *extra;   // "cells"
};
// grid_read.c: all of it from the job file, checked.
void cr_grid_read(struct cr_job_builder *builder, struct cr_grid *grid);
// Change CELL by OBJECT, one of "cells", which stands at PATH.
void cr_grid_extra_set(struct cr_job_builder *builder, const struct cr_json *object,
                       const char *path, struct cr_cell *cell);
// Whether CELL is one of the points that "exclude" leaves out.
bool cr_grid_excludes(struct cr_job_builder *builder, const struct cr_grid *grid,
                      const struct cr_cell *cell);

// grid_name.c: append " PATH=VALUE" to NAME; benchmark and protocol speak for
// themselves.
void cr_grid_name_add(struct cr_job_builder *builder, char name[CR_CELL_NAME_MAX],
                      const char *path, const struct cr_json *value);

#endif
