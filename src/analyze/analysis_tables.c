// analysis_tables.c - the analysis as tables, one function a table.
#include <math.h>

#include "analyze/text_table.h"
#include "credence/analyze/analysis_print.h"

struct printer {
    const struct cr_analysis *analysis;
    enum cr_dress dress;
    struct cr_buf *out;
};

static enum cr_status finish(struct cr_table *table, struct printer *to) {
    enum cr_status status = cr_table_print(table, to->out);
    cr_table_fini(table);
    return status;
}

// The groups of self_consistency, when there are any.
static enum cr_status vote_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"n", "n", CR_COLUMN_NUMBER},
        {"mean price%", "final", CR_COLUMN_NUMBER},
        {"vote%", "vote", CR_COLUMN_NUMBER},
        {"95 %", "vote", CR_COLUMN_INTERVAL},
        {"vote - mean", "vote_gain", CR_COLUMN_NUMBER},
        {"95 %", "vote_gain", CR_COLUMN_INTERVAL},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "self_consistency: final by mean price and by majority vote",
                  columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        const struct cr_accuracy *a = &to->analysis->group[g].accuracy;
        if (isnan(a->vote)) {
            continue;
        }
        cr_table_text(&table, to->analysis->group[g].group->label);
        cr_table_count(&table, a->scored);
        cr_table_share(&table, a->final);
        cr_table_share(&table, a->vote);
        cr_table_interval(&table, &a->vote_interval, 1);
        cr_table_share(&table, a->vote_gain);
        cr_table_interval(&table, &a->vote_gain_interval, 1);
    }
    if (table.cells > 0 || table.status != CR_OK) {
        return finish(&table, to);
    }
    cr_table_fini(&table);
    return CR_OK;
}

static enum cr_status accuracy_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"n", "n", CR_COLUMN_NUMBER},
        {"cov%", "coverage", CR_COLUMN_NUMBER},
        {"inv", "invalid", CR_COLUMN_NUMBER},
        {"fail", "failed", CR_COLUMN_NUMBER},
        {"open%", "opening", CR_COLUMN_NUMBER},
        {"final%", "final", CR_COLUMN_NUMBER},
        {"diff", "difference", CR_COLUMN_NUMBER},
        {"95 %", "difference", CR_COLUMN_INTERVAL},
        {"p", "p", CR_COLUMN_NUMBER},
        {"Holm", "p_holm", CR_COLUMN_NUMBER},
        {"conv%", "converged", CR_COLUMN_NUMBER},
        {"iter", "iterations", CR_COLUMN_NUMBER},
        {"vote%", "vote", CR_COLUMN_NUMBER}, // these in CSV alone: see vote_table
        {"95 %", "vote", CR_COLUMN_INTERVAL},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    bool is_csv = to->dress == CR_DRESS_CSV;
    cr_table_init(&table, "accuracy, opening against final", columns, to->dress);
    table.columns -= is_csv ? 0 : 2;
    for (size_t g = 0; g < to->analysis->groups; g++) {
        const struct cr_accuracy *a = &to->analysis->group[g].accuracy;
        cr_table_text(&table, to->analysis->group[g].group->label);
        cr_table_count(&table, a->n);
        cr_table_share(&table, a->coverage);
        cr_table_count(&table, a->invalid);
        cr_table_count(&table, a->failed);
        cr_table_share(&table, a->opening);
        cr_table_share(&table, a->final);
        cr_table_share(&table, a->difference);
        cr_table_interval(&table, &a->difference_interval, 1);
        cr_table_p(&table, &a->permutation, a->permutation.p);
        cr_table_p(&table, &a->permutation, to->analysis->group[g].p_holm);
        cr_table_share(&table, a->converged);
        cr_table_fixed(&table, a->iterations, 1);
        if (is_csv) {
            cr_table_share(&table, a->vote);
            cr_table_interval(&table, &a->vote_interval, 1);
        }
    }
    enum cr_status status = finish(&table, to);
    return status == CR_OK && !is_csv ? vote_table(to) : status;
}

