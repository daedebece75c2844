// session_end.c - how a launch ends, well or not: run.h5, status.json, the exit code,
// and that no other rank is left waiting.
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/cluster/message.h"
#include "credence/job/job_file.h"
#include "credence/store/run_file.h"
#include "run/session.h"
#include "run/signals.h"

// Once the directory is ours, whatever the machine refuses can be gone on from later.
static enum cr_exit outcome_of_start(enum cr_status status) {
    if (status == CR_E_BLOCKED) {
        return CR_EXIT_BLOCKED;
    }
    return status == CR_E_MEMORY || status == CR_E_UNSUPPORTED ? CR_EXIT_ERROR
                                                               : CR_EXIT_STOPPED;
}

static enum cr_status send_to(struct cr_session *session, int rank, enum cr_tag tag,
                              const struct cr_buf *message) {
    const struct cr_packet packet = {rank, (int)tag, message->data,
                                     message->used_bytes};
    return cr_cluster_send(session->cluster, &packet, NULL);
}

static void tell(const struct cr_session *session, const struct cr_err *why) {
    char line[CR_FAULT_BYTES];
    cr_fault_line(line, session->dir, NULL, why);
    cr_log_write(session->log, CR_LOG_ERROR, "%s", line);
}

// Workers that wait for a welcome get a STOP instead.
static void dismiss_workers(struct cr_session *session) {
    struct cr_buf message;
    cr_buf_init(&message, 64);
    const uint64_t nobody = 0; // was lost
    if (cr_message_encode(&message, CR_TAG_STOP, &nobody) == CR_OK) {
        for (int rank = 1; rank < cr_cluster_size(session->cluster); rank++) {
            cr_status_ignore(send_to(session, rank, CR_TAG_STOP, &message));
        }
    }
    cr_buf_fini(&message);
}

static bool is_of_directory(const struct cr_session *session,
                            const struct cr_err *why) {
    return session->dir != NULL && strstr(why->text, session->dir) != NULL;
}

// WHY is already logged; a second failure, writing status.json, is ignored.
static void write_end(struct cr_session *session, enum cr_exit outcome,
                      const struct cr_err *why) {
    const bool was_asked = why->status == CR_E_STOPPED;
    struct cr_snapshot snapshot = {.state = was_asked ? "interrupted" : "failed",
                                   .message = why->text,
                                   .exit_code = (int)outcome,
                                   .tally = session->recorder.tally,
                                   .said = session->recorder.said,
                                   .spent = session->progress.before,
                                   .tape_lines = session->progress.tape_lines_before,
                                   .now_ms = cr_clock_now_ms(session->clock),
                                   .wall_ms = cr_clock_wall_ms(session->clock)};
    if (session->progress.dir != NULL) {
        cr_status_ignore(cr_progress_write(&session->progress, &snapshot, NULL));
    }
}

// A worker that cannot begin tells the coordinator, who waits for every rank and says
// it to people.
static enum cr_status excuse_self(struct cr_session *session,
                                  const struct cr_err *why) {
    const struct cr_fault fault = {.status = (uint32_t)why->status, .text = why->text};
    struct cr_buf message;
    cr_buf_init(&message, 1 << 16);
    enum cr_status status = cr_message_encode(&message, CR_TAG_FAULT, &fault);
    if (status == CR_OK) {
        status = send_to(session, 0, CR_TAG_FAULT, &message);
    }
    cr_buf_clear(&message);
    cr_status_ignore(send_to(session, 0, CR_TAG_BYE, &message));
    cr_buf_fini(&message);
    return status;
}

enum cr_exit cr_session_give_up(struct cr_session *session, bool has_begun,
                                const struct cr_err *why) {
    const enum cr_exit outcome =
        has_begun ? outcome_of_start(why->status) : cr_session_outcome(why->status);
    const bool has_cluster = session->cluster != NULL;
    if (has_cluster && !cr_session_coordinates(session) &&
        excuse_self(session, why) == CR_OK) {
        return outcome;
    }
    if (has_begun || is_of_directory(session, why)) {
        tell(session, why);
    } else if (why->text[0] != '\0') { // empty: another process has said it
        cr_log_write(session->log, CR_LOG_ERROR, "%s", why->text);
    }
    if (has_begun && has_cluster && cr_session_coordinates(session)) {
        dismiss_workers(session);
        write_end(session, outcome, why);
    }
    return outcome;
}

// The last pass over run.h5. Without it the file is not believed and made anew.
static enum cr_status finish_file(struct cr_session *session, bool is_complete,
                                  struct cr_err *err) {
    enum cr_status status = CR_OK;
    if (is_complete) {
        status = cr_recorder_calls(&session->recorder, err);
    }
    struct cr_run_file *file = session->recorder.file;
    session->recorder.file = NULL;
    if (status != CR_OK) {
        cr_run_file_abandon(file);
        return status;
    }
    return cr_run_file_finish(file, is_complete, cr_clock_wall_ms(session->clock), err);
}

static enum cr_exit outcome_of(enum cr_end end, const struct cr_tally *tally) {
    if (end != CR_END_COMPLETE) {
        return end == CR_END_BLOCKED ? CR_EXIT_BLOCKED : CR_EXIT_STOPPED;
    }
    return tally->failed > 0 ? CR_EXIT_FAILED : CR_EXIT_COMPLETE;
}

