// wording.c - balanced two-way random effects: items, wordings, replicates.
#include "credence/stats/wording.h"

#include <math.h>

double cr_f_quantile(double p, double dof1, double dof2) {
    double low = 0.0, high = 1.0;
    while (1.0 - cr_f_tail(high, dof1, dof2) < p && high < 1e300) {
        high *= 2.0;
    }
    for (int i = 0; i < 200 && high - low > 1e-14 * high; i++) {
        double middle = 0.5 * (low + high);
        if (1.0 - cr_f_tail(middle, dof1, dof2) < p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return 0.5 * (low + high);
}

static double cell_mean(const struct cr_wording_design *d, size_t i, uint32_t w) {
    const double *cell = d->y + (i * d->wordings + w) * d->replicates;
    double sum = 0.0;
    for (uint32_t r = 0; r < d->replicates; r++) {
        sum += cell[r];
    }
    return sum / d->replicates;
}

static double item_mean(const struct cr_wording_design *d, size_t i) {
    double sum = 0.0;
    for (uint32_t w = 0; w < d->wordings; w++) {
        sum += cell_mean(d, i, w);
    }
    return sum / d->wordings;
}

static double wording_mean(const struct cr_wording_design *d, uint32_t w) {
    double sum = 0.0;
    for (size_t i = 0; i < d->items; i++) {
        sum += cell_mean(d, i, w);
    }
    return sum / (double)d->items;
}

static double grand_mean(const struct cr_wording_design *d) {
    double sum = 0.0;
    for (size_t i = 0; i < d->items; i++) {
        sum += item_mean(d, i);
    }
    return sum / (double)d->items;
}

struct squares {
    double item, wording, cross, replicate; // mean squares; replicate NaN for R = 1
    double item_dof, wording_dof, cross_dof;
};

// Sums over the cells: against the additive fit, and within.
static void add_cells(const struct cr_wording_design *d, double mean, double *cross,
                      double *within) {
    for (uint32_t w = 0; w < d->wordings; w++) {
        double column = wording_mean(d, w);
        for (size_t i = 0; i < d->items; i++) {
            const double *cell = d->y + (i * d->wordings + w) * d->replicates;
            double centre = cell_mean(d, i, w);
            double away = centre - item_mean(d, i) - column + mean;
            *cross += away * away;
            for (uint32_t r = 0; r < d->replicates; r++) {
                *within += (cell[r] - centre) * (cell[r] - centre);
            }
        }
    }
}

static struct squares mean_squares(const struct cr_wording_design *d, double mean) {
    double items = (double)d->items, wordings = d->wordings, r = d->replicates;
    double item = 0.0, wording = 0.0, cross = 0.0, within = 0.0;
    for (size_t i = 0; i < d->items; i++) {
        double away = item_mean(d, i) - mean;
        item += away * away;
    }
    for (uint32_t w = 0; w < d->wordings; w++) {
        double away = wording_mean(d, w) - mean;
        wording += away * away;
    }
    add_cells(d, mean, &cross, &within);
    struct squares s = {.item_dof = items - 1.0,
                        .wording_dof = wordings - 1.0,
                        .cross_dof = (items - 1.0) * (wordings - 1.0)};
    s.item = r * wordings * item / s.item_dof;
    s.wording = r * items * wording / s.wording_dof;
    s.cross = r * cross / s.cross_dof;
    s.replicate = d->replicates > 1 ? within / (items * wordings * (r - 1.0)) : NAN;
    return s;
}

static struct cr_interval mean_interval(const struct squares *s, double mean,
                                        double cells, double level) {
    double sum = s->item + s->wording - s->cross, variance = sum / cells;
    if (!(variance > 0.0)) { // the wordings agree more than their items do by chance
        sum = s->item;
        variance = sum / cells;
    }
    double dof =
        sum * sum /
        (s->item * s->item / s->item_dof + s->wording * s->wording / s->wording_dof +
         s->cross * s->cross / s->cross_dof);
    if (!(variance > 0.0) || !(dof > 0.0)) {
        return (struct cr_interval){NAN, NAN, "nothing varies"};
    }
    double half = -cr_t_quantile(0.5 * (1.0 - level), dof) * sqrt(variance);
    return (struct cr_interval){mean - half, mean + half, NULL};
}

static void compare_wordings(const struct cr_wording_design *d,
                             struct cr_wording *out) {
    double sum = 0.0, pairs = 0.0;
    out->largest_spread = 0.0;
    for (size_t i = 0; i < d->items; i++) {
        double low = INFINITY, high = -INFINITY;
        for (uint32_t a = 0; a < d->wordings; a++) {
            double mean = cell_mean(d, i, a);
            low = fmin(low, mean);
            high = fmax(high, mean);
            for (uint32_t b = a + 1; b < d->wordings; b++) {
                sum += fabs(mean - cell_mean(d, i, b));
                pairs += 1.0;
            }
        }
        out->largest_spread = fmax(out->largest_spread, high - low);
    }
    out->mean_difference = sum / pairs;
}

static void find_components(const struct cr_wording_design *d, const struct squares *s,
                            struct cr_wording *out) {
    double r = d->replicates, items = (double)d->items, wordings = d->wordings;
    out->replicate = s->replicate;
    out->cross =
        isnan(s->replicate) ? s->cross / r : fmax((s->cross - s->replicate) / r, 0.0);
    out->wording = fmax((s->wording - s->cross) / (r * items), 0.0);
    out->item = fmax((s->item - s->cross) / (r * wordings), 0.0);
    double residual = isnan(s->replicate) ? 0.0 : s->replicate;
    double all = out->item + out->wording + out->cross + residual;
    out->wording_share = (out->wording + out->cross) / all;
    out->reliability = out->item / (out->item + (out->cross + residual / r) / wordings);
}

static void test_wordings(const struct cr_wording_design *d, const struct squares *s,
                          double level, struct cr_wording *out) {
    double f = s->wording / s->cross, items = (double)d->items;
    if (!(s->cross > 0.0)) {
        const char *reason = "wordings and items do not interact at all";
        out->test = (struct cr_test){NAN, NAN, false, reason};
        out->wording_ratio = NAN;
        out->wording_ratio_interval = (struct cr_interval){NAN, NAN, reason};
        return;
    }
    double tail = 0.5 * (1.0 - level);
    double low = cr_f_quantile(1.0 - tail, s->wording_dof, s->cross_dof);
    double high = cr_f_quantile(tail, s->wording_dof, s->cross_dof);
    out->test =
        (struct cr_test){cr_f_tail(f, s->wording_dof, s->cross_dof), f, true, NULL};
    out->wording_ratio = fmax((f - 1.0) / items, 0.0);
    out->wording_ratio_interval = (struct cr_interval){
        fmax((f / low - 1.0) / items, 0.0), fmax((f / high - 1.0) / items, 0.0), NULL};
}

void cr_wording_study(const struct cr_wording_design *d, double level,
                      struct cr_wording *out) {
    *out = (struct cr_wording){.items = d->items,
                               .wordings = d->wordings,
                               .replicates = d->replicates,
                               .mean = grand_mean(d)};
    struct squares s = mean_squares(d, out->mean);
    double cells = (double)d->items * d->wordings * d->replicates;
    out->mean_interval = mean_interval(&s, out->mean, cells, level);
    find_components(d, &s, out);
    test_wordings(d, &s, level, out);
    compare_wordings(d, out);
}
