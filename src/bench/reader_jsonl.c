// JSON lines: one object a line, each with an id; blank lines are skipped.
#include <math.h>
#include <string.h>

#include "bench/reader.h"

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
    return status != CR_OK ? status : cr_reader_item(reader, &item);
}

// A key that stands twice would silently lose one of its values.
static enum cr_status check_keys(struct cr_reader *reader, const char *text,
                                 size_t bytes) {
    struct cr_buf path;
    cr_buf_init(&path, bytes + 1);
    enum cr_status status = CR_OK;
    if (cr_json_duplicate_key(text, bytes, &path)) {
        status = cr_reader_refuse(
            reader, "the key %s stands twice, expected it once",
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

enum cr_status cr_reader_json_lines(struct cr_reader *reader) {
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
