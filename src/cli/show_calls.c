// show_calls.c - finding what was said in an episode: on the tape of a run directory,
// which has every call with the hash of its request, else in run.h5.
//
// Cells that differ in their stop rule share a trajectory, whose calls stand once, at
// the first of its episodes. The tape names trajectories by number: they are counted
// here as the plan counts them, group, proposition, replicate.
#include <stdlib.h>
#include <string.h>

#include "cli/show.h"
#include "credence/base/mem.h"
#include "credence/store/tape.h"

// How many propositions BENCHMARK has, and the row of the one at INDEX among them.
static uint64_t propositions_of(const struct cr_run_view *view, const char *benchmark,
                                uint64_t index, uint64_t *row) {
    uint64_t len = 0;
    for (uint64_t p = 0; p < view->propositions; p++) {
        if (strcmp(view->benchmark[p], benchmark) == 0 && len++ == index) {
            *row = p;
        }
    }
    return len;
}

// The cells of a group: their number, and the one at INDEX.
static uint32_t cells_of(const struct cr_run_view *view, uint32_t group, uint64_t index,
                         uint32_t *cell) {
    uint32_t len = 0;
    for (uint32_t c = 0; c < view->cells; c++) {
        if (view->cell_info[c].trajectory == group && len++ == index) {
            *cell = c;
        }
    }
    return len;
}

bool cr_show_place(const struct cr_run_view *view, uint64_t episode,
                   struct cr_show_place *out) {
    struct cr_show_place place = {0};
    for (uint32_t group = 0; group < view->cells; group++) {
        uint32_t cells = cells_of(view, group, 0, &place.cell);
        if (cells == 0) {
            break;
        }
        const struct cr_run_cell *first = &view->cell_info[place.cell];
        uint64_t len = first->replicates *
                       propositions_of(view, first->benchmark, 0, &place.proposition);
        if (episode < place.first_episode + len * cells) {
            uint64_t within = (episode - place.first_episode) / cells;
            cells_of(view, group, (episode - place.first_episode) % cells, &place.cell);
            propositions_of(view, first->benchmark, within / first->replicates,
                            &place.proposition);
            place.replicate = (uint32_t)(within % first->replicates);
            place.trajectory += within;
            place.first_episode += within * cells;
            *out = place;
            return true;
        }
        place.trajectory += len;
        place.first_episode += len * cells;
    }
    return false;
}

void cr_show_planned(const struct cr_run_view *view, const bool *propositions,
                     bool *episodes) {
    uint64_t episode = 0;
    uint32_t first = 0;
    for (uint32_t group = 0; group < view->cells; group++) {
        const uint64_t cells = cells_of(view, group, 0, &first);
        if (cells == 0) {
            return;
        }
        const struct cr_run_cell *cell = &view->cell_info[first];
        const uint64_t row = cells * cell->replicates;
        for (uint64_t p = 0; p < view->propositions; p++) {
            if (strcmp(view->benchmark[p], cell->benchmark) != 0) {
                continue;
            }
            for (uint64_t e = episode; e < episode + row && e < view->episodes; e++) {
                episodes[e] = episodes[e] || propositions[p];
            }
            episode += row;
        }
    }
}

static int by_id(const void *a, const void *b) {
    const struct cr_call_id *x = &((const struct cr_call_record *)a)->id;
    const struct cr_call_id *y = &((const struct cr_call_record *)b)->id;
    // In iteration t the trader argues before the maker judges. Of several records of
    // one call those that failed were made first.
    int order[][2] = {{(int)x->iteration, (int)y->iteration},
                      {-(int)x->role, -(int)y->role},
                      {x->trader, y->trader},
                      {x->sample, y->sample},
                      {x->repair, y->repair},
                      {((const struct cr_call_record *)a)->text != NULL,
                       ((const struct cr_call_record *)b)->text != NULL}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (order[i][0] != order[i][1]) {
            return order[i][0] < order[i][1] ? -1 : 1;
        }
    }
    return 0;
}

// The lines of the tape, by trajectory: read once, for many episodes.
struct cr_show_tape {
    struct cr_tape_key *at;
    size_t len, cap;
};

static enum cr_status keep_key(void *ctx, const struct cr_tape_key *key,
                               struct cr_err *err) {
    struct cr_show_tape *tape = ctx;
    void *at = tape->at;
    const enum cr_status status =
        cr_array_grow(&at, &tape->cap, tape->len + 1, sizeof *tape->at);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory while reading the tape");
    }
    tape->at = at;
    tape->at[tape->len++] = *key;
    return CR_OK;
}

static int by_trajectory(const void *a, const void *b) {
    const struct cr_tape_key *x = a, *y = b;
    const uint64_t order[][2] = {{x->trajectory, y->trajectory},
                                 {x->launch, y->launch},
                                 {x->rank, y->rank},
                                 {x->offset, y->offset}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (order[i][0] != order[i][1]) {
            return order[i][0] < order[i][1] ? -1 : 1;
        }
    }
    return 0;
}

static enum cr_status read_tape(struct cr_show *show, struct cr_err *err) {
    struct cr_tape_damage damage = {0};
    show->tape = cr_calloc(1, sizeof *show->tape);
    if (show->tape == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory while reading the tape");
    }
    const enum cr_status status =
        cr_tape_scan_keys(show->dir, keep_key, show->tape, &damage, err);
    if (status == CR_OK && show->tape->len > 1) {
        qsort(show->tape->at, show->tape->len, sizeof *show->tape->at, by_trajectory);
    }
    return status;
}

void cr_show_tape_close(struct cr_show_tape *tape) {
    if (tape != NULL) {
        cr_free(tape->at);
        cr_free(tape);
    }
}

static enum cr_status keep(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    (void)err;
    return cr_call_records_add(ctx, record);
}

// The first line of TRAJECTORY, or where it would be.
static size_t first_line(const struct cr_show_tape *tape, uint64_t trajectory) {
    size_t low = 0, high = tape->len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (tape->at[middle].trajectory < trajectory) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum cr_status from_tape(struct cr_show *show, uint64_t trajectory,
                                struct cr_call_records *out, struct cr_err *err) {
    enum cr_status status = show->tape == NULL ? read_tape(show, err) : CR_OK;
    const struct cr_show_tape *tape = show->tape;
    for (size_t i = status == CR_OK ? first_line(tape, trajectory) : 0;
         status == CR_OK && i < tape->len && tape->at[i].trajectory == trajectory;
         i++) {
        status = cr_tape_read_at(show->dir, &tape->at[i], keep, out, err);
    }
    return status;
}

enum cr_status cr_show_calls(struct cr_show *show, uint64_t episode,
                             struct cr_call_records *out, struct cr_err *err) {
    struct cr_show_place place = {0};
    if (!cr_show_place(show->view, episode, &place)) {
        return CR_OK;
    }
    enum cr_status status = CR_OK;
    if (show->dir != NULL) {
        status = from_tape(show, place.trajectory, out, err);
    }
    if (status == CR_OK && out->len == 0) {
        status = cr_run_view_calls(show->file, place.first_episode, out, err);
        status = status == CR_E_NOT_FOUND ? CR_OK : status;
    }
    if (status == CR_OK && out->len > 1) {
        qsort(out->at, out->len, sizeof *out->at, by_id);
    }
    return status;
}
