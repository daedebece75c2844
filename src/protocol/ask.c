// ask.c - the questions that several protocols ask.
#include "credence/protocol/stop.h"
#include "protocol/machine.h"

struct cr_ask_spec cr_ask_maker(const struct cr_cell *cell, enum cr_template system,
                                enum cr_template user) {
    static const enum cr_ask asks[CR_ELICIT_COUNT] = {
        [CR_ELICIT_VERBAL] = CR_ASK_JUDGMENT,
        [CR_ELICIT_LOGPROB] = CR_ASK_LOGPROB,
        [CR_ELICIT_SAMPLED] = CR_ASK_VOTE,
    };
    return (struct cr_ask_spec){.role = CR_ROLE_MAKER,
                                .ask = asks[cell->elicitation],
                                .samples = (uint16_t)cr_ask_judgment_calls(cell),
                                .system = system,
                                .user = user,
                                .each_argument = CR_T_MAKER_ARGUMENT};
}

void cr_ask_stance(const struct cr_history *history, struct cr_ask_spec *ask) {
    static const enum cr_template goals[CR_STANCE_COUNT] = {
        [CR_STANCE_FREE] = CR_T_STANCE_FREE,
        [CR_STANCE_UP] = CR_T_STANCE_UP,
        [CR_STANCE_DOWN] = CR_T_STANCE_DOWN,
        [CR_STANCE_CONTRARY] = CR_T_STANCE_CONTRARY,
        [CR_STANCE_TRUTHFUL] = CR_T_STANCE_TRUTHFUL,
        [CR_STANCE_ADVERSARIAL] = CR_T_STANCE_ADVERSARIAL,
        [CR_STANCE_UNRELATED] = CR_T_STANCE_FREE,
        [CR_STANCE_ECHO] = CR_T_STANCE_FREE,
        [CR_STANCE_FILLER] = CR_T_STANCE_FREE,
    };
    enum cr_stance stance = history->cfg->cell->stance;
    ask->goal = goals[stance];
    ask->placebo = stance >= CR_STANCE_UNRELATED ? stance : CR_STANCE_FREE;
    if (stance == CR_STANCE_CONTRARY) {
        ask->target = history->space->contrary(history->form, history->price);
    } else if (stance == CR_STANCE_TRUTHFUL || stance == CR_STANCE_ADVERSARIAL) {
        ask->target = history->space->truth(history->cfg->proposition, history->shown);
    }
}

enum cr_status cr_ask_check_rounds(const struct cr_cell *cell, uint32_t speakers,
                                   struct cr_err *err) {
    const char *name = cr_protocol_name(cell->protocol);
    if (cell->stance != CR_STANCE_FREE) {
        return cr_err_set(
            err, CR_E_JOB,
            "who argues in protocol \"%s\" is given a position, so stance "
            "must be \"free\"",
            name);
    }
    if (cell->traders_len > speakers) {
        return cr_err_set(err, CR_E_JOB,
                          "protocol \"%s\" has at most %u traders, and %u are given",
                          name, (unsigned)speakers, (unsigned)cell->traders_len);
    }
    if (cell->rounds == 0) {
        return cr_err_set(err, CR_E_JOB, "protocol \"%s\" needs at least one round",
                          name);
    }
    return CR_OK;
}

uint32_t cr_ask_judgment_calls(const struct cr_cell *cell) {
    return cell->elicitation == CR_ELICIT_SAMPLED ? cell->samples : 1;
}

struct cr_bounds cr_stop_bounds(const struct cr_cell *cell) {
    uint32_t max = cell->stop.max_iterations;
    return (struct cr_bounds){
        cell->stop_early ? cr_stop_iterations_min(&cell->stop) : max, max};
}

uint32_t cr_stop_prices_max(const struct cr_cell *cell) {
    return cell->stop.max_iterations + 1;
}

bool cr_ask_is_first(const struct cr_history *history, uint8_t trader) {
    for (uint32_t i = 0; i < history->events_len; i++) {
        const struct cr_event *event = &history->events[i];
        if (event->role == CR_ROLE_TRADER && event->trader == trader) {
            return false;
        }
    }
    return true;
}
