// run_rows.c - rows of episodes on their way into the file. Rows come one at a time and
// roughly in order; HDF5 wants many at once. A block holds the rows of one chunk,
// dense, one array a variable; the least recently used block gives way when
// BLOCKS_BYTES_MAX are in use, and is read back should another of its rows come late.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "credence/base/mem.h"
#include "store/h5.h"
#include "store/run_internal.h"

void cr_row_layout_make(struct cr_row_layout *layout, const struct cr_shape *shape) {
    *layout = (struct cr_row_layout){.block_bytes = 0};
    for (int id = 0; id < CR_V_ROW_END; id++) {
        if (cr_shape_has(shape, (enum cr_variable_id)id)) {
            layout->row_bytes[id] =
                cr_kind_bytes(cr_schema[id].kind) *
                cr_shape_row_elements(shape, (enum cr_variable_id)id);
        }
        layout->offset[id] = layout->block_bytes;
        layout->block_bytes +=
            (layout->row_bytes[id] * shape->block_rows + 7) & ~(size_t)7;
        layout->packed_bytes += layout->row_bytes[id];
    }
}

void cr_row_layout_pack(const struct cr_row_layout *layout, void *block, uint64_t at,
                        unsigned char *out) {
    for (int id = 0; id < CR_V_ROW_END; id++) {
        memcpy(out, cr_row_layout_at(layout, block, (enum cr_variable_id)id, at),
               layout->row_bytes[id]);
        out += layout->row_bytes[id];
    }
}

void cr_row_layout_unpack(const struct cr_row_layout *layout, void *block, uint64_t at,
                          const unsigned char *in) {
    for (int id = 0; id < CR_V_ROW_END; id++) {
        memcpy(cr_row_layout_at(layout, block, (enum cr_variable_id)id, at), in,
               layout->row_bytes[id]);
        in += layout->row_bytes[id];
    }
}

enum { BLOCKS_BYTES_MAX = 64 << 20, BLOCKS_MIN = 4, BLOCKS_MAX = 256 };

struct block {
    uint64_t number;                 // of its rows: [number * block_rows, ...)
    uint32_t dirty_first, dirty_end; // rows not written yet; equal: none
    uint64_t used_at;
    unsigned char *data; // NULL: not in use; behind the rows: see puts_of
};

struct cr_rows {
    struct cr_frame *frame;
    struct cr_rates *rates;
    struct cr_row_layout layout;
    cr_run_place_fn place;
    const void *place_ctx;
    unsigned char *empty_row;   // all variables, packed, as they read when missing
    unsigned char *was_written; // bit a block
    struct block blocks[BLOCKS_MAX];
    uint32_t blocks_max;
    struct block *last;
    uint64_t tick;
};

void cr_rows_destroy(struct cr_rows *rows) {
    if (rows == NULL) {
        return;
    }
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        cr_free(rows->blocks[i].data);
    }
    cr_free(rows->rates);
    cr_free(rows->empty_row);
    cr_free(rows->was_written);
    cr_free(rows);
}

static void fill_empty_row(struct cr_rows *rows) {
    unsigned char *at = rows->empty_row;
    for (int id = 0; id < CR_V_ROW_END; id++) {
        const struct cr_variable *v = &cr_schema[id];
        size_t bytes = cr_kind_bytes(v->kind), row_bytes = rows->layout.row_bytes[id];
        for (size_t i = 0; v->has_missing && i < row_bytes; i += bytes) {
            memcpy(at + i, cr_kind_missing(v->kind), bytes);
        }
        at += row_bytes;
    }
}

static uint32_t rows_of(const struct cr_rows *rows, uint64_t block) {
    const struct cr_shape *shape = &rows->frame->shape;
    uint64_t left = shape->size[CR_DIM_EPISODE] - block * shape->block_rows;
    return left < shape->block_rows ? (uint32_t)left : shape->block_rows;
}

