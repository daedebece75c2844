// args.c - command lines, by getopt_long over the command's own table of options.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/screen.h"
#include "credence/base/text.h"

void cr_args_init(struct cr_args *args, const struct cr_command *command, int argc,
                  char **argv) {
    *args = (struct cr_args){.command = command, .argc = argc, .argv = argv};
    optind = 0; // glibc: start afresh, and permute
    opterr = 0;
}

static size_t options_len(const struct cr_command *command) {
    size_t len = 0;
    while (command->options != NULL && command->options[len].name != NULL) {
        len++;
    }
    return len;
}

// The two forms that getopt_long wants. SHORT_FORM holds ":h" and at most two
// characters an option.
static void make_forms(const struct cr_command *command, struct option *long_form,
                       char *short_form) {
    size_t len = options_len(command), at = 0;
    short_form[at++] = ':'; // tell a missing value from an unknown option
    for (size_t i = 0; i < len; i++) {
        const struct cr_option *option = &command->options[i];
        int takes = option->value == NULL ? no_argument : required_argument;
        long_form[i] = (struct option){option->name, takes, NULL, option->key};
        if (option->key > 255 || !isalnum(option->key)) {
            continue;
        }
        short_form[at++] = (char)option->key;
        if (option->value != NULL) {
            short_form[at++] = ':';
        }
    }
    long_form[len] = (struct option){"help", no_argument, NULL, CR_ARGS_HELP};
    long_form[len + 1] = (struct option){0};
    short_form[at++] = 'h';
    short_form[at] = '\0';
}

static void complain_unknown(const struct cr_command *command, const char *word) {
    const char *names[CR_OPTIONS_OF_COMMAND_MAX + 1];
    size_t len = options_len(command), shown = 0;
    for (size_t i = 0; i < len; i++) {
        if (command->options[i].help != NULL) {
            names[shown++] = command->options[i].name;
        }
    }
    names[shown++] = "help";
    char plain[64];
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(word, "="), word);
    const char *nearest =
        strncmp(plain, "--", 2) == 0 ? cr_text_nearest(plain + 2, names, shown) : NULL;
    if (nearest != NULL) {
        cr_command_usage_error(command, "unknown option '%s'; did you mean '--%s'?",
                               plain, nearest);
    } else {
        cr_command_usage_error(command, "unknown option '%s'", plain);
    }
}

int cr_args_next(struct cr_args *args) {
    struct option long_form[CR_OPTIONS_OF_COMMAND_MAX + 2];
    char short_form[2 * CR_OPTIONS_OF_COMMAND_MAX + 4];
    make_forms(args->command, long_form, short_form);
    int before = optind > 0 ? optind : 1;
    int key = getopt_long(args->argc, args->argv, short_form, long_form, NULL);
    args->value = optarg;
    if (key == -1) {
        args->operands = args->argv + optind;
        args->operands_len = (size_t)(args->argc - optind);
        return CR_ARGS_END;
    }
    if (key == 'h' || key == CR_ARGS_HELP) {
        cr_help_command(stdout, args->command);
        return CR_ARGS_HELP;
    }
    if (key != '?' && key != ':') {
        return key;
    }
    // optind has passed the word only when the word ended with it.
    const char *word = args->argv[optind > before ? optind - 1 : optind];
    if (key == ':') {
        cr_command_usage_error(args->command, "option '%s' needs a value", word);
    } else {
        complain_unknown(args->command, word);
    }
    return CR_ARGS_BAD;
}

int cr_args_exit(int key) {
    return key == CR_ARGS_HELP ? CR_EXIT_COMPLETE : CR_EXIT_USAGE;
}

bool cr_args_want(const struct cr_args *args, size_t min, size_t max) {
    if (args->operands_len < min) {
        cr_command_usage_error(args->command, "%s", "an argument is missing");
    } else if (args->operands_len > max) {
        cr_command_usage_error(args->command, "unexpected argument '%s'",
                               args->operands[max]);
    } else {
        return true;
    }
    return false;
}

// The digits from TEXT to END, all of them, as a number.
static bool read_u32(const char *text, const char *end, uint32_t *out) {
    char *after = NULL;
    errno = 0;
    const unsigned long number = strtoul(text, &after, 10);
    if (!isdigit((unsigned char)*text) || after != end || errno != 0 ||
        number > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

bool cr_args_shard(const struct cr_args *args, uint32_t *shard, uint32_t *shards) {
    const char *parts_at = strchr(args->value, '/');
    uint32_t part = 0, parts = 0;
    if (parts_at == NULL || !read_u32(args->value, parts_at, &part) ||
        !read_u32(parts_at + 1, args->value + strlen(args->value), &parts) ||
        part < 1 || part > parts) {
        cr_command_usage_error(
            args->command,
            "--shard expects I/N with I from 1 to N, as in 3/8, not '%s'", args->value);
        return false;
    }
    *shard = part - 1;
    *shards = parts;
    return true;
}

bool cr_args_add(const struct cr_args *args, const char *option, size_t max,
                 const char **list, size_t *len) {
    if (*len == max) {
        cr_command_usage_error(args->command, "more than %zu --%s options", max,
                               option);
        return false;
    }
    list[(*len)++] = args->value;
    return true;
}

bool cr_args_u64(const struct cr_args *args, const char *option, unsigned long long min,
                 unsigned long long max, unsigned long long *out) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(args->value, &end, 10);
    if (!isdigit((unsigned char)args->value[0]) || *end != '\0' || errno != 0 ||
        value < min || value > max) {
        cr_command_usage_error(
            args->command, "--%s expects a whole number from %llu to %llu, not '%s'",
            option, min, max, args->value);
        return false;
    }
    *out = value;
    return true;
}

int cr_command_usage_error(const struct cr_command *command, const char *fmt, ...) {
    const struct cr_screen screen = cr_screen_make(stderr);
    struct cr_err err = {0};
    va_list list;
    va_start(list, fmt);
    vsnprintf(err.text, sizeof err.text, fmt, list);
    va_end(list);
    cr_screen_printf(&screen, "credence %s: %s\nusage: credence %s%s%s\n",
                     command->name, err.text, command->name,
                     command->usage[0] == '\0' ? "" : " ", command->usage);
    return CR_EXIT_USAGE;
}

int cr_exit_error(enum cr_status status, const struct cr_err *err) {
    const char *text =
        err != NULL && err->text[0] != '\0' ? err->text : cr_status_text(status);
    // A message may quote a server or a model: nothing of it may drive the terminal.
    // Out of memory is a message too, so nothing is allocated.
    char shown[2 * CR_ERR_TEXT_MAX];
    cr_text_put_terminal(shown, sizeof shown, text, strlen(text));
    fprintf(stderr, "credence: %s\n", shown);
    return (int)cr_status_exit(status);
}
