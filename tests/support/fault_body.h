// fault_body.h - a chat request, read.
//
// Layer    test support
// Threads  no shared state
#ifndef FAULT_BODY_H
#define FAULT_BODY_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_api { FAULT_API_CHAT, FAULT_API_MESSAGES };

// Texts are borrowed from `root`.
struct fault_body {
    cJSON *root;
    enum fault_api api;
    const char *model;
    const cJSON *messages;
    const cJSON *schema; // of the answer, or NULL
    uint64_t identity;   // of model, seed and every byte of the messages
    uint64_t answer;     // what the answer is drawn from; a repair turn keeps it
    uint64_t opening;    // of the first user message: the market's own
    unsigned turns;      // messages after the first user message
    size_t prompt_bytes; // of all messages
    size_t cached_bytes; // of those up to the last assistant message
    bool has_format;
    bool wants_logprobs;
};

// False when BYTES are no chat request; then *why says what is missing.
bool fault_body_read(struct fault_body *body, enum fault_api api, const char *bytes,
                     const char **why);
void fault_body_fini(struct fault_body *body);

// Member KEY of OBJECT as text; "" when there is none.
const char *fault_json_text(const cJSON *object, const char *key);

#endif
