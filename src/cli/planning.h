// planning.h - a plan as it is shown: what was asked, and what came of it.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_PLANNING_H
#define CR_CLI_PLANNING_H

#include <stdbool.h>

#include "cli/screen.h"
#include "credence/base/json_write.h"
#include "credence/job/bundle.h"
#include "credence/job/estimate.h"
#include "credence/job/plan.h"
#include "credence/job/power.h"

enum { CR_SETS_MAX = 256 }; // --set options of a command line

struct cr_planning {
    struct cr_bundle_request request;
    const char *sets[CR_SETS_MAX];
    const char *like_dir; // NULL: none
    struct cr_power_cfg wanted;
    bool is_json, is_full, has_prompts;
    struct cr_buf bundle;
    struct cr_job *job;
    struct cr_plan *plan;
    struct cr_like like;
    struct cr_estimate estimate;
    struct cr_power power;
};

// The lines that matter first; the whole job, its cells and its first prompts as asked.
CR_MUST_CHECK enum cr_status cr_planning_print(const struct cr_planning *planning,
                                               const struct cr_screen *screen);
CR_MUST_CHECK enum cr_status cr_planning_json(const struct cr_planning *planning,
                                              const struct cr_screen *screen);
// The first messages of an episode of each configuration, as they will be sent.
CR_MUST_CHECK enum cr_status cr_planning_prompts(const struct cr_planning *planning,
                                                 const struct cr_screen *screen);
// The same as "prompts": [{"cell", "proposition", "calls": [...]}].
void cr_planning_prompts_json(const struct cr_planning *planning,
                              struct cr_json_writer *emit);

#endif
