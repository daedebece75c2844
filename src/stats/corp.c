// corp.c - pool adjacent violators, and what the pools say of scores.
//
// Forecasts are sorted once by a radix sort over 32 bits of the price (three passes,
// then a walk that mends the few prices that share all of them), for a qsort of a
// million prices would take longer than everything else.
#include "credence/stats/corp.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/stats/calibration.h"

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS, PASSES = 3 };

struct place { // of a forecast before sorting
    uint32_t key, at;
};

static uint32_t sort_key(double price) {
    return (uint32_t)(fmin(fmax(price, 0.0), 1.0) * 4294967295.0);
}

static void radix_pass(const struct place *from, struct place *to, size_t len,
                       size_t *next, int shift) {
    size_t at = 0;
    for (size_t k = 0; k < RADIX; k++) { // counts to where each digit begins
        size_t count = next[k];
        next[k] = at;
        at += count;
    }
    for (size_t i = 0; i < len; i++) {
        to[next[from[i].key >> shift & (RADIX - 1)]++] = from[i];
    }
}

// Sorted places into ONE; OTHER is scratch.
static void sort_places(struct place *one, struct place *other, size_t len) {
    static_assert(PASSES * RADIX_BITS >= 32, "every bit of the key is sorted by");
    size_t count[PASSES][RADIX] = {{0}};
    for (size_t i = 0; i < len; i++) {
        for (int pass = 0; pass < PASSES; pass++) {
            count[pass][one[i].key >> (pass * RADIX_BITS) & (RADIX - 1)]++;
        }
    }
    radix_pass(one, other, len, count[0], 0);
    radix_pass(other, one, len, count[1], RADIX_BITS);
    radix_pass(one, other, len, count[2], 2 * RADIX_BITS);
    memcpy(one, other, len * sizeof *one);
}

static enum cr_status sort_by_price(struct cr_corp_forecast *forecast, size_t len) {
    struct cr_corp_forecast *sorted = cr_malloc((len + 1) * sizeof *sorted);
    struct place *place = cr_malloc((len + 1) * 2 * sizeof *place);
    if (sorted == NULL || place == NULL) {
        cr_free(sorted);
        cr_free(place);
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < len; i++) {
        place[i] = (struct place){sort_key(forecast[i].price), (uint32_t)i};
    }
    sort_places(place, place + len, len);
    for (size_t i = 0; i < len; i++) { // one key may hold several prices
        struct cr_corp_forecast one = forecast[place[i].at];
        size_t k = i;
        for (; k > 0 && sorted[k - 1].price > one.price; k--) {
            sorted[k] = sorted[k - 1];
        }
        sorted[k] = one;
    }
    memcpy(forecast, sorted, len * sizeof *sorted);
    cr_free(sorted);
    cr_free(place);
    return CR_OK;
}

// A pool while it may still be joined with the one before: places FIRST .. in the
// sorted forecasts.
struct pool {
    size_t first;
    double weight, sum;
};

// Add the forecasts of one price as a pool, and join backwards while shares fall.
static void push_pool(struct pool *pool, size_t *pools, struct pool one) {
    while (*pools > 0 &&
           pool[*pools - 1].sum * one.weight >= one.sum * pool[*pools - 1].weight) {
        (*pools)--;
        one.first = pool[*pools].first;
        one.weight += pool[*pools].weight;
        one.sum += pool[*pools].sum;
    }
    pool[(*pools)++] = one;
}

static size_t pool_forecasts(const struct cr_corp_forecast *forecast, size_t len,
                             struct pool *pool) {
    size_t pools = 0;
    for (size_t i = 0; i < len;) {
        struct pool one = {i, 0.0, 0.0};
        for (size_t from = i; i < len && forecast[i].price == forecast[from].price;
             i++) {
            one.weight += 1.0;
            one.sum += forecast[i].outcome;
        }
        push_pool(pool, &pools, one);
    }
    return pools;
}

static double brier_of(double price, double outcome) {
    return (price - outcome) * (price - outcome);
}

// What is certain and right costs nothing: 0 ln 0 is 0.
static double log_of(double price, double outcome) {
    double cost = 0.0;
    if (outcome > 0.0) {
        cost -= outcome * log(price);
    }
    if (outcome < 1.0) {
        cost -= (1.0 - outcome) * log1p(-price);
    }
    return cost;
}

static double clip(double price) {
    return fmin(fmax(price, CR_LOG_CLIP), 1.0 - CR_LOG_CLIP);
}

// Sums of one question of the four parts of a score: price, recalibrated, base rate.
enum { PRICE, POOLED, BASE, SCORES };
struct question_scores {
    double n, brier[SCORES], log[SCORES];
};

// Binary outcomes take two values: their logarithms are taken once a pool.
struct logs {
    double price[2]; // cost of an outcome of 0 and of 1
};

