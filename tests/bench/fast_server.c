// fast_server.c - a chat server for benchmarks: its only purpose is to be fast.
//
//   fast_server [--latency-ms N] [--port-file FILE] [--save-body FILE] [--bytes N]
//
// One thread, one epoll, two system calls a request. It looks at nothing in a request
// but its length, and always gives the same reply, which holds the keys of a judgment
// and of an argument; --bytes is the length of its prose. Every reply waits the same
// time, so a queue does for the timers. Prints "port N"; GET /_stats says how many
// requests came and how many were in flight, at most and in the mean over time, since
// the last /_stats.
// --save-body keeps the first request's body, so that other clients can send the same.
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 512, FIRST_CAP = 16384, REQUEST_MAX = 1 << 24, STATS_MAX = 512 };

struct peer {
    int fd;
    char *in;
    size_t in_len, in_cap;
    const char *out; // what is still to be written
    size_t out_len;
    bool is_waiting; // its reply is due later
    bool is_gone;    // closed while its reply was waiting
    char stats[STATS_MAX];
    struct peer *next; // in the queue
    int64_t due_us;
};

static struct {
    int epoll_fd;
    int64_t latency_us;
    const char *save_body;
    char *reply; // the whole of it, headers included
    size_t reply_len;
    struct peer *first, *last; // replies that wait, in the order of their time
    uint64_t requests, body_bytes;
    uint32_t in_flight, in_flight_max;
    int64_t begun_us, changed_us;
    double in_flight_us;
} server;

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void count_in_flight(int change, int64_t at_us) {
    if (server.begun_us == 0) {
        server.begun_us = server.changed_us = at_us;
    }
    server.in_flight_us +=
        (double)server.in_flight * (double)(at_us - server.changed_us);
    server.changed_us = at_us;
    server.in_flight = (uint32_t)((int)server.in_flight + change);
    if (server.in_flight > server.in_flight_max) {
        server.in_flight_max = server.in_flight;
    }
}

static void drop(struct peer *peer) {
    close(peer->fd);
    free(peer->in);
    if (peer->is_waiting) {
        peer->in = NULL;
        peer->is_gone = true; // the queue frees it
    } else {
        free(peer);
    }
}

static void want(const struct peer *peer, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = (void *)peer};
    epoll_ctl(server.epoll_fd, EPOLL_CTL_MOD, peer->fd, &event);
}

// False when the peer is gone.
static bool write_out(struct peer *peer) {
    ssize_t wrote = write(peer->fd, peer->out, peer->out_len);
    if (wrote < 0 && errno != EAGAIN) {
        drop(peer);
        return false;
    }
    size_t len = wrote > 0 ? (size_t)wrote : 0;
    bool was_short = len < peer->out_len;
    peer->out += len;
    peer->out_len -= len;
    if (was_short) {
        want(peer, EPOLLIN | EPOLLOUT);
    }
    return true;
}

static bool send_reply(struct peer *peer, int64_t at_us) {
    count_in_flight(-1, at_us);
    peer->out = server.reply;
    peer->out_len = server.reply_len;
    return write_out(peer);
}

static void make_stats(struct peer *peer) {
    count_in_flight(0, now_us());
    double span_us = (double)(server.changed_us - server.begun_us);
    char body[STATS_MAX / 2];
    int len = snprintf(body, sizeof body,
                       "{\"requests\":%llu,\"body_bytes\":%llu,\"in_flight_max\":%u,"
                       "\"in_flight_mean\":%.2f,\"span_s\":%.6f}",
                       (unsigned long long)server.requests,
                       (unsigned long long)server.body_bytes, server.in_flight_max,
                       span_us > 0 ? server.in_flight_us / span_us : 0, span_us / 1e6);
    snprintf(peer->stats, sizeof peer->stats,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n%s",
             len, body);
    server.requests = server.body_bytes = 0;
    server.in_flight_us = 0;
    server.in_flight_max = server.in_flight;
    server.begun_us = 0;
}

static void save_body(const char *body, size_t len) {
    FILE *file = server.save_body != NULL ? fopen(server.save_body, "w") : NULL;
    if (file != NULL) {
        fwrite(body, 1, len, file);
        fclose(file);
    }
    server.save_body = NULL;
}

// A whole request of HEAD and BODY bytes stands at the start of peer->in.
static bool serve(struct peer *peer, size_t head, size_t body) {
    if (memcmp(peer->in, "GET", 3) == 0) {
        make_stats(peer);
        peer->out = peer->stats;
        peer->out_len = strlen(peer->stats);
        return write_out(peer);
    }
    int64_t at_us = now_us();
    server.requests++;
    count_in_flight(+1, at_us);
    save_body(peer->in + head, body);
    server.body_bytes += body;
    if (server.latency_us == 0) {
        return send_reply(peer, at_us);
    }
    peer->due_us = at_us + server.latency_us;
    peer->is_waiting = true;
    peer->next = NULL;
    if (server.first != NULL) {
        server.last->next = peer;
    } else {
        server.first = peer;
    }
    server.last = peer;
    return true;
}

static void send_due(void) {
    while (server.first != NULL && server.first->due_us <= now_us()) {
        struct peer *peer = server.first;
        server.first = peer->next;
        peer->is_waiting = false;
        if (peer->is_gone) {
            count_in_flight(-1, now_us());
            free(peer);
        } else {
            send_reply(peer, now_us());
        }
    }
}

