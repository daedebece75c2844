// server.h - model servers that this rank starts, watches and stops.
//
// Layer    model (3)
// Threads  one owner
// MPI      none: the caller says which of a node's and of the job's ranks this is, and
//          tells the others where a server is to be found
//
// A server runs in a process group of its own under a supervisor, a child that outlives
// nobody: when this process ends, by SIGKILL too, the supervisor ends the whole group
// (TERM, wait, KILL). One that dies is started again after a growing wait. Where it is
// becomes known through `moved`, in any poll, once it answers its health path with 200.
#ifndef CREDENCE_MODEL_SERVER_H
#define CREDENCE_MODEL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/clock.h"
#include "credence/base/log.h"
#include "credence/base/status.h"
#include "credence/core/job.h"

struct cr_servers;

// Who may use a server.
enum cr_server_scope { CR_SERVER_OF_NODE, CR_SERVER_OF_JOB };

// ENDPOINT of MODEL is at URL, or "" no longer. An endpoint of a node is numbered
// within it (its URL is a loopback address); of the job there is number 0 alone.
typedef void (*cr_server_moved_fn)(void *ctx, enum cr_server_scope scope,
                                   uint32_t model, uint32_t endpoint, const char *url);

struct cr_servers_cfg {
    const struct cr_job *job; // borrowed until destroy
    const struct cr_clock *clock;
    struct cr_log *log;
    const char *dir;      // DIR/servers/MODEL-RANK-N.log is what a server writes
    int rank;             // for the names of those files
    bool starts_for_node; // first rank of its node
    bool starts_for_job;  // rank 0
    const char *host;     // in URLs of servers of the job; NULL: 127.0.0.1
    int64_t grace_ms;     // between TERM and KILL; 0: CR_SERVER_GRACE_MS
    cr_server_moved_fn moved;
    void *ctx;
};

// Whether this rank has any server to start.
bool cr_servers_are_needed(const struct cr_servers_cfg *cfg);

// Start what is to be started; does not wait for it. CR_E_JOB: per "gpu" and no device
// is seen, or more than CR_SERVERS_MAX.
enum { CR_SERVERS_MAX = 64 };
CR_MUST_CHECK enum cr_status cr_servers_create(const struct cr_servers_cfg *cfg,
                                               struct cr_servers **out,
                                               struct cr_err *err);

// Move what can move; never blocks. Call it several times a second.
// CR_E_BLOCKED: a server did not come up within startup_s, or does not stay up; ERR ends
// with the last lines that it wrote.
CR_MUST_CHECK enum cr_status cr_servers_poll(struct cr_servers *servers,
                                             struct cr_err *err);

// Stop all; blocks until they are gone, five seconds more than the grace at most.
enum { CR_SERVER_GRACE_MS = 10000 };
void cr_servers_destroy(struct cr_servers *servers);

#endif
