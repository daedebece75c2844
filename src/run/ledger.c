// ledger.c - see ledger.h. What lost ranks gave back is granted first.
#include "run/ledger.h"

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

static enum cr_status makers_init(struct cr_makers *makers, const struct cr_plan *plan,
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

static void makers_fini(struct cr_makers *makers) {
    cr_free(makers->queues);
    makers->queues = NULL;
}

// The queue of TRAJECTORY's maker.
static struct cr_maker_queue *makers_queue_of(const struct cr_makers *makers,
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

// The next trajectory whose STATE, [plan->trajectories], is 0; its queue moves past it.
// False when no queue has one.
static bool makers_take(struct cr_makers *makers, const uint8_t *state,
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

// Whether no queue has one.
static bool makers_are_done(const struct cr_makers *makers, const uint8_t *state) {
    for (uint32_t i = 0; i < makers->plan->job->models_len; i++) {
        if (seek(makers, i, state)) {
            return false;
        }
    }
    return true;
}

// Numbers of trajectories by their key, and what older plans called them.
struct cr_key_index {
    uint64_t mask;
    uint32_t *slot;  // [mask + 1] the number, from 1; 0: free
    uint32_t *moved; // [trajectories] by the older number: the number now, from 1
};

enum cr_status cr_ledger_init(struct cr_ledger *ledger, const struct cr_plan *plan,
                              struct cr_err *err) {
    *ledger = (struct cr_ledger){.plan = plan};
    const size_t len = (size_t)plan->trajectories;
    ledger->state = cr_calloc(len + 1, sizeof *ledger->state);
    ledger->result_at = cr_calloc(len + 1, sizeof *ledger->result_at);
    if (ledger->state == NULL || ledger->result_at == NULL) {
        cr_ledger_fini(ledger);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %zu trajectories", len);
    }
    const enum cr_status status = makers_init(&ledger->makers, plan, err);
    if (status != CR_OK) {
        cr_ledger_fini(ledger);
        return status;
    }
    for (size_t i = 0; i < len; i++) {
        if (!cr_plan_is_ours(plan, i)) {
            ledger->state[i] = CR_LEDGER_OTHERS;
        } else {
            ledger->counts[CR_LEDGER_PENDING]++;
        }
    }
    ledger->counts[CR_LEDGER_OTHERS] = len - ledger->counts[CR_LEDGER_PENDING];
    return CR_OK;
}

void cr_ledger_fini(struct cr_ledger *ledger) {
    cr_free(ledger->state);
    cr_free(ledger->result_at);
    makers_fini(&ledger->makers);
    cr_free(ledger->returned);
    cr_free(ledger->recorded);
    cr_free(ledger->last);
    cr_free(ledger->files);
    cr_tape_lookup_destroy(ledger->lookup);
    cr_ledger_end_load(ledger);
    *ledger = (struct cr_ledger){0};
}

void cr_ledger_set(struct cr_ledger *ledger, uint64_t trajectory,
                   enum cr_ledger_state state) {
    assert(trajectory < ledger->plan->trajectories);
    const enum cr_ledger_state before = ledger->state[trajectory];
    if ((before == CR_LEDGER_GRANTED) != (state == CR_LEDGER_GRANTED)) {
        struct cr_maker_queue *queue = makers_queue_of(&ledger->makers, trajectory);
        if (state == CR_LEDGER_GRANTED) {
            queue->granted++;
        } else {
            queue->granted--;
        }
    }
    ledger->counts[before]--;
    ledger->counts[state]++;
    ledger->state[trajectory] = (uint8_t)state;
}

static bool take_returned(struct cr_ledger *ledger, uint64_t *trajectory) {
    while (ledger->returned_len > 0) {
        *trajectory = ledger->returned[--ledger->returned_len];
        if (ledger->state[*trajectory] == CR_LEDGER_PENDING) {
            return true;
        }
    }
    return false;
}

bool cr_ledger_take(struct cr_ledger *ledger, uint64_t *trajectory) {
    if (!take_returned(ledger, trajectory) &&
        !makers_take(&ledger->makers, ledger->state, trajectory)) {
        return false;
    }
    cr_ledger_set(ledger, *trajectory, CR_LEDGER_GRANTED);
    return true;
}

bool cr_ledger_was_granted(const struct cr_ledger *ledger) {
    return makers_are_done(&ledger->makers, ledger->state);
}

enum cr_status cr_ledger_return(struct cr_ledger *ledger, uint64_t trajectory,
                                struct cr_err *err) {
    if (ledger->state[trajectory] != CR_LEDGER_GRANTED) {
        return CR_OK;
    }
    const enum cr_status status =
        cr_array_grow((void **)&ledger->returned, &ledger->returned_cap,
                      ledger->returned_len + 1, sizeof *ledger->returned);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory for the ledger");
    }
    ledger->returned[ledger->returned_len++] = trajectory;
    cr_ledger_set(ledger, trajectory, CR_LEDGER_PENDING);
    return CR_OK;
}

uint64_t cr_ledger_open_count(const struct cr_ledger *ledger) {
    return ledger->counts[CR_LEDGER_PENDING] + ledger->counts[CR_LEDGER_GRANTED];
}

// A tape names a trajectory once a call, so its key is kept. Without memory for that it
// is computed each time.
static uint64_t key_of(struct cr_ledger *ledger, uint64_t number) {
    struct cr_plan_place place;
    if (ledger->keys == NULL) {
        ledger->keys = cr_calloc((size_t)ledger->plan->trajectories, sizeof(uint64_t));
    }
    if (ledger->keys != NULL && ledger->keys[number] != 0) {
        return ledger->keys[number];
    }
    cr_plan_place(ledger->plan, number, &place);
    if (ledger->keys != NULL) {
        ledger->keys[number] = place.key;
    }
    return place.key;
}

static void index_destroy(struct cr_key_index *index) {
    if (index != NULL) {
        cr_free(index->slot);
        cr_free(index->moved);
        cr_free(index);
    }
}

void cr_ledger_end_load(struct cr_ledger *ledger) {
    cr_free(ledger->keys);
    ledger->keys = NULL;
    index_destroy(ledger->index);
    ledger->index = NULL;
}

// Keys are hashes already.
static void index_fill(struct cr_ledger *ledger, struct cr_key_index *index) {
    for (uint64_t i = 0; i < ledger->plan->trajectories; i++) {
        uint64_t at = key_of(ledger, i) & index->mask;
        while (index->slot[at] != 0) {
            at = (at + 1) & index->mask;
        }
        index->slot[at] = (uint32_t)i + 1;
    }
}

static enum cr_status index_create(struct cr_ledger *ledger, struct cr_err *err) {
    const uint64_t len = ledger->plan->trajectories;
    if (len >= UINT32_MAX) {
        return cr_err_set(err, CR_E_LIMIT, "too many trajectories for a resume");
    }
    struct cr_key_index *index = cr_calloc(1, sizeof *index);
    uint64_t slots = 16;
    while (slots < 2 * len) {
        slots *= 2;
    }
    if (index != NULL) {
        index->mask = slots - 1;
        index->slot = cr_calloc((size_t)slots, sizeof *index->slot);
        index->moved = cr_calloc((size_t)len + 1, sizeof *index->moved);
    }
    if (index == NULL || index->slot == NULL || index->moved == NULL) {
        index_destroy(index);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the index of keys");
    }
    index_fill(ledger, index);
    ledger->index = index;
    return CR_OK;
}

// The number of KEY, from 1; 0: the plan has none.
static uint32_t index_find(struct cr_ledger *ledger, uint64_t key) {
    const struct cr_key_index *index = ledger->index;
    for (uint64_t at = key & index->mask; index->slot[at] != 0;
         at = (at + 1) & index->mask) {
        if (key_of(ledger, index->slot[at] - 1) == key) {
            return index->slot[at];
        }
    }
    return 0;
}

enum cr_status cr_ledger_number(struct cr_ledger *ledger, uint64_t key,
                                uint64_t *number, bool *is_ours, struct cr_err *err) {
    const uint64_t len = ledger->plan->trajectories, old = *number;
    if (old < len && key_of(ledger, old) == key) {
        *is_ours = ledger->state[old] != CR_LEDGER_OTHERS;
        return CR_OK;
    }
    const enum cr_status status =
        ledger->index == NULL ? index_create(ledger, err) : CR_OK;
    if (status != CR_OK) {
        return status;
    }
    // An older plan's number means one trajectory of it, so that one search a trajectory
    // is enough for all of its calls.
    uint32_t found = old < len ? ledger->index->moved[old] : 0;
    if (found == 0 || key_of(ledger, found - 1) != key) {
        found = index_find(ledger, key);
    }
    if (old < len) {
        ledger->index->moved[old] = found;
    }
    *is_ours = found != 0 && ledger->state[found - 1] != CR_LEDGER_OTHERS;
    if (found != 0) {
        *number = found - 1;
    }
    return CR_OK;
}

// The number of the file of KEY; a scan asks for the same one again and again.
static enum cr_status file_of(struct cr_ledger *ledger, const struct cr_tape_key *key,
                              uint32_t *file) {
    for (size_t i = ledger->files_len; i > 0; i--) {
        const struct cr_recorded_file *known = &ledger->files[i - 1];
        if (known->launch == key->launch && known->rank == key->rank) {
            *file = (uint32_t)i - 1;
            return CR_OK;
        }
    }
    const enum cr_status status =
        cr_array_grow((void **)&ledger->files, &ledger->files_cap,
                      ledger->files_len + 1, sizeof *ledger->files);
    if (status == CR_OK) {
        *file = (uint32_t)ledger->files_len;
        ledger->files[ledger->files_len++] =
            (struct cr_recorded_file){key->launch, key->rank};
    }
    return status;
}

static enum cr_status make_room(struct cr_ledger *ledger) {
    if (ledger->recorded_len >= UINT32_MAX - 1) {
        return CR_E_LIMIT;
    }
    if (ledger->last == NULL) {
        ledger->last =
            cr_calloc((size_t)ledger->plan->trajectories + 1, sizeof *ledger->last);
    }
    return ledger->last == NULL
               ? CR_E_MEMORY
               : cr_array_grow((void **)&ledger->recorded, &ledger->recorded_cap,
                               ledger->recorded_len + 1, sizeof *ledger->recorded);
}

enum cr_status cr_ledger_record(struct cr_ledger *ledger, const struct cr_tape_key *key,
                                struct cr_err *err) {
    uint32_t file = 0;
    assert(key->trajectory < ledger->plan->trajectories);
    enum cr_status status = make_room(ledger);
    if (status == CR_OK) {
        status = file_of(ledger, key, &file);
    }
    if (status != CR_OK) {
        return cr_err_set(err, status, "no room for more than %zu recorded calls",
                          ledger->recorded_len);
    }
    // A tape that was looked into has grown meanwhile.
    cr_tape_lookup_destroy(ledger->lookup);
    ledger->lookup = NULL;
    const uint32_t at = (uint32_t)ledger->recorded_len++;
    uint32_t *last = &ledger->last[key->trajectory];
    struct cr_recorded *of = ledger->recorded;
    of[at] = (struct cr_recorded){.offset = key->offset,
                                  .file = file,
                                  .next = *last == 0 ? at : of[*last - 1].next};
    if (*last != 0) {
        of[*last - 1].next = at;
    }
    *last = at + 1;
    return CR_OK;
}

static enum cr_status append(void *ctx, const struct cr_call_record *record,
                             struct cr_err *err) {
    const enum cr_status status = cr_call_records_add(ctx, record);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "out of memory for recorded calls");
}

// A record that is no longer whole counts for nothing: its call is asked again.
static enum cr_status read_back(struct cr_ledger *ledger, uint32_t at,
                                struct cr_call_records *out, struct cr_err *err) {
    const struct cr_recorded *recorded = &ledger->recorded[at];
    const struct cr_recorded_file *file = &ledger->files[recorded->file];
    const struct cr_tape_key key = {
        .launch = file->launch, .rank = file->rank, .offset = recorded->offset};
    const enum cr_status status =
        cr_tape_lookup_read(ledger->lookup, &key, append, out, err);
    return status == CR_E_FORMAT ? CR_OK : status;
}

enum cr_status cr_ledger_recorded(struct cr_ledger *ledger, const char *dir,
                                  uint64_t trajectory, struct cr_call_records *out,
                                  struct cr_err *err) {
    if (ledger->last == NULL || ledger->last[trajectory] == 0) {
        return CR_OK;
    }
    enum cr_status status = CR_OK;
    if (ledger->lookup == NULL) {
        status = cr_tape_lookup_create(dir, &ledger->lookup);
        if (status != CR_OK) {
            return cr_err_set(err, status, "no memory to read the tape");
        }
    }
    const uint32_t last = ledger->last[trajectory] - 1;
    uint32_t at = last;
    do {
        at = ledger->recorded[at].next;
        status = read_back(ledger, at, out, err);
    } while (status == CR_OK && at != last);
    return status;
}
