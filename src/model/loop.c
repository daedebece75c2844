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
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "credence/base/clock.h"
#include "credence/base/mem.h"
#include "model/endpoint.h"
#include "model/wire.h"

// Let the loop open and close TRANSFER's sockets.
static void set_sockets(struct cr_loop *loop, struct cr_transfer *transfer);
// Add MORE to the bytes of replies that are held; the sum.
static int64_t count_bytes(struct cr_loop *loop, int64_t more);

enum {
    KEPT_BYTES_MAX = 64 << 10, // of a buffer between exchanges
    RECEIVE_BYTES = 8 << 10,   // of the library's own buffer; replies are about 1 kB
    KEEPALIVE_IDLE_S = 60      // long answers: keep NAT tables awake
};

static size_t on_body(char *bytes, size_t size, size_t len, void *ctx) {
    struct cr_transfer *transfer = ctx;
    transfer->counted_bytes += size * len;
    transfer->is_over_budget =
        count_bytes(transfer->loop, (int64_t)(size * len)) > CR_REPLIES_BYTES_MAX;
    if (transfer->is_over_budget ||
        cr_buf_add(&transfer->answer, bytes, size * len) != CR_OK) {
        transfer->is_too_large = true;
        return 0;
    }
    return size * len;
}

// Where a redirect points to, fit to be shown.
static void note_location(struct cr_transfer *transfer, const char *value, size_t len) {
    size_t used = 0;
    for (size_t i = 0; i < len && used + 1 < CR_LOCATION_MAX; i++) {
        if (value[i] > ' ' && value[i] <= '~') {
            transfer->location[used++] = value[i];
        }
    }
    transfer->location[used] = '\0';
}

// Each reply has a dozen of lines; the first letter says which may be of use.
static void read_header(struct cr_transfer *transfer, const char *line, size_t bytes) {
    static const char location[] = "location:";
    switch (bytes > 0 ? line[0] : '\0') {
    case 'l':
    case 'L':
        if (bytes > sizeof location &&
            strncasecmp(line, location, sizeof location - 1) == 0) {
            note_location(transfer, line + sizeof location - 1,
                          bytes - (sizeof location - 1));
        }
        break;
    case 'a':
    case 'A':
    case 'r':
    case 'R':
    case 'x':
    case 'X':
        cr_hints_note(&transfer->hints, line, bytes, transfer->wall_ms);
        cr_request_id_note(&transfer->request_id, line, bytes);
        break;
    case 'c':
    case 'C':
        cr_request_id_note(&transfer->request_id, line, bytes);
        break;
    default:
        break;
    }
}

static size_t on_header(char *line, size_t size, size_t len, void *ctx) {
    struct cr_transfer *transfer = ctx;
    transfer->header_bytes += size * len;
    if (transfer->header_bytes > CR_HEADER_BYTES_MAX) {
        transfer->is_too_large = true;
        return 0;
    }
    read_header(transfer, line, size * len);
    return size * len;
}

// The command-line tool's variables: the library itself heeds only the proxies'.
static void set_authorities(CURL *easy) {
    const char *bundle = getenv("CURL_CA_BUNDLE");
    const char *file = bundle != NULL && bundle[0] ? bundle : getenv("SSL_CERT_FILE");
    const char *dir = getenv("SSL_CERT_DIR");
    if (file != NULL && file[0]) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    }
    if (dir != NULL && dir[0]) {
        curl_easy_setopt(easy, CURLOPT_CAPATH, dir);
    }
}

// Without any of these variables the library need not look for them at each exchange.
static bool has_proxy_variable(void) {
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *proxy = getenv(names[i]);
        if (proxy != NULL && proxy[0]) {
            return true;
        }
    }
    return false;
}

// What holds for every exchange of a handle.
static void set_constants(struct cr_transfer *transfer) {
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); // decode; headers.c asks
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    set_authorities(easy);
}

static void transfer_destroy(struct cr_transfer *transfer) {
    if (transfer != NULL) {
        curl_easy_cleanup(transfer->easy);
        curl_url_cleanup(transfer->url);
        cr_buf_fini(&transfer->body);
        cr_buf_fini(&transfer->answer);
        cr_free(transfer);
    }
}

static enum cr_status transfer_create(struct cr_loop *loop, uint32_t shard,
                                      struct cr_transfer **out) {
    struct cr_transfer *transfer = cr_calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        return CR_E_MEMORY;
    }
    cr_buf_init(&transfer->body, CR_REQUEST_BYTES_MAX);
    cr_buf_init(&transfer->answer, CR_REPLY_BYTES_MAX);
    transfer->loop = loop;
    transfer->shard = shard;
    transfer->easy = curl_easy_init();
    transfer->url = curl_url();
    if (transfer->easy == NULL || transfer->url == NULL) {
        transfer_destroy(transfer);
        return CR_E_MEMORY;
    }
    set_constants(transfer);
    set_sockets(loop, transfer);
    *out = transfer;
    return CR_OK;
}

