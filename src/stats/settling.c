// settling.c - the sums of the header, and two integrals over the normal density by
// Simpson's rule: smooth on their whole range, so 2,000 steps give 1e-10 or better.
#include "credence/stats/settling.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 2000 };
static const double far_out = 9.0; // no normal of interest lies beyond

static double density(double x) {
    return exp(-0.5 * x * x) / sqrt(2.0 * 3.14159265358979323846);
}

static double stays_at(double x, double r, uint32_t window) {
    (void)window;
    return 2.0 * density(x) * (cr_normal_cdf(r - x) - cr_normal_cdf(-r));
}

static double passes_at(double x, double r, uint32_t window) {
    return window * density(x) *
           pow(cr_normal_cdf(x + r) - cr_normal_cdf(x), window - 1.0);
}

struct range {
    double low, high;
};

static double integrate(double (*fn)(double x, double r, uint32_t window),
                        struct range over, double r, uint32_t window) {
    double step = (over.high - over.low) / STEPS, sum = 0.0;
    for (int i = 0; i <= STEPS; i++) {
        double weight = i == 0 || i == STEPS ? 1.0 : i % 2 == 1 ? 4.0 : 2.0;
        sum += weight * fn(over.low + i * step, r, window);
    }
    return sum * step / 3.0;
}

double cr_settling_stays(double r, uint32_t window) {
    if (window == 2) {
        return cr_normal_cdf(r) - cr_normal_cdf(-r);
    }
    if (window != 3) {
        return NAN;
    }
    // (5) is symmetric in x: twice the half where min(r, r - x) is r - x.
    return integrate(stays_at, (struct range){0.0, fmin(r, far_out)}, r, window);
}

double cr_settling_passes(double r, uint32_t window) {
    return integrate(passes_at, (struct range){-far_out, far_out}, r, window);
}

static bool is_counted(const struct cr_market *market) {
    return market->status == CR_DONE && market->prices_len > 0 &&
           market->space == CR_SPACE_BINARY && market->price != NULL &&
           !market->has_samples;
}

// Noise is taken from the moves that every market makes: those that go on after the rule
// could first stop them are the ones that moved much.
static void add_moves(struct cr_settling *sums, const struct cr_market *market,
                      uint32_t window, struct cr_ratio_term *share) {
    for (uint32_t t = 0; t + 1 < market->prices_len; t++) {
        double p = market->price[t], next = market->price[t + 1];
        int way = market->direction == NULL ? 0 : market->direction[t + 1];
        bool is_of_all = window == 0 || t + 1 < window;
        if (abs(way) != 1) {
            sums->silent_moves += is_of_all ? 1.0 : 0.0;
            sums->silent_square += is_of_all ? (next - p) * (next - p) : 0.0;
            continue;
        }
        double d = way > 0 ? 1.0 - p : p, after = way > 0 ? 1.0 - next : next;
        share->num -= d * (after - d);
        share->den += d * d;
        sums->moves += 1.0;
        if (!is_of_all) {
            continue;
        }
        sums->early_moves += 1.0;
        sums->square += d * d;
        sums->cross += d * after;
        sums->next_square += after * after;
    }
}

// The spread of the openings MARKET[0..LEN) of one proposition.
static void add_openings(struct cr_settling *sums, const struct cr_market *market,
                         size_t len) {
    double n = 0.0, mean = 0.0, square = 0.0;
    for (size_t i = 0; i < len; i++) {
        if (is_counted(&market[i])) {
            double away = market[i].price[0] - mean;
            n += 1.0;
            mean += away / n;
            square += away * (market[i].price[0] - mean);
        }
    }
    if (n > 1.0) {
        sums->noise_square += square;
        sums->noise_dof += (uint64_t)n - 1;
    }
}

void cr_settling_add(struct cr_settling *sums, const struct cr_market *market,
                     size_t len, uint32_t window) {
    struct cr_ratio_term share = {0.0, 0.0}, early = {0.0, 0.0};
    for (size_t i = 0; i < len;) {
        size_t end = i;
        for (; end < len && market[end].proposition == market[i].proposition; end++) {
            if (is_counted(&market[end])) {
                add_moves(sums, &market[end], window, &share);
                early.num += market[end].ended == CR_ENDED_EQUILIBRIUM &&
                             market[end].prices_len <= window;
                early.den += 1.0;
            }
        }
        add_openings(sums, &market[i], end - i);
        i = end;
    }
    if (early.den > 0.0) {
        cr_ratio_sums_add(&sums->early, early.num, early.den);
        sums->markets += (uint64_t)early.den;
    }
    if (share.den > 0.0) {
        cr_ratio_sums_add(&sums->share, share.num, share.den);
    }
}

// sigma of slips that stay and of slips that do not.
struct noises {
    double stays, passes;
};

static struct noises find_noise(const struct cr_settling *sums,
                                struct cr_settling_result *out) {
    if (sums->noise_dof > 0) {
        out->noise_from = "replicates";
        double sigma = sqrt(sums->noise_square / (double)sums->noise_dof);
        return (struct noises){sigma, sigma};
    }
    bool is_argued = sums->early_moves > 0.0;
    double left = is_argued ? 1.0 - out->share : 1.0;
    double square = is_argued ? sums->next_square - 2.0 * left * sums->cross +
                                    left * left * sums->square
                              : sums->silent_square;
    double moves = is_argued ? sums->early_moves : sums->silent_moves;
    if (moves == 0.0) {
        out->noise_from = "";
        return (struct noises){NAN, NAN};
    }
    out->noise_from = "moves";
    double sigma = sqrt(fmax(square, 0.0) / moves);
    return (struct noises){sigma, sigma / sqrt(1.0 + left * left)};
}

// No noise: every price is the last one.
static double ratio_to(double threshold, double sigma) {
    return sigma > 0.0 ? threshold / sigma : 1e6;
}

void cr_settling_finish(const struct cr_settling *sums, uint32_t window,
                        double threshold, double level,
                        struct cr_settling_result *out) {
    struct cr_settling_result made = {.markets = sums->markets,
                                      .moves = (uint64_t)sums->moves,
                                      .share = NAN,
                                      .observed = NAN,
                                      .predicted_stays = NAN,
                                      .predicted_passes = NAN,
                                      .bound = NAN};
    made.share = sums->share.den > 0.0 ? sums->share.num / sums->share.den : NAN;
    made.share_interval = cr_linear_ratio_sums(&sums->share, level);
    const struct noises noise = find_noise(sums, &made);
    made.noise = noise.stays;
    if (window >= 2 && sums->early.den > 0.0) {
        made.observed = sums->early.num / sums->early.den;
        made.observed_interval = cr_linear_ratio_sums(&sums->early, level);
    }
    if (window >= 2 && !isnan(noise.stays)) {
        made.predicted_stays =
            cr_settling_stays(ratio_to(threshold, noise.stays), window);
        made.predicted_passes =
            cr_settling_passes(ratio_to(threshold, noise.passes), window);
    }
    if (window >= 2 && made.share > 0.0 && made.share < 1.0) {
        double left = pow(1.0 - made.share, window - 1.0);
        made.bound = fmin(1.0, threshold * left / (1.0 - left));
    }
    *out = made;
}
