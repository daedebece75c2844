// chat.c - the chats: turns rendered from the prompt set, made once.
#include <stdio.h>
#include <string.h>

#include "credence/base/json.h"
#include "credence/prompt/answer.h"
#include "protocol/episode_internal.h"

enum { FIRST_TURNS = 8, HEAD_TURNS = 2, REPAIR_QUOTE_BYTES_MAX = 4000 };

struct cr_chat *cr_chat_of(struct cr_episode *episode, const struct cr_ask_spec *spec) {
    return spec->role == CR_ROLE_MAKER ? &episode->maker
                                       : &episode->traders[spec->trader];
}

struct cr_side *cr_chat_side(struct cr_episode *episode, enum cr_role role) {
    bool is_other =
        role != CR_ROLE_MAKER && episode->sides[1].prompts != episode->sides[0].prompts;
    return &episode->sides[is_other];
}

enum cr_status cr_chat_keep(struct cr_episode *episode, struct cr_span from,
                            struct cr_span *out) {
    char *text = cr_arena_alloc(&episode->arena, from.bytes + 1);
    if (text == NULL) {
        return CR_E_MEMORY;
    }
    if (from.bytes > 0) {
        memcpy(text, from.text, from.bytes);
    }
    text[from.bytes] = '\0';
    *out = (struct cr_span){text, from.bytes};
    return CR_OK;
}

static enum cr_status keep_scratch(struct cr_episode *episode, struct cr_span *out) {
    struct cr_span made = {episode->scratch.data, episode->scratch.used_bytes};
    return cr_chat_keep(episode, made, out);
}

static enum cr_status render(struct cr_episode *episode, const struct cr_side *side,
                             enum cr_template template, const struct cr_values *values,
                             struct cr_span *out) {
    cr_buf_clear(&episode->scratch);
    enum cr_status status =
        cr_prompt_render(side->prompts, template, values, &episode->scratch);
    return status != CR_OK ? status : keep_scratch(episode, out);
}

static struct cr_span span_of(const char *text) {
    return (struct cr_span){text, strlen(text)};
}

static enum cr_status set_options(struct cr_episode *episode,
                                  const struct cr_answer_form *form,
                                  struct cr_values *values) {
    enum cr_status status = CR_OK;
    cr_buf_clear(&episode->scratch);
    for (uint32_t i = 0; i < form->options_len && status == CR_OK; i++) {
        char letter[CR_LETTER_MAX];
        cr_answer_letter(i, letter);
        status = cr_buf_printf(&episode->scratch, "%s%s) %s", i ? "\n" : "", letter,
                               form->options[i]);
    }
    return status != CR_OK ? status
                           : keep_scratch(episode, &values->at[CR_VAR_OPTIONS]);
}

static enum cr_status set_number(struct cr_episode *episode, double number,
                                 struct cr_span *out) {
    cr_buf_clear(&episode->scratch);
    enum cr_status status = cr_buf_printf(&episode->scratch, "%.6g", number);
    return status != CR_OK ? status : keep_scratch(episode, out);
}

// What item_, meaning_ and answer_ templates may use.
static enum cr_status set_item_values(struct cr_episode *episode, const char *text,
                                      const struct cr_answer_form *form,
                                      struct cr_values *values) {
    values->at[CR_VAR_TEXT] = span_of(text);
    if (form->space == CR_SPACE_CATEGORICAL) {
        return set_options(episode, form, values);
    }
    if (form->space == CR_SPACE_BINARY) {
        return CR_OK;
    }
    values->at[CR_VAR_UNIT] = span_of(form->unit != NULL ? form->unit : "");
    enum cr_status status = set_number(episode, form->low, &values->at[CR_VAR_LOW]);
    return status != CR_OK ? status
                           : set_number(episode, form->high, &values->at[CR_VAR_HIGH]);
}

static enum cr_status set_own_values(struct cr_episode *episode,
                                     struct cr_values *values) {
    return set_item_values(episode, episode->cfg.proposition->text, &episode->form,
                           values);
}

