// progress.c - see progress.h. Rates are of this launch; counts are of the whole run.
#include "run/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json_write.h"
#include "credence/base/text.h"

enum {
    STATUS_BYTES_MAX = 1 << 22,
    LOG_EVERY_MS = 30000,
    LINE_EVERY_MS = 500,
    NODES_SHOWN = 256,    // in status.json
    NODES_NAMED = 16,     // at the end
    CALLS_EXPECTED = 100, // of a node, before one that made none is odd
    REASONS_SHOWN = 3,
    WORDS_SHOWN = 60 // bytes
};

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
    snapshot->tape_lines = progress->tape_lines_before;
    cr_roster_count_nodes(roster);
    snapshot->nodes = roster->nodes;
    snapshot->nodes_len = roster->nodes_len;
    memset(snapshot->models, 0, sizeof snapshot->models);
    for (int rank = 1; rank < roster->size; rank++) {
        const struct cr_member *member = &roster->at[rank];
        snapshot->tape_lines += member->taped;
        for (uint32_t i = 0; i < member->models_len; i++) {
            struct cr_model_metrics metrics = member->models[i].metrics;
            if (member->state == CR_MEMBER_LOST) {
                spend_in_flight(&metrics);
            }
            add_metrics(&snapshot->models[i].metrics, &metrics);
            snapshot->models[i].replies_cut += member->models[i].replies_cut;
        }
    }
    for (uint32_t i = 0; i < progress->job->models_len; i++) {
        const struct cr_model_metrics *m = &snapshot->models[i].metrics;
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

static void put_model(struct cr_json_writer *json, const char *name,
                      const struct cr_snapshot_model *model) {
    const struct cr_model_metrics *m = &model->metrics;
    cr_json_write_open(json, NULL, '{');
    cr_json_write_text(json, "name", name);
    cr_json_write_count(json, "in_flight", m->in_flight);
    cr_json_write_count(json, "waiting", m->waiting);
    cr_json_write_count(json, "concurrency", m->concurrency);
    cr_json_write_count(json, "calls", m->calls_done);
    cr_json_write_count(json, "failed", m->calls_failed);
    cr_json_write_count(json, "cut", model->replies_cut);
    cr_json_write_count(json, "recorded", m->calls_recorded);
    cr_json_write_count(json, "attempts", m->attempts);
    cr_json_write_count(json, "retries", m->retries);
    cr_json_write_count(json, "rate_limited", m->rate_limited);
    cr_json_write_number(json, "pause_ms", (double)m->pause_ms);
    cr_json_write_number(json, "latency_s", m->latency_s);
    cr_json_write_count(json, "tokens_in", m->tokens_in);
    cr_json_write_count(json, "tokens_out", m->tokens_out);
    cr_json_write_count(json, "tokens_cached", m->tokens_cached);
    cr_json_write_number(json, "usd", m->usd);
    cr_json_write_close(json, '}');
}

static void put_models(struct cr_json_writer *json, const struct cr_job *job,
                       const struct cr_snapshot *snapshot) {
    cr_json_write_open(json, "models", '[');
    for (uint32_t i = 0; i < job->models_len; i++) {
        put_model(json, job->models[i].name, &snapshot->models[i]);
    }
    cr_json_write_close(json, ']');
}

// Episodes that are invalid or failed, by reason: {"cut": 180, "key": 2}.
static void put_reasons(struct cr_json_writer *json, const struct cr_tally *tally) {
    cr_json_write_open(json, "reasons", '{');
    for (int i = 0; i < CR_REASON_COUNT; i++) {
        if (tally->by_reason[i] > 0) {
            cr_json_write_count(json, cr_reason_names[i], tally->by_reason[i]);
        }
    }
    cr_json_write_close(json, '}');
}

// What servers said most often of each: {"server": "HTTP 502: bad gateway"}.
static void put_words(struct cr_json_writer *json, const struct cr_snapshot *snapshot) {
    cr_json_write_open(json, "words", '{');
    for (int i = 0; i < CR_REASON_COUNT; i++) {
        const char *words = snapshot->tally.by_reason[i] > 0
                                ? cr_said_commonest(&snapshot->said[i])
                                : NULL;
        if (words != NULL) {
            cr_json_write_text(json, cr_reason_names[i], words);
        }
    }
    cr_json_write_close(json, '}');
}

static void put_progress(struct cr_json_writer *json,
                         const struct cr_progress *progress,
                         const struct cr_snapshot *snapshot) {
    const struct cr_tally *tally = &snapshot->tally;
    cr_json_write_count(json, "episodes", progress->episodes);
    cr_json_write_count(json, "done", tally->done);
    cr_json_write_count(json, "invalid", tally->invalid);
    cr_json_write_count(json, "failed", tally->failed);
    cr_json_write_count(json, "pending", progress->episodes - finished(snapshot));
    cr_json_write_count(json, "converged", tally->converged);
    put_reasons(json, tally);
    put_words(json, snapshot);
    cr_json_write_number(json, "first_started_wall_ms",
                         (double)progress->first_started_wall_ms);
    cr_json_write_number(json, "started_wall_ms", (double)progress->started_wall_ms);
    cr_json_write_number(json, "updated_wall_ms", (double)snapshot->wall_ms);
    cr_json_write_number(json, "elapsed_s", elapsed_s(progress, snapshot));
    cr_json_write_number(json, "eta_s", eta_s(progress, snapshot));
}

struct cr_spent cr_progress_spent_here(const struct cr_progress *progress,
                                       const struct cr_snapshot *snapshot) {
    const struct cr_spent *all = &snapshot->spent, *before = &progress->before;
    return (struct cr_spent){
        .calls = all->calls - before->calls,
        .retries = all->retries - before->retries,
        .rate_limited = all->rate_limited - before->rate_limited,
        .tokens_in = all->tokens_in - before->tokens_in,
        .tokens_out = all->tokens_out - before->tokens_out,
        .tokens_cached = all->tokens_cached - before->tokens_cached,
        .usd = all->usd - before->usd,
    };
}

static void put_counts(struct cr_json_writer *json, const struct cr_spent *spent) {
    cr_json_write_count(json, "calls", spent->calls);
    cr_json_write_count(json, "tokens_in", spent->tokens_in);
    cr_json_write_count(json, "tokens_out", spent->tokens_out);
    cr_json_write_count(json, "tokens_cached", spent->tokens_cached);
    cr_json_write_number(json, "usd", spent->usd);
    cr_json_write_count(json, "retries", spent->retries);
    cr_json_write_count(json, "rate_limited", spent->rate_limited);
}

// Over all launches; then of this one alone.
static void put_spent(struct cr_json_writer *json, const struct cr_progress *progress,
                      const struct cr_snapshot *snapshot) {
    const struct cr_spent here = cr_progress_spent_here(progress, snapshot);
    const double seconds = elapsed_s(progress, snapshot);
    put_counts(json, &snapshot->spent);
    cr_json_write_number(json, "calls_per_s", rate((double)here.calls, seconds));
    cr_json_write_number(json, "tokens_per_s",
                         rate((double)(here.tokens_in + here.tokens_out), seconds));
    cr_json_write_count(json, "in_flight", snapshot->in_flight);
    cr_json_write_count(json, "tape_lines", snapshot->tape_lines);
    cr_json_write_count(json, "lost_ranks", (uint64_t)snapshot->lost_ranks);
    cr_json_write_open(json, "this_launch", '{');
    cr_json_write_count(json, "episodes",
                        finished(snapshot) - progress->episodes_before);
    put_counts(json, &here);
    cr_json_write_close(json, '}');
}

// HOST as cr_cluster_host gives it: the name, a blank, the process namespace.
static void put_place(struct cr_json_writer *json, const char *host) {
    char name[320];
    const size_t len = strcspn(host, " ");
    (void)snprintf(name, sizeof name, "%.*s", (int)len, host);
    cr_json_write_text(json, "host", name);
    cr_json_write_text(json, "process_space", host[len] == ' ' ? host + len + 1 : "");
}

static uint64_t calls_of_nodes(const struct cr_snapshot *snapshot) {
    uint64_t calls = 0;
    for (size_t i = 0; i < snapshot->nodes_len; i++) {
        calls += snapshot->nodes[i].calls;
    }
    return calls;
}

// The share of its ranks' time that a node slept, waiting for models.
static double asleep_share(const struct cr_node *node, double seconds) {
    const double all_s = seconds * node->ranks;
    return all_s > 0 ? fmin(1, (double)node->asleep_ms / 1000 / all_s) : 0;
}

static void put_nodes(struct cr_json_writer *json, const struct cr_progress *progress,
                      const struct cr_snapshot *snapshot) {
    const double calls = (double)calls_of_nodes(snapshot);
    cr_json_write_open(json, "nodes", '[');
    for (size_t i = 0; i < snapshot->nodes_len && i < NODES_SHOWN; i++) {
        const struct cr_node *node = &snapshot->nodes[i];
        cr_json_write_open(json, NULL, '{');
        cr_json_write_text(json, "host", node->host);
        cr_json_write_count(json, "ranks", (uint64_t)node->ranks);
        cr_json_write_count(json, "calls", node->calls);
        cr_json_write_number(json, "share",
                             calls > 0 ? (double)node->calls / calls : 0);
        cr_json_write_number(json, "asleep",
                             asleep_share(node, elapsed_s(progress, snapshot)));
        cr_json_write_close(json, '}');
    }
    cr_json_write_close(json, ']');
}

static void put_launches(struct cr_json_writer *json,
                         const struct cr_launches *launches) {
    cr_json_write_open(json, "launches", '[');
    if (launches->json.used_bytes > 0) {
        cr_json_write_json(json, NULL, launches->json.data);
    }
    cr_json_write_close(json, ']');
}

static enum cr_status print_status(const struct cr_progress *progress,
                                   const struct cr_snapshot *snapshot,
                                   struct cr_buf *out) {
    struct cr_json_writer json = {.out = out};
    cr_json_write_open(&json, NULL, '{');
    cr_json_write_text(&json, "state", snapshot->state);
    cr_json_write_text(&json, "job", progress->job->name);
    cr_json_write_count(&json, "simulated", progress->job->is_simulated);
    cr_json_write_count(&json, "pid", (uint64_t)getpid());
    put_place(&json, progress->host);
    cr_json_write_count(&json, "launch", progress->launch);
    cr_json_write_count(&json, "ranks", (uint64_t)progress->ranks);
    put_progress(&json, progress, snapshot);
    put_spent(&json, progress, snapshot);
    cr_json_write_number(&json, "exit_code",
                         snapshot->exit_code < 0 ? (double)NAN
                                                 : (double)snapshot->exit_code);
    cr_json_write_text(&json, "message", snapshot->message);
    put_models(&json, progress->job, snapshot);
    put_nodes(&json, progress, snapshot);
    put_launches(&json, &progress->launches);
    cr_json_write_close(&json, '}');
    return json.status == CR_OK ? cr_buf_add_text(out, "\n") : json.status;
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

// Of "model M at URL: what was said" what was said: a line has no room for more.
static const char *what_of(const char *said) {
    static const char subject[] = "model ";
    const char *words = said == NULL ? "" : said;
    const char *colon = strstr(words, ": ");
    const bool has_subject = strncmp(words, subject, sizeof subject - 1) == 0;
    return has_subject && colon != NULL ? colon + 2 : words;
}

// The reasons of the kind from FIRST to below END, the commonest first and with what the
// servers said of it: " (180 server: HTTP 502: bad gateway, 2 rate)".
static void print_reasons(char *out, size_t bytes, const struct cr_snapshot *snapshot,
                          int first, int end) {
    const struct cr_tally *tally = &snapshot->tally;
    bool is_used[CR_REASON_COUNT] = {false};
    size_t used = 0;
    out[0] = '\0';
    for (int n = 0; n < REASONS_SHOWN; n++) {
        int most = -1;
        for (int i = first; i < end; i++) {
            if (!is_used[i] && tally->by_reason[i] > 0 &&
                (most < 0 || tally->by_reason[i] > tally->by_reason[most])) {
                most = i;
            }
        }
        if (most < 0) {
            break;
        }
        is_used[most] = true;
        const char *said = n == 0 ? cr_said_commonest(&snapshot->said[most]) : NULL;
        const char *words = what_of(said);
        const size_t cut = cr_text_cut(words, strlen(words), WORDS_SHOWN);
        const int put =
            snprintf(out + used, bytes - used, "%s%" PRIu64 " %s%s%.*s",
                     n == 0 ? " (" : ", ", tally->by_reason[most],
                     cr_reason_names[most], cut > 0 ? ": " : "", (int)cut, words);
        used += put > 0 && (size_t)put < bytes - used ? (size_t)put : 0;
    }
    if (used > 0) {
        (void)snprintf(out + used, bytes - used, ")");
    }
}

static void print_losses(char *out, size_t bytes, const struct cr_snapshot *snapshot) {
    const struct cr_tally *tally = &snapshot->tally;
    char invalid[192], failed[192];
    out[0] = '\0';
    print_reasons(invalid, sizeof invalid, snapshot, CR_REASON_UNREADABLE,
                  CR_REASON_FIRST_FAILURE);
    print_reasons(failed, sizeof failed, snapshot, CR_REASON_FIRST_FAILURE,
                  CR_REASON_COUNT);
    if (tally->invalid + tally->failed > 0) {
        (void)snprintf(out, bytes, " | %" PRIu64 " invalid%s, %" PRIu64 " failed%s",
                       tally->invalid, invalid, tally->failed, failed);
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
    char eta[32], losses[480];
    print_losses(losses, sizeof losses, snapshot);
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
    char line[1024];
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

// Who worked: a node that did nothing is most likely one that cannot.
static void print_nodes(const struct cr_progress *progress,
                        const struct cr_snapshot *snapshot, struct cr_log *log) {
    const uint64_t calls = calls_of_nodes(snapshot);
    const double seconds = elapsed_s(progress, snapshot);
    for (size_t i = 0; snapshot->nodes_len > 1 && i < snapshot->nodes_len; i++) {
        const struct cr_node *node = &snapshot->nodes[i];
        if (node->calls == 0 && calls >= CALLS_EXPECTED * snapshot->nodes_len) {
            cr_log_write(
                log, CR_LOG_WARN,
                "node %s did nothing: its %d %s made none of %" PRIu64 " calls",
                node->host, node->ranks, node->ranks == 1 ? "rank" : "ranks", calls);
        } else if (snapshot->nodes_len <= NODES_NAMED) {
            cr_log_write(
                log, CR_LOG_INFO,
                "node %s: %d %s, %.0f %% of the calls, asleep %.0f %% of the time",
                node->host, node->ranks, node->ranks == 1 ? "rank" : "ranks",
                calls > 0 ? 100 * (double)node->calls / (double)calls : 0,
                100 * asleep_share(node, seconds));
        }
    }
}

// Where the results are, and what to do next.
static void tell_next(const struct cr_progress *progress,
                      const struct cr_snapshot *snapshot, struct cr_log *log) {
    const bool is_complete = strcmp(snapshot->state, "complete") == 0;
    cr_log_write(log, CR_LOG_INFO, "results are in %s/run.h5", progress->dir);
    if (!is_complete) {
        cr_log_write(log, CR_LOG_INFO,
                     "to go on, run the same command again; credence analyze %s works "
                     "on what is there",
                     progress->dir);
    } else if (snapshot->tally.failed > 0) {
        cr_log_write(log, CR_LOG_INFO,
                     "%" PRIu64 " episodes failed and are not scored; the same command "
                     "tries them again",
                     snapshot->tally.failed);
    } else {
        cr_log_write(log, CR_LOG_INFO, "next: credence analyze %s, credence list %s",
                     progress->dir, progress->dir);
    }
}

void cr_progress_end(struct cr_progress *progress, const struct cr_snapshot *snapshot,
                     struct cr_log *log) {
    char line[1024];
    compose(progress, snapshot, line, sizeof line);
    print_nodes(progress, snapshot, log);
    if (progress->is_quiet) {
        return;
    }
    cr_log_write(log, CR_LOG_INFO, "%s: %s", snapshot->state, line);
    tell_next(progress, snapshot, log);
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
