// json.c - trees of JSON values: the only door to cJSON.
//
// cJSON is a good parser with a few habits that this file evens out: it recurses before
// it counts (so depth is checked on the text first), it cuts strings at \u0000 and
// refuses lone surrogates (both become U+FFFD), it does not say whether memory ran out
// (its allocations are watched), and what it prints is neither exact nor cheap: its
// numbers may read back to a neighbour of what they were, and it goes over strings
// twice. So trees are printed here.
#include "credence/base/json.h"

#include <assert.h>
#include <cJSON.h>
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "json_block.h"
#include "json_text.h"

const char *cr_json_version(void) {
    return cJSON_Version();
}

static bool memory_ran_out;

static void *watched_malloc(size_t bytes) {
    void *block = cr_malloc(bytes);
    memory_ran_out = memory_ran_out || block == NULL;
    return block;
}

// Called at each function that may allocate.
static void hook(void) {
    static bool is_hooked;
    if (!is_hooked) {
        cJSON_Hooks hooks = {watched_malloc, cr_free};
        cJSON_InitHooks(&hooks);
        is_hooked = true;
    }
    memory_ran_out = false;
}

static cJSON *tree(const struct cr_json *value) {
    return (cJSON *)value;
}

static struct cr_json *wrap(cJSON *item) {
    return (struct cr_json *)item;
}

// Hand TEXT to cJSON; *end_bytes is where the value, or what is wrong, ended.
static cJSON *parse_plain(const char *text, size_t bytes, size_t *end_bytes) {
    const char *end = text;
    cJSON *item = cJSON_ParseWithLengthOpts(text, bytes, &end, 0);
    *end_bytes = end != NULL ? (size_t)(end - text) : 0;
    return item;
}

static cJSON *parse_mended(const char *text, size_t bytes, size_t *end_bytes) {
    char *copy = watched_malloc(bytes + 1);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    cr_json_mend_escapes(copy, bytes);
    cJSON *item = parse_plain(copy, bytes, end_bytes);
    cr_free(copy);
    return item;
}

static enum cr_status fault_at(struct cr_err *err, enum cr_status status,
                               const char *text, size_t at, const char *what) {
    unsigned line;
    unsigned column;
    cr_json_place(text, at, &line, &column);
    return cr_err_set(err, status, "%u:%u: %s", line, column, what);
}

static enum cr_status unexpected(struct cr_err *err, const char *text, size_t bytes,
                                 size_t at) {
    while (at < bytes && (unsigned char)text[at] <= ' ' && text[at] != '\0') {
        at++;
    }
    if (at >= bytes) {
        return fault_at(err, CR_E_FORMAT, text, bytes, "unexpected end of the text");
    }
    char what[64];
    unsigned char c = (unsigned char)text[at];
    const char *fmt =
        c > ' ' && c < 0x7f ? "unexpected '%c'" : "unexpected byte 0x%02x";
    snprintf(what, sizeof what, fmt, c);
    return fault_at(err, CR_E_FORMAT, text, at, what);
}

#define NO_MEMORY "out of memory while reading JSON"

struct parsed {
    cJSON *item;
    size_t end_bytes; // where the value ended in the text
};

static unsigned depth_of(struct cr_json_limits limits) {
    return limits.max_depth < CJSON_NESTING_LIMIT ? limits.max_depth
                                                  : CJSON_NESTING_LIMIT - 1;
}

static enum cr_status parse(const char *text, size_t bytes,
                            struct cr_json_limits limits, struct parsed *out,
                            struct cr_err *err) {
    if (bytes > limits.max_bytes) {
        return cr_err_set(err, CR_E_LIMIT, "larger than %zu bytes", limits.max_bytes);
    }
    struct cr_json_scan scan = cr_json_scan(text, bytes, depth_of(limits));
    if (scan.fault != NULL) {
        return fault_at(err, scan.status, text, scan.fault_at, scan.fault);
    }
    const char *nul = memchr(text, '\0', scan.end_bytes);
    if (nul != NULL) {
        return fault_at(err, CR_E_FORMAT, text, (size_t)(nul - text), "a NUL byte");
    }
    hook();
    out->item = scan.has_units ? parse_mended(text, scan.end_bytes, &out->end_bytes)
                               : parse_plain(text, scan.end_bytes, &out->end_bytes);
    if (out->item != NULL) {
        return CR_OK;
    }
    if (memory_ran_out) {
        return cr_err_set(err, CR_E_MEMORY, NO_MEMORY);
    }
    // cJSON points at the last byte when it wanted one more.
    bool is_cut = scan.is_open && out->end_bytes + 1 >= bytes;
    return unexpected(err, text, bytes, is_cut ? bytes : out->end_bytes);
}

