// One value of a job file: checked by its row, then put where the row says.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job/check.h"

// What a store function works on. `out` may be NULL: check only.
struct field {
    struct cr_check *check;
    const struct cr_key *key;
    const struct cr_json *value;
    const char *path;
    char *out;
};

// VALUE as it stands, cut to what fits a message.
static void describe(const struct cr_json *value, char out[64]) {
    struct cr_buf buf;
    cr_buf_init(&buf, 1 << 16);
    bool is_shown = cr_json_print(value, false, &buf) == CR_OK;
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
    cr_check_unknown(field->check, field->path, name, names);
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
    [CR_KEY_MAP] = store_object,
};

bool cr_check_value(struct cr_check *check, const struct cr_key *key,
                    const struct cr_json *value, const char *path, void *out) {
    struct field field = {check, key, value, path, out};
    return stores[key->type](&field);
}

void cr_check_default(struct cr_check *check, const struct cr_key *key, void *out) {
    if (strcmp(key->fallback, "null") == 0) {
        double nan_value =
            NAN; // other absent values are zero, as the struct already is
        if (key->absent_is_nan) {
            memcpy(out, &nan_value, sizeof nan_value);
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
