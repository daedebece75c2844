// run_calls.c - /calls, written by whole chunks: columns of numbers, and the texts of
// all calls packed one after the other. A call's four texts stand together, from its
// text_offset on.
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "store/h5.h"
#include "store/run_internal.h"

enum {
    PIECE_CALLS = CR_CALL_CHUNK,
    PIECE_BYTES = 256 << 10, // a chunk of the texts
    COLUMNS = CR_V_CALL_END - CR_V_CALL_FIRST - 1,
    TEXTS_BYTES_MAX = 1 << 30 // of one call
};

struct cr_calls {
    struct cr_frame *frame;
    bool with_text;
    unsigned char *columns[COLUMNS]; // [PIECE_CALLS] of the column's kind
    struct cr_chunk_memory memory[COLUMNS];
    uint32_t used;         // rows in them
    uint64_t calls, bytes; // written so far
    struct cr_buf texts;
};

static unsigned char **column(struct cr_calls *calls, enum cr_variable_id id) {
    return &calls->columns[id - CR_V_CALL_FIRST - 1];
}

void cr_calls_destroy(struct cr_calls *calls) {
    if (calls == NULL) {
        return;
    }
    for (int i = 0; i < COLUMNS; i++) {
        cr_free(calls->columns[i]);
    }
    cr_buf_fini(&calls->texts);
    cr_free(calls);
}

enum cr_status cr_calls_create(struct cr_frame *frame, bool with_text,
                               struct cr_calls **out, struct cr_err *err) {
    struct cr_calls *calls = cr_calloc(1, sizeof *calls);
    bool is_ok = calls != NULL;
    for (int i = 0; is_ok && i < COLUMNS; i++) {
        enum cr_kind kind = cr_schema[CR_V_CALL_FIRST + 1 + i].kind;
        calls->columns[i] = cr_malloc(PIECE_CALLS * cr_kind_bytes(kind));
        is_ok = calls->columns[i] != NULL;
    }
    if (!is_ok) {
        cr_calls_destroy(calls);
        return cr_err_set(err, CR_E_MEMORY, "no memory for /calls");
    }
    calls->frame = frame;
    calls->with_text = with_text;
    cr_buf_init(&calls->texts, TEXTS_BYTES_MAX);
    *out = calls;
    return CR_OK;
}

static enum cr_status write_texts(struct cr_calls *calls, size_t bytes,
                                  struct cr_err *err) {
    if (bytes == 0) {
        return CR_OK;
    }
    struct cr_slab slab = {calls->bytes, bytes};
    if (cr_frame_grow(calls->frame, CR_DIM_BYTE, calls->bytes + bytes) != 0 ||
        cr_h5_write_rows(calls->frame->var[CR_V_CALL_TEXT], H5T_NATIVE_UINT8, slab,
                         calls->texts.data) != 0) {
        return cr_h5_fail(err, "cannot write /calls/text");
    }
    calls->bytes += bytes;
    calls->texts.used_bytes -= bytes;
    memmove(calls->texts.data, calls->texts.data + bytes, calls->texts.used_bytes);
    return CR_OK;
}

static int write_column(struct cr_calls *calls, enum cr_variable_id id) {
    hid_t dataset = calls->frame->var[id];
    hid_t type = cr_kind_memory_type(cr_schema[id].kind);
    struct cr_slab slab = {calls->calls, calls->used};
    return calls->used < PIECE_CALLS
               ? cr_h5_write_rows(dataset, type, slab, *column(calls, id))
               : cr_chunk_write(dataset, type, slab, *column(calls, id),
                                &calls->memory[id - CR_V_CALL_FIRST - 1]);
}

static enum cr_status write_columns(struct cr_calls *calls, struct cr_err *err) {
    if (calls->used == 0) {
        return CR_OK;
    }
    if (cr_frame_grow(calls->frame, CR_DIM_CALL, calls->calls + calls->used) != 0) {
        return cr_h5_fail(err, "cannot extend /calls");
    }
    for (int id = CR_V_CALL_FIRST + 1; id < CR_V_CALL_END; id++) {
        if (write_column(calls, (enum cr_variable_id)id) != 0) {
            return cr_h5_fail(err, "cannot write %s", cr_schema[id].path);
        }
    }
    calls->calls += calls->used;
    calls->used = 0;
    return CR_OK;
}

// The next element of a column of that kind; what does not fit is the most that does.
static inline void set_u8(struct cr_calls *calls, enum cr_variable_id id,
                          uint32_t value) {
    (*column(calls, id))[calls->used] =
        value > UINT8_MAX ? UINT8_MAX : (unsigned char)value;
}
static inline void set_i32(struct cr_calls *calls, enum cr_variable_id id,
                           uint64_t value) {
    int32_t *at = (int32_t *)(void *)*column(calls, id);
    at[calls->used] = value > INT32_MAX ? INT32_MAX : (int32_t)value;
}
static inline void set_64(struct cr_calls *calls, enum cr_variable_id id,
                          uint64_t value) {
    uint64_t *at = (uint64_t *)(void *)*column(calls, id);
    at[calls->used] = value;
}

