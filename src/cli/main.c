// main.c - finds the command and exits with its code. Nothing else in credence exits.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/screen.h"
#include "credence/base/mem.h"

// A standard stream that was closed would give its number to the first file that is
// opened, and what is printed would go into that file. Each is opened the wrong way
// round, so that using it fails as on a closed one.
static bool open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", mode) != fd) {
            return false;
        }
    }
    return true;
}

static int unknown_command(const char *name) {
    const struct cr_screen screen = cr_screen_make(stderr);
    const char *nearest = cr_command_nearest(name);
    cr_screen_printf(&screen, "credence: unknown command '%s'%s%s%s\n", name,
                     nearest != NULL ? "; did you mean '" : "",
                     nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    fputs("credence: 'credence help' lists the commands\n", stderr);
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
    if (command == NULL) {
        return unknown_command(name);
    }
    const int code = command->run(argc - 1, argv + 1);
    // A run counts what it could not do; all others answer, and half of an answer looks
    // like one.
    if (code == CR_EXIT_COMPLETE && cr_mem_has_failed() && strcmp(name, "run") != 0) {
        fputs("credence: out of memory: what was printed lacks something; try again "
              "with more\n",
              stderr);
        return CR_EXIT_ERROR;
    }
    return code;
}

void cr_exit_at_once(int code) {
    (void)fflush(NULL);
    _exit(code);
}

int main(int argc, char **argv) {
    if (!open_standard_streams()) {
        _exit(CR_EXIT_ERROR);
    }
    int code = dispatch(argc, argv);
    // Results that did not reach their reader must not look complete.
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CR_EXIT_COMPLETE) {
        fprintf(stderr, "credence: cannot write to standard output: %s\n",
                strerror(errno));
        code = CR_EXIT_ERROR;
    }
    exit(code);
}