static enum cr_status calibration_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"t", "t", CR_COLUMN_NUMBER},
        {"n", "n", CR_COLUMN_NUMBER},
        {"acc%", "accuracy", CR_COLUMN_NUMBER},
        {"Brier", "brier", CR_COLUMN_NUMBER},
        {"rel", "reliability", CR_COLUMN_NUMBER},
        {"res", "resolution", CR_COLUMN_NUMBER},
        {"unc", "uncertainty", CR_COLUMN_NUMBER},
        {"within", "within", CR_COLUMN_NUMBER},
        {"log", "log_score", CR_COLUMN_NUMBER},
        {"ECE", "ece_width", CR_COLUMN_NUMBER},
        {"ECE-m", "ece_mass", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "calibration by iteration", columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        for (uint32_t t = 0; t < to->analysis->group[g].slices; t++) {
            const struct cr_slice_result *s = &to->analysis->group[g].slice[t];
            const struct cr_calibration *c = &s->calibration;
            cr_table_text(&table, to->analysis->group[g].group->label);
            cr_table_count(&table, t);
            cr_table_count(&table, c->n);
            cr_table_share(&table, s->accuracy);
            cr_table_fixed(&table, c->brier, 4);
            cr_table_fixed(&table, c->reliability, 4);
            cr_table_fixed(&table, c->resolution, 4);
            cr_table_fixed(&table, c->uncertainty, 4);
            cr_table_fixed(&table, c->within, 4);
            cr_table_fixed(&table, c->log_score, 4);
            cr_table_fixed(&table, c->ece_width, 4);
            cr_table_fixed(&table, c->ece_mass, 4);
        }
    }
    return finish(&table, to);
}

static void reliability_rows(struct cr_table *table,
                             const struct cr_group_result *group, uint32_t t) {
    const struct cr_calibration *c = &group->slice[t].calibration;
    for (uint32_t b = 0; b < c->bins; b++) {
        if (c->width[b].n == 0 && c->mass[b].n == 0) {
            continue;
        }
        cr_table_text(table, group->group->label);
        cr_table_text(table, t == 0 ? "opening" : "final");
        cr_table_fixed(table, (double)b / c->bins, 2);
        cr_table_count(table, c->width[b].n);
        cr_table_fixed(table, c->width[b].price, 4);
        cr_table_fixed(table, c->width[b].share, 4);
        cr_table_count(table, c->mass[b].n);
        cr_table_fixed(table, c->mass[b].price, 4);
        cr_table_fixed(table, c->mass[b].share, 4);
    }
}

static enum cr_status reliability_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"when", "when", CR_COLUMN_TEXT},
        {"from", "bin_from", CR_COLUMN_NUMBER},
        {"n", "width_n", CR_COLUMN_NUMBER},
        {"price", "width_price", CR_COLUMN_NUMBER},
        {"true", "width_share", CR_COLUMN_NUMBER},
        {"n (mass)", "mass_n", CR_COLUMN_NUMBER},
        {"price", "mass_price", CR_COLUMN_NUMBER},
        {"true", "mass_share", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "reliability: bins of equal width, and of equal mass",
                  columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        const struct cr_group_result *group = &to->analysis->group[g];
        if (group->slices > 0) {
            reliability_rows(&table, group, 0);
        }
        if (group->slices > 1) {
            reliability_rows(&table, group, group->slices - 1);
        }
    }
    return finish(&table, to);
}

static enum cr_status iterations_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"t", "t", CR_COLUMN_NUMBER},
        {"moved", "running", CR_COLUMN_NUMBER},
        {"|dp|", "mean_move", CR_COLUMN_NUMBER},
        {"to truth", "toward_truth", CR_COLUMN_NUMBER},
        {"95 %", "toward_truth", CR_COLUMN_INTERVAL},
        {"R>W", "right_to_wrong", CR_COLUMN_NUMBER},
        {"W>R", "wrong_to_right", CR_COLUMN_NUMBER},
        {"risk", "at_risk", CR_COLUMN_NUMBER},
        {"eq", "events", CR_COLUMN_NUMBER},
        {"surv%", "survival", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "moves and survival by iteration", columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        for (uint32_t t = 0; t < to->analysis->group[g].slices; t++) {
            const struct cr_slice_result *s = &to->analysis->group[g].slice[t];
            const struct cr_survival *v = &to->analysis->group[g].dynamics.survival[t];
            cr_table_text(&table, to->analysis->group[g].group->label);
            cr_table_count(&table, t);
            cr_table_count(&table, s->running);
            cr_table_fixed(&table, s->mean_move, 4);
            cr_table_fixed(&table, s->toward_truth, 4);
            cr_table_interval(&table, &s->toward_truth_interval, -4);
            cr_table_count(&table, s->right_to_wrong);
            cr_table_count(&table, s->wrong_to_right);
            cr_table_count(&table, v->at_risk);
            cr_table_count(&table, v->events);
            cr_table_share(&table, v->survival);
        }
    }
    return finish(&table, to);
}

