// server.c - the servers of one rank.
//
//   down --(its time has come)--> starting --(200)--> ready
//     ^                              |                  |
//     +----------- it died ----------+------------------+
//
// A server that never was ready and dies, or is not ready in time, is a mistake in its
// command: that ends the run at once. One that was ready is given RESTARTS_MAX more
// chances in a row, with a wait that doubles; a minute of health clears the count.
#include "credence/model/server.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "model/serve/launch.h"
#include "model/serve/supervisor.h"

enum {
    RESTARTS_MAX = 8,
    RESTART_FIRST_MS = 1000,
    RESTART_MAX_MS = 60000,
    STEADY_MS = 60000, // of health clear the count of restarts
    ASK_EVERY_MS = 100,
    HEALTH_TIMEOUT_MS = 2000,
    TAIL_BYTES = 1500, // of a log, in an error text
    URL_MAX = 512,
    STOP_MORE_MS = 5000 // than the grace, for a supervisor to end
};

struct health_check {
    CURL *easy; // NULL: never asked
    bool is_asking;
    bool is_well; // the last answer was a 200
};

struct health_desk {
    CURLM *multi;
};

enum server_state { SERVER_DOWN, SERVER_STARTING, SERVER_READY };

struct server {
    const struct cr_model *model;
    uint32_t model_index;
    uint32_t index; // among this rank's servers of that model
    enum cr_server_scope scope;
    enum server_state state;
    bool was_ready;
    uint32_t restarts;
    int64_t since_ms; // in this state
    int64_t due_ms;   // down: when to start; starting: when to ask next
    uint16_t port;
    char gpus[CR_DEVICE_LIST_MAX];
    char url[URL_MAX], health_url[2 * URL_MAX];
    char *log_path;
    int64_t log_start_bytes; // what this start wrote is behind it
    struct cr_supervisor supervisor;
    struct health_check check;
};

struct cr_servers {
    struct cr_servers_cfg cfg;
    struct health_desk desk;
    struct server *at;
    uint32_t len;
};

// Health is asked for without waiting for the answer: a few GETs at a time, moved along
// by polling.
static size_t swallow(char *bytes, size_t size, size_t len, void *ctx) {
    (void)bytes;
    (void)ctx;
    return size * len;
}

static enum cr_status open_desk(struct health_desk *desk) {
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, cr_malloc, cr_free, cr_realloc,
                             cr_strdup, cr_calloc) != CURLE_OK) {
        return CR_E_MEMORY;
    }
    desk->multi = curl_multi_init();
    if (desk->multi == NULL) {
        curl_global_cleanup();
        return CR_E_MEMORY;
    }
    return CR_OK;
}

static void close_desk(struct health_desk *desk) {
    if (desk->multi != NULL) {
        curl_multi_cleanup(desk->multi);
        curl_global_cleanup();
        desk->multi = NULL;
    }
}

