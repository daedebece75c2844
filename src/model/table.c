// table.c - the list of backends.
#include <string.h>

#include "credence/model/client.h"
#include "model/backend.h"

const struct cr_backend *const cr_backends[] = {
    &cr_backend_openai, &cr_backend_anthropic, &cr_backend_sim, &cr_backend_replay};
enum { BACKENDS_LEN = sizeof cr_backends / sizeof cr_backends[0] };

size_t cr_backend_count(void) {
    return BACKENDS_LEN;
}

const char *cr_backend_name(size_t index) {
    return cr_backends[index]->name;
}

const struct cr_backend *cr_backend_find(const char *name) {
    for (size_t i = 0; i < BACKENDS_LEN; i++) {
        if (strcmp(cr_backends[i]->name, name) == 0) {
            return cr_backends[i];
        }
    }
    return NULL;
}
