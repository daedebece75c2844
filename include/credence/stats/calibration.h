// calibration.h - do prices mean what they say: Brier, log score, ECE. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_STATS_CALIBRATION_H
#define CREDENCE_STATS_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/score.h"

enum { CR_BINS_MAX = 50 };
// Prices are moved this far away from 0 and 1 before their logarithm is taken.
#define CR_LOG_CLIP 1e-6

struct cr_bin {
    uint64_t n;
    double price, share; // mean forecast, share that came true; NaN when empty
};

// Forecasts of events: binary: P(true) and the label; categorical: the largest price
// and the points of that choice.
struct cr_forecasts {
    double *price, *outcome;
    size_t len, cap;
    double brier_sum, log_sum; // over all options when categorical
    double product; // of prices on the truth whose logarithm is still to be taken
    uint32_t factors;
    double *scratch;
    size_t scratch_cap;
};
void cr_forecasts_clear(struct cr_forecasts *list); // keeps the storage
CR_MUST_CHECK enum cr_status
cr_forecasts_add(struct cr_forecasts *list, const struct cr_market *market, uint32_t t);
void cr_forecasts_fini(struct cr_forecasts *list);

// The event that judgment T of MARKET (not a continuous one) forecasts: see above.
void cr_forecast_at(const struct cr_market *market, uint32_t t, double *price,
                    double *outcome);

// Brier of one judgment: (p - y)^2, or summed over the options.
double cr_brier_at(const struct cr_market *market, uint32_t t);

struct cr_calibration {
    uint64_t n;
    double brier;
    // Murphy's decomposition of the mean (price - outcome)^2 over the equal-width bins:
    // reliability - resolution + uncertainty + within.
    double reliability, resolution, uncertainty, within;
    double log_score; // mean -ln of the clipped price on the truth
    double ece_width, ece_mass;
    uint32_t bins;
    struct cr_bin width[CR_BINS_MAX], mass[CR_BINS_MAX];
};

// Equal width: bin floor(p * bins), the last one closed. Equal mass: the edges are the
// order statistics of rank ceil(k n / bins); equal prices stay together, in the lower
// bin. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_calibrate(struct cr_forecasts *list, uint32_t bins,
                                          struct cr_calibration *out);

#endif