enum cr_status cr_json_parse(const char *text, size_t bytes,
                             struct cr_json_limits limits, struct cr_json **out,
                             struct cr_err *err) {
    struct parsed parsed = {0};
    enum cr_status status = parse(text, bytes, limits, &parsed, err);
    if (status != CR_OK) {
        return status;
    }
    size_t end = parsed.end_bytes;
    while (end < bytes && text[end] && strchr(" \t\r\n", text[end]) != NULL) {
        end++;
    }
    if (end < bytes) {
        cJSON_Delete(parsed.item);
        return unexpected(err, text, bytes, end);
    }
    *out = wrap(parsed.item);
    return CR_OK;
}

enum cr_status cr_json_read(const char *text, size_t bytes,
                            struct cr_json_limits limits, struct cr_json **out,
                            struct cr_err *err) {
    enum cr_status status = bytes <= limits.max_bytes
                                ? cr_json_block_read(text, bytes, depth_of(limits), out)
                                : CR_E_FORMAT;
    if (status == CR_E_FORMAT) {
        return cr_json_parse(text, bytes, limits, out, err);
    }
    return status == CR_OK ? CR_OK : cr_err_set(err, status, NO_MEMORY);
}

enum cr_status cr_json_parse_prefix(const char *text, size_t bytes,
                                    struct cr_json_limits limits, struct cr_json **out,
                                    size_t *end_bytes) {
    struct parsed parsed = {0};
    enum cr_status status = parse(text, bytes, limits, &parsed, NULL);
    if (status == CR_OK) {
        *out = wrap(parsed.item);
        *end_bytes = parsed.end_bytes;
    }
    return status;
}

void cr_json_free(struct cr_json *root) {
    if (cr_json_is_in_block(root)) {
        cr_json_block_free(root);
        return;
    }
    hook();
    cJSON_Delete(tree(root));
}

enum cr_json_type cr_json_type(const struct cr_json *value) {
    if (value == NULL) {
        return CR_JSON_NULL;
    }
    switch (tree(value)->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        return CR_JSON_BOOL;
    case cJSON_Number:
        return CR_JSON_NUMBER;
    case cJSON_String:
        return CR_JSON_STRING;
    case cJSON_Array:
        return CR_JSON_ARRAY;
    case cJSON_Object:
        return CR_JSON_OBJECT;
    default:
        return CR_JSON_NULL;
    }
}

const char *cr_json_type_name(enum cr_json_type type) {
    static const char *const names[] = {
        [CR_JSON_NULL] = "null",       [CR_JSON_BOOL] = "true or false",
        [CR_JSON_NUMBER] = "a number", [CR_JSON_STRING] = "a string",
        [CR_JSON_ARRAY] = "an array",  [CR_JSON_OBJECT] = "an object",
    };
    return names[type];
}

const struct cr_json *cr_json_get(const struct cr_json *value, const char *key) {
    if (!cJSON_IsObject(tree(value))) {
        return NULL;
    }
    // A reply is asked for 50 members, most of which it has not.
    cJSON *at = tree(value)->child;
    while (at != NULL && (at->string[0] != key[0] || strcmp(at->string, key) != 0)) {
        at = at->next;
    }
    return wrap(at);
}

const struct cr_json *cr_json_first(const struct cr_json *value) {
    return value != NULL ? wrap(tree(value)->child) : NULL;
}

const struct cr_json *cr_json_next(const struct cr_json *child) {
    return wrap(tree(child)->next);
}

const char *cr_json_key(const struct cr_json *child) {
    return tree(child)->string;
}

size_t cr_json_len(const struct cr_json *value) {
    size_t len = 0;
    for (const struct cr_json *c = cr_json_first(value); c != NULL;
         c = cr_json_next(c)) {
        len++;
    }
    return len;
}

const char *cr_json_string(const struct cr_json *value) {
    return cJSON_IsString(tree(value)) ? tree(value)->valuestring : NULL;
}

double cr_json_number(const struct cr_json *value, double fallback) {
    return cJSON_IsNumber(tree(value)) ? tree(value)->valuedouble : fallback;
}

bool cr_json_bool(const struct cr_json *value, bool fallback) {
    return cJSON_IsBool(tree(value)) ? cJSON_IsTrue(tree(value)) != 0 : fallback;
}

struct cr_json *cr_json_new_object(void) {
    hook();
    return wrap(cJSON_CreateObject());
}

