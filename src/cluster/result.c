// result.c - trajectories and call records as bytes: grants, results, and the spool.
#include <assert.h>
#include <string.h>

#include "cluster/codec.h"
#include "credence/cluster/result.h"

enum {
    SIMULATED = 1,
    RECORDED = 2,
    ORIGINS = SIMULATED | RECORDED
}; // bits: where a reply came from

// Of a record and of a step: what is of fixed size, packed as one block.
enum { RECORD_BYTES = 94, STEP_BYTES = 34 };

static void put_seat(char **at, struct cr_call_id id) {
    cr_put_u32(at, id.iteration);
    cr_put_u8(at, id.role);
    cr_put_u8(at, id.trader);
    cr_put_u16(at, id.sample);
    cr_put_u16(at, id.repair);
    cr_put_u8(at, id.ask);
}

static struct cr_call_id unpack_seat(struct cr_unpacker *unpacker) {
    struct cr_call_id id = {.iteration = cr_unpack_u32(unpacker)};
    id.role = cr_unpack_u8(unpacker);
    id.trader = cr_unpack_u8(unpacker);
    id.sample = cr_unpack_u16(unpacker);
    id.repair = cr_unpack_u16(unpacker);
    id.ask = cr_unpack_u8(unpacker);
    if (id.role >= CR_ROLE_COUNT || id.ask >= CR_ASK_COUNT) {
        unpacker->is_bad = true;
    }
    return id;
}

static void put_record(char **at, const struct cr_call_record *r) {
    cr_put_u64(at, r->trajectory);
    cr_put_u64(at, r->trajectory_key);
    put_seat(at, r->id);
    cr_put_u64(at, r->request_hash.hi);
    cr_put_u64(at, r->request_hash.lo);
    cr_put_u32(at, r->model);
    cr_put_u8(at, (uint8_t)r->reason);
    cr_put_u8(at, (uint8_t)r->finish);
    cr_put_u8(at, (uint8_t)((r->is_simulated ? SIMULATED : 0) |
                            (r->is_recorded ? RECORDED : 0)));
    cr_put_u32(at, r->tokens_in);
    cr_put_u32(at, r->tokens_out);
    cr_put_u32(at, r->tokens_cached);
    cr_put_u32(at, r->tokens_reasoning);
    cr_put_f64(at, r->latency_s);
    cr_put_u32(at, r->attempts);
    cr_put_u32(at, r->endpoint);
    cr_put_u32(at, r->http_status);
    cr_put_u64(at, (uint64_t)r->wall_ms);
}

static void pack_record(struct cr_packer *packer, const struct cr_call_record *r,
                        bool with_text) {
    char block[RECORD_BYTES], *at = block;
    put_record(&at, r);
    assert(at == block + sizeof block);
    cr_codec_put_bytes(packer, block, sizeof block);
    cr_codec_put_text(packer, with_text ? r->text : NULL);
    cr_codec_put_text(packer, with_text ? r->reasoning : NULL);
    cr_codec_put_text(packer, r->error);
    cr_codec_put_u32(packer, with_text ? r->logprobs_len : 0);
    for (uint32_t i = 0; with_text && i < r->logprobs_len; i++) {
        cr_codec_put_bytes(packer, r->logprobs[i].token, sizeof r->logprobs[i].token);
        cr_codec_put_f64(packer, r->logprobs[i].logprob);
    }
}

static void unpack_logprobs(struct cr_unpacker *unpacker, struct cr_call_record *r,
                            struct cr_logprob *storage) {
    const uint32_t len = cr_unpack_u32(unpacker);
    if (len > CR_LOGPROBS_MAX ||
        !cr_unpack_fits(unpacker, len, sizeof storage->token + sizeof(double))) {
        unpacker->is_bad = true;
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        memcpy(storage[i].token, unpacker->at, sizeof storage[i].token);
        storage[i].token[sizeof storage[i].token - 1] = '\0';
        unpacker->at += sizeof storage[i].token;
        storage[i].logprob = cr_unpack_f64(unpacker);
    }
    r->logprobs = storage;
    r->logprobs_len = len;
}

