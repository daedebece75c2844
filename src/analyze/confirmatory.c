// confirmatory.c - what a study said beforehand, and whether it was found. A hypothesis
// is confirmatory when it was locked before the first reply, its record is whole, and
// no cell of it could be answered from a tape; all others are shown beside, as
// exploratory, and stay out of Holm's family.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/mem.h"
#include "credence/job/study.h"

#define ALPHA 0.05

// One file, or the shards of one job.
struct study_work {
    struct cr_analysis *analysis;
    const struct cr_run_view *view;
    const char *path;
    struct cr_study *locked; // NULL: nothing was locked, or its record is damaged
    const char *fault;       // why the record is not believed, or NULL
    struct cr_arm first, second;
    uint64_t pending; // episodes of the present hypothesis
    struct cr_err *err;
};

static CR_PRINTF(2, 3) const
    char *say(struct cr_analysis *analysis, const char *fmt, ...) {
    char text[320];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return cr_arena_strdup(&analysis->arena, text);
}

static const struct cr_run_cell *find_cell(const struct cr_run_view *view,
                                           const char *name) {
    for (uint32_t i = 0; i < view->cells; i++) {
        if (strcmp(view->cell_info[i].name, name) == 0) {
            return &view->cell_info[i];
        }
    }
    return NULL;
}

// The model of CELL that answered from a tape; NULL: none did.
static const char *replayed_by(const struct cr_study *study,
                               const struct cr_run_cell *cell) {
    for (size_t i = 0; i < study->replayed_len; i++) {
        const char *model = study->replayed[i];
        // A cell of several traders names them in one text.
        if (strcmp(cell->maker, model) == 0 || strstr(cell->trader, model) != NULL) {
            return model;
        }
    }
    return NULL;
}

// Why ONE confirms nothing; "" when it does.
static const char *why_not(const struct study_work *work,
                           const struct cr_hypothesis *one) {
    const struct cr_study *study = work->locked;
    struct cr_analysis *analysis = work->analysis;
    if (study == NULL) {
        return work->fault != NULL ? work->fault
                                   : "there is no record of when it was locked";
    }
    if (!cr_study_has(study, one)) {
        return "it was added or changed after the hypotheses were locked";
    }
    if (!study->is_genuine) {
        return "the record of locked hypotheses does not match its hash";
    }
    if (study->replies > 0) {
        return say(analysis,
                   "it was locked after %llu replies, with %llu episodes done",
                   (unsigned long long)study->replies,
                   (unsigned long long)study->episodes_done);
    }
    if (study->has_cache) {
        return "replies could come from other runs' tapes (\"cache\")";
    }
    for (uint32_t i = 0; i < one->cells_len; i++) {
        const struct cr_run_cell *cell = find_cell(work->view, one->cells[i]);
        const char *model = cell == NULL ? NULL : replayed_by(study, cell);
        if (cell == NULL) {
            return say(analysis, "the file has no cell '%.120s'", one->cells[i]);
        }
        if (model != NULL) {
            return say(analysis, "model '%.120s' answered from a tape", model);
        }
    }
    return analysis->cfg.excludes_prompted ? "markets were left out (--exclude)" : "";
}

// The scored markets of the cell called NAME; IS_NONE: each is worth 0.
static void fill_arm(struct study_work *work, const char *name,
                     enum cr_control_value which, bool is_none, struct cr_arm *arm) {
    const struct cr_dataset *dataset = work->analysis->dataset;
    cr_arm_clear(arm);
    for (size_t g = 0; g < dataset->groups; g++) {
        for (uint64_t i = 0; i < dataset->group[g].len; i++) {
            uint64_t number = dataset->order[dataset->group[g].first + i];
            const struct cr_dataset_view *from = cr_dataset_view_of(dataset, number);
            struct cr_market market;
            if (strcmp(from->view->job_hash, work->view->job_hash) != 0 ||
                strcmp(cr_dataset_cell(dataset, number)->name, name) != 0) {
                continue;
            }
            cr_dataset_market(dataset, number, &market);
            work->pending += market.status == CR_PENDING;
            double value =
                cr_market_is_scored(&market) ? cr_control_value(&market, which) : NAN;
            if (!isnan(value)) {
                cr_arm_add_value(arm, &market, is_none ? 0.0 : value);
            }
        }
    }
}

