// score.h - one episode as the statistics see it, and what its prices are worth. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_STATS_SCORE_H
#define CREDENCE_STATS_SCORE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/core/proposition.h"
#include "credence/core/trajectory.h"

// All borrowed. `price` is what dynamics follow: P(true) (binary), the median
// (continuous); a categorical market has `options` instead and follows the option that
// led at t = 0.
struct cr_market {
    enum cr_space space;
    enum cr_episode_status status;
    enum cr_stop_reason ended;
    uint32_t prices_len;
    const double *price;   // [prices_len]; NULL when categorical
    const double *options; // [prices_len][options_stride], the first options_len of
                           // each row count
    uint32_t options_len, options_stride;
    const double *quantile;  // [prices_len][3] or NULL
    const int8_t *direction; // [prices_len] or NULL
    bool has_samples;        // its prices are the running means of samples
    int32_t label;
    double truth;         // continuous: the value in the normalised range
    uint32_t question;    // dense within the group that is summed
    uint32_t proposition; // likewise
    double tokens, calls, latency_s, usd;
    const double *held, *held_idle; // [prices_len] readings beside the prices, or NULL
    const double *idle;             // [prices_len] said without arguments, or NULL
    // Of a room: [traders], of options [traders][options_stride]; NaN: none. Or NULL.
    const double *belief;
    uint32_t traders;
    const uint32_t *step_calls; // [prices_len] calls of each iteration, or NULL
    bool has_oracle;
    double oracle; // points that another choice would have had (oracle.h)
};

// Whether accuracy counts it: done or invalid. Failed and pending never do.
static inline bool cr_market_is_scored(const struct cr_market *market) {
    return market->status == CR_DONE || market->status == CR_INVALID;
}

// Points of options at one judgment (score.c).
double cr_score_options(const struct cr_market *market, uint32_t t);

// Points of the judgment at T (below prices_len): 1 right, 0 wrong, a tie shares.
// NaN for a continuous one. Inline, for it is asked of every price of a run.
static inline double cr_score_at(const struct cr_market *market, uint32_t t) {
    if (market->space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    if (market->options != NULL) {
        return cr_score_options(market, t);
    }
    double price = market->price[t];
    if (price == 0.5) {
        return 0.5;
    }
    return (price > 0.5) == (market->label == 1) ? 1.0 : 0.0;
}
// At t = 0: 0 when there is no judgment at all.
double cr_score_opening(const struct cr_market *market);
// At the end: 0 when invalid.
double cr_score_final(const struct cr_market *market);
// Of the majority vote among the samples of a market that has_samples (vote.c): each
// votes for its side of 0.5 or its largest option, ties share. 0 when invalid.
double cr_score_vote(const struct cr_market *market);

// The price on what is true: p or 1 - p, or the right option's; NaN when continuous.
static inline double cr_truth_price(const struct cr_market *market, uint32_t t) {
    if (market->space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    if (market->options != NULL) {
        return market
            ->options[(size_t)t * market->options_stride + (size_t)market->label];
    }
    return market->label == 1 ? market->price[t] : 1.0 - market->price[t];
}

// The followed price at T: see above. LEADER from cr_market_leader.
static inline double cr_market_price(const struct cr_market *market, uint32_t leader,
                                     uint32_t t) {
    return market->options == NULL
               ? market->price[t]
               : market->options[(size_t)t * market->options_stride + leader];
}
// The option with the largest price at t = 0 (the first of equals); 0 unless
// categorical.
uint32_t cr_market_leader(const struct cr_market *market);

// The iteration that a market shows at T: its last one when it ended earlier.
static inline uint32_t cr_market_shown(const struct cr_market *market, uint32_t t) {
    return t < market->prices_len ? t : market->prices_len - 1;
}

#endif