static enum cr_status dynamics_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"median", "median_iterations", CR_COLUMN_NUMBER},
        {"mean", "restricted_mean", CR_COLUMN_NUMBER},
        {"turns", "sign_changes", CR_COLUMN_NUMBER},
        {"osc%", "oscillating", CR_COLUMN_NUMBER},
        {"contr", "contraction", CR_COLUMN_NUMBER},
        {"mtg p", "martingale_p", CR_COLUMN_NUMBER},
        {"moment", "momentum", CR_COLUMN_NUMBER},
        {"agree%", "replicate_agreement", CR_COLUMN_NUMBER},
        {"with%", "moved_with", CR_COLUMN_NUMBER},
        {"push", "persuasion", CR_COLUMN_NUMBER},
        {"W>R%", "opening_wrong_ends_right", CR_COLUMN_NUMBER},
        {"R>W%", "opening_right_ends_wrong", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "dynamics", columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        const struct cr_dynamics *d = &to->analysis->group[g].dynamics;
        cr_table_text(&table, to->analysis->group[g].group->label);
        cr_table_fixed(&table, d->quartile_iterations[1], 0);
        cr_table_fixed(&table, d->restricted_mean, 2);
        cr_table_fixed(&table, d->sign_changes, 2);
        cr_table_share(&table, d->oscillating);
        cr_table_fixed(&table, d->contraction, 3);
        cr_table_p(&table, &d->martingale, d->martingale.p);
        cr_table_fixed(&table, d->momentum, 3);
        cr_table_share(&table, d->replicate_agreement);
        cr_table_share(&table, d->moved_with);
        cr_table_fixed(&table, d->persuasion, 3);
        cr_table_share(&table,
                       (double)d->opening_wrong.right / (double)d->opening_wrong.n);
        cr_table_share(&table,
                       (double)d->opening_right.wrong / (double)d->opening_right.n);
    }
    return finish(&table, to);
}

static enum cr_status worth_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"calls", "calls", CR_COLUMN_NUMBER},
        {"tokens", "tokens", CR_COLUMN_NUMBER},
        {"seconds", "latency_s", CR_COLUMN_NUMBER},
        {"usd", "usd", CR_COLUMN_NUMBER},
        {"final%", "final", CR_COLUMN_NUMBER},
        {"per 1k tok", "accuracy_per_1000_tokens", CR_COLUMN_NUMBER},
        {"tok/point", "tokens_per_point", CR_COLUMN_NUMBER},
        {"usd/point", "usd_per_point", CR_COLUMN_NUMBER},
        {"frontier", "frontier", CR_COLUMN_TEXT},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "worth, per finished episode", columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        const struct cr_group_result *group = &to->analysis->group[g];
        const struct cr_worth *w = &group->worth;
        cr_table_text(&table, group->group->label);
        cr_table_fixed(&table, w->calls, 1);
        cr_table_fixed(&table, w->tokens, 0);
        cr_table_fixed(&table, w->latency_s, 2);
        cr_table_fixed(&table, w->usd, 5);
        cr_table_share(&table, group->accuracy.final);
        cr_table_fixed(&table, w->accuracy_per_1000_tokens, 3);
        cr_table_fixed(&table, w->tokens_per_point, 0);
        cr_table_fixed(&table, w->usd_per_point, 5);
        cr_table_text(&table, group->is_on_frontier ? "yes" : "no");
    }
    return finish(&table, to);
}

