// The bundle: one read of every input, so that all ranks run the same job even when a
// file changes on disk meanwhile or is not to be seen from their node.
#include "job/bundle.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/file.h"
#include "credence/base/hash.h"
#include "credence/base/mem.h"

const struct cr_json_limits cr_job_json_limits = {CR_JOB_BYTES_MAX, CR_JOB_DEPTH_MAX};

static const char MAGIC[8] = {'C', 'R', 'B', 'U', 'N', 'D', 'L', 'E'};
enum {
    VERSION = 1,
    HEADER_BYTES = 16,
    SECTION_HEADER_BYTES = 12,
    CHECKSUM_BYTES = 8,
    NAME_BYTES_MAX = 4096
};

static void put_le(unsigned char *out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get_le(const unsigned char *bytes, size_t len) {
    uint64_t value = 0;
    for (size_t i = len; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

enum cr_status cr_bundle_begin(struct cr_bundle_writer *writer, struct cr_buf *out) {
    unsigned char header[HEADER_BYTES];
    memcpy(header, MAGIC, sizeof MAGIC);
    put_le(header + 8, VERSION, 4);
    put_le(header + 12, 0, 4); // the number of sections, set at the end
    *writer = (struct cr_bundle_writer){.out = out};
    return cr_buf_add(out, header, sizeof header);
}

enum cr_status cr_bundle_add(struct cr_bundle_writer *writer, const char *name,
                             const void *bytes, size_t len) {
    unsigned char header[SECTION_HEADER_BYTES];
    size_t name_len = strlen(name);
    if (name_len > NAME_BYTES_MAX) {
        return CR_E_LIMIT;
    }
    put_le(header, name_len, 4);
    put_le(header + 4, len, 8);
    enum cr_status status = cr_buf_add(writer->out, header, sizeof header);
    if (status == CR_OK) {
        status = cr_buf_add(writer->out, name, name_len);
    }
    if (status == CR_OK && len > 0) {
        status = cr_buf_add(writer->out, bytes, len);
    }
    writer->sections_len++;
    return status;
}

enum cr_status cr_bundle_end(struct cr_bundle_writer *writer) {
    unsigned char checksum[CHECKSUM_BYTES];
    put_le((unsigned char *)writer->out->data + 12, writer->sections_len, 4);
    put_le(checksum, cr_hash64(writer->out->data, writer->out->used_bytes, 0), 8);
    return cr_buf_add(writer->out, checksum, sizeof checksum);
}

bool cr_bundle_next(const void *bytes, size_t len, size_t *at, struct cr_section *out) {
    const unsigned char *p = bytes;
    size_t start = *at == 0 ? HEADER_BYTES : *at;
    if (len < HEADER_BYTES + CHECKSUM_BYTES) {
        return false;
    }
    size_t left = len - CHECKSUM_BYTES - start;
    if (start > len - CHECKSUM_BYTES || left < SECTION_HEADER_BYTES) {
        return false;
    }
    uint64_t name_len = get_le(p + start, 4);
    uint64_t section_len = get_le(p + start + 4, 8);
    left -= SECTION_HEADER_BYTES;
    if (name_len > left || section_len > left - name_len) {
        return false;
    }
    out->name = (const char *)p + start + SECTION_HEADER_BYTES;
    out->name_len = name_len;
    out->bytes = out->name + name_len;
    out->len = section_len;
    *at = start + SECTION_HEADER_BYTES + name_len + section_len;
    return true;
}

bool cr_bundle_find(const void *bytes, size_t len, const char *name,
                    struct cr_section *out) {
    size_t at = 0, name_len = strlen(name);
    struct cr_section section;
    while (cr_bundle_next(bytes, len, &at, &section)) {
        if (section.name_len == name_len && memcmp(section.name, name, name_len) == 0) {
            *out = section;
            return true;
        }
    }
    return false;
}

enum cr_status cr_bundle_check(const void *bytes, size_t len, struct cr_err *err) {
    const unsigned char *p = bytes;
    if (len < HEADER_BYTES + CHECKSUM_BYTES || memcmp(p, MAGIC, sizeof MAGIC) != 0) {
        return cr_err_set(err, CR_E_FORMAT, "this is no job bundle");
    }
    if (get_le(p + 8, 4) != VERSION) {
        return cr_err_set(err, CR_E_FORMAT, "job bundle of version %u, expected %d",
                          (unsigned)get_le(p + 8, 4), VERSION);
    }
    size_t body = len - CHECKSUM_BYTES;
    if (get_le(p + body, 8) != cr_hash64(bytes, body, 0)) {
        return cr_err_set(err, CR_E_FORMAT,
                          "job bundle is damaged: its checksum "
                          "does not match");
    }
    size_t at = 0, sections_len = 0;
    struct cr_section section;
    while (cr_bundle_next(bytes, len, &at, &section)) {
        sections_len++;
    }
    if (sections_len != get_le(p + 12, 4) || (sections_len > 0 && at != body)) {
        return cr_err_set(err, CR_E_FORMAT,
                          "job bundle is damaged: its sections do not "
                          "fill it");
    }
    return CR_OK;
}

// What cr_bundle_read works on.
struct reading {
    const struct cr_bundle_request *request;
    struct cr_bundle_writer writer;
    struct cr_buf source; // the job file, comments blanked
    struct cr_buf scratch;
    struct cr_buf dir; // absolute folder of the job file
    struct cr_json *job;
};

static enum cr_status read_source(struct reading *reading, struct cr_err *err) {
    const char *path = reading->request->job_path;
    enum cr_status status = cr_file_read(path, &reading->source, err);
    if (status != CR_OK) {
        return status;
    }
    if (reading->source.used_bytes == 0) {
        return cr_err_set(err, CR_E_JOB, "%s:1:1: the job file is empty", path);
    }
    char *text = reading->source.data;
    size_t bytes = reading->source.used_bytes;
    cr_json_strip(text, bytes);
    struct cr_err inner = {0};
    status = cr_json_parse(text, bytes, cr_job_json_limits, &reading->job, &inner);
    if (status == CR_E_FORMAT || status == CR_E_LIMIT) {
        return cr_err_set(err, CR_E_JOB, "%s:%s", path, inner.text);
    }
    if (status == CR_OK && cr_json_type(reading->job) != CR_JSON_OBJECT) {
        return cr_err_set(err, CR_E_JOB, "%s:1:1: expected an object, found %s", path,
                          cr_json_type_name(cr_json_type(reading->job)));
    }
    return status;
}

static enum cr_status refuse_duplicate_keys(struct reading *reading,
                                            struct cr_err *err) {
    const char *text = reading->source.data;
    size_t bytes = reading->source.used_bytes;
    unsigned line = 1, column = 1;
    cr_buf_clear(&reading->scratch);
    if (!cr_json_duplicate_key(text, bytes, &reading->scratch)) {
        return CR_OK;
    }
    const char *path = reading->scratch.data;
    (void)cr_json_locate(text, bytes, path, &line, &column);
    return cr_err_set(err, CR_E_JOB, "%s:%u:%u: %s: this key stands twice",
                      reading->request->job_path, line, column, path);
}

// The absolute folder of the job file: workers on other nodes start elsewhere.
static enum cr_status find_dir(struct reading *reading, struct cr_err *err) {
    char *real = realpath(reading->request->job_path, NULL);
    if (real == NULL) {
        return cr_err_set(err, CR_E_IO, "%s: cannot be resolved",
                          reading->request->job_path);
    }
    enum cr_status status = cr_path_dir(&reading->dir, real);
    free(real); // from the C library, not from ours
    return status;
}

static enum cr_status apply_limit(struct reading *reading) {
    double limit = (double)reading->request->limit;
    const struct cr_json *all = cr_json_get(reading->job, "benchmarks");
    if (reading->request->limit == 0 || cr_json_type(all) != CR_JSON_OBJECT) {
        return CR_OK;
    }
    struct cr_json *copy = cr_json_copy(all);
    enum cr_status status = copy == NULL ? CR_E_MEMORY : CR_OK;
    for (const struct cr_json *c = cr_json_first(all); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        double own = cr_json_number(cr_json_get(c, "limit"), 0);
        if (cr_json_type(c) != CR_JSON_OBJECT || (own > 0 && own <= limit)) {
            continue;
        }
        struct cr_json *benchmark = cr_json_copy(c);
        status = benchmark == NULL
                     ? CR_E_MEMORY
                     : cr_json_put(benchmark, "limit", cr_json_new_number(limit));
        status =
            status == CR_OK ? cr_json_put(copy, cr_json_key(c), benchmark) : status;
    }
    return status == CR_OK ? cr_json_put(reading->job, "benchmarks", copy) : status;
}

static enum cr_status add_benchmark(struct reading *reading,
                                    const struct cr_json *benchmark) {
    const char *path = cr_json_string(cr_json_get(benchmark, "path"));
    struct cr_buf bytes, full;
    struct cr_err inner = {0};
    char name[NAME_BYTES_MAX];
    if (path == NULL) {
        return CR_OK; // the check of the job says so
    }
    cr_buf_init(&bytes, CR_BUNDLE_BYTES_MAX);
    cr_buf_init(&full, PATH_MAX);
    enum cr_status status = cr_path_join(&full, reading->dir.data, path);
    if (status == CR_OK) {
        status = cr_file_read(full.data, &bytes, &inner);
        bool is_read = status == CR_OK;
        snprintf(name, sizeof name, "%sbenchmark/%s", is_read ? "" : "problem/",
                 cr_json_key(benchmark));
        const char *what = is_read ? bytes.data : inner.text;
        size_t len = is_read ? bytes.used_bytes : strlen(inner.text);
        status = status == CR_E_MEMORY
                     ? status
                     : cr_bundle_add(&reading->writer, name, what, len);
    }
    cr_buf_fini(&full);
    cr_buf_fini(&bytes);
    return status;
}

static enum cr_status add_benchmarks(struct reading *reading) {
    const struct cr_json *all = cr_json_get(reading->job, "benchmarks");
    enum cr_status status = CR_OK;
    if (cr_json_type(all) != CR_JSON_OBJECT) {
        return CR_OK;
    }
    for (const struct cr_json *c = cr_json_first(all); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        status = add_benchmark(reading, c);
    }
    return status;
}

static enum cr_status add_request(struct reading *reading) {
    const struct cr_bundle_request *request = reading->request;
    struct cr_bundle_writer *writer = &reading->writer;
    char name[64], shard[64];
    enum cr_status status =
        cr_bundle_add(writer, "file", request->job_path, strlen(request->job_path));
    if (status == CR_OK) {
        status =
            cr_bundle_add(writer, "dir", reading->dir.data, reading->dir.used_bytes);
    }
    if (status == CR_OK) {
        int len = snprintf(shard, sizeof shard, "%u/%u", request->shard,
                           request->shards == 0 ? 1 : request->shards);
        status = cr_bundle_add(writer, "shard", shard, (size_t)len);
    }
    for (size_t i = 0; i < request->sets_len && status == CR_OK; i++) {
        snprintf(name, sizeof name, "set/%zu", i);
        status =
            cr_bundle_add(writer, name, request->sets[i], strlen(request->sets[i]));
    }
    return status;
}

static enum cr_status add_job(struct reading *reading) {
    cr_buf_clear(&reading->scratch);
    enum cr_status status = cr_json_print(reading->job, false, &reading->scratch);
    if (status == CR_OK) {
        status = cr_bundle_add(&reading->writer, "job", reading->scratch.data,
                               reading->scratch.used_bytes);
    }
    return status == CR_OK
               ? cr_bundle_add(&reading->writer, "source", reading->source.data,
                               reading->source.used_bytes)
               : status;
}

static enum cr_status write_bundle(struct reading *reading, struct cr_buf *out,
                                   struct cr_err *err) {
    enum cr_status status = cr_bundle_begin(&reading->writer, out);
    status = status == CR_OK ? add_request(reading) : status;
    status = status == CR_OK ? add_job(reading) : status;
    status = status == CR_OK ? add_benchmarks(reading) : status;
    status = status == CR_OK ? cr_bundle_add_prompts(&reading->writer, reading->job,
                                                     reading->dir.data, err)
                             : status;
    return status == CR_OK ? cr_bundle_end(&reading->writer) : status;
}

enum cr_status cr_bundle_read(const struct cr_bundle_request *request,
                              struct cr_buf *out, struct cr_err *err) {
    struct reading reading = {.request = request};
    if (request->shards > 0 && request->shard >= request->shards) {
        return cr_err_set(err, CR_E_USAGE,
                          "shard %u of %u: the first is 0, the last %u", request->shard,
                          request->shards, request->shards - 1);
    }
    cr_buf_init(&reading.source, CR_JOB_BYTES_MAX);
    cr_buf_init(&reading.scratch, 4 * (size_t)CR_JOB_BYTES_MAX);
    cr_buf_init(&reading.dir, PATH_MAX);
    enum cr_status status = read_source(&reading, err);
    status = status == CR_OK ? refuse_duplicate_keys(&reading, err) : status;
    status = status == CR_OK ? find_dir(&reading, err) : status;
    for (size_t i = 0; i < request->sets_len && status == CR_OK; i++) {
        status = cr_set_apply(&reading.job, request->sets[i], err);
    }
    status = status == CR_OK ? apply_limit(&reading) : status;
    status = status == CR_OK ? write_bundle(&reading, out, err) : status;
    cr_json_free(reading.job);
    cr_buf_fini(&reading.dir);
    cr_buf_fini(&reading.scratch);
    cr_buf_fini(&reading.source);
    if (status == CR_E_MEMORY || status == CR_E_LIMIT) {
        return cr_err_set(err, status, "%s: too large to be read at once: %s",
                          request->job_path, cr_status_text(status));
    }
    return status;
}
