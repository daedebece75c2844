// murphy.c - opening and final under every elementary score.
#include "credence/stats/corp.h"

static double threshold_at(int k) {
    return (double)(k + 1) / (CR_MURPHY_POINTS + 1);
}

// OUTCOME between 0 and 1: a share of each.
static double elementary(double price, double outcome, double threshold) {
    return price > threshold ? (1.0 - outcome) * threshold
                             : outcome * (1.0 - threshold);
}

void cr_murphy_add(struct cr_murphy *murphy, double opening, double final,
                   double outcome) {
    murphy->n++;
    murphy->now_n += 1.0;
    for (int k = 0; k < CR_MURPHY_POINTS; k++) {
        double first = elementary(opening, outcome, threshold_at(k));
        double last = elementary(final, outcome, threshold_at(k));
        murphy->opening[k] += first;
        murphy->final[k] += last;
        murphy->now[k] += last - first;
    }
}

void cr_murphy_question(struct cr_murphy *murphy) {
    for (int k = 0; k < CR_MURPHY_POINTS && murphy->now_n > 0.0; k++) {
        cr_ratio_sums_add(&murphy->sums[k], murphy->now[k], murphy->now_n);
        murphy->now[k] = 0.0;
    }
    murphy->now_n = 0.0;
}

void cr_murphy_finish(const struct cr_murphy *murphy, double level,
                      struct cr_murphy_point point[CR_MURPHY_POINTS]) {
    double n = (double)murphy->n;
    for (int k = 0; k < CR_MURPHY_POINTS; k++) {
        point[k] = (struct cr_murphy_point){
            threshold_at(k), murphy->opening[k] / n, murphy->final[k] / n,
            (murphy->final[k] - murphy->opening[k]) / n,
            cr_linear_ratio_sums(&murphy->sums[k], level)};
    }
}
