// grants.c - see grants.h. Work is given by pull: a worker asks for as much as it can hold,
// and gets no more than its even share of what is open, so that nobody idles behind one
// greedy rank.
#include "run/grants.h"

#include "credence/cluster/result.h"
#include "credence/store/tape.h"

enum {
    GRANTS_A_MESSAGE = 4096,
    GRANT_BYTES = 8 << 20 // recorded calls can be long; the worker asks again at once
};

uint64_t cr_grants_share(const struct cr_grants *grants, uint64_t workers) {
    const uint64_t open = cr_ledger_open_count(grants->ledger);
    return workers == 0 ? 1 : (open + workers - 1) / workers;
}

static enum cr_status add_grant(const struct cr_grants *grants,
                                struct cr_member *member, uint64_t trajectory,
                                struct cr_buf *grant, struct cr_err *err) {
    struct cr_call_records recorded = {0};
    enum cr_status status = cr_member_grant(member, trajectory);
    if (status == CR_OK && grants->ledger->recorded_len > 0) {
        status =
            cr_ledger_recorded(grants->ledger, grants->dir, trajectory, &recorded, err);
    }
    if (status == CR_OK) {
        status = cr_grant_add(grant, trajectory, &recorded);
    }
    cr_call_records_fini(&recorded);
    if (status != CR_OK && (err == NULL || err->status != status)) {
        cr_err_set(err, status, "a grant: %s", cr_status_text(status));
    }
    return status;
}

enum cr_status cr_grants_fill(const struct cr_grants *grants, struct cr_member *member,
                              uint64_t share, struct cr_buf *grant,
                              struct cr_err *err) {
    uint64_t trajectory;
    cr_buf_clear(grant);
    for (int granted = 0;
         member->wanting > 0 && member->granted_len < share &&
         granted < GRANTS_A_MESSAGE && grant->used_bytes < GRANT_BYTES &&
         cr_ledger_take(grants->ledger, &trajectory);
         granted++) {
        const enum cr_status status = add_grant(grants, member, trajectory, grant, err);
        if (status != CR_OK) {
            return status;
        }
        member->wanting--;
    }
    if (grant->used_bytes > 0) {
        member->wanting = 0; // one grant answers one want
    }
    return CR_OK;
}

static enum cr_status on_key(void *ctx, const struct cr_tape_key *key,
                             struct cr_err *err) {
    struct cr_ledger *ledger = ctx;
    if (key->trajectory >= ledger->plan->trajectories ||
        ledger->state[key->trajectory] != CR_LEDGER_PENDING) {
        return CR_OK;
    }
    return cr_ledger_record(ledger, key, err);
}

enum cr_status cr_grants_give_back(const struct cr_grants *grants,
                                   struct cr_member *member, int rank,
                                   struct cr_err *err) {
    const struct cr_tape_source tape = {grants->dir, grants->launch, (uint32_t)rank};
    enum cr_status status = CR_OK;
    const bool held_any = member->granted_len > 0;
    for (size_t i = 0; i < member->granted_len && status == CR_OK; i++) {
        status = cr_ledger_return(grants->ledger, member->granted[i], err);
    }
    member->granted_len = 0;
    member->wanting = 0;
    if (status == CR_OK && held_any) {
        status = cr_tape_scan_keys_of(&tape, on_key, grants->ledger, NULL, err);
    }
    return status;
}
