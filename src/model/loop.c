// loop.c - curl multi over epoll.
//
// Polling. curl_multi_poll walks every transfer on each turn; with curl_multi_socket_
// action and epoll a turn costs what is ready. curl tells its interest in a socket
// through on_socket at the start and end of each exchange; those are two epoll_ctl a
// call on a connection that is kept. So the removal is not passed on: the socket stays
// registered until curl asks for something else, an event comes that nobody wants, or
// on_close says that the descriptor is gone. Descriptors that curl opens for itself (to
// hear of its resolver) are closed unheard, so those are removed at once.
//
// Shards. To find an idle connection, curl walks the list of all connections to that
// host, those in use too. A multi handle with its own connections for every
// SHARD_TRANSFERS transfers keeps the walk short. CPU a call, 1.1 kB up and 0.5 kB down
// on loopback (curl 7.88; relative numbers are what counts): 1,024 live 43 us in shards
// of 32 or 128, 54 us in one; 4,096 live 49 us, 47 us, and 168 us.
#include "model/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "credence/base/clock.h"
#include "credence/base/mem.h"

enum {
    SHARD_TRANSFERS = 128,
    EVENTS_MAX = 512,     // taken from the kernel at once
    SOCKETS_MAX = 1 << 20 // highest descriptor
};

static const int64_t NEVER = INT64_MAX;

struct shard {
    struct cr_loop *loop;
    CURLM *multi;
    int64_t due_ns; // when curl wants to be called without an event
    uint32_t index;
    int live;          // transfers that were started and not yet taken out
    bool has_finished; // some of them are over
};

struct socket_entry {
    uint32_t shard;
    uint32_t registered; // EPOLL bits the kernel knows; 0: none
    uint32_t wanted;     // EPOLL bits curl wants
    bool is_watched;     // opened through on_open, so on_close will tell its end
};

struct cr_loop {
    int epoll_fd;
    struct shard *shards;
    uint32_t shards_len;
    struct cr_transfer *
        *transfers; // all that were made; i belongs to shard i / SHARD_TRANSFERS
    uint32_t transfers_len, most;
    struct cr_transfer *free;
    struct socket_entry *sockets; // by descriptor
    size_t sockets_cap;
    int64_t replies_bytes; // received and not yet given back, of all transfers
    bool has_library;
    bool has_failed;  // an allocation in a callback
    uint32_t polling; // shard whose messages are read next
    struct epoll_event events[EVENTS_MAX];
};

static int64_t now_ns(void) {
    return cr_clock_now_ns(cr_clock_monotonic());
}

static struct socket_entry *entry_of(struct cr_loop *loop, curl_socket_t fd) {
    size_t had = loop->sockets_cap, need = (size_t)fd + 1;
    void *at = loop->sockets;
    if (fd < 0 || need > SOCKETS_MAX ||
        cr_array_grow(&at, &loop->sockets_cap, need, sizeof *loop->sockets) != CR_OK) {
        loop->has_failed = true;
        return NULL;
    }
    loop->sockets = at;
    if (loop->sockets_cap > had) {
        memset(loop->sockets + had, 0,
               (loop->sockets_cap - had) * sizeof *loop->sockets);
    }
    return &loop->sockets[fd];
}

