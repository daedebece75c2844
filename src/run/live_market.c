// live_market.c - see live_market.h. A recorded reply is believed only for the very request it
// answered (its hash): after a damaged line the calls behind it were made on another
// history, so they are asked again.
#include "run/live_market.h"

#include <string.h>

void cr_live_market_clear(struct cr_live_market *market) {
    cr_episode_destroy(market->episode);
    cr_call_records_fini(&market->recorded);
    cr_call_records_fini(&market->calls);
    *market = (struct cr_live_market){0};
}

static enum cr_status keep(struct cr_live_market *market,
                           struct cr_call_record record) {
    if (!market->keeps_text) {
        record.text = NULL;
        record.reasoning = NULL;
        record.logprobs = NULL;
        record.logprobs_len = 0;
    }
    return cr_call_records_add(&market->calls, &record);
}

enum cr_status cr_live_market_answer(struct cr_live_market *market,
                                     struct cr_call *call, const struct cr_reply *reply,
                                     const struct cr_call_record *record,
                                     struct cr_err *err) {
    const enum cr_status status = keep(market, *record);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory for the calls of a market");
    }
    return cr_episode_answer(market->episode, call, reply, err);
}

static bool answers(const struct cr_call_record *record, const struct cr_call *call) {
    return memcmp(&record->id, &call->id, sizeof call->id) == 0 &&
           (record->is_old || (record->request_hash.hi == call->request_hash.hi &&
                               record->request_hash.lo == call->request_hash.lo));
}

// There may be several records of one call: a failure that was tried again, or two ranks
// of which one was given up for dead too early. The first good answer counts.
static const struct cr_call_record *find_recorded(const struct cr_live_market *market,
                                                  const struct cr_call *call) {
    const struct cr_call_record *failure = NULL;
    for (size_t i = 0; i < market->recorded.len; i++) {
        const struct cr_call_record *record = &market->recorded.at[i];
        if (!answers(record, call)) {
            continue;
        }
        if (!cr_reason_is_failure(record->reason)) {
            return record;
        }
        failure = record;
    }
    return market->believes_failures ? failure : NULL;
}

// Answer CALL from the tape when it is there; *was_answered says so.
static enum cr_status answer_recorded(struct cr_live_market *market,
                                      struct cr_call *call, bool *was_answered,
                                      struct cr_err *err) {
    *was_answered = false;
    const struct cr_call_record *record = find_recorded(market, call);
    if (record == NULL) {
        return CR_OK;
    }
    struct cr_reply reply = {0};
    enum cr_status status = cr_reply_from_record(record, &reply);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory for a recorded reply");
    }
    *was_answered = true;
    struct cr_call_record kept = *record; // an older tape may lack the reason
    status = cr_episode_read(market->episode, call, &reply, &kept.reason, err);
    if (status == CR_OK) {
        status = cr_live_market_answer(market, call, &reply, &kept, err);
    }
    cr_reply_fini(&reply);
    return status;
}

enum cr_status cr_live_market_submit_ready(struct cr_live_market *market,
                                           struct cr_client *client,
                                           struct cr_err *err) {
    for (;;) {
        struct cr_call *call = NULL;
        enum cr_status status = cr_episode_next(market->episode, &call, err);
        if (status != CR_OK || call == NULL) {
            return status;
        }
        cr_client_hash(client, call);
        bool was_answered;
        status = answer_recorded(market, call, &was_answered, err);
        if (status != CR_OK) {
            return status;
        }
        if (was_answered) {
            continue;
        }
        call->ctx = market;
        status = cr_client_submit(client, call, err);
        if (status != CR_OK) {
            return status;
        }
        market->out++;
    }
}
