// Which cells share trajectories: those that differ in their stop rule alone.
// Equilibrium is monotone, so one market run under the strictest of their rules serves
// them all.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/prompt/prompt.h"
#include "credence/protocol/protocol.h"
#include "job/builder.h"

// The whole trajectory of a group that runs on: a run file holds views, so a rule that
// is asked later needs one view that nothing has cut.

struct whole {
    const struct cr_cell *origin; // the group's first cell with "stop_early": false
    uint32_t longest;             // max_iterations
    bool is_there;                // a cell that sees all of it
};

static void look_at_cells(const struct cr_job *job, struct whole *wholes) {
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        struct whole *whole = &wholes[cell->trajectory];
        uint32_t own = cell->stop.max_iterations;
        whole->longest = own > whole->longest ? own : whole->longest;
        if (whole->origin == NULL && !cell->stop_early &&
            cr_protocol_has_stop_rule(cell->protocol)) {
            whole->origin = cell;
        }
    }
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        struct whole *whole = &wholes[cell->trajectory];
        whole->is_there =
            whole->is_there || (cell->stop.rule == CR_STOP_FIXED &&
                                cell->stop.max_iterations == whole->longest);
    }
}

static void make_whole(struct cr_job_builder *builder, const struct whole *whole,
                       struct cr_cell *out) {
    char name[CR_CELL_NAME_MAX + sizeof " to the end"];
    memcpy(out, whole->origin, sizeof *out);
    snprintf(name, sizeof name, "%s to the end", out->name);
    out->name = cr_arena_strdup(&builder->check.job->arena, name);
    if (out->name == NULL) {
        cr_check_memory(&builder->check);
    }
    out->stop.rule = CR_STOP_FIXED;
    out->stop.max_iterations = whole->longest;
    out->is_whole = true;
}

// One cell more for each of GROUPS that runs on (a cell of it says
// "stop_early": false) and of which no cell sees the whole trajectory.
static void add_whole(struct cr_job_builder *builder, uint32_t groups) {
    struct cr_job *job = builder->check.job;
    struct whole *wholes = cr_check_alloc(&builder->check, groups, sizeof *wholes);
    if (wholes == NULL) {
        return;
    }
    look_at_cells(job, wholes);
    uint32_t len = job->cells_len;
    for (uint32_t i = 0; i < groups; i++) {
        len += wholes[i].origin != NULL && !wholes[i].is_there;
    }
    if (len == job->cells_len) {
        return;
    }
    struct cr_cell *cells = cr_check_alloc(&builder->check, len, sizeof *cells);
    if (cells == NULL) {
        return;
    }
    memcpy(cells, job->cells, job->cells_len * sizeof *cells);
    len = job->cells_len;
    for (uint32_t i = 0; i < groups; i++) {
        if (wholes[i].origin != NULL && !wholes[i].is_there) {
            make_whole(builder, &wholes[i], &cells[len++]);
        }
    }
    job->cells = cells;
    job->cells_len = len;
}

static uint64_t mix_text(uint64_t key, const char *text) {
    return cr_hash_mix(key, cr_hash64(text, strlen(text), 0));
}

// A model counts by its name and by its content: two models of one content are two
// samples, and a name given another content is another model.
static uint64_t mix_model(uint64_t key, const struct cr_model *model) {
    key = mix_text(key, model->name);
    key = cr_hash_mix(key, model->identity.hi);
    return cr_hash_mix(key, model->identity.lo);
}

// Whether CELL makes other calls when it is changed to OTHER: a factor that its
// protocol does not know changes none.
static bool shapes_calls(const struct cr_cell *cell, const struct cr_cell *other) {
    struct cr_bounds a = cr_protocol_calls(cell), b = cr_protocol_calls(other);
    return a.min != b.min || a.max != b.max;
}

static uint64_t mix_counts(uint64_t key, const struct cr_cell *cell) {
    struct cr_cell more = *cell;
    more.samples++;
    key = cr_hash_mix(key, shapes_calls(cell, &more) ? cell->samples : 0);
    more = *cell;
    more.rounds++;
    return cr_hash_mix(key, shapes_calls(cell, &more) ? cell->rounds : 0);
}

static uint64_t mix_prompts(uint64_t key, const struct cr_prompt_set *prompts) {
    struct cr_hash texts = cr_prompt_set_hash(prompts);
    key = mix_text(key, cr_prompt_set_name(prompts));
    return cr_hash_mix(cr_hash_mix(key, texts.hi), texts.lo);
}

static uint64_t mix_traders(uint64_t key, const struct cr_job *job,
                            const struct cr_cell *cell) {
    for (uint32_t i = 0; i < cell->traders_len; i++) {
        key = mix_model(key, &job->models[cell->traders[i]]);
    }
    key = cr_hash_mix(key, cell->traders_len);
    key = mix_text(key, cr_stance_names[cell->stance]);
    // Mixed in only where it says something, or the identity of older runs would change.
    if (cell->prompts_trader != cell->prompts) {
        key = mix_prompts(mix_text(key, "prompts.trader"),
                          job->prompts[cell->prompts_trader]);
    }
    return mix_text(key, cr_order_names[cell->order]);
}

static uint64_t mix_opening(uint64_t key, const struct cr_job *job,
                            const struct cr_cell *cell) {
    key = mix_prompts(key, job->prompts[cell->prompts]);
    key = cell->price_steps ? mix_text(key, "price_steps") : key;
    return mix_text(key, cr_elicitation_names[cell->elicitation]);
}

