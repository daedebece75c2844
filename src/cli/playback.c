// playback.c - see playback.h.
#include "cli/playback.h"

#include <string.h>

#include "credence/base/clock.h"
#include "credence/base/file.h"
#include "credence/job/bundle.h"
#include "credence/job/job_file.h"
#include "credence/model/client.h"
#include "credence/prompt/answer.h"

enum { PATH_BYTES_MAX = 1 << 16 };

struct cr_playback {
    struct cr_buf bundle;
    struct cr_job *job;
    struct cr_plan *plan;
    struct cr_client *client; // for request hashes; it sends nothing
    bool with_turns;
};

static enum cr_status read_bundle(const char *dir, struct cr_buf *out,
                                  struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, dir, "bundle");
    if (status == CR_OK) {
        status = cr_file_read(path.data, out, err);
    }
    cr_buf_fini(&path);
    return status;
}

static enum cr_status make(struct cr_playback *playback, const char *dir,
                           struct cr_err *err) {
    enum cr_status status = read_bundle(dir, &playback->bundle, err);
    if (status == CR_OK) {
        status = cr_job_create(playback->bundle.data, playback->bundle.used_bytes,
                               &playback->job, err);
    }
    if (status == CR_OK) {
        status = cr_plan_create(playback->job, &playback->plan, err);
    }
    if (status == CR_OK) {
        const struct cr_client_cfg cfg = {.job = playback->job,
                                          .clock = cr_clock_monotonic(),
                                          .live_max = 1,
                                          .is_offline = true};
        status = cr_client_create(&cfg, &playback->client, err);
    }
    return status;
}

