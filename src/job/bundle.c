// The bundle: one read of every input, so that all ranks run the same job even when a
// file changes on disk meanwhile or is not to be seen from their node.
#include "credence/job/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/data_dir.h"
#include "credence/base/file.h"
#include "credence/base/hash.h"
#include "credence/base/json.h"
#include "credence/base/little_endian.h"
#include "credence/base/mem.h"
#include "job/check.h"

static const struct cr_json_limits job_limits = {CR_JOB_BYTES_MAX, CR_JOB_DEPTH_MAX};

static const char MAGIC[8] = {'C', 'R', 'B', 'U', 'N', 'D', 'L', 'E'};
enum {
    VERSION = 1,
    HEADER_BYTES = 16,
    SECTION_HEADER_BYTES = 12,
    CHECKSUM_BYTES = 8,
    NAME_BYTES_MAX = 4096,
    IN_PLACE_BYTES = 4 << 20 // files above this are read in place, where that is asked
};

struct bundle_writer {
    struct cr_buf *out;
    uint32_t sections_len;
};

static enum cr_status begin_bundle(struct bundle_writer *writer, struct cr_buf *out) {
    char header[HEADER_BYTES];
    memcpy(header, MAGIC, sizeof MAGIC);
    cr_little_endian_put(header + 8, VERSION, 4);
    cr_little_endian_put(header + 12, 0, 4); // the number of sections, set at the end
    *writer = (struct bundle_writer){.out = out};
    return cr_buf_add(out, header, sizeof header);
}

