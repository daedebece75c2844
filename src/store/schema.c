// schema.c - the table. Counts are signed 32-bit, the widest integer that every netCDF
// reader knows; a missing one is -1.
#include "store/schema.h"

#include <math.h>

#include "credence/core/call.h"
#include "credence/core/trajectory.h"

const struct cr_dim_info cr_dim_table[CR_DIM_COUNT] = {
    [CR_DIM_EPISODE] = {"/episode", false},
    [CR_DIM_ITERATION] = {"/iteration", false},
    [CR_DIM_OUTCOME] = {"/outcome", false},
    [CR_DIM_LEVEL] = {"/level", false},
    [CR_DIM_PROPOSITION] = {"/propositions/proposition", false},
    [CR_DIM_CELL] = {"/cells/cell", false},
    [CR_DIM_CALL] = {"/calls/call", true},
    [CR_DIM_BYTE] = {"/calls/byte", true},
    [CR_DIM_SPARSE_ROW] = {"/sparse/finished", false},
    [CR_DIM_SPARSE_BYTE] = {"/sparse/byte", false},
};

static const char *const space_names[] = {"binary", "categorical", "continuous"};
static const char *const ask_names[] = {"judgment", "argument", "vote", "logprob"};
static const char *const truth_names[] = {"false", "true"};
static const char *const push_names[] = {"down", "none", "up"};

// clang-format off
#define DIMS_E   {CR_DIM_EPISODE}
#define DIMS_EI  {CR_DIM_EPISODE, CR_DIM_ITERATION}
#define DIMS_EIO {CR_DIM_EPISODE, CR_DIM_ITERATION, CR_DIM_OUTCOME}
#define DIMS_EIL {CR_DIM_EPISODE, CR_DIM_ITERATION, CR_DIM_LEVEL}
#define DIMS_P   {CR_DIM_PROPOSITION}
#define DIMS_C   {CR_DIM_CELL}
#define DIMS_CALL {CR_DIM_CALL}

