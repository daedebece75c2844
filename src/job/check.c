// Mistakes are gathered, not returned: a job file is read to its end whatever is wrong
// in it, so that its writer sees everything at once.
#include "job/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/text.h"

// One value of a job file: checked by its row, then put where the row says.

// What a store function works on. `out` may be NULL: check only.
struct field {
    struct cr_check *check;
    const struct cr_key *key;
    const struct cr_json *value;
    const char *path;
    char *out;
};

// Words that only a key begins with; what follows them is long and has no spaces.
static bool is_key(const char *text) {
    static const char *const prefixes[] = {"sk-",  "sk_",  "Bearer ", "hf_",
                                           "AIza", "xai-", "gsk_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], len) == 0) {
            return strlen(text) >= len + 16 && strcspn(text + len, " /\t\n") >= 16;
        }
    }
    return false;
}

bool cr_check_is_secret(const char *text) {
    char before = ' ';
    for (const char *c = text; *c != '\0'; before = *c++) {
        if (strchr(" =:,'\"\t\n?&", before) != NULL && is_key(c)) {
            return true;
        }
    }
    const char *scheme = strstr(text, "://");
    size_t authority = scheme == NULL ? 0 : 3 + strspn(scheme + 3, "/\\");
    return scheme != NULL &&
           scheme[authority + strcspn(scheme + authority, "@/?#\\")] == '@';
}

// VALUE as written, cut to what fits a message; a key is never shown.
static void describe(const struct cr_json *value, char out[64]) {
    struct cr_buf buf;
    cr_buf_init(&buf, 1 << 16);
    bool is_shown =
        cr_json_print(value, false, &buf) == CR_OK && !cr_check_is_secret(buf.data);
    snprintf(out, 64, "%.50s%s",
             is_shown ? buf.data : cr_json_type_name(cr_json_type(value)),
             is_shown && buf.used_bytes > 50 ? "..." : "");
    cr_buf_fini(&buf);
}

static bool refuse(const struct field *field, const char *expected) {
    char found[64];
    describe(field->value, found);
    cr_check_mistake(field->check, field->path, "found %s, expected %s", found,
                     expected);
    return false;
}

static void put(const struct field *field, const void *bytes, size_t len) {
    if (field->out != NULL) {
        memcpy(field->out, bytes, len);
    }
}

static const char *keep(const struct field *field, const char *text) {
    const char *copy = cr_arena_strdup(&field->check->job->arena, text);
    if (copy == NULL) {
        cr_check_memory(field->check);
    }
    return copy;
}

static bool store_text(const struct field *field) {
    const char *text = cr_json_string(field->value);
    if (text == NULL || *text == '\0') {
        return refuse(field, "a string that is not empty");
    }
    const char *copy = keep(field, text);
    put(field, &copy, sizeof copy);
    return true;
}

// The list of VALUE's strings: itself, or its elements. LEN elements and a NULL.
static bool store_texts(const struct field *field) {
    bool is_list = cr_json_type(field->value) == CR_JSON_ARRAY;
    size_t len = is_list ? cr_json_len(field->value) : 1;
    const char **texts =
        cr_arena_alloc(&field->check->job->arena, (len + 1) * sizeof *texts);
    const struct cr_json *c = is_list ? cr_json_first(field->value) : field->value;
    if (texts == NULL) {
        cr_check_memory(field->check);
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char *text = cr_json_string(c);
        if (text == NULL || *text == '\0') {
            return refuse(field, "a string or a list of strings, none of them empty");
        }
        texts[i] = keep(field, text);
        c = is_list ? cr_json_next(c) : NULL;
    }
    texts[len] = NULL;
    put(field, &texts, sizeof texts);
    if (field->out != NULL && field->key->len_offset != CR_NOWHERE) {
        uint32_t count = (uint32_t)len;
        memcpy(field->out - field->key->offset + field->key->len_offset, &count,
               sizeof count);
    }
    return true;
}

static struct cr_names names_of(const struct field *field) {
    return field->check->names[field->key->from];
}