static enum cr_status comparison_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "first", CR_COLUMN_LABEL},
        {"against", "second", CR_COLUMN_LABEL},
        {"kind", "kind", CR_COLUMN_TEXT},
        {"pairs", "pairs", CR_COLUMN_NUMBER},
        {"calls", "first_calls", CR_COLUMN_NUMBER},
        {"calls", "second_calls", CR_COLUMN_NUMBER},
        {"diff", "difference", CR_COLUMN_NUMBER},
        {"95 %", "difference", CR_COLUMN_INTERVAL},
        {"p", "p", CR_COLUMN_NUMBER},
        {"Holm", "p_holm", CR_COLUMN_NUMBER},
        {"McN", "p_mcnemar", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "comparisons, paired by proposition", columns, to->dress);
    for (size_t i = 0; i < to->analysis->pairs; i++) {
        const struct cr_pair_result *pair = &to->analysis->pair[i];
        const struct cr_comparison *c = &pair->comparison;
        cr_table_text(&table, pair->first->group->label);
        cr_table_text(&table, pair->second->group->label);
        cr_table_text(&table, pair->is_equal_calls ? "calls" : "named");
        cr_table_count(&table, c->pairs);
        cr_table_fixed(&table, c->first_calls, 1);
        cr_table_fixed(&table, c->second_calls, 1);
        cr_table_share(&table, c->difference);
        cr_table_interval(&table, &c->interval, 1);
        cr_table_p(&table, &c->permutation, c->permutation.p);
        cr_table_p(&table, &c->permutation, pair->p_holm);
        cr_table_p(&table, &c->mcnemar, c->mcnemar.p);
    }
    if (to->analysis->pairs == 0) {
        cr_table_note(&table,
                      "- no comparison: name a group with --compare; equal-call "
                      "baselines need self_consistency or debate cells");
    }
    return finish(&table, to);
}

static enum cr_status continuous_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"group", "group", CR_COLUMN_LABEL},
        {"n", "n", CR_COLUMN_NUMBER},
        {"open err", "opening_error", CR_COLUMN_NUMBER},
        {"final err", "final_error", CR_COLUMN_NUMBER},
        {"diff", "difference", CR_COLUMN_NUMBER},
        {"95 %", "difference", CR_COLUMN_INTERVAL},
        {"open pin", "opening_pinball", CR_COLUMN_NUMBER},
        {"final pin", "final_pinball", CR_COLUMN_NUMBER},
        {"open cov%", "opening_coverage", CR_COLUMN_NUMBER},
        {"final cov%", "final_coverage", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "quantities", columns, to->dress);
    for (size_t g = 0; g < to->analysis->groups; g++) {
        const struct cr_continuous *c = &to->analysis->group[g].continuous;
        if (c->n == 0) {
            continue;
        }
        cr_table_text(&table, to->analysis->group[g].group->label);
        cr_table_count(&table, c->n);
        cr_table_fixed(&table, c->opening_error, 4);
        cr_table_fixed(&table, c->final_error, 4);
        cr_table_fixed(&table, c->difference, 4);
        cr_table_interval(&table, &c->difference_interval, -4);
        cr_table_fixed(&table, c->opening_pinball, 4);
        cr_table_fixed(&table, c->final_pinball, 4);
        cr_table_share(&table, c->opening_coverage);
        cr_table_share(&table, c->final_coverage);
    }
    return finish(&table, to);
}

