// run_internal.h - what run_file.c is made of: rows, calls, groups, attributes.
//
// Layer    store (3), private
// Threads  not thread-safe
// MPI      none
#ifndef CR_STORE_RUN_INTERNAL_H
#define CR_STORE_RUN_INTERNAL_H

#include "credence/base/buf.h"
#include "credence/store/run_file.h"
#include "store/h5_layout.h"

// The rows of one block of episodes in memory: one dense array a variable.
struct cr_row_layout {
    size_t row_bytes[CR_V_ROW_END]; // of one row of each variable; 0: not in this file
    size_t offset[CR_V_ROW_END];    // of the variable's array in a block
    size_t block_bytes;
    size_t packed_bytes; // of one row of all variables, side by side
};
void cr_row_layout_make(struct cr_row_layout *layout, const struct cr_shape *shape);

// Where row AT of variable ID stands in BLOCK.
static inline void *cr_row_layout_at(const struct cr_row_layout *layout, void *block,
                                     enum cr_variable_id id, uint64_t at) {
    return (unsigned char *)block + layout->offset[id] + at * layout->row_bytes[id];
}

// Row AT of BLOCK, all variables side by side, into OUT [packed_bytes]; and back.
void cr_row_layout_pack(const struct cr_row_layout *layout, void *block, uint64_t at,
                        unsigned char *out);
void cr_row_layout_unpack(const struct cr_row_layout *layout, void *block, uint64_t at,
                          const unsigned char *in);

// Rows of episodes, gathered in blocks of the file's block_rows.
struct cr_rows;
struct cr_rates {                            // dollars per million tokens, of one cell
    double maker_in, maker_out, maker_saved; // saved: by a cached prompt token
    double trader_in, trader_out, trader_saved;
};
// Writes what every episode is of. FRAME is borrowed until destroy; RATES [cells] is
// taken, on failure too.
CR_MUST_CHECK enum cr_status cr_rows_create(struct cr_frame *frame,
                                            const struct cr_run_layout *places,
                                            struct cr_rates *rates_taken,
                                            struct cr_rows **out, struct cr_err *err);
CR_MUST_CHECK enum cr_status
cr_rows_put(struct cr_rows *rows, const struct cr_episode_row *row, struct cr_err *err);
// Write what changed since it was last written.
CR_MUST_CHECK enum cr_status cr_rows_write(struct cr_rows *rows, struct cr_err *err);
void cr_rows_destroy(struct cr_rows *rows);

// The tail of /calls that does not fill a chunk yet.
struct cr_calls;
CR_MUST_CHECK enum cr_status cr_calls_create(struct cr_frame *frame, bool with_text,
                                             struct cr_calls **out, struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_calls_put(struct cr_calls *calls, uint64_t episode,
                                          const struct cr_call_record *record,
                                          struct cr_err *err);
// Write the tail. Only for the end: a chunk that is written twice leaves a hole.
CR_MUST_CHECK enum cr_status cr_calls_write(struct cr_calls *calls, struct cr_err *err);
void cr_calls_destroy(struct cr_calls *calls);

// Fill /propositions and /cells from JOB.
CR_MUST_CHECK enum cr_status cr_groups_fill(struct cr_frame *frame,
                                            const struct cr_job *job,
                                            const uint64_t *first_proposition,
                                            struct cr_err *err);
// The attributes of /, those of the end with room for their values.
CR_MUST_CHECK enum cr_status cr_attributes_put(struct cr_frame *frame,
                                               const struct cr_job *job,
                                               const struct cr_run_facts *facts,
                                               struct cr_err *err);
CR_MUST_CHECK int cr_attributes_finish(struct cr_frame *frame, bool complete,
                                       int64_t end_wall_ms);

#endif
