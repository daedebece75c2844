// health.c - see health.h.
#include "run/health.h"

#include <inttypes.h>
#include <stdio.h>

#include "credence/base/mem.h"
#include "credence/model/client.h"

enum cr_status cr_run_health_init(struct cr_run_health *health,
                                  const struct cr_job *job, int size,
                                  struct cr_err *err) {
    *health = (struct cr_run_health){.job = job};
    health->blocked = cr_calloc((size_t)size, sizeof *health->blocked);
    return health->blocked != NULL
               ? CR_OK
               : cr_err_set(err, CR_E_MEMORY, "out of memory for %d ranks", size);
}

void cr_run_health_fini(struct cr_run_health *health) {
    cr_free(health->blocked);
    health->blocked = NULL;
}

static bool is_known(const struct cr_run_health *health,
                     const struct cr_notice_message *notice) {
    for (uint32_t i = 0; i < health->news_len; i++) {
        const struct cr_failure_kind *kind = &health->news[i];
        if (kind->model == notice->model && kind->endpoint == notice->endpoint &&
            kind->reason == notice->reason) {
            return true;
        }
    }
    return health->news_len == CR_HEALTH_NEWS_MAX;
}

bool cr_run_health_notice(struct cr_run_health *health, int rank,
                          const struct cr_notice_message *notice) {
    if (notice->kind == CR_NOTICE_BLOCKED) {
        health->blocked[rank] |= UINT64_C(1) << notice->model;
        health->any_blocked = true;
        if (notice->reason == CR_REASON_NO_LOGPROBS) {
            health->lacks_logprobs |= UINT64_C(1) << notice->model;
        }
        return false;
    }
    (void)snprintf(health->words[notice->model], CR_HEALTH_TEXT_BYTES, "%s",
                   notice->text);
    if (is_known(health, notice)) {
        return false;
    }
    health->news[health->news_len++] =
        (struct cr_failure_kind){notice->model, notice->endpoint, notice->reason};
    return true;
}

static bool is_blocked(const struct cr_run_health *health, int rank, uint32_t model) {
    return (health->blocked[rank] >> model & 1) != 0;
}

static bool is_at_work(const struct cr_member *member) {
    return member->state == CR_MEMBER_LIVE || member->state == CR_MEMBER_LEAVING;
}

// Whether a rank has been given markets but has not said yet what became of their calls:
// one that fails at once is heard before one that is answered.
static bool is_unheard(const struct cr_member *member) {
    uint64_t calls = 0;
    for (uint32_t i = 0; i < member->models_len; i++) {
        calls +=
            member->models[i].metrics.attempts + member->models[i].metrics.in_flight;
    }
    return member->granted_len > 0 && calls == 0;
}

// Whether MODEL has answered any rank in this launch, or may still answer one.
static bool may_answer(const struct cr_run_health *health,
                       const struct cr_roster *roster, uint32_t model,
                       bool *has_answered) {
    bool may = false;
    *has_answered = false;
    for (int rank = 1; rank < roster->size; rank++) {
        const struct cr_member *member = &roster->at[rank];
        const struct cr_model_metrics *m = &member->models[model].metrics;
        const bool is_known = model < member->models_len;
        *has_answered = *has_answered || (is_known && m->calls_done > 0);
        may = may || (is_at_work(member) && !is_blocked(health, rank, model) &&
                      ((is_known && m->in_flight > 0) || is_unheard(member)));
    }
    return may || *has_answered;
}

static bool any_blocked(const struct cr_run_health *health,
                        const struct cr_roster *roster, uint32_t model) {
    for (int rank = 1; rank < roster->size; rank++) {
        if (is_blocked(health, rank, model)) {
            return true;
        }
    }
    return false;
}

bool cr_run_health_is_hopeless(const struct cr_run_health *health,
                               const struct cr_roster *roster, char *why,
                               size_t bytes) {
    bool has_answered;
    for (uint32_t model = 0; health->any_blocked && model < health->job->models_len;
         model++) {
        if ((health->lacks_logprobs >> model & 1) != 0) {
            (void)snprintf(why, bytes,
                           "%s; the job reads them: give model %s a server that has "
                           "them and run the same command again",
                           health->words[model], health->job->models[model].name);
            return true;
        }
        if (any_blocked(health, roster, model) &&
            !may_answer(health, roster, model, &has_answered)) {
            (void)snprintf(why, bytes,
                           "%s; its first calls all ended so. Nothing was scored: mend "
                           "it and run the same command again",
                           health->words[model]);
            return true;
        }
    }
    return false;
}

bool cr_run_health_is_blocked(const struct cr_run_health *health, int rank) {
    return health->blocked[rank] != 0;
}

int cr_run_health_outcast(const struct cr_run_health *health,
                          const struct cr_roster *roster) {
    for (int rank = 1; health->any_blocked && rank < roster->size; rank++) {
        if (health->blocked[rank] == 0 || roster->at[rank].state != CR_MEMBER_LIVE) {
            continue;
        }
        for (uint32_t model = 0; model < health->job->models_len; model++) {
            bool has_answered;
            (void)may_answer(health, roster, model, &has_answered);
            if (is_blocked(health, rank, model) && has_answered) {
                return rank;
            }
        }
    }
    return -1;
}

static enum cr_reason commonest_failure(const struct cr_tally *tally) {
    int most = CR_REASON_FIRST_FAILURE;
    for (int i = CR_REASON_FIRST_FAILURE; i < CR_REASON_COUNT; i++) {
        most = tally->by_reason[i] > tally->by_reason[most] ? i : most;
    }
    return (enum cr_reason)most;
}

bool cr_run_health_lost_too_many(const struct cr_failure_limit *limit,
                                 const struct cr_tally *tally, uint64_t finished,
                                 char *why, size_t bytes) {
    const bool by_share = limit->episodes == 0;
    const bool is_over =
        by_share ? limit->share < 1 && finished >= CR_HEALTH_EPISODES &&
                       (double)tally->failed > limit->share * (double)finished
                 : tally->failed > limit->episodes;
    if (!is_over) {
        return false;
    }
    const enum cr_reason reason = commonest_failure(tally);
    (void)snprintf(why, bytes,
                   "%" PRIu64 " of %" PRIu64 " episodes failed (%" PRIu64
                   " of them: %s), more than --max-failed allows; they are not scored, "
                   "and the same command tries them again",
                   tally->failed, finished, tally->by_reason[reason],
                   cr_reason_names[reason]);
    return true;
}

bool cr_run_health_cut_advice(struct cr_run_health *health,
                              const struct cr_cut_counts *counts, char *advice,
                              size_t bytes) {
    for (uint32_t i = 0; i < health->job->models_len; i++) {
        const struct cr_model *model = &health->job->models[i];
        const uint64_t bit = UINT64_C(1) << i;
        const uint64_t cut = counts->cut[i], replies = counts->replies[i];
        if ((health->has_cut_advice & bit) != 0 ||
            (double)cut <= CR_HEALTH_CUT_SHARE * (double)replies ||
            (!counts->is_final && replies < CR_HEALTH_CUT_REPLIES)) {
            continue;
        }
        health->has_cut_advice |= bit;
        (void)snprintf(advice, bytes,
                       "model %s: %" PRIu64 " of %" PRIu64
                       " replies were cut at max_tokens %u: raise "
                       "models.%s.params.max_tokens",
                       model->name, cut, replies, model->max_tokens, model->name);
        return true;
    }
    return false;
}
