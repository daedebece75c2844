// special.c - the distributions that intervals and tests need.
//
// Everything rests on erfc, lgamma and the regularised incomplete beta function, whose
// continued fraction converges in O(sqrt(max(a,b))) steps on the side that is chosen.
#include <assert.h>
#include <float.h>
#include <math.h>

#include "credence/stats/inference.h"

double cr_normal_cdf(double z) {
    return 0.5 * erfc(-z / sqrt(2.0));
}

// Bisection to a bracket that Newton cannot leave, then Newton: erfc is exact enough in
// both tails that the result is good to the last digits.
double cr_normal_quantile(double p) {
    assert(p > 0.0 && p < 1.0);
    if (p > 0.5) {
        return -cr_normal_quantile(1.0 - p);
    }
    double low = -39.0, high = 0.0, z = -1.0;
    for (int step = 0; step < 200; step++) {
        double excess = cr_normal_cdf(z) - p;
        if (excess > 0.0) {
            high = z;
        } else {
            low = z;
        }
        double slope = exp(-0.5 * z * z) / sqrt(2.0 * M_PI);
        double next = slope > 0.0 ? z - excess / slope : low;
        if (!(next > low && next < high)) {
            next = 0.5 * (low + high);
        }
        if (fabs(next - z) <= 1e-15 * fabs(z) + 1e-300) {
            return next;
        }
        z = next;
    }
    return z;
}

// Lentz's method for the continued fraction of I_x(a,b).
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 200000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1.0) < 2.0 * DBL_EPSILON) {
            break;
        }
    }
    return h;
}

double cr_beta_inc(double a, double b, double x) {
    if (x <= 0.0) {
        return 0.0;
    }
    if (x >= 1.0) {
        return 1.0;
    }
    double front =
        exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0)) {
        return front * beta_fraction(a, b, x) / a;
    }
    return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

static double t_cdf(double t, double dof) {
    double tail = 0.5 * cr_beta_inc(0.5 * dof, 0.5, dof / (dof + t * t));
    return t > 0.0 ? 1.0 - tail : tail;
}

double cr_t_quantile(double p, double dof) {
    assert(p > 0.0 && p < 1.0 && dof > 0.0);
    if (p > 0.5) {
        return -cr_t_quantile(1.0 - p, dof);
    }
    double low = -1.0, high = 0.0;
    while (t_cdf(low, dof) > p) {
        low *= 2.0;
    }
    for (int step = 0; step < 200 && high - low > 1e-14 * fabs(low); step++) {
        double middle = 0.5 * (low + high);
        if (t_cdf(middle, dof) > p) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return 0.5 * (low + high);
}

double cr_f_tail(double f, double dof1, double dof2) {
    if (f <= 0.0) {
        return 1.0;
    }
    return cr_beta_inc(0.5 * dof2, 0.5 * dof1, dof2 / (dof2 + dof1 * f));
}

double cr_binomial_cdf(uint64_t k, uint64_t n, double p) {
    if (k >= n) {
        return 1.0;
    }
    return cr_beta_inc((double)(n - k), (double)k + 1.0, 1.0 - p);
}
