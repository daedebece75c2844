// show_calls.c - finding what was said in an episode.
//
// Cells that differ in their stop rule share a trajectory, whose calls stand once, at
// the first of its episodes. The tape names trajectories by number: they are counted
// here as the plan counts them, group, proposition, replicate.
#include <stdlib.h>
#include <string.h>

#include "cli/show.h"
#include "credence/tape.h"

static bool is_same_trajectory(const struct cr_run_view *view, uint64_t a, uint64_t b) {
    return view->cell[a] < view->cells && view->cell[b] < view->cells &&
           view->cell_info[view->cell[a]].trajectory ==
               view->cell_info[view->cell[b]].trajectory &&
           view->proposition[a] == view->proposition[b] &&
           view->replicate[a] == view->replicate[b];
}

static int by_seat(const void *a, const void *b) {
    const struct cr_seat *x = &((const struct cr_call_record *)a)->seat;
    const struct cr_seat *y = &((const struct cr_call_record *)b)->seat;
    // In iteration t the trader argues before the maker judges.
    int order[][2] = {{(int)x->iteration, (int)y->iteration},
                      {-(int)x->role, -(int)y->role},
                      {x->trader, y->trader},
                      {x->sample, y->sample},
                      {x->repair, y->repair}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (order[i][0] != order[i][1])
            return order[i][0] < order[i][1] ? -1 : 1;
    return 0;
}

struct wanted {
    uint64_t trajectory;
    struct cr_call_records *out;
};

static enum cr_status keep(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    struct wanted *wanted = ctx;
    (void)err;
    if (record->trajectory != wanted->trajectory)
        return CR_OK;
    return cr_call_records_add(wanted->out, record);
}

static bool has_text(const struct cr_call_records *records) {
    for (size_t i = 0; i < records->len; i++)
        if (records->at[i].text != NULL)
            return true;
    return false;
}

static enum cr_status from_tape(const struct cr_show *show, uint64_t episode,
                                struct cr_call_records *out, struct cr_err *err) {
    struct wanted wanted = {.out = out};
    struct cr_tape_damage damage = {0};
    for (uint64_t e = 1; e <= episode; e++)
        wanted.trajectory += !is_same_trajectory(show->view, e - 1, e);
    return cr_tape_scan(show->dir, keep, &wanted, &damage, err);
}

enum cr_status cr_show_calls(const struct cr_show *show, uint64_t episode,
                             struct cr_call_records *out, struct cr_err *err) {
    uint64_t first = episode;
    while (first > 0 && is_same_trajectory(show->view, first - 1, episode))
        first--;
    struct cr_err ignored = {0};
    enum cr_status status = CR_OK;
    for (uint64_t e = first; e <= episode && out->len == 0 && status == CR_OK; e++) {
        status = cr_run_file_calls(show->file, e, out, &ignored);
        if (status == CR_E_NOT_FOUND)
            status = CR_OK;
    }
    if (status != CR_OK && err != NULL)
        *err = ignored;
    if (status == CR_OK && show->dir != NULL && !has_text(out)) {
        cr_call_records_fini(out);
        memset(out, 0, sizeof *out);
        status = from_tape(show, episode, out, err);
    }
    if (status == CR_OK && out->len > 1)
        qsort(out->at, out->len, sizeof *out->at, by_seat);
    return status;
}
