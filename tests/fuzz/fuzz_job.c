// fuzz_job.c - a job file of any bytes: a job, or a list of mistakes. A job as it was
// understood is a job again, and the same one. Paths are relative to the source folder.
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "credence/job/bundle.h"
#include "credence/job/job_file.h"
#include "credence/job/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

// The job of BYTES; NULL after mistakes.
static struct cr_job *read_job(const void *bytes, size_t len) {
    char path[32];
    struct cr_bundle_request request = {.job_path = path, .is_in_place = true};
    struct cr_err err = {0};
    struct cr_buf bundle;
    struct cr_job *job = NULL;
    enum cr_status status = CR_E_IO;
    int fd = memfd_create("job", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    cr_buf_init(&bundle, CR_BUNDLE_BYTES_MAX);
    if (write(fd, bytes, len) == (ssize_t)len) {
        status = cr_bundle_read(&request, &bundle, &err);
        if (status == CR_OK) {
            status = cr_job_create(bundle.data, bundle.used_bytes, &job, &err);
        }
        assert(status == CR_OK ? job != NULL : err.text[0] != '\0');
    }
    close(fd);
    cr_buf_fini(&bundle);
    return job;
}

// Numbers of the plan lead back to where they came from.
static void check_plan(const struct cr_job *job) {
    struct cr_plan *plan = NULL;
    if (cr_plan_create(job, &plan, NULL) != CR_OK) {
        return;
    }
    for (uint64_t e = 0; e < plan->episodes; e += plan->episodes / 20 + 1) {
        uint32_t cell;
        struct cr_plan_place place;
        uint64_t trajectory = cr_plan_trajectory_of(plan, e, &cell);
        assert(trajectory < plan->trajectories && cell < job->cells_len);
        cr_plan_place(plan, trajectory, &place);
        assert(place.first_episode <= e &&
               e < place.first_episode + place.group->cells_len);
        assert(place.proposition_row < plan->propositions);
    }
    cr_plan_destroy(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static bool is_home;
    if (!is_home) {
        is_home = chdir(CR_SOURCE_DIR) == 0;
    }
    struct cr_job *job = read_job(bytes, len);
    if (job != NULL) {
        check_plan(job);
        struct cr_job *again = read_job(job->resolved, strlen(job->resolved));
        assert(again != NULL && again->identity.hi == job->identity.hi &&
               again->identity.lo == job->identity.lo);
        cr_job_destroy(again);
    }
    cr_job_destroy(job);
    return 0;
}
