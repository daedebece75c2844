// backend.h - the table of backends: how a call becomes a request, and a reply a reply.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
//
// A backend is one file and one line of table.c; which keys a job may give it is said in
// job/keys.h (CR_API_). One that talks HTTP gives `encode` and `decode` and leaves
// slots, retries, pace and endpoints to the pool; one in this process gives `answer`.
#ifndef CR_MODEL_BACKEND_H
#define CR_MODEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/core/call.h"
#include "credence/core/job.h"
#include "model/error_body.h"

// How the form of an answer is asked for, strictest first. A server that refuses one is
// asked for the next, and that is remembered.
enum cr_structured {
    CR_STRUCTURED_SCHEMA,
    CR_STRUCTURED_OBJECT,
    CR_STRUCTURED_NONE,
    CR_STRUCTURED_COUNT
};

// Who is said to speak the system prompt. A server without such a role gets it in front
// of the first user turn.
enum cr_system_role {
    CR_SYSTEM_ROLE_SYSTEM,
    CR_SYSTEM_ROLE_DEVELOPER,
    CR_SYSTEM_ROLE_USER,
    CR_SYSTEM_ROLE_COUNT
};

// The shape of a request. It begins as the job says; what a server refuses is learned
// (learned.h).
struct cr_request_shape {
    enum cr_structured structured;
    enum cr_system_role system_role;
    bool
        uses_other_limit; // max_completion_tokens where max_tokens is the dialect's name
    bool omits_seed;
};

// How the services that speak one API differ: a row of dialect.c.
struct cr_dialect {
    const char *name;
    const char *api;         // the backend it belongs to
    const char *path;        // appended to a base URL
    const char *version;     // "/v1": put before the path when the base has no path
    const char *key_header;  // "Authorization: Bearer ", "api-key: "
    const char *more_header; // NULL: none
    const char *max_tokens;  // name of that member
    const char *seed;        // name of that member, NULL: never sent
    bool sends_temperature;
    bool sends_structured;
    bool is_azure; // deployment in the path, api-version in the query
};

// What does not change from call to call, prepared when the client is made.
struct cr_wire {
    const struct cr_model *model;
    const struct cr_dialect *dialect;
    char *head;              // a body up to and without its list of turns
    bool allows_single_seed; // temperature 0: the seed changes nothing
    // Members that the job's "extra" sets: they are not written a second time.
    bool has_limit, has_seed, has_form, has_logprobs;
};

// What a body depends on besides the wire.
struct cr_encode_args {
    const struct cr_call *call;
    struct cr_request_shape shape;
};

// The body of a 2xx.
struct cr_decode_args {
    const char *body;
    size_t bytes;
    const char *secret; // never to be quoted; NULL: none
    int64_t wall_ms;
};

struct cr_backend {
    const char *name;
    bool is_remote;          // reached over HTTP: has encode and decode
    bool has_logprobs;       // the API can give them
    bool takes_other_limit;  // max_tokens has another name in some houses
    int64_t backoff_base_ms; // of the second attempt; doubled for each further one

    // CR_E_JOB, a line a mistake, when MODEL makes no sense. Contacts nothing.
    enum cr_status (*check)(const struct cr_model *model, struct cr_err *err);

    // Set wire->head (given; the pool frees it). Remote only.
    enum cr_status (*prepare)(struct cr_wire *wire);
    // Append the request's body. CR_E_LIMIT past the buffer's maximum. Remote only.
    enum cr_status (*encode)(const struct cr_wire *wire,
                             const struct cr_encode_args *asking, struct cr_buf *body);
    // Read the body of a 2xx into REPLY (text, reasoning, usage, finish, logprobs).
    // What a model declined or a filter took is a reply too: its reason is REFUSED or
    // FILTERED.
    //   CR_E_FORMAT  not what the API promises, or a generation that was stopped; WHY
    //                says what; worth another attempt
    //   CR_E_NET     an error instead of an answer: ERROR is what it says
    //   CR_E_MEMORY
    // What REPLY owns after a failure is freed by the pool. Remote only.
    enum cr_status (*decode)(const struct cr_decode_args *from, struct cr_reply *reply,
                             struct cr_error_body *error, struct cr_err *why);

    // Answer attempt number ATTEMPT (from 1) at once; reply->latency_s is how long the
    // pool lets it take. An attempt that fails like a server sets reply->reason,
    // reply->http_status and reply->error. In-process only.
    enum cr_status (*answer)(const struct cr_model *model, const struct cr_call *call,
                             uint32_t attempt, struct cr_reply *reply);
};

extern const struct cr_backend *const cr_backends[];
const struct cr_backend *cr_backend_find(const char *name); // NULL when unknown

extern const struct cr_backend cr_backend_openai;
extern const struct cr_backend cr_backend_anthropic;
extern const struct cr_backend cr_backend_sim;
extern const struct cr_backend cr_backend_replay;

// The row NAME of API (NULL: the API's default row), or NULL when there is none.
const struct cr_dialect *cr_dialect_find(const char *api, const char *name);

// CR_STRUCTURED_* by a job file's word: "json_schema" (and "auto"), "json_object",
// "none".
enum cr_structured cr_structured_first(const char *word);
bool cr_structured_is_auto(const char *word);
extern const char *const cr_structured_names[CR_STRUCTURED_COUNT];
// "system", "developer", "user".
extern const char *const cr_system_role_names[CR_SYSTEM_ROLE_COUNT];
// The other name of a limit on the answer's tokens: max_completion_tokens for
// max_tokens and the other way round.
const char *cr_limit_name(const struct cr_dialect *dialect, bool uses_other);

#endif
