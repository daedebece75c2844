// transfer.c - an easy handle, its buffers and its callbacks. Callbacks only note.
#include "model/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "credence/base/mem.h"
#include "model/endpoint.h"
#include "model/loop.h"
#include "model/wire.h"

enum {
    KEPT_BYTES_MAX = 64 << 10, // of a buffer between exchanges
    RECEIVE_BYTES = 8 << 10,   // of the library's own buffer; replies are about 1 kB
    KEEPALIVE_IDLE_S = 60      // long answers: keep NAT tables awake
};

static size_t on_body(char *bytes, size_t size, size_t len, void *ctx) {
    struct cr_transfer *transfer = ctx;
    transfer->counted_bytes += size * len;
    transfer->is_over_budget =
        cr_loop_count_bytes(transfer->loop, (int64_t)(size * len)) >
        CR_REPLIES_BYTES_MAX;
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

enum cr_status cr_transfer_create(struct cr_loop *loop, uint32_t shard,
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
        cr_transfer_destroy(transfer);
        return CR_E_MEMORY;
    }
    set_constants(transfer);
    cr_loop_set_sockets(loop, transfer);
    *out = transfer;
    return CR_OK;
}

void cr_transfer_destroy(struct cr_transfer *transfer) {
    if (transfer != NULL) {
        curl_easy_cleanup(transfer->easy);
        curl_url_cleanup(transfer->url);
        cr_buf_fini(&transfer->body);
        cr_buf_fini(&transfer->answer);
        cr_free(transfer);
    }
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

void cr_transfer_end(struct cr_transfer *transfer, CURLcode result) {
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

void cr_transfer_rest(struct cr_transfer *transfer) {
    cr_loop_count_bytes(transfer->loop, -(int64_t)transfer->counted_bytes);
    transfer->counted_bytes = 0;
    transfer->owner = NULL;
    shrink(&transfer->body);
    shrink(&transfer->answer);
}