struct cr_json *cr_json_new_array(void) {
    hook();
    return wrap(cJSON_CreateArray());
}

struct cr_json *cr_json_new_string(const char *text) {
    hook();
    return wrap(cJSON_CreateString(text));
}

struct cr_json *cr_json_new_bool(bool truth) {
    hook();
    return wrap(cJSON_CreateBool(truth));
}

struct cr_json *cr_json_new_number(double number) {
    hook();
    return wrap(cJSON_CreateNumber(number));
}

struct cr_json *cr_json_copy(const struct cr_json *value) {
    hook();
    return wrap(cJSON_Duplicate(tree(value), 1));
}

// Put CHILD in the place of OLD. The key's storage moves over, so nothing can fail.
static void replace(cJSON *parent, cJSON *old, cJSON *child) {
    cr_free(child->string);
    child->string = old->string;
    old->string = NULL;
    cJSON_ReplaceItemViaPointer(parent, old, child);
}

enum cr_status cr_json_put(struct cr_json *object, const char *key,
                           struct cr_json *child_taken) {
    assert(!cr_json_is_in_block(object) && !cr_json_is_in_block(child_taken));
    hook();
    if (object == NULL || child_taken == NULL) {
        cJSON_Delete(tree(child_taken));
        return CR_E_MEMORY;
    }
    cJSON *old = tree(cr_json_get(object, key));
    if (old != NULL) {
        replace(tree(object), old, tree(child_taken));
        return CR_OK;
    }
    if (!cJSON_AddItemToObject(tree(object), key, tree(child_taken))) {
        cJSON_Delete(tree(child_taken));
        return CR_E_MEMORY;
    }
    return CR_OK;
}

enum cr_status cr_json_append(struct cr_json *object, const char *key,
                              struct cr_json *child_taken) {
    assert(!cr_json_is_in_block(object) && !cr_json_is_in_block(child_taken));
    hook();
    if (object == NULL || child_taken == NULL ||
        !cJSON_AddItemToObject(tree(object), key, tree(child_taken))) {
        cJSON_Delete(tree(child_taken));
        return CR_E_MEMORY;
    }
    return CR_OK;
}

enum cr_status cr_json_push(struct cr_json *array, struct cr_json *child_taken) {
    assert(!cr_json_is_in_block(array) && !cr_json_is_in_block(child_taken));
    hook();
    if (array == NULL || child_taken == NULL) {
        cJSON_Delete(tree(child_taken));
        return CR_E_MEMORY;
    }
    cJSON_AddItemToArray(tree(array), tree(child_taken));
    return CR_OK;
}

void cr_json_remove(struct cr_json *object, const char *key) {
    assert(!cr_json_is_in_block(object));
    hook();
    cJSON_DeleteItemFromObjectCaseSensitive(tree(object), key);
}

// One step along *path from PARENT: the member or element it names, or NULL. Of several
// keys that fit ("stop", "stop.threshold") the longest is meant. *path moves on if
// found.
static cJSON *step(const cJSON *parent, const char **path) {
    cJSON *found = NULL;
    size_t longest = 0;
    size_t index = SIZE_MAX;
    if (cJSON_IsArray(parent)) {
        char *end;
        bool is_index = **path == '[' && isdigit((unsigned char)(*path)[1]);
        unsigned long n = is_index ? strtoul(*path + 1, &end, 10) : ULONG_MAX;
        if (!is_index || *end != ']') {
            return NULL;
        }
        index = n;
        longest = (size_t)(end + 1 - *path);
    }
    size_t at = 0;
    for (cJSON *c = parent->child; c != NULL; c = c->next, at++) {
        size_t match = c->string != NULL
                           ? cr_json_path_match(*path, c->string, strlen(c->string))
                           : 0;
        if (index == SIZE_MAX ? match > longest : at == index) {
            longest = index == SIZE_MAX ? match : longest;
            found = c;
        }
    }
    if (found != NULL) {
        *path += longest;
        *path += **path == '.';
    }
    return found;
}

const struct cr_json *cr_json_get_path(const struct cr_json *root, const char *path) {
    const cJSON *at = tree(root);
    while (at != NULL && *path) {
        at = step(at, &path);
    }
    return (const struct cr_json *)at;
}

