// listing.h - episodes as rows: the columns that `list` shows, filters and sorts by.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_LISTING_H
#define CR_CLI_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/stats/score.h"
#include "credence/store/run_view.h"

// The episodes of a run. What an episode that has not ended is about stands in the plan
// alone, so where each belongs is worked out once.
struct cr_listing {
    const struct cr_run_view *view; // borrowed until fini
    uint32_t *cell, *replicate;     // [episodes]
    uint64_t *proposition;          // [episodes]
};
CR_MUST_CHECK enum cr_status cr_listing_init(struct cr_listing *listing,
                                             const struct cr_run_view *view);
void cr_listing_fini(struct cr_listing *listing);

// The market of EPISODE as the statistics see it; its prices are borrowed from the view.
struct cr_market cr_listing_market(const struct cr_listing *listing, uint64_t episode);

enum cr_listing_kind { CR_LISTING_TEXT, CR_LISTING_NUMBER, CR_LISTING_FLAG };

// A cell of the list. A text that is missing is NULL, a number NaN; a flag is 0, 1 or
// NaN.
struct cr_listing_value {
    const char *text; // borrowed from the view, or from OWN
    double number;
    char own[48];
};

struct cr_listing_column {
    const char *name;
    enum cr_listing_kind kind;
    int decimals; // of a number; -1: as few as it takes
    const char *help;
    void (*get)(const struct cr_listing *listing, uint64_t episode,
                struct cr_listing_value *out);
};

// The fixed columns, and the columns of the items that the run kept, behind them. Those
// are texts, and also answer to item.NAME, their name in the analysis.
size_t cr_listing_columns(const struct cr_listing *listing);
const char *cr_listing_name(const struct cr_listing *listing, size_t column);
enum cr_listing_kind cr_listing_kind(const struct cr_listing *listing, size_t column);
// The column called NAME, or -1; *nearest (may be NULL) is then a name that may have
// been meant, or NULL.
int cr_listing_find(const struct cr_listing *listing, const char *name,
                    const char **nearest);
void cr_listing_get(const struct cr_listing *listing, size_t column, uint64_t episode,
                    struct cr_listing_value *out);
// VALUE as text: "" when it is missing. Borrowed from VALUE.
const char *cr_listing_text(const struct cr_listing *listing, size_t column,
                            struct cr_listing_value *value);
// Name and help of fixed column INDEX, for help; NULL past the end.
const struct cr_listing_column *cr_listing_fixed(size_t index);

#endif
