// inference.h - intervals and tests over arrays. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// A cluster is a benchmark question: its propositions, replicates and prices depend on
// one another, so everything here resamples, flips or sums whole clusters.
#ifndef CREDENCE_STATS_INFERENCE_H
#define CREDENCE_STATS_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"

// Distributions; 1e-12 relative or better in the range that tests use.
double cr_normal_cdf(double z);
double cr_normal_quantile(double p);                      // p in (0,1)
double cr_beta_inc(double a, double b, double x);         // regularised I_x(a,b)
double cr_t_quantile(double p, double dof);               // p in (0,1)
double cr_f_tail(double f, double dof1, double dof2);     // P(F > f)
double cr_binomial_cdf(uint64_t k, uint64_t n, double p); // P(X <= k)

// An interval, or why there is none (low and high are NaN then).
struct cr_interval {
    double low, high;
    const char *reason; // NULL when there is one
};

// Of a plain share: K of N, by Wilson's score.
struct cr_interval cr_wilson(double k, double n, double level);

// Sums of one cluster: the statistic is (sum of num) / (sum of den).
struct cr_ratio_term {
    double num, den;
};

struct cr_bootstrap {
    uint32_t resamples; // 0: no interval
    double level;       // 0.95
    uint64_t seed;
};

// Percentile bootstrap over CLUSTERS, its two levels expanded so that the interval is
// as wide as Student's t asks for (Hesterberg): plain percentiles are too narrow by
// about sqrt((G-1)/G) for G clusters, and by normal instead of t. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_bootstrap_ratio(const struct cr_ratio_term *cluster,
                                                size_t len,
                                                const struct cr_bootstrap *how,
                                                struct cr_interval *out);

// The same statistic's interval by linearisation and Student's t: no resampling.
struct cr_interval cr_linear_ratio(const struct cr_ratio_term *cluster, size_t len,
                                   double level);
// From sums over clusters: G, of num, den, num^2, num*den, den^2.
struct cr_ratio_sums {
    double clusters, num, den, num_num, num_den, den_den;
};
void cr_ratio_sums_add(struct cr_ratio_sums *sums, double num, double den);
struct cr_interval cr_linear_ratio_sums(const struct cr_ratio_sums *sums, double level);

// The interval of FN(sums of all rows) by the delete-one jackknife over the rows SUMS
// [len][width] (one a question), with Student's t on len - 1 degrees of freedom (Efron
// and Stein, Annals of Statistics 9, 1981, 586-596). *estimate is FN of all; NaN
// estimates have no interval. FN may not change its argument.
enum { CR_JACKKNIFE_WIDTH_MAX = 640 };
typedef double (*cr_sums_fn)(const double *sums, const void *ctx);
struct cr_jackknife {
    const double *sums;
    size_t len;
    uint32_t width;
    cr_sums_fn fn;
    const void *ctx;
};
struct cr_interval cr_jackknife_interval(const struct cr_jackknife *how, double level,
                                         double *estimate);

struct cr_test {
    double p; // NaN: see reason
    double statistic;
    bool is_exact;      // not by Monte Carlo or approximation
    const char *reason; // why p is NaN, else NULL
};

// Two-sided exact McNemar: B pairs moved one way, C the other.
struct cr_test cr_mcnemar(uint64_t b, uint64_t c);

// Two-sided sign-flip permutation test that the paired differences sum to zero,
// flipping whole clusters: DIFF is each cluster's sum. Exact by counting when the
// differences are whole multiples of one half and not too many, else RESAMPLES random
// flips.
CR_MUST_CHECK enum cr_status cr_permutation(const double *diff, size_t len,
                                            uint32_t resamples, uint64_t seed,
                                            struct cr_test *out);

// Holm's step-down adjustment in place; NaN entries are no members of the family.
CR_MUST_CHECK enum cr_status cr_holm(double *p, size_t len);

// Hotelling's test that the mean of the vectors X [len][width] is zero: the score test
// of predictability. Columns that depend on others are left out; dof1 is the rank.
enum { CR_SCORE_WIDTH_MAX = 4 };
struct cr_test cr_mean_zero(const double *x, size_t len, uint32_t width);

// A million clusters take a million draws a resample, where rng.h's hash of a counter
// (5 ns) would cost more than all else: each resample seeds this mixer of a counter.
static inline uint64_t cr_draw_mixed(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// A seeded draw from Binomial(n, p), exact in distribution.
struct cr_rng;
uint64_t cr_draw_binomial(struct cr_rng *rng, uint64_t n, double p);

#endif
