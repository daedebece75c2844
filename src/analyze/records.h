// records.h - walking over the records of one kind.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_RECORDS_H
#define CR_ANALYZE_RECORDS_H

#include "analyze/results.h"

struct cr_analysis;

// A walk over all records of a kind, in the order of the tables. What it returns is
// valid until the next call.
struct cr_records {
    const struct cr_analysis *analysis;
    enum cr_record kind;
    size_t group, at;
    struct cr_reliability_result reliability;
    struct cr_belief_step_result belief_step;
    struct cr_instrument_step_result instrument_step;
    struct cr_held_step_result held_step;
    struct cr_corp_band_result band;
    struct cr_murphy_result murphy;
};
const void *cr_records_next(struct cr_records *records); // NULL at the end

#endif
