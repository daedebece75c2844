// corp.h - calibration without bins: isotonic recalibration, the parts of a score, and
// bands of what calibrated prices would show. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// CORP (Dimitriadis, Gneiting and Jordan, PNAS 118, 2021, e2016191118): prices are
// recalibrated by the isotonic regression of outcomes on prices (pool adjacent
// violators, equal prices together), and the mean score of the prices is
//   S(price) = MCB - DSC + UNC,  MCB = S(price) - S(recalibrated),
//   DSC = S(base rate) - S(recalibrated),  UNC = S(base rate),
// for the Brier score (p - y)^2 and the log score -ln of the price on what came true,
// prices moved CR_LOG_CLIP away from 0 and 1 first. Recalibrated and base rate each
// minimise the score over their class, so to first order the parts' sampling error is
// that of the mean of single differences (envelope theorem): intervals are linearised
// and clustered. On the boundary MCB = 0 they are not exact.
//
// Murphy diagram (Ehm, Gneiting, Jordan and Krueger, JRSS B 78, 2016, 505-562): the
// mean elementary score at threshold c, c when y = 0 and p > c, 1 - c when y = 1 and
// p <= c. A forecast that is lower everywhere is better under every proper score.
#ifndef CREDENCE_STATS_CORP_H
#define CREDENCE_STATS_CORP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/inference.h"

struct cr_corp_score {
    double score, mcb, dsc, unc;
    struct cr_interval score_interval, mcb_interval, dsc_interval, unc_interval;
};

struct cr_corp_pool { // prices FROM .. TO, all recalibrated to SHARE
    double from, to, share;
    uint64_t n;
};

struct cr_corp_band {               // at PRICE: the recalibrated price, and its band
    double price, share, low, high; // low and high NaN without resampling
};

enum { CR_CORP_GRID = 21, CR_CORP_RESAMPLES_MAX = 200 };
struct cr_corp {
    uint64_t n;
    struct cr_corp_score brier, log;
    struct cr_corp_pool *pool; // [pools], cr_corp_fini
    size_t pools;
    // At 0, 0.05 .. 1 within the prices seen. The band is where the curve of calibrated
    // prices lies with the chance of `level` at each price: outcomes are drawn from the
    // prices themselves, questions with replacement (one draw a proposition, so that
    // its replicates come true together).
    struct cr_corp_band band[CR_CORP_GRID];
    uint32_t bands;
};
void cr_corp_fini(struct cr_corp *corp);

// One forecast: OUTCOME in [0, 1] (a tie of options is a half), question and
// proposition numbers below those given.
struct cr_corp_forecast {
    double price, outcome;
    uint32_t question, proposition;
};

struct cr_corp_cfg {
    uint32_t questions, propositions;
    double level;
    uint32_t resamples; // for the band, at most CR_CORP_RESAMPLES_MAX are used; 0: none
    uint64_t seed;
    bool has_pools; // whether pools and band are wanted
};

// FORECAST is sorted by price. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_corp_make(struct cr_corp_forecast *forecast, size_t len,
                                          const struct cr_corp_cfg *cfg,
                                          struct cr_corp *out);

// Opening against final under every threshold.
enum { CR_MURPHY_POINTS = 19 }; // 0.05 .. 0.95
struct cr_murphy_point {
    double threshold, opening, final, difference;
    struct cr_interval difference_interval;
};
struct cr_murphy { // sums over questions
    uint64_t n;
    double opening[CR_MURPHY_POINTS], final[CR_MURPHY_POINTS];
    double now[CR_MURPHY_POINTS], now_n; // of the present question
    struct cr_ratio_sums sums[CR_MURPHY_POINTS];
};
void cr_murphy_add(struct cr_murphy *murphy, double opening, double final,
                   double outcome);
void cr_murphy_question(struct cr_murphy *murphy);
void cr_murphy_finish(const struct cr_murphy *murphy, double level,
                      struct cr_murphy_point point[CR_MURPHY_POINTS]);

#endif
