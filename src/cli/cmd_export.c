// cmd_export.c - credence export: a run as plain tables.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/inspect_log.h"
#include "credence/base/buf.h"
#include "credence/store/export.h"
#include "credence/store/run_view.h"

enum { KEY_TO = 256, KEY_FORMAT, PATH_BYTES_MAX = 65536 };

static const struct cr_option options[] = {
    {KEY_TO, "to", "DIR", "the directory for the tables; made if missing"},
    {KEY_FORMAT, "format", "FORMAT", "tables (default) or inspect"},
    {0, NULL, NULL, NULL},
};

static bool take_format(const struct cr_args *args, bool *is_inspect) {
    *is_inspect = strcmp(args->value, "inspect") == 0;
    if (*is_inspect || strcmp(args->value, "tables") == 0) {
        return true;
    }
    cr_command_usage_error(args->command,
                           "--format expects tables or inspect, not '%s'", args->value);
    return false;
}

static enum cr_status write_tables(const char *path, const char *to,
                                   struct cr_err *err) {
    struct cr_buf file;
    cr_buf_init(&file, PATH_BYTES_MAX);
    enum cr_status status = cr_run_view_path(path, &file);
    if (status == CR_OK) {
        status = cr_export(file.data, to, err);
    }
    cr_buf_fini(&file);
    return status;
}

static int run(int argc, char **argv) {
    struct cr_args args;
    const char *to = NULL;
    bool is_inspect = false;
    int key;
    cr_args_init(&args, &cr_command_export, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        if (key == KEY_TO) {
            to = args.value;
        } else if (!take_format(&args, &is_inspect)) {
            return CR_EXIT_USAGE;
        }
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    if (to == NULL) {
        return cr_command_usage_error(&cr_command_export, "--to DIR is missing");
    }
    struct cr_err err = {0};
    const enum cr_status status = is_inspect
                                      ? cr_inspect_export(args.operands[0], to, &err)
                                      : write_tables(args.operands[0], to, &err);
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

const struct cr_command cr_command_export = {
    .name = "export",
    .usage = "DIR|FILE --to DIR [--format FORMAT]",
    .summary = "write a run as CSV and JSONL tables, or as logs of Inspect",
    .description =
        "Writes episodes, prices, propositions, cells and calls as CSV and as JSON "
        "lines, under the names they have in run.h5, and job.json. Missing values are "
        "empty in CSV and null in JSON. A text that a spreadsheet would take for a "
        "formula (it begins with = + - @) gets an apostrophe in front in CSV.\n"
        "\n"
        "With --format inspect: one JSON log a cell for Inspect (inspect.aisi.org.uk), "
        "one sample a market with its conversation and two scores, opening and final.",
    .options = options,
    .run = run,
};
