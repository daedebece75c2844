// job_fixture.h - a folder with a benchmark and a job file, for tests of jobs and
// plans.
#ifndef CR_TEST_JOB_FIXTURE_H
#define CR_TEST_JOB_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "credence/base/file.h"
#include "credence/job/bundle.h"
#include "credence/job/job_file.h"
#include "scratch.h"

struct fixture {
    char dir[64];
    char path[128]; // of the job file
    struct cr_buf bundle;
    struct cr_job *job;
    struct cr_err err;
};

static inline void fixture_write(struct fixture *f, const char *name,
                                 const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(cr_file_write(path, text, strlen(text), 0600, NULL), CR_OK);
}

// A folder with claims.jsonl: CLAIMS propositions.
static inline void fixture_open(struct fixture *f, int claims) {
    struct cr_buf text;
    // In memory where that can be had: whole runs sync a lot.
    const bool has_shm = access("/dev/shm", W_OK | X_OK) == 0;
    *f = (struct fixture){.path = ""};
    snprintf(f->dir, sizeof f->dir, "%s/credence-test-XXXXXX",
             has_shm ? "/dev/shm" : "/tmp");
    setenv("CREDENCE_DATA_DIR", CR_SOURCE_DIR, 0);
    assert_non_null(mkdtemp(f->dir));
    cr_buf_init(&text, 1 << 24);
    cr_buf_init(&f->bundle, CR_BUNDLE_BYTES_MAX);
    for (int i = 0; i < claims; i++) {
        assert_int_equal(cr_buf_printf(&text,
                                       "{\"id\": \"c%d\", \"proposition\": \"Claim "
                                       "number %d holds.\", \"label\": %s}\n",
                                       i, i, i % 2 ? "true" : "false"),
                         CR_OK);
    }
    fixture_write(f, "claims.jsonl", text.data);
    cr_buf_fini(&text);
    snprintf(f->path, sizeof f->path, "%s/job.json", f->dir);
}

static inline void fixture_close(struct fixture *f) {
    cr_job_destroy(f->job);
    cr_buf_fini(&f->bundle);
    assert_int_equal(scratch_remove(f->dir), 0);
}

// Make the job of TEXT, with --set values; err says what was wrong.
static inline enum cr_status fixture_make(struct fixture *f, const char *text,
                                          struct cr_bundle_request request) {
    fixture_write(f, "job.json", text);
    cr_job_destroy(f->job);
    f->job = NULL;
    f->err = (struct cr_err){0};
    cr_buf_clear(&f->bundle);
    request.job_path = f->path;
    enum cr_status status = cr_bundle_read(&request, &f->bundle, &f->err);
    return status == CR_OK
               ? cr_job_create(f->bundle.data, f->bundle.used_bytes, &f->job, &f->err)
               : status;
}

static inline void fixture_need(struct fixture *f, const char *text) {
    enum cr_status status = fixture_make(f, text, (struct cr_bundle_request){0});
    if (status != CR_OK) {
        fail_msg("%s", f->err.text);
    }
}

// A job of one simulated model and the claims, with what VARIES added at the top level.
#define FIXTURE_JOB(varies)                                                            \
    "{ \"name\": \"t\", \"models\": { \"sim\": { \"api\": \"sim\" } },\n"              \
    "  \"benchmarks\": { \"claims\": { \"format\": \"jsonl\", \"path\": "              \
    "\"claims.jsonl\" } },\n"                                                          \
    "  \"cell\": { \"benchmark\": \"claims\", \"maker\": \"sim\" }" varies " }"

#endif
