// consultancy.c - one consultant defends one side for a fixed number of rounds; a judge
// prices before the first and after each. What oversight is worth when nobody answers the
// one who argues: the baseline of a debate (arXiv 2407.04622).
//
// The side is drawn by the opening's key, so over many items each side is defended about
// as often, whichever is true; each second replicate defends the other one.
#include "credence/base/hash.h"
#include "protocol/machine.h"

enum { SIDE_SALT = 0xc057 };

static struct cr_ask_spec consultant_ask(const struct cr_history *history) {
    const struct cr_episode_cfg *cfg = history->cfg;
    uint64_t drawn =
        cr_hash_mix(cr_hash_mix(cfg->job_seed, cfg->proposition->key), SIDE_SALT);
    int side = (int)((drawn ^ cfg->replicate) & 1);
    return (struct cr_ask_spec){
        .role = CR_ROLE_TRADER,
        .ask = CR_ASK_ARGUMENT,
        .samples = 1,
        .system = CR_T_CONSULTANT_SYSTEM,
        .user = cr_ask_is_first(history, 0) ? CR_T_DEBATE_OPENING : CR_T_DEBATE_UPDATE,
        .goal = CR_T_STANCE_SIDE,
        .target = history->space->side(history->form, history->opening, side),
        .seen_argument = CR_T_DEBATE_SEEN_ARGUMENT,
    };
}

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    if (history->prices_len > cell->rounds) {
        move->end = CR_ENDED_COMPLETE;
    } else if (history->prices_len == 0 || history->arguments_len > 0) {
        struct cr_ask_spec ask = cr_ask_maker(
            cell, CR_T_CONSULTANCY_JUDGE_SYSTEM,
            history->prices_len == 0 ? CR_T_MAKER_OPENING : CR_T_JUDGE_UPDATE);
        ask.each_argument = CR_T_JUDGE_ARGUMENT;
        ask.is_listed = true;
        move->asks[move->asks_len++] = ask;
    } else {
        move->asks[move->asks_len++] = consultant_ask(history);
    }
}

static enum cr_status check(const struct cr_cell *cell, enum cr_space space,
                            struct cr_err *err) {
    (void)space;
    return cr_ask_check_rounds(cell, 1, err);
}

static uint32_t prices_max(const struct cr_cell *cell) {
    return cell->rounds + 1;
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    uint64_t judgment = cr_ask_judgment_calls(cell), rounds = cell->rounds;
    uint64_t calls = judgment + rounds * (1 + judgment);
    return (struct cr_bounds){calls, calls};
}

const struct cr_protocol cr_protocol_consultancy = {
    .name = "consultancy",
    .summary = "one consultant defends a side drawn by seed, a judge prices each round",
    .has_traders = true,
    .needs_all_sides = true,
    .prices_max = prices_max,
    .calls = calls,
    .check = check,
    .next = next,
};
