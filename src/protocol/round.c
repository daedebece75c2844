// round.c - takes a round of answers into the history: prices, arguments, costs.
#include <math.h>
#include <string.h>

#include "credence/prompt/answer.h"
#include "credence/protocol/protocol.h"
#include "credence/protocol/room.h"
#include "credence/protocol/stop.h"
#include "protocol/episode_internal.h"

static enum cr_status grow_double(double **array, size_t *cap, size_t need) {
    void *grown = *array;
    enum cr_status status = cr_array_grow(&grown, cap, need, sizeof **array);
    *array = grown;
    return status;
}

// Step AT, which is the last one or the one behind it.
static enum cr_status step_at(struct cr_episode *episode, uint32_t at,
                              struct cr_step **out) {
    struct cr_trajectory *t = &episode->trajectory;
    if (t->steps_len <= at) {
        void *grown = t->step;
        enum cr_status status =
            cr_array_grow(&grown, &episode->step_cap, at + 1, sizeof *t->step);
        if (status != CR_OK) {
            return status;
        }
        t->step = grown;
        t->step[t->steps_len++] = (struct cr_step){
            .price_held = NAN, .price_held_idle = NAN, .price_idle = NAN};
    }
    *out = &t->step[at];
    return CR_OK;
}

static void fold_cost(struct cr_step *step, const struct cr_step *cost) {
    unsigned repairs = step->repairs + (unsigned)cost->repairs;
    step->judgment_tokens_in += cost->judgment_tokens_in;
    step->judgment_tokens_out += cost->judgment_tokens_out;
    step->argument_tokens_in += cost->argument_tokens_in;
    step->argument_tokens_out += cost->argument_tokens_out;
    step->cached_tokens += cost->cached_tokens;
    step->calls += cost->calls;
    step->latency_s += cost->latency_s;
    step->reason = step->reason != 0 ? step->reason : cost->reason;
    step->is_estimated = step->is_estimated || cost->is_estimated;
    step->repairs = (uint8_t)(repairs < UINT8_MAX ? repairs : UINT8_MAX);
}

static enum cr_status fold_slot(struct cr_episode *episode, struct cr_slot *slot,
                                uint32_t at) {
    struct cr_step *step;
    enum cr_status status = step_at(episode, at, &step);
    if (status == CR_OK) {
        fold_cost(step, &slot->cost);
        slot->cost = (struct cr_step){0};
    }
    return status;
}

static enum cr_status finish(struct cr_episode *episode, enum cr_episode_status status,
                             enum cr_stop_reason ended, enum cr_reason reason) {
    for (uint32_t i = 0; i < episode->slots_len; i++) {
        if (episode->slots[i].cost.calls > 0) {
            enum cr_status failure =
                fold_slot(episode, &episode->slots[i], episode->trajectory.prices_len);
            if (failure != CR_OK) {
                return failure;
            }
        }
    }
    episode->trajectory.status = status;
    episode->trajectory.ended = ended;
    episode->trajectory.reason = reason;
    episode->is_done = true;
    return CR_OK;
}

static enum cr_status add_event(struct cr_episode *episode, struct cr_event event) {
    struct cr_history *h = &episode->history;
    void *grown = episode->events;
    enum cr_status status =
        cr_array_grow(&grown, &episode->events_cap, h->events_len + 1, sizeof event);
    if (status != CR_OK) {
        return status;
    }
    episode->events = grown;
    episode->events[h->events_len++] = event;
    h->events = episode->events;
    h->arguments_len = event.role == CR_ROLE_TRADER ? h->arguments_len + 1 : 0;
    return CR_OK;
}

// A direction as the trajectory keeps it: options in the file's order.
static int8_t direction_of(const struct cr_history *h, int direction) {
    return (int8_t)(h->shown != NULL && direction > 0 ? 1 + (int)h->shown[direction - 1]
                                                      : direction);
}

