// result.c - trajectories and call records as bytes: grants, results, and the spool.
#include "credence/cluster/result.h"

#include "cluster/codec.h"
#include "credence/core/cell.h"

#define RECORD(kind, member) CR_FIELD(cr_call_record, kind, member)
#define RECORD_BELOW(kind, member, limit)                                              \
    CR_FIELD_BELOW(cr_call_record, kind, member, limit)
static const struct cr_field record_fields[] = {
    RECORD(U64, trajectory),
    RECORD(U64, trajectory_key),
    RECORD(U32, id.iteration),
    RECORD_BELOW(U8, id.role, CR_ROLE_COUNT),
    RECORD(U8, id.trader),
    RECORD(U16, id.sample),
    RECORD(U16, id.repair),
    RECORD_BELOW(U8, id.ask, CR_ASK_COUNT),
    RECORD(U64, request_hash.hi),
    RECORD(U64, request_hash.lo),
    RECORD(U32, model),
    RECORD_BELOW(ENUM, reason, CR_REASON_COUNT),
    RECORD_BELOW(ENUM, finish, CR_FINISH_OTHER + 1),
    RECORD_BELOW(CHARS, finish_word, CR_FINISH_WORD_MAX),
    RECORD_BELOW(CHARS, request_id, CR_REQUEST_ID_MAX),
    RECORD_BELOW(U8, is_estimated, 2),
    RECORD_BELOW(U8, is_simulated, 2),
    RECORD_BELOW(U8, is_recorded, 2),
    RECORD_BELOW(U8, is_old, 2),
    RECORD(U32, tokens_in),
    RECORD(U32, tokens_out),
    RECORD(U32, tokens_cached),
    RECORD(U32, tokens_reasoning),
    RECORD(F64, latency_s),
    RECORD(U32, attempts),
    RECORD(U32, endpoint),
    RECORD(U32, http_status),
    RECORD(U64, wall_ms),
    RECORD(TEXT, text),
    RECORD(TEXT, reasoning),
    RECORD(TEXT, error),
    {0}};

static const struct cr_field logprob_fields[] = {
    CR_FIELD_BELOW(cr_logprob, CHARS, token, sizeof((struct cr_logprob *)NULL)->token),
    CR_FIELD(cr_logprob, F64, logprob),
    {0}};

#define STEP(kind, member) CR_FIELD(cr_step, kind, member)
static const struct cr_field step_fields[] = {
    STEP(U32, judgment_tokens_in),
    STEP(U32, judgment_tokens_out),
    STEP(U32, argument_tokens_in),
    STEP(U32, argument_tokens_out),
    STEP(U32, cached_tokens),
    STEP(U32, calls),
    STEP(F32, latency_s),
    STEP(U8, direction),
    STEP(U8, repairs),
    CR_FIELD_BELOW(cr_step, U8, reason, CR_REASON_COUNT),
    CR_FIELD_BELOW(cr_step, U8, is_estimated, 2),
    STEP(F64, price_held),
    STEP(F64, price_held_idle),
    STEP(F64, price_idle),
    {0}};

#define END(member) CR_FIELD(cr_trader_end, F64, member)
static const struct cr_field trader_fields[] = {
    END(stake), END(wealth), END(profit), {0}};

// The numbers in front of the arrays of a trajectory.
struct head {
    struct cr_trajectory t;
    uint8_t has_quantiles;
};
#define HEAD(kind, member) CR_FIELD(head, kind, member)
static const struct cr_field head_fields[] = {
    HEAD(U64, t.number),
    HEAD(U64, t.key),
    HEAD(U32, t.prices_len),
    HEAD(U32, t.width),
    HEAD(U32, t.steps_len),
    CR_FIELD_BELOW(head, U32, t.traders_len, CR_TRADERS_MAX + 1),
    CR_FIELD_BELOW(head, ENUM, t.status, CR_EPISODE_STATUS_COUNT),
    CR_FIELD_BELOW(head, ENUM, t.ended, CR_ENDED_COUNT),
    CR_FIELD_BELOW(head, ENUM, t.reason, CR_REASON_COUNT),
    CR_FIELD_BELOW(head, U8, has_quantiles, 2),
    {0}};

static void pack_record(struct cr_packer *packer, const struct cr_call_record *record,
                        bool with_text) {
    struct cr_call_record r = *record;
    if (!with_text) {
        r.text = NULL;
        r.reasoning = NULL;
        r.logprobs_len = 0;
    }
    cr_codec_put(packer, record_fields, &r);
    cr_codec_put_u32(packer, r.logprobs_len);
    for (uint32_t i = 0; i < r.logprobs_len; i++) {
        cr_codec_put(packer, logprob_fields, &r.logprobs[i]);
    }
}

static void unpack_logprobs(struct cr_unpacker *unpacker, struct cr_call_record *r,
                            struct cr_logprob *storage) {
    const uint32_t len = cr_codec_get_u32(unpacker);
    if (len > CR_LOGPROBS_MAX ||
        !cr_codec_fits(unpacker, len, cr_codec_bytes_min(logprob_fields))) {
        unpacker->is_bad = true;
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        cr_codec_get(unpacker, logprob_fields, &storage[i]);
    }
    r->logprobs = storage;
    r->logprobs_len = len;
}

