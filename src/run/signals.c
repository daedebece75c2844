// signals.c - see signals.h. The handler only counts; poll and nanosleep return early.
#include "run/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static volatile sig_atomic_t signals_seen;
static volatile sig_atomic_t last_signal;

static void on_signal(int number) {
    signals_seen++;
    last_signal = number;
}

enum cr_status cr_signals_start(struct cr_err *err) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGXCPU};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // a file as large as it may get is an error of the write
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (sigaction(numbers[i], &action, NULL) != 0) {
            return cr_err_set(err, CR_E_IO, "sigaction: %s", strerror(errno));
        }
    }
    // A terminal that closes drains like TERM, unless nohup asked that it be ignored.
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN &&
        sigaction(SIGHUP, &action, NULL) != 0) {
        return cr_err_set(err, CR_E_IO, "sigaction: %s", strerror(errno));
    }
    return CR_OK;
}

int cr_signals_count(void) {
    return (int)signals_seen;
}

const char *cr_signals_name(void) {
    switch (last_signal) {
    case SIGTERM:
        return "SIGTERM";
    case SIGINT:
        return "SIGINT";
    case SIGUSR1:
        return "SIGUSR1";
    case SIGHUP:
        return "SIGHUP";
    case SIGXCPU:
        return "SIGXCPU (the limit of CPU time)";
    default:
        return "no signal";
    }
}