static const char *state_of(enum cr_end end) {
    return end == CR_END_COMPLETE      ? "complete"
           : end == CR_END_INTERRUPTED ? "interrupted"
           : end == CR_END_BLOCKED     ? "blocked"
                                       : "failed";
}

// Another run has the directory: what is open of it is let go, and nothing said there.
static enum cr_exit leave(struct cr_session *session, const char *why) {
    cr_run_file_abandon(session->recorder.file);
    cr_spool_abandon(session->recorder.spool);
    session->recorder.file = NULL;
    session->recorder.spool = NULL;
    cr_log_write(session->log, CR_LOG_ERROR, "%s", why);
    return CR_EXIT_STOPPED;
}

static void tell_once(const struct cr_session *session, const struct cr_err *why,
                      bool *has_told) {
    if (!*has_told) {
        tell(session, why);
    }
    *has_told = true;
}

static enum cr_status end_launch(struct cr_session *session,
                                 const struct cr_snapshot *snapshot,
                                 struct cr_err *err) {
    struct cr_progress *progress = &session->progress;
    const struct cr_launch_end end = {
        .launch = progress->launch,
        .wall_ms = snapshot->wall_ms,
        .state = snapshot->state,
        .exit_code = snapshot->exit_code,
        .tape_lines = snapshot->tape_lines,
        .spent = cr_progress_spent_here(progress, snapshot),
    };
    return cr_launches_end(session->dir, &progress->launches, &end, err);
}

// How it ended, for whoever asks later. A script that goes on by the exit code and then
// reads status.json must not find one of before: what cannot be written is not success.
static enum cr_exit write_outcome(struct cr_session *session,
                                  const struct cr_snapshot *snapshot,
                                  enum cr_exit outcome, bool *has_told) {
    struct cr_err err = {0};
    if (end_launch(session, snapshot, &err) == CR_OK &&
        cr_progress_write(&session->progress, snapshot, &err) == CR_OK) {
        return outcome;
    }
    tell_once(session, &err, has_told);
    return outcome == CR_EXIT_COMPLETE || outcome == CR_EXIT_FAILED ? CR_EXIT_STOPPED
                                                                    : outcome;
}

enum cr_exit cr_session_finish(struct cr_session *session) {
    struct cr_err err = {0};
    struct cr_snapshot snapshot;
    enum cr_end end = cr_coordinator_end(session->coordinator);
    if (end == CR_END_EVICTED) {
        return leave(session, cr_coordinator_message(session->coordinator));
    }
    session->recorder.signals_most =
        cr_signals_count() + 1; // the next may be a mistake
    const bool is_rebuilt = session->options->job_path == NULL;
    const bool is_whole =
        end == CR_END_COMPLETE && cr_ledger_open_count(&session->ledger) == 0;
    cr_coordinator_snapshot(session->coordinator, &snapshot);
    // A rebuilt file holds the calls of what is finished, be it all or not.
    enum cr_status status = CR_OK;
    if (is_rebuilt && !is_whole) {
        status = cr_recorder_calls(&session->recorder, &err);
    }
    if (status == CR_OK) {
        status = finish_file(session, is_whole, &err);
    }
    if (status == CR_E_BUSY) { // another run took the lock during the last pass
        return leave(session, err.text);
    }
    bool has_told = cr_coordinator_has_reported(session->coordinator);
    if (status != CR_OK) {
        end = status == CR_E_STOPPED ? CR_END_INTERRUPTED : CR_END_FAULT;
        snapshot.message = has_told ? snapshot.message : err.text;
        tell_once(session, &err, &has_told);
    } else if (!is_whole && end == CR_END_COMPLETE) {
        end = CR_END_INTERRUPTED; // a rebuild of a run that is not finished
    }
    enum cr_exit outcome = outcome_of(end, &session->recorder.tally);
    cr_spool_close(session->recorder.spool);
    session->recorder.spool = NULL;
    // A damaged spool would fail each last pass; the tapes have all that is in it.
    if (outcome == CR_EXIT_COMPLETE || status == CR_E_FORMAT) {
        cr_spool_remove(session->dir);
    }
    snapshot.state = state_of(end);
    snapshot.exit_code = (int)outcome;
    outcome = write_outcome(session, &snapshot, outcome, &has_told);
    cr_progress_end(&session->progress, &snapshot, session->log);
    return outcome;
}

void cr_session_close(struct cr_session *session, bool *must_exit) {
    bool ignored;
    cr_worker_destroy(session->worker);
    cr_client_destroy(session->client);
    cr_reply_cache_close(session->reply_cache);
    cr_coordinator_destroy(session->coordinator);
    cr_run_file_abandon(session->recorder.file);
    cr_spool_close(session->recorder.spool);
    cr_ledger_fini(&session->ledger);
    cr_launches_fini(&session->progress.launches);
    cr_plan_destroy(session->plan);
    cr_job_destroy(session->job);
    cr_buf_fini(&session->hypotheses);
    cr_buf_fini(&session->bundle);
    cr_lock_release(session->lock);
    cr_free(session->dir);
    if (session->is_alone) {
        cr_cluster_close(session->worker_cluster, &ignored);
    }
    cr_cluster_close(session->cluster, must_exit);
}
