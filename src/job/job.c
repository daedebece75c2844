// A job from its bundle. Every step reports its mistakes to the check and goes on, so
// that one pass finds them all; what a mistake leaves half made is never handed out.
#include "credence/job/job_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/bench/bench.h"
#include "credence/job/bundle.h"
#include "credence/model/client.h"
#include "credence/prompt/prompt.h"
#include "job/builder.h"

// Benchmarks: their rows, then their propositions from the bytes in the bundle.

// Whether NAME is one of the names in NAMES, which '|' parts.
static bool is_among(const char *names, const char *name) {
    size_t len = strlen(name);
    while (*names != '\0') {
        size_t bytes = strcspn(names, "|");
        if (bytes == len && memcmp(names, name, len) == 0) {
            return true;
        }
        names += bytes + (names[bytes] == '|');
    }
    return false;
}

static bool is_table(const struct cr_benchmark *benchmark) {
    return benchmark->format != NULL && strcmp(benchmark->format, "table") == 0;
}

// "columns" may name what the format reads.
static void check_columns(struct cr_check *check, const struct cr_benchmark *benchmark,
                          const char *parent) {
    const char *names[CR_BENCH_NAMES_MAX];
    char path[CR_PATH_MAX], inner[CR_PATH_MAX];
    int format = benchmark->format != NULL ? cr_bench_find(benchmark->format) : -1;
    size_t len = format < 0 ? 0 : cr_bench_columns(format, names), columns_len = 0;
    cr_key_path_child(path, parent, "columns");
    for (uint32_t i = 0; i < benchmark->columns.len && format >= 0; i++) {
        const struct cr_binding *binding = &benchmark->columns.at[i];
        bool is_known = false;
        cr_key_path_child(inner, path, binding->name);
        for (size_t k = 0; k < len; k++) {
            is_known = is_known || is_among(names[k], binding->name);
        }
        columns_len += binding->values_len;
        bool is_list = binding->values_len > 1 &&
                       strcmp(binding->name, "options") != 0 &&
                       strcmp(binding->name, "context") != 0 &&
                       strcmp(binding->name, "question") != 0;
        if (!is_known) {
            cr_check_unknown(check, inner, binding->name,
                             (struct cr_names){names, len});
        } else if (is_list) {
            cr_check_mistake(check, inner, "a list of columns, expected one column");
        }
    }
    if (columns_len > CR_BENCH_COLUMNS_MAX) {
        cr_check_mistake(check, path, "more than %d columns", CR_BENCH_COLUMNS_MAX);
    }
    if (is_table(benchmark) && benchmark->columns.len == 0) {
        cr_check_mistake(check, parent,
                         "format 'table' needs \"columns\": what the file's columns "
                         "are (credence help data)");
    }
}

// Names of variables in run.h5 that its own ones do not have.
static void check_kept(struct cr_check *check, const struct cr_benchmark *benchmark,
                       const char *parent) {
    static const char *const own[] = {"id",    "question_id", "benchmark", "space",
                                      "label", "n_outcomes",  "value",     "low",
                                      "high",  "unit",        "text",      "options"};
    char path[CR_PATH_MAX];
    cr_key_path_child(path, parent, "keep");
    if (benchmark->keep.len > CR_BENCH_KEEP_MAX) {
        cr_check_mistake(check, path, "more than %d columns", CR_BENCH_KEEP_MAX);
    }
    for (uint32_t i = 0; i < benchmark->keep.len; i++) {
        const struct cr_binding *kept = &benchmark->keep.at[i];
        bool is_own = false, is_twice = false;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
            is_own = is_own || strcmp(own[k], kept->name) == 0;
        }
        for (uint32_t k = 0; k < i; k++) {
            is_twice = is_twice || strcmp(benchmark->keep.at[k].name, kept->name) == 0;
        }
        if (is_own) {
            cr_check_mistake(check, path,
                             "'%s' is a name of run.h5's own; give it another: "
                             "{\"item_%s\": \"%s\"}",
                             kept->name, kept->name, kept->name);
        } else if (is_twice) {
            cr_check_mistake(check, path, "'%s' appears twice", kept->name);
        } else if (strchr(kept->name, '/') != NULL || kept->values_len != 1) {
            cr_check_mistake(check, path,
                             "'%s': expected one column, and a name without '/'",
                             kept->name);
        }
    }
}