// Which way a trader's belief lies from the price, as direction says.
static int direction_of_belief(const struct cr_history *h, const double *belief) {
    uint32_t width = cr_proposition_prices(h->cfg->proposition), most = 0;
    if (h->price == NULL) {
        return 0;
    }
    for (uint32_t i = 1; i < width; i++) {
        most = belief[i] - h->price[i] > belief[most] - h->price[most] ? i : most;
    }
    double away = belief[most] - h->price[most];
    return width > 1 ? (away > 0 ? 1 + (int)most : 0) : (away > 0) - (away < 0);
}

// What a trader believes: its reasons are its argument to the others, but for the first,
// which is its own.
static enum cr_status read_belief(struct cr_episode *episode, struct cr_slot *slot) {
    struct cr_span reasons;
    enum cr_status status = cr_answer_reasoning(slot->body.text, slot->body.bytes,
                                                &episode->arena, &reasons.text);
    if (status == CR_OK) {
        reasons.bytes = strlen(reasons.text);
        slot->argument = reasons;
        slot->direction = direction_of_belief(&episode->history, slot->price);
    }
    return status;
}

static void keep_belief(struct cr_episode *episode, uint32_t trader,
                        const double *belief) {
    const struct cr_history *h = &episode->history;
    struct cr_trajectory *t = &episode->trajectory;
    for (uint32_t i = 0; i < t->width; i++) {
        t->belief[(size_t)trader * t->width + (h->shown != NULL ? h->shown[i] : i)] =
            belief[i];
    }
}

static enum cr_status take_argument(struct cr_episode *episode, struct cr_slot *slot) {
    const struct cr_ask_spec *spec = &episode->move.asks[slot->spec];
    struct cr_history *h = &episode->history;
    struct cr_step *step;
    enum cr_status status = fold_slot(episode, slot, h->prices_len);
    if (status == CR_OK) {
        status = step_at(episode, h->prices_len, &step);
    }
    if (status == CR_OK && spec->is_belief) {
        status = read_belief(episode, slot);
    }
    if (status != CR_OK) {
        return status;
    }
    bool is_private = spec->is_belief && h->prices_len == 0;
    if (is_private) {
        keep_belief(episode, spec->trader, slot->price);
        return cr_chat_answered(episode, spec, slot->body);
    }
    int8_t direction = direction_of(h, slot->direction);
    step->direction =
        h->arguments_len == 0 || step->direction == direction ? direction : 0;
    struct cr_event event = {.role = CR_ROLE_TRADER,
                             .trader = spec->trader,
                             .direction = (int16_t)slot->direction,
                             .iteration = h->prices_len,
                             .target = spec->target,
                             .text = slot->argument,
                             .belief = spec->is_belief ? slot->price : NULL,
                             .stake = slot->stake};
    status = cr_chat_answered(episode, spec, slot->body);
    return status != CR_OK ? status : add_event(episode, event);
}

// Note which rules fire at the last judgment. A market that is run to its full length
// asks none of them.
static void ask_stops(struct cr_episode *episode) {
    const struct cr_episode_cfg *s = &episode->cfg;
    const struct cr_trajectory *t = &episode->trajectory;
    struct cr_history *h = &episode->history;
    bool is_stopped = true;
    for (uint32_t i = 0; i < s->stops_len; i++) {
        struct cr_stop rule = s->stops[i];
        bool is_asked = cr_protocol_takes_rule(s->cell->protocol, rule.rule);
        if (!s->cell->stop_early) {
            rule.rule = CR_STOP_FIXED;
        }
        if (!episode->fired[i] && is_asked) {
            episode->fired[i] =
                cr_stop_now(&rule, t->price, t->prices_len, t->width, &h->ended);
        }
        is_stopped = is_stopped && episode->fired[i];
    }
    h->is_stopped = is_stopped;
}