// What each episode of BLOCK is of, into the arrays of COLUMNS.
struct columns_of_places {
    int32_t *cell, *proposition, *replicate; // [block_rows]
};
static void fill_places(const struct cr_rows *rows, uint64_t block,
                        struct columns_of_places columns) {
    const uint64_t first = block * rows->frame->shape.block_rows;
    for (uint32_t i = 0; i < rows_of(rows, block); i++) {
        struct cr_run_place place;
        rows->place(rows->place_ctx, first + i, &place);
        columns.cell[i] = (int32_t)place.cell;
        columns.proposition[i] = (int32_t)place.proposition;
        columns.replicate[i] = (int32_t)place.replicate;
    }
}

static int write_column(const struct cr_rows *rows, enum cr_variable_id id,
                        uint64_t block, const int32_t *column) {
    struct cr_slab slab = {block * rows->frame->shape.block_rows, rows_of(rows, block)};
    return cr_h5_write_rows(rows->frame->var[id], H5T_NATIVE_INT32, slab, column);
}

// An index never reads as missing, not even of a row that is still pending: numpy and
// xarray would follow a -1 to the last row.
static enum cr_status write_places(const struct cr_rows *rows, struct cr_err *err) {
    const uint32_t most = rows->frame->shape.block_rows;
    int32_t *all = cr_malloc(3 * (size_t)most * sizeof *all);
    if (all == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for rows of episodes");
    }
    const struct columns_of_places columns = {all, all + most, all + 2 * (size_t)most};
    int result = 0;
    for (uint64_t b = 0;
         result == 0 && b * most < rows->frame->shape.size[CR_DIM_EPISODE]; b++) {
        fill_places(rows, b, columns);
        result =
            write_column(rows, CR_V_CELL, b, columns.cell) != 0 ||
                    write_column(rows, CR_V_PROPOSITION, b, columns.proposition) != 0 ||
                    write_column(rows, CR_V_REPLICATE, b, columns.replicate) != 0
                ? -1
                : 0;
    }
    cr_free(all);
    return result == 0 ? CR_OK : cr_h5_fail(err, "cannot write /cell");
}

enum cr_status cr_rows_create(struct cr_frame *frame,
                              const struct cr_run_layout *places,
                              struct cr_rates *rates_taken, struct cr_rows **out,
                              struct cr_err *err) {
    struct cr_rows *rows = cr_calloc(1, sizeof *rows);
    if (rows == NULL) {
        cr_free(rates_taken);
        return cr_err_set(err, CR_E_MEMORY, "no memory for rows of episodes");
    }
    rows->frame = frame;
    rows->rates = rates_taken;
    rows->place = places->place;
    rows->place_ctx = places->place_ctx;
    const struct cr_shape *shape = &frame->shape;
    uint64_t blocks =
        (shape->size[CR_DIM_EPISODE] + shape->block_rows - 1) / shape->block_rows;
    cr_row_layout_make(&rows->layout, shape);
    rows->empty_row = cr_calloc(1, rows->layout.packed_bytes);
    rows->was_written = cr_calloc(blocks / 8 + 1, 1);
    if (rows->empty_row == NULL || rows->was_written == NULL) {
        cr_rows_destroy(rows);
        return cr_err_set(err, CR_E_MEMORY, "no memory for rows of episodes");
    }
    size_t fit = BLOCKS_BYTES_MAX / rows->layout.block_bytes;
    rows->blocks_max = fit < BLOCKS_MIN   ? BLOCKS_MIN
                       : fit > BLOCKS_MAX ? BLOCKS_MAX
                                          : (uint32_t)fit;
    fill_empty_row(rows);
    enum cr_status status = write_places(rows, err);
    if (status != CR_OK) {
        cr_rows_destroy(rows);
        return status;
    }
    *out = rows;
    return CR_OK;
}

static bool is_written(const struct cr_rows *rows, uint64_t block) {
    return rows->was_written[block / 8] >> (block % 8) & 1;
}

