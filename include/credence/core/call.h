// call.h - one request to a model, and its reply.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_CALL_H
#define CREDENCE_CORE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/hash.h"
#include "credence/base/status.h"
#include "credence/core/proposition.h"

enum cr_role { CR_ROLE_MAKER, CR_ROLE_TRADER, CR_ROLE_COUNT };
extern const char *const cr_role_names[CR_ROLE_COUNT];

// What is asked for, hence how the reply is read.
enum cr_ask {
    CR_ASK_JUDGMENT, // claim, reasoning, price
    CR_ASK_ARGUMENT, // a trader's argument
    CR_ASK_VOTE,     // yes or no
    CR_ASK_LOGPROB,  // yes or no, first token with its logprobs
    CR_ASK_COUNT
};

enum cr_speaker { CR_SYSTEM, CR_USER, CR_ASSISTANT };

// One turn of a chat. `quoted` is the text as a JSON string, made once when the turn
// was appended, so that a request body is a concatenation.
struct cr_turn {
    enum cr_speaker speaker;
    const char *text;
    size_t text_bytes;
    const char *quoted;
    size_t quoted_bytes;
};

// Where in its trajectory a call stands. Unique there, and the same in every run of the
// job: it keys the tape, the seed and the resume.
struct cr_call_id {
    uint32_t iteration;
    uint8_t role;    // enum cr_role
    uint8_t trader;  // which trader or side; 0 for the maker
    uint16_t sample; // which sample of self_consistency or of sampled elicitation
    uint16_t repair; // 0, or the number of the repair turn
    uint8_t ask;     // enum cr_ask
    uint8_t reserved;
};

// A request, complete. Owned by the episode that asks; borrowed by everyone else until
// the reply was given back.
struct cr_call {
    uint64_t trajectory;     // number in the plan
    uint64_t trajectory_key; // identity of the trajectory: same job content, same key
    struct cr_call_id id;
    uint32_t model; // index into cr_job.models
    uint64_t seed;  // derived from the job's seed, the key and the id
    const struct cr_turn *turns;
    size_t turns_len;
    // The same turns as above, split: [0, prefix_len) were in the id's previous
    // request too, so a server may have them cached.
    size_t prefix_len;
    const char *schema;      // JSON schema of the answer, NULL for free text
    const char *schema_name; // [a-z_]+
    uint32_t max_tokens;     // 0: as the model's params say
    uint32_t top_logprobs;   // 0: none asked
    // For the sim backend alone, its oracle: what is priced, and for categorical ones
    // which option each letter stands for: letter i shows options[options_shown[i]].
    const struct cr_proposition *proposition;
    const uint32_t *options_shown;
    struct cr_hash request_hash; // model identity, params, turns, schema, seed; set by
                                 // cr_call_hash
    void *ctx;                   // of whoever submits the call
};

enum cr_finish { CR_FINISH_STOP, CR_FINISH_LENGTH, CR_FINISH_FILTER, CR_FINISH_OTHER };
extern const char *const cr_finish_names[4];

struct cr_logprob {
    char token[32]; // NUL-terminated, cut
    double logprob; // natural
};
enum { CR_LOGPROBS_MAX = 20 };

// Why a call failed for good. CR_FAIL_NONE: it did not.
enum cr_fail {
    CR_FAIL_NONE,
    CR_FAIL_TRANSPORT, // could not connect, reset, cut short; retries exhausted
    CR_FAIL_TIMEOUT,
    CR_FAIL_RATE,     // 429 and the like; retries exhausted
    CR_FAIL_SERVER,   // 5xx; retries exhausted
    CR_FAIL_REFUSED,  // 400, 401, 403, 404 ...: never retried
    CR_FAIL_PROTOCOL, // not the JSON the API promises; retries exhausted
    CR_FAIL_LIMIT,    // request or reply over a named limit
    CR_FAIL_REPLAY,   // the tape holds no such call
    CR_FAIL_STOPPED,  // dropped by a drain: not recorded, not final
    CR_FAIL_COUNT
};
extern const char *const cr_fail_names[CR_FAIL_COUNT];

struct cr_reply {
    enum cr_fail fail;
    char *text;      // UTF-8, reasoning parts removed; NULL when failed
    char *reasoning; // reasoning_content or <think> text; NULL when none
    char *error; // for people, when failed: model, URL, the server's words; no secrets
    enum cr_finish finish;
    uint32_t tokens_in, tokens_out, tokens_cached,
        tokens_reasoning; // as the server says
    double latency_s;     // of the attempt that succeeded: sent to last byte
    uint32_t attempts;    // 1 when the first succeeded
    uint32_t endpoint;    // index in the model's list
    uint32_t http_status;
    struct cr_logprob logprobs[CR_LOGPROBS_MAX];
    uint32_t logprobs_len;
    bool is_simulated;
    bool is_recorded; // from a tape, or by a twin in flight: nothing was sent for it
};
void cr_reply_fini(struct cr_reply *reply);

#endif
