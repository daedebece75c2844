// schema.h - every variable of run.h5, in one table.
//
// Layer    store (3), private
// Threads  read-only tables
// MPI      none
//
// Adding a variable: its row in schema.def, and the line that fills it (run_rows.c,
// run_groups.c or run_calls.c).
#ifndef CR_STORE_SCHEMA_H
#define CR_STORE_SCHEMA_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

#include "credence/core/call.h"

enum cr_variable_id {
#define VARIABLE(id, ...) CR_V_##id,
#define MARK(id) CR_V_##id,
#include "store/schema.def"
#undef VARIABLE
#undef MARK
    CR_V_COUNT
};

// Version 2 says why: /reason, /repair_reason and /calls/reason (which was /calls/fail),
// the servers' own finish words, and which tokens are estimated. Version 1 is still read.
enum {
    CR_SCHEMA_VERSION = 2,
    CR_SCHEMA_OLDEST = 1,
    CR_QUANTILES = 3,
    CR_RANK_MAX = 3,
    CR_STEPS_MAX = 1 << 20
};

enum cr_dim {
    CR_DIM_NONE,
    CR_DIM_EPISODE,
    CR_DIM_ITERATION,
    CR_DIM_OUTCOME,
    CR_DIM_LEVEL,
    CR_DIM_PROPOSITION,
    CR_DIM_CELL,
    CR_DIM_TRADER,
    CR_DIM_CALL,        // grows
    CR_DIM_BYTE,        // grows
    CR_DIM_SPARSE_ROW,  // these two: only in a file with few finished rows, see
    CR_DIM_SPARSE_BYTE, // repack.c
    CR_DIM_COUNT
};

struct cr_dim_info {
    const char *path;
    bool does_grow;
    uint64_t least, most; // its size in a file that has it
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

struct cr_variable {
    const char *path; // NULL: an enumerator that is no variable
    const char *units, *long_name;
    enum cr_kind kind;
    enum cr_dim dims[CR_RANK_MAX];
    bool has_missing; // elements may be missing: fill value and _FillValue; else fill 0
    const char *const *flags; // names of 0, 1, ... (of -1, 0, 1 when signed) or NULL
    uint8_t flags_len;
    uint8_t since;        // version of the schema; 0: the first
    const char *old_path; // what it was called before; NULL: there was none
    bool is_optional;     // a file need not have it, whatever its dimensions
};
extern const struct cr_variable cr_schema[CR_V_COUNT];

int cr_variable_rank(enum cr_variable_id id);
// Whether cr_frame_add_rows makes it.
bool cr_variable_is_of_rows(enum cr_variable_id id);
// Its path in a file of VERSION; NULL: such a file has none.
const char *cr_variable_path(enum cr_variable_id id, int32_t version);

// The size of each dimension of one file, and the rows that are stored together.
struct cr_shape {
    uint64_t size[CR_DIM_COUNT];
    uint32_t block_rows; // of the episode dimension
    bool has_held;       // /price_held and /price_held_idle
    bool has_idle;       // /price_idle
};
// Whether a file of SHAPE has the variable: it is one, and its dimensions are not
// empty.
bool cr_shape_has(const struct cr_shape *shape, enum cr_variable_id id);
// Elements of one step along the first dimension.
uint64_t cr_shape_row_elements(const struct cr_shape *shape, enum cr_variable_id id);
// Choose block_rows.
void cr_shape_set_block(struct cr_shape *shape);

// Why a call failed, as schema 1 and version 1 of the tape said it: their word and
// number (/calls/fail), and what it means here.
enum { CR_OLD_REASONS = 10 };
struct cr_old_reason {
    const char *word;
    enum cr_reason reason;
};
extern const struct cr_old_reason cr_old_reasons[CR_OLD_REASONS];

#endif
