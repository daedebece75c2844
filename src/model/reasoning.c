// reasoning.c - keeps a model's reasoning apart from its answer.
#include <string.h>

#include "credence/base/mem.h"
#include "model/wire.h"

#define OPEN "<think>"
#define CLOSE "</think>"

enum cr_status cr_think_add(struct cr_reply *reply, const char *text, size_t bytes) {
    size_t had = reply->reasoning != NULL ? strlen(reply->reasoning) : 0;
    size_t gap = had > 0 && bytes > 0 ? 1 : 0; // a line break between two parts
    char *joined = cr_realloc(reply->reasoning, had + gap + bytes + 1);
    if (joined == NULL) {
        return CR_E_MEMORY;
    }
    if (gap) {
        joined[had] = '\n';
    }
    memcpy(joined + had + gap, text, bytes);
    joined[had + gap + bytes] = '\0';
    reply->reasoning = joined;
    return CR_OK;
}

static const char *skip_space(const char *text) {
    return text + strspn(text, " \t\r\n");
}

// A part without the white space around it.
static enum cr_status add_trimmed(struct cr_reply *reply, const char *from,
                                  const char *end) {
    from = skip_space(from);
    while (end > from && strchr(" \t\r\n", end[-1]) != NULL) {
        end--;
    }
    return end > from ? cr_think_add(reply, from, (size_t)(end - from)) : CR_OK;
}

// Marks count at the start of the text alone: an answer may quote them. A closing mark
// without an opening one counts anywhere, unless an opening one comes before it.
enum cr_status cr_think_split(struct cr_reply *reply) {
    if (reply->text == NULL) {
        return CR_OK;
    }
    const char *start = skip_space(reply->text);
    bool has_open = strncmp(start, OPEN, strlen(OPEN)) == 0;
    const char *from = has_open ? start + strlen(OPEN) : start;
    const char *close = strstr(from, CLOSE);
    const char *open = strstr(from, OPEN);
    if (!has_open && (close == NULL || (open != NULL && open < close))) {
        return CR_OK;
    }
    const char *end = close != NULL ? close : start + strlen(start);
    enum cr_status status = add_trimmed(reply, from, end);
    if (status != CR_OK) {
        return status;
    }
    const char *answer = skip_space(close != NULL ? close + strlen(CLOSE) : end);
    memmove(reply->text, answer, strlen(answer) + 1);
    return CR_OK;
}
