// watch.h - what people must hear of a model at once, and when it is hopeless to ask it.
//
// Layer    model (3), private; pure
// Threads  one owner
// MPI      none
//
// Until a model has answered, few calls are out at once (CR_WATCH_FIRST), so that a wrong
// key costs a handful of calls and not one for each market. When CR_WATCH_HOPELESS of
// them met what only a person can mend, nothing more starts; when the others have landed
// too and none was answered, the model is blocked. A server to which nobody could connect
// may still be coming up: that counts once a call has spent all its tries on it, so
// limits.retries says how long it may take. One answer ends all this for good. Logprobs are
// counted by themselves, for a server may answer everything and have none: a model whose
// first CR_WATCH_HOPELESS replies that should have them do not is blocked all the same.
#ifndef CR_MODEL_WATCH_H
#define CR_MODEL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/model/client.h"
#include "model/endpoint.h"

enum {
    CR_WATCH_FIRST = 16,
    CR_WATCH_HOPELESS = 3,
    CR_WATCH_HOST_ATTEMPTS = 3, // a name server may fail twice
    CR_NOTICES_MAX = 16
};

// Notices that nobody has taken yet; one that finds no room is made again later.
struct cr_notices {
    struct cr_client_notice at[CR_NOTICES_MAX];
    uint32_t first, len;
};

struct cr_watch {
    bool has_answered;
    uint32_t hopeless; // attempts so far
    bool has_logprobs; // some reply had them
    uint32_t without_logprobs;
    bool is_blocked; // and a notice says so
    enum cr_reason reason;
    uint32_t seen[CR_ENDPOINTS_MAX]; // bits: reasons that were noticed at each endpoint
};

// An attempt that failed, as the watch sees it.
struct cr_watch_failure {
    uint32_t model, endpoint;
    enum cr_reason reason;
    bool is_final;     // it is not tried again
    bool is_no_host;   // its host has no address
    bool is_absent;    // nobody listens there
    uint32_t attempts; // of this call
    const char *text;  // "model good at http://...: HTTP 401: ..."
};

void cr_watch_answer(struct cr_watch *watch, const struct cr_reply *reply);
void cr_watch_fail(struct cr_watch *watch, const struct cr_watch_failure *failure,
                   struct cr_notices *notices);
// Whether another call may start while IN_FLIGHT are.
bool cr_watch_may_start(const struct cr_watch *watch, uint32_t in_flight);
// To be asked after each landing: notices that the model is blocked, once.
void cr_watch_check(struct cr_watch *watch, uint32_t model, uint32_t in_flight,
                    struct cr_notices *notices);

// The oldest notice; false when there is none.
bool cr_notices_take(struct cr_notices *notices, struct cr_client_notice *out);

#endif
