// --set PATH=VALUE: a value of the job file replaced from the command line.
#include <string.h>

#include "credence/base/mem.h"
#include "job/bundle.h"

// Names of models and axes of the grid hold dots ("gpt-4.1", "stop.threshold"), so the
// longest existing key that PATH begins with is taken; failing that, all of PATH when
// IS_WHOLE (a new axis), else up to its first dot.
static size_t key_len(const struct cr_json *object, const char *path, bool is_whole) {
    size_t best = 0;
    for (const struct cr_json *c = cr_json_first(object); c != NULL;
         c = cr_json_next(c)) {
        size_t len = strlen(cr_json_key(c));
        bool fits = strncmp(path, cr_json_key(c), len) == 0 &&
                    (path[len] == '\0' || path[len] == '.');
        best = fits && len > best ? len : best;
    }
    if (best > 0) {
        return best;
    }
    return is_whole ? strlen(path) : strcspn(path, ".");
}

// A copy of NODE (or a new object) with the value at PATH replaced by VALUE (taken);
// NULL when out of memory or when PATH runs through something else than an object.
static struct cr_json *with(const struct cr_json *node, const char *path,
                            struct cr_json *value, bool is_whole) {
    bool is_absent = node == NULL || cr_json_type(node) == CR_JSON_NULL;
    if (!is_absent && cr_json_type(node) != CR_JSON_OBJECT) {
        cr_json_free(value);
        return NULL;
    }
    size_t len = is_absent && is_whole
                     ? strlen(path)
                     : key_len(is_absent ? NULL : node, path, is_whole);
    char *key = cr_strndup(path, len);
    struct cr_json *copy = is_absent ? cr_json_new_object() : cr_json_copy(node);
    if (key == NULL || copy == NULL || len == 0) {
        cr_json_free(value);
        goto fail;
    }
    if (path[len] == '.') {
        value = with(cr_json_get(copy, key), path + len + 1, value,
                     strcmp(key, "grid") == 0);
    }
    if (value == NULL || cr_json_put(copy, key, value) != CR_OK) {
        goto fail;
    }
    cr_free(key);
    return copy;
fail:
    cr_free(key);
    cr_json_free(copy);
    return NULL;
}

enum cr_status cr_set_apply(struct cr_json **root, const char *set,
                            struct cr_err *err) {
    const char *equals = strchr(set, '=');
    if (equals == NULL || equals == set) {
        return cr_err_set(err, CR_E_USAGE, "--set %s: expected PATH=VALUE", set);
    }
    const char *text = equals + 1;
    struct cr_json *value = NULL;
    enum cr_status status =
        cr_json_parse(text, strlen(text), cr_job_json_limits, &value, NULL);
    if (status != CR_OK) { // a bare word is a string: --set cell.maker=sim
        value = cr_json_new_string(text);
    }
    char *path = cr_strndup(set, (size_t)(equals - set));
    struct cr_json *changed = NULL;
    if (value == NULL || path == NULL) {
        cr_json_free(value);
    } else {
        changed = with(*root, path, value, false);
    }
    cr_free(path);
    if (changed == NULL) {
        return cr_err_set(err, CR_E_USAGE,
                          "--set %s: the path runs through a value that is no object",
                          set);
    }
    cr_json_free(*root);
    *root = changed;
    return CR_OK;
}
