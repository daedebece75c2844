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
    CR_ASK_BET,      // claim, reasoning, price, and a stake
    CR_ASK_COUNT
};
extern const char *const cr_ask_names[CR_ASK_COUNT];
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

// Where in its trajectory a call is. Unique there, and the same in every run of the
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
    // Identity of what the trajectory opens with: cells that differ only in their traders
    // or stance share it, and with it the seed of the opening call.
    uint64_t opening_key;
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
    uint32_t tokens_factor;  // times that; 0 counts as 1. 2: the last reply was cut
    uint32_t top_logprobs;   // 0: none asked
    // For the sim backend alone, its oracle: what is priced, and for categorical ones
    // which option each letter stands for: letter i shows options[options_shown[i]].
    const struct cr_proposition *proposition;
    const uint32_t *options_shown;
    struct cr_hash request_hash; // what may answer it; set by cr_client_hash
    void *ctx;                   // of whoever submits the call
};

enum cr_finish { CR_FINISH_STOP, CR_FINISH_LENGTH, CR_FINISH_FILTER, CR_FINISH_OTHER };
extern const char *const cr_finish_names[4];
enum { CR_FINISH_WORD_MAX = 32, CR_REQUEST_ID_MAX = 80 };

struct cr_logprob {
    char token[32]; // NUL-terminated, cut
    double logprob; // natural
};
enum { CR_LOGPROBS_MAX = 20 };

// Why a reply could not be used, a call or an episode failed, or a judgment was repaired:
// one vocabulary for tape, run.h5 and every table. Append only: the numbers are in files.
enum cr_reason {
    CR_REASON_NONE,
    // What the model gave was not usable. These make an episode invalid.
    CR_REASON_UNREADABLE,   // no answer of the asked form in it
    CR_REASON_OUT_OF_RANGE, // an answer, but outside its range
    CR_REASON_CUT,          // ended by max_tokens before the answer was whole
    CR_REASON_REFUSED,      // the model declined
    CR_REASON_FILTERED,     // a content filter took it
    // Nothing usable came, through no fault of the model. These make an episode failed.
    CR_REASON_NO_LOGPROBS, // asked for, and the server has none
    CR_REASON_CONNECTION,  // could not connect, reset, cut short
    CR_REASON_TIMEOUT,
    CR_REASON_RATE,        // 429 and the like
    CR_REASON_QUOTA,       // the account has no credit left
    CR_REASON_KEY,         // 401, 403: the key is missing, wrong or not allowed
    CR_REASON_NOT_FOUND,   // unknown model, wrong path
    CR_REASON_BAD_REQUEST, // the server refuses what was sent
    CR_REASON_SERVER,      // 5xx, a stopped generation, or not what the API promises
    CR_REASON_REPLAY,      // the tape holds no such call
    CR_REASON_STOPPED,     // dropped by a drain: not recorded, not final
    CR_REASON_COUNT
};
// The first that makes an episode failed rather than invalid.
enum { CR_REASON_FIRST_FAILURE = CR_REASON_NO_LOGPROBS };
extern const char *const cr_reason_names[CR_REASON_COUNT];
static inline bool cr_reason_is_failure(enum cr_reason reason) {
    return (int)reason >= CR_REASON_FIRST_FAILURE;
}

struct cr_reply {
    enum cr_reason reason;
    char *text;      // UTF-8, reasoning parts removed; NULL when failed
    char *reasoning; // reasoning_content or <think> text; NULL when none
    char *error; // for people, when failed: model, URL, the server's words; no secrets
    enum cr_finish finish;
    char finish_word[CR_FINISH_WORD_MAX]; // as the server spelt it, cut; else ""
    // What the server calls the request: printable ASCII, cut; "" when it did not say.
    char request_id[CR_REQUEST_ID_MAX];
    uint32_t tokens_in, tokens_out, tokens_cached, tokens_reasoning; // its usage
    uint32_t tokens_total; // of both, where a server counts nothing else; else 0
    double latency_s;      // of the attempt that succeeded: sent to last byte
    uint32_t attempts;     // 1 when the first succeeded
    uint32_t endpoint;     // index in the model's list
    uint32_t http_status;
    bool is_estimated; // the server gave no usage: tokens are estimated from bytes
    bool is_simulated;
    bool is_recorded; // from a tape, or by a twin in flight: nothing was sent for it
    uint32_t logprobs_len;
    // Most replies have none: what is not used is neither cleared nor copied.
    struct cr_logprob logprobs[CR_LOGPROBS_MAX];
};
void cr_reply_fini(struct cr_reply *reply);
// Put what FROM holds into TO, whatever that was.
void cr_reply_move(struct cr_reply *to, const struct cr_reply *from);

#endif
