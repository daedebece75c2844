// lmsr.c - a room of traders and an automaton that prices by the logarithmic market
// scoring rule (cost_function.h).
//
// Each trader first notes down a belief of its own, before it sees a price or an
// argument: the static pool of these is what the room has to beat. The room opens at its
// prior; then, in turn, each trader sees the price and the reasons that the others gave,
// names its belief, and its bet moves the price. Price t is the one after trade t.
//
// What a trader owns is a function of the prices before and after its own trades, b times
// the logarithm of their ratio for each outcome, so nothing is kept but the path.
#include <math.h>
#include <string.h>

#include "credence/protocol/room.h"
#include "protocol/cost_function.h"
#include "protocol/machine.h"

static struct cr_target truth_of(const struct cr_history *history) {
    return history->space->truth(history->cfg->proposition, history->shown);
}

static struct cr_ask_spec trader_ask(const struct cr_history *history, uint8_t trader) {
    const struct cr_cell *cell = history->cfg->cell;
    bool is_private = history->prices_len == 0;
    bool is_adversary =
        cell->room.adversary > 0 && trader + 1u == cell->traders_len && !is_private;
    bool names_stake = cell->room.sizing == CR_SIZING_STAKE && !is_private;
    return (struct cr_ask_spec){
        .role = CR_ROLE_TRADER,
        .trader = trader,
        .ask = names_stake ? CR_ASK_BET : CR_ASK_JUDGMENT,
        .samples = 1,
        .may_miss = !is_private, // who says nothing that can be read, passes
        .system = CR_T_ROOM_SYSTEM,
        .user = is_private ? CR_T_ROOM_OPENING : CR_T_ROOM_UPDATE,
        .goal = is_adversary ? CR_T_ROOM_ADVERSARY : CR_T_ROOM_HONEST,
        .target = is_adversary ? truth_of(history) : (struct cr_target){0},
        .seen_argument = CR_T_TRADER_SEEN_ARGUMENT,
        .is_belief = true,
    };
}

static void next(const struct cr_history *history, struct cr_move *move) {
    const struct cr_cell *cell = history->cfg->cell;
    uint32_t traders = cell->traders_len;
    if (history->prices_len == 0) {
        for (uint32_t i = 0; i < traders; i++) {
            move->asks[move->asks_len++] = trader_ask(history, (uint8_t)i);
        }
    } else if (history->prices_len > traders * cell->rounds) {
        move->end = CR_ENDED_COMPLETE;
    } else {
        uint32_t turn = (history->prices_len - 1) % traders;
        move->asks[move->asks_len++] = trader_ask(history, (uint8_t)turn);
    }
}

// Outcome prices of judgment T: {false, true}, or one an option.
static void outcomes_at(struct cr_room_path path, uint32_t t, double *out) {
    const double *price = path.price + (size_t)t * path.width;
    if (path.width > 1) {
        memcpy(out, price, path.width * sizeof *out);
        return;
    }
    out[0] = 1 - price[0];
    out[1] = price[0];
}

void cr_room_wealth(const struct cr_cell *cell, uint32_t trader,
                    struct cr_room_path path, double *wealth) {
    uint32_t width = path.width, len = width > 1 ? width : 2,
             traders = cell->traders_len;
    double before[CR_OPTIONS_MAX + 2], after[CR_OPTIONS_MAX + 2];
    for (uint32_t i = 0; i < len; i++) {
        wealth[i] = cr_room_wallet(cell, trader);
    }
    for (uint32_t t = trader + 1; t < path.prices_len; t += traders) {
        outcomes_at(path, t - 1, before);
        outcomes_at(path, t, after);
        for (uint32_t i = 0; i < len; i++) {
            wealth[i] += cell->room.liquidity * (log(after[i]) - log(before[i]));
        }
    }
}

double cr_room_wallet(const struct cr_cell *cell, uint32_t trader) {
    bool is_adversary = cell->room.adversary > 0 && trader + 1 == cell->traders_len;
    return is_adversary ? cell->room.adversary : 1;
}

// The most that trade T of PATH could lose.
static double stake_at(const struct cr_cell *cell, struct cr_room_path path,
                       uint32_t t) {
    uint32_t len = path.width > 1 ? path.width : 2;
    double before[CR_OPTIONS_MAX + 2], after[CR_OPTIONS_MAX + 2], most = 0;
    outcomes_at(path, t - 1, before);
    outcomes_at(path, t, after);
    for (uint32_t i = 0; i < len; i++) {
        most = fmax(most, cell->room.liquidity * (log(before[i]) - log(after[i])));
    }
    return most;
}

struct cr_trader_end cr_room_settle(const struct cr_cell *cell, uint32_t trader,
                                    struct cr_room_path path, uint32_t label) {
    struct cr_trader_end end = {.stake = 0};
    double wealth[CR_OPTIONS_MAX + 2];
    cr_room_wealth(cell, trader, path, wealth);
    for (uint32_t t = trader + 1; t < path.prices_len; t += cell->traders_len) {
        end.stake += stake_at(cell, path, t);
    }
    end.wealth = wealth[label];
    end.profit = end.wealth - cr_room_wallet(cell, trader);
    return end;
}

