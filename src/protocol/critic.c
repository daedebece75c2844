// critic.c - a proposer answers and argues for it, a critic attacks what was said, a
// judge prices before the first round and after each (the oversight baseline of arXiv
// 2504.03731). The proposer is trader 0 and chooses its answer; the critic is trader 1.
#include "protocol/machine.h"

enum { SPEAKERS = 2 };

static struct cr_ask_spec speaker_ask(const struct cr_history *history,
                                      uint8_t number) {
    return (struct cr_ask_spec){
        .role = CR_ROLE_TRADER,
        .trader = number,
        .ask = CR_ASK_ARGUMENT,
        .samples = 1,
        .system = number == 0 ? CR_T_PROPOSER_SYSTEM : CR_T_CRITIC_SYSTEM,
        .user =
            cr_ask_is_first(history, number) ? CR_T_DEBATE_OPENING : CR_T_DEBATE_UPDATE,
        .goal = number == 0 ? CR_T_STANCE_PROPOSER : CR_T_STANCE_CRITIC,
        .seen_argument = CR_T_CRITIC_SEEN_ARGUMENT,
    };
}

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    if (history->prices_len > cell->rounds) {
        move->end = CR_ENDED_COMPLETE;
    } else if (history->prices_len == 0 || history->arguments_len == SPEAKERS) {
        struct cr_ask_spec ask = cr_ask_maker(
            cell, CR_T_CRITIC_JUDGE_SYSTEM,
            history->prices_len == 0 ? CR_T_MAKER_OPENING : CR_T_JUDGE_UPDATE);
        ask.each_argument = CR_T_CRITIC_ARGUMENT;
        ask.is_listed = true;
        move->asks[move->asks_len++] = ask;
    } else { // the critic answers what was just proposed, so never at once
        move->asks[move->asks_len++] =
            speaker_ask(history, (uint8_t)history->arguments_len);
    }
}

static enum cr_status check(const struct cr_cell *cell, enum cr_space space,
                            struct cr_err *err) {
    (void)space;
    return cr_ask_check_rounds(cell, SPEAKERS, err);
}

static uint32_t prices_max(const struct cr_cell *cell) {
    return cell->rounds + 1;
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    uint64_t judgment = cr_ask_judgment_calls(cell), rounds = cell->rounds;
    uint64_t calls = judgment + rounds * (SPEAKERS + judgment);
    return (struct cr_bounds){calls, calls};
}

const struct cr_protocol cr_protocol_critic = {
    .name = "critic",
    .summary =
        "a proposer answers, a critic attacks it, a judge prices after each round",
    .has_traders = true,
    .needs_all_sides = true,
    .prices_max = prices_max,
    .calls = calls,
    .check = check,
    .next = next,
};
