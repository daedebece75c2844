// cmd_plan.c - `credence plan`: the job as it was understood, and what it will cost.
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/planning.h"
#include "credence/job/job_file.h"

enum {
    OPTION_SET = 256,
    OPTION_LIMIT,
    OPTION_SHARD,
    OPTION_LIKE,
    OPTION_DIFFERENCE,
    OPTION_FLIPS,
    OPTION_JSON,
    OPTION_FULL,
    OPTION_PROMPTS
};

static const struct cr_option options[] = {
    {OPTION_SET, "set", "PATH=VALUE", "change the job: --set cell.stop.threshold=0.1"},
    {OPTION_LIMIT, "limit", "N", "the first N items of each benchmark"},
    {OPTION_SHARD, "shard", "I/N", "part I of N (from 1) of the work"},
    {OPTION_LIKE, "like", "DIR",
     "expect such cells to cost what they did in this earlier run"},
    {OPTION_DIFFERENCE, "difference", "D",
     "a difference of accuracy worth finding: how many questions, or replicates, it "
     "needs (0.05)"},
    {OPTION_FLIPS, "flips", "SHARE",
     "assume that this share of judgments changes sides, whatever --like says (0.2)"},
    {OPTION_FULL, "full", NULL, "the whole job as it was understood, and every cell"},
    {OPTION_PROMPTS, "prompts", NULL,
     "the first messages of an episode of each configuration, as they will be sent"},
    {OPTION_JSON, "json", NULL, "all of it as one JSON object"},
    {0, NULL, NULL, NULL},
};

static const struct cr_definition terms[] = {
    {"cells", "", "points of the grid: each is a row of every table"},
    {"trajectories", "",
     "markets that are run; cells that differ only in their stop rule, or in a factor "
     "that their protocol does not use, share one"},
    {"episodes", "", "rows of run.h5: a cell's view of a trajectory"},
    {"at least", "",
     "every market stops at once, and replies are as short as they can be"},
    {"at most", "",
     "every market runs to its end, and replies fill max_tokens; repairs and retries "
     "come on top"},
    {"expected", "",
     "what the run named by --like spent on such cells; without one, halfway between "
     "the bounds with replies of 150 tokens"},
    {NULL, NULL, NULL},
};

static bool take_share(const struct cr_args *args, const char *option, double *out) {
    char *end = NULL;
    const double value = strtod(args->value, &end);
    if (end == args->value || *end != '\0' || !(value >= 0.0001 && value <= 1.0)) {
        cr_command_usage_error(&cr_command_plan,
                               "--%s %s: expected a number from 0.0001 to 1, such as "
                               "0.05 for five points",
                               option, args->value);
        return false;
    }
    *out = value;
    return true;
}

static bool take_option(const struct cr_args *args, int key,
                        struct cr_planning *planning) {
    unsigned long long limit = 0;
    switch (key) {
    case OPTION_SET:
        return cr_args_add(args, "set", CR_SETS_MAX, planning->sets,
                           &planning->request.sets_len);
    case OPTION_LIMIT:
        if (!cr_args_u64(args, "limit", 1, 1ULL << 40, &limit)) {
            return false;
        }
        planning->request.limit = limit;
        return true;
    case OPTION_SHARD:
        return cr_args_shard(args, &planning->request.shard, &planning->request.shards);
    case OPTION_LIKE:
        planning->like_dir = args->value;
        return true;
    case OPTION_DIFFERENCE:
        return take_share(args, "difference", &planning->wanted.difference);
    case OPTION_FLIPS:
        return take_share(args, "flips", &planning->wanted.flips);
    case OPTION_FULL:
        planning->is_full = true;
        return true;
    case OPTION_PROMPTS:
        planning->has_prompts = true;
        return true;
    default:
        planning->is_json = true;
        return true;
    }
}

static enum cr_status make(struct cr_planning *planning, struct cr_err *err) {
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
    if (status == CR_OK) {
        status = cr_power_make(planning->plan,
                               planning->like_dir == NULL ? NULL : &planning->like,
                               &planning->wanted, &planning->power, err);
    }
    return status;
}

static enum cr_status print(const struct cr_planning *planning) {
    const struct cr_screen screen = cr_screen_make(stdout);
    return planning->is_json ? cr_planning_json(planning, &screen)
                             : cr_planning_print(planning, &screen);
}

static int plan_job(struct cr_planning *planning) {
    struct cr_err err = {0};
    cr_buf_init(&planning->bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = make(planning, &err);
    if (status == CR_OK) {
        status = print(planning);
    }
    int code = status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
    cr_power_fini(&planning->power);
    cr_like_fini(&planning->like);
    cr_plan_destroy(planning->plan);
    cr_job_destroy(planning->job);
    cr_buf_fini(&planning->bundle);
    return code;
}

static int run(int argc, char **argv) {
    struct cr_planning planning = {0};
    struct cr_args args;
    int key;
    planning.request.sets = planning.sets;
    planning.request.shards = 1;
    planning.request.is_in_place = true;
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
        "JOB [--set PATH=VALUE]... [--limit N] [--shard I/N] [--like DIR] [--full] "
        "[--prompts] [--json]",
    .summary = "check a job and estimate what it costs; no call is made",
    .description =
        "Reads the job file, its prompts and its benchmark files, reports every mistake "
        "with its place, and prints what will be run and the bounds on calls, tokens "
        "and dollars.\n\n"
        "Tokens are counted on dry runs: some propositions of each configuration are "
        "played with made-up replies, and every prompt that would be sent is measured, "
        "at four bytes a token.",
    .options = options,
    .terms = terms,
    .run = run,
};
