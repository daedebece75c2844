// binomial.c - seeded draws from a binomial distribution, exact in distribution.
//
// Small means are drawn by inversion from zero; large ones by Hörmann's transformed
// rejection (BTRS, 1993), whose cost does not grow with n. They let a bootstrap over
// many identical clusters draw how often each kind occurs instead of every cluster.
#include <math.h>

#include "credence/base/rng.h"
#include "credence/stats/inference.h"

static uint64_t draw_by_inversion(struct cr_rng *rng, uint64_t n, double p) {
    double q = 1.0 - p, ratio = p / q;
    double mass = exp((double)n * log1p(-p)), u = cr_rng_uniform(rng);
    uint64_t k = 0;
    while (u > mass && k < n) {
        u -= mass;
        k++;
        mass *= ratio * ((double)(n - k) + 1.0) / (double)k;
    }
    return k;
}

// ln of P(X = k) / P(X = mode).
static double log_ratio(double n, double odds, double mode, double k) {
    return lgamma(mode + 1.0) + lgamma(n - mode + 1.0) - lgamma(k + 1.0) -
           lgamma(n - k + 1.0) + (k - mode) * log(odds);
}

static uint64_t draw_by_rejection(struct cr_rng *rng, uint64_t trials, double p) {
    double n = (double)trials, spread = sqrt(n * p * (1.0 - p));
    double b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p;
    double c = n * p + 0.5, v_r = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * spread;
    double odds = p / (1.0 - p), mode = floor((n + 1.0) * p);
    for (;;) {
        double u = cr_rng_uniform(rng) - 0.5, v = cr_rng_uniform(rng);
        double us = 0.5 - fabs(u), k = floor((2.0 * a / us + b) * u + c);
        if (us >= 0.07 && v <= v_r) {
            return (uint64_t)k;
        }
        if (k < 0.0 || k > n) {
            continue;
        }
        v = log(v * alpha / (a / (us * us) + b));
        if (v <= log_ratio(n, odds, mode, k)) {
            return (uint64_t)k;
        }
    }
}

uint64_t cr_draw_binomial(struct cr_rng *rng, uint64_t n, double p) {
    if (n == 0 || p <= 0.0) {
        return 0;
    }
    if (p >= 1.0) {
        return n;
    }
    if (p > 0.5) {
        return n - cr_draw_binomial(rng, n, 1.0 - p);
    }
    return (double)n * p < 10.0 ? draw_by_inversion(rng, n, p)
                                : draw_by_rejection(rng, n, p);
}
