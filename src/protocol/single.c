// single.c - one judgment: the market's opening and nothing else.
#include "protocol/machine.h"

static void next(const struct cr_history *history, struct cr_move *move) {
    if (history->prices_len > 0) {
        move->end = CR_ENDED_COMPLETE;
        return;
    }
    move->asks[move->asks_len++] =
        cr_ask_maker(history->cfg->cell, CR_T_MAKER_SYSTEM, CR_T_MAKER_OPENING);
}

static uint32_t prices_max(const struct cr_cell *cell) {
    (void)cell;
    return 1;
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    uint64_t calls = cr_ask_judgment_calls(cell);
    return (struct cr_bounds){calls, calls};
}

const struct cr_protocol cr_protocol_single = {
    .name = "single",
    .summary = "one judgment, no market",
    .prices_max = prices_max,
    .calls = calls,
    .next = next,
};
