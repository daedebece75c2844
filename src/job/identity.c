// What makes two jobs the same job: all that shapes an answer or a row of the result,
// and nothing of how fast, how dear or where it is run. Budgets, limits, endpoints,
// servers, prices, keys, headers, caches, the name, replicates and benchmark limits may
// change between two launches into one directory; the last two only add or leave out
// episodes.
#include <stdlib.h>
#include <string.h>

#include "credence/job/bundle.h"
#include "credence/prompt/prompt.h"
#include "job/builder.h"

bool cr_model_identity(const struct cr_model *model, struct cr_hash *out) {
    const struct cr_sim_dials *sim = &model->sim;
    double numbers[] = {model->temperature,
                        sim->competence,
                        sim->noise,
                        sim->stubbornness,
                        sim->persuasion,
                        sim->strength,
                        sim->malformed,
                        sim->rate,
                        (double)sim->behaviour,
                        model->max_tokens,
                        model->send_seed ? 1 : 0};
    const char *texts[] = {model->model, model->params, model->extra,
                           model->structured};
    struct cr_hasher hasher;
    if (cr_hasher_init(&hasher) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = texts[i] == NULL ? "" : texts[i];
        cr_hasher_add(&hasher, text, strlen(text));
    }
    cr_hasher_add(&hasher, numbers, sizeof numbers);
    *out = cr_hasher_digest(&hasher);
    cr_hasher_fini(&hasher);
    return true;
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(cr_json_key(*(const struct cr_json *const *)a),
                  cr_json_key(*(const struct cr_json *const *)b));
}

static struct cr_json *sorted_copy(const struct cr_json *value);

static struct cr_json *sorted_object(const struct cr_json *value) {
    size_t len = cr_json_len(value), i = 0;
    const struct cr_json **members = cr_calloc(len + 1, sizeof *members);
    struct cr_json *copy = members == NULL ? NULL : cr_json_new_object();
    for (const struct cr_json *c = cr_json_first(value); c != NULL && copy != NULL;
         c = cr_json_next(c)) {
        members[i++] = c;
    }
    if (copy != NULL) {
        qsort(members, len, sizeof *members, compare_keys);
    }
    for (i = 0; i < len && copy != NULL; i++) {
        struct cr_json *child = sorted_copy(members[i]);
        if (child == NULL ||
            cr_json_put(copy, cr_json_key(members[i]), child) != CR_OK) {
            cr_json_free(copy);
            copy = NULL;
        }
    }
    cr_free(members);
    return copy;
}

// VALUE with the members of every object in the order of their names; NULL without
// memory.
static struct cr_json *sorted_copy(const struct cr_json *value) {
    if (cr_json_type(value) == CR_JSON_OBJECT) {
        return sorted_object(value);
    }
    if (cr_json_type(value) != CR_JSON_ARRAY) {
        return cr_json_copy(value);
    }
    struct cr_json *copy = cr_json_new_array();
    for (const struct cr_json *c = cr_json_first(value); c != NULL && copy != NULL;
         c = cr_json_next(c)) {
        struct cr_json *child = sorted_copy(c);
        if (child == NULL || cr_json_push(copy, child) != CR_OK) {
            cr_json_free(copy);
            copy = NULL;
        }
    }
    return copy;
}

// The members of OBJECT that their rows say shape an answer.
static struct cr_json *shaping(struct cr_check *check, const struct cr_key_table *table,
                               const struct cr_json *object) {
    struct cr_json *out = cr_json_new_object();
    for (size_t i = 0; i < table->len && out != NULL; i++) {
        const struct cr_key *key = &table->keys[i];
        const struct cr_json *member = cr_json_get(object, key->name);
        if (key->shapes && member != NULL) {
            cr_check_put(check, out, key->name, cr_json_copy(member));
        }
    }
    return out;
}

static bool model_is_used(const struct cr_job *job, uint32_t model) {
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        bool is_used = cell->maker == model;
        for (uint32_t k = 0; k < cell->traders_len; k++) {
            is_used = is_used || cell->traders[k] == model;
        }
        if (is_used) {
            return true;
        }
    }
    return false;
}

static bool benchmark_is_used(const struct cr_job *job, uint32_t benchmark) {
    for (uint32_t i = 0; i < job->cells_len; i++) {
        if (job->cells[i].benchmark == benchmark) {
            return true;
        }
    }
    return false;
}

static void put_hash(struct cr_check *check, struct cr_json *object, const char *key,
                     struct cr_hash hash) {
    char hex[CR_HASH_HEX_BYTES];
    cr_hash_hex(hash, hex);
    cr_check_put(check, object, key, cr_json_new_string(hex));
}

static struct cr_json *models_part(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    const struct cr_json *all = cr_json_get(builder->resolved, "models");
    struct cr_json *out = cr_json_new_object();
    for (uint32_t i = 0; i < job->models_len && out != NULL; i++) {
        const char *name = job->models[i].name;
        if (model_is_used(job, i)) {
            cr_check_put(
                &builder->check, out, name,
                shaping(&builder->check, &cr_keys_model, cr_json_get(all, name)));
            job->is_simulated =
                job->is_simulated || strcmp(job->models[i].api, "sim") == 0;
        }
    }
    return out;
}

