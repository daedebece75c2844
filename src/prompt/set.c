// set.c - a prompt set: every template of the table, its own or the base's.
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/prompt/prompt.h"
#include "prompt/template_internal.h"

struct cr_prompt_set {
    char *name;
    struct cr_template_text templates[CR_TEMPLATE_COUNT];
    struct cr_hash hash;
};

static int find_file(const char *file) {
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        if (strcmp(cr_template_table[t].file, file) == 0) {
            return t;
        }
    }
    return -1;
}

// A compiled template keeps its text as parts, so that is what is copied and hashed.
static size_t text_bytes(const struct cr_template_text *t) {
    const struct cr_template_part *last = &t->parts[t->parts_len - 1];
    return (size_t)(last->literal.text - t->text) + last->literal.bytes;
}

static enum cr_status add_source(struct cr_prompt_set *set,
                                 const struct cr_prompt_source *source,
                                 struct cr_err *err) {
    int t = find_file(source->file);
    if (t < 0 || set->templates[t].text != NULL) {
        const char *near =
            t < 0 ? cr_text_nearest(source->file, cr_prompt_files, CR_TEMPLATE_COUNT)
                  : NULL;
        cr_err_add_line(err, "%s/%s:1: %s%s%s", set->name, source->file,
                        t < 0 ? "no such template" : "given twice",
                        near != NULL ? "; did you mean " : "",
                        near != NULL ? near : "");
        return CR_E_JOB;
    }
    return cr_template_compile(set->name, (enum cr_template)t, source,
                               &set->templates[t], err);
}

static enum cr_status fill_from_base(struct cr_prompt_set *set, int t,
                                     const struct cr_prompt_set *base,
                                     struct cr_err *err) {
    if (base == NULL) {
        cr_err_add_line(err,
                        "%s/%s:1: missing, and there is no base set to take it from",
                        set->name, cr_template_table[t].file);
        return CR_E_JOB;
    }
    const struct cr_template_text *from = &base->templates[t];
    struct cr_prompt_source source = {cr_template_table[t].file, from->text,
                                      text_bytes(from)};
    return cr_template_compile(base->name, (enum cr_template)t, &source,
                               &set->templates[t], err);
}

static enum cr_status hash_all(struct cr_prompt_set *set) {
    struct cr_hasher hasher;
    if (cr_hasher_init(&hasher) != 0) {
        return CR_E_MEMORY;
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        const char *file = cr_template_table[t].file;
        cr_hasher_add(&hasher, file, strlen(file));
        cr_hasher_add(&hasher, set->templates[t].text, text_bytes(&set->templates[t]));
    }
    set->hash = cr_hasher_digest(&hasher);
    cr_hasher_fini(&hasher);
    return CR_OK;
}

// Every mistake is reported, so CR_E_JOB does not end the loop; a lack of memory does.
static enum cr_status fill(struct cr_prompt_set *set, struct cr_prompt_sources sources,
                           const struct cr_prompt_set *base, struct cr_err *err) {
    enum cr_status worst = CR_OK;
    for (size_t i = 0; i < sources.len; i++) {
        enum cr_status status = add_source(set, &sources.at[i], err);
        if (status != CR_OK && status != CR_E_JOB) {
            return status;
        }
        worst = status != CR_OK ? status : worst;
    }
    if (worst != CR_OK) {
        return worst;
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        enum cr_status status =
            set->templates[t].text != NULL ? CR_OK : fill_from_base(set, t, base, err);
        if (status != CR_OK && status != CR_E_JOB) {
            return status;
        }
        worst = status != CR_OK ? status : worst;
    }
    return worst != CR_OK ? worst : hash_all(set);
}

enum cr_status cr_prompt_set_create(const char *name, struct cr_prompt_sources sources,
                                    const struct cr_prompt_set *base,
                                    struct cr_prompt_set **out, struct cr_err *err) {
    struct cr_prompt_set *set = cr_calloc(1, sizeof *set);
    if (set == NULL || (set->name = cr_strdup(name)) == NULL) {
        cr_prompt_set_destroy(set);
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    struct cr_err found = {0};
    enum cr_status status = fill(set, sources, base, &found);
    if (status != CR_OK) {
        cr_prompt_set_destroy(set);
        return cr_err_set(err, status, "%s",
                          status == CR_E_MEMORY ? "out of memory" : found.text);
    }
    *out = set;
    return CR_OK;
}

void cr_prompt_set_destroy(struct cr_prompt_set *set) {
    if (set == NULL) {
        return;
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        cr_template_fini(&set->templates[t]);
    }
    cr_free(set->name);
    cr_free(set);
}

const char *cr_prompt_set_name(const struct cr_prompt_set *set) {
    return set->name;
}

struct cr_hash cr_prompt_set_hash(const struct cr_prompt_set *set) {
    return set->hash;
}

enum cr_status cr_prompt_render(const struct cr_prompt_set *set,
                                enum cr_template template,
                                const struct cr_values *values, struct cr_buf *out) {
    const struct cr_template_text *t = &set->templates[template];
    for (size_t i = 0; i < t->parts_len; i++) {
        const struct cr_template_part *part = &t->parts[i];
        enum cr_status status =
            cr_buf_add(out, part->literal.text, part->literal.bytes);
        if (status == CR_OK && part->var >= 0) {
            status = cr_buf_add(out, values->at[part->var].text,
                                values->at[part->var].bytes);
        }
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}
