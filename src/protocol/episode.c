// episode.c - the engine that runs any protocol over any outcome space.
//
// An episode moves in rounds. The protocol says what to ask (a move); the engine puts
// the questions into the chats and makes one slot a call. Slots are answered in any
// order, each repaired by itself; only when none is out or ready does the engine finish
// the round (round.c), in the order of the slots, and ask for the next move. So
// nothing depends on the order in which replies come.
//
// After a failed call nothing more is asked and the episode ends as failed when the
// last call that is out was answered. A sample that stays unusable is left out; the
// episode is invalid when a question got no usable answer at all.
#include "credence/protocol/episode.h"

#include <assert.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/rng.h"
#include "credence/prompt/answer.h"
#include "protocol/episode_internal.h"

enum { TURN_BYTES_MAX = 64 << 20, TOP_LOGPROBS = 20, SHUFFLE_SALT = 0x5f0e };

// A reply that was cut is asked for again with twice the tokens, once.
enum { CUT_TOKENS_FACTOR = 2 };

static enum cr_status fail(struct cr_err *err, enum cr_status status) {
    return cr_err_set(err, status, "%s",
                      status == CR_E_MEMORY ? "out of memory"
                                            : "a turn is longer than 64 MiB");
}

// The order in which the options are shown, by seed.
static enum cr_status shuffle_options(struct cr_episode *episode) {
    const struct cr_episode_cfg *s = &episode->cfg;
    uint32_t len = s->proposition->options_len;
    uint32_t *shown = cr_arena_alloc(&episode->arena, len * sizeof *shown);
    const char **options = cr_arena_alloc(&episode->arena, len * sizeof *options);
    if (shown == NULL || options == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < len; i++) {
        shown[i] = i;
    }
    struct cr_rng rng;
    // By the opening, so that cells that share it show the same.
    cr_rng_seed(&rng,
                cr_hash_mix(cr_hash_mix(s->job_seed, s->opening_key), SHUFFLE_SALT));
    cr_rng_shuffle(&rng, shown, len);
    for (uint32_t i = 0; i < len; i++) {
        options[i] = s->proposition->options[shown[i]];
    }
    episode->history.shown = shown;
    episode->form.options = options;
    episode->form.options_len = len;
    return CR_OK;
}

static enum cr_status set_form(struct cr_episode *episode) {
    const struct cr_proposition *p = episode->cfg.proposition;
    episode->form.space = p->space;
    episode->form.low = p->low;
    episode->form.high = p->high;
    episode->form.unit = p->unit;
    episode->form.has_price_steps = episode->cfg.cell->price_steps;
    return p->space == CR_SPACE_CATEGORICAL ? shuffle_options(episode) : CR_OK;
}

static enum cr_status set_stops(struct cr_episode *episode) {
    struct cr_episode_cfg *s = &episode->cfg;
    if (s->stops_len == 0) {
        s->stops = &s->cell->stop;
        s->stops_len = 1;
    }
    episode->fired = cr_arena_alloc(&episode->arena, s->stops_len);
    if (episode->fired == NULL) {
        return CR_E_MEMORY;
    }
    memset(episode->fired, 0, s->stops_len);
    return CR_OK;
}

static uint64_t seed_of(const struct cr_episode_cfg *cfg, const struct cr_call_id *id) {
    // What is asked before anybody argued is asked alike, whoever is to argue.
    bool is_opening = id->role == CR_ROLE_MAKER && id->iteration == 0;
    uint64_t seed =
        cr_hash_mix(cfg->job_seed, is_opening ? cfg->opening_key : cfg->trajectory_key);
    seed = cr_hash_mix(seed, id->iteration);
    seed = cr_hash_mix(seed, ((uint64_t)id->role << 16) | ((uint64_t)id->trader << 8) |
                                 id->ask);
    return cr_hash_mix(seed, ((uint64_t)id->sample << 16) | id->repair);
}

// The schema of ASK, made once an episode; NULL for logprobs, which want free text.
static enum cr_status schema_of(struct cr_episode *episode, enum cr_ask ask,
                                bool is_brief, const char **out) {
    if (ask == CR_ASK_LOGPROB) {
        *out = NULL;
        return CR_OK;
    }
    const char **schema = &episode->schema[ask][is_brief];
    if (*schema == NULL) {
        bool thinks = episode->cfg.cell->chain_of_thought && !is_brief;
        cr_buf_clear(&episode->scratch);
        enum cr_status status =
            cr_answer_schema(ask, &episode->form, thinks, &episode->scratch);
        if (status != CR_OK) {
            return status;
        }
        *schema = cr_arena_strdup(&episode->arena, episode->scratch.data);
    }
    *out = *schema;
    return *out != NULL ? CR_OK : CR_E_MEMORY;
}

