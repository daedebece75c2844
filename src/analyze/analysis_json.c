// analysis_json.c - the whole analysis as one JSON object; the report is made from it.
#include <math.h>
#include <string.h>

#include "credence/analyze/analysis_print.h"

#include "credence/base/json_write.h"

static void interval(struct cr_json_writer *emit, const char *key,
                     const struct cr_interval *interval) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_number(emit, "low", interval->low);
    cr_json_write_number(emit, "high", interval->high);
    if (interval->reason != NULL) {
        cr_json_write_text(emit, "reason", interval->reason);
    }
    cr_json_write_close(emit, '}');
}

static void test(struct cr_json_writer *emit, const char *key,
                 const struct cr_test *test) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_number(emit, "p", test->p);
    cr_json_write_number(emit, "statistic", test->statistic);
    cr_json_write_bool(emit, "exact", test->is_exact);
    if (test->reason != NULL) {
        cr_json_write_text(emit, "reason", test->reason);
    }
    cr_json_write_close(emit, '}');
}

static void accuracy(struct cr_json_writer *emit, const struct cr_group_result *group) {
    const struct cr_accuracy *a = &group->accuracy;
    cr_json_write_open(emit, "accuracy", '{');
    cr_json_write_count(emit, "n", a->n);
    cr_json_write_count(emit, "done", a->done);
    cr_json_write_count(emit, "invalid", a->invalid);
    cr_json_write_count(emit, "failed", a->failed);
    cr_json_write_count(emit, "pending", a->pending);
    cr_json_write_number(emit, "coverage", a->coverage);
    cr_json_write_count(emit, "scored", a->scored);
    cr_json_write_count(emit, "questions", a->questions);
    cr_json_write_number(emit, "opening", a->opening);
    interval(emit, "opening_interval", &a->opening_interval);
    cr_json_write_number(emit, "final", a->final);
    interval(emit, "final_interval", &a->final_interval);
    cr_json_write_number(emit, "difference", a->difference);
    interval(emit, "difference_interval", &a->difference_interval);
    if (!isnan(a->vote)) {
        cr_json_write_number(emit, "vote", a->vote);
        interval(emit, "vote_interval", &a->vote_interval);
        cr_json_write_number(emit, "vote_gain", a->vote_gain);
        interval(emit, "vote_gain_interval", &a->vote_gain_interval);
    }
    test(emit, "permutation", &a->permutation);
    cr_json_write_number(emit, "p_holm", group->p_holm);
    test(emit, "mcnemar", &a->mcnemar);
    cr_json_write_count(emit, "right_to_wrong", a->right_to_wrong);
    cr_json_write_count(emit, "wrong_to_right", a->wrong_to_right);
    cr_json_write_count(emit, "ties", a->ties);
    cr_json_write_number(emit, "converged", a->converged);
    interval(emit, "converged_interval", &a->converged_interval);
    interval(emit, "invalid_interval", &a->invalid_interval);
    cr_json_write_number(emit, "iterations", a->iterations);
    cr_json_write_close(emit, '}');
}

static void brier_and_worth(struct cr_json_writer *emit,
                            const struct cr_group_result *group) {
    cr_json_write_open(emit, "brier", '{');
    cr_json_write_count(emit, "n", group->brier.n);
    cr_json_write_number(emit, "opening", group->brier.opening);
    cr_json_write_number(emit, "final", group->brier.final);
    cr_json_write_number(emit, "difference", group->brier.difference);
    interval(emit, "difference_interval", &group->brier.difference_interval);
    cr_json_write_close(emit, '}');
    const struct cr_worth *w = &group->worth;
    cr_json_write_open(emit, "worth", '{');
    cr_json_write_count(emit, "n", w->n);
    cr_json_write_number(emit, "tokens", w->tokens);
    cr_json_write_number(emit, "calls", w->calls);
    cr_json_write_number(emit, "latency_s", w->latency_s);
    cr_json_write_number(emit, "usd", w->usd);
    cr_json_write_number(emit, "accuracy_per_1000_tokens", w->accuracy_per_1000_tokens);
    cr_json_write_number(emit, "tokens_per_point", w->tokens_per_point);
    cr_json_write_number(emit, "usd_per_point", w->usd_per_point);
    cr_json_write_bool(emit, "frontier", group->is_on_frontier);
    cr_json_write_close(emit, '}');
}