// What only some formats know, and what needs another key.
static void check_items(struct cr_check *check, const struct cr_benchmark *benchmark,
                        const char *parent) {
    char path[CR_PATH_MAX];
    bool is_auto =
        benchmark->answers == NULL || strcmp(benchmark->answers, "auto") == 0;
    const struct {
        const char *key;
        bool is_set;
    } rows[] = {{"answers", !is_auto},
                {"range", !isnan(benchmark->low)},
                {"unit", benchmark->unit != NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].is_set && benchmark->format != NULL && !is_table(benchmark)) {
            cr_key_path_child(path, parent, rows[i].key);
            cr_check_mistake(check, path,
                             "means nothing to format '%s', only to 'table'",
                             benchmark->format);
        }
    }
    if (benchmark->stratify != NULL && benchmark->sample == 0) {
        cr_key_path_child(path, parent, "stratify");
        cr_check_mistake(check, path, "means nothing without \"sample\"");
    }
}

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
    check_columns(check, benchmark, path);
    check_kept(check, benchmark, path);
    check_items(check, benchmark, path);
    cr_check_append(check, all, cr_json_key(object), resolved);
}

static void read_all_benchmarks(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    const struct cr_json *all = cr_json_get(builder->root, "benchmarks");
    struct cr_json *resolved = cr_json_new_object();
    size_t len = cr_json_type(all) == CR_JSON_OBJECT ? cr_json_len(all) : 0;
    const char **names = cr_check_alloc(&builder->check, len, sizeof *names);
    job->benchmarks = cr_check_alloc(&builder->check, len, sizeof *job->benchmarks);
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
    builder->check.names[CR_NAMES_BENCHMARKS] =
        (struct cr_names){names, job->benchmarks_len};
    cr_check_put(&builder->check, builder->resolved, "benchmarks", resolved);
}

static void read_text(struct cr_job_builder *builder, struct cr_benchmark *benchmark,
                      const struct cr_bundle_section *section, const char *path,
                      bool is_named) {
    struct cr_err inner = {0};
    uint64_t seed = builder->check.job->seed;
    enum cr_status status = CR_E_MEMORY;
    if (is_named) {
        const char *file =
            cr_arena_strndup(&builder->check.job->arena, section->bytes, section->len);
        status = file != NULL ? cr_bench_read_file(benchmark, file, seed, &inner)
                              : CR_E_MEMORY;
    } else {
        status = cr_bench_read(benchmark, section->bytes, section->len, seed, &inner);
    }
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
    struct cr_bundle_section section;
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
        read_text(builder, benchmark, &section, path, false);
    } else {
        snprintf(name, sizeof name, "file/benchmark/%s", benchmark->name);
        if (cr_bundle_find(builder->bundle, builder->bundle_len, name, &section)) {
            read_text(builder, benchmark, &section, path, true);
        }
    }
}

static void read_all_propositions(struct cr_job_builder *builder) {
    const struct cr_job *job = builder->check.job;
    for (uint32_t i = 0; i < job->benchmarks_len; i++) {
        struct cr_benchmark *benchmark = &job->benchmarks[i];
        if (benchmark->name != NULL && benchmark->format != NULL &&
            benchmark->path != NULL) {
            read_propositions(builder, benchmark);
        }
    }
}

// Prompt sets: "paper" comes first in the bundle, and fills in what the others lack.

enum { SOURCES_MAX = 128, PROMPT_SETS_MAX = 256 };

// The sets of a bundle, as far as they were found.
struct found {
    const char *names[PROMPT_SETS_MAX];
    size_t len;
    struct cr_prompt_source sources[SOURCES_MAX]; // of the last of them
    size_t sources_len;
    const char *absent[PROMPT_SETS_MAX]; // and reported
    size_t absent_len;
};