const struct cr_variable cr_schema[CR_V_COUNT] = {
    // path, units, long_name, kind, dims, has_missing, flags, flags_len
    [CR_V_PRICE] = {"/price", "1", "price after each judgment: P(true), or the median in the normalised range", CR_KIND_F64, DIMS_EI, true, 0, 0},
    [CR_V_OUTCOME_PRICE] = {"/outcome_price", "1", "price of each option after each judgment", CR_KIND_F64, DIMS_EIO, true, 0, 0},
    [CR_V_QUANTILE] = {"/quantile", "1", "quantiles of each judgment in the normalised range", CR_KIND_F64, DIMS_EIL, true, 0, 0},
    [CR_V_CELL] = {"/cell", "1", "row of /cells", CR_KIND_I32, DIMS_E, true, 0, 0},
    [CR_V_PROPOSITION] = {"/proposition", "1", "row of /propositions", CR_KIND_I32, DIMS_E, true, 0, 0},
    [CR_V_REPLICATE] = {"/replicate", "1", "replicate number", CR_KIND_I32, DIMS_E, true, 0, 0},
    [CR_V_ITERATIONS] = {"/iterations", "1", "number of judgments made", CR_KIND_I32, DIMS_E, false, 0, 0},
    [CR_V_STATUS] = {"/status", NULL, "state of the episode; failed is never scored, invalid is scored as wrong", CR_KIND_U8, DIMS_E, false, cr_episode_status_names, CR_EPISODE_STATUS_COUNT},
    [CR_V_STOP_REASON] = {"/stop_reason", NULL, "why the episode ended", CR_KIND_U8, DIMS_E, false, cr_stop_reason_names, CR_ENDED_COUNT},
    [CR_V_JUDGMENT_TOKENS_IN] = {"/judgment_tokens_in", "1", "prompt tokens of the maker's calls", CR_KIND_I32, DIMS_EI, true, 0, 0},
    [CR_V_JUDGMENT_TOKENS_OUT] = {"/judgment_tokens_out", "1", "completion tokens of the maker's calls", CR_KIND_I32, DIMS_EI, true, 0, 0},
    [CR_V_ARGUMENT_TOKENS_IN] = {"/argument_tokens_in", "1", "prompt tokens of the traders' calls", CR_KIND_I32, DIMS_EI, true, 0, 0},
    [CR_V_ARGUMENT_TOKENS_OUT] = {"/argument_tokens_out", "1", "completion tokens of the traders' calls", CR_KIND_I32, DIMS_EI, true, 0, 0},
    [CR_V_CACHED_TOKENS] = {"/cached_tokens", "1", "prompt tokens that the server had cached", CR_KIND_I32, DIMS_EI, true, 0, 0},
    [CR_V_CALLS_MADE] = {"/calls_made", "1", "calls of the iteration, repairs included", CR_KIND_I32, DIMS_EI, true, 0, 0},
    [CR_V_LATENCY] = {"/latency_s", "s", "sum of the latencies of the iteration's calls", CR_KIND_F32, DIMS_EI, true, 0, 0},
    [CR_V_PUSH] = {"/push", NULL, "direction the trader declared; none also when unknown", CR_KIND_I8, DIMS_EI, true, push_names, 3},
    [CR_V_REPAIRS] = {"/repairs", "1", "repair turns of the iteration", CR_KIND_U8, DIMS_EI, true, 0, 0},
    [CR_V_TOTAL_TOKENS] = {"/total_tokens", "1", "tokens in and out of all calls", CR_KIND_I64, DIMS_E, false, 0, 0},
    [CR_V_TOTAL_CALLS] = {"/total_calls", "1", "calls, repairs included", CR_KIND_I32, DIMS_E, false, 0, 0},
    [CR_V_TOTAL_LATENCY] = {"/total_latency_s", "s", "sum of the latencies of all calls", CR_KIND_F32, DIMS_E, false, 0, 0},
    [CR_V_TOTAL_USD] = {"/total_usd", "USD", "cost of all calls at the prices in the job", CR_KIND_F64, DIMS_E, false, 0, 0},
    [CR_V_LEVEL] = {"/level", "1", "quantile level", CR_KIND_F64, {CR_DIM_LEVEL}, false, 0, 0},

    [CR_V_PROP_ID] = {"/propositions/id", NULL, "identifier, unique in its benchmark", CR_KIND_TEXT, DIMS_P, false, 0, 0},
    [CR_V_PROP_QUESTION] = {"/propositions/question_id", NULL, "item the proposition was made from; statistics cluster on it", CR_KIND_TEXT, DIMS_P, false, 0, 0},
    [CR_V_PROP_BENCHMARK] = {"/propositions/benchmark", NULL, "benchmark of the job", CR_KIND_TEXT, DIMS_P, false, 0, 0},
    [CR_V_PROP_SPACE] = {"/propositions/space", NULL, "outcome space", CR_KIND_U8, DIMS_P, false, space_names, 3},
    [CR_V_PROP_LABEL] = {"/propositions/label", "1", "truth: 0 or 1, or the index of the right option; missing when continuous", CR_KIND_I32, DIMS_P, true, 0, 0},
    [CR_V_PROP_OUTCOMES] = {"/propositions/n_outcomes", "1", "number of prices in one judgment", CR_KIND_I32, DIMS_P, false, 0, 0},
    [CR_V_PROP_VALUE] = {"/propositions/value", NULL, "truth of a continuous proposition, in its own unit", CR_KIND_F64, DIMS_P, true, 0, 0},
    [CR_V_PROP_LOW] = {"/propositions/low", NULL, "value at price 0", CR_KIND_F64, DIMS_P, true, 0, 0},
    [CR_V_PROP_HIGH] = {"/propositions/high", NULL, "value at price 1", CR_KIND_F64, DIMS_P, true, 0, 0},
    [CR_V_PROP_UNIT] = {"/propositions/unit", NULL, "unit of value, low and high", CR_KIND_TEXT, DIMS_P, false, 0, 0},
    [CR_V_PROP_TEXT] = {"/propositions/text", NULL, "claim or question", CR_KIND_TEXT, DIMS_P, false, 0, 0},
    [CR_V_PROP_OPTIONS] = {"/propositions/options", NULL, "options of a categorical proposition, a JSON array", CR_KIND_TEXT, DIMS_P, false, 0, 0},

    [CR_V_CELL_NAME] = {"/cells/name", NULL, "readable name, unique", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_PROTOCOL] = {"/cells/protocol", NULL, "protocol", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_BENCHMARK] = {"/cells/benchmark", NULL, "benchmark of the job", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_MAKER] = {"/cells/maker", NULL, "model of the market maker", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_TRADER] = {"/cells/trader", NULL, "model of the trader; several are joined by +", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_STANCE] = {"/cells/stance", NULL, "stance of the trader", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_ELICITATION] = {"/cells/elicitation", NULL, "how a price is read", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_ORDER] = {"/cells/order", NULL, "order of several traders", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_PROMPTS] = {"/cells/prompts", NULL, "prompt set", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_STOP_RULE] = {"/cells/stop_rule", NULL, "stop rule", CR_KIND_TEXT, DIMS_C, false, 0, 0},
    [CR_V_CELL_REPLICATES] = {"/cells/replicates", "1", "replicates of each proposition", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_SAMPLES] = {"/cells/samples", "1", "samples of self-consistency or of sampled elicitation", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_ROUNDS] = {"/cells/rounds", "1", "rounds of a debate", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_MEMORY] = {"/cells/memory", "1", "turns the maker remembers; 0 for all", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_REPAIRS] = {"/cells/repairs", "1", "most repair turns after an unusable reply", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_CHAIN_OF_THOUGHT] = {"/cells/chain_of_thought", NULL, "reasoning is asked for before the price", CR_KIND_U8, DIMS_C, false, truth_names, 2},
    [CR_V_CELL_STOP_EARLY] = {"/cells/stop_early", NULL, "a market ends at its equilibrium", CR_KIND_U8, DIMS_C, false, truth_names, 2},
    [CR_V_CELL_READS_LABEL] = {"/cells/reads_label", NULL, "the trader is told the truth: for red-teaming only", CR_KIND_U8, DIMS_C, false, truth_names, 2},
    [CR_V_CELL_THRESHOLD] = {"/cells/threshold", "1", "T of the stop rule", CR_KIND_F64, DIMS_C, false, 0, 0},
    [CR_V_CELL_WINDOW] = {"/cells/window", "1", "w of the stop rule, in judgments", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_MAX_ITERATIONS] = {"/cells/max_iterations", "1", "N: at most N + 1 judgments", CR_KIND_I32, DIMS_C, false, 0, 0},
    [CR_V_CELL_TRAJECTORY] = {"/cells/trajectory", "1", "cells with the same number share their trajectories", CR_KIND_I32, DIMS_C, false, 0, 0},

    [CR_V_CALL_EPISODE] = {"/calls/episode", "1", "row of the episode variables", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_ITERATION] = {"/calls/iteration", "1", "iteration", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_ROLE] = {"/calls/role", NULL, "who was asked", CR_KIND_U8, DIMS_CALL, false, cr_role_names, CR_ROLE_COUNT},
    [CR_V_CALL_TRADER] = {"/calls/trader", "1", "which trader or side", CR_KIND_U8, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_SAMPLE] = {"/calls/sample", "1", "which sample", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_REPAIR] = {"/calls/repair", "1", "0, or the number of the repair turn", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_ASK] = {"/calls/ask", NULL, "what was asked for", CR_KIND_U8, DIMS_CALL, false, ask_names, CR_ASK_COUNT},
    [CR_V_CALL_MODEL] = {"/calls/model", "1", "index into the attribute models of /", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_FAIL] = {"/calls/fail", NULL, "why the call failed for good", CR_KIND_U8, DIMS_CALL, false, cr_reason_names, CR_REASON_COUNT},
    [CR_V_CALL_FINISH] = {"/calls/finish_reason", NULL, "why the reply ended", CR_KIND_U8, DIMS_CALL, false, cr_finish_names, CR_FINISH_OTHER + 1},
    [CR_V_CALL_TOKENS_IN] = {"/calls/tokens_in", "1", "prompt tokens", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_TOKENS_OUT] = {"/calls/tokens_out", "1", "completion tokens", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_TOKENS_CACHED] = {"/calls/tokens_cached", "1", "prompt tokens that the server had cached", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_TOKENS_REASONING] = {"/calls/tokens_reasoning", "1", "completion tokens spent on hidden reasoning", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_LATENCY] = {"/calls/latency_s", "s", "time from sent to last byte of the attempt that succeeded", CR_KIND_F64, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_ATTEMPTS] = {"/calls/attempts", "1", "attempts made", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_ENDPOINT] = {"/calls/endpoint", "1", "index in the model's list of endpoints", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_HTTP_STATUS] = {"/calls/http_status", "1", "HTTP status; 0 when there was none", CR_KIND_I32, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_TRAJECTORY] = {"/calls/trajectory", "1", "number of the trajectory in the plan", CR_KIND_I64, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_TRAJECTORY_KEY] = {"/calls/trajectory_key", NULL, "identity of the trajectory", CR_KIND_U64, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_REQUEST_HI] = {"/calls/request_hash_high", NULL, "upper half of the hash of the request", CR_KIND_U64, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_REQUEST_LO] = {"/calls/request_hash_low", NULL, "lower half of the hash of the request", CR_KIND_U64, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_SIMULATED] = {"/calls/simulated", NULL, "answered by a simulated agent", CR_KIND_U8, DIMS_CALL, false, truth_names, 2},
    [CR_V_CALL_TEXT_OFFSET] = {"/calls/text_offset", "byte", "where in /calls/text the reply begins; reasoning and error text follow it", CR_KIND_I64, DIMS_CALL, false, 0, 0},
    [CR_V_CALL_TEXT_LENGTH] = {"/calls/text_length", "byte", "length of the reply; missing when there is none or it is not stored", CR_KIND_I32, DIMS_CALL, true, 0, 0},
    [CR_V_CALL_REASONING_LENGTH] = {"/calls/reasoning_length", "byte", "length of the reasoning; missing when there is none or it is not stored", CR_KIND_I32, DIMS_CALL, true, 0, 0},
    [CR_V_CALL_ERROR_LENGTH] = {"/calls/error_length", "byte", "length of the error text; missing when there is none or it is not stored", CR_KIND_I32, DIMS_CALL, true, 0, 0},
    [CR_V_CALL_TEXT] = {"/calls/text", NULL, "UTF-8 texts of all calls, one after the other", CR_KIND_U8, {CR_DIM_BYTE}, false, 0, 0},
    [CR_V_SPARSE_EPISODE] = {"/sparse/episode", "1", "episodes that are not pending", CR_KIND_I32, {CR_DIM_SPARSE_ROW}, false, 0, 0},
    [CR_V_SPARSE_ROW] = {"/sparse/row", NULL, "their rows of the variables in /, side by side: what credence merge reads", CR_KIND_U8, {CR_DIM_SPARSE_ROW, CR_DIM_SPARSE_BYTE}, false, 0, 0},
};
// clang-format on

