// message.c - the messages of message.h, as bytes.
#include "credence/cluster/message.h"

#include "cluster/codec.h"

const struct cr_message_kind cr_message_kinds[CR_TAG_COUNT] = {
    [0] = {"none", "nobody", ""},
    [CR_TAG_HELLO] = {"hello", "worker", "version pid host job"},
    [CR_TAG_WELCOME] = {"welcome", "coordinator",
                        "pid host launch starts beat_ms lost_ms"},
    [CR_TAG_WANT] = {"want", "worker", "trajectories"},
    [CR_TAG_GRANT] = {"grant", "coordinator", "(trajectory records)*"},
    [CR_TAG_RESULT] = {"result", "worker", "trajectory records"},
    [CR_TAG_RETURN] = {"return", "worker", "trajectory"},
    [CR_TAG_BEAT] = {"beat", "both", "live queued is_draining (sequence metrics)*"},
    [CR_TAG_LEASE] = {"lease", "coordinator",
                      "model sequence concurrency requests tokens"},
    [CR_TAG_PAUSE] = {"pause", "both", "model pause_ms"},
    [CR_TAG_SIGNAL] = {"signal", "worker", "number"},
    [CR_TAG_FAULT] = {"trouble", "worker", "status text"},
    [CR_TAG_APPOINT] = {"appoint", "coordinator", "starts"},
    [CR_TAG_ENDPOINT] = {"endpoint", "both", "scope model endpoint url"},
    [CR_TAG_DRAIN] = {"drain", "coordinator", "grace_ms"},
    [CR_TAG_STOP] = {"stop", "coordinator", "lost"},
    [CR_TAG_BYE] = {"bye", "worker", ""},
};

bool cr_tag_can_wait(int tag) {
    return tag == CR_TAG_RESULT;
}

static struct cr_packer packer_on(struct cr_buf *out) {
    return (struct cr_packer){.out = out, .status = CR_OK};
}

static struct cr_unpacker unpacker_on(const char *bytes, size_t len) {
    return (struct cr_unpacker){.at = bytes, .end = bytes + len};
}

static const char *text_or_empty(const char *text) {
    return text == NULL ? "" : text;
}

enum cr_status cr_hello_encode(struct cr_buf *out, const struct cr_hello *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u32(&packer, in->version);
    cr_codec_put_i64(&packer, in->pid);
    cr_codec_put_text(&packer, in->host);
    cr_codec_put_u64(&packer, in->job.hi);
    cr_codec_put_u64(&packer, in->job.lo);
    return packer.status;
}

enum cr_status cr_hello_decode(const char *bytes, size_t len, struct cr_hello *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_hello hello = {.version = cr_unpack_u32(&unpacker)};
    hello.pid = cr_unpack_i64(&unpacker);
    hello.host = text_or_empty(cr_unpack_text(&unpacker));
    hello.job.hi = cr_unpack_u64(&unpacker);
    hello.job.lo = cr_unpack_u64(&unpacker);
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = hello;
    return CR_OK;
}

enum cr_status cr_welcome_encode(struct cr_buf *out, const struct cr_welcome *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_i64(&packer, in->pid);
    cr_codec_put_text(&packer, in->host);
    cr_codec_put_u32(&packer, in->launch);
    cr_codec_put_u32(&packer, in->starts);
    cr_codec_put_i64(&packer, in->beat_ms);
    cr_codec_put_i64(&packer, in->lost_ms);
    return packer.status;
}

enum cr_status cr_welcome_decode(const char *bytes, size_t len,
                                 struct cr_welcome *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_welcome welcome = {.pid = cr_unpack_i64(&unpacker)};
    welcome.host = text_or_empty(cr_unpack_text(&unpacker));
    welcome.launch = cr_unpack_u32(&unpacker);
    welcome.starts = cr_unpack_u32(&unpacker);
    welcome.beat_ms = cr_unpack_i64(&unpacker);
    welcome.lost_ms = cr_unpack_i64(&unpacker);
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = welcome;
    return CR_OK;
}

enum cr_status cr_lease_encode(struct cr_buf *out, const struct cr_lease_message *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u32(&packer, in->model);
    cr_codec_put_u32(&packer, in->sequence);
    cr_codec_put_u32(&packer, in->lease.concurrency);
    cr_codec_put_i64(&packer, in->lease.requests);
    cr_codec_put_i64(&packer, in->lease.tokens);
    return packer.status;
}

enum cr_status cr_lease_decode(const char *bytes, size_t len,
                               struct cr_lease_message *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_lease_message lease = {.model = cr_unpack_u32(&unpacker)};
    lease.sequence = cr_unpack_u32(&unpacker);
    lease.lease.concurrency = cr_unpack_u32(&unpacker);
    lease.lease.requests = cr_unpack_i64(&unpacker);
    lease.lease.tokens = cr_unpack_i64(&unpacker);
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = lease;
    return CR_OK;
}

enum cr_status cr_pause_encode(struct cr_buf *out, const struct cr_pause_message *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u32(&packer, in->model);
    cr_codec_put_i64(&packer, in->pause_ms);
    return packer.status;
}

enum cr_status cr_pause_decode(const char *bytes, size_t len,
                               struct cr_pause_message *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_pause_message pause = {.model = cr_unpack_u32(&unpacker)};
    pause.pause_ms = cr_unpack_i64(&unpacker);
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = pause;
    return CR_OK;
}