static void fill_numbers(struct cr_calls *calls, uint64_t episode,
                         const struct cr_call_record *r) {
    set_i32(calls, CR_V_CALL_EPISODE, episode);
    set_i32(calls, CR_V_CALL_ITERATION, r->id.iteration);
    set_u8(calls, CR_V_CALL_ROLE, r->id.role);
    set_u8(calls, CR_V_CALL_TRADER, r->id.trader);
    set_i32(calls, CR_V_CALL_SAMPLE, r->id.sample);
    set_i32(calls, CR_V_CALL_REPAIR, r->id.repair);
    set_u8(calls, CR_V_CALL_ASK, r->id.ask);
    set_i32(calls, CR_V_CALL_MODEL, r->model);
    set_u8(calls, CR_V_CALL_REASON, r->reason);
    set_u8(calls, CR_V_CALL_FINISH, r->finish);
    set_i32(calls, CR_V_CALL_TOKENS_IN, r->tokens_in);
    set_i32(calls, CR_V_CALL_TOKENS_OUT, r->tokens_out);
    set_i32(calls, CR_V_CALL_TOKENS_CACHED, r->tokens_cached);
    set_i32(calls, CR_V_CALL_TOKENS_REASONING, r->tokens_reasoning);
    set_u8(calls, CR_V_CALL_ESTIMATED, r->is_estimated != 0);
    double *latency = (double *)(void *)*column(calls, CR_V_CALL_LATENCY);
    latency[calls->used] = r->latency_s;
    set_i32(calls, CR_V_CALL_ATTEMPTS, r->attempts);
    set_i32(calls, CR_V_CALL_ENDPOINT, r->endpoint);
    set_i32(calls, CR_V_CALL_HTTP_STATUS, r->http_status);
    set_64(calls, CR_V_CALL_TRAJECTORY, r->trajectory);
    set_64(calls, CR_V_CALL_TRAJECTORY_KEY, r->trajectory_key);
    set_64(calls, CR_V_CALL_REQUEST_HI, r->request_hash.hi);
    set_64(calls, CR_V_CALL_REQUEST_LO, r->request_hash.lo);
    set_u8(calls, CR_V_CALL_SIMULATED, r->is_simulated);
}

// TEXT NULL: there is none, or it is not to be kept.
static enum cr_status add_text(struct cr_calls *calls, enum cr_variable_id length,
                               const char *text) {
    int32_t *at = (int32_t *)(void *)*column(calls, length) + calls->used;
    if (text == NULL) {
        *at = -1;
        return CR_OK;
    }
    size_t before = calls->texts.used_bytes, bytes = strlen(text);
    enum cr_status status = cr_text_is_utf8(text, bytes)
                                ? cr_buf_add(&calls->texts, text, bytes)
                                : cr_text_add_utf8(&calls->texts, text, bytes);
    if (status == CR_OK) {
        *at = (int32_t)(calls->texts.used_bytes - before);
    }
    return status;
}

static enum cr_status add_texts(struct cr_calls *calls,
                                const struct cr_call_record *r) {
    const bool keeps = calls->with_text;
    const struct {
        enum cr_variable_id length;
        const char *text;
    } texts[] = {
        {CR_V_CALL_TEXT_LENGTH, keeps ? r->text : NULL},
        {CR_V_CALL_REASONING_LENGTH, keeps ? r->reasoning : NULL},
        {CR_V_CALL_ERROR_LENGTH, keeps ? r->error : NULL},
        {CR_V_CALL_WORD_LENGTH, r->finish_word[0] == '\0' ? NULL : r->finish_word},
        {CR_V_CALL_ID_LENGTH, r->request_id[0] == '\0' ? NULL : r->request_id},
    };
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < sizeof texts / sizeof *texts; i++) {
        status = add_text(calls, texts[i].length, texts[i].text);
    }
    return status;
}

enum cr_status cr_calls_put(struct cr_calls *calls, uint64_t episode,
                            const struct cr_call_record *record, struct cr_err *err) {
    if (calls->used == PIECE_CALLS) { // an earlier write failed
        enum cr_status again = write_columns(calls, err);
        if (again != CR_OK) {
            return again;
        }
    }
    fill_numbers(calls, episode, record);
    size_t before = calls->texts.used_bytes;
    set_64(calls, CR_V_CALL_TEXT_OFFSET, calls->bytes + before);
    enum cr_status status = add_texts(calls, record);
    if (status != CR_OK) {
        calls->texts.used_bytes = before;
        return cr_err_set(err, status, "cannot keep a reply for /calls: %s",
                          cr_status_text(status));
    }
    calls->used++;
    size_t full = calls->texts.used_bytes / PIECE_BYTES * PIECE_BYTES;
    status = write_texts(calls, full, err);
    return status == CR_OK && calls->used == PIECE_CALLS ? write_columns(calls, err)
                                                         : status;
}

enum cr_status cr_calls_write(struct cr_calls *calls, struct cr_err *err) {
    enum cr_status status = write_texts(calls, calls->texts.used_bytes, err);
    return status == CR_OK ? write_columns(calls, err) : status;
}
