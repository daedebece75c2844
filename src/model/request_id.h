// request_id.h - what a server calls a request, for whoever asks its people about it.
//
// Layer    model (3), private; pure
// Threads  no shared state
// MPI      none
#ifndef CR_MODEL_REQUEST_ID_H
#define CR_MODEL_REQUEST_ID_H

#include <stddef.h>

#include "credence/core/call.h"

struct cr_request_id {
    char text[CR_REQUEST_ID_MAX]; // "" when there was none
    size_t rank;                  // of the header it is from; smaller is better
};

void cr_request_id_clear(struct cr_request_id *id);
// Heed the header LINE ("name: value", BYTES of it, not terminated) if it names the
// request. A service's own header goes before that of a cache or gateway in between.
// Values that are not one word of printable ASCII are left out, long ones cut.
void cr_request_id_note(struct cr_request_id *id, const char *line, size_t bytes);
// Into OUT what a reply's body calls itself, if it is fit to be kept; else "".
void cr_request_id_copy(char out[CR_REQUEST_ID_MAX], const char *text);

#endif
