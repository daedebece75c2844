// The reader: from the bytes of a file to its propositions, by a format of the table.
//
// Nothing is kept of a file with a mistake in it: a list is built aside and handed over
// when the last item was read. Byte order mark and CRLF are gone before a format sees
// the text, so that a file gives the same propositions, with the same keys, whatever
// system it was saved on. Ids are checked for the whole file, wanted or not.
#include "bench/reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/csv.h"
#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/bench/bench.h"

// Open addressing over 128-bit hashes, at most half full. The ids themselves are not
// kept: two different ids with one hash will not be met.

struct cr_seen_slot {
    struct cr_hash hash;
    uint64_t line; // 0: empty
};

enum { CAP_FIRST = 1024 };

// The slot that holds HASH, or the empty one where it belongs.
static struct cr_seen_slot *slot_of(struct cr_seen_slot *slots, size_t cap,
                                    struct cr_hash hash) {
    size_t i = (size_t)hash.lo & (cap - 1);
    while (slots[i].line &&
           (slots[i].hash.lo != hash.lo || slots[i].hash.hi != hash.hi)) {
        i = (i + 1) & (cap - 1);
    }
    return &slots[i];
}

static enum cr_status grow(struct cr_seen *seen) {
    size_t cap = seen->cap ? seen->cap * 2 : CAP_FIRST;
    struct cr_seen_slot *slots = cr_calloc(cap, sizeof *slots);
    if (slots == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < seen->cap; i++) {
        if (seen->slots[i].line) {
            *slot_of(slots, cap, seen->slots[i].hash) = seen->slots[i];
        }
    }
    cr_free(seen->slots);
    seen->slots = slots;
    seen->cap = cap;
    return CR_OK;
}

// Note that ID is on LINE. *first is the line it was already noted for, or 0.
static enum cr_status note_seen(struct cr_seen *seen, const char *id, uint64_t line,
                                uint64_t *first) {
    if (seen->len * 2 >= seen->cap && grow(seen) != CR_OK) {
        return CR_E_MEMORY;
    }
    struct cr_hash hash = cr_hash128(id, strlen(id), 0);
    struct cr_seen_slot *slot = slot_of(seen->slots, seen->cap, hash);
    *first = slot->line;
    if (!slot->line) {
        *slot = (struct cr_seen_slot){.hash = hash, .line = line};
        seen->len++;
    }
    return CR_OK;
}

static void seen_fini(struct cr_seen *seen) {
    cr_free(seen->slots);
    *seen = (struct cr_seen){0};
}

enum { QUOTE_BYTES = 60 }; // of the file's text, in a message

enum cr_status cr_reader_no_memory(struct cr_reader *reader) {
    return cr_err_set(reader->err, CR_E_MEMORY, "out of memory while reading %s",
                      reader->benchmark->path);
}

