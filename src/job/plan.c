// The plan: arithmetic over groups, so that ten million episodes cost no memory. Groups
// are laid out one after the other; a number is found by bisection.
#include "credence/job/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "credence/protocol/protocol.h"
#include "job/builder.h"

static uint32_t count_groups(const struct cr_job *job) {
    uint32_t len = 0;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        len = job->cells[i].trajectory >= len ? job->cells[i].trajectory + 1 : len;
    }
    return len;
}

static enum cr_status make_room(struct cr_plan *plan) {
    const struct cr_job *job = plan->job;
    plan->groups_len = count_groups(job);
    plan->groups = cr_calloc(plan->groups_len, sizeof *plan->groups);
    plan->first_proposition =
        cr_calloc((size_t)job->benchmarks_len + 1, sizeof *plan->first_proposition);
    if (plan->groups == NULL || plan->first_proposition == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < job->cells_len; i++) {
        plan->groups[job->cells[i].trajectory].cells_len++;
    }
    for (uint32_t i = 0; i < plan->groups_len; i++) {
        struct cr_plan_group *group = &plan->groups[i];
        group->cells = cr_calloc(group->cells_len, sizeof *group->cells);
        group->stops = cr_calloc(group->cells_len, sizeof *group->stops);
        if (group->cells == NULL || group->stops == NULL) {
            return CR_E_MEMORY;
        }
        group->cells_len = 0;
    }
    return CR_OK;
}

// Cells to their groups, in the order of the job.
static void place_cells(struct cr_plan *plan) {
    const struct cr_job *job = plan->job;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        struct cr_plan_group *group = &plan->groups[job->cells[i].trajectory];
        uint32_t prices = cr_protocol_prices_max(&job->cells[i]);
        group->cells[group->cells_len] = i;
        group->stops[group->cells_len++] = job->cells[i].stop;
        group->prices_max = prices > group->prices_max ? prices : group->prices_max;
    }
}

static uint32_t width_of(const struct cr_propositions *propositions) {
    uint32_t width = 1;
    for (size_t i = 0; i < propositions->len; i++) {
        uint32_t own = cr_proposition_prices(&propositions->at[i]);
        width = own > width ? own : width;
    }
    return width;
}

static void number_groups(struct cr_plan *plan) {
    const struct cr_job *job = plan->job;
    for (uint32_t i = 0; i < plan->groups_len; i++) {
        struct cr_plan_group *group = &plan->groups[i];
        const struct cr_cell *first = &job->cells[group->cells[0]];
        group->benchmark = first->benchmark;
        group->replicates = first->replicates;
        group->propositions_len = job->benchmarks[first->benchmark].propositions.len;
        group->key = cr_cell_key(job, first);
        group->opening_key = cr_cell_opening_key(job, first);
        group->first_trajectory = plan->trajectories;
        group->first_episode = plan->episodes;
        uint64_t trajectories = group->propositions_len * group->replicates;
        plan->trajectories += trajectories;
        plan->episodes += trajectories * group->cells_len;
        plan->prices_max =
            group->prices_max > plan->prices_max ? group->prices_max : plan->prices_max;
    }
}

// Rows of /propositions: the benchmarks in use, one after the other.
static void number_propositions(struct cr_plan *plan) {
    const struct cr_job *job = plan->job;
    plan->width_max = 1;
    for (uint32_t b = 0; b < job->benchmarks_len; b++) {
        bool is_used = false;
        for (uint32_t i = 0; i < plan->groups_len && !is_used; i++) {
            is_used = plan->groups[i].benchmark == b;
        }
        plan->first_proposition[b] = plan->propositions;
        if (is_used) {
            uint32_t width = width_of(&job->benchmarks[b].propositions);
            plan->propositions += job->benchmarks[b].propositions.len;
            plan->width_max = width > plan->width_max ? width : plan->width_max;
        }
    }
}

static int by_cost(const void *a, const void *b) {
    const struct cr_plan_group *const *x = a, *const *y = b;
    if ((*x)->prices_max != (*y)->prices_max) {
        return (*x)->prices_max > (*y)->prices_max ? -1 : 1;
    }
    return (*x)->first_trajectory < (*y)->first_trajectory ? -1 : 1;
}

// Trajectories are dealt to the shards like cards, the longest markets first, so that
// two shards differ by less than one market in each class of cost.
static enum cr_status deal(struct cr_plan *plan) {
    struct cr_plan_group **order = cr_calloc(plan->groups_len, sizeof *order);
    uint64_t dealt = 0;
    if (order == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < plan->groups_len; i++) {
        order[i] = &plan->groups[i];
    }
    qsort(order, plan->groups_len, sizeof *order, by_cost);
    for (uint32_t i = 0; i < plan->groups_len; i++) {
        order[i]->first_dealt = dealt;
        dealt += order[i]->propositions_len * order[i]->replicates;
    }
    cr_free(order);
    return CR_OK;
}

