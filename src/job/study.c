// study.c - the text that locks hypotheses. Its hash is of the hypotheses alone, with
// every key in one order, so that white space and comments of a job file do not matter.
#include "credence/job/study.h"

#include <string.h>
#include <time.h>

#include "credence/base/json.h"
#include "credence/base/json_write.h"

enum { DEPTH_MAX = 8, JOB_DEPTH_MAX = 128, CELL_BYTES_MAX = 1024, REPLAYED_MAX = 4096 };

// Appends ONE as the members of an object that is open.
static void write_hypothesis(struct cr_json_writer *emit,
                             const struct cr_hypothesis *one) {
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_text(emit, "name", one->name);
    cr_json_write_text(emit, "contrast", cr_contrast_names[one->contrast]);
    cr_json_write_text(emit, "direction", cr_expected_names[one->direction]);
    cr_json_write_open(emit, "cells", '[');
    for (uint32_t i = 0; i < one->cells_len; i++) {
        cr_json_write_text(emit, NULL, one->cells[i]);
    }
    cr_json_write_close(emit, ']');
    cr_json_write_close(emit, '}');
}

static void write_all(struct cr_json_writer *emit, const char *key,
                      const struct cr_hypothesis *all, size_t len) {
    cr_json_write_open(emit, key, '[');
    for (size_t i = 0; i < len; i++) {
        write_hypothesis(emit, &all[i]);
    }
    cr_json_write_close(emit, ']');
}

static enum cr_status hash_of(const struct cr_hypothesis *all, size_t len,
                              char out[CR_HASH_HEX_BYTES]) {
    struct cr_buf text;
    cr_buf_init(&text, 2 * CR_STUDY_BYTES_MAX);
    struct cr_json_writer emit = {.out = &text};
    write_all(&emit, NULL, all, len);
    if (emit.status == CR_OK) {
        cr_hash_hex(cr_hash128(text.data, text.used_bytes, 0), out);
    }
    cr_buf_fini(&text);
    return emit.status;
}

// Reading. Nothing of the text is believed: it may come with a file from anywhere.

static bool find_name(const char *const *names, size_t len, const char *text,
                      uint32_t *out) {
    for (size_t i = 0; text != NULL && i < len; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = (uint32_t)i;
            return true;
        }
    }
    return false;
}

// TEXT, if it is printable and not too long, in the arena of STUDY; NULL otherwise.
static const char *keep_text(struct cr_study *study, const struct cr_json *value) {
    const char *text = cr_json_string(value);
    size_t len = text == NULL ? 0 : strlen(text);
    if (len == 0 || len > CELL_BYTES_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) {
            return NULL;
        }
    }
    return cr_arena_strndup(&study->arena, text, len);
}

static const char *const *keep_texts(struct cr_study *study, const struct cr_json *list,
                                     size_t most, size_t *len) {
    *len = 0;
    if (cr_json_type(list) == CR_JSON_STRING && most > 0) { // one, without its brackets
        const char **one = cr_arena_alloc(&study->arena, sizeof *one);
        *len = one == NULL ? 0 : 1;
        if (one != NULL) {
            one[0] = keep_text(study, list);
        }
        return one != NULL && one[0] != NULL ? one : NULL;
    }
    size_t wanted = cr_json_type(list) == CR_JSON_ARRAY ? cr_json_len(list) : most + 1;
    if (wanted > most) {
        return NULL;
    }
    const char **out = cr_arena_alloc(&study->arena, (wanted + 1) * sizeof *out);
    for (const struct cr_json *c = cr_json_first(list); out != NULL && c != NULL;
         c = cr_json_next(c)) {
        out[*len] = keep_text(study, c);
        if (out[*len] == NULL) {
            return NULL;
        }
        (*len)++;
    }
    return out;
}

static bool read_hypothesis(struct cr_study *study, const struct cr_json *object,
                            struct cr_hypothesis *out) {
    size_t cells = 0;
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        return false;
    }
    out->name = keep_text(study, cr_json_get(object, "name"));
    out->cells = keep_texts(study, cr_json_get(object, "cells"),
                            CR_HYPOTHESIS_CELLS_MAX, &cells);
    out->cells_len = (uint32_t)cells;
    const char *contrast = cr_json_string(cr_json_get(object, "contrast"));
    const struct cr_json *said = cr_json_get(object, "direction");
    const char *direction =
        said == NULL ? cr_expected_names[CR_EXPECTED_TWO_SIDED] : cr_json_string(said);
    return out->name != NULL && out->cells != NULL &&
           find_name(cr_contrast_names, CR_CONTRASTS, contrast, &out->contrast) &&
           find_name(cr_expected_names, CR_EXPECTED_COUNT, direction,
                     &out->direction) &&
           cells >= (out->contrast == CR_CONTRAST_GAIN ? 1u : 2u);
}