enum cr_status cr_reader_refuse(struct cr_reader *reader, const char *fmt, ...) {
    char what[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return cr_err_set(reader->err, CR_E_JOB, "%s:%" PRIu64 ": %s",
                      reader->benchmark->path, reader->line, what);
}

char *cr_reader_text(struct cr_reader *reader, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : cr_arena_alloc(&reader->scratch, (size_t)len + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    return text;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char *cr_reader_trim(struct cr_reader *reader, const char *text) {
    while (is_space(*text)) {
        text++;
    }
    size_t bytes = strlen(text);
    while (bytes && is_space(text[bytes - 1])) {
        bytes--;
    }
    return cr_arena_strndup(&reader->scratch, text, bytes);
}

const char *cr_reader_quote(struct cr_reader *reader, const char *text) {
    size_t bytes = strlen(text);
    bool is_cut = bytes > QUOTE_BYTES;
    if (is_cut) {
        bytes = QUOTE_BYTES;
    }
    // Never cut inside a character.
    while (is_cut && bytes && ((unsigned char)text[bytes] & 0xC0) == 0x80) {
        bytes--;
    }
    char *quote =
        cr_reader_text(reader, "\"%.*s%s\"", (int)bytes, text, is_cut ? "..." : "");
    // A message is one line, and no file may steer the terminal it is read on.
    for (char *c = quote; c != NULL && *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) {
            *c = ' ';
        }
    }
    return quote != NULL ? quote : "a text";
}

const char *cr_reader_id(const struct cr_reader *reader) {
    return reader->id;
}

enum cr_framing cr_reader_framing(const struct cr_reader *reader) {
    return reader->benchmark->framing;
}

uint32_t cr_reader_draw(const struct cr_reader *reader, const char *purpose,
                        uint32_t bound) {
    uint64_t seed = cr_hash64(purpose, strlen(purpose), reader->seed);
    uint64_t hash = cr_hash64(reader->id, strlen(reader->id), seed);
    return (uint32_t)(hash % bound);
}

static enum cr_status replace(struct cr_buf *buf, const char *text) {
    cr_buf_clear(buf);
    return cr_buf_add_text(buf, text);
}

const char *cr_reader_group(struct cr_reader *reader, const char *scenario) {
    if (reader->scenario.data != NULL && strcmp(reader->scenario.data, scenario) == 0) {
        return reader->scenario_id.data;
    }
    if (replace(&reader->scenario, scenario) != CR_OK ||
        replace(&reader->scenario_id, reader->id) != CR_OK) {
        return NULL;
    }
    return reader->scenario_id.data;
}

static enum cr_status note_id(struct cr_reader *reader, const char *id) {
    uint64_t first = 0;
    if (note_seen(&reader->seen, id, reader->line, &first) != CR_OK) {
        return cr_reader_no_memory(reader);
    }
    if (first) {
        return cr_reader_refuse(reader,
                                "the id %s is already taken on line %" PRIu64
                                ", expected a different one for every item",
                                cr_reader_quote(reader, id), first);
    }
    return CR_OK;
}

static bool is_wanted(const struct cr_reader *reader) {
    const struct cr_benchmark *benchmark = reader->benchmark;
    uint64_t index = reader->items - 1;
    return index >= benchmark->offset &&
           (!benchmark->limit || index - benchmark->offset < benchmark->limit);
}

enum cr_status cr_reader_add(struct cr_reader *reader,
                             const struct cr_proposition *proposition) {
    if (proposition->id == NULL || proposition->question_id == NULL ||
        proposition->text == NULL) {
        return cr_reader_no_memory(reader);
    }
    if (strcmp(proposition->id, reader->id) != 0) {
        enum cr_status status = note_id(reader, proposition->id);
        if (status != CR_OK) {
            return status;
        }
    }
    if (!is_wanted(reader)) {
        return CR_OK;
    }
    if (cr_propositions_add(&reader->propositions, proposition) != CR_OK) {
        return cr_reader_no_memory(reader);
    }
    return CR_OK;
}

enum cr_status cr_reader_add_claim(struct cr_reader *reader, const char *question_id,
                                   const char *text, int32_t label) {
    return cr_reader_add(reader, &(struct cr_proposition){.id = reader->id,
                                                          .question_id = question_id,
                                                          .text = text,
                                                          .space = CR_SPACE_BINARY,
                                                          .label = label,
                                                          .unit = ""});
}

static enum cr_status add_side(struct cr_reader *reader, const char *question_id,
                               const char *text, int32_t label) {
    const char *id =
        cr_reader_text(reader, "%s/%s", reader->id, label ? "true" : "false");
    return cr_reader_add(reader, &(struct cr_proposition){.id = id,
                                                          .question_id = question_id,
                                                          .text = text,
                                                          .space = CR_SPACE_BINARY,
                                                          .label = label,
                                                          .unit = ""});
}

enum cr_status cr_reader_add_pair(struct cr_reader *reader, const char *question_id,
                                  const char *true_text, const char *false_text) {
    if (reader->benchmark->pairing == CR_PAIRING_ONE) {
        return cr_reader_draw(reader, "side", 2)
                   ? add_side(reader, question_id, true_text, 1)
                   : add_side(reader, question_id, false_text, 0);
    }
    enum cr_status status = add_side(reader, question_id, true_text, 1);
    return status != CR_OK ? status : add_side(reader, question_id, false_text, 0);
}

// Give ITEM, its id set, to the format.
static enum cr_status give_item(struct cr_reader *reader, const struct cr_item *item) {
    reader->id = item->id;
    reader->items++;
    enum cr_status status = note_id(reader, item->id);
    if (status == CR_OK) {
        status = reader->format->item(reader, item);
    }
    cr_arena_fini(&reader->scratch);
    reader->id = NULL;
    return status;
}

// CSV files: columns by the header's names, every row as long as the header.

struct csv_ctx {
    struct cr_reader *reader;
    size_t columns_len;        // that the format reads
    size_t at[CR_COLUMNS_MAX]; // where each is in a row
    size_t row_len;            // that every row must have
    bool is_header_due;        // the next row is, or may be, the header
};

static bool is_named(struct cr_reader *reader, const char *field, const char *name) {
    const char *trimmed = cr_reader_trim(reader, field);
    return trimmed != NULL && strcmp(trimmed, name) == 0;
}

static const char *header_text(struct cr_reader *reader, const struct cr_csv_row *row) {
    const char *text = "";
    for (size_t i = 0; text != NULL && i < row->fields_len; i++) {
        text = cr_reader_text(reader, "%s%s%s", text, i ? ", " : "", row->fields[i]);
    }
    return text != NULL ? text : "";
}

// Where COLUMN is in the header ROW.
static enum cr_status find_column(struct csv_ctx *csv, const struct cr_csv_row *row,
                                  size_t column) {
    struct cr_reader *reader = csv->reader;
    const char *name = reader->format->columns[column];
    size_t found = 0;
    for (size_t i = 0; i < row->fields_len; i++) {
        if (!is_named(reader, row->fields[i], name)) {
            continue;
        }
        csv->at[column] = i;
        found++;
    }
    if (found == 1) {
        return CR_OK;
    }
    return cr_reader_refuse(reader, "the header is %s, expected %s column \"%s\"",
                            cr_reader_quote(reader, header_text(reader, row)),
                            found ? "only one" : "a", name);
}

static enum cr_status read_header(struct csv_ctx *csv, const struct cr_csv_row *row) {
    csv->row_len = row->fields_len;
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < csv->columns_len; i++) {
        status = find_column(csv, row, i);
    }
    return status;
}

// Whether ROW of a headless file does nothing but name the columns.
static bool is_stray_header(struct csv_ctx *csv, const struct cr_csv_row *row) {
    bool is_header = row->fields_len == csv->columns_len;
    for (size_t i = 0; is_header && i < csv->columns_len; i++) {
        is_header =
            is_named(csv->reader, row->fields[i], csv->reader->format->columns[i]);
    }
    return is_header;
}

static enum cr_status read_fields(struct csv_ctx *csv, const struct cr_csv_row *row,
                                  const char **fields) {
    struct cr_reader *reader = csv->reader;
    if (row->fields_len != csv->row_len) {
        return cr_reader_refuse(reader, "a row of %zu column%s, expected %zu",
                                row->fields_len, row->fields_len == 1 ? "" : "s",
                                csv->row_len);
    }
    for (size_t i = 0; i < csv->columns_len; i++) {
        fields[i] = cr_reader_trim(reader, row->fields[csv->at[i]]);
        if (fields[i] == NULL) {
            return cr_reader_no_memory(reader);
        }
        if (!*fields[i]) {
            return cr_reader_refuse(reader, "nothing in column \"%s\", expected a text",
                                    reader->format->columns[i]);
        }
    }
    return CR_OK;
}

static enum cr_status read_item(struct csv_ctx *csv, const struct cr_csv_row *row) {
    const char *fields[CR_COLUMNS_MAX];
    enum cr_status status = read_fields(csv, row, fields);
    if (status != CR_OK) {
        return status;
    }
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, csv->reader->items + 1);
    return give_item(csv->reader, &(struct cr_item){.id = id, .fields = fields});
}

