// probe.c - see probe.h.
//
// A task is one question asked of one proposition: the opening, or one of the questions
// beside it. Each is an episode that is played until its first price, and no further.
// The questions beside the opening get a trajectory key of their own, derived from the
// opening's, so that no plan has them and their seeds differ.
#include "credence/run/probe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/clock.h"
#include "credence/base/file.h"
#include "credence/base/hash.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/job/job_file.h"
#include "credence/model/client.h"
#include "credence/model/server.h"
#include "credence/prompt/answer.h"
#include "credence/protocol/episode.h"
#include "credence/store/lock.h"
#include "credence/store/tape.h"
#include "run/directory.h"
#include "run/probe_items.h"
#include "run/probe_numbers.h"
#include "run/reply_cache.h"
#include "run/signals.h"
#include "run/study_lock.h"

enum { OPEN_MAX = 16, POLL_MS = 200, TEXT_BYTES_MAX = 1 << 24 };

enum kind { OPENING, AGAIN, NEGATED, PARAPHRASED, LOW, HIGH, READING, KINDS };

struct probing {
    struct cr_probe *probe;
    struct cr_client *client;
    struct cr_reply_cache *cache;
    struct cr_lock *lock;
    struct cr_tape *tape;
    const struct cr_clock *clock;
    struct cr_log *log;
    struct cr_arena arena;      // negated and paraphrased claims, examples
    struct cr_servers *servers; // those that the job starts
    enum cr_status moved;       // the first failure to announce one
    bool is_reading;            // what a server without logprobs must not end
    int signals;                // seen; 1: nothing more is sent, what is out is awaited
    uint32_t open;              // tasks
    struct task *tasks;         // those
};

struct task {
    struct probing *probing;
    struct cr_probe_model *model;
    struct cr_fitness_item *item;
    enum kind kind;
    bool is_read; // its price comes from logprobs
    struct cr_episode *episode;
    struct sent *sent; // calls that are out
    struct task *next;
};

// A call that is out: what the episode asked, and what was sent for it.
struct sent {
    struct sent *next; // of its task
    struct task *task;
    struct cr_call *asked;
    struct cr_call call;
};

static enum cr_status no_memory(struct cr_err *err) {
    return cr_err_set(err, CR_E_MEMORY, "out of memory while probing");
}

static double *price_of(struct cr_fitness_item *item, enum kind kind) {
    double *const prices[KINDS] = {&item->price,       &item->again, &item->negated,
                                   &item->paraphrased, &item->low,   &item->high,
                                   &item->held};
    return prices[kind];
}

// Claims.

static enum cr_status reword(struct probing *probing, const char *before,
                             struct cr_proposition *p, struct cr_err *err) {
    struct cr_buf text;
    cr_buf_init(&text, TEXT_BYTES_MAX);
    enum cr_status status = cr_buf_printf(&text, "%s%s", before, p->text);
    const char *kept =
        status == CR_OK ? cr_arena_strdup(&probing->arena, text.data) : NULL;
    cr_buf_fini(&text);
    p->text = kept;
    return kept != NULL ? CR_OK : no_memory(err);
}

// What KIND asks about P, in the arena.
static enum cr_status claim_of(struct probing *probing, enum kind kind,
                               const struct cr_proposition *p,
                               const struct cr_proposition **out, struct cr_err *err) {
    *out = p;
    if (kind != NEGATED && kind != PARAPHRASED) {
        return CR_OK;
    }
    struct cr_proposition *claim = cr_arena_alloc(&probing->arena, sizeof *claim);
    if (claim == NULL) {
        return no_memory(err);
    }
    *claim = *p;
    *out = claim;
    if (kind == PARAPHRASED) {
        return reword(probing, "The following is the case: ", claim, err);
    }
    claim->label = 1 - p->label;
    return reword(probing, "It is not true that the following holds: ", claim, err);
}

