// The items of a file, container by container: rows of CSV and TSV, objects of JSON lines
// and of JSON arrays. Text comes in pieces cut anywhere, so an object is gathered until
// it is whole.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/reader.h"
#include "credence/base/csv.h"
#include "credence/base/text.h"

struct table {
    struct cr_reader *reader;
    size_t row_len;     // that every row must have
    bool is_header_due; // the next row is, or may be, the header
};

static bool is_headless(const struct cr_reader *reader) {
    return (reader->format->traits & CR_FORMAT_HEADLESS) != 0 &&
           reader->benchmark->columns.len == 0;
}

// Where COLUMN is in the header NAMES.
static enum cr_status find_column(struct cr_reader *reader,
                                  struct cr_item_column *column,
                                  const char *const *names, size_t len) {
    size_t found = 0;
    column->at = CR_COLUMN_ABSENT;
    for (size_t i = 0; i < len; i++) {
        // A name with '|' in it can only be the file's own.
        if (cr_bench_has_column(column->name, names[i]) ||
            strcmp(column->name, names[i]) == 0) {
            column->at = i;
            found++;
        }
    }
    if (found > 1) {
        return cr_reader_refuse(reader, "the column %s appears twice",
                                cr_reader_quote(reader, names[column->at]));
    }
    bool may_lack = column->is_own || (column->key == NULL && column->is_optional);
    return found == 1 || may_lack ? CR_OK
                                  : cr_reader_no_column(reader, column, names, len);
}

static enum cr_status read_header(struct table *table, const struct cr_csv_row *row) {
    struct cr_reader *reader = table->reader;
    const char **names =
        cr_arena_alloc(&reader->scratch, (row->fields_len + 1) * sizeof *names);
    struct cr_item_column *column = NULL;
    table->row_len = row->fields_len;
    for (size_t i = 0; names != NULL && i < row->fields_len; i++) {
        names[i] = cr_reader_trim(reader, row->fields[i]);
        if (names[i] == NULL) {
            return cr_reader_no_memory(reader);
        }
    }
    if (names == NULL) {
        return cr_reader_no_memory(reader);
    }
    enum cr_status status = CR_OK;
    cr_buf_clear(&reader->header);
    for (size_t i = 0; i < row->fields_len && status == CR_OK; i++) {
        status = cr_buf_add(&reader->header, names[i], strlen(names[i]) + 1);
    }
    status = status == CR_E_MEMORY ? cr_reader_no_memory(reader) : CR_OK;
    for (size_t i = 0;
         status == CR_OK && (column = cr_reader_column(reader, i)) != NULL; i++) {
        status = find_column(reader, column, names, row->fields_len);
    }
    return status;
}

// A file without a header has the format's columns in their order.
static enum cr_status number_columns(struct table *table) {
    struct cr_reader *reader = table->reader;
    struct cr_item_column *column = NULL;
    table->row_len = reader->fields_len;
    for (size_t i = 0; (column = cr_reader_column(reader, i)) != NULL; i++) {
        column->at = i < reader->fields_len ? i : CR_COLUMN_ABSENT;
        for (size_t k = 0; i >= reader->fields_len && k < reader->fields_len; k++) {
            column->at = cr_bench_has_column(reader->fields[k].name, column->name)
                             ? k
                             : column->at;
        }
        if (column->at == CR_COLUMN_ABSENT) {
            const char *names[CR_COLUMNS_MAX];
            for (size_t k = 0; k < reader->fields_len; k++) {
                names[k] = reader->fields[k].name;
            }
            return cr_reader_no_column(reader, column, names, reader->fields_len);
        }
    }
    return CR_OK;
}

// Whether ROW of a headless file does nothing but name the columns.
static bool is_stray_header(struct cr_reader *reader, const struct cr_csv_row *row) {
    bool is_header = row->fields_len == reader->fields_len;
    for (size_t i = 0; is_header && i < reader->fields_len; i++) {
        const char *name = cr_reader_trim(reader, row->fields[i]);
        is_header = name != NULL && cr_bench_has_column(reader->fields[i].name, name);
    }
    return is_header;
}