static enum cr_status read_row(void *ctx, const struct cr_csv_row *row,
                               struct cr_err *err) {
    (void)err; // the reader's own
    struct csv_ctx *csv = ctx;
    csv->reader->line = row->line;
    if (row->fields_len == 1 && row->fields_bytes[0] == 0) {
        return CR_OK; // a blank line
    }
    enum cr_layout layout = csv->reader->format->layout;
    bool is_first = csv->is_header_due;
    csv->is_header_due = false;
    enum cr_status status = CR_OK;
    if (is_first && layout == CR_LAYOUT_CSV) {
        status = read_header(csv, row);
    } else if (!is_first || !is_stray_header(csv, row)) {
        status = read_item(csv, row);
    }
    cr_arena_fini(&csv->reader->scratch);
    return status;
}

static enum cr_status read_csv(struct cr_reader *reader) {
    struct csv_ctx csv = {.reader = reader, .is_header_due = true};
    while (reader->format->columns[csv.columns_len] != NULL) {
        csv.at[csv.columns_len] = csv.columns_len;
        csv.columns_len++;
    }
    csv.row_len = csv.columns_len;
    struct cr_csv_text text = {reader->benchmark->path, reader->text, reader->bytes};
    enum cr_status status = cr_csv_read(&text, read_row, &csv, reader->err);
    if (status != CR_E_FORMAT) {
        return status;
    }
    if (reader->err != NULL) {
        reader->err->status = CR_E_JOB; // its text names file and line already
    }
    return CR_E_JOB;
}

