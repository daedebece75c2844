// signals.h - SIGTERM, SIGINT, SIGUSR1, SIGHUP and SIGXCPU as a number that the loops look
// at.
//
// Layer    run (5)
// Threads  the process's
#ifndef CR_RUN_SIGNALS_H
#define CR_RUN_SIGNALS_H

#include "credence/base/status.h"

// Begin to count. A SIGHUP that nohup had ignored stays ignored. USR1 is a batch system's warning before the time limit.
CR_MUST_CHECK enum cr_status cr_signals_start(struct cr_err *err);
// Signals so far: 1 asks for a drain, 2 for an end at once.
int cr_signals_count(void);
// The name of the last one, "SIGTERM".
const char *cr_signals_name(void);

#endif
