// session.c - making ready: from the command line to a coordinator and its workers.
//
// Rank 0 reads, checks, makes the directory and takes the lock before anything is
// broadcast; when it fails it broadcasts one byte, its outcome, and the others leave
// with it.
#include "run/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/job/bundle.h"
#include "credence/job/job_file.h"
#include "credence/job/study.h"
#include "credence/store/run_view.h"
#include "credence/store/tape.h"
#include "run/directory.h"
#include "run/signals.h"
#include "run/study_lock.h"

enum {
    LIVE_SIMULATED = 256, // nothing waits: enough to go on with between two grants
    CALLS_OF_RANK_MAX = 65536,
    FILES_MAX = 1 << 20,
    TORN_LINES_MAX = 8,  // at the ends of tapes, when a launch was killed: asked again
    LOOK_FOR_MS = 90000, // a file system may take a while to show what a node wrote
    PATH_BYTES_MAX = 1 << 14
};

#define BEFORE "run.h5.before" // while a launch reads what others recorded

bool cr_session_coordinates(const struct cr_session *session) {
    return cr_cluster_rank(session->cluster) == 0;
}

bool cr_session_works(const struct cr_session *session) {
    return session->is_alone || cr_cluster_rank(session->cluster) != 0;
}

static enum cr_status open_cluster(struct cr_session *session, struct cr_err *err) {
    struct cr_cluster *both[2];
    enum cr_status status = CR_OK;
    if (cr_cluster_is_launched()) {
        status = cr_cluster_open_mpi(&session->cluster, err);
    }
    if (status != CR_OK) {
        return status;
    }
    if (session->cluster != NULL && cr_cluster_size(session->cluster) > 1) {
        session->worker_cluster = session->cluster;
        session->log->rank = cr_cluster_rank(session->cluster);
        return CR_OK;
    }
    bool must_exit;
    cr_cluster_close(session->cluster, &must_exit);
    session->cluster = NULL;
    status = cr_cluster_check_alone(err);
    if (status == CR_OK) {
        status = cr_cluster_open_local(2, both, err);
    }
    if (status != CR_OK) {
        return status;
    }
    session->is_alone = true;
    session->cluster = both[0];
    session->worker_cluster = both[1];
    return CR_OK;
}

static enum cr_status read_bundle(struct cr_session *session, struct cr_err *err) {
    const struct cr_run_options *options = session->options;
    if (options->job_path == NULL) {
        return cr_directory_bundle(options->dir, &session->bundle, err);
    }
    const struct cr_bundle_request request = {
        .job_path = options->job_path,
        .sets = options->sets,
        .sets_len = options->sets_len,
        .limit = options->limit,
        .shard = options->shard,
        .shards = options->shards,
    };
    return cr_bundle_read(&request, &session->bundle, err);
}

static enum cr_status make_plan(struct cr_session *session, struct cr_err *err) {
    enum cr_status status = cr_job_create(
        session->bundle.data, session->bundle.used_bytes, &session->job, err);
    if (status == CR_OK && session->job->models_len > CR_BEAT_MODELS_MAX) {
        status =
            cr_err_set(err, CR_E_JOB, "a job has at most %d models, this one has %u",
                       CR_BEAT_MODELS_MAX, session->job->models_len);
    }
    if (status == CR_OK) {
        cr_file_share_with_group(session->job->output_group);
        status = cr_plan_create(session->job, &session->plan, err);
    }
    if (status == CR_OK) {
        status = cr_client_check(session->job, err);
    }
    return status;
}

static enum cr_status name_directory(struct cr_session *session, struct cr_err *err) {
    char path[PATH_BYTES_MAX];
    if (session->options->dir != NULL) {
        (void)snprintf(path, sizeof path, "%s", session->options->dir);
    } else {
        (void)snprintf(path, sizeof path, "runs/%s", session->job->name);
    }
    // "runs/a/" would be moved aside as "runs/a/.1".
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--) {
        path[len - 1] = '\0';
    }
    session->dir = cr_strdup(path);
    return session->dir == NULL ? cr_err_set(err, CR_E_MEMORY, "out of memory") : CR_OK;
}

static enum cr_status take_lock(struct cr_session *session, struct cr_err *err) {
    return cr_lock_take(session->dir, cr_cluster_host(session->cluster), session->clock,
                        &session->lock, err);
}

