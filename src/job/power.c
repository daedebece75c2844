// Power, by the formula in the header.
#include "credence/job/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/stats/inference.h"

static int compare_hashes(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

// The questions of LIST; 0 when out of memory.
static uint64_t count_questions(const struct cr_propositions *list) {
    uint64_t *hashes = cr_calloc(list->len + 1, sizeof *hashes), questions = 0;
    if (hashes == NULL) {
        return 0;
    }
    for (size_t i = 0; i < list->len; i++) {
        const char *id = list->at[i].question_id;
        hashes[i] = cr_hash64(id, strlen(id), 0);
    }
    qsort(hashes, list->len, sizeof *hashes, compare_hashes);
    for (size_t i = 0; i < list->len; i++) {
        questions += i == 0 || hashes[i] != hashes[i - 1];
    }
    cr_free(hashes);
    return questions;
}

// The largest S of the earlier run's cells on BENCHMARK, else of all; 0: none.
static double pilot_sd(const struct cr_like *like, const char *benchmark) {
    double own = 0, any = 0;
    for (size_t i = 0; like != NULL && i < like->len; i++) {
        const struct cr_like_cell *cell = &like->cells[i];
        bool is_own = strcmp(cell->benchmark, benchmark) == 0;
        any = cell->sd > any ? cell->sd : any;
        own = is_own && cell->sd > own ? cell->sd : own;
    }
    return own > 0 ? own : any;
}

static void fill_row(const struct cr_plan *plan, const struct cr_like *like,
                     const struct cr_power *power, struct cr_power_row *row) {
    const struct cr_benchmark *benchmark = &plan->job->benchmarks[row->benchmark];
    double each = (double)benchmark->propositions.len / (double)row->questions;
    double z = cr_normal_quantile(1 - CR_POWER_ALPHA / (2.0 * power->comparisons)) +
               cr_normal_quantile(CR_POWER_WANTED);
    row->sd = pilot_sd(like, benchmark->name);
    row->is_pilot = row->sd > 0;
    if (!row->is_pilot) {
        row->sd = sqrt(power->flips / (each * row->replicates));
    }
    row->detectable = z * row->sd / sqrt((double)row->questions);
    double ratio = row->detectable / power->difference;
    row->needed_questions = ceil((double)row->questions * ratio * ratio);
    row->needed_replicates =
        row->is_pilot ? NAN : ceil((double)row->replicates * ratio * ratio);
}

// The fewest replicates of the cells on BENCHMARK; 0: it is not used.
static uint32_t replicates_of(const struct cr_job *job, uint32_t benchmark) {
    uint32_t fewest = 0;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        bool is_less = fewest == 0 || cell->replicates < fewest;
        if (cell->benchmark == benchmark && is_less) {
            fewest = cell->replicates;
        }
    }
    return fewest;
}

enum cr_status cr_power_make(const struct cr_plan *plan, const struct cr_like *like,
                             const struct cr_power_cfg *cfg, struct cr_power *out,
                             struct cr_err *err) {
    const struct cr_job *job = plan->job;
    struct cr_power power = {.difference = cfg->difference > 0 ? cfg->difference
                                                               : CR_POWER_DIFFERENCE,
                             .flips = cfg->flips > 0 ? cfg->flips : CR_POWER_FLIPS};
    like = cfg->flips > 0 ? NULL : like;
    power.rows = cr_calloc((size_t)job->benchmarks_len + 1, sizeof *power.rows);
    if (power.rows == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the power of the plan");
    }
    for (uint32_t i = 0; i < job->cells_len; i++) {
        power.comparisons += !job->cells[i].is_whole;
    }
    power.comparisons =
        job->hypotheses_len > 0 ? job->hypotheses_len : power.comparisons;
    for (uint32_t b = 0; b < job->benchmarks_len; b++) {
        struct cr_power_row *row = &power.rows[power.rows_len];
        *row =
            (struct cr_power_row){.benchmark = b, .replicates = replicates_of(job, b)};
        if (row->replicates == 0) {
            continue;
        }
        row->questions = count_questions(&job->benchmarks[b].propositions);
        if (row->questions == 0) {
            cr_power_fini(&power);
            return cr_err_set(err, CR_E_MEMORY,
                              "out of memory for the power of the plan");
        }
        fill_row(plan, like, &power, row);
        power.rows_len++;
    }
    *out = power;
    return CR_OK;
}

void cr_power_fini(struct cr_power *power) {
    cr_free(power->rows);
    *power = (struct cr_power){0};
}