static enum cr_status what_if_table(struct printer *to) {
    static const struct cr_column columns[] = {
        {"trajectories of", "trajectories", CR_COLUMN_LABEL},
        {"rule", "rule", CR_COLUMN_TEXT},
        {"w", "window", CR_COLUMN_NUMBER},
        {"T", "threshold", CR_COLUMN_NUMBER},
        {"N", "max_iterations", CR_COLUMN_NUMBER},
        {"done", "done", CR_COLUMN_NUMBER},
        {"unk", "unknown", CR_COLUMN_NUMBER},
        {"final%", "final", CR_COLUMN_NUMBER},
        {"diff", "difference", CR_COLUMN_NUMBER},
        {"95 %", "difference", CR_COLUMN_INTERVAL},
        {"Brier", "brier", CR_COLUMN_NUMBER},
        {"conv%", "converged", CR_COLUMN_NUMBER},
        {"iter", "iterations", CR_COLUMN_NUMBER},
        {NULL, NULL, CR_COLUMN_TEXT},
    };
    struct cr_table table;
    cr_table_init(&table, "what if the stop rule had been another", columns, to->dress);
    for (size_t g = 0; g < to->analysis->what_if.len; g++) {
        for (size_t i = 0; i < to->analysis->what_if.at[g].rows; i++) {
            const struct cr_what_if_row *row = &to->analysis->what_if.at[g].row[i];
            cr_table_text(&table, to->analysis->what_if.at[g].label);
            cr_table_text(&table, cr_stop_rule_names[row->rule.rule]);
            cr_table_count(&table, row->rule.window);
            cr_table_fixed(&table, row->rule.threshold, 3);
            cr_table_count(&table, row->rule.max_iterations);
            cr_table_count(&table, row->done);
            cr_table_count(&table, row->unknown);
            cr_table_share(&table, row->final);
            cr_table_share(&table, row->difference);
            cr_table_interval(&table, &row->difference_interval, 1);
            cr_table_fixed(&table, row->brier, 4);
            cr_table_share(&table, row->converged);
            cr_table_fixed(&table, row->iterations, 1);
        }
    }
    return finish(&table, to);
}

static bool has_quantities(const struct cr_analysis *analysis) {
    for (size_t g = 0; g < analysis->groups; g++) {
        if (analysis->group[g].continuous.n > 0) {
            return true;
        }
    }
    return false;
}

static enum cr_status definitions(struct printer *to) {
    enum cr_status status = cr_buf_add_text(to->out, "### Definitions\n\n");
    for (const struct cr_definition *d = cr_definitions;
         d->name != NULL && status == CR_OK; d++) {
        status = cr_buf_printf(to->out, "- **%s** (%s): %s.\n", d->name, d->section,
                               d->text);
    }
    return status;
}

static enum cr_status warnings(struct printer *to) {
    enum cr_status status = CR_OK;
    const struct cr_analysis *analysis = to->analysis;
    for (size_t i = 0; i < analysis->warnings && status == CR_OK; i++) {
        status =
            cr_buf_printf(to->out, "%sNote: %s\n", to->dress == CR_DRESS_MD ? "> " : "",
                          analysis->warning[i]);
    }
    if (status == CR_OK && analysis->warnings > 0) {
        status = cr_buf_add_text(to->out, "\n");
    }
    return status;
}

enum cr_status cr_analysis_tables(const struct cr_analysis *analysis, unsigned sections,
                                  enum cr_dress dress, struct cr_buf *out) {
    static const struct {
        unsigned section;
        enum cr_status (*print)(struct printer *to);
    } tables[] = {
        {CR_SECTION_ACCURACY, accuracy_table},
        {CR_SECTION_CALIBRATION, calibration_table},
        {CR_SECTION_RELIABILITY, reliability_table},
        {CR_SECTION_DYNAMICS, dynamics_table},
        {CR_SECTION_ITERATIONS, iterations_table},
        {CR_SECTION_WORTH, worth_table},
        {CR_SECTION_COMPARISON, comparison_table},
        {CR_SECTION_CONTINUOUS, continuous_table},
        {CR_SECTION_WHAT_IF, what_if_table},
    };
    struct printer to = {analysis, dress, out};
    enum cr_status status = dress != CR_DRESS_CSV ? warnings(&to) : CR_OK;
    if (!has_quantities(analysis) && dress != CR_DRESS_CSV) {
        sections &= ~(unsigned)CR_SECTION_CONTINUOUS;
    }
    if (analysis->cfg.grid == NULL && dress != CR_DRESS_CSV) {
        sections &= ~(unsigned)CR_SECTION_WHAT_IF;
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == CR_OK; i++) {
        if (sections & tables[i].section) {
            status = tables[i].print(&to);
        }
    }
    return status == CR_OK && dress == CR_DRESS_MD ? definitions(&to) : status;
}
