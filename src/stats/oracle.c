// oracle.c - the best fixed iteration, cross-fitted by question.
#include "credence/stats/oracle.h"

#include <math.h>

#include "credence/base/mem.h"

struct cr_oracle {
    uint32_t iterations, len; // questions so far
    double *points;           // [questions][iterations]
    double *n;                // [questions]
    double opening, ceiling;
};

enum cr_status cr_oracle_create(uint32_t iterations, uint32_t questions,
                                struct cr_oracle **out) {
    struct cr_oracle *made = cr_calloc(1, sizeof *made);
    if (made == NULL) {
        return CR_E_MEMORY;
    }
    made->iterations = iterations;
    made->points =
        cr_calloc(((size_t)questions + 1) * iterations, sizeof *made->points);
    made->n = cr_calloc((size_t)questions + 1, sizeof *made->n);
    if (made->points == NULL || made->n == NULL) {
        cr_oracle_destroy(made);
        return CR_E_MEMORY;
    }
    *out = made;
    return CR_OK;
}

void cr_oracle_destroy(struct cr_oracle *oracle) {
    if (oracle == NULL) {
        return;
    }
    cr_free(oracle->points);
    cr_free(oracle->n);
    cr_free(oracle);
}

// An invalid market is wrong from the first judgment that it could not make.
static double points_at(const struct cr_market *market, uint32_t t) {
    bool is_over = t >= market->prices_len && market->status == CR_INVALID;
    return market->prices_len == 0 || is_over
               ? 0.0
               : cr_score_at(market, cr_market_shown(market, t));
}

static bool is_counted(const struct cr_market *market) {
    return cr_market_is_scored(market) && market->space != CR_SPACE_CONTINUOUS;
}

void cr_oracle_add(struct cr_oracle *oracle, const struct cr_market *market) {
    if (!is_counted(market)) {
        return;
    }
    double *row = &oracle->points[(size_t)oracle->len * oracle->iterations];
    double most = 0.0;
    for (uint32_t t = 0; t < oracle->iterations; t++) {
        double points = points_at(market, t);
        row[t] += points;
        most = points > most ? points : most;
    }
    oracle->opening += points_at(market, 0);
    oracle->ceiling += most;
    oracle->n[oracle->len] += 1.0;
}

void cr_oracle_question(struct cr_oracle *oracle) {
    oracle->len += oracle->n[oracle->len] > 0.0;
}

// The iteration with the most points over the questions outside FOLD.
static uint32_t best_without(const struct cr_oracle *oracle, uint32_t fold) {
    uint32_t best = 0;
    double most = -1.0;
    for (uint32_t t = 0; t < oracle->iterations; t++) {
        double sum = 0.0;
        for (uint32_t q = 0; q < oracle->len; q++) {
            sum += q % CR_ORACLE_FOLDS != fold
                       ? oracle->points[(size_t)q * oracle->iterations + t]
                       : 0.0;
        }
        if (sum > most + 1e-9) {
            best = t;
            most = sum;
        }
    }
    return best;
}

void cr_oracle_finish(const struct cr_oracle *oracle, double level,
                      struct cr_oracle_result *out) {
    struct cr_ratio_sums sums = {0};
    *out = (struct cr_oracle_result){.questions = oracle->len,
                                     .best = best_without(oracle, CR_ORACLE_FOLDS)};
    for (uint32_t f = 0; f < CR_ORACLE_FOLDS; f++) {
        out->best_of_fold[f] = best_without(oracle, f);
    }
    for (uint32_t q = 0; q < oracle->len; q++) {
        uint32_t t = out->best_of_fold[q % CR_ORACLE_FOLDS];
        cr_ratio_sums_add(&sums, oracle->points[(size_t)q * oracle->iterations + t],
                          oracle->n[q]);
    }
    out->n = (uint64_t)sums.den;
    out->points = sums.num / sums.den;
    out->opening = oracle->opening / sums.den;
    out->ceiling = oracle->ceiling / sums.den;
    out->interval = cr_linear_ratio_sums(&sums, level);
}

double cr_oracle_points(const struct cr_oracle_result *oracle, uint32_t question,
                        const struct cr_market *market) {
    return is_counted(market)
               ? points_at(market, oracle->best_of_fold[question % CR_ORACLE_FOLDS])
               : NAN;
}