static enum cr_status prepare_side(struct cr_episode *episode,
                                   const struct cr_values *values,
                                   struct cr_side *side) {
    const struct cr_space_row *space = episode->history.space;
    enum cr_status status = render(episode, side, space->item, values, &side->item);
    return status != CR_OK
               ? status
               : render(episode, side, space->meaning, values, &side->meaning);
}

enum cr_status cr_chat_prepare(struct cr_episode *episode) {
    const struct cr_episode_cfg *cfg = &episode->cfg;
    struct cr_side *sides = episode->sides;
    struct cr_values values = {0};
    sides[0].prompts = cfg->prompts;
    sides[1].prompts = cfg->prompts_trader != NULL ? cfg->prompts_trader : cfg->prompts;
    enum cr_status status = set_own_values(episode, &values);
    status = status == CR_OK ? prepare_side(episode, &values, &sides[0]) : status;
    return status == CR_OK && sides[1].prompts != sides[0].prompts
               ? prepare_side(episode, &values, &sides[1])
               : status;
}

static enum cr_template answer_template(const struct cr_episode *episode,
                                        enum cr_ask ask, bool is_brief) {
    const struct cr_space_row *space = episode->history.space;
    bool thinks = episode->cfg.cell->chain_of_thought && !is_brief;
    switch (ask) {
    case CR_ASK_JUDGMENT:
        return space->judgment[thinks];
    case CR_ASK_ARGUMENT:
        return space->argument;
    case CR_ASK_VOTE:
        return space->vote[thinks];
    case CR_ASK_BET:
        return space->bet;
    default:
        return space->logprob;
    }
}

// The reader is to know the example's own words when they come back.
static enum cr_status render_answer(struct cr_episode *episode,
                                    const struct cr_side *side, enum cr_ask ask,
                                    bool is_brief, struct cr_span *out) {
    const enum cr_template template = answer_template(episode, ask, is_brief);
    const struct cr_answer_form *example = cr_prompt_example(side->prompts, template);
    struct cr_values item = {0};
    enum cr_status status = set_own_values(episode, &item);
    if (status == CR_OK) {
        status = render(episode, side, template, &item, out);
    }
    if (status == CR_OK && example != NULL) {
        cr_prompt_example_add(example, &episode->form);
        return CR_OK;
    }
    return status != CR_OK ? status
                           : cr_answer_learn_form(out->text, out->bytes,
                                                  &episode->arena, &episode->form);
}

static enum cr_status set_answer(struct cr_episode *episode,
                                 const struct cr_ask_spec *spec, bool is_brief,
                                 struct cr_values *values) {
    struct cr_side *side = cr_chat_side(episode, spec->role);
    struct cr_span *how = &side->how[spec->ask][is_brief];
    enum cr_status status = how->text == NULL
                                ? render_answer(episode, side, spec->ask, is_brief, how)
                                : CR_OK;
    values->at[CR_VAR_ANSWER] = *how;
    return status;
}

static enum cr_status set_price(struct cr_episode *episode, struct cr_values *values) {
    const struct cr_history *h = &episode->history;
    if (h->prices_len == 0) {
        return CR_OK;
    }
    if (episode->price_shown_of == h->prices_len) { // each price is shown to several
        values->at[CR_VAR_PRICE] = episode->price_shown;
        return CR_OK;
    }
    const struct cr_trajectory *t = &episode->trajectory;
    const double *quantile =
        t->quantile != NULL ? t->quantile + 3 * (size_t)(t->prices_len - 1) : NULL;
    cr_buf_clear(&episode->scratch);
    enum cr_status status =
        h->space->add_price(h->form, h->price, quantile, &episode->scratch);
    status = status != CR_OK ? status : keep_scratch(episode, &episode->price_shown);
    if (status == CR_OK) {
        episode->price_shown_of = h->prices_len;
        values->at[CR_VAR_PRICE] = episode->price_shown;
    }
    return status;
}

