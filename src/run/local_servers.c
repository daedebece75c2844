// local_servers.c - see serving.h.
#include "run/local_servers.h"

#include <string.h>

#include "credence/cluster/message.h"
#include "run/server_placement.h"

enum { POLL_MS = 100, MESSAGE_BYTES = 1 << 16 };

// A server moved: this rank's client hears of it at once, the others by rank 0.
static void on_moved(void *ctx, enum cr_server_scope scope, uint32_t model,
                     uint32_t endpoint, const char *url) {
    struct cr_serving *serving = ctx;
    const struct cr_endpoint_message message = {(uint32_t)scope, model, endpoint, url};
    struct cr_buf buf;
    cr_buf_init(&buf, MESSAGE_BYTES);
    enum cr_status status = cr_client_endpoint(serving->client, model, endpoint, url);
    if (status == CR_OK) {
        status = cr_endpoint_encode(&buf, &message);
    }
    const struct cr_packet packet = {0, CR_TAG_ENDPOINT, buf.data, buf.used_bytes};
    if (status == CR_OK) {
        status = cr_cluster_send(serving->cluster, &packet, NULL);
    }
    if (status != CR_OK && status != CR_E_PEER && serving->status == CR_OK) {
        serving->status = status;
    }
    cr_buf_fini(&buf);
}

static void name_host(struct cr_serving *serving) {
    const char *host = cr_cluster_host(serving->cluster);
    const size_t len = strcspn(host, " "); // what follows names the process space
    if (len < sizeof serving->host) {
        memcpy(serving->host, host, len);
    }
}

enum cr_status cr_serving_start(struct cr_serving *serving, uint32_t starts,
                                struct cr_err *err) {
    name_host(serving);
    const struct cr_servers_cfg cfg = {
        .job = serving->job,
        .clock = serving->clock,
        .log = serving->log,
        .dir = serving->dir,
        .rank = cr_cluster_rank(serving->cluster),
        .starts_for_node = (starts & CR_STARTS_NODE) != 0,
        .starts_for_job = (starts & CR_STARTS_JOB) != 0,
        .host = cr_cluster_is_launched() ? serving->host : NULL,
        .moved = on_moved,
        .ctx = serving,
    };
    if (serving->servers != NULL || !cr_servers_are_needed(&cfg)) {
        return CR_OK;
    }
    return cr_servers_create(&cfg, &serving->servers, err);
}

enum cr_status cr_serving_poll(struct cr_serving *serving, struct cr_err *err) {
    const int64_t now = cr_clock_now_ms(serving->clock);
    if (serving->servers == NULL || now - serving->polled_ms < POLL_MS) {
        return CR_OK;
    }
    serving->polled_ms = now;
    const enum cr_status status = cr_servers_poll(serving->servers, err);
    if (status == CR_OK && serving->status != CR_OK) {
        return cr_err_set(err, serving->status, "a local server cannot be announced");
    }
    return status;
}

void cr_serving_stop(struct cr_serving *serving) {
    cr_servers_destroy(serving->servers);
    serving->servers = NULL;
}
