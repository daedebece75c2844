// probe_numbers.h - the numbers that every opening of a model has in its messages: the
// instructions', for an item's own numbers are not in the others'.
//
// Layer    run (5), private to the probe
// Threads  no shared state
#ifndef CR_RUN_PROBE_NUMBERS_H
#define CR_RUN_PROBE_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/job/plan.h"

enum { CR_PROBE_NUMBERS_MAX = 256 };

struct cr_probe_numbers {            // begins as zeros
    double at[CR_PROBE_NUMBERS_MAX]; // above 0 and below 1
    size_t len;
    bool is_begun;
};

// Keep in COMMON those that the opening of TRAJECTORY has too; the first gives all that
// it has. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_probe_numbers_keep(const struct cr_plan *plan,
                                                   uint64_t trajectory,
                                                   struct cr_probe_numbers *common,
                                                   struct cr_err *err);
bool cr_probe_numbers_has(const struct cr_probe_numbers *numbers, double value);

#endif
