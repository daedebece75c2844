// fault_fixture.h - a fault server of one's own, on a port of its choosing.
#ifndef CREDENCE_TESTS_FAULT_FIXTURE_H
#define CREDENCE_TESTS_FAULT_FIXTURE_H

#include "model_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credence/base/json.h"

struct fault_server {
    pid_t pid;
    uint16_t port;
    char url[64];
    const char *urls[1];
};

// RULES: a script (fault_server.md). UNIX_PATH: NULL, or listen there too.
static inline void fault_start(struct fault_server *server, const char *rules,
                               const char *unix_path) {
    int out[2];
    char line[64] = "";
    const char *argv[] = {FAULT_SERVER_BIN,
                          "--rules",
                          rules,
                          "--with-parent",
                          unix_path != NULL ? "--unix" : NULL,
                          unix_path,
                          NULL};
    assert_int_equal(pipe(out), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(out[1]);
    size_t used = 0;
    while (used < sizeof line - 1 && strchr(line, '\n') == NULL) {
        ssize_t got = read(out[0], line + used, sizeof line - 1 - used);
        if (got <= 0) {
            break;
        }
        used += (size_t)got;
    }
    close(out[0]);
    unsigned port = 0;
    assert_int_equal(sscanf(line, "port %u", &port), 1);
    server->port = (uint16_t)port;
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", port);
    server->urls[0] = server->url;
}

static inline void fault_stop(struct fault_server *server) {
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}

// The member NAME ("faults.429") of what the server counted.
static inline double fault_stat(const struct fault_server *server, const char *name) {
    static const char request[] = "GET /_stats HTTP/1.0\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(server->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[8192];
    size_t used = 0;
    struct cr_json *root = NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    for (ssize_t got; (got = read(fd, text + used, sizeof text - 1 - used)) > 0;) {
        used += (size_t)got;
    }
    close(fd);
    text[used] = '\0';
    const char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(cr_json_parse(body + 4, strlen(body + 4),
                                   (struct cr_json_limits){8192, 8}, &root, NULL),
                     CR_OK);
    double value = cr_json_number(cr_json_get_path(root, name), 0);
    cr_json_free(root);
    return value;
}

// A client of one model, and calls to it.
enum { FAULT_CALLS_MAX = 512 };
struct fault_bench {
    struct cr_model model;
    struct cr_job job;
    struct cr_client_cfg cfg;
    struct cr_client *client;
    struct cr_call calls[FAULT_CALLS_MAX];
    struct cr_reply replies[FAULT_CALLS_MAX];
};

static inline void bench_open(struct fault_bench *bench, const struct cr_model *model) {
    bench->model = *model;
    bench->job.models = &bench->model;
    bench->job.models_len = 1;
    bench->cfg.job = &bench->job;
    bench->cfg.clock = cr_clock_monotonic();
    bench->cfg.live_max = FAULT_CALLS_MAX;
    bench->client = fixture_client(&bench->cfg);
    for (unsigned i = 0; i < FAULT_CALLS_MAX; i++) {
        bench->calls[i] = fixture_call(i);
    }
}

static inline void bench_close(struct fault_bench *bench) {
    cr_client_destroy(bench->client);
    for (unsigned i = 0; i < FAULT_CALLS_MAX; i++) {
        cr_reply_fini(&bench->replies[i]);
    }
    memset(bench, 0, sizeof *bench);
}

// Submit the calls [FROM, END) and wait until all live ones are done, for minutes on a
// machine that is busy.
static inline void bench_run(struct fault_bench *bench, unsigned from, unsigned end) {
    const int64_t give_up_ms = cr_clock_now_ms(cr_clock_monotonic()) + 200000;
    for (unsigned i = from; i < end; i++) {
        fixture_submit(bench->client, &bench->calls[i]);
    }
    while (cr_client_live(bench->client) > 0) {
        fixture_poll(bench->client, 1000);
        fixture_take_all(bench->client, bench->calls, bench->replies);
        assert_true(cr_clock_now_ms(cr_clock_monotonic()) < give_up_ms);
    }
}

#endif