// JSON lines: one object a line, each with an id; blank lines are skipped.

enum cr_status cr_reader_member(struct cr_reader *reader, const struct cr_json *value,
                                const char *name, const char **out) {
    const char *text = cr_json_string(value);
    if (text == NULL) {
        return cr_reader_refuse(reader, "\"%s\" is %s, expected a string", name,
                                value != NULL ? cr_json_type_name(cr_json_type(value))
                                              : "missing");
    }
    *out = cr_reader_trim(reader, text);
    if (*out == NULL) {
        return cr_reader_no_memory(reader);
    }
    if (!**out) {
        return cr_reader_refuse(reader, "\"%s\" is empty, expected a text", name);
    }
    return CR_OK;
}

static bool is_blank(const char *text, size_t bytes) {
    return strspn(text, " \t\r") >= bytes;
}

// The item's id: a text, or a whole number as people number things.
static enum cr_status read_id(struct cr_reader *reader, const struct cr_json *object,
                              const char **id) {
    const struct cr_json *value = cr_json_get(object, "id");
    double number = cr_json_number(value, NAN);
    const char *text = cr_json_string(value);
    if (text != NULL) {
        *id = cr_reader_trim(reader, text);
    } else if (number >= 0 && number <= 9007199254740992.0 && number == floor(number)) {
        *id = cr_reader_text(reader, "%.0f", number);
    } else {
        return cr_reader_refuse(
            reader, "\"id\" is %s, expected a string or a whole number",
            value != NULL ? cr_json_type_name(cr_json_type(value)) : "missing");
    }
    if (*id == NULL) {
        return cr_reader_no_memory(reader);
    }
    if (!**id) {
        return cr_reader_refuse(reader, "\"id\" is empty, expected a text");
    }
    for (const char *c = *id; *c; c++) {
        if ((unsigned char)*c < 0x20) {
            return cr_reader_refuse(reader, "\"id\" holds a control character");
        }
    }
    return CR_OK;
}

static enum cr_status read_object(struct cr_reader *reader,
                                  const struct cr_json *object) {
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        return cr_reader_refuse(reader, "the line is %s, expected an object",
                                cr_json_type_name(cr_json_type(object)));
    }
    struct cr_item item = {.object = object};
    enum cr_status status = read_id(reader, object, &item.id);
    return status != CR_OK ? status : give_item(reader, &item);
}

// A key that appears twice would silently lose one of its values.
static enum cr_status check_keys(struct cr_reader *reader, const char *text,
                                 size_t bytes) {
    struct cr_buf path;
    cr_buf_init(&path, bytes + 1);
    enum cr_status status = CR_OK;
    if (cr_json_duplicate_key(text, bytes, &path)) {
        status = cr_reader_refuse(
            reader, "the key %s appears twice, expected it once",
            cr_reader_quote(reader, path.data != NULL ? path.data : ""));
    }
    cr_buf_fini(&path);
    return status;
}

static enum cr_status read_line(struct cr_reader *reader, const char *text,
                                size_t bytes) {
    struct cr_json *object = NULL;
    struct cr_err why = {0};
    struct cr_json_limits limits = {.max_bytes = CR_BENCH_LINE_MAX,
                                    .max_depth = CR_BENCH_DEPTH_MAX};
    enum cr_status status = cr_json_parse(text, bytes, limits, &object, &why);
    if (status == CR_E_MEMORY) {
        return cr_reader_no_memory(reader);
    }
    if (status != CR_OK) { // "1:COLUMN: what": the parser knows one line only
        return cr_reader_refuse(reader, "not a JSON object: column %s",
                                strncmp(why.text, "1:", 2) ? why.text : why.text + 2);
    }
    status = check_keys(reader, text, bytes);
    if (status == CR_OK) {
        status = read_object(reader, object);
    }
    cr_json_free(object);
    return status;
}

static enum cr_status read_json_lines(struct cr_reader *reader) {
    const char *at = reader->text, *end = at + reader->bytes;
    enum cr_status status = CR_OK;
    for (reader->line = 1; status == CR_OK && at < end;
         reader->line += status == CR_OK) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop != NULL ? stop : end) - at);
        if (!is_blank(at, bytes)) {
            status = read_line(reader, at, bytes);
        }
        cr_arena_fini(&reader->scratch);
        at += bytes + 1;
    }
    return status;
}