static enum cr_status write_block(struct cr_rows *rows, struct block *block,
                                  struct cr_err *err) {
    uint64_t first = block->number * rows->frame->shape.block_rows;
    struct cr_slab slab = {first + block->dirty_first,
                           block->dirty_end - block->dirty_first};
    for (int id = 0; slab.rows > 0 && id < CR_V_ROW_END; id++) {
        if (rows->layout.row_bytes[id] == 0) {
            continue;
        }
        const unsigned char *data = block->data + rows->layout.offset[id] +
                                    block->dirty_first * rows->layout.row_bytes[id];
        hid_t type = cr_kind_memory_type(cr_schema[id].kind);
        if (cr_h5_write_rows(rows->frame->var[id], type, slab, data) != 0) {
            return cr_h5_fail(err, "cannot write %s", cr_schema[id].path);
        }
    }
    if (slab.rows > 0) {
        rows->was_written[block->number / 8] |= (unsigned char)(1 << block->number % 8);
    }
    block->dirty_first = block->dirty_end = 0;
    return CR_OK;
}

// [block_rows]: which rows may hold something. The others need not be emptied for a
// put.
static bool *puts_of(const struct cr_rows *rows, struct block *block) {
    return (bool *)(block->data + rows->layout.block_bytes);
}

static enum cr_status read_block(struct cr_rows *rows, struct block *block,
                                 struct cr_err *err) {
    struct cr_slab slab = {block->number * rows->frame->shape.block_rows,
                           rows_of(rows, block->number)};
    for (int id = 0; id < CR_V_ROW_END; id++) {
        hid_t type = cr_kind_memory_type(cr_schema[id].kind);
        if (rows->layout.row_bytes[id] > 0 &&
            cr_h5_read_rows(rows->frame->var[id], type, slab,
                            block->data + rows->layout.offset[id]) != 0) {
            return cr_h5_fail(err, "cannot read %s back", cr_schema[id].path);
        }
    }
    memset(puts_of(rows, block), true, slab.rows * sizeof(bool));
    return CR_OK;
}

// COUNT times the BYTES at AT, the first of which are there.
static void repeat(unsigned char *at, size_t bytes, size_t count) {
    for (size_t done = 1; done < count;) {
        size_t more = done < count - done ? done : count - done;
        memcpy(at + done * bytes, at, more * bytes);
        done += more;
    }
}

static void empty_block(struct cr_rows *rows, struct block *block) {
    const struct cr_row_layout *layout = &rows->layout;
    uint32_t count = rows->frame->shape.block_rows;
    cr_row_layout_unpack(&rows->layout, block->data, 0, rows->empty_row);
    for (int id = 0; id < CR_V_ROW_END; id++) {
        repeat(block->data + rows->layout.offset[id], rows->layout.row_bytes[id],
               count);
    }
    fill_places(rows, block->number,
                (struct columns_of_places){
                    cr_row_layout_at(layout, block->data, CR_V_CELL, 0),
                    cr_row_layout_at(layout, block->data, CR_V_PROPOSITION, 0),
                    cr_row_layout_at(layout, block->data, CR_V_REPLICATE, 0)});
    memset(puts_of(rows, block), false, count * sizeof(bool));
}

// The place of a block not in memory: a free one, else the least recently used.
static struct block *choose(struct cr_rows *rows) {
    struct block *oldest = &rows->blocks[0];
    for (uint32_t i = 0; i < rows->blocks_max; i++) {
        if (rows->blocks[i].data == NULL) {
            return &rows->blocks[i];
        }
        if (rows->blocks[i].used_at < oldest->used_at) {
            oldest = &rows->blocks[i];
        }
    }
    return oldest;
}

