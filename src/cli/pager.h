// pager.h - long output through $PAGER, when standard output is a terminal.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_PAGER_H
#define CR_CLI_PAGER_H

#include <sys/types.h>

struct cr_pager {
    pid_t pid; // 0: none was started
};

// Start $PAGER (default "less -FRX", if there is a less) with standard output as its input. Nothing happens
// when standard output is not a terminal, PAGER is "" or "cat", or it cannot be started.
struct cr_pager cr_pager_open(void);
// Let it show the rest and wait until the reader leaves it.
void cr_pager_close(struct cr_pager *pager);

#endif
