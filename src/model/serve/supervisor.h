// supervisor.h - a command in a process group that cannot outlive this process.
//
// Layer    model (3), private
// Threads  one owner; forks, so nothing of the child allocates or locks
// MPI      none
#ifndef CR_MODEL_SERVE_SUPERVISOR_H
#define CR_MODEL_SERVE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "credence/base/status.h"

struct cr_supervisor {
    pid_t pid;     // of the supervisor; 0: none
    int leash_fd;  // closing it tells the supervisor to end the group
    int exit_code; // once it is over: as a shell has it, 128 + signal
};

struct cr_child_command {
    char *const *argv;    // NULL-terminated
    char *const *envp;    // NULL-terminated
    const char *log_path; // appended to: standard output and error
    int64_t grace_ms;     // between TERM and KILL
};

CR_MUST_CHECK enum cr_status cr_supervisor_start(struct cr_supervisor *supervisor,
                                                 const struct cr_child_command *command,
                                                 struct cr_err *err);
// Whether it is over by now; sets exit_code.
bool cr_supervisor_is_over(struct cr_supervisor *supervisor);
// Let it end the group; does not wait.
void cr_supervisor_stop(struct cr_supervisor *supervisor);
// Wait until it is over, TIMEOUT_MS at most; then end it the hard way.
void cr_supervisor_end(struct cr_supervisor *supervisor, int64_t timeout_ms);

#endif
