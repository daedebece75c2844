// table.c - the protocols there are, and what holds for all of them.
#include <string.h>

#include "credence/stop.h"
#include "protocol/machine.h"

extern const struct cr_protocol cr_protocol_market, cr_protocol_single;

const struct cr_protocol *const cr_protocol_table[] = {
    &cr_protocol_market,
    &cr_protocol_single,
    NULL,
};

size_t cr_protocol_count(void) {
    return sizeof cr_protocol_table / sizeof *cr_protocol_table - 1;
}

const char *cr_protocol_name(uint32_t protocol) {
    return cr_protocol_table[protocol]->name;
}

const char *cr_protocol_summary(uint32_t protocol) {
    return cr_protocol_table[protocol]->summary;
}

int cr_protocol_find(const char *name) {
    for (int i = 0; cr_protocol_table[i]; i++) {
        if (strcmp(cr_protocol_table[i]->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

bool cr_protocol_has_stop_rule(uint32_t protocol) {
    return cr_protocol_table[protocol]->has_stop_rule;
}

uint32_t cr_protocol_prices_max(const struct cr_cell *cell) {
    return cr_protocol_table[cell->protocol]->prices_max(cell);
}

struct cr_bounds cr_protocol_calls(const struct cr_cell *cell) {
    return cr_protocol_table[cell->protocol]->calls(cell);
}

enum cr_status cr_protocol_check(const struct cr_cell *cell, enum cr_space space,
                                 struct cr_err *err) {
    const struct cr_protocol *protocol = cr_protocol_table[cell->protocol];
    const struct cr_space_row *row = cr_space_table[space];
    const char *space_name = cr_space_names[space];
    if (!(row->elicitations & (1u << cell->elicitation))) {
        return cr_err_set(err, CR_E_JOB,
                          "elicitation \"%s\" asks for a yes or a choice, and the "
                          "propositions are %s",
                          cr_elicitation_names[cell->elicitation], space_name);
    }
    if (protocol->has_stop_rule && !(row->stop_rules & (1u << cell->stop.rule))) {
        return cr_err_set(err, CR_E_JOB,
                          "stop rule \"%s\" makes no sense for %s prices",
                          cr_stop_rule_names[cell->stop.rule], space_name);
    }
    if (!protocol->has_traders && cell->stance != CR_STANCE_FREE) {
        return cr_err_set(err, CR_E_JOB,
                          "protocol \"%s\" has no trader to take the stance \"%s\"",
                          protocol->name, cr_stance_names[cell->stance]);
    }
    if (protocol->has_traders && !(row->stances & (1u << cell->stance))) {
        return cr_err_set(err, CR_E_JOB, "stance \"%s\" has no meaning for %s prices",
                          cr_stance_names[cell->stance], space_name);
    }
    return protocol->check ? protocol->check(cell, space, err) : CR_OK;
}

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
    };
    enum cr_stance stance = history->setting->cell->stance;
    ask->goal = goals[stance];
    if (stance == CR_STANCE_CONTRARY) {
        ask->target = history->space->contrary(history->form, history->price);
    } else if (stance == CR_STANCE_TRUTHFUL || stance == CR_STANCE_ADVERSARIAL) {
        ask->target =
            history->space->truth(history->setting->proposition, history->shown);
    }
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
