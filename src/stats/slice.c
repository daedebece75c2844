// slice.c - all markets of a group at one iteration.
#include <math.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/stats/dynamics.h"

struct cr_slice {
    uint32_t questions, bins, t;
    double level;
    struct cr_ratio_term *score, *drift; // [questions]
    struct cr_forecasts forecasts;
    uint64_t scored, running, right_to_wrong, wrong_to_right;
    double score_sum, move_sum, drift_sum, truth_sum;
};

enum cr_status cr_slice_create(uint32_t questions, uint32_t bins, double level,
                               struct cr_slice **out) {
    struct cr_slice *slice = cr_calloc(1, sizeof *slice);
    if (slice == NULL) {
        return CR_E_MEMORY;
    }
    slice->questions = questions;
    slice->bins = bins;
    slice->level = level;
    slice->score = cr_calloc((size_t)questions + 1, sizeof *slice->score);
    slice->drift = cr_calloc((size_t)questions + 1, sizeof *slice->drift);
    if (slice->score == NULL || slice->drift == NULL) {
        cr_slice_destroy(slice);
        return CR_E_MEMORY;
    }
    *out = slice;
    return CR_OK;
}

void cr_slice_destroy(struct cr_slice *slice) {
    if (slice == NULL) {
        return;
    }
    cr_free(slice->score);
    cr_free(slice->drift);
    cr_forecasts_fini(&slice->forecasts);
    cr_free(slice);
}

void cr_slice_begin(struct cr_slice *slice, uint32_t t) {
    slice->t = t;
    memset(slice->score, 0, slice->questions * sizeof *slice->score);
    memset(slice->drift, 0, slice->questions * sizeof *slice->drift);
    cr_forecasts_clear(&slice->forecasts);
    slice->scored = slice->running = 0;
    slice->right_to_wrong = slice->wrong_to_right = 0;
    slice->score_sum = slice->move_sum = slice->drift_sum = slice->truth_sum = 0.0;
}

// An invalid market is wrong from the first judgment that it could not make.
static double shown_score(const struct cr_market *market, uint32_t t) {
    if (t >= market->prices_len && market->status == CR_INVALID) {
        return 0.0;
    }
    return market->prices_len == 0 ? 0.0
                                   : cr_score_at(market, cr_market_shown(market, t));
}

static void add_move(struct cr_slice *slice, const struct cr_market *market,
                     double score) {
    uint32_t t = slice->t, leader = cr_market_leader(market);
    slice->running++;
    slice->move_sum += fabs(cr_market_price(market, leader, t) -
                            cr_market_price(market, leader, t - 1));
    if (market->space == CR_SPACE_CONTINUOUS) {
        return;
    }
    double drift = cr_truth_price(market, t) - cr_truth_price(market, t - 1);
    slice->drift_sum += drift;
    slice->drift[market->question].num += drift;
    slice->drift[market->question].den += 1.0;
    double before = cr_score_at(market, t - 1);
    slice->right_to_wrong += before == 1.0 && score == 0.0;
    slice->wrong_to_right += before == 0.0 && score == 1.0;
}

enum cr_status cr_slice_add(struct cr_slice *slice, const struct cr_market *market) {
    if (!cr_market_is_scored(market)) {
        return CR_OK;
    }
    double score = NAN;
    if (market->space != CR_SPACE_CONTINUOUS) {
        score = shown_score(market, slice->t);
        slice->scored++;
        slice->score_sum += score;
        slice->score[market->question].num += score;
        slice->score[market->question].den += 1.0;
    }
    if (market->status != CR_DONE || market->prices_len == 0) {
        return CR_OK;
    }
    if (slice->t > 0 && slice->t < market->prices_len) {
        add_move(slice, market, score);
    }
    if (market->space == CR_SPACE_CONTINUOUS) {
        return CR_OK;
    }
    uint32_t shown = cr_market_shown(market, slice->t);
    slice->truth_sum += cr_truth_price(market, shown);
    return cr_forecasts_add(&slice->forecasts, market, shown);
}

// The clusters that have anything, in place at the front; their number.
static size_t squeeze(struct cr_ratio_term *cluster, size_t len) {
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (cluster[i].den > 0.0) {
            cluster[kept++] = cluster[i];
        }
    }
    return kept;
}

static double mean(double sum, uint64_t n) {
    return n > 0 ? sum / (double)n : NAN;
}

enum cr_status cr_slice_finish(struct cr_slice *slice, struct cr_slice_result *out) {
    memset(out, 0, sizeof *out);
    out->scored = slice->scored;
    out->accuracy = mean(slice->score_sum, slice->scored);
    out->accuracy_interval = cr_linear_ratio(
        slice->score, squeeze(slice->score, slice->questions), slice->level);
    out->running = slice->running;
    out->mean_move = mean(slice->move_sum, slice->running);
    size_t drifting = squeeze(slice->drift, slice->questions);
    out->toward_truth = drifting > 0 ? mean(slice->drift_sum, slice->running) : NAN;
    out->toward_truth_interval = cr_linear_ratio(slice->drift, drifting, slice->level);
    out->right_to_wrong = slice->right_to_wrong;
    out->wrong_to_right = slice->wrong_to_right;
    out->truth_price = mean(slice->truth_sum, slice->forecasts.len);
    return cr_calibrate(&slice->forecasts, slice->bins, &out->calibration);
}
