// inspect_log.h - a run as logs of Inspect (inspect.aisi.org.uk), for its viewer and its
// data frames.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
//
// One log a cell: an evaluation of its maker on its benchmark. One sample a market: the
// proposition, the conversation of maker (assistant) and traders (user), and two scores,
// `opening` and `final`, each 1, 0 or one half for a tie, over the same markets as
// `credence analyze`: an invalid one scores 0 from the judgment on that was missing, one
// that failed has an error and no score.
#ifndef CR_CLI_INSPECT_LOG_H
#define CR_CLI_INSPECT_LOG_H

#include "credence/base/status.h"

// The run PATH (a directory, or a run.h5) into the directory TO, which is made if
// missing: one JSON file for each cell that has an ended market. CR_E_IO, CR_E_FORMAT,
// CR_E_MEMORY, CR_E_LIMIT (the texts of one cell above 2 GiB).
CR_MUST_CHECK enum cr_status cr_inspect_export(const char *path, const char *to,
                                               struct cr_err *err);

#endif
