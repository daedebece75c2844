// probe_items.c - see probe_items.h.
#include "run/probe_items.h"

#include <stdbool.h>
#include <stdlib.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/protocol/episode.h"

struct candidate {
    uint64_t trajectory;
    uint32_t bucket; // benchmark and label, so that each gets its share
};

static bool opens_with_maker(const struct cr_plan *plan,
                             const struct cr_plan_group *group) {
    struct cr_episode_cfg cfg;
    struct cr_episode *episode = NULL;
    struct cr_call *call = NULL;
    cr_plan_episode_cfg(plan, group->first_trajectory, &cfg);
    const bool is_made = cr_episode_create(&cfg, &episode, NULL) == CR_OK &&
                         cr_episode_next(episode, &call, NULL) == CR_OK;
    const bool is_maker = is_made && call != NULL && call->id.role == CR_ROLE_MAKER;
    cr_episode_destroy(episode);
    return is_maker;
}

// Whether GROUP is the first of MODEL on its benchmark that its maker opens.
static bool is_probed(const struct cr_plan *plan, uint32_t group, uint32_t model) {
    const struct cr_plan_group *g = &plan->groups[group];
    if (g->propositions_len == 0 || plan->job->cells[g->cells[0]].maker != model ||
        !opens_with_maker(plan, g)) {
        return false;
    }
    for (uint32_t i = 0; i < group; i++) {
        if (plan->groups[i].benchmark == g->benchmark && is_probed(plan, i, model)) {
            return false;
        }
    }
    return true;
}

static enum cr_status list_candidates(const struct cr_plan *plan, uint32_t model,
                                      struct candidate **out, uint64_t *len,
                                      struct cr_err *err) {
    *len = 0;
    *out = cr_calloc(plan->trajectories + 1, sizeof **out);
    if (*out == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory while probing");
    }
    for (uint32_t g = 0; g < plan->groups_len; g++) {
        const struct cr_plan_group *group = &plan->groups[g];
        const bool is_wanted = is_probed(plan, g, model);
        for (uint64_t p = 0; is_wanted && p < group->propositions_len; p++) {
            struct cr_plan_place place;
            const uint64_t t = group->first_trajectory + p * group->replicates;
            cr_plan_place(plan, t, &place);
            const bool is_true = place.proposition->label == 1;
            (*out)[(*len)++] = (struct candidate){t, 2 * group->benchmark + is_true};
        }
    }
    return CR_OK;
}

static int by_bucket(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

// Shuffle by SEED, then deal from the buckets in turn: WANTED of the LEN candidates first.
static void deal(struct candidate *at, uint64_t len, uint64_t seed, uint64_t wanted) {
    struct cr_rng rng;
    cr_rng_seed(&rng, cr_hash_mix(seed, CR_PROBE_SALT));
    for (uint64_t i = len; i > 1; i--) {
        const uint64_t j = cr_rng_below(&rng, i);
        const struct candidate swap = at[i - 1];
        at[i - 1] = at[j];
        at[j] = swap;
    }
    for (uint64_t i = 0; i < wanted; i++) {
        // Of what is left, the first of the bucket that was dealt from least.
        uint64_t best = i, least = UINT64_MAX;
        for (uint64_t j = i; j < len; j++) {
            uint64_t dealt = 0;
            for (uint64_t k = 0; k < i; k++) {
                dealt += at[k].bucket == at[j].bucket;
            }
            if (dealt < least) {
                least = dealt;
                best = j;
            }
            if (least == 0) {
                break;
            }
        }
        const struct candidate chosen = at[best];
        at[best] = at[i];
        at[i] = chosen;
    }
    qsort(at, wanted, sizeof *at, by_bucket);
}

enum cr_status cr_probe_items_choose(const struct cr_plan *plan, uint32_t model,
                                     uint32_t wanted, struct cr_probe_items *out,
                                     struct cr_err *err) {
    struct candidate *candidates = NULL;
    uint64_t len = 0;
    *out = (struct cr_probe_items){.len = 0};
    enum cr_status status = list_candidates(plan, model, &candidates, &len, err);
    const uint32_t kept = len < wanted ? (uint32_t)len : wanted;
    if (status == CR_OK && kept > 0) {
        deal(candidates, len, plan->job->seed, kept);
        out->trajectory = cr_calloc(kept, sizeof *out->trajectory);
        status = out->trajectory != NULL
                     ? CR_OK
                     : cr_err_set(err, CR_E_MEMORY, "out of memory while probing");
    }
    for (uint32_t i = 0; status == CR_OK && i < kept; i++) {
        out->trajectory[out->len++] = candidates[i].trajectory;
    }
    cr_free(candidates);
    return status;
}
