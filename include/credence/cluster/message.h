// message.h - what ranks say to each other: every message, its sender and its fields
// (the table in message.c).
//
// Layer    cluster (3)
// Threads  no shared state
// MPI      none: bytes only
//
// Bytes are little-endian, strings and lists length-prefixed. A decoder checks every
// length against what is there and returns CR_E_FORMAT; it never trusts a count.
#ifndef CREDENCE_CLUSTER_MESSAGE_H
#define CREDENCE_CLUSTER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/hash.h"
#include "credence/base/status.h"
#include "credence/core/lease.h"

enum { CR_MESSAGE_VERSION = 2, CR_MESSAGE_BYTES_MAX = 1 << 30 };

enum cr_tag {
    CR_TAG_HELLO = 1, // worker: I am here
    CR_TAG_WELCOME,   // coordinator: this is launch N, heartbeat like this
    CR_TAG_WANT,      // worker: send me up to N trajectories
    CR_TAG_GRANT,     // coordinator: run these (with what is recorded of them)
    CR_TAG_RESULT,    // worker: this trajectory has ended
    CR_TAG_RETURN,    // worker: this trajectory was dropped unfinished
    CR_TAG_BEAT,      // both: I live; a worker adds its metrics
    CR_TAG_LEASE,     // coordinator: what this rank may do with a model
    CR_TAG_PAUSE,     // both: no start on a model for so long
    CR_TAG_SIGNAL,    // worker: a signal came
    CR_TAG_FAULT,     // worker: the machine fails here
    CR_TAG_APPOINT,   // coordinator: start the local servers that a lost rank had
    CR_TAG_ENDPOINT,  // both: a local server is to be found there
    CR_TAG_DRAIN,     // coordinator: start nothing, land what is in flight
    CR_TAG_STOP,      // coordinator: all is done; and whether a rank was lost
    CR_TAG_BYE,       // worker: tape closed, leaving
    CR_TAG_NOTICE,    // worker: a first failure, or a model that cannot answer
    CR_TAG_COUNT
};

// "grant"; "unknown" for a tag of a later version.
const char *cr_tag_name(int tag);
// Whether nobody waits for a message: it may be held until its sender sends another, or
// receives.
bool cr_tag_can_wait(int tag);

struct cr_hello {
    uint32_t version;
    int64_t pid;
    const char *host;   // borrowed from the bytes
    struct cr_hash job; // identity: all ranks must run the same
};
struct cr_welcome {
    int64_t pid;
    const char *host;
    uint32_t launch;
    int64_t started_wall_ms; // as DIR/launches has it
    uint32_t starts; // local servers this rank is to start (run/server_placement.h)
    int64_t beat_ms, lost_ms; // send a beat this often; none for this long: given up
};
struct cr_lease_message {
    uint32_t model;
    uint32_t sequence; // echoed in the next beat
    struct cr_lease lease;
};
struct cr_pause_message {
    uint32_t model;
    int64_t pause_ms;
};
struct cr_fault {
    uint32_t status; // enum cr_status
    const char *text;
};
struct cr_endpoint_message {
    uint32_t scope; // enum cr_server_scope
    uint32_t model, endpoint;
    const char *url; // "" when it is gone
};
struct cr_notice_message {
    uint32_t kind; // enum cr_notice_kind
    uint32_t model, endpoint;
    uint32_t reason;   // enum cr_reason
    uint32_t is_final; // 1: the call is not tried again
    const char *text;
};
enum { CR_BEAT_MODELS_MAX = 64 }; // models of a job
struct cr_beat_model {
    uint32_t sequence;    // of the last lease
    uint64_t replies_cut; // that ended at max_tokens
    struct cr_model_metrics metrics;
};
struct cr_beat {
    uint32_t live, queued;
    uint32_t is_draining; // 1: after a DRAIN, so that live only falls
    uint64_t taped;       // lines on the tape of this worker
    uint64_t asleep_ms;   // of its time in this launch
    uint32_t models_len;
    struct cr_beat_model models[CR_BEAT_MODELS_MAX];
};

// The fields of a message: the struct above that is named after TAG; for WANT, RETURN,
// APPOINT, DRAIN (grace in ms), SIGNAL (its level) and STOP (0, or 1 + a rank that was
// lost) a uint64_t; NULL for BYE and an empty BEAT of the coordinator's. A grant and a
// result are lists: result.h.
// Append to OUT. CR_E_LIMIT, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_message_encode(struct cr_buf *out, enum cr_tag tag,
                                               const void *fields);
// Texts are borrowed from the bytes. CR_E_FORMAT; what is in *fields then means nothing.
CR_MUST_CHECK enum cr_status cr_message_decode(enum cr_tag tag, const char *bytes,
                                               size_t len, void *fields);

#endif
