// proposition.h - what a market prices: a claim with a hidden truth.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_PROPOSITION_H
#define CREDENCE_CORE_PROPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/mem.h"
#include "credence/base/status.h"

enum cr_space { CR_SPACE_BINARY, CR_SPACE_CATEGORICAL, CR_SPACE_CONTINUOUS };

enum { CR_OPTIONS_MAX = 64 }; // of a categorical proposition

struct cr_proposition {
    const char *id; // unique in its benchmark: "tqa-0012-true"
    const char *
        question_id; // shared by the propositions of one item; statistics cluster on it
    const char *text; // the claim (binary), the question (categorical, continuous)
    enum cr_space space;
    // Binary: 1 true, 0 false. Categorical: the index of the right option. Continuous:
    // unused, see `value`.
    int32_t label;
    uint32_t options_len; // 0 unless categorical
    const char *const
        *options; // in the file's order; the market shows them shuffled by seed
    double value, low, high; // continuous: truth and range, in `unit`
    const char *unit;        // "" when none
    // What is kept of its item: a text for each name of the list's kept_names, "" where
    // the item says nothing. NULL when the list keeps nothing.
    const char *const *kept;
    uint64_t key; // identity: XXH3 of the id, the text, the options and the label
};

// The length of a price vector: 1 for binary and continuous, options_len for
// categorical.
static inline uint32_t cr_proposition_prices(const struct cr_proposition *p) {
    return p->space == CR_SPACE_CATEGORICAL ? p->options_len : 1;
}

// The propositions of one benchmark, as its reader made them.
struct cr_propositions {
    struct cr_proposition *at;
    size_t len;
    size_t cap;
    // Columns of the items that go into run.h5 beside the propositions (/propositions/
    // NAME) and are factors of the analysis (--by item.NAME); unique, none of the names
    // that run.h5 uses itself.
    const char *const *kept_names;
    size_t kept_len;
    struct cr_arena arena; // all their texts
};

// Say which columns the propositions keep, before the first is added. Names are copied.
CR_MUST_CHECK enum cr_status cr_propositions_keep(struct cr_propositions *list,
                                                  const char *const *names, size_t len);

// Append a copy of P (texts copied into the arena) and compute its key. P->kept holds
// list->kept_len texts, or is NULL.
CR_MUST_CHECK enum cr_status cr_propositions_add(struct cr_propositions *list,
                                                 const struct cr_proposition *p);
void cr_propositions_fini(struct cr_propositions *list);

#endif