// Texts stay borrowed from the bytes, logprobs from STORAGE.
static void unpack_record(struct cr_unpacker *unpacker, struct cr_call_record *r,
                          struct cr_logprob storage[CR_LOGPROBS_MAX]) {
    *r = (struct cr_call_record){.trajectory = cr_unpack_u64(unpacker)};
    r->trajectory_key = cr_unpack_u64(unpacker);
    r->id = unpack_seat(unpacker);
    r->request_hash.hi = cr_unpack_u64(unpacker);
    r->request_hash.lo = cr_unpack_u64(unpacker);
    r->model = cr_unpack_u32(unpacker);
    const uint8_t fail = cr_unpack_u8(unpacker);
    const uint8_t finish = cr_unpack_u8(unpacker);
    r->reason = fail < CR_REASON_COUNT ? (enum cr_reason)fail : CR_REASON_SERVER;
    r->finish = finish <= CR_FINISH_OTHER ? (enum cr_finish)finish : CR_FINISH_OTHER;
    const uint8_t origin = cr_unpack_u8(unpacker);
    r->is_simulated = (origin & SIMULATED) != 0;
    r->is_recorded = (origin & RECORDED) != 0;
    if (origin > ORIGINS) {
        unpacker->is_bad = true;
    }
    r->tokens_in = cr_unpack_u32(unpacker);
    r->tokens_out = cr_unpack_u32(unpacker);
    r->tokens_cached = cr_unpack_u32(unpacker);
    r->tokens_reasoning = cr_unpack_u32(unpacker);
    r->latency_s = cr_unpack_f64(unpacker);
    r->attempts = cr_unpack_u32(unpacker);
    r->endpoint = cr_unpack_u32(unpacker);
    r->http_status = cr_unpack_u32(unpacker);
    r->wall_ms = cr_unpack_i64(unpacker);
    r->text = cr_unpack_text(unpacker);
    r->reasoning = cr_unpack_text(unpacker);
    r->error = cr_unpack_text(unpacker);
    unpack_logprobs(unpacker, r, storage);
}

static void pack_records(struct cr_packer *packer,
                         const struct cr_call_records *records, bool with_text) {
    const size_t len = records == NULL ? 0 : records->len;
    cr_codec_put_u32(packer, (uint32_t)len);
    for (size_t i = 0; i < len; i++) {
        pack_record(packer, &records->at[i], with_text);
    }
}

static enum cr_status unpack_records(struct cr_unpacker *unpacker,
                                     struct cr_call_records *out) {
    const uint32_t len = cr_unpack_u32(unpacker);
    for (uint32_t i = 0; i < len && !unpacker->is_bad; i++) {
        struct cr_call_record record;
        struct cr_logprob storage[CR_LOGPROBS_MAX];
        unpack_record(unpacker, &record, storage);
        if (unpacker->is_bad) {
            break;
        }
        const enum cr_status status = cr_call_records_add(out, &record);
        if (status != CR_OK) {
            return status;
        }
    }
    return unpacker->is_bad ? CR_E_FORMAT : CR_OK;
}

enum cr_status cr_grant_add(struct cr_buf *out, uint64_t trajectory,
                            const struct cr_call_records *recorded) {
    struct cr_packer packer = {.out = out, .status = CR_OK};
    cr_codec_put_u64(&packer, trajectory);
    pack_records(&packer, recorded, true);
    return packer.status;
}

enum cr_status cr_grant_next(struct cr_grant_reader *reader, bool *is_there,
                             uint64_t *trajectory, struct cr_call_records *recorded) {
    *is_there = reader->at < reader->len;
    if (!*is_there) {
        return CR_OK;
    }
    struct cr_unpacker unpacker = {.at = reader->bytes + reader->at,
                                   .end = reader->bytes + reader->len};
    *trajectory = cr_unpack_u64(&unpacker);
    const enum cr_status status = unpack_records(&unpacker, recorded);
    if (status == CR_OK) {
        reader->at = (size_t)(unpacker.at - reader->bytes);
    }
    return status;
}

static void pack_step(struct cr_packer *packer, const struct cr_step *step) {
    char block[STEP_BYTES], *at = block;
    cr_put_u32(&at, step->judgment_tokens_in);
    cr_put_u32(&at, step->judgment_tokens_out);
    cr_put_u32(&at, step->argument_tokens_in);
    cr_put_u32(&at, step->argument_tokens_out);
    cr_put_u32(&at, step->cached_tokens);
    cr_put_u32(&at, step->calls);
    cr_put_f64(&at, (double)step->latency_s);
    cr_put_u8(&at, (uint8_t)step->direction);
    cr_put_u8(&at, step->repairs);
    assert(at == block + sizeof block);
    cr_codec_put_bytes(packer, block, sizeof block);
}

static void unpack_step(struct cr_unpacker *unpacker, struct cr_step *step) {
    *step = (struct cr_step){.judgment_tokens_in = cr_unpack_u32(unpacker)};
    step->judgment_tokens_out = cr_unpack_u32(unpacker);
    step->argument_tokens_in = cr_unpack_u32(unpacker);
    step->argument_tokens_out = cr_unpack_u32(unpacker);
    step->cached_tokens = cr_unpack_u32(unpacker);
    step->calls = cr_unpack_u32(unpacker);
    step->latency_s = (float)cr_unpack_f64(unpacker);
    step->direction = (int8_t)cr_unpack_u8(unpacker);
    step->repairs = cr_unpack_u8(unpacker);
}

