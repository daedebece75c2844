// fault_script.h - what each request is to meet: the rules a test wrote down.
//
// Layer    test support: no part of the product, and links nothing of it
// Threads  one owner
#ifndef FAULT_SCRIPT_H
#define FAULT_SCRIPT_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What goes wrong on the wire or in the reply. Each has a name in the script.
enum fault {
    FAULT_NONE,
    FAULT_SLOW,          // whole reply, late
    FAULT_DRIP,          // a few bytes at a time
    FAULT_STALL,         // half the body, then nothing
    FAULT_NEVER,         // no byte at all
    FAULT_RESET_BEFORE,  // RST instead of a reply
    FAULT_RESET_MID,     // RST after half the body
    FAULT_STATUS,        // an error status, maybe with Retry-After
    FAULT_REFUSE_FORMAT, // 400 for requests with response_format
    FAULT_HTML,          // a proxy's page with status 200
    FAULT_TRUNCATED,     // JSON cut, yet with a matching Content-Length
    FAULT_WRONG_TYPES,   // choices is a string, usage a list
    FAULT_EMPTY_CHOICES,
    FAULT_NULL_CONTENT,
    FAULT_ENDLESS,      // a body without end
    FAULT_INVALID_UTF8, // ill-formed bytes within the answer's text
    FAULT_FENCED,       // the answer in a code fence with prose around
    FAULT_THINK,        // <think> before the answer
    FAULT_REASONING,    // reasoning_content beside it
    FAULT_LENGTH,       // cut by max_tokens, finish_reason says so
    FAULT_GARBAGE,      // prose in place of the answer
    FAULT_OUT_OF_RANGE, // a well-formed answer with an impossible price
    FAULT_GZIP,         // Content-Encoding: gzip
    FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];

enum { FAULT_RULES_MAX = 64, FAULT_ORDINALS_MAX = 32 };

struct fault_rule {
    enum fault fault;
    char name[24]; // as the script says it: "429", "stall"
    int status;
    double share_from, share_to; // of the draw; [0,1) when the rule has no share
    uint64_t group;              // rules made from one list share their draw
    bool per_attempt;            // a new draw each attempt
    unsigned times;              // attempts of one request that meet it; 0: all
    uint64_t ordinals[FAULT_ORDINALS_MAX];
    unsigned ordinals_len; // 0: any
    uint64_t after;        // only requests with a higher ordinal
    uint64_t most;         // how many requests meet it in all; 0: any
    unsigned over_in_flight;
    const char *model;    // NULL: any
    const char *contains; // a piece of the body; NULL: any
    const char *gate;     // a path: the reply waits until it exists; NULL: no wait
    long latency_ms, drip_ms;
    unsigned drip_bytes;
    double retry_after_s; // below 0: no such header
    bool retry_as_date;
    const cJSON *headers; // object of further headers, or NULL
    uint64_t met;
};

struct fault_script {
    cJSON *root; // owns every text of the rules
    uint64_t seed;
    long latency_ms, latency_spread_ms; // of every reply
    const char *key;                    // NULL: anybody may ask
    struct fault_rule rules[FAULT_RULES_MAX];
    unsigned rules_len;
};

// Read TEXT; exits with a message when it is no script: a test with a typing error must
// not pass for want of faults.
void fault_script_read(struct fault_script *script, const char *text);
void fault_script_fini(struct fault_script *script);

// One request as the rules see it.
struct fault_request {
    uint64_t identity; // of what is asked, the same in each attempt
    uint64_t ordinal;  // from 1
    unsigned attempt;  // from 0
    unsigned in_flight;
    const char *model, *body;
    bool has_format;
};

// The first rule that REQUEST meets, counted as met; NULL when none.
struct fault_rule *fault_script_choose(struct fault_script *script,
                                       const struct fault_request *request);

// How late the reply is, from the request alone.
long fault_script_latency_ms(const struct fault_script *script,
                             const struct fault_rule *rule, uint64_t identity);

// A fair number in [0,1) out of its arguments.
double fault_draw(uint64_t seed, uint64_t a, uint64_t b);

#endif