// Tell the kernel what is wanted of FD; nothing when it knows.
static void register_socket(struct cr_loop *loop, curl_socket_t fd,
                            struct socket_entry *entry) {
    if (entry->wanted == entry->registered) {
        return;
    }
    struct epoll_event event = {.events = entry->wanted, .data.fd = fd};
    int op = entry->registered == 0 ? EPOLL_CTL_ADD
             : entry->wanted == 0   ? EPOLL_CTL_DEL
                                    : EPOLL_CTL_MOD;
    int result = epoll_ctl(loop->epoll_fd, op, fd, &event);
    if (result != 0 && op == EPOLL_CTL_MOD && errno == ENOENT) {
        result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    } else if (result != 0 && op == EPOLL_CTL_ADD && errno == EEXIST) {
        result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    }
    if (result != 0 && op != EPOLL_CTL_DEL) {
        loop->has_failed = true;
        return;
    }
    entry->registered = entry->wanted;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused) {
    struct shard *shard = ctx;
    struct socket_entry *entry = entry_of(shard->loop, fd);
    (void)easy;
    (void)unused;
    if (entry == NULL) {
        return -1;
    }
    entry->shard = shard->index;
    entry->wanted = 0;
    if (what == CURL_POLL_REMOVE) {
        if (!entry->is_watched) {
            register_socket(shard->loop, fd, entry);
        }
        return 0;
    }
    entry->wanted = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                    (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    register_socket(shard->loop, fd, entry);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx) {
    struct shard *shard = ctx;
    (void)multi;
    shard->due_ns = timeout_ms < 0 ? NEVER : now_ns() + (int64_t)timeout_ms * 1000000;
    return 0;
}

// Descriptors are not for the servers that this process starts.
static curl_socket_t on_open(void *ctx, curlsocktype purpose,
                             struct curl_sockaddr *address) {
    struct cr_transfer *transfer = ctx;
    struct cr_loop *loop = transfer->loop;
    int fd =
        socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    transfer->is_out_of_files = fd < 0 && (errno == EMFILE || errno == ENFILE);
    struct socket_entry *entry = fd >= 0 ? entry_of(loop, fd) : NULL;
    (void)purpose;
    if (entry != NULL) {
        *entry = (struct socket_entry){.is_watched = true};
    }
    return fd;
}

static int on_close(void *ctx, curl_socket_t fd) {
    struct cr_loop *loop = ctx;
    if (fd >= 0 && (size_t)fd < loop->sockets_cap) {
        struct socket_entry *entry = &loop->sockets[fd];
        entry->wanted = 0;
        register_socket(loop, fd, entry);
        *entry = (struct socket_entry){0};
    }
    return close(fd);
}

// A connection outlives the transfer that opened it, so its end is the loop's to hear.
void cr_loop_set_sockets(struct cr_loop *loop, struct cr_transfer *transfer) {
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
}

int64_t cr_loop_count_bytes(struct cr_loop *loop, int64_t more) {
    loop->replies_bytes += more;
    return loop->replies_bytes;
}

static CURLcode start_library(void) {
    // A peer that is gone is an error of one request, never a signal.
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        now.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &now, NULL);
    }
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, cr_malloc, cr_free, cr_realloc,
                                cr_strdup, cr_calloc);
}

static enum cr_status init_shard(struct cr_loop *loop, uint32_t index) {
    struct shard *shard = &loop->shards[index];
    *shard = (struct shard){.loop = loop, .index = index, .due_ns = NEVER};
    shard->multi = curl_multi_init();
    if (shard->multi == NULL) {
        return CR_E_MEMORY;
    }
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
    curl_multi_setopt(shard->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, 2L * SHARD_TRANSFERS);
    return CR_OK;
}

static enum cr_status fill_loop(struct cr_loop *loop, uint32_t most,
                                struct cr_err *err) {
    loop->most = most;
    loop->shards_len = (most + SHARD_TRANSFERS - 1) / SHARD_TRANSFERS;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        return cr_err_set(err, CR_E_NET, "epoll_create1: %s", strerror(errno));
    }
    if (most > 0 && start_library() != CURLE_OK) {
        return cr_err_set(err, CR_E_NET, "the HTTP library does not start");
    }
    loop->has_library = most > 0;
    loop->shards = cr_calloc(loop->shards_len, sizeof *loop->shards);
    loop->transfers = cr_calloc(most, sizeof(struct cr_transfer *));
    enum cr_status status =
        loop->shards != NULL && loop->transfers != NULL ? CR_OK : CR_E_MEMORY;
    for (uint32_t i = 0; i < loop->shards_len && status == CR_OK; i++) {
        status = init_shard(loop, i);
    }
    return status != CR_OK ? cr_err_set(err, status, "out of memory") : CR_OK;
}

