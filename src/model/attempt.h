// attempt.h - what became of one attempt.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CR_MODEL_ATTEMPT_H
#define CR_MODEL_ATTEMPT_H

#include "model/hints.h"
#include "model/loop.h"
#include "model/request.h"
#include "model/retry.h"
#include "model/upstream.h"

enum { CR_WHAT_MAX = 1024 };

struct cr_attempt {
    struct cr_verdict verdict; // verdict.reason is CR_REASON_NONE when it succeeded
    int64_t retry_after_ms;    // that the server asks for; -1: it does not
    char wait_source[CR_HINT_SOURCE_MAX]; // where that was read
    bool was_heard;                       // the server answered, whatever it said
    bool is_no_host;                      // its host has no address
    bool is_absent;                       // nobody listens there
    bool is_out_of_files;    // this process, not the server, is at its limit
    enum cr_setting refused; // of the request, by the server
    char what[CR_WHAT_MAX];  // of a failure, for people; "" else
    char *sample; // CR_RETRY_SAMPLE: what the model wrote, heap; NULL: not shown
};
void cr_attempt_fini(struct cr_attempt *attempt);

// Judge REQUEST's finished transfer; a success fills request->reply. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_attempt_judge(struct cr_upstream *upstream,
                                              struct cr_request *request,
                                              struct cr_attempt *out);
// Judge what an in-process backend wrote into request->reply.
void cr_attempt_judge_local(const struct cr_request *request, struct cr_attempt *out);

// Make request->reply say that the call failed for good. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_attempt_give_up(const struct cr_upstream *upstream,
                                                struct cr_request *request,
                                                const struct cr_attempt *attempt);

#endif
