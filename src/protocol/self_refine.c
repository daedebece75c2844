// self_refine.c - the market without a trader: the maker criticises itself instead. The
// control that tells whether the trader earns its cost.
#include "protocol/machine.h"

static void next(const struct cr_history *history, struct cr_move *move) {
    if (history->is_stopped) {
        move->end = history->ended;
        return;
    }
    move->asks[move->asks_len++] = cr_ask_maker(
        history->cfg->cell, CR_T_REFINER_SYSTEM,
        history->prices_len == 0 ? CR_T_MAKER_OPENING : CR_T_REFINER_UPDATE);
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    struct cr_bounds iterations = cr_stop_bounds(cell);
    uint64_t judgment = cr_ask_judgment_calls(cell);
    return (struct cr_bounds){judgment * (1 + iterations.min),
                              judgment * (1 + iterations.max)};
}

const struct cr_protocol cr_protocol_self_refine = {
    .name = "self_refine",
    .summary = "the market without a trader: the maker revises its own judgment",
    .has_stop_rule = true,
    .prices_max = cr_stop_prices_max,
    .calls = calls,
    .next = next,
};
