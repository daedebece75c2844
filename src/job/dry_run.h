// dry_run.h - one episode played with made-up replies, and its prompts measured.
//
// Layer    job (4), private to the folder
#ifndef CR_JOB_DRY_RUN_H
#define CR_JOB_DRY_RUN_H

#include "credence/core/job.h"
#include "credence/protocol/episode.h"

struct cr_dry_usage { // by enum cr_role
    double calls[CR_ROLE_COUNT];
    double bytes_in[CR_ROLE_COUNT];
    double bytes_out[CR_ROLE_COUNT];
    double tokens_cap[CR_ROLE_COUNT]; // the most the replies may have
};

// Play SETTING with replies of about REPLY_BYTES, adding to USAGE. RESTLESS: prices
// that never settle; otherwise they never move.
CR_MUST_CHECK enum cr_status cr_dry_run(const struct cr_job *job,
                                        const struct cr_episode_cfg *setting,
                                        size_t reply_bytes, bool restless,
                                        struct cr_dry_usage *usage);

#endif
