// launch.c - the GPUs of this node split among servers, and command templates filled in.
#include "model/serve/launch.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/json.h"

enum { ARGUMENT_BYTES_MAX = 1 << 16 };

static void add_device(struct cr_devices *devices, const char *name, size_t bytes) {
    if (bytes > 0 && bytes < CR_DEVICE_NAME_MAX && devices->len < CR_DEVICES_MAX) {
        memcpy(devices->name[devices->len], name, bytes);
        devices->name[devices->len++][bytes] = '\0';
    }
}

// "0-3" names four; "GPU-8a56-.." is one name.
static void add_item(struct cr_devices *devices, const char *item, size_t bytes) {
    char *dash = NULL, *end = NULL;
    const unsigned long first = strtoul(item, &dash, 10);
    const unsigned long last = *dash == '-' ? strtoul(dash + 1, &end, 10) : 0;
    bool is_range = isdigit((unsigned char)*item) && *dash == '-' &&
                    isdigit((unsigned char)dash[1]) && end == item + bytes &&
                    last >= first && last <= UINT32_MAX;
    for (unsigned long i = first; is_range && i <= last && i - first < CR_DEVICES_MAX;
         i++) {
        char name[24];
        add_device(devices, name, (size_t)snprintf(name, sizeof name, "%lu", i));
    }
    if (!is_range) {
        add_device(devices, item, bytes);
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
            add_device(out, name, (size_t)snprintf(name, sizeof name, "%u", i));
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

void cr_devices_share(uint32_t devices, const uint32_t *each, uint32_t models,
                      uint32_t *servers) {
    const uint32_t share = models > 0 ? devices / models : 0;
    uint64_t of_one_each = 0;
    bool is_even = true;
    for (uint32_t i = 0; i < models; i++) {
        of_one_each += each[i];
        is_even = is_even && each[i] <= share;
    }
    for (uint32_t i = 0; i < models; i++) {
        servers[i] = is_even ? share / each[i] : of_one_each <= devices;
    }
}

void cr_devices_list(const struct cr_devices *devices, uint32_t first, uint32_t len,
                     char out[CR_DEVICE_LIST_MAX]) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = first; i < first + len && i < devices->len; i++) {
        int put = snprintf(out + used, CR_DEVICE_LIST_MAX - used, "%s%s",
                           used > 0 ? "," : "", devices->name[i]);
        used += (size_t)put < CR_DEVICE_LIST_MAX - used ? (size_t)put : 0;
    }
}

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

// What a server needs of the run's environment: to find its programs, libraries, models
// and devices. Everything else stays behind, keys above all; serve.env adds to it.
static const char *const passed[] = {"PATH",
                                     "HOME",
                                     "USER",
                                     "LOGNAME",
                                     "SHELL",
                                     "LANG",
                                     "LANGUAGE",
                                     "LC_*",
                                     "TZ",
                                     "TMPDIR",
                                     "TERM",
                                     "PWD",
                                     "LD_*",
                                     "PYTHON*",
                                     "VIRTUAL_*",
                                     "CONDA_*",
                                     "XDG_*",
                                     "CUDA_*",
                                     "NVIDIA_*",
                                     "NCCL_*",
                                     "HIP_*",
                                     "ROCR_*",
                                     "ROCM_*",
                                     "HSA_*",
                                     "OMP_*",
                                     "MKL_*",
                                     "KMP_*",
                                     "GOMP_*",
                                     "OPENBLAS_*",
                                     "HF_*",
                                     "HUGGINGFACE_*",
                                     "TRANSFORMERS_*",
                                     "VLLM_*",
                                     "SGLANG_*",
                                     "TRITON_*",
                                     "TORCH*",
                                     "PYTORCH_*",
                                     "LLAMA_*",
                                     "GGML_*",
                                     "OLLAMA_*",
                                     "SLURM_*",
                                     "MODULE*",
                                     "LMOD_*",
                                     "APPTAINER*",
                                     "SINGULARITY*",
                                     "CH_*",
                                     "SSL_CERT_*",
                                     "CURL_CA_BUNDLE",
                                     "REQUESTS_CA_BUNDLE",
                                     "http_proxy",
                                     "https_proxy",
                                     "HTTPS_PROXY",
                                     "all_proxy",
                                     "ALL_PROXY",
                                     "no_proxy",
                                     "NO_PROXY",
                                     "ASAN_OPTIONS",
                                     "UBSAN_OPTIONS",
                                     "LSAN_OPTIONS"};

// Names of things that no server is given unasked, whatever they begin with.
static const char *const withheld[] = {"KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL"};

