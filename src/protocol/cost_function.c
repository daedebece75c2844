// cost_function.c - prices, costs and trades of the logarithmic market scoring rule.
//
// Everything is in logarithms and sums are taken off their largest term, so neither many
// shares nor a small liquidity overflow.
#include "protocol/cost_function.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

// Of a bisection: an interval of doubles is a point after it.
enum { HALVINGS_MAX = 200, NEWTON_STEPS_MAX = 100, DOUBLINGS_MAX = 30 };

// A debt this small, in units of b, is rounding.
#define ROUNDING 1e-12

// ln sum exp(x_i)
static double log_sum(const double *x, uint32_t len) {
    double most = x[0], sum = 0;
    for (uint32_t i = 1; i < len; i++) {
        most = fmax(most, x[i]);
    }
    for (uint32_t i = 0; i < len; i++) {
        sum += exp(x[i] - most);
    }
    return most + log(fmax(sum, 1)); // the largest term is 1
}

void cr_lmsr_open(struct cr_lmsr *market, double liquidity, uint32_t len,
                  const double *prior) {
    assert(liquidity > 0 && len >= 2 && len <= CR_OPTIONS_MAX);
    market->liquidity = liquidity;
    market->len = len;
    for (uint32_t i = 0; i < len; i++) {
        market->log_price[i] = prior != NULL ? log(prior[i]) : -log(len);
    }
}

void cr_lmsr_price(const struct cr_lmsr *market, double *price) {
    double whole = log_sum(market->log_price, market->len);
    for (uint32_t i = 0; i < market->len; i++) {
        price[i] = exp(market->log_price[i] - whole);
    }
}

double cr_lmsr_loss_max(const struct cr_lmsr *market) {
    double least = market->log_price[0];
    for (uint32_t i = 1; i < market->len; i++) {
        least = fmin(least, market->log_price[i]);
    }
    return -market->liquidity * least;
}

double cr_lmsr_cost(const struct cr_lmsr *market, const double *shares) {
    double after[CR_OPTIONS_MAX] = {0};
    for (uint32_t i = 0; i < market->len; i++) {
        after[i] = market->log_price[i] + shares[i] / market->liquidity;
    }
    return market->liquidity *
           (log_sum(after, market->len) - log_sum(market->log_price, market->len));
}

// The logarithms of BELIEF, kept off 0 and normalised.
static void log_belief(const double *belief, uint32_t len, double *out) {
    for (uint32_t i = 0; i < len; i++) {
        out[i] = log(fmax(belief[i], CR_LMSR_BELIEF_MIN));
    }
    double whole = log_sum(out, len);
    for (uint32_t i = 0; i < len; i++) {
        out[i] -= whole;
    }
}

// The shares that move the prices to the normalised exp(TARGET).
static void shares_to(const struct cr_lmsr *market, const double *target,
                      double *shares) {
    double whole = log_sum(target, market->len);
    for (uint32_t i = 0; i < market->len; i++) {
        shares[i] = market->liquidity * (target[i] - whole - market->log_price[i]);
    }
}

void cr_lmsr_move(const struct cr_lmsr *market, const double *target, double *shares) {
    double to[CR_OPTIONS_MAX] = {0};
    for (uint32_t i = 0; i < market->len; i++) {
        to[i] = log(target[i]);
    }
    shares_to(market, to, shares);
}

// The shares of going the part X of the way to BELIEF, in logarithms.
static void shares_towards(const struct cr_lmsr *market, const double *belief, double x,
                           double *shares) {
    double to[CR_OPTIONS_MAX] = {0};
    for (uint32_t i = 0; i < market->len; i++) {
        to[i] = (1 - x) * market->log_price[i] + x * belief[i];
    }
    shares_to(market, to, shares);
}

static bool is_affordable(const double *shares, uint32_t len, double stake,
                          const double *wealth) {
    for (uint32_t i = 0; i < len; i++) {
        if (-shares[i] > fmin(stake, wealth[i])) {
            return false;
        }
    }
    return true;
}

