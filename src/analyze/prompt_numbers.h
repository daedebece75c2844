// prompt_numbers.h - the numbers that stand in the instructions of a prompt set.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_PROMPT_NUMBERS_H
#define CR_ANALYZE_PROMPT_NUMBERS_H

#include "analyze/dataset.h"
#include "credence/base/status.h"
#include "credence/stats/score.h"

// Above 0 and below 1, as a number or as a percentage; from the texts that the run
// directory keeps, placeholders left out.
enum { CR_PROMPT_NUMBERS_MAX = 64 };
struct cr_prompt_numbers {
    double at[CR_PROMPT_NUMBERS_MAX];
    size_t len;
    bool is_known; // the texts were found
};

// Of set SET in the bundle beside the run file of VIEW. A run file alone has none: they
// are not known then. CR_E_IO when the bundle is there and cannot be read.
CR_MUST_CHECK enum cr_status cr_prompt_numbers_read(const struct cr_dataset_view *view,
                                                    const char *set,
                                                    struct cr_prompt_numbers *out,
                                                    struct cr_err *err);
// Mark the rows whose prices never left the numbers of their prompt, so that no group
// has them. CR_E_NOT_FOUND when a file's instructions are not at hand.
CR_MUST_CHECK enum cr_status cr_dataset_exclude_prompted(struct cr_dataset *dataset,
                                                         struct cr_err *err);

#endif
