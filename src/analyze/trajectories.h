// trajectories.h - the trajectories behind a group, each once, question by question.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_TRAJECTORIES_H
#define CR_ANALYZE_TRAJECTORIES_H

#include "analyze/dataset.h"
#include "credence/base/status.h"
#include "credence/core/cell.h"

struct cr_trajectories {
    const struct cr_dataset *dataset;
    uint32_t *taken;  // [rows]: by which group its trajectory was taken, from 1
    uint64_t *chosen; // [rows]: of the present group
    uint64_t *sorted; // [len] the same in the order of questions
    uint64_t *first;  // [questions + 1]
    uint64_t len;
    uint64_t fresh; // trajectories of the group that no earlier group had
};

// Freed by cr_trajectories_fini, on failure too.
CR_MUST_CHECK enum cr_status cr_trajectories_init(struct cr_trajectories *trajectories,
                                                  const struct cr_dataset *dataset);
void cr_trajectories_fini(struct cr_trajectories *trajectories);
// The trajectories of group G, each as its longest stored row, into sorted[0, len).
// False when G's protocol takes no rule like RULE, or earlier groups had them all.
bool cr_trajectories_of(struct cr_trajectories *trajectories, size_t g,
                        enum cr_stop_rule rule);
// The question of row NUMBER, as numbered in the dataset.
uint32_t cr_trajectories_question(const struct cr_trajectories *trajectories,
                                  uint64_t number);
// LABEL of a group without the factors of its stop rule; NULL: out of memory.
const char *cr_trajectories_label(struct cr_arena *arena, const char *label);

#endif
