// vote.c - what the samples behind a running mean would have decided by majority.
//
// Price t is the mean of the first t + 1 samples, so sample t is (t + 1) price[t] - t
// price[t - 1]. That costs some last bits: samples nearer to a tie than EPSILON are
// ties.
#include "credence/stats/score.h"

static const double EPSILON = 1e-9;

static double sample_of(const double *mean, size_t stride, uint32_t t) {
    double now = mean[(size_t)t * stride];
    return t == 0 ? now : (t + 1.0) * now - t * mean[(size_t)(t - 1) * stride];
}

static double vote_of_two(const struct cr_market *market) {
    double lead = 0.0; // votes for what is true minus votes against it
    for (uint32_t t = 0; t < market->prices_len; t++) {
        double above = sample_of(market->price, 1, t) - 0.5;
        if (fabs(above) > EPSILON) {
            lead += (above > 0.0) == (market->label == 1) ? 1.0 : -1.0;
        }
    }
    return lead > 0.0 ? 1.0 : lead < 0.0 ? 0.0 : 0.5;
}

// The vote of sample T, shared by its largest options.
static void cast(const struct cr_market *market, uint32_t t, double *votes) {
    double price[CR_OPTIONS_MAX], most = -INFINITY;
    double ties = 0.0;
    for (uint32_t k = 0; k < market->options_len; k++) {
        price[k] = sample_of(market->options + k, market->options_stride, t);
        most = fmax(most, price[k]);
    }
    for (uint32_t k = 0; k < market->options_len; k++) {
        ties += price[k] >= most - EPSILON;
    }
    for (uint32_t k = 0; k < market->options_len; k++) {
        if (price[k] >= most - EPSILON) {
            votes[k] += 1.0 / ties;
        }
    }
}

static double vote_of_options(const struct cr_market *market) {
    double votes[CR_OPTIONS_MAX] = {0}, most = 0.0, ties = 0.0;
    for (uint32_t t = 0; t < market->prices_len; t++) {
        cast(market, t, votes);
    }
    for (uint32_t k = 0; k < market->options_len; k++) {
        most = fmax(most, votes[k]);
    }
    for (uint32_t k = 0; k < market->options_len; k++) {
        ties += votes[k] >= most - EPSILON;
    }
    return votes[market->label] >= most - EPSILON ? 1.0 / ties : 0.0;
}

double cr_score_vote(const struct cr_market *market) {
    if (market->space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    if (market->status == CR_INVALID || market->prices_len == 0) {
        return 0.0;
    }
    return market->options == NULL ? vote_of_two(market) : vote_of_options(market);
}
