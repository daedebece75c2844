// resume.c - see resume.h. A million finished episodes must not keep the next call
// waiting: their rows come from the heads of the spool, and of the tapes only the keys
// are read.
#include "run/resume.h"

#include <inttypes.h>

#include "credence/core/price.h"

struct keys {
    const struct cr_resume *resume;
    struct cr_spent *spent;
};

static enum cr_status on_entry(void *ctx, const struct cr_spool_entry *entry,
                               const char *head, struct cr_err *err) {
    const struct cr_resume *resume = ctx;
    const enum cr_status status =
        cr_recorder_spooled(resume->recorder, entry, head, err);
    return status == CR_OK ? cr_recorder_beat(resume->recorder, err) : status;
}

static void spend(struct cr_spent *spent, const struct cr_job *job,
                  const struct cr_tape_key *key) {
    spent->calls++;
    spent->tokens_in += key->tokens_in;
    spent->tokens_out += key->tokens_out;
    spent->tokens_cached += key->tokens_cached;
    if (key->model >= job->models_len) {
        return;
    }
    const struct cr_token_price price =
        cr_token_price_of_model(&job->models[key->model]);
    spent->usd += cr_token_price_cost(&price, key->tokens_in, key->tokens_cached,
                                      key->tokens_out);
}

static enum cr_status on_key(void *ctx, const struct cr_tape_key *found,
                             struct cr_err *err) {
    const struct keys *keys = ctx;
    struct cr_ledger *ledger = keys->resume->ledger;
    struct cr_tape_key key = *found;
    bool is_ours = false;
    if (!key.is_recorded) {
        spend(keys->spent, keys->resume->job, &key);
    }
    enum cr_status status = cr_recorder_beat(keys->resume->recorder, err);
    if (status == CR_OK) {
        status = cr_ledger_number(ledger, key.trajectory_key, &key.trajectory, &is_ours,
                                  err);
    }
    if (status != CR_OK || !is_ours ||
        ledger->state[key.trajectory] != CR_LEDGER_PENDING) {
        return status;
    }
    return cr_ledger_record(ledger, &key, err);
}

enum cr_status cr_resume_load(const struct cr_resume *resume, struct cr_spent *spent,
                              struct cr_err *err) {
    struct keys keys = {resume, spent};
    struct cr_tape_damage damage = {0};
    const struct cr_spool_cfg cfg = {
        .dir = resume->dir,
        .identity = resume->job->identity,
        .is_fresh = resume->ignores_spool,
        .each = on_entry,
        .ctx = (void *)resume,
    };
    enum cr_status status = cr_spool_open(&cfg, &resume->recorder->spool, err);
    if (status == CR_OK) {
        status = cr_tape_scan_keys(resume->dir, on_key, &keys, &damage, err);
    }
    if (status != CR_OK) {
        return cr_err_while(err, status, "resuming %s", resume->dir);
    }
    cr_ledger_settle(resume->ledger);
    if (damage.damaged > 0) {
        cr_log_write(resume->log, CR_LOG_WARN,
                     "%s (%" PRIu64
                     " damaged lines in all): those calls are asked again",
                     damage.first, damage.damaged);
    }
    if (damage.lines > 0) {
        cr_log_write(resume->log, CR_LOG_INFO,
                     "resuming: %" PRIu64 " recorded calls, %" PRIu64
                     " trajectories finished, %" PRIu64 " to go",
                     damage.lines,
                     resume->ledger->counts[CR_LEDGER_DONE] +
                         resume->ledger->counts[CR_LEDGER_INVALID],
                     cr_ledger_open_count(resume->ledger));
    }
    return CR_OK;
}
