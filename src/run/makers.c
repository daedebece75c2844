// makers.c - see makers.h.
#include "run/makers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"

enum { MARKETS_DEFAULT = 1024 }; // of a model without a limit

uint32_t cr_maker_markets(const struct cr_model *model) {
    const uint32_t concurrency = model->limits.concurrency;
    if (strcmp(model->api, "replay") == 0 ||
        (strcmp(model->api, "sim") == 0 && model->sim.latency_ms <= 0)) {
        return 0;
    }
    return concurrency > 0 ? concurrency + concurrency / 4 + 1 : MARKETS_DEFAULT;
}

static uint32_t maker_of(const struct cr_plan *plan, uint32_t group) {
    return plan->job->cells[plan->groups[group].cells[0]].maker;
}

static uint64_t end_of(const struct cr_plan *plan, uint32_t group) {
    return group + 1 < plan->groups_len ? plan->groups[group + 1].first_trajectory
                                        : plan->trajectories;
}

// Puts QUEUE of MAKER at the first trajectory of its next group, at GROUP or later.
static void enter(const struct cr_plan *plan, struct cr_maker_queue *queue,
                  uint32_t maker, uint32_t group) {
    while (group < plan->groups_len && maker_of(plan, group) != maker) {
        group++;
    }
    queue->group = group;
    queue->next = group < plan->groups_len ? plan->groups[group].first_trajectory
                                           : plan->trajectories;
}

enum cr_status cr_makers_init(struct cr_makers *makers, const struct cr_plan *plan,
                              struct cr_err *err) {
    const uint32_t len = plan->job->models_len;
    *makers = (struct cr_makers){.plan = plan};
    makers->queues = cr_calloc(len, sizeof *makers->queues);
    if (makers->queues == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %u makers", len);
    }
    for (uint32_t i = 0; i < len; i++) {
        const uint32_t markets = cr_maker_markets(&plan->job->models[i]);
        makers->queues[i].markets = markets > 0 ? markets : MARKETS_DEFAULT;
        enter(plan, &makers->queues[i], i, 0);
    }
    return CR_OK;
}

void cr_makers_fini(struct cr_makers *makers) {
    cr_free(makers->queues);
    makers->queues = NULL;
}

struct cr_maker_queue *cr_makers_queue_of(const struct cr_makers *makers,
                                          uint64_t trajectory) {
    struct cr_plan_place place;
    cr_plan_place(makers->plan, trajectory, &place);
    return &makers->queues[makers->plan->job->cells[place.group->cells[0]].maker];
}

// Moves QUEUE to its next trajectory whose STATE is 0; false when there is none.
static bool seek(const struct cr_makers *makers, uint32_t maker, const uint8_t *state) {
    const struct cr_plan *plan = makers->plan;
    struct cr_maker_queue *queue = &makers->queues[maker];
    while (queue->group < plan->groups_len) {
        const uint64_t end = end_of(plan, queue->group);
        while (queue->next < end && state[queue->next] != 0) {
            queue->next++;
        }
        if (queue->next < end) {
            return true;
        }
        enter(plan, queue, maker, queue->group + 1);
    }
    return false;
}

// Whether A has fewer markets out than B for what its servers can take.
static bool goes_before(const struct cr_maker_queue *a,
                        const struct cr_maker_queue *b) {
    return b == NULL || a->granted * b->markets < b->granted * a->markets;
}

bool cr_makers_take(struct cr_makers *makers, const uint8_t *state,
                    uint64_t *trajectory) {
    struct cr_maker_queue *first = NULL;
    for (uint32_t i = 0; i < makers->plan->job->models_len; i++) {
        if (seek(makers, i, state) && goes_before(&makers->queues[i], first)) {
            first = &makers->queues[i];
        }
    }
    if (first == NULL) {
        return false;
    }
    *trajectory = first->next++;
    return true;
}

bool cr_makers_are_done(const struct cr_makers *makers, const uint8_t *state) {
    for (uint32_t i = 0; i < makers->plan->job->models_len; i++) {
        if (seek(makers, i, state)) {
            return false;
        }
    }
    return true;
}
