// plan.h - cells x propositions x replicates, as numbered trajectories and episodes.
//
// Layer    job (4)
// Threads  read-only after it was made
// MPI      every rank makes the same plan
//
// A trajectory is the unit of work; every cell of its group takes a view of it. Numbers
// are arithmetic, so memory is that of cells + propositions:
//   trajectories   group, then proposition, then replicate
//   episodes       group, then proposition, then replicate, then cell of the group
#ifndef CREDENCE_JOB_PLAN_H
#define CREDENCE_JOB_PLAN_H

#include <stdint.h>

#include "credence/core/job.h"
#include "credence/protocol/episode.h"

struct cr_plan_group { // cells that share trajectories
    uint32_t *cells;   // indices into job.cells
    uint32_t cells_len;
    struct cr_stop *stops; // of those cells, in their order
    uint32_t benchmark;
    uint32_t replicates;
    uint32_t prices_max;
    uint64_t propositions_len;
    uint64_t first_trajectory;
    uint64_t first_episode;
    uint64_t first_dealt; // place in the order in which shards are dealt their part
    uint64_t key; // identity of what shapes an answer: protocol, models, prompts, ...
                  // not stop
    uint64_t opening_key; // the same without traders, stance and order
};

struct cr_plan {
    const struct cr_job *job;
    struct cr_plan_group *groups;
    uint32_t groups_len;
    uint64_t trajectories, episodes;
    uint32_t prices_max;         // over all groups: the iteration dimension of run.h5
    uint32_t width_max;          // outcome dimension: 1 unless categorical
    uint64_t propositions;       // over the benchmarks in use
    uint64_t *first_proposition; // [job.benchmarks_len] row of a benchmark's first in
                                 // /propositions
    uint32_t shard, shards; // this launch's part of the trajectories: 0 of 1 for all
};

CR_MUST_CHECK enum cr_status cr_plan_create(const struct cr_job *job,
                                            struct cr_plan **out, struct cr_err *err);
void cr_plan_destroy(struct cr_plan *plan);

// What a trajectory is made of. TRAJECTORY < plan->trajectories.
struct cr_plan_place {
    const struct cr_plan_group *group;
    const struct cr_proposition *proposition;
    uint64_t proposition_row; // in /propositions
    uint32_t replicate;
    uint64_t key;         // identity: the same in every run of the job, shard or limit
    uint64_t opening_key; // of its opening, shared by other traders and stances
    uint64_t
        first_episode; // its views are episodes first_episode + i, cell group->cells[i]
};
void cr_plan_place(const struct cr_plan *plan, uint64_t trajectory,
                   struct cr_plan_place *out);
// The trajectory that EPISODE is a view of; *cell its cell.
uint64_t cr_plan_trajectory_of(const struct cr_plan *plan, uint64_t episode,
                               uint32_t *cell);
// What cr_episode_create needs.
void cr_plan_episode_cfg(const struct cr_plan *plan, uint64_t trajectory,
                         struct cr_episode_cfg *out);
// Whether this shard runs TRAJECTORY.
bool cr_plan_is_ours(const struct cr_plan *plan, uint64_t trajectory);

#endif
