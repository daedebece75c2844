// moves.c - whole trajectories: convergence, oscillation, predictability, endings.
//
// The martingale test is a score test. If a price is a martingale then each next move
// has mean zero given the past, so the products of the next move with anything known
// before it (one, the last move, the price's distance from 1/2) have mean zero, under
// optional stopping too. Their sums over a question are independent between questions:
// Hotelling's test asks whether the mean of these vectors is zero. It needs no
// residuals and no variance model.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/stats/dynamics.h"

enum { SCORES = 3 };

struct question_sums {
    double score[SCORES], moves, contraction_moves;
    struct cr_ratio_term contraction, momentum, direction;
};

struct proposition_sums { // over replicates
    uint32_t n, above, tied;
    double sum, square;
};

struct cr_moves {
    uint32_t iterations, questions, propositions;
    struct question_sums *question;
    struct proposition_sums *proposition;
    uint64_t *events, *censored; // [iterations]
    uint64_t done, sign_changes, oscillating, pushed, moved_with;
    uint64_t contraction_moves, martingale_moves;
    struct cr_ending opening_wrong, opening_right;
};

enum cr_status cr_moves_create(uint32_t iterations, uint32_t questions,
                               uint32_t propositions, struct cr_moves **out) {
    struct cr_moves *moves = cr_calloc(1, sizeof *moves);
    if (moves == NULL) {
        return CR_E_MEMORY;
    }
    moves->iterations = iterations;
    moves->questions = questions;
    moves->propositions = propositions;
    moves->question = cr_calloc((size_t)questions + 1, sizeof *moves->question);
    moves->proposition =
        cr_calloc((size_t)propositions + 1, sizeof *moves->proposition);
    moves->events = cr_calloc((size_t)iterations + 1, sizeof *moves->events);
    moves->censored = cr_calloc((size_t)iterations + 1, sizeof *moves->censored);
    if (moves->question == NULL || moves->proposition == NULL ||
        moves->events == NULL || moves->censored == NULL) {
        cr_moves_destroy(moves);
        return CR_E_MEMORY;
    }
    *out = moves;
    return CR_OK;
}

void cr_moves_destroy(struct cr_moves *moves) {
    if (moves == NULL) {
        return;
    }
    cr_free(moves->question);
    cr_free(moves->proposition);
    cr_free(moves->events);
    cr_free(moves->censored);
    cr_free(moves);
}

static bool is_equilibrium(enum cr_stop_reason reason) {
    return cr_ended_by_rule(reason);
}

static void add_path(struct cr_moves *moves, const struct cr_market *market) {
    struct question_sums *sums = &moves->question[market->question];
    uint32_t leader = cr_market_leader(market), last = market->prices_len - 1;
    double final = cr_market_price(market, leader, last), before = 0.0, turn = 0.0;
    uint32_t changes = 0;
    for (uint32_t t = 0; t < last; t++) {
        double price = cr_market_price(market, leader, t);
        double move = cr_market_price(market, leader, t + 1) - price;
        if (move != 0.0) {
            changes += turn * move < 0.0;
            turn = move;
        }
        if (t > 0) {
            sums->score[0] += move;
            sums->score[1] += move * before;
            sums->score[2] += move * (price - 0.5);
            sums->moves += 1.0;
            sums->momentum.num += move * before;
            sums->momentum.den += before * before;
            moves->martingale_moves++;
        }
        if (t + 1 < last) { // the last move covers all that is left by definition
            sums->contraction.num += move * (final - price);
            sums->contraction.den += (final - price) * (final - price);
            sums->contraction_moves += 1.0;
            moves->contraction_moves++;
        }
        if (market->direction != NULL && // anything else: none, or not known
            abs(market->direction[t + 1]) == 1) {
            double with = market->direction[t + 1] * move;
            sums->direction.num += with;
            sums->direction.den += 1.0;
            moves->pushed++;
            moves->moved_with += with > 0.0;
        }
        before = move;
    }
    moves->sign_changes += changes;
    moves->oscillating += changes >= 2;
}

