// progress.c - see progress.h. Rates are of this launch; counts are of the whole run.
#include "run/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json.h"

enum { STATUS_BYTES_MAX = 1 << 20, LOG_EVERY_MS = 30000, LINE_EVERY_MS = 500 };

static void add_metrics(struct cr_model_metrics *sum,
                        const struct cr_model_metrics *m) {
    sum->calls_done += m->calls_done;
    sum->calls_failed += m->calls_failed;
    sum->calls_recorded += m->calls_recorded;
    sum->attempts += m->attempts;
    sum->retries += m->retries;
    sum->rate_limited += m->rate_limited;
    sum->tokens_in += m->tokens_in;
    sum->tokens_out += m->tokens_out;
    sum->tokens_cached += m->tokens_cached;
    sum->usd += m->usd;
    sum->waiting += m->waiting;
    sum->in_flight += m->in_flight;
    sum->concurrency += m->concurrency;
    if (m->pause_ms > sum->pause_ms) {
        sum->pause_ms = m->pause_ms;
    }
    if (m->latency_s > sum->latency_s) {
        sum->latency_s = m->latency_s;
    }
}

// Calls that a lost rank had in flight count as made, for somebody answered them.
static void spend_in_flight(struct cr_model_metrics *metrics) {
    metrics->calls_done += metrics->in_flight;
    metrics->in_flight = 0;
}

void cr_snapshot_fill(struct cr_snapshot *snapshot, const struct cr_progress *progress,
                      const struct cr_roster *roster) {
    snapshot->spent = progress->before;
    snapshot->lost_ranks = roster->lost;
    snapshot->in_flight = 0;
    memset(snapshot->models, 0, sizeof snapshot->models);
    for (int rank = 1; rank < roster->size; rank++) {
        const struct cr_beat *beat = &roster->at[rank].beat;
        for (uint32_t i = 0; i < beat->models_len && i < progress->job->models_len;
             i++) {
            struct cr_model_metrics metrics = beat->models[i].metrics;
            if (roster->at[rank].state == CR_MEMBER_LOST) {
                spend_in_flight(&metrics);
            }
            add_metrics(&snapshot->models[i], &metrics);
        }
    }
    for (uint32_t i = 0; i < progress->job->models_len; i++) {
        const struct cr_model_metrics *m = &snapshot->models[i];
        snapshot->spent.calls += m->calls_done + m->calls_failed;
        snapshot->spent.retries += m->retries;
        snapshot->spent.rate_limited += m->rate_limited;
        snapshot->spent.tokens_in += m->tokens_in;
        snapshot->spent.tokens_out += m->tokens_out;
        snapshot->spent.tokens_cached += m->tokens_cached;
        snapshot->spent.usd += m->usd;
        snapshot->in_flight += m->in_flight;
    }
}

static uint64_t finished(const struct cr_snapshot *snapshot) {
    return snapshot->tally.done + snapshot->tally.invalid + snapshot->tally.failed;
}

static double elapsed_s(const struct cr_progress *progress,
                        const struct cr_snapshot *snapshot) {
    return (double)(snapshot->now_ms - progress->started_ms) / 1000;
}

// Seconds to go at the throttle of this launch; NaN before there is one.
static double eta_s(const struct cr_progress *progress,
                    const struct cr_snapshot *snapshot) {
    const uint64_t all = finished(snapshot);
    const double here = (double)(all - progress->episodes_before);
    if (here <= 0) {
        return NAN;
    }
    return (double)(progress->episodes - all) * elapsed_s(progress, snapshot) / here;
}

static double rate(double count, double seconds) {
    return seconds > 0 ? count / seconds : 0;
}

struct printer { // remembers its first failure
    struct cr_buf *out;
    enum cr_status status;
    bool is_first;
};

static void member(struct printer *printer, const char *name) {
    if (printer->status == CR_OK) {
        printer->status = cr_buf_printf(
            printer->out, "%s\"%s\":", printer->is_first ? "" : ",", name);
    }
    printer->is_first = false;
}

static void put_number(struct printer *printer, const char *name, double number) {
    member(printer, name);
    if (printer->status == CR_OK) {
        printer->status = cr_json_add_number(printer->out, number);
    }
}

static void put_text(struct printer *printer, const char *name, const char *text) {
    member(printer, name);
    if (printer->status == CR_OK) {
        printer->status = cr_json_add_quoted(printer->out, text, strlen(text));
    }
}

static void put_raw(struct printer *printer, const char *text) {
    if (printer->status == CR_OK) {
        printer->status = cr_buf_add_text(printer->out, text);
    }
}

