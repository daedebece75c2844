// What makes two jobs the same job: all that shapes an answer or a row of the result,
// and nothing of its speed, its price or the place where it runs. Budgets, limits, endpoints,
// servers, prices, keys, headers, caches, the name, replicates and benchmark limits may
// change between two launches into one directory; the last two only add or leave out
// episodes.
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "credence/job/bundle.h"
#include "credence/job/job_file.h"
#include "credence/prompt/prompt.h"
#include "job/builder.h"
#include "job/check.h"

// The value of KEY at AT as a hash takes it: a text as it is, all else as a double.
static const char *text_at(const struct cr_key *key, const char *at) {
    const char *text = NULL;
    if (key->type != CR_KEY_TEXT && key->type != CR_KEY_WORD &&
        key->type != CR_KEY_OBJECT && key->type != CR_KEY_MAP) {
        return NULL;
    }
    memcpy(&text, at, sizeof text);
    return text == NULL ? "" : text;
}

static double number_at(const struct cr_key *key, const char *at) {
    double number = 0;
    uint32_t count = 0;
    bool truth = false;
    switch (key->type) {
    case CR_KEY_NUMBER:
        memcpy(&number, at, sizeof number);
        return number;
    case CR_KEY_TRUTH:
        memcpy(&truth, at, sizeof truth);
        return truth ? 1 : 0;
    default:
        memcpy(&count, at, sizeof count);
        return count;
    }
}

static void hash_value(struct cr_hasher *hasher, const struct cr_key *key,
                       const void *object) {
    const char *at = (const char *)object + key->offset;
    const char *text = text_at(key, at);
    double number = text == NULL ? number_at(key, at) : 0;
    if (text != NULL) {
        cr_hasher_add(hasher, text, strlen(text));
    } else {
        cr_hasher_add(hasher, &number, sizeof number);
    }
}

// Whether KEY has its default in OBJECT. PLAIN is an object of that kind with nothing in
// it but that default.
static bool is_default(const struct cr_key *key, const void *object,
                       const void *plain) {
    const char *at = (const char *)object + key->offset;
    const char *other = (const char *)plain + key->offset;
    const char *text = text_at(key, at);
    if (text != NULL) {
        return strcmp(text, text_at(key, other)) == 0;
    }
    double a = number_at(key, at), b = number_at(key, other);
    return a == b || (isnan(a) && isnan(b));
}

// Add to HASHER the rows of TABLE that are hashed by name, as far as OBJECT differs from
// their defaults. PLAIN is zeroed storage for an object of that kind.
static void identity_add_named(struct cr_check *check, const struct cr_key_table *table,
                               const void *object, void *plain,
                               struct cr_hasher *hasher) {
    for (size_t i = 0; i < table->len; i++) {
        const struct cr_key *key = &table->keys[i];
        // Any other number would be hashed nowhere.
        assert(key->identity <= CR_IDENTITY_PLACES ||
               key->identity == CR_IDENTITY_BY_NAME);
        if (key->identity != CR_IDENTITY_BY_NAME) {
            continue;
        }
        cr_check_default(check, key, (char *)plain + key->offset);
        if (!is_default(key, object, plain)) {
            cr_hasher_add(hasher, key->name, strlen(key->name) + 1);
            hash_value(hasher, key, object);
        }
    }
}

static const struct cr_key *key_in_place(const struct cr_key_table *table,
                                         unsigned place) {
    for (size_t i = 0; i < table->len; i++) {
        if (table->keys[i].identity == place) {
            return &table->keys[i];
        }
    }
    return NULL;
}

