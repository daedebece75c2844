// A job from its bundle. Every step reports its mistakes to the check and goes on, so
// that one pass finds them all; what a mistake leaves half made is never handed out.
#include "credence/job_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/bundle.h"
#include "credence/client.h"
#include "credence/prompt.h"
#include "run/bundle.h"
#include "run/job_parts.h"

enum { SETS_MAX = 1024 };

void *cr_making_alloc(struct cr_making *making, size_t len, size_t element_bytes) {
    size_t bytes = (len == 0 ? 1 : len) * element_bytes;
    void *block = cr_arena_alloc(&making->check.job->arena, bytes);
    if (block == NULL) {
        cr_check_memory(&making->check);
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

// The text of section NAME as a string in the arena; "" when there is none.
static const char *section_text(struct cr_making *making, const char *name) {
    struct cr_section section = {0};
    const char *text = NULL;
    if (!cr_bundle_find(making->bundle, making->bundle_len, name, &section)) {
        return "";
    }
    text = cr_arena_strndup(&making->check.job->arena, section.bytes, section.len);
    if (text == NULL) {
        cr_check_memory(&making->check);
        return "";
    }
    return text;
}

static void read_known_names(struct cr_making *making) {
    for (int i = 0; i < CR_NAMES_OF_JOB; i++) {
        const char **names = cr_making_alloc(making, CR_KNOWN_NAMES_MAX, sizeof *names);
        size_t len = names == NULL ? 0 : cr_names_known((enum cr_names_from)i, names);
        making->check.names[i] = (struct cr_names){names, len};
    }
}

static void read_request(struct cr_making *making) {
    struct cr_check *check = &making->check;
    char name[32];
    const char **sets = cr_making_alloc(making, SETS_MAX, sizeof *sets);
    check->file = section_text(making, "file");
    check->dir = section_text(making, "dir");
    check->source = section_text(making, "source");
    check->source_bytes = strlen(check->source);
    for (size_t i = 0; sets != NULL && i < SETS_MAX; i++) {
        snprintf(name, sizeof name, "set/%zu", i);
        const char *set = section_text(making, name);
        if (*set == '\0') {
            break;
        }
        sets[check->sets_len++] = set;
    }
    check->sets = sets;
    const char *shard = section_text(making, "shard");
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
    for (const struct cr_json *c = cr_json_first(value); c; c = cr_json_next(c)) {
        if (is_list) {
            cr_path_element(inner, path, index++);
        } else {
            cr_path_child(inner, path, cr_json_key(c));
        }
        refuse_secrets(check, c, inner);
    }
}

// The backends' own view of the models: "models.NAME.key: what", a line each.
static void check_backends(struct cr_making *making) {
    struct cr_err inner = {0};
    enum cr_status status = cr_client_check(making->check.job, &inner);
    if (status == CR_E_MEMORY) {
        cr_check_memory(&making->check);
    }
    char *rest = inner.text;
    while (status == CR_E_JOB && rest != NULL && *rest != '\0') {
        char *line = strsep(&rest, "\n");
        char *what = strstr(line, ": ");
        if (what != NULL) {
            *what = '\0';
            cr_check_mistake(&making->check, line, "%s", what + 2);
        } else {
            cr_check_mistake(&making->check, "models", "%s", line);
        }
    }
}

static void read_all(struct cr_making *making) {
    struct cr_check *check = &making->check;
    struct cr_target target = {
        .path = "", .out = check->job, .resolved = making->resolved};
    read_known_names(making);
    read_request(making);
    refuse_secrets(check, making->root, "");
    cr_check_object(check, &cr_keys_job, making->root, &target);
    cr_job_read_models(making);
    cr_job_read_benchmarks(making);
    cr_job_read_prompts(making);
    cr_job_read_propositions(making);
    cr_job_read_cells(making);
    if (check->mistakes_len == 0 && !check->is_out_of_memory) {
        cr_job_group_cells(making);
    }
    if (check->mistakes_len == 0 && !check->is_out_of_memory) {
        check_backends(making);
        cr_job_identify(making);
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

static enum cr_status parse_root(struct cr_making *making, struct cr_err *err) {
    struct cr_section section;
    if (!cr_bundle_find(making->bundle, making->bundle_len, "job", &section)) {
        return cr_err_set(err, CR_E_FORMAT, "job bundle holds no job");
    }
    // Merged from parts that were within the limits, printed without comments.
    struct cr_json_limits limits = {4 * (size_t)CR_JOB_BYTES_MAX, 2 * CR_JOB_DEPTH_MAX};
    return cr_json_parse(section.bytes, section.len, limits, &making->root, err);
}

enum cr_status cr_job_create(const void *bundle, size_t len, struct cr_job **out,
                             struct cr_err *err) {
    struct cr_making *making = cr_calloc(1, sizeof *making);
    struct cr_job *job = cr_calloc(1, sizeof *job);
    enum cr_status status = CR_E_MEMORY;
    if (making == NULL || job == NULL) {
        goto out;
    }
    making->check.job = job;
    making->check.file = "job";
    making->bundle = bundle;
    making->bundle_len = len;
    status = cr_bundle_check(bundle, len, err);
    status = status == CR_OK ? parse_root(making, err) : status;
    making->resolved = cr_json_new_object();
    if (status == CR_OK && making->resolved == NULL) {
        status = CR_E_MEMORY;
    }
    if (status == CR_OK) {
        read_all(making);
        status = report(&making->check, err);
    }
    if (status == CR_OK) {
        *out = job;
        job = NULL;
    }
out:
    cr_job_free(job);
    if (making != NULL) {
        cr_json_free(making->resolved);
        cr_json_free(making->root);
    }
    cr_free(making);
    return status;
}

void cr_job_free(struct cr_job *job) {
    if (job == NULL) {
        return;
    }
    for (uint32_t i = 0; job->prompts != NULL && i < job->prompts_len; i++) {
        // The job holds them read-only; whoever made the job made them.
        cr_prompt_set_destroy((struct cr_prompt_set *)(uintptr_t)job->prompts[i]);
    }
    cr_job_destroy(job);
}