static uint64_t mix_maker(const struct cr_job *job, const struct cr_cell *cell) {
    uint64_t key = cr_hash_mix(0, job->seed);
    key = mix_text(key, cr_protocol_name(cell->protocol));
    key = mix_text(key, job->benchmarks[cell->benchmark].name);
    return mix_model(key, &job->models[cell->maker]);
}

static uint64_t mix_number(uint64_t key, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return cr_hash_mix(key, bits);
}

static uint64_t mix_room(uint64_t key, const struct cr_room *room) {
    key = mix_text(key, cr_sizing_names[room->sizing]);
    key = mix_number(mix_number(key, room->liquidity), room->prior);
    return mix_number(key, room->adversary);
}

uint64_t cr_cell_key(const struct cr_job *job, const struct cr_cell *cell) {
    uint64_t key = mix_maker(job, cell);
    if (cr_protocol_has_traders(cell->protocol)) {
        key = mix_traders(key, job, cell);
    }
    key = mix_opening(key, job, cell);
    key = mix_counts(key, cell);
    key = cr_protocol_is_room(cell->protocol) ? mix_room(key, &cell->room) : key;
    key = cell->held != CR_HELD_NONE ? mix_text(key, cr_held_names[cell->held]) : key;
    key = cr_hash_mix(key, cell->memory);
    key = cr_hash_mix(key, cell->repairs);
    return cr_hash_mix(key, cell->chain_of_thought);
}

uint64_t cr_cell_opening_key(const struct cr_job *job, const struct cr_cell *cell) {
    uint64_t key = mix_opening(mix_maker(job, cell), job, cell);
    key = cr_hash_mix(key, cell->elicitation == CR_ELICIT_SAMPLED ? cell->samples : 0);
    return cr_hash_mix(key, cell->chain_of_thought);
}

struct ranked {
    uint64_t key;
    uint64_t rest; // hash of what the key may leave out
    uint32_t cell;
};

static uint64_t rest_hash(const struct cr_job *job, const struct cr_cell *cell) {
    uint64_t bits;
    memcpy(&bits, &cell->stop.threshold, sizeof bits);
    uint64_t hash = cr_hash_mix(cell->stop_early, cell->stop.rule);
    hash = cr_hash_mix(cr_hash_mix(hash, cell->stop.window), bits);
    hash = cr_hash_mix(hash, cell->stop.max_iterations);
    hash = cr_hash_mix(cr_hash_mix(hash, cell->samples), cell->rounds);
    return mix_traders(hash, job, cell);
}

static int compare(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->rest != y->rest) {
        return x->rest < y->rest ? -1 : 1;
    }
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

// Cells that are neighbours in RANKED and of one key: the same cell twice, or two
// numbers of replicates for one configuration.
static void refuse_pair(struct cr_job_builder *builder, const struct ranked *a,
                        const struct ranked *b) {
    const struct cr_job *job = builder->check.job;
    const struct cr_cell *one = &job->cells[a->cell], *other = &job->cells[b->cell];
    if (one->replicates != other->replicates) {
        cr_check_mistake(&builder->check, "cells",
                         "'%s' and '%s' would share trajectories but differ in "
                         "replicates",
                         one->name, other->name);
    } else if (a->rest == b->rest) {
        cr_check_mistake(&builder->check, "cells", "'%s' and '%s' are the same cell",
                         one->name, other->name);
    }
}

static int compare_names(const void *a, const void *b) {
    const struct cr_cell *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void refuse_equal_names(struct cr_job_builder *builder) {
    const struct cr_job *job = builder->check.job;
    const struct cr_cell **sorted =
        cr_check_alloc(&builder->check, job->cells_len, sizeof *sorted);
    if (sorted == NULL) {
        return;
    }
    for (uint32_t i = 0; i < job->cells_len; i++) {
        sorted[i] = &job->cells[i];
    }
    qsort(sorted, job->cells_len, sizeof *sorted, compare_names);
    for (uint32_t i = 1; i < job->cells_len; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            cr_check_mistake(&builder->check, "cells", "two cells are called '%s'",
                             sorted[i]->name);
        }
    }
}

// Number the groups by their first cell. RANKED is sorted; within a key the first cell
// is not the first in RANKED, so the smallest is looked for. Returns how many there
// are.
static uint32_t number_groups(struct cr_job *job, const struct ranked *ranked,
                              uint32_t *first_of) {
    for (uint32_t i = 0; i < job->cells_len;) {
        uint32_t end = i, first = ranked[i].cell;
        for (; end < job->cells_len && ranked[end].key == ranked[i].key; end++) {
            first = ranked[end].cell < first ? ranked[end].cell : first;
        }
        for (; i < end; i++) {
            first_of[ranked[i].cell] = first;
        }
    }
    uint32_t groups = 0;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        job->cells[i].trajectory =
            first_of[i] == i ? groups++ : job->cells[first_of[i]].trajectory;
    }
    return groups;
}

void cr_job_group_cells(struct cr_job_builder *builder) {
    struct cr_job *job = builder->check.job;
    struct ranked *ranked =
        cr_check_alloc(&builder->check, job->cells_len, sizeof *ranked);
    uint32_t *first_of =
        cr_check_alloc(&builder->check, job->cells_len, sizeof *first_of);
    if (ranked == NULL || first_of == NULL) {
        return;
    }
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        ranked[i] = (struct ranked){cr_cell_key(job, cell), rest_hash(job, cell), i};
    }
    qsort(ranked, job->cells_len, sizeof *ranked, compare);
    for (uint32_t i = 1; i < job->cells_len; i++) {
        if (ranked[i - 1].key == ranked[i].key) {
            refuse_pair(builder, &ranked[i - 1], &ranked[i]);
        }
    }
    add_whole(builder, number_groups(job, ranked, first_of));
    refuse_equal_names(builder);
}
