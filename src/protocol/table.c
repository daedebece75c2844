// table.c - the protocols there are, and what holds for all of them.
#include <string.h>

#include "protocol/machine.h"

// One line a protocol: its file, and its name to the linker.
#define PROTOCOLS(P)                                                                   \
    P(market)                                                                          \
    P(single)                                                                          \
    P(self_consistency)                                                                \
    P(self_refine)                                                                     \
    P(debate)                                                                          \
    P(consultancy)                                                                     \
    P(critic)                                                                          \
    P(lmsr)

#define DECLARE(name) extern const struct cr_protocol cr_protocol_##name;
#define ADDRESS(name) &cr_protocol_##name,

PROTOCOLS(DECLARE)
const struct cr_protocol *const cr_protocol_table[] = {PROTOCOLS(ADDRESS) NULL};

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
    for (int i = 0; cr_protocol_table[i] != NULL; i++) {
        if (strcmp(cr_protocol_table[i]->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

bool cr_protocol_has_stop_rule(uint32_t protocol) {
    return cr_protocol_table[protocol]->has_stop_rule;
}

bool cr_protocol_takes_rule(uint32_t protocol, enum cr_stop_rule rule) {
    const struct cr_protocol *p = cr_protocol_table[protocol];
    return rule == CR_STOP_SPRT ? p->has_votes : p->has_stop_rule;
}

bool cr_protocol_has_traders(uint32_t protocol) {
    return cr_protocol_table[protocol]->has_traders;
}

bool cr_protocol_is_room(uint32_t protocol) {
    return cr_protocol_table[protocol]->price != NULL;
}

uint32_t cr_protocol_prices_max(const struct cr_cell *cell) {
    return cr_protocol_table[cell->protocol]->prices_max(cell);
}

struct cr_bounds cr_protocol_calls(const struct cr_cell *cell) {
    const struct cr_protocol *protocol = cr_protocol_table[cell->protocol];
    struct cr_bounds bounds = protocol->calls(cell);
    if (cell->held == CR_HELD_NONE) {
        return bounds;
    }
    // One reading beside every judgment, and where somebody argues, from t = 1 on, one
    // without arguments, and the judgment without them.
    uint64_t most = protocol->prices_max(cell);
    uint64_t least = protocol->has_stop_rule ? cr_stop_bounds(cell).min + 1 : most;
    uint64_t idle = cell->held == CR_HELD_BOTH ? 1 + cr_ask_judgment_calls(cell) : 1;
    uint64_t each = protocol->has_traders ? 1 + idle : 1;
    return (struct cr_bounds){bounds.min + 1 + each * (least - 1),
                              bounds.max + 1 + each * (most - 1)};
}

static enum cr_status check_rule(const struct cr_cell *cell,
                                 const struct cr_space_row *row, const char *space_name,
                                 struct cr_err *err) {
    const struct cr_protocol *protocol = cr_protocol_table[cell->protocol];
    const struct cr_stop *stop = &cell->stop;
    if (stop->rule == CR_STOP_SPRT && !protocol->has_votes) {
        return cr_err_set(
            err, CR_E_JOB,
            "stop rule \"sprt\" counts votes, and protocol \"%s\" has none; "
            "expected self_consistency",
            protocol->name);
    }
    if (stop->rule == CR_STOP_SPRT && !(stop->threshold > 0 && stop->threshold < 0.5)) {
        return cr_err_set(
            err, CR_E_JOB,
            "stop.threshold of rule \"sprt\" is its probability of error, "
            "expected above 0 and below 0.5, found %g",
            stop->threshold);
    }
    if (protocol->has_stop_rule && !(row->stop_rules & (1u << stop->rule))) {
        return cr_err_set(err, CR_E_JOB,
                          "stop rule \"%s\" makes no sense for %s prices",
                          cr_stop_rule_names[stop->rule], space_name);
    }
    if (protocol->has_stop_rule && stop->rule == CR_STOP_CONFIDENCE &&
        stop->threshold <= 0.5) {
        return cr_err_set(
            err, CR_E_JOB,
            "stop.threshold of rule \"confidence\" is the price to reach, "
            "expected above 0.5, found %g",
            stop->threshold);
    }
    return CR_OK;
}

static enum cr_status check_held(const struct cr_cell *cell, enum cr_space space,
                                 struct cr_err *err) {
    if (cell->held == CR_HELD_NONE) {
        return CR_OK;
    }
    if (space != CR_SPACE_BINARY) {
        return cr_err_set(
            err, CR_E_JOB,
            "held \"%s\" reads a yes or a no, and the propositions are %s",
            cr_held_names[cell->held], cr_space_names[space]);
    }
    if (cell->elicitation == CR_ELICIT_LOGPROB ||
        cr_protocol_table[cell->protocol]->has_votes) {
        return cr_err_set(
            err, CR_E_JOB,
            "held \"%s\" stands beside prices that are said one by one, "
            "expected elicitation \"verbal\" or \"sampled\" and a protocol "
            "other than self_consistency",
            cr_held_names[cell->held]);
    }
    return CR_OK;
}

enum cr_status cr_protocol_check(const struct cr_cell *cell, enum cr_space space,
                                 struct cr_err *err) {
    const struct cr_protocol *protocol = cr_protocol_table[cell->protocol];
    const struct cr_space_row *row = cr_space_table[space];
    const char *space_name = cr_space_names[space];
    if (protocol->has_traders && cell->traders_len == 0) {
        return cr_err_set(err, CR_E_JOB, "protocol \"%s\" needs a trader",
                          protocol->name);
    }
    if (cell->samples == 0 || cell->samples > CR_SAMPLES_MAX) {
        return cr_err_set(err, CR_E_JOB, "samples is %u, not 1 to %d",
                          (unsigned)cell->samples, (int)CR_SAMPLES_MAX);
    }
    if (!(row->elicitations & (1u << cell->elicitation))) {
        return cr_err_set(err, CR_E_JOB,
                          "elicitation \"%s\" asks for a yes or a choice, and the "
                          "propositions are %s",
                          cr_elicitation_names[cell->elicitation], space_name);
    }
    enum cr_status status = check_rule(cell, row, space_name, err);
    if (status == CR_OK) {
        status = check_held(cell, space, err);
    }
    if (status != CR_OK) {
        return status;
    }
    if (!protocol->has_traders && cell->stance != CR_STANCE_FREE) {
        return cr_err_set(err, CR_E_JOB,
                          "protocol \"%s\" has no trader to take the stance \"%s\"",
                          protocol->name, cr_stance_names[cell->stance]);
    }
    bool is_placebo = cell->stance >= CR_STANCE_UNRELATED;
    if (is_placebo && !protocol->has_placebos) {
        return cr_err_set(
            err, CR_E_JOB,
            "stance \"%s\" is a placebo of the market, and protocol \"%s\" "
            "has none",
            cr_stance_names[cell->stance], protocol->name);
    }
    if (protocol->has_traders && !(row->stances & (1u << cell->stance))) {
        return cr_err_set(err, CR_E_JOB, "stance \"%s\" has no meaning for %s prices",
                          cr_stance_names[cell->stance], space_name);
    }
    return protocol->check != NULL ? protocol->check(cell, space, err) : CR_OK;
}