static enum cr_status set_target(struct cr_episode *episode, struct cr_target target,
                                 struct cr_values *values) {
    const struct cr_history *h = &episode->history;
    cr_buf_clear(&episode->scratch);
    enum cr_status status = h->space->add_target(h->form, target, &episode->scratch);
    return status != CR_OK ? status : keep_scratch(episode, &values->at[CR_VAR_TARGET]);
}

static enum cr_status set_goal(struct cr_episode *episode,
                               const struct cr_ask_spec *spec,
                               struct cr_values *values) {
    bool has_target = cr_template_table[spec->goal].required & (1u << CR_VAR_TARGET);
    enum cr_status status =
        has_target ? set_target(episode, spec->target, values) : CR_OK;
    return status != CR_OK ? status
                           : render(episode, cr_chat_side(episode, spec->role),
                                    spec->goal, values, &values->at[CR_VAR_GOAL]);
}

static const struct cr_event *last_judgment(const struct cr_history *h) {
    for (uint32_t i = h->events_len; i > 0; i--) {
        if (h->events[i - 1].role == CR_ROLE_MAKER) {
            return &h->events[i - 1];
        }
    }
    return NULL;
}

// One event as TEMPLATE shows it to SIDE, and a blank line, appended to OUT.
static enum cr_status add_event(struct cr_episode *episode, const struct cr_side *side,
                                const struct cr_event *event, enum cr_template template,
                                struct cr_buf *out) {
    struct cr_values values = {0};
    char number[8];
    snprintf(number, sizeof number, "%d", event->trader + 1);
    values.at[CR_VAR_NUMBER] = span_of(number);
    values.at[event->role == CR_ROLE_MAKER ? CR_VAR_JUDGMENT : CR_VAR_ARGUMENT] =
        event->text;
    enum cr_status status = CR_OK;
    if (cr_template_table[template].required & (1u << CR_VAR_TARGET)) {
        status = set_target(episode, event->target, &values);
    }
    if (status == CR_OK) {
        status = cr_prompt_render(side->prompts, template, &values, out);
    }
    return status != CR_OK ? status : cr_buf_add_text(out, "\n\n");
}

// What others said since this trader's last turn. The newest judgment is not among it:
// the template shows that by itself.
static enum cr_status set_history(struct cr_episode *episode,
                                  const struct cr_ask_spec *spec,
                                  struct cr_values *values) {
    const struct cr_history *h = &episode->history;
    const struct cr_event *newest = last_judgment(h);
    const struct cr_side *side = cr_chat_side(episode, spec->role);
    struct cr_buf text;
    cr_buf_init(&text, episode->scratch.max_bytes);
    enum cr_status status = CR_OK;
    for (uint32_t i = cr_chat_of(episode, spec)->events_seen; i < h->events_len; i++) {
        const struct cr_event *event = &h->events[i];
        bool is_judgment = event->role == CR_ROLE_MAKER;
        bool is_own = !is_judgment && event->trader == spec->trader;
        bool is_hidden = is_judgment && (!spec->sees_judgments || event == newest);
        if (status == CR_OK && !is_own && !is_hidden) {
            status = add_event(episode, side, event,
                               is_judgment ? spec->seen_judgment : spec->seen_argument,
                               &text);
        }
    }
    if (status == CR_OK) {
        status = cr_chat_keep(episode, (struct cr_span){text.data, text.used_bytes},
                              &values->at[CR_VAR_HISTORY]);
    }
    cr_buf_fini(&text);
    return status;
}