// With --fresh the old directory is locked while it is moved: it may be in use.
static enum cr_status make_directory(struct cr_session *session, struct cr_err *err) {
    const bool fresh = session->options->fresh;
    enum cr_status status = CR_OK;
    if (fresh && cr_dir_exists(session->dir)) {
        status = take_lock(session, err);
    }
    if (status == CR_OK) {
        status = cr_directory_make(session->dir, fresh, session->log, err);
    }
    cr_lock_release(session->lock);
    session->lock = NULL;
    return status;
}

// Opened as a reader would: one that was cut short, or left open by a program that was
// killed, is made again from the tape; the old one is kept (run_file.h).
static bool is_result_readable(struct cr_session *session) {
    struct cr_buf path;
    struct cr_err why = {0};
    struct cr_run_view *view = NULL;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, session->dir, "run.h5");
    if (status == CR_OK) {
        status = cr_run_view_open_parts(path.data, CR_VIEW_NUMBERS, &view, &why);
        cr_run_view_close(view);
    }
    if (status != CR_OK) {
        cr_log_write(
            session->log, CR_LOG_WARN,
            "the result is damaged (%s): it is made again, the old one is kept "
            "as %s.damaged",
            why.text, path.data == NULL ? "run.h5" : path.data);
    }
    cr_buf_fini(&path);
    return status == CR_OK;
}

static enum cr_status claim_directory(struct cr_session *session, struct cr_err *err) {
    bool is_unchanged = false;
    enum cr_status status = make_directory(session, err);
    if (status == CR_OK) {
        status = take_lock(session, err);
    }
    if (status == CR_OK) {
        session->tape_lines_counted = cr_directory_tape_lines(session->dir);
        status = cr_directory_claim(session->dir, session->job, &session->bundle,
                                    &is_unchanged, err);
    }
    session->is_complete_already =
        status == CR_OK && is_unchanged && session->options->job_path != NULL &&
        cr_directory_is_complete(session->dir) && is_result_readable(session);
    return status;
}

static enum cr_status make_client(struct cr_session *session, struct cr_err *err);

static enum cr_status prepare_rank_0(struct cr_session *session, struct cr_err *err) {
    enum cr_status status = read_bundle(session, err);
    if (status == CR_OK) {
        status = make_plan(session, err);
    }
    if (status == CR_OK) {
        status = name_directory(session, err);
    }
    // A key that is not there must be found before anything is touched.
    if (status == CR_OK) {
        status = make_client(session, err);
    }
    if (status == CR_OK && !session->is_alone) {
        cr_client_destroy(session->client);
        cr_reply_cache_close(session->reply_cache);
        session->client = NULL;
        session->reply_cache = NULL;
    }
    if (status == CR_OK) {
        status = claim_directory(session, err);
    }
    return status;
}

static enum cr_status prepare_worker(struct cr_session *session, struct cr_err *err) {
    if (session->bundle.used_bytes == 1) {
        session->verdict = (enum cr_exit)session->bundle.data[0];
        return cr_err_set(err, CR_E_PEER, "rank 0 does not run the job");
    }
    enum cr_status status = make_plan(session, err);
    if (status == CR_OK) {
        status = name_directory(session, err);
    }
    if (status == CR_OK) {
        status = make_client(session, err);
    }
    return status;
}

enum cr_exit cr_session_outcome(enum cr_status status) {
    switch (status) {
    case CR_OK:
        return CR_EXIT_COMPLETE;
    case CR_E_USAGE:
    case CR_E_JOB:
    case CR_E_NOT_FOUND:
    case CR_E_DIFFERS:
    case CR_E_BUSY:
    case CR_E_UNSUPPORTED:
        return CR_EXIT_USAGE;
    case CR_E_BLOCKED:
        return CR_EXIT_BLOCKED;
    case CR_E_FULL:
    case CR_E_STOPPED:
        return CR_EXIT_STOPPED;
    default:
        return CR_EXIT_ERROR;
    }
}

// In the place of a bundle: how all ranks end, so that they end alike.
static void send_verdict(struct cr_session *session, enum cr_status status) {
    const char verdict = (char)cr_session_outcome(status);
    cr_buf_clear(&session->bundle);
    cr_status_ignore(cr_buf_add(&session->bundle, &verdict, 1));
}

// Linux gives everybody 1,024 descriptors, and as many more as the hard limit for the asking.
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

