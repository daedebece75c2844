// recorder.c - see recorder.h. A million finished episodes must not keep the next call
// waiting: a resume takes their rows from the heads of the spool, and of the tapes only
// the keys.
#include "run/recorder.h"

#include <inttypes.h>
#include <string.h>

#include "credence/cluster/message.h"
#include "credence/cluster/result.h"
#include "credence/core/price.h"
#include "credence/protocol/protocol.h"
#include "credence/protocol/stop.h"
#include "run/signals.h"

static void count(struct cr_tally *tally, const struct cr_view *view,
                  enum cr_reason reason) {
    tally->by_reason[reason] += view->status == CR_INVALID || view->status == CR_FAILED;
    tally->done += view->status == CR_DONE;
    tally->invalid += view->status == CR_INVALID;
    tally->failed += view->status == CR_FAILED;
    tally->converged += view->status == CR_DONE && cr_ended_by_rule(view->ended);
}

// What a cell sees of a trajectory: its first prices, and how it ended for it.
static struct cr_view view_of(const struct cr_plan *plan,
                              const struct cr_plan_group *group, uint32_t i,
                              const struct cr_trajectory *t) {
    const struct cr_cell *cell = &plan->job->cells[group->cells[i]];
    if (cr_protocol_takes_rule(cell->protocol, cell->stop.rule)) {
        return cr_stop_view(&group->stops[i], t);
    }
    return (struct cr_view){t->status, t->ended, t->prices_len};
}

static enum cr_status put_view(struct cr_recorder *recorder,
                               const struct cr_plan_place *place, uint32_t i,
                               const struct cr_trajectory *t, struct cr_err *err) {
    const struct cr_view view = view_of(recorder->plan, place->group, i, t);
    // A market that ended in mid-iteration has paid for a step that has no price.
    const bool is_whole = view.prices_len == t->prices_len;
    const struct cr_episode_row row = {
        .episode = place->first_episode + i,
        .cell = place->group->cells[i],
        .replicate = place->replicate,
        .proposition = place->proposition_row,
        .status = view.status,
        .ended = view.ended,
        .reason = view.status == CR_INVALID || view.status == CR_FAILED
                      ? t->reason
                      : CR_REASON_NONE,
        .prices_len = view.prices_len,
        .width = t->width,
        .price = t->price,
        .quantile = t->quantile,
        .step = t->step,
        .steps_len = is_whole ? t->steps_len : view.prices_len,
        .traders_len = t->traders_len,
        .belief = t->belief,
        .trader = t->trader,
    };
    count(&recorder->tally, &view, t->reason);
    return cr_run_file_put(recorder->file, &row, err);
}

