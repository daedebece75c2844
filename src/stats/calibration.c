// calibration.c - Brier with Murphy's decomposition, log score, ECE in two binnings.
//
// The decomposition is exact for any binning when the spread inside the bins has a term
// of its own (`within`); it is zero when every bin holds one price.
#include "credence/stats/calibration.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "credence/base/mem.h"

void cr_forecasts_clear(struct cr_forecasts *list) {
    list->len = 0;
    list->brier_sum = list->log_sum = 0.0;
    list->factors = 0;
}

void cr_forecasts_fini(struct cr_forecasts *list) {
    cr_free(list->price);
    cr_free(list->outcome);
    cr_free(list->scratch);
    memset(list, 0, sizeof *list);
}

static enum cr_status grow(struct cr_forecasts *list) {
    size_t cap = list->cap;
    enum cr_status status =
        cr_array_grow((void **)&list->price, &cap, list->len + 1, sizeof *list->price);
    if (status != CR_OK) {
        return status;
    }
    cap = list->cap;
    status = cr_array_grow((void **)&list->outcome, &cap, list->len + 1,
                           sizeof *list->outcome);
    if (status == CR_OK) {
        list->cap = cap;
    }
    return status;
}

double cr_brier_at(const struct cr_market *market, uint32_t t) {
    if (market->options == NULL) {
        double away = market->price[t] - (market->label == 1 ? 1.0 : 0.0);
        return away * away;
    }
    const double *price = market->options + (size_t)t * market->options_stride;
    double sum = 0.0;
    for (uint32_t k = 0; k < market->options_len; k++) {
        double away = price[k] - ((int32_t)k == market->label ? 1.0 : 0.0);
        sum += away * away;
    }
    return sum;
}

enum { FACTORS_MAX = 32 }; // 1e-6 to the 32nd is far from the smallest double

static void take_log(struct cr_forecasts *list) {
    if (list->factors > 0) {
        list->log_sum -= log(list->product);
    }
    list->factors = 0;
}

// One logarithm for many prices: the logarithm of their product.
static void add_log(struct cr_forecasts *list, double price) {
    list->product = list->factors == 0 ? price : list->product * price;
    if (++list->factors == FACTORS_MAX) {
        take_log(list);
    }
}

void cr_forecast_at(const struct cr_market *market, uint32_t t, double *price,
                    double *outcome) {
    if (market->options == NULL) {
        *price = market->price[t];
        *outcome = market->label == 1 ? 1.0 : 0.0;
        return;
    }
    const double *row = market->options + (size_t)t * market->options_stride;
    *price = row[0];
    for (uint32_t k = 1; k < market->options_len; k++) {
        *price = fmax(*price, row[k]);
    }
    *outcome = cr_score_at(market, t);
}

enum cr_status cr_forecasts_add(struct cr_forecasts *list,
                                const struct cr_market *market, uint32_t t) {
    if (list->len == list->cap) {
        enum cr_status status = grow(list);
        if (status != CR_OK) {
            return status;
        }
    }
    double price, outcome, truth = cr_truth_price(market, t);
    cr_forecast_at(market, t, &price, &outcome);
    list->price[list->len] = price;
    list->outcome[list->len++] = outcome;
    list->brier_sum += cr_brier_at(market, t);
    add_log(list, fmin(fmax(truth, CR_LOG_CLIP), 1.0 - CR_LOG_CLIP));
    return CR_OK;
}

// Put the element of rank K (from 0) of X [LOW, HIGH) where sorting would put it, the
// smaller before it and the larger behind it.
static void select_rank(double *x, size_t low, size_t high, size_t k) {
    while (high - low > 1) {
        double a = x[low], b = x[low + (high - low) / 2], c = x[high - 1];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        size_t less = low, at = low, more = high;
        while (at < more) {
            double value = x[at];
            if (value < pivot) {
                x[at++] = x[less];
                x[less++] = value;
            } else if (value > pivot) {
                x[at] = x[--more];
                x[more] = value;
            } else {
                at++;
            }
        }
        if (k < less) {
            high = less;
        } else if (k >= more) {
            low = more;
        } else {
            return;
        }
    }
}

static void add_to_bin(struct cr_bin *bin, double price, double outcome) {
    bin->n++;
    bin->price += price;
    bin->share += outcome;
}

// Turn sums into means; returns the bins' expected calibration error.
static double close_bins(struct cr_bin *bin, uint32_t bins, size_t n) {
    double error = 0.0;
    for (uint32_t b = 0; b < bins; b++) {
        error += fabs(bin[b].price - bin[b].share) / (double)n;
        bin[b].price = bin[b].n > 0 ? bin[b].price / (double)bin[b].n : NAN;
        bin[b].share = bin[b].n > 0 ? bin[b].share / (double)bin[b].n : NAN;
    }
    return error;
}

// The order statistics that cut forecasts into bins of equal mass, found without
// sorting: a histogram says in which narrow slot of prices each one lies, and only the
// prices of that slot are looked at.
struct slots {
    uint32_t len, bins;
    uint32_t *count; // [len], then how many prices stand in the slots before
    uint8_t *below;  // [len]: edges that lie in the slots before
    double edge[CR_BINS_MAX];
    uint32_t edge_slot[CR_BINS_MAX];
};

static uint32_t slot_of(const struct slots *slots, double price) {
    double place = price * slots->len;
    uint32_t slot = place > 0.0 ? (uint32_t)place : 0;
    return slot < slots->len ? slot : slots->len - 1;
}

static size_t edge_rank(size_t n, uint32_t bins, uint32_t k) { // ceil(k n / bins) - 1
    return (n * k + bins - 1) / bins - 1;
}

