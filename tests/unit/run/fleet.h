// fleet.h - a coordinator and its workers in one process: the real sessions over the
// local cluster, driven turn by turn on a clock that the test moves.
#ifndef CR_TEST_FLEET_H
#define CR_TEST_FLEET_H

#include "job_fixture.h"

#include "credence/base/mem.h"
#include "credence/model/client.h"
#include "credence/store/run_view.h"
#include "credence/store/tape.h"
#include "run/session.h"

enum { FLEET_RANKS_MAX = 8, FLEET_TURNS_MAX = 200000, FLEET_LOST_MS = 3000 };

struct fleet {
    struct fixture f;
    char run[96]; // the run directory
    struct cr_fake_clock fake;
    struct cr_clock clock;
    struct cr_log log;
    struct cr_run_options options;
    int size; // ranks: a coordinator and size - 1 workers
    struct cr_session at[FLEET_RANKS_MAX];
    bool is_frozen[FLEET_RANKS_MAX];
    bool is_out[FLEET_RANKS_MAX]; // over or orphaned: its loop has ended
    int turns;
    struct cr_err err;
};

// A folder with CLAIMS propositions and the job TEXT; nothing runs yet.
void fleet_open(struct fleet *fleet, int claims, const char *text);
void fleet_close(struct fleet *fleet);

// Begin a launch of WORKERS workers in the run directory. On failure it is ended.
enum cr_status fleet_start(struct fleet *fleet, int workers);
// One turn of every rank that is not frozen; the clock moves by STEP_MS.
void fleet_turn(struct fleet *fleet, int step_ms);
bool fleet_is_over(const struct fleet *fleet); // the coordinator
// Turn until the coordinator is over; fails the test when it never is.
void fleet_run(struct fleet *fleet);
// Finish as rank 0 does, and let everything go.
enum cr_exit fleet_end(struct fleet *fleet);
// The job is killed: nobody finishes anything.
void fleet_kill(struct fleet *fleet);
// Start, run, end.
enum cr_exit fleet_launch(struct fleet *fleet, int workers);

// What the tape holds: its lines, and those that answer a id for the second time.
struct fleet_tape {
    uint64_t lines, repeated;
};
struct fleet_tape fleet_read_tape(const struct fleet *fleet);
// Fail unless both hold the same rows.
void fleet_assert_same(const struct cr_run_view *a, const struct cr_run_view *b);
struct cr_run_view *fleet_view(const struct fleet *fleet);
// Whether status.json holds TEXT.
bool fleet_status_says(const struct fleet *fleet, const char *text);

#endif
