// client.h - all models of one rank: calls go in, replies come out, in any order.
//
// Layer    model (3)
// Threads  one owner
// MPI      none
//
// Each call completes exactly once. Retries, endpoints, pacing and pauses happen
// inside; a reply that failed has failed for good.
#ifndef CREDENCE_MODEL_CLIENT_H
#define CREDENCE_MODEL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/clock.h"
#include "credence/base/log.h"
#include "credence/base/status.h"
#include "credence/core/call.h"
#include "credence/core/job.h"
#include "credence/core/lease.h"
#include "credence/core/trajectory.h"

struct cr_client;

// "7.88.1": the libcurl in use.
const char *cr_client_version(void);

// What a job file may name (model/table.c, model/dialect.c, model/sim/sim.c).
size_t cr_backend_count(void);
const char *cr_backend_name(size_t index); // "openai", "anthropic", "sim", "replay"
size_t cr_dialect_count(void);
const char *cr_dialect_name(size_t index); // "openai", "azure", ...
enum { CR_SIM_BEHAVIOURS = 10 };
extern const char *const cr_sim_behaviour_names[CR_SIM_BEHAVIOURS]; // "belief", ...

// Whether every model of JOB makes sense to its backend; nothing is contacted and no
// key is read. CR_E_JOB lists all mistakes, a line each, "models.NAME.key: what".
CR_MUST_CHECK enum cr_status cr_client_check(const struct cr_job *job,
                                             struct cr_err *err);

// Which proxy requests of MODEL to its base URL BASE go through, without credentials: "" in
// OUT for none. The environment's (http_proxy, https_proxy, all_proxy, no_proxy) is never
// used for loopback addresses, Unix sockets and servers that the run starts, unless the
// model's "proxy" names one. CR_E_JOB as cr_client_check.
enum { CR_PROXY_SHOWN_MAX = 256 };
CR_MUST_CHECK enum cr_status cr_client_proxy(const struct cr_model *model,
                                             const char *base,
                                             char out[CR_PROXY_SHOWN_MAX],
                                             struct cr_err *err);

// A recorded reply to CALL (its request_hash is set), from this run's or another run's
// tape. Texts of *out stay valid until the next look-up. Asked once a call: for a
// replay model it is the only source, for others a hit saves the request.
typedef bool (*cr_lookup_fn)(void *ctx, const struct cr_call *call,
                             struct cr_call_record *out);

struct cr_client_cfg {
    const struct cr_job *job; // borrowed until destroy
    const struct cr_clock *clock;
    struct cr_log *log;
    int rank;
    uint32_t live_max; // calls that may be submitted at once; slots are made for these
    bool is_offline;   // send nothing, read no key: a call without a record is STOPPED
    cr_lookup_fn lookup; // NULL: no recorded replies
    // The run directory: what servers were found to refuse is kept in its learned.jsonl
    // (model/learned.h), so that a resumed run knows it. NULL: in memory alone.
    const char *dir;
    void *lookup_ctx;
};

CR_MUST_CHECK enum cr_status cr_client_create(const struct cr_client_cfg *cfg,
                                              struct cr_client **out,
                                              struct cr_err *err);
void cr_client_destroy(struct cr_client *client); // drops what is in flight

// What may answer this call: model identity, params, turns, schema, and the seed unless
// the model's temperature is 0. Sets CALL's request_hash. For a replay model to find
// what its original recorded, their cr_model.identity must be equal.
void cr_client_hash(const struct cr_client *client, struct cr_call *call);

// CALL is borrowed until it comes out of cr_client_take. CR_E_LIMIT past live_max.
CR_MUST_CHECK enum cr_status cr_client_submit(struct cr_client *client,
                                              struct cr_call *call, struct cr_err *err);

// Move everything that can move; sleep at most TIMEOUT_MS when nothing can (0: never).
// It may return before anything is done: call it in a loop. The only call that blocks.
CR_MUST_CHECK enum cr_status cr_client_poll(struct cr_client *client, int timeout_ms,
                                            struct cr_err *err);

// Send what may be sent now that all replies were taken, without waiting for a poll.
CR_MUST_CHECK enum cr_status cr_client_start(struct cr_client *client,
                                             struct cr_err *err);

// The next finished call; false when there is none. *reply is given (cr_reply_fini).
// A reply that was not taken keeps its place among the calls in flight, so that no more
// of them than the limits allow can be lost with this process.
bool cr_client_take(struct cr_client *client, struct cr_call **call,
                    struct cr_reply *reply);

void cr_client_lease(struct cr_client *client, uint32_t model,
                     const struct cr_lease *lease);
// Give unused starts of the lease back; requests_returned of the metrics counts them.
void cr_client_return_requests(struct cr_client *client, uint32_t model);
// No start on MODEL for PAUSE_MS from now (a 429 seen on another rank).
void cr_client_pause(struct cr_client *client, uint32_t model, int64_t pause_ms);
// A server of MODEL is to be found at URL, or (NULL or "") no longer: local servers
// come and go, and calls wait for them.
CR_MUST_CHECK enum cr_status cr_client_endpoint(struct cr_client *client,
                                                uint32_t model, uint32_t endpoint,
                                                const char *url);

// Start nothing more; calls that are not in flight complete as CR_REASON_STOPPED at once,
// those in flight when they land or at the deadline of the caller (cr_client_drop).
void cr_client_drain(struct cr_client *client);
void cr_client_drop(struct cr_client *client); // the rest, as CR_REASON_STOPPED

void cr_client_metrics(const struct cr_client *client, uint32_t model,
                       struct cr_model_metrics *out);
// Start pause_seen_ms and requests_wanted of the metrics again from 0: what they said
// was passed on.
void cr_client_forget_peaks(struct cr_client *client, uint32_t model);
// What people must hear of a model at once, not when its retries are over.
enum cr_notice_kind {
    CR_NOTICE_FAILURE, // the first attempt at ENDPOINT that failed for REASON
    CR_NOTICE_BLOCKED // its first calls all met what only a person can mend: REASON, the
                      // latest; it is asked nothing more
};
enum { CR_NOTICE_BYTES = 2048 };
struct cr_client_notice {
    enum cr_notice_kind kind;
    uint32_t model, endpoint;
    enum cr_reason reason;
    bool is_final;              // FAILURE: the call is not tried again
    char text[CR_NOTICE_BYTES]; // FAILURE: model, URL and the server's words, cut
};
// The oldest notice that was not taken yet; false when there is none.
bool cr_client_take_notice(struct cr_client *client, struct cr_client_notice *out);

uint32_t cr_client_live(const struct cr_client *client); // submitted, not yet taken

#endif