enum cr_status cr_fault_encode(struct cr_buf *out, const struct cr_fault *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u32(&packer, in->status);
    cr_codec_put_text(&packer, in->text);
    return packer.status;
}

enum cr_status cr_fault_decode(const char *bytes, size_t len, struct cr_fault *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_fault trouble = {.status = cr_unpack_u32(&unpacker)};
    trouble.text = text_or_empty(cr_unpack_text(&unpacker));
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = trouble;
    return CR_OK;
}

enum cr_status cr_endpoint_encode(struct cr_buf *out,
                                  const struct cr_endpoint_message *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u32(&packer, in->scope);
    cr_codec_put_u32(&packer, in->model);
    cr_codec_put_u32(&packer, in->endpoint);
    cr_codec_put_text(&packer, in->url);
    return packer.status;
}

enum cr_status cr_endpoint_decode(const char *bytes, size_t len,
                                  struct cr_endpoint_message *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_endpoint_message message = {.scope = cr_unpack_u32(&unpacker)};
    message.model = cr_unpack_u32(&unpacker);
    message.endpoint = cr_unpack_u32(&unpacker);
    message.url = text_or_empty(cr_unpack_text(&unpacker));
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = message;
    return CR_OK;
}

enum cr_status cr_number_encode(struct cr_buf *out, uint64_t number) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u64(&packer, number);
    return packer.status;
}

enum cr_status cr_number_decode(const char *bytes, size_t len, uint64_t *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    const uint64_t number = cr_unpack_u64(&unpacker);
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = number;
    return CR_OK;
}

static void pack_metrics(struct cr_packer *packer, const struct cr_model_metrics *m) {
    const uint64_t counts[] = {m->calls_done,       m->calls_failed,  m->attempts,
                               m->retries,          m->rate_limited,  m->tokens_in,
                               m->tokens_out,       m->tokens_cached, m->waiting,
                               m->in_flight,        m->concurrency,   m->calls_recorded,
                               m->requests_returned};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        cr_codec_put_u64(packer, counts[i]);
    }
    cr_codec_put_f64(packer, m->usd);
    cr_codec_put_i64(packer, m->pause_ms);
    cr_codec_put_i64(packer, m->pause_seen_ms);
    cr_codec_put_f64(packer, m->latency_s);
    cr_codec_put_f64(packer, m->requests_wanted);
}

static void unpack_metrics(struct cr_unpacker *unpacker, struct cr_model_metrics *m) {
    m->calls_done = cr_unpack_u64(unpacker);
    m->calls_failed = cr_unpack_u64(unpacker);
    m->attempts = cr_unpack_u64(unpacker);
    m->retries = cr_unpack_u64(unpacker);
    m->rate_limited = cr_unpack_u64(unpacker);
    m->tokens_in = cr_unpack_u64(unpacker);
    m->tokens_out = cr_unpack_u64(unpacker);
    m->tokens_cached = cr_unpack_u64(unpacker);
    m->waiting = (uint32_t)cr_unpack_u64(unpacker);
    m->in_flight = (uint32_t)cr_unpack_u64(unpacker);
    m->concurrency = (uint32_t)cr_unpack_u64(unpacker);
    m->calls_recorded = cr_unpack_u64(unpacker);
    m->requests_returned = cr_unpack_u64(unpacker);
    m->usd = cr_unpack_f64(unpacker);
    m->pause_ms = cr_unpack_i64(unpacker);
    m->pause_seen_ms = cr_unpack_i64(unpacker);
    m->latency_s = cr_unpack_f64(unpacker);
    m->requests_wanted = cr_unpack_f64(unpacker);
}

enum cr_status cr_beat_encode(struct cr_buf *out, const struct cr_beat *in) {
    struct cr_packer packer = packer_on(out);
    cr_codec_put_u32(&packer, in->live);
    cr_codec_put_u32(&packer, in->queued);
    cr_codec_put_u32(&packer, in->is_draining);
    cr_codec_put_u32(&packer, in->models_len);
    for (uint32_t i = 0; i < in->models_len; i++) {
        cr_codec_put_u32(&packer, in->models[i].sequence);
        pack_metrics(&packer, &in->models[i].metrics);
    }
    return packer.status;
}

enum cr_status cr_beat_decode(const char *bytes, size_t len, struct cr_beat *out) {
    struct cr_unpacker unpacker = unpacker_on(bytes, len);
    struct cr_beat beat = {.live = cr_unpack_u32(&unpacker)};
    beat.queued = cr_unpack_u32(&unpacker);
    beat.is_draining = cr_unpack_u32(&unpacker);
    beat.models_len = cr_unpack_u32(&unpacker);
    if (beat.models_len > CR_BEAT_MODELS_MAX) {
        return CR_E_FORMAT;
    }
    for (uint32_t i = 0; i < beat.models_len; i++) {
        beat.models[i].sequence = cr_unpack_u32(&unpacker);
        unpack_metrics(&unpacker, &beat.models[i].metrics);
    }
    if (cr_unpack_end(&unpacker) != CR_OK) {
        return CR_E_FORMAT;
    }
    *out = beat;
    return CR_OK;
}