enum cr_status cr_session_prepare(struct cr_session *session, struct cr_err *err) {
    struct cr_err ignored;
    session->clock = cr_clock_monotonic();
    cr_buf_init(&session->bundle, CR_BUNDLE_BYTES_MAX);
    cr_buf_init(&session->hypotheses, 2 * CR_STUDY_BYTES_MAX);
    enum cr_status status = cr_signals_start(err);
    raise_file_limit();
    if (status == CR_OK) {
        status = open_cluster(session, err);
    }
    if (status != CR_OK) {
        return status;
    }
    if (session->is_alone) {
        return prepare_rank_0(session, err);
    }
    if (cr_session_coordinates(session)) {
        status = prepare_rank_0(session, err);
        if (status != CR_OK || session->is_complete_already) {
            send_verdict(session, status);
        }
        const enum cr_status sent =
            cr_cluster_bcast(session->cluster, &session->bundle, &ignored);
        return status != CR_OK ? status : sent;
    }
    status = cr_cluster_bcast(session->cluster, &session->bundle, err);
    return status != CR_OK ? status : prepare_worker(session, err);
}

static uint32_t live_markets(const struct cr_session *session) {
    const struct cr_job *job = session->job;
    uint64_t live = 0;
    if (session->options->live > 0) {
        return session->options->live;
    }
    for (uint32_t i = 0; i < job->models_len; i++) {
        live += cr_maker_markets(&job->models[i]);
    }
    if (live == 0) {
        return LIVE_SIMULATED;
    }
    return live < CALLS_OF_RANK_MAX / 2 ? (uint32_t)live : CALLS_OF_RANK_MAX / 2;
}

// Calls that one market may have out at once.
static uint32_t calls_of_market(const struct cr_job *job) {
    uint32_t most = 2;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        most = cell->samples > most ? cell->samples : most;
        most = cell->traders_len > most ? cell->traders_len : most;
    }
    return most;
}

static enum cr_status make_client(struct cr_session *session, struct cr_err *err) {
    const bool is_offline = session->options->job_path == NULL;
    if (!is_offline) {
        const enum cr_status status =
            cr_reply_cache_open(session->job, session->log, &session->reply_cache, err);
        if (status != CR_OK) {
            return status;
        }
        // Simulated results never look like real ones, replayed or not.
        session->job->is_simulated = session->job->is_simulated ||
                                     cr_reply_cache_is_simulated(session->reply_cache);
    }
    const struct cr_client_cfg cfg = {
        .job = session->job,
        .clock = session->clock,
        .log = session->log,
        .rank = cr_cluster_rank(session->worker_cluster),
        .live_max = live_markets(session) * calls_of_market(session->job),
        .is_offline = is_offline,
        .lookup = session->reply_cache == NULL ? NULL : cr_reply_cache_lookup,
        .lookup_ctx = session->reply_cache,
        .dir = session->dir,
    };
    return cr_client_create(&cfg, &session->client, err);
}

static enum cr_status begin_worker(struct cr_session *session, struct cr_err *err) {
    const struct cr_worker_cfg cfg = {
        .job = session->job,
        .plan = session->plan,
        .cluster = session->worker_cluster,
        .client = session->client,
        .clock = session->clock,
        .log = session->log,
        .dir = session->dir,
        .sync_ms = session->options->sync_ms,
        .look_ms = LOOK_FOR_MS,
        .live_max = live_markets(session),
        .believes_failures = session->options->job_path == NULL,
    };
    return cr_worker_create(&cfg, &session->worker, err);
}

// The result so far stands aside until its tapes are read; what no reader can open is
// kept for good under a name of its own.
static enum cr_status set_aside(struct cr_session *session, struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, session->dir, "run.h5");
    if (status == CR_OK) {
        status = cr_run_file_keep_damaged(path.data, err);
    }
    if (status == CR_OK) {
        status = cr_directory_rename(session->dir, "run.h5", BEFORE, err);
    }
    cr_buf_fini(&path);
    return status;
}

static enum cr_status begin_coordinator(struct cr_session *session, struct cr_err *err);

enum cr_status cr_session_begin(struct cr_session *session, struct cr_err *err) {
    enum cr_status status = CR_OK;
    if (cr_session_coordinates(session)) {
        status = begin_coordinator(session, err);
    }
    if (status == CR_OK && cr_session_works(session)) {
        status = begin_worker(session, err);
    }
    return status;
}

static enum cr_status prompt_hashes(const struct cr_job *job, struct cr_buf *out) {
    enum cr_status status = cr_buf_add_text(out, "{");
    for (uint32_t i = 0; i < job->prompts_len && status == CR_OK; i++) {
        char hex[CR_HASH_HEX_BYTES];
        const char *name = cr_prompt_set_name(job->prompts[i]);
        cr_hash_hex(cr_prompt_set_hash(job->prompts[i]), hex);
        if (i > 0) {
            status = cr_buf_add_text(out, ",");
        }
        if (status == CR_OK) {
            status = cr_json_add_quoted(out, name, strlen(name));
        }
        if (status == CR_OK) {
            status = cr_buf_printf(out, ":\"%s\"", hex);
        }
    }
    return status == CR_OK ? cr_buf_add_text(out, "}") : status;
}

