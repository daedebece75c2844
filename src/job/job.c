// A job from its bundle. Every step reports its mistakes to the check and goes on, so
// that one pass finds them all; what a mistake leaves half made is never handed out.
#include "credence/job/job_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/job/bundle.h"
#include "credence/model/client.h"
#include "credence/prompt/prompt.h"
#include "job/builder.h"
#include "job/bundle.h"

enum { SETS_MAX = 1024 };

void *cr_job_builder_alloc(struct cr_job_builder *builder, size_t len,
                           size_t element_bytes) {
    size_t bytes = (len == 0 ? 1 : len) * element_bytes;
    void *block = cr_arena_alloc(&builder->check.job->arena, bytes);
    if (block == NULL) {
        cr_check_memory(&builder->check);
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

// The text of section NAME as a string in the arena; "" when there is none.
static const char *section_text(struct cr_job_builder *builder, const char *name) {
    struct cr_section section = {0};
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
            cr_job_builder_alloc(builder, CR_KNOWN_NAMES_MAX, sizeof *names);
        size_t len = names == NULL ? 0 : cr_names_known((enum cr_names_from)i, names);
        builder->check.names[i] = (struct cr_names){names, len};
    }
}

static void read_request(struct cr_job_builder *builder) {
    struct cr_check *check = &builder->check;
    char name[32];
    const char **sets = cr_job_builder_alloc(builder, SETS_MAX, sizeof *sets);
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

// Words that only a key begins with, and the length from which it is one.
static bool is_secret(const char *text) {
    static const char *const prefixes[] = {"sk-",  "sk_",  "Bearer ", "hf_",
                                           "AIza", "xai-", "gsk_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], len) == 0) {
            return strlen(text) >= len + 16 && strcspn(text + len, " /\t\n") >= 16;
        }
    }
    return false;
}

static void refuse_secrets(struct cr_check *check, const struct cr_json *value,
                           const char *path) {
    char inner[CR_PATH_MAX];
    size_t index = 0;
    const char *text = cr_json_string(value);
    if (text != NULL && is_secret(text)) {
        cr_check_mistake(check, path,
                         "looks like a key; a job file holds none: name it by "
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

static void read_all(struct cr_job_builder *builder) {
    struct cr_check *check = &builder->check;
    struct cr_check_target target = {
        .path = "", .out = check->job, .resolved = builder->resolved};
    read_known_names(builder);
    read_request(builder);
    refuse_secrets(check, builder->root, "");
    cr_check_object(check, &cr_keys_job, builder->root, &target);
    cr_job_read_models(builder);
    cr_job_read_benchmarks(builder);
    cr_job_read_prompts(builder);
    cr_job_read_propositions(builder);
    cr_job_read_cells(builder);
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
    struct cr_section section;
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