size_t cr_kind_bytes(enum cr_kind kind) {
    static const size_t bytes[CR_KIND_COUNT] = {1, 1, 4, 8, 8, 4, 8, sizeof(char *)};
    return bytes[kind];
}

hid_t cr_kind_memory_type(enum cr_kind kind) {
    const hid_t types[CR_KIND_COUNT] = {
        H5T_NATIVE_UINT8,  H5T_NATIVE_INT8,  H5T_NATIVE_INT32,  H5T_NATIVE_INT64,
        H5T_NATIVE_UINT64, H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE, H5I_INVALID_HID};
    return types[kind];
}

hid_t cr_kind_file_type(enum cr_kind kind) {
    const hid_t types[CR_KIND_COUNT] = {H5T_STD_U8LE,   H5T_STD_I8LE,   H5T_STD_I32LE,
                                        H5T_STD_I64LE,  H5T_STD_U64LE,  H5T_IEEE_F32LE,
                                        H5T_IEEE_F64LE, H5I_INVALID_HID};
    return types[kind];
}

const void *cr_kind_missing(enum cr_kind kind) {
    static const uint8_t u8 = UINT8_MAX;
    static const int8_t i8 = INT8_MIN;
    static const int32_t i32 = -1;
    static const int64_t i64 = -1;
    static const uint64_t u64 = UINT64_MAX;
    static const float f32 = NAN;
    static const double f64 = NAN;
    const void *values[CR_KIND_COUNT] = {&u8, &i8, &i32, &i64, &u64, &f32, &f64, NULL};
    return values[kind];
}

