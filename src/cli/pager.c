// pager.c - see pager.h. The pager is a child of this process, fed by a pipe; leaving it
// early must not end the command with a signal, so SIGPIPE is ignored and writes fail.
#include "cli/pager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *command_of_user(void) {
    const char *pager = getenv("PAGER");
    return pager != NULL
               ? pager
               : "if command -v less >/dev/null; then exec less -FRX; else exec cat; fi";
}

static void be_pager(const char *command, const int ends[2]) {
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

struct cr_pager cr_pager_open(void) {
    struct cr_pager pager = {0};
    const char *command = command_of_user();
    int ends[2];
    if (isatty(STDOUT_FILENO) == 0 || command[0] == '\0' ||
        strcmp(command, "cat") == 0 || pipe(ends) != 0) {
        return pager;
    }
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        be_pager(command, ends);
    }
    if (pid > 0) {
        signal(SIGPIPE, SIG_IGN);
        dup2(ends[1], STDOUT_FILENO);
        pager.pid = pid;
    }
    close(ends[0]);
    close(ends[1]);
    return pager;
}

void cr_pager_close(struct cr_pager *pager) {
    if (pager->pid == 0) {
        return;
    }
    fflush(stdout);
    clearerr(stdout); // a reader who leaves early is no failure
    close(STDOUT_FILENO);
    while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    pager->pid = 0;
}
