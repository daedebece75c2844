// protocol.h - the table of protocols: pure state machines with no I/O.
//
// Layer    protocol (2)
// Threads  read-only tables
// MPI      none
//
// A protocol is one file and one line of cr_protocol_table. How one is written (what it
// is given, what it must answer) is in src/protocol/machine.h; this header is what the
// planner and the runner need of it.
#ifndef CREDENCE_PROTOCOL_PROTOCOL_H
#define CREDENCE_PROTOCOL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/core/cell.h"

struct cr_bounds {
    uint64_t min, max; // of calls in one episode, repairs not counted
};

// Number of protocols; a cell's `protocol` is below it.
size_t cr_protocol_count(void);
const char *cr_protocol_name(uint32_t protocol);    // "market"
const char *cr_protocol_summary(uint32_t protocol); // one line, for help
// Index of NAME, or -1.
int cr_protocol_find(const char *name);
// Whether its length is set by cell.stop (then cells can share a trajectory).
bool cr_protocol_has_stop_rule(uint32_t protocol);
// Whether RULE can end it: any where the length is set by cell.stop, sprt where votes are
// counted.
bool cr_protocol_takes_rule(uint32_t protocol, enum cr_stop_rule rule);
// Whether anybody argues: without, a cell's trader, stance and order mean nothing.
bool cr_protocol_has_traders(uint32_t protocol);
// Whether its prices are an automaton's, which its traders bet with (cell.room).
bool cr_protocol_is_room(uint32_t protocol);
// The most judgments an episode of CELL can hold.
uint32_t cr_protocol_prices_max(const struct cr_cell *cell);
struct cr_bounds cr_protocol_calls(const struct cr_cell *cell);
// CR_E_JOB with the reason when CELL makes no sense in SPACE.
CR_MUST_CHECK enum cr_status cr_protocol_check(const struct cr_cell *cell,
                                               enum cr_space space, struct cr_err *err);

#endif
