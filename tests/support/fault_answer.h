// fault_answer.h - what the server says: a function of the request's messages, model
// and seed alone, so that a run with faults and one without get the same prices.
//
// Layer    test support
// Threads  no shared state
#ifndef FAULT_ANSWER_H
#define FAULT_ANSWER_H

#include <stddef.h>

#include "fault_body.h"
#include "fault_script.h"

// Whether a trader asks.
bool fault_answer_is_argument(const struct fault_body *body);

// The answer's text in the shape that the request asks for; the caller frees it.
char *fault_answer_make(const struct fault_body *body);

// The whole HTTP body of a reply, as FAULT bends it; *len its bytes, which may be
// ill-formed UTF-8. The caller frees it.
char *fault_reply_make(const struct fault_body *body, enum fault fault, size_t *len);

// An error body in the words of the API. The caller frees it.
char *fault_error_make(enum fault_api api, int status, const char *message,
                       size_t *len);

// BYTES in gzip's format, stored uncompressed. The caller frees it.
char *fault_gzip_make(const char *bytes, size_t len, size_t *out_len);

#endif