enum cr_status cr_playback_open(const char *dir, bool with_turns,
                                struct cr_playback **out, struct cr_err *err) {
    struct cr_playback *playback = cr_calloc(1, sizeof *playback);
    if (playback == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    playback->with_turns = with_turns;
    cr_buf_init(&playback->bundle, CR_BUNDLE_BYTES_MAX);
    const enum cr_status status = make(playback, dir, err);
    if (status != CR_OK) {
        cr_playback_close(playback);
        return status;
    }
    *out = playback;
    return CR_OK;
}

void cr_playback_close(struct cr_playback *playback) {
    if (playback != NULL) {
        cr_client_destroy(playback->client);
        cr_plan_destroy(playback->plan);
        cr_job_destroy(playback->job);
        cr_buf_fini(&playback->bundle);
        cr_free(playback);
    }
}

const struct cr_plan *cr_playback_plan(const struct cr_playback *playback) {
    return playback->plan;
}

struct play {
    struct cr_playback *playback;
    struct cr_episode *episode;
    struct cr_playback_script *script;
};

static bool same_id(struct cr_call_id a, struct cr_call_id b) {
    return a.iteration == b.iteration && a.role == b.role && a.trader == b.trader &&
           a.sample == b.sample && a.repair == b.repair && a.ask == b.ask;
}

// The record that answers ID: one with a text, else the last that failed.
static struct cr_playback_call *find(const struct play *play, struct cr_call_id id) {
    struct cr_playback_call *found = NULL;
    for (size_t i = 0; i < play->script->len; i++) {
        struct cr_playback_call *entry = &play->script->at[i];
        if (same_id(entry->record->id, id)) {
            found = entry;
            if (entry->record->text != NULL) {
                return entry;
            }
        }
    }
    return found;
}

static enum cr_status keep_turns(const struct play *play,
                                 struct cr_playback_call *entry,
                                 const struct cr_call *call) {
    struct cr_arena *arena = &play->script->arena;
    struct cr_turn *turns = cr_arena_alloc(arena, call->turns_len * sizeof *turns);
    if (turns == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < call->turns_len; i++) {
        turns[i] = call->turns[i];
        turns[i].text =
            cr_arena_strndup(arena, call->turns[i].text, call->turns[i].text_bytes);
        turns[i].quoted = NULL;
        turns[i].quoted_bytes = 0;
        if (turns[i].text == NULL) {
            return CR_E_MEMORY;
        }
    }
    entry->call.turns = turns;
    return CR_OK;
}

// Where each option was shown, by the file's order.
static enum cr_status keep_places(const struct play *play,
                                  struct cr_playback_call *entry,
                                  const struct cr_call *call) {
    const struct cr_proposition *p = call->proposition;
    if (p->space != CR_SPACE_CATEGORICAL) {
        return CR_OK;
    }
    uint32_t *places =
        cr_arena_alloc(&play->script->arena, p->options_len * sizeof *places);
    if (places == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < p->options_len; i++) {
        places[call->options_shown[i]] = i;
    }
    entry->option_at = places;
    return CR_OK;
}

// Note what was asked for ENTRY, before the reply makes the episode move on.
static enum cr_status note_call(const struct play *play, struct cr_playback_call *entry,
                                struct cr_call *call) {
    cr_client_hash(play->playback->client, call);
    entry->is_asked = true;
    entry->call = *call;
    entry->call.turns = NULL;
    entry->schema_name = call->schema != NULL ? call->schema_name : NULL;
    entry->is_same = call->request_hash.hi == entry->record->request_hash.hi &&
                     call->request_hash.lo == entry->record->request_hash.lo;
    entry->reason = entry->record->reason;
    enum cr_status status = keep_places(play, entry, call);
    if (status == CR_OK && play->playback->with_turns) {
        status = keep_turns(play, entry, call);
    }
    return status;
}

// Note what the reply was worth.
static enum cr_status note_reading(const struct play *play,
                                   struct cr_playback_call *entry,
                                   const struct cr_call *call) {
    struct cr_reply_reading reading;
    struct cr_arena *arena = &play->script->arena;
    cr_episode_reading(call, &reading);
    const uint32_t len = cr_proposition_prices(call->proposition);
    const bool is_shuffled = call->proposition->space == CR_SPACE_CATEGORICAL;
    entry->reason = reading.reason;
    entry->direction = reading.direction;
    if (is_shuffled && reading.direction > 0) {
        entry->direction = 1 + (int)call->options_shown[reading.direction - 1];
    }
    if (reading.complaint != NULL) {
        entry->complaint = cr_arena_strdup(arena, reading.complaint);
    }
    if (reading.price == NULL) {
        return entry->complaint != NULL || reading.complaint == NULL ? CR_OK
                                                                     : CR_E_MEMORY;
    }
    double *price = cr_arena_alloc(arena, len * sizeof *price);
    if (price == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < len; i++) {
        price[is_shuffled ? call->options_shown[i] : i] = reading.price[i];
    }
    entry->price = price;
    entry->prices_len = len;
    return CR_OK;
}

// Ask for a call and answer it from its record; *goes_on until there is none.
static enum cr_status take_step(const struct play *play, bool *goes_on,
                                struct cr_err *err) {
    struct cr_call *call = NULL;
    struct cr_reply reply = {0};
    enum cr_status status = cr_episode_next(play->episode, &call, err);
    struct cr_playback_call *entry =
        status == CR_OK && call != NULL ? find(play, call->id) : NULL;
    *goes_on = entry != NULL;
    if (entry == NULL) {
        return status;
    }
    status = note_call(play, entry, call);
    if (status == CR_OK) {
        status = cr_reply_from_record(entry->record, &reply);
    }
    if (status == CR_OK) {
        enum cr_reason reason;
        status = cr_episode_read(play->episode, call, &reply, &reason, err);
    }
    if (status == CR_OK) {
        status = note_reading(play, entry, call);
    }
    if (status == CR_OK) {
        status = cr_episode_answer(play->episode, call, &reply, err);
    }
    cr_reply_fini(&reply);
    return status;
}

static enum cr_status play_all(struct play *play, const struct cr_episode_cfg *cfg,
                               struct cr_err *err) {
    bool goes_on = true;
    enum cr_status status = cr_episode_create(cfg, &play->episode, err);
    while (status == CR_OK && goes_on && !cr_episode_is_done(play->episode)) {
        status = take_step(play, &goes_on, err);
    }
    if (status == CR_OK) {
        play->script->reason = cr_episode_trajectory(play->episode)->reason;
    }
    cr_episode_destroy(play->episode);
    return status;
}

enum cr_status cr_playback_play(struct cr_playback *playback, uint64_t trajectory,
                                const struct cr_call_records *records,
                                struct cr_playback_script *out, struct cr_err *err) {
    struct cr_playback_script script = {.len = records->len};
    struct cr_episode_cfg cfg;
    script.at = cr_arena_alloc(&script.arena, (records->len + 1) * sizeof *script.at);
    if (script.at == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < records->len; i++) {
        script.at[i] = (struct cr_playback_call){.record = &records->at[i],
                                                 .reason = records->at[i].reason};
    }
    struct play play = {.playback = playback, .script = &script};
    enum cr_status status = CR_OK;
    if (playback != NULL && trajectory < playback->plan->trajectories) {
        cr_plan_episode_cfg(playback->plan, trajectory, &cfg);
        status = play_all(&play, &cfg, err);
    }
    if (status != CR_OK) {
        cr_playback_script_fini(&script);
        return cr_err_while(err, status, "playing the episode again");
    }
    *out = script;
    return CR_OK;
}

void cr_playback_script_fini(struct cr_playback_script *script) {
    cr_arena_fini(&script->arena);
    *script = (struct cr_playback_script){0};
}
