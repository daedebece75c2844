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

void cr_roster_fini(struct cr_roster *roster) {
    for (int rank = 0; roster->at != NULL && rank < roster->size; rank++) {
        cr_free(roster->at[rank].granted);
    }
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
