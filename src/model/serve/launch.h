// launch.h - the command line and environment of one server, filled in.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
#ifndef CR_MODEL_SERVE_LAUNCH_H
#define CR_MODEL_SERVE_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/mem.h"
#include "credence/base/status.h"

// What the placeholders {port}, {host}, {model} and {gpu} stand for. GPUS is also
// CUDA_VISIBLE_DEVICES; "" leaves that variable alone.
struct cr_launch_values {
    uint16_t port;
    const char *host, *model, *gpus;
};

struct cr_launch {
    char **argv, **envp; // NULL-terminated
    struct cr_arena arena;
};

CR_MUST_CHECK enum cr_status cr_launch_make(struct cr_launch *out,
                                            const char *const *command,
                                            const struct cr_launch_values *values);
void cr_launch_fini(struct cr_launch *launch);

// A port of the loopback that nobody listens on; 0 when there is none.
uint16_t cr_launch_free_port(void);

#endif
