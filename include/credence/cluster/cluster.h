// cluster.h - ranks that send each other messages: MPI, or queues in one process.
//
// Layer    cluster (3); src/cluster/mpi.c is the only file that includes <mpi.h>
// Threads  one owner
// MPI      each function says whether it is local or collective
//
// Three calls block, all at the start or the end: cr_cluster_open_mpi (MPI_Init; the
// process ends by SIGALRM after 600 s), cr_cluster_bcast (asleep; CR_E_PEER after 600 s
// without rank 0) and cr_cluster_close (asleep, for as long as rank 0 works on its file:
// 3,600 s at most; up to 2 s for the last sends). All others return at once. A send to a
// lost rank is dropped. Order is kept between two ranks.
#ifndef CREDENCE_CLUSTER_CLUSTER_H
#define CREDENCE_CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"

struct cr_cluster;

// Local. Whether a process that MPI sees alone was meant to be alone. CR_E_USAGE names the
// launcher that started it as one of several, and what to do; the text is empty on all but
// the first of them.
CR_MUST_CHECK enum cr_status cr_cluster_check_alone(struct cr_err *err);

// "Open MPI v4.1.4": the library in use. Local, at any time.
const char *cr_cluster_version(void);

// Whether a launcher (mpirun, srun --mpi=pmix ...) started this process as one of many,
// or does not say of how many.
bool cr_cluster_is_launched(void);

// Collective: blocks in MPI_Init until every rank of the launch has come. At most once a
// process. CR_E_PEER when MPI cannot start, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_cluster_open_mpi(struct cr_cluster **out,
                                                 struct cr_err *err);
// Local. SIZE ranks in this process, for a run alone and for tests: OUT[SIZE].
CR_MUST_CHECK enum cr_status cr_cluster_open_local(int size, struct cr_cluster **out,
                                                   struct cr_err *err);

int cr_cluster_rank(const struct cr_cluster *cluster);
int cr_cluster_size(const struct cr_cluster *cluster);
// Names the process space of this rank, "node1 pid:[4026531836]": equal on two ranks
// when a process number of one means the same process to the other.
const char *cr_cluster_host(const struct cr_cluster *cluster);
const char *
cr_cluster_library(const struct cr_cluster *cluster); // "Open MPI v4.1.4 ..."

// Collective. BUF of rank 0 into BUF of all; waits asleep. CR_E_PEER after 600 s, and
// when a rank was lost on the way; CR_E_MEMORY or CR_E_LIMIT where it does not fit.
CR_MUST_CHECK enum cr_status cr_cluster_bcast(struct cr_cluster *cluster,
                                              struct cr_buf *buf, struct cr_err *err);

// A message: on its way out, whom it is for; on its way in, who sent it.
struct cr_packet {
    int rank;
    int tag;
    const char *bytes; // borrowed for a send; until the next receive otherwise
    size_t len;
};
// Local. The bytes are copied. One whose tag can wait (message.h) goes out at the next
// receive at the latest. CR_E_PEER when the rank is known to be lost.
CR_MUST_CHECK enum cr_status cr_cluster_send(struct cr_cluster *cluster,
                                             const struct cr_packet *packet,
                                             struct cr_err *err);

// Local. False when nothing has come.
bool cr_cluster_receive(struct cr_cluster *cluster, struct cr_packet *out);

// Local. The next rank that the library or the kernel reports as dead and that was not
// reported yet; -1 when there is none. Heartbeats are the caller's.
int cr_cluster_lost(struct cr_cluster *cluster);
// Local. Give RANK up: sends to it are dropped, what comes from it is ignored; its
// process is killed when it is on this node (a stopped process must not wake up later).
void cr_cluster_abandon(struct cr_cluster *cluster, int rank);
// Local. Let cr_cluster_lost watch process PID of RANK when it runs on HOST = our host.
void cr_cluster_watch(struct cr_cluster *cluster, int rank, int64_t pid,
                      const char *host);

// Local. Whether a message is under way, out or in: a large one goes in pieces, each of
// which waits for both sides to call here, so nobody should sleep long meanwhile.
bool cr_cluster_is_moving(const struct cr_cluster *cluster);

// Collective unless a rank was lost: then nobody may finalise, and the process must
// leave by _exit after this returns true in *must_exit. CLUSTER may be NULL.
void cr_cluster_close(struct cr_cluster *cluster, bool *must_exit);

#endif
