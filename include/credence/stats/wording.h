// wording.h - how much of a number is the wording of the prompt? Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// Items i = 1..I, wordings w = 1..W, replicates r = 1..R, balanced, all random
// (Searle, Casella and McCulloch, Variance Components, 1992, chapter 4):
//   y_iwr = mean + a_i + b_w + c_iw + e_iwr
//   MS_item = s2_e + R s2_c + R W s2_a,  MS_wording = s2_e + R s2_c + R I s2_b,
//   MS_cross = s2_e + R s2_c,            MS_replicate = s2_e.
// Components are solved for from these and cut at 0. F = MS_wording / MS_cross has
// (W - 1, (I - 1)(W - 1)) degrees of freedom when wordings do not differ; it gives an
// exact interval of s2_b / (s2_c + s2_e / R). The interval of the mean takes the
// wording as random too: its variance is (MS_item + MS_wording - MS_cross) / (I W R),
// with Satterthwaite's degrees of freedom. A few wordings leave few of them.
#ifndef CREDENCE_STATS_WORDING_H
#define CREDENCE_STATS_WORDING_H

#include <stddef.h>
#include <stdint.h>

#include "credence/stats/inference.h"

struct cr_wording {
    uint64_t items;
    uint32_t wordings, replicates;
    double mean;
    struct cr_interval mean_interval;       // over items and wordings
    double item, wording, cross, replicate; // variance components; with one replicate
                                            // cross holds both, replicate is NaN
    double wording_share;                   // (wording + cross) / all four
    double reliability;   // of the mean of W wordings: item / (item + (cross +
                          // replicate / R) / W)
    double wording_ratio; // wording / (cross + replicate / R)
    struct cr_interval wording_ratio_interval;
    struct cr_test test; // that wordings do not differ: F
    // Of the wordings' means of an item: the mean absolute difference between two of
    // them (arXiv 2410.12405), and the largest spread of any item.
    double mean_difference, largest_spread;
};

struct cr_wording_design { // at least 2 items and 2 wordings
    const double *y;       // [items][wordings][replicates]
    size_t items;
    uint32_t wordings, replicates;
};
void cr_wording_study(const struct cr_wording_design *design, double level,
                      struct cr_wording *out);

// The quantile of F: P(F <= value) = p, p in (0,1).
double cr_f_quantile(double p, double dof1, double dof2);

#endif
