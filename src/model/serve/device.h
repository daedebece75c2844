// device.h - the GPUs of this node, split among servers.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
#ifndef CR_MODEL_SERVE_DEVICE_H
#define CR_MODEL_SERVE_DEVICE_H

#include <stdint.h>

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
// The devices of server number INDEX when each gets EACH, joined by commas.
void cr_devices_of(const struct cr_devices *devices, uint32_t index, uint32_t each,
                   char out[CR_DEVICE_LIST_MAX]);

#endif
