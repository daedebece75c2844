// self_consistency.c - k judgments sampled from the same opening, all at once; price t
// is the mean of the first t + 1. A single judgment p of sample t is therefore (t + 1)
// price[t] - t price[t - 1], which is what a majority vote is counted from.
#include "protocol/machine.h"

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    if (history->prices_len > 0) {
        move->end = CR_ENDED_COMPLETE;
        return;
    }
    struct cr_ask_spec ask = cr_ask_maker(cell, CR_T_MAKER_SYSTEM, CR_T_MAKER_OPENING);
    ask.samples = (uint16_t)cell->samples;
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
    return (struct cr_bounds){cell->samples, cell->samples};
}

const struct cr_protocol cr_protocol_self_consistency = {
    .name = "self_consistency",
    .summary = "k sampled judgments, averaged; the mean after each is the trajectory",
    .prices_max = prices_max,
    .calls = calls,
    .check = check,
    .next = next,
};
