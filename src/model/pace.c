// pace.c - leases, pauses and the adaptive limit of one model.
#include "model/pace.h"

#include <assert.h>

static const int64_t NS_PER_MS = 1000000;

void cr_pace_init(struct cr_pace *pace, uint32_t concurrency, uint32_t most) {
    *pace = (struct cr_pace){
        .is_adaptive = concurrency == 0,
        .limit = CR_PACE_START < most ? CR_PACE_START : most,
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

void cr_pace_lease(struct cr_pace *pace, const struct cr_lease *lease) {
    pace->lease_concurrency = lease->concurrency;
    if (lease->requests < 0) {
        pace->requests_left = -1;
    } else {
        int64_t left = pace->requests_left < 0 ? 0 : pace->requests_left;
        pace->requests_left = add_capped(left, lease->requests);
    }
    // A debt of tokens (answers longer than was reserved for) is paid by later leases.
    int64_t left = pace->is_token_free ? 0 : pace->tokens_left;
    pace->is_token_free = lease->tokens < 0;
    pace->tokens_left = pace->is_token_free ? 0 : add_capped(left, lease->tokens);
}

uint64_t cr_pace_return_requests(struct cr_pace *pace) {
    if (pace->requests_left <= 0)
        return 0;
    const uint64_t unused = (uint64_t)pace->requests_left;
    pace->requests_left = 0;
    return unused;
}

void cr_pace_pause(struct cr_pace *pace, int64_t now_ns, int64_t pause_ms) {
    int64_t until_ns = now_ns + pause_ms * NS_PER_MS;
    if (until_ns > pace->pause_until_ns) {
        pace->pause_until_ns = until_ns;
    }
}

void cr_pace_pause_seen(struct cr_pace *pace, int64_t now_ns, int64_t pause_ms) {
    cr_pace_pause(pace, now_ns, pause_ms);
    if (pause_ms > pace->pause_seen_ms) {
        pace->pause_seen_ms = pause_ms;
    }
}

uint32_t cr_pace_limit(const struct cr_pace *pace) {
    uint32_t limit = pace->lease_concurrency;
    if (pace->is_adaptive && pace->limit < (double)limit) {
        limit = (uint32_t)pace->limit;
    }
    return limit < pace->most ? limit : pace->most;
}

bool cr_pace_may_start(struct cr_pace *pace, int64_t now_ns, uint32_t waiting) {
    if (now_ns < pace->pause_until_ns) {
        return false;
    }
    bool has_lease = pace->requests_left != 0 &&
                     (pace->is_token_free || pace->tokens_left > 0) &&
                     pace->in_flight < pace->lease_concurrency;
    if (!has_lease && waiting > pace->wanted) {
        pace->wanted = waiting;
    }
    return has_lease && pace->in_flight < cr_pace_limit(pace);
}

void cr_pace_start(struct cr_pace *pace, int64_t reserved_tokens) {
    pace->in_flight++;
    if (pace->requests_left > 0) {
        pace->requests_left--;
    }
    cr_pace_settle(pace, 0, reserved_tokens);
}

void cr_pace_settle(struct cr_pace *pace, int64_t reserved_tokens,
                    int64_t used_tokens) {
    if (!pace->is_token_free) {
        pace->tokens_left += reserved_tokens - used_tokens;
    }
}

static void grow(struct cr_pace *pace) {
    // A limit that is not in use has not been tried: it says nothing about the next.
    if (pace->in_flight + 1 < (uint32_t)pace->limit) {
        return;
    }
    pace->limit += pace->was_cut ? 1.0 / pace->limit : 1.0;
    if (pace->limit > (double)pace->most) {
        pace->limit = (double)pace->most;
    }
}

static void cut(struct cr_pace *pace, int64_t sent_ns, int64_t now_ns) {
    if (sent_ns < pace->cut_ns) {
        return; // was under way when the limit was cut: the same overload
    }
    pace->was_cut = true;
    pace->cut_ns = now_ns;
    pace->limit = pace->limit * CR_PACE_CUT > 1.0 ? pace->limit * CR_PACE_CUT : 1.0;
}

void cr_pace_land(struct cr_pace *pace, enum cr_landing landing, int64_t sent_ns,
                  int64_t now_ns) {
    assert(pace->in_flight > 0);
    pace->in_flight--;
    if (pace->is_adaptive && landing == CR_LANDED_WELL) {
        grow(pace);
    }
    if (pace->is_adaptive && landing == CR_LANDED_OVERLOADED) {
        cut(pace, sent_ns, now_ns);
    }
}

int64_t cr_pace_wake_ns(const struct cr_pace *pace, int64_t now_ns) {
    return pace->pause_until_ns > now_ns ? pace->pause_until_ns : INT64_MAX;
}
