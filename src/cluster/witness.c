// witness.c - see witness.h. MPI_Init does not return what it cannot do: it prints forty
// lines of its own and ends the process by _exit, past every handler. What it could not
// do is, as a rule, to be the second MPI program under one mpirun or one step of srun.
// Any rank may be the first to fail, and the launcher then ends the others, some before
// they got here: so each has a witness, and the first of them speaks.
#include "cluster/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/file.h"

static const char words[] =
    "credence: MPI did not start; its own words are above. One mpirun, or one srun, "
    "starts one MPI program: give each credence of a script an mpirun or srun of its "
    "own\n";

// A name of this launch without a file (a zero byte leads it); 0: one rank alone.
static socklen_t name_launch(struct sockaddr_un *name) {
    const char *space = getenv("PMIX_NAMESPACE"), *job = getenv("SLURM_JOB_ID"),
               *step = getenv("SLURM_STEP_ID");
    if (space == NULL && (job == NULL || step == NULL)) {
        return 0;
    }
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t room = sizeof name->sun_path - 1;
    size_t len = (size_t)snprintf(name->sun_path + 1, room, "credence-%s-%s-%s",
                                  space != NULL ? space : "", job != NULL ? job : "",
                                  step != NULL ? step : "");
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (len < room ? len : room - 1));
}

// Whether nobody of this launch on this machine has told yet: the first takes the name,
// which the kernel frees when its holder ends.
static bool is_first(void) {
    struct sockaddr_un name;
    socklen_t size = name_launch(&name);
    int held = size == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return held < 0 || bind(held, (struct sockaddr *)&name, size) == 0 ||
           errno != EADDRINUSE;
}

// The others of a launch end within moments of the first: by then they find its name.
static void hold_the_name(void) {
    enum { HELD_MS = 1000 };
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    (void)close(STDERR_FILENO);
    (void)poll(NULL, 0, HELD_MS);
}

// Until the other end says that all is well, or is gone.
static void wait_and_tell(int end) {
    // The launcher ends all ranks when it sees the first one gone, which may be sooner.
    (void)signal(SIGTERM, SIG_IGN);
    char all_is_well = 0;
    ssize_t got;
    do {
        got = read(end, &all_is_well, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 0 && is_first()) {
        (void)cr_fd_write(STDERR_FILENO, words, sizeof words - 1);
        hold_the_name();
    }
    _exit(0);
}

struct cr_witness cr_witness_call(void) {
    struct cr_witness witness = {-1, -1};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
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
