// settling.h - how far arguments move a maker, how much of a price is noise, and how many
// equilibria that noise alone would make. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// The formulas are those of src/protocol/EQUILIBRIUM.md, by their numbers there. For a
// binary price p_t and an argument for the side s (0 or 1), d_t = |s - p_t|:
//   k      = - sum of d_t (d_(t+1) - d_t) / sum of d_t^2, over moves whose argument
//            declared a direction: the share of the way that the price goes, times how
//            often it listens
//   sigma  the standard deviation of the openings of a proposition over its replicates;
//            without replicates that of what (1 - k) d_t leaves of d_(t+1) (of
//            p_(t+1) - p_t where nobody argued), which is sigma for slips that stay and
//            sqrt(1 + (1 - k)^2) sigma for slips that do not; moves up to t = w - 1, for
//            those that go on are the ones that moved much
//   predicted by (5) and (6): how often w prices of noise alone lie within T
//   observed: the share of done markets that stopped at t = w - 1
// A slip that does not stay makes k too large by about sigma^2 / mean of d_t^2.
#ifndef CREDENCE_STATS_SETTLING_H
#define CREDENCE_STATS_SETTLING_H

#include <stddef.h>
#include <stdint.h>

#include "credence/stats/inference.h"
#include "credence/stats/score.h"

struct cr_settling { // the accumulator; zeroed at first
    struct cr_ratio_sums share, early;
    double moves;
    // Of d_t and d_(t+1), and of p_(t+1) - p_t, before the rule can stop.
    double early_moves, square, cross, next_square, silent_moves, silent_square;
    double noise_square;
    uint64_t noise_dof, markets;
};
// All markets of one question, those of a proposition next to one another. WINDOW: w of
// the range rule.
void cr_settling_add(struct cr_settling *sums, const struct cr_market *market,
                     size_t len, uint32_t window);

struct cr_settling_result {
    uint64_t markets, moves; // done binary ones; their moves with a direction
    double share;            // k; NaN without moves
    struct cr_interval share_interval;
    double noise;           // sigma, for slips that stay; NaN: not known
    const char *noise_from; // "replicates", "moves" or "": what it was taken from
    double observed;        // share that stopped at t = w - 1
    struct cr_interval observed_interval;
    double predicted_stays;  // (5); NaN for w above 3, which it is not made for
    double predicted_passes; // (6)
    // (3): how far from its fixed point a price can be that the rule stops after it had
    // to wait, at most 1; NaN unless 0 < k < 1.
    double bound;
};
void cr_settling_finish(const struct cr_settling *sums, uint32_t window,
                        double threshold, double level, struct cr_settling_result *out);

// (5) for w = 2 and 3, else NaN, and (6) for w >= 2; r = T / sigma >= 0.
double cr_settling_stays(double r, uint32_t window);
double cr_settling_passes(double r, uint32_t window);

#endif
