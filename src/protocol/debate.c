// debate.c - two sides argue opposite positions for a fixed number of rounds; a judge
// prices before the first and after each.
//
// The judge's opening says what the sides are: true and false; the two options it finds
// likeliest; more and less than its median. Side 0 speaks first, and each second
// replicate gives it the other position, so that over two replicates order cancels.
// In turn, side 1 knows what side 0 just said; at once, both know the rounds before.
#include "protocol/machine.h"

enum { SIDES = 2 };

static struct cr_ask_spec side_ask(const struct cr_history *history, uint8_t number) {
    int position = number ^ (int)(history->cfg->replicate & 1);
    return (struct cr_ask_spec){
        .role = CR_ROLE_TRADER,
        .trader = number,
        .ask = CR_ASK_ARGUMENT,
        .samples = 1,
        .system = CR_T_DEBATE_SYSTEM,
        .user =
            cr_ask_is_first(history, number) ? CR_T_DEBATE_OPENING : CR_T_DEBATE_UPDATE,
        .goal = CR_T_STANCE_SIDE,
        .target = history->space->side(history->form, history->opening, position),
        .seen_argument = CR_T_DEBATE_SEEN_ARGUMENT,
    };
}

static struct cr_ask_spec judge_ask(const struct cr_history *history) {
    struct cr_ask_spec ask =
        cr_ask_maker(history->cfg->cell, CR_T_JUDGE_SYSTEM,
                     history->prices_len == 0 ? CR_T_MAKER_OPENING : CR_T_JUDGE_UPDATE);
    ask.each_argument = CR_T_JUDGE_ARGUMENT;
    ask.is_listed = true;
    return ask;
}

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    uint32_t spoken = history->arguments_len;
    if (history->prices_len > cell->rounds) {
        move->end = CR_ENDED_COMPLETE;
    } else if (history->prices_len == 0 || spoken == SIDES) {
        move->asks[move->asks_len++] = judge_ask(history);
    } else {
        uint32_t until = cell->order == CR_ORDER_TURN ? spoken + 1 : SIDES;
        for (uint32_t i = spoken; i < until; i++) {
            move->asks[move->asks_len++] = side_ask(history, (uint8_t)i);
        }
    }
}

static enum cr_status check(const struct cr_cell *cell, enum cr_space space,
                            struct cr_err *err) {
    (void)space;
    return cr_ask_check_rounds(cell, SIDES, err);
}

static uint32_t prices_max(const struct cr_cell *cell) {
    return cell->rounds + 1;
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    uint64_t judgment = cr_ask_judgment_calls(cell), rounds = cell->rounds;
    uint64_t calls = judgment + rounds * (SIDES + judgment);
    return (struct cr_bounds){calls, calls};
}

const struct cr_protocol cr_protocol_debate = {
    .name = "debate",
    .summary = "two sides argue opposite positions, a judge prices after each round",
    .has_traders = true,
    .needs_all_sides = true,
    .prices_max = prices_max,
    .calls = calls,
    .check = check,
    .next = next,
};