static enum cr_status bring(struct cr_rows *rows, uint64_t number, struct block **out,
                            struct cr_err *err) {
    struct block *block = choose(rows);
    if (block->data != NULL) {
        enum cr_status status = write_block(rows, block, err);
        if (status != CR_OK) {
            return status;
        }
    } else {
        block->data = cr_malloc(rows->layout.block_bytes +
                                rows->frame->shape.block_rows * sizeof(bool));
        if (block->data == NULL) {
            return cr_err_set(err, CR_E_MEMORY, "no memory for rows of episodes");
        }
    }
    block->number = number;
    if (is_written(rows, number)) {
        enum cr_status status = read_block(rows, block, err);
        if (status != CR_OK) {
            cr_free(block->data);
            block->data = NULL;
            return status;
        }
    } else {
        empty_block(rows, block);
    }
    *out = block;
    return CR_OK;
}

static enum cr_status find(struct cr_rows *rows, uint64_t number, struct block **out,
                           struct cr_err *err) {
    if (rows->last == NULL || rows->last->data == NULL ||
        rows->last->number != number) {
        rows->last = NULL;
        for (uint32_t i = 0; i < rows->blocks_max && rows->last == NULL; i++) {
            struct block *block = &rows->blocks[i];
            rows->last = block->data != NULL && block->number == number ? block : NULL;
        }
        if (rows->last == NULL) {
            enum cr_status status = bring(rows, number, &rows->last, err);
            if (status != CR_OK) {
                return status;
            }
        }
        rows->last->used_at = ++rows->tick;
    }
    *out = rows->last;
    return CR_OK;
}

// Where row AT of variable ID stands in BLOCK.
static void *cell_of(struct cr_rows *rows, struct block *block, enum cr_variable_id id,
                     uint32_t at) {
    return cr_row_layout_at(&rows->layout, block->data, id, at);
}

