// request_id.c - see request_id.h.
#include "model/request_id.h"

#include <string.h>
#include <strings.h>

// In the order in which they count.
static const char *const names[] = {
    "x-request-id",        "request-id",
    "apim-request-id",     "x-amzn-requestid",
    "x-amzn-request-id",   "x-goog-request-id",
    "x-litellm-call-id",   "x-generation-id",
    "x-oneapi-request-id", "x-portkey-trace-id",
    "x-correlation-id",    "x-ms-request-id",
    "x-trace-id",          "cf-ray",
};
enum { NAMES = sizeof names / sizeof names[0] };

void cr_request_id_clear(struct cr_request_id *id) {
    id->text[0] = '\0';
    id->rank = NAMES;
}

static void copy_word(char out[CR_REQUEST_ID_MAX], const char *from, size_t len) {
    len = len < CR_REQUEST_ID_MAX ? len : CR_REQUEST_ID_MAX - 1;
    for (size_t i = 0; i < len; i++) {
        if (from[i] <= ' ' || from[i] > '~') {
            return;
        }
    }
    memcpy(out, from, len);
    out[len] = '\0';
}

void cr_request_id_copy(char out[CR_REQUEST_ID_MAX], const char *text) {
    out[0] = '\0';
    if (text != NULL) {
        copy_word(out, text, strlen(text));
    }
}

static size_t rank_of(const char *line, size_t name_bytes) {
    size_t rank = 0;
    while (rank < NAMES && (strlen(names[rank]) != name_bytes ||
                            strncasecmp(names[rank], line, name_bytes) != 0)) {
        rank++;
    }
    return rank;
}

void cr_request_id_note(struct cr_request_id *id, const char *line, size_t bytes) {
    const char *colon = memchr(line, ':', bytes);
    if (colon == NULL) {
        return;
    }
    const size_t rank = rank_of(line, (size_t)(colon - line));
    const char *from = colon + 1, *end = line + bytes;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && strchr(" \t\r\n", end[-1]) != NULL) {
        end--;
    }
    if (rank < id->rank && end > from) {
        id->rank = rank;
        copy_word(id->text, from, (size_t)(end - from));
    }
}
