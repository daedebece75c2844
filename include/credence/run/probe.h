// probe.h - the first calls of a job, and a few beside them, to see whether its models
// are fit to price.
//
// Layer    run (5)
// Threads  one owner
// MPI      none: one process
//
// Openings are the very calls that a run of the job makes, on the tape of its directory,
// so that they are not paid twice. What is asked besides (the same call again, the claim
// negated and paraphrased, the form with an example in it) is on the tape too, in no
// episode of any plan. A call whose request is on the tape already is not made again.
#ifndef CREDENCE_RUN_PROBE_H
#define CREDENCE_RUN_PROBE_H

#include "credence/base/log.h"
#include "credence/core/job.h"
#include "credence/job/bundle.h"
#include "credence/job/plan.h"
#include "credence/stats/fitness.h"

enum { CR_PROBE_ITEMS = 24 }; // propositions a model, unless said otherwise

struct cr_probe_options {
    struct cr_bundle_request request;
    const char *dir; // NULL: runs/NAME, as run
    uint32_t items;  // propositions a model
};

struct cr_probe_model {
    uint32_t model; // index into job.models
    struct cr_fitness_item *items;
    uint32_t len;
    uint64_t calls;      // that this probe made
    uint64_t recorded;   // that were on the tape
    bool lacks_logprobs; // its server gave none, so there are no readings
    struct cr_fitness summary;
};

struct cr_probe {
    struct cr_buf bundle;
    struct cr_job *job;
    struct cr_plan *plan;
    struct cr_probe_model *models; // those that open a market
    uint32_t models_len;
    char dir[4096];
};

// Probe the makers of the job, with the servers that it starts. CR_E_NOT_FOUND: no cell is
// opened by its maker; CR_E_BLOCKED: a model cannot answer, or its server does not come up;
// CR_E_STOPPED: a signal, and the same call goes on from the tape; errors of reading the
// job, of the directory and of the tape. A call that fails is data.
CR_MUST_CHECK enum cr_status cr_probe_run(const struct cr_probe_options *options,
                                          struct cr_log *log, struct cr_probe *out,
                                          struct cr_err *err);
void cr_probe_fini(struct cr_probe *probe);

#endif