static void place_of(const void *ctx, uint64_t episode, struct cr_run_place *out) {
    const struct cr_plan *plan = ctx;
    struct cr_plan_place place;
    cr_plan_place(plan, cr_plan_trajectory_of(plan, episode, &out->cell), &place);
    out->replicate = place.replicate;
    out->proposition = place.proposition_row;
}

static enum cr_status create_file(struct cr_session *session, struct cr_err *err) {
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    struct cr_buf hashes, path;
    const struct cr_run_layout layout = {
        .episodes = session->plan->episodes,
        .propositions = session->plan->propositions,
        .iterations = session->plan->prices_max,
        .outcomes = session->plan->width_max,
        .first_proposition = session->plan->first_proposition,
        .place = place_of,
        .place_ctx = session->plan,
    };
    cr_buf_init(&hashes, 1 << 20);
    cr_buf_init(&path, PATH_BYTES_MAX);
    enum cr_status status = prompt_hashes(session->job, &hashes);
    if (status == CR_OK) {
        status = cr_path_join(&path, session->dir, "run.h5");
    }
    const struct cr_run_facts facts = {
        .version = session->options->version,
        .git_revision = session->options->revision,
        .host = host,
        .mpi = cr_cluster_library(session->cluster),
        .prompt_hashes = hashes.data,
        .hypotheses =
            session->hypotheses.used_bytes > 0 ? session->hypotheses.data : NULL,
        .start_wall_ms = session->progress.first_started_wall_ms,
    };
    const struct cr_run_content content = {session->job, &layout, &facts};
    if (status == CR_OK) {
        status = cr_run_file_create(path.data, &content, &session->recorder.file, err);
    }
    cr_buf_fini(&hashes);
    cr_buf_fini(&path);
    return status;
}

static uint64_t episodes_of_shard(const struct cr_session *session) {
    uint64_t episodes = 0;
    for (uint64_t i = 0; i < session->plan->trajectories; i++) {
        struct cr_plan_place place;
        if (session->ledger.state[i] == CR_LEDGER_OTHERS) {
            continue;
        }
        cr_plan_place(session->plan, i, &place);
        episodes += place.group->cells_len;
    }
    return episodes;
}

// The launch is entered before anything else is done in its name.
static enum cr_status begin_launch(struct cr_session *session, struct cr_err *err) {
    struct cr_progress *progress = &session->progress;
    const char *host = cr_cluster_host(session->cluster);
    char name[320];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(host, " "), host);
    const struct cr_launch_start start = {
        .launch = progress->launch,
        .wall_ms = progress->started_wall_ms,
        .host = name,
        .version = session->options->version,
        .revision = session->options->revision,
        .mpi = cr_cluster_library(session->cluster),
        .ranks = progress->ranks,
    };
    enum cr_status status = cr_launches_read(session->dir, &progress->launches, err);
    if (status == CR_OK) {
        status = cr_launches_begin(session->dir, &progress->launches, &start, err);
    }
    progress->first_started_wall_ms = progress->launches.first_start_ms;
    if (progress->launches.tape_lines > session->tape_lines_counted) {
        session->tape_lines_counted = progress->launches.tape_lines;
    }
    progress->tape_lines_before = session->tape_lines_counted;
    progress->before.retries = progress->launches.retries;
    progress->before.rate_limited = progress->launches.rate_limited;
    return status;
}

static void begin_progress(struct cr_session *session) {
    const int size = cr_cluster_size(session->cluster);
    session->progress = (struct cr_progress){
        .job = session->job,
        .dir = session->dir,
        .host = cr_cluster_host(session->cluster),
        .launch = cr_tape_next_launch(session->dir),
        .ranks = session->is_alone ? 1 : size,
        .episodes = episodes_of_shard(session),
        .started_wall_ms = cr_clock_wall_ms(session->clock),
        .started_ms = cr_clock_now_ms(session->clock),
        .printed_ms = cr_clock_now_ms(session->clock),
        .is_quiet = session->options->is_quiet,
        .is_terminal = session->log->file != NULL && isatty(fileno(session->log->file)),
    };
}