// A call of the probe's own: without a reading beside it, and for READING the maker's
// question by the logprobs of a yes and a no, whatever the job's is.
static enum cr_status change_cell(struct probing *probing, enum kind kind,
                                  struct cr_episode_cfg *cfg, struct cr_err *err) {
    struct cr_cell *cell = cr_arena_alloc(&probing->arena, sizeof *cell);
    if (cell == NULL) {
        return no_memory(err);
    }
    *cell = *cfg->cell;
    cell->elicitation = kind == READING ? CR_ELICIT_LOGPROB : cell->elicitation;
    cell->held = CR_HELD_NONE;
    cfg->cell = cell;
    return CR_OK;
}

// The example of the copy test, behind the last message of CALL.
static enum cr_status add_example(struct probing *probing, double price,
                                  struct cr_call *call, struct cr_err *err) {
    struct cr_turn *turns =
        cr_arena_alloc(&probing->arena, call->turns_len * sizeof *turns);
    if (turns == NULL || call->turns_len == 0) {
        return no_memory(err);
    }
    memcpy(turns, call->turns, call->turns_len * sizeof *turns);
    struct cr_turn *last = &turns[call->turns_len - 1];
    struct cr_buf text, quoted;
    cr_buf_init(&text, TEXT_BYTES_MAX);
    cr_buf_init(&quoted, TEXT_BYTES_MAX);
    enum cr_status status = cr_buf_add(&text, last->text, last->text_bytes);
    if (status == CR_OK) {
        status = cr_buf_printf(&text,
                               "\n\nAn answer looks like this: {\"claim\": \"...\", "
                               "\"reasoning\": \"...\", \"price\": %.1f}",
                               price);
    }
    if (status == CR_OK) {
        status = cr_json_add_quoted(&quoted, text.data, text.used_bytes);
    }
    if (status == CR_OK) {
        last->text_bytes = text.used_bytes;
        last->quoted_bytes = quoted.used_bytes;
        last->text = cr_arena_strndup(&probing->arena, text.data, text.used_bytes);
        last->quoted =
            cr_arena_strndup(&probing->arena, quoted.data, quoted.used_bytes);
        call->turns = turns;
    }
    cr_buf_fini(&text);
    cr_buf_fini(&quoted);
    return status == CR_OK && last->text != NULL && last->quoted != NULL
               ? CR_OK
               : no_memory(err);
}

// Tasks.

static void free_sent(struct sent *sent) {
    struct sent **at = &sent->task->sent;
    while (*at != sent) {
        at = &(*at)->next;
    }
    *at = sent->next;
    cr_free(sent);
}

static void free_task(struct task *task) {
    struct task **at = &task->probing->tasks;
    while (*at != task) {
        at = &(*at)->next;
    }
    *at = task->next;
    task->probing->open--;
    while (task->sent != NULL) {
        free_sent(task->sent);
    }
    cr_episode_destroy(task->episode);
    cr_free(task);
}

static void end_task(struct task *task) {
    const struct cr_trajectory *t = cr_episode_trajectory(task->episode);
    if (t->prices_len > 0) {
        *price_of(task->item, task->kind) = t->price[0];
    }
    free_task(task);
}

// Send what the episode asks, until it has a price. The task may be gone afterwards.
static enum cr_status pump(struct task *task, uint32_t *out_calls, struct cr_err *err) {
    struct probing *probing = task->probing;
    enum cr_status status = CR_OK;
    while (status == CR_OK && !cr_episode_is_done(task->episode) &&
           cr_episode_trajectory(task->episode)->prices_len == 0) {
        struct cr_call *asked = NULL;
        status = cr_episode_next(task->episode, &asked, err);
        if (status != CR_OK || asked == NULL) {
            return status; // replies are awaited
        }
        struct sent *sent = cr_calloc(1, sizeof *sent);
        if (sent == NULL) {
            return no_memory(err);
        }
        *sent = (struct sent){
            .task = task, .asked = asked, .call = *asked, .next = task->sent};
        task->sent = sent;
        sent->call.ctx = sent;
        if (task->kind == AGAIN) { // an opening's seed does not depend on the key
            sent->call.seed = cr_hash_mix(sent->call.seed, CR_PROBE_SALT);
        }
        if (task->kind == LOW || task->kind == HIGH) {
            status =
                add_example(probing, task->kind == LOW ? 0.2 : 0.8, &sent->call, err);
        }
        if (status == CR_OK) {
            cr_client_hash(probing->client, &sent->call);
            status = cr_client_submit(probing->client, &sent->call, err);
        }
        *out_calls += status == CR_OK;
    }
    if (status == CR_OK) {
        end_task(task);
    }
    return status;
}