// Append to OBJECT what the rest of PATH names, objects on the way included.
static enum cr_status put_new(struct cr_json *object, const char *path,
                              struct cr_json *child_taken) {
    enum cr_status status = CR_OK;
    while (status == CR_OK) {
        size_t bytes = strcspn(path, ".[");
        bool is_last = path[bytes] == '\0';
        if (cr_json_type(object) != CR_JSON_OBJECT || bytes == 0 ||
            path[bytes] == '[') {
            status = CR_E_FORMAT;
            break;
        }
        char *key = cr_strndup(path, bytes);
        struct cr_json *child = is_last ? child_taken : cr_json_new_object();
        status = key != NULL ? cr_json_put(object, key, child) : CR_E_MEMORY;
        if (key == NULL && !is_last) {
            cr_json_free(child);
        }
        cr_free(key);
        if (is_last && (status == CR_OK || key != NULL)) {
            return status; // put has taken the child, or freed it
        }
        object = child;
        path += bytes + 1;
    }
    cr_json_free(child_taken);
    return status;
}

enum cr_status cr_json_put_path(struct cr_json *root, const char *path,
                                struct cr_json *child_taken) {
    assert(!cr_json_is_in_block(root) && !cr_json_is_in_block(child_taken));
    if (child_taken == NULL) {
        return CR_E_MEMORY;
    }
    cJSON *parent = NULL;
    cJSON *at = tree(root);
    while (*path) {
        cJSON *next = step(at, &path);
        if (next == NULL) {
            return put_new(wrap(at), path, child_taken);
        }
        parent = at;
        at = next;
    }
    if (parent == NULL) {
        cr_json_free(child_taken);
        return CR_E_FORMAT;
    }
    hook();
    replace(parent, at, tree(child_taken));
    return CR_OK;
}

// cJSON's own comparison takes neighbouring doubles for equal.
static bool equal(const cJSON *a, const cJSON *b);

static bool children_equal(const cJSON *a, const cJSON *b) {
    const cJSON *other = b->child;
    for (const cJSON *c = a->child; c != NULL; c = c->next) {
        if (c->string != NULL) {
            other = cJSON_GetObjectItemCaseSensitive(b, c->string);
        }
        if (other == NULL || !equal(c, other)) {
            return false;
        }
        other = other->next;
    }
    return cr_json_len((const struct cr_json *)a) ==
           cr_json_len((const struct cr_json *)b);
}

static bool equal(const cJSON *a, const cJSON *b) {
    if ((a->type & 0xff) != (b->type & 0xff)) {
        return false;
    }
    if (cJSON_IsNumber(a)) {
        return a->valuedouble == b->valuedouble;
    }
    return cJSON_IsString(a) ? strcmp(a->valuestring, b->valuestring) == 0
                             : children_equal(a, b);
}

bool cr_json_equal(const struct cr_json *a, const struct cr_json *b) {
    return equal((const cJSON *)a, (const cJSON *)b);
}

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

// What stands for a character in a literal.
struct escape {
    char text[16]; // cJSON wants more room than it uses
    size_t bytes;
};

// That of C, as cJSON prints it; each is asked for once.
static const struct escape *escape_of(unsigned char c) {
    static struct escape escapes['\\' + 1] = {{"\xef\xbf\xbd", 3}}; // NUL
    struct escape *escape = &escapes[c];
    if (escape->bytes == 0) {
        char text[] = {(char)c, '\0'}, literal[sizeof escape->text];
        cJSON item = {.type = cJSON_String, .valuestring = text};
        bool is_printed =
            cJSON_PrintPreallocated(&item, literal, (int)sizeof literal, 0) != 0;
        assert(is_printed && literal[0] == '"');
        (void)is_printed;
        escape->bytes = strlen(literal) - 2;
        memcpy(escape->text, literal + 1, escape->bytes);
    }
    return escape;
}

// OUT has room for all of TEXT as it stands and for both quotes; an escape needs more.
static enum cr_status add_literal(struct cr_buf *out, const char *text, size_t bytes) {
    char *to = out->data + out->used_bytes;
    *to++ = '"';
    for (size_t i = 0; i < bytes; i++) {
        const size_t plain = cr_json_copy_plain(to, text + i, bytes - i);
        to += plain;
        i += plain;
        if (i == bytes) {
            break;
        }
        const struct escape *escape = escape_of((unsigned char)text[i]);
        out->used_bytes = (size_t)(to - out->data);
        const enum cr_status status =
            cr_buf_reserve(out, escape->bytes + (bytes - i - 1) + 1);
        if (status != CR_OK) {
            return status;
        }
        to = out->data + out->used_bytes;
        memcpy(to, escape->text, 2); // no escape is shorter, few are longer
        memcpy(to + 2, escape->text + 2, escape->bytes - 2);
        to += escape->bytes;
    }
    *to++ = '"';
    *to = '\0';
    out->used_bytes = (size_t)(to - out->data);
    return CR_OK;
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
