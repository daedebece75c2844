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
    CR_REQUEST_BYTES_MAX = 16 << 20,  // body of a request
    CR_REPLY_BYTES_MAX = 8 << 20,     // body of a reply, decompressed
    CR_REPLIES_BYTES_MAX = 256 << 20, // of all replies under way in this process
    CR_HEADER_BYTES_MAX = 64 << 10,   // headers of a reply
    CR_REPLY_VALUES_MAX = 100000, // values of a reply's JSON: about 15 ms of parsing
    CR_REPLY_DEPTH_MAX = 64,      // nesting of a reply's JSON
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

// A count of usage, as a number or as digits in a string: 0 when absent, negative or
// absurd.
uint32_t cr_wire_count(const struct cr_json *object, const char *key);
// Whether TEXT is one whole JSON object or list, with nothing but white space around it.
bool cr_wire_is_json(const char *text);

// How a generation ended, by the server's word for it (finish.c).
enum cr_finish_kind {
    CR_FINISH_KIND_UNKNOWN, // a word that is not in the table, or none
    CR_FINISH_KIND_WHOLE,
    CR_FINISH_KIND_CUT, // by a limit of tokens
    CR_FINISH_KIND_REFUSED,
    CR_FINISH_KIND_FILTERED,
    CR_FINISH_KIND_STOPPED // the server gave up
};
enum cr_finish_kind cr_wire_finish_kind(const char *word);
// Set finish, finish_word and, for a refusal or a filter, reason of REPLY, whose text
// and logprobs are read. CR_E_FORMAT, WHY says so: the server stopped the generation.
CR_MUST_CHECK enum cr_status cr_wire_finish(const char *word, struct cr_reply *reply,
                                            struct cr_err *why);

// The decode of the chat completions API (openai_reply.c).
CR_MUST_CHECK enum cr_status cr_openai_decode(const struct cr_decode_args *from,
                                              struct cr_reply *reply,
                                              struct cr_error_body *error,
                                              struct cr_err *why);

// Move what is inside <think> marks from reply->text to reply->reasoning: closed or
// not, and with the opening mark missing (some chat templates write it themselves).
CR_MUST_CHECK enum cr_status cr_think_split(struct cr_reply *reply);
// Append TEXT to reply->reasoning.
CR_MUST_CHECK enum cr_status cr_think_add(struct cr_reply *reply, const char *text,
                                          size_t bytes);

#endif