static enum cr_status schema_of_other(struct cr_episode *episode, enum cr_ask ask,
                                      const char **out) {
    struct cr_answer_form form;
    cr_placebo_form(cr_placebo_other(episode), &form);
    cr_buf_clear(&episode->scratch);
    enum cr_status status = cr_answer_schema(ask, &form, true, &episode->scratch);
    if (status != CR_OK) {
        return status;
    }
    *out = cr_arena_strdup(&episode->arena, episode->scratch.data);
    return *out != NULL ? CR_OK : CR_E_MEMORY;
}

static struct cr_call call_of(const struct cr_episode *episode,
                              const struct cr_ask_spec *spec, uint32_t sample) {
    static const char *const names[CR_ASK_COUNT] = {"judgment", "argument", "vote",
                                                    "answer", "bet"};
    const struct cr_episode_cfg *s = &episode->cfg;
    bool is_maker = spec->role == CR_ROLE_MAKER;
    struct cr_call call = {
        .trajectory = s->trajectory,
        .trajectory_key = s->trajectory_key,
        .opening_key = s->opening_key,
        .id = {.iteration = spec->is_running ? sample : episode->trajectory.prices_len,
               .role = spec->role,
               .trader = spec->trader,
               .sample = (uint16_t)sample,
               .ask = (uint8_t)spec->ask},
        .model = is_maker ? s->cell->maker
                          : s->cell->traders[spec->trader % s->cell->traders_len],
        .schema_name = names[spec->ask],
        .max_tokens = spec->ask == CR_ASK_LOGPROB ? 1 : 0,
        .top_logprobs = spec->ask == CR_ASK_LOGPROB ? TOP_LOGPROBS : 0,
        .proposition = s->proposition,
        .options_shown = episode->history.shown,
    };
    call.seed = seed_of(s, &call.id);
    return call;
}

static enum cr_status open_slots(struct cr_episode *episode, uint32_t index) {
    const struct cr_ask_spec *spec = &episode->move.asks[index];
    bool is_reading = spec->reading != CR_READING_NONE;
    const char *schema;
    enum cr_status status = is_reading ? CR_OK : cr_chat_question(episode, spec);
    if (status == CR_OK) {
        status = spec->placebo == CR_STANCE_UNRELATED
                     ? schema_of_other(episode, spec->ask, &schema)
                     : schema_of(episode, spec->ask, false, &schema);
    }
    for (uint32_t i = 0; i < spec->samples && status == CR_OK; i++) {
        struct cr_slot *slot = &episode->slots[episode->slots_len];
        *slot = (struct cr_slot){.call = call_of(episode, spec, spec->first_sample + i),
                                 .spec = index};
        slot->call.schema = schema;
        if (spec->placebo == CR_STANCE_UNRELATED) {
            slot->call.proposition = cr_placebo_other(episode);
            slot->call.options_shown = NULL;
        }
        status = is_reading ? cr_chat_reading(episode, spec, &slot->call)
                            : cr_chat_request(episode, spec, &slot->call);
        episode->slots_len += status == CR_OK;
    }
    return status;
}

static bool is_given(const struct cr_move *move) {
    enum cr_stance placebo = move->asks[0].placebo;
    return move->end == CR_ENDED_NONE &&
           (placebo == CR_STANCE_ECHO || placebo == CR_STANCE_FILLER);
}

// What the protocol asks next, behind the arguments that no call makes.
static enum cr_status next_move(struct cr_episode *episode) {
    enum cr_status status;
    do {
        episode->move = (struct cr_move){0};
        episode->protocol->next(&episode->history, &episode->move);
        status = is_given(&episode->move) ? cr_round_take_given(episode) : CR_OK;
    } while (status == CR_OK && is_given(&episode->move));
    return status;
}

// The readings beside the judgment that is asked: with what was argued, and, where
// something was, without.
static void add_readings(struct cr_episode *episode) {
    struct cr_move *move = &episode->move;
    if (episode->cfg.cell->held == CR_HELD_NONE || move->end != CR_ENDED_NONE ||
        move->asks[0].role != CR_ROLE_MAKER) {
        return;
    }
    struct cr_ask_spec judgment = move->asks[0], ask = judgment;
    ask.ask = CR_ASK_LOGPROB;
    ask.samples = 1;
    ask.reading = CR_READING_HELD;
    move->asks[move->asks_len++] = ask;
    if (episode->history.arguments_len == 0) {
        return;
    }
    ask.reading = CR_READING_HELD_IDLE;
    ask.first_sample = 1;
    move->asks[move->asks_len++] = ask;
    if (episode->cfg.cell->held == CR_HELD_BOTH) {
        judgment.reading = CR_READING_SAID_IDLE;
        judgment.first_sample = judgment.samples;
        move->asks[move->asks_len++] = judgment;
    }
}

