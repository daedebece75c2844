// cmd_help.c - credence help, and bash's completion, written from the tables of commands
// and options.
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

// What bash offers for a value: files, directories, or nothing that it could know.
static const char *action_of(const char *value) {
    return strstr(value, "DIR") != NULL    ? "-d"
           : strstr(value, "FILE") != NULL ? "-f"
                                           : NULL;
}

static void print_options(FILE *out, const struct cr_command *command) {
    fprintf(out, "        words='");
    for (const struct cr_option *o = command->options; o != NULL && o->name != NULL;
         o++) {
        if (o->help != NULL) {
            fprintf(out, "--%s ", o->name);
        }
    }
    fprintf(out, "--help'\n");
}

// The options that take a value: behind them stands that value and no option.
static void print_values(FILE *out, const struct cr_command *command) {
    fprintf(out, "        case $previous in\n");
    for (const struct cr_option *o = command->options; o != NULL && o->name != NULL;
         o++) {
        if (o->help == NULL || o->value == NULL) {
            continue;
        }
        const char *action = action_of(o->value);
        fprintf(out, "        ");
        if (o->key < 256) {
            fprintf(out, "-%c|", o->key);
        }
        fprintf(out, "--%s) ", o->name);
        if (action != NULL) {
            fprintf(out, "mapfile -t COMPREPLY < <(compgen %s -- \"$current\"); ",
                    action);
        }
        fprintf(out, "return ;;\n");
    }
    fprintf(out, "        esac ;;\n");
}

static void print_completion(FILE *out) {
    fputs("# bash completion for credence: made from its tables of commands.\n"
          "_credence() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]}\n"
          "    local previous=${COMP_WORDS[COMP_CWORD-1]} words\n"
          "    local commands='",
          out);
    for (size_t i = 0; i < cr_command_count(); i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", cr_command_at(i)->name);
    }
    fputs(
        "'\n    COMPREPLY=()\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\")\n"
        "        return\n"
        "    fi\n"
        "    case ${COMP_WORDS[1]} in\n"
        "    help) mapfile -t COMPREPLY < <(compgen -W \"$commands job data\" -- \"$current\")\n"
        "        return ;;\n",
        out);
    for (size_t i = 0; i < cr_command_count(); i++) {
        const struct cr_command *command = cr_command_at(i);
        if (strcmp(command->name, "help") != 0) {
            fprintf(out, "    %s)\n", command->name);
            print_options(out, command);
            print_values(out, command);
        }
    }
    fputs("    *) return ;;\n"
          "    esac\n"
          "    if [[ $current == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "    else\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "    fi\n"
          "}\n"
          "complete -o filenames -F _credence credence\n",
          out);
}

enum { KEY_MAN = 256, KEY_COMPLETION };
static const struct cr_option options[] = {
    {KEY_MAN, "man", NULL, NULL},
    {KEY_COMPLETION, "completion", NULL, NULL},
    {0, NULL, NULL, NULL},
};

static int run(int argc, char **argv) {
    struct cr_args args;
    cr_args_init(&args, &cr_command_help, argc, argv);
    int key;
    int sheet = 0; // the man page or the completion script, rather than help
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        sheet = key;
    }
    if (!cr_args_want(&args, 0, 1)) {
        return CR_EXIT_USAGE;
    }
    if (sheet != 0) {
        (sheet == KEY_MAN ? cr_help_man : print_completion)(stdout);
        return CR_EXIT_COMPLETE;
    }
    if (args.operands_len == 0) {
        cr_help_all(stdout);
        return CR_EXIT_COMPLETE;
    }
    if (cr_help_topic(stdout, args.operands[0])) {
        return CR_EXIT_COMPLETE;
    }
    const struct cr_command *command = cr_command_find(args.operands[0]);
    if (command == NULL) {
        const char *nearest = cr_command_nearest(args.operands[0]);
        return cr_command_usage_error(
            &cr_command_help, "unknown command '%s'%s%s%s", args.operands[0],
            nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "'?" : "");
    }
    cr_help_command(stdout, command);
    return CR_EXIT_COMPLETE;
}

const struct cr_command cr_command_help = {
    .name = "help",
    .usage = "[COMMAND|job|data]",
    .summary = "describe a command, the keys of a job file, or benchmark files",
    .options = options,
    .run = run,
};
