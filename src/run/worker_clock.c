// worker_clock.c - what a worker does by the clock: it tells of pauses and of itself,
// has the tape synced, ends a drain's patience, and notices that the coordinator is
// silent.
#include "run/worker_internal.h"

enum {
    PAUSE_CHECK_MS = 20,
    GAP_MS = 1000,   // between two steps: this rank itself stood still
    URGENT_BEATS = 5 // times as often while calls wait for a lease
};

// A model that is not in use here keeps no starts from the ranks that wait for them.
static void read_metrics(struct cr_worker *worker, uint32_t model,
                         struct cr_model_metrics *out) {
    cr_client_metrics(worker->cfg.client, model, out);
    if (out->waiting > 0 || out->in_flight > 0) {
        return;
    }
    cr_client_return_requests(worker->cfg.client, model);
    cr_client_metrics(worker->cfg.client, model, out);
}

enum cr_status cr_worker_beat(struct cr_worker *worker, struct cr_err *err) {
    struct cr_beat message = {.live = worker->live,
                              .queued = worker->queued,
                              .is_draining = worker->is_draining,
                              .models_len = worker->cfg.job->models_len};
    for (uint32_t i = 0; i < message.models_len; i++) {
        message.models[i].sequence = worker->lease_sequence[i];
        read_metrics(worker, i, &message.models[i].metrics);
    }
    cr_buf_clear(&worker->message);
    return cr_worker_send(worker, CR_TAG_BEAT,
                          cr_beat_encode(&worker->message, &message), err);
}

// A Retry-After met here must keep every rank quiet, so it does not wait for a beat.
static enum cr_status tell_pauses(struct cr_worker *worker, struct cr_err *err) {
    for (uint32_t i = 0; i < worker->cfg.job->models_len; i++) {
        struct cr_model_metrics metrics;
        cr_client_metrics(worker->cfg.client, i, &metrics);
        cr_client_forget_peaks(worker->cfg.client, i);
        worker->is_short_of_credit =
            worker->is_short_of_credit || metrics.requests_wanted > 0;
        if (metrics.pause_seen_ms <= 0) {
            continue;
        }
        const struct cr_pause_message pause = {.model = i,
                                               .pause_ms = metrics.pause_seen_ms};
        cr_buf_clear(&worker->message);
        const enum cr_status status = cr_worker_send(
            worker, CR_TAG_PAUSE, cr_pause_encode(&worker->message, &pause), err);
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}

enum cr_status cr_worker_keep_time(struct cr_worker *worker, struct cr_err *err) {
    const int64_t now = cr_worker_now_ms(worker);
    const int64_t every_ms =
        worker->is_short_of_credit ? worker->beat_ms / URGENT_BEATS : worker->beat_ms;
    const bool has_drained =
        worker->is_draining && worker->live == 0 && !worker->has_told_drained;
    const bool is_beat_due = has_drained || now - worker->last_beat_ms >= every_ms;
    enum cr_status status = CR_OK;
    if (worker->is_draining && now >= worker->drop_at_ms) {
        cr_client_drop(worker->cfg.client);
    }
    if (is_beat_due || now - worker->last_pause_ms >= PAUSE_CHECK_MS) {
        worker->last_pause_ms = now;
        status = tell_pauses(worker, err);
    }
    if (is_beat_due) {
        worker->has_told_drained = worker->has_told_drained || has_drained;
        worker->last_beat_ms = now;
        worker->is_short_of_credit = false;
        status = cr_worker_first_of(status, cr_worker_beat(worker, err));
    }
    if (worker->tape != NULL) {
        status = cr_worker_first_of(status, cr_tape_sync(worker->tape, false, err));
    }
    if (!worker->is_draining) {
        status = cr_worker_first_of(status, cr_serving_poll(&worker->serving, err));
    }
    return status;
}

bool cr_worker_coordinator_is_gone(struct cr_worker *worker) {
    for (int rank; (rank = cr_cluster_lost(worker->cfg.cluster)) >= 0;) {
        cr_cluster_abandon(worker->cfg.cluster, rank);
        if (rank == 0) {
            return true;
        }
    }
    if (worker->stepped_ms - worker->last_heard_ms <= worker->lost_ms) {
        return false;
    }
    cr_cluster_abandon(worker->cfg.cluster, 0);
    return true;
}

// While this rank stood still it could not hear the coordinator.
void cr_worker_begin_step(struct cr_worker *worker) {
    const int64_t gap_ms = cr_worker_now_ms(worker) - worker->stepped_ms;
    worker->stepped_ms += gap_ms;
    if (gap_ms > GAP_MS) {
        worker->last_heard_ms += gap_ms - GAP_MS;
    }
}