// Ask the protocol, and put its questions.
static enum cr_status advance(struct cr_episode *episode) {
    struct cr_move *move = &episode->move;
    enum cr_status status = next_move(episode);
    if (status != CR_OK) {
        return status;
    }
    add_readings(episode);
    if (move->end) {
        episode->trajectory.status = CR_DONE;
        episode->trajectory.ended = move->end;
        episode->is_done = true;
        return CR_OK;
    }
    if (move->asks[0].placebo == CR_STANCE_UNRELATED &&
        cr_placebo_other(episode) == NULL) {
        return cr_round_end_silent(episode);
    }
    uint32_t len = 0;
    for (uint32_t i = 0; i < move->asks_len; i++) {
        len += move->asks[i].samples;
    }
    assert(len > 0);
    episode->slots = cr_arena_alloc(&episode->arena, len * sizeof *episode->slots);
    episode->slots_len = 0;
    episode->ready_from = 0;
    status = episode->slots != NULL ? CR_OK : CR_E_MEMORY;
    for (uint32_t i = 0; i < move->asks_len && status == CR_OK; i++) {
        status = open_slots(episode, i);
    }
    return status;
}

static enum cr_status start(struct cr_episode *episode) {
    enum cr_status status = set_form(episode);
    if (status == CR_OK) {
        status = set_stops(episode);
    }
    if (status == CR_OK) {
        status = cr_chat_prepare(episode);
    }
    return status != CR_OK ? status : advance(episode);
}

enum cr_status cr_episode_create(const struct cr_episode_cfg *cfg,
                                 struct cr_episode **out, struct cr_err *err) {
    struct cr_episode *episode = cr_calloc(1, sizeof *episode);
    if (episode == NULL) {
        return fail(err, CR_E_MEMORY);
    }
    episode->cfg = *cfg;
    episode->protocol = cr_protocol_table[cfg->cell->protocol];
    episode->history = (struct cr_history){
        .cfg = &episode->cfg,
        .space = cr_space_table[cfg->proposition->space],
        .form = &episode->form,
    };
    episode->trajectory =
        (struct cr_trajectory){.number = cfg->trajectory,
                               .key = cfg->trajectory_key,
                               .width = cr_proposition_prices(cfg->proposition)};
    cr_buf_init(&episode->scratch, TURN_BYTES_MAX);
    bool is_room = cr_protocol_is_room(cfg->cell->protocol);
    enum cr_status status = cr_trajectory_add_traders(
        &episode->trajectory, is_room ? cfg->cell->traders_len : 0);
    if (status == CR_OK) {
        status = start(episode);
    }
    if (status != CR_OK) {
        cr_episode_destroy(episode);
        return fail(err, status);
    }
    *out = episode;
    return CR_OK;
}

void cr_episode_destroy(struct cr_episode *episode) {
    if (episode == NULL) {
        return;
    }
    cr_trajectory_fini(&episode->trajectory);
    cr_free(episode->events);
    cr_buf_fini(&episode->scratch);
    cr_arena_fini(&episode->arena);
    cr_free(episode);
}

enum cr_status cr_episode_next(struct cr_episode *episode, struct cr_call **out,
                               struct cr_err *err) {
    (void)err;
    *out = NULL;
    if (episode->is_done || episode->has_failed) {
        return CR_OK;
    }
    for (uint32_t i = episode->ready_from; i < episode->slots_len; i++) {
        struct cr_slot *slot = &episode->slots[i];
        if (slot->state == CR_SLOT_READY) {
            slot->state = CR_SLOT_OUT;
            episode->slots_out++;
            episode->ready_from = i + 1;
            *out = &slot->call;
            return CR_OK;
        }
    }
    episode->ready_from = episode->slots_len;
    return CR_OK;
}

static void add_cost(struct cr_slot *slot, const struct cr_reply *reply) {
    struct cr_step *cost = &slot->cost;
    if (slot->call.id.role == CR_ROLE_MAKER) {
        cost->judgment_tokens_in += reply->tokens_in;
        cost->judgment_tokens_out += reply->tokens_out;
    } else {
        cost->argument_tokens_in += reply->tokens_in;
        cost->argument_tokens_out += reply->tokens_out;
    }
    cost->cached_tokens += reply->tokens_cached;
    cost->calls++;
    cost->is_estimated = cost->is_estimated || reply->is_estimated;
    cost->latency_s += (float)reply->latency_s;
}