static double log_cost(const struct logs *logs, double price, double outcome) {
    return outcome == 0.0   ? logs->price[0]
           : outcome == 1.0 ? logs->price[1]
                            : log_of(price, outcome);
}

static void add_scores(const struct cr_corp_forecast *one, double share, double base,
                       const struct logs logs[2], struct question_scores *to) {
    double clipped = clip(one->price);
    to->n += 1.0;
    to->brier[PRICE] += brier_of(one->price, one->outcome);
    to->brier[POOLED] += brier_of(share, one->outcome);
    to->brier[BASE] += brier_of(base, one->outcome);
    // 1 - clipped is at least CR_LOG_CLIP: no need of log1p, which takes twice as long.
    to->log[PRICE] += one->outcome == 1.0   ? -log(clipped)
                      : one->outcome == 0.0 ? -log(1.0 - clipped)
                                            : log_of(clipped, one->outcome);
    to->log[POOLED] += log_cost(&logs[0], share, one->outcome);
    to->log[BASE] += log_cost(&logs[1], base, one->outcome);
}

static struct logs logs_of(double price) {
    return (struct logs){{-log1p(-price), -log(price)}};
}

static void score_questions(const struct cr_corp_forecast *forecast, size_t len,
                            const struct pool *pool, size_t pools,
                            struct question_scores *question) {
    double base = 0.0;
    for (size_t k = 0; k < pools; k++) {
        base += pool[k].sum / (double)len;
    }
    for (size_t k = 0; k < pools; k++) {
        double share = pool[k].sum / pool[k].weight;
        size_t end = k + 1 < pools ? pool[k + 1].first : len;
        struct logs logs[2] = {logs_of(share), logs_of(base)};
        for (size_t i = pool[k].first; i < end; i++) {
            add_scores(&forecast[i], share, base, logs,
                       &question[forecast[i].question]);
        }
    }
}

static void finish_score(const struct question_scores *question, uint32_t questions,
                         bool is_log, double level, struct cr_corp_score *out) {
    struct cr_ratio_sums score = {0}, mcb = {0}, dsc = {0}, unc = {0};
    for (uint32_t q = 0; q < questions; q++) {
        const double *s = is_log ? question[q].log : question[q].brier;
        double n = question[q].n;
        if (n > 0.0) {
            cr_ratio_sums_add(&score, s[PRICE], n);
            cr_ratio_sums_add(&mcb, s[PRICE] - s[POOLED], n);
            cr_ratio_sums_add(&dsc, s[BASE] - s[POOLED], n);
            cr_ratio_sums_add(&unc, s[BASE], n);
        }
    }
    *out = (struct cr_corp_score){score.num / score.den,
                                  mcb.num / mcb.den,
                                  dsc.num / dsc.den,
                                  unc.num / unc.den,
                                  cr_linear_ratio_sums(&score, level),
                                  cr_linear_ratio_sums(&mcb, level),
                                  cr_linear_ratio_sums(&dsc, level),
                                  cr_linear_ratio_sums(&unc, level)};
}

// The share of the last pool that begins at or below PRICE.
static double share_at(const struct cr_corp_forecast *forecast, const struct pool *pool,
                       size_t pools, double price) {
    size_t low = 0, high = pools;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (forecast[pool[middle].first].price <= price) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return pool[low].sum / pool[low].weight;
}

static enum cr_status keep_pools(const struct cr_corp_forecast *forecast, size_t len,
                                 const struct pool *pool, size_t pools,
                                 struct cr_corp *out) {
    out->pool = cr_calloc(pools + 1, sizeof *out->pool);
    if (out->pool == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t k = 0; k < pools; k++) {
        size_t end = k + 1 < pools ? pool[k + 1].first : len;
        out->pool[k] = (struct cr_corp_pool){
            forecast[pool[k].first].price, forecast[end - 1].price,
            pool[k].sum / pool[k].weight, end - pool[k].first};
    }
    out->pools = pools;
    for (int g = 0; g < CR_CORP_GRID; g++) {
        double price = (double)g / (CR_CORP_GRID - 1);
        if (price >= forecast[0].price && price <= forecast[len - 1].price) {
            out->band[out->bands++] = (struct cr_corp_band){
                price, share_at(forecast, pool, pools, price), NAN, NAN};
        }
    }
    return CR_OK;
}

struct draws {
    float *uniform;  // [propositions]
    uint32_t *times; // [questions]: how often each was drawn
    struct pool *pool;
    double *share; // [bands][resamples]
};

static void draws_fini(struct draws *draws) {
    cr_free(draws->uniform);
    cr_free(draws->times);
    cr_free(draws->pool);
    cr_free(draws->share);
}

