// sides.c - what a judge makes of an advocate for the truth, and of one for a falsehood.
#include "credence/stats/sides.h"

#include <math.h>

#include "credence/stats/inference.h"

// The side that the first argument of MARKET took; CR_SIDES: it is not known.
static enum cr_side_argued side_of(const struct cr_market *m) {
    if (m->status != CR_DONE || m->prices_len < 2 || m->direction == NULL ||
        m->space == CR_SPACE_CONTINUOUS || m->direction[1] == 0) {
        return CR_SIDES;
    }
    bool is_true = m->options != NULL ? m->direction[1] == m->label + 1
                                      : (m->direction[1] > 0) == (m->label == 1);
    return is_true ? CR_SIDE_TRUE : CR_SIDE_FALSE;
}

void cr_sides_add(struct cr_sides *sides, const struct cr_market *market, size_t len) {
    double points[CR_SIDES] = {0}, count[CR_SIDES] = {0};
    for (size_t i = 0; i < len; i++) {
        enum cr_side_argued side = side_of(&market[i]);
        if (side != CR_SIDES) {
            sides->opening[side] += cr_score_opening(&market[i]);
            points[side] += cr_score_final(&market[i]);
            count[side] += 1;
        }
    }
    for (int side = 0; side < CR_SIDES; side++) {
        if (count[side] > 0) {
            cr_ratio_sums_add(&sides->final[side], points[side], count[side]);
        }
    }
    sides->questions += count[0] + count[1] > 0;
    sides->points_points += points[0] * points[1];
    sides->points_count += points[0] * count[1];
    sides->count_points += count[0] * points[1];
    sides->count_count += count[0] * count[1];
}

// Sum over questions of (points - mean count)^2 of one side.
static double square_of(const struct cr_ratio_sums *s, double mean) {
    return s->num_num - 2 * mean * s->num_den + mean * mean * s->den_den;
}

// The gap is a difference of two ratios over the same questions: with what each question
// adds to it, u_q = (points_q1 - m1 count_q1) / n1 - (points_q0 - m0 count_q0) / n0, its
// variance is C / (C - 1) sum u_q^2.
static struct cr_interval gap_interval(const struct cr_sides *s, double level) {
    const struct cr_ratio_sums *a = &s->final[0], *b = &s->final[1];
    if (a->den <= 0 || b->den <= 0 || s->questions < 2) {
        return (struct cr_interval){NAN, NAN, "one side only, or one question"};
    }
    double m0 = a->num / a->den, m1 = b->num / b->den, dof = s->questions - 1;
    double cross = s->points_points - m1 * s->points_count - m0 * s->count_points +
                   m0 * m1 * s->count_count;
    double square = square_of(a, m0) / (a->den * a->den) +
                    square_of(b, m1) / (b->den * b->den) -
                    2 * cross / (a->den * b->den);
    double error = sqrt(fmax(square, 0) * s->questions / dof);
    double half = -cr_t_quantile(0.5 * (1 - level), dof) * error;
    return (struct cr_interval){m1 - m0 - half, m1 - m0 + half, NULL};
}

void cr_sides_finish(const struct cr_sides *sides, double level,
                     struct cr_sides_result *out) {
    for (int side = 0; side < CR_SIDES; side++) {
        const struct cr_ratio_sums *final = &sides->final[side];
        out->side[side] = (struct cr_side_score){
            .n = (uint64_t) final->den,
            .opening = sides->opening[side] / final->den,
            .final = final->num / final->den,
            .interval = cr_linear_ratio_sums(final, level),
        };
    }
    out->n = out->side[CR_SIDE_TRUE].n + out->side[CR_SIDE_FALSE].n;
    out->gap = out->side[CR_SIDE_TRUE].final - out->side[CR_SIDE_FALSE].final;
    out->gap_interval = gap_interval(sides, level);
}
