// cmd_merge.c - credence merge: the shards of one job into one file.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "credence/base/buf.h"
#include "credence/base/mem.h"
#include "credence/store/merge.h"
#include "credence/store/run_view.h"

static const struct cr_option options[] = {
    {'o', "output", "FILE", "the merged file; an existing one is replaced"},
    {0, NULL, NULL, NULL},
};

enum { PATH_BYTES_MAX = 65536 };

// OUT[i] is the run file of PATH[i], which may be a run directory; freed by the caller.
static enum cr_status name_files(char **path, size_t len, char **out) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < len && status == CR_OK; i++) {
        struct cr_buf file;
        cr_buf_init(&file, PATH_BYTES_MAX);
        status = cr_run_view_path(path[i], &file);
        if (status == CR_OK) {
            out[i] = cr_buf_take(&file);
        }
        cr_buf_fini(&file);
    }
    return status;
}

static int report(const char *output, const struct cr_merge_report *merged) {
    printf("%s: %" PRIu64 " episodes, %" PRIu64 " done, %" PRIu64 " invalid, %" PRIu64
           " failed, %" PRIu64 " pending\n",
           output, merged->episodes, merged->done, merged->invalid, merged->failed,
           merged->pending);
    if (merged->pending > 0) {
        fprintf(stderr, "credence: still pending: episodes %s\n", merged->missing);
        return CR_EXIT_STOPPED;
    }
    return merged->failed > 0 ? CR_EXIT_FAILED : CR_EXIT_COMPLETE;
}

static int run(int argc, char **argv) {
    struct cr_args args;
    const char *output = NULL;
    int key;
    cr_args_init(&args, &cr_command_merge, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        output = args.value;
    }
    if (!cr_args_want(&args, 1, SIZE_MAX)) {
        return CR_EXIT_USAGE;
    }
    if (output == NULL) {
        return cr_command_usage_error(&cr_command_merge, "-o FILE is missing");
    }
    struct cr_err err = {0};
    struct cr_merge_report merged = {0};
    char **file = cr_calloc(args.operands_len, sizeof *file);
    enum cr_status status =
        file == NULL ? CR_E_MEMORY : name_files(args.operands, args.operands_len, file);
    if (status == CR_OK) {
        status = cr_merge((const char *const *)file, args.operands_len, output, &merged,
                          &err);
    }
    for (size_t i = 0; file != NULL && i < args.operands_len; i++) {
        cr_free(file[i]);
    }
    cr_free(file);
    return status == CR_OK ? report(output, &merged) : cr_exit_error(status, &err);
}

const struct cr_command cr_command_merge = {
    .name = "merge",
    .usage = "-o FILE DIR|FILE...",
    .summary = "merge the shards of one job into one file",
    .description =
        "Joins the files of a job's shards into the file that one run would have made. "
        "Exit code 75 when some episodes are pending in all of them.",
    .options = options,
    .run = run,
};
