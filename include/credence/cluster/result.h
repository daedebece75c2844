// result.h - trajectories and calls as bytes: what a grant brings, a result returns,
// and the spool keeps.
//
// Layer    cluster (3)
// Threads  no shared state
// MPI      none: bytes only; their form and its checks are as message.h says
#ifndef CREDENCE_CLUSTER_RESULT_H
#define CREDENCE_CLUSTER_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/core/trajectory.h"

// A grant is a list; add to a cleared buffer, then read it back one at a time.
CR_MUST_CHECK enum cr_status cr_grant_add(struct cr_buf *out, uint64_t trajectory,
                                          const struct cr_call_records *recorded);
struct cr_grant_reader {
    const char *bytes;
    size_t len, at; // at: 0 at first
};
// The next grant of a list; *recorded gets copies. *is_there is false at the end.
CR_MUST_CHECK enum cr_status cr_grant_next(struct cr_grant_reader *reader,
                                           bool *is_there, uint64_t *trajectory,
                                           struct cr_call_records *recorded);

// A result: the trajectory first, then its calls, so that a reader who needs only the
// prices reads only the first *trajectory_bytes.
CR_MUST_CHECK enum cr_status cr_result_encode(struct cr_buf *out,
                                              const struct cr_trajectory *trajectory,
                                              const struct cr_call_records *calls,
                                              bool with_text);
// OUT is the caller's (cr_trajectory_fini). *used_bytes: where the calls begin.
CR_MUST_CHECK enum cr_status cr_result_trajectory_decode(const char *bytes, size_t len,
                                                         struct cr_trajectory *out,
                                                         size_t *used_bytes);
// The calls of a result, one at a time; nothing is allocated.
struct cr_record_reader {
    const char *bytes; // behind the trajectory
    size_t len, at;    // at: 0 at first
    uint32_t left;
    struct cr_logprob logprobs[CR_LOGPROBS_MAX]; // of the record that is out
};
// *is_there is false at the end. Texts are borrowed from the bytes, logprobs from the
// reader until its next record. CR_E_FORMAT.
CR_MUST_CHECK enum cr_status cr_record_next(struct cr_record_reader *reader,
                                            bool *is_there, struct cr_call_record *out);

// All of them. OUT may hold some records when this fails, or cr_grant_next does.
CR_MUST_CHECK enum cr_status cr_result_records_decode(const char *bytes, size_t len,
                                                      struct cr_call_records *out);

#endif
