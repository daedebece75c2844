// call_reader.c - the calls of one episode, back from /calls.
#include <string.h>

#include "credence/base/mem.h"
#include "credence/store/run_file.h"
#include "store/h5.h"
#include "store/h5_layout.h"

enum { TEXTS_BYTES_MAX = 1 << 30 };

// The columns of the calls [first, first + len), as doubles would lose 64-bit
// identities: every integer is read as 64-bit.
struct columns {
    struct cr_frame *frame;
    uint64_t row; // the one being read
    bool is_ok;
};

static int64_t number(struct columns *c, enum cr_variable_id id) {
    int64_t value = 0;
    hid_t type =
        cr_schema[id].kind == CR_KIND_U64 ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64;
    if (!c->is_ok || c->frame->var[id] < 0 ||
        cr_h5_read_rows(c->frame->var[id], type, (struct cr_slab){c->row, 1}, &value) !=
            0) {
        c->is_ok = false;
        return 0;
    }
    return value;
}

static void read_numbers(struct columns *c, struct cr_call_record *r) {
    r->trajectory = (uint64_t)number(c, CR_V_CALL_TRAJECTORY);
    r->trajectory_key = (uint64_t)number(c, CR_V_CALL_TRAJECTORY_KEY);
    r->id.iteration = (uint32_t)number(c, CR_V_CALL_ITERATION);
    r->id.role = (uint8_t)number(c, CR_V_CALL_ROLE);
    r->id.trader = (uint8_t)number(c, CR_V_CALL_TRADER);
    r->id.sample = (uint16_t)number(c, CR_V_CALL_SAMPLE);
    r->id.repair = (uint16_t)number(c, CR_V_CALL_REPAIR);
    r->id.ask = (uint8_t)number(c, CR_V_CALL_ASK);
    r->request_hash.hi = (uint64_t)number(c, CR_V_CALL_REQUEST_HI);
    r->request_hash.lo = (uint64_t)number(c, CR_V_CALL_REQUEST_LO);
    r->model = (uint32_t)number(c, CR_V_CALL_MODEL);
    r->reason = (enum cr_reason)number(c, CR_V_CALL_FAIL);
    r->finish = (enum cr_finish)number(c, CR_V_CALL_FINISH);
    r->tokens_in = (uint32_t)number(c, CR_V_CALL_TOKENS_IN);
    r->tokens_out = (uint32_t)number(c, CR_V_CALL_TOKENS_OUT);
    r->tokens_cached = (uint32_t)number(c, CR_V_CALL_TOKENS_CACHED);
    r->tokens_reasoning = (uint32_t)number(c, CR_V_CALL_TOKENS_REASONING);
    r->attempts = (uint32_t)number(c, CR_V_CALL_ATTEMPTS);
    r->endpoint = (uint32_t)number(c, CR_V_CALL_ENDPOINT);
    r->http_status = (uint32_t)number(c, CR_V_CALL_HTTP_STATUS);
    r->is_simulated = (uint8_t)number(c, CR_V_CALL_SIMULATED);
    hid_t latency = c->frame->var[CR_V_CALL_LATENCY];
    c->is_ok = c->is_ok && latency >= 0 &&
               cr_h5_read_rows(latency, H5T_NATIVE_DOUBLE, (struct cr_slab){c->row, 1},
                               &r->latency_s) == 0;
    c->is_ok = c->is_ok && r->id.role < CR_ROLE_COUNT && r->reason < CR_REASON_COUNT &&
               r->finish <= CR_FINISH_OTHER && r->id.ask < CR_ASK_COUNT;
}

// The three texts of the call, each followed by a NUL, in one block (cr_free).
struct texts {
    char *block;
    char *at[3];
};

static char *place(struct columns *c, uint64_t *from, int64_t bytes, char *to) {
    if (bytes < 0) {
        return NULL;
    }
    hid_t dataset = c->frame->var[CR_V_CALL_TEXT];
    struct cr_slab slab = {*from, (uint64_t)bytes};
    if (bytes > 0 && cr_h5_read_rows(dataset, H5T_NATIVE_UINT8, slab, to) != 0) {
        c->is_ok = false;
        return NULL;
    }
    to[bytes] = '\0';
    *from += (uint64_t)bytes;
    return to;
}

