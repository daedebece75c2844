// The reader: from the bytes of a file to its propositions, by a format of the table.
//
// Nothing is kept of a file with a mistake in it: a list is built aside and handed over
// when the last item was read. Byte order mark and CRLF are gone before a format sees
// the text, so that a file gives the same propositions, with the same keys, whatever
// system it was saved on. Ids are checked for the whole file, wanted or not.
#include "bench/reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/table.h"
#include "credence/base/hash.h"
#include "credence/base/text.h"
#include "credence/bench/bench.h"

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
    if (cr_seen_add(&reader->seen, id, reader->line, &first) != CR_OK) {
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

enum cr_status cr_reader_item(struct cr_reader *reader, const struct cr_item *item) {
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

// Refuse a line that is no UTF-8 or holds a NUL: a C string would end there.
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
            return cr_reader_refuse(reader, "bytes that are no UTF-8, expected UTF-8");
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
                     ? cr_reader_json_lines(reader)
                     : cr_reader_csv(reader);
    }
    return status != CR_OK ? status : check_range(reader);
}

static void reader_fini(struct cr_reader *reader) {
    cr_propositions_fini(&reader->propositions);
    cr_seen_fini(&reader->seen);
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
