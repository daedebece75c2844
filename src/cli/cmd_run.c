// cmd_run.c - `credence run` and `credence rebuild`.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "credence/analyze/analysis.h"
#include "credence/base/mem.h"
#include "credence/run/run.h"

enum { SETS_MAX = 256, LIVE_MAX = 65536 }; // --set options, and --live
enum { INSTRUMENT_BYTES_MAX = 1 << 16 };

enum {
    OPTION_SHARD = 256,
    OPTION_FRESH,
    OPTION_SYNC,
    OPTION_GRACE,
    OPTION_HEARTBEAT,
    OPTION_LIVE,
    OPTION_SET,
    OPTION_LIMIT,
    OPTION_LOG,
    OPTION_MAX_FAILED,
    OPTION_ACCEPT_LOSS
};

static const struct cr_option run_options[] = {
    {'o', "output", "DIR", "the run directory (default runs/NAME)"},
    {OPTION_SET, "set", "PATH=VALUE", "change the job: --set cell.stop.threshold=0.1"},
    {OPTION_LIMIT, "limit", "N", "the first N items of each benchmark"},
    {OPTION_SHARD, "shard", "I/N", "part I of N (from 1) of the work, for job arrays"},
    {OPTION_FRESH, "fresh", NULL,
     "move an existing run directory aside and start over"},
    {'q', "quiet", NULL, "no progress, only warnings and errors"},
    {OPTION_LIVE, "live", "N",
     "markets open at once on a rank (default: from the limits)"},
    {OPTION_GRACE, "grace", "S",
     "seconds to wait for calls in flight when stopping (30)"},
    {OPTION_HEARTBEAT, "heartbeat", "S",
     "seconds without a heartbeat before a rank is given up (30)"},
    {OPTION_MAX_FAILED, "max-failed", "N|P%",
     "stop when more episodes fail (5% after 100; 100%: never)"},
    {OPTION_ACCEPT_LOSS, "accept-loss", NULL,
     "go on although recorded calls are missing; they are asked again"},
    {OPTION_SYNC, "sync-ms", "MS",
     "how long a reply may stay unsynced on the tape (1000)"},
    {OPTION_LOG, "log", "MODULE,...",
     "for developers: run, message, limits, model, server, store or all, as CREDENCE_LOG"},
    {0, NULL, NULL, NULL},
};

static const struct cr_option rebuild_options[] = {
    {'q', "quiet", NULL, "only warnings and errors"},
    {OPTION_LOG, "log", "MODULE,...",
     "for developers: run, message, limits, model, server, store or all, as CREDENCE_LOG"},
    {0, NULL, NULL, NULL},
};

static struct cr_run_options defaults(void) {
    return (struct cr_run_options){
        .shards = 1,
        .sync_ms = 1000,
        .grace_ms = 30000,
        .lost_ms = 30000,
        .max_failed_share = 0.05,
        .version = cr_build_version(),
        .revision = cr_build_revision(),
    };
}

// What CREDENCE_LOG asks for; --log replaces it.
static bool take_modules(const struct cr_args *args, const char *list,
                         unsigned *modules) {
    struct cr_err err = {0};
    if (cr_log_modules(list, modules, &err) == CR_OK) {
        return true;
    }
    cr_command_usage_error(args->command, "%s", err.text);
    return false;
}

// The last line of a run: whether its prices measure the model. The results are whole
// without it, so what hinders it is said, and changes no exit code.
static void tell_instrument(char *dir, struct cr_log *log) {
    struct cr_buf text;
    struct cr_err err = {0};
    bool is_bad = false;
    cr_buf_init(&text, INSTRUMENT_BYTES_MAX);
    const enum cr_status status = cr_analysis_instrument(dir, &text, &is_bad, &err);
    if (status != CR_OK) {
        cr_log_write(log, CR_LOG_WARN, "the prices could not be looked at: %s",
                     err.text);
    } else if (text.used_bytes > 0) {
        cr_log_write(log, is_bad ? CR_LOG_WARN : CR_LOG_INFO, "%s", text.data);
    }
    cr_buf_fini(&text);
}

static int execute(const struct cr_run_options *options) {
    struct cr_log log = {
        .file = stderr,
        .level = options->is_quiet ? CR_LOG_WARN : CR_LOG_INFO,
        .rank = -1,
        .modules = options->log_modules,
    };
    struct cr_run_outcome outcome = cr_run_execute(options, &log);
    if (outcome.dir != NULL) {
        tell_instrument(outcome.dir, &log);
    }
    cr_free(outcome.dir);
    if (outcome.must_exit) {
        cr_exit_at_once((int)outcome.code);
    }
    return (int)outcome.code;
}

static bool seconds(const struct cr_args *args, const char *option, int64_t *out_ms) {
    char *end;
    const double s = strtod(args->value, &end);
    if (*end != '\0' || end == args->value || !(s >= 0) || s > 1e6) {
        cr_command_usage_error(args->command,
                               "--%s expects a number of seconds, not '%s'", option,
                               args->value);
        return false;
    }
    *out_ms = (int64_t)llround(s * 1000);
    return true;
}