static enum cr_status read_texts(struct columns *c, struct texts *texts) {
    static const enum cr_variable_id ids[3] = {
        CR_V_CALL_TEXT_LENGTH, CR_V_CALL_REASONING_LENGTH, CR_V_CALL_ERROR_LENGTH};
    int64_t lengths[3], all = 0, from = number(c, CR_V_CALL_TEXT_OFFSET);
    for (int i = 0; i < 3; i++) {
        lengths[i] = number(c, ids[i]);
        all += lengths[i] < 0 ? 0 : lengths[i];
    }
    int64_t stored = c->frame->var[CR_V_CALL_TEXT] < 0
                         ? -1
                         : cr_h5_rows(c->frame->var[CR_V_CALL_TEXT]);
    // A live file may hold a call's numbers before its texts.
    c->is_ok = c->is_ok && from >= 0 && all <= TEXTS_BYTES_MAX && from + all <= stored;
    if (!c->is_ok) {
        return CR_OK;
    }
    texts->block = cr_malloc((size_t)all + 3);
    if (texts->block == NULL) {
        return CR_E_MEMORY;
    }
    uint64_t at = (uint64_t)from;
    char *to = texts->block;
    for (int i = 0; i < 3; i++) {
        texts->at[i] = place(c, &at, lengths[i], to);
        to += lengths[i] < 0 ? 0 : lengths[i] + 1;
    }
    return CR_OK;
}

static enum cr_status add_call(struct cr_frame *frame, uint64_t row,
                               struct cr_call_records *list) {
    struct columns c = {frame, row, true};
    struct cr_call_record record = {0};
    struct texts texts = {0};
    read_numbers(&c, &record);
    enum cr_status status = read_texts(&c, &texts);
    if (status == CR_OK && !c.is_ok) {
        status = CR_E_FORMAT;
    }
    if (status == CR_OK) {
        record.text = texts.at[0];
        record.reasoning = texts.at[1];
        record.error = texts.at[2];
        status = cr_call_records_add(list, &record);
    }
    cr_free(texts.block);
    return status;
}

static enum cr_status add_calls(struct cr_frame *frame, uint64_t episode,
                                struct cr_call_records *list, struct cr_err *err) {
    int64_t rows = cr_h5_rows(frame->var[CR_V_CALL_EPISODE]);
    int32_t *owners = cr_malloc(rows > 0 ? (size_t)rows * sizeof *owners : 1);
    if (owners == NULL || rows < 0) {
        cr_free(owners);
        return cr_err_set(err, CR_E_MEMORY, "no memory to read /calls");
    }
    enum cr_status status = CR_OK;
    if (rows > 0 && cr_h5_read_rows(frame->var[CR_V_CALL_EPISODE], H5T_NATIVE_INT32,
                                    (struct cr_slab){0, (uint64_t)rows}, owners) != 0) {
        status = cr_h5_fail(err, "cannot read /calls/episode");
    }
    for (int64_t i = 0; status == CR_OK && i < rows; i++) {
        if ((uint64_t)owners[i] != episode) {
            continue;
        }
        status = add_call(frame, (uint64_t)i, list);
        if (status == CR_E_FORMAT) {
            cr_h5_forget();
            cr_err_set(err, status, "call %lld is damaged or not written out yet",
                       (long long)i);
        } else if (status != CR_OK) {
            cr_err_set(err, status, "no memory to read /calls");
        }
    }
    cr_free(owners);
    return status;
}

enum cr_status cr_run_file_calls(const char *path, uint64_t episode,
                                 struct cr_call_records *out, struct cr_err *err) {
    struct cr_frame frame;
    enum cr_status status = cr_frame_open(&frame, path, err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_call_records list = {0};
    if (frame.var[CR_V_CALL_EPISODE] >= 0) {
        status = add_calls(&frame, episode, &list, err);
    }
    if (status == CR_OK && list.len == 0) {
        status = cr_err_set(err, CR_E_NOT_FOUND, "%s holds no calls of episode %llu",
                            path, (unsigned long long)episode);
    }
    cr_frame_close(&frame);
    if (status != CR_OK) {
        cr_call_records_fini(&list);
        return status;
    }
    *out = list;
    return CR_OK;
}