static enum cr_control_value value_of(uint32_t contrast, bool is_second) {
    switch ((enum cr_contrast)contrast) {
    case CR_CONTRAST_GAIN:
        return CR_VALUE_GAIN;
    case CR_CONTRAST_BRIER:
        return CR_VALUE_BRIER;
    case CR_CONTRAST_AGENT_SCORE:
        return is_second ? CR_VALUE_LOG_AGAINST : CR_VALUE_LOG_TRUTH;
    default:
        return CR_VALUE_FINAL;
    }
}

// The sign flips are symmetric: half of the two-sided p on the expected side, and the
// rest of 1 on the other.
static double one_sided(const struct cr_comparison *comparison, uint32_t direction) {
    double p = comparison->permutation.p;
    if (direction == CR_EXPECTED_TWO_SIDED || isnan(p)) {
        return p;
    }
    bool is_expected = direction == CR_EXPECTED_GREATER ? comparison->difference > 0
                                                        : comparison->difference < 0;
    return is_expected ? p / 2.0 : 1.0 - p / 2.0;
}

static enum cr_status add_hypothesis(struct study_work *work,
                                     const struct cr_hypothesis *one) {
    struct cr_analysis *analysis = work->analysis;
    struct cr_arena *arena = &analysis->arena;
    const struct cr_bootstrap how = {analysis->cfg.resamples, analysis->cfg.level,
                                     analysis->cfg.seed};
    const bool is_alone = one->cells_len < 2;
    const struct cr_study *study = work->locked;
    struct cr_confirmatory_result made = {
        .name = cr_arena_strdup(arena, one->name),
        .contrast = cr_contrast_names[one->contrast],
        .direction = cr_expected_names[one->direction],
        .first = cr_arena_strdup(arena, one->cells[0]),
        .second = is_alone ? "" : cr_arena_strdup(arena, one->cells[1]),
        .why_not = why_not(work, one),
        .locked_at = study == NULL ? "" : cr_arena_strdup(arena, study->locked_at),
        .hash = study == NULL ? "" : cr_arena_strdup(arena, study->hash),
        .replies = study == NULL ? 0 : study->replies,
        .episodes_done = study == NULL ? 0 : study->episodes_done,
    };
    if (made.name == NULL || made.first == NULL || made.second == NULL ||
        made.why_not == NULL || made.locked_at == NULL || made.hash == NULL) {
        return CR_E_MEMORY;
    }
    work->pending = 0;
    made.is_confirmatory = made.why_not[0] == '\0';
    fill_arm(work, one->cells[0], value_of(one->contrast, false), false, &work->first);
    fill_arm(work, one->cells[is_alone ? 0 : 1], value_of(one->contrast, true),
             is_alone, &work->second);
    enum cr_status status =
        cr_compare(&work->first, &work->second, analysis->dataset->questions, &how,
                   &made.comparison);
    made.outcome = work->pending > 0 ? "interim" : "";
    made.p = status == CR_OK ? one_sided(&made.comparison, one->direction) : NAN;
    if (status == CR_OK) {
        status = cr_array_grow(
            (void **)&analysis->confirmatory, &analysis->confirmatories_cap,
            analysis->confirmatories + 1, sizeof *analysis->confirmatory);
    }
    if (status == CR_OK) {
        analysis->confirmatory[analysis->confirmatories++] = made;
    }
    return status;
}

// Those that were locked, and those that only the job has now.
static enum cr_status add_study(struct study_work *work) {
    struct cr_study *now = NULL;
    enum cr_status status = cr_study_read_job(work->view->job, &now, work->err);
    for (size_t i = 0; status == CR_OK && work->locked != NULL && i < work->locked->len;
         i++) {
        status = add_hypothesis(work, &work->locked->at[i]);
    }
    for (size_t i = 0; status == CR_OK && i < now->len; i++) {
        if (work->locked == NULL || !cr_study_has(work->locked, &now->at[i])) {
            status = add_hypothesis(work, &now->at[i]);
        }
    }
    cr_study_destroy(now);
    return status;
}