static bool is_passed(const char *entry) {
    char name[128];
    size_t len = strcspn(entry, "=");
    bool is_listed = false;
    if (len == 0 || len >= sizeof name) {
        return false;
    }
    memcpy(name, entry, len);
    name[len] = '\0';
    for (size_t i = 0; i < sizeof passed / sizeof passed[0] && !is_listed; i++) {
        size_t star = strcspn(passed[i], "*");
        is_listed = passed[i][star] == '*' ? strncmp(name, passed[i], star) == 0
                                           : strcmp(name, passed[i]) == 0;
    }
    for (size_t i = 0; i < sizeof withheld / sizeof withheld[0]; i++) {
        is_listed = is_listed && strcasestr(name, withheld[i]) == NULL;
    }
    return is_listed;
}

struct environment {
    struct cr_launch *launch;
    size_t len, cap;
};

// Set ENTRY ("NAME=value", kept), in place of an earlier one of that name.
static void put(struct environment *env, char *entry) {
    size_t name_len = strcspn(entry, "=") + 1;
    char **at = env->launch->envp;
    for (size_t i = 0; i < env->len; i++) {
        if (strncmp(at[i], entry, name_len) == 0) {
            at[i] = entry;
            return;
        }
    }
    if (env->len < env->cap) {
        at[env->len++] = entry;
    }
}

static enum cr_status put_pair(struct environment *env, const char *name,
                               const char *value) {
    struct cr_buf line;
    cr_buf_init(&line, ARGUMENT_BYTES_MAX);
    enum cr_status status = cr_buf_printf(&line, "%s=%s", name, value);
    char *entry = status == CR_OK ? cr_arena_strndup(&env->launch->arena, line.data,
                                                     line.used_bytes)
                                  : NULL;
    cr_buf_fini(&line);
    if (entry == NULL) {
        return CR_E_MEMORY;
    }
    put(env, entry);
    return CR_OK;
}

// NAME: text, or NAME: true for the run's own. Checked by cr_launch_check_env.
static enum cr_status put_job_env(struct environment *env, const struct cr_json *json) {
    enum cr_status status = CR_OK;
    for (const struct cr_json *c = cr_json_first(json); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        const char *text = cr_json_string(c);
        const char *value = text != NULL ? text : getenv(cr_json_key(c));
        status = value != NULL ? put_pair(env, cr_json_key(c), value) : CR_OK;
    }
    return status;
}

static enum cr_status parse_env(const char *text, struct cr_json **out) {
    static const struct cr_json_limits limits = {ARGUMENT_BYTES_MAX, 4};
    *out = NULL;
    return text != NULL ? cr_json_parse(text, strlen(text), limits, out, NULL) : CR_OK;
}

static enum cr_status make_envp(struct cr_launch *launch,
                                const struct cr_launch_values *values) {
    struct cr_json *json = NULL;
    size_t own = len_of((const char *const *)environ);
    enum cr_status status = parse_env(values->env, &json);
    struct environment env = {.launch = launch, .cap = own + cr_json_len(json) + 1};
    launch->envp = cr_arena_alloc(&launch->arena, (env.cap + 1) * sizeof(char *));
    if (status != CR_OK || launch->envp == NULL) {
        cr_json_free(json);
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < own; i++) {
        if (is_passed(environ[i])) {
            put(&env, environ[i]);
        }
    }
    if (values->gpus != NULL && values->gpus[0]) {
        status = put_pair(&env, "CUDA_VISIBLE_DEVICES", values->gpus);
    }
    status = status != CR_OK ? status : put_job_env(&env, json);
    launch->envp[env.len] = NULL;
    cr_json_free(json);
    return status;
}

void cr_launch_check_env(const struct cr_model *model, struct cr_err *err) {
    struct cr_json *json = NULL;
    if (parse_env(model->serve.env, &json) != CR_OK) {
        return; // the reader of the job has said so
    }
    for (const struct cr_json *c = cr_json_first(json); c != NULL;
         c = cr_json_next(c)) {
        const char *name = cr_json_key(c);
        bool is_secret = false;
        for (size_t i = 0; i < sizeof withheld / sizeof withheld[0]; i++) {
            is_secret = is_secret || strcasestr(name, withheld[i]) != NULL;
        }
        if (!name[0] || strchr(name, '=') != NULL) {
            cr_err_add_line(err, "models.%s.serve.env: \"%s\" is not a variable's name",
                            model->name, name);
        } else if (cr_json_string(c) != NULL && is_secret) {
            cr_err_add_line(err,
                            "models.%s.serve.env.%s: a key does not belong in a job "
                            "file; write true to pass it on from the environment",
                            model->name, name);
        } else if (cr_json_string(c) == NULL && !cr_json_bool(c, false)) {
            cr_err_add_line(
                err,
                "models.%s.serve.env.%s: found %s, expected a text, or true "
                "for the run's own",
                model->name, name, cr_json_type_name(cr_json_type(c)));
        }
    }
    cr_json_free(json);
}

enum cr_status cr_launch_make(struct cr_launch *out, const char *const *command,
                              const struct cr_launch_values *values) {
    struct cr_launch launch = {0};
    enum cr_status status = make_argv(&launch, command, values);
    status = status != CR_OK ? status : make_envp(&launch, values);
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
