// independence.c - correlations of errors between replicates or between groups.
//
// Everything is a function of sums that are kept a question, so that the jackknife can
// leave one out. A row holds, for the replicates: judgments, errors, their squares,
// pairs, sums and products over pairs; for J judges: those of each, and of each pair.
#include "credence/stats/independence.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "credence/base/mem.h"

// Of one variable (errors, or prices within a label) of exchangeable judgments.
enum { R_N, R_SUM, R_SQUARE, R_PAIRS, R_PAIR_SUM, R_PRODUCT, R_WIDTH };
// Of a judge, and of a pair of judges (over what both judged).
enum { J_N, J_SUM, J_SQUARE, J_WIDTH };
enum { P_N, P_FIRST, P_SECOND, P_PRODUCT, P_WIDTH };

enum { ERRORS, PRICES_FALSE, PRICES_TRUE, VARIABLES };

struct cr_judges {
    uint32_t judges;         // 0: replicates
    uint32_t width;          // of a row of one variable
    size_t len, cap;         // questions begun; rows there are
    double *sums[VARIABLES]; // [len][width]
    struct cr_ratio_sums gain;
    double gain_now, whole_now; // of the present question
    bool has_any;               // in the present question
    uint64_t propositions, whole;
    uint32_t most;
    // Majorities by number of judgments, for replicates: which N is the largest is not
    // known before the end.
    double majority_sum, accuracy_sum;
};

enum cr_status cr_judges_create(uint32_t judges, uint32_t questions,
                                struct cr_judges **out) {
    assert(judges <= CR_JUDGES_MAX);
    struct cr_judges *made = cr_calloc(1, sizeof *made);
    if (made == NULL) {
        return CR_E_MEMORY;
    }
    made->judges = judges;
    made->width =
        judges == 0 ? R_WIDTH : judges * J_WIDTH + judges * (judges - 1) / 2 * P_WIDTH;
    made->cap = (size_t)questions + 1;
    made->most = judges;
    for (int v = 0; v < VARIABLES; v++) {
        made->sums[v] = cr_calloc(made->cap * made->width, sizeof(double));
        if (made->sums[v] == NULL) {
            cr_judges_destroy(made);
            return CR_E_MEMORY;
        }
    }
    *out = made;
    return CR_OK;
}

void cr_judges_destroy(struct cr_judges *judges) {
    if (judges == NULL) {
        return;
    }
    for (int v = 0; v < VARIABLES; v++) {
        cr_free(judges->sums[v]);
    }
    cr_free(judges);
}

static void add_replicates(double *row, const double *x, size_t len) {
    double n = 0.0, sum = 0.0, square = 0.0;
    for (size_t i = 0; i < len; i++) {
        if (!isnan(x[i])) {
            n += 1.0;
            sum += x[i];
            square += x[i] * x[i];
        }
    }
    row[R_N] += n;
    row[R_SUM] += sum;
    row[R_SQUARE] += square;
    row[R_PAIRS] += n * (n - 1.0) / 2.0;
    row[R_PAIR_SUM] += (n - 1.0) * sum; // of both members of every pair
    row[R_PRODUCT] += (sum * sum - square) / 2.0;
}

static void add_judges(const struct cr_judges *judges, double *row, const double *x) {
    double *pair = row + judges->judges * J_WIDTH;
    for (uint32_t a = 0; a < judges->judges; a++) {
        if (!isnan(x[a])) {
            row[a * J_WIDTH + J_N] += 1.0;
            row[a * J_WIDTH + J_SUM] += x[a];
            row[a * J_WIDTH + J_SQUARE] += x[a] * x[a];
        }
        for (uint32_t b = a + 1; b < judges->judges; b++, pair += P_WIDTH) {
            if (!isnan(x[a]) && !isnan(x[b])) {
                pair[P_N] += 1.0;
                pair[P_FIRST] += x[a];
                pair[P_SECOND] += x[b];
                pair[P_PRODUCT] += x[a] * x[b];
            }
        }
    }
}

static void add_variable(struct cr_judges *judges, int variable, const double *x,
                         size_t len) {
    double *row = &judges->sums[variable][judges->len * judges->width];
    if (judges->judges == 0) {
        add_replicates(row, x, len);
    } else {
        add_judges(judges, row, x);
    }
}

// The majority of N judgments with POINTS in all; ties count half.
static double majority_of(double points, double n) {
    return points > 0.5 * n ? 1.0 : points < 0.5 * n ? 0.0 : 0.5;
}