// The set and file of a section "prompts/SET/FILE" (SET may hold slashes), or the set
// alone of "problem/prompts/SET"; false for other sections.
static bool split(struct cr_job_builder *builder,
                  const struct cr_bundle_section *section, const char **set,
                  const char **file) {
    static const char good[] = "prompts/", bad[] = "problem/prompts/";
    struct cr_arena *arena = &builder->check.job->arena;
    bool is_bad = section->name_len >= sizeof bad &&
                  memcmp(section->name, bad, sizeof bad - 1) == 0;
    size_t skip = is_bad ? sizeof bad - 1 : sizeof good - 1;
    size_t end = section->name_len;
    *file = NULL;
    *set = NULL;
    if (!is_bad && (end < sizeof good || memcmp(section->name, good, skip) != 0)) {
        return false;
    }
    if (!is_bad) {
        while (end > skip && section->name[end - 1] != '/') {
            end--;
        }
        *file = cr_arena_strndup(arena, section->name + end, section->name_len - end);
        end--;
    }
    *set = cr_arena_strndup(arena, section->name + skip, end - skip);
    return *set != NULL;
}

static bool is_name(const struct cr_json *value, const char *name) {
    const char *text = cr_json_string(value);
    return text != NULL && strcmp(text, name) == 0;
}

// Whether VALUE at PATH (a name, or an object of two) names SET; then OUT says where.
static bool find_name(const struct cr_json *value, const char *path, const char *set,
                      char out[CR_PATH_MAX]) {
    if (is_name(value, set)) {
        snprintf(out, CR_PATH_MAX, "%s", path);
        return true;
    }
    bool is_object = cr_json_type(value) == CR_JSON_OBJECT;
    for (const struct cr_json *c = is_object ? cr_json_first(value) : NULL; c != NULL;
         c = cr_json_next(c)) {
        if (is_name(c, set)) {
            cr_key_path_child(out, path, cr_json_key(c));
            return true;
        }
    }
    return false;
}

// Where the job file names SET, for a message.
static void place_of(const struct cr_job_builder *builder, const char *set,
                     char out[CR_PATH_MAX]) {
    static const char *const paths[] = {"prompts", "prompts.maker", "prompts.trader"};
    char place[CR_PATH_MAX], element[CR_PATH_MAX];
    snprintf(out, CR_PATH_MAX, "cell.prompts");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        cr_key_path_child(place, "cell", paths[i]);
        (void)find_name(cr_json_get(cr_json_get(builder->root, "cell"), paths[i]),
                        place, set, out);
        const struct cr_json *axis =
            cr_json_get(cr_json_get(builder->root, "grid"), paths[i]);
        size_t index = 0;
        cr_key_path_child(place, "grid", paths[i]);
        bool is_list = cr_json_type(axis) == CR_JSON_ARRAY;
        for (const struct cr_json *c = is_list ? cr_json_first(axis) : NULL; c != NULL;
             c = cr_json_next(c)) {
            cr_key_path_element(element, place, index++);
            (void)find_name(c, element, set, out);
        }
    }
}

static void finish_set(struct cr_job_builder *builder, struct found *found) {
    struct cr_job *job = builder->check.job;
    struct cr_prompt_set *set = NULL;
    struct cr_err inner = {0};
    char path[CR_PATH_MAX];
    if (found->sources_len == 0) {
        return;
    }
    const char *name = found->names[found->len - 1];
    const struct cr_prompt_set *base = job->prompts_len > 0 ? job->prompts[0] : NULL;
    enum cr_status status = cr_prompt_set_create(
        name, (struct cr_prompt_sources){found->sources, found->sources_len}, base,
        &set, &inner);
    found->sources_len = 0;
    if (status == CR_OK) {
        job->prompts[job->prompts_len++] = set;
        return;
    }
    found->len--;
    if (status == CR_E_MEMORY) {
        cr_check_memory(&builder->check);
        return;
    }
    place_of(builder, name, path);
    cr_check_mistake(&builder->check, path, "%s", inner.text);
}

