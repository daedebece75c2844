// supervisor.c - the process between the runner and a server.
//
//   runner --leash--> supervisor --fork--> server, leader of its own process group
//
// The leash is a pipe whose write end only the runner holds. It closes when the runner
// lets go or dies, however it dies; the supervisor then sends TERM to the group, waits,
// and sends KILL. The supervisor is the reaper of all that descends from the server, so
// a helper that left the group is found among its children and ended too. Should the
// supervisor itself be killed, the kernel kills the server (PR_SET_PDEATHSIG).
//
// Between fork and exit the supervisor calls nothing that allocates or locks: the
// process it was forked from may hold any lock. It closes every descriptor it has not
// use for, so that locks and sockets of the runner end with the runner.
#include "model/serve/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "credence/base/file.h"

enum {
    LEASH_FD = 3, // in the supervisor
    LOG_FD = 4,
    SIGNAL_FD = 5,
    NOTHING_RUNS = 127, // as a shell says "not found"
    SWEEP_MS = 2000     // for what left the group
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int code_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
                                  : 128 + WTERMSIG(wait_status);
}

// Reap whatever is over. True once SERVER is; *code is then how it ended.
static bool reap(pid_t server, int *code) {
    bool is_over = false;
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == server) {
            *code = code_of(status);
            is_over = true;
        }
    }
    return is_over;
}

static void wait_signal(int signal_fd, int64_t timeout_ms) {
    struct pollfd watched = {.fd = signal_fd, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&watched, 1, (int)timeout_ms) > 0) {
        ssize_t got = read(signal_fd, &info, sizeof info);
        (void)got;
    }
}

static bool group_is_gone(pid_t group) {
    return kill(-group, 0) != 0 && errno == ESRCH;
}

// Wait until nobody of GROUP is left, or UNTIL_MS.
static void wait_group(pid_t group, int signal_fd, int64_t until_ms, int *code) {
    while (!group_is_gone(group)) {
        int64_t left_ms = until_ms - now_ms();
        if (left_ms <= 0) {
            return;
        }
        wait_signal(signal_fd, left_ms < 50 ? left_ms : 50);
        reap(group, code);
    }
}

// Children of this process that left the group: named in /proc, one read.
static void kill_strays(void) {
    char text[4096];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    pid_t pid = 0;
    for (ssize_t i = 0; i < got; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
        } else if (pid > 0) {
            kill(pid, SIGKILL);
            pid = 0;
        }
    }
}

static int end_group(pid_t group, int signal_fd, int64_t grace_ms) {
    int code = 128 + SIGKILL;
    kill(-group, SIGTERM);
    kill(-group, SIGCONT); // a stopped process would not hear it
    wait_group(group, signal_fd, now_ms() + grace_ms, &code);
    kill(-group, SIGKILL);
    wait_group(group, signal_fd, now_ms() + SWEEP_MS, &code);
    int64_t until_ms = now_ms() + SWEEP_MS;
    while (waitpid(-1, NULL, WNOHANG) != -1 && now_ms() < until_ms) {
        kill_strays();
        wait_signal(signal_fd, 20);
    }
    return code;
}

static _Noreturn void become_server(const struct cr_child_command *command,
                                    pid_t supervisor) {
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) {
        _exit(NOTHING_RUNS);
    }
    dup2(LOG_FD, STDOUT_FILENO);
    dup2(LOG_FD, STDERR_FILENO);
    close(LEASH_FD);
    close(LOG_FD);
    close(SIGNAL_FD);
    // A batch system sends its warning to every process of a step; it is the runner's
    // to hear, and would kill a server that does not know it.
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(command->argv[0], command->argv, command->envp);
    const int put =
        dprintf(STDERR_FILENO, "credence: cannot run the server's command %s: %s\n",
                command->argv[0], strerror(errno));
    (void)put;
    _exit(NOTHING_RUNS);
}

