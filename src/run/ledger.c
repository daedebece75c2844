// ledger.c - see ledger.h. What lost ranks gave back is granted first.
#include "run/ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "credence/base/mem.h"

struct key_number {
    uint64_t key, number;
};

struct cr_key_index {
    uint64_t len;
    struct key_number at[];
};

enum cr_status cr_ledger_init(struct cr_ledger *ledger, const struct cr_plan *plan,
                              struct cr_err *err) {
    *ledger = (struct cr_ledger){.plan = plan, .is_sorted = true};
    const size_t len = (size_t)plan->trajectories;
    ledger->state = cr_calloc(len + 1, sizeof *ledger->state);
    ledger->result_at = cr_calloc(len + 1, sizeof *ledger->result_at);
    if (ledger->state == NULL || ledger->result_at == NULL) {
        cr_ledger_fini(ledger);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %zu trajectories", len);
    }
    const enum cr_status status = cr_makers_init(&ledger->makers, plan, err);
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
    cr_makers_fini(&ledger->makers);
    cr_free(ledger->returned);
    cr_free(ledger->recorded);
    cr_free(ledger->index);
    cr_free(ledger->keys);
    *ledger = (struct cr_ledger){0};
}

void cr_ledger_set(struct cr_ledger *ledger, uint64_t trajectory,
                   enum cr_ledger_state state) {
    assert(trajectory < ledger->plan->trajectories);
    const enum cr_ledger_state before = ledger->state[trajectory];
    if ((before == CR_LEDGER_GRANTED) != (state == CR_LEDGER_GRANTED)) {
        struct cr_maker_queue *queue = cr_makers_queue_of(&ledger->makers, trajectory);
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
        !cr_makers_take(&ledger->makers, ledger->state, trajectory)) {
        return false;
    }
    cr_ledger_set(ledger, *trajectory, CR_LEDGER_GRANTED);
    return true;
}

bool cr_ledger_was_granted(const struct cr_ledger *ledger) {
    return cr_makers_are_done(&ledger->makers, ledger->state);
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

static int by_key(const void *a, const void *b) {
    const uint64_t x = ((const struct key_number *)a)->key;
    const uint64_t y = ((const struct key_number *)b)->key;
    return x < y ? -1 : x > y;
}

static struct cr_key_index *index_create(const struct cr_plan *plan) {
    struct cr_key_index *index =
        cr_malloc(sizeof *index + plan->trajectories * sizeof index->at[0]);
    if (index == NULL) {
        return NULL;
    }
    index->len = plan->trajectories;
    for (uint64_t i = 0; i < index->len; i++) {
        struct cr_plan_place place;
        cr_plan_place(plan, i, &place);
        index->at[i] = (struct key_number){place.key, i};
    }
    qsort(index->at, (size_t)index->len, sizeof index->at[0], by_key);
    return index;
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

void cr_ledger_end_load(struct cr_ledger *ledger) {
    cr_free(ledger->keys);
    ledger->keys = NULL;
}

enum cr_status cr_ledger_number(struct cr_ledger *ledger, uint64_t key,
                                uint64_t *number, bool *is_ours, struct cr_err *err) {
    if (*number < ledger->plan->trajectories && key_of(ledger, *number) == key) {
        *is_ours = ledger->state[*number] != CR_LEDGER_OTHERS;
        return CR_OK;
    }
    if (ledger->index == NULL) {
        ledger->index = index_create(ledger->plan);
    }
    if (ledger->index == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the index of keys");
    }
    const struct key_number wanted = {.key = key};
    const struct key_number *found = bsearch(
        &wanted, ledger->index->at, (size_t)ledger->index->len, sizeof wanted, by_key);
    *is_ours = found != NULL && ledger->state[found->number] != CR_LEDGER_OTHERS;
    if (found != NULL) {
        *number = found->number;
    }
    return CR_OK;
}

enum cr_status cr_ledger_record(struct cr_ledger *ledger, const struct cr_tape_key *key,
                                struct cr_err *err) {
    const enum cr_status status =
        cr_array_grow((void **)&ledger->recorded, &ledger->recorded_cap,
                      ledger->recorded_len + 1, sizeof *ledger->recorded);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory for %zu recorded calls",
                          ledger->recorded_len);
    }
    ledger->recorded[ledger->recorded_len++] = *key;
    ledger->is_sorted = false;
    return CR_OK;
}

static int by_trajectory(const void *a, const void *b) {
    const struct cr_tape_key *x = a, *y = b;
    if (x->trajectory != y->trajectory) {
        return x->trajectory < y->trajectory ? -1 : 1;
    }
    if (x->launch != y->launch) {
        return x->launch < y->launch ? -1 : 1;
    }
    if (x->rank != y->rank) {
        return x->rank < y->rank ? -1 : 1;
    }
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static size_t first_of(const struct cr_ledger *ledger, uint64_t trajectory) {
    size_t low = 0, high = ledger->recorded_len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ledger->recorded[middle].trajectory < trajectory) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum cr_status append(void *ctx, const struct cr_call_record *record,
                             struct cr_err *err) {
    const enum cr_status status = cr_call_records_add(ctx, record);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "out of memory for recorded calls");
}

enum cr_status cr_ledger_recorded(struct cr_ledger *ledger, const char *dir,
                                  uint64_t trajectory, struct cr_call_records *out,
                                  struct cr_err *err) {
    if (!ledger->is_sorted) {
        qsort(ledger->recorded, ledger->recorded_len, sizeof *ledger->recorded,
              by_trajectory);
    }
    ledger->is_sorted = true;
    for (size_t i = first_of(ledger, trajectory);
         i < ledger->recorded_len && ledger->recorded[i].trajectory == trajectory;
         i++) {
        const enum cr_status status =
            cr_tape_read_at(dir, &ledger->recorded[i], append, out, err);
        if (status != CR_OK && status != CR_E_FORMAT) {
            return status;
        }
    }
    return CR_OK;
}