// Copy what a usable answer says.
static enum cr_status keep_answer(struct cr_episode *episode, struct cr_slot *slot,
                                  const struct cr_answer *answer, struct cr_span body) {
    bool is_about_other = episode->move.asks[slot->spec].placebo != CR_STANCE_FREE;
    slot->direction = is_about_other ? 0 : answer->direction;
    slot->argument = (struct cr_span){answer->argument, answer->argument_bytes};
    slot->stake = answer->stake;
    if (slot->call.id.role == CR_ROLE_MAKER ||
        episode->move.asks[slot->spec].is_belief) {
        uint32_t width = episode->trajectory.width;
        bool has_quantiles = episode->form.space == CR_SPACE_CONTINUOUS;
        double *price = cr_arena_alloc(&episode->arena, (width + 3) * sizeof *price);
        if (price == NULL) {
            return CR_E_MEMORY;
        }
        memcpy(price, answer->price, width * sizeof *price);
        memcpy(price + width, answer->quantile, sizeof answer->quantile);
        slot->price = price;
        slot->quantile = has_quantiles ? price + width : NULL;
    }
    char *text = cr_arena_strndup(&episode->arena, body.text, body.bytes);
    if (text == NULL) {
        return CR_E_MEMORY;
    }
    slot->body = (struct cr_span){text, cr_answer_clean(text)};
    return CR_OK;
}

// Copy what the repair of an unusable answer quotes.
static enum cr_status keep_complaint(struct cr_episode *episode, struct cr_slot *slot,
                                     const struct cr_answer *answer,
                                     struct cr_span body) {
    slot->complaint = cr_arena_strdup(&episode->arena, answer->complaint);
    return slot->complaint == NULL ? CR_E_MEMORY
                                   : cr_chat_quote(episode, body, &slot->body);
}

// What the server said of the model's answer: that there is none.
static enum cr_reason given_by(const struct cr_reply *reply) {
    if (reply->reason == CR_REASON_REFUSED || reply->reason == CR_REASON_FILTERED) {
        return reply->reason;
    }
    return reply->finish == CR_FINISH_FILTER ? CR_REASON_FILTERED : CR_REASON_NONE;
}

static enum cr_status read_text(struct cr_episode *episode, struct cr_slot *slot,
                                const struct cr_reply *reply) {
    enum cr_ask ask = (enum cr_ask)slot->call.id.ask;
    const char *text = reply->text != NULL ? reply->text : "";
    struct cr_answer_text whole = {.text = text,
                                   .bytes = strlen(text),
                                   .is_cut = reply->finish == CR_FINISH_LENGTH,
                                   .given = given_by(reply)};
    struct cr_answer answer;
    enum cr_status status = CR_OK;
    if (ask == CR_ASK_LOGPROB && whole.given == CR_REASON_NONE) {
        cr_answer_logprobs(&episode->form, reply, &answer);
    } else {
        status = cr_answer_read(ask, &episode->form, whole, &episode->arena, &answer);
    }
    if (status != CR_OK) {
        return status;
    }
    struct cr_span body = {answer.body, answer.body_bytes};
    if (body.text == NULL) {
        body.text = cr_answer_body(text, whole.bytes, &body.bytes);
    }
    slot->reason = answer.reason;
    slot->is_brief = slot->is_brief || answer.reason == CR_REASON_CUT;
    return answer.is_usable ? keep_answer(episode, slot, &answer, body)
                            : keep_complaint(episode, slot, &answer, body);
}

// An endpoint that gives no logprobs is a failure of the endpoint, not a bad answer.
static bool lacks_logprobs(const struct cr_slot *slot, const struct cr_reply *reply) {
    return slot->call.id.ask == CR_ASK_LOGPROB && reply->logprobs_len == 0 &&
           given_by(reply) == CR_REASON_NONE;
}

// What a reply from a tape was found to be is found again, so only a failure counts as
// it was recorded.
static enum cr_status read_reply(struct cr_episode *episode, struct cr_slot *slot,
                                 const struct cr_reply *reply) {
    slot->is_read = true;
    if (cr_reason_is_failure(reply->reason)) {
        slot->reason = reply->reason;
    } else if (lacks_logprobs(slot, reply)) {
        slot->reason = CR_REASON_NO_LOGPROBS;
    } else {
        return read_text(episode, slot, reply);
    }
    return CR_OK;
}

