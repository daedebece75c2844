// server_placement.c - see server_placement.h.
#include "run/server_placement.h"

#include <string.h>

#include "credence/base/mem.h"
#include "credence/model/server.h"

enum cr_status cr_server_placement_init(struct cr_server_placement *placement, int size,
                                        struct cr_err *err) {
    *placement = (struct cr_server_placement){.size = size};
    placement->host = cr_calloc((size_t)size, sizeof *placement->host);
    placement->starts = cr_calloc((size_t)size, sizeof *placement->starts);
    if (placement->host != NULL && placement->starts != NULL) {
        return CR_OK;
    }
    cr_server_placement_fini(placement);
    return cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
}

void cr_server_placement_fini(struct cr_server_placement *placement) {
    for (int rank = 0; placement->host != NULL && rank < placement->size; rank++) {
        cr_free(placement->host[rank]);
    }
    for (size_t i = 0; i < placement->places_len; i++) {
        cr_free((char *)placement->places[i].endpoint.url);
    }
    cr_free(placement->host);
    cr_free(placement->starts);
    cr_free(placement->places);
    *placement = (struct cr_server_placement){0};
}

static bool is_on_host(const struct cr_server_placement *placement, int rank,
                       const char *host) {
    return placement->host[rank] != NULL && strcmp(placement->host[rank], host) == 0;
}

// What nobody starts yet on HOST.
static uint32_t vacant(const struct cr_server_placement *placement, const char *host) {
    uint32_t vacant = CR_STARTS_NODE | CR_STARTS_JOB;
    // All but the first rank of a node find nothing, and soon: at the start of 10,000
    // each would else look at all others.
    for (int rank = 0; rank < placement->size && vacant != 0; rank++) {
        if (is_on_host(placement, rank, host)) {
            vacant &= ~(placement->starts[rank] & CR_STARTS_NODE);
        }
        vacant &= ~(placement->starts[rank] & CR_STARTS_JOB);
    }
    return vacant;
}

enum cr_status cr_server_placement_add(struct cr_server_placement *placement, int rank,
                                       const char *host, uint32_t *starts,
                                       struct cr_err *err) {
    char *copy = cr_strdup(host);
    if (copy == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the name of a host");
    }
    *starts = vacant(placement, host);
    cr_free(placement->host[rank]);
    placement->host[rank] = copy;
    placement->starts[rank] = *starts;
    return CR_OK;
}

static void forget_places(struct cr_server_placement *placement, int rank) {
    size_t kept = 0;
    for (size_t i = 0; i < placement->places_len; i++) {
        if (placement->places[i].rank == rank) {
            cr_free((char *)placement->places[i].endpoint.url);
        } else {
            placement->places[kept++] = placement->places[i];
        }
    }
    placement->places_len = kept;
}

// Another rank on HOST; for a server of the job alone any rank will do.
static int find_heir(const struct cr_server_placement *placement, const char *host,
                     uint32_t starts) {
    for (int rank = 0; rank < placement->size; rank++) {
        if (is_on_host(placement, rank, host)) {
            return rank;
        }
    }
    for (int rank = 0; (starts & CR_STARTS_JOB) != 0 && rank < placement->size;
         rank++) {
        if (placement->host[rank] != NULL) {
            return rank;
        }
    }
    return -1;
}

void cr_server_placement_remove(struct cr_server_placement *placement, int rank,
                                int *heir, uint32_t *starts) {
    char *host = placement->host[rank];
    *heir = -1;
    *starts = placement->starts[rank];
    placement->host[rank] = NULL;
    placement->starts[rank] = 0;
    forget_places(placement, rank);
    if (host == NULL || *starts == 0) {
        cr_free(host);
        return;
    }
    *heir = find_heir(placement, host, *starts);
    if (*heir >= 0) {
        if (!is_on_host(placement, *heir, host)) {
            *starts &= CR_STARTS_JOB;
        }
        placement->starts[*heir] |= *starts;
    }
    cr_free(host);
}

static bool is_same_place(const struct cr_server_place *place, int rank,
                          const struct cr_endpoint_message *endpoint) {
    return place->rank == rank && place->endpoint.scope == endpoint->scope &&
           place->endpoint.model == endpoint->model &&
           place->endpoint.endpoint == endpoint->endpoint;
}

enum cr_status cr_server_placement_put(struct cr_server_placement *placement, int rank,
                                       const struct cr_endpoint_message *endpoint,
                                       struct cr_err *err) {
    char *url = cr_strdup(endpoint->url);
    size_t i = 0;
    while (i < placement->places_len &&
           !is_same_place(&placement->places[i], rank, endpoint)) {
        i++;
    }
    if (url == NULL ||
        cr_array_grow((void **)&placement->places, &placement->places_cap, i + 1,
                      sizeof *placement->places) != CR_OK) {
        cr_free(url);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the places of servers");
    }
    if (i < placement->places_len) {
        cr_free((char *)placement->places[i].endpoint.url);
    } else {
        placement->places_len++;
    }
    placement->places[i] = (struct cr_server_place){rank, *endpoint};
    placement->places[i].endpoint.url = url;
    return CR_OK;
}

bool cr_server_placement_concerns(const struct cr_server_placement *placement, int rank,
                                  int starter,
                                  const struct cr_endpoint_message *endpoint) {
    if (rank == starter || placement->host[rank] == NULL) {
        return false;
    }
    if (endpoint->scope == CR_SERVER_OF_JOB) {
        return true;
    }
    return placement->host[starter] != NULL &&
           is_on_host(placement, rank, placement->host[starter]);
}