enum cr_status cr_plan_create(const struct cr_job *job, struct cr_plan **out,
                              struct cr_err *err) {
    struct cr_plan *plan = cr_calloc(1, sizeof *plan);
    enum cr_status status = CR_E_MEMORY;
    if (plan != NULL) {
        plan->job = job;
        plan->shard = job->shard;
        plan->shards = job->shards == 0 ? 1 : job->shards;
        status = make_room(plan);
    }
    if (status == CR_OK) {
        place_cells(plan);
        number_groups(plan);
        number_propositions(plan);
        status = deal(plan);
    }
    if (status != CR_OK) {
        cr_plan_destroy(plan);
        return cr_err_set(err, status, "out of memory for a plan of %u cells",
                          job->cells_len);
    }
    *out = plan;
    return CR_OK;
}

void cr_plan_destroy(struct cr_plan *plan) {
    if (plan == NULL) {
        return;
    }
    for (uint32_t i = 0; plan->groups != NULL && i < plan->groups_len; i++) {
        cr_free(plan->groups[i].cells);
        cr_free(plan->groups[i].stops);
    }
    cr_free(plan->groups);
    cr_free(plan->first_proposition);
    cr_free(plan);
}

// The last group that begins at or before NUMBER, by first_trajectory or first_episode.
// A group without trajectories begins where the next one does, and is never the last.
static const struct cr_plan_group *find_group(const struct cr_plan *plan,
                                              uint64_t number, bool is_episode) {
    uint32_t low = 0, high = plan->groups_len;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        const struct cr_plan_group *group = &plan->groups[middle];
        uint64_t first = is_episode ? group->first_episode : group->first_trajectory;
        if (first <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &plan->groups[low];
}

void cr_plan_place(const struct cr_plan *plan, uint64_t trajectory,
                   struct cr_plan_place *out) {
    assert(trajectory < plan->trajectories);
    const struct cr_plan_group *group = find_group(plan, trajectory, false);
    uint64_t at = trajectory - group->first_trajectory;
    uint64_t row = at / group->replicates;
    const struct cr_benchmark *benchmark = &plan->job->benchmarks[group->benchmark];
    out->group = group;
    out->proposition = &benchmark->propositions.at[row];
    out->proposition_row = plan->first_proposition[group->benchmark] + row;
    out->replicate = (uint32_t)(at % group->replicates);
    out->key =
        cr_hash_mix(cr_hash_mix(group->key, out->proposition->key), out->replicate);
    out->opening_key = cr_hash_mix(
        cr_hash_mix(group->opening_key, out->proposition->key), out->replicate);
    out->first_episode = group->first_episode + at * group->cells_len;
}

uint64_t cr_plan_trajectory_of(const struct cr_plan *plan, uint64_t episode,
                               uint32_t *cell) {
    assert(episode < plan->episodes);
    const struct cr_plan_group *group = find_group(plan, episode, true);
    uint64_t at = episode - group->first_episode;
    *cell = group->cells[at % group->cells_len];
    return group->first_trajectory + at / group->cells_len;
}

void cr_plan_episode_cfg(const struct cr_plan *plan, uint64_t trajectory,
                         struct cr_episode_cfg *out) {
    struct cr_plan_place place;
    cr_plan_place(plan, trajectory, &place);
    const struct cr_cell *cell = &plan->job->cells[place.group->cells[0]];
    *out = (struct cr_episode_cfg){
        .cell = cell,
        .stops = place.group->stops,
        .stops_len = place.group->cells_len,
        .proposition = place.proposition,
        .prompts = plan->job->prompts[cell->prompts],
        .prompts_trader = plan->job->prompts[cell->prompts_trader],
        .trajectory = trajectory,
        .trajectory_key = place.key,
        .opening_key = place.opening_key,
        .benchmark = &plan->job->benchmarks[place.group->benchmark].propositions,
        .job_seed = plan->job->seed,
        .replicate = place.replicate,
    };
}

bool cr_plan_is_ours(const struct cr_plan *plan, uint64_t trajectory) {
    if (plan->shards <= 1) {
        return true;
    }
    const struct cr_plan_group *group = find_group(plan, trajectory, false);
    uint64_t at = group->first_dealt + (trajectory - group->first_trajectory);
    // Each round of the deal begins at a shard of its own choice: otherwise, with two
    // shards, one would get all the true and the other all the false propositions.
    uint64_t round = at / plan->shards;
    uint64_t turn = cr_hash_mix(plan->job->seed, round) % plan->shards;
    return (at + turn) % plan->shards == plan->shard;
}
