// plan_text.c - a plan for people: the lines that matter first.
#include <inttypes.h>
#include <stdio.h>

#include "cli/planning.h"
#include "credence/model/client.h"

enum { MODELS_SHOWN_MAX = 8, LABEL_COLUMNS = 14 };

// NUMBER with a comma between thousands, as in 1,234,567.
static const char *grouped(double number, char out[40]) {
    char digits[40];
    int len = snprintf(digits, sizeof digits, "%.0f", number);
    int at = 0;
    for (int i = 0; i < len && at < 38; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

static void print_model(const struct cr_screen *screen, const struct cr_model *model,
                        bool is_first) {
    cr_screen_printf(screen, "%-*s%s (%s%s%s)", LABEL_COLUMNS, is_first ? "models" : "",
                     CR_SHOWN(model->name), model->api,
                     model->model != NULL && model->model[0] != '\0' ? ", " : "",
                     model->model != NULL ? CR_SHOWN(model->model) : "");
    for (uint32_t i = 0; i < model->endpoints_len; i++) {
        char proxy[CR_PROXY_SHOWN_MAX];
        cr_screen_printf(screen, "%s%s", i == 0 ? " at " : ", ",
                         CR_SHOWN(model->endpoints[i]));
        if (cr_client_proxy(model, model->endpoints[i], proxy, NULL) == CR_OK &&
            proxy[0] != '\0') {
            cr_screen_styled(screen, CR_STYLE_DOUBT, " through the proxy %s",
                             CR_SHOWN(proxy));
        }
    }
    cr_screen_printf(screen, "%s\n",
                     model->serve.command != NULL ? ", started by the run" : "");
}

static void print_models(const struct cr_screen *screen, const struct cr_job *job) {
    for (uint32_t i = 0; i < job->models_len && i < MODELS_SHOWN_MAX; i++) {
        print_model(screen, &job->models[i], i == 0);
    }
    if (job->models_len > MODELS_SHOWN_MAX) {
        cr_screen_printf(screen, "%-*sand %" PRIu32 " more (--full)\n", LABEL_COLUMNS,
                         "", job->models_len - MODELS_SHOWN_MAX);
    }
}

static enum cr_status print_benchmarks(const struct cr_screen *screen,
                                       const struct cr_job *job) {
    struct cr_buf list;
    cr_buf_init(&list, (size_t)1 << 24);
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < job->benchmarks_len && status == CR_OK; i++) {
        const struct cr_benchmark *b = &job->benchmarks[i];
        status = cr_buf_printf(&list, "%s%s (%zu)", i > 0 ? ", " : "", b->name,
                               b->propositions.len);
    }
    if (status == CR_OK) {
        status = cr_screen_field(screen, "benchmarks", list.data, LABEL_COLUMNS);
    }
    cr_buf_fini(&list);
    return status;
}

static void print_cells(const struct cr_screen *screen,
                        const struct cr_planning *planning) {
    const struct cr_job *job = planning->job;
    cr_screen_styled(screen, CR_STYLE_STRONG, "\n%-10s  %s\n", "trajectory", "cell");
    for (uint32_t i = 0; i < job->cells_len; i++) {
        cr_screen_printf(screen, "%10" PRIu32 "  %s\n", job->cells[i].trajectory,
                         CR_SHOWN(job->cells[i].name));
    }
}

static void print_axes(const struct cr_screen *screen, const struct cr_job *job) {
    char text[40];
    cr_screen_printf(screen, "%-*s%18s", LABEL_COLUMNS, "cells",
                     grouped(job->cells_len, text));
    for (uint32_t i = 0; i < job->axes_len; i++) {
        cr_screen_printf(screen, "%s%s (%" PRIu32 ")", i == 0 ? "  of " : " x ",
                         CR_SHOWN(job->axes[i].path), job->axes[i].values_len);
    }
    cr_screen_printf(screen, "\n");
}

static void print_counts(const struct cr_screen *screen,
                         const struct cr_planning *planning) {
    const struct cr_plan *plan = planning->plan;
    const struct cr_estimate *e = &planning->estimate;
    char text[40];
    if (plan->shards > 1) {
        cr_screen_printf(screen, "%-*s%18" PRIu32 " of %" PRIu32 "\n", LABEL_COLUMNS,
                         "shard", plan->shard + 1, plan->shards);
    }
    print_axes(screen, planning->job);
    cr_screen_printf(screen, "%-*s%18s\n", LABEL_COLUMNS, "propositions",
                     grouped((double)plan->propositions, text));
    cr_screen_printf(screen, "%-*s%18s\n", LABEL_COLUMNS, "trajectories",
                     grouped((double)e->trajectories, text));
    cr_screen_printf(screen, "%-*s%18s\n", LABEL_COLUMNS, "episodes",
                     grouped((double)e->episodes, text));
}

static void print_row(const struct cr_screen *screen, const char *name,
                      const double values[3]) {
    char text[3][40];
    cr_screen_printf(screen, "%-*s", LABEL_COLUMNS, name);
    for (int i = 0; i < 3; i++) {
        cr_screen_printf(screen, "%18s%s", grouped(values[i], text[i]),
                         i < 2 ? "  " : "\n");
    }
}

static void print_costs(const struct cr_screen *screen, const struct cr_estimate *e) {
    const struct cr_amount *a[3] = {&e->low, &e->expected, &e->high};
    cr_screen_styled(screen, CR_STYLE_STRONG, "%-*s%18s  %18s  %18s\n", LABEL_COLUMNS,
                     "", "at least", "expected", "at most");
    print_row(screen, "calls", (double[]){a[0]->calls, a[1]->calls, a[2]->calls});
    print_row(screen, "tokens in",
              (double[]){a[0]->tokens_in, a[1]->tokens_in, a[2]->tokens_in});
    print_row(screen, "tokens out",
              (double[]){a[0]->tokens_out, a[1]->tokens_out, a[2]->tokens_out});
    cr_screen_printf(screen, "%-*s%18.2f  %18.2f  %18.2f\n", LABEL_COLUMNS, "dollars",
                     a[0]->usd, a[1]->usd, a[2]->usd);
}

// One limit of the budget against what the plan needs at least, as expected, at most.
static void print_limit(const struct cr_screen *screen, const char *name, double limit,
                        const double need[3]) {
    static const char *const bounds[] = {"the least", "the expectation", "the most"};
    static const char *const ends[] = {"will", "will probably", "may"};
    char amount[40];
    int first = 0;
    while (first < 3 && need[first] <= limit) {
        first++;
    }
    if (limit <= 0 || first == 3) {
        return;
    }
    if (need[first] < 100) {
        snprintf(amount, sizeof amount, "%.2f", need[first]);
    } else {
        grouped(need[first], amount);
    }
    cr_screen_styled(screen, CR_STYLE_DOUBT,
                     "budget.%s (%.6g) is below %s (%s): the run %s stop early\n", name,
                     limit, bounds[first], amount, ends[first]);
}

static void print_budget(const struct cr_screen *screen,
                         const struct cr_planning *planning) {
    const struct cr_budget *budget = &planning->job->budget;
    const struct cr_estimate *e = &planning->estimate;
    const struct cr_amount *a[3] = {&e->low, &e->expected, &e->high};
    double usd[3], calls[3], tokens[3];
    for (int i = 0; i < 3; i++) {
        usd[i] = a[i]->usd;
        calls[i] = a[i]->calls;
        tokens[i] = a[i]->tokens_in + a[i]->tokens_out;
    }
    print_limit(screen, "usd", budget->usd, usd);
    print_limit(screen, "calls", (double)budget->calls, calls);
    print_limit(screen, "tokens", (double)budget->tokens, tokens);
}

static void print_notes(const struct cr_screen *screen,
                        const struct cr_planning *planning) {
    const struct cr_estimate *e = &planning->estimate;
    char low[40], high[40];
    const double saved_low = (double)e->alone.min - e->low.calls;
    const double saved_high = (double)e->alone.max - e->high.calls;
    if (saved_high > 0) {
        cr_screen_printf(screen,
                         "%" PRIu32 " cells share %" PRIu32
                         " trajectories a proposition, which saves %s to %s calls\n",
                         planning->job->cells_len, planning->plan->groups_len,
                         grouped(saved_low, low), grouped(saved_high, high));
    }
    if (planning->like_dir == NULL) {
        cr_screen_styled(screen, CR_STYLE_FAINT,
                         "expected: halfway between the bounds, with replies of %d "
                         "tokens; see --like\n",
                         CR_REPLY_TOKENS_EXPECTED);
    } else {
        cr_screen_styled(screen, CR_STYLE_FAINT,
                         "expected: as %s for %" PRIu32 " of %" PRIu32
                         " trajectories a proposition\n",
                         CR_SHOWN(planning->like_dir), e->groups_like,
                         planning->plan->groups_len);
    }
}

// What the plan could find: one line a benchmark, for as many as one looks at.
static void print_power(const struct cr_screen *screen,
                        const struct cr_planning *planning) {
    enum { ROWS_MAX = 12 };
    const struct cr_power *power = &planning->power;
    char needed[40];
    for (uint32_t i = 0; i < power->rows_len && i < ROWS_MAX; i++) {
        const struct cr_power_row *row = &power->rows[i];
        cr_screen_printf(screen,
                         "power: %s, %" PRIu64
                         " question%s: a difference of %.1f points is found in 4 "
                         "of 5 runs; %.4g points need %s questions",
                         CR_SHOWN(planning->job->benchmarks[row->benchmark].name),
                         row->questions, row->questions == 1 ? "" : "s",
                         100 * row->detectable, 100 * power->difference,
                         grouped(row->needed_questions, needed));
        if (!row->is_pilot) {
            cr_screen_printf(screen, " or %s replicates", //
                             grouped(row->needed_replicates, needed));
        }
        cr_screen_printf(screen, "\n");
    }
    if (power->rows_len > 0) {
        cr_screen_styled(
            screen, CR_STYLE_FAINT,
            "power: paired test on questions, error 5 %% shared by %" PRIu32
            " %s%s (a bound for Holm); spread ",
            power->comparisons,
            planning->job->hypotheses_len > 0 ? "locked comparison" : "comparison",
            power->comparisons == 1 ? "" : "s");
        if (power->rows[0].is_pilot) {
            cr_screen_styled(screen, CR_STYLE_FAINT, "as in the run of --like\n");
        } else {
            cr_screen_styled(
                screen, CR_STYLE_FAINT,
                "assumed: %.3g %% of judgments change sides, replicates and "
                "propositions of a question independent; see --flips, --like\n",
                100 * power->flips);
        }
    }
}

enum cr_status cr_planning_print(const struct cr_planning *planning,
                                 const struct cr_screen *screen) {
    if (planning->is_full) {
        cr_screen_printf(screen, "%s\n", planning->job->resolved);
        print_cells(screen, planning);
        cr_screen_printf(screen, "\n");
    }
    cr_screen_styled(screen, CR_STYLE_STRONG, "%-*s%s%s\n", LABEL_COLUMNS, "job",
                     CR_SHOWN(planning->job->name),
                     planning->job->is_simulated ? "  [simulated agents]" : "");
    print_models(screen, planning->job);
    const enum cr_status status = print_benchmarks(screen, planning->job);
    if (status != CR_OK) {
        return status;
    }
    print_counts(screen, planning);
    print_costs(screen, &planning->estimate);
    print_budget(screen, planning);
    print_notes(screen, planning);
    print_power(screen, planning);
    if (planning->has_prompts) {
        return cr_planning_prompts(planning, screen);
    }
    cr_screen_styled(
        screen, CR_STYLE_FAINT,
        "--full prints the whole job and its cells, --prompts the first messages\n");
    return CR_OK;
}