// The arguments since the last judgment: the only one as it is, several one by one.
static enum cr_status set_arguments(struct cr_episode *episode,
                                    const struct cr_ask_spec *spec,
                                    struct cr_values *values) {
    const struct cr_history *h = &episode->history;
    uint32_t len = h->arguments_len;
    const struct cr_event *first = h->events + h->events_len - len;
    const struct cr_side *side = cr_chat_side(episode, spec->role);
    if (len == 1 && !spec->is_listed) {
        values->at[CR_VAR_ARGUMENT] = first->text;
    }
    if (len == 0 || (len == 1 && !spec->is_listed)) {
        return CR_OK;
    }
    struct cr_buf text;
    cr_buf_init(&text, episode->scratch.max_bytes);
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < len && status == CR_OK; i++) {
        status = add_event(episode, side, &first[i], spec->each_argument, &text);
    }
    if (status == CR_OK) {
        status = cr_chat_keep(
            episode, (struct cr_span){text.data, text.used_bytes - strlen("\n\n")},
            &values->at[CR_VAR_ARGUMENT]);
    }
    cr_buf_fini(&text);
    return status;
}

static enum cr_status set_trader_values(struct cr_episode *episode,
                                        const struct cr_ask_spec *spec,
                                        struct cr_values *values) {
    const struct cr_event *judgment = last_judgment(&episode->history);
    if (judgment != NULL) {
        values->at[CR_VAR_JUDGMENT] = judgment->text;
    }
    enum cr_status status = set_goal(episode, spec, values);
    return status != CR_OK ? status : set_history(episode, spec, values);
}

static enum cr_status grow(struct cr_episode *episode, struct cr_chat *chat) {
    if (chat->len < chat->cap) {
        return CR_OK;
    }
    uint32_t cap = chat->cap ? 2 * chat->cap : FIRST_TURNS;
    struct cr_turn *turns = cr_arena_alloc(&episode->arena, cap * sizeof *turns);
    if (turns == NULL) {
        return CR_E_MEMORY;
    }
    if (chat->len > 0) {
        memcpy(turns, chat->turns, chat->len * sizeof *turns);
    }
    chat->turns = turns;
    chat->cap = cap;
    return CR_OK;
}

static enum cr_status make_turn(struct cr_episode *episode, enum cr_speaker speaker,
                                struct cr_span text, struct cr_turn *out) {
    cr_buf_clear(&episode->scratch);
    struct cr_span quoted;
    enum cr_status status =
        cr_json_add_quoted(&episode->scratch, text.text, text.bytes);
    if (status == CR_OK) {
        status = keep_scratch(episode, &quoted);
    }
    if (status == CR_OK) {
        *out =
            (struct cr_turn){speaker, text.text, text.bytes, quoted.text, quoted.bytes};
    }
    return status;
}

static enum cr_status append(struct cr_episode *episode, struct cr_chat *chat,
                             enum cr_speaker speaker, struct cr_span text) {
    enum cr_status status = grow(episode, chat);
    if (status == CR_OK) {
        status = make_turn(episode, speaker, text, &chat->turns[chat->len]);
    }
    chat->len += status == CR_OK;
    return status;
}

static enum cr_status append_rendered(struct cr_episode *episode, struct cr_chat *chat,
                                      enum cr_speaker speaker,
                                      enum cr_template template,
                                      const struct cr_values *values) {
    struct cr_span text;
    bool is_maker = chat == &episode->maker;
    const struct cr_side *side =
        cr_chat_side(episode, is_maker ? CR_ROLE_MAKER : CR_ROLE_TRADER);
    enum cr_status status = render(episode, side, template, values, &text);
    return status != CR_OK ? status : append(episode, chat, speaker, text);
}

// The other question of a placebo, in place of the episode's own.
static enum cr_status set_other(struct cr_episode *episode, struct cr_values *values) {
    struct cr_answer_form form;
    struct cr_values item = {0};
    const struct cr_proposition *other = cr_placebo_other(episode);
    cr_placebo_form(other, &form);
    enum cr_status status = set_item_values(episode, other->text, &form, &item);
    return status != CR_OK ? status
                           : render(episode, cr_chat_side(episode, CR_ROLE_TRADER),
                                    episode->history.space->item, &item,
                                    &values->at[CR_VAR_PROPOSITION]);
}

