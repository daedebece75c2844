// cost_function.h - a market maker that quotes by a cost function: the logarithmic market
// scoring rule.
//
// Layer    protocol (2): pure
// Threads  no shared state
// MPI      none
//
// A share of outcome i pays 1 if i comes true. With shares q_i sold and liquidity b the
// maker has taken in C(q) = b ln sum_i exp(q_i / b), and the price of i is its
// derivative, exp(q_i / b) / sum_j exp(q_j / b) (Hanson, Combinatorial Information Market
// Design, 2003). A bundle costs the difference in C, so what a trader pays depends on
// where prices began and ended, not on the way.
//
// Buying one share of every outcome costs exactly 1 and changes nothing, so q is kept in
// the form in which C(q) = 0: q_i = b ln p_i. In that form a trade that moves prices from
// p to p' costs nothing and pays b ln(p'_i / p_i), which may be negative, if i comes true;
// and all that the maker can lose is -b ln min_i p0_i, which is b ln n for an even opening.
//
// Money, shares and b have one unit, which is the caller's choice.
#ifndef CR_PROTOCOL_COST_FUNCTION_H
#define CR_PROTOCOL_COST_FUNCTION_H

#include <stdint.h>

#include "credence/core/proposition.h"

// Beliefs are kept this far off 0, and so off 1: a trader who is certain would
// otherwise move a price to where no money brings it back.
#define CR_LMSR_BELIEF_MIN 1e-6

struct cr_lmsr {
    double liquidity;                 // b > 0
    uint32_t len;                     // outcomes, 2 to CR_OPTIONS_MAX
    double log_price[CR_OPTIONS_MAX]; // q_i / b
};

// Open MARKET at PRIOR [len], which sums to 1 and is above 0; NULL: all outcomes alike.
void cr_lmsr_open(struct cr_lmsr *market, double liquidity, uint32_t len,
                  const double *prior);

// The prices, into PRICE [len]; they sum to 1.
void cr_lmsr_price(const struct cr_lmsr *market, double *price);

// The most that a maker which opens as MARKET stands can lose, whatever is traded and
// whatever comes true: -b ln min_i p_i.
double cr_lmsr_loss_max(const struct cr_lmsr *market);

// What SHARES [len] (negative: sold to the maker) cost now.
double cr_lmsr_cost(const struct cr_lmsr *market, const double *shares);

// The trades below say what to buy, into SHARES [len]; each of them costs 0. BELIEF [len]
// sums to 1 and is kept CR_LMSR_BELIEF_MIN off 0. WEALTH [len] is what the trader would
// own in the end, were each outcome to come true, before the trade; none is negative, and
// none is after it.

// Move the prices to TARGET [len], each above 0, whatever that may lose: what a trader
// who is indifferent to risk and has no limit does with its belief.
void cr_lmsr_move(const struct cr_lmsr *market, const double *target, double *shares);

// Go towards BELIEF, by p_i^(1-x) belief_i^x normalised, as far (x at most 1) as loses no
// more than STAKE >= 0 and no more than WEALTH, whatever comes true.
void cr_lmsr_bet(const struct cr_lmsr *market, const double *belief, double stake,
                 const double *wealth, double *shares);

// What maximises the expectation under BELIEF of the logarithm of the wealth in the end
// (Kelly 1956), prices moving under the trader's own hands as the cost function says.
// A trader that owns nothing under some outcome (WEALTH 0) may still be given a trade
// that gains there.
void cr_lmsr_kelly(const struct cr_lmsr *market, const double *belief,
                   const double *wealth, double *shares);

// Buy SHARES: prices move, and WEALTH [len] changes by what they pay less what they cost.
void cr_lmsr_buy(struct cr_lmsr *market, const double *shares, double *wealth);

#endif
