// questions.c - the markets of a group, question by question.
#include "analyze/questions.h"

#include <string.h>

#include "credence/base/mem.h"

// Sort FROM[len] (places in the group) into TO by KEY of each, below KEYS; stable.
static enum cr_status sort_by(const uint32_t *key, uint32_t keys, const uint64_t *from,
                              uint64_t *to, uint64_t len) {
    uint64_t *first = cr_calloc((size_t)keys + 1, sizeof *first);
    if (first == NULL) {
        return CR_E_MEMORY;
    }
    for (uint64_t i = 0; i < len; i++) {
        first[key[i] + 1]++;
    }
    for (uint32_t k = 0; k < keys; k++) {
        first[k + 1] += first[k];
    }
    for (uint64_t i = 0; i < len; i++) {
        to[first[key[from[i]]]++] = from[i];
    }
    cr_free(first);
    return CR_OK;
}

static enum cr_status sort_rows(struct cr_questions *questions,
                                const struct cr_numbering *numbering, uint64_t *place,
                                uint64_t *other) {
    for (uint64_t i = 0; i < questions->len; i++) {
        place[i] = i;
    }
    enum cr_status status = sort_by(numbering->proposition, numbering->propositions,
                                    place, other, questions->len);
    return status == CR_OK ? sort_by(numbering->question, numbering->questions, other,
                                     place, questions->len)
                           : status;
}

enum cr_status cr_questions_init(struct cr_questions *questions,
                                 const struct cr_dataset *dataset,
                                 const struct cr_group *group,
                                 const struct cr_numbering *numbering) {
    size_t rows = (size_t)group->len + 1;
    *questions = (struct cr_questions){.dataset = dataset, .len = group->len};
    questions->row = cr_malloc(rows * sizeof *questions->row);
    questions->question = cr_malloc(rows * sizeof *questions->question);
    questions->proposition = cr_malloc(rows * sizeof *questions->proposition);
    uint64_t *place = cr_malloc(rows * sizeof *place);
    uint64_t *other = cr_malloc(rows * sizeof *other);
    enum cr_status status = CR_E_MEMORY;
    if (questions->row != NULL && questions->question != NULL &&
        questions->proposition != NULL && place != NULL && other != NULL) {
        status = sort_rows(questions, numbering, place, other);
    }
    for (uint64_t i = 0; i < questions->len && status == CR_OK; i++) {
        questions->row[i] = dataset->order[group->first + place[i]];
        questions->question[i] = numbering->question[place[i]];
        questions->proposition[i] = numbering->proposition[place[i]];
    }
    cr_free(place);
    cr_free(other);
    return status;
}

void cr_questions_fini(struct cr_questions *questions) {
    cr_free(questions->row);
    cr_free(questions->question);
    cr_free(questions->proposition);
    cr_free(questions->market);
    memset(questions, 0, sizeof *questions);
}

enum cr_status cr_questions_next(struct cr_questions *questions,
                                 const struct cr_market **market, size_t *len) {
    uint64_t end = questions->at;
    while (end < questions->len &&
           questions->question[end] == questions->question[questions->at]) {
        end++;
    }
    size_t markets = (size_t)(end - questions->at);
    enum cr_status status = cr_array_grow((void **)&questions->market, &questions->cap,
                                          markets + 1, sizeof *questions->market);
    if (status != CR_OK) {
        return status;
    }
    for (size_t i = 0; i < markets; i++) {
        uint64_t at = questions->at + i;
        cr_dataset_market(questions->dataset, questions->row[at],
                          &questions->market[i]);
        questions->market[i].question = questions->question[at];
        questions->market[i].proposition = questions->proposition[at];
    }
    questions->at = end;
    *market = questions->market;
    *len = markets;
    return CR_OK;
}