// Post a judgment: PRICE as shown, and QUANTILE when the space has them.
static enum cr_status post(struct cr_episode *episode, const double *price,
                           const double *quantile) {
    struct cr_trajectory *t = &episode->trajectory;
    struct cr_history *h = &episode->history;
    size_t at = (size_t)t->prices_len * t->width;
    enum cr_status status = grow_double(&t->price, &episode->price_cap, at + t->width);
    if (status == CR_OK && quantile != NULL) {
        status = grow_double(&t->quantile, &episode->quantile_cap,
                             3 * ((size_t)t->prices_len + 1));
    }
    if (status != CR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < t->width; i++) {
        t->price[at + (h->shown != NULL ? h->shown[i] : i)] = price[i];
    }
    if (quantile != NULL) {
        memcpy(t->quantile + 3 * (size_t)t->prices_len, quantile, 3 * sizeof *quantile);
    }
    t->prices_len++;
    h->prices_len = t->prices_len;
    h->path = t->price;
    h->price = price;
    h->opening = h->opening != NULL ? h->opening : price;
    if (episode->protocol->has_stop_rule || episode->protocol->has_votes) {
        ask_stops(episode);
    }
    return CR_OK;
}

// The mean of the samples of one question: price and, behind it, quantiles.
struct mean {
    double *sum; // [width + 3]
    uint32_t width;
    uint32_t len;
};

static void mean_add(struct mean *mean, const struct cr_slot *slot) {
    for (uint32_t i = 0; i < mean->width + 3; i++) {
        mean->sum[i] += slot->price[i];
    }
    mean->len++;
}

// The mean so far, in the arena; NULL when out of memory.
static double *mean_price(struct cr_episode *episode, const struct mean *mean) {
    uint32_t len = mean->width + 3;
    double *price = cr_arena_alloc(&episode->arena, len * sizeof *price);
    for (uint32_t i = 0; price != NULL && i < len; i++) {
        price[i] = mean->sum[i] / mean->len;
    }
    return price;
}

static enum cr_status post_mean(struct cr_episode *episode, const struct mean *mean) {
    double *price = mean_price(episode, mean);
    if (price == NULL) {
        return CR_E_MEMORY;
    }
    bool has_quantiles = episode->form.space == CR_SPACE_CONTINUOUS;
    return post(episode, price, has_quantiles ? price + mean->width : NULL);
}

static double distance(const double *a, const double *b, uint32_t len) {
    double sum = 0;
    for (uint32_t i = 0; i < len; i++) {
        sum += fabs(a[i] - b[i]);
    }
    return sum;
}

// One question's usable answers, in the order of the samples.
struct answers {
    struct cr_slot *first;
    uint32_t len; // slots, usable or not
};

static struct answers answers_of(struct cr_episode *episode, uint32_t spec) {
    struct answers found = {NULL, 0};
    for (uint32_t i = 0; i < episode->slots_len; i++) {
        if (episode->slots[i].spec == spec) {
            found.first = found.first != NULL ? found.first : &episode->slots[i];
            found.len++;
        }
    }
    return found;
}

static bool has_usable(struct answers answers) {
    for (uint32_t i = 0; i < answers.len; i++) {
        if (answers.first[i].state == CR_SLOT_USABLE) {
            return true;
        }
    }
    return false;
}

// The maker's turn in its own chat: the sample nearest to the price, the first of
// equals.
static const struct cr_slot *spokesman(const struct cr_episode *episode,
                                       struct answers answers) {
    const struct cr_slot *best = NULL;
    uint32_t width = episode->trajectory.width;
    const double *price = episode->history.price;
    for (uint32_t i = 0; i < answers.len; i++) {
        const struct cr_slot *slot = &answers.first[i];
        if (slot->state == CR_SLOT_USABLE &&
            (best == NULL || distance(slot->price, price, width) <
                                 distance(best->price, price, width))) {
            best = slot;
        }
    }
    return best;
}