// The index of VALUE among the row's names; -1 after a complaint.
static int find_name(const struct field *field, const struct cr_json *value) {
    struct cr_names names = names_of(field);
    const char *name = cr_json_string(value);
    if (name == NULL) {
        (void)refuse(field, field->key->type == CR_KEY_CHOICES
                                ? "a name or a list of names"
                                : "a name, as a string");
        return -1;
    }
    for (size_t i = 0; i < names.len; i++) {
        if (strcmp(names.at[i], name) == 0) {
            return (int)i;
        }
    }
    const struct cr_names *absent = &field->check->absent_prompts;
    bool is_reported = false;
    for (size_t i = 0; i < absent->len; i++) {
        is_reported = is_reported || (field->key->from == CR_NAMES_PROMPTS &&
                                      strcmp(absent->at[i], name) == 0);
    }
    if (!is_reported) {
        cr_check_unknown(field->check, field->path, name, names);
    }
    return -1;
}

static bool store_word(const struct field *field) {
    int index = find_name(field, field->value);
    if (index >= 0) {
        const char *name = keep(field, names_of(field).at[index]);
        put(field, &name, sizeof name);
    }
    return index >= 0;
}

static bool store_choice(const struct field *field) {
    int index = find_name(field, field->value);
    if (index >= 0) {
        uint32_t choice = (uint32_t)index;
        put(field, &choice, sizeof choice);
    }
    return index >= 0;
}

static bool store_choices(const struct field *field) {
    uint32_t found[CR_TRADERS_MAX] = {0};
    bool is_list = cr_json_type(field->value) == CR_JSON_ARRAY;
    uint32_t len = 0;
    const struct cr_json *c = is_list ? cr_json_first(field->value) : field->value;
    if (is_list && (c == NULL || cr_json_len(field->value) > CR_TRADERS_MAX)) {
        return refuse(field, "one to eight names");
    }
    for (; c != NULL; c = is_list ? cr_json_next(c) : NULL) {
        int index = find_name(field, c);
        if (index < 0) {
            return false;
        }
        found[len++] = (uint32_t)index;
    }
    put(field, found, sizeof found);
    if (field->out != NULL) {
        memcpy(field->out - field->key->offset + field->key->len_offset, &len,
               sizeof len);
    }
    return true;
}

// An object gives one side or both; a side that it leaves out keeps its set.
static bool store_sides(const struct field *field) {
    uint32_t sides[2] = {0};
    if (cr_json_string(field->value) != NULL) {
        int index = find_name(field, field->value);
        sides[0] = sides[1] = (uint32_t)index;
        if (index >= 0) {
            put(field, sides, sizeof sides);
        }
        return index >= 0;
    }
    if (cr_json_type(field->value) != CR_JSON_OBJECT ||
        cr_json_len(field->value) == 0) {
        return refuse(field, "a name, or {\"maker\": NAME, \"trader\": NAME}");
    }
    size_t before = field->check->mistakes_len;
    if (field->out != NULL) {
        memcpy(sides, field->out, sizeof sides);
    }
    struct cr_check_target target = {
        .path = field->path, .out = sides, .is_partial = true};
    cr_check_object(field->check, field->key->group, field->value, &target);
    if (field->check->mistakes_len > before) {
        return false;
    }
    put(field, sides, sizeof sides);
    return true;
}

static void expected_number(const struct cr_key *key, const char *noun, char out[96]) {
    snprintf(out, 96, "%s from %.16g to %.16g", noun, key->low, key->high);
}

static bool store_number(const struct field *field) {
    char expected[96];
    double number = cr_json_number(field->value, NAN);
    if (!(number >= field->key->low && number <= field->key->high)) {
        expected_number(field->key, "a number", expected);
        return refuse(field, expected);
    }
    put(field, &number, sizeof number);
    return true;
}

