// beliefs.c - movement, uncertainty reduction, and whether moves can be foreseen.
//
// Questions come one by one, so what is kept is a few sums a question for the slopes
// (their influence values need the means of all) and running sums for all ratios.
#include "credence/stats/beliefs.h"

#include <math.h>
#include <string.h>

#include "credence/base/mem.h"

// Sums over the moves of one question of the instrument z, the price x and the move y.
struct slope_sums {
    double n, z, x, y, zx, zy;
};

// What the replicates of one proposition hold at one iteration: of all of them, and of
// those that moved on.
struct moment {
    double n, price;
    double moving, moving_price, moving_square, move, move_price;
};

struct cr_beliefs {
    uint32_t iterations, questions, len;
    struct slope_sums *plain, *instrumented; // [len] of the questions so far
    struct cr_ratio_sums movement, reduction, excess, ratio;
    double *excess_sum;         // [len]
    struct cr_ratio_sums *step; // [iterations] excess of the moves into t
    double *step_movement;      // [iterations]
    struct cr_ratio_term *now;  // [iterations] of the present question
    struct moment *moment;      // [iterations] of the present proposition
    uint64_t markets, moves, noise_dof;
    double noise_square;
};

enum cr_status cr_beliefs_create(uint32_t iterations, uint32_t questions,
                                 struct cr_beliefs **out) {
    struct cr_beliefs *made = cr_calloc(1, sizeof *made);
    if (made == NULL) {
        return CR_E_MEMORY;
    }
    size_t steps = (size_t)iterations + 1, rows = (size_t)questions + 1;
    made->iterations = iterations;
    made->questions = questions;
    made->plain = cr_calloc(rows, sizeof *made->plain);
    made->instrumented = cr_calloc(rows, sizeof *made->instrumented);
    made->excess_sum = cr_calloc(rows, sizeof *made->excess_sum);
    made->step = cr_calloc(steps, sizeof *made->step);
    made->step_movement = cr_calloc(steps, sizeof *made->step_movement);
    made->now = cr_calloc(steps, sizeof *made->now);
    made->moment = cr_calloc(steps, sizeof *made->moment);
    if (made->plain == NULL || made->instrumented == NULL || made->excess_sum == NULL ||
        made->step == NULL || made->step_movement == NULL || made->now == NULL ||
        made->moment == NULL) {
        cr_beliefs_destroy(made);
        return CR_E_MEMORY;
    }
    *out = made;
    return CR_OK;
}

void cr_beliefs_destroy(struct cr_beliefs *beliefs) {
    if (beliefs == NULL) {
        return;
    }
    cr_free(beliefs->plain);
    cr_free(beliefs->instrumented);
    cr_free(beliefs->excess_sum);
    cr_free(beliefs->step);
    cr_free(beliefs->step_movement);
    cr_free(beliefs->now);
    cr_free(beliefs->moment);
    cr_free(beliefs);
}

static bool is_counted(const struct cr_market *market) {
    return market->status == CR_DONE && market->prices_len > 0 &&
           market->space != CR_SPACE_CONTINUOUS && !market->has_samples;
}

// Sums over the markets of one question.
struct question {
    double markets, movement, reduction, excess;
};

static void add_move(struct cr_beliefs *beliefs, struct slope_sums *plain,
                     double before, double move) {
    plain->n += 1.0;
    plain->z += before;
    plain->x += before;
    plain->y += move;
    plain->zx += before * before;
    plain->zy += before * move;
    beliefs->moves++;
}

static void add_market(struct cr_beliefs *beliefs, const struct cr_market *market,
                       struct question *question) {
    struct slope_sums *plain = &beliefs->plain[beliefs->len];
    uint32_t leader = cr_market_leader(market), last = market->prices_len - 1;
    double price = cr_market_price(market, leader, 0), opening = price;
    for (uint32_t t = 0; t <= last; t++) {
        struct moment *moment = &beliefs->moment[t];
        moment->n += 1.0;
        moment->price += price;
        if (t == last) {
            break;
        }
        double next = cr_market_price(market, leader, t + 1), move = next - price;
        double excess = (1.0 - 2.0 * price) * move;
        add_move(beliefs, plain, price, move);
        moment->moving += 1.0;
        moment->moving_price += price;
        moment->moving_square += price * price;
        moment->move += move;
        moment->move_price += move * price;
        question->movement += move * move;
        question->excess += excess;
        beliefs->now[t + 1].num += excess;
        beliefs->now[t + 1].den += 1.0;
        beliefs->step_movement[t + 1] += move * move;
        price = next;
    }
    question->markets += 1.0;
    question->reduction += opening * (1.0 - opening) - price * (1.0 - price);
}