static enum cr_status take_samples(struct cr_episode *episode, struct answers answers,
                                   bool is_running, struct mean *mean) {
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < answers.len && status == CR_OK; i++) {
        struct cr_slot *slot = &answers.first[i];
        // What a lost sample cost belongs to the judgment before it, if there is one.
        uint32_t at = episode->trajectory.prices_len;
        bool is_lost = is_running && slot->state != CR_SLOT_USABLE;
        status = fold_slot(episode, slot, is_lost && at > 0 ? at - 1 : at);
        if (status == CR_OK && slot->state == CR_SLOT_USABLE) {
            mean_add(mean, slot);
            status = is_running ? post_mean(episode, mean) : CR_OK;
        }
    }
    return status != CR_OK || is_running ? status : post_mean(episode, mean);
}

static enum cr_status take_judgment(struct cr_episode *episode, uint32_t index) {
    const struct cr_ask_spec *spec = &episode->move.asks[index];
    struct answers answers = answers_of(episode, index);
    double sum[CR_OPTIONS_MAX + 3] = {0};
    struct mean mean = {sum, episode->trajectory.width, 0};
    if (spec->is_running) { // goes on where the samples before ended
        mean.sum = episode->samples_sum;
        mean.len = episode->samples_len;
    }
    enum cr_status status = take_samples(episode, answers, spec->is_running, &mean);
    if (status != CR_OK) {
        return status;
    }
    if (spec->is_running) { // further samples are asked from the same opening
        episode->samples_len = mean.len;
        episode->history.samples_asked += answers.len;
        cr_chat_withdraw(episode, spec);
    }
    const struct cr_slot *voice = spokesman(episode, answers);
    if (voice == NULL) {
        return CR_OK; // a sample is left out
    }
    struct cr_span body =
        voice->body.bytes > 0 ? voice->body : (struct cr_span){"-", 1};
    status = spec->is_running ? CR_OK : cr_chat_answered(episode, spec, body);
    struct cr_event event = {.role = CR_ROLE_MAKER,
                             .iteration = episode->history.prices_len - 1,
                             .text = body};
    return status != CR_OK ? status : add_event(episode, event);
}

// Of the first call that failed, in the order of the questions.
static enum cr_reason failure_of(const struct cr_episode *episode) {
    for (uint32_t i = 0; i < episode->slots_len; i++) {
        if (cr_reason_is_failure(episode->slots[i].reason)) {
            return episode->slots[i].reason;
        }
    }
    return CR_REASON_NONE;
}

// What the round lacks: the maker's answer, or so many traders' that it cannot go on.
static enum cr_status check_answers(struct cr_episode *episode) {
    const struct cr_move *move = &episode->move;
    uint32_t silent = 0;
    for (uint32_t i = 0; i < move->asks_len; i++) {
        struct answers answers = answers_of(episode, i);
        bool is_usable = has_usable(answers);
        bool is_reading = move->asks[i].reading != CR_READING_NONE;
        if (!is_usable && (move->asks[i].may_miss || is_reading)) {
            continue;
        }
        if (!is_usable && move->asks[i].role == CR_ROLE_MAKER) {
            return finish(episode, CR_INVALID, CR_ENDED_INVALID, answers.first->reason);
        }
        silent += !is_usable;
    }
    bool is_mute = move->asks[0].is_belief && silent == move->asks_len;
    if (is_mute) { // of a room nobody has a belief
        return finish(episode, CR_INVALID, CR_ENDED_INVALID,
                      answers_of(episode, 0).first->reason);
    }
    uint32_t allowed = episode->protocol->needs_all_sides ? 0 : move->asks_len - 1;
    return silent <= allowed ? CR_OK : cr_round_end_silent(episode);
}

enum cr_status cr_round_end_silent(struct cr_episode *episode) {
    return finish(episode, CR_DONE, CR_ENDED_NO_ARGUMENT, CR_REASON_NONE);
}

enum cr_status cr_round_take_given(struct cr_episode *episode) {
    const struct cr_move *move = &episode->move;
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < move->asks_len && status == CR_OK; i++) {
        struct cr_event event = {.role = CR_ROLE_TRADER,
                                 .trader = move->asks[i].trader,
                                 .iteration = episode->history.prices_len};
        struct cr_step *step;
        status = cr_placebo_text(episode, move->asks[i].placebo, &event.text);
        if (status == CR_OK) {
            status = step_at(episode, episode->history.prices_len, &step);
        }
        status = status != CR_OK ? status : add_event(episode, event);
    }
    return status;
}

