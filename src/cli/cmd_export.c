// cmd_export.c - credence export: a run as plain tables.
#include <stdio.h>

#include "cli/command.h"
#include "credence/base/buf.h"
#include "credence/store/export.h"
#include "credence/store/run_view.h"

enum { KEY_TO = 256, PATH_BYTES_MAX = 65536 };

static const struct cr_option options[] = {
    {KEY_TO, "to", "DIR", "the directory for the tables; made if missing"},
    {0, NULL, NULL, NULL},
};

static int run(int argc, char **argv) {
    struct cr_args args;
    const char *to = NULL;
    int key;
    cr_args_init(&args, &cr_command_export, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        to = args.value;
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    if (to == NULL) {
        return cr_command_usage_error(&cr_command_export, "--to DIR is missing");
    }
    struct cr_err err = {0};
    struct cr_buf file;
    cr_buf_init(&file, PATH_BYTES_MAX);
    enum cr_status status = cr_run_view_path(args.operands[0], &file);
    if (status == CR_OK) {
        status = cr_export(file.data, to, &err);
    }
    cr_buf_fini(&file);
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

const struct cr_command cr_command_export = {
    .name = "export",
    .usage = "DIR|FILE --to DIR",
    .summary = "write a run as CSV and JSONL tables",
    .description =
        "Writes episodes, prices, propositions, cells and calls as CSV and as JSON "
        "lines, under the names they have in run.h5, and job.json. Missing values are "
        "empty in CSV and null in JSON. A text that a spreadsheet would take for a "
        "formula (it begins with = + - @) gets an apostrophe in front in CSV.",
    .options = options,
    .run = run,
};