static bool store_whole(const struct field *field) {
    char expected[96];
    double number = cr_json_number(field->value, NAN);
    if (!(number >= field->key->low && number <= field->key->high) ||
        number != floor(number)) {
        expected_number(field->key, "a whole number", expected);
        return refuse(field, expected);
    }
    uint64_t wide = (uint64_t)number;
    uint32_t narrow = (uint32_t)wide;
    if (field->key->type == CR_KEY_COUNT) {
        put(field, &narrow, sizeof narrow);
    } else {
        put(field, &wide, sizeof wide);
    }
    return true;
}

static bool store_truth(const struct field *field) {
    if (cr_json_type(field->value) != CR_JSON_BOOL) {
        return refuse(field, "true or false");
    }
    bool truth = cr_json_bool(field->value, false);
    put(field, &truth, sizeof truth);
    return true;
}

static bool store_object(const struct field *field) {
    if (cr_json_type(field->value) != CR_JSON_OBJECT) {
        return refuse(field, "an object");
    }
    if (field->out != NULL) {
        const char *text = cr_check_print(field->check, field->value);
        put(field, &text, sizeof text);
    }
    return true;
}

// VALUE as a text: a string, or a number or truth as JSON writes it; NULL for others.
static const char *plain_text(const struct field *field, const struct cr_json *value) {
    switch (cr_json_type(value)) {
    case CR_JSON_STRING:
        return keep(field, cr_json_string(value));
    case CR_JSON_NUMBER:
    case CR_JSON_BOOL:
        return cr_check_print(field->check, value);
    default:
        return NULL;
    }
}

static bool is_plain(const struct cr_json *value) {
    enum cr_json_type type = cr_json_type(value);
    return type == CR_JSON_STRING || type == CR_JSON_NUMBER || type == CR_JSON_BOOL;
}

// One binding: NAME to VALUE, or to each of its elements.
static bool bind(const struct field *field, const char *name,
                 const struct cr_json *value, struct cr_binding *out) {
    bool is_list = cr_json_type(value) == CR_JSON_ARRAY;
    size_t len = is_list ? cr_json_len(value) : 1;
    const struct cr_json *c = is_list ? cr_json_first(value) : value;
    const char **texts = cr_check_alloc(field->check, len, sizeof *texts);
    out->name = keep(field, name);
    out->values = texts;
    out->values_len = (uint32_t)len;
    for (size_t i = 0; texts != NULL && i < len; i++) {
        if (!is_plain(c)) {
            return refuse(field, "a text, or a list of texts, for each name");
        }
        texts[i] = plain_text(field, c);
        c = is_list ? cr_json_next(c) : NULL;
    }
    return len > 0 || refuse(field, "a text, or a list of texts, for each name");
}

static bool store_bindings(const struct field *field) {
    enum cr_json_type type = cr_json_type(field->value);
    bool takes_list = field->key->low > 0;
    struct cr_bindings bindings = {0};
    if (type != CR_JSON_OBJECT && !(takes_list && type == CR_JSON_ARRAY)) {
        return refuse(field, takes_list ? "a list of columns, or an object NAME: column"
                                        : "an object");
    }
    bindings.at =
        cr_check_alloc(field->check, cr_json_len(field->value), sizeof *bindings.at);
    for (const struct cr_json *c = cr_json_first(field->value);
         c != NULL && bindings.at != NULL; c = cr_json_next(c)) {
        const char *name = type == CR_JSON_OBJECT ? cr_json_key(c) : cr_json_string(c);
        if (name == NULL || *name == '\0') {
            return refuse(field, "a list of columns, or an object NAME: column");
        }
        if (!bind(field, name, c, &bindings.at[bindings.len])) {
            return false;
        }
        bindings.len++;
    }
    put(field, &bindings, sizeof bindings);
    return true;
}

static bool store_range(const struct field *field) {
    bool is_pair =
        cr_json_type(field->value) == CR_JSON_ARRAY && cr_json_len(field->value) == 2;
    const struct cr_json *low = is_pair ? cr_json_first(field->value) : NULL;
    double range[2] = {cr_json_number(low, NAN), NAN};
    range[1] = low != NULL ? cr_json_number(cr_json_next(low), NAN) : NAN;
    if (!(range[0] < range[1]) || !isfinite(range[1] - range[0])) {
        return refuse(field, "[low, high] with low < high");
    }
    put(field, range, sizeof range);
    return true;
}

