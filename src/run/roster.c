// roster.c - see roster.h.
#include "run/roster.h"

#include <string.h>

#include "credence/base/mem.h"

enum cr_status cr_roster_init(struct cr_roster *roster, int size, uint32_t models_len,
                              int64_t now_ms, struct cr_err *err) {
    struct cr_member *at = cr_calloc((size_t)size, sizeof *at);
    struct cr_beat_model *models =
        cr_calloc((size_t)size * models_len + 1, sizeof *models);
    if (at == NULL || models == NULL) {
        cr_free(at);
        cr_free(models);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
    }
    for (int rank = 0; rank < size; rank++) {
        at[rank].last_heard_ms = now_ms;
        at[rank].models = models + (size_t)rank * models_len;
    }
    *roster = (struct cr_roster){.size = size,
                                 .at = at,
                                 .absent = size - 1,
                                 .models = models,
                                 .models_len = models_len};
    return CR_OK;
}

void cr_roster_beat(struct cr_roster *roster, int rank, const struct cr_beat *beat) {
    struct cr_member *member = &roster->at[rank];
    const uint32_t len =
        beat->models_len < roster->models_len ? beat->models_len : roster->models_len;
    member->live = beat->live;
    member->taped = beat->taped;
    member->asleep_ms = beat->asleep_ms;
    member->models_len = len;
    memcpy(member->models, beat->models, len * sizeof *member->models);
}

static bool is_host(const struct cr_node *node, const char *host, size_t len) {
    return strncmp(node->host, host, len) == 0 && node->host[len] == '\0';
}

static enum cr_status add_node(struct cr_roster *roster, const char *host, size_t len) {
    const enum cr_status status =
        cr_array_grow((void **)&roster->nodes, &roster->nodes_cap,
                      roster->nodes_len + 1, sizeof *roster->nodes);
    char *name = status == CR_OK ? cr_malloc(len + 1) : NULL;
    if (name == NULL) {
        return CR_E_MEMORY;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    roster->nodes[roster->nodes_len++] = (struct cr_node){.host = name};
    return CR_OK;
}

enum cr_status cr_roster_place(struct cr_roster *roster, int rank, const char *host) {
    const size_t len = strcspn(host, " ");
    size_t i = roster->nodes_len; // ranks of a node come together: the latest first
    while (i > 0 && !is_host(&roster->nodes[i - 1], host, len)) {
        i--;
    }
    if (i == 0) {
        const enum cr_status status = add_node(roster, host, len);
        if (status != CR_OK) {
            return status;
        }
        i = roster->nodes_len;
    }
    roster->nodes[i - 1].ranks++;
    roster->at[rank].node = i; // 0: none yet
    return CR_OK;
}

void cr_roster_count_nodes(const struct cr_roster *roster) {
    for (size_t i = 0; i < roster->nodes_len; i++) {
        roster->nodes[i].calls = roster->nodes[i].asleep_ms = 0;
    }
    for (int rank = 1; rank < roster->size; rank++) {
        const struct cr_member *member = &roster->at[rank];
        if (member->node == 0) {
            continue;
        }
        struct cr_node *node = &roster->nodes[member->node - 1];
        node->asleep_ms += member->asleep_ms;
        for (uint32_t i = 0; i < member->models_len; i++) {
            const struct cr_model_metrics *m = &member->models[i].metrics;
            node->calls += m->calls_done + m->calls_failed + m->calls_recorded;
        }
    }
}

void cr_roster_fini(struct cr_roster *roster) {
    for (int rank = 0; roster->at != NULL && rank < roster->size; rank++) {
        cr_free(roster->at[rank].granted);
    }
    for (size_t i = 0; i < roster->nodes_len; i++) {
        cr_free(roster->nodes[i].host);
    }
    cr_free(roster->nodes);
    cr_free(roster->models);
    cr_free(roster->at);
    *roster = (struct cr_roster){0};
}

static int *count_of(struct cr_roster *roster, enum cr_member_state state) {
    static int elsewhere;
    switch (state) {
    case CR_MEMBER_ABSENT:
        return &roster->absent;
    case CR_MEMBER_LIVE:
        return &roster->live;
    case CR_MEMBER_LOST:
        return &roster->lost;
    default:
        return &elsewhere;
    }
}

void cr_roster_set(struct cr_roster *roster, int rank, enum cr_member_state state) {
    (*count_of(roster, roster->at[rank].state))--;
    (*count_of(roster, state))++;
    roster->at[rank].state = state;
}

enum cr_status cr_member_grant(struct cr_member *member, uint64_t trajectory) {
    const enum cr_status status =
        cr_array_grow((void **)&member->granted, &member->granted_cap,
                      member->granted_len + 1, sizeof *member->granted);
    if (status == CR_OK) {
        member->granted[member->granted_len++] = trajectory;
    }
    return status;
}

void cr_member_release(struct cr_member *member, uint64_t trajectory) {
    for (size_t i = 0; i < member->granted_len; i++) {
        if (member->granted[i] == trajectory) {
            member->granted[i] = member->granted[--member->granted_len];
            return;
        }
    }
}