static enum cr_status start_task(struct probing *probing, struct cr_probe_model *model,
                                 uint64_t trajectory, const struct task *what,
                                 struct cr_err *err) {
    struct cr_episode_cfg cfg;
    struct task *task = cr_calloc(1, sizeof *task);
    if (task == NULL) {
        return no_memory(err);
    }
    *task = *what;
    task->probing = probing;
    task->model = model;
    cr_plan_episode_cfg(probing->probe->plan, trajectory, &cfg);
    if (task->kind != OPENING) {
        cfg.trajectory = UINT64_MAX;
        cfg.trajectory_key =
            cr_hash_mix(cfg.trajectory_key, CR_PROBE_SALT + (uint64_t)task->kind);
    }
    enum cr_status status =
        claim_of(probing, task->kind, cfg.proposition, &cfg.proposition, err);
    if (status == CR_OK && task->kind != OPENING) {
        status = change_cell(probing, task->kind, &cfg, err);
    }
    if (status == CR_OK) {
        task->is_read = cfg.cell->elicitation == CR_ELICIT_LOGPROB;
        status = cr_episode_create(&cfg, &task->episode, err);
    }
    if (status != CR_OK) {
        cr_free(task);
        return status;
    }
    uint32_t calls = 0;
    task->next = probing->tasks;
    probing->tasks = task;
    probing->open++;
    return pump(task, &calls, err);
}

static void count_reply(struct task *task, const struct cr_call *asked,
                        const struct cr_reply *reply, enum cr_reason reason) {
    struct cr_fitness_item *item = task->item;
    task->model->recorded += reply->is_recorded;
    task->model->calls += !reply->is_recorded;
    if (asked->id.ask == CR_ASK_LOGPROB && asked->id.repair == 0 &&
        reply->logprobs_len > 0 && (task->kind == OPENING || task->kind == READING)) {
        const struct cr_answer_form form = {.space = CR_SPACE_BINARY};
        item->mass = cr_answer_mass(&form, reply);
    }
    if (task->kind == READING) {
        task->model->lacks_logprobs |= reason == CR_REASON_NO_LOGPROBS;
    }
    bool is_beside = asked->id.ask == CR_ASK_LOGPROB && !task->is_read; // "held"
    if (task->kind != OPENING || is_beside) {
        return;
    }
    if (asked->id.repair == 0 && item->reason == CR_REASON_NONE) {
        item->reason = reason;
    }
    item->calls++;
    // A reading is one token by design.
    item->is_cut =
        item->is_cut || (reply->finish == CR_FINISH_LENGTH && !task->is_read);
    item->tokens_in += reply->tokens_in;
    item->tokens_out += reply->tokens_out;
    item->latency_s += reply->latency_s;
}

// Nothing more is sent for TASK: it ends with the last of its calls that were out.
static void end_if_stopped(struct task *task) {
    if (task->sent == NULL) {
        free_task(task);
    }
}

