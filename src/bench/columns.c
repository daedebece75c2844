// The columns that are looked up in every item: what the format reads, what the job keeps,
// filters, clusters and stratifies by. In a CSV file each is found once, in the header;
// in JSON by its path in every object.
#include <stdio.h>
#include <string.h>

#include "bench/reader.h"
#include "credence/base/text.h"

bool cr_bench_has_column(const char *names, const char *name) {
    size_t len = strlen(name);
    while (*names != '\0') {
        size_t bytes = strcspn(names, "|");
        if (bytes == len && memcmp(names, name, len) == 0) {
            return true;
        }
        names += bytes + (names[bytes] == '|');
    }
    return false;
}

struct cr_item_column *cr_reader_column(struct cr_reader *reader, size_t index) {
    struct cr_item_column *const lists[] = {reader->fields,   reader->where,
                                            reader->keep,     reader->cluster,
                                            reader->stratify, reader->ids};
    const size_t lens[] = {reader->fields_len,       reader->where_len,
                           reader->keep_len,         reader->cluster != NULL,
                           reader->stratify != NULL, reader->ids != NULL};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        if (index < lens[i]) {
            return &lists[i][index];
        }
        index -= lens[i];
    }
    return NULL;
}

enum cr_status cr_reader_no_column(struct cr_reader *reader,
                                   const struct cr_item_column *column,
                                   const char *const *names, size_t names_len) {
    const char *first =
        cr_reader_text(reader, "%.*s", (int)strcspn(column->name, "|"), column->name);
    const char *nearest =
        first != NULL ? cr_text_nearest(first, names, names_len) : NULL;
    const char *all = "";
    for (size_t i = 0; all != NULL && i < names_len; i++) {
        all = cr_reader_text(reader, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
    }
    if (first == NULL || all == NULL) {
        return cr_reader_no_memory(reader);
    }
    return cr_reader_refuse(
        reader, "no column \"%s\"%s%s%s%s%s%s; the columns are: %.600s", first,
        column->key != NULL ? " (" : "", column->key != NULL ? column->key : "",
        column->key != NULL ? ")" : "", nearest != NULL ? ", did you mean \"" : "",
        nearest != NULL ? nearest : "", nearest != NULL ? "\"" : "", all);
}

enum cr_status cr_item_column_refuse_absent(struct cr_reader *reader,
                                            const struct cr_item_column *column) {
    const char *names[CR_COLUMNS_MAX];
    size_t len = 0;
    for (size_t at = 0; at < reader->header.used_bytes && len < CR_COLUMNS_MAX;) {
        names[len++] = reader->header.data + at;
        at += strlen(names[len - 1]) + 1;
    }
    return cr_reader_no_column(reader, column, names, len);
}

// The value as a text: strings as they are, others as JSON; NULL for null.
static enum cr_status value_text(struct cr_reader *reader, const struct cr_json *value,
                                 const char **out) {
    *out = NULL;
    if (value == NULL || cr_json_type(value) == CR_JSON_NULL) {
        return CR_OK;
    }
    if (cr_json_string(value) != NULL) {
        *out = cr_reader_trim(reader, cr_json_string(value));
        return *out != NULL ? CR_OK : cr_reader_no_memory(reader);
    }
    struct cr_buf text;
    cr_buf_init(&text, 8 * (size_t)CR_BENCH_LINE_MAX);
    enum cr_status status = cr_json_print(value, false, &text);
    if (status == CR_OK) {
        *out = cr_arena_strndup(&reader->scratch, text.data, text.used_bytes);
    }
    cr_buf_fini(&text);
    return *out != NULL ? CR_OK : cr_reader_no_memory(reader);
}

static const struct cr_json *member_at(const struct cr_json *object,
                                       const char *names) {
    char name[256];
    const struct cr_json *value = NULL;
    while (value == NULL && *names != '\0') {
        size_t bytes = strcspn(names, "|");
        if (bytes < sizeof name) {
            memcpy(name, names, bytes);
            name[bytes] = '\0';
            value = cr_json_get_path(object, name);
        }
        names += bytes + (names[bytes] == '|');
    }
    return value;
}

enum cr_status cr_item_column_text(struct cr_reader *reader,
                                   const struct cr_raw_item *item,
                                   struct cr_item_column *column, const char **out) {
    *out = NULL;
    if (item->object == NULL) {
        if (column->at == CR_COLUMN_ABSENT) {
            return CR_OK;
        }
        *out = cr_reader_trim(reader, item->fields[column->at]);
        if (*out == NULL) {
            return cr_reader_no_memory(reader);
        }
    } else {
        const struct cr_json *value = member_at(item->object, column->name);
        column->is_met = column->is_met || value != NULL;
        enum cr_status status = value_text(reader, value, out);
        if (status != CR_OK) {
            return status;
        }
    }
    if (*out != NULL && **out == '\0') {
        *out = NULL;
    }
    return CR_OK;
}

enum cr_status cr_item_column_refuse_empty(struct cr_reader *reader,
                                           const struct cr_raw_item *item,
                                           const struct cr_item_column *column) {
    int bytes = (int)strcspn(column->name, "|");
    if (item->object != NULL && member_at(item->object, column->name) == NULL) {
        return cr_reader_refuse(reader, "\"%.*s\" is missing, expected a text", bytes,
                                column->name);
    }
    return cr_reader_refuse(reader, "nothing in column \"%.*s\", expected a text",
                            bytes, column->name);
}

static struct cr_item_column *new_columns(struct cr_reader *reader, size_t len) {
    size_t bytes = (len + 1) * sizeof(struct cr_item_column);
    struct cr_item_column *columns = cr_arena_alloc(&reader->names, bytes);
    if (columns != NULL) {
        memset(columns, 0, bytes);
    }
    return columns;
}

// KEY "." NAME, as the job says it.
static const char *key_of(struct cr_reader *reader, const char *key, const char *name) {
    char text[300];
    snprintf(text, sizeof text, "%s.%.200s", key, name);
    return cr_arena_strdup(&reader->names, text);
}

// The columns that the format reads: its own, each under another name if the job says
// so, or those of the job's mapping, one after the other.
static enum cr_status make_fields(struct cr_reader *reader) {
    const struct cr_bindings *mapping = &reader->benchmark->columns;
    const struct cr_format_column *own = reader->format->columns;
    bool is_mapped = reader->format->traits & CR_FORMAT_MAPPED;
    reader->fields = new_columns(reader, CR_COLUMNS_MAX);
    for (size_t i = 0; reader->fields != NULL && !is_mapped && own[i].name != NULL;
         i++) {
        reader->fields[reader->fields_len++] = (struct cr_item_column){
            .name = own[i].name, .is_optional = own[i].is_optional};
    }
    for (uint32_t m = 0; reader->fields != NULL && m < mapping->len; m++) {
        const struct cr_binding *binding = &mapping->at[m];
        const char *key = key_of(reader, "columns", binding->name);
        for (uint32_t v = 0; is_mapped && v < binding->values_len; v++) {
            reader->fields[reader->fields_len++] = (struct cr_item_column){
                .key = key, .name = binding->values[v], .is_optional = true};
        }
        for (size_t i = 0; !is_mapped && i < reader->fields_len; i++) {
            if (cr_bench_has_column(own[i].name, binding->name)) {
                reader->fields[i].key = key;
                reader->fields[i].name = binding->values[0];
            }
        }
    }
    return reader->fields != NULL ? CR_OK : cr_reader_no_memory(reader);
}

enum cr_status cr_reader_make_columns(struct cr_reader *reader) {
    const struct cr_benchmark *benchmark = reader->benchmark;
    const struct cr_format_kept *kept = reader->format->kept;
    reader->where = new_columns(reader, benchmark->where.len);
    reader->keep = new_columns(reader, CR_KEEP_MAX);
    struct cr_item_column *others = new_columns(reader, 3);
    if (reader->where == NULL || reader->keep == NULL || others == NULL) {
        return cr_reader_no_memory(reader);
    }
    for (uint32_t i = 0; i < benchmark->where.len; i++) {
        const char *name = benchmark->where.at[i].name;
        reader->where[reader->where_len++] = (struct cr_item_column){
            .key = key_of(reader, "where", name), .name = name, .is_optional = true};
    }
    for (uint32_t i = 0; i < benchmark->keep.len; i++) {
        reader->keep[reader->keep_len++] = (struct cr_item_column){
            .key = key_of(reader, "keep", benchmark->keep.at[i].name),
            .name = benchmark->keep.at[i].values[0],
            .is_optional = true};
    }
    for (size_t i = 0; kept[i].name != NULL && reader->keep_len < CR_KEEP_MAX; i++) {
        reader->keep[reader->keep_len++] =
            (struct cr_item_column){.key = kept[i].name,
                                    .name = kept[i].columns,
                                    .is_optional = true,
                                    .is_own = true};
    }
    if (benchmark->cluster != NULL) {
        others[0] =
            (struct cr_item_column){.key = "cluster", .name = benchmark->cluster};
        reader->cluster = &others[0];
    }
    if (benchmark->stratify != NULL) {
        others[1] = (struct cr_item_column){
            .key = "stratify", .name = benchmark->stratify, .is_optional = true};
        reader->stratify = &others[1];
    }
    for (uint32_t i = 0; i < benchmark->columns.len; i++) {
        bool is_id = (reader->format->traits & CR_FORMAT_MAPPED) != 0 &&
                     strcmp(benchmark->columns.at[i].name, "id") == 0;
        if (is_id) {
            others[2] = (struct cr_item_column){
                .key = "columns.id", .name = benchmark->columns.at[i].values[0]};
            reader->ids = &others[2];
        }
    }
    return make_fields(reader);
}
