// trajectories.c - the trajectories behind a group, each once, question by question.
//
// The episodes of one trajectory are adjacent in a run file, one for each cell that
// shares it; the longest of them is all of the trajectory that was stored.
#include "analyze/trajectories.h"

#include <string.h>

#include "credence/base/mem.h"
#include "credence/protocol/protocol.h"

void cr_trajectories_fini(struct cr_trajectories *t) {
    cr_free(t->taken);
    cr_free(t->chosen);
    cr_free(t->sorted);
    cr_free(t->first);
}

enum cr_status cr_trajectories_init(struct cr_trajectories *t,
                                    const struct cr_dataset *dataset) {
    size_t rows = (size_t)dataset->rows + 1;
    *t = (struct cr_trajectories){.dataset = dataset};
    t->taken = cr_calloc(rows, sizeof *t->taken);
    t->chosen = cr_malloc(rows * sizeof *t->chosen);
    t->sorted = cr_malloc(rows * sizeof *t->sorted);
    t->first = cr_calloc((size_t)dataset->questions + 2, sizeof *t->first);
    return t->taken != NULL && t->chosen != NULL && t->sorted != NULL &&
                   t->first != NULL
               ? CR_OK
               : CR_E_MEMORY;
}

static bool is_same(const struct cr_run_view *view, uint64_t a, uint64_t b) {
    return view->cell[a] < view->cells && view->cell[b] < view->cells &&
           view->proposition[a] == view->proposition[b] &&
           view->replicate[a] == view->replicate[b] &&
           view->cell_info[view->cell[a]].trajectory ==
               view->cell_info[view->cell[b]].trajectory;
}

// Take the trajectory of row NUMBER for group G (from 1), once.
static void take(struct cr_trajectories *t, uint64_t number, uint32_t g) {
    const struct cr_dataset_view *one = cr_dataset_view_of(t->dataset, number);
    const struct cr_run_view *view = one->view;
    uint64_t row = number - one->first, first = row, best = row;
    while (first > 0 && is_same(view, first - 1, row)) {
        first--;
    }
    uint32_t *taken = &t->taken[one->first + first];
    if (*taken == g) {
        return;
    }
    t->fresh += *taken == 0;
    *taken = g;
    for (uint64_t e = first; e < view->episodes && is_same(view, e, row); e++) {
        if (view->prices_len[e] > view->prices_len[best]) {
            best = e;
        }
    }
    t->chosen[t->len++] = one->first + best;
}

uint32_t cr_trajectories_question(const struct cr_trajectories *t, uint64_t number) {
    const struct cr_dataset_view *one = cr_dataset_view_of(t->dataset, number);
    return one->question[one->view->proposition[number - one->first]];
}

// By counting: the chosen rows in the order of their questions.
static void sort_by_question(struct cr_trajectories *t) {
    size_t questions = (size_t)t->dataset->questions;
    memset(t->first, 0, (questions + 2) * sizeof *t->first);
    for (uint64_t i = 0; i < t->len; i++) {
        t->first[cr_trajectories_question(t, t->chosen[i]) + 1]++;
    }
    for (size_t q = 1; q <= questions; q++) {
        t->first[q] += t->first[q - 1];
    }
    for (uint64_t i = 0; i < t->len; i++) {
        t->sorted[t->first[cr_trajectories_question(t, t->chosen[i])]++] = t->chosen[i];
    }
}

bool cr_trajectories_of(struct cr_trajectories *t, size_t g, enum cr_stop_rule rule) {
    const struct cr_group *group = &t->dataset->group[g];
    int protocol = cr_protocol_find(group->cell->protocol);
    t->len = t->fresh = 0;
    if (protocol >= 0 && !cr_protocol_takes_rule((uint32_t)protocol, rule)) {
        return false; // no rule sets its length
    }
    for (uint64_t i = 0; i < group->len; i++) {
        take(t, t->dataset->order[group->first + i], (uint32_t)g + 1);
    }
    if (t->fresh > 0) {
        sort_by_question(t);
    }
    return t->fresh > 0;
}

// LABEL without the factors that the grid replaces.
const char *cr_trajectories_label(struct cr_arena *arena, const char *label) {
    char *kept = cr_arena_strdup(arena, label);
    if (kept == NULL) {
        return NULL;
    }
    char *out = kept;
    for (const char *word = label; *word != '\0';) {
        size_t len = strcspn(word, " ");
        bool is_stop =
            strncmp(word, "stop.", 5) == 0 || strncmp(word, "max_iterations=", 15) == 0;
        if (!is_stop && out != kept) {
            *out++ = ' ';
        }
        if (!is_stop) {
            memmove(out, word, len);
            out += len;
        }
        word += len + strspn(word + len, " ");
    }
    if (out != kept) {
        *out = '\0';
    }
    return kept;
}