static enum cr_status take_reply(struct probing *probing, struct sent *sent,
                                 const struct cr_reply *reply, struct cr_err *err) {
    struct task *task = sent->task;
    struct cr_call *asked = sent->asked;
    enum cr_reason reason = reply->reason;
    enum cr_status status = cr_episode_read(task->episode, asked, reply, &reason, err);
    if (status != CR_OK) {
        return status;
    }
    if (reply->reason == CR_REASON_STOPPED) { // it was not sent
        free_sent(sent);
        end_if_stopped(task);
        return CR_OK;
    }
    struct cr_call_record record =
        cr_call_record_make(&sent->call, reply, cr_clock_wall_ms(probing->clock));
    record.reason = reason;
    if (!reply->is_recorded) {
        status = cr_tape_append(probing->tape, &record, err);
    }
    count_reply(task, asked, reply, reason);
    free_sent(sent);
    if (status == CR_OK) {
        status = cr_episode_answer(task->episode, asked, reply, err);
    }
    if (status == CR_OK && probing->signals > 0) {
        end_if_stopped(task);
        return CR_OK;
    }
    if (status == CR_OK && task->kind == READING) { // asked once, as a held reading is
        end_task(task);
        return CR_OK;
    }
    uint32_t calls = 0;
    return status == CR_OK ? pump(task, &calls, err) : status;
}

// What people must hear at once. A model that only a person can mend ends the probe.
static enum cr_status tell(const struct probing *probing, struct cr_err *err) {
    struct cr_client_notice notice;
    enum cr_status status = CR_OK;
    while (cr_client_take_notice(probing->client, &notice)) {
        if (probing->is_reading && notice.reason == CR_REASON_NO_LOGPROBS) {
            continue; // the job does not need them: the screen says that there are none
        }
        if (notice.kind == CR_NOTICE_FAILURE) {
            cr_log_write(probing->log, CR_LOG_WARN, "%s", notice.text);
        } else {
            status =
                cr_err_set(err, CR_E_BLOCKED,
                           "model %s cannot answer (%s): mend that, then probe again",
                           probing->probe->job->models[notice.model].name,
                           cr_reason_names[notice.reason]);
        }
    }
    return status;
}

// The first signal: what is in flight is awaited and kept. The second: the end at once.
static enum cr_status heed_signals(struct probing *probing, struct cr_err *err) {
    const int signals = cr_signals_count();
    if (signals > 0 && probing->signals == 0) {
        cr_log_write(
            probing->log, CR_LOG_WARN,
            "%s: the calls in flight are awaited; a second signal ends at once",
            cr_signals_name());
        cr_client_drain(probing->client);
    }
    probing->signals = signals;
    return signals > 1 || (signals > 0 && probing->open == 0)
               ? cr_err_set(
                     err, CR_E_STOPPED,
                     "stopped by %s: its calls so far are on the tape of %s; the "
                     "same command goes on from there",
                     cr_signals_name(), probing->probe->dir)
               : CR_OK;
}

static enum cr_status poll_servers(struct probing *probing, struct cr_err *err) {
    if (probing->servers == NULL) {
        return CR_OK;
    }
    const enum cr_status status = cr_servers_poll(probing->servers, err);
    return status == CR_OK && probing->moved != CR_OK
               ? cr_err_set(err, probing->moved, "a local server cannot be announced")
               : status;
}

static enum cr_status take_replies(struct probing *probing, struct cr_err *err) {
    struct cr_call *call;
    struct cr_reply reply;
    enum cr_status status = CR_OK;
    while (status == CR_OK && cr_client_take(probing->client, &call, &reply)) {
        status = take_reply(probing, call->ctx, &reply, err);
        cr_reply_fini(&reply);
    }
    return status;
}

// Wait for replies until fewer than OPEN tasks are open.
static enum cr_status settle_down(struct probing *probing, uint32_t open,
                                  struct cr_err *err) {
    enum cr_status status = CR_OK;
    while (status == CR_OK && probing->open >= open && probing->open > 0) {
        status = poll_servers(probing, err);
        if (status == CR_OK) {
            status = cr_client_poll(probing->client, POLL_MS, err);
        }
        if (status == CR_OK) {
            status = take_replies(probing, err);
        }
        if (status == CR_OK) {
            status = tell(probing, err);
        }
        if (status == CR_OK) {
            status = cr_lock_beat(probing->lock, err);
        }
        if (status == CR_OK) {
            status = heed_signals(probing, err);
        }
    }
    return status == CR_OK ? heed_signals(probing, err) : status;
}

