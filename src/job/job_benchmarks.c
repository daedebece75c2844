// Benchmarks: their rows, then their propositions from the bytes in the bundle.
#include <stdio.h>
#include <string.h>

#include "credence/bench/bench.h"
#include "credence/job/bundle.h"
#include "job/builder.h"

static void read_benchmark(struct cr_job_builder *builder, const struct cr_json *object,
                           struct cr_benchmark *benchmark, struct cr_json *all) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX];
    cr_key_path_child(path, "benchmarks", cr_json_key(object));
    benchmark->name = cr_arena_strdup(&check->job->arena, cr_json_key(object));
    if (benchmark->name == NULL) {
        cr_check_memory(check);
        return;
    }
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        cr_check_mistake(check, path,
                         "found %s, expected an object with a benchmark's "
                         "keys",
                         cr_json_type_name(cr_json_type(object)));
        return;
    }
    struct cr_json *resolved = cr_json_new_object();
    struct cr_check_target target = {
        .path = path, .out = benchmark, .resolved = resolved};
    cr_check_object(check, &cr_keys_benchmark, object, &target);
    cr_check_put(check, all, cr_json_key(object), resolved);
}

void cr_job_read_benchmarks(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    const struct cr_json *all = cr_json_get(builder->root, "benchmarks");
    struct cr_json *resolved = cr_json_new_object();
    size_t len = cr_json_type(all) == CR_JSON_OBJECT ? cr_json_len(all) : 0;
    const char **names = cr_job_builder_alloc(builder, len, sizeof *names);
    job->benchmarks = cr_job_builder_alloc(builder, len, sizeof *job->benchmarks);
    if (names != NULL && job->benchmarks != NULL && len > 0) {
        for (const struct cr_json *c = cr_json_first(all); c != NULL;
             c = cr_json_next(c)) {
            read_benchmark(builder, c, &job->benchmarks[job->benchmarks_len], resolved);
            names[job->benchmarks_len++] = cr_json_key(c);
        }
    }
    if (cr_json_type(all) == CR_JSON_OBJECT && len == 0) {
        cr_check_mistake(&builder->check, "benchmarks",
                         "names no benchmark, expected at least one");
    }
    builder->check.names[CR_NAMES_BENCHMARKS] = (struct cr_names){names, len};
    cr_check_put(&builder->check, builder->resolved, "benchmarks", resolved);
}

static void read_text(struct cr_job_builder *builder, struct cr_benchmark *benchmark,
                      const struct cr_section *section, const char *path) {
    struct cr_err inner = {0};
    benchmark->bytes_hash = cr_hash128(section->bytes, section->len, 0);
    // A reader wants a text with a NUL behind it, which a section does not have.
    char *text = cr_strndup(section->bytes, section->len);
    if (text == NULL) {
        cr_check_memory(&builder->check);
        return;
    }
    enum cr_status status =
        cr_bench_read(benchmark, text, section->len, builder->check.job->seed, &inner);
    cr_free(text);
    if (status == CR_E_MEMORY) {
        cr_check_memory(&builder->check);
    } else if (status != CR_OK) {
        cr_check_mistake(&builder->check, path, "%s", inner.text);
    } else if (benchmark->propositions.len == 0) {
        cr_check_mistake(&builder->check, path, "gives no proposition (%s)",
                         benchmark->path);
    }
}

static void read_propositions(struct cr_job_builder *builder,
                              struct cr_benchmark *benchmark) {
    struct cr_check *check = &builder->check;
    char path[CR_PATH_MAX], parent[CR_PATH_MAX], name[CR_PATH_MAX];
    struct cr_section section;
    cr_key_path_child(parent, "benchmarks", benchmark->name);
    int format = cr_bench_find(benchmark->format);
    if (!cr_bench_can_frame(format, benchmark->framing)) {
        cr_key_path_child(path, parent, "framing");
        cr_check_mistake(check, path,
                         "a benchmark of format '%s' cannot be framed as %s",
                         benchmark->format, cr_space_names[benchmark->framing]);
        return;
    }
    cr_key_path_child(path, parent, "path");
    snprintf(name, sizeof name, "problem/benchmark/%s", benchmark->name);
    if (cr_bundle_find(builder->bundle, builder->bundle_len, name, &section)) {
        cr_check_mistake(check, path, "%.*s", (int)section.len, section.bytes);
    } else if (cr_bundle_find(builder->bundle, builder->bundle_len,
                              name + strlen("problem/"), &section)) {
        read_text(builder, benchmark, &section, path);
    }
}

void cr_job_read_propositions(struct cr_job_builder *builder) {
    const struct cr_job *job = builder->check.job;
    for (uint32_t i = 0; i < job->benchmarks_len; i++) {
        struct cr_benchmark *benchmark = &job->benchmarks[i];
        if (benchmark->name != NULL && benchmark->format != NULL &&
            benchmark->path != NULL) {
            read_propositions(builder, benchmark);
        }
    }
}
