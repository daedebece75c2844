// comparison.c - two groups paired by proposition, clustered by question.
#include "credence/stats/comparison.h"

#include <math.h>
#include <string.h>

#include "credence/base/mem.h"

enum cr_status cr_arm_init(struct cr_arm *arm, uint32_t propositions) {
    struct cr_arm made = {.propositions = propositions};
    made.score = cr_calloc((size_t)propositions + 1, sizeof *made.score);
    made.n = cr_calloc((size_t)propositions + 1, sizeof *made.n);
    made.question = cr_calloc((size_t)propositions + 1, sizeof *made.question);
    if (made.score == NULL || made.n == NULL || made.question == NULL) {
        cr_arm_fini(&made);
        return CR_E_MEMORY;
    }
    *arm = made;
    return CR_OK;
}

void cr_arm_fini(struct cr_arm *arm) {
    cr_free(arm->score);
    cr_free(arm->n);
    cr_free(arm->question);
    memset(arm, 0, sizeof *arm);
}

void cr_arm_clear(struct cr_arm *arm) {
    memset(arm->score, 0, arm->propositions * sizeof *arm->score);
    memset(arm->n, 0, arm->propositions * sizeof *arm->n);
    arm->calls = arm->tokens = arm->usd = arm->finished = 0.0;
}

void cr_arm_add_value(struct cr_arm *arm, const struct cr_market *market,
                      double value) {
    arm->finished += 1.0;
    arm->calls += market->calls;
    arm->tokens += market->tokens;
    arm->usd += market->usd;
    if (market->space == CR_SPACE_CONTINUOUS) {
        return;
    }
    arm->score[market->proposition] += value;
    arm->n[market->proposition] += 1.0;
    arm->question[market->proposition] = market->question;
}

void cr_arm_add(struct cr_arm *arm, const struct cr_market *market) {
    if (cr_market_is_scored(market)) {
        cr_arm_add_value(arm, market, cr_score_final(market));
    }
}

void cr_arm_add_cut(struct cr_arm *arm, const struct cr_market *market, uint32_t t) {
    if (!cr_market_is_scored(market)) {
        return;
    }
    bool is_made = t < market->prices_len;
    cr_arm_add_value(arm, market,
                     is_made ? cr_score_at(market, t) : cr_score_final(market));
}

struct sums {
    struct cr_ratio_term *cluster; // [questions], then squeezed
    double *diff;
    double first, second;
    size_t clusters;
};

// Pair what both arms scored.
static void pair(const struct cr_arm *first, const struct cr_arm *second,
                 struct sums *sums, struct cr_comparison *out) {
    bool whole = true;
    for (uint32_t i = 0; i < first->propositions; i++) {
        if (first->n[i] == 0.0 || second->n[i] == 0.0) {
            continue;
        }
        double a = first->score[i] / first->n[i], b = second->score[i] / second->n[i];
        struct cr_ratio_term *cluster = &sums->cluster[first->question[i]];
        cluster->num += a - b;
        cluster->den += 1.0;
        sums->first += a;
        sums->second += b;
        out->pairs++;
        out->first_only += a == 1.0 && b == 0.0;
        out->second_only += a == 0.0 && b == 1.0;
        whole = whole && first->n[i] == 1.0 && second->n[i] == 1.0;
    }
    out->mcnemar = whole ? cr_mcnemar(out->first_only, out->second_only)
                         : (struct cr_test){NAN, 0.0, false, "several replicates"};
}

static void squeeze(struct sums *sums, uint32_t questions) {
    for (uint32_t i = 0; i < questions; i++) {
        if (sums->cluster[i].den > 0.0) {
            sums->diff[sums->clusters] = sums->cluster[i].num;
            sums->cluster[sums->clusters++] = sums->cluster[i];
        }
    }
}

enum cr_status cr_compare(const struct cr_arm *first, const struct cr_arm *second,
                          uint32_t questions, const struct cr_bootstrap *how,
                          struct cr_comparison *out) {
    struct sums sums = {.cluster =
                            cr_calloc((size_t)questions + 1, sizeof *sums.cluster),
                        .diff = cr_calloc((size_t)questions + 1, sizeof *sums.diff)};
    struct cr_comparison made = {.first_calls = first->calls / first->finished,
                                 .second_calls = second->calls / second->finished,
                                 .first_tokens = first->tokens / first->finished,
                                 .second_tokens = second->tokens / second->finished,
                                 .first_usd = first->usd / first->finished,
                                 .second_usd = second->usd / second->finished};
    enum cr_status status = CR_E_MEMORY;
    if (sums.cluster == NULL || sums.diff == NULL) {
        goto out;
    }
    pair(first, second, &sums, &made);
    squeeze(&sums, questions);
    double pairs = (double)made.pairs;
    made.questions = sums.clusters;
    made.first = sums.first / pairs;
    made.second = sums.second / pairs;
    made.difference = (sums.first - sums.second) / pairs;
    status = cr_bootstrap_ratio(sums.cluster, sums.clusters, how, &made.interval);
    if (status == CR_OK) {
        status = cr_permutation(sums.diff, sums.clusters, how->resamples, how->seed,
                                &made.permutation);
    }
    if (status == CR_OK) {
        *out = made;
    }
out:
    cr_free(sums.cluster);
    cr_free(sums.diff);
    return status;
}