// The instrument of a replicate is the mean price of the others at the same iteration.
static void add_instrument(struct slope_sums *sums, const struct moment *m) {
    if (m->n < 2.0 || m->moving == 0.0) {
        return;
    }
    double others = m->n - 1.0;
    sums->n += m->moving;
    sums->x += m->moving_price;
    sums->y += m->move;
    sums->z += (m->moving * m->price - m->moving_price) / others;
    sums->zx += (m->price * m->moving_price - m->moving_square) / others;
    sums->zy += (m->price * m->move - m->move_price) / others;
}

// The replicates MARKET[0..LEN) of one proposition.
static void add_proposition(struct cr_beliefs *beliefs, const struct cr_market *market,
                            size_t len, struct question *question) {
    uint32_t longest = 0;
    double n = 0.0, mean = 0.0, square = 0.0;
    for (size_t i = 0; i < len; i++) {
        if (!is_counted(&market[i])) {
            continue;
        }
        add_market(beliefs, &market[i], question);
        longest = market[i].prices_len > longest ? market[i].prices_len : longest;
        // Replicates follow the option that led in each, so noise is of the price on
        // the truth.
        double price = cr_truth_price(&market[i], 0), away = price - mean;
        n += 1.0;
        mean += away / n;
        square += away * (price - mean);
    }
    if (n > 1.0) {
        beliefs->noise_square += square;
        beliefs->noise_dof += (uint64_t)n - 1;
    }
    for (uint32_t t = 0; t < longest; t++) {
        bool is_one_price = market->options == NULL;
        if (is_one_price) {
            add_instrument(&beliefs->instrumented[beliefs->len], &beliefs->moment[t]);
        }
        memset(&beliefs->moment[t], 0, sizeof beliefs->moment[t]);
    }
}

static void end_question(struct cr_beliefs *beliefs, const struct question *question) {
    cr_ratio_sums_add(&beliefs->movement, question->movement, question->markets);
    cr_ratio_sums_add(&beliefs->reduction, question->reduction, question->markets);
    cr_ratio_sums_add(&beliefs->excess, question->excess, question->markets);
    cr_ratio_sums_add(&beliefs->ratio, question->movement, question->reduction);
    beliefs->excess_sum[beliefs->len] = question->excess;
    for (uint32_t t = 1; t < beliefs->iterations; t++) {
        struct cr_ratio_term *now = &beliefs->now[t];
        if (now->den > 0.0) {
            cr_ratio_sums_add(&beliefs->step[t], now->num, now->den);
        }
        *now = (struct cr_ratio_term){0.0, 0.0};
    }
    beliefs->markets += (uint64_t)question->markets;
    beliefs->len++;
}

void cr_beliefs_add(struct cr_beliefs *beliefs, const struct cr_market *market,
                    size_t len) {
    struct question question = {0};
    for (size_t i = 0; i < len;) {
        size_t end = i + 1;
        while (end < len && market[end].proposition == market[i].proposition) {
            end++;
        }
        add_proposition(beliefs, &market[i], end - i, &question);
        i = end;
    }
    if (question.markets > 0.0) {
        end_question(beliefs, &question);
    }
}

// The slope of y on x with z as instrument (z = x: least squares), all with their
// means taken away, and its sandwich over questions: a question's influence is its sum
// of (z - mean z)(y - mean y - slope (x - mean x)).
static struct cr_slope find_slope(const struct slope_sums *at, size_t len,
                                  double level) {
    struct slope_sums all = {0};
    for (size_t i = 0; i < len; i++) {
        all.n += at[i].n;
        all.z += at[i].z;
        all.x += at[i].x;
        all.y += at[i].y;
        all.zx += at[i].zx;
        all.zy += at[i].zy;
    }
    struct cr_slope out = {(uint64_t)all.n, NAN, {NAN, NAN, "no data"}};
    double z = all.z / all.n, x = all.x / all.n, y = all.y / all.n;
    double spread = all.zx - all.n * z * x;
    if (all.n < 2.0 || !(fabs(spread) > 1e-12 * all.n)) {
        out.interval.reason = all.n < 2.0 ? "no data" : "prices do not differ";
        return out;
    }
    out.slope = (all.zy - all.n * z * y) / spread;
    double square = 0.0, clusters = 0.0;
    for (size_t i = 0; i < len; i++) {
        const struct slope_sums *q = &at[i];
        double zy = q->zy - z * q->y - y * q->z + q->n * z * y;
        double zx = q->zx - z * q->x - x * q->z + q->n * z * x;
        square += (zy - out.slope * zx) * (zy - out.slope * zx);
        clusters += q->n > 0.0;
    }
    if (clusters < 2.0) {
        out.interval.reason = "one question only";
        return out;
    }
    double dof = clusters - 1.0, error = sqrt(square * clusters / dof) / fabs(spread);
    double half = -cr_t_quantile(0.5 * (1.0 - level), dof) * error;
    out.interval = (struct cr_interval){out.slope - half, out.slope + half, NULL};
    return out;
}

