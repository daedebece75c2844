// json_print.c - trees as text. cJSON holds the tree; it does not print it: its numbers
// may read back to a neighbour of what they were, and it goes over strings twice.
#include "credence/base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"

static enum cr_status add_indent(struct cr_buf *out, bool indent, unsigned depth) {
    return indent ? cr_buf_printf(out, "\n%*s", (int)depth * 2, "") : CR_OK;
}

static enum cr_status print_value(const cJSON *item, bool indent, unsigned depth,
                                  struct cr_buf *out);

static enum cr_status print_children(const cJSON *parent, bool indent, unsigned depth,
                                     struct cr_buf *out) {
    bool is_object = cJSON_IsObject(parent);
    enum cr_status status = cr_buf_add_text(out, is_object ? "{" : "[");
    for (const cJSON *c = parent->child; c != NULL && status == CR_OK; c = c->next) {
        status = add_indent(out, indent, depth + 1);
        if (status == CR_OK && is_object) {
            status = cr_json_add_quoted(out, c->string, strlen(c->string));
        }
        if (status == CR_OK && is_object) {
            status = cr_buf_add_text(out, indent ? ": " : ":");
        }
        if (status == CR_OK) {
            status = print_value(c, indent, depth + 1, out);
        }
        if (status == CR_OK && c->next != NULL) {
            status = cr_buf_add_text(out, ",");
        }
    }
    if (status == CR_OK && parent->child != NULL) {
        status = add_indent(out, indent, depth);
    }
    return status != CR_OK ? status : cr_buf_add_text(out, is_object ? "}" : "]");
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
    if (status != CR_OK && out->data != NULL) {
        out->used_bytes = before;
        out->data[before] = '\0';
    }
    return status;
}

// What stands for C in a literal, as cJSON prints it; each is asked for once.
static const char *escape_of(unsigned char c) {
    enum { ESCAPES = '\\' + 1, LITERAL_MAX = 16 }; // cJSON wants more room than it uses
    static char escapes[ESCAPES][LITERAL_MAX];
    if (c == '\0') {
        return "\xef\xbf\xbd";
    }
    if (!escapes[c][0]) {
        char text[] = {(char)c, '\0'}, literal[LITERAL_MAX];
        cJSON item = {.type = cJSON_String, .valuestring = text};
        bool is_printed = cJSON_PrintPreallocated(&item, literal, LITERAL_MAX, 0) != 0;
        assert(is_printed && literal[0] == '"');
        (void)is_printed;
        memcpy(escapes[c], literal + 1, strlen(literal) - 2);
    }
    return escapes[c];
}

static enum cr_status add_literal(struct cr_buf *out, const char *text, size_t bytes) {
    enum cr_status status = cr_buf_add(out, "\"", 1);
    for (size_t i = 0; i < bytes && status == CR_OK; i++) {
        size_t plain = cr_json_plain_bytes(text + i, bytes - i);
        status = cr_buf_add(out, text + i, plain);
        i += plain;
        if (i < bytes && status == CR_OK) {
            status = cr_buf_add_text(out, escape_of((unsigned char)text[i]));
        }
    }
    return status != CR_OK ? status : cr_buf_add(out, "\"", 1);
}

// Every chat that is sent and every reply that is kept passes here, so the text is
// looked at once and copied once; cJSON by itself looks twice and wants a copy that
// ends with a NUL.
enum cr_status cr_json_add_quoted(struct cr_buf *out, const char *text, size_t bytes) {
    size_t before = out->used_bytes;
    enum cr_status status = cr_buf_reserve(out, bytes + 2);
    status = status != CR_OK ? status : add_literal(out, text, bytes);
    if (status != CR_OK && out->data != NULL) {
        out->used_bytes = before;
        out->data[before] = '\0';
    }
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