// A proxy that the job names is used for every host, one of the environment where
// no_proxy does not except the host; without any, the library need not look for that
// variable at each exchange. A tunnel is asked for in the proxy's own headers.
static CURLcode set_proxy(CURL *easy, const char *proxy) {
    bool is_named = proxy != NULL && proxy[0];
    if (proxy == NULL && !has_proxy_variable()) {
        proxy = "";
    }
    bool is_direct = proxy != NULL && !proxy[0];
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
    code = code ? code
                : curl_easy_setopt(easy, CURLOPT_NOPROXY,
                                   is_named || is_direct ? "" : NULL);
    return code ? code
                : curl_easy_setopt(easy, CURLOPT_USERAGENT,
                                   is_direct ? NULL : CR_USER_AGENT);
}

static CURLcode set_destination(struct cr_transfer *transfer,
                                const struct cr_destination *to) {
    CURL *easy = transfer->easy;
    const char *url = to->endpoint->url;
    // Read once: given as text the library would do so at each exchange.
    if (curl_url_set(transfer->url, CURLUPART_URL, url, 0) != CURLUE_OK) {
        return CURLE_URL_MALFORMAT;
    }
    // With multiplexing at hand a request waits for the one connection; without, no
    // request ever waits for another's.
    long waits = strncmp(url, "https:", 6) == 0;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CURLU, transfer->url);
    code = code ? code : curl_easy_setopt(easy, CURLOPT_HTTPHEADER, to->headers->list);
    code =
        code ? code : curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, to->unix_socket);
    code = code ? code : set_proxy(easy, to->proxy);
    code = code ? code : curl_easy_setopt(easy, CURLOPT_PIPEWAIT, waits);
    code =
        code ? code
             : curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(to->timeout_s * 1000));
    return code ? code
                : curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                                   (long)(to->connect_timeout_s * 1000));
}

enum cr_status cr_transfer_aim(struct cr_transfer *transfer,
                               const struct cr_destination *to) {
    bool is_same = transfer->headers == to->headers &&
                   transfer->endpoint == to->endpoint &&
                   transfer->generation == to->endpoint->generation;
    CURLcode code = is_same ? CURLE_OK : set_destination(transfer, to);
    code = code ? code
                : curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS,
                                   transfer->body.data);
    code = code ? code
                : curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                   (curl_off_t)transfer->body.used_bytes);
    transfer->headers = code ? NULL : to->headers;
    transfer->endpoint = to->endpoint;
    transfer->generation = to->endpoint->generation;
    transfer->wall_ms = to->wall_ms;
    cr_hints_clear(&transfer->hints);
    cr_request_id_clear(&transfer->request_id);
    transfer->location[0] = '\0';
    transfer->is_over_budget = transfer->is_out_of_files = false;
    transfer->header_bytes = 0;
    transfer->is_too_large = false;
    transfer->error[0] = '\0';
    cr_buf_clear(&transfer->answer);
    if (code) {
        return code == CURLE_OUT_OF_MEMORY ? CR_E_MEMORY : CR_E_NET;
    }
    return CR_OK;
}

// Note how it ended.
static void transfer_end(struct cr_transfer *transfer, CURLcode result) {
    long http_status = 0;
    curl_off_t total_us = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    transfer->result = result;
    transfer->http_status = (uint32_t)http_status;
    transfer->latency_s = (double)total_us / 1e6;
}

static void shrink(struct cr_buf *buf) {
    if (buf->cap_bytes > KEPT_BYTES_MAX) {
        cr_buf_fini(buf);
    }
}

// Give back what an unusually long exchange made the buffers grow to.
static void transfer_rest(struct cr_transfer *transfer) {
    count_bytes(transfer->loop, -(int64_t)transfer->counted_bytes);
    transfer->counted_bytes = 0;
    transfer->owner = NULL;
    shrink(&transfer->body);
    shrink(&transfer->answer);
}

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
static void set_sockets(struct cr_loop *loop, struct cr_transfer *transfer) {
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
}

static int64_t count_bytes(struct cr_loop *loop, int64_t more) {
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
        transfer_destroy(transfer);
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
        enum cr_status status = transfer_create(loop, shard, &transfer);
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
    transfer_rest(transfer);
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
            transfer_end(transfer, result);
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
