// deal.h - trajectories handed to a worker, and taken back from a lost one.
//
// Layer    run (4), private to rank 0
// Threads  one owner
#ifndef CREDENCE_RUN_DEAL_H
#define CREDENCE_RUN_DEAL_H

#include <stdint.h>

#include "credence/buf.h"
#include "run/ledger.h"
#include "run/roster.h"

struct cr_deal { // borrowed by each call
    struct cr_ledger *ledger;
    const char *dir;
    uint32_t launch;
};

// How many trajectories each of WORKERS may hold: its even share of what is open.
uint64_t cr_deal_share(const struct cr_deal *deal, uint64_t workers);
// Grant MEMBER what it wants, up to SHARE in all, into the GRANT message (cleared
// first): *granted of them. On failure what was taken stays granted to MEMBER.
CR_MUST_CHECK enum cr_status cr_deal_fill(const struct cr_deal *deal,
                                          struct cr_member *member, uint64_t share,
                                          struct cr_buf *grant, struct cr_err *err);
// What MEMBER, which was RANK, held is open again, to go on from what its tape holds.
CR_MUST_CHECK enum cr_status cr_deal_give_back(const struct cr_deal *deal,
                                               struct cr_member *member, int rank,
                                               struct cr_err *err);

#endif
