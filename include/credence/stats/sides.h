// sides.h - what a judge makes of an advocate for the truth, and of one for a falsehood.
// Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// Of consultancy: one side argues, drawn by the seed, so episodes fall by chance into those
// whose first argument was for what is true and those whose was for something else (as the
// consultant declared it: without a declaration an episode counts in neither). Done
// episodes with a label; gain: points at the end less points at the opening. The gap is
// the difference of two means over episodes, linearised and clustered on the question:
// a judge that follows whoever argues has a large one, one that weighs has a small one.
#ifndef CREDENCE_STATS_SIDES_H
#define CREDENCE_STATS_SIDES_H

#include <stdint.h>

#include "credence/stats/inference.h"
#include "credence/stats/score.h"

enum cr_side_argued { CR_SIDE_FALSE, CR_SIDE_TRUE, CR_SIDES };

struct cr_sides {                         // the accumulator; zeroed at first
    double opening[CR_SIDES];             // sums of points
    struct cr_ratio_sums final[CR_SIDES]; // over the questions that have the side
    double questions;                     // that have a side at all
    // Sums over questions of products of one side's points or count with the other's.
    double points_points, points_count, count_points, count_count;
};
// All markets of one question.
void cr_sides_add(struct cr_sides *sides, const struct cr_market *market, size_t len);

struct cr_sides_result {
    uint64_t n; // episodes of either side
    struct cr_side_score {
        uint64_t n;
        double opening, final; // mean points
        struct cr_interval interval;
    } side[CR_SIDES];
    double gap; // final points, truth argued less falsehood argued
    struct cr_interval gap_interval;
};
void cr_sides_finish(const struct cr_sides *sides, double level,
                     struct cr_sides_result *out);

#endif
