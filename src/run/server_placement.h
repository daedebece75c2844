// server_placement.h - which rank of each node starts the local servers, and where they are.
//
// Layer    run (5), private to rank 0; pure bookkeeping
// Threads  one owner
//
// The first worker that says hello on a node starts the servers of that node, the first of all
// those of the job. When a starter is lost its servers die with it, and another rank of
// the node takes its place.
#ifndef CR_RUN_SERVER_PLACEMENT_H
#define CR_RUN_SERVER_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/cluster/message.h"

enum { CR_STARTS_NODE = 1, CR_STARTS_JOB = 2 }; // bits of what a rank is to start

struct cr_server_place {
    int rank;                            // that runs it
    struct cr_endpoint_message endpoint; // url is ours
};

struct cr_server_placement {
    int size;
    char **host;      // [size] of each rank; NULL: no hello yet, or lost
    uint32_t *starts; // [size] what each rank was asked to start
    struct cr_server_place *places;
    size_t places_len, places_cap;
};

CR_MUST_CHECK enum cr_status
cr_server_placement_init(struct cr_server_placement *placement, int size,
                         struct cr_err *err);
void cr_server_placement_fini(struct cr_server_placement *placement);

// RANK lives on HOST: what is it to start (CR_STARTS_ bits)?
CR_MUST_CHECK enum cr_status
cr_server_placement_add(struct cr_server_placement *placement, int rank,
                        const char *host, uint32_t *starts, struct cr_err *err);
// RANK is lost. *heir is the rank that now starts *starts in its place; -1 for none.
// Its servers are forgotten.
void cr_server_placement_remove(struct cr_server_placement *placement, int rank,
                                int *heir, uint32_t *starts);

// RANK says where a server of its is (or "" no longer).
CR_MUST_CHECK enum cr_status
cr_server_placement_put(struct cr_server_placement *placement, int rank,
                        const struct cr_endpoint_message *endpoint, struct cr_err *err);
// Whether RANK may use the server of PLACE, and does not know of it already.
bool cr_server_placement_concerns(const struct cr_server_placement *placement, int rank,
                                  int starter,
                                  const struct cr_endpoint_message *endpoint);

#endif
