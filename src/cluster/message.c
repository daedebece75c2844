// message.c - the messages of message.h: one table says who sends each, and its fields.
#include "credence/cluster/message.h"

#include "cluster/codec.h"
#include "credence/core/call.h"

static const struct cr_field hello_fields[] = {
    CR_FIELD(cr_hello, U32, version),        CR_FIELD(cr_hello, U64, pid),
    CR_FIELD(cr_hello, TEXT_OR_EMPTY, host), CR_FIELD(cr_hello, U64, job.hi),
    CR_FIELD(cr_hello, U64, job.lo),         {0}};
static const struct cr_field welcome_fields[] = {
    CR_FIELD(cr_welcome, U64, pid),     CR_FIELD(cr_welcome, TEXT_OR_EMPTY, host),
    CR_FIELD(cr_welcome, U32, launch),  CR_FIELD(cr_welcome, U64, started_wall_ms),
    CR_FIELD(cr_welcome, U32, starts),  CR_FIELD(cr_welcome, U64, beat_ms),
    CR_FIELD(cr_welcome, U64, lost_ms), {0}};
static const struct cr_field lease_fields[] = {
    CR_FIELD(cr_lease_message, U32, model),
    CR_FIELD(cr_lease_message, U32, sequence),
    CR_FIELD(cr_lease_message, U32, lease.concurrency),
    CR_FIELD(cr_lease_message, U64, lease.requests),
    CR_FIELD(cr_lease_message, U64, lease.tokens),
    {0}};
static const struct cr_field pause_fields[] = {
    CR_FIELD(cr_pause_message, U32, model),
    CR_FIELD(cr_pause_message, U64, pause_ms),
    {0}};
static const struct cr_field fault_fields[] = {
    CR_FIELD(cr_fault, U32, status), CR_FIELD(cr_fault, TEXT_OR_EMPTY, text), {0}};
static const struct cr_field endpoint_fields[] = {
    CR_FIELD(cr_endpoint_message, U32, scope),
    CR_FIELD(cr_endpoint_message, U32, model),
    CR_FIELD(cr_endpoint_message, U32, endpoint),
    CR_FIELD(cr_endpoint_message, TEXT_OR_EMPTY, url),
    {0}};

static const struct cr_field notice_fields[] = {
    CR_FIELD(cr_notice_message, U32, kind),
    CR_FIELD(cr_notice_message, U32, model),
    CR_FIELD(cr_notice_message, U32, endpoint),
    CR_FIELD_BELOW(cr_notice_message, U32, reason, CR_REASON_COUNT),
    CR_FIELD(cr_notice_message, U32, is_final),
    CR_FIELD(cr_notice_message, TEXT_OR_EMPTY, text),
    {0}};

#define METRIC(kind, member) CR_FIELD(cr_beat_model, kind, metrics.member)
static const struct cr_field beat_model_fields[] = {
    CR_FIELD(cr_beat_model, U32, sequence),
    CR_FIELD(cr_beat_model, U64, replies_cut),
    METRIC(U64, calls_done),
    METRIC(U64, calls_failed),
    METRIC(U64, attempts),
    METRIC(U64, retries),
    METRIC(U64, rate_limited),
    METRIC(U64, tokens_in),
    METRIC(U64, tokens_out),
    METRIC(U64, tokens_cached),
    METRIC(U32, waiting),
    METRIC(U32, in_flight),
    METRIC(U32, concurrency),
    METRIC(U64, calls_recorded),
    METRIC(U64, requests_returned),
    METRIC(F64, usd),
    METRIC(U64, pause_ms),
    METRIC(U64, pause_seen_ms),
    METRIC(F64, latency_s),
    METRIC(F64, requests_wanted),
    {0}};
static const struct cr_field beat_fields[] = {
    CR_FIELD(cr_beat, U32, live),
    CR_FIELD(cr_beat, U32, queued),
    CR_FIELD(cr_beat, U32, is_draining),
    CR_FIELD(cr_beat, U64, taped),
    CR_FIELD(cr_beat, U64, asleep_ms),
    {.name = "models",
     .type = CR_FIELD_LIST,
     .offset = offsetof(struct cr_beat, models),
     .most = CR_BEAT_MODELS_MAX,
     .len_offset = offsetof(struct cr_beat, models_len),
     .element = beat_model_fields,
     .element_bytes = sizeof(struct cr_beat_model)},
    {0}};

#define NUMBER(what)                                                                   \
    (const struct cr_field[]) {                                                        \
        {.name = (what), .type = CR_FIELD_U64}, {                                      \
            0                                                                          \
        }                                                                              \
    }
static const struct cr_field nothing[] = {{0}};

// One row a message. `form`: what a message has that is no struct (result.h).
static const struct kind {
    const char *name, *sender;
    const struct cr_field *fields;
    const char *form;
} kinds[CR_TAG_COUNT] = {
    [0] = {"none", "nobody", nothing, NULL},
    [CR_TAG_HELLO] = {"hello", "worker", hello_fields, NULL},
    [CR_TAG_WELCOME] = {"welcome", "coordinator", welcome_fields, NULL},
    [CR_TAG_WANT] = {"want", "worker", NUMBER("trajectories"), NULL},
    [CR_TAG_GRANT] = {"grant", "coordinator", NULL, "(trajectory records)*"},
    [CR_TAG_RESULT] = {"result", "worker", NULL, "trajectory records"},
    [CR_TAG_RETURN] = {"return", "worker", NUMBER("trajectory"), NULL},
    [CR_TAG_BEAT] = {"beat", "both", beat_fields, NULL},
    [CR_TAG_LEASE] = {"lease", "coordinator", lease_fields, NULL},
    [CR_TAG_PAUSE] = {"pause", "both", pause_fields, NULL},
    [CR_TAG_SIGNAL] = {"signal", "worker", NUMBER("level"), NULL},
    [CR_TAG_FAULT] = {"fault", "worker", fault_fields, NULL},
    [CR_TAG_APPOINT] = {"appoint", "coordinator", NUMBER("starts"), NULL},
    [CR_TAG_ENDPOINT] = {"endpoint", "both", endpoint_fields, NULL},
    [CR_TAG_DRAIN] = {"drain", "coordinator", NUMBER("grace_ms"), NULL},
    [CR_TAG_STOP] = {"stop", "coordinator", NUMBER("lost"), NULL},
    [CR_TAG_BYE] = {"bye", "worker", nothing, NULL},
    [CR_TAG_NOTICE] = {"notice", "worker", notice_fields, NULL},
};

const char *cr_tag_name(int tag) {
    return tag > 0 && tag < CR_TAG_COUNT ? kinds[tag].name : "unknown";
}

bool cr_tag_can_wait(int tag) {
    return tag == CR_TAG_RESULT;
}

enum cr_status cr_message_encode(struct cr_buf *out, enum cr_tag tag,
                                 const void *fields) {
    struct cr_packer packer = {.out = out, .status = CR_OK};
    cr_codec_put(&packer, kinds[tag].fields, fields);
    return packer.status;
}

enum cr_status cr_message_decode(enum cr_tag tag, const char *bytes, size_t len,
                                 void *fields) {
    struct cr_unpacker unpacker = {.at = bytes, .end = bytes + len};
    cr_codec_get(&unpacker, kinds[tag].fields, fields);
    return cr_codec_end(&unpacker);
}
