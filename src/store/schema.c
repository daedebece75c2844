// schema.c - the table. Counts are signed 32-bit, the widest integer that every netCDF
// reader knows; a missing one is -1.
#include "store/schema.h"

#include <math.h>

#include "credence/core/call.h"
#include "credence/core/cell.h"
#include "credence/core/trajectory.h"

const struct cr_dim_info cr_dim_table[CR_DIM_COUNT] = {
    [CR_DIM_EPISODE] = {"/episode", false, 1, INT32_MAX},
    [CR_DIM_ITERATION] = {"/iteration", false, 1, CR_STEPS_MAX},
    [CR_DIM_OUTCOME] = {"/outcome", false, 2, CR_STEPS_MAX},
    [CR_DIM_LEVEL] = {"/level", false, CR_QUANTILES, CR_QUANTILES},
    [CR_DIM_PROPOSITION] = {"/propositions/proposition", false, 1, INT32_MAX},
    [CR_DIM_CELL] = {"/cells/cell", false, 1, INT32_MAX},
    [CR_DIM_TRADER] = {"/traders/trader", false, 2, CR_TRADERS_MAX},
    [CR_DIM_CALL] = {"/calls/call", true, 0, INT32_MAX},
    [CR_DIM_BYTE] = {"/calls/byte", true, 0, INT64_MAX / 2},
    [CR_DIM_SPARSE_ROW] = {"/sparse/finished", false, 1, INT32_MAX},
    [CR_DIM_SPARSE_BYTE] = {"/sparse/byte", false, 1, INT32_MAX},
};

static const char *const space_names[] = {"binary", "categorical", "continuous"};
static const char *const truth_names[] = {"false", "true"};
static const char *const push_names[] = {"down", "none", "up"};

// clang-format off
#define DIMS_E   {CR_DIM_EPISODE}
#define DIMS_EI  {CR_DIM_EPISODE, CR_DIM_ITERATION}
#define DIMS_EIO {CR_DIM_EPISODE, CR_DIM_ITERATION, CR_DIM_OUTCOME}
#define DIMS_EIL {CR_DIM_EPISODE, CR_DIM_ITERATION, CR_DIM_LEVEL}
#define DIMS_ET  {CR_DIM_EPISODE, CR_DIM_TRADER}
#define DIMS_ETO {CR_DIM_EPISODE, CR_DIM_TRADER, CR_DIM_OUTCOME}
#define DIMS_P   {CR_DIM_PROPOSITION}
#define DIMS_C   {CR_DIM_CELL}
#define DIMS_CALL {CR_DIM_CALL}
// clang-format on

const struct cr_variable cr_schema[CR_V_COUNT] = {
#define VARIABLE(id, ...) [CR_V_##id] = {__VA_ARGS__},
#define MARK(id)
#include "store/schema.def"
#undef VARIABLE
#undef MARK
};

const struct cr_old_reason cr_old_reasons[CR_OLD_REASONS] = {
    {"none", CR_REASON_NONE},       {"transport", CR_REASON_CONNECTION},
    {"timeout", CR_REASON_TIMEOUT}, {"rate", CR_REASON_RATE},
    {"server", CR_REASON_SERVER},   {"refused", CR_REASON_BAD_REQUEST},
    {"protocol", CR_REASON_SERVER}, {"limit", CR_REASON_SERVER},
    {"replay", CR_REASON_REPLAY},   {"stopped", CR_REASON_STOPPED},
};

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

const char *cr_variable_path(enum cr_variable_id id, int32_t version) {
    const struct cr_variable *v = &cr_schema[id];
    return version >= v->since ? v->path : v->old_path;
}

bool cr_variable_is_of_rows(enum cr_variable_id id) {
    return id < CR_V_ROW_END || id == CR_V_SPARSE_EPISODE || id == CR_V_SPARSE_ROW;
}

int cr_variable_rank(enum cr_variable_id id) {
    int rank = 0;
    while (rank < CR_RANK_MAX && cr_schema[id].dims[rank] != CR_DIM_NONE) {
        rank++;
    }
    return rank;
}

bool cr_shape_has(const struct cr_shape *shape, enum cr_variable_id id) {
    bool is_held = id == CR_V_PRICE_HELD || id == CR_V_PRICE_HELD_IDLE;
    if (cr_schema[id].path == NULL || (is_held && !shape->has_held) ||
        (id == CR_V_PRICE_IDLE && !shape->has_idle)) {
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
