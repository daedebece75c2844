// watch.c - see watch.h.
#include "model/watch.h"

#include <stdio.h>

static struct cr_client_notice *add_notice(struct cr_notices *notices) {
    if (notices->len == CR_NOTICES_MAX) {
        return NULL;
    }
    return &notices->at[(notices->first + notices->len++) % CR_NOTICES_MAX];
}

bool cr_notices_take(struct cr_notices *notices, struct cr_client_notice *out) {
    if (notices->len == 0) {
        return false;
    }
    *out = notices->at[notices->first];
    notices->first = (notices->first + 1) % CR_NOTICES_MAX;
    notices->len--;
    return true;
}

void cr_watch_answer(struct cr_watch *watch, const struct cr_reply *reply) {
    watch->has_answered = true;
    watch->has_logprobs = watch->has_logprobs || reply->logprobs_len > 0;
}

// Whether enough calls met what only a person can mend.
static bool is_hopeless(const struct cr_watch *watch) {
    return (!watch->has_answered && watch->hopeless >= CR_WATCH_HOPELESS) ||
           (!watch->has_logprobs && watch->without_logprobs >= CR_WATCH_HOPELESS);
}

// How many of CR_WATCH_HOPELESS attempts a failure stands for.
static uint32_t hopeless_attempts(const struct cr_watch_failure *failure) {
    if (failure->is_no_host) {
        return failure->attempts >= CR_WATCH_HOST_ATTEMPTS;
    }
    if (failure->is_absent) {
        return failure->is_final ? failure->attempts : 0;
    }
    return failure->reason == CR_REASON_KEY || failure->reason == CR_REASON_QUOTA ||
           failure->reason == CR_REASON_NOT_FOUND;
}

static void notice_failure(struct cr_watch *watch,
                           const struct cr_watch_failure *failure,
                           struct cr_notices *notices) {
    const uint32_t at =
        failure->endpoint < CR_ENDPOINTS_MAX ? failure->endpoint : CR_ENDPOINTS_MAX - 1;
    const uint32_t bit = 1u << failure->reason;
    if ((watch->seen[at] & bit) != 0) {
        return;
    }
    struct cr_client_notice *notice = add_notice(notices);
    if (notice == NULL) {
        return;
    }
    watch->seen[at] |= bit;
    *notice = (struct cr_client_notice){.kind = CR_NOTICE_FAILURE,
                                        .model = failure->model,
                                        .endpoint = failure->endpoint,
                                        .reason = failure->reason,
                                        .is_final = failure->is_final};
    (void)snprintf(notice->text, sizeof notice->text, "%s", failure->text);
}

void cr_watch_fail(struct cr_watch *watch, const struct cr_watch_failure *failure,
                   struct cr_notices *notices) {
    notice_failure(watch, failure, notices);
    const uint32_t hopeless = hopeless_attempts(failure);
    if (!watch->has_answered && hopeless > 0) {
        watch->hopeless += hopeless;
        watch->reason = failure->reason;
    }
    if (!watch->has_logprobs && failure->reason == CR_REASON_NO_LOGPROBS) {
        watch->without_logprobs++;
        watch->reason = failure->reason;
    }
}

bool cr_watch_may_start(const struct cr_watch *watch, uint32_t in_flight) {
    return !is_hopeless(watch) && (watch->has_answered || in_flight < CR_WATCH_FIRST);
}

void cr_watch_check(struct cr_watch *watch, uint32_t model, uint32_t in_flight,
                    struct cr_notices *notices) {
    if (watch->is_blocked || in_flight > 0 || !is_hopeless(watch)) {
        return;
    }
    struct cr_client_notice *notice = add_notice(notices);
    if (notice != NULL) {
        watch->is_blocked = true;
        *notice = (struct cr_client_notice){
            .kind = CR_NOTICE_BLOCKED, .model = model, .reason = watch->reason};
    }
}