// Texts stay borrowed from the bytes, logprobs from STORAGE.
static void unpack_record(struct cr_unpacker *unpacker, struct cr_call_record *r,
                          struct cr_logprob storage[CR_LOGPROBS_MAX]) {
    *r = (struct cr_call_record){0};
    cr_codec_get(unpacker, record_fields, r);
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
    const uint32_t len = cr_codec_get_u32(unpacker);
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

static const struct cr_field grant_fields[] = {
    {.name = "trajectory", .type = CR_FIELD_U64}, {0}};

enum cr_status cr_grant_add(struct cr_buf *out, uint64_t trajectory,
                            const struct cr_call_records *recorded) {
    struct cr_packer packer = {.out = out, .status = CR_OK};
    cr_codec_put(&packer, grant_fields, &trajectory);
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
    cr_codec_get(&unpacker, grant_fields, trajectory);
    const enum cr_status status = unpack_records(&unpacker, recorded);
    if (status == CR_OK) {
        reader->at = (size_t)(unpacker.at - reader->bytes);
    }
    return status;
}

enum cr_status cr_result_encode(struct cr_buf *out,
                                const struct cr_trajectory *trajectory,
                                const struct cr_call_records *calls, bool with_text) {
    struct cr_packer packer = {.out = out, .status = CR_OK};
    const bool has_quantiles = trajectory->quantile != NULL;
    const struct head head = {*trajectory, has_quantiles};
    cr_codec_put(&packer, head_fields, &head);
    cr_codec_put_f64s(&packer, trajectory->price,
                      (size_t)trajectory->prices_len * trajectory->width);
    if (has_quantiles) {
        cr_codec_put_f64s(&packer, trajectory->quantile,
                          (size_t)trajectory->prices_len * 3);
    }
    for (uint32_t i = 0; i < trajectory->steps_len; i++) {
        cr_codec_put(&packer, step_fields, &trajectory->step[i]);
    }
    cr_codec_put_f64s(&packer, trajectory->belief,
                      (size_t)trajectory->traders_len * trajectory->width);
    for (uint32_t i = 0; i < trajectory->traders_len; i++) {
        cr_codec_put(&packer, trader_fields, &trajectory->trader[i]);
    }
    pack_records(&packer, calls, with_text);
    return packer.status;
}

// The numbers in front of the arrays; bad unless the arrays can follow.
static struct head unpack_head(struct cr_unpacker *unpacker) {
    struct head head = {0};
    cr_codec_get(unpacker, head_fields, &head);
    if (head.t.width == 0 || head.t.width > CR_OPTIONS_MAX) {
        unpacker->is_bad = true;
        return head;
    }
    const uint64_t doubles =
        (uint64_t)head.t.prices_len * (head.t.width + (head.has_quantiles ? 3u : 0u)) +
        (uint64_t)head.t.traders_len * (head.t.width + 3u);
    (void)cr_codec_fits(unpacker, doubles, sizeof(double));
    (void)cr_codec_fits(unpacker, head.t.steps_len, cr_codec_bytes_min(step_fields));
    return head;
}

enum cr_status cr_result_trajectory_decode(const char *bytes, size_t len,
                                           struct cr_trajectory *out,
                                           size_t *used_bytes) {
    struct cr_unpacker unpacker = {.at = bytes, .end = bytes + len};
    const struct head head = unpack_head(&unpacker);
    if (unpacker.is_bad) {
        return CR_E_FORMAT;
    }
    struct cr_trajectory t = head.t;
    const bool has_quantiles = head.has_quantiles != 0;
    const size_t prices = (size_t)t.prices_len * t.width;
    t.price = cr_calloc(prices + 1, sizeof *t.price);
    t.step = cr_calloc((size_t)t.steps_len + 1, sizeof *t.step);
    t.quantile =
        has_quantiles ? cr_calloc((size_t)t.prices_len * 3 + 1, sizeof(double)) : NULL;
    if (t.price == NULL || t.step == NULL || (has_quantiles && t.quantile == NULL) ||
        cr_trajectory_add_traders(&t, t.traders_len) != CR_OK) {
        cr_trajectory_fini(&t);
        return CR_E_MEMORY;
    }
    cr_codec_get_f64s(&unpacker, t.price, prices);
    if (has_quantiles) {
        cr_codec_get_f64s(&unpacker, t.quantile, (size_t)t.prices_len * 3);
    }
    for (uint32_t i = 0; i < t.steps_len; i++) {
        cr_codec_get(&unpacker, step_fields, &t.step[i]);
    }
    cr_codec_get_f64s(&unpacker, t.belief, (size_t)t.traders_len * t.width);
    for (uint32_t i = 0; i < t.traders_len; i++) {
        cr_codec_get(&unpacker, trader_fields, &t.trader[i]);
    }
    if (unpacker.is_bad) {
        cr_trajectory_fini(&t);
        return CR_E_FORMAT;
    }
    *out = t;
    *used_bytes = (size_t)(unpacker.at - bytes);
    return CR_OK;
}

enum cr_status cr_result_records_decode(const char *bytes, size_t len,
                                        struct cr_call_records *out) {
    struct cr_unpacker unpacker = {.at = bytes, .end = bytes + len};
    const enum cr_status status = unpack_records(&unpacker, out);
    return status != CR_OK ? status : cr_codec_end(&unpacker);
}

enum cr_status cr_record_next(struct cr_record_reader *reader, bool *is_there,
                              struct cr_call_record *out) {
    struct cr_unpacker unpacker = {.at = reader->bytes + reader->at,
                                   .end = reader->bytes + reader->len};
    if (reader->at == 0) {
        reader->left = cr_codec_get_u32(&unpacker);
    }
    *is_there = !unpacker.is_bad && reader->left > 0;
    if (!*is_there) {
        return cr_codec_end(&unpacker);
    }
    unpack_record(&unpacker, out, reader->logprobs);
    if (unpacker.is_bad) {
        return CR_E_FORMAT;
    }
    reader->left--;
    reader->at = (size_t)(unpacker.at - reader->bytes);
    return CR_OK;
}