static void add_majority(struct cr_judges *judges, double points, uint32_t n) {
    if (judges->judges == 0 && n > judges->most) { // a new largest N: begin again
        judges->most = n;
        judges->gain = (struct cr_ratio_sums){0};
        judges->gain_now = judges->whole_now = 0.0;
        judges->majority_sum = judges->accuracy_sum = 0.0;
        judges->whole = 0;
    }
    if (n < judges->most || n < 2) {
        return;
    }
    double majority = majority_of(points, n), one = points / n;
    judges->majority_sum += majority;
    judges->accuracy_sum += one;
    judges->gain_now += majority - one;
    judges->whole_now += 1.0;
    judges->whole++;
}

enum { BATCH = 64 };

void cr_judges_add(struct cr_judges *judges, const struct cr_judgment_score *judgment,
                   size_t len, int label) {
    assert(judges->len < judges->cap);
    double error[BATCH], price[BATCH], points = 0.0;
    uint32_t n = 0;
    size_t used = len < BATCH ? len : BATCH; // more replicates tell nothing new
    for (size_t i = 0; i < used; i++) {
        bool is_known = !isnan(judgment[i].points);
        error[i] = 1.0 - judgment[i].points;
        price[i] = judgment[i].price;
        points += is_known ? judgment[i].points : 0.0;
        n += is_known;
    }
    judges->has_any = judges->has_any || n > 0;
    judges->propositions += n > 1;
    add_variable(judges, ERRORS, error, used);
    if (label == 0 || label == 1) {
        add_variable(judges, label == 1 ? PRICES_TRUE : PRICES_FALSE, price, used);
    }
    add_majority(judges, points, n);
}

void cr_judges_question(struct cr_judges *judges) {
    if (judges->whole_now > 0.0) {
        cr_ratio_sums_add(&judges->gain, judges->gain_now, judges->whole_now);
    }
    judges->len += judges->has_any;
    judges->has_any = false;
    judges->gain_now = judges->whole_now = 0.0;
}

// Covariance and variance (per pair and per judgment) of one variable's sums.
struct parts {
    double product, pairs; // sum of products of deviations
    double square, n;
};

static struct parts replicate_parts(const double *s) {
    double mean = s[R_SUM] / s[R_N];
    return (struct parts){s[R_PRODUCT] - mean * s[R_PAIR_SUM] +
                              s[R_PAIRS] * mean * mean,
                          s[R_PAIRS], s[R_SQUARE] - s[R_N] * mean * mean, s[R_N]};
}

static double replicate_rho(const double *s, const void *ctx) {
    (void)ctx;
    struct parts p = replicate_parts(s);
    return p.pairs > 0.0 && p.square > 1e-12 * p.n
               ? p.product / p.pairs / (p.square / p.n)
               : NAN;
}

static double judge_variance(const double *s, uint32_t a) {
    const double *one = s + a * J_WIDTH;
    double mean = one[J_SUM] / one[J_N];
    return one[J_SQUARE] / one[J_N] - mean * mean;
}

static double judge_rho(const double *s, const void *ctx) {
    const struct cr_judges *judges = ctx;
    const double *pair = s + judges->judges * J_WIDTH;
    double sum = 0.0, pairs = 0.0;
    for (uint32_t a = 0; a < judges->judges; a++) {
        for (uint32_t b = a + 1; b < judges->judges; b++, pair += P_WIDTH) {
            double spread = judge_variance(s, a) * judge_variance(s, b);
            if (pair[P_N] < 2.0 || !(spread > 1e-24)) {
                continue;
            }
            double first = s[a * J_WIDTH + J_SUM] / s[a * J_WIDTH + J_N];
            double second = s[b * J_WIDTH + J_SUM] / s[b * J_WIDTH + J_N];
            double cov = pair[P_PRODUCT] - first * pair[P_SECOND] -
                         second * pair[P_FIRST] + pair[P_N] * first * second;
            sum += cov / pair[P_N] / sqrt(spread);
            pairs += 1.0;
        }
    }
    return pairs > 0.0 ? sum / pairs : NAN;
}

// Rows of both labels side by side: each label has means of its own, products and
// squares are pooled.
static double price_rho(const double *s, const void *ctx) {
    const struct cr_judges *judges = ctx;
    const double *label[2] = {s, s + judges->width};
    double product = 0.0, pairs = 0.0, square = 0.0, n = 0.0;
    for (int y = 0; y < 2; y++) {
        if (label[y][R_N] > 0.0) {
            struct parts p = replicate_parts(label[y]);
            product += p.product;
            pairs += p.pairs;
            square += p.square;
            n += p.n;
        }
    }
    return pairs > 0.0 && square > 1e-12 * n ? product / pairs / (square / n) : NAN;
}

