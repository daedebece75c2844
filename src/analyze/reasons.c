// reasons.c - why episodes are invalid or failed, why judgments were repaired, and what
// helps.
//
// Counting takes one pass over the rows; the servers' own words are in /calls and are
// read for the first few episodes of each reason alone.
#include <stdio.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/core/call.h"
#include "credence/core/said.h"

enum what { INVALID, FAILED, REPAIRED, NO_ARGUMENT, WHAT_COUNT };
static const char *const what_names[WHAT_COUNT] = {"invalid", "failed", "repaired",
                                                   "no argument"};

// What a person can do; NULL: nothing that holds for all.
static const char *const advice[CR_REASON_COUNT] = {
    [CR_REASON_UNREADABLE] = "read some replies with 'credence show'; let a schema or "
                             "logprob elicitation force the form",
    [CR_REASON_OUT_OF_RANGE] = "let the schema of the answer bound the price, or use a "
                               "prompt set that names the range",
    [CR_REASON_CUT] = "raise max_tokens of the model",
    [CR_REASON_REFUSED] = "read some refusals with 'credence show'; word the claims or "
                          "the prompts differently",
    [CR_REASON_FILTERED] =
        "a content filter of the server took the replies: change its "
        "settings, or the provider",
    [CR_REASON_NO_LOGPROBS] = "use elicitation verbal or sampled with this server",
    [CR_REASON_CONNECTION] =
        "check that the server runs and its URL is right, then run "
        "again: failed episodes are made anew",
    [CR_REASON_TIMEOUT] =
        "raise limits.timeout_s or lower limits.concurrency, then run "
        "again",
    [CR_REASON_RATE] = "lower limits.rpm, limits.tpm or limits.concurrency, then run "
                       "again",
    [CR_REASON_QUOTA] = "add credit to the account, then run again",
    [CR_REASON_KEY] = "check the API key and its rights, then run again",
    [CR_REASON_NOT_FOUND] = "check the model's name and the URL's path, then run again",
    [CR_REASON_BAD_REQUEST] = "read the server's words: a parameter that it refuses",
    [CR_REASON_SERVER] = "read the server's log, then run again",
    [CR_REASON_REPLAY] = "the tape holds no such call: replay the job it was made by",
};

enum { JOB_BYTES_MAX = 1 << 26, JOB_DEPTH_MAX = 64 };
enum { SAMPLES = 8 }; // episodes whose calls are read for the server's words

struct tally {
    uint64_t count;
    uint64_t sample[SAMPLES]; // whole numbers of rows
    size_t samples;
};

struct tallies {
    struct tally at[WHAT_COUNT][CR_REASON_COUNT];
    uint64_t finished, judgments;
};

static void count(struct tally *tally, uint64_t number) {
    tally->count++;
    if (tally->samples < SAMPLES &&
        (tally->samples == 0 || tally->sample[tally->samples - 1] != number)) {
        tally->sample[tally->samples++] = number;
    }
}

static void count_repairs(struct tallies *tallies, const struct cr_run_view *view,
                          uint64_t row, uint64_t number) {
    const uint8_t *repair = view->repair_reason + (size_t)row * view->iterations;
    for (uint32_t t = 0; t < view->prices_len[row]; t++) {
        tallies->judgments++;
        if (repair[t] > CR_REASON_NONE && repair[t] < CR_REASON_COUNT) {
            count(&tallies->at[REPAIRED][repair[t]], number);
        }
    }
}

// Why the argument that a market ended without was not usable: its iteration made no
// judgment, but its first bad reply is recorded.
static uint8_t trader_reason(const struct cr_run_view *view, uint64_t row) {
    uint32_t t = view->prices_len[row];
    if (view->repair_reason == NULL || t >= view->iterations) {
        return CR_REASON_NONE;
    }
    uint8_t reason = view->repair_reason[(size_t)row * view->iterations + t];
    return reason < CR_REASON_COUNT ? reason : CR_REASON_NONE;
}

static void count_row(struct tallies *tallies, const struct cr_dataset *dataset,
                      uint64_t number) {
    const struct cr_dataset_view *one = cr_dataset_view_of(dataset, number);
    uint64_t row = number - one->first;
    uint8_t status = one->view->status[row];
    uint8_t reason = one->view->reason != NULL ? one->view->reason[row] : 0;
    reason = reason < CR_REASON_COUNT ? reason : CR_REASON_NONE;
    tallies->finished += status != CR_PENDING;
    if (status == CR_INVALID || status == CR_FAILED) {
        count(&tallies->at[status == CR_INVALID ? INVALID : FAILED][reason], number);
    }
    if (one->view->ended[row] == CR_ENDED_NO_ARGUMENT) {
        count(&tallies->at[NO_ARGUMENT][trader_reason(one->view, row)], number);
    }
    if (one->view->repair_reason != NULL) {
        count_repairs(tallies, one->view, row, number);
    }
}

