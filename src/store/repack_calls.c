// repack_calls.c - first the order: which call of which source comes where. It follows
// the ids, not the time of completion: by episode, iteration, the traders before the
// maker who answers them, sample, repair. Then one column after the other is read
// whole, picked from in that order and written. The texts are copied call by call
// through a window on each source; calls of an episode stand near each other, so a
// window is read few times. Where nothing changes place (a run ends so) the chunks are
// copied as they are.
#include "store/repack.h"

#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/core/call.h"
#include "store/h5.h"

enum { WINDOW_BYTES = 2 << 20 };

static enum cr_status move(struct cr_text_window *w, int64_t from, int64_t bytes,
                           struct cr_err *err) {
    int64_t stored = (int64_t)w->frame->shape.size[CR_DIM_BYTE];
    if (from < 0 || bytes < 0 || bytes > stored - from) {
        return cr_err_set(err, CR_E_FORMAT, "/calls/text is damaged or still written");
    }
    int64_t len = bytes > WINDOW_BYTES ? bytes : WINDOW_BYTES;
    len = len > stored - from ? stored - from : len;
    if (len > w->cap) {
        char *grown = cr_realloc(w->data, (size_t)len);
        if (grown == NULL) {
            return cr_err_set(err, CR_E_MEMORY, "no memory for /calls/text");
        }
        w->data = grown;
        w->cap = len;
    }
    w->len = 0;
    struct cr_slab slab = {(uint64_t)from, (uint64_t)len};
    if (cr_h5_read_rows(w->frame->var[CR_V_CALL_TEXT], H5T_NATIVE_UINT8, slab,
                        w->data) != 0) {
        return cr_h5_fail(err, "cannot read /calls/text");
    }
    w->first = from;
    w->len = len;
    return CR_OK;
}

enum cr_status cr_text_window_get(struct cr_text_window *window, int64_t from,
                                  int64_t bytes, const char **out, struct cr_err *err) {
    if (bytes == 0) {
        *out = "";
        return CR_OK;
    }
    if (from < window->first || from + bytes > window->first + window->len) {
        enum cr_status status = move(window, from, bytes, err);
        if (status != CR_OK) {
            return status;
        }
    }
    *out = window->data + (from - window->first);
    return CR_OK;
}

void cr_text_window_fini(struct cr_text_window *window) {
    cr_free(window->data);
    window->data = NULL;
}

enum { PIECE_CALLS = 1 << 16, PIECE_BYTES = 1 << 20 };

struct pick {
    uint64_t id; // what orders the calls of an episode
    int32_t episode;
    uint32_t row; // in the source's /calls
    uint16_t source;
};

// The columns that make a pick.
struct keys {
    int32_t *episode, *iteration, *sample, *repair;
    uint8_t *role, *trader;
};

struct call_packer {
    const struct cr_pack_input *input;
    struct cr_frame *out;
    struct cr_err *err;
    struct pick *picks;
    size_t len, cap;
    bool is_sorted; // as they were picked
    int64_t *bytes; // [len] of the texts of each
    int64_t *from;  // [len] where they begin in the source
};

static enum cr_status no_memory(struct call_packer *p) {
    return cr_err_set(p->err, CR_E_MEMORY, "no memory to sort /calls");
}

static uint64_t calls_of(const struct cr_frame *source) {
    return source->var[CR_V_CALL_EPISODE] < 0 ? 0 : source->shape.size[CR_DIM_CALL];
}

// The whole column of SOURCE as TYPE (cr_free); *status says why it is NULL.
static void *read_column(struct call_packer *p, size_t source, enum cr_variable_id id,
                         enum cr_status *status) {
    struct cr_frame *frame = &p->input->sources[source];
    uint64_t rows = calls_of(frame);
    hid_t type = cr_kind_memory_type(cr_schema[id].kind);
    void *column = cr_malloc(rows * cr_kind_bytes(cr_schema[id].kind) + 1);
    if (column == NULL) {
        *status = no_memory(p);
    } else if (rows > 0 &&
               cr_frame_read(frame, id, type, (struct cr_slab){0, rows}, column) != 0) {
        *status = cr_h5_fail(p->err, "cannot read %s", cr_schema[id].path);
        cr_free(column);
        column = NULL;
    }
    return column;
}

static void free_keys(struct keys *k) {
    cr_free(k->episode);
    cr_free(k->iteration);
    cr_free(k->sample);
    cr_free(k->repair);
    cr_free(k->role);
    cr_free(k->trader);
}