static bool store_list(const struct field *field) {
    return cr_json_type(field->value) == CR_JSON_ARRAY || refuse(field, "a list");
}

typedef bool (*store_fn)(const struct field *field);
static const store_fn stores[CR_KEY_TYPE_COUNT] = {
    [CR_KEY_TEXT] = store_text,       [CR_KEY_TEXTS] = store_texts,
    [CR_KEY_WORD] = store_word,       [CR_KEY_CHOICE] = store_choice,
    [CR_KEY_CHOICES] = store_choices, [CR_KEY_NUMBER] = store_number,
    [CR_KEY_COUNT] = store_whole,     [CR_KEY_COUNT64] = store_whole,
    [CR_KEY_TRUTH] = store_truth,     [CR_KEY_OBJECT] = store_object,
    [CR_KEY_GROUP] = store_object,    [CR_KEY_LIST] = store_list,
    [CR_KEY_MAP] = store_object,      [CR_KEY_BINDINGS] = store_bindings,
    [CR_KEY_RANGE] = store_range,     [CR_KEY_SIDES] = store_sides,
};

bool cr_check_value(struct cr_check *check, const struct cr_key *key,
                    const struct cr_json *value, const char *path, void *out) {
    struct field field = {check, key, value, path, out};
    return stores[key->type](&field);
}

void cr_check_default(struct cr_check *check, const struct cr_key *key, void *out) {
    if (strcmp(key->fallback, "null") == 0) {
        // Other absent values are zero, as the struct already is.
        double nan_values[2] = {NAN, NAN};
        if (key->absent_is_nan) {
            memcpy(out, nan_values, sizeof *nan_values);
        } else if (key->type == CR_KEY_RANGE) {
            memcpy(out, nan_values, sizeof nan_values);
        }
        return;
    }
    struct cr_json *value = NULL;
    if (cr_json_parse(key->fallback, strlen(key->fallback),
                      (struct cr_json_limits){4096, 8}, &value, NULL) != CR_OK) {
        cr_check_memory(check);
        return;
    }
    (void)cr_check_value(check, key, value, "", out);
    cr_json_free(value);
}

// Whether the value at PATH was put there by --set: the last set that names it or what
// it is in.
static const char *set_of(const struct cr_check *check, const char *path) {
    for (size_t i = check->sets_len; i > 0; i--) {
        const char *set = check->sets[i - 1];
        size_t len = strcspn(set, "=");
        if (strncmp(path, set, len) == 0 && strchr(".[", path[len]) != NULL) {
            return set; // strchr finds the NUL too: the very path
        }
    }
    return NULL;
}

void cr_check_mistake(struct cr_check *check, const char *path, const char *fmt, ...) {
    char what[512];
    unsigned line = 1, column = 1;
    if (++check->mistakes_len > CR_MISTAKES_MAX) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    const char *set = set_of(check, path);
    bool is_secret = set != NULL && cr_check_is_secret(set);
    const char *shown = *path == '\0' ? "the job" : path;
    if (set != NULL) {
        int len = is_secret ? (int)strcspn(set, "=") : (int)strlen(set);
        cr_err_add_line(&check->mistakes, "--set %.*s: %s: %s", len, set, shown, what);
        return;
    }
    (void)cr_json_locate(check->source, check->source_bytes, path, &line, &column);
    cr_err_add_line(&check->mistakes, "%s:%u:%u: %s: %s", check->file, line, column,
                    shown, what);
}

void cr_check_memory(struct cr_check *check) {
    check->is_out_of_memory = true;
}

static void list_names(struct cr_names names, char *out, size_t bytes) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < names.len && used + 1 < bytes; i++) {
        int n =
            snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", names.at[i]);
        used += n < 0 ? 0 : (size_t)n;
    }
    if (used >= bytes && bytes > 4) {
        memcpy(out + bytes - 4, "...", 4);
    }
}

