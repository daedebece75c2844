// score.c - points of options, openings and ends; leaders.
#include "credence/stats/score.h"

static const double *options_at(const struct cr_market *market, uint32_t t) {
    return market->options + (size_t)t * market->options_stride;
}

double cr_score_options(const struct cr_market *market, uint32_t t) {
    const double *price = options_at(market, t);
    double most = price[0];
    uint32_t ties = 0;
    for (uint32_t k = 1; k < market->options_len; k++) {
        most = fmax(most, price[k]);
    }
    for (uint32_t k = 0; k < market->options_len; k++) {
        ties += price[k] == most;
    }
    return price[market->label] == most ? 1.0 / ties : 0.0;
}

double cr_score_opening(const struct cr_market *market) {
    if (market->space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    return market->prices_len == 0 ? 0.0 : cr_score_at(market, 0);
}

double cr_score_final(const struct cr_market *market) {
    if (market->space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    if (market->status == CR_INVALID || market->prices_len == 0) {
        return 0.0;
    }
    return cr_score_at(market, market->prices_len - 1);
}

uint32_t cr_market_leader(const struct cr_market *market) {
    uint32_t leader = 0;
    if (market->options == NULL || market->prices_len == 0) {
        return 0;
    }
    for (uint32_t k = 1; k < market->options_len; k++) {
        if (market->options[k] > market->options[leader]) {
            leader = k;
        }
    }
    return leader;
}
