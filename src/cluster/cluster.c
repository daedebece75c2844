// cluster.c - what every transport shares: who we are, and who is lost.
#include "cluster/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/mem.h"

// Each launcher that starts an MPI process tells it so by one of these.
static const char *const launcher_variables[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK",
                                                 "PMI_RANK", "PMI_SIZE"};

// How many processes the launcher says it started; 0 when it does not say. SLURM's own
// number counts only where srun is the launcher: others may be at work in a step of it.
static long launched_size(void) {
    const char *space = getenv("PMIX_NAMESPACE");
    const bool is_srun = space != NULL && strncmp(space, "slurm.", 6) == 0;
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    size = size != NULL ? size : getenv("PMI_SIZE");
    size = size == NULL && is_srun ? getenv("SLURM_STEP_NUM_TASKS") : size;
    return size == NULL ? 0 : strtol(size, NULL, 10);
}

bool cr_cluster_is_launched(void) {
    // One process needs no MPI, and a script of several commands under one launcher could
    // not start it twice.
    if (launched_size() == 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof launcher_variables / sizeof launcher_variables[0];
         i++) {
        if (getenv(launcher_variables[i]) != NULL) {
            return true;
        }
    }
    return false;
}

// What launchers of others say of how many they started, and who a process is among them.
static const struct {
    const char *size, *rank, *advice;
} others[] = {
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID",
     "SLURM started %s tasks, but MPI sees 1: launch with srun --mpi=pmix (srun --mpi=list "
     "shows what this SLURM has), or with mpirun; runs that are meant to be apart: unset "
     "SLURM_STEP_NUM_TASKS"},
    {"PMI_SIZE", "PMI_RANK",
     "the launcher of another MPI started %s processes, but this program sees 1: use the "
     "mpirun of the library that it is built with (credence version)"},
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK",
     "the launcher of MVAPICH started %s processes, but this program sees 1: use the mpirun "
     "of the library that it is built with (credence version)"},
};

enum cr_status cr_cluster_check_alone(struct cr_err *err) {
    if (getenv("OMPI_COMM_WORLD_SIZE") != NULL) {
        return CR_OK; // our own library's, which knows
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const char *size = getenv(others[i].size), *rank = getenv(others[i].rank);
        if (size == NULL || strtol(size, NULL, 10) <= 1) {
            continue;
        }
        const bool is_first = rank == NULL || strcmp(rank, "0") == 0;
        char text[512];
        // The format is one of the three above.
        const char *at = strstr(others[i].advice, "%s");
        (void)snprintf(text, sizeof text, "%.*s%.12s%s", (int)(at - others[i].advice),
                       others[i].advice, size, at + 2);
        return cr_err_set(err, CR_E_USAGE, "%s", is_first ? text : "");
    }
    return CR_OK;
}

static void name_host(struct cr_cluster *cluster) {
    char space[64] = "";
    const ssize_t len = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (len > 0) {
        space[len] = '\0';
    }
    char name[256] = "localhost";
    (void)gethostname(name, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(cluster->host, sizeof cluster->host, "%s %s", name, space);
}

enum cr_status cr_cluster_init(struct cr_cluster *cluster,
                               const struct cr_cluster_ops *ops, int rank, int size,
                               struct cr_err *err) {
    bool *is_lost = cr_calloc((size_t)size, sizeof *is_lost);
    if (is_lost == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
    }
    cluster->ops = ops;
    cluster->rank = rank;
    cluster->size = size;
    cluster->is_lost = is_lost;
    cluster->library = "";
    name_host(cluster);
    return CR_OK;
}

void cr_cluster_fini(struct cr_cluster *cluster) {
    cr_free(cluster->is_lost);
    cluster->is_lost = NULL;
}

int cr_cluster_rank(const struct cr_cluster *cluster) {
    return cluster->rank;
}

int cr_cluster_size(const struct cr_cluster *cluster) {
    return cluster->size;
}

const char *cr_cluster_host(const struct cr_cluster *cluster) {
    return cluster->host;
}

const char *cr_cluster_library(const struct cr_cluster *cluster) {
    return cluster->library;
}

enum cr_status cr_cluster_bcast(struct cr_cluster *cluster, struct cr_buf *buf,
                                struct cr_err *err) {
    return cluster->ops->bcast(cluster, buf, err);
}

enum cr_status cr_cluster_send(struct cr_cluster *cluster,
                               const struct cr_packet *packet, struct cr_err *err) {
    const int rank = packet->rank;
    if (rank < 0 || rank >= cluster->size) {
        return cr_err_set(err, CR_E_PEER, "rank %d does not exist (there are %d)", rank,
                          cluster->size);
    }
    if (cluster->is_lost[rank]) {
        return cr_err_set(err, CR_E_PEER, "rank %d is lost", rank);
    }
    return cluster->ops->send(cluster, packet, err);
}

bool cr_cluster_receive(struct cr_cluster *cluster, struct cr_packet *out) {
    return cluster->ops->receive(cluster, out);
}

int cr_cluster_lost(struct cr_cluster *cluster) {
    return cluster->ops->lost(cluster);
}

void cr_cluster_abandon(struct cr_cluster *cluster, int rank) {
    if (rank < 0 || rank >= cluster->size || cluster->is_lost[rank]) {
        return;
    }
    cluster->is_lost[rank] = true;
    cluster->ops->abandon(cluster, rank);
}

void cr_cluster_watch(struct cr_cluster *cluster, int rank, int64_t pid,
                      const char *host) {
    if (rank >= 0 && rank < cluster->size && strcmp(host, cluster->host) == 0) {
        cluster->ops->watch(cluster, rank, pid);
    }
}

bool cr_cluster_is_moving(const struct cr_cluster *cluster) {
    return cluster->ops->is_moving(cluster);
}

void cr_cluster_close(struct cr_cluster *cluster, bool *must_exit) {
    *must_exit = false;
    if (cluster != NULL) {
        cluster->ops->close(cluster, must_exit);
    }
}
