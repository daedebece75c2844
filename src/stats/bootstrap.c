// bootstrap.c - the bootstrap of a ratio over clusters.
//
// A replicate draws as many clusters as there are, with replacement. Sums of scores
// take few distinct values (two propositions of a question score 0, 1/2 ... 2
// together), so equal clusters are gathered into kinds and a replicate draws how often
// each kind comes up: a multinomial, by a chain of binomials. That is the same
// distribution at a cost of kinds, not of clusters. Where the kinds are too many,
// clusters are drawn one by one.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/stats/inference.h"

enum { KINDS_MAX = 256, SLOTS = 1024 }; // slots: a power of two, four times the kinds

struct kind {
    struct cr_ratio_term sums;
    uint64_t count;
};

struct kinds {
    struct kind at[KINDS_MAX];
    uint16_t slot[SLOTS]; // 1 + index into at
    size_t len;
};

static bool kinds_add(struct kinds *kinds, const struct cr_ratio_term *cluster) {
    struct cr_ratio_term plain = {cluster->num + 0.0, cluster->den + 0.0}; // no -0.0
    uint64_t slot = cr_hash64(&plain, sizeof plain, 0) % SLOTS;
    for (;; slot = (slot + 1) % SLOTS) {
        if (kinds->slot[slot] == 0) {
            break;
        }
        struct kind *kind = &kinds->at[kinds->slot[slot] - 1];
        if (kind->sums.num == plain.num && kind->sums.den == plain.den) {
            kind->count++;
            return true;
        }
    }
    if (kinds->len == KINDS_MAX) {
        return false;
    }
    kinds->at[kinds->len] = (struct kind){plain, 1};
    kinds->slot[slot] = (uint16_t)++kinds->len;
    return true;
}

static double replicate_of_kinds(struct cr_rng *rng, const struct kinds *kinds,
                                 size_t clusters) {
    uint64_t left = clusters, total = clusters;
    double num = 0.0, den = 0.0;
    for (size_t i = 0; i < kinds->len && left > 0; i++) {
        const struct kind *kind = &kinds->at[i];
        uint64_t times =
            cr_draw_binomial(rng, left, (double)kind->count / (double)total);
        num += (double)times * kind->sums.num;
        den += (double)times * kind->sums.den;
        left -= times;
        total -= kind->count;
    }
    return num / den;
}

static double replicate_of_clusters(struct cr_rng *rng,
                                    const struct cr_ratio_term *cluster, size_t len) {
    double num = 0.0, den = 0.0;
    uint64_t state = cr_rng_u64(rng);
    for (size_t i = 0; i < len; i += 2) {
        uint64_t draw = cr_draw_mixed(&state);
        // Two indices a draw: 32 bits times len, upper half. The bias is below
        // len/2^32.
        const struct cr_ratio_term *one = &cluster[((draw >> 32) * len) >> 32];
        const struct cr_ratio_term *two = &cluster[((draw & 0xffffffffu) * len) >> 32];
        double both = i + 1 < len ? 1.0 : 0.0;
        num += one->num + both * two->num;
        den += one->den + both * two->den;
    }
    return num / den;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Quantile of sorted values by linear interpolation.
static double quantile(const double *sorted, size_t len, double share) {
    double at = share * (double)(len - 1);
    size_t low = (size_t)floor(at);
    if (low + 1 >= len) {
        return sorted[len - 1];
    }
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

static void fill(double *replicate, const struct cr_ratio_term *cluster, size_t len,
                 const struct kinds *kinds, const struct cr_bootstrap *how) {
    struct cr_rng rng;
    cr_rng_seed(&rng, how->seed);
    for (uint32_t i = 0; i < how->resamples; i++) {
        replicate[i] = kinds != NULL ? replicate_of_kinds(&rng, kinds, len)
                                     : replicate_of_clusters(&rng, cluster, len);
    }
}

enum cr_status cr_bootstrap_ratio(const struct cr_ratio_term *cluster, size_t len,
                                  const struct cr_bootstrap *how,
                                  struct cr_interval *out) {
    struct cr_interval none = {NAN, NAN,
                               len == 0   ? "no data"
                               : len == 1 ? "one question only"
                                          : "no resampling asked for"};
    if (len < 2 || how->resamples < 2) {
        *out = none;
        return CR_OK;
    }
    double *replicate = cr_malloc(how->resamples * sizeof *replicate);
    struct kinds *kinds = cr_calloc(1, sizeof *kinds);
    enum cr_status status = CR_E_MEMORY;
    if (replicate == NULL || kinds == NULL) {
        goto out;
    }
    bool is_few = true;
    for (size_t i = 0; i < len; i++) {
        is_few = is_few && kinds_add(kinds, &cluster[i]);
    }
    fill(replicate, cluster, len, is_few ? kinds : NULL, how);
    qsort(replicate, how->resamples, sizeof *replicate, by_value);
    double dof = (double)len - 1.0;
    double z = sqrt((double)len / dof) * cr_t_quantile(0.5 * (1.0 - how->level), dof);
    *out = (struct cr_interval){quantile(replicate, how->resamples, cr_normal_cdf(z)),
                                quantile(replicate, how->resamples, cr_normal_cdf(-z)),
                                NULL};
    status = CR_OK;
out:
    cr_free(kinds);
    cr_free(replicate);
    return status;
}

void cr_ratio_sums_add(struct cr_ratio_sums *sums, double num, double den) {
    sums->clusters += 1.0;
    sums->num += num;
    sums->den += den;
    sums->num_num += num * num;
    sums->num_den += num * den;
    sums->den_den += den * den;
}

struct cr_interval cr_linear_ratio_sums(const struct cr_ratio_sums *sums,
                                        double level) {
    if (sums->clusters < 2.0 || sums->den <= 0.0) {
        return (struct cr_interval){
            NAN, NAN, sums->clusters < 1.0 ? "no data" : "one question only"};
    }
    double ratio = sums->num / sums->den, dof = sums->clusters - 1.0;
    double square =
        sums->num_num - 2.0 * ratio * sums->num_den + ratio * ratio * sums->den_den;
    double error = sqrt(fmax(square, 0.0) * sums->clusters / dof) / sums->den;
    double half = -cr_t_quantile(0.5 * (1.0 - level), dof) * error;
    return (struct cr_interval){ratio - half, ratio + half, NULL};
}

struct cr_interval cr_linear_ratio(const struct cr_ratio_term *cluster, size_t len,
                                   double level) {
    struct cr_ratio_sums sums = {0};
    for (size_t i = 0; i < len; i++) {
        cr_ratio_sums_add(&sums, cluster[i].num, cluster[i].den);
    }
    return cr_linear_ratio_sums(&sums, level);
}
