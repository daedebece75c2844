// permutation.c - the sign-flip test over clusters.
//
// Under the null hypothesis that the two arms are exchangeable within a question, each
// cluster's difference is as likely with the other sign. The statistic is their sum.
// Differences of scores are multiples of one half, so the distribution of the sum is
// counted exactly by convolution while that is cheap; otherwise clusters of equal size
// are flipped together by one binomial draw.
#include <math.h>
#include <stdlib.h>

#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/stats/inference.h"

static const double CONVOLUTION_MAX = 2e7; // steps: 20 ms

// The sizes of the differences that are not zero, sorted, in half points when whole.
struct sizes {
    double *at;
    size_t len;
    double sum, total; // signed; of sizes
    bool is_whole;     // every size is a multiple of one half
};

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void gather(const double *diff, size_t len, struct sizes *out) {
    out->is_whole = true;
    for (size_t i = 0; i < len; i++) {
        double half_points = 2.0 * diff[i];
        if (fabs(half_points) < 1e-9) {
            continue;
        }
        if (fabs(half_points - round(half_points)) < 1e-9) {
            half_points = round(half_points);
        } else {
            out->is_whole = false;
        }
        out->sum += half_points;
        out->total += fabs(half_points);
        out->at[out->len++] = fabs(half_points);
    }
    qsort(out->at, out->len, sizeof *out->at, by_value);
}

// Share of sign patterns whose sum is at least as far from zero as the observed one.
static enum cr_status count_exactly(const struct sizes *sizes, struct cr_test *out) {
    size_t total = (size_t)sizes->total, reach = 0;
    // mass[k]: P(the sizes that were given a plus sign add up to k)
    double *mass = cr_calloc(total + 1, sizeof *mass);
    if (mass == NULL) {
        return CR_E_MEMORY;
    }
    mass[0] = 1.0;
    for (size_t i = 0; i < sizes->len; i++) {
        size_t step = (size_t)sizes->at[i];
        reach += step;
        for (size_t k = reach + 1; k-- > 0;) {
            mass[k] = 0.5 * mass[k] + (k >= step ? 0.5 * mass[k - step] : 0.0);
        }
    }
    double p = 0.0, far = fabs(sizes->sum);
    for (size_t k = 0; k <= total; k++) {
        if (fabs(2.0 * (double)k - sizes->total) >= far - 1e-9) {
            p += mass[k];
        }
    }
    cr_free(mass);
    *out = (struct cr_test){fmin(p, 1.0), 0.5 * sizes->sum, true, NULL};
    return CR_OK;
}

// The sum under one random pattern of signs.
static double flip(const struct sizes *sizes, struct cr_rng *rng) {
    double sum = 0.0;
    for (size_t i = 0; i < sizes->len;) {
        size_t end = i + 1;
        while (end < sizes->len && sizes->at[end] == sizes->at[i]) {
            end++;
        }
        uint64_t plus = cr_draw_binomial(rng, end - i, 0.5);
        sum += sizes->at[i] * (2.0 * (double)plus - (double)(end - i));
        i = end;
    }
    return sum;
}

static void flip_often(const struct sizes *sizes, uint32_t resamples, uint64_t seed,
                       struct cr_test *out) {
    struct cr_rng rng;
    cr_rng_seed(&rng, seed);
    double far = fabs(sizes->sum) - 1e-9 * sizes->total;
    uint32_t as_far = 0;
    for (uint32_t i = 0; i < resamples; i++) {
        as_far += fabs(flip(sizes, &rng)) >= far;
    }
    // The observed pattern is one of the equally likely ones.
    double p = (1.0 + as_far) / (1.0 + resamples);
    *out = (struct cr_test){p, 0.5 * sizes->sum, false, NULL};
    if (resamples == 0) {
        *out =
            (struct cr_test){NAN, 0.5 * sizes->sum, false, "no resampling asked for"};
    }
}

enum cr_status cr_permutation(const double *diff, size_t len, uint32_t resamples,
                              uint64_t seed, struct cr_test *out) {
    struct sizes sizes = {.at = cr_malloc((len + 1) * sizeof *sizes.at)};
    if (sizes.at == NULL) {
        return CR_E_MEMORY;
    }
    gather(diff, len, &sizes);
    enum cr_status status = CR_OK;
    if (len == 0) {
        *out = (struct cr_test){NAN, 0.0, true, "no data"};
    } else if (sizes.len == 0) {
        *out = (struct cr_test){1.0, 0.0, true, NULL};
    } else if (sizes.is_whole && (double)sizes.len * sizes.total <= CONVOLUTION_MAX) {
        status = count_exactly(&sizes, out);
    } else {
        flip_often(&sizes, resamples, seed, out);
    }
    cr_free(sizes.at);
    return status;
}
