// proposition.c - the list of a benchmark's propositions and their identities.
#include "credence/core/proposition.h"

#include <assert.h>
#include <stdbool.h>
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

static const char *copy_text(struct cr_arena *arena, const char *text) {
    return *text == '\0' ? "" : cr_arena_strdup(arena, text);
}

static const char *const *copy_texts(struct cr_arena *arena, const char *const *texts,
                                     size_t len) {
    const char **copy = cr_arena_alloc(arena, len * sizeof *copy);
    for (size_t i = 0; copy != NULL && i < len; i++) {
        copy[i] = copy_text(arena, texts[i]);
        if (copy[i] == NULL) {
            return NULL;
        }
    }
    return copy;
}

enum cr_status cr_propositions_keep(struct cr_propositions *list,
                                    const char *const *names, size_t len) {
    assert(list->len == 0);
    if (len == 0) {
        return CR_OK;
    }
    list->kept_names = copy_texts(&list->arena, names, len);
    list->kept_len = list->kept_names != NULL ? len : 0;
    return list->kept_names != NULL ? CR_OK : CR_E_MEMORY;
}

// The texts of P into the arena of LIST. A question's id is often the item's own.
static enum cr_status copy_all(struct cr_propositions *list,
                               const struct cr_proposition *p,
                               struct cr_proposition *copy) {
    struct cr_arena *arena = &list->arena;
    bool is_alone = p->question_id == NULL || strcmp(p->id, p->question_id) == 0;
    copy->id = cr_arena_strdup(arena, p->id);
    copy->question_id = is_alone ? copy->id : cr_arena_strdup(arena, p->question_id);
    copy->text = cr_arena_strdup(arena, p->text);
    copy->unit = copy_text(arena, p->unit != NULL ? p->unit : "");
    copy->options = NULL;
    copy->kept = NULL;
    bool is_whole = copy->id != NULL && copy->question_id != NULL &&
                    copy->text != NULL && copy->unit != NULL;
    if (is_whole && p->options_len > 0) {
        copy->options = copy_texts(arena, p->options, p->options_len);
        is_whole = copy->options != NULL;
    }
    if (is_whole && p->kept != NULL && list->kept_len > 0) {
        copy->kept = copy_texts(arena, p->kept, list->kept_len);
        is_whole = copy->kept != NULL;
    }
    return is_whole ? CR_OK : CR_E_MEMORY;
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
    status = copy_all(list, p, &copy);
    if (status != CR_OK) {
        return status;
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
