// power.h - the smallest difference that a plan could find, before money is spent.
//
// Layer    job (4)
// Threads  no shared state
// MPI      none
//
// A paired test of final against opening, or of one cell against another, on the means of
// Q questions whose differences have the standard deviation S finds a true difference
//   d = (z(1 - alpha / (2 m)) + z(0.8)) S / sqrt(Q)
// with a power of 80 % when m comparisons share the error alpha (Bonferroni: a bound for
// Holm). S comes from an earlier run; without one, or where a share f is named, it is
// assumed that so many judgments (0.2: one in five) change sides, either way alike, and
// that the propositions and replicates of a question are independent:
//   S = sqrt(f / (propositions a question x replicates)).
// A wanted difference w needs Q (d / w)^2 questions, or as many times the replicates.
// m: the hypotheses of the job; without any, its cells.
#ifndef CREDENCE_JOB_POWER_H
#define CREDENCE_JOB_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/job/estimate.h"
#include "credence/job/plan.h"

#define CR_POWER_ALPHA 0.05
#define CR_POWER_WANTED 0.8
#define CR_POWER_FLIPS 0.2       // assumed share of judgments that change sides
#define CR_POWER_DIFFERENCE 0.05 // a difference of accuracy that is worth finding

struct cr_power_cfg {
    double difference; // that is wanted; 0: CR_POWER_DIFFERENCE
    double flips;      // share that is assumed to change sides; 0: as LIKE says
};

struct cr_power_row {        // of one benchmark in use
    uint32_t benchmark;      // index in job->benchmarks
    uint64_t questions;      // that the statistics cluster on
    uint32_t replicates;     // the fewest of its cells
    double sd;               // S
    bool is_pilot;           // S comes from the earlier run
    double detectable;       // d
    double needed_questions; // for the wanted difference, at these replicates
    // For the wanted difference at these questions; as if replicates were independent, so
    // at least. NaN with a pilot, which does not say how its S parts.
    double needed_replicates;
};
struct cr_power {
    uint32_t comparisons; // m
    double difference;    // that is wanted
    double flips;         // that is assumed where there is no pilot
    struct cr_power_row *rows;
    uint32_t rows_len;
};
// LIKE may be NULL. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_power_make(const struct cr_plan *plan,
                                           const struct cr_like *like,
                                           const struct cr_power_cfg *cfg,
                                           struct cr_power *out, struct cr_err *err);
void cr_power_fini(struct cr_power *power);

#endif