static void report_absent(struct cr_job_builder *builder, struct found *found,
                          const char *set, const struct cr_bundle_section *section) {
    char path[CR_PATH_MAX];
    place_of(builder, set, path);
    cr_check_mistake(&builder->check, path,
                     "found '%s', expected a shipped prompt set such as 'paper' or a "
                     "folder of templates (%.*s holds none)",
                     set, (int)section->len, section->bytes);
    if (found->absent_len < PROMPT_SETS_MAX) {
        found->absent[found->absent_len++] = set;
    }
}

static void take_section(struct cr_job_builder *builder, struct found *found,
                         const struct cr_bundle_section *section) {
    const char *set, *file;
    if (!split(builder, section, &set, &file)) {
        return;
    }
    if (file == NULL) {
        report_absent(builder, found, set, section);
        return;
    }
    bool is_new = found->sources_len == 0 || found->len == 0 ||
                  strcmp(found->names[found->len - 1], set) != 0;
    if (is_new) {
        finish_set(builder, found);
        if (found->len == PROMPT_SETS_MAX) {
            cr_check_mistake(&builder->check, "", "more than %d prompt sets",
                             PROMPT_SETS_MAX);
            return;
        }
        found->names[found->len++] = set;
    }
    if (found->sources_len < SOURCES_MAX) {
        found->sources[found->sources_len++] =
            (struct cr_prompt_source){file, section->bytes, section->len};
    }
}

static void read_all_prompts(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    struct found *found = cr_check_alloc(&builder->check, 1, sizeof *found);
    struct cr_bundle_section section;
    size_t at = 0;
    job->prompts =
        cr_check_alloc(&builder->check, PROMPT_SETS_MAX, sizeof *job->prompts);
    if (found == NULL || job->prompts == NULL) {
        return;
    }
    while (cr_bundle_next(builder->bundle, builder->bundle_len, &at, &section)) {
        take_section(builder, found, &section);
    }
    finish_set(builder, found);
    builder->check.names[CR_NAMES_PROMPTS] =
        (struct cr_names){found->names, found->len};
    builder->check.absent_prompts = (struct cr_names){found->absent, found->absent_len};
}

enum { SETS_MAX = 1024, NAME_BYTES_MAX = 200 };

// The text of section NAME as a string in the arena; "" when there is none.
static const char *section_text(struct cr_job_builder *builder, const char *name) {
    struct cr_bundle_section section = {0};
    const char *text = NULL;
    if (!cr_bundle_find(builder->bundle, builder->bundle_len, name, &section)) {
        return "";
    }
    text = cr_arena_strndup(&builder->check.job->arena, section.bytes, section.len);
    if (text == NULL) {
        cr_check_memory(&builder->check);
        return "";
    }
    return text;
}

static void read_known_names(struct cr_job_builder *builder) {
    for (int i = 0; i < CR_NAMES_OF_JOB; i++) {
        const char **names =
            cr_check_alloc(&builder->check, CR_KNOWN_NAMES_MAX, sizeof *names);
        size_t len = names == NULL ? 0 : cr_names_known((enum cr_names_from)i, names);
        builder->check.names[i] = (struct cr_names){names, len};
    }
}

static void read_request(struct cr_job_builder *builder) {
    struct cr_check *check = &builder->check;
    char name[32];
    const char **sets = cr_check_alloc(&builder->check, SETS_MAX, sizeof *sets);
    check->file = section_text(builder, "file");
    check->dir = section_text(builder, "dir");
    check->source = section_text(builder, "source");
    check->source_bytes = strlen(check->source);
    for (size_t i = 0; sets != NULL && i < SETS_MAX; i++) {
        snprintf(name, sizeof name, "set/%zu", i);
        const char *set = section_text(builder, name);
        if (*set == '\0') {
            break;
        }
        sets[check->sets_len++] = set;
    }
    check->sets = sets;
    const char *shard = section_text(builder, "shard");
    char *end = NULL;
    check->job->shard = (uint32_t)strtoul(shard, &end, 10);
    check->job->shards = *end == '/' ? (uint32_t)strtoul(end + 1, NULL, 10) : 1;
}