// One model.

static enum cr_status ask_item(struct probing *probing, struct cr_probe_model *model,
                               uint64_t trajectory, struct cr_fitness_item *item,
                               struct cr_err *err) {
    struct cr_plan_place place;
    cr_plan_place(probing->probe->plan, trajectory, &place);
    const bool is_binary = place.proposition->space == CR_SPACE_BINARY;
    *item = (struct cr_fitness_item){.label = is_binary ? place.proposition->label : -1,
                                     .price = NAN,
                                     .again = NAN,
                                     .negated = NAN,
                                     .paraphrased = NAN,
                                     .low = NAN,
                                     .high = NAN,
                                     .held = NAN,
                                     .mass = NAN};
    enum cr_status status = CR_OK;
    // At temperature 0 the same call has the same answer: nothing is learned.
    const bool is_greedy = probing->probe->job->models[model->model].temperature == 0;
    for (int kind = OPENING; kind < (is_binary ? READING : AGAIN) && status == CR_OK;
         kind++) {
        if (kind == AGAIN && is_greedy) {
            continue;
        }
        const struct task what = {.item = item, .kind = (enum kind)kind};
        status = settle_down(probing, OPEN_MAX, err);
        if (status == CR_OK) {
            status = start_task(probing, model, trajectory, &what, err);
        }
    }
    return status;
}

// What the model holds where the job asks what it says. These come last, so that a server
// without logprobs has answered by then, and is not given up for their sake; the first
// shows whether the others are worth asking.
static enum cr_status ask_readings(struct probing *probing,
                                   struct cr_probe_model *model,
                                   const struct cr_probe_items *chosen,
                                   struct cr_err *err) {
    enum cr_status status = CR_OK;
    probing->is_reading = true;
    for (uint32_t i = 0, asked = 0; i < model->len && status == CR_OK; i++) {
        struct cr_episode_cfg cfg;
        cr_plan_episode_cfg(probing->probe->plan, chosen->trajectory[i], &cfg);
        if (model->items[i].label < 0 || cfg.cell->elicitation == CR_ELICIT_LOGPROB) {
            continue;
        }
        const struct task what = {.item = &model->items[i], .kind = READING};
        status = settle_down(probing, asked++ == 1 ? 1 : OPEN_MAX, err);
        if (model->lacks_logprobs) {
            break;
        }
        if (status == CR_OK) {
            status = start_task(probing, model, chosen->trajectory[i], &what, err);
        }
    }
    if (status == CR_OK) {
        status = settle_down(probing, 0, err);
    }
    probing->is_reading = false;
    return status;
}

static enum cr_status ask_model(struct probing *probing, struct cr_probe_model *model,
                                const struct cr_probe_items *chosen,
                                struct cr_err *err) {
    struct cr_probe_numbers numbers = {.len = 0};
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < model->len && status == CR_OK; i++) {
        status = cr_probe_numbers_keep(probing->probe->plan, chosen->trajectory[i],
                                       &numbers, err);
        if (status == CR_OK) {
            status =
                ask_item(probing, model, chosen->trajectory[i], &model->items[i], err);
        }
    }
    if (status == CR_OK) {
        status = settle_down(probing, 0, err);
    }
    if (status == CR_OK) {
        status = ask_readings(probing, model, chosen, err);
    }
    for (uint32_t i = 0; i < model->len && status == CR_OK; i++) {
        model->items[i].is_prompt_number =
            cr_probe_numbers_has(&numbers, model->items[i].price);
    }
    return status == CR_OK && cr_fitness_summarize(model->items, model->len,
                                                   &model->summary) != CR_OK
               ? no_memory(err)
               : status;
}