// The commonest words among the sampled episodes' calls; NULL when there are none. A
// file without its calls has none either, and that is fine.
static const char *find_words(struct cr_analysis *analysis, const struct tally *tally,
                              enum cr_reason reason) {
    struct cr_said words = {.len = 0};
    for (size_t s = 0; s < tally->samples; s++) {
        const struct cr_dataset_view *one =
            cr_dataset_view_of(analysis->dataset, tally->sample[s]);
        struct cr_call_records calls = {0};
        if (cr_dataset_calls(one, tally->sample[s] - one->first, &calls) == CR_OK) {
            for (size_t i = 0; i < calls.len; i++) {
                const char *said = cr_call_record_words(&calls.at[i]);
                if (calls.at[i].reason == reason && said != NULL) {
                    cr_said_add(&words, said);
                }
            }
        }
        cr_call_records_fini(&calls);
    }
    const char *commonest = cr_said_commonest(&words);
    return commonest != NULL ? cr_arena_strdup(&analysis->arena, commonest) : NULL;
}

// "raise models.m.params.max_tokens, now 20": what the job says it is.
static const char *advise_cut(struct cr_analysis *analysis,
                              const struct cr_group_result *group) {
    char text[200], path[160];
    const char *maker = group->group->cell->maker;
    const char *job = analysis->dataset->view[0].view->job;
    struct cr_json *root = NULL;
    snprintf(path, sizeof path, "models.%s.params.max_tokens", maker);
    double now = 0.0;
    if (job != NULL &&
        cr_json_parse(job, strlen(job),
                      (struct cr_json_limits){JOB_BYTES_MAX, JOB_DEPTH_MAX}, &root,
                      NULL) == CR_OK) {
        now = cr_json_number(cr_json_get_path(root, path), 0.0);
    }
    cr_json_free(root);
    if (now > 0.0) {
        snprintf(text, sizeof text, "raise %s, now %.0f", path, now);
    } else {
        snprintf(text, sizeof text, "raise %s", path);
    }
    return cr_arena_strdup(&analysis->arena, text);
}

static enum cr_status keep(struct cr_analysis *analysis,
                           const struct cr_reason_result *one) {
    enum cr_status status =
        cr_array_grow((void **)&analysis->reason, &analysis->reasons_cap,
                      analysis->reasons + 1, sizeof *analysis->reason);
    if (status == CR_OK) {
        analysis->reason[analysis->reasons++] = *one;
    }
    return status;
}

static enum cr_status report(struct cr_analysis *analysis,
                             const struct cr_group_result *group,
                             const struct tallies *tallies) {
    enum cr_status status = CR_OK;
    bool has_words = (analysis->cfg.sections & CR_SECTION_REASONS) != 0;
    for (int what = 0; what < WHAT_COUNT; what++) {
        for (int r = 0; r < CR_REASON_COUNT && status == CR_OK; r++) {
            const struct tally *tally = &tallies->at[what][r];
            if (tally->count == 0) {
                continue;
            }
            uint64_t of = what == REPAIRED ? tallies->judgments : tallies->finished;
            struct cr_reason_result one = {
                .label = group->label,
                .what = what_names[what],
                .reason = r == CR_REASON_NONE ? "not recorded" : cr_reason_names[r],
                .count = tally->count,
                .share = (double)tally->count / (double)of,
                .advice = r == CR_REASON_CUT ? advise_cut(analysis, group) : advice[r],
                .words =
                    has_words ? find_words(analysis, tally, (enum cr_reason)r) : NULL};
            status = keep(analysis, &one);
        }
    }
    return status;
}

enum cr_status cr_analysis_reasons(struct cr_analysis *analysis) {
    struct tallies *tallies = cr_malloc(sizeof *tallies);
    enum cr_status status = tallies == NULL ? CR_E_MEMORY : CR_OK;
    for (size_t g = 0; g < analysis->groups && status == CR_OK; g++) {
        const struct cr_group_result *group = &analysis->group[g];
        memset(tallies, 0, sizeof *tallies);
        for (uint64_t i = 0; i < group->group->len; i++) {
            count_row(tallies, analysis->dataset,
                      analysis->dataset->order[group->group->first + i]);
        }
        status = report(analysis, group, tallies);
    }
    cr_free(tallies);
    return status;
}
