// live_market.h - one live market of a worker: its episode, and what is known of its calls.
//
// Layer    run (5), private to the worker
#ifndef CR_RUN_LIVE_MARKET_H
#define CR_RUN_LIVE_MARKET_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/job/plan.h"
#include "credence/model/client.h"
#include "credence/protocol/episode.h"

struct cr_live_market {
    struct cr_live_market *next; // in the worker's queue or free list
    uint64_t trajectory;
    struct cr_episode_cfg setting;
    struct cr_episode *episode;      // NULL until started
    struct cr_call_records recorded; // from the tape of an earlier rank or launch
    struct cr_call_records calls;    // all of this market's, for the result
    uint32_t out;                    // calls submitted and not yet answered
    bool keeps_text;                 // the result carries the replies' texts
    bool believes_failures; // a recorded failure counts (rebuild); else it is tried
                            // again
    bool is_stopped;        // a call was dropped by a drain: no result
};

void cr_live_market_clear(
    struct cr_live_market *market); // ready for another trajectory

// Ask the episode for calls until it has none: what is recorded is answered at once,
// the rest is submitted to CLIENT with call->ctx = MARKET.
CR_MUST_CHECK enum cr_status cr_live_market_submit_ready(struct cr_live_market *market,
                                                         struct cr_client *client,
                                                         struct cr_err *err);
// Answer CALL and keep its record.
CR_MUST_CHECK enum cr_status cr_live_market_answer(struct cr_live_market *market,
                                                   struct cr_call *call,
                                                   const struct cr_reply *reply,
                                                   const struct cr_call_record *record,
                                                   struct cr_err *err);

#endif
