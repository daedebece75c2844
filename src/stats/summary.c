// summary.c - the sums over questions that accuracy, worth and their intervals need.
#include "credence/stats/summary.h"

#include <math.h>
#include <string.h>

#include "credence/base/mem.h"

struct question {
    double scored, opening, final, vote;
    double priced, brier_opening, brier_final;
    double measured, error_opening, error_final;
};

struct cr_summary {
    struct cr_summary_cfg cfg;
    struct question *question; // [questions]
    struct cr_moves *moves;
    uint64_t n, status[CR_EPISODE_STATUS_COUNT], converged, finished;
    uint64_t right_to_wrong, wrong_to_right, ties, voted;
    uint32_t longest; // judgments
    double iterations_sum;
    double tokens, calls, latency_s, usd;
    uint64_t quantile_n;
    double pinball[2], covered[2]; // opening, final
};

enum cr_status cr_summary_create(const struct cr_summary_cfg *cfg,
                                 struct cr_summary **out) {
    struct cr_summary *summary = cr_calloc(1, sizeof *summary);
    if (summary == NULL) {
        return CR_E_MEMORY;
    }
    summary->cfg = *cfg;
    summary->question =
        cr_calloc((size_t)cfg->questions + 1, sizeof *summary->question);
    enum cr_status status = summary->question == NULL
                                ? CR_E_MEMORY
                                : cr_moves_create(cfg->iterations, cfg->questions,
                                                  cfg->propositions, &summary->moves);
    if (status != CR_OK) {
        cr_summary_destroy(summary);
        return status;
    }
    *out = summary;
    return CR_OK;
}

void cr_summary_destroy(struct cr_summary *summary) {
    if (summary == NULL) {
        return;
    }
    cr_moves_destroy(summary->moves);
    cr_free(summary->question);
    cr_free(summary);
}

static void add_scores(struct cr_summary *summary, const struct cr_market *market) {
    struct question *question = &summary->question[market->question];
    double opening = cr_score_opening(market), final = cr_score_final(market);
    question->scored += 1.0;
    question->opening += opening;
    question->final += final;
    if (market->has_samples) {
        question->vote += cr_score_vote(market);
        summary->voted++;
    }
    summary->right_to_wrong += opening == 1.0 && final == 0.0;
    summary->wrong_to_right += opening == 0.0 && final == 1.0;
    summary->ties += (opening > 0.0 && opening < 1.0) || (final > 0.0 && final < 1.0);
    if (market->status != CR_DONE || market->prices_len == 0) {
        return;
    }
    question->priced += 1.0;
    question->brier_opening += cr_brier_at(market, 0);
    question->brier_final += cr_brier_at(market, market->prices_len - 1);
}

// Pinball loss of the 5, 50 and 95 % quantiles, averaged over the three.
static double pinball(const double *quantile, double truth) {
    static const double level[3] = {0.05, 0.5, 0.95};
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        double above = truth - quantile[i];
        sum += above >= 0.0 ? level[i] * above : (level[i] - 1.0) * above;
    }
    return sum / 3.0;
}

static void add_errors(struct cr_summary *summary, const struct cr_market *market) {
    if (market->status != CR_DONE || market->prices_len == 0) {
        return;
    }
    struct question *question = &summary->question[market->question];
    uint32_t last = market->prices_len - 1;
    question->measured += 1.0;
    question->error_opening += fabs(market->price[0] - market->truth);
    question->error_final += fabs(market->price[last] - market->truth);
    if (market->quantile == NULL || isnan(market->quantile[0])) {
        return;
    }
    summary->quantile_n++;
    for (int end = 0; end < 2; end++) {
        const double *quantile = market->quantile + 3 * (end == 0 ? 0 : (size_t)last);
        summary->pinball[end] += pinball(quantile, market->truth);
        summary->covered[end] +=
            quantile[0] <= market->truth && market->truth <= quantile[2];
    }
}

enum cr_status cr_summary_add(struct cr_summary *summary,
                              const struct cr_market *market) {
    summary->n++;
    summary->status[market->status]++;
    if (!cr_market_is_scored(market)) {
        return CR_OK;
    }
    summary->finished++;
    if (market->prices_len > summary->longest) {
        summary->longest = market->prices_len;
    }
    summary->tokens += market->tokens;
    summary->calls += market->calls;
    summary->latency_s += market->latency_s;
    summary->usd += market->usd;
    if (market->status == CR_DONE && market->prices_len > 0) {
        summary->iterations_sum += market->prices_len - 1;
        summary->converged += cr_ended_by_rule(market->ended);
    }
    if (market->space == CR_SPACE_CONTINUOUS) {
        add_errors(summary, market);
    } else {
        add_scores(summary, market);
    }
    cr_moves_add(summary->moves, market);
    return CR_OK;
}

// One numerator and denominator a question, as byte offsets into struct question.
struct ratio {
    size_t plus, minus, den; // minus == SIZE_MAX: nothing is subtracted
};

