// request_id.c - see request_id.h.
#include "model/request_id.h"

#include <string.h>
#include <strings.h>

// In the order in which they count.
#define NAME(text)                                                                     \
    { text, sizeof(text) - 1 }
static const struct {
    const char *text;
    size_t bytes;
} names[] = {
    NAME("x-request-id"),        NAME("request-id"),
    NAME("apim-request-id"),     NAME("x-amzn-requestid"),
    NAME("x-amzn-request-id"),   NAME("x-goog-request-id"),
    NAME("x-litellm-call-id"),   NAME("x-generation-id"),
    NAME("x-oneapi-request-id"), NAME("x-portkey-trace-id"),
    NAME("x-correlation-id"),    NAME("x-ms-request-id"),
    NAME("x-trace-id"),          NAME("cf-ray"),
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
    while (rank < NAMES && (names[rank].bytes != name_bytes ||
                            strncasecmp(names[rank].text, line, name_bytes) != 0)) {
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
    if (rank >= id->rank) {
        return;
    }
    const char *from = colon + 1, *end = line + bytes;
    while (from < end && (*from == ' ' || *from == '\t')) {
        from++;
    }
    while (end > from && strchr(" \t\r\n", end[-1]) != NULL) {
        end--;
    }
    if (end > from) {
        id->rank = rank;
        copy_word(id->text, from, (size_t)(end - from));
    }
}