// The shares that who acted last, and owns WEALTH, buys for its BELIEF.
static void bet(const struct cr_lmsr *market, const struct cr_history *h,
                const double *belief, double *wealth, double *shares) {
    double stake = h->events[h->events_len - 1].stake, least = wealth[0],
           all[CR_OPTIONS_MAX + 2];
    for (uint32_t i = 0; i < market->len; i++) {
        wealth[i] = fmax(wealth[i], 0); // below it is rounding, or credit
        least = fmin(least, wealth[i]);
        all[i] = INFINITY;
    }
    switch (h->cfg->cell->room.sizing) {
    case CR_SIZING_STAKE:
        cr_lmsr_bet(market, belief, stake * least, wealth, shares);
        return;
    case CR_SIZING_BELIEF:
        cr_lmsr_bet(market, belief, INFINITY, all, shares);
        return;
    default:
        cr_lmsr_kelly(market, belief, wealth, shares);
    }
}

// BELIEF as shown, as outcomes in the file's order.
static void belief_of(const struct cr_history *h, const double *belief, uint32_t width,
                      double *out) {
    for (uint32_t i = 0; i < width && width > 1; i++) {
        out[h->shown[i]] = belief[i];
    }
    if (width == 1) {
        out[0] = 1 - belief[0];
        out[1] = belief[0];
    }
}

static void open_room(const struct cr_history *h, uint32_t width, double *out) {
    double prior = h->cfg->cell->room.prior;
    for (uint32_t i = 0; i < width; i++) {
        out[i] = width > 1 ? 1.0 / width : prior > 0 ? prior : 0.5;
    }
}

static void price(const struct cr_history *h, double *out) {
    uint32_t width = cr_proposition_prices(h->cfg->proposition);
    const struct cr_event *last =
        h->events_len > 0 ? &h->events[h->events_len - 1] : NULL;
    if (h->prices_len == 0) {
        open_room(h, width, out);
        return;
    }
    const double *now = h->path + (size_t)(h->prices_len - 1) * width;
    memcpy(out, now, width * sizeof *out);
    if (last == NULL || last->iteration != h->prices_len) {
        return; // nobody traded
    }
    const struct cr_cell *cell = h->cfg->cell;
    double quoted[CR_OPTIONS_MAX + 2], belief[CR_OPTIONS_MAX + 2],
        wealth[CR_OPTIONS_MAX + 2], shares[CR_OPTIONS_MAX + 2];
    struct cr_lmsr market;
    const struct cr_room_path path = {h->path, h->prices_len, width};
    outcomes_at(path, h->prices_len - 1, quoted);
    cr_lmsr_open(&market, cell->room.liquidity, width > 1 ? width : 2, quoted);
    belief_of(h, last->belief, width, belief);
    cr_room_wealth(cell, last->trader, path, wealth);
    bet(&market, h, belief, wealth, shares);
    cr_lmsr_buy(&market, shares, wealth);
    cr_lmsr_price(&market, quoted);
    memcpy(out, width > 1 ? quoted : quoted + 1, width * sizeof *out);
}

static enum cr_status check(const struct cr_cell *cell, enum cr_space space,
                            struct cr_err *err) {
    if (space == CR_SPACE_CONTINUOUS) {
        return cr_err_set(err, CR_E_JOB,
                          "protocol \"lmsr\" sells shares of outcomes, and the "
                          "propositions are %s; expected binary or categorical",
                          cr_space_names[space]);
    }
    if (space == CR_SPACE_CATEGORICAL && cell->room.prior > 0) {
        return cr_err_set(err, CR_E_JOB,
                          "room.prior is the price of a claim, and the propositions "
                          "have options: leave it out, all open alike");
    }
    if (!(cell->room.liquidity > 0)) {
        return cr_err_set(err, CR_E_JOB, "room.liquidity is %g, expected above 0",
                          cell->room.liquidity);
    }
    if (cell->traders_len < 2) {
        return cr_err_set(err, CR_E_JOB,
                          "protocol \"lmsr\" is a room, expected at least two traders: "
                          "\"trader\": [\"m\", \"m\"]");
    }
    if (cell->elicitation != CR_ELICIT_VERBAL || cell->held != CR_HELD_NONE) {
        return cr_err_set(
            err, CR_E_JOB,
            "the traders of protocol \"lmsr\" name their beliefs, expected "
            "elicitation \"verbal\" and held \"none\"");
    }
    return cr_ask_check_rounds(cell, CR_TRADERS_MAX, err);
}

static uint32_t prices_max(const struct cr_cell *cell) {
    return cell->traders_len * cell->rounds + 1;
}

static struct cr_bounds calls(const struct cr_cell *cell) {
    uint64_t calls = (uint64_t)cell->traders_len * (1 + cell->rounds);
    return (struct cr_bounds){calls, calls};
}

const struct cr_protocol cr_protocol_lmsr = {
    .name = "lmsr",
    .summary = "traders with wallets bet, in turn, against an automatic market maker",
    .has_traders = true,
    .prices_max = prices_max,
    .calls = calls,
    .check = check,
    .next = next,
    .price = price,
};