static double ratio_of(const struct cr_ratio_sums *sums) {
    return sums->den > 0.0 ? sums->num / sums->den : NAN;
}

static const char *judge(const struct cr_belief_result *result) {
    if (result->moves == 0) {
        return "no moves to judge";
    }
    if (isnan(result->excess_interval.low)) {
        return "too few questions to judge";
    }
    // If the noise would move prices further than they moved, slips are not forgotten,
    // and the noise explains nothing.
    bool is_noise = result->excess_interval.low <= result->noise_movement &&
                    result->noise_movement <= result->movement;
    if (result->excess_interval.low > 0.0) {
        return is_noise
                   ? "moves more than evidence warrants, but within the noise of "
                     "single prices"
                   : "moves more than evidence warrants: over-reacts, or opens too "
                     "extreme";
    }
    if (result->excess_interval.high < 0.0) {
        return "moves less than evidence warrants: under-reacts, or opens too near one "
               "half";
    }
    return "consistent with updating on evidence";
}

static void finish_steps(const struct cr_beliefs *beliefs, double level,
                         struct cr_belief_result *out) {
    for (uint32_t t = 1; t < beliefs->iterations; t++) {
        const struct cr_ratio_sums *sums = &beliefs->step[t];
        struct cr_belief_step *step = &out->step[t];
        double movement = beliefs->step_movement[t] / sums->den;
        *step = (struct cr_belief_step){.n = (uint64_t)sums->den,
                                        .movement = movement,
                                        .reduction = movement - ratio_of(sums),
                                        .excess = ratio_of(sums),
                                        .excess_interval =
                                            cr_linear_ratio_sums(sums, level)};
    }
    out->steps = beliefs->iterations;
}

static void finish_noise(const struct cr_beliefs *beliefs,
                         struct cr_belief_result *out) {
    out->noise_dof = beliefs->noise_dof;
    out->noise_variance = beliefs->noise_dof > 0
                              ? beliefs->noise_square / (double)beliefs->noise_dof
                              : NAN;
    out->noise_movement =
        2.0 * out->noise_variance * (double)beliefs->moves / (double)beliefs->markets;
}

enum cr_status cr_beliefs_finish(const struct cr_beliefs *beliefs, double level,
                                 struct cr_belief_result *out) {
    struct cr_belief_result made = {
        .markets = beliefs->markets,
        .moves = beliefs->moves,
        .movement = ratio_of(&beliefs->movement),
        .reduction = ratio_of(&beliefs->reduction),
        .excess = ratio_of(&beliefs->excess),
        .movement_interval = cr_linear_ratio_sums(&beliefs->movement, level),
        .reduction_interval = cr_linear_ratio_sums(&beliefs->reduction, level),
        .excess_interval = cr_linear_ratio_sums(&beliefs->excess, level),
        .excess_test = cr_mean_zero(beliefs->excess_sum, beliefs->len, 1),
        .normalised = NAN,
        .normalised_interval = {NAN, NAN, "the reduction's interval is not above 0"},
        .slope = find_slope(beliefs->plain, beliefs->len, level),
        .instrumented = find_slope(beliefs->instrumented, beliefs->len, level)};
    made.step = cr_calloc((size_t)beliefs->iterations + 1, sizeof *made.step);
    if (made.step == NULL) {
        return CR_E_MEMORY;
    }
    if (made.reduction_interval.low > 0.0) {
        made.normalised = ratio_of(&beliefs->ratio);
        made.normalised_interval = cr_linear_ratio_sums(&beliefs->ratio, level);
    }
    finish_noise(beliefs, &made);
    finish_steps(beliefs, level, &made);
    made.verdict = judge(&made);
    *out = made;
    return CR_OK;
}

void cr_belief_result_fini(struct cr_belief_result *result) {
    cr_free(result->step);
    result->step = NULL;
}
