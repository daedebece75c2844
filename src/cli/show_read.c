// show_read.c - an episode made ready to be shown.
#include <string.h>

#include "cli/show.h"

static enum cr_status not_found(const struct cr_show *show, uint64_t episode,
                                struct cr_err *err) {
    return cr_err_set(err, CR_E_NOT_FOUND, "no episode %llu: the run has %llu",
                      (unsigned long long)episode,
                      (unsigned long long)show->view->episodes);
}

// The episode's row says what it is about; of a file that wrote none yet, the plan.
static bool find_subject(const struct cr_run_view *view,
                         struct cr_show_episode *shown) {
    const uint64_t e = shown->episode;
    const bool is_known = cr_show_place(view, e, &shown->place);
    shown->is_pending = view->status[e] == CR_PENDING;
    if (view->cell[e] >= view->cells || view->proposition[e] >= view->propositions) {
        return is_known;
    }
    shown->place.cell = view->cell[e];
    shown->place.proposition = view->proposition[e];
    shown->place.replicate = view->replicate[e];
    return true;
}

static void find_proposition(struct cr_show_episode *shown) {
    const struct cr_playback *playback = shown->show->playback;
    struct cr_plan_place place;
    if (playback == NULL ||
        shown->place.trajectory >= cr_playback_plan(playback)->trajectories) {
        return;
    }
    cr_plan_place(cr_playback_plan(playback), shown->place.trajectory, &place);
    shown->proposition = place.proposition;
}

enum cr_status cr_show_episode_read(struct cr_show *show, uint64_t episode,
                                    struct cr_show_episode *out, struct cr_err *err) {
    struct cr_show_episode shown = {.show = show, .episode = episode};
    if (episode >= show->view->episodes) {
        return not_found(show, episode, err);
    }
    if (!find_subject(show->view, &shown)) {
        return cr_err_set(err, CR_E_NOT_FOUND,
                          "episode %llu has not ended, and the file does not say what "
                          "it is about",
                          (unsigned long long)episode);
    }
    find_proposition(&shown);
    enum cr_status status = cr_show_calls(show, episode, &shown.records, err);
    if (status == CR_OK) {
        status = cr_playback_play(show->playback, shown.place.trajectory,
                                  &shown.records, &shown.script, err);
    }
    if (status != CR_OK) {
        cr_show_episode_fini(&shown);
        return status;
    }
    *out = shown;
    return CR_OK;
}

void cr_show_episode_fini(struct cr_show_episode *shown) {
    cr_playback_script_fini(&shown->script);
    cr_call_records_fini(&shown->records);
}

bool cr_show_episode_has(const struct cr_show_episode *shown, size_t index) {
    const struct cr_run_view *view = shown->show->view;
    const uint64_t e = shown->episode;
    // The calls of a trader who had nothing to say were followed by no price.
    const uint32_t end =
        view->prices_len[e] + (view->ended[e] == CR_ENDED_NO_ARGUMENT ? 1 : 0);
    return view->status[e] != CR_DONE || shown->records.at[index].id.iteration < end;
}

const char *cr_show_episode_model(const struct cr_show_episode *shown,
                                  const struct cr_playback_call *call) {
    const struct cr_playback *playback = shown->show->playback;
    const struct cr_run_cell *cell = &shown->show->view->cell_info[shown->place.cell];
    if (playback != NULL &&
        call->record->model < cr_playback_plan(playback)->job->models_len) {
        return cr_playback_plan(playback)->job->models[call->record->model].name;
    }
    return call->record->id.role == CR_ROLE_MAKER ? cell->maker : cell->trader;
}
