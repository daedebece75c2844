// questions.h - the markets of a group, question by question.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_QUESTIONS_H
#define CR_ANALYZE_QUESTIONS_H

#include "analyze/dataset.h"
#include "credence/base/status.h"
#include "credence/stats/score.h"

// Rows sorted by question and, within it, by proposition.
struct cr_questions {
    const struct cr_dataset *dataset;
    uint64_t *row;                    // [len] whole numbers
    uint32_t *question, *proposition; // [len] of each, dense within the group
    uint64_t len, at;
    struct cr_market *market; // of the present question
    size_t cap;
};

// What numbers the rows of a group have: [len] in the order of the group.
struct cr_numbering {
    const uint32_t *question, *proposition;
    uint32_t questions, propositions;
};

// Freed by cr_questions_fini, on failure too.
CR_MUST_CHECK enum cr_status cr_questions_init(struct cr_questions *questions,
                                               const struct cr_dataset *dataset,
                                               const struct cr_group *group,
                                               const struct cr_numbering *numbering);
void cr_questions_fini(struct cr_questions *questions);
// The markets of the next question and how many; *len 0 at the end. They are valid until
// the next call. market[i] is of row questions->row[questions->at - *len + i].
CR_MUST_CHECK enum cr_status cr_questions_next(struct cr_questions *questions,
                                               const struct cr_market **market,
                                               size_t *len);

#endif