// What is lost under each outcome is a convex function of x and 0 at x = 0, so what can
// be afforded is an interval that begins there.
void cr_lmsr_bet(const struct cr_lmsr *market, const double *belief, double stake,
                 const double *wealth, double *shares) {
    double to[CR_OPTIONS_MAX] = {0};
    log_belief(belief, market->len, to);
    shares_towards(market, to, 1, shares);
    if (is_affordable(shares, market->len, stake, wealth)) {
        return;
    }
    double low = 0, high = 1;
    for (int i = 0; i < HALVINGS_MAX; i++) {
        double middle = low + (high - low) / 2;
        shares_towards(market, to, middle, shares);
        bool is_low = is_affordable(shares, market->len, stake, wealth);
        low = is_low ? middle : low;
        high = is_low ? high : middle;
    }
    for (uint32_t i = 0; i < market->len; i++) {
        shares[i] = 0; // at x = 0 nothing is bought, to the last bit
    }
    if (low > 0) {
        shares_towards(market, to, low, shares);
    }
}

// z with z + ln z = c, by Newton's method from below: z + ln z is concave, so no step
// passes the root.
static double log_plus_self(double c) {
    double z = c > 1 ? c - log(c) : exp(c) / (1 + exp(c));
    for (int i = 0; i < NEWTON_STEPS_MAX && z > 0; i++) {
        double next = z * (1 + c - log(z)) / (1 + z);
        if (!(next > z)) {
            break;
        }
        z = next;
    }
    return z;
}

// Where the prices go, in logarithms, when the multiplier is exp(LOG_MU): see kelly.
static void kelly_prices(const struct cr_lmsr *market, const double *belief,
                         const double *wealth, double log_mu, double *to) {
    for (uint32_t i = 0; i < market->len; i++) {
        double owned = wealth[i] / market->liquidity;
        double z = log_plus_self(belief[i] - market->log_price[i] + log_mu + owned);
        to[i] = market->log_price[i] + z - owned;
    }
}

// The maximum of sum_i belief_i ln(w_i + b ln(p'_i / p_i)) where sum_i p'_i = 1 is, by
// Lagrange, where p'_i (w_i + b ln(p'_i / p_i)) = mu b belief_i for one mu. With z_i the
// wealth after the trade in units of b, that is z_i + ln z_i = ln(mu belief_i / p_i) +
// w_i / b and p'_i = p_i exp(z_i - w_i / b). The p'_i rise with mu, so the mu that makes
// them sum to 1 is found by halving. The objective is concave: there is no other maximum.
void cr_lmsr_kelly(const struct cr_lmsr *market, const double *belief,
                   const double *wealth, double *shares) {
    double of[CR_OPTIONS_MAX] = {0}, to[CR_OPTIONS_MAX] = {0};
    log_belief(belief, market->len, of);
    double low = -1, high = 1;
    kelly_prices(market, of, wealth, low, to);
    for (int i = 0; log_sum(to, market->len) > 0 && i < DOUBLINGS_MAX; i++) {
        low *= 2;
        kelly_prices(market, of, wealth, low, to);
    }
    kelly_prices(market, of, wealth, high, to);
    for (int i = 0; log_sum(to, market->len) < 0 && i < DOUBLINGS_MAX; i++) {
        high *= 2;
        kelly_prices(market, of, wealth, high, to);
    }
    for (int i = 0; i < HALVINGS_MAX; i++) {
        double middle = low + (high - low) / 2;
        kelly_prices(market, of, wealth, middle, to);
        bool is_low = log_sum(to, market->len) <= 0;
        low = is_low ? middle : low;
        high = is_low ? high : middle;
    }
    kelly_prices(market, of, wealth, low, to);
    shares_to(market, to, shares);
}

void cr_lmsr_buy(struct cr_lmsr *market, const double *shares, double *wealth) {
    double cost = cr_lmsr_cost(market, shares);
    for (uint32_t i = 0; i < market->len; i++) {
        market->log_price[i] += (shares[i] - cost) / market->liquidity;
        wealth[i] += shares[i] - cost;
        if (wealth[i] < 0 && wealth[i] > -ROUNDING * market->liquidity) {
            wealth[i] = 0;
        }
    }
}
