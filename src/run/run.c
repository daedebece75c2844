// run.c - a launch: prepare, loop, finish.
//
// Idle costs nothing: a rank that has nothing to do sleeps, longer each time, from 50
// us to 10 ms; a worker does so inside the poll of its models, so that a reply wakes
// it. A coordinator that is nothing else sleeps after every turn, so that a turn finds
// many results: a wake-up costs what a result does. Nobody waits for it meanwhile: a
// worker asks for more before it runs out.
#include "credence/run/run.h"

#include <time.h>

#include "run/session.h"
#include "run/signals.h"

enum {
    SLEEP_MIN_US = 50,
    SLEEP_MAX_US = 10000,
    MOVING_US = 200, // while a message is under way
    TURN_US = 2000,
    TURN_SLOWNESS = 8
};

struct patience { // grows while nothing moves
    long us, least_us;
    long slowness; // a sleep is at most this part of the time that nothing moved
};

static void lose_patience(struct patience *patience, bool moved) {
    if (moved) {
        patience->us = patience->least_us;
    } else if (patience->us == 0) {
        patience->us = SLEEP_MIN_US;
    } else {
        patience->us += patience->us / patience->slowness + 1;
    }
    if (patience->us > SLEEP_MAX_US) {
        patience->us = SLEEP_MAX_US;
    }
}

// How long to wait while nothing moves: not long when a message is under way, which
// needs both sides to go on.
static long wait_us(const struct cr_session *session, const struct patience *patience) {
    const bool is_moving = cr_cluster_is_moving(session->cluster);
    return is_moving && patience->us > MOVING_US ? MOVING_US : patience->us;
}

static void sleep_us(long us) {
    const struct timespec pause = {.tv_nsec = us * 1000};
    if (us > 0) {
        nanosleep(&pause, NULL);
    }
}

// A signal that came since the last look goes to whoever decides.
static void pass_signals(struct cr_session *session, int *seen) {
    const int count = cr_signals_count();
    if (count == *seen) {
        return;
    }
    *seen = count;
    if (cr_session_coordinates(session)) {
        cr_coordinator_signal(session->coordinator, count > 1 ? 2 : 1,
                              cr_signals_name());
    } else {
        cr_worker_signal(session->worker, count > 1 ? 2 : 1);
    }
}

static bool is_over(const struct cr_session *session) {
    if (cr_session_coordinates(session)) {
        return cr_coordinator_is_over(session->coordinator);
    }
    return cr_worker_is_over(session->worker) || cr_worker_is_orphaned(session->worker);
}

// The coordinator tells what fails here, when there is one.
static void step_worker(struct cr_session *session, long wait_us, bool *moved) {
    struct cr_err err = {0};
    const int wait_ms = (int)((wait_us + 999) / 1000);
    const enum cr_status status =
        cr_worker_step(session->worker, wait_us < 1000 ? 0 : wait_ms, moved, &err);
    if (wait_us < 1000 && !*moved) {
        sleep_us(wait_us); // poll has milliseconds only
    }
    if (status != CR_OK && cr_worker_is_orphaned(session->worker)) {
        cr_log_write(session->log, CR_LOG_ERROR, "%s", err.text);
    }
}

static void check(const struct cr_session *session) {
    if (cr_session_coordinates(session)) {
        cr_coordinator_check(session->coordinator);
    }
    if (cr_session_works(session)) {
        cr_worker_check(session->worker);
    }
}

static void loop(struct cr_session *session) {
    const bool works = cr_session_works(session);
    struct patience patience = {.least_us = works ? 0 : TURN_US,
                                .slowness = works ? 1 : TURN_SLOWNESS};
    int signals_seen = 0;
    while (!is_over(session)) {
        bool moved = false;
        pass_signals(session, &signals_seen);
        if (cr_session_coordinates(session)) {
            cr_coordinator_step(session->coordinator, &moved);
        }
        if (works && !cr_worker_is_over(session->worker)) {
            step_worker(session, moved ? 0 : wait_us(session, &patience), &moved);
        } else if (!moved || !works) {
            sleep_us(wait_us(session, &patience));
        }
        if (cr_log_shows(session->log, CR_LOG_RUN)) {
            check(session);
        }
        lose_patience(&patience, moved);
    }
}

static enum cr_exit execute(struct cr_session *session) {
    struct cr_err err = {0};
    enum cr_status status = cr_session_prepare(session, &err);
    if (status == CR_OK && session->is_complete_already) {
        cr_log_write(session->log, CR_LOG_INFO, "%s is already complete", session->dir);
        return CR_EXIT_COMPLETE;
    }
    if (status == CR_E_PEER && session->bundle.used_bytes == 1) {
        return session->verdict; // rank 0 has said why
    }
    if (status != CR_OK) {
        return cr_session_give_up(session, false, &err);
    }
    status = cr_session_begin(session, &err);
    if (status != CR_OK) {
        return cr_session_give_up(session, true, &err);
    }
    loop(session);
    if (!cr_session_coordinates(session)) {
        return cr_worker_is_orphaned(session->worker) ? CR_EXIT_STOPPED
                                                      : CR_EXIT_COMPLETE;
    }
    const enum cr_exit outcome = cr_session_finish(session);
    session->is_complete = outcome == CR_EXIT_COMPLETE || outcome == CR_EXIT_FAILED;
    return outcome;
}

struct cr_run_outcome cr_run_execute(const struct cr_run_options *options,
                                     struct cr_log *log) {
    struct cr_session session = {.options = options, .log = log};
    struct cr_run_outcome outcome = {.code = execute(&session)};
    if (session.is_complete) {
        outcome.dir = session.dir;
        session.dir = NULL;
    }
    cr_session_close(&session, &outcome.must_exit);
    return outcome;
}
