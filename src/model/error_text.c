// error_text.c - what a server says in an error body, made fit for an error text.
#include <string.h>

#include "credence/base/text.h"
#include "model/wire.h"

enum { WORDS_PARSE_MAX = 64 << 10 }; // an error body longer than this is not parsed

// The services' ways to put it: {"error":{"message":..}}, {"error":".."},
// {"message":..}, {"detail":..}, {"detail":[{"msg":..}]},
// {"object":"error","message":..}.
static const char *message_of(const struct cr_json *root) {
    const struct cr_json *error = cr_json_get(root, "error");
    const struct cr_json *detail = cr_json_get(root, "detail");
    const char *const found[] = {
        cr_json_string(cr_json_get(error, "message")),
        cr_json_string(error),
        cr_json_string(cr_json_get(root, "message")),
        cr_json_string(detail),
        cr_json_string(cr_json_get(cr_json_first(detail), "msg")),
    };
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        if (found[i] != NULL && found[i][0]) {
            return found[i];
        }
    }
    return NULL;
}

// Copy without SECRET and on one line; what does not fit is cut.
static void copy_clean(const char *text, const char *secret, char *out) {
    size_t secret_bytes = secret != NULL ? strlen(secret) : 0;
    size_t used = 0;
    while (*text && used + 4 < CR_WORDS_MAX) {
        if (secret_bytes > 0 && strncmp(text, secret, secret_bytes) == 0) {
            memcpy(out + used, "***", 3);
            used += 3;
            text += secret_bytes;
            continue;
        }
        bool is_break = (unsigned char)*text < ' ' || *text == 0x7f;
        if (!is_break || (used > 0 && out[used - 1] != ' ')) {
            out[used++] = is_break ? ' ' : *text;
        }
        text++;
    }
    out[used] = '\0';
    if (*text) {
        memcpy(out + used, "...", 4);
    }
}

// Drop a sequence that the cut left incomplete.
static void cut_whole(char *text) {
    size_t bytes = strlen(text);
    size_t end = bytes >= 3 && strcmp(text + bytes - 3, "...") == 0 ? bytes - 3 : bytes;
    size_t keep = end;
    while (keep > 0 && !cr_text_is_utf8(text, keep)) {
        keep--;
    }
    memmove(text + keep, text + end, bytes - end + 1);
}

void cr_error_text(const char *body, size_t bytes, const char *secret,
                   char out[CR_WORDS_MAX + 1]) {
    struct cr_json *root = NULL;
    struct cr_buf clean;
    size_t looked_at = bytes < WORDS_PARSE_MAX ? bytes : WORDS_PARSE_MAX;
    cr_buf_init(&clean, 4 * WORDS_PARSE_MAX);
    out[0] = '\0';
    if (looked_at == bytes && cr_wire_parse(body, bytes, &root, NULL) != CR_OK) {
        root = NULL;
    }
    const char *message = message_of(root);
    const char *text = message != NULL ? message : body;
    size_t text_bytes = message != NULL ? strlen(message) : looked_at;
    if (text_bytes > 0 && cr_text_add_utf8(&clean, text, text_bytes) == CR_OK) {
        copy_clean(clean.data, secret, out);
        cut_whole(out);
    }
    cr_json_free(root);
    cr_buf_fini(&clean);
}
