// How two jobs differ, in the words of the job file.
#include <stdint.h>
#include <string.h>

#include "credence/job/job_file.h"
#include "job/check.h"

enum { SHOWN_BYTES_MAX = 80 };

static enum cr_status add_value(struct cr_buf *out, const struct cr_json *value) {
    struct cr_buf text;
    if (value == NULL) {
        return cr_buf_add_text(out, "nothing");
    }
    cr_buf_init(&text, SIZE_MAX / 2);
    enum cr_status status = cr_json_print(value, false, &text);
    if (status == CR_OK) {
        bool is_long = text.used_bytes > SHOWN_BYTES_MAX;
        status = cr_buf_printf(out, "%.*s%s", SHOWN_BYTES_MAX, text.data,
                               is_long ? "..." : "");
    }
    cr_buf_fini(&text);
    return status;
}

static enum cr_status add_line(struct cr_buf *out, const char *path,
                               const struct cr_json *a, const struct cr_json *b) {
    enum cr_status status =
        cr_buf_printf(out, "%s%s: ", out->used_bytes > 0 ? "\n" : "", path);
    status = status == CR_OK ? add_value(out, a) : status;
    status = status == CR_OK ? cr_buf_add_text(out, " there, ") : status;
    status = status == CR_OK ? add_value(out, b) : status;
    return status == CR_OK ? cr_buf_add_text(out, " here") : status;
}

static enum cr_status compare(struct cr_buf *out, const char *path,
                              const struct cr_json *a, const struct cr_json *b) {
    char inner[CR_PATH_MAX];
    enum cr_status status = CR_OK;
    if (a == NULL || b == NULL || cr_json_type(a) != CR_JSON_OBJECT ||
        cr_json_type(b) != CR_JSON_OBJECT) {
        bool is_same = a != NULL && b != NULL && cr_json_equal(a, b);
        return is_same ? CR_OK : add_line(out, path, a, b);
    }
    for (const struct cr_json *c = cr_json_first(a); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        cr_key_path_child(inner, path, cr_json_key(c));
        status = compare(out, inner, c, cr_json_get(b, cr_json_key(c)));
    }
    for (const struct cr_json *c = cr_json_first(b); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        if (cr_json_get(a, cr_json_key(c)) == NULL) {
            cr_key_path_child(inner, path, cr_json_key(c));
            status = compare(out, inner, NULL, c);
        }
    }
    return status;
}

enum cr_status cr_job_difference(const char *stored, const char *now,
                                 struct cr_buf *out) {
    struct cr_json_limits limits = {SIZE_MAX / 2, 64};
    struct cr_json *a = NULL, *b = NULL;
    enum cr_status status = cr_json_parse(stored, strlen(stored), limits, &a, NULL);
    status =
        status == CR_OK ? cr_json_parse(now, strlen(now), limits, &b, NULL) : status;
    status = status == CR_OK ? compare(out, "", a, b) : status;
    cr_json_free(a);
    cr_json_free(b);
    return status;
}
