// builder.h - the steps of cr_job_create, one file each.
//
// Layer    job (4), private to the folder
#ifndef CR_JOB_BUILDER_H
#define CR_JOB_BUILDER_H

#include "job/check.h"

enum { CR_CELL_NAME_MAX = 1024 };

// A bundle being made into a job.
struct cr_job_builder {
    struct cr_check check;
    const void *bundle;
    size_t bundle_len;
    struct cr_json *root;     // the job as merged
    struct cr_json *resolved; // the job as understood, filled step by step
};

// models.c: job->models from "models".
void cr_job_read_models(struct cr_job_builder *builder);
// grid.c: job->cells and job->axes from "cell", "grid", "exclude" and "cells".
void cr_job_read_cells(struct cr_job_builder *builder);
// groups.c: every cell's trajectory group; cells that are the same are refused. A group
// that runs on ("stop_early": false) gets a cell that sees the whole trajectory.
void cr_job_group_cells(struct cr_job_builder *builder);
// hypotheses.c: job->hypotheses from "hypotheses"; after the cells have names.
void cr_job_read_hypotheses(struct cr_job_builder *builder);
// What shapes the answers of CELL's calls, replicates and stop rules left out.
uint64_t cr_cell_key(const struct cr_job *job, const struct cr_cell *cell);
// The same without what comes behind the opening: traders, stance, order, rounds.
uint64_t cr_cell_opening_key(const struct cr_job *job, const struct cr_cell *cell);
// identity.c: job->identity_json and job->identity.
void cr_job_identify(struct cr_job_builder *builder);
// What changes an answer of MODEL: not where it is served, nor by which api, so that a
// replay model finds what its original recorded. False when out of memory.
bool cr_model_identity(struct cr_check *check, const struct cr_model *model,
                       struct cr_hash *out);

#endif
