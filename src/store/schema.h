// schema.h - every variable of run.h5, in one table.
//
// Layer    store (3), private
// Threads  read-only tables
// MPI      none
//
// Adding a variable: an enumerator here, its row in schema.c, and the line that fills
// it (run_rows.c, run_groups.c or run_calls.c).
#ifndef CREDENCE_STORE_SCHEMA_H
#define CREDENCE_STORE_SCHEMA_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

enum { CR_SCHEMA_VERSION = 1, CR_QUANTILES = 3, CR_RANK_MAX = 3 };

enum cr_dim {
    CR_DIM_NONE,
    CR_DIM_EPISODE,
    CR_DIM_ITERATION,
    CR_DIM_OUTCOME,
    CR_DIM_LEVEL,
    CR_DIM_PROPOSITION,
    CR_DIM_CELL,
    CR_DIM_CALL,        // grows
    CR_DIM_BYTE,        // grows
    CR_DIM_SPARSE_ROW,  // these two: only in a file with few finished rows, see
    CR_DIM_SPARSE_BYTE, // pack_rows.c
    CR_DIM_COUNT
};

struct cr_dim_info {
    const char *path;
    bool does_grow;
};
extern const struct cr_dim_info cr_dim_table[CR_DIM_COUNT];

enum cr_kind {
    CR_KIND_U8,
    CR_KIND_I8,
    CR_KIND_I32,
    CR_KIND_I64,
    CR_KIND_U64,
    CR_KIND_F32,
    CR_KIND_F64,
    CR_KIND_TEXT, // variable-length UTF-8
    CR_KIND_COUNT
};
size_t cr_kind_bytes(enum cr_kind kind); // in memory
hid_t cr_kind_memory_type(enum cr_kind kind);
hid_t cr_kind_file_type(enum cr_kind kind);
// What an element that was never written reads as: NaN, -1, the type's extreme.
const void *cr_kind_missing(enum cr_kind kind);

enum cr_variable_id {
    // One row an episode; these come first and in this order in a block (run_rows.c).
    CR_V_PRICE,
    CR_V_OUTCOME_PRICE, // only in files with categorical propositions
    CR_V_QUANTILE,      // only in files with continuous propositions
    CR_V_CELL,
    CR_V_PROPOSITION,
    CR_V_REPLICATE,
    CR_V_ITERATIONS,
    CR_V_STATUS,
    CR_V_STOP_REASON,
    CR_V_JUDGMENT_TOKENS_IN,
    CR_V_JUDGMENT_TOKENS_OUT,
    CR_V_ARGUMENT_TOKENS_IN,
    CR_V_ARGUMENT_TOKENS_OUT,
    CR_V_CACHED_TOKENS,
    CR_V_CALLS_MADE,
    CR_V_LATENCY,
    CR_V_PUSH,
    CR_V_REPAIRS,
    CR_V_TOTAL_TOKENS,
    CR_V_TOTAL_CALLS,
    CR_V_TOTAL_LATENCY,
    CR_V_TOTAL_USD,
    CR_V_ROW_END, // no variable: the end of the above
    CR_V_LEVEL,
    CR_V_PROP_ID,
    CR_V_PROP_QUESTION,
    CR_V_PROP_BENCHMARK,
    CR_V_PROP_SPACE,
    CR_V_PROP_LABEL,
    CR_V_PROP_OUTCOMES,
    CR_V_PROP_VALUE,
    CR_V_PROP_LOW,
    CR_V_PROP_HIGH,
    CR_V_PROP_UNIT,
    CR_V_PROP_TEXT,
    CR_V_PROP_OPTIONS,
    CR_V_CELL_NAME,
    CR_V_CELL_PROTOCOL,
    CR_V_CELL_BENCHMARK,
    CR_V_CELL_MAKER,
    CR_V_CELL_TRADER,
    CR_V_CELL_STANCE,
    CR_V_CELL_ELICITATION,
    CR_V_CELL_ORDER,
    CR_V_CELL_PROMPTS,
    CR_V_CELL_STOP_RULE,
    CR_V_CELL_REPLICATES,
    CR_V_CELL_SAMPLES,
    CR_V_CELL_ROUNDS,
    CR_V_CELL_MEMORY,
    CR_V_CELL_REPAIRS,
    CR_V_CELL_CHAIN_OF_THOUGHT,
    CR_V_CELL_STOP_EARLY,
    CR_V_CELL_READS_LABEL,
    CR_V_CELL_THRESHOLD,
    CR_V_CELL_WINDOW,
    CR_V_CELL_MAX_ITERATIONS,
    CR_V_CELL_TRAJECTORY,
    CR_V_CALL_FIRST, // no variable: one row a call from here
    CR_V_CALL_EPISODE,
    CR_V_CALL_ITERATION,
    CR_V_CALL_ROLE,
    CR_V_CALL_TRADER,
    CR_V_CALL_SAMPLE,
    CR_V_CALL_REPAIR,
    CR_V_CALL_ASK,
    CR_V_CALL_MODEL,
    CR_V_CALL_FAIL,
    CR_V_CALL_FINISH,
    CR_V_CALL_TOKENS_IN,
    CR_V_CALL_TOKENS_OUT,
    CR_V_CALL_TOKENS_CACHED,
    CR_V_CALL_TOKENS_REASONING,
    CR_V_CALL_LATENCY,
    CR_V_CALL_ATTEMPTS,
    CR_V_CALL_ENDPOINT,
    CR_V_CALL_HTTP_STATUS,
    CR_V_CALL_WALL_MS,
    CR_V_CALL_TRAJECTORY,
    CR_V_CALL_TRAJECTORY_KEY,
    CR_V_CALL_REQUEST_HI,
    CR_V_CALL_REQUEST_LO,
    CR_V_CALL_SIMULATED,
    CR_V_CALL_TEXT_OFFSET,
    CR_V_CALL_TEXT_LENGTH,
    CR_V_CALL_REASONING_LENGTH,
    CR_V_CALL_ERROR_LENGTH,
    CR_V_CALL_END, // no variable
    CR_V_CALL_TEXT,
    CR_V_SPARSE_EPISODE,
    CR_V_SPARSE_ROW,
    CR_V_COUNT
};

struct cr_variable {
    const char *path; // NULL: an enumerator that is no variable
    const char *units, *long_name;
    enum cr_kind kind;
    enum cr_dim dims[CR_RANK_MAX];
    bool has_missing; // elements may be missing: fill value and _FillValue; else fill 0
    const char *const *flags; // names of 0, 1, ... (of -1, 0, 1 when signed) or NULL
    uint8_t flags_len;
};
extern const struct cr_variable cr_schema[CR_V_COUNT];

int cr_variable_rank(enum cr_variable_id id);

// The size of each dimension of one file, and the rows that are stored together.
struct cr_shape {
    uint64_t size[CR_DIM_COUNT];
    uint32_t block_rows; // of the episode dimension
};
// Whether a file of SHAPE has the variable: it is one, and its dimensions are not
// empty.
bool cr_shape_has(const struct cr_shape *shape, enum cr_variable_id id);
// Elements of one step along the first dimension.
uint64_t cr_shape_row_elements(const struct cr_shape *shape, enum cr_variable_id id);
// Choose block_rows.
void cr_shape_set_block(struct cr_shape *shape);

#endif
