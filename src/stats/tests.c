// tests.c - Wilson, McNemar, Holm, and the test that a mean vector is zero.
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "credence/base/mem.h"
#include "credence/stats/inference.h"

struct cr_interval cr_wilson(double k, double n, double level) {
    if (n <= 0.0) {
        return (struct cr_interval){NAN, NAN, "no data"};
    }
    double z = cr_normal_quantile(0.5 * (1.0 + level)), share = k / n;
    double shrink = 1.0 + z * z / n;
    double centre = (share + z * z / (2.0 * n)) / shrink;
    double half = z / shrink * sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n));
    return (struct cr_interval){fmax(centre - half, 0.0), fmin(centre + half, 1.0),
                                NULL};
}

struct cr_test cr_mcnemar(uint64_t b, uint64_t c) {
    uint64_t least = b < c ? b : c;
    if (b + c == 0) {
        return (struct cr_test){1.0, 0.0, true, NULL};
    }
    double p = 2.0 * cr_binomial_cdf(least, b + c, 0.5);
    return (struct cr_test){fmin(p, 1.0), (double)least, true, NULL};
}

struct ranked {
    double p;
    size_t at;
};

static int by_p(const void *a, const void *b) {
    double x = ((const struct ranked *)a)->p, y = ((const struct ranked *)b)->p;
    return (x > y) - (x < y);
}

enum cr_status cr_holm(double *p, size_t len) {
    struct ranked *ranked = cr_malloc((len + 1) * sizeof *ranked);
    if (ranked == NULL) {
        return CR_E_MEMORY;
    }
    size_t family = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isnan(p[i])) {
            ranked[family++] = (struct ranked){p[i], i};
        }
    }
    qsort(ranked, family, sizeof *ranked, by_p);
    double largest = 0.0;
    for (size_t i = 0; i < family; i++) {
        largest = fmax(largest, fmin(1.0, (double)(family - i) * ranked[i].p));
        p[ranked[i].at] = largest;
    }
    cr_free(ranked);
    return CR_OK;
}

// Solve the quadratic form mean' C^-1 mean by Cholesky, leaving out columns that are
// combinations of earlier ones; returns it and the rank kept. Infinite: some mean is
// not zero and has no spread.
static double whitened_square(double cov[CR_SCORE_WIDTH_MAX][CR_SCORE_WIDTH_MAX],
                              const double *mean, uint32_t width, uint32_t *rank) {
    double root[CR_SCORE_WIDTH_MAX][CR_SCORE_WIDTH_MAX] = {{0}};
    double z[CR_SCORE_WIDTH_MAX], square = 0.0;
    uint32_t kept[CR_SCORE_WIDTH_MAX], len = 0;
    bool certain = false;
    for (uint32_t i = 0; i < width; i++) {
        double left = cov[i][i], target = mean[i];
        double row[CR_SCORE_WIDTH_MAX] = {0};
        for (uint32_t k = 0; k < len; k++) {
            row[k] = cov[i][kept[k]];
            for (uint32_t m = 0; m < k; m++) {
                row[k] -= row[m] * root[k][m];
            }
            row[k] /= root[k][k];
            left -= row[k] * row[k];
            target -= row[k] * z[k];
        }
        if (left <= 1e-10 * cov[i][i] || left <= 0.0) {
            // No spread of its own: a combination of earlier columns has no mean of its
            // own either, while a mean without any spread is certain not to be zero.
            if (fabs(target) > 1e-6 * fabs(mean[i])) {
                certain = true;
            }
            continue;
        }
        for (uint32_t k = 0; k < len; k++) {
            root[len][k] = row[k];
        }
        root[len][len] = sqrt(left);
        z[len] = target / root[len][len];
        square += z[len] * z[len];
        kept[len++] = i;
    }
    *rank = certain && len == 0 ? 1 : len;
    return certain ? INFINITY : square;
}

struct cr_test cr_mean_zero(const double *x, size_t len, uint32_t width) {
    assert(width <= CR_SCORE_WIDTH_MAX);
    double mean[CR_SCORE_WIDTH_MAX] = {0};
    double cov[CR_SCORE_WIDTH_MAX][CR_SCORE_WIDTH_MAX] = {{0}};
    for (size_t i = 0; i < len; i++) {
        for (uint32_t k = 0; k < width; k++) {
            mean[k] += x[i * width + k] / (double)len;
        }
    }
    for (size_t i = 0; i < len; i++) {
        for (uint32_t k = 0; k < width; k++) {
            for (uint32_t m = 0; m < width; m++) {
                cov[k][m] +=
                    (x[i * width + k] - mean[k]) * (x[i * width + m] - mean[m]);
            }
        }
    }
    uint32_t rank = 0;
    double n = (double)len, square = 0.0;
    if (len >= 2) {
        for (uint32_t k = 0; k < width; k++) {
            for (uint32_t m = 0; m < width; m++) {
                cov[k][m] /= (n - 1.0) * n;
            }
        }
        square = whitened_square(cov, mean, width, &rank);
    }
    if (rank == 0) {
        return (struct cr_test){NAN, 0.0, false, "prices never moved"};
    }
    if (n <= rank) {
        return (struct cr_test){NAN, 0.0, false, "too few questions"};
    }
    double f = square * (n - rank) / ((n - 1.0) * rank);
    return (struct cr_test){cr_f_tail(f, rank, n - rank), f, false, NULL};
}
