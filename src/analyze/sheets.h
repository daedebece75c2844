// sheets.h - the kinds of records that `analyze` has, and the tables it prints of them.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_SHEETS_H
#define CR_ANALYZE_SHEETS_H

// The records that rows describe; each has a type of its own (results.h).
enum cr_record {
    CR_RECORD_GROUP,           // struct cr_group_result
    CR_RECORD_ITERATION,       // struct cr_iteration_result
    CR_RECORD_BIN,             // struct cr_bin
    CR_RECORD_RELIABILITY,     // struct cr_reliability_result
    CR_RECORD_PAIR,            // struct cr_pair_result
    CR_RECORD_WHAT_IF,         // struct cr_what_if_result
    CR_RECORD_BELIEF_STEP,     // struct cr_belief_step_result
    CR_RECORD_CORP_BAND,       // struct cr_corp_band_result
    CR_RECORD_CORP_POOL,       // struct cr_corp_pool
    CR_RECORD_MURPHY,          // struct cr_murphy_result
    CR_RECORD_INSTRUMENT_STEP, // struct cr_instrument_step_result
    CR_RECORD_WORDING,         // struct cr_wording_result
    CR_RECORD_HELD_STEP,       // struct cr_held_step_result
    CR_RECORD_CONTROL,         // struct cr_control_result
    CR_RECORD_STOPPING,        // struct cr_stopping_result
    CR_RECORD_FRONTIER,        // struct cr_frontier_result
    CR_RECORD_INDEPENDENCE,    // struct cr_independence_result
    CR_RECORD_REASON,          // struct cr_reason_result
    CR_RECORD_CONFIRMATORY,    // struct cr_confirmatory_result
    CR_RECORDS
};

// Tables, in the order of printing.
enum cr_sheet {
    CR_SHEET_NONE,
    CR_SHEET_CONFIRMATORY,
    CR_SHEET_ACCURACY,
    CR_SHEET_REASONS,
    CR_SHEET_VOTE,
    CR_SHEET_CALIBRATION,
    CR_SHEET_RELIABILITY,
    CR_SHEET_DYNAMICS,
    CR_SHEET_ITERATIONS,
    CR_SHEET_WORTH,
    CR_SHEET_COMPARISON,
    CR_SHEET_CONTINUOUS,
    CR_SHEET_WHAT_IF,
    CR_SHEET_CORP,
    CR_SHEET_DIAGRAM,
    CR_SHEET_MURPHY,
    CR_SHEET_BELIEFS,
    CR_SHEET_VERDICT,
    CR_SHEET_BELIEF_STEPS,
    CR_SHEET_SETTLING,
    CR_SHEET_INDEPENDENCE,
    CR_SHEET_INSTRUMENT,
    CR_SHEET_INSTRUMENT_STEPS,
    CR_SHEET_WORDING,
    CR_SHEET_HELD,
    CR_SHEET_SIDES,
    CR_SHEET_ROOM,
    CR_SHEET_ROOM_GAIN,
    CR_SHEET_HELD_MOVES,
    CR_SHEET_HELD_NET,
    CR_SHEET_HELD_STEPS,
    CR_SHEET_PLACEBO,
    CR_SHEET_AGENT_SCORE,
    CR_SHEET_STOPPING,
    CR_SHEET_FRONTIER,
    CR_SHEETS
};

#endif
