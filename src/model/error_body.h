// error_body.h - what a server says went wrong, whatever shape it gives it.
//
// Layer    model (3), private; pure, time is an argument
// Threads  no shared state
// MPI      none
#ifndef CR_MODEL_ERROR_BODY_H
#define CR_MODEL_ERROR_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/json.h"
#include "credence/base/status.h"

enum {
    CR_WORDS_MAX = 400, // of a server, in an error text
    CR_CODES_MAX = 8,
    CR_CODE_BYTES_MAX = 64
};

struct cr_error_body {
    uint32_t status; // the HTTP status that the body itself names; 0: none
    // Its code words (code, type, status, reason ..) in lower case, "-" and " " as "_".
    char codes[CR_CODES_MAX][CR_CODE_BYTES_MAX];
    uint32_t codes_len;
    char param[CR_CODE_BYTES_MAX]; // the setting it names; "" when it names none
    int64_t wait_ms;               // that it asks for (hints.h); -1: none
    // Its messages, nested ones too, for people: valid UTF-8 on one line, control
    // characters escaped, at most CR_WORDS_MAX bytes, cut at the end of a character.
    char words[CR_WORDS_MAX + 1];
};

// Read the body of an error. SECRET (may be NULL) is replaced by "***" wherever it
// comes. A body that is not JSON is quoted; of a page of HTML, its title.
void cr_error_body_read(const char *body, size_t bytes, const char *secret,
                        int64_t wall_ms, struct cr_error_body *out);

// The same of a value that is parsed.
void cr_error_body_read_json(const struct cr_json *value, const char *secret,
                             int64_t wall_ms, struct cr_error_body *out);

// The error that stands for an answer in the reply ROOT ({"error": ..},
// {"type": "error"}, {"detail": ..}, [{"error": ..}], {"base_resp": ..}); NULL when ROOT
// holds none.
const struct cr_json *cr_error_body_find(const struct cr_json *root);

// Whether ROOT, which is no answer, has a message or a failing status at its top: then it
// is an error too.
bool cr_error_body_has_words(const struct cr_json *root);

bool cr_error_body_has_code(const struct cr_error_body *error, const char *code);

// Replace each SECRET in TEXT by "***", in place. Does nothing when SECRET is NULL or
// shorter than CR_SECRET_BYTES_MIN: a dummy key ("EMPTY") is a word like any other.
enum { CR_SECRET_BYTES_MIN = 8 };
void cr_redact(char *text, const char *secret);
void cr_redact_buf(struct cr_buf *buf, const char *secret); // which may hold NULs

#endif
