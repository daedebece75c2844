// cmd_plan.c - `credence plan`: the job as it was understood, and what it will cost.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "credence/base/json.h"
#include "credence/job/bundle.h"
#include "credence/job/estimate.h"
#include "credence/job/job_file.h"
#include "credence/job/plan.h"
#include "credence/protocol/protocol.h"

enum { SETS_MAX = 256, CELLS_SHOWN_MAX = 40 };

enum { OPTION_SET = 256, OPTION_LIMIT, OPTION_SHARD, OPTION_LIKE, OPTION_JSON };

static const struct cr_option options[] = {
    {OPTION_SET, "set", "PATH=VALUE", "change the job: --set cell.stop.threshold=0.1"},
    {OPTION_LIMIT, "limit", "N", "the first N items of each benchmark"},
    {OPTION_SHARD, "shard", "I/N", "part I of N (from 1) of the work"},
    {OPTION_LIKE, "like", "DIR", "expect what this earlier run spent on such cells"},
    {OPTION_JSON, "json", NULL, "all of it as one JSON object"},
    {0, NULL, NULL, NULL},
};

static const struct cr_definition terms[] = {
    {"cells", "", "points of the grid, each a row of every table"},
    {"trajectories", "",
     "markets that are run; cells that differ in their stop rule, or in a factor that "
     "their protocol does not know, share one"},
    {"episodes", "", "rows of run.h5: a cell's view of a trajectory"},
    {"at least", "",
     "every market settles at once, and replies are as short as they can be"},
    {"at most", "",
     "every market runs to its end, and replies fill max_tokens; repairs and retries "
     "come on top"},
    {"expected", "",
     "what the run named by --like spent on such cells; without one, halfway between "
     "the bounds with replies of 150 tokens"},
    {NULL, NULL, NULL},
};

struct planning {
    struct cr_bundle_request request;
    const char *sets[SETS_MAX];
    const char *like_dir;
    bool is_json;
    struct cr_buf bundle;
    struct cr_job *job;
    struct cr_plan *plan;
    struct cr_like like;
    struct cr_estimate estimate;
};

static bool take_shard(const struct cr_args *args, struct cr_bundle_request *request) {
    unsigned part, parts;
    char rest;
    if (sscanf(args->value, "%u/%u%c", &part, &parts, &rest) != 2 || part < 1 ||
        part > parts) {
        cr_command_usage_error(
            args->command, "--shard wants I/N with I from 1 to N, as in 3/8, not '%s'",
            args->value);
        return false;
    }
    request->shard = part - 1;
    request->shards = parts;
    return true;
}

static bool take_option(const struct cr_args *args, int key,
                        struct planning *planning) {
    unsigned long long limit = 0;
    switch (key) {
    case OPTION_SET:
        if (planning->request.sets_len == SETS_MAX) {
            cr_command_usage_error(args->command, "more than %d --set", SETS_MAX);
            return false;
        }
        planning->sets[planning->request.sets_len++] = args->value;
        return true;
    case OPTION_LIMIT:
        if (!cr_args_u64(args, "limit", 1, 1ULL << 40, &limit)) {
            return false;
        }
        planning->request.limit = limit;
        return true;
    case OPTION_SHARD:
        return take_shard(args, &planning->request);
    case OPTION_LIKE:
        planning->like_dir = args->value;
        return true;
    default:
        planning->is_json = true;
        return true;
    }
}

static enum cr_status make(struct planning *planning, struct cr_err *err) {
    enum cr_status status = cr_bundle_read(&planning->request, &planning->bundle, err);
    if (status == CR_OK) {
        status = cr_job_create(planning->bundle.data, planning->bundle.used_bytes,
                               &planning->job, err);
    }
    if (status == CR_OK) {
        status = cr_plan_create(planning->job, &planning->plan, err);
    }
    if (status == CR_OK && planning->like_dir != NULL) {
        status = cr_like_read(planning->like_dir, &planning->like, err);
    }
    if (status == CR_OK) {
        status = cr_estimate_make(planning->plan,
                                  planning->like_dir == NULL ? NULL : &planning->like,
                                  &planning->estimate, err);
    }
    return status;
}

static void print_cells(const struct planning *planning) {
    const struct cr_job *job = planning->job;
    printf("\n%-10s  %s\n", "trajectory", "cell");
    for (uint32_t i = 0; i < job->cells_len && i < CELLS_SHOWN_MAX; i++) {
        printf("%10" PRIu32 "  %s\n", job->cells[i].trajectory, job->cells[i].name);
    }
    if (job->cells_len > CELLS_SHOWN_MAX) {
        printf("%10s  and %" PRIu32 " more (--json lists them all)\n", "",
               job->cells_len - CELLS_SHOWN_MAX);
    }
}