static enum cr_status ask_health(struct health_desk *desk, struct health_check *check,
                                 const char *url) {
    if (check->easy == NULL) {
        check->easy = curl_easy_init();
        if (check->easy == NULL) {
            return CR_E_MEMORY;
        }
        curl_easy_setopt(check->easy, CURLOPT_PRIVATE, check);
        curl_easy_setopt(check->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(check->easy, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(check->easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(check->easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(check->easy, CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(check->easy, CURLOPT_TIMEOUT_MS, (long)HEALTH_TIMEOUT_MS);
    }
    curl_easy_setopt(check->easy, CURLOPT_URL, url);
    if (curl_multi_add_handle(desk->multi, check->easy) != CURLM_OK) {
        return CR_E_MEMORY;
    }
    check->is_asking = true;
    return CR_OK;
}

static void poll_health(struct health_desk *desk) {
    int running = 0, left = 0;
    const CURLMsg *message;
    curl_multi_perform(desk->multi, &running);
    while ((message = curl_multi_info_read(desk->multi, &left)) != NULL) {
        struct health_check *check = NULL;
        long status = 0;
        CURL *easy = message->easy_handle;
        bool is_heard = message->data.result == CURLE_OK;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&check);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(desk->multi, easy);
        check->is_asking = false;
        check->is_well = is_heard && status == 200;
    }
}

static void forget_check(struct health_desk *desk, struct health_check *check) {
    if (check->is_asking) {
        curl_multi_remove_handle(desk->multi, check->easy);
    }
    curl_easy_cleanup(check->easy);
    *check = (struct health_check){0};
}

static int64_t now_of(const struct cr_servers *servers) {
    return cr_clock_now_ms(servers->cfg.clock);
}

static bool is_per(const struct cr_model *model, const char *per) {
    return model->serve.per != NULL && strcmp(model->serve.per, per) == 0;
}

static bool is_ours(const struct cr_servers_cfg *cfg, const struct cr_model *model) {
    if (model->serve.command == NULL) {
        return false;
    }
    return is_per(model, "job") ? cfg->starts_for_job : cfg->starts_for_node;
}

bool cr_servers_are_needed(const struct cr_servers_cfg *cfg) {
    for (uint32_t i = 0; i < cfg->job->models_len; i++) {
        if (is_ours(cfg, &cfg->job->models[i])) {
            return true;
        }
    }
    return false;
}

// The file name of a model's log: its name with what no file name should hold replaced.
static char *log_path_of(const struct cr_servers_cfg *cfg,
                         const struct server *server) {
    char *path = NULL;
    struct cr_buf text;
    cr_buf_init(&text, 4096);
    if (cr_buf_printf(&text, "%s/servers/", cfg->dir) == CR_OK) {
        size_t from = text.used_bytes;
        if (cr_buf_printf(&text, "%.200s-%d-%u.log", server->model->name, cfg->rank,
                          server->index) == CR_OK) {
            for (char *at = text.data + from; *at; at++) {
                *at = *at == '/' || (unsigned char)*at < ' ' ? '_' : *at;
            }
            path = cr_buf_take(&text);
        }
    }
    cr_buf_fini(&text);
    return path;
}

static enum cr_status add_server(struct cr_servers *servers, uint32_t model_index,
                                 uint32_t index, struct cr_err *err) {
    const struct cr_model *model = &servers->cfg.job->models[model_index];
    if (servers->len == CR_SERVERS_MAX) {
        return cr_err_set(err, CR_E_JOB,
                          "models.%s.serve: more than %d servers on a rank",
                          model->name, CR_SERVERS_MAX);
    }
    struct server *server = &servers->at[servers->len];
    *server = (struct server){
        .model = model,
        .model_index = model_index,
        .index = index,
        .scope = is_per(model, "job") ? CR_SERVER_OF_JOB : CR_SERVER_OF_NODE,
    };
    server->log_path = log_path_of(&servers->cfg, server);
    if (server->log_path == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    servers->len++;
    return CR_OK;
}

// The models whose servers share the devices of this node.
struct device_users {
    struct cr_devices devices;
    uint32_t model[CR_SERVERS_MAX], each[CR_SERVERS_MAX], servers[CR_SERVERS_MAX];
    uint32_t len;
};

static void find_device_users(const struct cr_servers *servers,
                              struct device_users *users) {
    const struct cr_job *job = servers->cfg.job;
    users->len = 0;
    users->devices.len = 0;
    for (uint32_t i = 0; i < job->models_len && users->len < CR_SERVERS_MAX; i++) {
        const struct cr_serve *serve = &job->models[i].serve;
        if (is_ours(&servers->cfg, &job->models[i]) && is_per(&job->models[i], "gpu")) {
            users->model[users->len] = i;
            users->each[users->len++] = serve->gpus > 0 ? serve->gpus : 1;
        }
    }
    if (users->len > 0) {
        cr_devices_find(&users->devices);
        cr_devices_share(users->devices.len, users->each, users->len, users->servers);
    }
}

static enum cr_status add_device_users(struct cr_servers *servers, struct cr_err *err) {
    struct device_users users;
    uint32_t first = 0;
    enum cr_status status = CR_OK;
    find_device_users(servers, &users);
    for (uint32_t i = 0; i < users.len; i++) {
        if (users.servers[i] == 0) {
            return cr_err_set(
                err, CR_E_JOB,
                "models.%s.serve: per \"gpu\" with %u each, and this node "
                "shows %u for the servers of %u models "
                "(CUDA_VISIBLE_DEVICES, SLURM_STEP_GPUS, /dev/nvidia*)",
                servers->cfg.job->models[users.model[i]].name, users.each[i],
                users.devices.len, users.len);
        }
        for (uint32_t j = 0; j < users.servers[i] && status == CR_OK; j++) {
            status = add_server(servers, users.model[i], j, err);
            if (status == CR_OK) {
                cr_devices_list(&users.devices, first, users.each[i],
                                servers->at[servers->len - 1].gpus);
            }
            first += users.each[i];
        }
    }
    return status;
}

static enum cr_status add_all(struct cr_servers *servers, struct cr_err *err) {
    enum cr_status status = add_device_users(servers, err);
    for (uint32_t i = 0; i < servers->cfg.job->models_len && status == CR_OK; i++) {
        const struct cr_model *model = &servers->cfg.job->models[i];
        if (is_ours(&servers->cfg, model) && !is_per(model, "gpu")) {
            status = add_server(servers, i, 0, err);
        }
    }
    return status;
}

static enum cr_status make_log_dir(const char *dir, struct cr_err *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/servers", dir);
    return cr_dir_make(path, err);
}

enum cr_status cr_servers_create(const struct cr_servers_cfg *cfg,
                                 struct cr_servers **out, struct cr_err *err) {
    struct cr_servers *servers = cr_calloc(1, sizeof *servers);
    if (servers == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    servers->cfg = *cfg;
    servers->at = cr_calloc(CR_SERVERS_MAX, sizeof *servers->at);
    enum cr_status status =
        servers->at != NULL ? open_desk(&servers->desk) : CR_E_MEMORY;
    status = status != CR_OK ? cr_err_set(err, status, "out of memory") : CR_OK;
    status = status != CR_OK ? status : make_log_dir(cfg->dir, err);
    status = status != CR_OK ? status : add_all(servers, err);
    status = status != CR_OK ? status : cr_servers_poll(servers, err);
    if (status != CR_OK) {
        cr_servers_destroy(servers);
        return status;
    }
    *out = servers;
    return CR_OK;
}

static void move(struct cr_servers *servers, struct server *server,
                 enum server_state state) {
    static const char *const names[] = {"down", "starting", "ready"};
    cr_log_trace(servers->cfg.log, CR_LOG_SERVER, "model %s, server %u: %s -> %s",
                 server->model->name, server->index, names[server->state],
                 names[state]);
    server->state = state;
    server->since_ms = now_of(servers);
}

static void set_urls(struct cr_servers *servers, struct server *server) {
    bool is_shared = server->scope == CR_SERVER_OF_JOB && servers->cfg.host != NULL;
    const char *host = is_shared ? servers->cfg.host : "127.0.0.1";
    const char *health =
        server->model->serve.health != NULL ? server->model->serve.health : "";
    snprintf(server->url, sizeof server->url, "http://%s:%u", host, server->port);
    snprintf(server->health_url, sizeof server->health_url, "%s%s%s", server->url,
             health[0] == '/' ? "" : "/", health);
}

static int64_t bytes_of(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int64_t bytes = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return bytes > 0 ? bytes : 0;
}

static int64_t grace_of(const struct cr_servers *servers) {
    return servers->cfg.grace_ms > 0 ? servers->cfg.grace_ms : CR_SERVER_GRACE_MS;
}

static enum cr_status launch(struct cr_servers *servers, struct server *server,
                             struct cr_err *err) {
    const struct cr_serve *serve = &server->model->serve;
    bool is_shared = server->scope == CR_SERVER_OF_JOB && servers->cfg.host != NULL;
    server->port = serve->port > 0 ? (uint16_t)(serve->port + server->index)
                                   : cr_launch_free_port();
    struct cr_launch_values values = {.port = server->port,
                                      .host = is_shared ? "0.0.0.0" : "127.0.0.1",
                                      .model = server->model->model,
                                      .gpus = server->gpus,
                                      .env = serve->env};
    struct cr_launch launched;
    if (cr_launch_make(&launched, serve->command, &values) != CR_OK) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    struct cr_child_command command = {.argv = launched.argv,
                                       .envp = launched.envp,
                                       .log_path = server->log_path,
                                       .grace_ms = grace_of(servers)};
    server->log_start_bytes = bytes_of(server->log_path);
    enum cr_status status = cr_supervisor_start(&server->supervisor, &command, err);
    cr_launch_fini(&launched);
    if (status == CR_OK) {
        set_urls(servers, server);
        move(servers, server, SERVER_STARTING);
        server->due_ms = server->since_ms;
        cr_log_write(servers->cfg.log, CR_LOG_INFO, "model %s: starting %s on port %u",
                     server->model->name, serve->command[0], server->port);
    }
    return status;
}

// The end of what this start of the server wrote.
static enum cr_status read_tail(const struct server *server, struct cr_buf *out) {
    char bytes[TAIL_BYTES];
    int64_t end = bytes_of(server->log_path);
    int64_t from = end - TAIL_BYTES;
    from = from > server->log_start_bytes ? from : server->log_start_bytes;
    int fd = open(server->log_path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? pread(fd, bytes, sizeof bytes, from) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return got > 0 ? cr_text_add_utf8(out, bytes, (size_t)got) : CR_OK;
}

static enum cr_status give_up(const struct server *server, const char *what,
                              struct cr_err *err) {
    struct cr_buf tail;
    cr_buf_init(&tail, 4 * TAIL_BYTES);
    bool has_tail = read_tail(server, &tail) == CR_OK && tail.used_bytes > 0;
    enum cr_status status = cr_err_set(
        err, CR_E_BLOCKED, "model %s: its server %s %s; its log, %s, %s%s",
        server->model->name, server->model->serve.command[0], what, server->log_path,
        has_tail ? "ends with:\n" : "is empty", has_tail ? tail.data : "");
    cr_buf_fini(&tail);
    return status;
}

static void announce(struct cr_servers *servers, const struct server *server,
                     const char *url) {
    servers->cfg.moved(servers->cfg.ctx, server->scope, server->model_index,
                       server->index, url);
}

static enum cr_status on_death(struct cr_servers *servers, struct server *server,
                               struct cr_err *err) {
    char what[80];
    int code = server->supervisor.exit_code;
    snprintf(what, sizeof what,
             code > 128 ? "was ended by signal %d" : "exited with status %d",
             code > 128 ? code - 128 : code);
    forget_check(&servers->desk, &server->check);
    if (server->state == SERVER_READY) {
        announce(servers, server, "");
    }
    if (!server->was_ready || server->restarts >= RESTARTS_MAX) {
        return give_up(server, what, err);
    }
    int64_t wait_ms = (int64_t)RESTART_FIRST_MS << server->restarts;
    wait_ms = wait_ms < RESTART_MAX_MS ? wait_ms : RESTART_MAX_MS;
    server->restarts++;
    cr_log_write(servers->cfg.log, CR_LOG_WARN,
                 "model %s: its server %s; starting it again in %.0f s (%s)",
                 server->model->name, what, (double)wait_ms / 1000, server->log_path);
    move(servers, server, SERVER_DOWN);
    server->due_ms = server->since_ms + wait_ms;
    return CR_OK;
}

static enum cr_status poll_starting(struct cr_servers *servers, struct server *server,
                                    struct cr_err *err) {
    int64_t now_ms = now_of(servers);
    if (server->check.is_well) {
        forget_check(&servers->desk, &server->check);
        move(servers, server, SERVER_READY);
        server->was_ready = true;
        announce(servers, server, server->url);
        cr_log_write(servers->cfg.log, CR_LOG_INFO,
                     "model %s: its server is ready at %s", server->model->name,
                     server->url);
        return CR_OK;
    }
    if ((double)(now_ms - server->since_ms) > server->model->serve.startup_s * 1000) {
        char what[80];
        snprintf(what, sizeof what, "was not ready within %g s",
                 server->model->serve.startup_s);
        return give_up(server, what, err);
    }
    if (!server->check.is_asking && now_ms >= server->due_ms) {
        server->due_ms = now_ms + ASK_EVERY_MS;
        return ask_health(&servers->desk, &server->check, server->health_url) == CR_OK
                   ? CR_OK
                   : cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    return CR_OK;
}

static enum cr_status poll_one(struct cr_servers *servers, struct server *server,
                               struct cr_err *err) {
    int64_t now_ms = now_of(servers);
    if (server->state == SERVER_DOWN) {
        return now_ms >= server->due_ms ? launch(servers, server, err) : CR_OK;
    }
    if (cr_supervisor_is_over(&server->supervisor)) {
        return on_death(servers, server, err);
    }
    if (server->state == SERVER_STARTING) {
        return poll_starting(servers, server, err);
    }
    if (now_ms - server->since_ms > STEADY_MS) {
        server->restarts = 0;
    }
    return CR_OK;
}

enum cr_status cr_servers_poll(struct cr_servers *servers, struct cr_err *err) {
    enum cr_status status = CR_OK;
    poll_health(&servers->desk);
    for (uint32_t i = 0; i < servers->len && status == CR_OK; i++) {
        status = poll_one(servers, &servers->at[i], err);
    }
    return status;
}

void cr_servers_destroy(struct cr_servers *servers) {
    if (servers == NULL) {
        return;
    }
    for (uint32_t i = 0; i < servers->len; i++) {
        cr_supervisor_stop(&servers->at[i].supervisor);
    }
    for (uint32_t i = 0; i < servers->len; i++) {
        struct server *server = &servers->at[i];
        cr_supervisor_end(&server->supervisor, grace_of(servers) + STOP_MORE_MS);
        forget_check(&servers->desk, &server->check);
        cr_free(server->log_path);
    }
    close_desk(&servers->desk);
    cr_free(servers->at);
    cr_free(servers);
}
