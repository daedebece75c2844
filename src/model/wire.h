// wire.h - what the HTTP backends share: limits, checks, pieces of bodies and replies.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
#ifndef CR_MODEL_WIRE_H
#define CR_MODEL_WIRE_H

#include "credence/base/json.h"
#include "model/backend.h"

enum {
    CR_REQUEST_BYTES_MAX = 16 << 20, // body of a request
    CR_REPLY_BYTES_MAX = 8 << 20,    // body of a reply, decompressed
    CR_HEADER_BYTES_MAX = 64 << 10,  // headers of a reply
    CR_REPLY_DEPTH_MAX = 64,         // nesting of a reply's JSON
    CR_WORDS_MAX = 400,              // of a server, in an error text
    CR_BACKOFF_BASE_MS = 500
};

// The checks of every HTTP backend: endpoints, dialect, socket, extra, params.
enum cr_status cr_wire_check(const struct cr_model *model, struct cr_err *err);

// "{" and the members of model, params, temperature and extra, then `,"messages":[`.
CR_MUST_CHECK enum cr_status cr_wire_prepare(struct cr_wire *wire);

// The limit on the answer's tokens for CALL; 0 when none is set.
uint32_t cr_wire_max_tokens(const struct cr_wire *wire, const struct cr_call *call);

// Parse BODY within the limits above. CR_E_FORMAT with WHY, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_wire_parse(const char *body, size_t bytes,
                                           struct cr_json **out, struct cr_err *why);

// A count of usage: 0 when absent, negative or absurd.
uint32_t cr_wire_count(const struct cr_json *object, const char *key);

// CR_FINISH_* by a server's word.
enum cr_finish cr_wire_finish(const char *word);

// Move what is inside <think> marks from reply->text to reply->reasoning: closed or
// not, and with the opening mark missing (some chat templates write it themselves).
CR_MUST_CHECK enum cr_status cr_think_split(struct cr_reply *reply);
// Append TEXT to reply->reasoning.
CR_MUST_CHECK enum cr_status cr_think_add(struct cr_reply *reply, const char *text,
                                          size_t bytes);

// What a server says in an error body: its message, else the body itself; valid UTF-8,
// one line, at most CR_WORDS_MAX bytes, every copy of SECRET (may be NULL) replaced.
void cr_error_text(const char *body, size_t bytes, const char *secret,
                   char out[CR_WORDS_MAX + 1]);

#endif
