// room.h - what the traders of an LMSR room own.
//
// Layer    protocol (2): pure
// Threads  no shared state
// MPI      none
//
// Money is in wallets: what a trader begins with. Trader k makes the trades t with
// (t - 1) mod traders = k, and each changes what it owns under outcome i by
// b ln(p_t,i / p_(t-1),i) (src/protocol/cost_function.h).
#ifndef CREDENCE_PROTOCOL_ROOM_H
#define CREDENCE_PROTOCOL_ROOM_H

#include <stdint.h>

#include "credence/core/cell.h"
#include "credence/core/trajectory.h"

// What TRADER of CELL begins with: 1, or the adversary's wallets.
double cr_room_wallet(const struct cr_cell *cell, uint32_t trader);

// Prices [prices_len][width], options in the file's order; width 1: P(true). Borrowed.
struct cr_room_path {
    const double *price;
    uint32_t prices_len, width;
};

// What TRADER owns after PATH, were outcome i to come true: WEALTH [width], or of a claim
// [2] = {false, true}.
void cr_room_wealth(const struct cr_cell *cell, uint32_t trader,
                    struct cr_room_path path, double *wealth);

// How TRADER ends after PATH when outcome LABEL (0 or 1 of a claim) is the truth.
struct cr_trader_end cr_room_settle(const struct cr_cell *cell, uint32_t trader,
                                    struct cr_room_path path, uint32_t label);

#endif
