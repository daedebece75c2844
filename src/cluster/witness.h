// witness.h - a word of ours when MPI ends the process while it starts.
//
// Layer    cluster (3), private
// MPI      called before and after MPI_Init; local
#ifndef CR_CLUSTER_WITNESS_H
#define CR_CLUSTER_WITNESS_H

struct cr_witness {
    int pipe;
    int pid; // -1: there is none, and nobody will say anything
};

// A child that waits: when this process ends before cr_witness_dismiss, it says on stderr
// that MPI did not start and what to do, once for all ranks of a launch on a machine.
struct cr_witness cr_witness_call(void);
void cr_witness_dismiss(struct cr_witness *witness);

#endif