static enum cr_status read_first(struct table *table, const struct cr_csv_row *row,
                                 bool *is_item) {
    *is_item = false;
    if (!is_headless(table->reader)) {
        return read_header(table, row);
    }
    *is_item = !is_stray_header(table->reader, row);
    return number_columns(table);
}

static enum cr_status read_row(void *ctx, const struct cr_csv_row *row,
                               struct cr_err *err) {
    (void)err; // the reader's own
    struct table *table = ctx;
    struct cr_reader *reader = table->reader;
    bool is_item = true;
    enum cr_status status = CR_OK;
    reader->line = row->line;
    if (row->fields_len == 1 && row->fields_bytes[0] == 0) {
        return CR_OK; // a blank line
    }
    if (table->is_header_due) {
        table->is_header_due = false;
        status = read_first(table, row, &is_item);
    }
    if (status == CR_OK && is_item && row->fields_len != table->row_len) {
        status = cr_reader_refuse(reader, "a row of %zu column%s, expected %zu",
                                  row->fields_len, row->fields_len == 1 ? "" : "s",
                                  table->row_len);
    }
    if (status == CR_OK && is_item) {
        status =
            cr_reader_row(reader, &(struct cr_raw_item){.fields = row->fields}, NULL);
    }
    cr_arena_fini(&reader->scratch);
    return status;
}

static enum cr_status read_table(struct cr_reader *reader, bool has_tabs) {
    struct table table = {.reader = reader, .is_header_due = true};
    struct cr_csv_cfg cfg = {.name = reader->benchmark->path,
                             .delimiter = has_tabs ? '\t' : ',',
                             .is_lenient = has_tabs,
                             .row = read_row,
                             .ctx = &table};
    struct cr_csv *csv = NULL;
    const char *text = NULL;
    size_t bytes = 1;
    enum cr_status status = cr_csv_create(&cfg, &csv, reader->err);
    while (status == CR_OK && bytes > 0) {
        status = cr_source_next(reader->source, &text, &bytes, reader->err);
        if (status == CR_OK && bytes > 0) {
            status = cr_csv_feed(csv, text, bytes, reader->err);
        }
    }
    status = status == CR_OK ? cr_csv_finish(csv, reader->err) : status;
    cr_csv_destroy(csv);
    if (status != CR_E_FORMAT) {
        return status;
    }
    if (reader->err != NULL) {
        reader->err->status = CR_E_JOB; // its text names file and line already
    }
    return CR_E_JOB;
}

// The item's id: a text, or a whole number as people number things.
static enum cr_status read_id(struct cr_reader *reader, const struct cr_json *value,
                              const char *name, const char **id) {
    double number = cr_json_number(value, NAN);
    const char *text = cr_json_string(value);
    if (text != NULL) {
        *id = cr_reader_trim(reader, text);
    } else if (number >= 0 && number <= 9007199254740992.0 && number == floor(number)) {
        *id = cr_reader_text(reader, "%.0f", number);
    } else {
        return cr_reader_refuse(
            reader, "\"%s\" is %s, expected a string or a whole number", name,
            value != NULL ? cr_json_type_name(cr_json_type(value)) : "missing");
    }
    return *id != NULL ? cr_reader_check_id(reader, name, *id)
                       : cr_reader_no_memory(reader);
}

// The keys of the first object, for messages about columns.
static enum cr_status note_keys(struct cr_reader *reader,
                                const struct cr_json *object) {
    enum cr_status status = CR_OK;
    for (const struct cr_json *c = cr_json_first(object); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        status =
            cr_buf_add(&reader->header, cr_json_key(c), strlen(cr_json_key(c)) + 1);
    }
    return status == CR_E_MEMORY ? cr_reader_no_memory(reader) : CR_OK;
}