static size_t gather(const struct cr_summary *summary, struct ratio ratio,
                     struct cr_ratio_term *out) {
    size_t len = 0;
    for (uint32_t i = 0; i < summary->cfg.questions; i++) {
        const char *base = (const char *)&summary->question[i];
        double plus, minus = 0.0, den;
        memcpy(&plus, base + ratio.plus, sizeof plus);
        memcpy(&den, base + ratio.den, sizeof den);
        if (ratio.minus != SIZE_MAX) {
            memcpy(&minus, base + ratio.minus, sizeof minus);
        }
        if (den > 0.0) {
            out[len++] = (struct cr_ratio_term){plus - minus, den};
        }
    }
    return len;
}

static double ratio_of(const struct cr_ratio_term *cluster, size_t len) {
    double num = 0.0, den = 0.0;
    for (size_t i = 0; i < len; i++) {
        num += cluster[i].num;
        den += cluster[i].den;
    }
    return den > 0.0 ? num / den : NAN;
}

// Estimate and bootstrap interval of one ratio; SCRATCH holds a cluster a question.
static enum cr_status estimate(const struct cr_summary *summary, struct ratio ratio,
                               struct cr_ratio_term *scratch, double *value,
                               struct cr_interval *interval) {
    struct cr_bootstrap how = {summary->cfg.resamples, summary->cfg.level,
                               summary->cfg.seed};
    size_t len = gather(summary, ratio, scratch);
    *value = ratio_of(scratch, len);
    return cr_bootstrap_ratio(scratch, len, &how, interval);
}

static struct cr_ratio_term *scratch_for(const struct cr_summary *summary) {
    return cr_malloc(((size_t)summary->cfg.questions + 1) *
                     sizeof(struct cr_ratio_term));
}

static enum cr_status test_difference(const struct cr_summary *summary,
                                      struct cr_ratio_term *scratch, struct ratio ratio,
                                      struct cr_test *out) {
    size_t len = gather(summary, ratio, scratch);
    double *diff = cr_malloc((len + 1) * sizeof *diff);
    if (diff == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < len; i++) {
        diff[i] = scratch[i].num;
    }
    enum cr_status status =
        cr_permutation(diff, len, summary->cfg.resamples, summary->cfg.seed, out);
    cr_free(diff);
    return status;
}

static void count(const struct cr_summary *summary, struct cr_accuracy *out) {
    memset(out, 0, sizeof *out);
    out->n = summary->n;
    out->done = summary->status[CR_DONE];
    out->invalid = summary->status[CR_INVALID];
    out->failed = summary->status[CR_FAILED];
    out->pending = summary->status[CR_PENDING];
    out->coverage =
        out->n > 0 ? (double)(out->done + out->invalid) / (double)out->n : NAN;
    for (uint32_t i = 0; i < summary->cfg.questions; i++) {
        out->scored += (uint64_t)summary->question[i].scored;
        out->questions += summary->question[i].scored > 0.0;
    }
    double done = (double)out->done, finished = done + (double)out->invalid;
    out->converged = out->done > 0 ? (double)summary->converged / done : NAN;
    out->iterations = out->done > 0 ? summary->iterations_sum / done : NAN;
    out->converged_interval =
        cr_wilson((double)summary->converged, done, summary->cfg.level);
    out->invalid_interval =
        cr_wilson((double)out->invalid, finished, summary->cfg.level);
    out->right_to_wrong = summary->right_to_wrong;
    out->wrong_to_right = summary->wrong_to_right;
    out->ties = summary->ties;
    out->mcnemar = cr_mcnemar(summary->wrong_to_right, summary->right_to_wrong);
}

static enum cr_status add_vote(const struct cr_summary *summary,
                               struct cr_ratio_term *scratch, struct cr_accuracy *out) {
    static const struct ratio vote = {offsetof(struct question, vote), SIZE_MAX,
                                      offsetof(struct question, scored)};
    static const struct ratio gain = {offsetof(struct question, vote),
                                      offsetof(struct question, final),
                                      offsetof(struct question, scored)};
    out->vote = out->vote_gain = NAN;
    out->vote_interval = out->vote_gain_interval =
        (struct cr_interval){NAN, NAN, "not self_consistency"};
    if (out->scored == 0 || summary->voted < out->scored) {
        return CR_OK;
    }
    enum cr_status status =
        estimate(summary, vote, scratch, &out->vote, &out->vote_interval);
    return status == CR_OK ? estimate(summary, gain, scratch, &out->vote_gain,
                                      &out->vote_gain_interval)
                           : status;
}