static void refuse_secrets(struct cr_check *check, const struct cr_json *value,
                           const char *path) {
    char inner[CR_PATH_MAX];
    size_t index = 0;
    const char *text = cr_json_string(value);
    if (text != NULL && cr_check_is_secret(text)) {
        cr_check_mistake(
            check, path,
            "looks like a key or a password; a job file holds none: name it by "
            "api_key_env or api_key_file");
    }
    bool is_list = cr_json_type(value) == CR_JSON_ARRAY;
    for (const struct cr_json *c = cr_json_first(value); c != NULL;
         c = cr_json_next(c)) {
        if (is_list) {
            cr_key_path_element(inner, path, index++);
        } else {
            cr_key_path_child(inner, path, cr_json_key(c));
        }
        refuse_secrets(check, c, inner);
    }
}

// The backends' own view of the models: "models.NAME.key: what", a line each.
static void check_backends(struct cr_job_builder *builder) {
    struct cr_err inner = {0};
    enum cr_status status = cr_client_check(builder->check.job, &inner);
    if (status == CR_E_MEMORY) {
        cr_check_memory(&builder->check);
    }
    char *rest = inner.text;
    while (status == CR_E_JOB && rest != NULL && *rest != '\0') {
        char *line = strsep(&rest, "\n");
        char *what = strstr(line, ": ");
        if (what != NULL) {
            *what = '\0';
            cr_check_mistake(&builder->check, line, "%s", what + 2);
        } else {
            cr_check_mistake(&builder->check, "models", "%s", line);
        }
    }
}

// A name is shown, and names a folder: never a path of its own.
static void check_name(struct cr_check *check) {
    const char *name = check->job->name;
    if (name == NULL) {
        return; // reported with the keys of the job
    }
    bool has_control = false;
    for (const char *c = name; *c != '\0'; c++) {
        has_control = has_control || (unsigned char)*c < 0x20 || *c == 0x7F;
    }
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0) {
        cr_check_mistake(check, "name", "a name is not a path: no '/', no '.' or '..'");
    } else if (has_control) {
        cr_check_mistake(check, "name",
                         "holds a control character, expected plain text");
    } else if (strlen(name) > NAME_BYTES_MAX) {
        cr_check_mistake(check, "name", "%zu bytes, at most %d are allowed",
                         strlen(name), NAME_BYTES_MAX);
    }
}

static void check_length(struct cr_check *check, const char *path, const char *name) {
    if (name != NULL && strlen(name) > NAME_BYTES_MAX) {
        cr_check_mistake(check, path,
                         "the name '%.40s...' has %zu bytes, at most %d are allowed",
                         name, strlen(name), NAME_BYTES_MAX);
    }
}

// Names are columns of tables, lines of status and parts of messages.
static void check_names(struct cr_job_builder *builder) {
    static const char *const named[] = {"models", "benchmarks"}, *const listed[] = {
                                                                     "cells",
                                                                     "hypotheses"};
    for (size_t i = 0; i < 2; i++) {
        const struct cr_json *all = cr_json_get(builder->root, named[i]);
        bool is_object = cr_json_type(all) == CR_JSON_OBJECT;
        for (const struct cr_json *c = is_object ? cr_json_first(all) : NULL; c != NULL;
             c = cr_json_next(c)) {
            check_length(&builder->check, named[i], cr_json_key(c));
        }
        all = cr_json_get(builder->root, listed[i]);
        bool is_list = cr_json_type(all) == CR_JSON_ARRAY;
        for (const struct cr_json *c = is_list ? cr_json_first(all) : NULL; c != NULL;
             c = cr_json_next(c)) {
            check_length(&builder->check, listed[i],
                         cr_json_string(cr_json_get(c, "name")));
        }
    }
}

