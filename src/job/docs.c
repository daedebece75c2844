// The keys of the job file for people: help and the manual.
#include <stdio.h>
#include <string.h>

#include "credence/job/job_file.h"
#include "job/keys.h"

struct docs {
    struct cr_job_key *out;
    size_t cap;
    size_t len;
};

static void names_type(const struct cr_key *key, char *out, size_t bytes) {
    const char *names[CR_KNOWN_NAMES_MAX];
    size_t len = cr_names_known(key->from, names), used = 0;
    static const char *const of_job[] = {"a model", "a benchmark", "a prompt set"};
    if (len == 0) {
        snprintf(out, bytes, "%s%s", of_job[key->from - CR_NAMES_OF_JOB],
                 key->type == CR_KEY_CHOICES ? " or a list of them" : "");
        return;
    }
    for (size_t i = 0; i < len && used + 1 < bytes; i++) {
        int n = snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used += n < 0 ? 0 : (size_t)n;
    }
}

static void describe_type(const struct cr_key *key, char *out, size_t bytes) {
    static const char *const words[CR_KEY_TYPE_COUNT] = {
        [CR_KEY_TEXT] = "text",
        [CR_KEY_TEXTS] = "text or a list of texts",
        [CR_KEY_TRUTH] = "true or false",
        [CR_KEY_OBJECT] = "an object",
        [CR_KEY_GROUP] = "an object",
        [CR_KEY_LIST] = "a list",
        [CR_KEY_MAP] = "an object",
        [CR_KEY_NUMBER] = "a number",
        [CR_KEY_COUNT] = "a whole number",
        [CR_KEY_COUNT64] = "a whole number"};
    bool is_number = key->type == CR_KEY_NUMBER || key->type == CR_KEY_COUNT ||
                     key->type == CR_KEY_COUNT64;
    if (key->from != CR_NAMES_NONE) {
        names_type(key, out, bytes);
    } else if (is_number) {
        snprintf(out, bytes, "%s from %.16g to %.16g", words[key->type], key->low,
                 key->high);
    } else {
        snprintf(out, bytes, "%s", words[key->type]);
    }
}

static void add_table(struct docs *docs, const struct cr_key_table *table,
                      const char *prefix) {
    for (size_t i = 0; i < table->len; i++) {
        const struct cr_key *key = &table->keys[i];
        struct cr_job_key row = {.fallback = key->fallback, .summary = key->summary};
        snprintf(row.path, sizeof row.path, "%s%s%s", prefix, *prefix ? "." : "",
                 key->name);
        describe_type(key, row.type, sizeof row.type);
        if (docs->len < docs->cap) {
            docs->out[docs->len] = row;
        }
        docs->len++;
        if (key->group != NULL) {
            char inner[sizeof row.path + 2];
            bool is_named = key->group == &cr_keys_model ||
                            key->group == &cr_keys_benchmark; // by names of the user's
            snprintf(inner, sizeof inner, "%s%s", row.path, is_named ? ".*" : "");
            add_table(docs, key->group, inner);
        }
    }
}

size_t cr_job_keys(struct cr_job_key *out, size_t cap) {
    struct docs docs = {out, cap, 0};
    add_table(&docs, &cr_keys_job, "");
    return docs.len;
}