static int32_t count_of(uint32_t value) {
    return value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

static void set_i32(struct cr_rows *rows, struct block *block, enum cr_variable_id id,
                    uint32_t at, uint64_t value) {
    *(int32_t *)cell_of(rows, block, id, at) =
        value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

static void fill_prices(struct cr_rows *rows, struct block *block, uint32_t at,
                        const struct cr_episode_row *row) {
    if (row->width == 1) {
        double *price = cell_of(rows, block, CR_V_PRICE, at);
        memcpy(price, row->price, row->prices_len * sizeof *price);
    } else if (row->prices_len > 0) {
        uint64_t outcomes = rows->frame->shape.size[CR_DIM_OUTCOME];
        double *price = cell_of(rows, block, CR_V_OUTCOME_PRICE, at);
        for (uint32_t i = 0; i < row->prices_len; i++) {
            memcpy(price + i * outcomes, row->price + i * row->width,
                   row->width * sizeof *price);
        }
    }
    if (row->quantile != NULL && rows->layout.row_bytes[CR_V_QUANTILE] > 0) {
        memcpy(cell_of(rows, block, CR_V_QUANTILE, at), row->quantile,
               row->prices_len * CR_QUANTILES * sizeof(double));
    }
}

static void fill_steps(struct cr_rows *rows, struct block *block, uint32_t at,
                       const struct cr_episode_row *row) {
    int32_t *judgment_in = cell_of(rows, block, CR_V_JUDGMENT_TOKENS_IN, at);
    int32_t *judgment_out = cell_of(rows, block, CR_V_JUDGMENT_TOKENS_OUT, at);
    int32_t *argument_in = cell_of(rows, block, CR_V_ARGUMENT_TOKENS_IN, at);
    int32_t *argument_out = cell_of(rows, block, CR_V_ARGUMENT_TOKENS_OUT, at);
    int32_t *cached = cell_of(rows, block, CR_V_CACHED_TOKENS, at);
    int32_t *calls = cell_of(rows, block, CR_V_CALLS_MADE, at);
    float *latency = cell_of(rows, block, CR_V_LATENCY, at);
    int8_t *direction = cell_of(rows, block, CR_V_PUSH, at);
    uint8_t *repairs = cell_of(rows, block, CR_V_REPAIRS, at);
    uint8_t *reason = cell_of(rows, block, CR_V_REPAIR_REASON, at);
    uint8_t *is_estimated = cell_of(rows, block, CR_V_TOKENS_ESTIMATED, at);
    for (uint32_t i = 0; i < row->steps_len; i++) {
        const struct cr_step *step = &row->step[i];
        judgment_in[i] = count_of(step->judgment_tokens_in);
        judgment_out[i] = count_of(step->judgment_tokens_out);
        argument_in[i] = count_of(step->argument_tokens_in);
        argument_out[i] = count_of(step->argument_tokens_out);
        cached[i] = count_of(step->cached_tokens);
        calls[i] = count_of(step->calls);
        latency[i] = step->latency_s;
        direction[i] = step->direction;
        repairs[i] = step->repairs;
        reason[i] = step->reason;
        is_estimated[i] = step->is_estimated != 0;
    }
}

static void fill_held(struct cr_rows *rows, struct block *block, uint32_t at,
                      const struct cr_episode_row *row) {
    if (rows->layout.row_bytes[CR_V_PRICE_HELD] == 0) {
        return;
    }
    double *held = cell_of(rows, block, CR_V_PRICE_HELD, at);
    double *held_idle = cell_of(rows, block, CR_V_PRICE_HELD_IDLE, at);
    bool has_idle = rows->layout.row_bytes[CR_V_PRICE_IDLE] > 0;
    double *idle = has_idle ? cell_of(rows, block, CR_V_PRICE_IDLE, at) : NULL;
    for (uint32_t i = 0; i < row->steps_len; i++) {
        held[i] = row->step[i].price_held;
        held_idle[i] = row->step[i].price_held_idle;
        if (has_idle) {
            idle[i] = row->step[i].price_idle;
        }
    }
}

static void fill_belief(struct cr_rows *rows, struct block *block, uint32_t at,
                        const struct cr_episode_row *row) {
    if (row->width == 1) {
        double *belief = cell_of(rows, block, CR_V_TRADER_BELIEF, at);
        memcpy(belief, row->belief, row->traders_len * sizeof *belief);
        return;
    }
    uint64_t outcomes = rows->frame->shape.size[CR_DIM_OUTCOME];
    double *belief = cell_of(rows, block, CR_V_TRADER_OUTCOME_BELIEF, at);
    for (uint32_t i = 0; i < row->traders_len; i++) {
        memcpy(belief + i * outcomes, row->belief + (size_t)i * row->width,
               row->width * sizeof *belief);
    }
}

static void fill_traders(struct cr_rows *rows, struct block *block, uint32_t at,
                         const struct cr_episode_row *row) {
    if (row->traders_len == 0) {
        return;
    }
    double *stake = cell_of(rows, block, CR_V_TRADER_STAKE, at);
    double *wealth = cell_of(rows, block, CR_V_TRADER_WEALTH, at);
    double *profit = cell_of(rows, block, CR_V_TRADER_PROFIT, at);
    fill_belief(rows, block, at, row);
    for (uint32_t i = 0; i < row->traders_len; i++) {
        stake[i] = row->trader[i].stake;
        wealth[i] = row->trader[i].wealth;
        profit[i] = row->trader[i].profit;
    }
}

// Cached tokens are known for both roles together: shared out by their prompt tokens.
static double step_usd(const struct cr_rates *rates, const struct cr_step *step) {
    double judgment = step->judgment_tokens_in, argument = step->argument_tokens_in;
    double share = judgment + argument > 0 ? judgment / (judgment + argument) : 0;
    double cached = step->cached_tokens;
    double millionths = judgment * rates->maker_in + argument * rates->trader_in +
                        step->judgment_tokens_out * rates->maker_out +
                        step->argument_tokens_out * rates->trader_out -
                        cached * share * rates->maker_saved -
                        cached * (1 - share) * rates->trader_saved;
    return millionths * 1e-6;
}

static void fill_totals(struct cr_rows *rows, struct block *block, uint32_t at,
                        const struct cr_episode_row *row) {
    int64_t tokens = 0;
    uint64_t calls = 0;
    double latency = 0, usd = 0;
    for (uint32_t i = 0; i < row->steps_len; i++) {
        const struct cr_step *step = &row->step[i];
        tokens += (int64_t)step->judgment_tokens_in + step->judgment_tokens_out +
                  step->argument_tokens_in + step->argument_tokens_out;
        calls += step->calls;
        latency += (double)step->latency_s;
        usd += step_usd(&rows->rates[row->cell], step);
    }
    *(int64_t *)cell_of(rows, block, CR_V_TOTAL_TOKENS, at) = tokens;
    set_i32(rows, block, CR_V_TOTAL_CALLS, at, calls);
    *(float *)cell_of(rows, block, CR_V_TOTAL_LATENCY, at) = (float)latency;
    *(double *)cell_of(rows, block, CR_V_TOTAL_USD, at) = usd;
}

static void check_row(const struct cr_rows *rows, const struct cr_episode_row *row) {
    const uint64_t *size = rows->frame->shape.size;
    assert(row->episode < size[CR_DIM_EPISODE]);
    assert(row->proposition < size[CR_DIM_PROPOSITION]);
    assert(row->cell < size[CR_DIM_CELL]);
    assert(row->prices_len <= size[CR_DIM_ITERATION]);
    assert(row->steps_len <= size[CR_DIM_ITERATION]);
    assert(row->traders_len <= size[CR_DIM_TRADER]);
    assert(row->prices_len == 0 || row->width == 1 ||
           row->width <= size[CR_DIM_OUTCOME]);
}

enum cr_status cr_rows_put(struct cr_rows *rows, const struct cr_episode_row *row,
                           struct cr_err *err) {
    check_row(rows, row);
    struct block *block;
    uint32_t block_rows = rows->frame->shape.block_rows;
    enum cr_status status = find(rows, row->episode / block_rows, &block, err);
    if (status != CR_OK) {
        return status;
    }
    uint32_t at = (uint32_t)(row->episode % block_rows);
    bool *is_put = &puts_of(rows, block)[at];
    if (*is_put) {
        cr_row_layout_unpack(&rows->layout, block->data, at, rows->empty_row);
    }
    *is_put = true;
    set_i32(rows, block, CR_V_CELL, at, row->cell);
    set_i32(rows, block, CR_V_PROPOSITION, at, row->proposition);
    set_i32(rows, block, CR_V_REPLICATE, at, row->replicate);
    set_i32(rows, block, CR_V_ITERATIONS, at, row->prices_len);
    *(uint8_t *)cell_of(rows, block, CR_V_STATUS, at) = (uint8_t)row->status;
    *(uint8_t *)cell_of(rows, block, CR_V_STOP_REASON, at) = (uint8_t)row->ended;
    *(uint8_t *)cell_of(rows, block, CR_V_REASON, at) = (uint8_t)row->reason;
    if (row->prices_len > 0) {
        fill_prices(rows, block, at, row);
    }
    fill_steps(rows, block, at, row);
    fill_held(rows, block, at, row);
    fill_traders(rows, block, at, row);
    fill_totals(rows, block, at, row);
    bool was_clean = block->dirty_first == block->dirty_end;
    if (was_clean || at < block->dirty_first) {
        block->dirty_first = at;
    }
    if (was_clean || at >= block->dirty_end) {
        block->dirty_end = at + 1;
    }
    return CR_OK;
}

enum cr_status cr_rows_write(struct cr_rows *rows, struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; status == CR_OK && i < rows->blocks_max; i++) {
        if (rows->blocks[i].data != NULL) {
            status = write_block(rows, &rows->blocks[i], err);
        }
    }
    return status;
}
