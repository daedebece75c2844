// witness.c - see witness.h. MPI_Init does not return what it cannot do: it prints forty
// lines of its own and ends the process by _exit, past every handler. What it could not
// do is, as a rule, to be the second MPI program under one mpirun or one step of srun.
#include "cluster/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/file.h"

static const char words[] =
    "credence: MPI did not start; its own words are above. One mpirun, or one srun, "
    "starts one MPI program: give each credence of a script an mpirun or srun of its "
    "own\n";

// Whether this rank speaks for the launch.
static bool is_first(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                        "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *rank = getenv(names[i]);
        if (rank != NULL) {
            return strcmp(rank, "0") == 0;
        }
    }
    return true;
}

// Until the other end says that all is well, or is gone.
static void wait_and_tell(int end) {
    char all_is_well = 0;
    ssize_t got;
    do {
        got = read(end, &all_is_well, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
        (void)cr_fd_write(STDERR_FILENO, words, sizeof words - 1);
    }
    _exit(0);
}

struct cr_witness cr_witness_call(void) {
    struct cr_witness witness = {-1, -1};
    int ends[2];
    if (!is_first() || pipe2(ends, O_CLOEXEC) != 0) {
        return witness;
    }
    witness.pid = (int)fork();
    if (witness.pid == 0) {
        (void)close(ends[1]);
        wait_and_tell(ends[0]);
    }
    (void)close(ends[0]);
    if (witness.pid < 0) {
        (void)close(ends[1]);
        return witness;
    }
    witness.pipe = ends[1];
    return witness;
}

void cr_witness_dismiss(struct cr_witness *witness) {
    if (witness->pid < 0) {
        return;
    }
    (void)cr_fd_write(witness->pipe, "y", 1);
    (void)close(witness->pipe);
    while (waitpid(witness->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *witness = (struct cr_witness){-1, -1};
}
