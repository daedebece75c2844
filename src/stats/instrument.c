// instrument.c - how prices are spread over the numbers that a maker may say.
#include "credence/stats/instrument.h"

#include <math.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"

enum { SLOTS = 2 * CR_DISTINCT_MAX };

struct counts {
    double n, prompt, heaped, half, ends;
    double label_n[2], label_sum[2]; // binary markets, by label
};

struct cr_instrument {
    struct cr_instrument_cfg cfg;
    struct counts all;
    struct counts *step;         // [iterations]
    struct cr_ratio_sums prompt; // over questions
    struct cr_ratio_sums *step_prompt;
    struct cr_ratio_term *now; // [iterations] of the present question
    double *label;             // [questions so far][4] n and sum by label
    uint32_t len;
    uint64_t markets, never_left, distinct;
    double seen[SLOTS]; // NaN: free
};

void cr_instrument_destroy(struct cr_instrument *instrument) {
    if (instrument == NULL) {
        return;
    }
    cr_free(instrument->step);
    cr_free(instrument->step_prompt);
    cr_free(instrument->now);
    cr_free(instrument->label);
    cr_free(instrument);
}

enum cr_status cr_instrument_create(const struct cr_instrument_cfg *cfg,
                                    struct cr_instrument **out) {
    struct cr_instrument *made = cr_calloc(1, sizeof *made);
    if (made == NULL) {
        return CR_E_MEMORY;
    }
    size_t steps = (size_t)cfg->iterations + 1;
    made->cfg = *cfg;
    made->step = cr_calloc(steps, sizeof *made->step);
    made->step_prompt = cr_calloc(steps, sizeof *made->step_prompt);
    made->now = cr_calloc(steps, sizeof *made->now);
    made->label = cr_calloc(((size_t)cfg->questions + 1) * 4, sizeof *made->label);
    if (made->step == NULL || made->step_prompt == NULL || made->now == NULL ||
        made->label == NULL) {
        cr_instrument_destroy(made);
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        made->seen[i] = NAN;
    }
    *out = made;
    return CR_OK;
}

static bool is_near(double price, double number) {
    return fabs(price - number) <= CR_SAME_NUMBER;
}

static bool is_of_prompt(const struct cr_instrument_cfg *cfg, double price) {
    for (size_t i = 0; i < cfg->numbers; i++) {
        if (is_near(price, cfg->number[i])) {
            return true;
        }
    }
    return false;
}

bool cr_instrument_never_left(const struct cr_instrument_cfg *cfg,
                              const struct cr_market *market) {
    if (market->prices_len == 0 || market->space == CR_SPACE_CONTINUOUS) {
        return false;
    }
    uint32_t leader = cr_market_leader(market);
    for (uint32_t t = 0; t < market->prices_len; t++) {
        if (!is_of_prompt(cfg, cr_market_price(market, leader, t))) {
            return false;
        }
    }
    return true;
}

static void note_distinct(struct cr_instrument *instrument, double price) {
    if (instrument->distinct == CR_DISTINCT_MAX) {
        return;
    }
    double plain = price + 0.0; // no -0.0
    uint64_t slot = cr_hash64(&plain, sizeof plain, 0) % SLOTS;
    while (!isnan(instrument->seen[slot])) {
        if (instrument->seen[slot] == plain) {
            return;
        }
        slot = (slot + 1) % SLOTS;
    }
    instrument->seen[slot] = plain;
    instrument->distinct++;
}

static void count_price(struct counts *counts, double price, bool is_prompt) {
    counts->n += 1.0;
    counts->prompt += is_prompt;
    counts->heaped += is_near(10.0 * price, round(10.0 * price));
    counts->half += is_near(price, 0.5);
    counts->ends += price == 0.0 || price == 1.0;
}

static void count_label(struct counts *counts, double *question, double price,
                        int label) {
    counts->label_n[label] += 1.0;
    counts->label_sum[label] += price;
    question[2 * label] += 1.0;
    question[2 * label + 1] += price;
}

