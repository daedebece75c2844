// self_consistency.c - k judgments sampled from the same opening, all at once; price t
// is the mean of the first t + 1. A single judgment p of sample t is therefore (t + 1)
// price[t] - t price[t - 1], which is what a majority vote is counted from.
#include "credence/protocol/stop.h"
#include "protocol/machine.h"

// Whether every rule of the trajectory may stop it early: then samples are asked one by
// one. They are the same ones, with the same seeds, as when all are asked at once.
static bool is_sequential(const struct cr_history *history) {
    bool is_test = history->cfg->cell->stop_early;
    for (uint32_t i = 0; i < history->cfg->stops_len; i++) {
        is_test = is_test && history->cfg->stops[i].rule == CR_STOP_SPRT;
    }
    return is_test;
}

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    uint32_t asked = history->samples_asked;
    if (history->is_stopped) {
        move->end = history->ended;
        return;
    }
    if (asked >= cell->samples) {
        move->end = CR_ENDED_COMPLETE;
        return;
    }
    bool is_one = is_sequential(history);
    struct cr_ask_spec ask = cr_ask_maker(cell, CR_T_MAKER_SYSTEM, CR_T_MAKER_OPENING);
    ask.first_sample = (uint16_t)asked;
    ask.samples = (uint16_t)(is_one ? 1 : cell->samples);
    ask.may_miss = is_one && (asked + 1 < cell->samples || history->prices_len > 0);
    ask.is_running = true;
    move->asks[move->asks_len++] = ask;
}

static enum cr_status check(const struct cr_cell *cell, enum cr_space space,
                            struct cr_err *err) {
    (void)space;
    if (cell->elicitation != CR_ELICIT_VERBAL) {
        return cr_err_set(
            err, CR_E_JOB,
            "self_consistency samples whole judgments, so elicitation must "
            "be \"verbal\"; for votes use \"single\" with \"sampled\"");
    }
    return CR_OK;
}

static uint32_t prices_max(const struct cr_cell *cell) {
    return cell->samples;
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    uint64_t least = cell->samples;
    if (cell->stop.rule == CR_STOP_SPRT && cell->stop_early) {
        uint64_t lead = cr_stop_sprt_lead(cell->stop.threshold);
        least = lead < least ? lead : least;
    }
    return (struct cr_bounds){least, cell->samples};
}

const struct cr_protocol cr_protocol_self_consistency = {
    .name = "self_consistency",
    .summary = "k sampled judgments, averaged; the mean after each is the trajectory",
    .has_votes = true,
    .prices_max = prices_max,
    .calls = calls,
    .check = check,
    .next = next,
};