static enum cr_status repair(struct cr_episode *episode, struct cr_slot *slot) {
    slot->call.id.repair++;
    slot->call.seed = seed_of(&episode->cfg, &slot->call.id);
    slot->call.request_hash = (struct cr_hash){0};
    slot->call.tokens_factor = slot->is_brief ? CUT_TOKENS_FACTOR : 1;
    slot->cost.repairs =
        (uint8_t)(slot->cost.repairs + (slot->cost.repairs < UINT8_MAX));
    slot->state = CR_SLOT_READY;
    uint32_t at = (uint32_t)(slot - episode->slots);
    episode->ready_from = at < episode->ready_from ? at : episode->ready_from;
    enum cr_status status = schema_of(episode, (enum cr_ask)slot->call.id.ask,
                                      slot->is_brief, &slot->call.schema);
    return status != CR_OK ? status : cr_chat_repair(episode, slot);
}

// Move SLOT by what was read.
static enum cr_status take_reading(struct cr_episode *episode, struct cr_slot *slot) {
    slot->is_read = false;
    if (slot->reason == CR_REASON_NONE) {
        slot->state = CR_SLOT_USABLE;
        return CR_OK;
    }
    slot->state = CR_SLOT_UNUSABLE;
    if (cr_reason_is_failure(slot->reason)) {
        episode->has_failed = true;
        return CR_OK;
    }
    if (episode->move.asks[slot->spec].reading != CR_READING_NONE) {
        return CR_OK; // it stays missing
    }
    slot->cost.reason =
        slot->cost.reason != 0 ? slot->cost.reason : (uint8_t)slot->reason;
    return slot->call.id.repair < episode->cfg.cell->repairs ? repair(episode, slot)
                                                             : CR_OK;
}

static bool is_round_over(const struct cr_episode *episode) {
    if (episode->slots_out > 0) {
        return false;
    }
    for (uint32_t i = 0; i < episode->slots_len && !episode->has_failed; i++) {
        if (episode->slots[i].state == CR_SLOT_READY) {
            return false;
        }
    }
    return true;
}

static enum cr_status answer(struct cr_episode *episode, struct cr_slot *slot,
                             const struct cr_reply *reply) {
    enum cr_status status = slot->is_read ? CR_OK : read_reply(episode, slot, reply);
    if (status != CR_OK) {
        return status;
    }
    episode->slots_out--;
    add_cost(slot, reply);
    status = take_reading(episode, slot);
    if (status == CR_OK && is_round_over(episode)) {
        status = cr_round_finish(episode);
        if (status == CR_OK && !episode->is_done) {
            status = advance(episode);
        }
    }
    return status;
}

static struct cr_slot *slot_of(struct cr_call *call) {
    struct cr_slot *slot = (struct cr_slot *)(void *)call;
    assert(slot->state == CR_SLOT_OUT);
    return slot;
}

enum cr_status cr_episode_read(struct cr_episode *episode, struct cr_call *call,
                               const struct cr_reply *reply, enum cr_reason *reason,
                               struct cr_err *err) {
    struct cr_slot *slot = slot_of(call);
    enum cr_status status = slot->is_read ? CR_OK : read_reply(episode, slot, reply);
    if (status != CR_OK) {
        return fail(err, status);
    }
    *reason = slot->reason;
    return CR_OK;
}

enum cr_status cr_episode_answer(struct cr_episode *episode, struct cr_call *call,
                                 const struct cr_reply *reply, struct cr_err *err) {
    enum cr_status status = answer(episode, slot_of(call), reply);
    return status != CR_OK ? fail(err, status) : CR_OK;
}

void cr_episode_reading(const struct cr_call *call, struct cr_reply_reading *out) {
    const struct cr_slot *slot = (const struct cr_slot *)call;
    assert(slot->is_read);
    const bool is_usable = slot->reason == CR_REASON_NONE;
    *out = (struct cr_reply_reading){
        .reason = slot->reason,
        .complaint = is_usable || (int)slot->reason >= CR_REASON_FIRST_FAILURE
                         ? NULL
                         : slot->complaint,
        .price = is_usable ? slot->price : NULL,
        .quantile = is_usable ? slot->quantile : NULL,
        .direction = is_usable ? slot->direction : 0,
    };
}

bool cr_episode_is_done(const struct cr_episode *episode) {
    return episode->is_done;
}

const struct cr_trajectory *cr_episode_trajectory(const struct cr_episode *episode) {
    return &episode->trajectory;
}
