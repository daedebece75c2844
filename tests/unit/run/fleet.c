// fleet.c - see fleet.h.
#include "fleet.h"

#include <sys/stat.h>

#include "run/reply_cache.h"

void fleet_open(struct fleet *fleet, int claims, const char *text) {
    *fleet = (struct fleet){.size = 0};
    fixture_open(&fleet->f, claims);
    fixture_need(&fleet->f, text);
    snprintf(fleet->run, sizeof fleet->run, "%s/run", fleet->f.dir);
    fleet->fake.now_ns = 1000000000000;
    fleet->fake.wall_ns = 1700000000000000000;
    fleet->clock = cr_clock_fake(&fleet->fake);
    fleet->options = (struct cr_run_options){
        .job_path = fleet->f.path,
        .dir = fleet->run,
        .shards = 1,
        .is_quiet = true,
        .sync_ms = 1000000, // no fsync a second of a clock that runs
        .grace_ms = 1000,
        .lost_ms = FLEET_LOST_MS,
        .max_failed_share = 1,
        .live = 4,
        .version = "test",
        .revision = "test",
    };
}

void fleet_close(struct fleet *fleet) {
    fixture_close(&fleet->f);
}

// What cr_session_prepare does, with a rank of the local cluster.
static enum cr_status prepare(struct fleet *fleet, int rank,
                              struct cr_cluster *cluster) {
    struct cr_session *session = &fleet->at[rank];
    struct fixture *f = &fleet->f;
    *session = (struct cr_session){.options = &fleet->options,
                                   .log = &fleet->log,
                                   .clock = &fleet->clock,
                                   .cluster = cluster,
                                   .worker_cluster = cluster};
    session->dir = cr_strdup(fleet->run);
    cr_buf_init(&session->bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = session->dir == NULL ? CR_E_MEMORY : CR_OK;
    if (status == CR_OK) {
        status =
            cr_job_create(f->bundle.data, f->bundle.used_bytes, &session->job, &f->err);
    }
    if (status == CR_OK) {
        status = cr_plan_create(session->job, &session->plan, &f->err);
    }
    if (status == CR_OK && rank == 0) {
        status = cr_lock_take(fleet->run, cr_cluster_host(cluster), &fleet->clock,
                              &session->lock, &f->err);
    }
    if (status == CR_OK && rank > 0) {
        status = cr_reply_cache_open(session->job, &fleet->log, &session->reply_cache,
                                     &f->err);
    }
    const struct cr_client_cfg cfg = {
        .job = session->job,
        .clock = &fleet->clock,
        .log = &fleet->log,
        .lookup = session->reply_cache == NULL ? NULL : cr_reply_cache_lookup,
        .lookup_ctx = session->reply_cache,
        .rank = rank,
        .live_max = 64};
    if (status == CR_OK && rank > 0) {
        status = cr_client_create(&cfg, &session->client, &f->err);
    }
    return status;
}

static void close_all(struct fleet *fleet) {
    bool must_exit;
    for (int rank = fleet->size - 1; rank >= 0; rank--) {
        if (fleet->at[rank].cluster != NULL) {
            cr_session_close(&fleet->at[rank], &must_exit);
        }
    }
    fleet->size = 0;
}

enum cr_status fleet_start(struct fleet *fleet, int workers) {
    struct cr_cluster *clusters[FLEET_RANKS_MAX] = {NULL};
    memset(fleet->at, 0, sizeof fleet->at);
    memset(fleet->is_frozen, 0, sizeof fleet->is_frozen);
    memset(fleet->is_out, 0, sizeof fleet->is_out);
    fleet->err = (struct cr_err){0};
    fleet->turns = 0;
    mkdir(fleet->run, 0700);
    enum cr_status status = cr_cluster_open_local(workers + 1, clusters, &fleet->err);
    if (status != CR_OK) {
        return status;
    }
    fleet->size = workers + 1;
    for (int rank = 0; rank <= workers; rank++) {
        const enum cr_status prepared = prepare(fleet, rank, clusters[rank]);
        status = status == CR_OK ? prepared : status;
    }
    if (status != CR_OK) {
        close_all(fleet);
        return status;
    }
    for (int rank = 0; rank <= workers && status == CR_OK; rank++) {
        status = cr_session_begin(&fleet->at[rank], &fleet->err);
    }
    if (status != CR_OK) {
        (void)cr_session_give_up(&fleet->at[0], true, &fleet->err);
        close_all(fleet);
    }
    return status;
}

void fleet_turn(struct fleet *fleet, int step_ms) {
    bool moved = false;
    if (!fleet->is_frozen[0] && !fleet_is_over(fleet)) {
        cr_coordinator_step(fleet->at[0].coordinator, &moved);
        cr_coordinator_check(fleet->at[0].coordinator);
    }
    for (int rank = 1; rank < fleet->size; rank++) {
        struct cr_worker *worker = fleet->at[rank].worker;
        if (fleet->is_frozen[rank] || fleet->is_out[rank]) {
            continue;
        }
        struct cr_err err = {0};
        cr_status_ignore(cr_worker_step(worker, 0, &moved, &err));
        cr_worker_check(worker);
        fleet->is_out[rank] =
            cr_worker_is_over(worker) || cr_worker_is_orphaned(worker);
    }
    cr_fake_clock_advance_ms(&fleet->fake, step_ms);
    fleet->turns++;
}

bool fleet_is_over(const struct fleet *fleet) {
    return cr_coordinator_is_over(fleet->at[0].coordinator);
}

void fleet_run(struct fleet *fleet) {
    while (!fleet_is_over(fleet)) {
        if (fleet->turns > FLEET_TURNS_MAX) {
            fail_msg("the run does not end: %s",
                     cr_coordinator_message(fleet->at[0].coordinator));
        }
        fleet_turn(fleet, 5);
    }
}

enum cr_exit fleet_end(struct fleet *fleet) {
    const enum cr_exit outcome = cr_session_finish(&fleet->at[0]);
    close_all(fleet);
    return outcome;
}

void fleet_kill(struct fleet *fleet) {
    cr_spool_abandon(fleet->at[0].recorder.spool);
    fleet->at[0].recorder.spool = NULL;
    close_all(fleet);
}

enum cr_exit fleet_launch(struct fleet *fleet, int workers) {
    if (fleet_start(fleet, workers) != CR_OK) {
        fail_msg("%s %s", fleet->err.text, fleet->f.err.text);
    }
    fleet_run(fleet);
    return fleet_end(fleet);
}

struct ids {
    struct cr_tape_key *at;
    size_t len, cap;
};

static enum cr_status note_key(void *ctx, const struct cr_tape_key *key,
                               struct cr_err *err) {
    struct ids *ids = ctx;
    (void)err;
    assert_int_equal(
        cr_array_grow((void **)&ids->at, &ids->cap, ids->len + 1, sizeof *ids->at),
        CR_OK);
    ids->at[ids->len++] = *key;
    return CR_OK;
}

static int by_seat(const void *a, const void *b) {
    const struct cr_tape_key *x = a, *y = b;
    if (x->trajectory_key != y->trajectory_key) {
        return x->trajectory_key < y->trajectory_key ? -1 : 1;
    }
    return memcmp(&x->id, &y->id, sizeof x->id);
}

struct fleet_tape fleet_read_tape(const struct fleet *fleet) {
    struct ids ids = {0};
    struct fleet_tape tape = {0};
    struct cr_tape_damage damage = {0};
    assert_int_equal(cr_tape_scan_keys(fleet->run, note_key, &ids, &damage, NULL),
                     CR_OK);
    assert_int_equal(damage.damaged, 0);
    tape.lines = ids.len;
    if (ids.len > 0) {
        qsort(ids.at, ids.len, sizeof *ids.at, by_seat);
    }
    for (size_t i = 1; i < ids.len; i++) {
        tape.repeated += by_seat(&ids.at[i - 1], &ids.at[i]) == 0;
    }
    cr_free(ids.at);
    return tape;
}

struct cr_run_view *fleet_view(const struct fleet *fleet) {
    struct cr_run_view *view = NULL;
    struct cr_err err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/run.h5", fleet->run);
    if (cr_run_view_open(path, &view, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    return view;
}

static void assert_same_bytes(const void *a, const void *b, size_t bytes,
                              const char *what) {
    if (memcmp(a, b, bytes) != 0) {
        fail_msg("%s differs", what);
    }
}

void fleet_assert_same(const struct cr_run_view *a, const struct cr_run_view *b) {
    assert_int_equal(a->episodes, b->episodes);
    assert_int_equal(a->iterations, b->iterations);
    const size_t rows = a->episodes, prices = rows * a->iterations;
    assert_same_bytes(a->status, b->status, rows, "status");
    assert_same_bytes(a->ended, b->ended, rows, "reason");
    assert_same_bytes(a->prices_len, b->prices_len, rows * sizeof *a->prices_len,
                      "iterations");
    assert_same_bytes(a->price, b->price, prices * sizeof *a->price, "price");
    assert_same_bytes(a->tokens, b->tokens, rows * sizeof *a->tokens, "tokens");
    assert_same_bytes(a->calls, b->calls, rows * sizeof *a->calls, "calls");
    assert_same_bytes(a->direction, b->direction, prices, "push");
    assert_int_equal(a->is_complete, b->is_complete);
}

bool fleet_status_says(const struct fleet *fleet, const char *text) {
    struct cr_buf buf;
    char path[128];
    snprintf(path, sizeof path, "%s/status.json", fleet->run);
    cr_buf_init(&buf, 1 << 20);
    const bool does =
        cr_file_read(path, &buf, NULL) == CR_OK && strstr(buf.data, text) != NULL;
    cr_buf_fini(&buf);
    return does;
}
