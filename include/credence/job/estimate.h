// estimate.h - what a plan will cost, before a call is made.
//
// Layer    job (4)
// Threads  no shared state
// MPI      none
//
// Calls are bounded by the protocols. Tokens are counted on dry runs of the real state
// machines with the real prompts: a few propositions of each configuration are played
// with made-up replies, and every prompt that would be sent is measured, four bytes a
// token. Repairs and retries are not counted; cached prompt tokens are counted as
// others.
#ifndef CREDENCE_JOB_ESTIMATE_H
#define CREDENCE_JOB_ESTIMATE_H

#include "credence/base/status.h"
#include "credence/job/plan.h"
#include "credence/protocol/protocol.h"

enum {
    CR_BYTES_A_TOKEN = 4,
    CR_REPLY_TOKENS_LOW = 12,       // {"claim":"x","reasoning":"x","price":0.5}
    CR_REPLY_TOKENS_EXPECTED = 150, // a claim, two or three sentences, a price
};

struct cr_amount {
    double calls, tokens_in, tokens_out, usd;
};

struct cr_estimate {
    uint64_t trajectories, episodes; // of this shard
    struct cr_amount low;            // markets stop at once, replies are short
    struct cr_amount high;           // markets run to the end, replies fill max_tokens
    struct cr_amount expected;       // as LIKE was, else halfway with usual replies
    struct cr_bounds alone;          // calls if every cell ran its own trajectories
    uint32_t groups_like;            // groups whose expectation comes from LIKE
};

// What an earlier run spent on an episode of a kind of cell.
struct cr_like_cell {
    char *name, *protocol, *benchmark;
    double calls, tokens; // mean of the finished episodes
    // Of the questions' mean differences of accuracy, final less opening, over binary
    // propositions; 0: fewer than two questions.
    double sd;
};
struct cr_like {
    struct cr_like_cell *cells;
    size_t len;
};
// Read DIR/run.h5, or DIR itself when it is a file. CR_E_NOT_FOUND and others of the
// reader.
CR_MUST_CHECK enum cr_status cr_like_read(const char *dir, struct cr_like *out,
                                          struct cr_err *err);
void cr_like_fini(struct cr_like *like);

// LIKE may be NULL.
CR_MUST_CHECK enum cr_status cr_estimate_make(const struct cr_plan *plan,
                                              const struct cr_like *like,
                                              struct cr_estimate *out,
                                              struct cr_err *err);

#endif
