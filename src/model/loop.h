// loop.h - the HTTP transfers of one rank and the one place where it sleeps.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
//
// curl multi handles driven by an epoll descriptor, so that a turn costs what is ready
// and not what is open. Sockets stay registered between the exchanges of a connection.
#ifndef CR_MODEL_LOOP_H
#define CR_MODEL_LOOP_H

#include <stdint.h>

#include "credence/base/status.h"
#include "model/transfer.h"

struct cr_loop;

// For at most MOST transfers at once; with 0 it only sleeps, and the HTTP library is
// not even started.
CR_MUST_CHECK enum cr_status cr_loop_create(uint32_t most, struct cr_loop **out,
                                            struct cr_err *err);
void cr_loop_destroy(struct cr_loop *loop); // drops what is under way

// A transfer that is free, its body empty. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_loop_acquire(struct cr_loop *loop,
                                             struct cr_transfer **out);
void cr_loop_release(struct cr_loop *loop, struct cr_transfer *transfer);

CR_MUST_CHECK enum cr_status cr_loop_start(struct cr_loop *loop,
                                           struct cr_transfer *transfer);
void cr_loop_drop(struct cr_loop *loop, struct cr_transfer *transfer); // under way

// Sleep at most TIMEOUT_MS (-1: until something happens), then do what is due.
CR_MUST_CHECK enum cr_status cr_loop_wait(struct cr_loop *loop, int64_t timeout_ms,
                                          struct cr_err *err);
// Send what was started, as far as that goes without waiting.
void cr_loop_flush(struct cr_loop *loop);
// A transfer that is over (cr_transfer_end was called on it); NULL when none is left.
struct cr_transfer *cr_loop_finished(struct cr_loop *loop);

// Let the loop open and close TRANSFER's sockets.
void cr_loop_set_sockets(struct cr_loop *loop, struct cr_transfer *transfer);
// Add MORE to the bytes of replies that are held; the sum.
int64_t cr_loop_count_bytes(struct cr_loop *loop, int64_t more);

#endif