static bool read_count(const struct cr_json *value, uint64_t *out) {
    double number =
        cr_json_type(value) == CR_JSON_NUMBER ? cr_json_number(value, -1.0) : -1.0;
    if (!(number >= 0.0 && number <= 9007199254740992.0)) {
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

static bool read_list(struct cr_study *study, const struct cr_json *list) {
    if (cr_json_type(list) != CR_JSON_ARRAY || cr_json_len(list) == 0 ||
        cr_json_len(list) > CR_HYPOTHESES_MAX) {
        return false;
    }
    for (const struct cr_json *c = cr_json_first(list); c != NULL;
         c = cr_json_next(c)) {
        if (!read_hypothesis(study, c, &study->at[study->len])) {
            return false;
        }
        study->len++;
    }
    return true;
}

// What of ROOT is not as it should be; NULL when all is.
static const char *read_root(struct cr_study *study, const struct cr_json *root) {
    if (cr_json_type(root) != CR_JSON_OBJECT) {
        return "it is not an object";
    }
    if (!read_list(study, cr_json_get(root, "hypotheses"))) {
        return "\"hypotheses\" is not a list of name, contrast, direction and cells";
    }
    const char *hash = cr_json_string(cr_json_get(root, "hash"));
    if (hash == NULL || strlen(hash) != CR_HASH_HEX_BYTES - 1 ||
        strspn(hash, "0123456789abcdef") != CR_HASH_HEX_BYTES - 1) {
        return "\"hash\" is not 32 hexadecimal digits";
    }
    memcpy(study->hash, hash, CR_HASH_HEX_BYTES);
    if (!read_count(cr_json_get(root, "replies"), &study->replies) ||
        !read_count(cr_json_get(root, "episodes_done"), &study->episodes_done)) {
        return "\"replies\" or \"episodes_done\" is not a count";
    }
    study->replayed = keep_texts(study, cr_json_get(root, "replayed"), REPLAYED_MAX,
                                 &study->replayed_len);
    if (study->replayed == NULL ||
        cr_json_type(cr_json_get(root, "cache")) != CR_JSON_BOOL) {
        return "\"cache\" and \"replayed\" do not say who answered";
    }
    study->has_cache = cr_json_bool(cr_json_get(root, "cache"), true);
    const char *at = keep_text(study, cr_json_get(root, "locked_at"));
    study->locked_at = at != NULL ? at : "";
    return NULL;
}

enum cr_status cr_study_read(const char *text, size_t bytes, struct cr_study **out,
                             struct cr_err *err) {
    struct cr_json *root = NULL;
    struct cr_study *study = cr_calloc(1, sizeof *study);
    if (study == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for the locked hypotheses");
    }
    const struct cr_json_limits limits = {CR_STUDY_BYTES_MAX, DEPTH_MAX};
    enum cr_status status = cr_json_parse(text, bytes, limits, &root, NULL);
    const char *fault = status == CR_OK ? read_root(study, root) : "it is not JSON";
    cr_json_free(root);
    if (fault != NULL) {
        cr_study_destroy(study);
        return status == CR_E_MEMORY
                   ? cr_err_set(err, status, "no memory for the locked hypotheses")
                   : cr_err_set(err, CR_E_FORMAT,
                                "the record of locked hypotheses cannot be read: %s",
                                fault);
    }
    char hash[CR_HASH_HEX_BYTES];
    status = hash_of(study->at, study->len, hash);
    if (status != CR_OK) {
        cr_study_destroy(study);
        return cr_err_set(err, status, "no memory for the locked hypotheses");
    }
    study->is_genuine = strcmp(hash, study->hash) == 0;
    *out = study;
    return CR_OK;
}

void cr_study_destroy(struct cr_study *study) {
    if (study != NULL) {
        cr_arena_fini(&study->arena);
        cr_free(study);
    }
}

bool cr_study_has_replayed(const struct cr_study *study, const char *model) {
    uint32_t at;
    return find_name(study->replayed, study->replayed_len, model, &at);
}

enum cr_status cr_study_read_job(const char *job_json, struct cr_study **out,
                                 struct cr_err *err) {
    struct cr_json *root = NULL;
    struct cr_study *study = cr_calloc(1, sizeof *study);
    if (study == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for the hypotheses of the job");
    }
    const struct cr_json_limits limits = {(size_t)1 << 28, JOB_DEPTH_MAX};
    const enum cr_status status =
        cr_json_parse(job_json, strlen(job_json), limits, &root, NULL);
    if (status == CR_OK && !read_list(study, cr_json_get(root, "hypotheses"))) {
        study->len = 0;
    }
    cr_json_free(root);
    if (status == CR_E_MEMORY) {
        cr_study_destroy(study);
        return cr_err_set(err, status, "no memory for the hypotheses of the job");
    }
    *out = study;
    return CR_OK;
}

static bool is_equal(const struct cr_hypothesis *a, const struct cr_hypothesis *b) {
    bool is_same = strcmp(a->name, b->name) == 0 && a->contrast == b->contrast &&
                   a->direction == b->direction && a->cells_len == b->cells_len;
    for (uint32_t i = 0; i < a->cells_len && is_same; i++) {
        is_same = strcmp(a->cells[i], b->cells[i]) == 0;
    }
    return is_same;
}

bool cr_study_has(const struct cr_study *study, const struct cr_hypothesis *one) {
    for (size_t i = 0; i < study->len; i++) {
        if (is_equal(&study->at[i], one)) {
            return true;
        }
    }
    return false;
}

// Writing.

static void stamp(int64_t wall_ms, char *out, size_t bytes) {
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, bytes, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        out[0] = '\0';
    }
}

static bool is_replay(const struct cr_model *model) {
    return strcmp(model->api, "replay") == 0;
}

// STUDY, with the caches and the replay models of JOB.
static enum cr_status write_study(const struct cr_study *study,
                                  const struct cr_job *job, struct cr_buf *out) {
    struct cr_json_writer emit = {.out = out};
    cr_json_write_open(&emit, NULL, '{');
    cr_json_write_text(&emit, "hash", study->hash);
    cr_json_write_text(&emit, "locked_at", study->locked_at);
    cr_json_write_count(&emit, "replies", study->replies);
    cr_json_write_count(&emit, "episodes_done", study->episodes_done);
    cr_json_write_bool(&emit, "cache", study->has_cache || job->caches_len > 0);
    cr_json_write_open(&emit, "replayed", '[');
    for (size_t i = 0; i < study->replayed_len; i++) {
        cr_json_write_text(&emit, NULL, study->replayed[i]);
    }
    for (uint32_t i = 0; i < job->models_len; i++) {
        if (is_replay(&job->models[i]) &&
            !cr_study_has_replayed(study, job->models[i].name)) {
            cr_json_write_text(&emit, NULL, job->models[i].name);
        }
    }
    cr_json_write_close(&emit, ']');
    write_all(&emit, "hypotheses", study->at, study->len);
    cr_json_write_close(&emit, '}');
    return emit.status == CR_OK ? cr_buf_add_text(out, "\n") : emit.status;
}

enum cr_status cr_study_write(const struct cr_job *job,
                              const struct cr_study_lock *lock, struct cr_buf *out,
                              struct cr_err *err) {
    char at[32];
    if (job->hypotheses_len == 0) {
        return CR_OK;
    }
    struct cr_study *study = cr_calloc(1, sizeof *study);
    if (study == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory to lock the hypotheses");
    }
    stamp(lock->wall_ms, at, sizeof at);
    study->len = job->hypotheses_len;
    memcpy(study->at, job->hypotheses, study->len * sizeof *study->at);
    study->replies = lock->replies;
    study->episodes_done = lock->episodes_done;
    study->locked_at = at;
    enum cr_status status = hash_of(study->at, study->len, study->hash);
    status = status == CR_OK ? write_study(study, job, out) : status;
    cr_study_destroy(study);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "the hypotheses cannot be written: %s",
                            cr_status_text(status));
}

enum cr_status cr_study_renew(const struct cr_study *study, const struct cr_job *job,
                              bool *changed, struct cr_buf *out, struct cr_err *err) {
    *changed = job->caches_len > 0 && !study->has_cache;
    for (uint32_t i = 0; i < job->models_len; i++) {
        *changed = *changed || (is_replay(&job->models[i]) &&
                                !cr_study_has_replayed(study, job->models[i].name));
    }
    enum cr_status status = write_study(study, job, out);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "the hypotheses cannot be written: %s",
                            cr_status_text(status));
}
