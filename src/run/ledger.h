// ledger.h - what is known of each trajectory of the plan: one byte, and where its
// recorded calls and its result are to be found.
//
// Layer    run (5), private to rank 0
// Threads  one owner
//
// Memory is 9 bytes a trajectory; when there are recorded calls of unfinished ones, 4
// more a trajectory and 16 a call. While a resume reads the tapes it is up to 28 more a
// trajectory, until cr_ledger_end_load.
//
// A grid over models would run them one after the other if trajectories were granted by
// number alone: the first model's markets would fill every place while the other servers
// stand idle. So each maker has a queue, by number, and the next trajectory is that of the
// maker with the fewest markets out for what its servers can take. With one maker the order
// is that of the numbers.
#ifndef CR_RUN_LEDGER_H
#define CR_RUN_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/job/plan.h"
#include "credence/store/tape.h"

enum cr_ledger_state {
    CR_LEDGER_PENDING, // 0: may be granted
    CR_LEDGER_GRANTED,
    CR_LEDGER_DONE,
    CR_LEDGER_INVALID,
    CR_LEDGER_FAILED,
    CR_LEDGER_OTHERS, // another shard's
    CR_LEDGER_STATE_COUNT
};

// Where one recorded call is, and which one of its trajectory follows: the last is
// followed by the first, and the ledger keeps the last.
struct cr_recorded {
    uint64_t offset; // in its file
    uint32_t file;   // of cr_ledger.files
    uint32_t next;   // of cr_ledger.recorded
};

struct cr_recorded_file {
    uint32_t launch, rank;
};

struct cr_maker_queue {
    uint64_t granted; // trajectories out now
    uint64_t markets; // what cr_maker_markets says of its model, at least 1
    uint64_t next;    // everything of the maker below has been granted at least once
    uint32_t group;   // that NEXT lies in
};

struct cr_makers {
    const struct cr_plan *plan;
    struct cr_maker_queue *queues; // [job->models_len]
};

// Markets at once that keep MODEL busy: a little more than the calls that may be in
// flight, when that is known, so that a slot never waits for a market. 0: it answers at
// once, so nothing waits.
uint32_t cr_maker_markets(const struct cr_model *model);

struct cr_ledger {
    const struct cr_plan *plan;
    uint8_t *state;      // [plan->trajectories]
    uint64_t *result_at; // [plan->trajectories] offset in the spool; 0: none
    uint64_t counts[CR_LEDGER_STATE_COUNT];
    struct cr_makers makers; // in which order
    uint64_t *returned;      // given back by lost ranks
    size_t returned_len, returned_cap;
    struct cr_recorded *recorded; // in the order in which they were found
    size_t recorded_len, recorded_cap;
    uint32_t *last; // [plan->trajectories] of its recorded calls, from 1; 0: none
    struct cr_recorded_file *files;
    size_t files_len, files_cap;
    struct cr_tape_lookup *lookup; // open while calls are read back
    uint64_t
        *keys; // [plan->trajectories] while a resume reads them; 0: not looked up yet
    struct cr_key_index *index; // made when numbers of an older plan turn up
};

CR_MUST_CHECK enum cr_status cr_ledger_init(struct cr_ledger *ledger,
                                            const struct cr_plan *plan,
                                            struct cr_err *err);
void cr_ledger_fini(struct cr_ledger *ledger);

void cr_ledger_set(struct cr_ledger *ledger, uint64_t trajectory,
                   enum cr_ledger_state state);
// The next trajectory to grant, now granted; false when none is pending. What was
// returned comes first, then that of the maker with the fewest markets out.
bool cr_ledger_take(struct cr_ledger *ledger, uint64_t *trajectory);
// Whether every trajectory that was pending has been granted, given back or not.
bool cr_ledger_was_granted(const struct cr_ledger *ledger);
// A granted trajectory is pending again.
CR_MUST_CHECK enum cr_status cr_ledger_return(struct cr_ledger *ledger,
                                              uint64_t trajectory, struct cr_err *err);
// Trajectories that are neither finished nor another shard's.
uint64_t cr_ledger_open_count(const struct cr_ledger *ledger);

// The number that the trajectory of KEY has in this plan; *number is what an older plan
// of the job called it. *is_ours: whether this plan has such a trajectory, and it is not
// another shard's; *number is changed only when it has. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_ledger_number(struct cr_ledger *ledger, uint64_t key,
                                              uint64_t *number, bool *is_ours,
                                              struct cr_err *err);

// The reading of tapes is over: let go of what made it quick.
void cr_ledger_end_load(struct cr_ledger *ledger);

// Remember where a recorded call is on the tapes. CR_E_MEMORY; CR_E_LIMIT at 2^32 of them.
CR_MUST_CHECK enum cr_status cr_ledger_record(struct cr_ledger *ledger,
                                              const struct cr_tape_key *key,
                                              struct cr_err *err);
// The recorded calls of TRAJECTORY, read back from the tapes of DIR and appended to
// OUT, in the order of cr_ledger_record. DIR is the same at every call, and borrowed until
// cr_ledger_fini.
CR_MUST_CHECK enum cr_status cr_ledger_recorded(struct cr_ledger *ledger,
                                                const char *dir, uint64_t trajectory,
                                                struct cr_call_records *out,
                                                struct cr_err *err);

#endif
