// server_placement.c - see hosts.h.
#include "run/server_placement.h"

#include <string.h>

#include "credence/base/mem.h"
#include "credence/model/server.h"

enum cr_status cr_hosts_init(struct cr_hosts *hosts, int size, struct cr_err *err) {
    *hosts = (struct cr_hosts){.size = size};
    hosts->host = cr_calloc((size_t)size, sizeof *hosts->host);
    hosts->starts = cr_calloc((size_t)size, sizeof *hosts->starts);
    if (hosts->host != NULL && hosts->starts != NULL) {
        return CR_OK;
    }
    cr_hosts_fini(hosts);
    return cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
}

void cr_hosts_fini(struct cr_hosts *hosts) {
    for (int rank = 0; hosts->host != NULL && rank < hosts->size; rank++) {
        cr_free(hosts->host[rank]);
    }
    for (size_t i = 0; i < hosts->places_len; i++) {
        cr_free((char *)hosts->places[i].endpoint.url);
    }
    cr_free(hosts->host);
    cr_free(hosts->starts);
    cr_free(hosts->places);
    *hosts = (struct cr_hosts){0};
}

static bool is_on_host(const struct cr_hosts *hosts, int rank, const char *host) {
    return hosts->host[rank] != NULL && strcmp(hosts->host[rank], host) == 0;
}

// What nobody starts yet on HOST.
static uint32_t vacant(const struct cr_hosts *hosts, const char *host) {
    uint32_t vacant = CR_STARTS_NODE | CR_STARTS_JOB;
    for (int rank = 0; rank < hosts->size; rank++) {
        if (is_on_host(hosts, rank, host)) {
            vacant &= ~(hosts->starts[rank] & CR_STARTS_NODE);
        }
        vacant &= ~(hosts->starts[rank] & CR_STARTS_JOB);
    }
    return vacant;
}

enum cr_status cr_hosts_add(struct cr_hosts *hosts, int rank, const char *host,
                            uint32_t *starts, struct cr_err *err) {
    char *copy = cr_strdup(host);
    if (copy == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the name of a host");
    }
    *starts = vacant(hosts, host);
    cr_free(hosts->host[rank]);
    hosts->host[rank] = copy;
    hosts->starts[rank] = *starts;
    return CR_OK;
}

static void forget_places(struct cr_hosts *hosts, int rank) {
    size_t kept = 0;
    for (size_t i = 0; i < hosts->places_len; i++) {
        if (hosts->places[i].rank == rank) {
            cr_free((char *)hosts->places[i].endpoint.url);
        } else {
            hosts->places[kept++] = hosts->places[i];
        }
    }
    hosts->places_len = kept;
}

// Another rank on HOST; for a server of the job alone any rank will do.
static int find_heir(const struct cr_hosts *hosts, const char *host, uint32_t starts) {
    for (int rank = 0; rank < hosts->size; rank++) {
        if (is_on_host(hosts, rank, host)) {
            return rank;
        }
    }
    for (int rank = 0; (starts & CR_STARTS_JOB) != 0 && rank < hosts->size; rank++) {
        if (hosts->host[rank] != NULL) {
            return rank;
        }
    }
    return -1;
}

void cr_hosts_remove(struct cr_hosts *hosts, int rank, int *heir, uint32_t *starts) {
    char *host = hosts->host[rank];
    *heir = -1;
    *starts = hosts->starts[rank];
    hosts->host[rank] = NULL;
    hosts->starts[rank] = 0;
    forget_places(hosts, rank);
    if (host == NULL || *starts == 0) {
        cr_free(host);
        return;
    }
    *heir = find_heir(hosts, host, *starts);
    if (*heir >= 0) {
        if (!is_on_host(hosts, *heir, host)) {
            *starts &= CR_STARTS_JOB;
        }
        hosts->starts[*heir] |= *starts;
    }
    cr_free(host);
}

static bool is_same_place(const struct cr_place_of_server *place, int rank,
                          const struct cr_endpoint_message *endpoint) {
    return place->rank == rank && place->endpoint.scope == endpoint->scope &&
           place->endpoint.model == endpoint->model &&
           place->endpoint.endpoint == endpoint->endpoint;
}

enum cr_status cr_hosts_put(struct cr_hosts *hosts, int rank,
                            const struct cr_endpoint_message *endpoint,
                            struct cr_err *err) {
    char *url = cr_strdup(endpoint->url);
    size_t i = 0;
    while (i < hosts->places_len && !is_same_place(&hosts->places[i], rank, endpoint)) {
        i++;
    }
    if (url == NULL || cr_array_grow((void **)&hosts->places, &hosts->places_cap, i + 1,
                                     sizeof *hosts->places) != CR_OK) {
        cr_free(url);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the places of servers");
    }
    if (i < hosts->places_len) {
        cr_free((char *)hosts->places[i].endpoint.url);
    } else {
        hosts->places_len++;
    }
    hosts->places[i] = (struct cr_place_of_server){rank, *endpoint};
    hosts->places[i].endpoint.url = url;
    return CR_OK;
}

bool cr_hosts_concerns(const struct cr_hosts *hosts, int rank, int starter,
                       const struct cr_endpoint_message *endpoint) {
    if (rank == starter || hosts->host[rank] == NULL) {
        return false;
    }
    if (endpoint->scope == CR_SERVER_OF_JOB) {
        return true;
    }
    return hosts->host[starter] != NULL &&
           is_on_host(hosts, rank, hosts->host[starter]);
}