// One set of outcomes as calibrated prices would have them.
static size_t draw_pools(const struct cr_corp_forecast *forecast, size_t len,
                         const struct cr_corp_cfg *cfg, struct draws *draws,
                         struct cr_rng *rng) {
    memset(draws->times, 0, cfg->questions * sizeof *draws->times);
    uint64_t state = cr_rng_u64(rng);
    for (uint32_t q = 0; q < cfg->questions; q++) { // upper half of 32 bits times them
        draws->times[(cr_draw_mixed(&state) >> 32) * cfg->questions >> 32]++;
    }
    for (uint32_t p = 0; p < cfg->propositions; p++) {
        draws->uniform[p] = (float)(cr_draw_mixed(&state) >> 40) * 0x1p-24f;
    }
    size_t pools = 0;
    for (size_t i = 0; i < len;) {
        struct pool one = {i, 0.0, 0.0};
        for (size_t from = i; i < len && forecast[i].price == forecast[from].price;
             i++) {
            double times = draws->times[forecast[i].question];
            double is_true =
                (double)draws->uniform[forecast[i].proposition] < forecast[i].price;
            one.weight += times;
            one.sum += times * is_true;
        }
        if (one.weight > 0.0) {
            push_pool(draws->pool, &pools, one);
        }
    }
    return pools;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t len, double share) {
    double at = share * (double)(len - 1);
    size_t low = (size_t)floor(at);
    return low + 1 >= len
               ? sorted[len - 1]
               : sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

enum { FEW = 20000 }; // above so many forecasts half the draws tell as much

static enum cr_status draw_band(const struct cr_corp_forecast *forecast, size_t len,
                                const struct cr_corp_cfg *cfg, struct cr_corp *out) {
    uint32_t most = len > FEW ? CR_CORP_RESAMPLES_MAX / 2 : CR_CORP_RESAMPLES_MAX;
    uint32_t resamples = cfg->resamples < most ? cfg->resamples : most;
    if (resamples < 2) {
        return CR_OK;
    }
    struct cr_rng rng;
    struct draws draws = {
        .uniform = cr_malloc(((size_t)cfg->propositions + 1) * sizeof(float)),
        .times = cr_malloc(((size_t)cfg->questions + 1) * sizeof(uint32_t)),
        .pool = cr_malloc((len + 1) * sizeof(struct pool)),
        .share = cr_malloc((size_t)CR_CORP_GRID * resamples * sizeof(double))};
    enum cr_status status = CR_E_MEMORY;
    if (draws.uniform == NULL || draws.times == NULL || draws.pool == NULL ||
        draws.share == NULL) {
        goto out;
    }
    cr_rng_seed(&rng, cfg->seed);
    for (uint32_t r = 0; r < resamples; r++) {
        size_t pools = draw_pools(forecast, len, cfg, &draws, &rng);
        for (uint32_t g = 0; g < out->bands; g++) {
            draws.share[(size_t)g * resamples + r] =
                share_at(forecast, draws.pool, pools, out->band[g].price);
        }
    }
    for (uint32_t g = 0; g < out->bands; g++) {
        double *share = draws.share + (size_t)g * resamples;
        qsort(share, resamples, sizeof *share, by_value);
        out->band[g].low = quantile(share, resamples, 0.5 * (1.0 - cfg->level));
        out->band[g].high = quantile(share, resamples, 0.5 * (1.0 + cfg->level));
    }
    status = CR_OK;
out:
    draws_fini(&draws);
    return status;
}

enum cr_status cr_corp_make(struct cr_corp_forecast *forecast, size_t len,
                            const struct cr_corp_cfg *cfg, struct cr_corp *out) {
    struct cr_corp made = {.n = len};
    struct pool *pool = cr_malloc((len + 1) * sizeof *pool);
    struct question_scores *question =
        cr_calloc((size_t)cfg->questions + 1, sizeof *question);
    enum cr_status status =
        pool == NULL || question == NULL ? CR_E_MEMORY : sort_by_price(forecast, len);
    if (status == CR_OK) {
        size_t pools = pool_forecasts(forecast, len, pool);
        score_questions(forecast, len, pool, pools, question);
        finish_score(question, cfg->questions, false, cfg->level, &made.brier);
        finish_score(question, cfg->questions, true, cfg->level, &made.log);
        if (cfg->has_pools && len > 0) {
            status = keep_pools(forecast, len, pool, pools, &made);
        }
    }
    if (status == CR_OK && cfg->has_pools && len > 0) {
        status = draw_band(forecast, len, cfg, &made);
    }
    cr_free(pool);
    cr_free(question);
    if (status != CR_OK) {
        cr_corp_fini(&made);
        return status;
    }
    *out = made;
    return CR_OK;
}

void cr_corp_fini(struct cr_corp *corp) {
    cr_free(corp->pool);
    corp->pool = NULL;
}