static void add_market(struct cr_instrument *instrument,
                       const struct cr_market *market) {
    uint32_t leader = cr_market_leader(market);
    double *question = &instrument->label[(size_t)instrument->len * 4];
    double none[4];
    for (uint32_t t = 0; t < market->prices_len; t++) {
        double price = cr_market_price(market, leader, t);
        bool is_prompt = is_of_prompt(&instrument->cfg, price);
        count_price(&instrument->all, price, is_prompt);
        count_price(&instrument->step[t], price, is_prompt);
        instrument->now[t].num += is_prompt;
        instrument->now[t].den += 1.0;
        note_distinct(instrument, price);
        if (market->options == NULL && (market->label == 0 || market->label == 1)) {
            count_label(&instrument->all, question, price, market->label);
            memset(none, 0, sizeof none);
            count_label(&instrument->step[t], none, price, market->label);
        }
    }
    instrument->markets++;
    instrument->never_left += cr_instrument_never_left(&instrument->cfg, market);
}

void cr_instrument_add(struct cr_instrument *instrument, const struct cr_market *market,
                       size_t len) {
    struct cr_ratio_term sum = {0.0, 0.0};
    for (size_t i = 0; i < len; i++) {
        if (market[i].status == CR_DONE && market[i].prices_len > 0 &&
            market[i].space != CR_SPACE_CONTINUOUS) {
            add_market(instrument, &market[i]);
        }
    }
    for (uint32_t t = 0; t < instrument->cfg.iterations; t++) {
        struct cr_ratio_term *now = &instrument->now[t];
        if (now->den > 0.0) {
            cr_ratio_sums_add(&instrument->step_prompt[t], now->num, now->den);
            sum.num += now->num;
            sum.den += now->den;
        }
        *now = (struct cr_ratio_term){0.0, 0.0};
    }
    if (sum.den > 0.0) {
        cr_ratio_sums_add(&instrument->prompt, sum.num, sum.den);
        instrument->len++;
    }
}

// SUMS: n and sum of prices of false claims, then of true ones.
static double yes_bias(const double *sums, const void *ctx) {
    (void)ctx;
    return 0.5 * (sums[1] / sums[0] + sums[3] / sums[2]) - 0.5;
}

static void finish_counts(const struct counts *counts, bool has_numbers,
                          const struct cr_ratio_sums *prompt, double level,
                          struct cr_instrument_numbers *out) {
    double labels[4] = {counts->label_n[0], counts->label_sum[0], counts->label_n[1],
                        counts->label_sum[1]};
    *out = (struct cr_instrument_numbers){
        .n = (uint64_t)counts->n,
        .prompt_number = has_numbers ? counts->prompt / counts->n : NAN,
        .prompt_number_interval = {NAN, NAN, "the instructions are not at hand"},
        .heaped = counts->heaped / counts->n,
        .half = counts->half / counts->n,
        .ends = counts->ends / counts->n,
        .yes_bias = yes_bias(labels, NULL)};
    if (has_numbers) {
        out->prompt_number_interval = cr_linear_ratio_sums(prompt, level);
    }
}

enum cr_status cr_instrument_finish(const struct cr_instrument *instrument,
                                    double level, struct cr_instrument_result *out) {
    bool has_numbers = instrument->cfg.has_numbers;
    struct cr_instrument_result made = {.distinct = instrument->distinct,
                                        .markets = instrument->markets,
                                        .never_left = instrument->never_left,
                                        .steps = instrument->cfg.iterations};
    made.never_left_share =
        has_numbers ? (double)made.never_left / (double)made.markets : NAN;
    made.step = cr_calloc((size_t)made.steps + 1, sizeof *made.step);
    if (made.step == NULL) {
        return CR_E_MEMORY;
    }
    finish_counts(&instrument->all, has_numbers, &instrument->prompt, level, &made.all);
    for (uint32_t t = 0; t < made.steps; t++) {
        finish_counts(&instrument->step[t], has_numbers, &instrument->step_prompt[t],
                      level, &made.step[t]);
    }
    struct cr_jackknife how = {instrument->label, instrument->len, 4, yes_bias, NULL};
    double estimate = NAN;
    made.yes_bias_interval = cr_jackknife_interval(&how, level, &estimate);
    *out = made;
    return CR_OK;
}

void cr_instrument_result_fini(struct cr_instrument_result *result) {
    cr_free(result->step);
    result->step = NULL;
}