// NUMBER with its thousands parted, as in 1,234,567.
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

static void print_row(const char *name, const double values[3]) {
    char text[3][40];
    printf("%-12s", name);
    for (int i = 0; i < 3; i++) {
        printf("  %18s", grouped(values[i], text[i]));
    }
    putchar('\n');
}

static void print_costs(const struct cr_estimate *e) {
    const struct cr_amount *a[3] = {&e->low, &e->expected, &e->high};
    printf("\n%-12s  %18s  %18s  %18s\n", "", "at least", "expected", "at most");
    print_row("calls", (double[]){a[0]->calls, a[1]->calls, a[2]->calls});
    print_row("tokens in",
              (double[]){a[0]->tokens_in, a[1]->tokens_in, a[2]->tokens_in});
    print_row("tokens out",
              (double[]){a[0]->tokens_out, a[1]->tokens_out, a[2]->tokens_out});
    printf("%-12s  %18.2f  %18.2f  %18.2f\n", "dollars", a[0]->usd, a[1]->usd,
           a[2]->usd);
}

static void print_counts(const struct planning *planning) {
    const struct cr_plan *plan = planning->plan;
    const struct cr_estimate *e = &planning->estimate;
    char text[40];
    if (plan->shards > 1) {
        printf("\nshard         %18" PRIu32 " of %" PRIu32 "\n", plan->shard + 1,
               plan->shards);
    } else {
        putchar('\n');
    }
    printf("cells         %18s\n", grouped(planning->job->cells_len, text));
    printf("propositions  %18s\n", grouped((double)plan->propositions, text));
    printf("trajectories  %18s\n", grouped((double)e->trajectories, text));
    printf("episodes      %18s\n", grouped((double)e->episodes, text));
}

static void print_budget(const struct planning *planning) {
    const struct cr_budget *budget = &planning->job->budget;
    const struct cr_amount *e = &planning->estimate.expected;
    const double tokens = e->tokens_in + e->tokens_out;
    if ((budget->usd > 0 && e->usd > budget->usd) ||
        (budget->calls > 0 && e->calls > (double)budget->calls) ||
        (budget->tokens > 0 && tokens > (double)budget->tokens)) {
        puts("\nthe budget ends the run before it is complete, if it goes as expected");
    }
}

static void print_notes(const struct planning *planning) {
    const struct cr_estimate *e = &planning->estimate;
    char low[40], high[40];
    double saved_low = (double)e->alone.min - e->low.calls;
    double saved_high = (double)e->alone.max - e->high.calls;
    if (saved_high > 0) {
        printf("\nsharing saves from %s to %s calls: %" PRIu32
               " cells take their views of "
               "%" PRIu32 " trajectories a proposition\n",
               grouped(saved_low, low), grouped(saved_high, high),
               planning->job->cells_len, planning->plan->groups_len);
    }
    if (planning->like_dir == NULL) {
        printf("\nexpected: halfway, with replies of %d tokens; --like DIR expects "
               "what an "
               "earlier run spent\n",
               CR_REPLY_TOKENS_EXPECTED);
    } else {
        printf("\nexpected: as %s for %" PRIu32 " of %" PRIu32 " trajectories a "
               "proposition\n",
               planning->like_dir, e->groups_like, planning->plan->groups_len);
    }
    if (planning->job->is_simulated) {
        puts("simulated: at least one model is not real");
    }
}

static enum cr_status add_amount(struct cr_json *object, const char *key,
                                 const struct cr_amount *amount) {
    struct cr_json *out = cr_json_new_object();
    enum cr_status status = out == NULL ? CR_E_MEMORY : CR_OK;
    const char *const names[] = {"calls", "tokens_in", "tokens_out", "usd"};
    const double values[] = {amount->calls, amount->tokens_in, amount->tokens_out,
                             amount->usd};
    for (int i = 0; i < 4 && status == CR_OK; i++) {
        status = cr_json_put(out, names[i], cr_json_new_number(values[i]));
    }
    if (status != CR_OK) {
        cr_json_free(out);
        return status;
    }
    return cr_json_put(object, key, out);
}

static enum cr_status add_cells(struct cr_json *object, const struct cr_job *job) {
    struct cr_json *list = cr_json_new_array();
    enum cr_status status = list == NULL ? CR_E_MEMORY : CR_OK;
    for (uint32_t i = 0; i < job->cells_len && status == CR_OK; i++) {
        struct cr_json *cell = cr_json_new_object();
        const double trajectory = job->cells[i].trajectory;
        status = cell == NULL ? CR_E_MEMORY
                              : cr_json_put(cell, "name",
                                            cr_json_new_string(job->cells[i].name));
        status = status == CR_OK
                     ? cr_json_put(cell, "trajectory", cr_json_new_number(trajectory))
                     : status;
        if (status != CR_OK) {
            cr_json_free(cell);
        } else {
            status = cr_json_push(list, cell);
        }
    }
    if (status != CR_OK) {
        cr_json_free(list);
        return status;
    }
    return cr_json_put(object, "cells", list);
}