static enum cr_status read_keys(struct call_packer *p, size_t source, struct keys *k) {
    enum cr_status status = CR_OK;
    k->episode = read_column(p, source, CR_V_CALL_EPISODE, &status);
    k->iteration = read_column(p, source, CR_V_CALL_ITERATION, &status);
    k->sample = read_column(p, source, CR_V_CALL_SAMPLE, &status);
    k->repair = read_column(p, source, CR_V_CALL_REPAIR, &status);
    k->role = read_column(p, source, CR_V_CALL_ROLE, &status);
    k->trader = read_column(p, source, CR_V_CALL_TRADER, &status);
    return status;
}

static uint64_t seat_of(const struct keys *k, uint64_t row) {
    uint64_t turn = 2 * (uint64_t)k->iteration[row] + (k->role[row] == CR_ROLE_MAKER);
    return turn << 40 | (uint64_t)k->trader[row] << 32 |
           (uint64_t)(uint16_t)k->sample[row] << 16 | (uint16_t)k->repair[row];
}

static enum cr_status add_picks(struct call_packer *p, size_t source,
                                const struct keys *k) {
    uint64_t rows = calls_of(&p->input->sources[source]);
    uint64_t episodes = p->out->shape.size[CR_DIM_EPISODE];
    if (cr_array_grow((void **)&p->picks, &p->cap, p->len + rows + 1,
                      sizeof *p->picks) != CR_OK) {
        return no_memory(p);
    }
    for (uint64_t i = 0; i < rows; i++) {
        int32_t episode = k->episode[i];
        if (episode < 0 || (uint64_t)episode >= episodes) {
            return cr_err_set(p->err, CR_E_FORMAT, "call %llu belongs to no episode",
                              (unsigned long long)i);
        }
        if (p->input->owner == NULL || p->input->owner[episode] == source) {
            p->picks[p->len++] =
                (struct pick){seat_of(k, i), episode, (uint32_t)i, (uint16_t)source};
        }
    }
    return CR_OK;
}

static enum cr_status pick_from(struct call_packer *p, size_t source) {
    struct keys keys = {0};
    enum cr_status status = read_keys(p, source, &keys);
    if (status == CR_OK) {
        status = add_picks(p, source, &keys);
    }
    free_keys(&keys);
    return status;
}

static int compare(const void *left, const void *right) {
    const struct pick *a = left, *b = right;
    if (a->episode != b->episode) {
        return a->episode < b->episode ? -1 : 1;
    }
    if (a->id != b->id) {
        return a->id < b->id ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row); // one source an episode
}

static enum cr_status pick_all(struct call_packer *p) {
    enum cr_status status = CR_OK;
    for (size_t s = 0; status == CR_OK && s < p->input->len; s++) {
        status = pick_from(p, s);
    }
    p->is_sorted = true;
    for (size_t i = 1; i < p->len && p->is_sorted; i++) {
        p->is_sorted = compare(&p->picks[i - 1], &p->picks[i]) <= 0;
    }
    if (status == CR_OK && !p->is_sorted) {
        qsort(p->picks, p->len, sizeof *p->picks, compare);
    }
    return status;
}

// Every source's column, as read_column gives it; freed by free_columns.
static enum cr_status read_columns(struct call_packer *p, enum cr_variable_id id,
                                   unsigned char **columns) {
    enum cr_status status = CR_OK;
    for (size_t s = 0; status == CR_OK && s < p->input->len; s++) {
        columns[s] = read_column(p, s, id, &status);
    }
    return status;
}

static void free_columns(struct call_packer *p, unsigned char **columns) {
    for (size_t s = 0; columns != NULL && s < p->input->len; s++) {
        cr_free(columns[s]);
        columns[s] = NULL;
    }
}

static enum cr_status write_column(struct call_packer *p, enum cr_variable_id id,
                                   unsigned char **columns, unsigned char *piece) {
    size_t bytes = cr_kind_bytes(cr_schema[id].kind);
    hid_t type = cr_kind_memory_type(cr_schema[id].kind);
    for (size_t done = 0; done < p->len;) {
        size_t rows = p->len - done < PIECE_CALLS ? p->len - done : PIECE_CALLS;
        for (size_t i = 0; i < rows; i++) {
            const struct pick *pick = &p->picks[done + i];
            memcpy(piece + i * bytes, columns[pick->source] + pick->row * bytes, bytes);
        }
        if (cr_h5_write_rows(p->out->var[id], type, (struct cr_slab){done, rows},
                             piece) != 0) {
            return cr_h5_fail(p->err, "cannot write %s", cr_schema[id].path);
        }
        done += rows;
    }
    return CR_OK;
}

