// plan_prompts.c - what a run would send first, before any money is spent.
//
// Configurations that share a trajectory say the same, and so do many that do not (a
// stance shows only once somebody argues): each first request is shown once.
#include <stdio.h>

#include "cli/messages.h"
#include "cli/planning.h"
#include "credence/base/mem.h"
#include "credence/protocol/episode.h"

// The identity of what CALL says to its model.
static struct cr_hash identity_of(const struct cr_call *call) {
    uint64_t key[2] = {call->model, call->id.ask};
    struct cr_hash hash = cr_hash128(key, sizeof key, 0);
    for (size_t i = 0; i < call->turns_len; i++) {
        const struct cr_turn *turn = &call->turns[i];
        const struct cr_hash part =
            cr_hash128(turn->text, turn->text_bytes, (uint64_t)turn->speaker);
        hash.hi = cr_hash_mix(hash.hi, part.hi);
        hash.lo = cr_hash_mix(hash.lo, part.lo);
    }
    return hash;
}

struct seen {
    struct cr_hash *at;
    size_t len, cap;
};

// *is_new: whether no such request was seen before; it is remembered.
static enum cr_status remember(struct seen *seen, struct cr_hash hash, bool *is_new) {
    for (size_t i = 0; i < seen->len; i++) {
        if (seen->at[i].hi == hash.hi && seen->at[i].lo == hash.lo) {
            *is_new = false;
            return CR_OK;
        }
    }
    void *at = seen->at;
    const enum cr_status status =
        cr_array_grow(&at, &seen->cap, seen->len + 1, sizeof *seen->at);
    if (status == CR_OK) {
        seen->at = at;
        seen->at[seen->len++] = hash;
        *is_new = true;
    }
    return status;
}

// Where the first requests go: to a screen, or into JSON.
struct sink {
    const struct cr_planning *planning;
    const struct cr_screen *screen;
    struct cr_json_writer *emit; // NULL: the screen
    struct seen seen;
};

static const char *schema_of(const struct cr_call *call) {
    return call->schema_name != NULL ? call->schema_name : "none";
}

static enum cr_status show(struct sink *sink, const struct cr_plan_place *place,
                           const struct cr_call *call) {
    const struct cr_job *job = sink->planning->job;
    const struct cr_model *model = &job->models[call->model];
    const char *cell = job->cells[place->group->cells[0]].name;
    const uint32_t tokens = call->max_tokens > 0 ? call->max_tokens : model->max_tokens;
    char title[CR_CALL_TITLE_BYTES];
    cr_messages_title(call->id, title);
    if (sink->emit == NULL) {
        cr_screen_styled(sink->screen, CR_STYLE_STRONG, "\n%s  %s  %s\n",
                         CR_SHOWN(cell), CR_SHOWN(place->proposition->id), title);
        cr_screen_printf(sink->screen, "  model %s, schema %s, at most %u tokens\n",
                         CR_SHOWN(model->name), schema_of(call), tokens);
        return cr_messages_print(sink->screen, call);
    }
    cr_json_write_open(sink->emit, NULL, '{');
    cr_json_write_text(sink->emit, "cell", cell);
    cr_json_write_text(sink->emit, "proposition", place->proposition->id);
    cr_json_write_text(sink->emit, "call", title);
    cr_json_write_text(sink->emit, "model", model->name);
    cr_json_write_text(sink->emit, "schema", call->schema_name);
    cr_json_write_count(sink->emit, "max_tokens", tokens);
    cr_messages_json(sink->emit, call);
    cr_json_write_close(sink->emit, '}');
    return sink->emit->status;
}

static enum cr_status show_first(struct sink *sink, const struct cr_plan_group *group) {
    const struct cr_plan *plan = sink->planning->plan;
    struct cr_plan_place place;
    struct cr_episode_cfg cfg;
    struct cr_episode *episode = NULL;
    struct cr_call *call = NULL;
    cr_plan_place(plan, group->first_trajectory, &place);
    cr_plan_episode_cfg(plan, group->first_trajectory, &cfg);
    enum cr_status status = cr_episode_create(&cfg, &episode, NULL);
    while (status == CR_OK) {
        bool is_new = false;
        status = cr_episode_next(episode, &call, NULL);
        if (status != CR_OK || call == NULL) {
            break;
        }
        status = remember(&sink->seen, identity_of(call), &is_new);
        if (status == CR_OK && is_new) {
            status = show(sink, &place, call);
        }
    }
    cr_episode_destroy(episode);
    return status;
}

static enum cr_status show_all(struct sink *sink) {
    const struct cr_plan *plan = sink->planning->plan;
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < plan->groups_len && status == CR_OK; i++) {
        if (plan->groups[i].propositions_len > 0) {
            status = show_first(sink, &plan->groups[i]);
        }
    }
    cr_free(sink->seen.at);
    return status;
}

enum cr_status cr_planning_prompts(const struct cr_planning *planning,
                                   const struct cr_screen *screen) {
    struct sink sink = {.planning = planning, .screen = screen};
    return show_all(&sink);
}

void cr_planning_prompts_json(const struct cr_planning *planning,
                              struct cr_json_writer *emit) {
    struct sink sink = {.planning = planning, .emit = emit};
    cr_json_write_open(emit, "prompts", '[');
    const enum cr_status status = show_all(&sink);
    emit->status = emit->status == CR_OK ? status : emit->status;
    cr_json_write_close(emit, ']');
}
