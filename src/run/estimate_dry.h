// estimate_dry.h - one episode played with made-up replies, and its prompts measured.
//
// Layer    run (4), private to the folder
#ifndef CR_RUN_ESTIMATE_DRY_H
#define CR_RUN_ESTIMATE_DRY_H

#include "credence/episode.h"
#include "credence/job.h"

struct cr_usage { // by enum cr_role
    double calls[CR_ROLE_COUNT];
    double bytes_in[CR_ROLE_COUNT];
    double bytes_out[CR_ROLE_COUNT];
    double tokens_cap[CR_ROLE_COUNT]; // the most the replies may have
};

// Play SETTING with replies of about REPLY_BYTES, adding to USAGE. RESTLESS: prices
// that never settle; otherwise they never move.
CR_MUST_CHECK enum cr_status cr_dry_run(const struct cr_job *job,
                                        const struct cr_setting *setting,
                                        size_t reply_bytes, bool restless,
                                        struct cr_usage *usage);

#endif