enum cr_status cr_loop_create(uint32_t most, struct cr_loop **out, struct cr_err *err) {
    struct cr_loop *loop = cr_calloc(1, sizeof *loop);
    if (loop == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    loop->epoll_fd = -1;
    enum cr_status status = fill_loop(loop, most, err);
    if (status != CR_OK) {
        cr_loop_destroy(loop);
        return status;
    }
    *out = loop;
    return CR_OK;
}

void cr_loop_destroy(struct cr_loop *loop) {
    if (loop == NULL) {
        return;
    }
    for (uint32_t i = 0; i < loop->transfers_len; i++) {
        struct cr_transfer *transfer = loop->transfers[i];
        if (transfer->owner != NULL) {
            cr_loop_drop(loop, transfer);
        }
        cr_transfer_destroy(transfer);
    }
    for (uint32_t i = 0; loop->shards != NULL && i < loop->shards_len; i++) {
        curl_multi_cleanup(loop->shards[i].multi);
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    if (loop->has_library) {
        curl_global_cleanup();
    }
    cr_free(loop->sockets);
    cr_free(loop->transfers);
    cr_free(loop->shards);
    cr_free(loop);
}

enum cr_status cr_loop_acquire(struct cr_loop *loop, struct cr_transfer **out) {
    struct cr_transfer *transfer = loop->free;
    if (transfer != NULL) {
        loop->free = transfer->next_free;
    } else {
        assert(loop->transfers_len < loop->most);
        uint32_t shard = loop->transfers_len / SHARD_TRANSFERS;
        enum cr_status status = cr_transfer_create(loop, shard, &transfer);
        if (status != CR_OK) {
            return status;
        }
        loop->transfers[loop->transfers_len++] = transfer;
    }
    transfer->next_free = NULL;
    cr_buf_clear(&transfer->body);
    *out = transfer;
    return CR_OK;
}

void cr_loop_release(struct cr_loop *loop, struct cr_transfer *transfer) {
    cr_transfer_rest(transfer);
    transfer->next_free = loop->free;
    loop->free = transfer;
}

enum cr_status cr_loop_start(struct cr_loop *loop, struct cr_transfer *transfer) {
    struct shard *shard = &loop->shards[transfer->shard];
    CURLMcode code = curl_multi_add_handle(shard->multi, transfer->easy);
    if (code) {
        return code == CURLM_OUT_OF_MEMORY ? CR_E_MEMORY : CR_E_NET;
    }
    shard->live++;
    return CR_OK;
}

void cr_loop_drop(struct cr_loop *loop, struct cr_transfer *transfer) {
    struct shard *shard = &loop->shards[transfer->shard];
    curl_multi_remove_handle(shard->multi, transfer->easy);
    shard->live--;
}

static void act(struct cr_loop *loop, struct shard *shard, curl_socket_t fd, int what) {
    int running = 0;
    if (curl_multi_socket_action(shard->multi, fd, what, &running) != CURLM_OK) {
        loop->has_failed = true;
    }
    shard->has_finished = running < shard->live;
}

static void act_on_event(struct cr_loop *loop, const struct epoll_event *event) {
    int fd = event->data.fd;
    struct socket_entry *entry = &loop->sockets[fd];
    if (entry->wanted == 0) {
        register_socket(loop, fd, entry); // nobody wants it: tell the kernel
        return;
    }
    int what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    act(loop, &loop->shards[entry->shard], fd, what);
}

static void act_on_timers(struct cr_loop *loop) {
    int64_t now = now_ns();
    for (uint32_t i = 0; i < loop->shards_len; i++) {
        if (loop->shards[i].due_ns <= now) {
            loop->shards[i].due_ns = NEVER;
            act(loop, &loop->shards[i], CURL_SOCKET_TIMEOUT, 0);
        }
    }
}

// TIMEOUT_MS shortened to curl's own next timer; epoll's -1 for "for ever".
static int wait_ms(const struct cr_loop *loop, int64_t timeout_ms) {
    int64_t due = NEVER;
    for (uint32_t i = 0; i < loop->shards_len; i++) {
        if (loop->shards[i].has_finished) {
            return 0; // a server on the same host may answer before anything is waited
                      // for
        }
        due = loop->shards[i].due_ns < due ? loop->shards[i].due_ns : due;
    }
    if (due != NEVER) {
        int64_t left_ms = (due - now_ns() + 999999) / 1000000;
        left_ms = left_ms > 0 ? left_ms : 0;
        timeout_ms = timeout_ms < 0 || left_ms < timeout_ms ? left_ms : timeout_ms;
    }
    return timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
}

enum cr_status cr_loop_wait(struct cr_loop *loop, int64_t timeout_ms,
                            struct cr_err *err) {
    int len =
        epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, wait_ms(loop, timeout_ms));
    if (len < 0 && errno != EINTR) {
        return cr_err_set(err, CR_E_NET, "epoll_wait: %s", strerror(errno));
    }
    for (int i = 0; i < len; i++) {
        act_on_event(loop, &loop->events[i]);
    }
    act_on_timers(loop);
    if (loop->has_failed) {
        loop->has_failed = false;
        return cr_err_set(err, CR_E_NET, "the HTTP library failed or memory ran out");
    }
    return CR_OK;
}

void cr_loop_flush(struct cr_loop *loop) {
    act_on_timers(loop);
}

static struct cr_transfer *finished_of(struct shard *shard) {
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
        struct cr_transfer *transfer = NULL;
        if (message->msg == CURLMSG_DONE) {
            CURLcode result = message->data.result;
            CURL *easy = message->easy_handle;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
            curl_multi_remove_handle(shard->multi, easy);
            shard->live--;
            cr_transfer_end(transfer, result);
            return transfer;
        }
    }
    shard->has_finished = false;
    return NULL;
}

struct cr_transfer *cr_loop_finished(struct cr_loop *loop) {
    for (; loop->polling < loop->shards_len; loop->polling++) {
        struct shard *shard = &loop->shards[loop->polling];
        struct cr_transfer *transfer = shard->has_finished ? finished_of(shard) : NULL;
        if (transfer != NULL) {
            return transfer;
        }
    }
    loop->polling = 0;
    return NULL;
}
