// Mistakes are gathered, not returned: a job file is read to its end whatever is wrong
// in it, so that its writer sees everything at once.
#include "job/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/text.h"

// Whether the value at PATH was put there by --set: the last set that names it or what
// it stands in.
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
    const char *shown = *path == '\0' ? "the job" : path;
    if (set != NULL) {
        cr_err_add_line(&check->mistakes, "--set %s: %s: %s", set, shown, what);
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
    list_names(names, all, sizeof all);
    if (nearest != NULL) {
        cr_check_mistake(check, path,
                         "found '%.80s', expected one of: %s; did you mean '%s'?", name,
                         all, nearest);
    } else {
        cr_check_mistake(check, path, "found '%.80s', expected %s%s", name,
                         names.len > 0 ? "one of: "
                                       : "a name that is defined, "
                                         "but there is none",
                         all);
    }
}

void cr_key_path_child(char out[CR_PATH_MAX], const char *path, const char *name) {
    snprintf(out, CR_PATH_MAX, "%s%s%s", path, *path == '\0' ? "" : ".", name);
}

void cr_key_path_element(char out[CR_PATH_MAX], const char *path, size_t index) {
    snprintf(out, CR_PATH_MAX, "%s[%zu]", path, index);
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

static bool is_absent(const struct cr_json *value) {
    return value == NULL || cr_json_type(value) == CR_JSON_NULL;
}

// The names of TABLE's rows, for the nearest one.
static void report_unknown_key(struct cr_check *check, const struct cr_key_table *table,
                               const char *path, const char *name) {
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

// What was not there: its default, or the complaint that it lacks.
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
        cr_check_mistake(check, path, "is required and not there (%s)", key->summary);
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