static void add_ending(struct cr_moves *moves, const struct cr_market *market) {
    double opening = cr_score_opening(market), final = cr_score_final(market);
    struct cr_ending *ending = opening == 0.0   ? &moves->opening_wrong
                               : opening == 1.0 ? &moves->opening_right
                                                : NULL;
    if (ending == NULL) {
        return;
    }
    ending->n++;
    ending->right += final == 1.0;
    ending->wrong += final == 0.0;
    ending->tied += final > 0.0 && final < 1.0;
    ending->truth_price += cr_truth_price(market, market->prices_len - 1);
}

static void add_replicate(struct cr_moves *moves, const struct cr_market *market) {
    struct proposition_sums *sums = &moves->proposition[market->proposition];
    double price = market->options == NULL
                       ? market->price[market->prices_len - 1]
                       : cr_truth_price(market, market->prices_len - 1);
    double score = market->options == NULL ? 0.0 : cr_score_final(market);
    sums->n++;
    sums->sum += price;
    sums->square += price * price;
    sums->above += market->options == NULL ? price > 0.5 : score == 1.0;
    sums->tied += market->options == NULL ? price == 0.5 : score > 0.0 && score < 1.0;
}

void cr_moves_add(struct cr_moves *moves, const struct cr_market *market) {
    if (!cr_market_is_scored(market) || market->prices_len == 0) {
        return;
    }
    uint32_t last = market->prices_len - 1;
    if (market->status == CR_DONE && is_equilibrium(market->ended)) {
        moves->events[last]++;
    } else {
        moves->censored[last]++;
    }
    if (market->status != CR_DONE) {
        return;
    }
    moves->done++;
    add_path(moves, market);
    add_replicate(moves, market);
    if (market->space != CR_SPACE_CONTINUOUS) {
        add_ending(moves, market);
    }
}

static void note_quartiles(struct cr_dynamics *out, double survival, uint32_t t) {
    for (int q = 0; q < 3; q++) {
        if (isnan(out->quartile_iterations[q]) && survival <= 0.75 - 0.25 * q + 1e-12) {
            out->quartile_iterations[q] = t;
        }
    }
}

static enum cr_status finish_survival(const struct cr_moves *moves,
                                      struct cr_dynamics *out) {
    struct cr_survival *curve = cr_calloc((size_t)moves->iterations + 1, sizeof *curve);
    if (curve == NULL) {
        return CR_E_MEMORY;
    }
    uint64_t at_risk = 0;
    for (uint32_t t = 0; t < moves->iterations; t++) {
        at_risk += moves->events[t] + moves->censored[t];
    }
    double survival = 1.0;
    for (int q = 0; q < 3; q++) {
        out->quartile_iterations[q] = NAN;
    }
    out->restricted_mean = at_risk > 0 ? 0.0 : NAN;
    for (uint32_t t = 0; t < moves->iterations; t++) {
        if (at_risk > 0) {
            survival *= 1.0 - (double)moves->events[t] / (double)at_risk;
            note_quartiles(out, survival, t);
        }
        curve[t] = (struct cr_survival){at_risk, moves->events[t], moves->censored[t],
                                        survival};
        at_risk -= moves->events[t] + moves->censored[t];
        if (at_risk > 0) { // the curve is known up to the last observed time
            out->restricted_mean += survival;
        }
    }
    out->iterations = moves->iterations;
    out->survival = curve;
    return CR_OK;
}

static void finish_replicates(const struct cr_moves *moves, struct cr_dynamics *out) {
    double pairs = 0.0, agreement = 0.0, spread = 0.0, several = 0.0;
    for (uint32_t i = 0; i < moves->propositions; i++) {
        const struct proposition_sums *sums = &moves->proposition[i];
        if (sums->n < 2) {
            continue;
        }
        double n = sums->n, above = sums->above, tied = sums->tied;
        double below = n - above - tied, mean = sums->sum / n;
        pairs += n * (n - 1.0) / 2.0;
        agreement +=
            (above * (above - 1.0) + tied * (tied - 1.0) + below * (below - 1.0)) /
            (n * (n - 1.0));
        spread += sqrt(fmax(sums->square - n * mean * mean, 0.0) / (n - 1.0));
        several += 1.0;
    }
    out->replicate_pairs = (uint64_t)pairs;
    out->replicate_agreement = several > 0.0 ? agreement / several : NAN;
    out->replicate_spread = several > 0.0 ? spread / several : NAN;
}

