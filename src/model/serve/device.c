// device.c - finds and splits the GPUs of this node.
#include "model/serve/device.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct cr_devices *devices, const char *name, size_t bytes) {
    if (bytes > 0 && bytes < CR_DEVICE_NAME_MAX && devices->len < CR_DEVICES_MAX) {
        memcpy(devices->name[devices->len], name, bytes);
        devices->name[devices->len++][bytes] = '\0';
    }
}

// "0-3" names four; "GPU-8a56-.." is one name.
static void add_item(struct cr_devices *devices, const char *item, size_t bytes) {
    unsigned first = 0, last = 0;
    int read = 0;
    bool is_range = sscanf(item, "%u-%u%n", &first, &last, &read) == 2 &&
                    (size_t)read == bytes && last >= first;
    for (unsigned i = first; is_range && i <= last && i - first < CR_DEVICES_MAX; i++) {
        char name[16];
        add(devices, name, (size_t)snprintf(name, sizeof name, "%u", i));
    }
    if (!is_range) {
        add(devices, item, bytes);
    }
}

void cr_devices_parse(const char *list, struct cr_devices *out) {
    out->len = 0;
    while (*list) {
        list += strspn(list, ", ");
        size_t bytes = strcspn(list, ", ");
        add_item(out, list, bytes);
        list += bytes;
    }
}

static void find_files(struct cr_devices *out) {
    for (unsigned i = 0; i < CR_DEVICES_MAX; i++) {
        char path[32], name[16];
        snprintf(path, sizeof path, "/dev/nvidia%u", i);
        if (access(path, F_OK) == 0) {
            add(out, name, (size_t)snprintf(name, sizeof name, "%u", i));
        }
    }
}

void cr_devices_find(struct cr_devices *out) {
    static const char *const variables[] = {"CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS",
                                            "SLURM_JOB_GPUS"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *list = getenv(variables[i]);
        if (list != NULL && list[0]) {
            cr_devices_parse(list, out);
            return;
        }
    }
    out->len = 0;
    find_files(out);
}

void cr_devices_of(const struct cr_devices *devices, uint32_t index, uint32_t each,
                   char out[CR_DEVICE_LIST_MAX]) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = index * each; i < (index + 1) * each && i < devices->len; i++) {
        int put = snprintf(out + used, CR_DEVICE_LIST_MAX - used, "%s%s",
                           used > 0 ? "," : "", devices->name[i]);
        used += (size_t)put < CR_DEVICE_LIST_MAX - used ? (size_t)put : 0;
    }
}
