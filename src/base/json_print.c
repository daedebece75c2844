// json_print.c - trees as text. Strings are printed by cJSON; numbers are not, because
// cJSON may print one that reads back to a neighbour of what it was.
#include "credence/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/text.h"

static enum cr_status add_indent(struct cr_buf *out, bool indent, unsigned depth) {
    return indent ? cr_buf_printf(out, "\n%*s", (int)depth * 2, "") : CR_OK;
}

static enum cr_status print_value(const cJSON *item, bool indent, unsigned depth,
                                  struct cr_buf *out);

static enum cr_status print_children(const cJSON *parent, bool indent, unsigned depth,
                                     struct cr_buf *out) {
    bool is_object = cJSON_IsObject(parent);
    enum cr_status status = cr_buf_add_text(out, is_object ? "{" : "[");
    for (const cJSON *c = parent->child; c && !status; c = c->next) {
        status = add_indent(out, indent, depth + 1);
        if (!status && is_object) {
            status = cr_json_add_quoted(out, c->string, strlen(c->string));
        }
        if (!status && is_object) {
            status = cr_buf_add_text(out, indent ? ": " : ":");
        }
        if (!status) {
            status = print_value(c, indent, depth + 1, out);
        }
        if (!status && c->next) {
            status = cr_buf_add_text(out, ",");
        }
    }
    if (!status && parent->child) {
        status = add_indent(out, indent, depth);
    }
    return status ? status : cr_buf_add_text(out, is_object ? "}" : "]");
}

static enum cr_status print_value(const cJSON *item, bool indent, unsigned depth,
                                  struct cr_buf *out) {
    switch (cr_json_type((const struct cr_json *)item)) {
    case CR_JSON_BOOL:
        return cr_buf_add_text(out, cJSON_IsTrue(item) ? "true" : "false");
    case CR_JSON_NUMBER:
        return cr_json_add_number(out, item->valuedouble);
    case CR_JSON_STRING:
        return cr_json_add_quoted(out, item->valuestring, strlen(item->valuestring));
    case CR_JSON_ARRAY:
    case CR_JSON_OBJECT:
        return print_children(item, indent, depth, out);
    default:
        return cr_buf_add_text(out, "null");
    }
}

enum cr_status cr_json_print(const struct cr_json *value, bool indent,
                             struct cr_buf *out) {
    size_t before = out->used_bytes;
    enum cr_status status = print_value((const cJSON *)value, indent, 0, out);
    if (status && out->data) {
        out->used_bytes = before;
        out->data[before] = '\0';
    }
    return status;
}

// The bytes that TEXT takes as a literal, quotes included, as cJSON writes it.
static size_t quoted_bytes(const char *text, size_t bytes) {
    size_t total = bytes + 2;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\' || (c < 0x20 && strchr("\b\f\n\r\t", c))) {
            total += 1;
        } else if (c < 0x20) {
            total += 5;
        }
    }
    return total;
}

// TEXT must be a C string of BYTES bytes.
static enum cr_status add_literal(struct cr_buf *out, const char *text, size_t bytes) {
    enum { CJSON_SLACK = 5 }; // cJSON asks for this much more than it writes
    size_t total = quoted_bytes(text, bytes);
    if (total > INT_MAX - CJSON_SLACK) {
        return CR_E_LIMIT;
    }
    enum cr_status status = cr_buf_reserve(out, total + CJSON_SLACK);
    if (status) {
        return status;
    }
    cJSON item = {.type = cJSON_String, .valuestring = (char *)text};
    char *at = out->data + out->used_bytes;
    bool is_printed =
        cJSON_PrintPreallocated(&item, at, (int)(total + CJSON_SLACK), 0) != 0;
    assert(is_printed && at[total] == '\0' && at[total - 1] == '"');
    (void)is_printed;
    out->used_bytes += total;
    return CR_OK;
}

enum cr_status cr_json_add_quoted(struct cr_buf *out, const char *text, size_t bytes) {
    struct cr_buf copy;
    cr_buf_init(&copy, SIZE_MAX);
    enum cr_status status = memchr(text, '\0', bytes)
                                ? cr_text_add_utf8(&copy, text, bytes)
                                : cr_buf_add(&copy, text, bytes);
    if (!status) {
        status = add_literal(out, copy.data, copy.used_bytes);
    }
    cr_buf_fini(&copy);
    return status;
}

enum cr_status cr_json_add_number(struct cr_buf *out, double number) {
    if (!isfinite(number)) {
        return cr_buf_add_text(out, "null");
    }
    if (fabs(number) < 0x1p53 && number == floor(number)) {
        return cr_buf_printf(out, "%.0f", number);
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    return cr_buf_add_text(out, text);
}
