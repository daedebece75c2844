// show_json.c - an episode as one JSON object, the one rendering of messages.
//
//   episode, item, cell, replicate     what it is about: number, id, name, number
//   text, label, truth                 the claim; 1 true, 0 false, or the index of the
//                                      right option; the value of a quantity, or null
//   status, stop_reason, reason        words; reason: why it is invalid or failed
//   prices                             one a judgment, normalised: P(true), the right
//                                      option's, or the median's place in [low, high]
//   options, option_prices             of several options: texts in the file's order
//                                      (null when unknown), and their prices
//   simulated                          whether an agent is not a real model
//   calls                              in the order of their ids:
//     iteration, role, trader, sample, repair, ask
//     reading                          "held", "held_idle", "said_idle", or null
//     reason, complaint                why it failed or was not usable; what the model
//                                      was told was wrong with it, or null
//     finish, finish_word              our word and the server's own
//     request_id                       what the server calls it, or null
//     price, option_prices             what this reply says, normalised, or null
//     direction                        of an argument: 1 up, -1 down, 0 unknown; of
//                                      several options 1 + the index of one
//     text, reasoning, error           as they came; null when there is none
//     tokens_in, tokens_out, tokens_cached, tokens_estimated
//     latency_s, attempts, endpoint    seconds; a URL, or the index when it is unknown
//     model, wall_ms                   its name in the job; when it finished, since 1970
//     hash_ok                          whether what is asked here now is what was sent;
//                                      null when the job or the hash is not at hand
//     messages                         with --prompts: [{role, text}], or null
#include <math.h>
#include <string.h>

#include "cli/messages.h"
#include "cli/show.h"
#include "credence/protocol/protocol.h"

static void write_costs(struct cr_json_writer *emit,
                        const struct cr_show_episode *shown,
                        const struct cr_call_record *record) {
    const struct cr_playback *playback = shown->show->playback;
    const struct cr_job *job =
        playback != NULL ? cr_playback_plan(playback)->job : NULL;
    cr_json_write_count(emit, "tokens_in", record->tokens_in);
    cr_json_write_count(emit, "tokens_out", record->tokens_out);
    cr_json_write_count(emit, "tokens_cached", record->tokens_cached);
    cr_json_write_bool(emit, "tokens_estimated", record->is_estimated != 0);
    cr_json_write_number(emit, "latency_s", record->latency_s);
    cr_json_write_count(emit, "attempts", record->attempts);
    if (job != NULL && record->model < job->models_len &&
        record->endpoint < job->models[record->model].endpoints_len) {
        cr_json_write_text(emit, "endpoint",
                           job->models[record->model].endpoints[record->endpoint]);
    } else {
        cr_json_write_count(emit, "endpoint", record->endpoint);
    }
}

// A judgment beside the accepted one, whose samples come first.
static bool is_said_idle(const struct cr_run_cell *cell, const struct cr_call_id *id) {
    const int protocol = cr_protocol_find(cell->protocol);
    const bool has_votes =
        protocol >= 0 && cr_protocol_takes_rule((uint32_t)protocol, CR_STOP_SPRT);
    const uint32_t accepted = id->ask == CR_ASK_VOTE ? cell->samples : 1;
    return id->role == CR_ROLE_MAKER && !has_votes && id->sample >= accepted;
}

const char *cr_show_reading_name(const struct cr_show_episode *shown,
                                 const struct cr_playback_call *call) {
    const struct cr_run_cell *cell = &shown->show->view->cell_info[shown->place.cell];
    const struct cr_call_id *id = &call->record->id;
    if (strcmp(cell->elicitation, cr_elicitation_names[CR_ELICIT_LOGPROB]) == 0) {
        return NULL;
    }
    if (id->ask == CR_ASK_LOGPROB) {
        return id->sample == 0 ? "held" : "held_idle";
    }
    return is_said_idle(cell, id) ? "said_idle" : NULL;
}