static void put_model(struct printer *printer, const char *name,
                      const struct cr_model_metrics *m) {
    printer->is_first = true;
    put_raw(printer, "{");
    put_text(printer, "name", name);
    put_number(printer, "in_flight", m->in_flight);
    put_number(printer, "waiting", m->waiting);
    put_number(printer, "concurrency", m->concurrency);
    put_number(printer, "calls", (double)m->calls_done);
    put_number(printer, "failed", (double)m->calls_failed);
    put_number(printer, "recorded", (double)m->calls_recorded);
    put_number(printer, "attempts", (double)m->attempts);
    put_number(printer, "retries", (double)m->retries);
    put_number(printer, "rate_limited", (double)m->rate_limited);
    put_number(printer, "pause_ms", (double)m->pause_ms);
    put_number(printer, "latency_s", m->latency_s);
    put_number(printer, "tokens_in", (double)m->tokens_in);
    put_number(printer, "tokens_out", (double)m->tokens_out);
    put_number(printer, "tokens_cached", (double)m->tokens_cached);
    put_number(printer, "usd", m->usd);
    put_raw(printer, "}");
}

static void put_progress(struct printer *printer, const struct cr_progress *progress,
                         const struct cr_snapshot *snapshot) {
    const struct cr_tally *tally = &snapshot->tally;
    put_number(printer, "episodes", (double)progress->episodes);
    put_number(printer, "done", (double)tally->done);
    put_number(printer, "invalid", (double)tally->invalid);
    put_number(printer, "failed", (double)tally->failed);
    put_number(printer, "pending", (double)(progress->episodes - finished(snapshot)));
    put_number(printer, "converged", (double)tally->converged);
    put_number(printer, "started_wall_ms", (double)progress->started_wall_ms);
    put_number(printer, "updated_wall_ms", (double)snapshot->wall_ms);
    put_number(printer, "elapsed_s", elapsed_s(progress, snapshot));
    put_number(printer, "eta_s", eta_s(progress, snapshot));
}

static void put_spent(struct printer *printer, const struct cr_progress *progress,
                      const struct cr_snapshot *snapshot) {
    const struct cr_spent *spent = &snapshot->spent;
    const struct cr_spent *before = &progress->before;
    const double seconds = elapsed_s(progress, snapshot);
    const uint64_t tokens =
        spent->tokens_in + spent->tokens_out - before->tokens_in - before->tokens_out;
    put_number(printer, "calls", (double)spent->calls);
    put_number(printer, "calls_per_s",
               rate((double)(spent->calls - before->calls), seconds));
    put_number(printer, "tokens_in", (double)spent->tokens_in);
    put_number(printer, "tokens_out", (double)spent->tokens_out);
    put_number(printer, "tokens_cached", (double)spent->tokens_cached);
    put_number(printer, "tokens_per_s", rate((double)tokens, seconds));
    put_number(printer, "usd", spent->usd);
    put_number(printer, "in_flight", snapshot->in_flight);
    put_number(printer, "retries", (double)spent->retries);
    put_number(printer, "rate_limited", (double)spent->rate_limited);
    put_number(printer, "lost_ranks", snapshot->lost_ranks);
}

// HOST as cr_cluster_host gives it: the name, a blank, the process namespace.
static void put_place(struct printer *printer, const char *host) {
    char name[320];
    const size_t len = strcspn(host, " ");
    (void)snprintf(name, sizeof name, "%.*s", (int)len, host);
    put_text(printer, "host", name);
    put_text(printer, "process_space", host[len] == ' ' ? host + len + 1 : "");
}

static enum cr_status print_status(const struct cr_progress *progress,
                                   const struct cr_snapshot *snapshot,
                                   struct cr_buf *out) {
    struct printer printer = {.out = out, .is_first = true};
    put_raw(&printer, "{");
    put_text(&printer, "state", snapshot->state);
    put_text(&printer, "job", progress->job->name);
    put_number(&printer, "simulated", progress->job->is_simulated);
    put_number(&printer, "pid", getpid());
    put_place(&printer, progress->host);
    put_number(&printer, "launch", progress->launch);
    put_number(&printer, "ranks", progress->ranks);
    put_progress(&printer, progress, snapshot);
    put_spent(&printer, progress, snapshot);
    put_number(&printer, "exit_code",
               snapshot->exit_code < 0 ? (double)NAN : (double)snapshot->exit_code);
    put_text(&printer, "message", snapshot->message);
    member(&printer, "models");
    put_raw(&printer, "[");
    for (uint32_t i = 0; i < progress->job->models_len; i++) {
        put_raw(&printer, i == 0 ? "" : ",");
        put_model(&printer, progress->job->models[i].name, &snapshot->models[i]);
    }
    put_raw(&printer, "]}\n");
    return printer.status;
}

