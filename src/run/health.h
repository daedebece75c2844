// health.h - whether a run can go on: models that cannot answer, ranks that alone fail,
// replies that are cut, episodes that are lost.
//
// Layer    run (5), private to rank 0; pure
// Threads  one owner
//
// Workers send a notice of the first failure of a kind, and one when the first calls of a
// model all met what only a person can mend (model/client.h). When no rank has had an
// answer of that model, the run stops; when others have, that rank is put aside.
#ifndef CR_RUN_HEALTH_H
#define CR_RUN_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/cluster/message.h"
#include "credence/core/job.h"
#include "run/recorder.h"
#include "run/roster.h"

enum {
    CR_HEALTH_NEWS_MAX =
        512, // kinds of failure that are told of all models and endpoints
    CR_HEALTH_TEXT_BYTES = 512,
    CR_HEALTH_CUT_REPLIES = 20, // of a model, before a share of them means anything
    CR_HEALTH_EPISODES = 100    // finished, before a share of failed ones stops a run
};
#define CR_HEALTH_CUT_SHARE 0.05

struct cr_run_health {
    const struct cr_job *job;
    struct cr_failure_kind {
        uint32_t model, endpoint, reason;
    } news[CR_HEALTH_NEWS_MAX];
    uint32_t news_len;
    bool any_blocked;
    uint64_t lacks_logprobs; // bits of models that answer, but not with these
    uint64_t *blocked; // [size] of a rank: a bit for each model (CR_BEAT_MODELS_MAX)
    char words[CR_BEAT_MODELS_MAX][CR_HEALTH_TEXT_BYTES]; // of a model's last notice
    uint64_t has_cut_advice;                              // a bit for each model
};

CR_MUST_CHECK enum cr_status cr_run_health_init(struct cr_run_health *health,
                                                const struct cr_job *job, int size,
                                                struct cr_err *err);
void cr_run_health_fini(struct cr_run_health *health);

// A notice of RANK. True when people have not heard of this kind of failure yet; false for
// "blocked", which is remembered.
bool cr_run_health_notice(struct cr_run_health *health, int rank,
                          const struct cr_notice_message *notice);

// Whether some model can answer nobody: WHY (CR_HEALTH_TEXT_BYTES + 256) says which, and
// what its server said.
bool cr_run_health_is_hopeless(const struct cr_run_health *health,
                               const struct cr_roster *roster, char *why, size_t bytes);
// Whether RANK has found a model that answers it nothing.
bool cr_run_health_is_blocked(const struct cr_run_health *health, int rank);
// A live rank whose calls to a model all fail while those of others are answered; -1.
int cr_run_health_outcast(const struct cr_run_health *health,
                          const struct cr_roster *roster);

// What is allowed to fail: a share of the finished episodes of this launch once
// CR_HEALTH_EPISODES of them are finished, or (episodes > 0) a number.
struct cr_failure_limit {
    double share; // 1: any
    uint64_t episodes;
};
// Whether more episodes failed than LIMIT allows, FINISHED having been finished in this
// launch; WHY says how many, and the commonest reason.
bool cr_run_health_lost_too_many(const struct cr_failure_limit *limit,
                                 const struct cr_tally *tally, uint64_t finished,
                                 char *why, size_t bytes);

// Replies of each model, and those that ended at max_tokens: [models_len].
struct cr_cut_counts {
    const uint64_t *cut, *replies;
    bool is_final; // however few there are
};
// The next model of whose replies too many are cut, with the advice for people; false
// when there is none. Once a model.
bool cr_run_health_cut_advice(struct cr_run_health *health,
                              const struct cr_cut_counts *counts, char *advice,
                              size_t bytes);

#endif
