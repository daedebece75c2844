// job.c - the end of a job; run/job.c makes it.
#include "credence/job.h"

void cr_job_destroy(struct cr_job *job) {
    if (!job) {
        return;
    }
    for (uint32_t i = 0; job->benchmarks && i < job->benchmarks_len; i++) {
        cr_propositions_fini(&job->benchmarks[i].propositions);
    }
    cr_arena_fini(&job->arena); // the models, benchmarks, cells and texts live there
    cr_free(job);
}