static enum cr_status copy_columns(struct call_packer *p, unsigned char **columns,
                                   unsigned char *piece) {
    enum cr_status status = CR_OK;
    for (int id = CR_V_CALL_FIRST + 1; status == CR_OK && id < CR_V_CALL_END; id++) {
        if (id == CR_V_CALL_TEXT_OFFSET) {
            continue; // new ones are written with the texts
        }
        status = read_columns(p, (enum cr_variable_id)id, columns);
        if (status == CR_OK) {
            status = write_column(p, (enum cr_variable_id)id, columns, piece);
        }
        free_columns(p, columns);
    }
    return status;
}

static enum cr_status read_offsets(struct call_packer *p, unsigned char **columns) {
    enum cr_status status = read_columns(p, CR_V_CALL_TEXT_OFFSET, columns);
    for (size_t i = 0; status == CR_OK && i < p->len; i++) {
        memcpy(&p->from[i], columns[p->picks[i].source] + p->picks[i].row * 8, 8);
    }
    free_columns(p, columns);
    for (int id = CR_V_CALL_TEXT_LENGTH; status == CR_OK && id <= CR_V_CALL_ID_LENGTH;
         id++) {
        status = read_columns(p, (enum cr_variable_id)id, columns);
        for (size_t i = 0; status == CR_OK && i < p->len; i++) {
            int32_t length;
            memcpy(&length, columns[p->picks[i].source] + p->picks[i].row * 4, 4);
            p->bytes[i] += length < 0 ? 0 : length;
        }
        free_columns(p, columns);
    }
    return status;
}

static enum cr_status write_offsets(struct call_packer *p) {
    int64_t at = 0;
    for (size_t i = 0; i < p->len; i++) {
        int64_t bytes = p->bytes[i];
        p->bytes[i] = at; // from here on: where the texts begin in the result
        at += bytes;
    }
    if (p->len > 0 &&
        cr_h5_write_rows(p->out->var[CR_V_CALL_TEXT_OFFSET], H5T_NATIVE_INT64,
                         (struct cr_slab){0, p->len}, p->bytes) != 0) {
        return cr_h5_fail(p->err, "cannot write /calls/text_offset");
    }
    return CR_OK;
}

struct text_copy {
    struct cr_text_window *windows; // [sources]
    unsigned char *piece;           // [PIECE_BYTES] of the result, not written yet
    size_t used;
    uint64_t written;
};

static enum cr_status flush_piece(struct call_packer *p, struct text_copy *t) {
    if (t->used > 0 &&
        cr_h5_write_rows(p->out->var[CR_V_CALL_TEXT], H5T_NATIVE_UINT8,
                         (struct cr_slab){t->written, t->used}, t->piece) != 0) {
        return cr_h5_fail(p->err, "cannot write /calls/text");
    }
    t->written += t->used;
    t->used = 0;
    return CR_OK;
}

static enum cr_status add_bytes(struct call_packer *p, struct text_copy *t,
                                const char *data, size_t bytes) {
    enum cr_status status = CR_OK;
    while (status == CR_OK && bytes > 0) {
        size_t room = PIECE_BYTES - t->used, part = bytes < room ? bytes : room;
        memcpy(t->piece + t->used, data, part);
        t->used += part;
        data += part;
        bytes -= part;
        if (t->used == PIECE_BYTES) {
            status = flush_piece(p, t);
        }
    }
    return status;
}

static enum cr_status copy_texts(struct call_packer *p, struct text_copy *t,
                                 int64_t all) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < p->len; i++) {
        int64_t end = i + 1 < p->len ? p->bytes[i + 1] : all;
        int64_t bytes = end - p->bytes[i], from = p->from[i];
        struct cr_text_window *w = &t->windows[p->picks[i].source];
        const char *data;
        status = cr_text_window_get(w, from, bytes, &data, p->err);
        if (status == CR_OK) {
            status = add_bytes(p, t, data, (size_t)bytes);
        }
    }
    return status == CR_OK ? flush_piece(p, t) : status;
}

