// builder.h - the steps of cr_job_create, one file each.
//
// Layer    job (4), private to the folder
#ifndef CR_JOB_BUILDER_H
#define CR_JOB_BUILDER_H

#include "job/check.h"

// A bundle being made into a job.
struct cr_job_builder {
    struct cr_check check;
    const void *bundle;
    size_t bundle_len;
    struct cr_json *root;     // the job as merged
    struct cr_json *resolved; // the job as understood, filled step by step
    struct cr_err problem;    // of the machine, when status says so
    enum cr_status status;
};

// job_models.c: job->models from "models".
void cr_job_read_models(struct cr_job_builder *builder);
// job_benchmarks.c: job->benchmarks, then their propositions from the bundle's bytes.
void cr_job_read_benchmarks(struct cr_job_builder *builder);
void cr_job_read_propositions(struct cr_job_builder *builder);
// job_prompts.c: job->prompts, from the bundle's texts.
void cr_job_read_prompts(struct cr_job_builder *builder);
// grid.c: job->cells and job->axes from "cell", "grid", "exclude" and "cells".
void cr_job_read_cells(struct cr_job_builder *builder);
// grid_groups.c: every cell's trajectory group; cells that are the same are refused.
void cr_job_group_cells(struct cr_job_builder *builder);
// grid_whole.c: one cell more for each of GROUPS that runs on (a cell of it says
// "stop_early": false) and of which no cell sees the whole trajectory.
void cr_job_add_whole(struct cr_job_builder *builder, uint32_t groups);
// What shapes the answers of CELL's calls, replicates and stop rules left out.
uint64_t cr_cell_key(const struct cr_job *job, const struct cr_cell *cell);
// job_identity.c: job->identity_json and job->identity.
void cr_job_identify(struct cr_job_builder *builder);
// What changes an answer of MODEL: not where it is served, nor by which api, so that a
// replay model finds what its original recorded. False when out of memory.
bool cr_model_identity(const struct cr_model *model, struct cr_hash *out);

// Zeroed, in the job's arena; NULL after memory ran out, which is remembered.
void *cr_job_builder_alloc(struct cr_job_builder *builder, size_t len,
                           size_t element_bytes);

#endif