static void read_all(struct cr_job_builder *builder) {
    struct cr_check *check = &builder->check;
    struct cr_check_target target = {
        .path = "", .out = check->job, .resolved = builder->resolved};
    read_known_names(builder);
    read_request(builder);
    refuse_secrets(check, builder->root, "");
    cr_check_object(check, &cr_keys_job, builder->root, &target);
    check_name(check);
    check_names(builder);
    cr_job_read_models(builder);
    read_all_benchmarks(builder);
    read_all_prompts(builder);
    read_all_propositions(builder);
    cr_job_read_cells(builder);
    cr_job_read_hypotheses(builder);
    if (check->mistakes_len == 0 && !check->is_out_of_memory) {
        cr_job_group_cells(builder);
    }
    if (check->mistakes_len == 0 && !check->is_out_of_memory) {
        check_backends(builder);
        cr_job_identify(builder);
    }
}

static enum cr_status report(const struct cr_check *check, struct cr_err *err) {
    if (check->is_out_of_memory) {
        return cr_err_set(err, CR_E_MEMORY, "%s: out of memory", check->file);
    }
    if (check->mistakes_len == 0) {
        return CR_OK;
    }
    enum cr_status status = cr_err_set(err, CR_E_JOB, "%s", check->mistakes.text);
    if (check->mistakes_len > CR_MISTAKES_MAX) {
        cr_err_add_line(err, "%s: and %zu more", check->file,
                        check->mistakes_len - CR_MISTAKES_MAX);
    }
    return status;
}

static enum cr_status parse_root(struct cr_job_builder *builder, struct cr_err *err) {
    struct cr_bundle_section section;
    if (!cr_bundle_find(builder->bundle, builder->bundle_len, "job", &section)) {
        return cr_err_set(err, CR_E_FORMAT, "job bundle holds no job");
    }
    // Merged from parts that were within the limits, printed without comments.
    struct cr_json_limits limits = {4 * (size_t)CR_JOB_BYTES_MAX, 2 * CR_JOB_DEPTH_MAX};
    return cr_json_parse(section.bytes, section.len, limits, &builder->root, err);
}

enum cr_status cr_job_create(const void *bundle, size_t len, struct cr_job **out,
                             struct cr_err *err) {
    struct cr_job_builder *builder = cr_calloc(1, sizeof *builder);
    struct cr_job *job = cr_calloc(1, sizeof *job);
    enum cr_status status = CR_E_MEMORY;
    if (builder == NULL || job == NULL) {
        goto out;
    }
    builder->check.job = job;
    builder->check.file = "job";
    builder->bundle = bundle;
    builder->bundle_len = len;
    status = cr_bundle_check(bundle, len, err);
    status = status == CR_OK ? parse_root(builder, err) : status;
    builder->resolved = cr_json_new_object();
    if (status == CR_OK && builder->resolved == NULL) {
        status = CR_E_MEMORY;
    }
    if (status == CR_OK) {
        read_all(builder);
        status = report(&builder->check, err);
    }
    if (status == CR_OK) {
        *out = job;
        job = NULL;
    }
out:
    cr_job_destroy(job);
    if (builder != NULL) {
        cr_json_free(builder->resolved);
        cr_json_free(builder->root);
    }
    cr_free(builder);
    return status;
}

void cr_job_destroy(struct cr_job *job) {
    if (job == NULL) {
        return;
    }
    for (uint32_t i = 0; job->prompts != NULL && i < job->prompts_len; i++) {
        // The job holds them read-only; whoever made the job made them.
        cr_prompt_set_destroy((struct cr_prompt_set *)(uintptr_t)job->prompts[i]);
    }
    for (uint32_t i = 0; job->benchmarks != NULL && i < job->benchmarks_len; i++) {
        cr_propositions_fini(&job->benchmarks[i].propositions);
    }
    cr_arena_fini(&job->arena); // the models, benchmarks, cells and texts live there
    cr_free(job);
}