static enum cr_status probe_model(struct probing *probing, uint32_t index,
                                  uint32_t wanted, struct cr_err *err) {
    struct cr_probe *probe = probing->probe;
    struct cr_probe_items chosen;
    enum cr_status status =
        cr_probe_items_choose(probe->plan, index, wanted, &chosen, err);
    if (status == CR_OK && chosen.len > 0) {
        struct cr_probe_model *model = &probe->models[probe->models_len++];
        model->model = index;
        model->len = chosen.len;
        model->items = cr_calloc(model->len, sizeof *model->items);
        status = model->items == NULL ? no_memory(err)
                                      : ask_model(probing, model, &chosen, err);
    }
    cr_free(chosen.trajectory);
    return status;
}

// The whole.

static enum cr_status read_job(struct cr_probe *probe,
                               const struct cr_probe_options *options,
                               struct cr_err *err) {
    cr_buf_init(&probe->bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = cr_bundle_read(&options->request, &probe->bundle, err);
    if (status == CR_OK) {
        status = cr_job_create(probe->bundle.data, probe->bundle.used_bytes,
                               &probe->job, err);
    }
    if (status == CR_OK) {
        status = cr_plan_create(probe->job, &probe->plan, err);
    }
    const char *name = status == CR_OK ? probe->job->name : "";
    const int need = options->dir != NULL
                         ? snprintf(probe->dir, sizeof probe->dir, "%s", options->dir)
                         : snprintf(probe->dir, sizeof probe->dir, "runs/%s", name);
    return status == CR_OK && need >= (int)sizeof probe->dir
               ? cr_err_set(err, CR_E_USAGE, "the name of the directory is too long")
               : status;
}

// Replies that DIR has already answer too.
static enum cr_status add_cache(struct cr_probe *probe, struct cr_err *err) {
    struct cr_job *job = probe->job;
    if (cr_tape_next_launch(probe->dir) == 0) {
        return CR_OK;
    }
    const char **caches =
        cr_arena_alloc(&job->arena, (job->caches_len + 1) * sizeof *caches);
    if (caches == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < job->caches_len; i++) {
        caches[i + 1] = job->caches[i];
    }
    caches[0] = probe->dir;
    job->caches = caches;
    job->caches_len++;
    return CR_OK;
}

static enum cr_status open_directory(struct probing *probing, struct cr_log *log,
                                     struct cr_err *err) {
    struct cr_probe *probe = probing->probe;
    bool is_unchanged;
    enum cr_status status = cr_directory_make(probe->dir, false, log, err);
    if (status == CR_OK) {
        status = cr_lock_take(probe->dir, "probe", probing->clock, &probing->lock, err);
    }
    if (status == CR_OK) {
        status = cr_directory_claim(probe->dir, probe->job, &probe->bundle,
                                    &is_unchanged, err);
    }
    if (status == CR_OK) {
        status = cr_study_lock_keep(probe->dir, probe->job,
                                    cr_clock_wall_ms(probing->clock), err);
    }
    if (status == CR_OK) {
        status = cr_directory_mark_probed(probe->dir, err);
    }
    if (status == CR_OK) {
        status = add_cache(probe, err);
    }
    if (status == CR_OK) {
        status = cr_reply_cache_open(probe->job, log, &probing->cache, err);
    }
    return status;
}

static enum cr_status open_client(struct probing *probing, struct cr_log *log,
                                  struct cr_err *err) {
    const struct cr_probe *probe = probing->probe;
    const struct cr_client_cfg client = {
        .job = probe->job,
        .clock = probing->clock,
        .log = log,
        .live_max = OPEN_MAX * CR_SAMPLES_MAX,
        .lookup = probing->cache == NULL ? NULL : cr_reply_cache_lookup,
        .lookup_ctx = probing->cache,
        .dir = probe->dir,
    };
    const struct cr_tape_cfg tape = {.dir = probe->dir,
                                     .launch = cr_tape_next_launch(probe->dir),
                                     .sync_ms = 1000,
                                     .clock = probing->clock};
    enum cr_status status = cr_client_create(&client, &probing->client, err);
    for (uint32_t i = 0; status == CR_OK && i < probe->job->models_len; i++) {
        const struct cr_lease lease = {
            .concurrency = OPEN_MAX, .requests = -1, .tokens = -1};
        cr_client_lease(probing->client, i, &lease);
    }
    return status == CR_OK ? cr_tape_open(&tape, &probing->tape, err) : status;
}

static void on_moved(void *ctx, enum cr_server_scope scope, uint32_t model,
                     uint32_t endpoint, const char *url) {
    struct probing *probing = ctx;
    (void)scope; // one process: the servers of the node and of the job are its own
    const enum cr_status status =
        cr_client_endpoint(probing->client, model, endpoint, url);
    probing->moved = probing->moved == CR_OK ? status : probing->moved;
}

static enum cr_status start_servers(struct probing *probing, struct cr_log *log,
                                    struct cr_err *err) {
    const struct cr_servers_cfg cfg = {.job = probing->probe->job,
                                       .clock = probing->clock,
                                       .log = log,
                                       .dir = probing->probe->dir,
                                       .starts_for_node = true,
                                       .starts_for_job = true,
                                       .moved = on_moved,
                                       .ctx = probing};
    return cr_servers_are_needed(&cfg) ? cr_servers_create(&cfg, &probing->servers, err)
                                       : CR_OK;
}

static enum cr_status probe_all(struct probing *probing,
                                const struct cr_probe_options *options,
                                struct cr_log *log, struct cr_err *err) {
    struct cr_probe *probe = probing->probe;
    enum cr_status status = cr_signals_start(err);
    if (status == CR_OK) {
        status = open_directory(probing, log, err);
    }
    if (status == CR_OK) {
        status = open_client(probing, log, err);
    }
    if (status == CR_OK) {
        status = start_servers(probing, log, err);
    }
    for (uint32_t i = 0; status == CR_OK && i < probe->job->models_len; i++) {
        status = probe_model(probing, i, options->items, err);
    }
    if (status == CR_OK && probe->models_len == 0) {
        status = cr_err_set(err, CR_E_NOT_FOUND,
                            "no cell of the job begins with a price of its maker, so "
                            "there is nothing to probe");
    }
    return status;
}

enum cr_status cr_probe_run(const struct cr_probe_options *options, struct cr_log *log,
                            struct cr_probe *out, struct cr_err *err) {
    struct probing probing = {.probe = out, .clock = cr_clock_monotonic(), .log = log};
    *out = (struct cr_probe){.models_len = 0};
    enum cr_status status = read_job(out, options, err);
    if (status == CR_OK) {
        out->models = cr_calloc(out->job->models_len + 1, sizeof *out->models);
        status = out->models == NULL ? no_memory(err)
                                     : probe_all(&probing, options, log, err);
    }
    cr_client_destroy(probing.client);
    cr_servers_destroy(probing.servers);
    while (probing.tasks != NULL) {
        free_task(probing.tasks);
    }
    if (probing.tape != NULL) {
        struct cr_err ignored;
        const enum cr_status closed =
            cr_tape_close(probing.tape, status == CR_OK ? err : &ignored);
        status = status == CR_OK ? closed : status;
    }
    cr_reply_cache_close(probing.cache);
    cr_lock_release(probing.lock);
    cr_arena_fini(&probing.arena);
    return status;
}

void cr_probe_fini(struct cr_probe *probe) {
    for (uint32_t i = 0; probe->models != NULL && i < probe->models_len; i++) {
        cr_free(probe->models[i].items);
    }
    cr_free(probe->models);
    cr_plan_destroy(probe->plan);
    cr_job_destroy(probe->job);
    cr_buf_fini(&probe->bundle);
    *probe = (struct cr_probe){.models_len = 0};
}
