// proposition.c - the list of a benchmark's propositions and their identities.
#include "credence/core/proposition.h"

#include <assert.h>
#include <string.h>

#include "credence/base/hash.h"

static uint64_t fold_text(uint64_t key, const char *text) {
    return cr_hash64(text, strlen(text), key);
}

static uint64_t fold_number(uint64_t key, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return cr_hash_mix(key, bits);
}

static uint64_t identity(const struct cr_proposition *p) {
    uint64_t key = fold_text(0, p->id);
    key = fold_text(key, p->text);
    key = cr_hash_mix(key, (uint64_t)p->space);
    assert(p->options || p->options_len == 0);
    for (uint32_t i = 0; i < p->options_len; i++) {
        key = fold_text(key, p->options[i]);
    }
    if (p->space != CR_SPACE_CONTINUOUS) {
        return cr_hash_mix(key, (uint64_t)(int64_t)p->label);
    }
    key = fold_number(key, p->value);
    key = fold_number(key, p->low);
    key = fold_number(key, p->high);
    return fold_text(key, p->unit);
}

static const char *const *copy_options(struct cr_arena *arena,
                                       const struct cr_proposition *p) {
    const char **options = cr_arena_alloc(arena, p->options_len * sizeof *options);
    for (uint32_t i = 0; options != NULL && i < p->options_len; i++) {
        options[i] = cr_arena_strdup(arena, p->options[i]);
        if (options[i] == NULL) {
            return NULL;
        }
    }
    return options;
}

enum cr_status cr_propositions_add(struct cr_propositions *list,
                                   const struct cr_proposition *p) {
    void *at = list->at;
    enum cr_status status =
        cr_array_grow(&at, &list->cap, list->len + 1, sizeof *list->at);
    if (status != CR_OK) {
        return status;
    }
    list->at = at;
    struct cr_proposition copy = *p;
    copy.id = cr_arena_strdup(&list->arena, p->id);
    copy.question_id =
        cr_arena_strdup(&list->arena, p->question_id != NULL ? p->question_id : p->id);
    copy.text = cr_arena_strdup(&list->arena, p->text);
    copy.unit = cr_arena_strdup(&list->arena, p->unit != NULL ? p->unit : "");
    copy.options = NULL;
    if (copy.id == NULL || copy.question_id == NULL || copy.text == NULL ||
        copy.unit == NULL) {
        return CR_E_MEMORY;
    }
    if (p->options_len > 0) {
        copy.options = copy_options(&list->arena, p);
        if (copy.options == NULL) {
            return CR_E_MEMORY;
        }
    }
    copy.key = identity(&copy);
    list->at[list->len++] = copy;
    return CR_OK;
}

void cr_propositions_fini(struct cr_propositions *list) {
    if (list == NULL) {
        return;
    }
    cr_free(list->at);
    cr_arena_fini(&list->arena);
    *list = (struct cr_propositions){0};
}