// An argument, or the silence of a trader beside others that argued: it is asked anew
// in the next round.
static enum cr_status take_trader(struct cr_episode *episode, uint32_t index) {
    struct answers answers = answers_of(episode, index);
    if (has_usable(answers)) {
        return take_argument(episode, answers.first);
    }
    cr_chat_withdraw(episode, &episode->move.asks[index]);
    return fold_slot(episode, answers.first, episode->history.prices_len);
}

static double *place_of(struct cr_step *step, enum cr_reading reading) {
    return reading == CR_READING_HELD        ? &step->price_held
           : reading == CR_READING_HELD_IDLE ? &step->price_held_idle
                                             : &step->price_idle;
}

// A reading, beside the judgment that was just posted: the mean of its samples.
static enum cr_status take_reading(struct cr_episode *episode, uint32_t index) {
    struct answers answers = answers_of(episode, index);
    uint32_t at = episode->history.prices_len - 1, usable = 0;
    double sum = 0.0;
    struct cr_step *step;
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < answers.len && status == CR_OK; i++) {
        status = fold_slot(episode, &answers.first[i], at);
        if (answers.first[i].state == CR_SLOT_USABLE) {
            sum += answers.first[i].price[0];
            usable++;
        }
    }
    if (status == CR_OK) {
        status = step_at(episode, at, &step);
    }
    if (status == CR_OK && usable > 0) {
        *place_of(step, episode->move.asks[index].reading) = sum / usable;
    }
    return status;
}

static enum cr_status take_ask(struct cr_episode *episode, uint32_t index) {
    const struct cr_ask_spec *spec = &episode->move.asks[index];
    if (spec->reading != CR_READING_NONE) {
        return take_reading(episode, index);
    }
    return spec->role == CR_ROLE_MAKER ? take_judgment(episode, index)
                                       : take_trader(episode, index);
}

// What the traders own in the end.
static void settle(struct cr_episode *episode) {
    struct cr_trajectory *t = &episode->trajectory;
    const struct cr_room_path path = {t->price, t->prices_len, t->width};
    for (uint32_t i = 0; i < t->traders_len; i++) {
        t->trader[i] = cr_room_settle(episode->cfg.cell, i, path,
                                      (uint32_t)episode->cfg.proposition->label);
    }
}

// The price of an automaton, after a round of those who trade with it.
static enum cr_status quote(struct cr_episode *episode) {
    const struct cr_history *h = &episode->history;
    uint32_t width = episode->trajectory.width;
    double *quoted = cr_arena_alloc(&episode->arena, 2 * width * sizeof *quoted);
    struct cr_step *step;
    if (quoted == NULL) {
        return CR_E_MEMORY;
    }
    double *shown = quoted + width;
    episode->protocol->price(h, quoted);
    for (uint32_t i = 0; i < width; i++) {
        shown[i] = quoted[h->shown != NULL ? h->shown[i] : i];
    }
    enum cr_status status = step_at(episode, h->prices_len, &step);
    if (status == CR_OK) {
        status = post(episode, shown, NULL);
    }
    bool is_last = episode->trajectory.prices_len ==
                   episode->protocol->prices_max(episode->cfg.cell);
    if (status == CR_OK && is_last) {
        settle(episode);
    }
    return status;
}

enum cr_status cr_round_finish(struct cr_episode *episode) {
    const struct cr_move *move = &episode->move;
    if (episode->has_failed) {
        return finish(episode, CR_FAILED, CR_ENDED_FAILED, failure_of(episode));
    }
    enum cr_status status = check_answers(episode);
    for (uint32_t i = 0; i < move->asks_len && status == CR_OK && !episode->is_done;
         i++) {
        status = take_ask(episode, i);
    }
    bool is_quoted = episode->protocol->price != NULL && !episode->is_done;
    return status == CR_OK && is_quoted ? quote(episode) : status;
}