void cr_check_unknown(struct cr_check *check, const char *path, const char *name,
                      struct cr_names names) {
    char all[200];
    const char *nearest = cr_text_nearest(name, names.at, names.len);
    name = cr_check_is_secret(name) ? "(a key)" : name;
    list_names(names, all, sizeof all);
    if (nearest != NULL) {
        cr_check_mistake(check, path,
                         "found '%.80s', expected one of: %s; did you mean '%s'?", name,
                         all, nearest);
    } else {
        cr_check_mistake(check, path, "found '%.80s', expected %s%s", name,
                         names.len > 0 ? "one of: "
                                       : "a name that the job defines, "
                                         "but it defines none",
                         all);
    }
}

void cr_key_path_child(char out[CR_PATH_MAX], const char *path, const char *name) {
    snprintf(out, CR_PATH_MAX, "%s%s%s", path, *path == '\0' ? "" : ".", name);
}

void cr_key_path_element(char out[CR_PATH_MAX], const char *path, size_t index) {
    snprintf(out, CR_PATH_MAX, "%s[%zu]", path, index);
}

void cr_check_append(struct cr_check *check, struct cr_json *object, const char *key,
                     struct cr_json *child_taken) {
    if (cr_json_append(object, key, child_taken) != CR_OK) {
        cr_check_memory(check);
    }
}

void cr_check_put(struct cr_check *check, struct cr_json *object, const char *key,
                  struct cr_json *child_taken) {
    if (object == NULL || child_taken == NULL) {
        cr_json_free(child_taken);
        cr_check_memory(check);
    } else if (cr_json_put(object, key, child_taken) != CR_OK) {
        cr_check_memory(check);
    }
}

const char *cr_check_print(struct cr_check *check, const struct cr_json *value) {
    struct cr_buf buf;
    const char *text = NULL;
    cr_buf_init(&buf, SIZE_MAX / 2);
    if (cr_json_print(value, false, &buf) == CR_OK) {
        text = cr_arena_strndup(&check->job->arena, buf.data, buf.used_bytes);
    }
    cr_buf_fini(&buf);
    if (text == NULL) {
        cr_check_memory(check);
    }
    return text;
}

