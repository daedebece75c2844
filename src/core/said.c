// said.c - see said.h.
#include "credence/core/said.h"

#include <stdbool.h>
#include <string.h>

#include "credence/base/text.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *after_number(const char *text) {
    while (is_digit(*text)) {
        text++;
    }
    return text;
}

static bool are_alike(const char *a, const char *b) {
    while (*a != '\0' && *b != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            a = after_number(a);
            b = after_number(b);
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return *a == *b;
}

static size_t rarest(const struct cr_said *said) {
    size_t least = 0;
    for (size_t i = 1; i < said->len; i++) {
        least = said->times[i] < said->times[least] ? i : least;
    }
    return least;
}

void cr_said_add(struct cr_said *said, const char *words) {
    char text[CR_SAID_BYTES];
    (void)cr_text_put_terminal(text, sizeof text, words, strcspn(words, "\r\n"));
    for (size_t i = 0; i < said->len; i++) {
        if (are_alike(said->text[i], text)) {
            said->times[i]++;
            return;
        }
    }
    const size_t at = said->len < CR_SAID_TEXTS ? said->len++ : rarest(said);
    memcpy(said->text[at], text, sizeof text);
    said->times[at]++;
}

const char *cr_said_commonest(const struct cr_said *said) {
    size_t most = 0;
    for (size_t i = 1; i < said->len; i++) {
        most = said->times[i] > said->times[most] ? i : most;
    }
    return said->len > 0 ? said->text[most] : NULL;
}
