// fault_http.c - everything runs in one thread, from fault_http_run: libmicrohttpd is
// polled through its epoll descriptor, together with the heap of timers.
#include "fault_http.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fault_exchange.h"

enum { CONNECTIONS_MAX = 16384 };

static int listen_on(uint16_t port, const char *unix_path) {
    struct sockaddr_in inet = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int one = 1;
    int fd =
        socket(unix_path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (unix_path != NULL) {
        snprintf(local.sun_path, sizeof local.sun_path, "%s", unix_path);
        unlink(unix_path);
    }
    const struct sockaddr *address = unix_path != NULL ? (const struct sockaddr *)&local
                                                       : (const struct sockaddr *)&inet;
    socklen_t len = unix_path != NULL ? sizeof local : sizeof inet;
    if (fd < 0 || bind(fd, address, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        fprintf(stderr, "fault_server: cannot listen: %s\n", strerror(errno));
        exit(2);
    }
    return fd;
}

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct fault_http *fault_http_start(struct fault_script *script,
                                    struct fault_stats *stats, uint16_t port,
                                    const char *unix_path) {
    raise_descriptor_limit();
    struct fault_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        abort();
    }
    http->script = script;
    http->stats = stats;
    http->started_us = fault_now_us();
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, port, NULL, NULL, exchange_on_request,
        http, MHD_OPTION_LISTEN_SOCKET, listen_on(port, unix_path),
        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, http,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536, MHD_OPTION_END);
    if (http->daemon == NULL) {
        fprintf(stderr, "fault_server: libmicrohttpd does not start\n");
        exit(2);
    }
    return http;
}

uint16_t fault_http_port(const struct fault_http *http) {
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    getsockname(info->listen_fd, (struct sockaddr *)&address, &len);
    return address.sin_family == AF_INET ? ntohs(address.sin_port) : 0;
}

static int next_wait_ms(const struct fault_http *http) {
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    int wait_ms = fault_timers_wait_ms(&http->timers, fault_now_us());
    if (MHD_get_timeout(http->daemon, &daemon_ms) == MHD_YES &&
        (wait_ms < 0 || daemon_ms < (unsigned)wait_ms)) {
        wait_ms = (int)daemon_ms;
    }
    return wait_ms;
}

void fault_http_run(struct fault_http *http, int stop_fd) {
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[2] = {{.fd = info->epoll_fd, .events = POLLIN},
                            {.fd = stop_fd, .events = POLLIN}};
    while (!(fds[1].revents & POLLIN)) {
        poll(fds, 2, next_wait_ms(http));
        for (void *due;
             ((due = fault_timers_take(&http->timers, fault_now_us())) != NULL);) {
            exchange_wake(due);
        }
        MHD_run(http->daemon);
    }
}