void *cr_check_alloc(struct cr_check *check, size_t len, size_t element_bytes) {
    size_t bytes = (len == 0 ? 1 : len) * element_bytes;
    void *block = cr_arena_alloc(&check->job->arena, bytes);
    if (block == NULL) {
        cr_check_memory(check);
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

static bool is_absent(const struct cr_json *value) {
    return value == NULL || cr_json_type(value) == CR_JSON_NULL;
}

// The names of TABLE's rows, for the nearest one.
static void report_unknown_key(struct cr_check *check, const struct cr_key_table *table,
                               const char *path, const char *name) {
    if (check->mistakes_len >= CR_MISTAKES_MAX) { // it is counted, not shown
        check->mistakes_len++;
        return;
    }
    const char *names[64];
    size_t len = 0;
    for (size_t i = 0; i < table->len && len < 64; i++) {
        names[len++] = table->keys[i].name;
    }
    const char *nearest = cr_text_nearest(name, names, len);
    if (nearest != NULL) {
        cr_check_mistake(check, path, "%s has no such key; did you mean '%s'?",
                         table->what, nearest);
    } else {
        char all[300];
        list_names((struct cr_names){names, len}, all, sizeof all);
        cr_check_mistake(check, path, "%s has no such key, only: %s", table->what, all);
    }
}

static void report_foreign_key(struct cr_check *check, const struct cr_key *key,
                               const char *path, unsigned api) {
    const char *own = "", *of = "";
    for (unsigned i = 0; i < 4; i++) {
        own = (api >> i & 1) ? cr_api_names[i] : own;
        of = (key->apis >> i & 1) && *of == '\0' ? cr_api_names[i] : of;
    }
    cr_check_mistake(check, path, "means nothing to a model of api '%s', only to '%s'",
                     own, of);
}

static void *place(const struct cr_check_target *target, size_t offset) {
    return offset == CR_NOWHERE ? NULL : (char *)target->out + offset;
}

// A group's rows describe the struct at the group's own offset.
static void read_group(struct cr_check *check, const struct cr_key *key,
                       const struct cr_json *value,
                       const struct cr_check_target *target) {
    char path[CR_PATH_MAX];
    struct cr_json *resolved = target->resolved == NULL ? NULL : cr_json_new_object();
    cr_key_path_child(path, target->path, key->name);
    struct cr_check_target inner = *target;
    inner.path = path;
    inner.out = place(target, key->offset);
    inner.resolved = resolved;
    if (!is_absent(value) && cr_json_type(value) != CR_JSON_OBJECT) {
        cr_check_mistake(check, path, "found %s, expected an object",
                         cr_json_type_name(cr_json_type(value)));
        value = NULL;
    }
    cr_check_object(check, key->group, value, &inner);
    if (target->resolved != NULL) {
        cr_check_put(check, target->resolved, key->name, resolved);
    }
}

static void read_member(struct cr_check *check, const struct cr_key_table *table,
                        const struct cr_json *member,
                        const struct cr_check_target *target) {
    char path[CR_PATH_MAX];
    size_t offset = 0;
    const char *name = cr_json_key(member);
    const struct cr_key *key = cr_key_find(table, name, &offset);
    cr_key_path_child(path, target->path, name);
    if (key == NULL) {
        report_unknown_key(check, table, path, name);
        return;
    }
    if (is_absent(member)) {
        return;
    }
    if (key->apis != 0 && target->api != 0 && (key->apis & target->api) == 0) {
        report_foreign_key(check, key, path, target->api);
        return;
    }
    if (key->type == CR_KEY_GROUP) {
        read_group(check, key, member, target);
        return;
    }
    if (cr_check_value(check, key, member, path, place(target, offset)) &&
        target->resolved != NULL) {
        if (cr_json_put_path(target->resolved, name, cr_json_copy(member)) != CR_OK) {
            cr_check_memory(check);
        }
    }
}

// What is missing: its default, or a complaint.
static void complete(struct cr_check *check, const struct cr_key *key,
                     const struct cr_check_target *target) {
    char path[CR_PATH_MAX];
    bool applies = target->api == 0 || key->apis == 0 || (key->apis & target->api) != 0;
    if (key->type == CR_KEY_GROUP) {
        struct cr_check_target silent = *target;
        silent.resolved = applies ? target->resolved : NULL;
        read_group(check, key, NULL, &silent);
        return;
    }
    if (key->fallback == NULL) {
        cr_key_path_child(path, target->path, key->name);
        cr_check_mistake(check, path, "is required but missing (%s)", key->summary);
        return;
    }
    if (key->offset != CR_NOWHERE) {
        cr_check_default(check, key, place(target, key->offset));
    }
    if (target->resolved != NULL && applies) {
        struct cr_json *value = NULL;
        enum cr_status status =
            cr_json_parse(key->fallback, strlen(key->fallback),
                          (struct cr_json_limits){4096, 8}, &value, NULL);
        cr_check_put(check, target->resolved, key->name,
                     status == CR_OK ? value : NULL);
    }
}

static bool is_row(const struct cr_key_table *table, const char *name) {
    for (size_t i = 0; i < table->len; i++) {
        if (strcmp(table->keys[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// By the table first, so that the resolved object has the order of the rows; then what
// no row names: paths with dots, and mistakes.
void cr_check_object(struct cr_check *check, const struct cr_key_table *table,
                     const struct cr_json *object,
                     const struct cr_check_target *target) {
    for (size_t i = 0; i < table->len; i++) {
        const struct cr_json *member = cr_json_get(object, table->keys[i].name);
        if (!is_absent(member)) {
            read_member(check, table, member, target);
        } else if (!target->is_partial) {
            complete(check, &table->keys[i], target);
        }
    }
    const struct cr_json *c = object == NULL ? NULL : cr_json_first(object);
    for (; c != NULL; c = cr_json_next(c)) {
        if (!is_row(table, cr_json_key(c))) {
            read_member(check, table, c, target);
        }
    }
}