static enum cr_status pack_texts(struct call_packer *p, unsigned char **columns) {
    enum cr_status status = read_offsets(p, columns);
    int64_t all = 0;
    for (size_t i = 0; i < p->len; i++) {
        all += p->bytes[i];
    }
    if (status == CR_OK) {
        status = write_offsets(p);
    }
    if (status == CR_OK && all > 0 &&
        cr_frame_grow(p->out, CR_DIM_BYTE, (uint64_t)all) != 0) {
        status = cr_h5_fail(p->err, "cannot extend /calls/text");
    }
    if (status != CR_OK) {
        return status;
    }
    struct text_copy t = {cr_calloc(p->input->len, sizeof *t.windows),
                          cr_malloc(PIECE_BYTES), 0, 0};
    for (size_t s = 0; t.windows != NULL && s < p->input->len; s++) {
        t.windows[s].frame = &p->input->sources[s];
    }
    status =
        t.windows != NULL && t.piece != NULL ? copy_texts(p, &t, all) : no_memory(p);
    for (size_t s = 0; t.windows != NULL && s < p->input->len; s++) {
        cr_text_window_fini(&t.windows[s]);
    }
    cr_free(t.windows);
    cr_free(t.piece);
    return status;
}

// Whether the result has the same /calls as the one source: all of them, in the same
// order and filtered alike.
static bool is_verbatim(const struct call_packer *p) {
    const struct cr_frame *source = &p->input->sources[0];
    bool is_same = p->input->len == 1 && source->version == CR_SCHEMA_VERSION &&
                   p->is_sorted && p->len == calls_of(source);
    for (int id = CR_V_CALL_FIRST + 1; is_same && id <= CR_V_CALL_TEXT; id++) {
        is_same = id == CR_V_CALL_END ||
                  cr_chunks_are_alike(source->var[id], p->out->var[id]);
    }
    return is_same;
}

static enum cr_status copy_chunks(struct call_packer *p, enum cr_variable_id id,
                                  uint64_t rows) {
    hid_t from = p->input->sources[0].var[id];
    return cr_chunks_copy(from, p->out->var[id], rows) == 0
               ? CR_OK
               : cr_h5_fail(p->err, "cannot copy %s", cr_schema[id].path);
}

// One after the other as copy_in_order does, so that the bytes of the file are the
// same.
static enum cr_status copy_verbatim(struct call_packer *p) {
    uint64_t bytes = p->input->sources[0].shape.size[CR_DIM_BYTE];
    if (cr_frame_grow(p->out, CR_DIM_CALL, p->len) != 0) {
        return cr_h5_fail(p->err, "cannot extend /calls");
    }
    enum cr_status status = CR_OK;
    for (int id = CR_V_CALL_FIRST + 1; status == CR_OK && id < CR_V_CALL_END; id++) {
        if (id != CR_V_CALL_TEXT_OFFSET) {
            status = copy_chunks(p, (enum cr_variable_id)id, p->len);
        }
    }
    if (status == CR_OK) {
        status = copy_chunks(p, CR_V_CALL_TEXT_OFFSET, p->len);
    }
    if (status == CR_OK && bytes > 0 &&
        cr_frame_grow(p->out, CR_DIM_BYTE, bytes) != 0) {
        status = cr_h5_fail(p->err, "cannot extend /calls/text");
    }
    return status == CR_OK ? copy_chunks(p, CR_V_CALL_TEXT, bytes) : status;
}

static enum cr_status pack_picked(struct call_packer *p, unsigned char **columns,
                                  unsigned char *piece) {
    if (cr_frame_grow(p->out, CR_DIM_CALL, p->len) != 0) {
        return cr_h5_fail(p->err, "cannot extend /calls");
    }
    enum cr_status status = copy_columns(p, columns, piece);
    return status == CR_OK ? pack_texts(p, columns) : status;
}

static enum cr_status copy_in_order(struct call_packer *p) {
    unsigned char **columns = cr_calloc(p->input->len, sizeof *columns);
    unsigned char *piece = cr_malloc((size_t)PIECE_CALLS * 8);
    p->bytes = cr_calloc(p->len, sizeof *p->bytes);
    p->from = cr_calloc(p->len, sizeof *p->from);
    enum cr_status status =
        columns != NULL && piece != NULL && p->bytes != NULL && p->from != NULL
            ? pack_picked(p, columns, piece)
            : no_memory(p);
    cr_free(columns);
    cr_free(piece);
    return status;
}

enum cr_status cr_repack_calls(const struct cr_pack_input *input, struct cr_frame *out,
                               struct cr_err *err) {
    struct call_packer p = {.input = input, .out = out, .err = err};
    enum cr_status status = pick_all(&p);
    if (status == CR_OK && p.len > 0) {
        status = is_verbatim(&p) ? copy_verbatim(&p) : copy_in_order(&p);
    }
    cr_free(p.bytes);
    cr_free(p.from);
    cr_free(p.picks);
    return status;
}
