// jackknife.c - the interval of a smooth function of sums, each question left out once.
#include <assert.h>
#include <math.h>

#include "credence/stats/inference.h"

// FN of all sums but those of row SKIP.
static double without(const struct cr_jackknife *how, const double *all, size_t skip) {
    double rest[CR_JACKKNIFE_WIDTH_MAX];
    for (uint32_t k = 0; k < how->width; k++) {
        rest[k] = all[k] - how->sums[skip * how->width + k];
    }
    return how->fn(rest, how->ctx);
}

struct cr_interval cr_jackknife_interval(const struct cr_jackknife *how, double level,
                                         double *estimate) {
    assert(how->width <= CR_JACKKNIFE_WIDTH_MAX);
    double all[CR_JACKKNIFE_WIDTH_MAX] = {0};
    for (size_t i = 0; i < how->len; i++) {
        for (uint32_t k = 0; k < how->width; k++) {
            all[k] += how->sums[i * how->width + k];
        }
    }
    *estimate = how->fn(all, how->ctx);
    if (how->len < 2 || isnan(*estimate)) {
        return (struct cr_interval){NAN, NAN,
                                    how->len == 1 ? "one question only" : "no data"};
    }
    double n = (double)how->len, mean = 0.0, square = 0.0;
    for (size_t i = 0; i < how->len; i++) {
        double value = without(how, all, i), away = value - mean;
        mean += away / ((double)i + 1.0);
        square += away * (value - mean);
    }
    if (isnan(square)) {
        return (struct cr_interval){NAN, NAN, "it hangs on a single question"};
    }
    double half =
        -cr_t_quantile(0.5 * (1.0 - level), n - 1.0) * sqrt(square * (n - 1.0) / n);
    return (struct cr_interval){*estimate - half, *estimate + half, NULL};
}