double cr_show_reading_price(const struct cr_show_episode *shown,
                             const struct cr_playback_call *call) {
    const struct cr_run_view *view = shown->show->view;
    const char *name = cr_show_reading_name(shown, call);
    if (name == NULL || call->record->id.iteration >= view->iterations) {
        return NAN;
    }
    const double *of = strcmp(name, "held") == 0        ? view->price_held
                       : strcmp(name, "held_idle") == 0 ? view->price_held_idle
                                                        : view->price_idle;
    const size_t row = (size_t)shown->episode * view->iterations;
    return of != NULL ? of[row + call->record->id.iteration] : NAN;
}

static void write_price(struct cr_json_writer *emit,
                        const struct cr_show_episode *shown,
                        const struct cr_playback_call *call) {
    const int32_t label = shown->show->view->label[shown->place.proposition];
    const uint32_t at =
        call->prices_len > 1 && label >= 0 && (uint32_t)label < call->prices_len
            ? (uint32_t)label
            : 0;
    cr_json_write_number(emit, "price",
                         call->price != NULL ? call->price[at]
                                             : cr_show_reading_price(shown, call));
    if (call->prices_len > 1) {
        cr_json_write_open(emit, "option_prices", '[');
        for (uint32_t i = 0; i < call->prices_len; i++) {
            cr_json_write_number(emit, NULL, call->price[i]);
        }
        cr_json_write_close(emit, ']');
    }
}

static void write_identity(struct cr_json_writer *emit, const struct cr_call_id *id) {
    cr_json_write_count(emit, "iteration", id->iteration);
    cr_json_write_text(emit, "role", cr_role_names[id->role]);
    cr_json_write_count(emit, "trader", id->trader);
    cr_json_write_count(emit, "sample", id->sample);
    cr_json_write_count(emit, "repair", id->repair);
    cr_json_write_text(emit, "ask", cr_ask_names[id->ask]);
}

static void write_sent(struct cr_json_writer *emit, const struct cr_show_episode *shown,
                       const struct cr_playback_call *call) {
    const struct cr_hash hash = call->record->request_hash;
    if (call->is_asked && (hash.hi != 0 || hash.lo != 0)) {
        cr_json_write_bool(emit, "hash_ok", call->is_same);
    } else {
        cr_json_write_text(emit, "hash_ok", NULL);
    }
    if (shown->show->with_prompts && call->call.turns != NULL) {
        cr_messages_json(emit, &call->call);
    } else if (shown->show->with_prompts) {
        cr_json_write_text(emit, "messages", NULL);
    }
}

static void write_call(struct cr_json_writer *emit, const struct cr_show_episode *shown,
                       const struct cr_playback_call *call) {
    const struct cr_call_record *record = call->record;
    cr_json_write_open(emit, NULL, '{');
    write_identity(emit, &record->id);
    cr_json_write_text(emit, "reading", cr_show_reading_name(shown, call));
    cr_json_write_text(emit, "reason", cr_reason_names[call->reason]);
    cr_json_write_text(emit, "complaint",
                       cr_show_reading_name(shown, call) == NULL ? call->complaint
                                                                 : NULL);
    cr_json_write_text(emit, "finish", cr_finish_names[record->finish]);
    cr_json_write_text(emit, "finish_word", record->finish_word);
    cr_json_write_text(emit, "request_id",
                       record->request_id[0] != '\0' ? record->request_id : NULL);
    write_price(emit, shown, call);
    if (record->id.role == CR_ROLE_TRADER) {
        cr_json_write_number(emit, "direction", call->direction);
    }
    cr_json_write_text(emit, "text", record->text);
    cr_json_write_text(emit, "reasoning", record->reasoning);
    cr_json_write_text(emit, "error", record->error);
    write_costs(emit, shown, record);
    cr_json_write_text(emit, "model", cr_show_episode_model(shown, call));
    cr_json_write_number(emit, "wall_ms", (double)record->wall_ms);
    write_sent(emit, shown, call);
    cr_json_write_close(emit, '}');
}