// What was paid for and is gone must not be paid for again without a word. The result of
// the launches before is kept meanwhile.
static enum cr_status check_tapes(struct cr_session *session, uint64_t lines,
                                  struct cr_err *err) {
    const uint64_t counted = session->tape_lines_counted;
    const bool is_rebuild = session->options->job_path == NULL;
    const char *kept = "run.h5.before-loss";
    if (lines + TORN_LINES_MAX >= counted || is_rebuild) {
        session->progress.tape_lines_before = lines;
        return CR_OK;
    }
    if (session->options->accepts_loss) {
        cr_log_write(
            session->log, CR_LOG_WARN,
            "the tapes lack %" PRIu64 " of %" PRIu64
            " recorded calls: what they answered is asked again; the result so "
            "far is kept as %s/%s",
            counted - lines, counted, session->dir, kept);
        session->progress.tape_lines_before = lines;
        return cr_directory_rename(session->dir, BEFORE, kept, err);
    }
    return cr_err_set(err, CR_E_BLOCKED,
                      "%s/tape holds %" PRIu64 " recorded calls, but %" PRIu64
                      " were counted: the others would be asked, and paid for, again. "
                      "Bring the missing tape files back, or go on without them: "
                      "--accept-loss",
                      session->dir, lines, counted);
}

static enum cr_status load(struct cr_session *session, struct cr_err *err) {
    const struct cr_resume resume = {
        .dir = session->dir,
        .recorder = &session->recorder,
        .ledger = &session->ledger,
        .job = session->job,
        .log = session->log,
        .ignores_spool = session->options->job_path == NULL,
    };
    uint64_t lines = 0;
    enum cr_status status =
        cr_recorder_resume(&resume, &session->progress.before, &lines, err);
    if (status == CR_OK) {
        status = check_tapes(session, lines, err);
    }
    const struct cr_tally *tally = &session->recorder.tally;
    session->progress.episodes_before = tally->done + tally->invalid + tally->failed;
    return status;
}

// From here on status.json is about this launch: loading an old one can take a while.
static enum cr_status write_start(const struct cr_session *session,
                                  struct cr_err *err) {
    const struct cr_snapshot snapshot = {.state = "running",
                                         .message = "",
                                         .exit_code = -1,
                                         .now_ms = session->progress.started_ms,
                                         .wall_ms = session->progress.started_wall_ms,
                                         .tape_lines =
                                             session->progress.tape_lines_before};
    return cr_progress_write(&session->progress, &snapshot, err);
}

// The result of earlier launches is gone for good only when this one holds what it held.
static void keep_or_restore(struct cr_session *session, enum cr_status status) {
    if (status == CR_OK) {
        cr_directory_remove(session->dir, BEFORE);
        return;
    }
    cr_run_file_abandon(session->recorder.file);
    session->recorder.file = NULL;
    cr_status_ignore(cr_directory_rename(session->dir, BEFORE, "run.h5", NULL));
}

static enum cr_status begin_coordinator(struct cr_session *session,
                                        struct cr_err *err) {
    enum cr_status status = cr_ledger_init(&session->ledger, session->plan, err);
    if (status != CR_OK) {
        return status;
    }
    begin_progress(session);
    session->recorder = (struct cr_recorder){.plan = session->plan,
                                             .dir = session->dir,
                                             .ledger = &session->ledger,
                                             .lock = session->lock,
                                             .log = session->log};
    status = begin_launch(session, err);
    if (status == CR_OK) {
        status = write_start(session, err);
    }
    if (status == CR_OK) {
        status = cr_study_lock_take(session->dir, session->job,
                                    session->progress.started_wall_ms,
                                    &session->hypotheses, err);
    }
    if (status == CR_OK) {
        status = set_aside(session, err);
    }
    if (status == CR_OK) {
        status = create_file(session, err);
    }
    if (status == CR_OK) {
        status = load(session, err);
        keep_or_restore(session, status);
    }
    const struct cr_coordinator_cfg cfg = {
        .job = session->job,
        .plan = session->plan,
        .cluster = session->cluster,
        .clock = session->clock,
        .log = session->log,
        .dir = session->dir,
        .lock = session->lock,
        .ledger = &session->ledger,
        .recorder = &session->recorder,
        .progress = &session->progress,
        .lost_ms = session->options->lost_ms,
        .max_failed = {session->options->max_failed_share,
                       session->options->max_failed},
        .grace_ms = session->options->grace_ms,
        .is_offline = session->options->job_path == NULL,
    };
    if (status == CR_OK) {
        status = cr_coordinator_create(&cfg, &session->coordinator, err);
    }
    return status;
}