// The text without byte order mark and with LF for CRLF, into OUT.
static enum cr_status normalise(const char *text, size_t bytes, struct cr_buf *out) {
    if (bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        bytes -= 3;
    }
    if (cr_buf_reserve(out, bytes + 1) != CR_OK) {
        return CR_E_MEMORY;
    }
    const char *end = text + bytes;
    while (text < end) {
        const char *cut = memchr(text, '\r', (size_t)(end - text));
        bool is_crlf = cut != NULL && cut + 1 < end && cut[1] == '\n';
        const char *stop = cut == NULL ? end : is_crlf ? cut : cut + 1;
        if (cr_buf_add(out, text, (size_t)(stop - text)) != CR_OK) {
            return CR_E_MEMORY;
        }
        text = is_crlf ? stop + 1 : stop;
    }
    return CR_OK;
}

// Refuse a line that is not UTF-8 or holds a NUL: a C string would end there.
static enum cr_status check_encoding(struct cr_reader *reader) {
    if (cr_text_is_utf8(reader->text, reader->bytes) &&
        memchr(reader->text, '\0', reader->bytes) == NULL) {
        return CR_OK;
    }
    const char *at = reader->text, *end = at + reader->bytes;
    for (reader->line = 1; at < end; reader->line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop != NULL ? stop : end) - at);
        if (!cr_text_is_utf8(at, bytes)) {
            return cr_reader_refuse(reader, "bytes that are not UTF-8, expected UTF-8");
        }
        if (memchr(at, '\0', bytes) != NULL) {
            return cr_reader_refuse(reader, "a NUL byte, expected text");
        }
        at += bytes + 1;
    }
    return CR_OK;
}

static enum cr_status check_framing(struct cr_reader *reader) {
    static const char *const names[] = {"binary", "categorical", "continuous"};
    if (reader->format->framings & 1u << reader->benchmark->framing) {
        return CR_OK;
    }
    return cr_err_set(reader->err, CR_E_JOB, "%s: format %s has no %s framing",
                      reader->benchmark->path, reader->format->name,
                      names[reader->benchmark->framing]);
}

static enum cr_status check_range(struct cr_reader *reader) {
    if (reader->items == 0) {
        return cr_err_set(reader->err, CR_E_JOB, "%s: no items, expected at least one",
                          reader->benchmark->path);
    }
    if (reader->benchmark->offset >= reader->items) {
        return cr_err_set(reader->err, CR_E_JOB,
                          "%s: offset %" PRIu64 " leaves none of its %" PRIu64 " items",
                          reader->benchmark->path, reader->benchmark->offset,
                          reader->items);
    }
    return CR_OK;
}

static enum cr_status read_all(struct cr_reader *reader) {
    enum cr_status status = check_framing(reader);
    if (status == CR_OK) {
        status = check_encoding(reader);
    }
    if (status == CR_OK) {
        status = reader->format->layout == CR_LAYOUT_JSON_LINES
                     ? read_json_lines(reader)
                     : read_csv(reader);
    }
    return status != CR_OK ? status : check_range(reader);
}

static void reader_fini(struct cr_reader *reader) {
    cr_propositions_fini(&reader->propositions);
    seen_fini(&reader->seen);
    cr_arena_fini(&reader->scratch);
    cr_buf_fini(&reader->scenario);
    cr_buf_fini(&reader->scenario_id);
}

enum cr_status cr_bench_read(struct cr_benchmark *benchmark, const char *text,
                             size_t bytes, uint64_t seed, struct cr_err *err) {
    const struct cr_bench_format *format = cr_bench_format(benchmark->format);
    if (format == NULL) {
        return cr_err_set(err, CR_E_JOB, "unknown benchmark format \"%s\"",
                          benchmark->format);
    }
    struct cr_buf clean;
    cr_buf_init(&clean, bytes + 1);
    struct cr_reader reader = {
        .format = format, .benchmark = benchmark, .seed = seed, .err = err};
    cr_buf_init(&reader.scenario, bytes + 1);
    cr_buf_init(&reader.scenario_id, bytes + CR_BENCH_LINE_MAX);
    enum cr_status status = normalise(text, bytes, &clean);
    if (status != CR_OK) {
        status = cr_reader_no_memory(&reader);
    } else {
        reader.text = clean.data != NULL ? clean.data : "";
        reader.bytes = clean.used_bytes;
        status = read_all(&reader);
    }
    if (status == CR_OK) {
        cr_propositions_fini(&benchmark->propositions);
        benchmark->propositions = reader.propositions;
        reader.propositions = (struct cr_propositions){0};
    }
    reader_fini(&reader);
    cr_buf_fini(&clean);
    return status;
}