// "5%", or a number of episodes.
static bool max_failed(const struct cr_args *args, struct cr_run_options *options) {
    char *end;
    const double value = strtod(args->value, &end);
    const bool is_share = strcmp(end, "%") == 0;
    const bool is_count = *end == '\0' && value == floor(value) && value >= 1;
    if (end == args->value || !(value >= 0) || value > (is_share ? 100 : 1e15) ||
        (!is_share && !is_count)) {
        cr_command_usage_error(args->command,
                               "--max-failed expects a number of episodes from 1, or a "
                               "share as in 5%%, not '%s'",
                               args->value);
        return false;
    }
    options->max_failed_share = is_share ? value / 100 : 1;
    options->max_failed = is_share ? 0 : (uint64_t)value;
    return true;
}

static bool number(const struct cr_args *args, const char *option,
                   unsigned long long most, unsigned long long *out) {
    return cr_args_u64(args, option, 0, most, out);
}

static bool take_number(const struct cr_args *args, int key,
                        struct cr_run_options *options) {
    unsigned long long value = 0;
    switch (key) {
    case OPTION_LIMIT:
        if (!cr_args_u64(args, "limit", 1, 1ULL << 40, &value)) {
            return false;
        }
        options->limit = value;
        return true;
    case OPTION_LIVE:
        if (!cr_args_u64(args, "live", 1, LIVE_MAX, &value)) {
            return false;
        }
        options->live = (uint32_t)value;
        return true;
    case OPTION_SYNC:
        if (!number(args, "sync-ms", 3600000, &value)) {
            return false;
        }
        options->sync_ms = (int64_t)value;
        return true;
    default:
        return false;
    }
}

static bool take(const struct cr_args *args, int key, struct cr_run_options *options,
                 const char **sets) {
    switch (key) {
    case 'o':
        options->dir = args->value;
        return true;
    case 'q':
        options->is_quiet = true;
        return true;
    case OPTION_FRESH:
        options->fresh = true;
        return true;
    case OPTION_SET:
        return cr_args_add(args, "set", SETS_MAX, sets, &options->sets_len);
    case OPTION_SHARD:
        return cr_args_shard(args, &options->shard, &options->shards);
    case OPTION_GRACE:
        return seconds(args, "grace", &options->grace_ms);
    case OPTION_HEARTBEAT:
        return seconds(args, "heartbeat", &options->lost_ms);
    case OPTION_ACCEPT_LOSS:
        options->accepts_loss = true;
        return true;
    case OPTION_MAX_FAILED:
        return max_failed(args, options);
    case OPTION_LOG:
        return take_modules(args, args->value, &options->log_modules);
    default:
        return take_number(args, key, options);
    }
}

static int run_run(int argc, char **argv) {
    const char *sets[SETS_MAX];
    struct cr_run_options options = defaults();
    struct cr_args args;
    int key;
    cr_args_init(&args, &cr_command_run, argc, argv);
    if (!take_modules(&args, getenv("CREDENCE_LOG"), &options.log_modules)) {
        return CR_EXIT_USAGE;
    }
    while ((key = cr_args_next(&args)) >= 0) {
        if (!take(&args, key, &options, sets)) {
            return CR_EXIT_USAGE;
        }
    }
    if (key != CR_ARGS_END) {
        return cr_args_exit(key);
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    options.job_path = args.operands[0];
    options.sets = sets;
    return execute(&options);
}

static int rebuild_run(int argc, char **argv) {
    struct cr_run_options options = defaults();
    struct cr_args args;
    int key;
    cr_args_init(&args, &cr_command_rebuild, argc, argv);
    if (!take_modules(&args, getenv("CREDENCE_LOG"), &options.log_modules)) {
        return CR_EXIT_USAGE;
    }
    while ((key = cr_args_next(&args)) >= 0) {
        if (!take(&args, key, &options, NULL)) {
            return CR_EXIT_USAGE;
        }
    }
    if (key != CR_ARGS_END) {
        return cr_args_exit(key);
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    options.dir = args.operands[0];
    return execute(&options);
}

const struct cr_command cr_command_run = {
    .name = "run",
    .usage = "JOB [-o DIR] [--set PATH=VALUE]... [--limit N] [--shard I/N] [--fresh]",
    .summary = "run a job, or resume it",
    .description =
        "Works alone, under mpirun and under srun --mpi=pmix: rank 0 coordinates, the "
        "other ranks hold live markets. Running a job again into the same "
        "directory resumes it; nothing that was answered is asked twice.\n\n"
        "SIGTERM, SIGINT and SIGUSR1 stop it early: no new call starts, calls in "
        "flight are awaited, and the exit code is 75. A second signal stops it at once.\n\n"
        "To survive the loss of a rank, launch with mpirun --enable-recovery (Open MPI "
        "4.1) or mpirun --with-ft ulfm (Open MPI 5).",
    .options = run_options,
    .run = run_run,
};

const struct cr_command cr_command_rebuild = {
    .name = "rebuild",
    .usage = "DIR",
    .summary = "rebuild run.h5 from the tape",
    .description = "Makes no call: what is not on the tape stays pending. Exit code 75 "
                   "when the run was not finished.",
    .options = rebuild_options,
    .run = rebuild_run,
};
