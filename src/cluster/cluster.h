// cluster.h - the table behind credence/cluster.h: one row of functions a transport.
//
// Layer    cluster (3), private
#ifndef CR_CLUSTER_CLUSTER_H
#define CR_CLUSTER_CLUSTER_H

#include "credence/cluster/cluster.h"

// What a transport must do; cluster.h of include/ says what each function promises.
// `send` is never called with a rank that is out of range, ours under mpi, or lost.
struct cr_cluster_ops {
    const char *name;
    enum cr_status (*bcast)(struct cr_cluster *cluster, struct cr_buf *buf,
                            struct cr_err *err);
    enum cr_status (*send)(struct cr_cluster *cluster, const struct cr_packet *packet,
                           struct cr_err *err);
    bool (*receive)(struct cr_cluster *cluster, struct cr_packet *out);
    int (*lost)(struct cr_cluster *cluster);
    void (*abandon)(struct cr_cluster *cluster, int rank);
    void (*watch)(struct cr_cluster *cluster, int rank, int64_t pid);
    bool (*is_moving)(const struct cr_cluster *cluster);
    void (*close)(struct cr_cluster *cluster, bool *must_exit);
};

// The head of every transport's own struct.
struct cr_cluster {
    const struct cr_cluster_ops *ops;
    int rank, size;
    bool *is_lost; // [size]
    char host[320];
    const char *library;
};

enum cr_status cr_cluster_init(struct cr_cluster *cluster,
                               const struct cr_cluster_ops *ops, int rank, int size,
                               struct cr_err *err);
void cr_cluster_fini(struct cr_cluster *cluster);

#endif