static enum cr_status add_numbers(struct cr_json *object,
                                  const struct planning *planning) {
    const struct cr_estimate *e = &planning->estimate;
    const struct cr_plan *plan = planning->plan;
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"propositions", (double)plan->propositions},
        {"trajectories", (double)e->trajectories},
        {"episodes", (double)e->episodes},
        {"groups", plan->groups_len},
        {"groups_like", e->groups_like},
        {"shard", plan->shard + 1.0},
        {"shards", plan->shards},
        {"calls_alone_min", (double)e->alone.min},
        {"calls_alone_max", (double)e->alone.max},
    };
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == CR_OK; i++) {
        status = cr_json_put(object, rows[i].name, cr_json_new_number(rows[i].value));
    }
    return status;
}

static enum cr_status print_json(const struct planning *planning) {
    const struct cr_job *job = planning->job;
    const struct cr_estimate *e = &planning->estimate;
    struct cr_json *all = cr_json_new_object(), *resolved = NULL;
    struct cr_buf out;
    char hex[CR_HASH_HEX_BYTES];
    cr_hash_hex(job->identity, hex);
    cr_buf_init(&out, (size_t)1 << 30);
    enum cr_status status =
        all == NULL ? CR_E_MEMORY
                    : cr_json_parse(job->resolved, strlen(job->resolved),
                                    (struct cr_json_limits){(size_t)1 << 30, 256},
                                    &resolved, NULL);
    status = status == CR_OK ? cr_json_put(all, "job", resolved) : status;
    status = status == CR_OK ? cr_json_put(all, "job_hash", cr_json_new_string(hex))
                             : status;
    status = status == CR_OK ? add_cells(all, job) : status;
    status = status == CR_OK ? add_numbers(all, planning) : status;
    status = status == CR_OK ? add_amount(all, "at_least", &e->low) : status;
    status = status == CR_OK ? add_amount(all, "expected", &e->expected) : status;
    status = status == CR_OK ? add_amount(all, "at_most", &e->high) : status;
    status = status == CR_OK
                 ? cr_json_put(all, "simulated", cr_json_new_bool(job->is_simulated))
                 : status;
    status = status == CR_OK ? cr_json_print(all, true, &out) : status;
    if (status == CR_OK) {
        puts(out.data);
    }
    cr_buf_fini(&out);
    cr_json_free(all);
    return status;
}

static enum cr_status print(const struct planning *planning) {
    if (planning->is_json) {
        return print_json(planning);
    }
    puts(planning->job->resolved);
    print_cells(planning);
    print_counts(planning);
    print_costs(&planning->estimate);
    print_budget(planning);
    print_notes(planning);
    return CR_OK;
}

static int plan_job(struct planning *planning) {
    struct cr_err err = {0};
    cr_buf_init(&planning->bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = make(planning, &err);
    if (status == CR_OK) {
        status = print(planning);
    }
    int code = status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
    cr_like_fini(&planning->like);
    cr_plan_destroy(planning->plan);
    cr_job_destroy(planning->job);
    cr_buf_fini(&planning->bundle);
    return code;
}

static int run(int argc, char **argv) {
    struct planning planning = {0};
    struct cr_args args;
    int key;
    planning.request.sets = planning.sets;
    planning.request.shards = 1;
    cr_args_init(&args, &cr_command_plan, argc, argv);
    while ((key = cr_args_next(&args)) >= 0) {
        if (!take_option(&args, key, &planning)) {
            return CR_EXIT_USAGE;
        }
    }
    if (key != CR_ARGS_END) {
        return cr_args_exit(key);
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    planning.request.job_path = args.operands[0];
    return plan_job(&planning);
}

const struct cr_command cr_command_plan = {
    .name = "plan",
    .usage =
        "JOB [--set PATH=VALUE]... [--limit N] [--shard I/N] [--like DIR] [--json]",
    .summary = "check a job, expand it and count what it costs; no call is made",
    .description =
        "Reads the job file, its prompts and its benchmark files, reports every "
        "mistake "
        "with its place, and prints the whole job as it was understood, its cells, and "
        "bounds on calls, tokens and dollars.\n\n"
        "Tokens are counted on dry runs: some propositions of each configuration are "
        "played with made-up replies, and every prompt that would be sent is measured, "
        "at "
        "four bytes a token.",
    .options = options,
    .terms = terms,
    .run = run,
};