enum cr_status cr_progress_write(const struct cr_progress *progress,
                                 const struct cr_snapshot *snapshot,
                                 struct cr_err *err) {
    struct cr_buf text, path;
    cr_buf_init(&text, STATUS_BYTES_MAX);
    cr_buf_init(&path, 1 << 14);
    enum cr_status status = print_status(progress, snapshot, &text);
    if (status == CR_OK) {
        status = cr_path_join(&path, progress->dir, "status.json");
    }
    if (status == CR_OK) {
        status = cr_file_write(path.data, text.data, text.used_bytes, 0600, err);
    } else {
        status = cr_err_set(err, status, "status.json does not fit");
    }
    cr_buf_fini(&text);
    cr_buf_fini(&path);
    return status;
}

static void print_eta(char *out, size_t bytes, double seconds) {
    if (isnan(seconds)) {
        (void)snprintf(out, bytes, "?");
    } else if (seconds < 3600) {
        (void)snprintf(out, bytes, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
    } else {
        (void)snprintf(out, bytes, "%d:%02d:%02d", (int)(seconds / 3600),
                       (int)fmod(seconds / 60, 60), (int)fmod(seconds, 60));
    }
}

static void print_losses(char *out, size_t bytes, const struct cr_tally *tally) {
    out[0] = '\0';
    if (tally->invalid + tally->failed > 0) {
        (void)snprintf(out, bytes, " | %" PRIu64 " invalid, %" PRIu64 " failed",
                       tally->invalid, tally->failed);
    }
}

static void compose(const struct cr_progress *progress,
                    const struct cr_snapshot *snapshot, char *out, size_t bytes) {
    const struct cr_spent *spent = &snapshot->spent;
    const struct cr_spent *before = &progress->before;
    const double seconds = elapsed_s(progress, snapshot);
    const uint64_t tokens =
        spent->tokens_in + spent->tokens_out - before->tokens_in - before->tokens_out;
    const uint64_t done = snapshot->tally.done;
    char eta[32], losses[64];
    print_losses(losses, sizeof losses, &snapshot->tally);
    print_eta(eta, sizeof eta, eta_s(progress, snapshot));
    (void)snprintf(
        out, bytes,
        "%s%" PRIu64 "/%" PRIu64 " ETA %s | %.0f calls/s %.0f tokens/s $%.2f | %u in "
        "flight, %" PRIu64 " x 429 | converged %.0f %%%s%s",
        progress->job->is_simulated ? "[simulated] " : "", finished(snapshot),
        progress->episodes, eta, rate((double)(spent->calls - before->calls), seconds),
        rate((double)tokens, seconds), spent->usd, snapshot->in_flight,
        spent->rate_limited,
        done == 0 ? 0.0 : 100.0 * (double)snapshot->tally.converged / (double)done,
        losses, strcmp(snapshot->state, "draining") == 0 ? " | draining" : "");
}

void cr_progress_print(struct cr_progress *progress, const struct cr_snapshot *snapshot,
                       struct cr_log *log) {
    char line[512];
    const int64_t every = progress->is_terminal ? LINE_EVERY_MS : LOG_EVERY_MS;
    if (progress->is_quiet || snapshot->now_ms - progress->printed_ms < every) {
        return;
    }
    progress->printed_ms = snapshot->now_ms;
    compose(progress, snapshot, line, sizeof line);
    if (!progress->is_terminal) {
        cr_log_write(log, CR_LOG_INFO, "%s", line);
        return;
    }
    (void)fprintf(log->file, "\r\033[K%s", line);
    (void)fflush(log->file);
    log->line_is_open = 1;
}

void cr_progress_end(struct cr_progress *progress, const struct cr_snapshot *snapshot,
                     struct cr_log *log) {
    char line[512];
    compose(progress, snapshot, line, sizeof line);
    if (progress->is_quiet) {
        return;
    }
    cr_log_write(log, CR_LOG_INFO, "%s: %s", snapshot->state, line);
    if (snapshot->tally.failed > 0) {
        cr_log_write(log, CR_LOG_INFO,
                     "%" PRIu64 " episodes failed and are not scored; the same command "
                     "tries them again",
                     snapshot->tally.failed);
    }
}

static const char *advice(enum cr_status status) {
    switch (status) {
    case CR_E_FULL:
        return "; make room and run the same command again, nothing that was recorded "
               "is lost";
    case CR_E_IO:
        return "; run the same command again when it can be written, nothing that was "
               "recorded is lost";
    default:
        return "";
    }
}

void cr_fault_line(char *out, const char *dir, const char *part,
                   const struct cr_err *err) {
    const bool is_of_file = err->status == CR_E_FULL || err->status == CR_E_IO;
    const bool is_placed = !is_of_file || strstr(err->text, dir) != NULL;
    (void)snprintf(out, CR_FAULT_BYTES, "%.100s%s%.100s%s%s%s", is_placed ? "" : dir,
                   is_placed ? "" : ": ", part == NULL ? "" : part,
                   part == NULL ? "" : ": ", err->text, advice(err->status));
}