static struct cr_json *benchmarks_part(struct cr_job_builder *builder) {
    const struct cr_job *job = builder->check.job;
    const struct cr_json *all = cr_json_get(builder->resolved, "benchmarks");
    struct cr_json *out = cr_json_new_object();
    for (uint32_t i = 0; i < job->benchmarks_len && out != NULL; i++) {
        const struct cr_benchmark *benchmark = &job->benchmarks[i];
        if (!benchmark_is_used(job, i)) {
            continue;
        }
        struct cr_json *one = shaping(&builder->check, &cr_keys_benchmark,
                                      cr_json_get(all, benchmark->name));
        if (one != NULL) {
            put_hash(&builder->check, one, "file", benchmark->bytes_hash);
        }
        cr_check_put(&builder->check, out, benchmark->name, one);
    }
    return out;
}

static struct cr_json *prompts_part(struct cr_job_builder *builder) {
    const struct cr_job *job = builder->check.job;
    struct cr_json *out = cr_json_new_object();
    for (uint32_t i = 0; i < job->cells_len && out != NULL; i++) {
        const struct cr_prompt_set *set = job->prompts[job->cells[i].prompts];
        if (cr_json_get(out, cr_prompt_set_name(set)) == NULL) {
            put_hash(&builder->check, out, cr_prompt_set_name(set),
                     cr_prompt_set_hash(set));
        }
    }
    return out;
}

// The axes as a list: their order numbers the cells, and sorting must not lose it.
static struct cr_json *grid_part(struct cr_job_builder *builder) {
    const struct cr_json *grid = cr_json_get(builder->resolved, "grid");
    struct cr_json *out = cr_json_new_array();
    for (const struct cr_json *c = cr_json_first(grid); c != NULL && out != NULL;
         c = cr_json_next(c)) {
        struct cr_json *axis = cr_json_new_object();
        if (axis == NULL) {
            cr_check_memory(&builder->check);
            break;
        }
        cr_check_put(&builder->check, axis, cr_json_key(c), cr_json_copy(c));
        if (cr_json_push(out, axis) != CR_OK) {
            cr_check_memory(&builder->check);
        }
    }
    return out;
}

// "cells" without their replicates.
static struct cr_json *extra_part(struct cr_job_builder *builder) {
    const struct cr_json *cells = cr_json_get(builder->resolved, "cells");
    struct cr_json *out = cr_json_new_array();
    for (const struct cr_json *c = cr_json_first(cells); c != NULL && out != NULL;
         c = cr_json_next(c)) {
        struct cr_json *cell = cr_json_copy(c);
        if (cell != NULL) {
            cr_json_remove(cell, "replicates");
        }
        if (cell == NULL || cr_json_push(out, cell) != CR_OK) {
            cr_check_memory(&builder->check);
        }
    }
    return out;
}

static const char *print_kept(struct cr_job_builder *builder,
                              const struct cr_json *value, bool indent) {
    struct cr_buf buf;
    const char *text = NULL;
    cr_buf_init(&buf, SIZE_MAX / 2);
    if (value != NULL && cr_json_print(value, indent, &buf) == CR_OK) {
        text = cr_arena_strndup(&builder->check.job->arena, buf.data, buf.used_bytes);
    }
    cr_buf_fini(&buf);
    if (text == NULL) {
        cr_check_memory(&builder->check);
    }
    return text;
}

void cr_job_identify(struct cr_job_builder *builder) {
    struct cr_check *check = &builder->check;
    struct cr_job *job = check->job;
    struct cr_json *all = cr_json_new_object();
    if (all == NULL) {
        cr_check_memory(check);
        return;
    }
    cr_check_put(check, all, "seed", cr_json_new_number((double)job->seed));
    cr_check_put(check, all, "models", models_part(builder));
    cr_check_put(check, all, "benchmarks", benchmarks_part(builder));
    cr_check_put(check, all, "prompts", prompts_part(builder));
    cr_check_put(check, all, "cell",
                 shaping(check, &cr_keys_cell, cr_json_get(builder->resolved, "cell")));
    cr_check_put(check, all, "grid", grid_part(builder));
    cr_check_put(check, all, "cells", extra_part(builder));
    cr_check_put(check, all, "exclude",
                 cr_json_copy(cr_json_get(builder->resolved, "exclude")));
    struct cr_json *sorted = sorted_copy(all);
    job->identity_json = print_kept(builder, sorted, false);
    job->resolved = print_kept(builder, builder->resolved, true);
    if (job->identity_json != NULL) {
        job->identity = cr_hash128(job->identity_json, strlen(job->identity_json), 0);
    }
    cr_json_free(sorted);
    cr_json_free(all);
}
