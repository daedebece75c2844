// stop.h - stop rules: when a market has reached its equilibrium. Pure.
//
// Layer    protocol (2); used by the engine and by the analysis
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_PROTOCOL_STOP_H
#define CREDENCE_PROTOCOL_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/core/cell.h"
#include "credence/core/trajectory.h"

// 0.9, 0.8, 0.7 is an equilibrium at T = 0.2 although the doubles say
// 0.20000000000000007.
#define CR_STOP_EPSILON 1e-9

// Whether RULE stops a market whose judgments so far are PRICE [prices_len][width]: the
// rule fired at the last judgment, or max_iterations is reached. *reason says which;
// untouched when false. A caller asks after each judgment. PRICE begins at t = 0.
bool cr_stop_now(const struct cr_stop *rule, const double *price, uint32_t prices_len,
                 uint32_t width, enum cr_stop_reason *reason);

// The share of votes that sprt takes the better answer to get, and the lead in votes at
// which it stops for a probability ERROR of naming the other one (Wald 1945; for votes of
// a language model, arXiv 2503.17587).
#define CR_STOP_SPRT_SHARE 0.7
uint32_t cr_stop_sprt_lead(double error);

// The fewest iterations after which RULE can stop a market.
uint32_t cr_stop_iterations_min(const struct cr_stop *rule);

// A cell's view of a trajectory: what a market under RULE would have stored.
struct cr_view {
    enum cr_episode_status status;
    enum cr_stop_reason ended;
    uint32_t prices_len; // judgments the view keeps, from t = 0
};

// CR_PENDING when the trajectory ended before RULE could (only for a rule that the
// trajectory was not run for); invalid and failed when it ended so before RULE fired.
struct cr_view cr_stop_view(const struct cr_stop *rule,
                            const struct cr_trajectory *trajectory);

#endif