static enum cr_status read_object(struct cr_reader *reader,
                                  const struct cr_json *object) {
    const char *id = NULL;
    if (cr_json_type(object) != CR_JSON_OBJECT) {
        return cr_reader_refuse(
            reader, "the %s is %s, expected an object",
            cr_source_container(reader->source) == CR_CONTAINER_JSON_ARRAY ? "element"
                                                                           : "line",
            cr_json_type_name(cr_json_type(object)));
    }
    enum cr_status status =
        reader->header.used_bytes == 0 ? note_keys(reader, object) : CR_OK;
    if (status == CR_OK && (reader->format->traits & CR_FORMAT_JSON) != 0) {
        status = read_id(reader, cr_json_get(object, "id"), "id", &id);
    }
    return status != CR_OK
               ? status
               : cr_reader_row(reader, &(struct cr_raw_item){.object = object}, id);
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

static enum cr_status parse_object(struct cr_reader *reader, const char *text,
                                   size_t bytes) {
    struct cr_json *object = NULL;
    struct cr_err why = {0};
    struct cr_json_limits limits = {.max_bytes = CR_BENCH_LINE_MAX,
                                    .max_depth = CR_BENCH_DEPTH_MAX};
    enum cr_status status = cr_json_read(text, bytes, limits, &object, &why);
    if (status == CR_E_MEMORY) {
        return cr_reader_no_memory(reader);
    }
    if (status != CR_OK) { // "1:COLUMN: what"
        bool is_one_line = strncmp(why.text, "1:", 2) == 0;
        bool is_cut = strstr(why.text, "unexpected end") != NULL;
        return cr_reader_refuse(reader, "not a JSON object: column %s%s",
                                is_one_line ? why.text + 2 : why.text,
                                is_cut ? ", expected a whole object on each line" : "");
    }
    status = check_keys(reader, text, bytes);
    if (status == CR_OK) {
        status = read_object(reader, object);
    }
    cr_json_free(object);
    cr_arena_fini(&reader->scratch);
    return status;
}

static bool is_blank(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static enum cr_status take_object(struct cr_reader *reader, struct cr_buf *object) {
    enum cr_status status = CR_OK;
    if (object->used_bytes > 0 && !is_blank(object->data, object->used_bytes)) {
        status = parse_object(reader, object->data, object->used_bytes);
    }
    cr_buf_clear(object);
    return status;
}

static enum cr_status add_part(struct cr_reader *reader, struct cr_buf *object,
                               const char *text, size_t bytes) {
    enum cr_status status = cr_buf_add(object, text, bytes);
    if (status == CR_E_LIMIT) {
        return cr_reader_refuse(reader, "an object of more than %d bytes",
                                CR_BENCH_LINE_MAX);
    }
    return status == CR_OK ? CR_OK : cr_reader_no_memory(reader);
}

static enum cr_status read_lines(struct cr_reader *reader) {
    struct cr_buf line;
    const char *text = NULL;
    size_t bytes = 1;
    enum cr_status status = CR_OK;
    cr_buf_init(&line, CR_BENCH_LINE_MAX);
    reader->line = 1;
    while (status == CR_OK && bytes > 0) {
        status = cr_source_next(reader->source, &text, &bytes, reader->err);
        for (size_t at = 0; status == CR_OK && at < bytes;) {
            const char *stop = memchr(text + at, '\n', bytes - at);
            size_t part = (stop != NULL ? (size_t)(stop - text) : bytes) - at;
            status = add_part(reader, &line, text + at, part);
            at += part + (stop != NULL);
            if (status == CR_OK && stop != NULL) {
                status = take_object(reader, &line);
                reader->line += status == CR_OK;
            }
        }
    }
    status = status == CR_OK ? take_object(reader, &line) : status;
    cr_buf_fini(&line);
    return status;
}

// Where an array's text is: how deep, and whether inside a string.
struct array {
    struct cr_buf element;
    unsigned depth;
    bool is_string, is_escape, has_ended;
    uint64_t line; // of the next character
};

static void step(struct array *array, char c) {
    if (array->is_string) {
        array->is_string = array->is_escape || c != '"';
        array->is_escape = !array->is_escape && c == '\\';
        return;
    }
    array->is_string = c == '"';
    array->depth += c == '{' || c == '[';
    array->depth -= c == '}' || c == ']';
}

static enum cr_status end_element(struct cr_reader *reader, struct array *array,
                                  bool is_last) {
    struct cr_buf *element = &array->element;
    if (element->used_bytes > 0 && !is_blank(element->data, element->used_bytes)) {
        return take_object(reader, element);
    }
    cr_buf_clear(element);
    reader->line = array->line;
    return is_last && reader->rows == 0
               ? CR_OK
               : cr_reader_refuse(reader, "an empty element, expected "
                                          "an object");
}

// One character that may end an element; others are passed over in runs.
static enum cr_status read_mark(struct cr_reader *reader, struct array *array, char c) {
    bool was_outside = array->depth == 0, was_string = array->is_string;
    if (array->has_ended || (was_outside && c != '[')) {
        bool is_space = strchr(" \t\r\n", c) != NULL;
        reader->line = array->line;
        array->line += c == '\n';
        return is_space ? CR_OK
                        : cr_reader_refuse(reader, "text behind the end of the array");
    }
    step(array, c);
    if (was_outside) {
        return CR_OK;
    }
    array->has_ended = array->depth == 0;
    if (array->has_ended && c != ']') {
        reader->line = array->line;
        return cr_reader_refuse(reader, "'%c' without its beginning, expected ']'", c);
    }
    if (array->has_ended || (array->depth == 1 && c == ',' && !was_string)) {
        return end_element(reader, array, array->has_ended);
    }
    if (array->element.used_bytes == 0) {
        reader->line = array->line;
    }
    array->line += c == '\n';
    bool is_lead = array->element.used_bytes == 0 && strchr(" \t\r\n", c) != NULL;
    return is_lead ? CR_OK : add_part(reader, &array->element, &c, 1);
}

// How many characters from TEXT on neither end nor begin anything.
static size_t plain_bytes(const struct array *array, const char *text, size_t bytes) {
    const char *marks = array->is_string ? "\"\\\n" : "\"{}[],\n";
    size_t len = 0;
    if (array->depth == 0 || array->element.used_bytes == 0 || array->is_escape) {
        return 0;
    }
    while (len < bytes && strchr(marks, text[len]) == NULL) {
        len++;
    }
    return len;
}

static enum cr_status read_piece(struct cr_reader *reader, struct array *array,
                                 const char *text, size_t bytes) {
    enum cr_status status = CR_OK;
    for (size_t at = 0; at < bytes && status == CR_OK;) {
        size_t plain = plain_bytes(array, text + at, bytes - at);
        if (plain > 0) {
            status = add_part(reader, &array->element, text + at, plain);
            at += plain;
        } else {
            status = read_mark(reader, array, text[at++]);
        }
    }
    return status;
}

static enum cr_status read_array(struct cr_reader *reader) {
    struct array array = {.line = 1};
    const char *text = NULL;
    size_t bytes = 1;
    enum cr_status status = CR_OK;
    cr_buf_init(&array.element, CR_BENCH_LINE_MAX);
    while (status == CR_OK && bytes > 0) {
        status = cr_source_next(reader->source, &text, &bytes, reader->err);
        status = status == CR_OK ? read_piece(reader, &array, text, bytes) : status;
    }
    if (status == CR_OK && !array.has_ended) {
        reader->line = array.line;
        status = cr_reader_refuse(reader, "the array never ends, expected ']'");
    }
    cr_buf_fini(&array.element);
    return status;
}

enum cr_status cr_reader_rows(struct cr_reader *reader) {
    switch (cr_source_container(reader->source)) {
    case CR_CONTAINER_JSON_ARRAY:
        return read_array(reader);
    case CR_CONTAINER_JSON_LINES:
        return read_lines(reader);
    default:
        return (reader->format->traits & CR_FORMAT_JSON) != 0
                   ? read_lines(reader)
                   : read_table(reader, cr_source_container(reader->source) ==
                                            CR_CONTAINER_TSV);
    }
}