static size_t body_length(const char *head, size_t len) {
    static const char name[] = "content-length:";
    for (const char *at = head; at < head + len - sizeof name; at++) {
        if (*at == '\n' && strncasecmp(at + 1, name, sizeof name - 1) == 0) {
            return strtoul(at + sizeof name, NULL, 10);
        }
    }
    return 0;
}

static bool serve_whole_requests(struct peer *peer) {
    while (!peer->is_waiting) {
        const char *end = memmem(peer->in, peer->in_len, "\r\n\r\n", 4);
        if (end == NULL) {
            return true;
        }
        size_t head = (size_t)(end - peer->in) + 4;
        size_t body = body_length(peer->in, head);
        if (peer->in_len < head + body) {
            return true;
        }
        if (!serve(peer, head, body)) {
            return false;
        }
        peer->in_len -= head + body;
        memmove(peer->in, peer->in + head + body, peer->in_len);
    }
    return true;
}

static void read_in(struct peer *peer) {
    if (peer->in_len + FIRST_CAP / 2 > peer->in_cap && peer->in_cap < REQUEST_MAX) {
        peer->in_cap = peer->in_cap ? peer->in_cap * 2 : FIRST_CAP;
        peer->in = realloc(peer->in, peer->in_cap);
        if (peer->in == NULL) {
            abort();
        }
    }
    ssize_t got = read(peer->fd, peer->in + peer->in_len, peer->in_cap - peer->in_len);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(peer);
        return;
    }
    peer->in_len += got > 0 ? (size_t)got : 0;
    serve_whole_requests(peer);
}

static void accept_all(int listen_fd) {
    for (int fd;
         (fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct peer *peer = calloc(1, sizeof *peer);
        if (peer == NULL) {
            abort();
        }
        peer->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static void handle(struct peer *peer, uint32_t events) {
    if (events & EPOLLOUT) {
        want(peer, EPOLLIN);
        if (peer->out_len > 0 && !write_out(peer)) {
            return;
        }
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        read_in(peer);
    }
}

// BYTES of prose in an answer, the answer in the envelope of the API.
static void make_reply(size_t bytes) {
    char prose[8192], body[12000];
    bytes = bytes < sizeof prose ? bytes : sizeof prose - 1;
    for (size_t i = 0; i < bytes; i++) {
        prose[i] = "a plain word "[i % 13];
    }
    prose[bytes] = '\0';
    int len = snprintf(
        body, sizeof body,
        "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"fast\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"{\\\"claim\\\":\\\"It "
        "holds.\\\",\\\"reasoning\\\":\\\"%s\\\",\\\"price\\\":0.62,"
        "\\\"direction\\\":\\\"up\\\",\\\"argument\\\":\\\"It does.\\\"}\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":275,"
        "\"completion_tokens\":75,\"total_tokens\":350}}",
        prose);
    len = asprintf(&server.reply,
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                   "Content-Length: %d\r\n\r\n%s",
                   len, body);
    if (len < 0) {
        abort();
    }
    server.reply_len = (size_t)len;
}

static int listen_anywhere(const char *port_file) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("fast_server");
        exit(2);
    }
    printf("port %u\n", ntohs(address.sin_port));
    fflush(stdout);
    FILE *file = port_file != NULL ? fopen(port_file, "w") : NULL;
    if (file != NULL) {
        fprintf(file, "%u\n", ntohs(address.sin_port));
        fclose(file);
    }
    return fd;
}

static int read_options(int argc, char **argv) {
    static const struct option known[] = {{"latency-ms", required_argument, NULL, 'l'},
                                          {"port-file", required_argument, NULL, 'p'},
                                          {"save-body", required_argument, NULL, 's'},
                                          {"bytes", required_argument, NULL, 'b'},
                                          {0}};
    const char *port_file = NULL;
    size_t bytes = 100;
    for (int got; (got = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (got == 'l') {
            server.latency_us = (int64_t)(strtod(optarg, NULL) * 1000);
        } else if (got == 'p') {
            port_file = optarg;
        } else if (got == 's') {
            server.save_body = optarg;
        } else if (got == 'b') {
            bytes = strtoul(optarg, NULL, 10);
        } else {
            exit(2);
        }
    }
    make_reply(bytes);
    return listen_anywhere(port_file);
}

static void loop(int listen_fd) {
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        struct timespec wait = {0}, *until = NULL;
        if (server.first != NULL) {
            int64_t left_us = server.first->due_us - now_us();
            left_us = left_us > 0 ? left_us : 0;
            wait.tv_sec = left_us / 1000000;
            wait.tv_nsec = left_us % 1000000 * 1000;
            until = &wait;
        }
        int len = epoll_pwait2(server.epoll_fd, events, EVENTS_MAX, until, NULL);
        for (int i = 0; i < len; i++) {
            if (events[i].data.ptr != NULL) {
                handle(events[i].data.ptr, events[i].events);
            } else {
                accept_all(listen_fd);
            }
        }
        send_due();
    }
}

int main(int argc, char **argv) {
    struct rlimit limit;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int listen_fd = read_options(argc, argv);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    loop(listen_fd);
}
