// makers.h - whose trajectory is granted next.
//
// Layer    run (5), private to rank 0
// Threads  one owner
//
// A grid over models would run them one after the other if trajectories were granted by
// number alone: the first model's markets would fill every place while the other servers
// stand idle. So each maker has a queue, by number, and the next trajectory is that of the
// maker with the fewest markets out for what its servers can take. With one maker the order
// is that of the numbers.
#ifndef CR_RUN_MAKERS_H
#define CR_RUN_MAKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/job/plan.h"

struct cr_maker_queue {
    uint64_t granted; // trajectories out now
    uint64_t markets; // what cr_maker_markets says of its model, at least 1
    uint64_t next;    // everything of the maker below has been granted at least once
    uint32_t group;   // that NEXT lies in
};

struct cr_makers {
    const struct cr_plan *plan;
    struct cr_maker_queue *queues; // [job->models_len]
};

// Markets at once that keep MODEL busy: a little more than the calls that may be in
// flight, when that is known, so that a slot never waits for a market. 0: it answers at
// once, so nothing waits.
uint32_t cr_maker_markets(const struct cr_model *model);

CR_MUST_CHECK enum cr_status cr_makers_init(struct cr_makers *makers,
                                            const struct cr_plan *plan,
                                            struct cr_err *err);
void cr_makers_fini(struct cr_makers *makers);

// The queue of TRAJECTORY's maker.
struct cr_maker_queue *cr_makers_queue_of(const struct cr_makers *makers,
                                          uint64_t trajectory);
// The next trajectory whose STATE, [plan->trajectories], is 0; its queue moves past it.
// False when no queue has one.
bool cr_makers_take(struct cr_makers *makers, const uint8_t *state,
                    uint64_t *trajectory);
// Whether no queue has one.
bool cr_makers_are_done(const struct cr_makers *makers, const uint8_t *state);

#endif
