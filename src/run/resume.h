// resume.h - what earlier launches left: finished rows, recorded calls, money spent.
//
// Layer    run (5), rank 0
// Threads  one owner
#ifndef CR_RUN_RESUME_H
#define CR_RUN_RESUME_H

#include <stdbool.h>

#include "credence/base/log.h"
#include "run/ledger.h"
#include "run/progress.h"
#include "run/recorder.h"

struct cr_resume {
    const char *dir;
    struct cr_recorder *recorder; // its file is open, its spool is not
    struct cr_ledger *ledger;
    const struct cr_job *job;
    struct cr_log *log;
    bool ignores_spool; // rebuild: from the tape alone
};

// Open the spool and enter what it holds, then look through the tapes: calls of
// trajectories that are not finished go into the ledger, what all calls have cost into
// SPENT. Damage on a tape is reported to the log and those calls are asked again.
CR_MUST_CHECK enum cr_status cr_resume_load(const struct cr_resume *resume,
                                            struct cr_spent *spent, struct cr_err *err);

#endif