static void continuous(struct cr_json_writer *emit, const struct cr_continuous *c) {
    if (c->n == 0) {
        return;
    }
    cr_json_write_open(emit, "continuous", '{');
    cr_json_write_count(emit, "n", c->n);
    cr_json_write_number(emit, "opening_error", c->opening_error);
    cr_json_write_number(emit, "final_error", c->final_error);
    cr_json_write_number(emit, "difference", c->difference);
    interval(emit, "difference_interval", &c->difference_interval);
    cr_json_write_count(emit, "quantile_n", c->quantile_n);
    cr_json_write_number(emit, "opening_pinball", c->opening_pinball);
    cr_json_write_number(emit, "final_pinball", c->final_pinball);
    cr_json_write_number(emit, "opening_coverage", c->opening_coverage);
    cr_json_write_number(emit, "final_coverage", c->final_coverage);
    cr_json_write_close(emit, '}');
}

static void ending(struct cr_json_writer *emit, const char *key,
                   const struct cr_ending *e) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_count(emit, "n", e->n);
    cr_json_write_count(emit, "right", e->right);
    cr_json_write_count(emit, "tied", e->tied);
    cr_json_write_count(emit, "wrong", e->wrong);
    cr_json_write_number(emit, "truth_price", e->truth_price);
    cr_json_write_close(emit, '}');
}

static void dynamics(struct cr_json_writer *emit, const struct cr_dynamics *d) {
    cr_json_write_open(emit, "dynamics", '{');
    cr_json_write_count(emit, "done", d->done);
    cr_json_write_number(emit, "lower_quartile_iterations", d->quartile_iterations[0]);
    cr_json_write_number(emit, "median_iterations", d->quartile_iterations[1]);
    cr_json_write_number(emit, "upper_quartile_iterations", d->quartile_iterations[2]);
    cr_json_write_number(emit, "restricted_mean", d->restricted_mean);
    cr_json_write_number(emit, "sign_changes", d->sign_changes);
    cr_json_write_number(emit, "oscillating", d->oscillating);
    cr_json_write_count(emit, "contraction_moves", d->contraction_moves);
    cr_json_write_number(emit, "contraction", d->contraction);
    interval(emit, "contraction_interval", &d->contraction_interval);
    cr_json_write_count(emit, "martingale_moves", d->martingale_moves);
    test(emit, "martingale", &d->martingale);
    cr_json_write_number(emit, "momentum", d->momentum);
    interval(emit, "momentum_interval", &d->momentum_interval);
    cr_json_write_count(emit, "replicate_pairs", d->replicate_pairs);
    cr_json_write_number(emit, "replicate_agreement", d->replicate_agreement);
    cr_json_write_number(emit, "replicate_spread", d->replicate_spread);
    cr_json_write_count(emit, "pushed", d->pushed);
    cr_json_write_number(emit, "moved_with", d->moved_with);
    cr_json_write_number(emit, "persuasion", d->persuasion);
    interval(emit, "persuasion_interval", &d->persuasion_interval);
    ending(emit, "opening_wrong", &d->opening_wrong);
    ending(emit, "opening_right", &d->opening_right);
    cr_json_write_close(emit, '}');
}