static enum cr_status add_section(struct bundle_writer *writer, const char *name,
                                  const void *bytes, size_t len) {
    char header[SECTION_HEADER_BYTES];
    size_t name_len = strlen(name);
    if (name_len > NAME_BYTES_MAX) {
        return CR_E_LIMIT;
    }
    cr_little_endian_put(header, name_len, 4);
    cr_little_endian_put(header + 4, len, 8);
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

static enum cr_status end_bundle(struct bundle_writer *writer) {
    char checksum[CHECKSUM_BYTES];
    cr_little_endian_put(writer->out->data + 12, writer->sections_len, 4);
    cr_little_endian_put(checksum,
                         cr_hash64(writer->out->data, writer->out->used_bytes, 0), 8);
    return cr_buf_add(writer->out, checksum, sizeof checksum);
}

bool cr_bundle_next(const void *bytes, size_t len, size_t *at,
                    struct cr_bundle_section *out) {
    const char *p = bytes;
    size_t start = *at == 0 ? HEADER_BYTES : *at;
    if (len < HEADER_BYTES + CHECKSUM_BYTES) {
        return false;
    }
    size_t left = len - CHECKSUM_BYTES - start;
    if (start > len - CHECKSUM_BYTES || left < SECTION_HEADER_BYTES) {
        return false;
    }
    uint64_t name_len = cr_little_endian_get(p + start, 4);
    uint64_t section_len = cr_little_endian_get(p + start + 4, 8);
    left -= SECTION_HEADER_BYTES;
    if (name_len > left || section_len > left - name_len) {
        return false;
    }
    out->name = p + start + SECTION_HEADER_BYTES;
    out->name_len = name_len;
    out->bytes = out->name + name_len;
    out->len = section_len;
    *at = start + SECTION_HEADER_BYTES + name_len + section_len;
    return true;
}

bool cr_bundle_find(const void *bytes, size_t len, const char *name,
                    struct cr_bundle_section *out) {
    size_t at = 0, name_len = strlen(name);
    struct cr_bundle_section section;
    while (cr_bundle_next(bytes, len, &at, &section)) {
        if (section.name_len == name_len && memcmp(section.name, name, name_len) == 0) {
            *out = section;
            return true;
        }
    }
    return false;
}

enum cr_status cr_bundle_check(const void *bytes, size_t len, struct cr_err *err) {
    const char *p = bytes;
    if (len < HEADER_BYTES + CHECKSUM_BYTES || memcmp(p, MAGIC, sizeof MAGIC) != 0) {
        return cr_err_set(err, CR_E_FORMAT, "not a job bundle");
    }
    if (cr_little_endian_get(p + 8, 4) != VERSION) {
        return cr_err_set(err, CR_E_FORMAT, "job bundle of version %u, expected %d",
                          (unsigned)cr_little_endian_get(p + 8, 4), VERSION);
    }
    size_t body = len - CHECKSUM_BYTES;
    if (cr_little_endian_get(p + body, 8) != cr_hash64(bytes, body, 0)) {
        return cr_err_set(err, CR_E_FORMAT,
                          "job bundle is damaged: its checksum "
                          "does not match");
    }
    size_t at = 0, sections_len = 0;
    struct cr_bundle_section section;
    while (cr_bundle_next(bytes, len, &at, &section)) {
        sections_len++;
    }
    if (sections_len != cr_little_endian_get(p + 12, 4) ||
        (sections_len > 0 && at != body)) {
        return cr_err_set(err, CR_E_FORMAT,
                          "job bundle is damaged: its sections do not "
                          "fill it");
    }
    return CR_OK;
}

// The prompt sets that a job names: a shipped set by its name, or a folder.

enum { FILES_MAX = 128, NAMES_MAX = 256, SECTION_NAME_MAX = 4096 };

struct sets {
    const char *names[NAMES_MAX];
    size_t len;
};

static void add_name(struct sets *sets, const struct cr_json *value) {
    const char *name = cr_json_string(value);
    for (size_t i = 0; name != NULL && i < sets->len; i++) {
        if (strcmp(sets->names[i], name) == 0) {
            return;
        }
    }
    if (name != NULL && *name != '\0' && sets->len < NAMES_MAX) {
        sets->names[sets->len++] = name;
    }
}

// VALUE is a name, or an object with a maker's and a trader's.
static void add_names(struct sets *sets, const struct cr_json *value) {
    add_name(sets, value);
    add_name(sets, cr_json_get(value, "maker"));
    add_name(sets, cr_json_get(value, "trader"));
}

static const char *const set_paths[] = {"prompts", "prompts.maker", "prompts.trader"};
enum { SET_PATHS = sizeof set_paths / sizeof *set_paths };

static void add_cell(struct sets *sets, const struct cr_json *cell) {
    for (size_t i = 0; i < SET_PATHS; i++) {
        add_names(sets, cr_json_get(cell, set_paths[i]));
    }
}

// "paper" first: it fills in what the others lack.
static void gather(struct sets *sets, const struct cr_json *job) {
    sets->names[sets->len++] = "paper";
    add_cell(sets, cr_json_get(job, "cell"));
    for (size_t i = 0; i < SET_PATHS; i++) {
        const struct cr_json *axis =
            cr_json_get(cr_json_get(job, "grid"), set_paths[i]);
        for (const struct cr_json *c = cr_json_first(axis); c != NULL;
             c = cr_json_next(c)) {
            add_names(sets, c);
        }
    }
    const struct cr_json *cells = cr_json_get(job, "cells");
    for (const struct cr_json *c = cr_json_first(cells); c != NULL;
         c = cr_json_next(c)) {
        add_cell(sets, c);
    }
}

// The folder of set NAME into OUT: a shipped one unless NAME looks like a path.
static enum cr_status find_folder(const char *name, const char *dir,
                                  struct cr_buf *out) {
    struct cr_buf data;
    enum cr_status status = CR_E_NOT_FOUND;
    cr_buf_init(&data, PATH_MAX);
    if (strchr(name, '/') == NULL) {
        status = cr_data_dir(&data, NULL);
    }
    if (status == CR_OK) {
        cr_buf_clear(out);
        status = cr_buf_printf(out, "%s/prompts/%s", data.data, name);
        if (status == CR_OK && !cr_dir_exists(out->data)) {
            status = CR_E_NOT_FOUND;
        }
    }
    cr_buf_fini(&data);
    return status == CR_E_NOT_FOUND ? cr_path_join(out, dir, name) : status;
}

static int is_template(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 &&
           strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static enum cr_status add_file(struct bundle_writer *writer, const char *set,
                               const char *folder, const char *file,
                               struct cr_err *err) {
    struct cr_buf path, text;
    char section[SECTION_NAME_MAX];
    cr_buf_init(&path, PATH_MAX);
    cr_buf_init(&text, CR_JOB_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, folder, file);
    if (status == CR_OK) {
        status = cr_file_read(path.data, &text, err);
    }
    if (status == CR_OK) {
        snprintf(section, sizeof section, "prompts/%s/%s", set, file);
        status = add_section(writer, section, text.data, text.used_bytes);
    }
    cr_buf_fini(&text);
    cr_buf_fini(&path);
    return status;
}

static enum cr_status add_folder(struct bundle_writer *writer, const char *set,
                                 const char *folder, struct cr_err *err) {
    struct dirent **entries = NULL;
    char section[SECTION_NAME_MAX];
    int len = scandir(folder, &entries, is_template, alphasort);
    enum cr_status status = CR_OK;
    if (len <= 0) {
        snprintf(section, sizeof section, "problem/prompts/%s", set);
        status = add_section(writer, section, folder, strlen(folder));
    }
    if (len > FILES_MAX) {
        status = cr_err_set(err, CR_E_JOB, "%s: %d templates, at most %d are expected",
                            folder, len, FILES_MAX);
    }
    for (int i = 0; i < len; i++) {
        if (status == CR_OK) {
            status = add_file(writer, set, folder, entries[i]->d_name, err);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

// Add the texts of every prompt set that JOB names, and of "paper", to WRITER.
// DIR is the job file's folder.
static enum cr_status add_prompts(struct bundle_writer *writer,
                                  const struct cr_json *job, const char *dir,
                                  struct cr_err *err) {
    struct sets sets = {.len = 0};
    struct cr_buf folder;
    enum cr_status status = CR_OK;
    gather(&sets, job);
    cr_buf_init(&folder, PATH_MAX);
    for (size_t i = 0; i < sets.len && status == CR_OK; i++) {
        status = find_folder(sets.names[i], dir, &folder);
        status = status == CR_OK ? add_folder(writer, sets.names[i], folder.data, err)
                                 : status;
    }
    cr_buf_fini(&folder);
    return status;
}

// --set PATH=VALUE: a value of the job file replaced from the command line.

// Names of models and axes of the grid hold dots ("gpt-4.1", "stop.threshold"), so the
// longest existing key that PATH begins with is taken; failing that, all of PATH when
// IS_WHOLE (a new axis), else up to its first dot.
static size_t key_len(const struct cr_json *object, const char *path, bool is_whole) {
    size_t best = 0;
    for (const struct cr_json *c = cr_json_first(object); c != NULL;
         c = cr_json_next(c)) {
        size_t len = strlen(cr_json_key(c));
        bool fits = strncmp(path, cr_json_key(c), len) == 0 &&
                    (path[len] == '\0' || path[len] == '.');
        best = fits && len > best ? len : best;
    }
    if (best > 0) {
        return best;
    }
    return is_whole ? strlen(path) : strcspn(path, ".");
}

// A copy of NODE (or a new object) with the value at PATH replaced by VALUE (taken);
// NULL when out of memory or when PATH runs through something else than an object.
static struct cr_json *with(const struct cr_json *node, const char *path,
                            struct cr_json *value, bool is_whole) {
    bool is_absent = node == NULL || cr_json_type(node) == CR_JSON_NULL;
    if (!is_absent && cr_json_type(node) != CR_JSON_OBJECT) {
        cr_json_free(value);
        return NULL;
    }
    size_t len = is_absent && is_whole
                     ? strlen(path)
                     : key_len(is_absent ? NULL : node, path, is_whole);
    char *key = cr_strndup(path, len);
    struct cr_json *copy = is_absent ? cr_json_new_object() : cr_json_copy(node);
    if (key == NULL || copy == NULL || len == 0) {
        cr_json_free(value);
        goto fail;
    }
    if (path[len] == '.') {
        value = with(cr_json_get(copy, key), path + len + 1, value,
                     strcmp(key, "grid") == 0);
    }
    if (value == NULL || cr_json_put(copy, key, value) != CR_OK) {
        goto fail;
    }
    cr_free(key);
    return copy;
fail:
    cr_free(key);
    cr_json_free(copy);
    return NULL;
}

// *root with the value at PATH replaced by VALUE_TEXT (JSON, or else taken as a
// string). A key with dots in it ("models.gpt-4.1.params", any axis of "grid") is found
// whole. CR_E_USAGE when PATH runs through something that is not an object.
static enum cr_status apply_set(struct cr_json **root, const char *set,
                                struct cr_err *err) {
    const char *equals = strchr(set, '=');
    if (equals == NULL || equals == set) {
        return cr_err_set(err, CR_E_USAGE, "--set %s: expected PATH=VALUE", set);
    }
    const char *text = equals + 1;
    struct cr_json *value = NULL;
    struct cr_err inner = {0};
    enum cr_status status = cr_json_parse(text, strlen(text), job_limits, &value, NULL);
    if (status == CR_OK && cr_json_check_strict(text, strlen(text), &inner) != CR_OK) {
        cr_json_free(value);
        return cr_err_set(err, CR_E_USAGE, "--set %.*s: %s", (int)(equals - set), set,
                          inner.text);
    }
    if (status != CR_OK) { // a bare word is a string: --set cell.maker=sim
        value = cr_json_new_string(text);
    }
    char *path = cr_strndup(set, (size_t)(equals - set));
    struct cr_json *changed = NULL;
    if (value == NULL || path == NULL) {
        cr_json_free(value);
    } else {
        changed = with(*root, path, value, false);
    }
    cr_free(path);
    if (changed == NULL) {
        bool is_secret = cr_check_is_secret(set);
        return cr_err_set(
            err, CR_E_USAGE,
            "--set %.*s: the path runs through a value that is not an object",
            (int)(is_secret ? (size_t)(equals - set) : strlen(set)), set);
    }
    cr_json_free(*root);
    *root = changed;
    return CR_OK;
}

// What cr_bundle_read works on.

struct reading {
    const struct cr_bundle_request *request;
    struct bundle_writer writer;
    struct cr_buf source; // the job file, comments blanked
    struct cr_buf scratch;
    struct cr_buf dir; // absolute folder of the job file
    struct cr_json *job;
};

static enum cr_status read_source(struct reading *reading, struct cr_err *err) {
    const char *path = reading->request->job_path;
    enum cr_status status = cr_file_read_any(path, &reading->source, err);
    if (status == CR_E_LIMIT) {
        return cr_err_set(err, CR_E_JOB,
                          "%s: larger than %d bytes, more than a job may be", path,
                          CR_JOB_BYTES_MAX);
    }
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
    status = cr_json_parse(text, bytes, job_limits, &reading->job, &inner);
    if (status == CR_OK) {
        status = cr_json_check_strict(text, bytes, &inner);
    }
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
    return cr_err_set(err, CR_E_JOB, "%s:%u:%u: %s: this key appears twice",
                      reading->request->job_path, line, column, path);
}

// The absolute folder of the job file: workers on other nodes start elsewhere. A pipe
// (plan <(...)) has none; its paths are relative to the folder the command runs in.
static enum cr_status find_dir(struct reading *reading, struct cr_err *err) {
    struct stat info;
    const char *path = reading->request->job_path;
    bool is_file = stat(path, &info) == 0 && S_ISREG(info.st_mode);
    char *real = is_file ? realpath(path, NULL) : NULL;
    bool has_folder = real != NULL;
    real = has_folder ? real : getcwd(NULL, 0);
    if (real == NULL) {
        return cr_err_set(err, CR_E_IO, "%s: its folder cannot be found: %s", path,
                          strerror(errno));
    }
    enum cr_status status = has_folder ? cr_path_dir(&reading->dir, real)
                                       : cr_buf_add_text(&reading->dir, real);
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

// A pipe could wait for ever, and a device has no end.
static bool is_special(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

// Small files are read with the others: then a change on the way harms nobody.
static bool is_read_in_place(const struct reading *reading, const char *path) {
    struct stat info;
    return reading->request->is_in_place && stat(path, &info) == 0 &&
           S_ISREG(info.st_mode) && info.st_size > IN_PLACE_BYTES;
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
    if (status == CR_OK && is_special(full.data)) {
        static const char what[] = "is not a file: a pipe, a device or a directory";
        snprintf(name, sizeof name, "problem/benchmark/%s", cr_json_key(benchmark));
        status = add_section(&reading->writer, name, what, sizeof what - 1);
    } else if (status == CR_OK && is_read_in_place(reading, full.data)) {
        snprintf(name, sizeof name, "file/benchmark/%s", cr_json_key(benchmark));
        status = add_section(&reading->writer, name, full.data, full.used_bytes);
    } else if (status == CR_OK) {
        status = cr_file_read(full.data, &bytes, &inner);
        bool is_read = status == CR_OK;
        snprintf(name, sizeof name, "%sbenchmark/%s", is_read ? "" : "problem/",
                 cr_json_key(benchmark));
        const char *what = is_read ? bytes.data : inner.text;
        size_t len = is_read ? bytes.used_bytes : strlen(inner.text);
        status = status == CR_E_MEMORY ? status
                                       : add_section(&reading->writer, name, what, len);
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
    struct bundle_writer *writer = &reading->writer;
    char name[64], shard[64];
    enum cr_status status =
        add_section(writer, "file", request->job_path, strlen(request->job_path));
    if (status == CR_OK) {
        status = add_section(writer, "dir", reading->dir.data, reading->dir.used_bytes);
    }
    if (status == CR_OK) {
        int len = snprintf(shard, sizeof shard, "%u/%u", request->shard,
                           request->shards == 0 ? 1 : request->shards);
        status = add_section(writer, "shard", shard, (size_t)len);
    }
    for (size_t i = 0; i < request->sets_len && status == CR_OK; i++) {
        snprintf(name, sizeof name, "set/%zu", i);
        status = add_section(writer, name, request->sets[i], strlen(request->sets[i]));
    }
    return status;
}

static enum cr_status add_job(struct reading *reading) {
    cr_buf_clear(&reading->scratch);
    enum cr_status status = cr_json_print(reading->job, false, &reading->scratch);
    if (status == CR_OK) {
        status = add_section(&reading->writer, "job", reading->scratch.data,
                             reading->scratch.used_bytes);
    }
    return status == CR_OK
               ? add_section(&reading->writer, "source", reading->source.data,
                             reading->source.used_bytes)
               : status;
}

static enum cr_status write_bundle(struct reading *reading, struct cr_buf *out,
                                   struct cr_err *err) {
    enum cr_status status = begin_bundle(&reading->writer, out);
    status = status == CR_OK ? add_request(reading) : status;
    status = status == CR_OK ? add_job(reading) : status;
    status = status == CR_OK ? add_benchmarks(reading) : status;
    status = status == CR_OK
                 ? add_prompts(&reading->writer, reading->job, reading->dir.data, err)
                 : status;
    return status == CR_OK ? end_bundle(&reading->writer) : status;
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
        status = apply_set(&reading.job, request->sets[i], err);
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