enum cr_status cr_result_encode(struct cr_buf *out,
                                const struct cr_trajectory *trajectory,
                                const struct cr_call_records *calls, bool with_text) {
    struct cr_packer packer = {.out = out, .status = CR_OK};
    cr_codec_put_u64(&packer, trajectory->number);
    cr_codec_put_u64(&packer, trajectory->key);
    cr_codec_put_u32(&packer, trajectory->prices_len);
    cr_codec_put_u32(&packer, trajectory->width);
    cr_codec_put_u32(&packer, trajectory->steps_len);
    cr_codec_put_u8(&packer, (uint8_t)trajectory->status);
    cr_codec_put_u8(&packer, (uint8_t)trajectory->ended);
    cr_codec_put_u8(&packer, trajectory->quantile != NULL);
    const size_t prices = (size_t)trajectory->prices_len * trajectory->width;
    cr_codec_put_f64s(&packer, trajectory->price, prices);
    if (trajectory->quantile != NULL) {
        cr_codec_put_f64s(&packer, trajectory->quantile,
                          (size_t)trajectory->prices_len * 3);
    }
    for (uint32_t i = 0; i < trajectory->steps_len; i++) {
        pack_step(&packer, &trajectory->step[i]);
    }
    pack_records(&packer, calls, with_text);
    return packer.status;
}

// The numbers in front of the arrays.
static bool unpack_head(struct cr_unpacker *unpacker, struct cr_trajectory *t) {
    t->number = cr_unpack_u64(unpacker);
    t->key = cr_unpack_u64(unpacker);
    t->prices_len = cr_unpack_u32(unpacker);
    t->width = cr_unpack_u32(unpacker);
    t->steps_len = cr_unpack_u32(unpacker);
    const uint8_t status = cr_unpack_u8(unpacker);
    const uint8_t reason = cr_unpack_u8(unpacker);
    const uint8_t has_quantiles = cr_unpack_u8(unpacker);
    if (status >= CR_EPISODE_STATUS_COUNT || reason >= CR_ENDED_COUNT ||
        t->width == 0 || t->width > CR_OPTIONS_MAX || has_quantiles > 1) {
        unpacker->is_bad = true;
    }
    t->status = unpacker->is_bad ? CR_PENDING : (enum cr_episode_status)status;
    t->ended = unpacker->is_bad ? CR_ENDED_NONE : (enum cr_stop_reason)reason;
    const uint64_t doubles =
        (uint64_t)t->prices_len * (t->width + (has_quantiles ? 3u : 0u));
    (void)cr_unpack_fits(unpacker, doubles, sizeof(double));
    (void)cr_unpack_fits(unpacker, t->steps_len, STEP_BYTES);
    return has_quantiles != 0;
}

enum cr_status cr_trajectory_decode(const char *bytes, size_t len,
                                    struct cr_trajectory *out, size_t *used_bytes) {
    struct cr_unpacker unpacker = {.at = bytes, .end = bytes + len};
    struct cr_trajectory t = {0};
    const bool has_quantiles = unpack_head(&unpacker, &t);
    if (unpacker.is_bad) {
        return CR_E_FORMAT;
    }
    const size_t prices = (size_t)t.prices_len * t.width;
    t.price = cr_calloc(prices + 1, sizeof *t.price);
    t.step = cr_calloc((size_t)t.steps_len + 1, sizeof *t.step);
    t.quantile =
        has_quantiles ? cr_calloc((size_t)t.prices_len * 3 + 1, sizeof(double)) : NULL;
    if (t.price == NULL || t.step == NULL || (has_quantiles && t.quantile == NULL)) {
        cr_trajectory_fini(&t);
        return CR_E_MEMORY;
    }
    cr_unpack_f64s(&unpacker, t.price, prices);
    if (has_quantiles) {
        cr_unpack_f64s(&unpacker, t.quantile, (size_t)t.prices_len * 3);
    }
    for (uint32_t i = 0; i < t.steps_len; i++) {
        unpack_step(&unpacker, &t.step[i]);
    }
    if (unpacker.is_bad) {
        cr_trajectory_fini(&t);
        return CR_E_FORMAT;
    }
    *out = t;
    *used_bytes = (size_t)(unpacker.at - bytes);
    return CR_OK;
}

enum cr_status cr_records_decode(const char *bytes, size_t len,
                                 struct cr_call_records *out) {
    struct cr_unpacker unpacker = {.at = bytes, .end = bytes + len};
    const enum cr_status status = unpack_records(&unpacker, out);
    return status != CR_OK ? status : cr_unpack_end(&unpacker);
}

enum cr_status cr_record_next(struct cr_record_reader *reader, bool *is_there,
                              struct cr_call_record *out) {
    struct cr_unpacker unpacker = {.at = reader->bytes + reader->at,
                                   .end = reader->bytes + reader->len};
    if (reader->at == 0) {
        reader->left = cr_unpack_u32(&unpacker);
    }
    *is_there = !unpacker.is_bad && reader->left > 0;
    if (!*is_there) {
        return cr_unpack_end(&unpacker);
    }
    unpack_record(&unpacker, out, reader->logprobs);
    if (unpacker.is_bad) {
        return CR_E_FORMAT;
    }
    reader->left--;
    reader->at = (size_t)(unpacker.at - reader->bytes);
    return CR_OK;
}