static enum cr_status set_role_values(struct cr_episode *episode,
                                      const struct cr_ask_spec *spec,
                                      struct cr_values *values) {
    if (spec->role == CR_ROLE_MAKER) {
        return set_arguments(episode, spec, values);
    }
    return spec->placebo == CR_STANCE_UNRELATED
               ? set_other(episode, values)
               : set_trader_values(episode, spec, values);
}

enum cr_status cr_chat_question(struct cr_episode *episode,
                                const struct cr_ask_spec *spec) {
    struct cr_chat *chat = cr_chat_of(episode, spec);
    const struct cr_side *side = cr_chat_side(episode, spec->role);
    struct cr_values values = {0};
    values.at[CR_VAR_PROPOSITION] = side->item;
    values.at[CR_VAR_MEANING] = side->meaning;
    if (spec->placebo == CR_STANCE_UNRELATED) { // each time a chat of its own
        chat->len = chat->sent_len = 0;
    }
    chat->len_before = chat->len;
    chat->events_seen_before = chat->events_seen;
    enum cr_status status = set_answer(episode, spec, false, &values);
    if (status == CR_OK) {
        status = set_price(episode, &values);
    }
    if (status == CR_OK) {
        status = set_role_values(episode, spec, &values);
    }
    if (status == CR_OK && chat->len == 0) {
        status = append_rendered(episode, chat, CR_SYSTEM, spec->system, &values);
    }
    if (status == CR_OK) {
        status = append_rendered(episode, chat, CR_USER, spec->user, &values);
    }
    if (status == CR_OK) {
        chat->events_seen = episode->history.events_len;
    }
    return status;
}

void cr_chat_withdraw(struct cr_episode *episode, const struct cr_ask_spec *spec) {
    struct cr_chat *chat = cr_chat_of(episode, spec);
    chat->len = chat->len_before;
    chat->sent_len = chat->sent_len < chat->len ? chat->sent_len : chat->len;
    chat->events_seen = chat->events_seen_before;
}

enum cr_status cr_chat_answered(struct cr_episode *episode,
                                const struct cr_ask_spec *spec, struct cr_span body) {
    return append(episode, cr_chat_of(episode, spec), CR_ASSISTANT, body);
}

// Where a maker's request goes on after the system's turn and the opening: a maker with
// a memory of k turns sees its last k judgments and what it was shown after each.
static uint32_t remembered_from(const struct cr_episode *episode,
                                const struct cr_ask_spec *spec,
                                const struct cr_chat *chat) {
    uint64_t memory = 2 * (uint64_t)episode->cfg.cell->memory;
    bool is_cut =
        spec->role == CR_ROLE_MAKER && memory > 0 && chat->len > HEAD_TURNS + memory;
    return is_cut ? chat->len - (uint32_t)memory : HEAD_TURNS;
}

// The turns of a request with room for MORE behind them.
// NULL when out of memory.
static struct cr_turn *copy_turns(struct cr_episode *episode,
                                  const struct cr_chat *chat, uint32_t from,
                                  uint32_t more) {
    size_t len = HEAD_TURNS + chat->len - from;
    struct cr_turn *turns =
        cr_arena_alloc(&episode->arena, (len + more) * sizeof *turns);
    if (turns != NULL) {
        memcpy(turns, chat->turns, HEAD_TURNS * sizeof *turns);
        memcpy(turns + HEAD_TURNS, chat->turns + from,
               (chat->len - from) * sizeof *turns);
    }
    return turns;
}

enum cr_status cr_chat_request(struct cr_episode *episode,
                               const struct cr_ask_spec *spec, struct cr_call *call) {
    struct cr_chat *chat = cr_chat_of(episode, spec);
    uint32_t from = remembered_from(episode, spec, chat);
    call->turns = chat->turns;
    call->turns_len = chat->len;
    call->prefix_len = chat->sent_len;
    if (from > HEAD_TURNS) {
        call->turns = copy_turns(episode, chat, from, 0);
        if (call->turns == NULL) {
            return CR_E_MEMORY;
        }
        call->turns_len = HEAD_TURNS + chat->len - from;
        call->prefix_len = chat->sent_len == chat->len ? call->turns_len : HEAD_TURNS;
    }
    chat->sent_len = chat->len;
    return CR_OK;
}

