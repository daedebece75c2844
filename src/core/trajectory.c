// trajectory.c - storage of trajectories and of call records, and the way between a
// reply and its record.
#include "credence/core/trajectory.h"

#include <math.h>
#include <string.h>

void cr_trajectory_fini(struct cr_trajectory *trajectory) {
    if (trajectory == NULL) {
        return;
    }
    cr_free(trajectory->price);
    cr_free(trajectory->quantile);
    cr_free(trajectory->step);
    cr_free(trajectory->belief);
    cr_free(trajectory->trader);
    *trajectory = (struct cr_trajectory){0};
}

enum cr_status cr_trajectory_add_traders(struct cr_trajectory *t, uint32_t len) {
    size_t beliefs = (size_t)len * t->width;
    if (len == 0) {
        return CR_OK;
    }
    t->belief = cr_calloc(beliefs, sizeof *t->belief);
    t->trader = cr_calloc(len, sizeof *t->trader);
    if (t->belief == NULL || t->trader == NULL) {
        return CR_E_MEMORY;
    }
    t->traders_len = len;
    for (size_t i = 0; i < beliefs; i++) {
        t->belief[i] = NAN;
    }
    for (uint32_t i = 0; i < len; i++) {
        t->trader[i] = (struct cr_trader_end){NAN, NAN, NAN};
    }
    return CR_OK;
}

struct cr_call_record cr_call_record_make(const struct cr_call *call,
                                          const struct cr_reply *reply,
                                          int64_t wall_ms) {
    struct cr_call_record record = {
        .trajectory = call->trajectory,
        .trajectory_key = call->trajectory_key,
        .id = call->id,
        .request_hash = call->request_hash,
        .model = call->model,
        .reason = reply->reason,
        .finish = reply->finish,
        .tokens_in = reply->tokens_in,
        .tokens_out = reply->tokens_out,
        .tokens_cached = reply->tokens_cached,
        .tokens_reasoning = reply->tokens_reasoning,
        .latency_s = reply->latency_s,
        .attempts = reply->attempts,
        .endpoint = reply->endpoint,
        .http_status = reply->http_status,
        .wall_ms = wall_ms,
        .text = reply->text,
        .reasoning = reply->reasoning,
        .error = reply->error,
        .logprobs = reply->logprobs_len > 0 ? reply->logprobs : NULL,
        .logprobs_len = reply->logprobs_len,
        .is_estimated = reply->is_estimated,
        .is_simulated = reply->is_simulated,
        .is_recorded = reply->is_recorded,
    };
    memcpy(record.finish_word, reply->finish_word, sizeof record.finish_word);
    memcpy(record.request_id, reply->request_id, sizeof record.request_id);
    return record;
}

const char *cr_call_record_words(const struct cr_call_record *record) {
    if (record->error != NULL && record->error[0] != '\0') {
        return record->error;
    }
    return record->finish != CR_FINISH_STOP && record->finish_word[0] != '\0'
               ? record->finish_word
               : NULL;
}

// A copy of TEXT; false when memory ran out. NULL stays NULL.
static bool copy_text(const char *text, char **out) {
    *out = cr_strdup(text);
    return *out != NULL || text == NULL;
}

enum cr_status cr_reply_from_record(const struct cr_call_record *record,
                                    struct cr_reply *out) {
    uint32_t logprobs_len =
        record->logprobs_len < CR_LOGPROBS_MAX ? record->logprobs_len : CR_LOGPROBS_MAX;
    struct cr_reply reply = {
        .reason = record->reason,
        .finish = record->finish,
        .tokens_in = record->tokens_in,
        .tokens_out = record->tokens_out,
        .tokens_cached = record->tokens_cached,
        .tokens_reasoning = record->tokens_reasoning,
        .latency_s = record->latency_s,
        .attempts = record->attempts,
        .endpoint = record->endpoint,
        .http_status = record->http_status,
        .logprobs_len = logprobs_len,
        .is_estimated = record->is_estimated != 0,
        .is_simulated = record->is_simulated != 0,
        .is_recorded = record->is_recorded != 0,
    };
    memcpy(reply.finish_word, record->finish_word, sizeof reply.finish_word);
    memcpy(reply.request_id, record->request_id, sizeof reply.request_id);
    if (logprobs_len > 0) {
        memcpy(reply.logprobs, record->logprobs, logprobs_len * sizeof *reply.logprobs);
    }
    if (!copy_text(record->text, &reply.text) ||
        !copy_text(record->reasoning, &reply.reasoning) ||
        !copy_text(record->error, &reply.error)) {
        cr_reply_fini(&reply);
        return CR_E_MEMORY;
    }
    *out = reply;
    return CR_OK;
}

// Make the texts of RECORD the arena's own; false when memory ran out.
static bool own_texts(struct cr_arena *arena, struct cr_call_record *record) {
    const char **texts[] = {&record->text, &record->reasoning, &record->error};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (*texts[i] != NULL) {
            *texts[i] = cr_arena_strdup(arena, *texts[i]);
            if (*texts[i] == NULL) {
                return false;
            }
        }
    }
    if (record->logprobs_len > 0) {
        size_t bytes = record->logprobs_len * sizeof *record->logprobs;
        void *copy = cr_arena_alloc(arena, bytes);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, record->logprobs, bytes);
        record->logprobs = copy;
    }
    return true;
}

enum cr_status cr_call_records_add(struct cr_call_records *list,
                                   const struct cr_call_record *record) {
    void *at = list->at;
    enum cr_status status =
        cr_array_grow(&at, &list->cap, list->len + 1, sizeof *list->at);
    if (status != CR_OK) {
        return status;
    }
    list->at = at;
    struct cr_call_record copy = *record;
    if (!own_texts(&list->arena, &copy)) {
        return CR_E_MEMORY;
    }
    list->at[list->len++] = copy;
    return CR_OK;
}

void cr_call_records_fini(struct cr_call_records *list) {
    if (list == NULL) {
        return;
    }
    cr_free(list->at);
    cr_arena_fini(&list->arena);
    *list = (struct cr_call_records){0};
}