static enum cr_status put_views(struct cr_recorder *recorder,
                                const struct cr_plan_place *place,
                                const struct cr_trajectory *t, struct cr_err *err) {
    for (uint32_t i = 0; i < place->group->cells_len; i++) {
        const enum cr_status status = put_view(recorder, place, i, t, err);
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}

static enum cr_ledger_state state_of(const struct cr_trajectory *t) {
    switch (t->status) {
    case CR_DONE:
        return CR_LEDGER_DONE;
    case CR_INVALID:
        return CR_LEDGER_INVALID;
    case CR_FAILED:
        return CR_LEDGER_FAILED;
    default:
        return CR_LEDGER_PENDING;
    }
}

static bool is_finished(const struct cr_ledger *ledger, uint64_t trajectory) {
    return ledger->state[trajectory] != CR_LEDGER_PENDING &&
           ledger->state[trajectory] != CR_LEDGER_GRANTED;
}

// Whether T is a trajectory of this plan, whatever its number was meant to be, and its
// place in it.
static bool is_of_plan(const struct cr_plan *plan, const struct cr_trajectory *t,
                       struct cr_plan_place *place) {
    if (t->number >= plan->trajectories) {
        return false;
    }
    cr_plan_place(plan, t->number, place);
    return place->key == t->key && t->prices_len <= place->group->prices_max &&
           t->width == cr_proposition_prices(place->proposition);
}

// Why an episode failed is logged once a model and kind; all of them are on the tape.
static void tell_failure(struct cr_recorder *recorder,
                         const struct cr_call_record *record) {
    const struct cr_job *job = recorder->plan->job;
    if (!cr_reason_is_failure(record->reason) || record->model >= job->models_len) {
        return;
    }
    const uint32_t kind = 1u << record->reason;
    if ((recorder->told[record->model] & kind) != 0) {
        return;
    }
    recorder->told[record->model] |= kind;
    cr_log_write(recorder->log, CR_LOG_WARN,
                 "model %s: a call failed for good (%s): %s; further ones of this kind "
                 "are only counted",
                 job->models[record->model].name, cr_reason_names[record->reason],
                 record->error == NULL ? "no reason was given" : record->error);
}

// The calls of an episode that was lost for REASON.
static enum cr_status note_loss(struct cr_recorder *recorder, enum cr_reason reason,
                                const char *body, size_t len) {
    struct cr_call_records records = {0};
    const enum cr_status status = cr_result_records_decode(body, len, &records);
    for (size_t i = 0; status == CR_OK && i < records.len; i++) {
        tell_failure(recorder, &records.at[i]);
        const char *words = cr_call_record_words(&records.at[i]);
        if (records.at[i].reason == reason && words != NULL) {
            cr_said_add(&recorder->said[reason], words);
        }
    }
    cr_call_records_fini(&records);
    return status;
}

enum cr_status cr_recorder_result(struct cr_recorder *recorder, const char *bytes,
                                  size_t len, uint64_t *trajectory,
                                  struct cr_err *err) {
    struct cr_trajectory t = {0};
    size_t head_bytes = 0;
    enum cr_status status = cr_result_trajectory_decode(bytes, len, &t, &head_bytes);
    if (status != CR_OK) {
        return cr_err_set(err, status, "a result that cannot be read");
    }
    *trajectory = t.number;
    struct cr_plan_place place;
    if (!is_of_plan(recorder->plan, &t, &place)) {
        status = cr_err_set(err, CR_E_FORMAT, "a result that is not of this plan");
    } else if (!is_finished(recorder->ledger, t.number)) {
        const struct cr_spool_entry entry = {
            .trajectory = t.number,
            .trajectory_key = t.key,
            .head_bytes = head_bytes,
            .body_bytes = len - head_bytes,
        };
        status = cr_spool_append(recorder->spool, &entry, bytes,
                                 &recorder->ledger->result_at[t.number], err);
        if (status == CR_OK) {
            status = put_views(recorder, &place, &t, err);
        }
        if (status == CR_OK && (t.status == CR_FAILED || t.status == CR_INVALID)) {
            status =
                note_loss(recorder, t.reason, bytes + head_bytes, len - head_bytes);
        }
        if (status == CR_OK) {
            cr_ledger_set(recorder->ledger, t.number, state_of(&t));
        }
    }
    cr_trajectory_fini(&t);
    return status;
}

// The head of a spooled result of an earlier launch: rows and ledger only. Failed
// trajectories are left pending: they are tried again.
static enum cr_status recorder_spooled(struct cr_recorder *recorder,
                                       const struct cr_spool_entry *entry,
                                       const char *head, struct cr_err *err) {
    struct cr_trajectory t = {0};
    size_t used = 0;
    bool is_ours = false;
    enum cr_status status =
        cr_result_trajectory_decode(head, entry->head_bytes, &t, &used);
    if (status == CR_E_FORMAT) { // not believed; the tape has its calls
        return CR_OK;
    }
    if (status != CR_OK) {
        return status;
    }
    status = cr_ledger_number(recorder->ledger, t.key, &t.number, &is_ours, err);
    struct cr_plan_place place;
    if (status == CR_OK && is_ours && is_of_plan(recorder->plan, &t, &place) &&
        t.status != CR_FAILED && !is_finished(recorder->ledger, t.number)) {
        status = put_views(recorder, &place, &t, err);
        if (status == CR_OK) {
            recorder->ledger->result_at[t.number] = entry->offset;
            cr_ledger_set(recorder->ledger, t.number, state_of(&t));
        }
    }
    cr_trajectory_fini(&t);
    return status;
}

static enum cr_status put_records(struct cr_recorder *recorder, uint64_t episode,
                                  const struct cr_buf *body, struct cr_err *err) {
    struct cr_record_reader reader = {.bytes = body->data, .len = body->used_bytes};
    for (;;) {
        bool is_there = false;
        struct cr_call_record record;
        enum cr_status status = cr_record_next(&reader, &is_there, &record);
        if (status != CR_OK) {
            return cr_err_set(err, status, "spool: calls that cannot be read");
        }
        if (!is_there) {
            return CR_OK;
        }
        status = cr_run_file_put_calls(recorder->file, episode, &record, 1, err);
        if (status != CR_OK) {
            return status;
        }
    }
}

// The calls of one trajectory, found on the tapes.
struct taped_calls {
    uint64_t key;
    struct cr_call_records list;
};

static bool is_same_call(const struct cr_call_record *a,
                         const struct cr_call_record *b) {
    return memcmp(&a->id, &b->id, sizeof a->id) == 0;
}

// Of a call that was made again (a later launch, after a failure) the last one counts.
static enum cr_status keep_taped(void *ctx, const struct cr_call_record *record,
                                 struct cr_err *err) {
    struct taped_calls *taped = ctx;
    if (record->trajectory_key != taped->key) {
        return CR_OK;
    }
    const enum cr_status status = cr_call_records_add(&taped->list, record);
    if (status != CR_OK) {
        return cr_err_set(err, status, "no memory for the calls of a market");
    }
    struct cr_call_record *at = taped->list.at;
    const size_t last = taped->list.len - 1;
    for (size_t i = 0; i < last; i++) {
        if (is_same_call(&at[i], &at[last])) {
            at[i] = at[last];
            taped->list.len--;
            break;
        }
    }
    return CR_OK;
}

// The spool is a copy that may be damaged; the tape is not gone because of that.
static enum cr_status put_taped(struct cr_recorder *recorder,
                                const struct cr_plan_place *place,
                                const struct cr_err *why, struct cr_err *err) {
    struct taped_calls taped = {.key = place->key};
    cr_log_write(recorder->log, CR_LOG_WARN,
                 "%s: the calls of episode %" PRIu64 " are taken from the tape",
                 why->text, place->first_episode);
    enum cr_status status = cr_tape_scan(recorder->dir, keep_taped, &taped, NULL, err);
    if (status == CR_OK) {
        status = cr_run_file_put_calls(recorder->file, place->first_episode,
                                       taped.list.at, taped.list.len, err);
    }
    cr_call_records_fini(&taped.list);
    return status;
}

static enum cr_status put_calls(struct cr_recorder *recorder, uint64_t trajectory,
                                struct cr_buf *body, struct cr_err *err) {
    struct cr_plan_place place;
    struct cr_err why = {0};
    cr_plan_place(recorder->plan, trajectory, &place);
    const enum cr_status status = cr_spool_read(
        recorder->spool, recorder->ledger->result_at[trajectory], body, &why);
    if (status == CR_E_FORMAT) {
        return put_taped(recorder, &place, &why, err);
    }
    return status == CR_OK ? put_records(recorder, place.first_episode, body, err)
                           : cr_err_set(err, status, "%s", why.text);
}

// Long work goes on, or not.
static enum cr_status recorder_beat(struct cr_recorder *recorder, struct cr_err *err) {
    if (cr_signals_count() > recorder->signals_most) {
        return cr_err_set(err, CR_E_STOPPED, "%s", cr_signals_name());
    }
    return recorder->lock == NULL ? CR_OK : cr_lock_beat(recorder->lock, err);
}

enum cr_status cr_recorder_calls(struct cr_recorder *recorder, struct cr_err *err) {
    struct cr_buf body;
    enum cr_status status = CR_OK;
    cr_buf_init(&body, CR_MESSAGE_BYTES_MAX);
    for (uint64_t i = 0; i < recorder->plan->trajectories && status == CR_OK; i++) {
        if (recorder->ledger->result_at[i] != 0 && is_finished(recorder->ledger, i)) {
            status = put_calls(recorder, i, &body, err);
        }
        if (status == CR_OK) {
            status = recorder_beat(recorder, err);
        }
    }
    cr_buf_fini(&body);
    return status;
}

struct keys {
    const struct cr_resume *resume;
    struct cr_spent *spent;
    uint64_t seen;
};

// Signals and the lock are looked at once in so many of what is read from the disk: the
// clock costs more than a key.
enum { READS_A_BEAT = 256 };

static enum cr_status on_entry(void *ctx, const struct cr_spool_entry *entry,
                               const char *head, struct cr_err *err) {
    const struct cr_resume *resume = ctx;
    const enum cr_status status = recorder_spooled(resume->recorder, entry, head, err);
    return status == CR_OK ? recorder_beat(resume->recorder, err) : status;
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
    struct keys *keys = ctx;
    struct cr_ledger *ledger = keys->resume->ledger;
    struct cr_tape_key key = *found;
    bool is_ours = false;
    if (!key.is_recorded) {
        spend(keys->spent, keys->resume->job, &key);
    }
    enum cr_status status = keys->seen++ % READS_A_BEAT == 0
                                ? recorder_beat(keys->resume->recorder, err)
                                : CR_OK;
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

enum cr_status cr_recorder_resume(const struct cr_resume *resume,
                                  struct cr_spent *spent, uint64_t *lines,
                                  struct cr_err *err) {
    struct keys keys = {.resume = resume, .spent = spent};
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
    cr_ledger_end_load(resume->ledger);
    *lines = damage.lines + damage.damaged;
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
