// launch.h - what one server is started with: its GPUs, command line and environment.
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
#include "credence/core/job.h"

enum { CR_DEVICES_MAX = 64, CR_DEVICE_NAME_MAX = 64, CR_DEVICE_LIST_MAX = 1024 };

struct cr_devices {
    uint32_t len;
    char name[CR_DEVICES_MAX][CR_DEVICE_NAME_MAX]; // "0", "GPU-8a56..", "MIG-.."
};

// From CUDA_VISIBLE_DEVICES, else what SLURM granted the step or the job, else one for
// each /dev/nvidiaN.
void cr_devices_find(struct cr_devices *out);
// LIST: "0,2,GPU-x"; ranges "0-3" as SLURM writes them.
void cr_devices_parse(const char *list, struct cr_devices *out);
// How many servers each of MODELS models gets on a node with DEVICES devices, when one of
// model i needs each[i]: its even share of the devices, so that no device serves two
// models; one of each when that share is too small for some; 0 when there are too few.
void cr_devices_share(uint32_t devices, const uint32_t *each, uint32_t models,
                      uint32_t *servers);
// LEN devices from FIRST on, joined by commas.
void cr_devices_list(const struct cr_devices *devices, uint32_t first, uint32_t len,
                     char out[CR_DEVICE_LIST_MAX]);

// What the placeholders {port}, {host}, {model} and {gpu} stand for. GPUS is also
// CUDA_VISIBLE_DEVICES; "" leaves that variable alone.
// ENV is the job's serve.env (JSON, NULL: none).
struct cr_launch_values {
    uint16_t port;
    const char *host, *model, *gpus, *env;
};

struct cr_launch {
    char **argv, **envp; // NULL-terminated
    struct cr_arena arena;
};

CR_MUST_CHECK enum cr_status cr_launch_make(struct cr_launch *out,
                                            const char *const *command,
                                            const struct cr_launch_values *values);
void cr_launch_fini(struct cr_launch *launch);
// Add what is wrong with MODEL's serve.env to ERR, a line a mistake.
void cr_launch_check_env(const struct cr_model *model, struct cr_err *err);

// A port of the loopback that nobody listens on; 0 when there is none.
uint16_t cr_launch_free_port(void);

#endif
