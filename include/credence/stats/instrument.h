// instrument.h - do prices measure the model, or the prompt and its round numbers? Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// Of every judgment of done markets: whether its price is a number that occurs in the
// instructions (0 and 1 do not count), a multiple of 0.1, 0.5, or 0 or 1; and how many
// prices are distinct. Yes-bias: (mean price of true claims + mean price of false
// claims) / 2 - 1/2, which is 0 for a maker that leans to neither answer. Of options,
// the price of the one that led at t = 0 counts, and there is no yes-bias; quantities
// are left out.
#ifndef CREDENCE_STATS_INSTRUMENT_H
#define CREDENCE_STATS_INSTRUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/inference.h"
#include "credence/stats/score.h"

enum { CR_DISTINCT_MAX = 4096 }; // where the count of distinct prices ends
#define CR_SAME_NUMBER 1e-9

struct cr_instrument_numbers { // shares are of n; NaN without any
    uint64_t n;                // judgments
    double prompt_number;      // NaN when the numbers of the prompt are not known
    struct cr_interval prompt_number_interval; // linearised, clustered
    double heaped, half, ends;
    double yes_bias;
};

struct cr_instrument_result {
    struct cr_instrument_numbers all;
    struct cr_interval yes_bias_interval; // jackknife over questions
    uint64_t distinct;
    uint64_t markets;    // done
    uint64_t never_left; // all of whose prices occur in the prompt
    double never_left_share;
    struct cr_instrument_numbers *step; // [steps], cr_instrument_result_fini
    uint32_t steps;
};
void cr_instrument_result_fini(struct cr_instrument_result *result);

struct cr_instrument_cfg {
    uint32_t iterations, questions;
    const double *number; // [numbers] of the instructions; borrowed until destroyed
    size_t numbers;
    bool has_numbers; // whether the instructions are known
};

// Whether every price of MARKET is one of CFG's numbers.
bool cr_instrument_never_left(const struct cr_instrument_cfg *cfg,
                              const struct cr_market *market);

struct cr_instrument;
CR_MUST_CHECK enum cr_status cr_instrument_create(const struct cr_instrument_cfg *cfg,
                                                  struct cr_instrument **out);
void cr_instrument_destroy(struct cr_instrument *instrument);
// All markets of one question.
void cr_instrument_add(struct cr_instrument *instrument, const struct cr_market *market,
                       size_t len);
CR_MUST_CHECK enum cr_status
cr_instrument_finish(const struct cr_instrument *instrument, double level,
                     struct cr_instrument_result *out);

#endif