// The option that is right, as an index that is safe to follow.
static uint32_t right_option(const struct cr_run_view *view, uint64_t p) {
    const int32_t label = view->label[p];
    return label >= 0 && (uint32_t)label < view->outcomes ? (uint32_t)label : 0;
}

static void write_prices(struct cr_json_writer *emit,
                         const struct cr_show_episode *shown) {
    const struct cr_run_view *view = shown->show->view;
    const uint64_t p = shown->place.proposition;
    const bool has_options = view->outcome_price != NULL && view->n_outcomes[p] > 1;
    cr_json_write_open(emit, "prices", '[');
    for (uint32_t t = 0; t < view->prices_len[shown->episode]; t++) {
        const uint64_t at = shown->episode * view->iterations + t;
        cr_json_write_number(
            emit, NULL,
            has_options
                ? view->outcome_price[at * view->outcomes + right_option(view, p)]
                : view->price[at]);
    }
    cr_json_write_close(emit, ']');
    if (!has_options) {
        return;
    }
    cr_json_write_open(emit, "option_prices", '[');
    for (uint32_t t = 0; t < view->prices_len[shown->episode]; t++) {
        const uint64_t at = shown->episode * view->iterations + t;
        cr_json_write_open(emit, NULL, '[');
        for (uint32_t k = 0; k < view->n_outcomes[p]; k++) {
            cr_json_write_number(emit, NULL,
                                 view->outcome_price[at * view->outcomes + k]);
        }
        cr_json_write_close(emit, ']');
    }
    cr_json_write_close(emit, ']');
}

static void write_options(struct cr_json_writer *emit,
                          const struct cr_show_episode *shown) {
    const struct cr_proposition *p = shown->proposition;
    if (p == NULL || p->options_len == 0) {
        return;
    }
    cr_json_write_open(emit, "options", '[');
    for (uint32_t i = 0; i < p->options_len; i++) {
        cr_json_write_text(emit, NULL, p->options[i]);
    }
    cr_json_write_close(emit, ']');
}

static void write_head(struct cr_json_writer *emit,
                       const struct cr_show_episode *shown) {
    const struct cr_run_view *view = shown->show->view;
    const uint64_t e = shown->episode, p = shown->place.proposition;
    const enum cr_reason reason = view->reason[e] != CR_REASON_NONE
                                      ? (enum cr_reason)view->reason[e]
                                      : shown->script.reason;
    cr_json_write_count(emit, "episode", e);
    cr_json_write_text(emit, "item", view->proposition_id[p]);
    cr_json_write_text(emit, "cell", view->cell_info[shown->place.cell].name);
    cr_json_write_count(emit, "replicate", shown->place.replicate);
    cr_json_write_text(emit, "text", view->text[p]);
    if (isnan(view->value[p])) {
        cr_json_write_number(emit, "label", view->label[p]);
    } else {
        cr_json_write_text(emit, "label", NULL);
    }
    cr_json_write_number(emit, "truth", view->value[p]);
    cr_json_write_text(emit, "status", cr_episode_status_names[view->status[e]]);
    cr_json_write_text(emit, "stop_reason", cr_stop_reason_names[view->ended[e]]);
    cr_json_write_text(emit, "reason", cr_reason_names[reason]);
    cr_json_write_bool(emit, "simulated", view->is_simulated);
}

void cr_show_episode_json(const struct cr_show_episode *shown,
                          struct cr_json_writer *emit) {
    cr_json_write_open(emit, NULL, '{');
    write_head(emit, shown);
    write_prices(emit, shown);
    write_options(emit, shown);
    cr_json_write_open(emit, "calls", '[');
    for (size_t i = 0; i < shown->script.len; i++) {
        if (cr_show_episode_has(shown, i)) {
            write_call(emit, shown, &shown->script.at[i]);
        }
    }
    cr_json_write_close(emit, ']');
    cr_json_write_close(emit, '}');
}
