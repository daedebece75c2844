// throttle.c - leases, pauses and the adaptive limit of one model.
#include "model/throttle.h"

#include <assert.h>

static const int64_t NS_PER_MS = 1000000;

void cr_throttle_init(struct cr_throttle *throttle, uint32_t concurrency,
                      uint32_t most) {
    *throttle = (struct cr_throttle){
        .is_adaptive = concurrency == 0,
        .limit = CR_THROTTLE_START < most ? CR_THROTTLE_START : most,
        .most = most,
        .lease_concurrency = concurrency > 0 ? concurrency : most,
        .requests_left = -1,
        .is_token_free = true,
        .cut_ns = INT64_MIN,
        .pause_until_ns = INT64_MIN,
    };
}

static int64_t add_capped(int64_t left, int64_t more) {
    int64_t sum = 0;
    return __builtin_add_overflow(left, more, &sum) ? INT64_MAX : sum;
}

void cr_throttle_lease(struct cr_throttle *throttle, const struct cr_lease *lease) {
    throttle->lease_concurrency = lease->concurrency;
    if (lease->requests < 0) {
        throttle->requests_left = -1;
    } else {
        int64_t left = throttle->requests_left < 0 ? 0 : throttle->requests_left;
        throttle->requests_left = add_capped(left, lease->requests);
    }
    // A debt of tokens (answers longer than was reserved for) is paid by later leases.
    int64_t left = throttle->is_token_free ? 0 : throttle->tokens_left;
    throttle->is_token_free = lease->tokens < 0;
    throttle->tokens_left =
        throttle->is_token_free ? 0 : add_capped(left, lease->tokens);
}

uint64_t cr_throttle_return_requests(struct cr_throttle *throttle) {
    if (throttle->requests_left <= 0) {
        return 0;
    }
    const uint64_t unused = (uint64_t)throttle->requests_left;
    throttle->requests_left = 0;
    return unused;
}

void cr_throttle_pause(struct cr_throttle *throttle, int64_t now_ns, int64_t pause_ms) {
    int64_t until_ns = now_ns + pause_ms * NS_PER_MS;
    if (until_ns > throttle->pause_until_ns) {
        throttle->pause_until_ns = until_ns;
    }
}

void cr_throttle_pause_seen(struct cr_throttle *throttle, int64_t now_ns,
                            int64_t pause_ms) {
    cr_throttle_pause(throttle, now_ns, pause_ms);
    if (pause_ms > throttle->pause_seen_ms) {
        throttle->pause_seen_ms = pause_ms;
    }
}

uint32_t cr_throttle_limit(const struct cr_throttle *throttle) {
    uint32_t limit = throttle->lease_concurrency;
    if (throttle->is_adaptive && throttle->limit < (double)limit) {
        limit = (uint32_t)throttle->limit;
    }
    return limit < throttle->most ? limit : throttle->most;
}

bool cr_throttle_may_start(struct cr_throttle *throttle, int64_t now_ns,
                           uint32_t waiting) {
    if (now_ns < throttle->pause_until_ns) {
        return false;
    }
    bool has_lease = throttle->requests_left != 0 &&
                     (throttle->is_token_free || throttle->tokens_left > 0) &&
                     throttle->in_flight < throttle->lease_concurrency;
    if (!has_lease && waiting > throttle->wanted) {
        throttle->wanted = waiting;
    }
    return has_lease && throttle->in_flight < cr_throttle_limit(throttle);
}

void cr_throttle_start(struct cr_throttle *throttle, int64_t reserved_tokens) {
    throttle->in_flight++;
    if (throttle->requests_left > 0) {
        throttle->requests_left--;
    }
    cr_throttle_refund(throttle, 0, reserved_tokens);
}

void cr_throttle_refund(struct cr_throttle *throttle, int64_t reserved_tokens,
                        int64_t used_tokens) {
    if (!throttle->is_token_free) {
        throttle->tokens_left += reserved_tokens - used_tokens;
    }
}

static void grow(struct cr_throttle *throttle) {
    // A limit that is not in use has not been tried: it says nothing about the next.
    if (throttle->in_flight + 1 < (uint32_t)throttle->limit) {
        return;
    }
    throttle->limit += throttle->was_cut ? 1.0 / throttle->limit : 1.0;
    if (throttle->limit > (double)throttle->most) {
        throttle->limit = (double)throttle->most;
    }
}

static void cut(struct cr_throttle *throttle, int64_t sent_ns, int64_t now_ns) {
    if (sent_ns < throttle->cut_ns) {
        return; // was under way when the limit was cut: the same overload
    }
    throttle->was_cut = true;
    throttle->cut_ns = now_ns;
    throttle->limit = throttle->limit * CR_THROTTLE_CUT > 1.0
                          ? throttle->limit * CR_THROTTLE_CUT
                          : 1.0;
}

void cr_throttle_land(struct cr_throttle *throttle, enum cr_landing landing,
                      int64_t sent_ns, int64_t now_ns) {
    assert(throttle->in_flight > 0);
    throttle->in_flight--;
    if (throttle->is_adaptive && landing == CR_LANDED_WELL) {
        grow(throttle);
    }
    if (throttle->is_adaptive && landing == CR_LANDED_OVERLOADED) {
        cut(throttle, sent_ns, now_ns);
    }
}

int64_t cr_throttle_wake_ns(const struct cr_throttle *throttle, int64_t now_ns) {
    return throttle->pause_until_ns > now_ns ? throttle->pause_until_ns : INT64_MAX;
}

void cr_throttle_forget_peaks(struct cr_throttle *throttle) {
    throttle->pause_seen_ms = 0;
    throttle->wanted = 0;
}
