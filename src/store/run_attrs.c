// run_attrs.c - the attributes of /. Those that are known at the end alone are made at
// the start with room for their values, because SWMR mode allows no new ones.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "credence/base/buf.h"
#include "credence/base/json.h"
#include "credence/base/text.h"
#include "store/h5.h"
#include "store/run_internal.h"

enum { STAMP_BYTES = sizeof "2026-01-31T23:59:59Z", NAMES_BYTES_MAX = 16 << 20 };

static void stamp(int64_t wall_ms, char out[STAMP_BYTES]) {
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, STAMP_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        out[0] = '\0';
    }
}

// The models in the order that /calls/model counts them, as a JSON array.
static enum cr_status add_models(struct cr_buf *out, const struct cr_job *job) {
    enum cr_status status = cr_buf_add(out, "[", 1);
    for (uint32_t i = 0; status == CR_OK && i < job->models_len; i++) {
        const char *name = job->models[i].name;
        status = i == 0 ? CR_OK : cr_buf_add(out, ",", 1);
        if (status == CR_OK) {
            status = cr_json_add_quoted(out, name, strlen(name));
        }
    }
    return status == CR_OK ? cr_buf_add(out, "]", 1) : status;
}

static int put_if(hid_t file, const char *name, const char *text) {
    return text == NULL ? 0 : cr_h5_put_text(file, name, text);
}

static int put_job(hid_t file, const struct cr_job *job, const char *models) {
    char hash[CR_HASH_HEX_BYTES];
    cr_hash_hex(job->identity, hash);
    return cr_h5_put_text(file, "title", job->name) != 0 ||
                   cr_h5_put_text(file, "job", job->resolved) != 0 ||
                   put_if(file, "job_identity", job->identity_json) != 0 ||
                   cr_h5_put_text(file, "job_hash", hash) != 0 ||
                   cr_h5_put_text(file, "models", models) != 0 ||
                   cr_h5_put_i32(file, "simulated", job->is_simulated) != 0
               ? -1
               : 0;
}

static int put_facts(hid_t file, const struct cr_run_facts *facts) {
    char start[STAMP_BYTES];
    stamp(facts->start_wall_ms, start);
    return put_if(file, "version", facts->version) != 0 ||
                   put_if(file, "git_revision", facts->git_revision) != 0 ||
                   put_if(file, "host", facts->host) != 0 ||
                   put_if(file, "mpi", facts->mpi) != 0 ||
                   put_if(file, "prompt_hashes", facts->prompt_hashes) != 0 ||
                   cr_h5_put_chars(file, "start", start) != 0
               ? -1
               : 0;
}

enum cr_status cr_attributes_put(struct cr_frame *frame, const struct cr_job *job,
                                 const struct cr_run_facts *facts, struct cr_err *err) {
    struct cr_buf models;
    cr_buf_init(&models, NAMES_BYTES_MAX);
    enum cr_status status = add_models(&models, job);
    if (status != CR_OK) {
        status = cr_err_set(err, status, "no memory for the names of models");
    } else if (cr_h5_put_chars(frame->file, "Conventions", "CF-1.10") != 0 ||
               cr_h5_put_i32(frame->file, "schema", CR_SCHEMA_VERSION) != 0 ||
               put_job(frame->file, job, models.data) != 0 ||
               put_facts(frame->file, facts) != 0 ||
               cr_h5_put_chars(frame->file, "end", "0000-00-00T00:00:00Z") != 0 ||
               cr_h5_put_i32(frame->file, "complete", 0) != 0 ||
               cr_h5_set_chars(frame->file, "end", "") != 0) {
        status = cr_h5_fail(err, "cannot write the attributes");
    }
    cr_buf_fini(&models);
    return status;
}

int cr_attributes_finish(struct cr_frame *frame, bool complete, int64_t end_wall_ms) {
    char end[STAMP_BYTES];
    stamp(end_wall_ms, end);
    return cr_h5_set_chars(frame->file, "end", end) != 0 ||
                   cr_h5_set_i32(frame->file, "complete", complete) != 0
               ? -1
               : 0;
}
