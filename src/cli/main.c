// main.c - finds the command and exits with its code. Nothing else in credence exits.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

static int unknown_command(const char *name) {
    const char *nearest = cr_command_nearest(name);
    fprintf(stderr, "credence: there is no command '%s'", name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean '%s'?", nearest);
    }
    fputs("\ncredence: 'credence help' lists the commands\n", stderr);
    return CR_EXIT_USAGE;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        cr_help_all(stderr);
        return CR_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        name = "version";
    }
    const struct cr_command *command = cr_command_find(name);
    return command == NULL ? unknown_command(name) : command->run(argc - 1, argv + 1);
}

void cr_exit_at_once(int code) {
    (void)fflush(NULL);
    _exit(code);
}

int main(int argc, char **argv) {
    int code = dispatch(argc, argv);
    // Results that did not reach their reader must not look complete.
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CR_EXIT_COMPLETE) {
        fprintf(stderr, "credence: cannot write to standard output: %s\n",
                strerror(errno));
        code = CR_EXIT_ERROR;
    }
    exit(code);
}
