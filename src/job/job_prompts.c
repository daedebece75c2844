// Prompt sets: "paper" comes first in the bundle, and fills in what the others lack.
#include <stdio.h>
#include <string.h>

#include "credence/job/bundle.h"
#include "credence/prompt/prompt.h"
#include "job/builder.h"

enum { SOURCES_MAX = 64, SETS_MAX = 256 };

// The sets of a bundle, as far as they were found.
struct found {
    const char *names[SETS_MAX];
    size_t len;
    struct cr_prompt_source sources[SOURCES_MAX]; // of the last of them
    size_t sources_len;
};

// The set and file of a section "prompts/SET/FILE" (SET may hold slashes), or the set
// alone of "problem/prompts/SET"; false for other sections.
static bool split(struct cr_job_builder *builder, const struct cr_section *section,
                  const char **set, const char **file) {
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

// Where the job file names SET, for a message.
static void place_of(const struct cr_job_builder *builder, const char *set,
                     char out[CR_PATH_MAX]) {
    const struct cr_json *grid = cr_json_get(builder->root, "grid");
    const struct cr_json *axis = cr_json_get(grid, "prompts");
    size_t index = 0;
    snprintf(out, CR_PATH_MAX, "cell.prompts");
    for (const struct cr_json *c = cr_json_first(axis); c != NULL;
         c = cr_json_next(c)) {
        const char *name = cr_json_string(c);
        if (name != NULL && strcmp(name, set) == 0) {
            cr_key_path_element(out, "grid.prompts", index);
        }
        index++;
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

static void report_absent(struct cr_job_builder *builder, const char *set,
                          const struct cr_section *section) {
    char path[CR_PATH_MAX];
    place_of(builder, set, path);
    cr_check_mistake(&builder->check, path,
                     "found '%s', expected a shipped prompt set such as 'paper' or a "
                     "folder of templates (%.*s holds none)",
                     set, (int)section->len, section->bytes);
}

static void take_section(struct cr_job_builder *builder, struct found *found,
                         const struct cr_section *section) {
    const char *set, *file;
    if (!split(builder, section, &set, &file)) {
        return;
    }
    if (file == NULL) {
        report_absent(builder, set, section);
        return;
    }
    bool is_new = found->sources_len == 0 || found->len == 0 ||
                  strcmp(found->names[found->len - 1], set) != 0;
    if (is_new) {
        finish_set(builder, found);
        if (found->len == SETS_MAX) {
            cr_check_mistake(&builder->check, "", "more than %d prompt sets", SETS_MAX);
            return;
        }
        found->names[found->len++] = set;
    }
    if (found->sources_len < SOURCES_MAX) {
        found->sources[found->sources_len++] =
            (struct cr_prompt_source){file, section->bytes, section->len};
    }
}

void cr_job_read_prompts(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    struct found *found = cr_job_builder_alloc(builder, 1, sizeof *found);
    struct cr_section section;
    size_t at = 0;
    job->prompts = cr_job_builder_alloc(builder, SETS_MAX, sizeof *job->prompts);
    if (found == NULL || job->prompts == NULL) {
        return;
    }
    while (cr_bundle_next(builder->bundle, builder->bundle_len, &at, &section)) {
        take_section(builder, found, &section);
    }
    finish_set(builder, found);
    builder->check.names[CR_NAMES_PROMPTS] =
        (struct cr_names){found->names, found->len};
}
