// json_check.c - what the JSON reader of job files makes of texts, for a comparison with
// another reader. Each line of the input is a text in hexadecimal digits; the answer is a
// line "ok JSON", the value as it is printed, or "no WHY".
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/json.h"

enum { LINE_MAX_BYTES = 1 << 16 };

static size_t decode(const char *line, char *out) {
    size_t len = 0;
    for (; isxdigit((unsigned char)line[0]) && isxdigit((unsigned char)line[1]);
         line += 2) {
        char digits[3] = {line[0], line[1], '\0'};
        out[len++] = (char)strtoul(digits, NULL, 16);
    }
    return len;
}

static void check(const char *text, size_t len) {
    struct cr_json_limits limits = {LINE_MAX_BYTES, 64};
    struct cr_json *value = NULL;
    struct cr_err err = {0};
    struct cr_buf out, path;
    cr_buf_init(&out, 1 << 24);
    cr_buf_init(&path, 1 << 20);
    enum cr_status status = cr_json_parse(text, len, limits, &value, &err);
    if (status == CR_OK) {
        status = cr_json_check_strict(text, len, &err);
    }
    if (status == CR_OK && cr_json_duplicate_key(text, len, &path)) {
        status = cr_err_set(&err, CR_E_FORMAT, "a key appears twice");
    }
    if (status == CR_OK) {
        status = cr_json_print(value, false, &out);
    }
    printf("%s %s\n", status == CR_OK ? "ok" : "no",
           status == CR_OK ? out.data : err.text);
    cr_json_free(value);
    cr_buf_fini(&path);
    cr_buf_fini(&out);
}

int main(void) {
    static char line[2 * LINE_MAX_BYTES + 2], text[LINE_MAX_BYTES + 1];
    while (fgets(line, sizeof line, stdin) != NULL) {
        check(text, decode(line, text));
    }
    return 0;
}