static int watch(pid_t server, int signal_fd, int64_t grace_ms) {
    struct pollfd watched[2] = {{.fd = LEASH_FD, .events = POLLIN},
                                {.fd = signal_fd, .events = POLLIN}};
    for (;;) {
        int code = 0;
        if (reap(server, &code)) {
            end_group(server, signal_fd, 0);
            return code;
        }
        if (poll(watched, 2, -1) < 0) {
            continue;
        }
        if (watched[0].revents) { // nothing is ever written: it was let go
            return end_group(server, signal_fd, grace_ms);
        }
        if (watched[1].revents) {
            wait_signal(signal_fd, 0);
        }
    }
}

static void reset_signals(void) {
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        signal(ignored[i], SIG_IGN);
    }
    signal(SIGCHLD, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
}

static _Noreturn void become_supervisor(const struct cr_child_command *command,
                                        int leash_fd, int log_fd) {
    sigset_t children;
    int null_fd = open("/dev/null", O_RDWR);
    reset_signals();
    setsid(); // what is typed at the runner's terminal is not for servers
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "credence-keeper");
    // Above the numbers that they get, or one would be closed by another.
    leash_fd = fcntl(leash_fd, F_DUPFD, 10);
    log_fd = fcntl(log_fd, F_DUPFD, 10);
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    dup2(null_fd, STDERR_FILENO);
    dup2(leash_fd, LEASH_FD);
    dup2(log_fd, LOG_FD);
    close_range(SIGNAL_FD, ~0u, 0);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_SETMASK, &children, NULL);
    int signal_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t self = getpid();
    pid_t server = fork();
    if (server == 0) {
        become_server(command, self);
    }
    if (server < 0 || signal_fd < 0) {
        _exit(NOTHING_RUNS);
    }
    setpgid(server, server); // whoever comes first
    _exit(watch(server, signal_fd, command->grace_ms));
}

static enum cr_status open_log(const char *path, int *out, struct cr_err *err) {
    *out = cr_file_open_own(path, O_WRONLY | O_CREAT | O_APPEND);
    return *out >= 0 ? CR_OK
                     : cr_err_set(err, cr_status_from_errno(errno), "%s: %s", path,
                                  strerror(errno));
}

enum cr_status cr_supervisor_start(struct cr_supervisor *supervisor,
                                   const struct cr_child_command *command,
                                   struct cr_err *err) {
    int leash[2], log_fd = -1;
    enum cr_status status = open_log(command->log_path, &log_fd, err);
    if (status != CR_OK) {
        return status;
    }
    if (pipe2(leash, O_CLOEXEC) != 0) {
        status = cr_err_set(err, CR_E_IO, "pipe: %s", strerror(errno));
        close(log_fd);
        return status;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(leash[1]);
        become_supervisor(command, leash[0], log_fd);
    }
    close(leash[0]);
    close(log_fd);
    if (pid < 0) {
        close(leash[1]);
        return cr_err_set(err, CR_E_IO, "fork: %s", strerror(errno));
    }
    *supervisor = (struct cr_supervisor){.pid = pid, .leash_fd = leash[1]};
    return CR_OK;
}

bool cr_supervisor_is_over(struct cr_supervisor *supervisor) {
    int status = 0;
    if (supervisor->pid == 0) {
        return true;
    }
    pid_t pid = waitpid(supervisor->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        return false;
    }
    supervisor->exit_code = pid > 0 ? code_of(status) : NOTHING_RUNS;
    supervisor->pid = 0;
    cr_supervisor_stop(supervisor);
    return true;
}

void cr_supervisor_stop(struct cr_supervisor *supervisor) {
    if (supervisor->leash_fd > 0) {
        close(supervisor->leash_fd);
        supervisor->leash_fd = 0;
    }
}

void cr_supervisor_end(struct cr_supervisor *supervisor, int64_t timeout_ms) {
    const struct timespec nap = {.tv_nsec = 5000000};
    int64_t until_ms = now_ms() + timeout_ms;
    cr_supervisor_stop(supervisor);
    while (!cr_supervisor_is_over(supervisor)) {
        if (now_ms() >= until_ms) {
            kill(supervisor->pid, SIGKILL); // the kernel then kills the server
            waitpid(supervisor->pid, NULL, 0);
            supervisor->pid = 0;
            return;
        }
        nanosleep(&nap, NULL);
    }
}
