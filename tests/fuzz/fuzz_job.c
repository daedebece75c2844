// fuzz_job.c - a job file of any bytes: a job, or a list of mistakes.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "credence/job/bundle.h"
#include "credence/job/job_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_job(const char *path) {
    struct cr_bundle_request request = {.job_path = path};
    struct cr_err err = {0};
    struct cr_buf bundle;
    struct cr_job *job = NULL;
    cr_buf_init(&bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = cr_bundle_read(&request, &bundle, &err);
    if (status == CR_OK) {
        status = cr_job_create(bundle.data, bundle.used_bytes, &job, &err);
    }
    assert(status == CR_OK ? job != NULL : err.text[0] != '\0');
    cr_job_destroy(job);
    cr_buf_fini(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    char path[32];
    int fd = memfd_create("job", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, bytes, len) == (ssize_t)len) {
        read_job(path);
    }
    close(fd);
    return 0;
}