// The first edge that lies in SLOT; bins when there is none.
static uint32_t edge_of(const struct slots *slots, uint32_t slot) {
    uint32_t first = slots->below[slot] + 1u;
    bool has_one = first < slots->bins && slots->edge_slot[first] == slot;
    return has_one ? first : slots->bins;
}

static void count_slots(const struct cr_forecasts *list, struct slots *slots) {
    for (size_t i = 0; i < list->len; i++) {
        slots->count[slot_of(slots, list->price[i])]++;
    }
    uint32_t before = 0, next = 1;
    for (uint32_t slot = 0; slot < slots->len; slot++) {
        uint32_t count = slots->count[slot];
        slots->count[slot] = before;
        before += count;
        slots->below[slot] = (uint8_t)(next - 1);
        while (next < slots->bins && edge_rank(list->len, slots->bins, next) < before) {
            slots->edge_slot[next++] = slot;
        }
    }
}

static void find_edges(struct cr_forecasts *list, struct slots *slots) {
    size_t start[CR_BINS_MAX], end[CR_BINS_MAX], used = 0;
    count_slots(list, slots);
    for (uint32_t k = 1; k < slots->bins; k++) {
        uint32_t slot = slots->edge_slot[k], first = edge_of(slots, slot);
        size_t after = slot + 1 < slots->len ? slots->count[slot + 1] : list->len;
        start[k] = end[k] = first == k ? used : start[first];
        used += first == k ? after - slots->count[slot] : 0;
    }
    for (size_t i = 0; i < list->len; i++) { // the prices of each such slot together
        uint32_t k = edge_of(slots, slot_of(slots, list->price[i]));
        if (k < slots->bins) {
            list->scratch[end[k]++] = list->price[i];
        }
    }
    for (uint32_t k = 1; k < slots->bins; k++) {
        uint32_t slot = slots->edge_slot[k];
        size_t at =
            start[k] + edge_rank(list->len, slots->bins, k) - slots->count[slot];
        select_rank(list->scratch, start[k], end[edge_of(slots, slot)], at);
        slots->edge[k] = list->scratch[at];
    }
}

// The number of edges below PRICE.
static uint32_t mass_bin(const struct slots *slots, double price) {
    uint32_t slot = slot_of(slots, price), bin = slots->below[slot];
    while (bin + 1 < slots->bins && slots->edge_slot[bin + 1] == slot &&
           slots->edge[bin + 1] < price) {
        bin++;
    }
    return bin;
}

enum { SLOTS_MIN = 16, SLOTS_MAX = 1 << 15 };

static enum cr_status bin_by_mass(struct cr_forecasts *list, uint32_t bins,
                                  struct cr_calibration *out) {
    struct slots slots = {.len = SLOTS_MIN, .bins = bins};
    while (slots.len < SLOTS_MAX && slots.len < list->len / 4) {
        slots.len *= 2;
    }
    enum cr_status status = cr_array_grow((void **)&list->scratch, &list->scratch_cap,
                                          list->len, sizeof *list->scratch);
    slots.count = cr_calloc(slots.len, sizeof *slots.count);
    slots.below = cr_malloc(slots.len);
    if (slots.count == NULL || slots.below == NULL) {
        status = CR_E_MEMORY;
    }
    if (status == CR_OK) {
        find_edges(list, &slots);
        for (size_t i = 0; i < list->len; i++) {
            add_to_bin(&out->mass[mass_bin(&slots, list->price[i])], list->price[i],
                       list->outcome[i]);
        }
        out->ece_mass = close_bins(out->mass, bins, list->len);
    }
    cr_free(slots.count);
    cr_free(slots.below);
    return status;
}

static void decompose(const struct cr_forecasts *list, struct cr_calibration *out) {
    double n = (double)list->len, base = 0.0, square = 0.0;
    for (size_t i = 0; i < list->len; i++) {
        double away = list->price[i] - list->outcome[i];
        base += list->outcome[i];
        square += away * away;
    }
    base /= n;
    for (size_t i = 0; i < list->len; i++) {
        double away = list->outcome[i] - base;
        out->uncertainty += away * away / n;
    }
    for (uint32_t b = 0; b < out->bins; b++) {
        const struct cr_bin *bin = &out->width[b];
        if (bin->n == 0) {
            continue;
        }
        double share = (double)bin->n / n;
        out->reliability +=
            share * (bin->price - bin->share) * (bin->price - bin->share);
        out->resolution += share * (bin->share - base) * (bin->share - base);
    }
    out->within = square / n - (out->reliability - out->resolution + out->uncertainty);
}

enum cr_status cr_calibrate(struct cr_forecasts *list, uint32_t bins,
                            struct cr_calibration *out) {
    assert(bins >= 1 && bins <= CR_BINS_MAX);
    memset(out, 0, sizeof *out);
    out->bins = bins;
    out->n = list->len;
    if (list->len == 0) {
        out->brier = out->reliability = out->resolution = out->uncertainty = NAN;
        out->within = out->log_score = out->ece_width = out->ece_mass = NAN;
        return CR_OK;
    }
    for (size_t i = 0; i < list->len; i++) {
        double place = list->price[i] * bins;
        uint32_t b = place > 0.0 ? (uint32_t)place : 0;
        add_to_bin(&out->width[b < bins ? b : bins - 1], list->price[i],
                   list->outcome[i]);
    }
    out->ece_width = close_bins(out->width, bins, list->len);
    out->brier = list->brier_sum / (double)list->len;
    take_log(list);
    out->log_score = list->log_sum / (double)list->len;
    decompose(list, out);
    return bin_by_mass(list, bins, out);
}