static void bins(struct cr_json_writer *emit, const char *key, const struct cr_bin *bin,
                 uint32_t len) {
    cr_json_write_open(emit, key, '[');
    for (uint32_t b = 0; b < len; b++) {
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_count(emit, "n", bin[b].n);
        cr_json_write_number(emit, "price", bin[b].price);
        cr_json_write_number(emit, "share", bin[b].share);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void calibration(struct cr_json_writer *emit, const struct cr_calibration *c) {
    cr_json_write_open(emit, "calibration", '{');
    cr_json_write_count(emit, "n", c->n);
    cr_json_write_number(emit, "brier", c->brier);
    cr_json_write_number(emit, "reliability", c->reliability);
    cr_json_write_number(emit, "resolution", c->resolution);
    cr_json_write_number(emit, "uncertainty", c->uncertainty);
    cr_json_write_number(emit, "within", c->within);
    cr_json_write_number(emit, "log_score", c->log_score);
    cr_json_write_number(emit, "ece_width", c->ece_width);
    cr_json_write_number(emit, "ece_mass", c->ece_mass);
    bins(emit, "bins_width", c->width, c->bins);
    bins(emit, "bins_mass", c->mass, c->bins);
    cr_json_write_close(emit, '}');
}

static void iteration(struct cr_json_writer *emit, const struct cr_group_result *group,
                      uint32_t t) {
    const struct cr_slice_result *s = &group->slice[t];
    const struct cr_survival *v = &group->dynamics.survival[t];
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_count(emit, "t", t);
    cr_json_write_count(emit, "scored", s->scored);
    cr_json_write_number(emit, "accuracy", s->accuracy);
    interval(emit, "accuracy_interval", &s->accuracy_interval);
    cr_json_write_count(emit, "running", s->running);
    cr_json_write_number(emit, "mean_move", s->mean_move);
    cr_json_write_number(emit, "toward_truth", s->toward_truth);
    interval(emit, "toward_truth_interval", &s->toward_truth_interval);
    cr_json_write_count(emit, "right_to_wrong", s->right_to_wrong);
    cr_json_write_count(emit, "wrong_to_right", s->wrong_to_right);
    cr_json_write_number(emit, "truth_price", s->truth_price);
    cr_json_write_count(emit, "at_risk", v->at_risk);
    cr_json_write_count(emit, "events", v->events);
    cr_json_write_count(emit, "censored", v->censored);
    cr_json_write_number(emit, "survival", v->survival);
    calibration(emit, &s->calibration);
    cr_json_write_close(emit, '}');
}

static void factors(struct cr_json_writer *emit, const struct cr_dataset *dataset,
                    const struct cr_group *group) {
    cr_json_write_open(emit, "factors", '{');
    for (size_t i = 0; i < dataset->factors; i++) {
        cr_json_write_text(emit, cr_factor_name((size_t)dataset->factor[i]),
                           group->value[i]);
    }
    cr_json_write_close(emit, '}');
    const struct cr_run_cell *cell = group->cell; // of the group's first cell
    cr_json_write_open(emit, "first_cell", '{');
    cr_json_write_text(emit, "name", cell->name);
    cr_json_write_text(emit, "protocol", cell->protocol);
    cr_json_write_text(emit, "benchmark", cell->benchmark);
    cr_json_write_text(emit, "maker", cell->maker);
    cr_json_write_text(emit, "trader", cell->trader);
    cr_json_write_text(emit, "stance", cell->stance);
    cr_json_write_text(emit, "stop.rule", cell->stop_rule);
    cr_json_write_number(emit, "stop.threshold", cell->threshold);
    cr_json_write_count(emit, "stop.window", cell->window);
    cr_json_write_count(emit, "max_iterations", cell->max_iterations);
    cr_json_write_close(emit, '}');
}

static void one_group(struct cr_json_writer *emit, const struct cr_analysis *analysis,
                      const struct cr_group_result *group) {
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_text(emit, "label", group->group->label);
    factors(emit, analysis->dataset, group->group);
    accuracy(emit, group);
    brier_and_worth(emit, group);
    continuous(emit, &group->continuous);
    dynamics(emit, &group->dynamics);
    cr_json_write_open(emit, "iterations", '[');
    for (uint32_t t = 0; t < group->slices; t++) {
        iteration(emit, group, t);
    }
    cr_json_write_close(emit, ']');
    cr_json_write_close(emit, '}');
}

static void one_pair(struct cr_json_writer *emit, const struct cr_pair_result *pair) {
    const struct cr_comparison *c = &pair->comparison;
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_text(emit, "first", pair->first->group->label);
    cr_json_write_text(emit, "second", pair->second->group->label);
    cr_json_write_bool(emit, "equal_calls", pair->is_equal_calls);
    if (pair->is_equal_calls) {
        cr_json_write_count(emit, "second_cut_at", pair->cut);
    }
    cr_json_write_count(emit, "pairs", c->pairs);
    cr_json_write_count(emit, "questions", c->questions);
    cr_json_write_number(emit, "first_accuracy", c->first);
    cr_json_write_number(emit, "second_accuracy", c->second);
    cr_json_write_number(emit, "difference", c->difference);
    interval(emit, "interval", &c->interval);
    test(emit, "permutation", &c->permutation);
    cr_json_write_number(emit, "p_holm", pair->p_holm);
    test(emit, "mcnemar", &c->mcnemar);
    cr_json_write_count(emit, "first_only", c->first_only);
    cr_json_write_count(emit, "second_only", c->second_only);
    cr_json_write_number(emit, "first_calls", c->first_calls);
    cr_json_write_number(emit, "second_calls", c->second_calls);
    cr_json_write_number(emit, "first_tokens", c->first_tokens);
    cr_json_write_number(emit, "second_tokens", c->second_tokens);
    cr_json_write_number(emit, "first_usd", c->first_usd);
    cr_json_write_number(emit, "second_usd", c->second_usd);
    cr_json_write_close(emit, '}');
}

static void one_what_if(struct cr_json_writer *emit, const char *label,
                        const struct cr_what_if_row *row) {
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_text(emit, "trajectories", label);
    cr_json_write_text(emit, "stop.rule", cr_stop_rule_names[row->rule.rule]);
    cr_json_write_count(emit, "stop.window", row->rule.window);
    cr_json_write_number(emit, "stop.threshold", row->rule.threshold);
    cr_json_write_count(emit, "max_iterations", row->rule.max_iterations);
    cr_json_write_count(emit, "done", row->done);
    cr_json_write_count(emit, "invalid", row->invalid);
    cr_json_write_count(emit, "failed", row->failed);
    cr_json_write_count(emit, "unknown", row->unknown);
    cr_json_write_count(emit, "scored", row->scored);
    cr_json_write_number(emit, "opening", row->opening);
    cr_json_write_number(emit, "final", row->final);
    cr_json_write_number(emit, "difference", row->difference);
    interval(emit, "difference_interval", &row->difference_interval);
    cr_json_write_number(emit, "converged", row->converged);
    cr_json_write_number(emit, "iterations", row->iterations);
    cr_json_write_number(emit, "brier", row->brier);
    cr_json_write_close(emit, '}');
}

static void head(struct cr_json_writer *emit, const struct cr_analysis *analysis,
                 const char *version) {
    static const char *const families[] = {"groups", "comparisons", "all"};
    const struct cr_dataset *dataset = analysis->dataset;
    cr_json_write_text(emit, "credence", version);
    cr_json_write_open(emit, "files", '[');
    for (size_t v = 0; v < dataset->views; v++) {
        const struct cr_run_view *view = dataset->view[v].view;
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "path", dataset->view[v].path);
        cr_json_write_text(emit, "job_hash", view->job_hash);
        cr_json_write_text(emit, "version", view->version);
        cr_json_write_count(emit, "episodes", view->episodes);
        cr_json_write_bool(emit, "simulated", view->is_simulated);
        cr_json_write_bool(emit, "complete", view->is_complete);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
    cr_json_write_open(emit, "settings", '{');
    cr_json_write_count(emit, "resamples", analysis->cfg.resamples);
    cr_json_write_count(emit, "seed", analysis->cfg.seed);
    cr_json_write_number(emit, "level", analysis->cfg.level);
    cr_json_write_count(emit, "bins", analysis->cfg.bins);
    cr_json_write_text(emit, "family", families[analysis->cfg.family]);
    cr_json_write_close(emit, '}');
}

static void definitions(struct cr_json_writer *emit) {
    cr_json_write_open(emit, "definitions", '[');
    for (const struct cr_definition *d = cr_definitions; d->name != NULL; d++) {
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "name", d->name);
        cr_json_write_text(emit, "section", d->section);
        cr_json_write_text(emit, "text", d->text);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

enum cr_status cr_analysis_json(const struct cr_analysis *analysis, const char *version,
                                struct cr_buf *out) {
    struct cr_json_writer emit = {.out = out};
    cr_json_write_open(&emit, NULL, '{');
    head(&emit, analysis, version);
    cr_json_write_open(&emit, "warnings", '[');
    for (size_t i = 0; i < analysis->warnings; i++) {
        cr_json_write_text(&emit, NULL, analysis->warning[i]);
    }
    cr_json_write_close(&emit, ']');
    cr_json_write_open(&emit, "groups", '[');
    for (size_t g = 0; g < analysis->groups; g++) {
        one_group(&emit, analysis, &analysis->group[g]);
    }
    cr_json_write_close(&emit, ']');
    cr_json_write_open(&emit, "comparisons", '[');
    for (size_t i = 0; i < analysis->pairs; i++) {
        one_pair(&emit, &analysis->pair[i]);
    }
    cr_json_write_close(&emit, ']');
    cr_json_write_open(&emit, "what_if", '[');
    for (size_t g = 0; g < analysis->what_if.len; g++) {
        for (size_t i = 0; i < analysis->what_if.at[g].rows; i++) {
            one_what_if(&emit, analysis->what_if.at[g].label,
                        &analysis->what_if.at[g].row[i]);
        }
    }
    cr_json_write_close(&emit, ']');
    definitions(&emit);
    cr_json_write_close(&emit, '}');
    if (emit.status == CR_OK) {
        emit.status = cr_buf_add_text(out, "\n");
    }
    return emit.status;
}
