// cmd_version.c - the versions of credence and its libraries.
#include <stdio.h>

#include "cli/command.h"
#include "credence/base/json.h"
#include "credence/cluster/cluster.h"
#include "credence/model/client.h"
#include "credence/store/run_file.h"
#include "credence_build.h" // made by version.cmake at each build

const char *cr_build_version(void) {
    return CREDENCE_VERSION;
}

const char *cr_build_revision(void) {
    return CREDENCE_REVISION;
}

static int version_run(int argc, char **argv) {
    struct cr_args args;
    cr_args_init(&args, &cr_command_version, argc, argv);
    int key = cr_args_next(&args);
    if (key != CR_ARGS_END) {
        return cr_args_exit(key);
    }
    if (!cr_args_want(&args, 0, 0)) {
        return CR_EXIT_USAGE;
    }
    printf("credence %s (%s)\n", cr_build_version(), cr_build_revision());
    printf("%s\nHDF5 %s\nlibcurl %s\ncJSON %s\n", cr_cluster_version(),
           cr_store_version(), cr_client_version(), cr_json_version());
    return CR_EXIT_COMPLETE;
}

const struct cr_command cr_command_version = {
    .name = "version",
    .usage = "",
    .summary = "print the versions of credence and its libraries",
    .run = version_run,
};
