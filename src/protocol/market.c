// market.c - the market: the maker prices, a trader argues, the maker prices again.
//
// Several traders: in turn, iteration t is trader (t - 1) mod n and one new judgment;
// at once, all argue from the same judgment and the maker sees all their arguments.
#include "protocol/machine.h"

static struct cr_ask_spec trader_ask(const struct cr_history *history, uint8_t trader) {
    struct cr_ask_spec ask = {.role = CR_ROLE_TRADER,
                              .trader = trader,
                              .ask = CR_ASK_ARGUMENT,
                              .samples = 1,
                              .system = CR_T_TRADER_SYSTEM,
                              .user = cr_ask_is_first(history, trader)
                                          ? CR_T_TRADER_OPENING
                                          : CR_T_TRADER_UPDATE,
                              .seen_argument = CR_T_TRADER_SEEN_ARGUMENT,
                              .seen_judgment = CR_T_TRADER_SEEN_JUDGMENT,
                              .sees_judgments = true};
    cr_ask_stance(history, &ask);
    if (ask.placebo == CR_STANCE_UNRELATED) {
        ask.user = CR_T_TRADER_UNRELATED;
    }
    return ask;
}

static void ask_traders(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    if (cell->order == CR_ORDER_TURN) {
        uint32_t turn = (history->prices_len - 1) % cell->traders_len;
        move->asks[move->asks_len++] = trader_ask(history, (uint8_t)turn);
        return;
    }
    for (uint32_t i = 0; i < cell->traders_len; i++) {
        move->asks[move->asks_len++] = trader_ask(history, (uint8_t)i);
    }
}

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    if (history->prices_len == 0) {
        move->asks[move->asks_len++] =
            cr_ask_maker(cell, CR_T_MAKER_SYSTEM, CR_T_MAKER_OPENING);
    } else if (history->is_stopped) {
        move->end = history->ended;
    } else if (history->arguments_len == 0) {
        ask_traders(history, move);
    } else {
        move->asks[move->asks_len++] =
            cr_ask_maker(cell, CR_T_MAKER_SYSTEM, CR_T_MAKER_UPDATE);
    }
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    struct cr_bounds iterations = cr_stop_bounds(cell);
    uint64_t judgment = cr_ask_judgment_calls(cell);
    bool is_silent = cell->stance == CR_STANCE_ECHO || cell->stance == CR_STANCE_FILLER;
    uint64_t traders = cell->order == CR_ORDER_TURN ? 1 : cell->traders_len;
    uint64_t round = judgment + (is_silent ? 0 : traders);
    return (struct cr_bounds){judgment + iterations.min * round,
                              judgment + iterations.max * round};
}

const struct cr_protocol cr_protocol_market = {
    .name = "market",
    .summary = "a maker prices, traders argue, until the price is in equilibrium",
    .has_stop_rule = true,
    .has_traders = true,
    .has_placebos = true,
    .prices_max = cr_stop_prices_max,
    .calls = calls,
    .next = next,
};