int cr_variable_rank(enum cr_variable_id id) {
    int rank = 0;
    while (rank < CR_RANK_MAX && cr_schema[id].dims[rank] != CR_DIM_NONE) {
        rank++;
    }
    return rank;
}

bool cr_shape_has(const struct cr_shape *shape, enum cr_variable_id id) {
    if (cr_schema[id].path == NULL) {
        return false;
    }
    for (int i = 0; i < cr_variable_rank(id); i++) {
        enum cr_dim dim = cr_schema[id].dims[i];
        if (shape->size[dim] == 0 && !cr_dim_table[dim].does_grow) {
            return false;
        }
    }
    return true;
}

uint64_t cr_shape_row_elements(const struct cr_shape *shape, enum cr_variable_id id) {
    uint64_t elements = 1;
    for (int i = 1; i < cr_variable_rank(id); i++) {
        elements *= shape->size[cr_schema[id].dims[i]];
    }
    return elements;
}

void cr_shape_set_block(struct cr_shape *shape) {
    // About 256 KiB of the widest variable: large enough to compress and to be read at
    // disk speed, small enough that a flush rewrites little.
    uint64_t widest = 8 * shape->size[CR_DIM_ITERATION];
    if (shape->size[CR_DIM_OUTCOME] > 1) {
        widest *= shape->size[CR_DIM_OUTCOME];
    }
    uint64_t rows = (256u << 10) / widest;
    rows = rows < 16 ? 16 : rows;
    if (rows > shape->size[CR_DIM_EPISODE]) {
        rows = shape->size[CR_DIM_EPISODE];
    }
    shape->block_rows = (uint32_t)rows;
}
