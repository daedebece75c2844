// local_servers.h - a worker's local servers: started on request, and announced.
//
// Layer    run (5), private to the worker
// Threads  one owner
#ifndef CR_RUN_LOCAL_SERVERS_H
#define CR_RUN_LOCAL_SERVERS_H

#include <stdint.h>

#include "credence/cluster/cluster.h"
#include "credence/model/client.h"
#include "credence/model/server.h"

struct cr_local_servers {
    const struct cr_job *job;
    const struct cr_clock *clock;
    struct cr_log *log;
    const char *dir;
    struct cr_cluster *cluster;
    struct cr_client *client;
    struct cr_servers *servers;
    char host[256];
    int64_t polled_ms;
    enum cr_status status; // the first failure to announce a server
};

// Start what STARTS (CR_STARTS_ bits of server_placement.h) says; the fields above are set.
CR_MUST_CHECK enum cr_status cr_local_servers_start(struct cr_local_servers *local,
                                                    uint32_t starts,
                                                    struct cr_err *err);
// Look after them, a few times a second. CR_E_BLOCKED as cr_servers_poll.
CR_MUST_CHECK enum cr_status cr_local_servers_poll(struct cr_local_servers *local,
                                                   struct cr_err *err);
void cr_local_servers_stop(
    struct cr_local_servers *local); // blocks until they are gone

#endif