bool cr_model_identity(struct cr_check *check, const struct cr_model *model,
                       struct cr_hash *out) {
    struct cr_model plain = {0};
    struct cr_hasher hasher;
    if (cr_hasher_init(&hasher) != 0) {
        return false;
    }
    double numbers[CR_IDENTITY_PLACES]; // hashed as one run, behind the texts
    size_t numbers_len = 0;
    for (unsigned place = 1; place <= CR_IDENTITY_PLACES; place++) {
        const struct cr_key *key = key_in_place(&cr_keys_model, place);
        key = key != NULL ? key : key_in_place(&cr_keys_params, place);
        assert(key != NULL);
        const char *at = (const char *)model + key->offset;
        const char *text = text_at(key, at);
        if (text != NULL) {
            cr_hasher_add(&hasher, text, strlen(text));
        } else {
            numbers[numbers_len++] = number_at(key, at);
        }
    }
    cr_hasher_add(&hasher, numbers, numbers_len * sizeof *numbers);
    identity_add_named(check, &cr_keys_model, model, &plain, &hasher);
    identity_add_named(check, &cr_keys_params, model, &plain, &hasher);
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
            cr_json_append(copy, cr_json_key(members[i]), child) != CR_OK) {
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

// Whether VALUE is what the JSON text FALLBACK says.
static bool reads_as(struct cr_check *check, const struct cr_json *value,
                     const char *fallback) {
    struct cr_json *other = NULL;
    if (cr_json_parse(fallback, strlen(fallback), (struct cr_json_limits){4096, 8},
                      &other, NULL) != CR_OK) {
        cr_check_memory(check);
        return false;
    }
    bool is_same = cr_json_equal(value, other);
    cr_json_free(other);
    return is_same;
}

// The members of OBJECT that their rows say shape an answer; rows added since only where
// they are not at their default.
static struct cr_json *shaping(struct cr_check *check, const struct cr_key_table *table,
                               const struct cr_json *object) {
    struct cr_json *out = cr_json_new_object();
    for (size_t i = 0; i < table->len && out != NULL; i++) {
        const struct cr_key *key = &table->keys[i];
        const struct cr_json *member = cr_json_get(object, key->name);
        bool is_new = key->identity == CR_IDENTITY_BY_NAME;
        if (key->shapes && member != NULL &&
            !(is_new && reads_as(check, member, key->fallback))) {
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
    for (uint32_t i = 0; i < 2 * job->cells_len && out != NULL; i++) {
        const struct cr_cell *cell = &job->cells[i / 2];
        const struct cr_prompt_set *set =
            job->prompts[i % 2 == 0 ? cell->prompts : cell->prompts_trader];
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

// How two jobs differ, in the words of the job file.

enum { SHOWN_BYTES_MAX = 80 };

static enum cr_status add_value(struct cr_buf *out, const struct cr_json *value) {
    struct cr_buf text;
    if (value == NULL) {
        return cr_buf_add_text(out, "nothing");
    }
    cr_buf_init(&text, SIZE_MAX / 2);
    enum cr_status status = cr_json_print(value, false, &text);
    if (status == CR_OK) {
        bool is_long = text.used_bytes > SHOWN_BYTES_MAX;
        status = cr_buf_printf(out, "%.*s%s", SHOWN_BYTES_MAX, text.data,
                               is_long ? "..." : "");
    }
    cr_buf_fini(&text);
    return status;
}

static enum cr_status add_line(struct cr_buf *out, const char *path,
                               const struct cr_json *a, const struct cr_json *b) {
    enum cr_status status =
        cr_buf_printf(out, "%s%s: ", out->used_bytes > 0 ? "\n" : "", path);
    status = status == CR_OK ? add_value(out, a) : status;
    status = status == CR_OK ? cr_buf_add_text(out, " there, ") : status;
    status = status == CR_OK ? add_value(out, b) : status;
    return status == CR_OK ? cr_buf_add_text(out, " here") : status;
}

static enum cr_status compare_values(struct cr_buf *out, const char *path,
                                     const struct cr_json *a, const struct cr_json *b) {
    char inner[CR_PATH_MAX];
    enum cr_status status = CR_OK;
    if (a == NULL || b == NULL || cr_json_type(a) != CR_JSON_OBJECT ||
        cr_json_type(b) != CR_JSON_OBJECT) {
        bool is_same = a != NULL && b != NULL && cr_json_equal(a, b);
        return is_same ? CR_OK : add_line(out, path, a, b);
    }
    for (const struct cr_json *c = cr_json_first(a); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        cr_key_path_child(inner, path, cr_json_key(c));
        status = compare_values(out, inner, c, cr_json_get(b, cr_json_key(c)));
    }
    for (const struct cr_json *c = cr_json_first(b); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        if (cr_json_get(a, cr_json_key(c)) == NULL) {
            cr_key_path_child(inner, path, cr_json_key(c));
            status = compare_values(out, inner, NULL, c);
        }
    }
    return status;
}

enum cr_status cr_job_difference(const char *stored, const char *now,
                                 struct cr_buf *out) {
    struct cr_json_limits limits = {SIZE_MAX / 2, 64};
    struct cr_json *a = NULL, *b = NULL;
    enum cr_status status = cr_json_parse(stored, strlen(stored), limits, &a, NULL);
    status =
        status == CR_OK ? cr_json_parse(now, strlen(now), limits, &b, NULL) : status;
    status = status == CR_OK ? compare_values(out, "", a, b) : status;
    cr_json_free(a);
    cr_json_free(b);
    return status;
}
