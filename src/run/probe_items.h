// probe_items.h - which propositions a probe asks a model about.
//
// Layer    run (5), private to the probe
// Threads  no shared state
#ifndef CR_RUN_PROBE_ITEMS_H
#define CR_RUN_PROBE_ITEMS_H

#include <stdint.h>

#include "credence/base/status.h"
#include "credence/job/plan.h"

#define CR_PROBE_SALT 0x70726f6265000000 // "probe"

struct cr_probe_items {
    uint64_t *trajectory; // [len], cr_free; the first replicate of each proposition
    uint32_t len;
};

// WANTED propositions that MODEL opens as a maker, or all if there are fewer, drawn by the
// job's seed, each benchmark and label having its share; none if it opens nothing.
// CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_probe_items_choose(const struct cr_plan *plan,
                                                   uint32_t model, uint32_t wanted,
                                                   struct cr_probe_items *out,
                                                   struct cr_err *err);

#endif