// Of judges: the mean of the two labels' correlations, weighted by their judgments.
static double judge_price_rho(const double *s, const void *ctx) {
    const struct cr_judges *judges = ctx;
    double sum = 0.0, weight = 0.0;
    for (int y = 0; y < 2; y++) {
        const double *one = s + (size_t)y * judges->width;
        double rho = judge_rho(one, ctx), n = 0.0;
        for (uint32_t a = 0; a < judges->judges; a++) {
            n += one[a * J_WIDTH + J_N];
        }
        if (!isnan(rho)) {
            sum += n * rho;
            weight += n;
        }
    }
    return weight > 0.0 ? sum / weight : NAN;
}

// Rho at or below -1 / (N - 1) would be more than any number of opinions.
static double effective(double judges, double rho) {
    double spread = 1.0 + (judges - 1.0) * rho;
    return spread > 0.0 ? fmin(judges, judges / spread) : isnan(spread) ? NAN : judges;
}

static enum cr_status finish_prices(struct cr_judges *judges, double level,
                                    struct cr_independence *out) {
    size_t width = judges->width;
    double *both = cr_malloc((judges->len + 1) * 2 * width * sizeof *both);
    if (both == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < judges->len; i++) {
        for (size_t y = 0; y < 2; y++) {
            memcpy(&both[(2 * i + y) * width],
                   &judges->sums[y == 0 ? PRICES_FALSE : PRICES_TRUE][i * width],
                   width * sizeof *both);
        }
    }
    struct cr_jackknife how = {both, judges->len, 2 * judges->width,
                               judges->judges == 0 ? price_rho : judge_price_rho,
                               judges};
    out->price_rho_interval = cr_jackknife_interval(&how, level, &out->price_rho);
    cr_free(both);
    return CR_OK;
}

static double independent_majority(const struct cr_judges *judges, double accuracy) {
    double p[BATCH]; // judges are at most CR_JUDGES_MAX
    for (uint32_t a = 0; a < judges->most; a++) {
        p[a] = accuracy;
    }
    for (uint32_t a = 0; a < judges->judges; a++) {
        double n = 0.0, errors = 0.0;
        for (size_t i = 0; i < judges->len; i++) {
            const double *row =
                &judges->sums[ERRORS][i * judges->width + (size_t)a * J_WIDTH];
            n += row[J_N];
            errors += row[J_SUM];
        }
        p[a] = 1.0 - errors / n;
    }
    return cr_majority_of_independent(p, judges->most);
}

static double mean_accuracy(const struct cr_judges *judges) {
    double n = 0.0, errors = 0.0;
    uint32_t parts = judges->judges == 0 ? 1 : judges->judges;
    for (size_t i = 0; i < judges->len; i++) {
        for (uint32_t a = 0; a < parts; a++) {
            const double *row =
                &judges->sums[ERRORS][i * judges->width + (size_t)a * J_WIDTH];
            n += row[0];
            errors += row[1];
        }
    }
    return 1.0 - errors / n;
}

enum cr_status cr_judges_finish(struct cr_judges *judges, double level,
                                struct cr_independence *out) {
    cr_judges_question(judges);
    struct cr_independence made = {.judges = judges->most,
                                   .propositions = judges->propositions,
                                   .questions = judges->len,
                                   .accuracy = mean_accuracy(judges),
                                   .whole = judges->whole};
    struct cr_jackknife how = {judges->sums[ERRORS], judges->len, judges->width,
                               judges->judges == 0 ? replicate_rho : judge_rho, judges};
    made.rho_interval = cr_jackknife_interval(&how, level, &made.rho);
    made.effective = effective(made.judges, made.rho);
    made.effective_interval = (struct cr_interval){
        effective(made.judges, made.rho_interval.high),
        effective(made.judges, made.rho_interval.low), made.rho_interval.reason};
    double whole = (double)judges->whole;
    made.majority = judges->majority_sum / whole;
    made.majority_gain = judges->gain.num / judges->gain.den;
    made.majority_gain_interval = cr_linear_ratio_sums(&judges->gain, level);
    made.independent_gain = independent_majority(judges, judges->accuracy_sum / whole) -
                            judges->accuracy_sum / whole;
    enum cr_status status = finish_prices(judges, level, &made);
    if (status == CR_OK) {
        *out = made;
    }
    return status;
}

double cr_majority_of_independent(const double *p, size_t len) {
    assert(len <= CR_MAJORITY_MAX);
    double mass[CR_MAJORITY_MAX + 1] = {1.0}, sum = 0.0;
    for (size_t i = 0; i < len; i++) { // the number right, one judge after another
        for (size_t k = i + 2; k-- > 0;) {
            mass[k] = (1.0 - p[i]) * mass[k] + (k > 0 ? p[i] * mass[k - 1] : 0.0);
        }
    }
    for (size_t k = 0; k <= len; k++) {
        sum += 2 * k > len ? mass[k] : 2 * k == len ? 0.5 * mass[k] : 0.0;
    }
    return sum;
}