enum cr_status cr_summary_accuracy(const struct cr_summary *summary,
                                   struct cr_accuracy *out) {
    static const struct ratio opening = {offsetof(struct question, opening), SIZE_MAX,
                                         offsetof(struct question, scored)};
    static const struct ratio final = {offsetof(struct question, final), SIZE_MAX,
                                       offsetof(struct question, scored)};
    static const struct ratio both = {offsetof(struct question, final),
                                      offsetof(struct question, opening),
                                      offsetof(struct question, scored)};
    struct cr_ratio_term *scratch = scratch_for(summary);
    if (scratch == NULL) {
        return CR_E_MEMORY;
    }
    struct cr_accuracy made;
    count(summary, &made);
    enum cr_status status =
        estimate(summary, opening, scratch, &made.opening, &made.opening_interval);
    if (status == CR_OK) {
        status = estimate(summary, final, scratch, &made.final, &made.final_interval);
    }
    if (status == CR_OK) {
        status = estimate(summary, both, scratch, &made.difference,
                          &made.difference_interval);
    }
    if (status == CR_OK) {
        status = add_vote(summary, scratch, &made);
    }
    if (status == CR_OK) {
        status = test_difference(summary, scratch, both, &made.permutation);
    }
    // A protocol of one judgment has nothing to test, nor a place in Holm's family.
    if (summary->longest == 1 && made.permutation.reason == NULL) {
        made.permutation = (struct cr_test){NAN, 0.0, true, "one judgment each"};
    }
    cr_free(scratch);
    if (status == CR_OK) {
        *out = made;
    }
    return status;
}

enum cr_status cr_summary_brier(const struct cr_summary *summary,
                                struct cr_brier *out) {
    static const struct ratio both = {offsetof(struct question, brier_final),
                                      offsetof(struct question, brier_opening),
                                      offsetof(struct question, priced)};
    struct cr_ratio_term *scratch = scratch_for(summary);
    if (scratch == NULL) {
        return CR_E_MEMORY;
    }
    struct question all = {0};
    for (uint32_t i = 0; i < summary->cfg.questions; i++) {
        all.priced += summary->question[i].priced;
        all.brier_opening += summary->question[i].brier_opening;
        all.brier_final += summary->question[i].brier_final;
    }
    struct cr_brier made = {.n = (uint64_t)all.priced,
                            .opening = all.brier_opening / all.priced,
                            .final = all.brier_final / all.priced};
    size_t len = gather(summary, both, scratch);
    made.difference = ratio_of(scratch, len);
    made.difference_interval = cr_linear_ratio(scratch, len, summary->cfg.level);
    cr_free(scratch);
    *out = made;
    return CR_OK;
}

void cr_summary_worth(const struct cr_summary *summary, struct cr_worth *out) {
    double n = (double)summary->finished, scored = 0.0, opening = 0.0, final = 0.0;
    for (uint32_t i = 0; i < summary->cfg.questions; i++) {
        scored += summary->question[i].scored;
        opening += summary->question[i].opening;
        final += summary->question[i].final;
    }
    double points = 100.0 * (final - opening) / scored;
    *out = (struct cr_worth){.n = summary->finished,
                             .tokens = summary->tokens / n,
                             .calls = summary->calls / n,
                             .latency_s = summary->latency_s / n,
                             .usd = summary->usd / n,
                             .accuracy_per_1000_tokens = NAN,
                             .tokens_per_point = NAN,
                             .usd_per_point = NAN};
    if (out->tokens > 0.0) {
        out->accuracy_per_1000_tokens = final / scored / (out->tokens / 1000.0);
    }
    if (points > 0.0) {
        out->tokens_per_point = out->tokens / points;
        out->usd_per_point = out->usd / points;
    }
}

enum cr_status cr_summary_continuous(const struct cr_summary *summary,
                                     struct cr_continuous *out) {
    static const struct ratio both = {offsetof(struct question, error_final),
                                      offsetof(struct question, error_opening),
                                      offsetof(struct question, measured)};
    struct cr_ratio_term *scratch = scratch_for(summary);
    if (scratch == NULL) {
        return CR_E_MEMORY;
    }
    struct question all = {0};
    for (uint32_t i = 0; i < summary->cfg.questions; i++) {
        all.measured += summary->question[i].measured;
        all.error_opening += summary->question[i].error_opening;
        all.error_final += summary->question[i].error_final;
    }
    double quantiles = (double)summary->quantile_n;
    struct cr_continuous made = {.n = (uint64_t)all.measured,
                                 .opening_error = all.error_opening / all.measured,
                                 .final_error = all.error_final / all.measured,
                                 .quantile_n = summary->quantile_n,
                                 .opening_pinball = summary->pinball[0] / quantiles,
                                 .final_pinball = summary->pinball[1] / quantiles,
                                 .opening_coverage = summary->covered[0] / quantiles,
                                 .final_coverage = summary->covered[1] / quantiles};
    enum cr_status status =
        estimate(summary, both, scratch, &made.difference, &made.difference_interval);
    cr_free(scratch);
    if (status == CR_OK) {
        *out = made;
    }
    return status;
}

enum cr_status cr_summary_dynamics(const struct cr_summary *summary,
                                   struct cr_dynamics *out) {
    return cr_moves_finish(summary->moves, summary->cfg.level, out);
}