static enum cr_template reading_template(const struct cr_ask_spec *spec) {
    if (spec->reading != CR_READING_HELD || spec->user == CR_T_REFINER_UPDATE) {
        return CR_T_HELD_IDLE;
    }
    return spec->user == CR_T_MAKER_OPENING ? CR_T_HELD_OPENING : CR_T_HELD_UPDATE;
}

enum cr_status cr_chat_reading(struct cr_episode *episode,
                               const struct cr_ask_spec *spec, struct cr_call *call) {
    const struct cr_chat *chat = cr_chat_of(episode, spec);
    struct cr_values values = {0};
    struct cr_span text = {0};
    const struct cr_side *side = cr_chat_side(episode, spec->role);
    values.at[CR_VAR_PROPOSITION] = side->item;
    uint32_t from = remembered_from(episode, spec, chat);
    uint32_t len = HEAD_TURNS + chat->len - from;
    struct cr_turn *turns = copy_turns(episode, chat, from, 0);
    if (turns == NULL) {
        return CR_E_MEMORY;
    }
    enum cr_status status = set_answer(episode, spec, false, &values);
    if (status == CR_OK) {
        status = set_price(episode, &values);
    }
    if (status == CR_OK) {
        status = set_arguments(episode, spec, &values);
    }
    if (status == CR_OK) {
        status = render(episode, side, reading_template(spec), &values, &text);
    }
    if (status == CR_OK) {
        status = make_turn(episode, CR_USER, text, &turns[len - 1]);
    }
    call->turns = turns;
    call->turns_len = len;
    call->prefix_len = len - 1;
    return status;
}

enum cr_status cr_chat_quote(struct cr_episode *episode, struct cr_span body,
                             struct cr_span *out) {
    if (body.bytes == 0) {
        return cr_chat_keep(episode, span_of("(empty)"), out);
    }
    size_t keep = body.bytes;
    if (keep > REPAIR_QUOTE_BYTES_MAX) {
        keep = REPAIR_QUOTE_BYTES_MAX;
        while (keep > 0 && ((unsigned char)body.text[keep] & 0xc0) == 0x80) {
            keep--;
        }
    }
    return cr_chat_keep(episode, (struct cr_span){body.text, keep}, out);
}

enum cr_status cr_chat_repair(struct cr_episode *episode, struct cr_slot *slot) {
    const struct cr_ask_spec *spec = &episode->move.asks[slot->spec];
    const struct cr_chat *chat = cr_chat_of(episode, spec);
    struct cr_values values = {0};
    values.at[CR_VAR_COMPLAINT] = span_of(slot->complaint);
    struct cr_span text = {0};
    uint32_t from = remembered_from(episode, spec, chat);
    uint32_t len = HEAD_TURNS + chat->len - from;
    struct cr_turn *turns = copy_turns(episode, chat, from, 2);
    if (turns == NULL) {
        return CR_E_MEMORY;
    }
    enum cr_status status = set_answer(episode, spec, slot->is_brief, &values);
    if (status == CR_OK) {
        status = render(episode, cr_chat_side(episode, spec->role), CR_T_REPAIR,
                        &values, &text);
    }
    if (status == CR_OK) {
        status = make_turn(episode, CR_ASSISTANT, slot->body, &turns[len]);
    }
    if (status == CR_OK) {
        status = make_turn(episode, CR_USER, text, &turns[len + 1]);
    }
    if (status == CR_OK) {
        slot->call.turns = turns;
        slot->call.turns_len = len + 2;
        slot->call.prefix_len = len;
    }
    return status;
}