// The locks of the shards of WORK's job, as one: what was known in any of them.
static enum cr_status join_shards(struct study_work *work) {
    const struct cr_dataset *dataset = work->analysis->dataset;
    enum cr_status status = CR_OK;
    for (size_t v = 0; v < dataset->views && status == CR_OK; v++) {
        const struct cr_run_view *other = dataset->view[v].view;
        struct cr_study *theirs = NULL;
        if (other == work->view || strcmp(other->job_hash, work->view->job_hash) != 0 ||
            work->locked == NULL) {
            continue;
        }
        status = other->hypotheses == NULL
                     ? CR_E_FORMAT
                     : cr_study_read(other->hypotheses, strlen(other->hypotheses),
                                     &theirs, NULL);
        if (status == CR_E_MEMORY) {
            return status;
        }
        bool is_same = status == CR_OK && strcmp(theirs->hash, work->locked->hash) == 0;
        work->locked->is_genuine = work->locked->is_genuine && is_same;
        if (is_same) {
            work->locked->replies += theirs->replies;
            work->locked->episodes_done += theirs->episodes_done;
            work->locked->has_cache = work->locked->has_cache || theirs->has_cache ||
                                      theirs->replayed_len > 0;
        }
        cr_study_destroy(theirs);
        status = CR_OK;
    }
    return status;
}

static enum cr_status read_view(struct study_work *work) {
    struct cr_err why = {0};
    const char *text = work->view->hypotheses;
    if (text == NULL || text[0] == '\0') {
        return CR_OK;
    }
    enum cr_status status = cr_study_read(text, strlen(text), &work->locked, &why);
    if (status == CR_E_FORMAT) {
        work->fault = say(work->analysis, "%s", why.text);
        return work->fault == NULL ? CR_E_MEMORY : CR_OK;
    }
    return status == CR_OK ? join_shards(work) : status;
}

static bool is_first_of_job(const struct cr_dataset *dataset, size_t v) {
    for (size_t k = 0; k < v; k++) {
        if (strcmp(dataset->view[k].view->job_hash, dataset->view[v].view->job_hash) ==
            0) {
            return false;
        }
    }
    return true;
}

// Holm over the confirmatory ones alone, and what came of each.
static enum cr_status correct(struct cr_analysis *analysis) {
    double *p = cr_malloc((analysis->confirmatories + 1) * sizeof *p);
    if (p == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < analysis->confirmatories; i++) {
        const struct cr_confirmatory_result *one = &analysis->confirmatory[i];
        // A hypothesis without a p (no pairs) stays in the family: it was not found.
        double found = isnan(one->p) ? 1.0 : one->p;
        p[i] = one->is_confirmatory ? found : NAN;
    }
    enum cr_status status = cr_holm(p, analysis->confirmatories);
    for (size_t i = 0; i < analysis->confirmatories && status == CR_OK; i++) {
        struct cr_confirmatory_result *one = &analysis->confirmatory[i];
        one->p_holm = p[i];
        one->outcome = !one->is_confirmatory                  ? "exploratory"
                       : strcmp(one->outcome, "interim") == 0 ? "interim"
                       : one->p_holm <= ALPHA                 ? "found"
                                                              : "not found";
    }
    cr_free(p);
    return status;
}

static enum cr_status confirm_view(struct study_work *work, size_t v) {
    struct cr_analysis *analysis = work->analysis;
    work->view = analysis->dataset->view[v].view;
    work->fault = NULL;
    enum cr_status status = read_view(work);
    if (status == CR_OK) {
        status = add_study(work);
    }
    cr_study_destroy(work->locked);
    work->locked = NULL;
    return status;
}

enum cr_status cr_analysis_confirm(struct cr_analysis *analysis, struct cr_err *err) {
    const struct cr_dataset *dataset = analysis->dataset;
    struct study_work work = {.analysis = analysis, .err = err};
    enum cr_status status = cr_arm_init(&work.first, dataset->propositions);
    if (status == CR_OK) {
        status = cr_arm_init(&work.second, dataset->propositions);
    }
    for (size_t v = 0; v < dataset->views && status == CR_OK; v++) {
        if (is_first_of_job(dataset, v)) {
            status = confirm_view(&work, v);
        }
    }
    if (status == CR_OK) {
        status = correct(analysis);
    }
    cr_arm_fini(&work.first);
    cr_arm_fini(&work.second);
    return status;
}
