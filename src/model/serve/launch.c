// launch.c - fills in command templates.
#include "model/serve/launch.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "credence/base/buf.h"

enum { ARGUMENT_BYTES_MAX = 1 << 16 };

extern char **environ;

// The value of the placeholder that TEXT begins with, and its length; NULL: none.
static const char *value_at(const char *text, const struct cr_launch_values *values,
                            const char *port, size_t *bytes) {
    const struct {
        const char *name, *value;
    } known[] = {{"{port}", port},
                 {"{host}", values->host},
                 {"{model}", values->model},
                 {"{gpu}", values->gpus}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        *bytes = strlen(known[i].name);
        if (strncmp(text, known[i].name, *bytes) == 0) {
            return known[i].value != NULL ? known[i].value : "";
        }
    }
    return NULL;
}

static enum cr_status fill(struct cr_buf *out, const char *text,
                           const struct cr_launch_values *values) {
    char port[8];
    enum cr_status status = cr_buf_add(out, "", 0);
    snprintf(port, sizeof port, "%u", (unsigned)values->port);
    while (*text && status == CR_OK) {
        size_t bytes = 1;
        const char *value = value_at(text, values, port, &bytes);
        status = value != NULL ? cr_buf_add_text(out, value) : cr_buf_add(out, text, 1);
        text += value != NULL ? bytes : 1;
    }
    return status;
}

static char *filled(struct cr_arena *arena, const char *text,
                    const struct cr_launch_values *values) {
    struct cr_buf out;
    cr_buf_init(&out, ARGUMENT_BYTES_MAX);
    char *copy = fill(&out, text, values) == CR_OK
                     ? cr_arena_strndup(arena, out.data, out.used_bytes)
                     : NULL;
    cr_buf_fini(&out);
    return copy;
}

static size_t len_of(const char *const *list) {
    size_t len = 0;
    while (list[len] != NULL) {
        len++;
    }
    return len;
}

static enum cr_status make_argv(struct cr_launch *launch, const char *const *command,
                                const struct cr_launch_values *values) {
    size_t len = len_of(command);
    launch->argv = cr_arena_alloc(&launch->arena, (len + 1) * sizeof(char *));
    for (size_t i = 0; launch->argv != NULL && i < len; i++) {
        launch->argv[i] = filled(&launch->arena, command[i], values);
        if (launch->argv[i] == NULL) {
            return CR_E_MEMORY;
        }
    }
    if (launch->argv == NULL) {
        return CR_E_MEMORY;
    }
    launch->argv[len] = NULL;
    return CR_OK;
}

static enum cr_status make_envp(struct cr_launch *launch, const char *gpus) {
    static const char name[] = "CUDA_VISIBLE_DEVICES=";
    size_t len = len_of((const char *const *)environ), kept = 0;
    launch->envp = cr_arena_alloc(&launch->arena, (len + 2) * sizeof(char *));
    char *mine = cr_arena_alloc(&launch->arena, sizeof name + strlen(gpus));
    if (launch->envp == NULL || mine == NULL) {
        return CR_E_MEMORY;
    }
    snprintf(mine, sizeof name + strlen(gpus), "%s%s", name, gpus);
    for (size_t i = 0; i < len; i++) {
        bool is_replaced = gpus[0] && strncmp(environ[i], name, sizeof name - 1) == 0;
        if (!is_replaced) {
            launch->envp[kept++] = environ[i];
        }
    }
    launch->envp[kept] = gpus[0] ? mine : NULL;
    launch->envp[kept + 1] = NULL;
    return CR_OK;
}

enum cr_status cr_launch_make(struct cr_launch *out, const char *const *command,
                              const struct cr_launch_values *values) {
    struct cr_launch launch = {0};
    enum cr_status status = make_argv(&launch, command, values);
    status = status != CR_OK
                 ? status
                 : make_envp(&launch, values->gpus != NULL ? values->gpus : "");
    if (status != CR_OK) {
        cr_launch_fini(&launch);
        return status;
    }
    *out = launch;
    return CR_OK;
}

void cr_launch_fini(struct cr_launch *launch) {
    cr_arena_fini(&launch->arena);
    launch->argv = launch->envp = NULL;
}

uint16_t cr_launch_free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint16_t port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        port = ntohs(at.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}
