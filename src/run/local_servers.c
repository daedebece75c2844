// local_servers.c - see local_servers.h.
#include "run/local_servers.h"

#include <string.h>

#include "credence/cluster/message.h"
#include "run/server_placement.h"

enum { POLL_MS = 100, MESSAGE_BYTES = 1 << 16 };

// A server moved: this rank's client hears of it at once, the others by rank 0.
static void on_moved(void *ctx, enum cr_server_scope scope, uint32_t model,
                     uint32_t endpoint, const char *url) {
    struct cr_local_servers *local = ctx;
    const struct cr_endpoint_message message = {(uint32_t)scope, model, endpoint, url};
    struct cr_buf buf;
    cr_buf_init(&buf, MESSAGE_BYTES);
    enum cr_status status = cr_client_endpoint(local->client, model, endpoint, url);
    if (status == CR_OK) {
        status = cr_message_encode(&buf, CR_TAG_ENDPOINT, &message);
    }
    const struct cr_packet packet = {0, CR_TAG_ENDPOINT, buf.data, buf.used_bytes};
    if (status == CR_OK) {
        status = cr_cluster_send(local->cluster, &packet, NULL);
    }
    if (status != CR_OK && status != CR_E_PEER && local->status == CR_OK) {
        local->status = status;
    }
    cr_buf_fini(&buf);
}

static void name_host(struct cr_local_servers *local) {
    const char *host = cr_cluster_host(local->cluster);
    const size_t len = strcspn(host, " "); // what follows names the process space
    if (len < sizeof local->host) {
        memcpy(local->host, host, len);
    }
}

enum cr_status cr_local_servers_start(struct cr_local_servers *local, uint32_t starts,
                                      struct cr_err *err) {
    name_host(local);
    const struct cr_servers_cfg cfg = {
        .job = local->job,
        .clock = local->clock,
        .log = local->log,
        .dir = local->dir,
        .rank = cr_cluster_rank(local->cluster),
        .starts_for_node = (starts & CR_STARTS_NODE) != 0,
        .starts_for_job = (starts & CR_STARTS_JOB) != 0,
        .host = cr_cluster_is_launched() ? local->host : NULL,
        .moved = on_moved,
        .ctx = local,
    };
    if (local->servers != NULL || !cr_servers_are_needed(&cfg)) {
        return CR_OK;
    }
    return cr_servers_create(&cfg, &local->servers, err);
}

enum cr_status cr_local_servers_poll(struct cr_local_servers *local,
                                     struct cr_err *err) {
    const int64_t now = cr_clock_now_ms(local->clock);
    if (local->servers == NULL || now - local->polled_ms < POLL_MS) {
        return CR_OK;
    }
    local->polled_ms = now;
    const enum cr_status status = cr_servers_poll(local->servers, err);
    if (status == CR_OK && local->status != CR_OK) {
        return cr_err_set(err, local->status, "a local server cannot be announced");
    }
    return status;
}

void cr_local_servers_stop(struct cr_local_servers *local) {
    cr_servers_destroy(local->servers);
    local->servers = NULL;
}
