// The reader: from the bytes of a file to its propositions, by a format of the table.
//
// Nothing is kept of a file with a mistake in it: a list is built aside and handed over
// when the last item was read. Byte order mark and CRLF are gone before a format sees
// the text, so that a file gives the same propositions, with the same keys, whatever
// system it was saved on. Ids are checked for the whole file, wanted or not.
//
// A file is read in one pass, in pieces. Two things take a pass of their own before it:
// a sample, which must know all items to draw some, and answers of a table whose way of
// writing the first items leave open.
#include "bench/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/bench/bench.h"
#include "credence/core/cell.h"

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

enum {
    QUOTE_BYTES = 60,  // of the file's text, in a message
    CLUSTER_BYTES = 64 // of a question id
};

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

void *cr_reader_alloc(struct cr_reader *reader, size_t bytes) {
    void *block = cr_arena_alloc(&reader->scratch, bytes);
    if (block != NULL) {
        memset(block, 0, bytes);
    }
    return block;
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

// Whether the current item is within offset and limit.
static bool is_in_slice(const struct cr_reader *reader) {
    const struct cr_benchmark *benchmark = reader->benchmark;
    uint64_t index = reader->items - 1;
    return index >= benchmark->offset &&
           (!benchmark->limit || index - benchmark->offset < benchmark->limit);
}

static bool is_wanted(const struct cr_reader *reader) {
    const struct cr_sample *sample = &reader->sample;
    uint64_t index = reader->items - 1;
    bool is_drawn = sample->is_drawn == NULL ||
                    (index < sample->drawn_len && sample->is_drawn[index]);
    return is_drawn && is_in_slice(reader);
}

// What questions share is told apart by its text; a long one by its hash.
static const char *cluster_id(struct cr_reader *reader, const char *text) {
    char hex[CR_HASH_HEX_BYTES];
    if (strlen(text) <= CLUSTER_BYTES) {
        return text;
    }
    cr_hash_hex(cr_hash128(text, strlen(text), 0), hex);
    return cr_arena_strdup(&reader->scratch, hex);
}

enum cr_status cr_reader_add(struct cr_reader *reader,
                             const struct cr_proposition *proposition) {
    struct cr_proposition own = *proposition;
    if (proposition->id == NULL || proposition->question_id == NULL ||
        proposition->text == NULL) {
        return cr_reader_no_memory(reader);
    }
    // The ids of numbered items, and those made from them, cannot clash.
    if (!reader->is_numbered && strcmp(proposition->id, reader->id) != 0) {
        enum cr_status status = note_id(reader, proposition->id);
        if (status != CR_OK) {
            return status;
        }
    }
    if (!is_wanted(reader)) {
        return CR_OK;
    }
    own.kept = reader->kept;
    own.question_id =
        reader->cluster_id != NULL ? reader->cluster_id : proposition->question_id;
    if (cr_propositions_add(&reader->propositions, &own) != CR_OK) {
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

const char *cr_reader_with_context(struct cr_reader *reader, const char *context,
                                   const char *text) {
    return context == NULL || text == NULL
               ? text
               : cr_reader_text(reader, "%s\n\n%s", context, text);
}

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

enum cr_status cr_reader_check_id(struct cr_reader *reader, const char *name,
                                  const char *id) {
    if (*id == '\0') {
        return cr_reader_refuse(reader, "\"%s\" is empty, expected a text", name);
    }
    for (const char *c = id; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20) {
            return cr_reader_refuse(reader, "\"%s\" holds a control character", name);
        }
    }
    return CR_OK;
}

static enum cr_status read_fields(struct cr_reader *reader,
                                  const struct cr_raw_item *item, const char **fields) {
    for (size_t i = 0; i < reader->fields_len; i++) {
        struct cr_item_column *column = &reader->fields[i];
        enum cr_status status = cr_item_column_text(reader, item, column, &fields[i]);
        if (status == CR_OK && fields[i] == NULL && !column->is_optional) {
            status = cr_item_column_refuse_empty(reader, item, column);
        }
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}

static enum cr_status passes_where(struct cr_reader *reader,
                                   const struct cr_raw_item *item, bool *passes) {
    *passes = true;
    for (size_t i = 0; i < reader->where_len; i++) {
        const struct cr_binding *wanted = &reader->benchmark->where.at[i];
        const char *text = NULL;
        bool is_wanted = false;
        enum cr_status status =
            cr_item_column_text(reader, item, &reader->where[i], &text);
        if (status != CR_OK) {
            return status;
        }
        for (uint32_t v = 0; v < wanted->values_len; v++) {
            is_wanted =
                is_wanted || strcmp(wanted->values[v], text != NULL ? text : "") == 0;
        }
        *passes = *passes && is_wanted;
    }
    return CR_OK;
}

// What is kept of ITEM, and what it shares with others.
static enum cr_status read_beside(struct cr_reader *reader,
                                  const struct cr_raw_item *item) {
    const char **kept =
        cr_arena_alloc(&reader->scratch, (reader->keep_len + 1) * sizeof *kept);
    enum cr_status status = kept != NULL ? CR_OK : cr_reader_no_memory(reader);
    for (size_t i = 0; i < reader->keep_len && status == CR_OK; i++) {
        status = cr_item_column_text(reader, item, &reader->keep[i], &kept[i]);
        if (status == CR_OK && kept[i] == NULL) {
            kept[i] = "";
        }
    }
    reader->kept = reader->keep_len > 0 ? kept : NULL;
    reader->cluster_id = NULL;
    if (status == CR_OK && reader->cluster != NULL) {
        status =
            cr_item_column_text(reader, item, reader->cluster, &reader->cluster_id);
        if (status == CR_OK && reader->cluster_id == NULL) {
            status = cr_item_column_refuse_empty(reader, item, reader->cluster);
        } else if (status == CR_OK) {
            reader->cluster_id = cluster_id(reader, reader->cluster_id);
            status = reader->cluster_id != NULL ? CR_OK : cr_reader_no_memory(reader);
        }
    }
    return status;
}

// Give the current item to the format.
static enum cr_status give_item(struct cr_reader *reader,
                                const struct cr_raw_item *raw) {
    const char *fields[CR_COLUMNS_MAX] = {NULL};
    enum cr_status status = read_fields(reader, raw, fields);
    if (status == CR_OK && reader->pass == CR_PASS_ITEMS && is_wanted(reader)) {
        status = read_beside(reader, raw);
    }
    if (status != CR_OK) {
        return status;
    }
    struct cr_item item = {.id = reader->id, .fields = fields, .object = raw->object};
    return reader->format->item(reader, &item);
}

enum cr_status cr_reader_row(struct cr_reader *reader, const struct cr_raw_item *item,
                             const char *id) {
    char number[24];
    bool passes = true;
    reader->rows++;
    snprintf(number, sizeof number, "%" PRIu64, reader->rows);
    if (reader->ids != NULL) {
        enum cr_status found = cr_item_column_text(reader, item, reader->ids, &id);
        if (found == CR_OK) {
            found = id != NULL ? cr_reader_check_id(reader, reader->ids->name, id)
                               : cr_item_column_refuse_empty(reader, item, reader->ids);
        }
        if (found != CR_OK) {
            return found;
        }
    }
    reader->is_numbered = id == NULL;
    reader->id = id != NULL ? id : number;
    enum cr_status status = passes_where(reader, item, &passes);
    if (status == CR_OK && passes) {
        reader->items++;
        if (id != NULL && reader->pass == CR_PASS_ITEMS) {
            status = note_id(reader, id);
        }
        if (status == CR_OK && reader->pass == CR_PASS_SAMPLE) {
            status = is_in_slice(reader) ? cr_sample_note(reader, item) : CR_OK;
        } else if (status == CR_OK) {
            status = give_item(reader, item);
        }
    }
    cr_arena_fini(&reader->scratch);
    reader->id = NULL;
    return status;
}

static enum cr_status check_framing(struct cr_reader *reader) {
    if (reader->format->framings & 1u << reader->benchmark->framing) {
        return CR_OK;
    }
    return cr_err_set(reader->err, CR_E_JOB, "%s: format %s has no %s framing",
                      reader->benchmark->path, reader->format->name,
                      cr_space_names[reader->benchmark->framing]);
}

static enum cr_status check_range(struct cr_reader *reader) {
    const struct cr_benchmark *benchmark = reader->benchmark;
    if (reader->rows == 0) {
        return cr_err_set(reader->err, CR_E_JOB, "%s: no items, expected at least one",
                          benchmark->path);
    }
    if (reader->items == 0) {
        return cr_err_set(reader->err, CR_E_JOB,
                          "%s: none of its %" PRIu64 " items passes \"where\"",
                          benchmark->path, reader->rows);
    }
    if (benchmark->offset >= reader->items) {
        return cr_err_set(reader->err, CR_E_JOB,
                          "%s: offset %" PRIu64 " leaves none of its %" PRIu64 " items",
                          benchmark->path, benchmark->offset, reader->items);
    }
    return CR_OK;
}

// JSON objects need not have every key, but some object must.
static enum cr_status check_columns(struct cr_reader *reader) {
    struct cr_item_column *column = NULL;
    enum cr_container container = cr_source_container(reader->source);
    if (container != CR_CONTAINER_JSON_LINES && container != CR_CONTAINER_JSON_ARRAY) {
        return CR_OK; // found in the header
    }
    for (size_t i = 0; (column = cr_reader_column(reader, i)) != NULL; i++) {
        if (column->key != NULL && !column->is_met && !column->is_own) {
            reader->line = 1;
            return cr_item_column_refuse_absent(reader, column);
        }
    }
    return CR_OK;
}

// One pass over the whole file.
static enum cr_status run_pass(struct cr_reader *reader, enum cr_pass pass) {
    reader->pass = pass;
    reader->rows = reader->items = 0;
    cr_buf_clear(&reader->scenario);
    enum cr_status status = cr_source_rewind(reader->source, reader->err);
    status = status == CR_OK ? cr_reader_rows(reader) : status;
    if (status == CR_OK) {
        status = check_columns(reader);
    }
    return status == CR_OK ? check_range(reader) : status;
}

static void forget_items(struct cr_reader *reader) {
    cr_propositions_fini(&reader->propositions);
    seen_fini(&reader->seen);
    reader->answers = ~0u;
    reader->is_surveyed = true;
}

static enum cr_status keep_names(struct cr_reader *reader) {
    const char *names[CR_KEEP_MAX];
    size_t own = reader->benchmark->keep.len;
    for (size_t i = 0; i < reader->keep_len; i++) {
        names[i] = i < own ? reader->benchmark->keep.at[i].name
                           : reader->format->kept[i - own].name;
    }
    enum cr_status status =
        cr_propositions_keep(&reader->propositions, names, reader->keep_len);
    return status == CR_OK ? CR_OK : cr_reader_no_memory(reader);
}

static enum cr_status read_all(struct cr_reader *reader) {
    enum cr_status status = check_framing(reader);
    if (status == CR_OK && reader->benchmark->sample > 0) {
        status = run_pass(reader, CR_PASS_SAMPLE);
        status = status == CR_OK ? cr_sample_draw(reader) : status;
    }
    status = status == CR_OK ? keep_names(reader) : status;
    status = status == CR_OK ? run_pass(reader, CR_PASS_ITEMS) : status;
    if (status == CR_E_STOPPED) { // the format must see all answers first
        forget_items(reader);
        status = run_pass(reader, CR_PASS_ANSWERS);
        status = status == CR_OK ? keep_names(reader) : status;
        status = status == CR_OK ? run_pass(reader, CR_PASS_ITEMS) : status;
    }
    return status;
}

static void reader_fini(struct cr_reader *reader) {
    cr_propositions_fini(&reader->propositions);
    seen_fini(&reader->seen);
    cr_free(reader->sample.at);
    cr_free(reader->sample.is_drawn);
    cr_arena_fini(&reader->scratch);
    cr_arena_fini(&reader->names);
    cr_buf_fini(&reader->scenario);
    cr_buf_fini(&reader->scenario_id);
    cr_buf_fini(&reader->header);
    cr_source_close(reader->source);
}

static enum cr_status read_input(struct cr_benchmark *benchmark,
                                 const struct cr_source_input *input, uint64_t seed,
                                 struct cr_err *err) {
    const struct cr_bench_format *format = cr_bench_format(benchmark->format);
    if (format == NULL) {
        return cr_err_set(err, CR_E_JOB, "unknown benchmark format \"%s\"",
                          benchmark->format);
    }
    struct cr_reader reader = {.format = format,
                               .benchmark = benchmark,
                               .seed = seed,
                               .err = err,
                               .answers = ~0u};
    cr_buf_init(&reader.scenario, SIZE_MAX / 2);
    cr_buf_init(&reader.scenario_id, SIZE_MAX / 2);
    cr_buf_init(&reader.header, 1 << 20);
    enum cr_status status = cr_source_open(input, &reader.source, err);
    status = status == CR_OK ? cr_reader_make_columns(&reader) : status;
    status = status == CR_OK ? read_all(&reader) : status;
    if (status == CR_OK) {
        cr_propositions_fini(&benchmark->propositions);
        benchmark->propositions = reader.propositions;
        benchmark->bytes_hash = cr_source_hash(reader.source);
        reader.propositions = (struct cr_propositions){0};
    }
    reader_fini(&reader);
    return status;
}

enum cr_status cr_bench_read(struct cr_benchmark *benchmark, const char *text,
                             size_t bytes, uint64_t seed, struct cr_err *err) {
    struct cr_source_input input = {
        .name = benchmark->path, .text = text, .bytes = bytes, .fd = -1};
    return read_input(benchmark, &input, seed, err);
}

enum cr_status cr_bench_read_file(struct cr_benchmark *benchmark, const char *path,
                                  uint64_t seed, struct cr_err *err) {
    struct cr_source_input input = {.name = benchmark->path};
    input.fd = cr_file_open_regular(path);
    if (input.fd < 0) {
        return cr_err_set(err, CR_E_IO, "cannot open %s: %s", path, strerror(errno));
    }
    enum cr_status status = read_input(benchmark, &input, seed, err);
    close(input.fd);
    return status;
}

static enum cr_status stop_at_first(struct cr_reader *reader,
                                    const struct cr_item *item) {
    (void)reader;
    (void)item;
    return CR_E_STOPPED;
}

enum cr_status cr_bench_look(const char *path, const char **container,
                             struct cr_buf *columns, struct cr_err *err) {
    static const struct cr_bench_format none = {.name = "none", .item = stop_at_first};
    struct cr_benchmark benchmark = {.name = "none", .path = path};
    struct cr_source_input input = {.name = path, .fd = cr_file_open_regular(path)};
    struct cr_reader reader = {.format = &none, .benchmark = &benchmark, .err = err};
    if (input.fd < 0) {
        return cr_err_set(err, CR_E_IO, "cannot open %s: %s", path, strerror(errno));
    }
    cr_buf_init(&reader.header, 1 << 20);
    enum cr_status status = cr_source_open(&input, &reader.source, err);
    status = status == CR_OK ? cr_reader_make_columns(&reader) : status;
    status = status == CR_OK ? cr_reader_rows(&reader) : status;
    status = status == CR_E_STOPPED ? CR_OK : status;
    if (status == CR_OK) {
        *container = cr_container_names[cr_source_container(reader.source)];
        status = cr_buf_add(columns, reader.header.data, reader.header.used_bytes);
    }
    reader_fini(&reader);
    close(input.fd);
    return status;
}