// A ratio of sums over the questions that have any row.
enum ratio { CONTRACTION, MOMENTUM, PUSH };
static double finish_ratio(const struct cr_moves *moves, enum ratio which, double level,
                           struct cr_interval *interval) {
    struct cr_ratio_sums sums = {0};
    for (uint32_t i = 0; i < moves->questions; i++) {
        const struct question_sums *q = &moves->question[i];
        const struct cr_ratio_term *one = which == CONTRACTION ? &q->contraction
                                          : which == MOMENTUM  ? &q->momentum
                                                               : &q->direction;
        // A question whose regressors are all zero still counts as one.
        double rows = which == CONTRACTION ? q->contraction_moves
                      : which == MOMENTUM  ? q->moves
                                           : q->direction.den;
        if (rows > 0.0) {
            cr_ratio_sums_add(&sums, one->num, one->den);
        }
    }
    *interval = cr_linear_ratio_sums(&sums, level);
    return sums.den > 0.0 ? sums.num / sums.den : NAN;
}

static enum cr_status finish_martingale(const struct cr_moves *moves,
                                        struct cr_dynamics *out) {
    double *score = cr_malloc(((size_t)moves->questions + 1) * SCORES * sizeof *score);
    if (score == NULL) {
        return CR_E_MEMORY;
    }
    size_t len = 0;
    for (uint32_t i = 0; i < moves->questions; i++) {
        if (moves->question[i].moves > 0.0) {
            memcpy(&score[SCORES * len++], moves->question[i].score,
                   sizeof moves->question[i].score);
        }
    }
    out->martingale = cr_mean_zero(score, len, SCORES);
    cr_free(score);
    return CR_OK;
}

// TURNED: how many of them ended on the other side.
static struct cr_ending close_ending(struct cr_ending ending, uint64_t turned) {
    ending.truth_price = ending.n > 0 ? ending.truth_price / (double)ending.n : NAN;
    ending.turned = ending.n > 0 ? (double)turned / (double)ending.n : NAN;
    return ending;
}

enum cr_status cr_moves_finish(const struct cr_moves *moves, double level,
                               struct cr_dynamics *out) {
    struct cr_dynamics made = {.done = moves->done};
    enum cr_status status = finish_survival(moves, &made);
    if (status == CR_OK) {
        status = finish_martingale(moves, &made);
    }
    if (status != CR_OK) {
        cr_dynamics_fini(&made);
        return status;
    }
    double done = (double)moves->done;
    made.sign_changes = done > 0.0 ? (double)moves->sign_changes / done : NAN;
    made.oscillating = done > 0.0 ? (double)moves->oscillating / done : NAN;
    made.contraction_moves = moves->contraction_moves;
    made.contraction =
        finish_ratio(moves, CONTRACTION, level, &made.contraction_interval);
    made.martingale_moves = moves->martingale_moves;
    made.momentum = finish_ratio(moves, MOMENTUM, level, &made.momentum_interval);
    finish_replicates(moves, &made);
    made.pushed = moves->pushed;
    made.moved_with =
        moves->pushed > 0 ? (double)moves->moved_with / (double)moves->pushed : NAN;
    made.persuasion = finish_ratio(moves, PUSH, level, &made.persuasion_interval);
    made.opening_wrong = close_ending(moves->opening_wrong, moves->opening_wrong.right);
    made.opening_right = close_ending(moves->opening_right, moves->opening_right.wrong);
    *out = made;
    return CR_OK;
}

void cr_dynamics_fini(struct cr_dynamics *dynamics) {
    cr_free(dynamics->survival);
    dynamics->survival = NULL;
}
