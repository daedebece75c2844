// grants.h - trajectories handed to a worker, and taken back from a lost one.
//
// Layer    run (5), private to rank 0
// Threads  one owner
#ifndef CR_RUN_GRANTS_H
#define CR_RUN_GRANTS_H

#include <stdint.h>

#include "credence/base/buf.h"
#include "run/ledger.h"
#include "run/roster.h"

struct cr_grants { // borrowed by each call
    struct cr_ledger *ledger;
    const char *dir;
    uint32_t launch;
};

// How many trajectories each of WORKERS may hold: its even share of what is open.
uint64_t cr_grants_share(const struct cr_grants *grants, uint64_t workers);
// Grant MEMBER what it wants, up to SHARE in all with what it holds already, into the
// message GRANT (cleared first; empty when there is nothing to grant). One grant answers
// one want. On failure what was taken from the ledger stays granted to MEMBER.
// CR_E_MEMORY, CR_E_IO from a tape that cannot be read.
CR_MUST_CHECK enum cr_status cr_grants_fill(const struct cr_grants *grants,
                                            struct cr_member *member, uint64_t share,
                                            struct cr_buf *grant, struct cr_err *err);
// What MEMBER, which was RANK, held is open again, to go on from what its tape holds.
// On failure some of it may be open again, the rest is held by nobody: the next launch
// finds it.
CR_MUST_CHECK enum cr_status cr_grants_give_back(const struct cr_grants *grants,
                                                 struct cr_member *member, int rank,
                                                 struct cr_err *err);

#endif
